"""What a run has come to: every table by SQL, every GET by REST, the feed's log and its snapshot."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import orjson
from psycopg import sql
from psycopg.rows import dict_row
from websockets.sync.client import connect

from tests.compare.differ import Line, write
from tests.compare.names import LISTS, NATURAL, Names, connected

INSIDE = {
    "log_head", "log_frame", "schema_version", "delivery", "receipt", "receipt_said", "access_token", "account",
    "sparkplug_node", "sparkplug_birth", "change_head", "tracker_position", "audit", "change",
    "dirty", "reassigned", "refenced", "follower_position", "forwarder", "route", "stranger", "value_place",
    "value_move", "demand_forecast", "forecast_run"}  # fmt: skip
"""Tables that are no answer to anybody: plumbing, secrets, work that waits, and `change`, which is told as the feed."""

OPAQUE = {"carry", "written_in", "token_sha256", "password_hash", "mqtt_password_hash", "http_token_sha256"}
"""Secrets, numbers of transactions, and columns in the shape that a version of the rules likes.

What follows from those is compared.
"""

BINARY = {"eta_knowledge", "eta_lesson"}
"""Tables with a `body` in such a shape."""

KINDS = {
    "trip": ("kind", ("trip", "stop", "unknown")),
    "excursion": ("kind", ("above", "below")),
    "deviation": ("kind", ("off_route", "late_departure", "prolonged_stop", "out_of_sequence", "skipped")),
    "alert": ("kind", ("temperature", "silence", "late_risk")),
    "alert_event": ("what", ("raised", "cleared", "acknowledge", "resolve")),
    "stock_move": ("source", ("tag", "weight")),
}
"""Kinds of which a comparison has to hold some."""

FACTS = ("visit", "trip", "excursion", "stop_call", "deviation")
JSONS = {"application/json", "application/geo+json", "application/problem+json"}
TOPICS = ("vehicles", "shipments", "alerts", "stock", "sites", "facts")
STREAMS = ("gps", "temp", "rfid", "shelf", "door", "status", "attr")
UNASKED = {"/healthz", "/readyz", "/metrics", "/robots.txt", "/api/v1/me", "/api/v1/config", "/api/v1/tokens"}
"""GETs that tell of the process or of who asks."""

KEPT = {"/api/v1/public/shipments/{token}"}
"""GETs of something made with a secret of the run."""


def dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)  # days


class Export:
    """Writes the groups of one run into its folder. `since` is when the run began: later times are the real clock's."""

    def __init__(self, dsn: str, folder: Path, url: str, token: str, since: str) -> None:
        self._c = connected(dsn)
        self._folder, self._since = folder, since
        self._url, self._token = url, token
        self.names = Names(self._c)
        headers = {"authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False)

    def close(self) -> None:
        self._c.close()
        self._http.close()

    def _write(self, group: str, lines: Iterable[Line]) -> None:
        year = self._since[:4]
        real = re.compile(rf'"({year}-\d\d-\d\d[T ][^"]{{8,24}})"')
        write(
            self._folder,
            group,
            [
                (name, real.sub(lambda m: '"<run>"' if m[1].replace(" ", "T") >= self._since else m[0], said))
                for name, said in lines
            ],
        )

    def _rows(self, query: sql.Composable | str) -> list[dict[str, Any]]:
        with self._c.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query).fetchall()  # type: ignore[arg-type]

    # ------------------------------------------------------------ SQL
    def tables(self) -> None:
        """Every table that stands for something; facts as they are known now, and all words on them."""
        found = self._rows(
            "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
            " and not relispartition order by 1"
        )
        for name in (row["name"] for row in found):
            if name in INSIDE or name.startswith(("reading_", "procrastinate_")):
                continue
            rows = self._rows(sql.SQL("select * from {}").format(sql.Identifier(name)))
            opaque = OPAQUE | ({"body"} if name in BINARY else set())
            kept = [{c: v for c, v in row.items() if c not in opaque} for row in rows]
            self._write(f"table {name}", self._lines(name, kept))
            if name in FACTS:
                now = [row for row in kept if row["superseded_at"] is None and not row["retracted"]]
                self._write(f"fact {name} now", self._lines(name, now))

    def kinds(self) -> None:
        """How many rows of each kind there are, and of words that were amended or taken back."""
        for table, (column, values) in KINDS.items():
            counts = {
                r["value"]: r["n"]
                for r in self._rows(f"select {column} as value, count(*) as n from {table} group by 1")
            }
            for value in sorted({*values, *counts}):
                self._write(f"count {table} {value}", [(value, str(counts[value]))] if counts.get(value) else [])
        for table in FACTS:
            for what in ("retracted", "revision > 1", "superseded_at is not null"):
                n = self._rows(f"select count(*) as n from {table} where {what}")[0]["n"]
                self._write(f"count {table} {what}", [(what, str(n))] if n else [])

    def _lines(self, table: str, rows: list[dict[str, Any]]) -> list[Line]:
        named = [self.names.row(table, row) for row in rows]
        return sorted((str(row.get("id", "")), dumped(row)) for row in named)

    def changes(self) -> None:
        """The feed's log in its order, the API's own stream apart; and what is told of each thing, one after the other.

        Vehicles that a corrected place has folded again come in the order in which the database gave them.
        """
        rows = self._rows("select partition, seq, tenant_id, body from change order by partition, seq")
        for group, which in (("feed of the tracker", lambda p: p >= 0), ("feed of the API", lambda p: p < 0)):
            lines = []
            for row in rows:
                if which(row["partition"]):
                    body = self.names.changes(orjson.loads(bytes(row["body"])))
                    lines.append((f"partition {row['partition']}", dumped(body)))
            self._write(group, lines)
        things: dict[str, list[Any]] = {}
        for row in rows:
            for topic, changes in self.names.changes(orjson.loads(bytes(row["body"]))).items():
                for change in changes:
                    things.setdefault(f"{topic} {change['id']}", []).append(change)
        self._write("feed by thing", [(name, dumped(changes)) for name, changes in sorted(things.items())])
        by_topic: dict[str, int] = {}
        for row in rows:
            for topic, changes in orjson.loads(bytes(row["body"])).items():
                by_topic[topic] = by_topic.get(topic, 0) + len(changes)
        for topic in TOPICS:
            self._write(f"count feed {topic}", [(topic, str(by_topic[topic]))] if by_topic.get(topic) else [])

    def snapshot(self) -> None:
        """What a page is given when it subscribes."""
        headers = {"authorization": f"Bearer {self._token}"}
        address = self._url.replace("http", "ws", 1) + "/ws/v1"
        with connect(address, additional_headers=headers, max_size=None, proxy=None) as socket:
            socket.send(dumped({"type": "subscribe", "topics": TOPICS}))
            while (message := orjson.loads(socket.recv(timeout=30)))["type"] != "snapshot":
                continue  # a ping, when the server takes long
        for topic in (t for t in TOPICS if t != "facts"):
            things = self.names.told(message[topic], LISTS.get(topic, topic))
            self._write(f"snapshot {topic}", [(str(each["id"]), dumped(each)) for each in things])

    # ------------------------------------------------------------ REST
    def rest(self, moments: list[str]) -> None:
        """Every GET of the API's own description, for everything there is, and facts as known at some moments."""
        described = self._http.get("/openapi.json").json()["paths"]
        paths = sorted(path for path, methods in described.items() if "get" in methods)
        asked = self._asked(moments)
        missing = set(paths) - set(asked) - UNASKED - KEPT
        for path in sorted(missing):
            print(f"    NOT ASKED, since this comparison does not know how: GET {path}", file=sys.stderr)
        for path in paths:
            if path not in asked:
                continue
            lines: list[Line] = []
            for values, query, accept in asked[path]:
                lines += self._answers(path, values, query, accept)
            self._write(f"GET {path.removeprefix('/api/v1')}", lines)
        for name in ("openapi.json", "asyncapi.json"):
            self._write(f"document {name}", sorted(_leaves(self._http.get(f"/{name}").json())))

    def _answers(self, path: str, values: Mapping[str, str], query: Mapping[str, str], accept: str) -> Iterator[Line]:
        url = re.sub(r"\{(\w+)\}", lambda m: quote(values[m[1]], safe=""), path)
        kind = path.rsplit("/", 1)[-1].partition(".")[0]
        table = LISTS.get(kind, LISTS.get(path.split("/")[-2], ""))
        if "{kind}" in path:
            table = {"call": "stop_call"}.get(values["kind"], values["kind"])
        shown = {k: self.names.of(table, v) if v.isdigit() else v for k, v in values.items()}
        name = f"{dumped(shown)} {urlencode(query)} {accept}".strip()
        page, address = 0, url + ("?" + urlencode(query) if query else "")
        while address:
            answer = self._http.get(address, headers={"accept": accept} if accept else {})
            said = answer.text
            if answer.headers["content-type"].split(";")[0] in JSONS:
                body = answer.json()
                if isinstance(body, dict):
                    body.pop("now", None)
                said = dumped(self.names.told(body, table))
            kind = answer.headers["content-type"]
            yield f"{name} page {page}", f"{answer.status_code} {kind} {said.replace(chr(10), '⏎')}"
            page, address = page + 1, answer.links.get("next", {}).get("url", "")

    def _asked(self, moments: list[str]) -> dict[str, list[tuple[dict[str, str], dict[str, str], str]]]:
        """By path: the values of its parameters, the query, what is accepted."""
        api = "/api/v1"
        names = {
            t: [r["name"] for r in self._rows(f"select name from {t} order by 1")]
            for t in ("vehicle", "device", "site", "shipment")
        }
        known: list[dict[str, str]] = [{}, *({"as_of": m} for m in moments)]
        found: dict[str, list[tuple[dict[str, str], dict[str, str], str]]] = {}

        def ask(
            path: str,
            values: Iterable[dict[str, str]] = ({},),
            queries: Iterable[dict[str, str]] = ({},),
            accept: Iterable[str] = ("",),
        ) -> None:
            found[api + path] = list(product(values, queries, accept))

        vehicles = [{"vehicle_id": n} for n in names["vehicle"]]
        devices = [{"device_id": n} for n in names["device"]]
        shipments = [{"shipment_id": n} for n in names["shipment"]]
        for path in ("/vehicles", "/sites", "/devices", "/profiles", "/products", "/retired", "/unknown-devices"):
            ask(path, queries=({}, {"limit": "3"}))
        ask("/vehicles/{vehicle_id}", vehicles)
        ask("/vehicles/{vehicle_id}/devices", vehicles)
        ask("/vehicles/{vehicle_id}/drivers", vehicles)
        ask("/vehicles/{vehicle_id}/fleets", vehicles)
        ask("/vehicle-groups", queries=[{"by": by} for by in ("fleet", "model", "driver", "fuel_type", "tag")])
        ask("/drivers", queries=({}, {"retired": "true"}))
        ask("/vehicles/{vehicle_id}/visits", vehicles, known)
        ask("/vehicles/{vehicle_id}/trips", vehicles, [*known, {"kind": "trip"}, {"limit": "5"}])
        ask("/devices/{device_id}/assignments", devices)
        ask("/devices/{device_id}/profile", devices)
        ask("/devices/{device_id}/excursions", devices, known)
        ask("/shipments", queries=({}, {"status": "delivered"}, {"limit": "4"}))
        ask("/shipments/{shipment_id}", shipments)
        ask("/shipments/{shipment_id}/calls", shipments, known)
        ask("/shipments/{shipment_id}/deviations", shipments, known)
        ask("/shipments/{shipment_id}/shares", shipments)
        ask("/stock", queries=({}, {"site": "store-1"}, {"sku": "MILK-1L"}))
        ask("/eta/grades", queries=[{"by": by} for by in ("hours_out", "lane", "vehicle", "day")])
        ask("/alerts", queries=[{"state": s} for s in ("open", "active", "cleared", "unacknowledged", "all")])
        ask("/quarantine", queries=({}, {"waiting": "true"}))
        ask(
            "/readings",
            ({},),
            [{"device": d, "stream": s} for d in names["device"] for s in STREAMS],
            ("text/csv", "application/x-ndjson"),
        )
        self._ask_spans(found, api)
        self._ask_numbers(found, api)
        return found

    def _ask_spans(self, found: dict[str, Any], api: str) -> None:
        """Tracks and series, each over the newest month that it has readings of."""
        spans = {
            r["name"]: {"from": _instant(r["first"]), "to": _instant(r["last"])}
            for r in self._rows(
                "select d.name, greatest(min(r.time), max(r.time) - interval '30 days') as first, max(r.time) as last"
                " from (select device_id, time from reading_position"
                "       union all select device_id, time from reading_temperature) r"
                " join device d on d.id = r.device_id where r.time < '2025-06-18' group by 1"
            )
        }
        aboard = self._rows(
            "select v.name as vehicle, d.name as device from device d join vehicle v on v.id = d.vehicle_id"
            " order by 1, 2"
        )
        found[f"{api}/vehicles/{{vehicle_id}}/track"] = [
            ({"vehicle_id": r["vehicle"]}, spans[r["device"]] | {"max_points": n}, accept)
            for r in aboard
            if r["device"] in spans
            for n in ("200", "20000")
            for accept in ("", "application/geo+json")
        ]
        probes = self._rows(
            "select d.name as device, l.text as probe from label l join device d on d.id = l.scope"
            " where l.kind = 'probe' order by 1, 2"
        )
        found[f"{api}/series"] = [
            ({}, {"device": r["device"], "probe": r["probe"], "max_points": n} | spans[r["device"]], "")
            for r in probes
            if r["device"] in spans
            for n in ("100", "20000")
        ]

    def _ask_numbers(self, found: dict[str, Any], api: str) -> None:
        """What is asked for by number: in order of its name."""

        def numbered(table: str, and_so: str = "") -> list[dict[str, Any]]:
            rows = {r["id"]: r for r in self._rows(f"select * from {table} {and_so}")}
            return sorted(rows.values(), key=lambda r: str(self.names.of(table, r["id"])))

        history = [
            ({"kind": {"stop_call": "call"}.get(t, t), "fact_id": str(r["id"])}, {}, "")
            for t in FACTS
            for r in numbered(t)
        ]
        found[f"{api}/facts/{{kind}}/{{fact_id}}/history"] = history
        ended = numbered("trip", "where superseded_at is null and not retracted and ended_at is not null")
        trips = [{"vehicle_id": str(self.names.of("vehicle", r["vehicle_id"])), "trip_id": str(r["id"])} for r in ended]
        found[f"{api}/vehicles/{{vehicle_id}}/trips/{{trip_id}}"] = [
            (t, {}, a) for t in trips for a in ("", "application/geo+json")
        ]
        found[f"{api}/vehicles/{{vehicle_id}}/trips/{{trip_id}}.gpx"] = [(t, {}, "") for t in trips]
        found[f"{api}/alerts/{{alert_id}}/history"] = [({"alert_id": str(r["id"])}, {}, "") for r in numbered("alert")]
        messages = [{"message_id": str(r["id"])} for r in numbered("quarantine")]
        found[f"{api}/quarantine/{{message_id}}"] = [(m, {}, "") for m in messages]
        found[f"{api}/quarantine/{{message_id}}/payload"] = [(m, {}, "") for m in messages]


def _instant(text: str) -> str:
    """A time of PostgreSQL's as the API takes it."""
    return text.replace(" ", "T").replace("+00", "Z")


def _leaves(value: Any, at: str = "") -> Iterator[Line]:
    """A document's leaves by their place."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if parts is None or not value:
        yield at, dumped(value)
        return
    for key, each in parts:
        yield from _leaves(each, f"{at}/{key}")


assert set(FACTS) < set(NATURAL)
