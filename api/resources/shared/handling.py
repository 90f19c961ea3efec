"""Handling units as they are shown, and movements as they are told, judged by all others and kept."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

import orjson
from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.jsons import Time, when
from domain.handling_units.codes import is_sscc, own_code, unit_code
from store.db import queries

UnitCode = Annotated[str, AfterValidator(unit_code), Field(max_length=80, description="SSCC, or a code of one's own")]
LotCode = Annotated[str, AfterValidator(own_code), Field(max_length=64)]


class PlaceShown(TypedDict):
    """Where goods are: one of vehicle, shipment (on the vehicle that carries it), device or site."""

    vehicle: NotRequired[str]
    shipment: NotRequired[str]
    device: NotRequired[str]
    probe: NotRequired[str]
    site: NotRequired[str]
    zone: NotRequired[str]


class ContentShown(TypedDict):
    """So much of a lot."""

    lot: str
    sku: str
    quantity: float


class BandBudgetShown(TypedDict):
    """What was used of one band, in seconds: observed, in the worst case, and what that leaves; null: nobody knows."""

    name: str
    severity: str
    op: str
    limit_c: float
    mode: str
    for_s: float
    before_s: float
    known_used_s: float
    worst_case_used_s: float | None
    remaining_s: float | None
    verdict: str


class KineticShown(TypedDict):
    """Seconds at the storage temperature that would have aged goods as much."""

    store_c: float
    budget_s: float
    before_s: float
    known_used_s: float
    worst_case_used_s: float | None
    remaining_s: float | None
    verdict: str


class BudgetShown(TypedDict):
    """The budget of the worst of `of` parts; `share`: what is left of it from 1 to 0, in the worst case.

    `stays` are times beyond limits: band, from, to (null: not over), seconds. `reasons`: `band`, `kinetic`, `mkt`,
    `used_before`; `gaps`, `accuracy`, `coverage`, `no_data`, `no_profile`.
    """

    verdict: str
    share: float | None
    reasons: list[str]
    unit: str
    lot: str
    of: int
    failing: int
    profile: str | None
    profile_version: int | None
    known_s: int
    unknown_s: int
    min_c: float | None
    max_c: float | None
    bands: list[BandBudgetShown]
    kinetic: KineticShown | None
    stays: list[list[Any]]
    revision: int
    decided_at: Time | None


class HandlingUnit(TypedDict):
    """A handling unit: where it is, what it holds, in what it is packed; `packed` counts units in it."""

    id: str
    sscc: bool
    since: Time | None
    closed_at: Time | None
    merged_into: str | None
    parent: str | None
    packed: int
    place: PlaceShown | None
    contents: list[ContentShown]
    budget: BudgetShown | None


def place_shown(row: Row) -> PlaceShown | None:
    """From a row with names of places."""
    found = {kind: row[kind] for kind in ("vehicle", "shipment", "device", "site", "zone") if row.get(kind)}
    if row.get("probe"):
        found["probe"] = row["probe"]
    return found or None  # type: ignore[return-value]


def unit_shown(row: Row) -> HandlingUnit:
    """From a row of `units`."""
    budget = None
    if row["verdict"] is not None:
        told = {"verdict": row["verdict"], "share": row["share"], "revision": row["revision"]}
        budget = {**row["body"], **told, "decided_at": when(row["decided_at"])}
    return {
        "id": row["code"],
        "sscc": is_sscc(row["code"]),
        "since": when(row["since"]),
        "closed_at": when(row["closed_at"]),
        "merged_into": row["merged_into"],
        "parent": row["parent"],
        "packed": row["packed"],
        "place": place_shown(row),
        "contents": row["contents"] or [],
        "budget": budget,  # type: ignore[typeddict-item]
    }


ANY_UNIT: dict[str, Any] = dict.fromkeys(("name", "keys", "open", "verdict", "parent", "shipment", "lot", "search"))


async def read_units(session: Session, **conditions: Any) -> list[Row]:
    """Rows of units; conditions are those of the query `units`."""
    wanted = {**ANY_UNIT, "after_rank": -1.0, "after": "", "limit": 1000, **conditions}
    return await session.rows(queries("handling")["units"], **wanted)


def as_text(rows: Any) -> str:
    """Rows for the database."""
    return orjson.dumps(rows).decode()
