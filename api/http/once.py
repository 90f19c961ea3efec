"""`Idempotency-Key`: a POST that is sent again, because its answer was lost, is not carried out again.

The answer is kept for a day, sealed with the key itself, of which only the hash is kept: what is shown once (passwords,
tokens) can be read again by whoever sent the request, and by nobody who reads the database.
"""

from __future__ import annotations

import contextlib
import hashlib
import re

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.database import DATABASE_ERRORS, Database
from api.http.middleware import brings_file
from api.http.presented import token_of
from api.http.problems import Problem, answer
from store.db import queries
from store.secrets import opened, sealed, token_hash

KEY = re.compile(r"[\x21-\x7e]{16,128}")
KEYS_MAX = 5_000  # of a tenant, in a day
ANSWER_BYTES_MAX = 256 * 1024
AGAIN = frozenset({401, 403, 408, 429})  # nothing was carried out
_KEPT = (b"content-type", b"location", b"etag")
_BAD_KEY = "Idempotency-Key: 16 to 128 printable characters that nobody can guess, a UUID for one"
_OTHER = "Idempotency-Key: it was used for another request; each needs its own"
_OPEN = (
    "the request with this Idempotency-Key is still under way, or was cut off: wait a little, then look whether it was "
    "carried out before you send it with another key"
)
_MANY = f"Idempotency-Key: more than {KEYS_MAX} in a day"


class Once:
    """Wraps the app; looks at POST requests with a key only."""

    def __init__(self, app: ASGIApp, database: Database, cookie: str) -> None:
        self._app, self._database, self._cookie = app, database, cookie
        self._q = queries("once")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        posted = scope["type"] == "http" and scope["method"] == "POST" and scope["path"].startswith("/api/")
        if not posted or brings_file(scope):  # a file is never kept whole, and brings the same when it is sent again
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        key = headers.get(b"idempotency-key", b"").decode("latin-1")
        token = token_of(headers, self._cookie)
        if not key or not token:
            await self._app(scope, receive, send)
        elif KEY.fullmatch(key) is None:
            await answer(422, _BAD_KEY)(scope, receive, send)
        else:
            try:
                await self._keyed(scope, receive, send, key, token)
            except Problem as problem:  # the body is too large, or does not come
                await answer(problem.status_code, str(problem.detail), problem.headers)(scope, receive, send)

    async def _keyed(self, scope: Scope, receive: Receive, send: Send, key: str, token: str) -> None:
        body = await _whole(receive)
        asked = b"\0".join((scope["path"].encode(), scope["query_string"], body))
        try:
            async with self._database.owner() as session:
                known = await session.row(
                    self._q["begin"],
                    token=token_hash(token),
                    key=hashlib.sha256(key.encode()).digest(),
                    request=hashlib.sha256(asked).digest(),
                    most=KEYS_MAX,
                )
        except DATABASE_ERRORS:
            await answer(503, "the database cannot be reached", {"Retry-After": "2"})(scope, receive, send)
            return
        if known is None:  # who it is, is asked inside, and answered there
            await self._app(scope, _again(body, receive), send)
        elif known["found"] == "begun":
            await self._carry_out(scope, _again(body, receive), send, key, known["id"])
        else:
            await _said(known, key)(scope, receive, send)

    async def _carry_out(self, scope: Scope, receive: Receive, send: Send, key: str, one: int) -> None:
        messages: list[Message] = []

        async def hold(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, hold)
        status = messages[0]["status"] if messages else 500
        body = b"".join(message.get("body", b"") for message in messages[1:])
        with contextlib.suppress(*DATABASE_ERRORS):  # it was carried out all the same; the key is told to be open
            async with self._database.owner() as session:
                if status >= 500 or status in AGAIN:
                    await session.run(self._q["forget"], id=one)
                else:
                    headers = {k.decode(): v.decode("latin-1") for k, v in messages[0]["headers"] if k in _KEPT}
                    kept = orjson.dumps(headers) + b"\n" + body
                    content = sealed(key, kept) if len(kept) <= ANSWER_BYTES_MAX else None
                    await session.run(self._q["end"], id=one, status=status, answer=content)
        for message in messages:
            await send(message)


def _said(known: dict[str, object], key: str) -> Response:
    """The answer to a request whose key is known."""
    if known["found"] == "other":
        return answer(422, _OTHER)
    if known["found"] == "many":
        return answer(429, _MANY, {"Retry-After": "3600"})
    if known["found"] == "open":
        return answer(409, _OPEN, {"Retry-After": "2"})
    kept, status = known["answer"], known["status"]
    content = opened(key, bytes(kept)) if isinstance(kept, bytes | memoryview) else None
    if content is None or not isinstance(status, int):
        return answer(409, "this was carried out; its answer was too large to be kept")
    head, _, body = content.partition(b"\n")
    return Response(body, status, {**orjson.loads(head), "Idempotent-Replayed": "true"})


async def _whole(receive: Receive) -> bytes:
    """The body; the guard around us limits it."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """The body once more, for whom it was meant."""
    given = False

    async def take() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return take
