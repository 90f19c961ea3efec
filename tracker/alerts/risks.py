"""Alerts that a stop's window may be missed: one per stop, cleared and opened again as its risk goes."""

from __future__ import annotations

import psycopg

from domain.times import from_us, to_us
from store.tracking import TrackingStore
from tracker.alerts.shape import alert_shape
from tracker.engine.registry import Registry
from tracker.engine.step import Outcome, RiskNews, text


class Risks:
    """Writes these alerts."""

    def __init__(self, store: TrackingStore) -> None:
        self._store = store

    def write(self, cursor: psycopg.Cursor, registry: Registry, out: Outcome) -> list[int]:
        """The news of a step; returns the vehicles whose alerts changed."""
        return sorted({vehicle for news in out.risks if (vehicle := self._one(cursor, registry, news, out))})

    def _one(self, cursor: psycopg.Cursor, registry: Registry, news: RiskNews, out: Outcome) -> int:
        values = {
            "tenant_id": news.tenant_id,
            "stop_id": news.stop_id,
            "device_id": news.device_id,
            "title": news.title,
            "at": from_us(news.at_us),
            "decided_at": from_us(out.now_us),
        }
        kept = self._store.one(cursor, "raise_late_risk" if news.raised else "clear_late_risk", values)
        if kept is None:
            return 0  # it was said already
        again = "raised" if kept["revision"] == 1 else "reopened"
        what = again if news.raised else "cleared"
        cursor.execute(self._store.sql("alert_event"), (kept["id"], from_us(out.now_us), what))
        device = registry.devices.get(kept["device_id"])
        if device is None:
            return 0
        if kept["resolved_at"] is None:  # else somebody is done with it: it is off the lists
            cleared = kept["cleared_at"]
            shape = alert_shape(
                registry,
                kept,
                device.id,
                kind="late_risk",
                severity=kept["severity"],
                title=kept["title"],
                probe=None,
                opened_us=to_us(kept["opened_at"]),
                alarm=text(to_us(kept["alarm_at"])),
                cleared=text(to_us(cleared)) if cleared else None,
            )
            out.change(device.tenant_id, "alerts", str(kept["id"]), "put", shape)
        return device.vehicle_id
