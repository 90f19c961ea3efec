"""The trace of a lot or a unit through events of EPCIS: one up, one down, and on through what was made of it. Pure.

Goods go on by transformation: what went in is in what came out, from then on. They ride in units by aggregation: what
happens to a pallet happens to what lies on it, from packing to unpacking; what else lies there is none of it. Only
lots, units and items are followed; a product as such names no goods.

A trace is asked in rounds, since what it leads to is not known before: `wanted()` says of what events are to be read,
`tell()` takes them, and when nothing is wanted any more `found()` is the whole. Any order of telling finds the same.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from domain.epcis.model import uri

_PRODUCT = re.compile(r"https://id\.gs1\.org/01/[^/]+|urn:epc:idpat:.*")
EVENTS_MAX = 100_000
THINGS_MAX = 20_000
Way = Literal["made", "packed"]


class Happened(NamedTuple):
    """An event as far as a trace asks: what it is of, what it is in, what went in and came out."""

    id: str
    type: str
    at_us: int
    action: str
    parent: str
    transformation: str
    things: frozenset[str]
    inputs: frozenset[str]
    outputs: frozenset[str]


class Link(NamedTuple):
    """Goods went from `source` into `target`: it was `made` of them, or they were `packed` in it."""

    source: str
    target: str
    way: Way
    event: str
    at_us: int


class Trace(NamedTuple):
    """What a trace comes to.

    Attributes:
        levels: things by how far they are: 0 what was asked for and what it rode in, 1 what was made of it, -1 what it
            was made of, and so on.
        links: from what went in to what it went into.
        events: ids of what happened to them, in order of time.
        whole: False: there is more than is read.
    """

    levels: Mapping[str, int]
    links: tuple[Link, ...]
    events: tuple[str, ...]
    whole: bool


class _Visit(NamedTuple):
    """A thing, from when to when it has to do with the trace."""

    thing: str
    level: int
    since: float
    until: float


def _covers(before: _Visit, visit: _Visit) -> bool:
    """Whether nothing new comes of a visit."""
    return before.since <= visit.since and visit.until <= before.until and abs(before.level) <= abs(visit.level)


def is_followed(name: str) -> bool:
    """Whether a name is of goods: a lot, a unit, an item; not of a product, nor of a pattern.

    >>> is_followed("https://id.gs1.org/01/06414123456789"), is_followed("https://id.gs1.org/01/06414123456789/10/L1")
    (False, True)
    """
    return _PRODUCT.fullmatch(name) is None


def _filled(row: Mapping[str, Any]) -> str:
    """The unit that one of our own events makes with goods in it; what others make beside goods may be anything."""
    fills = row["own"] and row["action"] == "ADD" and len(row["epcs"]) == 1 and row["body"].get("quantityList")
    return str(row["epcs"][0]) if fills else ""


def happened(row: Mapping[str, Any]) -> Happened:
    """An event by its row: `event_id`, `at_us`, the keys of the store, and its body with the classes of quantities."""
    body = row["body"]

    def all_of(epcs: Iterable[str], *keys: str) -> frozenset[str]:
        classes = (uri(each["epcClass"]) for key in keys for each in body.get(key) or () if "epcClass" in each)
        return frozenset(filter(is_followed, (*epcs, *classes)))

    return Happened(
        row["event_id"], row["type"], row["at_us"], row["action"] or "", row["parent"] or _filled(row),
        row["transformation"] or "",
        all_of(row["epcs"], "quantityList", "childQuantityList"), all_of(row["inputs"], "inputQuantityList"),
        all_of(row["outputs"], "outputQuantityList"),
    )  # fmt: skip


@dataclass
class Tracing:
    """A trace that is being asked; `hops`: through how many transformations, either way."""

    start: str
    hops: int = 5
    events: dict[str, Happened] = field(default_factory=dict)
    whole: bool = True
    _of: dict[str, dict[str, Happened]] = field(default_factory=lambda: defaultdict(dict))
    _runs: dict[str, dict[str, Happened]] = field(default_factory=lambda: defaultdict(dict))
    _in: dict[tuple[str, str], float] = field(default_factory=dict)
    _out: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    _asked: set[str] = field(default_factory=set)

    def wanted(self) -> tuple[list[str], list[str]]:
        """Things, and transformations, whose events are to be read next; both empty: it is done."""
        things = self.reached(down=True) | self.reached(down=False)
        runs = {e.transformation for thing in things for e in self._of[thing].values() if e.transformation}
        if len(self.events) >= EVENTS_MAX or len(things) > THINGS_MAX:
            self.whole = False
            return [], []
        wanted = sorted(things - self._asked), sorted(runs - self._asked)
        self._asked.update(*wanted)
        return wanted

    def tell(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Events of things that were wanted; told again they change nothing."""
        for row in rows:
            event = happened(row)
            if event.id in self.events:
                continue
            self.events[event.id] = event
            for thing in event.things | event.inputs | event.outputs:
                self._of[thing][event.id] = event
            if event.parent and event.action == "DELETE" and not event.things:
                self._of[event.parent][event.id] = event
            if event.parent and event.action == "DELETE":
                for thing in event.things or ("",):
                    insort(self._out[thing, event.parent], event.at_us)
            elif event.parent:
                for thing in event.things:
                    self._in[thing, event.parent] = min(event.at_us, self._in.get((thing, event.parent), math.inf))
            if event.transformation:
                self._runs[event.transformation][event.id] = event

    def found(self) -> Trace:
        """What is known by now."""
        levels: dict[str, int] = {self.start: 0}
        links: set[Link] = set()
        used: set[str] = set()
        for down in (True, False):
            visits, found = self._walk(down=down)
            links |= found
            for visit in visits:
                before = levels.get(visit.thing)
                if before is None or abs(visit.level) < abs(before):
                    levels[visit.thing] = visit.level
                used.update(e.id for e in self._of[visit.thing].values() if visit.since <= e.at_us <= visit.until)
        ordered = sorted(used, key=lambda name: (self.events[name].at_us, name))
        return Trace(levels, tuple(sorted(links, key=lambda k: (k.at_us, k))), tuple(ordered), self.whole)

    def reached(self, *, down: bool) -> set[str]:
        """What is reached one way, with what was asked for."""
        return {visit.thing for visit in self._walk(down=down)[0]}

    def _walk(self, *, down: bool) -> tuple[list[_Visit], set[Link]]:
        visits: list[_Visit] = []
        windows: dict[str, list[_Visit]] = defaultdict(list)
        links: set[Link] = set()
        left = [_Visit(self.start, 0, -math.inf, math.inf)]
        for visit in left:  # it grows while it is gone through
            seen = windows[visit.thing]
            if any(_covers(before, visit) for before in seen):
                continue
            seen.append(visit)
            visits.append(visit)
            if len(windows) > THINGS_MAX:
                break
            for event in sorted(self._of.get(visit.thing, {}).values(), key=lambda e: (e.at_us, e.id)):
                if visit.since <= event.at_us <= visit.until:
                    left += self._made(visit, event, links, down=down)
                    left += self._packed(visit, event, links)
        return visits, links

    def _made(self, visit: _Visit, event: Happened, links: set[Link], *, down: bool) -> list[_Visit]:
        """What was made of it, or what it was made of; a transformation may be told by several events."""
        if visit.thing not in (event.inputs if down else event.outputs) or abs(visit.level) >= self.hops:
            return []
        runs = (event, *self._runs.get(event.transformation, {}).values()) if event.transformation else (event,)
        others = {
            (thing, run) for run in runs for thing in (run.outputs if down else run.inputs) if thing != visit.thing
        }
        found = []
        for thing, run in others:
            if down:
                links.add(Link(visit.thing, thing, "made", run.id, run.at_us))
                found.append(_Visit(thing, visit.level + 1, min(event.at_us, run.at_us), math.inf))
            else:
                links.add(Link(thing, visit.thing, "made", run.id, run.at_us))
                found.append(_Visit(thing, visit.level - 1, -math.inf, max(event.at_us, run.at_us)))
        return sorted(found)

    def _packed(self, visit: _Visit, event: Happened, links: set[Link]) -> list[_Visit]:
        """The unit that it rides in from this event on, or up to it when nobody has told of the packing."""
        if not event.parent or event.parent == visit.thing or visit.thing not in event.things:
            return []
        key = visit.thing, event.parent
        if event.action == "DELETE":
            if self._in.get(key, math.inf) <= event.at_us:
                return []
            since, until = visit.since, float(event.at_us)
        else:
            since, until = float(event.at_us), min(visit.until, self._unpacked(key, event.at_us))
        links.add(Link(visit.thing, event.parent, "packed", event.id, event.at_us))
        return [_Visit(event.parent, visit.level, since, until)]

    def _unpacked(self, key: tuple[str, str], since_us: int) -> float:
        """When it was taken out again; a unit that is unpacked without a word of what is unpacked whole."""
        found = math.inf
        for ends in (self._out.get(key, []), self._out.get(("", key[1]), [])):
            n = bisect_left(ends, since_us)
            found = min(found, ends[n] if n < len(ends) else math.inf)
        return found
