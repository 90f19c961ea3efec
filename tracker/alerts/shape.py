"""Alerts as people see them, and what has happened to one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.cases import case_parts
from domain.times import to_us
from tracker.engine.registry import Registry
from tracker.engine.step import text


def news(kept: Mapping[str, Any], *, retracted: bool) -> str | None:
    """What has happened to an alert, None when it stands as it stood.

    >>> news({"told_revision": 2, "revision": 3, "told_cleared_at": None, "cleared_at": None}, retracted=False)
    'amended'
    """
    if kept["told_revision"] is None:
        return "raised"
    if kept["told_revision"] == kept["revision"]:
        return None
    if retracted:
        return "retracted"
    was_active, is_active = kept["told_cleared_at"] is None, kept["cleared_at"] is None
    if was_active == is_active:
        worse = is_active and kept.get("told_severity") == "warning" and kept["severity"] == "critical"
        return "raised" if worse else "amended"  # a step up is told to people anew
    return "reopened" if is_active else "cleared"


def alert_shape(
    registry: Registry,
    kept: Mapping[str, Any],
    device_id: int,
    *,
    kind: str,
    severity: str,
    title: str,
    probe: str | None,
    opened_us: int,
    alarm: str | None,
    cleared: str | None,
    figures: Mapping[str, Any] | None = None,
    expected: Mapping[str, str | float | None] | None = None,
) -> dict[str, Any]:
    """An alert as people see it: of where its device was when it began."""
    device, place = registry.devices[device_id], registry.where.at(device_id, opened_us)
    if vehicle := registry.vehicles.get(place.vehicle_id):
        subject = {"kind": "vehicle", "id": vehicle.name}
    elif site := registry.sites.get(place.site_id):
        subject = {"kind": "site", "id": site.name}
    else:
        subject = {"kind": "device", "id": device.name}
    empty = {"limit_c": None, "extreme_c": None, "last_c": None}
    return {
        "id": str(kept["id"]),
        "kind": kind,
        "severity": severity,
        "subject": subject,
        "device": device.name,
        "probe": probe,
        "title": title,
        **(figures or empty),
        "expected": expected,
        "stock": None,
        "load": None,
        "opened_at": text(opened_us),
        "alarm_at": alarm,
        "decided_at": _when(kept["decided_at"]),
        "cleared_at": cleared,
        "state": "cleared" if cleared else "active",
        "revision": kept["revision"],
        "acknowledged_at": _when(kept["acknowledged_at"]),
        "acknowledged_by": kept["acknowledged_by"],
        "note": kept["note"],
        "resolved_at": _when(kept["resolved_at"]),
        "resolved_by": kept["resolved_by"],
        **case_parts(kept, _when),
    }


def _when(at: Any) -> str | None:
    return text(to_us(at)) if at else None
