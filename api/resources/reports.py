"""Named reports: what fleets are asked about, from summaries of ten minutes, readings for the rest, last values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from fastapi import APIRouter, Query, Request
from starlette.responses import Response
from typing_extensions import TypedDict

from api.http.auth import Anybody
from api.http.context import context_of
from api.http.jsons import Json, when
from api.http.problems import Problem, not_found
from api.resources.shared.fits import Fits
from api.resources.shared.spans import Since, Until, span
from api.resources.shared.tables import CSV, csv_cell
from store.db import queries

router = APIRouter(tags=["reports"])

ROWS_MAX = 10_000


class Report(TypedDict):
    """A report, what it takes beside span and filters, and what is taken when that is left out."""

    name: str
    summary: str
    span_hours: int
    attribute: str | None
    threshold: float | None
    threshold_means: str | None


class Answer(TypedDict):
    """Rows of a report; their columns are its own."""

    report: str
    since: str
    until: str
    items: list[dict[str, Any]]


@dataclass(frozen=True)
class Named:
    """A report as it is declared; `hours` before `to` when no `from` is given."""

    summary: str
    hours: int = 24
    attribute: str | None = None
    threshold: float | None = None
    means: str | None = None


REPORTS = {
    "last-position": Named("Where every vehicle was last."),
    "low-fuel": Named(
        "Whose tank is nearly empty, by its last value in the span.",
        24,
        "fuel_ratio",
        0.1,
        "lowest value that is enough",
    ),
    "high-load": Named(
        "Who carries nearly all it may, by its last value in the span.",
        24,
        "load_kg",
        0.9,
        "share of the capacity that is enough",
    ),
    "stationary": Named("Who stood in the span."),
    "long-driving": Named("Who drove the whole span.", 4, None, 20.0, "minutes of rest that do not count"),
    "long-day": Named("Days on which a vehicle drove long.", 24, None, 10.0, "hours that are enough"),
    "driving-a-day": Named("Hours a vehicle drives a day.", 168),
    "driving-without-rest": Named("How long a vehicle drives without a rest of ten minutes, by day.", 168),
    "load": Named("How full the vehicles of a fleet and model are.", 168, "load_kg"),
    "activity": Named("How many vehicles of a fleet and model were in order, by day.", 168, "running"),
    "breakdowns": Named("How often the vehicles of a model broke down.", 168, "running"),
    "fuel-against-plan": Named("What a fleet burns in an hour on the road, and what makers say.", 168, "fuel_lph"),
}


@router.get("/reports", response_model=list[Report])
async def list_reports(caller: Anybody) -> Json:
    """The reports there are, with what they take."""
    del caller
    return Json(
        [
            Report(
                name=name, summary=each.summary, span_hours=each.hours, attribute=each.attribute,
                threshold=each.threshold, threshold_means=each.means,
            )
            for name, each in REPORTS.items()
        ]
    )  # fmt: skip


@router.get("/reports/{report}", response_model=Answer, responses={200: {"content": {CSV: {}}}})
async def get_report(
    request: Request,
    caller: Anybody,
    report: str,
    fits: Fits,
    since: Since = None,
    until: Until = None,
    attribute: Annotated[str | None, Query(max_length=128, description="the name of the value")] = None,
    threshold: Annotated[float | None, Query(allow_inf_nan=False, description="see the list of reports")] = None,
    zone: Annotated[str, Query(max_length=64, description="IANA time zone of days")] = "UTC",
) -> Response:
    """Rows of a report, as CSV when that is accepted; whose vehicle's fleet and driver it was is asked of the time."""
    named = REPORTS.get(report)
    if named is None:
        raise not_found()
    if zone not in _zones():
        raise Problem(422, f"zone: {zone!r} is no IANA time zone")
    if since is None and until is not None:
        since = until - timedelta(hours=named.hours)
    begins, ends = span(since, until)
    if since is None:
        begins = ends - timedelta(hours=named.hours)
    values = {
        **fits, "since": begins, "until": ends, "zone": zone,
        "attribute": attribute or named.attribute, "limit": ROWS_MAX + 1,
        "threshold": named.threshold if threshold is None else threshold,
    }  # fmt: skip
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        rows = await session.rows(queries("reports")[report.replace("-", "_")], **values)
    if len(rows) > ROWS_MAX:
        raise Problem(422, f"more than {ROWS_MAX} rows: ask for a shorter span or for one fleet")
    items = [{name: _told(value) for name, value in row.items()} for row in rows]
    if CSV in request.headers.get("accept", ""):
        names = list(items[0]) if items else []
        lines = [names, *([item[name] for name in names] for item in items)]
        body = "".join(",".join(map(csv_cell, line)) + "\r\n" for line in lines if line)
        headers = {"Content-Disposition": f'attachment; filename="{report}.csv"'}
        return Response(body, media_type=CSV, headers=headers)
    return Json({"report": report, "since": when(begins), "until": when(ends), "items": items})


@cache
def _zones() -> set[str]:
    return available_timezones()


def _told(value: Any) -> Any:
    if isinstance(value, datetime):
        return when(value)
    return value.isoformat() if isinstance(value, date) else value
