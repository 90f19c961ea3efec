"""Units in units: a pallet that holds tagged cartons is read when they are, and they when it is. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import NamedTuple

from domain.loading.model import Evidence

DEEP_MAX = 5
"""A carton in a tray on a pallet in a container is three deep; what goes in a circle ends here."""


class Inside(NamedTuple):
    """A unit was in another one, from then until then; `until_us` None: it is still."""

    unit: str
    parent: str
    since_us: int
    until_us: int | None = None

    def at(self, at_us: int) -> bool:
        """Whether it was at a time."""
        return self.since_us <= at_us and (self.until_us is None or at_us < self.until_us)


def spread(evidence: Evidence, wanted: AbstractSet[str], inside: Iterable[Inside]) -> Evidence:
    """Reads and scans as they are told of those units that somebody is to carry.

    What is heard of a unit is heard of the wanted ones that it holds, and of those that hold it. What nobody wants any
    part of is told of the outermost, once.

    >>> from domain.loading.model import Read, Stay
    >>> heard = [Read(5, 1, 1, "PALLET", -50.0), Read(9, 1, 1, "PALLET", -50.0)]
    >>> told = spread(Evidence([], heard), {"C1", "C2"}, [Inside("C1", "PALLET", 0), Inside("C2", "PALLET", 0, 7)])
    >>> [(read.at_us, read.unit) for read in told.reads]
    [(5, 'C1'), (5, 'C2'), (9, 'C1')]
    """
    rows = sorted(set(inside))
    if not rows:
        return evidence
    above: dict[str, list[Inside]] = defaultdict(list)
    below: dict[str, list[Inside]] = defaultdict(list)
    for row in rows:
        above[row.unit].append(row)
        below[row.parent].append(row)

    def stands_for(unit: str, at_us: int) -> list[str]:
        if unit not in above and unit not in below:
            return [unit]
        up = _reached(unit, at_us, above, lambda row: row.parent)
        down = _reached(unit, at_us, below, lambda row: row.unit)
        if found := sorted(wanted & {unit, *up, *down}):
            return found
        root = up[-1] if up else unit
        others = _reached(root, at_us, below, lambda row: row.unit)
        return [unit] if wanted & {root, *others} else [root]

    reads = [read._replace(unit=unit) for read in evidence.reads for unit in stands_for(read.unit, read.at_us)]
    scans = [scan._replace(unit=unit) for scan in evidence.scans for unit in stands_for(scan.unit, scan.at_us)]
    return replace(evidence, reads=reads, scans=scans)


def _reached(unit: str, at_us: int, rows: Mapping[str, list[Inside]], next_of: Callable[[Inside], str]) -> list[str]:
    """Units that are reached from one, the farthest last."""
    found: list[str] = []
    edge = [unit]
    for _ in range(DEEP_MAX):
        edge = [next_of(row) for each in edge for row in rows.get(each, ()) if row.at(at_us)]
        edge = [each for each in edge if each not in found and each != unit]
        found += edge
    return found
