"""Times in requests: RFC 3339 with an offset, nothing else. A number is no time, and neither is a date alone."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator

from domain.times import written

_LOST_PLUS = re.compile(r" (?=\d\d:?\d\d$)")  # in an address a bare + means a space


def parsed(text: str) -> datetime:
    """The moment of a text of ours (`jsons.when`)."""
    return datetime.fromisoformat(text)


def _instant(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError("a time is a text: write 2026-11-22T10:00:00Z")  # noqa: TRY004 -- pydantic takes this one
    found = written(value)
    if found.tzinfo is None:
        raise ValueError(f"{value[:40]!r} has no offset: add Z or +hh:mm")
    return found


def _instant_in_address(value: Any) -> datetime:
    return _instant(_LOST_PLUS.sub("+", value.strip()) if isinstance(value, str) else value)


Instant = Annotated[AwareDatetime, BeforeValidator(_instant)]
"""A moment in a body."""
QueryInstant = Annotated[AwareDatetime, BeforeValidator(_instant_in_address)]
"""A moment in an address, where the plus of an offset may have been left as it is."""
