"""How good arrival times were: the grades that the tracker gave them when vehicles arrived."""

from __future__ import annotations

from typing import Annotated, Literal, cast

from fastapi import Query, Request
from typing_extensions import TypedDict

from api.database import Row
from api.http.auth import Reader
from api.http.context import context_of
from api.http.instants import QueryInstant
from api.http.jsons import Json
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem
from api.http.routes import resource
from store.db import queries

router = resource(tags=["arrival times"])
By = Literal["hours_out", "lane", "vehicle", "day"]
Since = Annotated[QueryInstant | None, Query(alias="from", description="RFC 3339; arrivals before it are left out")]
Until = Annotated[QueryInstant | None, Query(alias="to", description="RFC 3339; arrivals from then on are left out")]
BUCKETS_MAX = 20
_MEANS = ("mae_min", "mape", "within_15", "within_30", "coverage", "width_min", "jitter_min")


class Experts(TypedDict):
    """Mean absolute errors of the ways that p50 is mixed from, minutes; null where one had nothing to say.

    `learned`: legs as long as they have been; `own_pace`: the same at the vehicle's pace of today; `recovering`: with
    the delay melting; `plan_and_delay`: the durations of timetable or route from now on; `plan`: the timetable itself.
    """

    learned: float | None
    own_pace: float | None
    recovering: float | None
    plan_and_delay: float | None
    plan: float | None


class EtaGrade(TypedDict):
    """Means over arrivals, each counting once however often it was predicted; null where nothing can be said.

    `mae_min`, `width_min` and `jitter_min` are minutes: error of p50, from p10 to p90, and move of p50 from one word to
    the next; `mape` is the error over the time to go, the rest are shares from 0 to 1, `coverage` that between p10 and
    p90. `key` is a bucket of the predicted time to go (or `all`), a lane, a vehicle or a day (UTC).
    """

    key: str
    arrivals: int
    predictions: int
    mae_min: float
    mape: float | None
    within_15: float
    within_30: float
    coverage: float
    width_min: float
    jitter_min: float | None
    experts: Experts


@router.get("/eta/grades", response_model=Items[EtaGrade])
async def eta_grades(
    request: Request,
    caller: Reader,
    since: Since = None,
    until: Until = None,
    by: By = "hours_out",
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """How good predicted arrival times were, by how far off the arrival was, by lane, vehicle or day of arrival."""
    if since and until and since > until:
        raise Problem(422, "from: later than to")
    after = decode(cursor, (str,))[0] if cursor else ""
    if by == "hours_out":
        after, limit = "", max(limit, BUCKETS_MAX)  # not in order of their names: all on one page
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        rows = await session.rows(
            queries("api")["eta_grades"], by=by, since=since, until=until, after=after, limit=limit + 1
        )
    return shaped_page(request, rows, limit, lambda g: [g["key"]], _shaped)


def _shaped(row: Row) -> EtaGrade:
    means = {name: None if row[name] is None else round(row[name], 4) for name in _MEANS}
    counts = {"key": row["key"], "arrivals": row["arrivals"], "predictions": int(row["predictions"])}
    experts = {name: None if row[name] is None else round(row[name], 4) for name in Experts.__annotations__}
    return cast("EtaGrade", counts | means | {"experts": experts})
