"""The thread that keeps checks of loads: what portals heard is folded anew whenever there is more of it, late too."""

from __future__ import annotations

import json
import logging
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from domain.alerts import shape
from domain.epc import EpcError, decode
from domain.loading.check import UnitNow, Wanted, check, departed
from domain.loading.model import AFTER_US, EPOCH_US, Dock, Evidence, Hearing, Read, Scan, Stay
from domain.loading.nesting import DEEP_MAX, Inside
from domain.times import rfc3339, to_us
from operations.deliver.worker import Worker
from operations.loading.decide import (
    RULE_VERSION,
    Load,
    Said,
    Told,
    Word,
    alert,
    alert_row,
    moment,
    news,
    said_anew,
    unit_of,
)
from store.db import queries
from store.link import Link

log = logging.getLogger(__name__)
POLL_S = 3.0
LATELY = timedelta(days=7)
"""What was loaded longer ago is not checked any more."""
GROUPED_BEFORE = timedelta(days=30)
"""What was put into something longer before is looked at when something else is new."""
READS_MAX = 500_000
DOCKINGS_MAX = 2_000
ANTENNA = 1 << 8
Row = Mapping[str, Any]


class Loads(Worker):
    """Checks loads until stopped."""

    def __init__(self, database_url: str, stop: threading.Event) -> None:
        super().__init__("loads", Link(database_url, "loads", stop), stop, hands=1, rest_s=POLL_S)

    def turn(self, _pool: ThreadPoolExecutor, now: datetime) -> int:
        """Looks at what is loaded or was so lately; how many checks say something else."""
        check_loads(self._link, now)
        return 0


def check_loads(link: Link, now: datetime) -> int:
    """Checks the loads of all tenants; how many checks or alerts have changed."""
    rows = link.connection.execute(queries("loading")["docked_tenants"], {"since": now - LATELY}).fetchall()
    return sum(Look(link.connection, tenant, now).run() for (tenant,) in rows)


@dataclass
class Site:
    """What is known of a site's dock: who stood where, which antennas hear what, what is loaded."""

    key: int
    name: str
    dockings: list[Row]
    loads: dict[int, list[Row]]
    """Of shipments the rows of their dockings."""


class Look:
    """One look at the loads of a tenant."""

    def __init__(self, connection: psycopg.Connection, tenant: int, now: datetime) -> None:
        self._connection, self._tenant, self._now, self._now_us = connection, tenant, now, to_us(now)

    def run(self) -> int:
        """Checks what there is to check; each shipment in a transaction of its own."""
        changed, seen = 0, set[int]()
        for site in self._sites():
            for shipment in site.loads:
                seen.add(shipment)
                changed += self._check(site, shipment)
        for row in self._rows("checked", since=self._now - LATELY):
            if row["id"] not in seen:
                changed += self._over(row)
        return changed

    def _rows(self, named: str, **values: Any) -> list[dict[str, Any]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(queries("loading")[named], {"tenant": self._tenant, "now": self._now, **values})
            return cursor.fetchall() if cursor.description else []

    def _sites(self) -> list[Site]:
        nothing = dict.fromkeys(("id", "site", "door", "vehicle", "after", "after_at"))
        dockings = self._rows("dockings", since=self._now - LATELY, limit=DOCKINGS_MAX, **nothing)
        if len(dockings) == DOCKINGS_MAX:
            log.warning("loads: more than %d dockings in %s; the oldest are left out", DOCKINGS_MAX, LATELY)
        loads = self._rows("loads", dockings=[row["key"] for row in dockings])
        found: dict[int, Site] = {}
        for row in dockings:
            site = found.setdefault(row["site_id"], Site(row["site_id"], row["site"], [], defaultdict(list)))
            site.dockings.append(row)
        for row in loads:
            found[row["site_id"]].loads[row["id"]].append(row)
        return [found[key] for key in sorted(found)]

    # ------------------------------------------------------------ what is known
    def _check(self, site: Site, shipment: int) -> int:
        """One shipment: nothing is done where nothing is new."""
        rows = site.loads[shipment]
        own = [row for row in site.dockings if row["key"] in {each["docking"] for each in rows}]
        since = min(row["began_at"] for row in own)
        ends = [row["ended_at"] for row in own]
        open_ = None in ends
        until = self._now if open_ else min(self._now, max(ends) + timedelta(microseconds=AFTER_US))
        beside = [row for row in site.dockings if row["began_at"] <= until and (row["ended_at"] or until) >= since]
        readers = self._rows("readers", site=site.key)
        zones = sorted({row["zone"] for row in readers} | {row["zone_id"] for row in beside})
        span = {"since": since, "until": until, "devices": sorted({row["device"] for row in readers}), "zones": zones}
        others = sorted(
            each for each, its in site.loads.items() if {r["docking"] for r in its} & {row["key"] for row in beside}
        )
        wanted = self._rows("wanted", shipments=others, site=site.key)
        marks = self._rows("marks", shipments=others)
        (heard,) = self._rows("heard", **span)
        (grouped,) = self._rows("regrouped", since=since - GROUPED_BEFORE, until=until)
        made_from = json.loads(json.dumps({
            "heard": heard, "stays": [[row["key"], row["version"], row["ended_at"]] for row in beside],
            "wanted": [[row["shipment"], row["unit"], row["drop_seq"], row["booked"]] for row in wanted],
            "marks": [row["key"] for row in marks], "rule": RULE_VERSION,
            "left": not open_ and max(ends) <= self._now, "readers": readers, "dock": site.key, "grouped": grouped,
        }, default=str))  # fmt: skip
        if rows[0]["made_from"] == made_from:
            return 0
        known = self._known(site, span, readers, beside, marks)
        trucks = {its[0]["name"]: its[0]["vehicle_id"] for key, its in site.loads.items() if key in others}
        name, needs = rows[0]["name"], [Wanted(row["unit"], row["shipment"], row["drop_seq"]) for row in wanted]
        until_us = _until(known.evidence, known.dock, to_us(until))
        inside = self._inside(span, {need.unit for need in needs} | {read.unit for read in known.evidence.reads})
        found = check(name, trucks, needs, known.dock, known.evidence, until_us, inside=inside)
        left = departed(known.evidence, rows[0]["vehicle_id"])
        load = Load(
            name, site.name, own[0]["door"], own[0]["vehicle"], _with_booked(found, wanted, name),
            left if left is not None and left <= self._now_us else None,
            frozenset(m["unit"] for m in marks if m["shipment_id"] == shipment and m["kind"] == "left"),
        )  # fmt: skip

        def then(at_us: int) -> list[UnitNow]:
            return check(name, trucks, needs, known.dock, known.evidence, min(at_us, until_us), inside=inside)

        values = {"site": site.key, "door": load.door, "docked_at": since, "departed_at": moment(load.departed_us)}
        return self._keep(shipment, load, found, {**values, "made_from": json.dumps(made_from)}, then)

    def _known(
        self, site: Site, span: Mapping[str, Any], readers: Sequence[Row], beside: Sequence[Row], marks: Sequence[Row]
    ) -> _Known:
        zone_of = {(row["device"], row["antenna"]): row["zone"] for row in readers}
        found = self._rows("reads", limit=READS_MAX, **span)
        if len(found) == READS_MAX:
            log.warning("loads: more than %d reads at %s; the rest is left out", READS_MAX, site.name)
        reads, keys = [], dict[str, str]()
        for row in found:
            zone = zone_of.get((row["device_id"], row["antenna"]), zone_of.get((row["device_id"], None)))
            epc = row["epc"]
            if epc not in keys:
                keys[epc] = _sscc(epc)
            if zone is not None and keys[epc]:
                antenna = row["device_id"] * ANTENNA + row["antenna"]
                reads.append(Read(row["at_us"], zone, antenna, keys[epc], row["rssi_dbm"]))
        awake: dict[int, set[int]] = defaultdict(set)
        first, last = (to_us(span[name]) // EPOCH_US for name in ("since", "until"))
        for row in self._rows("awake", **span):
            began, ended = row["began_us"] // EPOCH_US, row["ended_us"] // EPOCH_US
            awake[row["zone_id"]].update(range(max(began, first), min(ended, last) + 1))
        hearing = {
            row["zone_id"]: Hearing(*(row[name] for name in Hearing._fields)) for row in self._rows("hearing", **span)
        }
        doors = {row["zone_id"] for row in beside} | {row["zone"] for row in readers if row["dock"] == "door"}
        staging = {row["zone"] for row in readers if row["dock"] == "staging"} - doors
        stays = [
            Stay(row["vehicle_id"], row["zone_id"], to_us(row["began_at"]), row["ended_at"] and to_us(row["ended_at"]))
            for row in beside
        ]
        scans = [Scan(to_us(row["at"]), row["unit"], row["vehicle_id"]) for row in marks if row["kind"] == "scan"]
        return _Known(Dock(doors, staging, hearing, awake), Evidence(stays, reads, scans))

    def _inside(self, span: Mapping[str, Any], units: set[str]) -> list[Inside]:
        """Which units were in which about then, as far up and down as it goes."""
        found: set[Inside] = set()
        asked: set[str] = set()
        for _ in range(DEEP_MAX):
            if not (more := units - asked):
                break
            asked |= more
            rows = self._rows("nested", since=span["since"], until=span["until"], units=sorted(more))
            for row in rows:
                until = None if row["until"] is None else to_us(row["until"])
                found.add(Inside(row["unit"], row["parent"], to_us(row["since"]), until))
            units = {name for each in found for name in (each.unit, each.parent)}
        return sorted(found, key=lambda each: (each.unit, each.parent, each.since_us))

    # ------------------------------------------------------------ what is said
    def _keep(self, shipment: int, load: Load, found: Sequence[UnitNow], values: Mapping[str, Any], then: Any) -> int:
        said = self._said(shipment)
        rows = said_anew(found, said)
        last = self._last(shipment)
        if last is not None and not last.cleared:
            load = _replaced(load, then(last.opened_us))
        word = alert(load, last, self._now_us)
        with self._connection.transaction():
            (kept,) = self._rows("put_check", shipment=shipment, rule=RULE_VERSION, anew=bool(rows), **values)
            self._say(shipment, rows)
            alerts = [] if word is None else self._alert(word, values["site"], shipment)
            if rows or alerts:
                self._tell(load, kept["revision"], alerts)
        return int(bool(rows)) + len(alerts)

    def _over(self, row: Row) -> int:
        """It is loaded nowhere any more: nothing is said of its units, and its alert never was."""
        said = self._said(row["id"])
        rows, last = said_anew((), said), self._last(row["id"])
        load = Load(row["name"], "", "", "", (), None, gone=True)
        word = alert(load, last, self._now_us)
        if not rows and word is None:
            return 0
        values = {"site": None, "door": "", "docked_at": None, "departed_at": None, "made_from": "{}"}
        with self._connection.transaction():
            (kept,) = self._rows("put_check", shipment=row["id"], rule=RULE_VERSION, anew=bool(rows), **values)
            self._say(row["id"], rows)
            alerts = [] if word is None else self._alert(word, None, row["id"])
            self._tell(load, kept["revision"], alerts)
        return 1

    def _said(self, shipment: int) -> dict[str, Said]:
        rows = self._rows("units", shipment=shipment)
        return {row["unit"]: Said(row["revision"], unit_of(row), row["retracted"]) for row in rows}

    def _say(self, shipment: int, rows: Sequence[dict[str, Any]]) -> None:
        if not rows:
            return
        self._rows("supersede_units", shipment=shipment, rows=json.dumps([{"unit": row["unit"]} for row in rows]))
        self._rows("put_units", shipment=shipment, rows=json.dumps(rows))

    def _last(self, shipment: int) -> Told | None:
        rows = self._rows("load_alerts", shipments=[shipment], since=self._now - LATELY)
        return _told(rows[0]) if rows else None

    def _alert(self, word: Word, site: int | None, shipment: int) -> list[int]:
        row = alert_row(0, word, (self._tenant, site or 0, shipment), self._now_us)
        kept = [each["id"] for each in self._rows("keep_alerts", rows=json.dumps([row]))]
        detail = {"opened_at": rfc3339(word.opened_us), "title": word.title}
        news = [{"id": key, "at": rfc3339(self._now_us), "what": word.what, "detail": detail} for key in kept]
        self._rows("report_alerts", rows=json.dumps(news))
        return kept

    def _tell(self, load: Load, revision: int, alerts: Sequence[int]) -> None:
        """Pages are told that the check says something else, and of its alert."""
        body: dict[str, Any] = {"loads": [news(load, revision)]}
        rows = self._rows("told_alerts", ids=list(alerts))
        body["alerts"] = [{"id": str(row["id"]), "op": "put", "data": shape(row, _when)} for row in rows]
        named = queries("operations")
        self._connection.execute(named["speak_for"], {"of_tenant": self._tenant})
        text = json.dumps({topic: news for topic, news in body.items() if news}, separators=(",", ":")).encode()
        self._connection.execute(named["tell_pages"], {"body": text})


@dataclass(frozen=True, slots=True)
class _Known:
    dock: Dock
    evidence: Evidence


def _until(evidence: Evidence, dock: Dock, until_us: int) -> int:
    """The end of what is known: so the same is said whenever somebody looks."""
    known = [read.at_us for read in evidence.reads] + [scan.at_us for scan in evidence.scans]
    known += [(max(epochs) + 1) * EPOCH_US - 1 for epochs in dock.awake.values() if epochs]
    known += [stay.began_us for stay in evidence.stays]
    return min(until_us, max(known, default=until_us))


def _with_booked(found: Sequence[UnitNow], wanted: Sequence[Row], name: str) -> list[UnitNow]:
    """For the alert: what a person has confirmed is on board unless it was read where it stood before."""
    booked = {row["unit"] for row in wanted if row["shipment"] == name and row["booked"]}
    return [
        now._replace(state="loaded") if now.unit in booked and now.state in ("expected", "doubtful") else now
        for now in found
    ]


def _replaced(load: Load, then: Sequence[UnitNow]) -> Load:
    return Load(
        load.shipment, load.site, load.door, load.vehicle, load.units, load.departed_us, load.left, then, load.gone
    )  # fmt: skip


def _sscc(epc: str) -> str:
    """The SSCC of a tag; empty: it is on something else."""
    try:
        found = decode(epc)
    except EpcError:
        return ""
    return found.key if found.kind == "sscc" else ""


def _told(row: Row) -> Told:
    return Told(
        row["id"], row["severity"], row["title"], row["load"], to_us(row["opened_at"]), row["cleared_at"] is not None,
        row["withdrawn"],
    )  # fmt: skip


def _when(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(to_us(at))
