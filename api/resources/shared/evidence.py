"""What an evidence pack of a shipment holds, record by record, as it was known at a moment."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from math import isfinite
from typing import Any

import orjson

from api.database import Row, Session
from api.http.caller import Caller
from api.http.context import Context
from api.http.jsons import when
from api.resources.shared.reading_pages import pages
from domain import goods
from domain.evidence.epcis import Hour, identifier, sensor_event
from domain.evidence.goods_events import codes_of, events_of
from domain.permissions import Permission
from domain.profiles import without_secrets
from domain.readings import WRONG_TIME, Flag
from store.db import queries

Record = tuple[str, Mapping[str, Any]]
KEYS = ("key", "profile_key")
"""Of the database's own: they say nothing to anybody else."""
READING = (
    "time", "received_at", "boot", "seq", "flags", "probe", "temp_c", "humidity_pct", "correction_c",
)  # fmt: skip
NO_TEMPERATURE = int(WRONG_TIME | Flag.SENTINEL)
PER_RECORD = 500  # readings of one line


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as it stands in a pack: times as text."""
    return {
        name: when(value) if isinstance(value, datetime) else value for name, value in row.items() if name not in KEYS
    }


class ProbeSeen:
    """What one probe of a device saw during a stay: gaps, and each hour's extremes."""

    def __init__(self, device: str, probe: str, since: datetime, longest: timedelta) -> None:
        self.device, self.probe = device, probe
        self._last, self._longest = since, longest
        self._hours: dict[datetime, list[float]] = {}
        self._ends: dict[datetime, datetime] = {}

    def see(self, at: datetime, temp_c: float) -> dict[str, Any] | None:
        """The next reading in order of time; the gap before it, when there was one."""
        gap = self.until(at)
        hour = at.replace(minute=0, second=0, microsecond=0)
        found = self._hours.setdefault(hour, [temp_c, temp_c, 0.0, 0])
        found[0], found[1] = min(found[0], temp_c), max(found[1], temp_c)
        found[2], found[3] = found[2] + temp_c, found[3] + 1
        self._last = self._ends[hour] = at
        return gap

    def until(self, at: datetime) -> dict[str, Any] | None:
        """The gap that reaches to a moment, when there is one."""
        if at - self._last <= self._longest:
            return None
        seconds = (at - self._last).total_seconds()
        return {
            "device": self.device,
            "probe": self.probe,
            "from": when(self._last),
            "to": when(at),
            "seconds": seconds,
        }

    def hours(self) -> list[Hour]:
        """Each hour that it saw something of."""
        return [
            Hour(when(begins) or "", when(self._ends[begins]) or "", low, high, round(total / n, 3))
            for begins, (low, high, total, n) in sorted(self._hours.items())
        ]


class Evidence:
    """The records of one shipment; what is evidence of something else says otherwise what it is about."""

    kind = head = "shipment"

    def __init__(self, context: Context, caller: Caller, subject: Row, as_of: datetime) -> None:
        self._context, self._caller, self._subject, self.as_of = context, caller, subject, as_of

    @property
    def span(self) -> tuple[datetime, datetime]:
        """While it was under way, as far as that is known; from when it was planned, of one that has not begun."""
        row = self._subject
        begins = row["started_at"] or row["planned_at"]
        return begins, max(begins, min(row["delivered_at"] or row["cancelled_at"] or self.as_of, self.as_of))

    async def stays(self, session: Session) -> Sequence[Row]:
        """The devices whose readings count, and when each of them does."""
        return await session.rows(queries("evidence")["carried"], **self._asked)

    async def plan(self, session: Session) -> AsyncGenerator[Record, None]:
        """What was planned, and what came of that."""
        for stop in await session.rows(queries("evidence")["stops"], **self._asked):
            yield "stop", plain(stop)
        for call in await session.rows(queries("evidence")["calls"], **self._asked):
            yield "call", plain(call)

    async def units(self, session: Session) -> AsyncGenerator[Record, None]:
        """The handling units with it: their lots and budgets, what was done with them."""
        q, tenant = queries("evidence"), self._caller.tenant
        units = await session.rows(queries("handling")["of_shipments"], shipments=[self._subject["key"]])
        codes = [row["unit"] for row in units]
        rows = await session.rows(q["goods_movements"], units=codes, as_of=self.as_of) if codes else []
        told = [_movement(row) for row in rows]
        lots = await session.rows(q["goods_lots"], lots=sorted(codes_of(told)))
        for lot in lots:
            yield "lot", plain(lot)
        for movement in told:
            yield "goods_movement", movement
        gtins = {lot["lot"]: lot["gtin"] for lot in lots}
        for event in (each for movement in told for each in events_of(tenant, movement, gtins)):
            yield "epcis", {"event": event}
        for unit in units:
            if unit["decided_at"] is not None and unit["decided_at"] <= self.as_of:
                yield "goods_budget", {k: v for k, v in plain(unit).items() if k != "id"}

    async def verdict(self, session: Session) -> goods.Verdict:
        """In the words of the API."""
        asked = {"shipments": [self._subject["key"]], "now": self.as_of}
        rows = await session.rows(queries("goods")["shipment_temperatures"], **asked)
        units = await session.rows(queries("handling")["of_shipments"], shipments=asked["shipments"])
        known = [row for row in units if row["decided_at"] is not None and row["decided_at"] <= self.as_of]
        return goods.verdict(rows[0] if rows else None, known)

    @property
    def exposure(self) -> str:
        """How the alerts on what its goods were exposed to are known."""
        return f"exposure/{self._subject['key']}/"

    @property
    def _asked(self) -> dict[str, Any]:
        return {"shipment": self._subject["key"], "as_of": self.as_of}

    async def records(self) -> AsyncGenerator[Record, None]:
        """All of them in their order; each page of readings in a transaction of its own."""
        yield self.head, plain(self._subject)
        async with self._context.database.tenant(self._caller.tenant_id) as session:
            carried = await self.stays(session)
            before = [record async for record in self._before(session, carried)]
        for record in before:
            yield record
        for stay in carried:
            async for record in self._seen(stay):
                yield record
        async with self._context.database.tenant(self._caller.tenant_id) as session:
            behind = [record async for record in self._behind(session, carried)]
        for record in behind:
            yield record

    async def _before(self, session: Session, carried: Sequence[Row]) -> AsyncGenerator[Record, None]:
        q, devices = queries("evidence"), sorted({row["key"] for row in carried})
        async for record in self.plan(session):
            yield record
        for stay in carried:
            yield "device", plain(stay)
        asked = {"profile": self._subject["profile_key"], "devices": devices, "as_of": self.as_of}
        for version in await session.rows(q["temperature_profiles"], **asked):
            yield "temperature_profile", {**plain(version), "body": orjson.loads(version["body"])}
        for profile in await session.rows(q["device_profiles"], devices=devices, as_of=self.as_of):
            yield "device_profile", {**plain(profile), "body": without_secrets(orjson.loads(profile["body"]))}

    async def _seen(self, stay: Row) -> AsyncGenerator[Record, None]:
        """The readings of a stay, and the gaps and hours of each probe."""
        device, since, until = stay["device"], stay["since"], stay["until"]
        longest = timedelta(seconds=float(stay["max_interval_s"]))
        probes: dict[str, ProbeSeen] = {}
        values = {"device": stay["key"], "since": since, "until": until + timedelta(microseconds=1)}
        read = pages(self._context, self._caller, "readings_temp", encode=list, values=values)
        async for rows in read:
            known = [row for row in rows if row[1] <= self.as_of]
            for begin in range(0, len(known), PER_RECORD):
                some = known[begin : begin + PER_RECORD]
                yield "readings", {"device": device, "columns": READING, "rows": [_cells(row) for row in some]}
            for row in known:
                if row[4] & NO_TEMPERATURE or not isfinite(row[6]):
                    continue
                probe = probes.setdefault(row[5], ProbeSeen(device, row[5], since, longest))
                if gap := probe.see(row[0], row[6]):
                    yield "gap", gap
        for probe in probes.values():
            if gap := probe.until(until):
                yield "gap", gap
        for record in chain.from_iterable(self._events(device, probe) for probe in probes.values()):
            yield record

    def _events(self, device: str, probe: ProbeSeen) -> Iterator[Record]:
        tenant = self._caller.tenant
        of = identifier(tenant, self.kind, self._subject[self.kind]), identifier(tenant, "device", device)
        if hours := probe.hours():
            yield "epcis", {"event": sensor_event(*of, probe.probe, hours)}

    async def _behind(self, session: Session, carried: Sequence[Row]) -> AsyncGenerator[Record, None]:
        """What was decided of it, and what people did."""
        q, devices = queries("evidence"), sorted({row["key"] for row in carried})
        excursions = alerts = list[Row]()
        if carried:
            span = {"since": min(row["since"] for row in carried), "until": max(row["until"] for row in carried)}
            excursions = await session.rows(q["excursions"], devices=devices, as_of=self.as_of, **span)
            of = sorted({row["id"] for row in excursions})
            alerts = await session.rows(q["alerts"], excursions=of, exposure=self.exposure, as_of=self.as_of)
        keys = [row["id"] for row in alerts]
        for excursion in excursions:
            yield "excursion", plain(excursion)
        for alert in alerts:
            yield "alert", plain(alert)
        for event in await session.rows(q["case_events"], alerts=keys, as_of=self.as_of):
            yield "case_event", {**plain(event), "detail": dict(event["detail"])}
        name, profile = self._subject[self.kind], self._subject["profile"] or ""
        asked = {
            "kind": self.kind,
            "name": name,
            "profile": profile,
            "alerts": [str(key) for key in keys],
            "as_of": self.as_of,
        }
        may = Permission.AUDIT in self._caller.may
        if not may:
            yield "left_out", {"kind": "audit", "needs": Permission.AUDIT.value}
        for entry in await session.rows(q["audit"], **asked) if may else ():
            yield "audit", {**plain(entry), "detail": orjson.loads(entry["detail"])}
        if (head := await session.row(q["audit_head"])) is not None:
            yield "audit_head", plain(head)
        async for record in self.units(session):
            yield record
        yield "verdict", await self.verdict(session)


class DeviceEvidence(Evidence):
    """The records of one device in a span of time, wherever it was."""

    kind, head = "device", "subject"
    exposure = "none: it is about no goods"

    @property
    def span(self) -> tuple[datetime, datetime]:
        """What was asked for, up to the moment it is known of."""
        begins = self._subject["since"]
        return begins, max(begins, min(self._subject["until"], self.as_of))

    async def stays(self, session: Session) -> Sequence[Row]:
        """The device itself, all the time."""
        del session
        begins, ends = self.span
        return [{**self._subject, "since": begins, "until": ends}]

    async def plan(self, session: Session) -> AsyncGenerator[Record, None]:
        """Where it was."""
        begins, ends = self.span
        asked = {"device": self._subject["key"], "since": begins, "until": ends, "as_of": self.as_of}
        for place in await session.rows(queries("evidence")["whereabouts"], **asked):
            yield "whereabouts", plain(place)

    async def units(self, session: Session) -> AsyncGenerator[Record, None]:
        """Nothing: a device is no goods."""
        del session
        for record in list[Record]():
            yield record

    async def verdict(self, session: Session) -> goods.Verdict:
        """Of all its probes together."""
        begins, ends = self.span
        asked = {"device": self._subject["key"], "since": begins, "until": ends, "as_of": self.as_of}
        row = await session.row(queries("evidence")["device_temperatures"], **asked, **self._limits())
        return goods.verdict(row if row is not None and row["last_at"] is not None else None)

    def _limits(self) -> dict[str, Any]:
        return {name: self._subject[name] for name in ("low_c", "high_c", "max_interval_s")}


def _movement(row: Row) -> dict[str, Any]:
    """A movement of goods, with names of places."""
    body = row["body"]
    place = {kind: row[kind] for kind in ("vehicle", "shipment", "device", "site", "zone") if row[kind]}
    probe = (body.get("place") or {}).get("probe")
    return {
        **{name: row[name] for name in ("id", "kind")},
        "at": when(row["at"]),
        "unit": row["units"][0],
        "others": row["units"][1:],
        "contents": body.get("contents", []),
        "place": {**place, **({"probe": probe} if probe else {})} or None,
        "reason": row["reason"],
        "recorded_at": when(row["recorded_at"]),
        "recorded_by": row["recorded_by"],
        "voided_at": when(row["voided_at"]),
        "voided_by": row["voided_by"],
        "void_reason": row["void_reason"],
    }


def _cells(row: Sequence[Any]) -> list[Any]:
    time, received_at, boot, seq, bits, *rest = row
    return [when(time), when(received_at), boot, seq, Flag.names(bits) if bits else [], *rest]
