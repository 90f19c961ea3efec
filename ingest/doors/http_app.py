"""What the door for HTTP says: from a request to a parcel, and from its outcome to a status.

    POST      /api/v1/{token}/telemetry     ThingsBoard
    GET, POST /osmand/{token}               Traccar Client, OsmAnd
    GET, POST /?id=...                      the same without a token, where open ids are allowed
    POST      /traccar/{token}              what a Traccar server forwards
    POST      /flespi/{token}               what flespi hands on
    POST      /telegraf/{token}             metrics of Telegraf
    POST      /owntracks/{token}            OwnTracks; also /owntracks with the token as the password of Basic auth

A plain ASGI application. 2xx is sent when the message is durable and not before. Tokens stand in addresses, so neither
an address nor a header is ever logged.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from base64 import b64decode
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import unquote

from prometheus_client import Counter

from domain.limits import RateLimit, network_of
from domain.names import PAYLOAD_BYTES_MAX, foreign_id
from domain.wire.osmand import device_id, is_json
from ingest.directory import Holder
from ingest.doors.answers import Answers, resolve
from ingest.doors.inbox import Fate, Inbox, Outcome, Parcel
from ingest.doors.plain import Plain
from serving.front import framing_fault

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
JSON = ("content-type", "application/json")
CLOSE = ("connection", "close")
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

BODY_S = 20.0  # from the head to the whole body
DISCARD_BYTES_MAX = 1024 * 1024  # of a body that is too large we read so much, so that its sender hears why
DURABLE_S = 10.0  # sooner than phones give up; what becomes durable later is sent twice, which is harmless
RETRY_AFTER_S = 10
WRONG_COUNT, WRONG_SPAN_S = 30, 60.0  # unknown tokens or ids of one address
REASON_CHARS_MAX = 300
WAYS = {
    "api": "thingsboard",
    "osmand": "osmand",
    "owntracks": "owntracks",
    "": "osmand",
    "traccar": "traccar",
    "flespi": "flespi",
    "telegraf": "telegraf",
}  # fmt: skip  by the address' first part
METHODS = {way: ("GET", "POST") if way == "osmand" else ("POST",) for way in WAYS.values()}
UNKNOWN_STATUS = {
    "thingsboard": 401,
    "osmand": 404,
    "owntracks": 401,
    "traccar": 401,
    "flespi": 401,
    "telegraf": 401,
}  # as devices expect it of each

requests_total = Counter("frostway_device_http_requests_total", "Requests of devices over HTTP", ["format", "outcome"])


class Answer(NamedTuple):
    """A response: status, a short word for counting, one line for the device's owner, further headers."""

    status: int
    outcome: str
    text: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    """In place of the line."""


class Asked(NamedTuple):
    """A request whose message is in the inbox."""

    way: str
    source: str


class Refused(Exception):  # noqa: N818  # an outcome, not a fault of ours
    """The request ends here, with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.outcome)
        self.answer = answer


class HttpApp:
    """The application. `holder` tells whose a token is, `knows` whether an id may come in without one; neither waits.

    `knows` None: ids without a token are refused.
    """

    def __init__(
        self,
        inbox: Inbox,
        holder: Callable[[bytes], Holder | None],
        knows: Callable[[str], bool] | None = None,
        durable_s: float = DURABLE_S,
        body_s: float = BODY_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inbox = inbox
        self._holder = holder
        self._knows = knows
        self.durable_s = durable_s
        self._body_s = body_s
        self._monotonic = monotonic
        self._answers: Answers | None = None  # of the loop that serves
        self._counters: dict[tuple[str, str], Counter] = {}
        self._wrong = RateLimit(WRONG_COUNT, WRONG_SPAN_S)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; whatever happens in it stays in it."""
        if scope["type"] != "http":
            return
        parts = scope["path"].split("/")[1:]
        way = WAYS.get(parts[0], "none")
        try:
            answer = await self._answer(way, parts, scope, receive)
        except Refused as refused:
            answer = refused.answer
        except asyncio.CancelledError:  # the door closes, and this request was given its time
            answer = CLOSING
        except Exception:
            log.exception("http: a request of %s failed", way)
            answer = Answer(500, "error", "a fault of ours")
        self.count(way, answer)
        pairs, line = rendered(answer)
        await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
        await send({"type": "http.response.body", "body": line})

    def count(self, way: str, answer: Answer) -> None:
        """Counts an answer."""
        counter = self._counters.get((way, answer.outcome))
        if counter is None:
            counter = self._counters[way, answer.outcome] = requests_total.labels(way, answer.outcome)
        counter.inc()

    def ask(
        self, plain: Plain, loop: asyncio.AbstractEventLoop, then: Callable[[Asked, Outcome], None]
    ) -> Asked | None:
        """Puts what a plain request brings into the inbox; None: it is not to be had without a closer look.

        `then` is called in the loop's thread, once, with what this returns.
        """
        path = unquote(plain.path.decode("ascii"))
        parts = path.split("/")[1:]
        way = WAYS.get(parts[0], "none")
        scope: Scope = {"headers": plain.headers}
        try:
            token = _token(way, parts, scope)
            if token is None or plain.method not in METHODS[way]:
                return None
            digest = hashlib.sha256(token.encode()).digest()
            holder = self._holder(digest)
            payload = _payload_of(way, plain.query, plain.body)
            if holder is None or not payload.strip():
                return None
            source = _source(payload, scope, holder) if way == "osmand" else ""
        except Refused:
            return None
        asked = Asked(way, source)
        done = self._answers_of(loop).to(partial(then, asked))
        return asked if self._inbox.offer(Parcel(way, digest, payload, done, source)) else None

    @staticmethod
    def answered(asked: Asked, outcome: Outcome) -> Answer:
        """What is said about the fate of a message."""
        fate, why, _ = outcome
        if fate is Fate.UNKNOWN:
            return Answer(404 if asked.source else UNKNOWN_STATUS[asked.way], fate.value, why)
        if fate is Fate.LATER:
            return _later(fate.value, why)
        # What is safe in quarantine is ours: refused, a phone that stores and forwards would send it for ever.
        if asked.way == "owntracks":
            return Answer(200, fate.value, "[]", (JSON,), outcome.words)
        return Answer(200, fate.value, f"set aside: {why}" if fate is Fate.QUARANTINED else "")

    def _answers_of(self, loop: asyncio.AbstractEventLoop) -> Answers:
        if self._answers is None or self._answers.loop is not loop:
            self._answers = Answers(loop)
        return self._answers

    async def _answer(self, way: str, parts: list[str], scope: Scope, receive: Receive) -> Answer:
        if (fault := framing_fault(scope)) is not None:
            raise Refused(Answer(fault.status, "framing", fault.detail, (CLOSE,)))
        token = _token(way, parts, scope)
        if scope["method"] not in METHODS[way]:
            raise Refused(Answer(405, "method", "another method", (("allow", ", ".join(METHODS[way])),)))
        address = _address(scope)
        if token is None:
            return await self._without_token(address, scope, receive)
        digest = hashlib.sha256(token.encode()).digest()
        holder = self._holder(digest)
        if holder is None:
            raise Refused(self._unknown(way, address, guessed=bool(token)))
        payload = await self._payload(way, scope, receive)
        if not payload.strip():
            if way == "owntracks":
                return Answer(200, "empty", "[]", (JSON,))
            raise Refused(Answer(400, "empty", "an empty message"))
        try:
            source = _source(payload, scope, holder) if way == "osmand" else ""
        except Refused:
            log.warning("http: %s was refused: it sent another's id", holder.name)
            raise
        return await self._deliver(way, payload, digest, source)

    async def _without_token(self, address: str, scope: Scope, receive: Receive) -> Answer:
        """The sender is who it says it is, as with a Teltonika tracker: only where the operator has allowed that."""
        if self._knows is None:
            raise Refused(Answer(404, "unknown", "no token: send to /osmand/TOKEN, see frostway device add --http"))
        if (wait_s := self._wrong.wait_s(address, self._monotonic())) > 0:  # ids can be guessed, so all have to wait
            raise Refused(_throttled(wait_s))
        payload = await self._payload("osmand", scope, receive)
        claimed = device_id(payload, _header(scope, b"content-type"))
        if claimed is None:
            raise Refused(Answer(400, "no_id", "no id, or not to be read: wanted id=... or device_id"))
        if not self._knows(claimed):
            raise Refused(self._unknown("osmand", address))
        return await self._deliver("osmand", payload, claimed, "")

    def _unknown(self, way: str, address: str, *, guessed: bool = True) -> Answer:
        """Refuses an unknown token or id, and counts it.

        Who has a token is never kept waiting for others' guesses: they may be behind the same proxy, and of 256 bits
        nobody guesses one.
        """
        now_s = self._monotonic()
        if guessed and (wait_s := self._wrong.wait_s(address, now_s)) > 0:
            return _throttled(wait_s)
        if guessed:
            self._wrong.add(address, now_s)
        headers = (("www-authenticate", 'Basic realm="frostway"'),) if way == "owntracks" else ()
        return Answer(UNKNOWN_STATUS[way], "unknown", "no device with this token or id", headers)

    async def _payload(self, way: str, scope: Scope, receive: Receive) -> bytes:
        """What is to be decoded: the body, or OsmAnd's query."""
        query: bytes = scope["query_string"]
        try:
            async with asyncio.timeout(self._body_s):
                body = await _body(scope, receive)
        except TimeoutError:
            raise Refused(Answer(408, "slow", "the body took too long", (CLOSE,))) from None
        return _payload_of(way, query, body)

    async def _deliver(self, way: str, payload: bytes, sender: str | bytes, source: str) -> Answer:
        loop = asyncio.get_running_loop()
        durable: asyncio.Future[Outcome] = loop.create_future()
        done = self._answers_of(loop).to(partial(resolve, durable))
        if not self._inbox.offer(Parcel(way, sender, payload, done, source)):
            raise Refused(_later("full", "too much at once"))
        try:
            async with asyncio.timeout(self.durable_s):
                outcome = await durable
        except TimeoutError:
            raise Refused(NOT_DURABLE) from None
        return self.answered(Asked(way, source), outcome)


def _token(way: str, parts: list[str], scope: Scope) -> str | None:
    """The token that a request shows; None: it is of the way that needs none."""
    match way, parts:
        case "thingsboard", ["api", "v1", token, "telemetry"]:
            return token
        case "osmand", ["osmand", token] | ["osmand", token, ""]:
            return token
        case "traccar" | "flespi" | "telegraf", [_, token] | [_, token, ""] if token:
            return token
        case "osmand", [""]:
            return None
        case "owntracks", ["owntracks", token] if token:
            return token
        case "owntracks", ["owntracks"] | ["owntracks", ""]:
            return _basic_password(_header(scope, b"authorization"))
    raise Refused(Answer(404, "no_way", "no such address"))


def _basic_password(header: str) -> str:
    """Password of Basic auth (RFC 7617); empty when there is none.

    >>> _basic_password("Basic dXNlcjpwYXNz"), _basic_password("Basic ?"), _basic_password("")
    ('pass', '', '')
    """
    scheme, _, given = header.partition(" ")
    try:
        user_and_password = b64decode(given.strip(), validate=True).decode()
    except ValueError:
        return ""
    return user_and_password.partition(":")[2] if scheme.lower() == "basic" else ""


def _source(payload: bytes, scope: Scope, holder: Holder) -> str:
    """Foreign id of the device behind a gateway; empty: the holder of the token itself."""
    claimed = device_id(payload, _header(scope, b"content-type"))
    if claimed is None or foreign_id(claimed) in holder.ids:
        return ""
    if not holder.speaks_for_others:
        raise Refused(Answer(404, "foreign_id", "id: not this device's; leave it out, or register it: --foreign-id"))
    return claimed


async def _body(scope: Scope, receive: Receive) -> bytes:
    declared = _header(scope, b"content-length")
    if declared.isdecimal() and int(declared[:20]) > DISCARD_BYTES_MAX:
        raise Refused(_too_large())
    body, size = bytearray(), 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Refused(Answer(400, "gone", "the connection was closed"))
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= PAYLOAD_BYTES_MAX:
            body += chunk
        if size > DISCARD_BYTES_MAX or (size > PAYLOAD_BYTES_MAX and not message.get("more_body")):
            raise Refused(_too_large())
        if not message.get("more_body"):
            return bytes(body)


def _payload_of(way: str, query: bytes, body: bytes) -> bytes:
    """What is to be decoded: the body, or OsmAnd's query."""
    if way != "osmand" or not query or is_json(body, ""):
        return body
    if len(query) > PAYLOAD_BYTES_MAX:
        raise Refused(_too_large())
    return query


def rendered(answer: Answer) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Headers and body of an answer."""
    line = answer.body or " ".join(answer.text.split())[:REASON_CHARS_MAX].encode("utf-8", "backslashreplace")
    headers = {
        "content-type": "text/plain; charset=utf-8",
        "content-length": str(len(line)),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    } | dict(answer.headers)
    return [(name.encode(), value.encode()) for name, value in headers.items()], line


def _later(outcome: str, text: str) -> Answer:
    return Answer(503, outcome, text, (("retry-after", str(RETRY_AFTER_S)),))


CLOSING = _later("not_durable", "the door closes")
NOT_DURABLE = _later("not_durable", "not stored yet")


def _throttled(wait_s: float) -> Answer:
    return Answer(429, "throttled", "too many unknown tokens or ids", (("retry-after", str(int(wait_s) + 1)),))


def _too_large() -> Answer:
    return Answer(413, "too_large", f"at most {PAYLOAD_BYTES_MAX} bytes", (CLOSE,))


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _address(scope: Scope) -> str:
    """Whom wrong tokens are counted against."""
    return network_of(str((scope.get("client") or ("", 0))[0]))
