"""Stable names in the place of ids: two runs that decide the same may number it otherwise."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.string import TextLoader

NATURAL = {
    "visit": ("vehicle_id", "site_id", "entered_at"),
    "trip": ("vehicle_id", "kind", "started_at"),
    "excursion": ("probe_id", "kind", "started_at"),
    "stop_call": ("shipment_id", "stop_id", "arrived_at"),
    "deviation": ("shipment_id", "stop_id", "kind", "started_at"),
    "alert": ("kind", "device_id", "probe_id", "title", "opened_at"),
    "assignment": ("device_id", "valid_from"),
    "vehicle_driver": ("vehicle_id", "valid_from"),
    "vehicle_fleet": ("vehicle_id", "valid_from"),
    "quarantine": ("topic", "reason", "received_at"),
    "share": ("shipment_id",),
}
"""Tables whose rows are told by number to the outside, and what their rows are named by: that of the first word."""

_REGISTRY = ("tenant", "site", "vehicle", "device", "profile", "shipment", "stop", "account", "driver")
_PLAIN_KEYS = {"tenant_id": "tenant", "vehicle_id": "vehicle", "device_id": "device", "profile_id": "profile"}
_PLAIN_KEYS |= {
    "shipment_id": "shipment",
    "stop_id": "stop",
    "product_id": "product",
    "zone_id": "zone",
    "driver_id": "driver",
    "site_id": "site",
}
_PLAIN_KEYS |= dict.fromkeys(("probe_id", "slot_id", "tag_id", "boot_id", "door_id", "reefer_id", "label_id"), "label")
_KIND_OF_FACT = {"call": "stop_call"}
LISTS = {
    "visits": "visit",
    "trips": "trip",
    "excursions": "excursion",
    "calls": "stop_call",
    "deviations": "deviation",
    "alerts": "alert",
    "assignments": "assignment",
    "quarantine": "quarantine",
    "shares": "share",
    "series": "excursion",
}
"""Last word of a REST path, or topic of the feed: the table whose numbers stand as `id` there."""

_NUMBER = re.compile(r"^\d+$")


def connected(dsn: str) -> psycopg.Connection[Any]:
    """A connection that gives times as text: -infinity is none of Python's."""
    connection = psycopg.connect(dsn, autocommit=True, options="-c timezone=UTC -c extra_float_digits=3")
    connection.adapters.register_loader("timestamptz", TextLoader)
    return connection


def plain(value: Any) -> Any:
    """A value of a row as it is written down."""
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value


class Names:
    """Of everything in a database that has a number."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._c = connection
        self._by_table: dict[str, dict[int, str]] = {
            t: self._pairs(f"select id, name from {t}") for t in _REGISTRY if self._is_there(t)
        }
        self._by_table["product"] = self._pairs("select id, sku from product")
        self._by_table["zone"] = self._pairs(
            "select z.id, s.name || '/' || z.name from zone z join site s on s.id = z.site_id"
        )
        self._by_table["label"] = self._pairs(
            "select l.id, l.kind || ' ' || coalesce(d.name, '') || '/' || l.text"
            " from label l left join device d on d.id = l.scope and l.kind <> 'epc'"
        )
        self._by_table["slot"] = self._pairs(
            "select s.id, d.name || '/' || s.name from slot s join device d on d.id = s.device_id"
        )
        for table in filter(self._is_there, NATURAL):
            self._by_table[table] = self._of_facts(table)

    def _is_there(self, table: str) -> bool:
        """Whether this version has the table."""
        return self._c.execute("select to_regclass(%s)", (table,)).fetchone() != (None,)

    def _pairs(self, query: str) -> dict[int, str]:
        return {int(key): str(name) for key, name in self._c.execute(query)}  # type: ignore[call-overload]

    def _of_facts(self, table: str) -> dict[int, str]:
        with self._c.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(sql.SQL("select * from {}").format(sql.Identifier(table))).fetchall()
        first: dict[int, Mapping[str, Any]] = {}
        for row in sorted(rows, key=lambda r: r.get("revision", 1)):
            first.setdefault(row["id"], row)
        keys = {number: "/".join(str(self.column(c, row[c])) for c in NATURAL[table]) for number, row in first.items()}
        order = sorted(keys, key=lambda number: (keys[number], str(first[number].get("decided_at", "")), number))
        taken: Counter[str] = Counter()
        found = {}
        for number in order:
            taken[keys[number]] += 1
            found[number] = f"{table} {keys[number]} #{taken[keys[number]]}"
        return found

    def of(self, table: str, number: Any) -> Any:
        """The name of a row, or the number as it is when it has none."""
        if number is None or not _NUMBER.match(str(number)):
            return number
        return self._by_table.get(table, {}).get(int(number), number)

    def column(self, column: str, value: Any, kind: str = "") -> Any:
        """A column's value, named when it is the number of something; `kind` is that of the row, where it has one."""
        if column == "site_id" and isinstance(value, int) and value < 0:
            return "stop " + str(self.of("stop", -value))
        if column in _PLAIN_KEYS:
            return self.of(_PLAIN_KEYS[column], value)
        if column == "alert_id":
            return self.of("alert", value)
        if column == "fact_id":
            return self.of({"temperature": "excursion"}.get(kind, "stop"), value)
        if column == "entity_id":
            return self.of({"series": "label"}.get(kind, kind), value)
        return plain(value)

    def row(self, table: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row of a table with names; its own number is that of `NATURAL`, or left out."""
        kind = str(row.get("kind", ""))
        found = {c: self.column(c, v, kind) for c, v in row.items() if c != "id"}
        return found | ({"id": self.of(table, row["id"])} if table in NATURAL else {})

    def told(self, value: Any, table: str) -> Any:
        """What REST or the feed say of rows of that table, with names in the place of their numbers."""
        if isinstance(value, list):
            return [self.told(each, table) for each in value]
        if not isinstance(value, dict):
            return value
        found = {key: self.told(each, table) for key, each in value.items()}
        if table == "facts":
            return self._news(found)
        if table in NATURAL and isinstance(value.get("id"), str):
            found["id"] = self.of(table, value["id"])
        return found

    def _news(self, news: dict[str, Any]) -> dict[str, Any]:
        """A change of the topic `facts`: `kind/number`, and the same in its data."""
        kind, _, number = str(news.get("id", "")).partition("/")
        if number:
            news["id"] = f"{kind}/{self.of(_KIND_OF_FACT.get(kind, kind), number)}"
        elif "kind" in news and "revision" in news:
            kind = str(news["kind"])
            news["id"] = self.of(_KIND_OF_FACT.get(kind, kind), news["id"])
        return news

    def changes(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A row of the log of changes, by topic."""
        return {topic: self.told(changes, LISTS.get(topic, topic)) for topic, changes in body.items()}
