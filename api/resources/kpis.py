"""Figures of the work: what each is, how it went, whether that is more than chance, and the facts behind it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Request
from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from api.database import Row
from api.http.audit import audit
from api.http.auth import Planner, Reader
from api.http.context import context_of
from api.http.inputs import Strict
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, Page, decode, instant, shaped_page
from api.http.problems import Problem, not_found
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.kpis import Asked, AsOf, Day, drawn_of, known_of, parts_of, span
from planning.kpis import board as boards
from planning.kpis.board import Board, By, Figure, Point, begin_of, meets, next_of
from planning.kpis.catalogue import CATALOGUE, FACTS, KPIS, Kpi, missing
from store.db import queries
from store.kpis import SPLITS, Split, statement

router = resource(tags=["planning"])
CHANGES_MAX = 20
KpiId = Annotated[str, Path(max_length=64)]
Whose = Annotated[str | None, Query(max_length=200)]
Periods = Annotated[By, Query(description="local days of the site, weeks from Monday on, or months")]


class KpiFigure(TypedDict):
    """A figure of a period from `begins` to the day before `ends`; null: there are no facts.

    `good` of `total`, sums of so many `facts`. `low`, `high`: bounds at 95 % where facts are good or not. `p90`: nine
    in ten do not exceed it. `running`: it is not over. `signal`: it is no chance, by which rule, on which side.
    """

    begins: str
    ends: str
    running: bool
    value: float | None
    good: float
    total: float
    facts: int
    low: float | None
    high: float | None
    p90: float | None
    signal: Literal["outside", "run", "near_limit"] | None
    side: Literal["above", "below"] | None
    better: bool | None


class KpiLimits(TypedDict):
    """Limits (XmR) of periods from `begins` on, until the process is said to have changed."""

    begins: str
    centre: float
    low: float
    high: float
    range_mean: float
    range_high: float


class KpiMissing(TypedDict):
    """A kind of facts that is not there, and what tells it."""

    facts: str
    told_by: str


class KpiPart(TypedDict):
    """A figure of all periods together, of one site, customer and so on; null: nobody said whose."""

    part: str | None
    value: float | None
    good: float
    total: float
    facts: int
    low: float | None
    high: float | None
    p90: float | None


class KpiTarget(TypedDict):
    """What is wanted, and from which days on somebody has said that the process is another one."""

    target: float | None
    changes: list[str]
    version: int
    changed_at: Time | None
    changed_by: str | None


class KpiHead(TypedDict):
    """A figure of the work with its definition, its newest period and the one before.

    `missing`: facts that are not there; then there is no figure. `reached`: the newest is what is wanted.
    """

    id: str
    question: str
    definition: str
    unit: str
    measure: Literal["share", "ratio", "median"]
    better: Literal["more", "less"]
    splits: list[str]
    missing: list[KpiMissing]
    newest: KpiFigure | None
    before: float | None
    values: list[float | None]
    limits: KpiLimits | None
    target: KpiTarget
    reached: bool | None


class KpiSeries(KpiHead):
    """The same with each period and all limits; `parts`, if asked for."""

    by: By
    as_of: Time | None
    figures: list[KpiFigure]
    stretches: list[KpiLimits]
    parts: list[KpiPart]


class KpiFact(TypedDict):
    """What is counted: `good` of `total`, at `at`; `known_at`: when the last word on it came. `why` it is not good."""

    id: str
    about: str
    at: Time | None
    known_at: Time | None
    period: str
    site: str | None
    customer: str | None
    carrier: str | None
    lane: str | None
    product: str | None
    vehicle: str | None
    good: float
    total: float
    why: str


class KpiTargetIn(Strict):
    """What is wanted, in the unit of the figure (shares from 0 to 1); null: nothing.

    `changes`: days from which on the process is another one: limits are reckoned anew from there.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"target": 0.95, "changes": ["2026-11-02"]}]})

    target: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] | None
    changes: Annotated[list[Day], Field(max_length=CHANGES_MAX)] = []  # noqa: RUF012 -- pydantic copies it
    version: (
        Annotated[int, Field(ge=0, description="only if nobody has changed it since; 0: nobody has said")] | None
    ) = None


def _kpi(name: str) -> Kpi:
    found = KPIS.get(name)
    if found is None:
        raise not_found()
    return found


def _figure(each: Figure) -> dict[str, Any]:
    return {
        "value": each.value, "good": each.good, "total": each.total, "facts": each.facts, "low": each.low,
        "high": each.high, "p90": each.p90,
    }  # fmt: skip


def _point(each: Point) -> KpiFigure:
    told = each.told
    return {
        "begins": each.begins.isoformat(),
        "ends": each.ends.isoformat(),
        "running": each.running,
        **_figure(each.figure),  # type: ignore[typeddict-item]
        "signal": told.rule if told else None,
        "side": told.side if told else None,
        "better": told.better if told else None,
    }


def _limits(drawn: Board) -> list[KpiLimits]:
    return [
        {**each._asdict(), "begins": drawn.points[each.begins].begins.isoformat()}  # type: ignore[typeddict-item]
        for each in drawn.limits
    ]


def _target(row: Row | None) -> KpiTarget:
    return {
        "target": row["target"] if row else None,
        "changes": [day.isoformat() for day in row["changes"]] if row else [],
        "version": row["version"] if row else 0,
        "changed_at": when(row["changed_at"]) if row else None,
        "changed_by": row["changed_by"] if row else None,
    }


def _head(kpi: Kpi, drawn: Board, lacks: list[str], target: Row | None) -> KpiHead:
    newest = drawn.newest
    earlier = [p.figure.value for p in drawn.points if newest and p.begins < newest.begins]
    limits = _limits(drawn)
    return {
        "id": kpi.id,
        "question": kpi.question,
        "definition": kpi.definition,
        "unit": kpi.unit,
        "measure": kpi.measure,
        "better": kpi.better,
        "splits": list(kpi.by),
        "missing": [{"facts": name, "told_by": FACTS[name]} for name in lacks],
        "newest": _point(newest) if newest else None,
        "before": next((value for value in reversed(earlier) if value is not None), None),
        "values": [point.figure.value for point in drawn.points],
        "limits": limits[-1] if limits else None,
        "target": _target(target),
        "reached": meets(kpi, newest.figure.value if newest else None, target["target"] if target else None),
    }


@router.get("/kpis", response_model=Items[KpiHead], responses=FILES)
@as_file("kpis", KpiHead)
async def list_kpis(
    request: Request,
    caller: Reader,
    by: Periods = "week",
    site: Whose = None,
    as_of: AsOf = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Json:
    """All figures with the newest period that is over; `site`: only facts of it."""
    after = decode(cursor, (int,))[0] if cursor else 0
    since, until, known = span(by, None, None, as_of)
    asked = Asked(by, since, until, known, {**dict.fromkeys(SPLITS), "site": site})
    found: list[KpiHead] = []
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        there, targets = await known_of(session)
        for kpi in CATALOGUE[max(after, 0) :][:limit]:
            lacks, target = missing(kpi, there), targets.get(kpi.id)
            found.append(_head(kpi, await drawn_of(session, kpi, asked, lacks, target), lacks, target))
    more = max(after, 0) + limit
    keys = {kpi["id"]: n for n, kpi in enumerate(found)}
    rows: list[Row] = [*({**each} for each in found), *([{}] if more < len(CATALOGUE) else [])]
    return shaped_page(request, rows, limit, lambda row: [max(after, 0) + keys[row["id"]] + 1], lambda row: row)


@router.get("/kpis/{kpi}", response_model=KpiSeries)
async def get_kpi(
    request: Request,
    caller: Reader,
    kpi: KpiId,
    by: Periods = "week",
    since: Annotated[Day | None, Query(alias="from", description="first day; 26 weeks when left out")] = None,
    until: Annotated[Day | None, Query(description="day after the last one")] = None,
    as_of: AsOf = None,
    split: Annotated[Split | None, Query(description="also by this, all periods together")] = None,
    site: Whose = None,
    customer: Whose = None,
    carrier: Whose = None,
    lane: Whose = None,
    product: Whose = None,
    vehicle: Whose = None,
) -> Json:
    """A figure by period with its limits and what is no chance. What is told late changes past figures: see `as_of`.

    422: it cannot be divided by that.
    """
    what = _kpi(kpi)
    if split is not None and split not in what.by:
        raise Problem(422, f"split: {kpi} is divided by {', '.join(what.by)}")
    whose = dict(zip(SPLITS, (site, customer, carrier, lane, product, vehicle), strict=True))
    begin, end, known = span(by, since, until, as_of)
    asked = Asked(by, begin, end, known, whose)
    parts: list[Row] = []
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        there, targets = await known_of(session)
        lacks, target = missing(what, there), targets.get(kpi)
        drawn = await drawn_of(session, what, asked, lacks, target)
        if split is not None and not lacks:
            whole = asked._replace(since=drawn.points[0].begins, until=drawn.points[-1].ends)
            parts = [*await parts_of(session, what, whole, split)]
    told: KpiSeries = {
        **_head(what, drawn, lacks, target),
        "by": by,
        "as_of": when(as_of),
        "figures": [_point(each) for each in drawn.points],
        "stretches": _limits(drawn),
        "parts": [{"part": row["part"], **_figure(boards.figure(what, row))} for row in parts],  # type: ignore[typeddict-item]
    }
    return one(request, told, live={"newest", "figures", "values", "parts"})


def _fact(row: Row) -> KpiFact:
    named = ("about", "site", "customer", "carrier", "lane", "product", "vehicle", "good", "total", "why")
    times = {"at": when(row["at"]), "known_at": when(row["known_at"]), "period": row["period"].isoformat()}
    return {"id": row["key"], **times, **{name: row[name] for name in named}}  # type: ignore[typeddict-item]


@router.get("/kpis/{kpi}/facts", response_model=Items[KpiFact], responses=FILES)
@as_file("kpi-facts", KpiFact)
async def list_kpi_facts(
    request: Request,
    caller: Reader,
    kpi: KpiId,
    period: Annotated[Day | None, Query(description="a day of it; today when left out")] = None,
    by: Periods = "week",
    as_of: AsOf = None,
    site: Whose = None,
    customer: Whose = None,
    carrier: Whose = None,
    lane: Whose = None,
    product: Whose = None,
    vehicle: Whose = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Json:
    """The facts behind the figure of one period, in the order in which they were: their sums are the figure."""
    what = _kpi(kpi)
    known = as_of or datetime.now(UTC)
    begins = begin_of(by, period or known.date())
    whose = dict(zip(SPLITS, (site, customer, carrier, lane, product, vehicle), strict=True))
    since, until, known = span(by, begins, next_of(by, begins), known)
    page: dict[str, Any] = {"after": None, "after_at": None}
    if cursor:
        at, page["after"] = decode(cursor, (str, str))
        page["after_at"] = instant(at)
    asked = Asked(by, since, until, known, whose)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        there, _ = await known_of(session)
        if missing(what, there):
            return Page([])
        rows = await session.rows(statement("page", kpi), **asked.values(limit + 1), **page)
    return shaped_page(request, rows, limit, lambda row: [row["at"].isoformat(), row["key"]], _fact)


@router.put("/kpis/{kpi}/target", response_model=KpiTarget)
async def put_kpi_target(request: Request, caller: Planner, kpi: KpiId, given: KpiTargetIn) -> Json:
    """Says what is wanted of a figure, and when the process has changed. 409: somebody has said otherwise since."""
    what = _kpi(kpi)
    if what.unit == "share" and given.target is not None and given.target > 1:
        raise Problem(422, "target: of a share from 0 to 1; 0.95 is 95 %")
    changes = sorted(set(given.changes))
    values = {"kpi": kpi, "target": given.target, "changes": changes, "by": caller.user, "version": given.version}
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if given.version and kpi not in (await known_of(session))[1]:
            raise Problem(409, "nobody has said what is wanted: look again")
        if await session.row(queries("kpis")["put_target"], **values) is None:
            raise Problem(409, "somebody has said otherwise since: look again")
        detail = given.model_dump(mode="json", exclude={"version"})
        await audit(session, caller, "kpi.target", kpi, **detail)
        _, targets = await known_of(session)
    return one(request, _target(targets[kpi]))
