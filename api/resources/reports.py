"""Named reports: what fleets are asked about, from summaries of ten minutes, readings for the rest, last values."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from starlette.responses import Response
from typing_extensions import TypedDict

from api.http.auth import Reader
from api.http.context import context_of
from api.http.jsons import Json, when
from api.http.problems import Problem, not_found
from api.http.routes import resource
from api.resources.shared.fits import Fits
from api.resources.shared.sheets import XLSX, workbook
from api.resources.shared.spans import Since, Until
from domain.tables import CSV
from store.reports import REPORTS, ReportError, csv, question, told

router = resource(tags=["reports"])
FORMS = {"csv": CSV, "xlsx": XLSX}


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


@router.get("/reports", response_model=list[Report])
async def list_reports(caller: Reader) -> Json:
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


@router.get("/reports/{report}", response_model=Answer, responses={200: {"content": {CSV: {}, XLSX: {}}}})
async def get_report(
    request: Request,
    caller: Reader,
    report: str,
    fits: Fits,
    since: Since = None,
    until: Until = None,
    attribute: Annotated[str | None, Query(max_length=128, description="the name of the value")] = None,
    threshold: Annotated[float | None, Query(allow_inf_nan=False, description="see the list of reports")] = None,
    zone: Annotated[str, Query(max_length=64, description="IANA time zone of days")] = "UTC",
    form: Annotated[
        Literal["json", "csv", "xlsx"] | None, Query(alias="format", description="instead of `Accept`")
    ] = None,
) -> Response:
    """Rows of a report, as CSV or a workbook when that is accepted or named.

    Whose vehicle's fleet and driver it was is asked of the time.
    """
    if report not in REPORTS:
        raise not_found()
    try:
        asked = question(
            report, fits, since, until,
            now=datetime.now(UTC), attribute=attribute, threshold=threshold, zone=zone,
        )  # fmt: skip
        async with context_of(request).database.tenant(caller.tenant_id) as session:
            columns, found = await session.table(asked.sql, **asked.values)
        rows = told(found)
    except ReportError as error:
        raise Problem(422, str(error)) from None
    accepted = request.headers.get("accept", "")
    wanted = FORMS.get(form or "") or next((each for each in (CSV, XLSX) if form is None and each in accepted), "")
    if wanted:
        ending = "csv" if wanted == CSV else "xlsx"
        headers = {"Content-Disposition": f'attachment; filename="{report}.{ending}"'}
        if wanted == CSV:
            return Response("".join(csv(columns, rows)), media_type=CSV, headers=headers)
        return Response(await asyncio.to_thread(workbook, report, columns, rows), media_type=XLSX, headers=headers)
    items = [dict(zip(columns, row, strict=True)) for row in rows]
    return Json({"report": report, "since": when(asked.since), "until": when(asked.until), "items": items})
