"""A temperature profile from its JSON form and back. What is wrong is said with its part and what is wanted."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields
from functools import cache
from itertools import product
from typing import Any, NamedTuple, TypeGuard, TypeVar
from zoneinfo import available_timezones

from domain.cold_chain.profile import (
    AGGREGATIONS,
    BANDS_MAX,
    GAP_CHARGES,
    MODES,
    OPS,
    PHASES,
    PLACEMENTS,
    RESETS,
    SEVERITIES,
    Band,
    Mkt,
    Schedule,
    Suppression,
    TemperatureProfile,
    plain,
)

T = TypeVar("T", bound=str)
SECONDS_MAX = 3.2e7  # a year
INTERVAL_MAX_S = 604_800.0
DEGREES_MIN, DEGREES_MAX = -273.15, 1000.0
CLEAR_MAX_C = 50.0
ACCURACY_MAX_C = 20.0
DELTA_H_MAX = 1000.0
NAME_CHARS_MAX, TEXT_CHARS_MAX = 64, 300
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d\Z", re.ASCII)
_BAND, _MKT = Band("", ">", 0.0), Mkt(0.0, 1.0)
_SCHEDULE, _SUPPRESSION, _PROFILE = Schedule(), Suppression(), TemperatureProfile()
_SHORT = ("for_s", "hysteresis_c")


class ProfileError(ValueError):
    """A profile that cannot be used: which part, and what is wanted there."""

    def __init__(self, part: str, wanted: str) -> None:
        super().__init__(f"{part}: {wanted}" if part else wanted)
        self.part = part
        self.wanted = wanted


class Short(NamedTuple):
    """A profile as five numbers: the range, and how the first band at one of its ends counts, else the soonest."""

    low_c: float | None
    high_c: float | None
    for_s: float
    hysteresis_c: float
    max_interval_s: float


def profile_of(body: Any) -> TemperatureProfile:
    """A profile from its JSON form, whose keys are the fields; every key may be absent.

    Without `bands` there is one above `high_c` and one below `low_c`, of `for_s` and `hysteresis_c`.

    Raises:
        ProfileError: says which part and what is wanted.

    >>> profile_of({"high_c": 8, "for_s": 600}).bands[0].limit_c
    8.0
    """
    read = _Reader(body, "", [*_names(TemperatureProfile), *_SHORT])
    low_c, high_c = (_limit(read, key) for key in ("low_c", "high_c"))
    if low_c is not None and high_c is not None and low_c >= high_c:
        raise ProfileError("low_c", "not below high_c")
    bands = _bands(read, low_c, high_c)
    mkt = None if read.get("mkt") is None else _mkt(read.get("mkt"))
    if low_c is None and high_c is None and not bands and mkt is None:
        raise ProfileError("low_c, high_c", "at least one of them, or bands, or mkt")
    _fit(bands, low_c, high_c)
    return TemperatureProfile(
        low_c=low_c,
        high_c=high_c,
        bands=bands,
        mkt=mkt,
        max_interval_s=read.positive("max_interval_s", INTERVAL_MAX_S, _PROFILE.max_interval_s),
        accuracy_c=read.number("accuracy_c", 0, ACCURACY_MAX_C, _PROFILE.accuracy_c, "degrees"),
        accuracy_class=read.text("accuracy_class", NAME_CHARS_MAX),
        gap_charge=read.choice("gap_charge", GAP_CHARGES, _PROFILE.gap_charge),
        aggregation=read.choice("aggregation", AGGREGATIONS, _PROFILE.aggregation),
        coverage=read.number("coverage", 0, 1, _PROFILE.coverage, "a share"),
        suppress=_SUPPRESSION if read.get("suppress") is None else _suppression(read.get("suppress")),
        schedule=None if read.get("schedule") is None else _schedule(read.get("schedule")),
        tz=read.zone("tz", _PROFILE.tz),
        source=read.text("source", TEXT_CHARS_MAX),
        edition=read.text("edition", TEXT_CHARS_MAX),
    )


def body_of(profile: TemperatureProfile) -> dict[str, Any]:
    """The JSON form of a profile, with all keys: `profile_of` makes the same of it.

    >>> profile_of(body_of(plain(2.0, 8.0, 600.0, 0.3, 900.0))) == plain(2.0, 8.0, 600.0, 0.3, 900.0)
    True
    """
    found: dict[str, Any] = _listed(asdict(profile))
    return found


def short_of(profile: TemperatureProfile) -> Short:
    """The five numbers of a profile.

    >>> short_of(plain(2.0, None, 600.0, 0.5, 900.0))
    Short(low_c=2.0, high_c=None, for_s=600.0, hysteresis_c=0.5, max_interval_s=900.0)
    """
    ends = [band for band in profile.bands if band.limit_c == (profile.high_c if band.above else profile.low_c)]
    first = ends[0] if ends else min(profile.bands, key=lambda band: band.for_s, default=_BAND)
    return Short(profile.low_c, profile.high_c, first.for_s, first.clear_c, profile.max_interval_s)


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(each) for key, each in value.items()}
    return [_listed(each) for each in value] if isinstance(value, (list, tuple)) else value


def _bands(read: _Reader, low_c: float | None, high_c: float | None) -> tuple[Band, ...]:
    if read.get("bands") is None:
        for_s = read.number("for_s", 0, SECONDS_MAX, _BAND.for_s, "seconds")
        clear_c = read.number("hysteresis_c", 0, CLEAR_MAX_C, _BAND.clear_c, "degrees")
        return plain(low_c, high_c, for_s, clear_c, 1.0).bands
    for key in _SHORT:
        if read.get(key) is not None:
            raise ProfileError(key, f"not beside bands: each of them has its {key.replace('hysteresis', 'clear')}")
    given = read.items("bands", BANDS_MAX, "bands")
    found = tuple(_band(each, f"bands[{i}]") for i, each in enumerate(given))
    for i, band in enumerate(found):
        if band.name in {other.name for other in found[:i]}:
            raise ProfileError(f"bands[{i}].name", f"another than {band.name!r}, which a band before has")
    return found


def _band(given: Any, path: str) -> Band:
    read = _Reader(given, path, _names(Band))
    mode, reset = read.choice("mode", MODES, _BAND.mode), read.choice("reset", RESETS, _BAND.reset)
    if mode == "cumulative" and read.get("reset") is None:
        raise ProfileError(read.at("reset"), f"when the count begins anew: one of {', '.join(RESETS)}")
    if mode == "consecutive" and reset != "never":
        raise ProfileError(read.at("reset"), "never, as only a cumulative count is reset")
    reset_at = read.clock("reset_at", _BAND.reset_at)
    if reset != "daily" and reset_at != _BAND.reset_at:
        raise ProfileError(read.at("reset_at"), "left out, as only a daily reset has a time")
    window_s = None
    if reset == "rolling" or read.get("window_s") is not None:
        window_s = read.positive("window_s", SECONDS_MAX, None)
    if reset != "rolling" and window_s is not None:
        raise ProfileError(read.at("window_s"), "left out, as only a rolling count has a window")
    for_s = read.number("for_s", 0, SECONDS_MAX, _BAND.for_s, "seconds")
    if window_s is not None and for_s > window_s:
        raise ProfileError(read.at("for_s"), "at most window_s, or it is never reached")
    phases = read.items("phases", len(PHASES), "phases")
    return Band(
        name=read.text("name", NAME_CHARS_MAX, wanted=True),
        op=read.choice("op", OPS, None),
        limit_c=read.number("limit_c", DEGREES_MIN, DEGREES_MAX, None, "degrees"),
        for_s=for_s,
        mode=mode,
        reset=reset,
        reset_at=reset_at,
        window_s=window_s,
        severity=read.choice("severity", SEVERITIES, _BAND.severity),
        clear_c=read.number("clear_c", 0, CLEAR_MAX_C, _BAND.clear_c, "degrees"),
        phases=tuple(phase for phase in PHASES if phase in _among(phases, PHASES, read.at("phases"))),
    )


def _fit(bands: Sequence[Band], low_c: float | None, high_c: float | None) -> None:
    """Raises: a band in which all that is good is beyond, or two that leave nothing between them."""
    for i, band in enumerate(bands):
        if band.above and low_c is not None and band.limit_c <= low_c:
            raise ProfileError(f"bands[{i}].limit_c", "above low_c, or all that is in the range is beyond it")
        if not band.above and high_c is not None and band.limit_c >= high_c:
            raise ProfileError(f"bands[{i}].limit_c", "below high_c, or all that is in the range is beyond it")
    numbered = list(enumerate(bands))
    for (i, low), (_, high) in product(numbered, numbered):
        together = not low.phases or not high.phases or set(low.phases) & set(high.phases)
        if not low.above and high.above and together and low.limit_c >= high.limit_c:
            wanted = f"below {high.limit_c:g}, the limit of {high.name!r}, or nothing lies between them"
            raise ProfileError(f"bands[{i}].limit_c", wanted)


def _mkt(given: Any) -> Mkt:
    read = _Reader(given, "mkt", _names(Mkt))
    return Mkt(
        limit_c=read.number("limit_c", DEGREES_MIN, DEGREES_MAX, None, "degrees"),
        window_s=read.positive("window_s", SECONDS_MAX, None),
        placement=read.choice("placement", PLACEMENTS, _MKT.placement),
        delta_h_kj_per_mol=read.positive("delta_h_kj_per_mol", DELTA_H_MAX, _MKT.delta_h_kj_per_mol, "kJ/mol"),
    )


def _suppression(given: Any) -> Suppression:
    read = _Reader(given, "suppress", _names(Suppression))
    defrost_s = None
    if read.get("defrost_s") is not None:
        defrost_s = read.number("defrost_s", 0, SECONDS_MAX, None, "seconds")
    return Suppression(
        door_open=read.flag("door_open", default=_SUPPRESSION.door_open),
        defrost_s=defrost_s,
        precondition_s=read.number("precondition_s", 0, SECONDS_MAX, _SUPPRESSION.precondition_s, "seconds"),
        counts=read.flag("counts", default=_SUPPRESSION.counts),
    )


def _schedule(given: Any) -> Schedule:
    read = _Reader(given, "schedule", _names(Schedule))
    days: Collection[Any] = _SCHEDULE.days if read.get("days") is None else read.items("days", 7, "days")
    if not days or not all(type(day) is int and 1 <= day <= 7 for day in days) or len(set(days)) < len(days):
        raise ProfileError("schedule.days", "some of 1 Monday to 7 Sunday, each once")
    begins = read.clock("begins", _SCHEDULE.begins)
    ends = _SCHEDULE.ends if read.get("ends") in (None, _SCHEDULE.ends) else read.clock("ends", "")
    if begins == ends:
        raise ProfileError("schedule.ends", "another time than begins; 00:00 and 24:00 are a whole day")
    return Schedule(tuple(sorted(days)), begins, ends)


def _limit(read: _Reader, key: str) -> float | None:
    found = read.get(key)
    if found is None:
        return None
    if not _number(found) or not DEGREES_MIN <= found <= DEGREES_MAX:
        raise ProfileError("low_c, high_c", f"between {DEGREES_MIN:g} and {DEGREES_MAX:g} °C")
    return float(found)


def _among(given: Collection[Any], known: Collection[str], path: str) -> Collection[Any]:
    if not all(isinstance(each, str) and each in known for each in given):
        raise ProfileError(path, f"some of {', '.join(known)}")
    return given


def _names(of: Any) -> list[str]:
    return [each.name for each in fields(of)]


def _number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _figure(value: float) -> str:
    return f"{value:.10g}" if value < 1e6 else f"{value:g}".replace("e+0", "e")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())  # which looks through a thousand files each time


class _Reader:
    """An object, key by key."""

    def __init__(self, given: Any, path: str, keys: Sequence[str]) -> None:
        if not isinstance(given, Mapping):
            raise ProfileError(path, f"an object with some of {', '.join(keys)}")
        self._given, self._path = given, path
        if unknown := {str(key) for key in given} - set(keys):
            wanted = f"there is none; there are {', '.join(keys)}"
            raise ProfileError(self.at(ascii(min(unknown)[:40])), wanted)

    def at(self, key: str) -> str:
        """Where a key stands, in words."""
        return f"{self._path}.{key}" if self._path else key

    def get(self, key: str) -> Any:
        """What stands there; None is as good as nothing."""
        return self._given.get(key)

    def number(self, key: str, low: float, high: float, default: float | None, unit: str) -> float:
        """A number in a range."""
        found: Any = default if self.get(key) is None else self.get(key)
        if not _number(found) or not low <= found <= high:
            raise ProfileError(self.at(key), f"{unit} from {_figure(low)} to {_figure(high)}")
        return float(found)

    def positive(self, key: str, high: float, default: float | None, unit: str = "seconds") -> float:
        """A number above 0."""
        found: Any = default if self.get(key) is None else self.get(key)
        if not _number(found) or not 0 < found <= high or not float(found) > 0:
            raise ProfileError(self.at(key), f"{unit}, more than 0 and at most {_figure(high)}")
        return float(found)

    def choice(self, key: str, among: Sequence[T], default: T | None) -> T:
        """One of some words."""
        found: Any = default if self.get(key) is None else self.get(key)
        for each in among:
            if isinstance(found, str) and each == found:
                return each
        raise ProfileError(self.at(key), f"one of {', '.join(among)}")

    def text(self, key: str, chars_max: int, *, wanted: bool = False) -> str:
        """A line of text."""
        found = "" if self.get(key) is None else self.get(key)
        if not isinstance(found, str) or len(found) > chars_max or not found.isprintable() or (wanted and not found):
            least = "1" if wanted else "0"
            raise ProfileError(self.at(key), f"one line of text, {least} to {chars_max} characters")
        return found

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        found: Any = default if self.get(key) is None else self.get(key)
        if not isinstance(found, bool):
            raise ProfileError(self.at(key), "true or false")
        return found

    def clock(self, key: str, default: str) -> str:
        """A time of day."""
        found: Any = default if self.get(key) is None else self.get(key)
        if not isinstance(found, str) or not _CLOCK.match(found):
            raise ProfileError(self.at(key), "a time of day from 00:00 to 23:59")
        return found

    def zone(self, key: str, default: str) -> str:
        """A time zone."""
        found: Any = default if self.get(key) is None else self.get(key)
        if not isinstance(found, str) or found not in _zones():
            raise ProfileError(self.at(key), "an IANA time zone, such as Europe/Helsinki")
        return found

    def items(self, key: str, most: int, what: str) -> Sequence[Any]:
        """A list."""
        found = [] if self.get(key) is None else self.get(key)
        if not isinstance(found, (list, tuple)):
            raise ProfileError(self.at(key), f"a list of {what}")
        if len(found) > most:
            raise ProfileError(self.at(key), f"at most {most} {what}")
        return found
