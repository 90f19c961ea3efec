"""Pages of EPCIS events, of a question in an address or of one that has a name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import Request

from api.http.caller import Caller
from api.http.context import context_of
from api.http.jsons import Json, now_text
from api.http.paging import decode, encode, instant
from api.http.problems import Problem
from domain.epcis.answers import SIMPLE, answer, event_shown
from domain.epcis.query import OTHERS, PAGE_MAX, QueryError, order, per_page
from store.db import queries

EVENTS_MAX = 1000
VERSIONS = {"GS1-EPCIS-Version": "2.0.0", "GS1-CBV-Version": "2.0.0", "GS1-EPCIS-Capture-Limit": str(EVENTS_MAX)}
PAGES: list[dict[str, Any]] = [
    {"name": name, "in": "query", "required": False, "description": what, "schema": {"type": "string"}}
    for name, what in zip(
        OTHERS,
        (
            "`eventTime` (as it is) or `recordTime`",
            "`DESC` (as it is) or `ASC`",
            f"events on a page, at most {PAGE_MAX}",
            "from the Link of the page before",
        ),
        strict=True,
    )
]
"""Parameters of a page, as the document has them."""
NOT_BEHIND = {"behind": None, "behind_id": None, "upto": None, "upto_id": None}


async def events_page(request: Request, caller: Caller, conditions: Mapping[str, Any], name: str = SIMPLE) -> Json:
    """An EPCISQueryDocument, with a Link to the next page where there is one."""
    given = request.query_params
    try:
        ordered = order(given.get("orderBy"), given.get("orderDirection"))
        limit = per_page(given.get("perPage"))
    except QueryError as error:
        raise Problem(422, str(error)) from None
    after: datetime | None = None
    after_id: int | None = None
    if (token := given.get("nextPageToken")) is not None:
        text, after_id = decode(token, (str, int))
        after = instant(text)
    values = {**conditions, **ordered, **NOT_BEHIND, "after": after, "after_id": after_id, "limit": limit + 1}
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("epcis")["events"], **values)
    headers = dict(VERSIONS)
    if len(found) > limit:
        at = found[limit - 1]["recorded_at" if ordered["by_record"] else "event_at"]
        url = request.url.include_query_params(nextPageToken=encode([at.isoformat(), found[limit - 1]["id"]]))
        headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return Json(answer([event_shown(row) for row in found[:limit]], now_text(), name), headers=headers)
