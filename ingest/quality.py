"""What is odd about a reading. It is flagged and stored all the same; rules decide what to use. Pure: no I/O, no clock.

Some oddities show only against a device's past: `Quality` remembers a little of each device and probe, in tables of a
fixed size. Nothing here waits or looks anything up; a group is judged with a few operations on whole columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.readings import F64, I32, I64, WRONG_TIME, Bool, Flag
from domain.times import rfc3339, unit_advice

S_US = 1_000_000
DAY_US = 86_400 * S_US
FUTURE_US = 300 * S_US  # clock error we overlook
INACCURATE_M = 200.0
SENTINELS_C = (-127.0, 85.0, 850.0)  # DS18B20 unplugged and power-on, PT100 open
GPS_EPOCH_US = 315_964_800 * S_US  # 1980-01-06: no clock that was ever set says less
ROLLOVER_US = 1024 * 7 * DAY_US
ROLLOVER_LATE_US = 30 * DAY_US  # how old a reading may be besides

CLOCK_ERROR_S = FUTURE_US / S_US  # when the device's profile does not say
WINDOW_S, WINDOW_GROUPS = 600, 8  # a clock is judged by so long and so many groups of its readings, twice
STEADY_US = 30 * S_US  # two windows that differ by more tell of delays, not of a clock

FAR_DEG, NEAR_DEG = 2.0, 0.5  # from the last good fix
SWAPPED_MAX = 10  # in a row; then it is the device's way, or the last good fix was wrong

STUCK_US, STUCK_READINGS = 12 * 3600 * S_US, 24
MOVES_MIN = 20  # changes of value, before a probe is known to move at all
RANGE_READINGS, RANGE_LATE_US = 20, 3600 * S_US  # a probe's range is known from so many, and holds so long
OUTSIDE_C, INSIDE_C = 10.0, 1.0
FORGET = 0.02  # of the range's distance to the newest readings, with each group
WRONG_UNIT_MAX = 12  # in a row; then the probe really is elsewhere

_NOT_ITS_TIME = int(Flag.SERVER_TIME | Flag.HISTORICAL | Flag.ROLLOVER | Flag.CLOCK_UNSET)
_NO_FIX = int(Flag.NULL_ISLAND | Flag.INACCURATE)
_NO_VALUE = int(WRONG_TIME | Flag.SENTINEL)

SLOTS = 1 << 17  # devices, and probes, that are remembered


def rolled_over(time_us: I64, received_us: int) -> I64:
    """How many GPS weeks' rollovers (1024 weeks) a time is behind, 1 or 2; 0: it is not, or not by that.

    >>> now = 1_795_000_000_000_000
    >>> rolled_over(np.array([now, now - ROLLOVER_US, now - 2 * ROLLOVER_US - DAY_US, now - ROLLOVER_US // 2]), now)
    array([0, 1, 2, 0])
    """
    late_us = received_us - time_us
    turns = np.clip((late_us + DAY_US) // ROLLOVER_US, 0, 2)
    rest_us = late_us - turns * ROLLOVER_US
    return np.where((rest_us >= -DAY_US) & (rest_us <= ROLLOVER_LATE_US), turns, 0)


def clock_advice(time_us: int, received_us: int) -> str:
    """What a time that cannot be right tells about the device's clock, or about its unit, and what to do."""
    if advice := unit_advice(time_us / 1000, "milliseconds"):
        return advice
    if turns := int(rolled_over(np.array([time_us]), received_us)[0]):
        meant = rfc3339(time_us + turns * ROLLOVER_US)
        return f"{1024 * turns} weeks behind, a GPS week rollover: {rfc3339(time_us)} is most likely {meant}"
    if time_us < GPS_EPOCH_US:
        return "from before 1980: the device's clock was never set"
    return "set the device's clock"


class Memory:
    """Columns of numbers by entity, in so many `slots`, a power of two. Two that share one drive each other out."""

    def __init__(self, blank: Mapping[str, float], slots: int) -> None:
        self.blank = blank
        self._key = np.zeros(slots, np.int64)  # no key is 0, so that each slot is blanked before its first use
        self.columns: dict[str, NDArray[Any]] = {
            name: np.empty(slots, np.asarray(value).dtype) for name, value in blank.items()
        }

    def slots(self, key: I64) -> tuple[I64, Bool]:
        """Where these entities are remembered, and False where another of them has taken the slot."""
        slot = key & (len(self._key) - 1)
        new = self._key[slot] != key
        if new.any():
            for name, value in self.blank.items():
                self.columns[name][slot[new]] = value
            self._key[slot[new]] = key[new]
            return slot, self._key[slot] == key
        return slot, np.ones(len(key), np.bool_)


class Grouped(NamedTuple):
    """Rows sorted by entity and time."""

    row: I64
    first: I64
    """Of each entity, the place of its first row in `row`; its last one stands before the next one's first."""
    of: I64
    """Of each place its entity's number."""
    slot: I64
    """Of each entity."""

    @property
    def last(self) -> I64:
        """The place of each entity's last row."""
        return np.append(self.first[1:], len(self.row)) - 1


def grouped(memory: Memory, key: NDArray[np.integer[Any]], time_us: I64, usable: Bool) -> Grouped:
    """The usable rows by entity and time; rows of an entity that lost its slot are left out."""
    row = np.flatnonzero(usable)
    row = row[np.lexsort((time_us[row], key[row]))]
    sorted_key = key[row].astype(np.int64)
    start = np.ones(len(row), np.bool_)
    start[1:] = sorted_key[1:] != sorted_key[:-1]
    slot, mine = memory.slots(sorted_key[start])
    of = np.cumsum(start) - 1
    if not mine.all():
        keep = mine[of]
        row, start, slot = row[keep], start[keep], slot[mine]
        of = np.cumsum(start) - 1
    return Grouped(row, np.flatnonzero(start), of, slot)


class Readings(NamedTuple):
    """Columns of a group's readings of one stream, as measured."""

    stream: str
    device_id: I32
    time_us: I64
    received_us: int
    server_time: Bool
    flags: I32
    """What the sender's format has said already."""
    bad: Bool
    """Rows that will not be stored: they teach nothing."""
    columns: Mapping[str, NDArray[Any]]


class Quality:
    """Flags groups of readings, and remembers what is needed for the next. One for each ingest thread."""

    def __init__(self, clock_error_s: Callable[[int, int], float | None], slots: int = SLOTS) -> None:
        """`clock_error_s`: how far a device's clock may be off at a moment, if its profile says."""
        self._clock_error_s = clock_error_s
        far = float(np.iinfo(np.int64).max)
        self._clocks = Memory(
            {"least": far, "second": far, "groups": 0, "begun": 0, "before": np.nan, "skewed": 0}, slots
        )
        self._fixes = Memory({"time": -np.inf, "lat": np.nan, "lon": np.nan, "swapped": 0}, slots)
        self._probes = Memory(
            {"time": -np.inf, "value": np.nan, "since": 0, "equal": 0, "moves": 0, "lo": np.nan, "hi": np.nan,
             "readings": 0, "odd": 0}, slots
        )  # fmt: skip

    def flags(self, some: Readings) -> I32:
        """Flags of each row, with those it had."""
        flags = some.flags.copy()
        late_us = some.received_us - some.time_us
        flags[late_us < -FUTURE_US] |= Flag.FUTURE
        flags[some.server_time] |= Flag.SERVER_TIME
        if len(late_us) and late_us.max() > ROLLOVER_US - DAY_US:
            flags[rolled_over(some.time_us, some.received_us) > 0] |= Flag.ROLLOVER
            flags[some.time_us < GPS_EPOCH_US] |= Flag.CLOCK_UNSET
        if some.stream == "gps":
            self._positions(some, flags)
        elif some.stream == "temp":
            flags[np.isin(some.columns["temp_c"], SENTINELS_C)] |= Flag.SENTINEL
            self._temperatures(some, flags)
        self._skew(some, late_us, flags)
        return flags

    # ------------------------------------------------------------ clocks
    def _skew(self, some: Readings, late_us: I64, flags: I32) -> None:
        """A clock is off when the least delay of two windows in a row is the same, and too much either way.

        The second least counts, so that no single wrong time does; what is late for another reason is not the least.
        """
        own = np.flatnonzero(~some.bad & (flags & _NOT_ITS_TIME == 0))
        if not len(own):
            return
        device, delay_us = some.device_id[own].astype(np.int64), late_us[own]
        slot, mine = self._clocks.slots(device)
        if not mine.all():
            own, device, delay_us, slot = own[mine], device[mine], delay_us[mine], slot[mine]
        c = self._clocks.columns
        # Of several readings of a device the last counts: in a batch it is the newest, and one of each group will do.
        least = c["least"][slot]
        c["second"][slot] = np.minimum(c["second"][slot], np.maximum(least, delay_us))
        c["least"][slot] = np.minimum(least, delay_us)
        groups = c["groups"][slot]
        c["groups"][slot] = groups + 1
        if not groups.all():
            c["begun"][slot[groups == 0]] = some.received_us
        full = (groups + 1 >= WINDOW_GROUPS) & (some.received_us - c["begun"][slot] >= WINDOW_S * S_US)
        if full.any():
            devices, first = np.unique(device[full], return_index=True)
            self._judge(devices.tolist(), slot[full][first], some.received_us)
        skewed = c["skewed"][slot] != 0
        if skewed.any():
            flags[own[skewed]] |= Flag.CLOCK_SKEW

    def _judge(self, devices: list[int], at: I64, received_us: int) -> None:
        """Ends the windows of these devices."""
        c = self._clocks.columns
        now = c["second"][at]
        allowed_us = np.array([(self._clock_error_s(d, received_us) or CLOCK_ERROR_S) * S_US for d in devices])
        with np.errstate(invalid="ignore"):
            steady = np.abs(now - c["before"][at]) <= STEADY_US
        c["skewed"][at] = steady & (np.abs(now) > allowed_us)
        c["before"][at] = now
        for name in ("least", "second", "groups"):
            c[name][at] = self._clocks.blank[name]

    # ------------------------------------------------------------ positions
    def _positions(self, some: Readings, flags: I32) -> None:
        lat, lon = some.columns["lat"], some.columns["lon"]
        flags[(lat == 0) & (lon == 0)] |= Flag.NULL_ISLAND
        with np.errstate(invalid="ignore"):
            flags[some.columns["accuracy_m"] > INACCURATE_M] |= Flag.INACCURATE
        sound = ~some.bad & (flags & _NO_FIX == 0)
        g = grouped(self._fixes, some.device_id, some.time_us, sound)
        if not len(g.row):
            return
        c = self._fixes.columns
        y, x, t_us = lat[g.row], lon[g.row], some.time_us[g.row]
        before_y, before_x = np.roll(y, 1), np.roll(x, 1)
        before_y[g.first], before_x[g.first] = c["lat"][g.slot], c["lon"][g.slot]
        odd = np.zeros(len(g.first), np.bool_)
        odd[g.of[swapped(before_y, before_x, y, x)]] = True
        newest = g.last[~odd & (t_us[g.last] >= c["time"][g.slot])]
        at = g.slot[g.of[newest]]
        c["lat"][at], c["lon"][at], c["time"][at], c["swapped"][at] = y[newest], x[newest], t_us[newest], 0
        for each in np.flatnonzero(odd).tolist():  # rare
            self._walk(g, each, y, x, t_us, flags)

    def _walk(self, g: Grouped, entity: int, y: F64, x: F64, t_us: I64, flags: I32) -> None:
        """Row by row over a device's fixes: a swapped one is never the reference, unless there is no end of them."""
        c, at = self._fixes.columns, g.slot[entity]
        for place in range(int(g.first[entity]), int(g.last[entity]) + 1):
            if c["swapped"][at] < SWAPPED_MAX and swapped(c["lat"][at], c["lon"][at], y[place], x[place]):
                flags[g.row[place]] |= Flag.SWAPPED
                c["swapped"][at] += 1
            elif t_us[place] >= c["time"][at]:
                c["lat"][at], c["lon"][at], c["time"][at], c["swapped"][at] = y[place], x[place], t_us[place], 0

    # ------------------------------------------------------------ temperatures
    def _temperatures(self, some: Readings, flags: I32) -> None:
        """Flags probes that stand still, and values that would fit a probe's range in another unit."""
        sound = ~some.bad & (flags & _NO_VALUE == 0)
        probe, c = some.columns["probe_id"], self._probes.columns
        g = grouped(self._probes, probe, some.time_us, sound)
        if not len(g.row):
            return
        fresh = some.time_us[g.row] > c["time"][g.slot][g.of]
        if not fresh.all():  # late or repeated: the memory is past that
            sound = np.zeros(len(sound), np.bool_)
            sound[g.row[fresh]] = True
            g = grouped(self._probes, probe, some.time_us, sound)
            if not len(g.row):
                return
        t_us, temp_c = some.time_us[g.row], some.columns["temp_c"][g.row].astype(np.float64)
        flags[g.row[self._wrong_unit(g, t_us, temp_c)]] |= Flag.WRONG_UNIT
        flags[g.row[self._stuck(g, t_us, temp_c)]] |= Flag.STUCK
        c["time"][g.slot] = t_us[g.last]

    def _stuck(self, g: Grouped, t_us: I64, temp_c: F64) -> Bool:
        """The very same value, told finer than to half a degree, for hours and often, by a probe that used to move."""
        c = self._probes.columns
        place = np.arange(len(temp_c))
        before = np.roll(temp_c, 1)
        before[g.first] = c["value"][g.slot]
        moved = temp_c != before
        begin = moved.copy()
        begin[g.first] = True
        begin = np.maximum.accumulate(np.where(begin, place, 0))
        older = ~moved[begin]  # the run began in an earlier group
        since_us = np.where(older, c["since"][g.slot][g.of], t_us[begin])
        equal = place - begin + 1 + np.where(older, c["equal"][g.slot][g.of], 0)
        moves = np.cumsum(moved)
        moves = moves - (moves - moved)[g.first][g.of] + c["moves"][g.slot][g.of]
        last = g.last
        c["value"][g.slot], c["since"][g.slot] = temp_c[last], since_us[last]
        c["equal"][g.slot], c["moves"][g.slot] = equal[last], np.minimum(moves[last], 1_000_000)
        fine = temp_c * 2 != np.rint(temp_c * 2)
        stuck: Bool = fine & (equal >= STUCK_READINGS) & (t_us - since_us >= STUCK_US) & (moves >= MOVES_MIN)
        return stuck

    def _wrong_unit(self, g: Grouped, t_us: I64, temp_c: F64) -> Bool:
        """Far outside the probe's range of late, but within it as Fahrenheit, kelvin or whole tenths of a degree."""
        c = self._probes.columns
        lo, hi = c["lo"][g.slot], c["hi"][g.slot]
        ripe = (c["readings"][g.slot] >= RANGE_READINGS)[g.of] & (t_us - c["time"][g.slot][g.of] <= RANGE_LATE_US)
        low, high = lo[g.of], hi[g.of]
        with np.errstate(invalid="ignore"):
            wrong: Bool = ripe & ((temp_c < low - OUTSIDE_C) | (temp_c > high + OUTSIDE_C))
        if wrong.any():
            tenths = np.where(temp_c == np.rint(temp_c), temp_c / 10, np.nan)
            others = ((temp_c - 32) / 1.8, temp_c - 273.15, tenths)
            wrong &= np.any([(each >= low - INSIDE_C) & (each <= high + INSIDE_C) for each in others], axis=0)
        odd = np.add.reduceat(wrong, g.first, dtype=np.int64)
        count = g.last - g.first + 1
        run = np.where(odd == count, c["odd"][g.slot] + odd, 0)
        believed = run >= WRONG_UNIT_MAX
        keep = ~wrong | believed[g.of]
        least = np.minimum.reduceat(np.where(keep, temp_c, np.inf), g.first)
        most = np.maximum.reduceat(np.where(keep, temp_c, -np.inf), g.first)
        kept = np.isfinite(least)
        at, least, most, new = g.slot[kept], least[kept], most[kept], (np.isnan(lo) | believed)[kept]
        with np.errstate(invalid="ignore"):
            c["lo"][at] = np.where(new, least, np.minimum(least, lo[kept] + FORGET * (least - lo[kept])))
            c["hi"][at] = np.where(new, most, np.maximum(most, hi[kept] + FORGET * (most - hi[kept])))
        c["odd"][g.slot] = np.where(believed, 0, run)
        c["readings"][g.slot] = np.minimum(c["readings"][g.slot] + count - odd, 1_000_000)
        return wrong


def swapped(good_lat: F64, good_lon: F64, lat: F64, lon: F64) -> Bool:
    """Whether fixes are far from a good one and near it with their coordinates exchanged; unknown (NaN): False.

    >>> bool(swapped(60.2, 24.9, 24.91, 60.21)), bool(swapped(60.2, 24.9, 60.21, 24.91)), bool(swapped(8., 9., 9., 8.))
    (True, False, False)
    """
    near: Bool = np.abs(lon - good_lat) <= NEAR_DEG
    if not near.any():  # nearly always
        return near
    far = (np.abs(lat - good_lat) > FAR_DEG) | (_turn_deg(lon - good_lon) > FAR_DEG)
    return near & far & (_turn_deg(lat - good_lon) <= NEAR_DEG)


def _turn_deg(difference: F64) -> F64:
    """Size of a difference of longitudes, the short way round."""
    size: F64 = np.abs((difference + 180) % 360 - 180)
    return size
