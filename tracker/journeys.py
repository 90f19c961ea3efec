"""Shipments on the move: arrival and departure at stops, and the arrival times of the stops still to come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from domain.geo import distance_m
from domain.times import to_us
from tracker.outcome import Outcome, ShipmentStatus, StopTime, VisitFact, text
from tracker.registry import Registry, Shipment, Stop
from tracker.rules import eta
from tracker.rules.scan import NEVER
from tracker.vehicles import Vehicles, View

INTERVAL_US = 10_000_000  # a new prediction is due after this much event time


@dataclass
class Progress:
    """How far a shipment has come along its line, and the pace learned on the way."""

    shipment_id: int
    way_m: float = 0.0
    t_us: int = 0
    pace: eta.Pace = eta.Pace()  # noqa: RUF009  frozen
    predicted_us: int = 0


@dataclass
class Prediction:
    """The newest arrival time of a stop."""

    p10_us: int
    p50_us: int
    p90_us: int
    remaining_m: float
    decided_us: int

    def shape(self) -> dict[str, Any]:
        """As people see it."""
        return {
            "p10": text(self.p10_us),
            "p50": text(self.p50_us),
            "p90": text(self.p90_us),
            "remaining_m": round(self.remaining_m),
            "decided_at": text(self.decided_us),
        }


class Journeys:
    """Progress of the shipments on our vehicles."""

    def __init__(self) -> None:
        self._progress: dict[int, Progress] = {}
        self._predictions: dict[int, Prediction] = {}

    def step(
        self, registry: Registry, vehicles: Vehicles, touched: list[int], visits: list[VisitFact], out: Outcome
    ) -> None:
        """Arrivals and departures of these visits, then predictions for the touched vehicles that are due one."""
        told: set[int] = set()
        for fact in sorted(visits, key=lambda v: v.entered_us):
            shipment = registry.shipments.get(fact.vehicle_id)
            if shipment is not None and not fact.retracted and self._visit(shipment, fact, out):
                told.add(fact.vehicle_id)
        for vehicle_id in touched:
            shipment = registry.shipments.get(vehicle_id)
            if shipment is None or shipment.status == "delivered":
                continue
            view = vehicles.view(vehicle_id)
            if view is not None and self._predict(shipment, view, out):
                told.add(vehicle_id)
        for vehicle_id in told:
            self._announce(registry, registry.shipments[vehicle_id], out)

    def _visit(self, shipment: Shipment, fact: VisitFact, out: Outcome) -> bool:
        """An arrival at the next stop of that place, or the departure from one."""
        here = [s for s in shipment.stops if s.fence_id == fact.site_id]
        for left in here:
            stayed = left.arrived_us is not None and left.departed_us is None and fact.left_us != NEVER
            if stayed and fact.left_us >= (left.arrived_us or 0):
                return self._depart(shipment, left, fact.left_us, out)
        stop = next((s for s in here if s.arrived_us is None), None)
        if stop is None:
            return False
        index = shipment.stops.index(stop)
        if shipment.status == "planned" and index and shipment.stops[index - 1].arrived_us is None:
            return False  # not loaded yet: passing a customer is no delivery
        stop.arrived_us = fact.entered_us
        out.stop_times.append(StopTime(stop.id, fact.entered_us, None))
        self._predictions.pop(stop.id, None)
        if stop is shipment.stops[-1]:
            shipment.status = "delivered"
            out.shipment_status.append(ShipmentStatus(shipment.id, "delivered", fact.entered_us))
        elif fact.left_us != NEVER:
            self._depart(shipment, stop, fact.left_us, out)
        return True

    @staticmethod
    def _depart(shipment: Shipment, stop: Stop, left_us: int, out: Outcome) -> bool:
        stop.departed_us = left_us
        out.stop_times.append(StopTime(stop.id, None, left_us))
        if shipment.status == "planned":
            shipment.status = "in_transit"
            out.shipment_status.append(ShipmentStatus(shipment.id, "in_transit", left_us))
        return True

    def _predict(self, shipment: Shipment, view: View, out: Outcome) -> bool:
        progress = self._progress.get(shipment.vehicle_id)
        if progress is None or progress.shipment_id != shipment.id:
            progress = self._progress[shipment.vehicle_id] = Progress(shipment.id)
        if view.t_us < progress.predicted_us + INTERVAL_US:
            return False
        ahead = [s for s in shipment.stops if s.arrived_us is None]
        if not ahead:
            return False
        remaining = self._remaining(shipment, ahead, view, progress)
        seconds = eta.arrivals(remaining, progress.pace.speed_mps, np.arange(len(ahead), dtype=np.float64))
        for stop, metres, row in zip(ahead, remaining.tolist(), seconds.tolist(), strict=True):
            p10, p50, p90 = (view.t_us + round(s * 1e6) for s in row)
            self._predictions[stop.id] = Prediction(p10, p50, p90, metres, out.now_us)
            out.eta_rows.append(
                (
                    shipment.tenant_id,
                    stop.id,
                    view.t_us,
                    p10,
                    p50,
                    p90,
                    metres,
                    progress.pace.speed_mps,
                    out.now_us,
                    eta.VERSION,
                )
            )
        progress.predicted_us = view.t_us
        return True

    @staticmethod
    def _remaining(
        shipment: Shipment, ahead: list[Stop], view: View, progress: Progress
    ) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Way left to each stop ahead, metres; learns the pace by the way."""
        lats, lons = np.array([s.lat for s in ahead]), np.array([s.lon for s in ahead])
        here = float(distance_m(view.lat, view.lon, lats[0], lons[0])) * eta.DETOUR
        legs = distance_m(lats[:-1], lons[:-1], lats[1:], lons[1:]) * eta.DETOUR
        beeline = here + np.concatenate([[0.0], np.cumsum(legs)])
        if shipment.line is None:
            return beeline
        way, off = shipment.line.locate(view.lat, view.lon, progress.way_m)
        if off > eta.OFF_LINE_M:
            return beeline
        elapsed = (view.t_us - progress.t_us) / 1e6
        if progress.t_us and 0 < elapsed < 600 and view.status == "moving":
            progress.pace = progress.pace.after(max(way - progress.way_m, 0.0), elapsed)
        progress.way_m, progress.t_us = way, view.t_us
        out, at = [], way
        for stop in ahead:
            at = shipment.line.locate(stop.lat, stop.lon, at)[0]
            out.append(at - way)
        return np.array(out)

    def _announce(self, registry: Registry, shipment: Shipment, out: Outcome) -> None:
        """Tells the shipment's stops, and the vehicle's next one."""
        stops = []
        for s in shipment.stops:
            found = self._predictions.get(s.id)
            site = registry.sites.get(s.site_id)
            stops.append(
                {
                    "seq": s.seq,
                    "stop_id": s.name,
                    "site": site.name if site else None,
                    "name": s.label,
                    "lat": s.lat,
                    "lon": s.lon,
                    "window_start": _instant(s.window_start),
                    "window_end": _instant(s.window_end),
                    "arrived_at": text(s.arrived_us),
                    "departed_at": text(s.departed_us),
                    "eta": found.shape() if found and s.arrived_us is None else None,
                }
            )
        out.change(
            shipment.tenant_id,
            "shipments",
            shipment.name,
            "merge",
            {"id": shipment.name, "status": shipment.status, "stops": stops},
        )
        vehicle = registry.vehicles.get(shipment.vehicle_id)
        stop = shipment.next_stop()
        if vehicle is not None:
            found = self._predictions.get(stop.id) if stop else None
            shape = None
            if stop is not None:
                where = registry.sites.get(stop.site_id)
                shape = {
                    "id": shipment.name,
                    "next_stop": where.name if where else stop.name,
                    "p10": None,
                    "p50": None,
                    "p90": None,
                }
                if found:
                    shape |= {k: v for k, v in found.shape().items() if k in ("p10", "p50", "p90")}
            out.change(shipment.tenant_id, "vehicles", vehicle.name, "merge", {"shipment": shape})


def _instant(at: datetime | None) -> str | None:
    return text(to_us(at)) if at else None
