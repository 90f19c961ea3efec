"""What of a tenant a client wants to see: a viewport, some vehicles, some shipments; what comes into it and leaves it.

A change carries only what has changed, so whether something lies inside is asked of the whole object. The hub keeps
those of a tenant in one `Mirror` for all its clients that do not want everything.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from api.feed.changes import Box, Change, apply, flatten
from api.feed.cursors import Vector
from api.feed.rows import ChangeRow

TABLES = ("vehicles", "shipments", "alerts")
"""Topics of which a view shows a part; of `facts` it passes on those about what it shows."""
OLD_S = 60.0
_NOBODY: frozenset[str] = frozenset()

Tables = dict[str, dict[str, Any]]


class Mirror:
    """All objects of a tenant as clients see them, of the topics of which views show a part."""

    def __init__(self, found: Mapping[str, Sequence[Mapping[str, Any]]], floor: Vector, now_s: float) -> None:
        self.tables: Tables = {topic: {x["id"]: x for x in found[topic]} for topic in TABLES}
        self.floor, self._read_at_s = floor, now_s

    def follow(self, rows: Iterable[ChangeRow]) -> None:
        """Applies rows that the snapshot did not hold."""
        for row in rows:
            if row.seq > self.floor.get(row.partition, 0):
                for change in flatten(row.body, TABLES):
                    apply(self.tables[change["topic"]], change)

    def is_old(self, now_s: float) -> bool:
        """Whether it is to be read anew: what a snapshot leaves out after some time stays in here."""
        return now_s - self._read_at_s > OLD_S


class View:
    """One client's part of its tenant, and what it has of that.

    An object is shown while it is in the viewport (vehicles only) and, when vehicles or shipments are named, about one
    of them: a vehicle is, when it is named or carries a named shipment that is not delivered.
    """

    def __init__(
        self, box: Box | None = None, vehicles: Iterable[str] | None = None, shipments: Iterable[str] | None = None
    ) -> None:
        self._box = box
        self._named = vehicles is not None or shipments is not None
        self._vehicles = _NOBODY if vehicles is None else frozenset(vehicles)
        self._shipments = _NOBODY if shipments is None else frozenset(shipments)
        self._inside: set[tuple[str, str]] = set()
        self._followed: frozenset[str] = self._vehicles

    def key(self) -> list[Any]:
        """What tells it from other views."""
        names = [sorted(self._vehicles), sorted(self._shipments)] if self._named else None
        return [None if self._box is None else self._box.sides(), names]

    def begin(self, tables: Tables, topics: Iterable[str]) -> dict[str, list[Any]]:
        """The objects of some topics that are shown: from here on they count as given."""
        self._inside = set()
        self._followed = self._carriers(tables)
        found: dict[str, list[Any]] = {}
        for topic in TABLES:
            if topic in topics:
                found[topic] = [x for x in tables[topic].values() if self._shows(topic, x)]
                self._inside.update((topic, x["id"]) for x in found[topic])
        return found

    def has_turned(self, changes: Iterable[Change]) -> bool:
        """Whether a shipment that it follows may have come to another vehicle, or was delivered."""
        return any(
            change["topic"] == "shipments"
            and change["id"] in self._shipments
            and (change["op"] != "merge" or not {"vehicle", "status"}.isdisjoint(change["data"]))
            for change in changes
        )

    def catch_up(self, changes: Iterable[Change], tables: Tables, topics: Iterable[str]) -> list[Change]:
        """What a client needs that had this view some changes ago: of what has changed the whole, or that it is gone.

        `tables` hold what is after all of them.
        """
        wanted = set(topics)
        self.begin(tables, wanted)
        found, touched = [], dict[tuple[str, str], None]()
        for change in changes:
            if change["topic"] in TABLES:
                touched[change["topic"], change["id"]] = None
            elif change["topic"] in wanted and self._passes(change):
                found.append(change)
        for topic, name in touched:
            if (topic, name) in self._inside:
                found.append(_put(topic, name, tables))
            elif topic in wanted:
                found.append({"topic": topic, "id": name, "op": "delete"})
        return found

    def pass_on(self, changes: Iterable[Change], tables: Tables, topics: Iterable[str]) -> list[Change]:
        """What of changes is shown: what comes in is a put of the whole, what leaves is a delete."""
        followed = self._carriers(tables)
        differ, self._followed = followed ^ self._followed, followed
        found: list[Change] = []
        for change in changes:
            if change["topic"] in TABLES:
                found.extend(self._step(change["topic"], change["id"], change, tables))
            elif self._passes(change):
                found.append(change)
        for topic, name in self._about(differ, tables) if differ else ():
            if topic in topics:
                found.extend(self._step(topic, name, None, tables))
        return found

    def _step(self, topic: str, name: str, change: Change | None, tables: Tables) -> Iterator[Change]:
        was = (topic, name) in self._inside
        whole = tables[topic].get(name)
        if whole is not None and self._shows(topic, whole):
            if not was:
                self._inside.add((topic, name))
                yield _put(topic, name, tables)
            elif change is not None:
                yield change
        elif was:
            self._inside.discard((topic, name))
            yield {"topic": topic, "id": name, "op": "delete"}

    def _shows(self, topic: str, thing: Mapping[str, Any]) -> bool:
        if topic == "vehicles" and self._box is not None and not self._box.holds(thing):
            return False
        if not self._named:
            return True
        if topic == "vehicles":
            return thing["id"] in self._followed
        if topic == "shipments":
            return thing["id"] in self._shipments or thing["vehicle"] in self._vehicles
        subject = thing["subject"]
        return subject["kind"] == "vehicle" and subject["id"] in self._followed

    def _passes(self, change: Change) -> bool:
        if change["topic"] != "facts" or not self._named:
            return True
        about = change["data"]["about"]
        return about.get("vehicle") in self._followed or about.get("shipment") in self._shipments

    def _carriers(self, tables: Tables) -> frozenset[str]:
        """The vehicles that are named, and those that carry what is."""
        if not self._shipments:
            return self._vehicles
        found = (tables["shipments"].get(name) for name in self._shipments)
        carried = (x["vehicle"] for x in found if x is not None and x["status"] != "delivered")
        return self._vehicles.union(name for name in carried if name)

    @staticmethod
    def _about(vehicles: Iterable[str], tables: Tables) -> list[tuple[str, str]]:
        names = set(vehicles)
        alerts = (x for x in tables["alerts"].values() if x["subject"]["kind"] == "vehicle")
        return [("vehicles", name) for name in sorted(names)] + [
            ("alerts", x["id"]) for x in alerts if x["subject"]["id"] in names
        ]


def mark_of(topics: Iterable[str], view: View | None) -> str:
    """What a cursor is good for: a client that asks for something else with it has not had all of that.

    >>> mark_of(["stock", "vehicles"], None) == mark_of(["vehicles", "stock"], None) != mark_of(["vehicles"], None)
    True
    """
    text = orjson.dumps([sorted(topics), view and view.key()])
    return urlsafe_b64encode(hashlib.sha256(text).digest()[:6]).decode()


def _put(topic: str, name: str, tables: Tables) -> Change:
    return {"topic": topic, "id": name, "op": "put", "data": tables[topic][name]}
