"""Labels of products, lots, places and handling units, as PDF for sheets and rolls."""

from __future__ import annotations

import asyncio
from functools import partial
from time import monotonic
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Query, Request
from pydantic import AfterValidator
from starlette.responses import Response

from api.http.auth import Reader
from api.http.context import context_of
from api.http.inputs import zone_name
from api.http.problems import Problem
from api.http.routes import resource
from api.resources.shared.label_sheets import LABELS_MAX, Way, printed
from api.resources.shared.ledger import Asked
from domain.labels.sheets import Codes, SheetName
from domain.labels.things import Lang, Of, Wording, code_of, label_of
from serving.pace import cut
from store.db import queries

router = resource(tags=["stock"])
IDS_MAX = 200
PDF, PNG = "application/pdf", "image/png"
Ids = Annotated[
    list[Annotated[str, Query(max_length=130)]] | None,
    Query(alias="id", max_length=IDS_MAX, description="those alone; a zone is `site/zone`, a bin `site/bin`"),
]
Sheet = Annotated[SheetName, Query(description="A4 of 24 (70 x 37 mm) or 8 (105 x 74); a roll 100 x 50; A6")]


@router.get(
    "/stock/labels",
    response_class=Response,
    responses={
        200: {"content": {PDF: {}, PNG: {}}},
        404: {"description": "nothing fits, or one that is asked for is not there"},
    },
)
async def print_labels(
    request: Request,
    caller: Reader,
    of: Of,
    ids: Ids = None,
    site: Asked = None,
    zone: Asked = None,
    search: Annotated[str | None, Query(min_length=1, max_length=64, description="a part of a code or name")] = None,
    sheet: Sheet = "a4-24",
    start: Annotated[int, Query(ge=1, le=24, description="the first place that is free on a sheet")] = 1,
    copies: Annotated[int, Query(ge=1, le=100)] = 1,
    codes: Annotated[Codes, Query(description="bars (GS1-128), QR with a GS1 Digital Link, or both")] = "both",
    lang: Lang = "en",
    tz: Annotated[str, AfterValidator(zone_name), Query(max_length=64, description="of days on labels")] = "UTC",
    prefix: Annotated[
        str, Query(pattern=r"^([0-9]{6,12})?$", description="your GS1 company prefix: tags of its keys are told too")
    ] = "",
    preview: Annotated[bool, Query(description="the first page as a picture (PNG)")] = False,  # noqa: FBT002
) -> Response:
    """Labels by their codes, 1000 at most. `GET /stock/found` knows what is scanned of them.

    Where bars would be too thin to be read a QR code stands alone. A name that no font of the server can draw is left
    out: its code stands in its place, and the header `Frostway-Undrawn` counts them.
    """
    asked: dict[str, Any] = {"ids": ids, "site": site, "zone": zone, "search": search, "limit": LABELS_MAX + 1}
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        rows = await session.rows(queries("label_things")[of], **asked)
    if ids and (gone := set(ids) - {code_of(of, row) for row in rows}):
        raise Problem(404, f"id: there is no {min(gone)[:80]}")
    if not rows:
        raise Problem(404, "nothing fits: look for less of it, or add it first")
    how = Wording(lang, ZoneInfo(tz), prefix)
    labels = [label_of(of, row, how) for row in rows]
    context = context_of(request)
    place = context.downloads.take((caller.tenant_id, caller.user), monotonic(), partial(cut, request.scope))
    try:
        made = await asyncio.to_thread(printed, labels, Way(sheet, start, copies, codes, lang), preview=preview)
    except ValueError as error:
        raise Problem(422, str(error)) from None
    finally:
        context.downloads.give_back(place)
    headers = {"Content-Disposition": f'inline; filename="{of.replace("_", "-")}.{"png" if preview else "pdf"}"'}
    if made.undrawn:
        headers["Frostway-Undrawn"] = str(len(made.undrawn))
    return Response(made.content, media_type=PNG if preview else PDF, headers=headers)
