"""What is asked for of each product at each site, day by day, forecasts of it, and what people adjust of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, cast
from zoneinfo import ZoneInfo

from fastapi import Query, Request
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import ProductKeeper, Reader
from api.http.context import context_of
from api.http.inputs import Strict, printable
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem, key_of, not_found
from api.http.routes import resource
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.ledger import Asked
from planning.demand.history import adjusted, demand_of, graded
from store.db import queries

router = resource(tags=["planning"])
SPAN_MAX = 1_100
DAYS = 90
Name = Annotated[str, Field(min_length=1, max_length=64)]
Reason = Annotated[str, AfterValidator(printable), Field(min_length=1, max_length=500)]
Day = Annotated[date, Field(description="local day of the site")]


class DemandDay(TypedDict):
    """A day of a product at a site. `demand`: `ordered` for it, and what was `sold`, or `gone` without an order.

    `short`: stock ran out, so that more was asked for than this.
    """

    id: str
    site: str
    sku: str
    day: str
    ordered: float
    gone: float
    sold: float | None
    demand: float
    short: bool


class Adjustment(TypedDict):
    """A person expects `factor` times the forecast on days from `first_day` to `last_day`."""

    id: str
    site: str
    sku: str
    first_day: str
    last_day: str
    factor: float
    reason: str
    made_at: Time | None
    made_by: str
    withdrawn_at: Time | None
    withdrawn_by: str | None


class ForecastNow(TypedDict):
    """The newest forecast of a product at a site, by day from `begins` on.

    `adjusted`: with what people expect otherwise. `p10` and `p90`: nine in ten days have more, nine in ten less; null
    where too little is known. `mase` and `naive_mase`: how far off the model and the naive forecast were at past
    origins; `within_80`: the share of days that lay between `p10` and `p90` there. `switched_off`: the usual model lost
    to the naive one each time, which is taken instead. `week` is what the next seven days need.
    """

    id: str
    site: str
    sku: str
    label: str
    base_unit: str
    made_at: Time | None
    begins: str
    model: str
    demand_class: str
    history_days: int
    short_days: int
    switched_off: bool
    mase: float | None
    naive_mase: float | None
    within_80: float | None
    mean: list[float]
    p10: list[float] | None
    p50: list[float] | None
    p90: list[float] | None
    adjusted: list[float]
    adjustments: list[dict[str, Any]]
    week: float
    on_hand: float | None
    days_of_cover: float | None


class ForecastGrade(TypedDict):
    """Past forecasts against what came, seven days ahead. `value_added`: what adjusting took from the error."""

    days: int
    mae: float | None
    bias: float | None
    within_80: float | None
    adjusted_mae: float | None
    value_added: float | None


class ForecastRun(TypedDict):
    """When forecasts were made last and how many; `asked`: new ones will be there in some minutes."""

    ran_at: Time | None
    made: int
    asked: bool


class AdjustmentIn(Strict):
    """What a person expects: `factor` times the forecast on these days, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "site": "m-site", "sku": "M-SKU", "first_day": "2036-12-18", "last_day": "2036-12-24",
                    "factor": 1.4, "reason": "Christmas promotion",
                }
            ]
        }
    )  # fmt: skip

    site: Name
    sku: Name
    first_day: Day
    last_day: Day
    factor: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
    reason: Reason

    @model_validator(mode="after")
    def _in_order(self) -> AdjustmentIn:
        if not timedelta(0) <= self.last_day - self.first_day <= timedelta(days=400):
            raise ValueError("last_day: not before first_day, and at most 400 days after it")
        return self


async def _days(session: Session, site: str | None, sku: str | None, since: date, until: date) -> list[Row]:
    asked = {"site": site, "sku": sku, "since": since, "until": until}
    rows = await session.rows(queries("demand")["days"], **asked)
    empty = await session.rows(queries("demand")["empty"], **asked)
    gone = {(row["site_id"], row["product_id"], day) for row in empty for day in _between(row, since, until)}
    return [{**row, "short": row["short"] or (row["site_id"], row["product_id"], row["day"]) in gone} for row in rows]


def _between(row: Row, since: date, until: date) -> list[date]:
    first, last = max(row["first_day"], since), min(row["last_day"], until)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


@router.get("/demand", response_model=Items[DemandDay], responses=FILES)
@as_file("demand", DemandDay)
async def list_demand(
    request: Request,
    caller: Reader,
    site: Asked = None,
    sku: Asked = None,
    since: Annotated[date | None, Query(description="first day; else 90 days ago")] = None,
    until: Annotated[date | None, Query(description="day after the last one; else tomorrow")] = None,
    limit: Limit = 1000,
    cursor: Cursor = None,
) -> Json:
    """What was asked for, day by day; days on which nothing was are left out. 422: more than three years."""
    today = datetime.now(UTC).date()
    begin, end = since or today - timedelta(days=DAYS), until or today + timedelta(days=1)
    if not timedelta(0) < end - begin <= timedelta(days=SPAN_MAX):
        raise Problem(422, f"until: after since, and at most {SPAN_MAX} days")
    after = tuple(decode(cursor, (str, str, str))) if cursor else ("", "", "")
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        rows = await _days(session, site, sku, begin, end)
    left = [row for row in rows if _key(row) > after]
    return shaped_page(request, left[: limit + 1], limit, lambda row: list(_key(row)), _day)


def _key(row: Row) -> tuple[str, str, str]:
    return row["site"], row["sku"], row["day"].isoformat()


def _day(row: Row) -> DemandDay:
    day = row["day"].isoformat()
    return {
        "id": f"{row['site']}/{row['sku']}/{day}",
        "site": row["site"],
        "sku": row["sku"],
        "day": day,
        "ordered": row["ordered"],
        "gone": row["gone"],
        "sold": row["sold"],
        "demand": demand_of(row),
        "short": row["short"],
    }


@router.get("/forecasts", response_model=Items[ForecastNow], responses=FILES)
@as_file("forecasts", ForecastNow)
async def list_forecasts(
    request: Request, caller: Reader, site: Asked = None, sku: Asked = None, limit: Limit = 200, cursor: Cursor = None
) -> Json:
    """The newest forecast of each product at each site, by name."""
    a, b = decode(cursor, (str, str)) if cursor else ("", "")
    asked = {"site": site, "sku": sku, "a": a, "b": b, "limit": limit + 1}
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        rows = await session.rows(queries("demand")["forecasts"], **asked)
    return shaped_page(request, rows, limit, lambda row: [row["site"], row["sku"]], _forecast)


def _forecast(row: Row) -> ForecastNow:
    told = adjusted(row["mean"], row["begins"], row["adjustments"] or ())
    week = sum(told[:7])
    kept = ("site", "sku", "label", "base_unit", "model", "history_days", "short_days", "switched_off", "mase",
            "naive_mase", "within_80", "mean", "p10", "p50", "p90", "on_hand")  # fmt: skip
    found: dict[str, Any] = {
        **{name: row[name] for name in kept},
        "id": f"{row['site']}/{row['sku']}",
        "made_at": when(row["made_at"]),
        "begins": row["begins"].isoformat(),
        "demand_class": row["class"],
        "adjusted": told,
        "adjustments": row["adjustments"] or [],
        "week": week,
        "days_of_cover": _cover(row["on_hand"], told),
    }
    return cast("ForecastNow", found)


def _cover(on_hand: float | None, told: list[float]) -> float | None:
    """Days until what is there is used up by the forecast; beyond its end as its last week goes."""
    if on_hand is None or sum(told) <= 0:
        return None
    left = max(on_hand, 0.0)
    for n, asked in enumerate(told):
        if asked > left:
            return n + left / asked
        left -= asked
    rate = sum(told[-7:]) / min(7, len(told))
    return len(told) + left / rate if rate > 0 else None


@router.get("/forecasts/run", response_model=ForecastRun)
async def get_forecast_run(request: Request, caller: Reader) -> Json:
    """When forecasts were made last: each night, and when somebody asks."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        return Json(await _run(session))


@router.post("/forecasts/run", response_model=ForecastRun, status_code=202)
async def ask_for_forecasts(request: Request, caller: ProductKeeper) -> Json:
    """Asks for new forecasts; they are there in some minutes."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        await session.run(queries("demand")["ask"], by=caller.user)
        await audit(session, caller, "forecast.ask", "all")
        return Json(await _run(session), 202)


async def _run(session: Session) -> ForecastRun:
    row = await session.row(queries("demand")["last_run"])
    if row is None:
        return {"ran_at": None, "made": 0, "asked": False}
    return {"ran_at": when(row["ran_at"]), "made": row["made"], "asked": row["asked"]}


@router.get("/forecasts/grade", response_model=ForecastGrade)
async def get_forecast_grade(
    request: Request,
    caller: Reader,
    site: Annotated[str, Query(max_length=64)],
    sku: Annotated[str, Query(max_length=64)],
) -> Json:
    """How forecasts of a product at a site did, and whether it was better with what people had adjusted."""
    today = datetime.now(UTC).date()
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        past = await session.rows(queries("demand")["graded"], site=site, sku=sku, before=today)
        days = await _days(session, site, sku, today - timedelta(days=SPAN_MAX), today) if past else []
    actual = {row["day"]: demand_of(row) for row in days if not row["short"]}
    if days:
        end = datetime.now(ZoneInfo(days[0]["tz"])).date()
        short = {row["day"] for row in days if row["short"]}
        begins = min(row["day"] for row in days)
        quiet = (begins + timedelta(days=n) for n in range((end - begins).days))
        actual = {**{day: 0.0 for day in quiet if day not in short}, **actual}
    found = graded(past, actual)
    if found is None:
        nothing: ForecastGrade = {
            "days": 0, "mae": None, "bias": None, "within_80": None, "adjusted_mae": None, "value_added": None
        }  # fmt: skip
        return Json(nothing)
    return Json({**found._asdict(), "value_added": found.mae - found.adjusted_mae})


@router.get("/forecast-adjustments", response_model=Items[Adjustment], responses=FILES)
@as_file("forecast-adjustments", Adjustment)
async def list_adjustments(
    request: Request, caller: Reader, site: Asked = None, sku: Asked = None, limit: Limit = 200, cursor: Cursor = None
) -> Json:
    """What people expect otherwise than the forecast, the newest first; those that were taken back too."""
    before = key_of(decode(cursor, (str,))[0]) if cursor else None
    asked = {"site": site, "sku": sku, "id": None, "before": before, "limit": limit + 1}
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        rows = await session.rows(queries("demand")["adjustments"], **asked)
    return shaped_page(request, rows, limit, lambda row: [row["id"]], _adjustment)


def _adjustment(row: Row) -> Adjustment:
    found = {name: row[name] for name in ("id", "site", "sku", "factor", "reason", "made_by", "withdrawn_by")}
    days = {name: row[name].isoformat() for name in ("first_day", "last_day")}
    return cast("Adjustment", {**found, **days, **{name: when(row[name]) for name in ("made_at", "withdrawn_at")}})


@router.post("/forecast-adjustments", response_model=Adjustment, status_code=201)
async def post_adjustment(request: Request, caller: ProductKeeper, given: AdjustmentIn) -> Json:
    """A person expects otherwise; it is kept beside the forecast and graded with it. 422: not known, or all past."""
    if given.last_day < datetime.now(UTC).date() - timedelta(days=1):
        raise Problem(422, "last_day: these days are over; what was forecast of them stays as it was")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        added = await session.row(queries("demand")["add_adjustment"], **given.model_dump(), by=caller.user)
        if added is None:
            raise Problem(422, f"site, sku: there is no {given.site}, or no {given.sku}")
        row = await _one(session, added["id"])
        told = given.model_dump(mode="json")
        await audit(session, caller, "forecast.adjust", f"{given.site}/{given.sku}", **told)
        return Json(_adjustment(row), 201)


@router.delete("/forecast-adjustments/{adjustment_id}", status_code=204)
async def withdraw_adjustment(request: Request, caller: ProductKeeper, adjustment_id: str) -> Response:
    """Takes it back: it counts no more from now on; taken back before, it stays so."""
    key = key_of(adjustment_id)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await _one(session, key)
        if await session.row(queries("demand")["withdraw_adjustment"], id=key, by=caller.user) is not None:
            await audit(session, caller, "forecast.withdraw", f"{row['site']}/{row['sku']}", adjustment=adjustment_id)
    return Response(status_code=204)


async def _one(session: Session, key: int) -> Row:
    asked = {"site": None, "sku": None, "id": key, "before": None, "limit": 1}
    rows = await session.rows(queries("demand")["adjustments"], **asked)
    if not rows:
        raise not_found()
    return rows[0]
