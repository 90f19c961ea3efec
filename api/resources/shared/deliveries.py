"""What a receiver (webhook, channel, broker) was told and is to be told: read, tried, sent again, one way for all."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.caller import Caller
from api.http.jsons import when
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
