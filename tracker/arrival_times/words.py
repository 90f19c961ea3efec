"""Arrival times as people see them: those of all stops that are told of in a step at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import numpy as np

from domain.digits import shown_all
from domain.folds.scan import NEVER
from domain.readings import I64
from domain.times import rfc3339_all, to_us
from tracker.arrival_times.plans import Plans
from tracker.engine.registry import Registry, Shipment
from tracker.engine.step import Step, text
from tracker.rules.forecast import NO_TIME

Words = Mapping[int, dict[str, Any]]
"""By stop, its arrival time as it was last announced; stops without one are not there."""


def announce(plans: Plans, registry: Registry, shipments: Iterable[Shipment], step: Step) -> None:
    """Tells the stops of shipments; of their vehicles, which shipment they are on and when they are expected next."""
    found = list(shipments)
    vehicles = {s.vehicle_id for s in found}
    on = [shipment for v in vehicles if (shipment := registry.shipments.get(v)) is not None]
    words = _words(plans, {stop.id for s in (*found, *on) for stop in s.stops})
    for shipment in found:
        _announce(registry, shipment, words, step)
    for vehicle_id in vehicles:
        _announce_next(registry, vehicle_id, words, step)


def _words(plans: Plans, stops: Iterable[int]) -> Words:
    known = [(stop, place) for stop in stops if (place := plans.index.get(stop)) is not None]
    at = np.array([place for _, place in known], dtype=np.int64)
    shown = plans.shown
    told = shown.at_us[at] != NO_TIME
    at = at[told]
    columns = zip(
        _texts(shown.p10_us[at]),
        _texts(shown.p50_us[at]),
        _texts(shown.p90_us[at]),
        np.rint(shown.remaining_m[at]).astype(np.int64).tolist(),
        shown_all("late_probability", shown.risk[at]),
        shown.few_trips[at].tolist(),
        _texts(shown.decided_us[at]),
        strict=True,
    )
    words = (
        {
            "p10": p10,
            "p50": p50,
            "p90": p90,
            "remaining_m": remaining_m,
            "late_probability": risk if risk == risk else None,  # noqa: PLR0124
            "few_trips": few if few >= 0 else None,
            "decided_at": decided,
        }
        for p10, p50, p90, remaining_m, risk, few, decided in columns
    )
    return dict(zip((stop for (stop, _), it in zip(known, told.tolist(), strict=True) if it), words, strict=True))


def _texts(us: I64) -> Iterator[str | None]:
    texts = rfc3339_all(us)
    return iter(texts) if not (us == NEVER).any() else (text(t) for t in us.tolist())


def _announce(registry: Registry, shipment: Shipment, words: Words, step: Step) -> None:
    stops = []
    for s in shipment.stops:
        site = registry.sites.get(s.site_id)
        stops.append(
            {
                "seq": s.seq,
                "stop_id": s.name,
                "site": site.name if site else None,
                "name": s.label,
                "lat": s.lat,
                "lon": s.lon,
                "radius_m": s.radius_m,
                "window_start": _instant(s.window_start),
                "window_end": _instant(s.window_end),
                "arrived_at": text(s.arrived_us),
                "departed_at": text(s.departed_us),
                "deviations": s.deviations,
                "eta": words.get(s.id) if s.arrived_us is None else None,
            }
        )
    shape = {"id": shipment.name, "status": shipment.status, "stops": stops}
    step.change(shipment.tenant_id, "shipments", shipment.name, "merge", shape)


def _announce_next(registry: Registry, vehicle_id: int, words: Words, step: Step) -> None:
    vehicle, shipment = registry.vehicles.get(vehicle_id), registry.shipments.get(vehicle_id)
    if vehicle is None:
        return
    shape: dict[str, Any] | None = None
    if shipment is not None:
        stop = shipment.next_stop()
        where = registry.sites.get(stop.site_id) if stop else None
        times = words.get(stop.id, {}) if stop else {}
        shape = {"id": shipment.name, "next_stop": where.name if where else stop.name if stop else None}
        shape |= {k: times.get(k) for k in ("p10", "p50", "p90", "few_trips")}
    step.change(vehicle.tenant_id, "vehicles", vehicle.name, "merge", {"shipment": shape})


def _instant(at: datetime | None) -> str | None:
    return text(to_us(at)) if at else None
