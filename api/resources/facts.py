"""Facts as they are known now, as they were known at a moment, and every word that was said on one of them.

Lists, history and shapes follow from the declarations of the kinds of facts (`domain/facts.py`) that the API is given.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from typing import Annotated, Any, Literal, Union

from fastapi import APIRouter, Path, Request

from api.http.auth import Reader
from api.http.context import context_of
from api.http.jsons import Json
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import key_of, not_found
from api.http.routes import resource
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.facts import Wanted, listed, shape_of, shaped
from api.resources.shared.fits import ANY_VEHICLE, Fits
from domain.facts import AnyKind
from store.facts import listing


def _list_of(kind: AnyKind) -> Callable[..., Awaitable[Json]]:
    """The list of a kind's facts below their owner."""

    async def list_facts_of_vehicle(request: Request, caller: Reader, owner: str, wanted: Wanted, fits: Fits) -> Json:
        return await listed(request, caller, kind, owner, wanted, fits)

    async def list_facts(request: Request, caller: Reader, owner: str, wanted: Wanted) -> Json:
        return await listed(request, caller, kind, owner, wanted)

    found = list_facts_of_vehicle if kind.owner == "vehicle" else list_facts
    found.__annotations__["owner"] = Annotated[str, Path(alias=f"{kind.owner}_id")]
    return as_file(f"{kind.name}s", shape_of(kind))(found)


def _history_of(kinds: Sequence[AnyKind]) -> Callable[..., Awaitable[Json]]:
    by_name = {kind.name: kind for kind in kinds}

    async def fact_history(
        request: Request, caller: Reader, kind: str, fact_id: str, limit: Limit = 200, cursor: Cursor = None
    ) -> Json:
        """All words on one fact, the first one first: what was said, when, by which version of the rule."""
        key, declared = key_of(fact_id), by_name[kind]
        after = decode(cursor, (int,))[0] if cursor else None
        async with context_of(request).database.tenant(caller.tenant_id) as session:
            nothing = dict.fromkeys(("owner", "kind", "as_of", "since", "until", "after_at"))
            found = await session.rows(
                listing(declared), id=key, after=after, limit=limit + 1, **nothing, **ANY_VEHICLE
            )
        if not found and after is None:
            raise not_found()
        return shaped_page(request, found, limit, lambda f: [f["revision"]], lambda f: shaped(declared, f))

    fact_history.__annotations__["kind"] = Literal[tuple(by_name)]
    return fact_history


@cache
def router(kinds: tuple[AnyKind, ...]) -> APIRouter:
    """Lists of these kinds of facts, and the history of each fact."""
    found = resource(tags=["facts"])
    items: Any = Items
    for kind in kinds:
        if kind.path:
            found.add_api_route(
                kind.path,
                _list_of(kind),
                methods=["GET"],
                response_model=items[shape_of(kind)],
                responses=FILES,
                name=f"list_{kind.name}s",
                description=kind.listed,
            )
    if kinds:
        words: Any = Union[tuple(shape_of(kind) for kind in kinds)]  # noqa: UP007  of what is declared
        history = "/facts/{kind}/{fact_id}/history"
        found.add_api_route(history, _history_of(kinds), methods=["GET"], response_model=items[words])
    return found
