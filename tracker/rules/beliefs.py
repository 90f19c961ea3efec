"""What to believe of a receiver's speed and of the ignition: the way over some minutes wins over what a field says.

Each row is held against the first fixes of the two minutes before its own (*heads*):

- Who says "standing", or something between, since before a head and is away from both *moves*: the speed is doubted
  until it says "moving" on the way (a receiver that always says 0).
- Who says "moving", or something between, since before both heads and is still at both *stands*: the speed is doubted
  until it says "standing" at rest (frozen after parking).
- Over five minutes the way and the speed over time must be alike; else the speed is doubted until they are (km/h or
  knots for m/s). A single step is held against its own way as well, so that no trip grows by it meanwhile.
- Who moves with the engine off since before a head is *carried* (a ferry, a tow), if the engine was ever said to be on
  while the vehicle drove. If it never was, its wire is not connected: the ignition is doubted until it is. An engine
  that has been on for a day and a night is no engine that idles: it is doubted until it is off.

A speed that is doubted counts as none given, an ignition that is doubted as unknown. Doubts are filled forward from
decisive rows, so that any split of the readings has the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from domain.folds.table import previous
from domain.geo import near_m
from domain.readings import F64, I64, Bool
from tracker.rules.motion import MOVING_MPS, STANDING_MPS

if TYPE_CHECKING:
    from tracker.rules.trips import Scan

FAR_M, CLOSE_M = 100.0, 60.0  # away from, and still at, where it was a minute or two ago
SPEED, IGNITION, CARRIED = 1, 2, 4
NOTHING = 2  # of `said`: no speed was given
SPAN_US = 300_000_000  # over so long way and speed are compared
STEP_US = 120_000_000  # longer steps prove nothing
FAST_MPS = 3.0  # and slower ones
SURE_US = 60_000_000  # so long it must move against its word
PROOF_MM = 1_500_000
MOST, LEAST = 1.65, 0.6  # speed over way, where streets bend and fixes are far apart
SHORT_US = 10_000_000
STEP_MOST, LONG_STEP_MOST, STEP_SLACK_M = 1.6, 2.5, 15.0
IDLE_US = 86_400_000_000


class Beliefs:
    """The doubts of one evaluation, one value per row of the scan.

    `speed_mps` is the speed believed, NaN for none; `way` is +1 away from both heads, -1 at both, else 0; `moves` says
    so against the fields, and of those who do, `waits` those who have not done so for long enough to be believed. `off`
    has the rows with an engine believed to be off, `carried` those of them that move.
    """

    def __init__(self, scan: Scan, near: I64, earlier: I64, integral_us: int) -> None:
        self._scan = s = scan
        self.raw: F64 = s.lay(s.rows.speed_mps, s.carry.speed_mps)
        self._ways(near, earlier)
        self._said()
        doubted = self._zero() | self._frozen() | self._scale()
        over = self._over(integral_us)
        self.waits: Bool = self._away_still & ~doubted
        self.doubted = (doubted & s.new & ~np.isnan(self.raw)) | over | self.waits
        self.doubted[s.at_old] = s.carry.doubted
        self.speed_mps = np.where(self.doubted, np.nan, self.raw)
        self.moves: Bool = (over & ~doubted & (s.way * 1e6 >= MOVING_MPS * s.dt)) | self._away_still

    def _ways(self, near: I64, earlier: I64) -> None:
        """How far each row is from its heads."""
        s = self._scan
        self.accuracy_m = np.nan_to_num(s.lay(s.rows.accuracy_m, np.zeros(s.v)).clip(0, 150))
        self.since_near, self.since_earlier = s.all_t[near], s.all_t[earlier]
        far = np.full((2, s.m), np.nan)
        for row, mark, at in zip(far, (near, earlier), (self.since_near, self.since_earlier), strict=True):
            i = np.flatnonzero(s.new & (at >= s.cut_us))
            row[i] = near_m(s.all_lat[mark[i]], s.all_lon[mark[i]], s.lat[i], s.lon[i])
        with np.errstate(invalid="ignore"):
            self.away: Bool = np.fmin(*far) > np.maximum(FAR_M, 2 * self.accuracy_m)
            at_rest = np.maximum(*far) <= np.maximum(CLOSE_M, self.accuracy_m)
        self.at_rest: Bool = at_rest
        self.way = np.where(self.away, 1, np.where(at_rest, -1, 0)).astype(np.int8)
        self._known_near = s.new & ~np.isnan(far[0])

    def _since(self, value: NDArray[np.int8], begun_us: I64) -> I64:
        """Since when each row's value is what it is."""
        s = self._scan
        begins = s.old | (value != previous(value)) | s.cut
        began_us = s.t.copy()
        began_us[s.at_old] = begun_us
        return began_us[s.fill(begins)]

    def _run(self, value: NDArray[Any], carried: NDArray[np.int8], begun_us: I64) -> tuple[NDArray[np.int8], I64]:
        """A small value with what was carried of it, and since when it is what it is."""
        number = value.astype(np.int8)
        number[self._scan.at_old] = carried
        return number, self._since(number, begun_us)

    def _said(self) -> None:
        """What the fields say, and since when."""
        s = self._scan
        with np.errstate(invalid="ignore"):
            said = np.where(self.raw >= MOVING_MPS, 1, np.where(self.raw <= STANDING_MPS, -1, 0))
        self.said, self.said_us = self._run(np.where(np.isnan(self.raw), NOTHING, said), s.carry.said, s.carry.said_us)
        self.engine = s.filled(s.ignition, s.carry.engine, s.new & (s.ignition != -1))
        self.engine_us = self._since(self.engine, s.carry.engine_us)

    def _zero(self) -> Bool:
        """Who says for a minute that it does not move, and moves for one: a few fixes may be glitches."""
        s = self._scan
        held = self._known_near & (self.said_us <= self.since_near)
        self._away_still: Bool = held & ((self.said == -1) | (self.said == 0)) & self.away
        self.still, self.still_us = self._run(self._away_still, s.carry.still, s.carry.still_us)
        sure = self._away_still & (s.t - self.still_us >= SURE_US)
        cured = s.new & (self.said == 1) & self.away
        self.zero = s.filled(sure, s.carry.zero, sure | cured)
        return self.zero

    def _frozen(self) -> Bool:
        """Who says for two minutes that it moves, and stands."""
        s = self._scan
        held = s.new & (self.said_us <= self.since_earlier)
        stood = held & ((self.said == 1) | (self.said == 0)) & self.at_rest
        cured = s.new & (self.said == -1) & self.at_rest
        self.frozen = s.filled(stood, s.carry.frozen, stood | cured)
        return self.frozen

    def _claimed_m(self) -> F64:
        """The way of each step by its speed; NaN where that is not known."""
        return np.asarray((self.raw + previous(self.raw)) * (self._scan.dt / 2e6))

    def _scale(self) -> Bool:
        """Whose speed over time is another way than the one it went, in the five minutes before these."""
        s, claimed = self._scan, self._claimed_m()
        with np.errstate(invalid="ignore"):
            counts = s.new & ~s.cut & (s.dt > 0) & (s.dt <= STEP_US) & ~np.isnan(claimed)
            counts &= np.maximum(claimed, s.way) * 1e6 >= FAST_MPS * s.dt
        span = s.t // SPAN_US
        run = s.fill(s.old | (span != previous(span)))
        sums = []
        for metres, carried in ((claimed, s.carry.claimed_mm), (s.way, s.carry.way_mm)):
            value = np.rint(np.where(counts, metres, 0.0) * 1000).astype(np.int64)
            sums.append(s.within(value, carried, run))
        self.claimed_mm, self.way_mm = sums
        said, went = (previous(each) for each in sums)
        decides = s.new & (span != previous(span)) & (np.maximum(said, went) >= PROOF_MM)
        self.scale = s.filled((said > MOST * went) | (said < LEAST * went), s.carry.scale, decides)
        return self.scale

    def _over(self, integral_us: int) -> Bool:
        """Steps that were far shorter than the speed at both ends makes them."""
        s, claimed = self._scan, self._claimed_m()
        most = np.where(s.dt <= SHORT_US, STEP_MOST, LONG_STEP_MOST)
        going = s.new & (self.said == 1) & (previous(self.said) == 1) & (s.dt > 0) & (s.dt <= integral_us)
        with np.errstate(invalid="ignore"):
            over: Bool = going & (claimed > most * s.way + STEP_SLACK_M + self.accuracy_m)
        return over

    # ------------------------------------------------------------ the engine
    def ignited(self, sign: NDArray[np.int8]) -> NDArray[np.int8]:
        """Signs with what the ignition says of them."""
        s = self._scan
        says_off = s.new & (s.ignition == 0)
        held = says_off & self._known_near & (self.engine_us <= self.since_near)
        moved = held & self.away
        self.tow, self.tow_us = self._run(moved, s.carry.tow, s.carry.tow_us)
        sure = moved & (s.t - self.tow_us >= SURE_US)
        proof = s.new & (s.ignition == 1) & (sign == 1)
        self.wire = s.filled(proof, s.carry.wire, proof)
        wrong = sure & ~self.wire
        self.unwired = s.filled(wrong, s.carry.unwired, wrong | proof)
        self.off: Bool = says_off & ~self.unwired
        self.carried: Bool = self.off & sure
        self.waits = np.where(self.off, moved & ~sure, self.waits)
        idles = (self.engine == 1) & (s.t - self.engine_us <= IDLE_US)
        self.idles: Bool = previous(idles)  # the step to a row, by the row before
        by_way = np.where(moved, 1, np.where(held & (self.way == 0), 0, -1))
        return np.where(self.off, by_way, sign).astype(np.int8)

    def state(self) -> tuple[NDArray[Any], ...]:
        """What is carried on, in the order of the carry's columns."""
        found = (self.doubted, self.said, self.said_us, self.still, self.still_us, self.zero, self.frozen, self.scale)
        engine = (self.engine, self.engine_us, self.wire, self.unwired, self.tow, self.tow_us)
        return (*found, *engine, self.claimed_mm, self.way_mm)

    def marks(self) -> NDArray[np.int8]:
        """For each row of the scan what is to be said of its fields: `SPEED`, `IGNITION` not believed; `CARRIED`."""
        s = self._scan
        ignition = (s.ignition == 0) & self.unwired | (s.ignition == 1) & (s.t - self.engine_us > IDLE_US)
        said = self.doubted * SPEED + ignition * IGNITION + self.carried * CARRIED
        return np.asarray(said, dtype=np.int8)
