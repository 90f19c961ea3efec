"""Shipments on the move: arrival and departure at stops, and the arrival times of the stops still to come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from domain.geo import distance_m
from domain.times import to_us
from store.tracking import TrackingStore
from tracker.dispatch import Dispatch
from tracker.outcome import Outcome, VisitFact, text
from tracker.registry import Registry, Shipment, Stop
from tracker.rules import eta
from tracker.rules.calls import Limits
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

    def __init__(self, store: TrackingStore, limits: Limits) -> None:
        self._dispatch = Dispatch(store, limits)
        self._progress: dict[int, Progress] = {}
        self._predictions: dict[int, Prediction] = {}

    def step(
        self, registry: Registry, vehicles: Vehicles, touched: list[int], visits: list[VisitFact], out: Outcome
    ) -> None:
        """Calls that these visits make or change, then predictions for the touched vehicles that are due one."""
        told = {s.id: s for s in self._dispatch.step(registry, vehicles, touched, visits, out)}
        for stop in (stop for shipment in told.values() for stop in shipment.stops if stop.arrived_us is not None):
            self._predictions.pop(stop.id, None)
        for vehicle_id in touched:
            shipment = registry.shipments.get(vehicle_id)
            view = vehicles.view(vehicle_id) if shipment is not None else None
            if shipment is not None and view is not None and self._predict(shipment, view, out):
                told[shipment.id] = shipment
        for shipment in told.values():
            self._announce(registry, shipment, out)
        for vehicle_id in {s.vehicle_id for s in told.values()}:
            self._announce_next(registry, vehicle_id, out)

    def _predict(self, shipment: Shipment, view: View, out: Outcome) -> bool:
        progress = self._progress.get(shipment.vehicle_id)
        if progress is None or progress.shipment_id != shipment.id:
            progress = self._progress[shipment.vehicle_id] = Progress(shipment.id)
        if view.t_us < progress.predicted_us + INTERVAL_US:
            return False
        ahead = shipment.ahead()
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
        """Tells the shipment's stops."""
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
                    "deviations": s.deviations,
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

    def _announce_next(self, registry: Registry, vehicle_id: int, out: Outcome) -> None:
        """Tells the shipment a vehicle is on, and when it is expected at the next stop."""
        vehicle, shipment = registry.vehicles.get(vehicle_id), registry.shipments.get(vehicle_id)
        if vehicle is None:
            return
        shape: dict[str, Any] | None = None
        if shipment is not None:
            stop = shipment.next_stop()
            where = registry.sites.get(stop.site_id) if stop else None
            found = self._predictions.get(stop.id) if stop else None
            times = found.shape() if found else {}
            shape = {"id": shipment.name, "next_stop": where.name if where else stop.name if stop else None}
            shape |= {k: times.get(k) for k in ("p10", "p50", "p90")}
        out.change(vehicle.tenant_id, "vehicles", vehicle.name, "merge", {"shipment": shape})


def _instant(at: datetime | None) -> str | None:
    return text(to_us(at)) if at else None
