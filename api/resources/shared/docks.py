"""Appointments at docks as they are shown: what was booked, what is expected, what was seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from typing_extensions import TypedDict

from api.database import Row, Session
from api.feed.emit import emit
from api.http.jsons import Time, when
from planning.docks.turns import EARLY, LATE, Actual, Asked, Docked, Stay, matched, state
from store.db import queries

State = Literal["booked", "arrived", "docked", "left", "no_show", "cancelled"]
Source = Literal["seen", "told"]
NONE: dict[str, Any] = dict.fromkeys(("id", "site", "door", "shipment", "since", "until", "keys", "after", "after_at"))
STAYS_MAX = 20_000


class Arrival(TypedDict):
    """When the shipment is expected at the site: a tenth, half, and nine tenths of such arrivals."""

    p10: Time | None
    p50: Time | None
    p90: Time | None


class DockAppointment(TypedDict):
    """An appointment. `door` null: any will do. `temp_class`: as it was said, else of what its shipment carries.

    Its times are those of visits and dockings (`seen`); where nobody saw it, what people told (`told`).
    """

    id: str
    site: str
    door: str | None
    direction: str
    shipment: str | None
    goods: str
    vehicle: str | None
    vehicle_label: str | None
    truck: str
    carrier: str | None
    carrier_label: str | None
    temp_class: str | None
    begins_at: Time | None
    ends_at: Time | None
    pallets: int | None
    note: str
    state: State
    reason: str
    arrival: Arrival | None
    arrived_at: Time | None
    arrived_by: Source | None
    docked_at: Time | None
    docked_by: Source | None
    left_at: Time | None
    left_by: Source | None
    at_door: str | None
    docking: str | None
    version: int
    created_at: Time | None
    created_by: str
    changed_at: Time | None
    changed_by: str


LIVE = {
    "state", "arrival", "arrived_at", "arrived_by", "docked_at", "docked_by", "left_at", "left_by", "at_door",
    "docking", "vehicle_label", "carrier_label",
}  # fmt: skip
"""What is not said of an appointment itself."""


async def seen(session: Session, rows: Sequence[Row]) -> dict[int, Actual]:
    """What was seen of appointments, by key."""
    vehicles = sorted({row["vehicle_key"] for row in rows if row["vehicle_key"] is not None})
    if not vehicles:
        return {}
    q = queries("docks")
    since = min(row["begins_at"] for row in rows) - EARLY
    until = max(row["ends_at"] for row in rows) + LATE
    asked = {"vehicles": vehicles, "since": since, "until": until}
    wide = {"vehicles": vehicles, "since": since - LATE, "until": until + LATE}
    rivals = [Asked(*row.values()) for row in await session.rows(q["rivals"], **wide)]
    stays = [Stay(*row.values()) for row in await session.rows(q["stays"], **asked)]
    nothing = {"site": None, "after": None, "after_at": None, "limit": STAYS_MAX}
    dockings = [docked(row) for row in await session.rows(q["docked"], **asked, **nothing)]
    return matched(rivals, stays, dockings)


def docked(row: Row) -> Docked:
    """From a row of `docked`."""
    return Docked(row["vehicle"], row["site"], row["door"], row["began"], row["ended"], row["name"])


def with_told(row: Row, actual: Actual) -> Actual:
    """What was seen, and where nothing was, what people told."""
    return Actual(
        actual.arrived_at or row["told_arrived_at"], actual.docked_at or row["told_docked_at"],
        actual.undocked_at, actual.left_at or (None if actual.undocked_at else row["told_left_at"]),
        actual.door, actual.docking,
    )  # fmt: skip


def appointment(row: Row, actual: Actual) -> DockAppointment:
    """One appointment with what was seen of it."""
    now = with_told(row, actual)
    arrival: Arrival | None = None
    if row["p50"] is not None and now.arrived_at is None and now.docked_at is None:
        arrival = {"p10": when(row["p10"]), "p50": when(row["p50"]), "p90": when(row["p90"])}
    left = now.left_at or now.undocked_at
    return {
        "id": row["id"],
        "site": row["site"],
        "door": row["door"],
        "direction": row["direction"],
        "shipment": row["shipment"],
        "goods": row["goods"],
        "vehicle": row["vehicle"],
        "vehicle_label": row["vehicle_label"],
        "truck": row["truck"],
        "carrier": row["carrier"],
        "carrier_label": row["carrier_label"],
        "temp_class": row["temp_class"],
        "pallets": row["pallets"],
        "note": row["note"],
        "version": row["version"],
        "created_by": row["created_by"],
        "changed_by": row["changed_by"],
        "begins_at": when(row["begins_at"]),
        "ends_at": when(row["ends_at"]),
        "state": state(row["outcome"], now),
        "reason": row["outcome_why"],
        "arrival": arrival,
        "arrived_at": when(now.arrived_at),
        "arrived_by": _by(now.arrived_at, actual.arrived_at),
        "docked_at": when(now.docked_at),
        "docked_by": _by(now.docked_at, actual.docked_at),
        "left_at": when(left),
        "left_by": _by(left, actual.left_at or actual.undocked_at),
        "at_door": actual.door,
        "docking": actual.docking,
        "created_at": when(row["created_at"]),
        "changed_at": when(row["changed_at"]),
    }


def _by(shown: datetime | None, by_evidence: datetime | None) -> Source | None:
    return None if shown is None else "seen" if by_evidence is not None else "told"


async def shown(session: Session, rows: Sequence[Row]) -> list[DockAppointment]:
    """Appointments with what was seen of them."""
    found = await seen(session, rows)
    return [appointment(row, found.get(row["key"], Actual())) for row in rows]


async def appointments_between(
    session: Session, site: str, since: datetime, until: datetime, limit: int
) -> Sequence[Row]:
    """Rows of appointments of a site in a span."""
    asked = {"site": site, "since": since, "until": until, "limit": limit}
    return await session.rows(queries("docks")["appointments"], **{**NONE, **asked})


async def tell_docks(session: Session, sites: Iterable[str]) -> None:
    """Tells pages that something is other at a site's dock; the last statement of a transaction."""
    await emit(session, docks=[{"id": site, "op": "tell", "data": {"site": site}} for site in sorted(set(sites))])


def stays_span(rows: Sequence[Mapping[str, Any]], now: datetime) -> tuple[datetime, datetime]:
    """A span that holds the visits around dockings."""
    begins = [row["began"] for row in rows]
    ends = [row["ended"] or now for row in rows]
    return min(begins) - timedelta(days=1), max(ends) + timedelta(days=1)
