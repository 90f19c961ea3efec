"""Handling units as they are shown, and movements as they are told, judged by all others and kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NotRequired

import orjson
from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.jsons import Time, when
from api.http.problems import Problem
from domain.handling_units.codes import is_sscc, own_code, unit_code
from domain.handling_units.history import Unit, history
from domain.handling_units.movements import Movement, RefusedError
from domain.handling_units.told import (
    changed,
    lots_of,
    movement_of,
    part_rows,
    stay_rows,
    unit_rows,
)
from domain.times import rfc3339
from store.db import queries

PIECE_MAX = 10_000
"""Movements of units that have to do with one another."""

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


ANY_UNIT: dict[str, Any] = dict.fromkeys(("name", "keys", "open", "verdict", "parent", "lot", "search"))


async def read_units(session: Session, **conditions: Any) -> list[Row]:
    """Rows of units; conditions are those of the query `units`."""
    wanted = {**ANY_UNIT, "after_rank": -1.0, "after": "", "limit": 1000, **conditions}
    return await session.rows(queries("handling")["units"], **wanted)


def as_text(rows: Any) -> str:
    """Rows for the database."""
    return orjson.dumps(rows).decode()


async def piece(session: Session, units: Sequence[str]) -> list[Movement]:
    """All movements of units that have to do with these.

    Raises:
        Problem: 409, there are too many.
    """
    rows = await session.rows(queries("handling")["of_one_piece"], units=list(units), limit=PIECE_MAX + 1)
    if len(rows) > PIECE_MAX:
        raise Problem(409, f"more than {PIECE_MAX} movements have to do with {units[0]}: begin a unit with a new code")
    return [movement_of(row) for row in rows]


def judged(movements: Sequence[Movement], new: Sequence[str] = ()) -> dict[str, Unit]:
    """The units that movements come to.

    Raises:
        Problem: 409, one of them cannot have happened.
    """
    try:
        return history(movements)
    except RefusedError as error:
        m = error.movement
        said = f"{m.kind} of {m.unit} at {rfc3339(m.at_us)}"
        whose = f"movement {m.id}" if m.id in new else f"then movement {m.id} could not have happened"
        raise Problem(409, f"{whose} ({said}): {error.why}") from None


async def keep(session: Session, before: dict[str, Unit], after: dict[str, Unit]) -> list[str]:
    """Keeps what movements come to where it is another thing than before; the codes of what is."""
    q, found = queries("handling"), changed(before, after)
    if found.gone:
        await session.run(q["drop_units"], codes=list(found.gone))
    if found.stale:
        await session.run(q["stale_units"], codes=list(found.stale))
    units = found.units
    if not units:
        return list(found.gone)
    rows = await session.rows(q["put_units"], rows=as_text(unit_rows(units)))
    keys = {row["code"]: row["id"] for row in rows}
    if inside := [{"code": unit.code, "parent": unit.parent} for unit in units if unit.parent]:
        await session.run(q["put_parents"], rows=as_text(inside))
    lots = {row["code"]: row["id"] for row in await session.rows(q["lot_keys"], codes=lots_of(units))}
    await session.run(q["drop_stays"], units=list(keys.values()))
    await session.run(q["drop_parts"], units=list(keys.values()))
    await session.run(q["put_stays"], rows=as_text(stay_rows(units, keys)))
    await session.run(q["put_parts"], rows=as_text(part_rows(units, keys, lots)))
    return [*keys, *found.gone]
