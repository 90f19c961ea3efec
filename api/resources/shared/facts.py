"""What all lists of facts have in common: what they may be asked, and the shapes of what is declared."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Query, Request
from typing_extensions import TypedDict

from api.database import Row
from api.http.caller import Caller
from api.http.context import context_of
from api.http.instants import QueryInstant
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Limit, decode, instant, shaped_page
from api.http.problems import Problem, not_found
from api.resources.shared.fits import ANY_VEHICLE
from domain.facts import AnyKind
from store.db import queries
from store.facts import listing

Since = Annotated[
    QueryInstant | None, Query(alias="from", description="RFC 3339; facts that end before it are left out")
]
Until = Annotated[QueryInstant | None, Query(alias="to", description="RFC 3339; facts that begin later are left out")]
AsOf = Annotated[
    QueryInstant | None, Query(description="RFC 3339; what was known at that moment, instead of what is known now")
]
COMMON: dict[str, Any] = {
    "id": str,
    "revision": int,
    "decided_at": Time,
    "superseded_at": Time | None,
    "rule_version": int,
    "retracted": bool,
}
"""What all facts have. The id stays when a fact is amended; a retracted one is no longer so."""
TYPES: dict[str, Any] = {"timestamptz": Time, "text": str, "int4": int, "int8": int, "float8": float}


@cache
def shape_of(kind: AnyKind) -> Any:
    """The public shape of a kind of fact."""
    own: dict[str, Any] = {}
    for column in kind.public:
        shown = str if column.of else TYPES[column.type]
        own[column.public] = shown | None if column.null else shown
    shape = TypedDict(kind.schema, {**COMMON, **own})  # type: ignore[misc]
    shape.__doc__ = kind.about
    return shape


def shaped(kind: AnyKind, row: Row) -> dict[str, Any]:
    """A row of a kind's query as its shape."""
    values = {name: row[name] for name in (*COMMON, *(c.public for c in kind.public))}
    return {k: when(v) if isinstance(v, datetime) else v for k, v in values.items()} | {"id": str(row["id"])}


class Asked(NamedTuple):
    """The part of the list that is wanted."""

    since: datetime | None
    until: datetime | None
    as_of: datetime | None
    limit: int
    cursor: str | None
    kind: str | None = None


async def asked(
    since: Since = None, until: Until = None, as_of: AsOf = None, limit: Limit = 200, cursor: Cursor = None
) -> Asked:
    """What every list of facts can be asked for."""
    return Asked(since, until, as_of, limit, cursor)


Wanted = Annotated[Asked, Depends(asked)]


async def listed(
    request: Request, caller: Caller, kind: AnyKind, owner: str, wanted: Asked, fits: Mapping[str, Any] = ANY_VEHICLE
) -> Json:
    """A page of an owner's facts; of a vehicle's those of times when it was what is asked for."""
    if wanted.since and wanted.until and wanted.since > wanted.until:
        raise Problem(422, "from: later than to")
    at, after = decode(wanted.cursor, (str, int)) if wanted.cursor else (None, None)
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        found = await session.row(queries("api")[f"{kind.owner}_key"], name=owner)
        if found is None:
            raise not_found()
        rows = await session.rows(
            listing(kind),
            id=None, owner=found["key"], kind=wanted.kind, as_of=wanted.as_of, since=wanted.since, until=wanted.until,
            after=after, after_at=instant(at) if at else None, limit=wanted.limit + 1, **fits,
        )  # fmt: skip
    return shaped_page(
        request, rows, wanted.limit, lambda f: [f[kind.start].isoformat(), f["id"]], lambda f: shaped(kind, f)
    )
