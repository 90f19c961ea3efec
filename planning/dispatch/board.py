"""What a route comes to, whoever made it: times with breaks, chances to be late, loads, cost, limits. Pure.

A route leaves as early as its vehicle may, later when it would only wait at its first stop. What is uncertain is the
time of each way: log-normal about its p50 with the spread of its kind, half of the deviation common to the whole day;
200 days are tried, the same ones each time, so that a difference between two plans is one of the plans.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from domain.readings import F64
from domain.vehicles import TEMP_CLASSES
from planning.dispatch.travel import Ways
from planning.dispatch.work import DAY_S, MEASURES, Job, Room, Truck, Work
from planning.routes.hours import BREAK, PAUSE, Eu, EuUsed, HoursError, Line, Need, Rules, Us, UsUsed

DAYS = 200
COMMON = 0.5**0.5
FREE_S = 14 * DAY_S
NAMES = {"kg": "load", "m3": "volume", "pallets": "pallets"}
SLACK = 1e-6


class Broken(NamedTuple):
    """A limit that is not kept, by how much (seconds, or the measure's unit), and at which order, where it is one's."""

    limit: str
    by: float
    job: str | None = None


class Visit(NamedTuple):
    """An order's stop, as it is expected; `source` of the way there; `late`: its chance to come after the window."""

    job: str
    arrive_s: int
    begin_s: int
    leave_s: int
    p10_s: int
    p50_s: int
    p90_s: int
    late: float
    km: float
    drive_s: int
    source: str


class Pause(NamedTuple):
    """A break or rest of the driver, or waiting; `why`: the limit that asks for it."""

    kind: str
    begin_s: int
    end_s: int
    why: str


@dataclass(frozen=True)
class Figures:
    """What a route comes to."""

    visits: tuple[Visit, ...] = ()
    pauses: tuple[Pause, ...] = ()
    leave_s: int = 0
    home_s: int = 0
    km: float = 0.0
    drive_s: int = 0
    cost: float = 0.0
    kgco2e: float | None = 0.0
    loads: tuple[tuple[str, str, float, float | None], ...] = ()
    """Temperature class or `all`, measure, how much, how much fits; None: nobody knows."""
    broken: tuple[Broken, ...] = ()
    source: str = "default"
    """Of the way home."""

    @property
    def late(self) -> float:
        """How many orders are expected to come late."""
        return sum(each.late for each in self.visits)


class _NoRules:
    """A driver without limits."""

    def room(self, now_s: int) -> tuple[int, str]:
        return FREE_S, f"nothing at {now_s}"

    work_room = room

    def need(self, why: str, now_s: int) -> Need:
        del why
        return Need(BREAK, 0, now_s)

    def busy(self, kind: str, begin_s: int, end_s: int) -> None:
        pass

    def free(self, begin_s: int, end_s: int) -> None:
        pass


def rules_of(truck: Truck, leave_s: int) -> Rules:
    """The driver's limits: rested before they leave, but for what they are known to have driven."""
    if truck.rule == "eu":
        used = EuUsed(leave_s, leave_s - DAY_S, min(truck.driven_s, Eu.BREAK_AFTER_S), day_s=truck.driven_s)
        return Eu(used)
    if truck.rule == "us":
        return Us(UsUsed(truck.driven_s, truck.driven_s, leave_s - truck.driven_s if truck.driven_s else None))
    return _NoRules()


@lru_cache(maxsize=1)
def _days() -> tuple[F64, F64]:
    """Of each day the deviation that all its ways share, and that of each way."""
    rng = np.random.default_rng(1)
    common, own = rng.standard_normal(DAYS // 2), rng.standard_normal((512, DAYS // 2))
    return np.concatenate([common, -common]), np.concatenate([own, -own], axis=1)


class Board:
    """Work, with all ways between its places: those of the jobs, where vehicles start, where they end."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.jobs = {each.id: each for each in work.jobs}
        self.trucks = {each.id: each for each in work.trucks}
        lat = [*(j.lat for j in work.jobs), *(t.lat for t in work.trucks), *(t.home_lat for t in work.trucks)]
        lon = [*(j.lon for j in work.jobs), *(t.lon for t in work.trucks), *(t.home_lon for t in work.trucks)]
        self.ways = Ways(work.travel, np.array(lat), np.array(lon))
        self.place = {each.id: n for n, each in enumerate(work.jobs)}
        n, trucks = len(work.jobs), len(work.trucks)
        self.start = {each.id: n + k for k, each in enumerate(work.trucks)}
        self.home = {each.id: n + trucks + k for k, each in enumerate(work.trucks)}
        emitted = [each.kgco2e_per_km for each in work.trucks if each.kgco2e_per_km is not None]
        self.usual_kgco2e = sum(emitted) / len(emitted) if emitted else 0.0
        """A kilometre of a vehicle of which nobody knows: it is no better choice for that."""
        self._known: dict[tuple[str, tuple[str, ...], bool], Figures] = {}

    def figures(self, truck: str, jobs: Sequence[str], *, chances: bool = True) -> Figures:
        """A route; without `chances` quicker, and with p10, p50, p90 and chances to be late of 0."""
        key = (truck, tuple(jobs), chances)
        if key not in self._known:
            if len(self._known) > 50_000:
                self._known.clear()
            self._known[key] = self._figures(self.trucks[truck], [self.jobs[each] for each in jobs], chances=chances)
        return self._known[key]

    def _figures(self, truck: Truck, jobs: Sequence[Job], *, chances: bool) -> Figures:
        loads, over = loads_of(truck, jobs)
        broken = [*forbidden(truck, jobs), *over]
        if not jobs:
            return Figures(leave_s=truck.ready_s, home_s=truck.ready_s, loads=loads, broken=tuple(broken))
        drive = _Drive(self, truck)
        try:
            visits, home_s = drive.all(jobs)
        except HoursError as error:
            return Figures(loads=loads, broken=(*broken, Broken(f"driver's hours: {error}", 1)))
        broken += drive.broken
        if home_s > truck.back_s:
            broken.append(Broken("home in time", home_s - truck.back_s))
        if home_s - drive.leave_s > truck.shift_s:
            broken.append(Broken("length of the shift", home_s - drive.leave_s - truck.shift_s))
        if chances:
            visits = _with_chances(self, visits, jobs, drive)
        cost = truck.fixed_cost + truck.km_cost * drive.km + truck.hour_cost * (home_s - drive.leave_s) / 3600
        emitted = None if truck.kgco2e_per_km is None else truck.kgco2e_per_km * drive.km
        return Figures(
            tuple(visits), tuple(drive.pauses()), drive.leave_s, home_s, drive.km, drive.drive_s, cost, emitted, loads,
            tuple(broken), drive.source,
        )  # fmt: skip

    def score(self, found: Figures) -> float:
        """What it costs, with what may come late and what is emitted, in money; less is better."""
        weights = self.work.weights
        emitted = self.usual_kgco2e * found.km if found.kgco2e is None else found.kgco2e
        return found.cost + weights.late * found.late + weights.kgco2e * emitted


def forbidden(truck: Truck, jobs: Sequence[Job]) -> list[Broken]:
    """Orders that ride on another vehicle and no other, and those for which it is too late to take them."""
    found = []
    for job in jobs:
        if job.vehicle not in (None, truck.id):
            found.append(Broken(f"{'on board of' if job.aboard else 'locked to'} {job.vehicle}", 1, job.id))
        elif truck.under_way and not job.aboard:
            found.append(Broken("has left: it takes only what is on board", 1, job.id))
    return found


class _Drive:
    """A vehicle on its way."""

    def __init__(self, board: Board, truck: Truck) -> None:
        self.board, self.truck = board, truck
        self.km, self.drive_s = 0.0, 0
        self.broken: list[Broken] = []
        self.leave_s = truck.ready_s
        self.line = Line(truck.ready_s, rules_of(truck, truck.ready_s))
        self.source = "default"

    def all(self, jobs: Sequence[Job]) -> tuple[list[Visit], int]:
        truck, place = self.truck, self.board.place
        here = self.board.start[truck.id]
        if not truck.under_way:
            self._leave_late(here, jobs[0])
        visits, before = [], None
        for job in jobs:
            there = place[job.id]
            seconds, km = self._go(here, there)
            arrive = self.line.now_s
            visits.append(self._serve(job, arrive, seconds, km, self.source, again=job.place == before))
            here, before = there, job.place
        self._go(here, self.board.home[truck.id])
        return visits, self.line.now_s

    def _leave_late(self, here: int, job: Job) -> None:
        """It would only wait there."""
        seconds = self.board.ways.seconds(here, self.board.place[job.id], self.leave_s)
        early = next((w[0] for w in job.windows if self.leave_s + seconds <= w[1]), self.leave_s)
        self.leave_s = max(self.leave_s, early - seconds)
        self.line = Line(self.leave_s, rules_of(self.truck, self.leave_s))

    def _go(self, here: int, there: int) -> tuple[int, float]:
        ways = self.board.ways
        seconds = ways.seconds(here, there, self.line.now_s)
        km = float(ways.road_m[here, there]) / 1000
        self.line.drive(seconds)
        self.km += km
        self.drive_s += seconds
        self.source = ways.source(here, there)
        return seconds, km

    def _serve(self, job: Job, arrive: int, seconds: int, km: float, source: str, *, again: bool) -> Visit:
        """`again`: the vehicle stands there already, and unloading goes on."""
        window = next((w for w in job.windows if arrive <= w[1]), None)
        if window is None and job.windows:
            self.broken.append(Broken("window", arrive - job.windows[-1][1], job.id))
        elif window is not None:
            self.line.be_free(PAUSE, window[0], "waits")
        service_s = 0 if again else job.service_s
        self.line.work(service_s)
        begin = self.line.now_s - service_s
        if window is not None and begin > window[1]:  # a rest had to come first
            self.broken.append(Broken("window", begin - window[1], job.id))
        return Visit(job.id, arrive, begin, self.line.now_s, arrive, arrive, arrive, 0.0, km, seconds, source)

    def pauses(self) -> list[Pause]:
        return [Pause(p.kind, p.begin_s, p.end_s, p.why) for p in self.line.periods if p.kind not in ("drive", "work")]


def _with_chances(board: Board, visits: Sequence[Visit], jobs: Sequence[Job], drive: _Drive) -> list[Visit]:
    """The same with p10, p50, p90 of the arrival; breaks last as long as on the day that is planned."""
    common, own = _days()
    ways, here = board.ways, board.start[drive.truck.id]
    clock: F64 = np.full(DAYS, float(drive.leave_s))
    left, found = drive.leave_s, []
    for n, (visit, job) in enumerate(zip(visits, jobs, strict=True)):
        there = board.place[job.id]
        spread = ways.sigma[ways.bands[here, there]] * (COMMON * common + COMMON * own[n % len(own)])
        rested = visit.arrive_s - left - visit.drive_s
        clock = clock + visit.drive_s * np.exp(spread) + rested
        p10, p50, p90 = np.sort(clock)[[DAYS // 10, DAYS // 2, DAYS - DAYS // 10]]
        late = float(np.mean(clock > job.windows[-1][1])) if job.windows else 0.0
        found.append(visit._replace(p10_s=round(p10), p50_s=round(p50), p90_s=round(p90), late=late))
        early = next((w[0] for w in job.windows if visit.arrive_s <= w[1]), None)
        if early is not None:
            clock = np.maximum(clock, early)
        clock = clock + (visit.leave_s - visit.begin_s)
        rest_first = visit.begin_s - max(visit.arrive_s, early or 0)
        clock = clock + max(0, rest_first)
        left, here = visit.leave_s, there
    return found


# ------------------------------------------------------------ loads
def loads_of(
    truck: Truck, jobs: Sequence[Job]
) -> tuple[tuple[tuple[str, str, float, float | None], ...], list[Broken]]:
    """What is on board when it leaves, by temperature class and measure, and what does not fit."""
    total: dict[tuple[str, str], float] = {}
    for job in jobs:
        for goods in job.goods:
            for measure in MEASURES:
                amount = getattr(goods, measure)
                if amount:
                    total["all", measure] = total.get(("all", measure), 0.0) + amount
                    if goods.temp_class:
                        key = goods.temp_class, measure
                        total[key] = total.get(key, 0.0) + amount
            if goods.temp_class and truck.rooms:
                total.setdefault((goods.temp_class, "kg"), 0.0)
    fits = capacities(truck)
    found, broken = [], []
    for (of, measure), amount in sorted(total.items()):
        most = fits.get((of, measure))
        found.append((of, measure, round(amount, 6), most))
        if most is not None and (amount > most + SLACK or (of != "all" and not _has(truck, of))):
            name = NAMES[measure] if of == "all" else f"{of} {NAMES[measure]}"
            broken.append(Broken(name if of == "all" or _has(truck, of) else f"no {of} compartment", amount - most))
    return tuple(found), list({each.limit: each for each in broken}.values())


def _has(truck: Truck, of: str) -> bool:
    return any(room.temp_class == of for room in truck.rooms)


def capacities(truck: Truck) -> Mapping[tuple[str, str], float]:
    """What fits in, by temperature class (`all`: together) and measure; what is not there is not known."""
    found: dict[tuple[str, str], float] = {}
    for measure in MEASURES:
        parts = [getattr(room, measure) for room in truck.rooms]
        limits = [getattr(truck.room, measure)] + ([sum(parts)] if parts and None not in parts else [])
        if known := [each for each in limits if each is not None]:
            found["all", measure] = min(known)
        for of in TEMP_CLASSES if truck.rooms else ():
            own = [getattr(room, measure) for room in truck.rooms if room.temp_class == of]
            if None not in own:
                found[of, measure] = sum(own)
    return found


def as_room(row: Mapping[str, Any], temp_class: Any = None) -> Room:
    """From a row with `kg`, `m3` and `pallets`."""
    return Room(temp_class, row["kg"], row["m3"], row["pallets"])
