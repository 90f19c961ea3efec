"""The audit trail: who did what, when, to which object; held by a chain."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import Query, Request
from typing_extensions import TypedDict

from api.database import Row
from api.http.auth import AuditReader
from api.http.context import context_of
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.routes import resource
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.spans import Since, Until
from store.db import queries

router = resource(tags=["audit"])
Word = Annotated[str | None, Query(max_length=200)]


class AuditEntry(TypedDict):
    """An entry: `actor` did `action` to `subject`; `detail` is what was given.

    `n` and `sha256` are its place in the chain, null for the moment until it is linked.
    """

    id: str
    at: Time | None
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    n: int | None
    sha256: str | None


@router.get("/audit", response_model=Items[AuditEntry], responses=FILES)
@as_file("audit", AuditEntry)
async def list_audit(
    request: Request,
    caller: AuditReader,
    subject: Word = None,
    action: Annotated[str | None, Query(max_length=200, description="one, or all below it: `shipment`")] = None,
    actor: Word = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """Who did what, newest first. `frostway audit verify` proves that no entry was changed afterwards."""
    before = decode(cursor, (int,))[0] if cursor else None
    asked = {"subject": subject, "action": action, "actor": actor, "since": since, "until": until}
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("audit")["entries"], **asked, before=before, limit=limit + 1)
    return shaped_page(request, found, limit, lambda e: [e["id"]], _shape)


def _shape(row: Row) -> AuditEntry:
    detail = orjson.loads(row["detail"])
    return {**row, "id": str(row["id"]), "at": when(row["at"]), "detail": detail}  # type: ignore[typeddict-item]
