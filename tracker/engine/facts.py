"""Facts into the store: a first word, or the next one, which supersedes the word before; and the news of it.

A kind of fact has two queries in `store/queries/facts.sql`, `supersede_{kind}` and `put_{kind}`, and a method here.
Trips are written many at a time: a whole fleet may set out in one step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import psycopg

from domain.times import from_us, to_us
from store.tracking import TrackingStore
from tracker.engine.registry import Device, Registry
from tracker.engine.step import CallFact, DeviationFact, ExcursionFact, Outcome, TripFact, VisitFact, instant, text
from tracker.rules import calls, geofence, off_route, temperature, trips
from tracker.rules.scan import NEVER


class Fact(Protocol):
    """What all facts have; `id` 0: nobody has spoken of it yet."""

    @property
    def id(self) -> int:
        """The same for all revisions."""

    @property
    def revision(self) -> int:
        """1 for the first word."""

    @property
    def retracted(self) -> bool:
        """It is no longer so."""


class Facts:
    """Writes facts. Call inside the transaction."""

    def __init__(self, store: TrackingStore) -> None:
        self._store = store

    def visit(self, cursor: psycopg.Cursor, registry: Registry, fact: VisitFact, out: Outcome) -> int:
        """A visit; returns its id."""
        vehicle, site = registry.vehicles[fact.vehicle_id], registry.sites.get(fact.site_id)
        values = {
            "tenant_id": vehicle.tenant_id,
            "vehicle_id": fact.vehicle_id,
            "site_id": fact.site_id,
            "entered_at": from_us(fact.entered_us),
            "left_at": instant(fact.left_us),
            "rule_version": geofence.VERSION,
        }
        about = {"vehicle": vehicle.name, "site": site.name if site else None}
        return self._put(cursor, "visit", fact, values, about, (fact.entered_us, fact.left_us), out)

    def trips(self, cursor: psycopg.Cursor, registry: Registry, facts: Sequence[TripFact], out: Outcome) -> list[int]:
        """Trips, stops and gaps; returns their ids."""
        old = [(f.id, out.now_us) for f in facts if f.id]
        self._store.bulk(cursor, "supersede_trips", old)
        decided_us = {int(i): to_us(at) for i, at in cursor.fetchall()} if old else {}
        cursor.execute(self._store.sql("trip_ids"), (sum(not f.id for f in facts),))
        fresh = (int(i) for (i,) in cursor.fetchall())
        ids, rows = [], []
        for f in facts:
            ids.append(f.id or next(fresh))
            at_us = decided_us.get(f.id, out.now_us)
            vehicle = registry.vehicles[f.vehicle_id]
            rows.append(
                (ids[-1], f.revision, vehicle.tenant_id, *f[2:6], *f.figures, at_us, trips.VERSION, int(f.retracted))
            )
            about = {"vehicle": vehicle.name, "what": f.kind}
            told = (at_us, trips.VERSION, vehicle.tenant_id)
            _tell("trip", ids[-1], f, told, about, (f.start_us, f.end_us), out)
        self._store.bulk(cursor, "put_trips", rows)
        return ids

    def excursion(self, cursor: psycopg.Cursor, device: Device, probe: str, fact: ExcursionFact, out: Outcome) -> int:
        """An excursion; returns its id. How far an open one has come is told when it ends."""
        ended = fact.end_us != NEVER
        values = {
            "tenant_id": device.tenant_id,
            "probe_id": fact.probe_id,
            "device_id": device.id,
            "kind": fact.kind,
            "limit_c": fact.limit_c,
            "started_at": from_us(fact.start_us),
            "ended_at": instant(fact.end_us),
            "alarm_at": instant(fact.alarm_us),
            "extreme_c": fact.extreme_c if ended else None,
            "samples": fact.samples if ended else None,
            "rule_version": temperature.VERSION,
        }
        about = {"device": device.name, "probe": probe, "what": fact.kind}
        return self._put(cursor, "excursion", fact, values, about, (fact.start_us, fact.end_us), out)

    def call(self, cursor: psycopg.Cursor, registry: Registry, fact: CallFact, out: Outcome) -> int:
        """A call at a stop; returns its id."""
        values = {
            "turn": fact.turn,
            "arrived_at": from_us(fact.arrived_us),
            "departed_at": instant(fact.departed_us),
        }
        return self._of_shipment(cursor, registry, "call", fact, values, (fact.arrived_us, fact.departed_us), out)

    def deviation(self, cursor: psycopg.Cursor, registry: Registry, fact: DeviationFact, out: Outcome) -> int:
        """Something otherwise than planned; returns its id."""
        values = {"kind": fact.kind, "started_at": from_us(fact.start_us), "ended_at": instant(fact.end_us)}
        return self._of_shipment(cursor, registry, "deviation", fact, values, (fact.start_us, fact.end_us), out)

    def _of_shipment(
        self,
        cursor: psycopg.Cursor,
        registry: Registry,
        kind: str,
        fact: CallFact | DeviationFact,
        values: Mapping[str, Any],
        span_us: tuple[int, int],
        out: Outcome,
    ) -> int:
        tenant_id, shipment = out.shipment_names[fact.shipment_id]
        vehicle = registry.vehicles.get(fact.vehicle_id)
        of = {
            "tenant_id": tenant_id,
            "shipment_id": fact.shipment_id,
            "stop_id": fact.stop_id,
            "vehicle_id": fact.vehicle_id,
            "rule_version": off_route.VERSION if values.get("kind") == "off_route" else calls.VERSION,
        }
        about = {"shipment": shipment, "vehicle": vehicle.name if vehicle else None, "what": values.get("kind")}
        return self._put(cursor, kind, fact, {**of, **values}, about, span_us, out)

    def _put(
        self,
        cursor: psycopg.Cursor,
        kind: str,
        fact: Fact,
        values: Mapping[str, Any],
        about: Mapping[str, str | None],
        span_us: tuple[int, int],
        out: Outcome,
    ) -> int:
        """The next word on a fact; the word before ends at the moment this one begins, so one of them always counts."""
        decided_us = out.now_us
        row = {"id": fact.id or None, "revision": fact.revision, "retracted": fact.retracted, **values}
        if fact.id:
            said = self._store.one(cursor, f"supersede_{kind}", {"id": fact.id, "decided_at": from_us(decided_us)})
            decided_us = to_us(said["superseded_at"]) if said else decided_us
        made = self._store.one(cursor, f"put_{kind}", {**row, "decided_at": from_us(decided_us)})
        fact_id = int(made["id"]) if made else 0
        _tell(kind, fact_id, fact, (decided_us, values["rule_version"], values["tenant_id"]), about, span_us, out)
        return fact_id


def _tell(
    kind: str,
    fact_id: int,
    fact: Fact,
    told: tuple[int, int, int],
    about: Mapping[str, str | None],
    span_us: tuple[int, int],
    out: Outcome,
) -> None:
    """News of a fact; `told` is when it was decided, by which version, and whose it is."""
    decided_us, rule_version, tenant_id = told
    news = {
        "kind": kind,
        "id": str(fact_id),
        "revision": fact.revision,
        "retracted": fact.retracted,
        "decided_at": text(decided_us),
        "rule_version": rule_version,
        "about": about,
        "start": text(span_us[0]),
        "end": text(span_us[1]),
    }
    out.change(tenant_id, "facts", f"{kind}/{fact_id}", "tell", news)
