"""What shelves and tags say of picks: of one that goes on, and of those that were told of an order."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from fastapi import Path, Query, Request
from typing_extensions import TypedDict

from api.database import Row
from api.http.auth import Reader
from api.http.context import context_of
from api.http.inputs import printable
from api.http.instants import Instant
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem
from api.http.routes import resource
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.orders import order_row
from api.resources.shared.picking import PickBy, PickSays, says
from domain.orders.picked import Verdict
from domain.stock.moves import Place
from domain.times import to_us
from operations.picking.record import SPAN_S, Asked, Sensed, sensed, verdict
from store.db import queries

router = resource(tags=["orders"])
OrderName = Annotated[str, Path(max_length=64)]
Said = Annotated[str | None, Query(max_length=64)]


class PickNow(TypedDict):
    """What sensors say of a pick that goes on; ask again with this `since`."""

    since: Time | None
    until: Time | None
    says: PickSays


class PickEvidence(TypedDict):
    """A pick: how it was known, the verdict of then (`said`), and what sensors say by all that is known now."""

    id: str
    line: int
    sku: str
    at: Time | None
    quantity: float
    actor: str
    by: PickBy
    since: Time | None
    epcs: list[str]
    said: Verdict | None
    now: PickSays | None


@router.get("/pick-list/evidence", response_model=PickNow)
async def get_pick_says(
    request: Request,
    caller: Reader,
    site: Annotated[str, Query(max_length=64)],
    sku: Annotated[str, Query(max_length=64)],
    zone: Said = None,
    bin: Said = None,  # noqa: A002 - as places say it
    since: Annotated[Instant | None, Query(description="when the pick there began; now, when nothing is said")] = None,
    quantity: Annotated[Decimal | None, Query(gt=0, le=10**9, description="so many are said to be taken")] = None,
) -> Json:
    """What the shelf at a place, and tags, say of a pick that goes on there."""
    now = datetime.now(UTC)
    for text in (site, sku, zone or "", bin or ""):
        try:
            printable(text)
        except ValueError as error:
            raise Problem(422, f"site, sku, zone, bin: {error}") from None
    since = min(since or now, now)
    if (now - since).total_seconds() > SPAN_S:
        raise Problem(422, f"since: a pick takes no more than {SPAN_S // 3600} h; begin again")
    place = Place("site", site, zone or "", bin or "")
    asked = Asked(place, sku, to_us(since), to_us(now), float(quantity or 1))
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        (found,) = await session.perform(sensed([asked]), queries("picking"))
    told = verdict(found, float(quantity), []) if quantity is not None else "unknown"
    return Json(PickNow(since=when(since), until=when(now), says=says(found, told)))


@router.get("/orders/{order_id}/pick-evidence", response_model=Items[PickEvidence], responses=FILES)
@as_file("pick-evidence", PickEvidence)
async def list_pick_evidence(
    request: Request, caller: Reader, order_id: OrderName, limit: Limit = 50, cursor: Cursor = None
) -> Json:
    """How picks of an order were known, the newest first; what sensors say is found anew, late readings too."""
    after = decode(cursor, (int,))[0] if cursor else None
    now_us = to_us(datetime.now(UTC))
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        row = await order_row(session, order_id)
        found = await session.rows(queries("picking")["picks_sensed"], order=row["key"], after=after, limit=limit + 1)
        looked = [each for each in found if each["evidence"]["since"] is not None]
        told = await session.perform(sensed([_asked(each, now_us) for each in looked]), queries("picking"))
    of = {each["key"]: one for each, one in zip(looked, told, strict=True)}
    return shaped_page(request, found, limit, lambda each: [each["key"]], lambda each: _shape(each, of))


def _asked(row: Row, now_us: int) -> Asked:
    evidence = row["evidence"]
    place = Place("site", row["site"] or "", row["zone"] or "", row["bin"] or "")
    since = to_us(datetime.fromisoformat(evidence["since"]))
    following = None if row["next_at"] is None else to_us(row["next_at"])
    return Asked(place, row["sku"], since, now_us, float(row["quantity"]), to_us(row["at"]), following)


def _shape(row: Row, of: dict[int, Sensed]) -> PickEvidence:
    evidence, found = row["evidence"], of.get(row["key"])
    since = None if evidence["since"] is None else datetime.fromisoformat(evidence["since"])
    now = None if found is None else says(found, verdict(found, float(row["quantity"]), evidence["epcs"]))
    return {
        "id": row["id"],
        "line": row["seq"],
        "sku": row["sku"],
        "at": when(row["at"]),
        "quantity": float(row["quantity"]),
        "actor": row["actor"],
        "by": evidence["by"],
        "since": when(since),
        "epcs": evidence["epcs"],
        "said": evidence.get("said", {}).get("verdict"),
        "now": now,
    }
