"""What a snapshot of the live feed holds: all objects of its topics."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from api.database import Session
from api.resources.shared.alerts import alert_rows, alert_shape
from api.resources.shared.shipments import read_shipments
from api.resources.shared.sites import read_sites
from api.resources.shared.stock import read_stock
from api.resources.shared.vehicles import read_vehicles

RECENT = timedelta(days=1)


async def topics(session: Session, wanted: Iterable[str]) -> dict[str, list[Any]]:
    """All objects of the websocket's topics: what a snapshot holds."""
    now = datetime.now(UTC)
    found: dict[str, list[Any]] = {}
    for topic in wanted:
        if topic == "vehicles":
            found[topic] = await read_vehicles(session)
        elif topic == "shipments":
            found[topic] = await read_shipments(session, now, recent=now - RECENT)
        elif topic == "alerts":
            found[topic] = [alert_shape(row) for row in await alert_rows(session, state="open")]
        elif topic == "stock":
            found[topic] = await read_stock(session)
        elif topic == "sites":
            found[topic] = await read_sites(session)
        elif topic in ("facts", "orders", "loads", "docks"):
            found[topic] = []  # news only; what is known is asked by REST
    return found
