"""What a receiver (webhook, channel, broker) was told and is to be told: read, tried, sent again, one way for all."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Request
from pydantic import AfterValidator, Field
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.caller import Caller
from api.http.context import context_of
from api.http.jsons import Json, when
from api.http.paging import decode, shaped_page
from api.http.problems import Problem, key_of, not_found
from operations.deliver.decide import GROUPS, TYPES
from store.db import queries

Kind = Literal["webhook", "channel", "broker"]
LIVE = {
    *("failures", "paused_until", "succeeded_at", "failed_at", "last_error", "disabled_at", "disabled_why"),
    *("waiting", "waiting_since", "given_up"),
}
"""What changes by itself."""
EVENTS = (*GROUPS, *TYPES)
TIMES = ("created_at", "disabled_at", "paused_until", "succeeded_at", "failed_at")


def _event(text: str) -> str:
    if text not in EVENTS:
        raise ValueError(f"one of {', '.join(EVENTS)}")
    return text


Event = Annotated[str, AfterValidator(_event), Field(json_schema_extra={"enum": list(EVENTS)})]
Events = Annotated[list[Event], Field(min_length=1, max_length=len(EVENTS))]


class AttemptOut(TypedDict):
    """An attempt to tell it; `answer` is the beginning of what came back."""

    at: str
    status: int | None
    error: str | None
    took_ms: int
    answer: str | None


class Delivery(TypedDict):
    """An event on its way to a receiver: `waiting`, `done` or `gave up`, with its attempts."""

    id: str
    event: str
    type: str
    subject: str
    at: str
    created_at: str
    state: str
    attempts: int
    next_at: str | None
    done_at: str | None
    last_status: int | None
    last_error: str | None
    log: list[AttemptOut]
    data: dict[str, Any]


class SentAgain(TypedDict):
    """How many events are sent again."""

    asked: int


class Receivers:
    """What the resources of all kinds of receivers do with deliveries. `known` reads a receiver, or is 404."""

    def __init__(self, kind: Kind, known: Callable[[Session, str], Awaitable[Row]]) -> None:
        self._kind, self._known = kind, known

    async def delete(self, request: Request, caller: Caller, name: str) -> Response:
        """It is gone, with all that waits for it."""
        async with context_of(request).database.tenant(caller.tenant_id) as session:
            if not await remove(session, self._kind, name):
                raise not_found()
            await audit(session, caller, f"{self._kind}.remove", name)
        return Response(status_code=204)

    async def attempt(
        self, request: Request, caller: Caller, name: str, to: Callable[[Row], str | None] = lambda _: None
    ) -> Json:
        """Something of the type `test`, to be told now; `to` says whom, of the receiver."""
        async with context_of(request).database.tenant(caller.tenant_id) as session:
            row = await self._known(session, name)
            if row["disabled_at"] is not None:
                raise Problem(409, f"{name} is switched off: switch it on first")
            found = await attempt_now(session, caller, self._kind, name, to(row))
            await audit(session, caller, f"{self._kind}.test", name)
        return Json(found, 202)

    async def page(
        self, request: Request, caller: Caller, name: str, state: str | None, limit: int, cursor: str | None
    ) -> Json:
        """Deliveries, the newest first."""
        before = decode(cursor, (int,))[0] if cursor else None
        async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
            await self._known(session, name)
            found = await deliveries(session, self._kind, name, before=before, state=state, limit=limit + 1)
        return shaped_page(request, found, limit, lambda d: [int(d["id"])], lambda d: d)

    async def one(self, request: Request, caller: Caller, name: str, delivery: str) -> Json:
        """A delivery with its attempts, as both are at one moment: whoever waits for the first asks no more then."""
        async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
            found = await deliveries(session, self._kind, name, key=key_of(delivery))
        if not found:
            raise not_found()
        return Json(found[0])

    async def again(self, request: Request, caller: Caller, name: str, delivery: str) -> Json:
        """A delivery, once more from the beginning."""
        key = key_of(delivery)
        async with context_of(request).database.tenant(caller.tenant_id) as session:
            found = await once_more(session, self._kind, name, key)
            if found is None:
                raise not_found()
            await audit(session, caller, f"{self._kind}.redeliver", name, delivery=delivery)
        return Json(found, 202)

    async def all_again(self, request: Request, caller: Caller, name: str) -> Json:
        """All that was given up, once more in its order."""
        async with context_of(request).database.tenant(caller.tenant_id) as session:
            await self._known(session, name)
            asked = await all_once_more(session, self._kind, name)
            await audit(session, caller, f"{self._kind}.redeliver", name, deliveries=asked)
        return Json({"asked": asked}, 202)


async def remove(session: Session, kind: Kind, name: str) -> bool:
    """A receiver is gone, with all that waits for it."""
    return await session.row(queries("deliver")["remove_receiver"], kind=kind, name=name) is not None


async def attempt_now(session: Session, caller: Caller, kind: Kind, name: str, to: str | None = None) -> dict[str, Any]:
    """Something of the type `test` to be told at once; its delivery."""
    now = datetime.now(UTC)
    about = {"kind": kind, "name": name, "actor": caller.user, "to": to}
    values = {**about, "cause": f"test/{secrets.token_hex(8)}", "now": now}
    row = await session.row(queries("deliver")["try_receiver"], **values)
    return (await deliveries(session, kind, name, key=(row or {})["id"]))[0]


async def once_more(session: Session, kind: Kind, name: str, key: int) -> dict[str, Any] | None:
    """A delivery, to be told again from the beginning; None: there is none."""
    if await session.row(queries("deliver")["redeliver"], kind=kind, name=name, id=key) is None:
        return None
    return (await deliveries(session, kind, name, key=key))[0]


async def all_once_more(session: Session, kind: Kind, name: str) -> int:
    """All that was given up, to be told again in its order; how much that is."""
    return len(await session.rows(queries("deliver")["redeliver_all"], kind=kind, name=name))


async def deliveries(
    session: Session,
    kind: Kind,
    name: str,
    *,
    key: int | None = None,
    before: int | None = None,
    state: str | None = None,
    limit: int = 1,
) -> list[dict[str, Any]]:
    """Deliveries of a receiver, the newest first, with their attempts."""
    q = queries("deliver")
    found = await session.rows(q["deliveries"], kind=kind, name=name, id=key, before=before, state=state, limit=limit)
    tried: dict[int, list[dict[str, Any]]] = {row["key"]: [] for row in found}
    for row in await session.rows(q["attempts"], ids=list(tried)):
        shown = {key: row[key] for key in ("status", "error", "took_ms", "answer")}
        tried[row["outgoing_id"]].append({"at": when(row["at"]), **shown})
    return [_delivery(row, tried[row["key"]]) for row in found]


def _delivery(row: Row, log: list[dict[str, Any]]) -> dict[str, Any]:
    state = "done" if row["done_at"] else "gave up" if row["gave_up_at"] else "waiting"
    plain = ("type", "subject", "attempts", "last_status", "last_error", "data")
    return {
        "id": str(row["key"]),
        "event": row["cause"],
        "state": state,
        "next_at": when(row["next_at"]) if state == "waiting" else None,
        **{key: when(row[key]) for key in ("at", "created_at", "done_at")},
        **{key: row[key] for key in plain},
        "log": log,
    }
