"""Where units are, by a hidden Markov model over epochs: staged, in the gate of a truck's door, on it, elsewhere.

States of a unit: staged S, elsewhere N, and of each truck v going out O, coming in I, on it T. In an epoch each antenna
of a zone that listened hears the unit or does not:

    heard with strength x:  p f(x)      not heard:  1 - r where it is in that zone, else 1

with p the read rate r and f the strength inside where the unit is in that zone, p = leak r and the strength outside
where it is elsewhere at the dock, and p = the chance of a ghost where it is elsewhere or its truck has left. Of both
sorts of strength one in twenty is as the other. In the gate the order in which antennas heard it best tells out from
in: 1 / (1 + exp(-dt / 0.364 s)). Of doors that both heard it the one that had fewer answers is less likely by leak to
the power of answers less, four at most; for what is in no gate each answer after the first counts a half.

The forward pass gives the chances at the end; with them it carries when a unit came onto a truck, as a mean. Only sums
and products in the order of time: in which order reads come in, and how often, changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from math import exp, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.loading.model import AFTER_US, CHANCES, EPOCH_US, Chances, Dock, Evidence, Hearing, Placed, Read, Stay
from domain.readings import F64

S, N, FIRST = 0, 1, 2
SIDES = 2
MOMENT_US = 200_000
"""What an antenna says again sooner than that is one answer of the tag."""


@dataclass(slots=True)
class Heard:
    """A unit in an epoch: by zone and antenna the strongest read; by door the moments in which its antennas did."""

    best: dict[tuple[int, int], Read] = field(default_factory=dict)
    moments: dict[int, set[tuple[int, int]]] = field(default_factory=lambda: defaultdict(set))


def places(
    dock: Dock, evidence: Evidence, owners: Mapping[str, int | None], until_us: int, chances: Chances = CHANCES
) -> dict[str, Placed]:
    """Where units are at `until_us`; `owners`: the units, each with the truck that is to take it, None: nobody knows.

    Evidence after `until_us`, and before the first truck came, is left out.
    """
    stays = sorted(set(evidence.stays))
    if not stays or not owners:
        return {}
    since = min(stay.began_us for stay in stays)
    until = min(until_us, max(_end(stay, until_us) for stay in stays) + AFTER_US)
    reads = [read for read in evidence.reads if since <= read.at_us <= until and read.unit in owners]
    model = _Model(dock, stays, sorted(owners), owners, chances, since)
    scans = sorted({scan for scan in evidence.scans if since <= scan.at_us <= until and scan.unit in owners})
    heard = _strongest(dock, reads, model.row)
    scanned: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for scan in scans:
        if scan.truck in model.trucks:
            scanned[scan.at_us // EPOCH_US].append((model.row[scan.unit], scan.truck))
    antennas = _antennas(dock, heard)
    for epoch in range(since // EPOCH_US, until // EPOCH_US + 1):
        model.step(epoch, antennas, heard.get(epoch, {}), scanned.get(epoch, ()))
    return model.placed()


def _end(stay: Stay, until_us: int) -> int:
    return until_us if stay.ended_us is None else stay.ended_us


def _strongest(dock: Dock, reads: Iterable[Read], row: Mapping[str, int]) -> dict[int, dict[int, Heard]]:
    """By epoch and unit. Of a staging zone its strongest read counts, of a door that of each antenna."""
    found: dict[int, dict[int, Heard]] = defaultdict(lambda: defaultdict(Heard))
    for read in sorted(reads, key=lambda r: (r.at_us, r.antenna, r.zone)):
        if read.zone not in dock.doors and read.zone not in dock.staging:
            continue
        key = read.zone, read.antenna if read.zone in dock.doors else 0
        heard = found[read.at_us // EPOCH_US][row[read.unit]]
        if key not in heard.best or _loud(read) > _loud(heard.best[key]):
            heard.best[key] = read
        if read.zone in dock.doors:
            heard.moments[read.zone].add((read.antenna, read.at_us // MOMENT_US))
    return found


def _loud(read: Read) -> float:
    return -1e3 if read.rssi_dbm is None else read.rssi_dbm


def _antennas(dock: Dock, heard: Mapping[int, Mapping[int, Heard]]) -> list[tuple[int, int]]:
    """Antennas that anything was heard by; those of staging zones are one."""
    known = {key for units in heard.values() for each in units.values() for key in each.best}
    return sorted(known | {(zone, 0) for zone in dock.staging})


@dataclass(frozen=True, slots=True)
class _Sorts:
    """Which states are in a zone (in part of the epoch: a half), and which are elsewhere at the dock."""

    inside: F64
    near: F64

    def heard(self, rate: float, leak: float, ghost: float) -> F64:
        """That an antenna of the zone hears a unit, by state."""
        return np.where(self.inside > 0, rate * self.inside, np.where(self.near > 0, leak * rate, ghost))

    def silent(self, rate: float) -> F64:
        """That it does not: silence speaks against being there, and for nowhere else, as nobody must leak."""
        return np.asarray(1 - rate * self.inside)


class _Model:
    def __init__(
        self, dock: Dock, stays: Sequence[Stay], units: Sequence[str], owners: Mapping[str, int | None],
        chances: Chances, since_us: int,
    ) -> None:  # fmt: skip
        self.dock, self.stays, self.units, self.chances = dock, stays, units, chances
        self.trucks = {truck: n for n, truck in enumerate(sorted({stay.truck for stay in stays}))}
        self.row = {unit: n for n, unit in enumerate(units)}
        self._since_s = since_us / 1e6
        self._known: dict[Any, tuple[F64, dict[tuple[int, int], F64], dict[int, NDArray[np.bool_]]]] = {}
        width = FIRST + 3 * len(self.trucks)
        self.mass = np.zeros((len(units), width))
        owned = np.array([owners[unit] in self.trucks for unit in units])
        self.mass[:, S] = np.where(owned, chances.staged, 0.5)
        self.mass[:, N] = 1 - self.mass[:, S]
        self.when = np.zeros_like(self.mass)
        """Mass times when it came onto the truck, in seconds since the first came."""
        self.hazard = np.full((len(units), len(self.trucks)), chances.strays)
        for unit, n in self.row.items():
            if (truck := owners[unit]) in self.trucks:
                self.hazard[n, self.trucks[truck]] = chances.loads

    def step(
        self, epoch: int, antennas: Sequence[tuple[int, int]], heard: Mapping[int, Heard],
        scans: Iterable[tuple[int, int]],
    ) -> None:  # fmt: skip
        """An epoch: units move, then what was heard weighs where they are."""
        doors = self._doors(epoch)
        awake = {zone for zone in self.dock.doors | self.dock.staging if epoch in self.dock.awake.get(zone, ())}
        awake |= {zone for each in heard.values() for zone, _ in each.best}
        scans = list(scans)
        # Through a gate where nobody listened nothing is taken to have gone: somebody scans it.
        gates = {truck for truck, door in doors.items() if door in awake or any(its == truck for _, its in scans)}
        self._move(doors, gates, self._came(epoch, doors, heard))
        self._weigh(doors, antennas, awake, heard)
        for row, truck in scans:
            factor = np.full(self.mass.shape[1], self.chances.mistaken)
            k = FIRST + 3 * self.trucks[truck]
            factor[[k, k + 2]] = 1.0
            self.mass[row] *= factor
            self.when[row] *= factor
        total = self.mass.sum(axis=1, keepdims=True)
        self.mass /= total
        self.when /= total

    def placed(self) -> dict[str, Placed]:
        """Where they are then."""
        found = {}
        for unit, n in self.row.items():
            on, entered = {}, {}
            for truck, k in self.trucks.items():
                out, there = FIRST + 3 * k, FIRST + 3 * k + 2
                share = self.mass[n, out] + self.mass[n, there]
                on[truck] = float(share)
                if share > 0:
                    mean_s = (self.when[n, out] + self.when[n, there]) / share
                    entered[truck] = round((self._since_s + float(mean_s)) * 1e3) * 1000
            found[unit] = Placed(unit, on, float(self.mass[n, S]), entered)
        return found

    def _doors(self, epoch: int) -> dict[int, int]:
        """Of trucks that stand at a door in an epoch, the door."""
        begin, end = epoch * EPOCH_US, (epoch + 1) * EPOCH_US
        return {
            stay.truck: stay.door
            for stay in self.stays
            if stay.began_us < end and (stay.ended_us is None or stay.ended_us > begin)
        }

    def _came(
        self, epoch: int, doors: Mapping[int, int], heard: Mapping[int, Heard]
    ) -> F64:  # fmt: skip
        """When a unit that goes through a gate in this epoch does so: as it is heard best, else in the middle."""
        middle_s = (epoch + 0.5) * EPOCH_US / 1e6 - self._since_s
        came = np.full((len(self.units), len(self.trucks)), middle_s)
        for truck, door in doors.items():
            for row, each in heard.items():
                if loud := [read for (zone, _), read in each.best.items() if zone == door]:
                    first = max(loud, key=lambda read: (_loud(read), -read.at_us))
                    came[row, self.trucks[truck]] = first.at_us / 1e6 - self._since_s
        return came

    def _move(self, doors: Mapping[int, int], gates: AbstractSet[int], came: F64) -> None:
        c, mass, when = self.chances, self.mass, self.when
        after, later = np.zeros_like(mass), np.zeros_like(when)
        stays_s, stays_n = mass[:, S] * (1 - c.away), mass[:, N] * (1 - c.comes)
        to_n, to_s = mass[:, S] * c.away, mass[:, N] * c.comes
        for truck, k in self.trucks.items():
            o, i, t = FIRST + 3 * k, FIRST + 3 * k + 1, FIRST + 3 * k + 2
            if truck not in doors:  # whoever was in the gate as it left is on it
                after[:, t] = mass[:, o] + mass[:, t]
                later[:, t] = when[:, o] + when[:, t]
                to_s = to_s + mass[:, i]
                continue
            hazard = self.hazard[:, k] * (truck in gates)
            goes = hazard * (stays_s + stays_n)
            stays_s, stays_n = stays_s * (1 - hazard), stays_n * (1 - hazard)
            stay = 1 - c.through - c.turned
            after[:, o] = goes + stay * mass[:, o]
            later[:, o] = goes * came[:, k] + stay * when[:, o]
            for table, kept in ((mass, after), (when, later)):
                kept[:, t] = c.through * table[:, o] + (1 - c.back) * table[:, t] + c.turned * table[:, i]
                kept[:, i] = c.back * table[:, t] + stay * table[:, i]
            to_s = to_s + c.turned * mass[:, o] + c.through * mass[:, i]
        after[:, S], after[:, N] = stays_s + to_s, stays_n + to_n
        self.mass, self.when = after, later

    def _weigh(
        self, doors: Mapping[int, int], antennas: Sequence[tuple[int, int]], awake: AbstractSet[int],
        heard: Mapping[int, Heard],
    ) -> None:  # fmt: skip
        silent, factors, inside = self._hears(tuple(doors.items()), frozenset(awake), tuple(antennas))
        table = np.tile(silent, (len(self.units), 1))
        for row, each in sorted(heard.items()):
            for key, read in sorted(each.best.items()):
                own, other = self._strengths(self.dock.of(key[0]), read.rssi_dbm)
                table[row] *= factors[key] * np.where(inside[key[0]], own, other)
            self._directed(table[row], doors, each.best)
            self._compared(table[row], doors, each)
        self.mass *= table
        self.when *= table

    def _hears(
        self, doors: tuple[tuple[int, int], ...], awake: frozenset[int], antennas: tuple[tuple[int, int], ...]
    ) -> tuple[F64, dict[tuple[int, int], F64], dict[int, NDArray[np.bool_]]]:
        """By state: that nobody hears a unit, of each antenna what it changes when it does, and who is in its zone."""
        key = doors, awake
        if key not in self._known:
            silent, factors = np.ones(self.mass.shape[1]), {}
            sorts = {zone: self._sorts(zone, dict(doors)) for zone in awake}
            for zone, antenna in antennas:
                if zone in awake:
                    rate, leak = self.chances.read_rate, self.dock.of(zone).leak
                    silence = sorts[zone].silent(rate)
                    silent *= silence
                    factors[zone, antenna] = sorts[zone].heard(rate, leak, self.chances.ghost) / silence
            self._known[key] = silent, factors, {zone: each.inside > 0 for zone, each in sorts.items()}
        return self._known[key]

    def _sorts(self, zone: int, doors: Mapping[int, int]) -> _Sorts:
        inside, near = np.zeros(self.mass.shape[1]), np.zeros(self.mass.shape[1])
        near[S] = 1
        inside[S] = zone in self.dock.staging
        for truck, k in self.trucks.items():
            states = slice(FIRST + 3 * k, FIRST + 3 * k + 3)
            near[states] = truck in doors
            if doors.get(truck) == zone:
                inside[FIRST + 3 * k : FIRST + 3 * k + 2] = 1
            elif zone in self.dock.staging and truck in doors:  # where it has just been, or is soon
                inside[FIRST + 3 * k : FIRST + 3 * k + 2] = 0.5
        return _Sorts(inside, near)

    def _strengths(self, hearing: Hearing, rssi_dbm: float | None) -> tuple[float, float]:
        """How likely the strength is of a tag inside and of a stranger."""
        if rssi_dbm is None:
            return 1.0, 1.0
        own, other = (_normal(rssi_dbm, mean, hearing.sd_db) for mean in (hearing.inside_dbm, hearing.outside_dbm))
        tail = self.chances.tail
        return (1 - tail) * own + tail * other, (1 - tail) * other + tail * own

    def _directed(self, row: F64, doors: Mapping[int, int], best: Mapping[tuple[int, int], Read]) -> None:
        for truck, door in doors.items():
            order = sorted((antenna, read.at_us) for (zone, antenna), read in best.items() if zone == door)
            if len(order) < SIDES:
                continue
            later = (order[-1][1] - order[0][1]) / 1e6 / self.chances.direction_s
            out = 1 / (1 + exp(-min(max(later, -self.chances.direction_max), self.chances.direction_max)))
            k = FIRST + 3 * self.trucks[truck]
            row[k] *= 2 * out
            row[k + 1] *= 2 * (1 - out)

    def _compared(self, row: F64, doors: Mapping[int, int], heard: Heard) -> None:
        """Of doors that heard it the one that heard it most; what is in no gate seldom answers often."""
        most = max(map(len, heard.moments.values()), default=0)
        extra = min(max(most - 1, 0), self.chances.moments_max)
        row *= self.chances.again**extra
        for truck, door in doors.items():
            less = min(most - len(heard.moments.get(door, ())), self.chances.moments_max)
            k = FIRST + 3 * self.trucks[truck]
            row[k : k + 2] *= self.dock.of(door).leak ** less / self.chances.again**extra


def _normal(x: float, mean: float, sd: float) -> float:
    return exp(-(((x - mean) / sd) ** 2) / 2) / (sd * sqrt(2 * pi))
