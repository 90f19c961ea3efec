"""Alerts of stock have no device: no query may lose them by joining one, unless it is about what devices say."""

from __future__ import annotations

import re
from pathlib import Path

from store.db import queries

ROOM = Path(__file__).resolve().parents[2] / "store" / "queries"
ABOUT_DEVICES = {
    "api.vehicle_alerts": "a vehicle is in alarm by its devices",
    "vehicles.groups": "the same",
    "kpis.colds": "the cold chain's alerts are told by devices",
}
"""Queries that ask for alerts of devices alone, and why."""
_ALERT = re.compile(r"\b(?:from|join)\s+alert\b(?!_)", re.IGNORECASE)
_INNER = re.compile(r"(?<!left )(?<!full )\bjoin\s+(?:device|assignment|label)\s+(\w+)\s+on\s+([^\n]*)", re.IGNORECASE)
_FROM_DEVICE = re.compile(r"\bfrom\s+device\s+\w+\s+join\s+alert\b", re.IGNORECASE)


def loses_stock(sql: str) -> bool:
    """Whether a query joins alerts to a device that stock has not."""
    if not _ALERT.search(sql):
        return False
    joined = (found[2] for found in _INNER.finditer(sql))
    return bool(_FROM_DEVICE.search(sql)) or any(re.search(r"\ba\.(?:device_id|probe_id)\b", on) for on in joined)


def test_an_inner_join_is_seen() -> None:
    assert loses_stock("select a.id from alert a join device d on d.id = a.device_id")
    assert loses_stock("select 1 from device d join alert a on a.device_id = d.id")
    assert not loses_stock("select a.id from alert a left join device d on d.id = a.device_id")
    assert not loses_stock("select e.id from alert_event e join device d on d.id = e.device_id")


def test_no_query_loses_alerts_that_have_no_device() -> None:
    found = {
        f"{room.stem}.{name}"
        for room in sorted(ROOM.glob("*.sql"))
        for name, sql in queries(room.stem).items()
        if loses_stock(sql)
    }
    assert found == set(ABOUT_DEVICES)
