"""JSON out: one encoder, one text for an instant."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from starlette.responses import Response

TIME = "time"
Time = Annotated[str, TIME]
"""RFC 3339 in UTC."""


def when(instant: datetime | None) -> str | None:
    """RFC 3339 text in UTC to the millisecond, as `domain.times.rfc3339` writes it.

    >>> when(datetime(2026, 11, 22, 10, tzinfo=UTC))
    '2026-11-22T10:00:00.000Z'
    """
    if instant is None:
        return None
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    return instant.isoformat(timespec="milliseconds")[:-6] + "Z"


def now_text() -> str:
    """This moment."""
    text = when(datetime.now(UTC))
    assert text is not None  # noqa: S101 - for the type checker
    return text


def dumps(content: Any) -> bytes:
    """JSON bytes; a number that is not one becomes null."""
    return orjson.dumps(content)


class Json(Response):
    """An answer in JSON, encoded once and not validated again."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(content, status_code, headers)

    def render(self, content: Any) -> bytes:
        """The body."""
        return dumps(content)
