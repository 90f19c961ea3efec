"""Changes as pure data, and how several changes of one object become one.

A change is `{"topic", "id", "op", "data"}`. `put` replaces an object, `merge` replaces some of its top-level keys,
`delete` removes it, `tell` is news and no object's state.
Law: applying `coalesce(changes)` gives the same state as applying `changes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from domain.cases import WAITS
from domain.changes import COLUMNS

TOPICS = ("vehicles", "shipments", "alerts", "stock", "sites", "facts", "orders", "loads", "docks")

Change = dict[str, Any]


def flatten(body: Mapping[str, Any], topics: Iterable[str]) -> list[Change]:
    """The changes of a row that belong to some topics. An alert that is resolved leaves, whoever speaks of it last.

    Unless what was decided on its goods asks for somebody.
    """
    found = [change for topic in TOPICS if topic in topics for change in _of(body, topic)]
    for change in found:
        data = change.get("data") or {}
        if change["topic"] == "alerts" and data.get("resolved_at") and data.get("disposition_state") not in WAITS:
            change["op"] = "delete"
            del change["data"]
    return found


def _of(body: Mapping[str, Any], topic: str) -> Iterator[Change]:
    """The changes of a topic in their order: what stands in columns first."""
    if (columns := body.get(COLUMNS, {}).get(topic)) is not None:
        names = [name for name in columns if name != "id"]
        for key, *values in zip(columns["id"], *(columns[name] for name in names), strict=True):
            yield {"topic": topic, "id": key, "op": "merge", "data": dict(zip(names, values, strict=True))}
    for change in body.get(topic, ()):
        yield {"topic": topic, **change}


def coalesce(changes: Iterable[Change]) -> list[Change]:
    """One change per object, except that every change of an alert stays: each one is news for a person."""
    kept: list[Change] = []
    at: dict[tuple[str, str], int] = {}
    for change in changes:
        key = (change["topic"], change["id"])
        place = at.get(key)
        if place is None or change["topic"] == "alerts":
            at[key] = len(kept)
            kept.append(change)
        else:
            kept[place] = _both(kept[place], change)
    return kept


def _both(first: Change, then: Change) -> Change:
    if then["op"] != "merge":
        return then
    if first["op"] == "delete":
        return first
    return {**first, "data": {**first["data"], **then["data"]}}


def apply(table: dict[str, Any], change: Change) -> None:
    """Applies one change to objects by id, as every client does. A merge into an object never seen does nothing."""
    if change["op"] == "put":
        table[change["id"]] = change["data"]
    elif change["op"] == "delete":
        table.pop(change["id"], None)
    elif change["op"] == "merge" and change["id"] in table:
        table[change["id"]] = {**table[change["id"]], **change["data"]}


class Box:
    """A viewport: west, south, east, north in degrees; west > east crosses the 180th meridian."""

    def __init__(self, west: float, south: float, east: float, north: float) -> None:
        self.west, self.south, self.east, self.north = west, south, east, north

    def sides(self) -> list[float]:
        """West, south, east, north."""
        return [self.west, self.south, self.east, self.north]

    def holds(self, thing: Mapping[str, Any] | None) -> bool:
        """Whether something with `lat` and `lon` lies inside.

        >>> Box(170, -10, -170, 10).holds({"lat": 0, "lon": -175})
        True
        """
        if thing is None or thing.get("lat") is None or thing.get("lon") is None:
            return False
        if not self.south <= thing["lat"] <= self.north:
            return False
        if self.west <= self.east:
            return bool(self.west <= thing["lon"] <= self.east)
        return bool(thing["lon"] >= self.west or thing["lon"] <= self.east)
