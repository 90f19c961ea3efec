"""What to order now of each product at a site, when it will be out and how sure that is, and why."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import Path, Query, Request
from pydantic import AfterValidator, ConfigDict, Field
from typing_extensions import TypedDict

from api.database import Row
from api.http.audit import audit
from api.http.auth import Buyer, Reader
from api.http.context import context_of
from api.http.inputs import Name, Strict, printable
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem, key_of, not_found, refusing
from api.http.routes import resource
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.ledger import Asked, Sku
from api.resources.shared.purchasing import PurchaseOrder, purchase_order, purchase_order_row
from api.resources.shared.replenishment import Item, Site, look, read_site, stale
from domain.stock.quantities import number
from operations.purchasing.record import Taken, take
from planning.replenishment.live import LEADS_MIN, STATES, State
from planning.replenishment.projection import Projected
from store.db import queries

router = resource(tags=["purchasing"])
Days = Annotated[int, Query(ge=7, le=56, description="looked ahead")]
TAKEN_DAYS = 7
Part = Annotated[str, Path(max_length=64)]


class Reason(TypedDict):
    """Why the numbers of a proposal are what they are: demand of a day, lead times in days, what is wanted meanwhile.

    `lead_seen`: so many were measured of the product, `lead_general` of the supplier to the site; while those are fewer
    than `lead_needed`, `lead_promised` stands in their place. `reached_cycle` and `reached_fill`: what the level keeps
    in the simulation. `textbook`: the level by formula, `textbook_cycle` what that would keep.
    """

    demand_mean: float
    demand_deviation: float
    demand_class: str
    model: str
    forecast_made_at: Time | None
    lead_mean: float
    lead_deviation: float
    lead_seen: int
    lead_general: int
    lead_needed: int
    lead_promised: float
    wait_mean: float
    wait_deviation: float
    undershoot_mean: float
    goal: Literal["cycle", "fill", "cost"]
    service: float
    goal_is_own: bool
    review_days: int
    cover_days: float
    most: float | None
    pack: float
    least: float
    reached_cycle: float
    reached_fill: float
    textbook: float
    textbook_cycle: float


class InTransit(TypedDict):
    """What is under way and when it comes, one time in ten before `p10`, nine in ten before `p90`.

    `name`: a purchase order (`draft`: not sent yet, as if it were sent today) or a vehicle. `late`: chance that
    somebody waits before it comes.
    """

    kind: Literal["purchase_order", "vehicle"]
    name: str
    shipment: str | None
    draft: bool
    quantity: float
    p10: str
    p50: str
    p90: str
    late: float


class Replenishment(TypedDict):
    """What to order of a product at a site: `quantity` now (0: nothing; null: no supplier or no forecast).

    `position` is `on_hand` and `on_order` (drafts too) less `owed` (orders that are overdue, reservations for no day)
    and what orders of the coming days want beyond the forecast. `unusable` is there, and expired or failed. `risk`:
    chance that somebody waits before what is ordered today comes; `out_on` when somebody waits first if nothing is
    ordered (p10, p50, p90; null: not within the days). `states`, the most urgent first. `proposal`: what a POST names.
    """

    id: str
    proposal: str
    site: str
    sku: str
    label: str
    base_unit: str
    supplier: str | None
    supplier_label: str | None
    states: list[State]
    quantity: float | None
    value: float | None
    price: float | None
    currency: str | None
    reorder_point: float | None
    up_to: float | None
    position: float
    on_hand: float
    unusable: float
    on_order: float
    owed: float
    beyond_forecast: float
    days_of_cover: float | None
    risk: float | None
    out_on: list[str | None]
    excess: float
    expiring: float
    why: Reason | None
    notes: list[str]
    in_transit: list[InTransit]


class ProjectedDay(TypedDict):
    """What is there as a day ends, below 0 what is owed, and the chance that somebody had to wait until then."""

    day: str
    p10: float
    p50: float
    p90: float
    out: float


class ReplenishmentAhead(Replenishment):
    """The same, day by day: `ahead` if nothing is ordered, `ordered` with what is proposed (empty: nothing is)."""

    ahead: list[ProjectedDay]
    ordered: list[ProjectedDay]


class ProposalIn(Strict):
    """Takes a proposal, as it was named; another `quantity` than what is proposed needs a `reason`, which is kept."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"proposal": "0", "site": "m-site", "sku": "M-SKU", "quantity": 480, "reason": "the shop has a feast"}
            ]
        }
    )

    proposal: Annotated[str, Field(pattern="^[0-9]{1,18}$")]
    site: Name
    sku: Sku
    quantity: Annotated[Decimal, Field(gt=0, le=10**9, decimal_places=6)]
    reason: Annotated[str, AfterValidator(printable), Field(max_length=500)] = ""


class ProposalTaken(TypedDict):
    """A proposal that somebody took: what was proposed, what was ordered instead and why."""

    id: str
    site: str
    sku: str
    purchase_order: str
    proposed: float
    quantity: float
    reason: str
    taken_at: Time | None
    taken_by: str


def _shape(item: Item, site: Site) -> Replenishment:
    row, seen = item.row, item.seen
    found, old = seen.proposal, stale(item.row, site.today)
    notes = [*(found.why.notes if found else ()), *seen.notes]
    if old is not None:
        notes.append(f"the forecast is {old} days old")
    price = None if row["price"] is None else float(row["price"])
    cover = None if found is None or not isfinite(found.cover_days) else found.cover_days
    out: list[str | None] = [None, None, None]
    if seen.ahead is not None:
        out = [_day(site.today, day, len(seen.ahead.out_by_day)) for day in seen.ahead.out_day]
    return {
        "id": f"{site.row['site']}/{row['sku']}",
        "proposal": str(row["after_id"]),
        "site": site.row["site"],
        "sku": row["sku"],
        "label": row["label"],
        "base_unit": row["base_unit"],
        "supplier": row["supplier"],
        "supplier_label": row["supplier_label"],
        "states": list(seen.states),
        "quantity": None if found is None else found.quantity,
        "value": None if found is None or price is None else round(found.quantity * price, 2),
        "price": price,
        "currency": row["currency"],
        "reorder_point": None if found is None else found.reorder,
        "up_to": None if found is None else found.up_to,
        "position": seen.stock.position,
        "on_hand": seen.stock.on_hand,
        "unusable": item.more.failed,
        "on_order": seen.stock.on_order,
        "owed": seen.stock.owed,
        "beyond_forecast": seen.stock.allocated,
        "days_of_cover": cover,
        "risk": seen.risk,
        "out_on": out,
        "excess": seen.excess,
        "expiring": 0.0 if seen.ahead is None else round(seen.ahead.expired, 3),
        "why": _why(item),
        "notes": notes,
        "in_transit": _in_transit(item, site.today),
    }


def _day(today: date, days: float, most: int) -> str | None:
    return None if days >= most else (today + timedelta(days=int(days))).isoformat()


def _why(item: Item) -> Reason | None:
    row, known, found = item.row, item.known, item.seen.proposal
    if found is None or known.terms is None:
        return None
    why = found.why
    return {
        "demand_mean": why.demand_mean,
        "demand_deviation": why.demand_deviation,
        "demand_class": row["class"],
        "model": row["model"],
        "forecast_made_at": when(row["made_at"]),
        "lead_mean": why.lead_mean,
        "lead_deviation": why.lead_deviation,
        "lead_seen": why.lead_seen,
        "lead_general": len(known.general_leads),
        "lead_needed": LEADS_MIN,
        "lead_promised": known.terms.lead_days,
        "wait_mean": why.wait_mean,
        "wait_deviation": why.wait_deviation,
        "undershoot_mean": why.undershoot_mean,
        "goal": why.goal,
        "service": why.promised,
        "goal_is_own": row["goal"] is not None,
        "review_days": known.goals.review_days,
        "cover_days": known.goals.cover_days,
        "most": known.goals.most,
        "pack": known.terms.pack,
        "least": known.terms.least,
        "reached_cycle": why.reached_cycle,
        "reached_fill": why.reached_fill,
        "textbook": why.textbook,
        "textbook_cycle": why.textbook_cycle,
    }


def _in_transit(item: Item, today: date) -> list[InTransit]:
    late = item.seen.ahead.late if item.seen.ahead else {}
    orders = {each.name for each in item.known.coming if each.sent_days is not None} | item.more.drafts
    return [
        {
            "kind": "purchase_order" if each.name in orders else "vehicle",
            "name": each.name,
            "shipment": item.more.shipments.get(each.name),
            "draft": each.name in item.more.drafts,
            "quantity": each.quantity,
            "p10": (today + timedelta(days=int(each.p10))).isoformat(),
            "p50": (today + timedelta(days=int(each.p50))).isoformat(),
            "p90": (today + timedelta(days=int(each.p90))).isoformat(),
            "late": late.get(each.name, 0.0),
        }
        for each in item.seen.inbound
    ]


def _days(ahead: Projected | None, today: date) -> list[ProjectedDay]:
    if ahead is None:
        return []
    return [
        {
            "day": (today + timedelta(days=n)).isoformat(),
            "p10": round(float(p10), 3),
            "p50": round(float(p50), 3),
            "p90": round(float(p90), 3),
            "out": round(float(out), 4),
        }
        for n, ((p10, p50, p90), out) in enumerate(zip(ahead.available, ahead.out_by_day, strict=True))
    ]


def _urgency(item: Item) -> tuple[int, float, str]:
    """By what is most urgent of it, then by how likely somebody waits."""
    first = min((STATES.index(state) for state in item.seen.states), default=len(STATES))
    return first, -round(item.seen.risk or 0.0, 6), item.row["sku"]


@router.get("/replenishment", response_model=Items[Replenishment], responses=FILES)
@as_file("replenishment", Replenishment)
async def list_replenishment(
    request: Request,
    caller: Reader,
    site: Annotated[str, Query(max_length=64)],
    supplier: Asked = None,
    days: Days = 28,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Json:
    """What to order at a site now, what needs somebody first. 422: no such site, or more than 1 000 products."""
    after = tuple(decode(cursor, (int, float, str))) if cursor else None
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        read = await read_site(session, site, datetime.now(UTC), supplier=supplier)
    found = await look(read, days)
    items = sorted(found.items, key=_urgency)
    left = items if after is None else [item for item in items if _urgency(item) > after]
    return shaped_page(
        request, left[: limit + 1], limit, lambda item: list(_urgency(item)), lambda item: _shape(item, found)
    )


@router.get("/replenishment/{site_id}/{sku}", response_model=ReplenishmentAhead)
async def get_replenishment(request: Request, caller: Reader, site_id: Part, sku: Part, days: Days = 28) -> Json:
    """One product at a site, day by day, with and without what is proposed."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        if await session.row(queries("replenishment")["site"], site=site_id) is None:
            raise not_found()
        read = await read_site(session, site_id, datetime.now(UTC), sku=sku)
    found = await look(read, days, ordered=True)
    if not found.items:
        raise not_found()
    item = found.items[0]
    ahead = _days(item.seen.ahead, found.today)
    return Json({**_shape(item, found), "ahead": ahead, "ordered": _days(item.seen.ordered, found.today)})


@router.post("/replenishment", response_model=PurchaseOrder, status_code=201)
async def take_proposal(request: Request, caller: Buyer, given: ProposalIn) -> Json:
    """Puts a proposal on the draft of its supplier, or on a new one (201); taken already by its name: nothing (200).

    409: somebody has taken one of the product since. 422: another quantity is proposed, and no reason is told.
    """
    now = datetime.now(UTC)
    database = context_of(request).database
    async with database.tenant(caller.tenant_id, snapshot=True) as session:
        read = await read_site(session, given.site, now, sku=given.sku)
    found = await look(read, TAKEN_DAYS)
    if not found.items:
        raise Problem(422, f"sku: {given.sku} is not ordered for {given.site}; say its goal or terms first")
    item, row = found.items[0], found.items[0].row
    if item.seen.proposal is None or row["supplier_id"] is None:
        raise Problem(422, f"sku: {given.sku} has no supplier or no forecast there; say its terms first")
    proposed = Decimal(str(round(item.seen.proposal.quantity, 6)))
    taken = Taken(
        int(given.proposal), found.row["site_id"], row["product_id"], row["supplier_id"], given.quantity, proposed,
        given.reason, _told(item), row["price"], row["currency"],
    )  # fmt: skip
    async with database.tenant(caller.tenant_id) as session:
        with refusing():
            outcome, name = await session.perform(
                take(taken, f"PO-{uuid4().hex[:8]}", caller.user), queries("purchasing")
            )
        if outcome != "same":
            detail = given.model_dump(mode="json", exclude_none=True)
            await audit(session, caller, "proposal.take", name, **detail, proposed=float(proposed))
        order = await purchase_order_row(session, name)
    return Json(purchase_order(order, now), 200 if outcome == "same" else 201)


def _told(item: Item) -> dict[str, Any]:
    found = item.seen.proposal
    figures = (
        {} if found is None else {"reorder_point": found.reorder, "up_to": found.up_to, "position": found.position}
    )
    return {**figures, "risk": item.seen.risk, "on_hand": item.seen.stock.on_hand, "on_order": item.seen.stock.on_order}


@router.get("/proposals-taken", response_model=Items[ProposalTaken], responses=FILES)
@as_file("proposals-taken", ProposalTaken)
async def list_taken(
    request: Request, caller: Reader, site: Asked = None, sku: Asked = None, limit: Limit = 100, cursor: Cursor = None
) -> Json:
    """Proposals that people took, the newest first, with what they changed and why."""
    before = key_of(decode(cursor, (str,))[0]) if cursor else None
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        rows = await session.rows(queries("purchasing")["taken"], site=site, sku=sku, before=before, limit=limit + 1)
    return shaped_page(request, rows, limit, lambda row: [row["id"]], _taken)


def _taken(row: Row) -> ProposalTaken:
    kept: dict[str, Any] = {name: row[name] for name in ("id", "site", "sku", "purchase_order", "reason", "taken_by")}
    numbers = {name: number(row[name]) for name in ("proposed", "quantity")}
    return {**kept, **numbers, "taken_at": when(row["taken_at"])}  # type: ignore[typeddict-item]
