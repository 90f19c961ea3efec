"""One rule over many messages that were set aside: first looked at, then done."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import Request
from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from api.database import Session
from api.http.audit import audit
from api.http.auth import Mender
from api.http.caller import Caller
from api.http.context import context_of
from api.http.inputs import Strict
from api.http.jsons import Json
from api.http.problems import Problem
from api.http.routes import resource
from api.resources.shared.quarantine import Chosen, check_topic
from domain.mending import STEPS_MAX, Mended, MendingError, Step, checked, mend
from domain.wire.verdict import verdict
from store.db import queries
from store.quarantine import MANY_MAX

router = resource(tags=["quarantine"])

SHOWN_MAX = 20  # messages of a preview
AT_ONCE = 100  # messages in memory


class StepIn(Strict):
    """One step of a rule, see `domain.mending`; `key` is a path with points, lists on the way mean each element."""

    do: Literal["rename", "multiply", "add", "set", "remove", "stream"]
    key: Annotated[str, Field(max_length=200)] = ""
    to: str | float | int | bool | None = None


class MendIn(Chosen):
    """A rule and which messages it is for. `until`, from the preview: what came later is not touched.

    Without `apply` nothing is changed: the answer says what would be.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "device": "th-1",
                    "reason": "no_value",
                    "steps": [{"do": "rename", "key": "temperature", "to": "c"}],
                    "apply": False,
                }
            ]
        }
    )

    steps: Annotated[list[StepIn], Field(min_length=1, max_length=STEPS_MAX)]
    until: Annotated[int, Field(ge=0)] | None = None
    apply: bool = False


class Example(TypedDict):
    """A message before and after; payloads in base64. `verdict`: what it would be read as."""

    id: str
    topic: str
    payload: str
    mended_topic: str
    mended_payload: str
    readable: bool
    verdict: str


class Mending(TypedDict):
    """Messages chosen, those the rule changes, those among them that can be read then; `applied`: asked for now."""

    chosen: int
    changed: int
    readable: int
    applied: int
    until: str
    examples: list[Example]


@router.post("/quarantine/mend", response_model=Mending)
async def mend_many(request: Request, caller: Mender, given: MendIn) -> Json:
    """Previews one rule over many messages, or has all that it changes read again as it leaves them (`apply`).

    The original bytes stay. 10 000 messages at most at a time, the oldest first.
    """
    try:
        steps = checked([Step(each.do, each.key, each.to) for each in given.steps])
    except MendingError as error:
        raise Problem(422, str(error)) from None
    q = queries("quarantine")
    found: Mending = {"chosen": 0, "changed": 0, "readable": 0, "applied": 0, "until": "0", "examples": []}
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        newest = await session.row(q["newest"])
        until = newest["id"] if newest and given.until is None else given.until or 0
        found["until"] = str(until)
        async for row in _waiting(session, caller, given, until):
            found["chosen"] += 1
            mended = _mended(caller, steps, row)
            if mended is None:
                continue
            found["changed"] += 1
            readable, said = verdict(mended.topic, mended.payload, round(row["received_at"].timestamp() * 1000))
            found["readable"] += readable
            if len(found["examples"]) < SHOWN_MAX:
                found["examples"].append(_example(row, mended, readable, said))
            if given.apply:
                found["applied"] += await session.run(
                    q["mend"], tenant_name=caller.tenant, id=row["id"], actor=caller.user, **mended._asdict()
                )
        if given.apply:
            what = given.model_dump(exclude={"apply"}, exclude_none=True)
            await audit(session, caller, "quarantine.mend", "quarantine", applied=found["applied"], **what)
            await session.run(q["notify"])
    return Json(found)


async def _waiting(session: Session, caller: Caller, given: MendIn, until: int) -> AsyncIterator[dict[str, Any]]:
    after, left = 0, MANY_MAX
    while left:
        rows = await session.rows(
            queries("quarantine")["to_mend"],
            tenant_name=caller.tenant,
            device=given.device,
            reason=given.reason,
            until=until,
            after=after,
            limit=min(AT_ONCE, left),
        )
        for row in rows:
            yield row
        if not rows:
            return
        after, left = rows[-1]["id"], left - len(rows)


def _mended(caller: Caller, steps: list[Step], row: dict[str, Any]) -> Mended | None:
    """The message as the rule leaves it; None when it changes nothing, or the topic would be another tenant's."""
    try:
        mended = mend(steps, row["topic"], bytes(row["payload"]))
    except MendingError:
        return None
    if mended == (row["topic"], bytes(row["payload"])):
        return None
    if mended.topic != row["topic"]:
        check_topic(caller, mended.topic)
    return mended


def _example(row: dict[str, Any], mended: Mended, readable: bool, said: str) -> Example:  # noqa: FBT001
    return {
        "id": str(row["id"]),
        "topic": row["topic"],
        "payload": b64encode(row["payload"]).decode(),
        "mended_topic": mended.topic,
        "mended_payload": b64encode(mended.payload).decode(),
        "readable": readable,
        "verdict": said,
    }
