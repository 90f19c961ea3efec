"""Lists in pages: an opaque cursor that says behind which object the next page begins."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Query, Request
from typing_extensions import TypedDict

from api.http.jsons import Json, now_text
from api.http.problems import Problem
from api.http.things import only

T = TypeVar("T")
LIMIT_MAX = 1000


class Items(TypedDict, Generic[T]):
    """One page of a list; `Link: <…>; rel="next"` stands where there are more."""

    items: list[T]
    now: str


Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="objects on a page at most")]
Cursor = Annotated[str | None, Query(max_length=1024, description="from the Link of the page before")]


def encode(key: Sequence[Any]) -> str:
    """The cursor of a sort key.

    >>> decode(encode(["dc-1", 3]), (str, int))
    ['dc-1', 3]
    """
    return urlsafe_b64encode(orjson.dumps(list(key))).rstrip(b"=").decode()


def decode(cursor: str, types: Sequence[type]) -> list[Any]:
    """The sort key of a cursor.

    Raises:
        Problem: 422, it is not one of ours.
    """
    try:
        key = orjson.loads(urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        key = None
    if not isinstance(key, list) or [type(part) for part in key] != list(types):
        raise Problem(422, "cursor: not one that this list has given")
    return key


def instant(text: str) -> datetime:
    """An instant out of a cursor.

    Raises:
        Problem: 422, it is not one.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Problem(422, "cursor: not one that this list has given")
    return found


class Page(Json):
    """A page as it is sent; its things, and the cursor behind which there are more."""

    def __init__(
        self, items: Sequence[Any], next_cursor: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        self.items, self.next_cursor = items, next_cursor
        super().__init__({"items": items, "now": now_text()}, headers=headers)


def page(request: Request, found: Sequence[T], limit: int, key: Callable[[T], Sequence[Any]]) -> Page:
    """A page from `limit` + 1 objects; the one too many only says that there are more."""
    return shaped_page(request, found, limit, key, lambda item: item)


def shaped_page(
    request: Request, found: Sequence[T], limit: int, key: Callable[[T], Sequence[Any]], shape: Callable[[T], Any]
) -> Page:
    """As `page`, of rows that have still to be shaped."""
    items = found[:limit]
    headers, cursor = {}, None
    if len(found) > limit:
        cursor = encode(key(items[-1]))
        url = request.url.include_query_params(limit=limit, cursor=cursor)
        headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return Page(only(request, [shape(item) for item in items]), cursor, headers)
