"""Which messages of quarantine are meant, and what waits there for a device."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from api.database import Session
from api.http.caller import Caller
from api.http.inputs import Name, Strict
from api.http.problems import Problem
from domain.names import TopicError, is_downlink, parse_topic
from domain.wire.formats import FORMATS
from store.db import queries

Reason = Annotated[str, Field(pattern=r"^[a-z_]{1,64}$")]


class Chosen(Strict):
    """Which messages are to be read again: all that were not yet, of a device, for a reason."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"device": "th-1", "reason": "no_value"}]})

    device: Name | None = None
    reason: Reason | None = None


def check_topic(caller: Caller, topic: str) -> None:
    """A mended topic is one of the caller's own tenant."""
    try:
        address = parse_topic(topic.encode(), FORMATS)
    except TopicError as error:
        raise Problem(422, f"topic: {error}") from None
    if address.tenant != caller.tenant or is_downlink(topic.encode()):
        raise Problem(422, f"topic: not one on which a device of {caller.tenant} publishes")


async def read_waiting(session: Session, caller: Caller, device: str, foreign_id: str | None) -> None:
    """What waited for a device to be registered is read again."""
    q = queries("quarantine")
    if await session.run(q["ask_for_device"], tenant_name=caller.tenant, device=device, foreign_id=foreign_id):
        await session.run(q["notify"])
