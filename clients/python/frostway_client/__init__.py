"""Follows the live feed of Frostway: what there is, then what changes, across reconnects.

Law: `Live.state` is what a fresh snapshot would show at the time of the last message.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

__all__ = ["TOPICS", "Live", "Refused", "Update", "backoff_s"]

TOPICS = ("vehicles", "shipments", "alerts", "stock", "sites", "facts", "orders", "loads", "docks")
SILENCE_S = 40.0  # a heartbeat comes every 15 s
CONNECT_S = 10.0
_REFUSED_STATUS = (400, 401, 403, 404, 421, 426)
_NOT_ALLOWED = 1008

State = dict[str, dict[str, Any]]
"""Objects by topic and id."""


class Refused(Exception):  # noqa: N818 - an answer, not a fault of this program
    """The server will not have it, however often one asks: the token or the question is not good."""


@dataclass(frozen=True)
class Update:
    """What one message has brought. `kind` is `snapshot` or `delta`; `at` the server's time, RFC 3339 in UTC."""

    kind: str
    at: str
    changes: list[dict[str, Any]] = field(default_factory=list)
    """Of a delta, in their order: `topic`, `id`, `op` (`put`, `merge`, `delete`, `tell`) and `data`."""


def backoff_s(tries: int, chance: Callable[[], float] = random.random) -> float:
    """Seconds to wait before a connection is tried again, after `tries` in vain: 1 to 30, doubling, with full jitter.

    >>> backoff_s(0, lambda: 0.0), backoff_s(0, lambda: 1.0), backoff_s(9, lambda: 1.0)
    (1.0, 2.0, 30.0)
    """
    return 1.0 + chance() * (min(30.0, 2.0 * 2.0 ** min(tries, 10)) - 1.0)


class Live:
    """One subscription, and what it has brought together; an asynchronous context manager and iterator of `Update`.

    Args:
        url: of the server, `http://` or `https://`.
        token: of a program; its scope must hold `read`.
        topics: what to follow, of `TOPICS`.
        bbox: west, south, east, north in degrees: only vehicles in it.
        vehicles: names; only what is about these.
        shipments: names; only what is about these, and the vehicles that carry them.
        backoff: seconds before the n-th try.
    """

    def __init__(
        self,
        url: str,
        token: str,
        topics: Sequence[str] = ("vehicles",),
        *,
        bbox: tuple[float, float, float, float] | None = None,
        vehicles: Iterable[str] | None = None,
        shipments: Iterable[str] | None = None,
        backoff: Callable[[int], float] = backoff_s,
    ) -> None:
        self._url = "ws" + url.removeprefix("http").rstrip("/") + "/ws/v1"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._wanted: dict[str, Any] = {"type": "subscribe", "topics": list(topics)}
        if bbox is not None:
            self._wanted["bbox"] = list(bbox)
        if vehicles is not None:
            self._wanted["vehicles"] = list(vehicles)
        if shipments is not None:
            self._wanted["shipments"] = list(shipments)
        self._backoff, self._tries = backoff, 0
        self._socket: ClientConnection | None = None
        self.state: State = {}
        self.cursor: str | None = None
        self.heard_at: str | None = None
        self.connected = False

    async def __aenter__(self) -> Self:
        """Nothing is asked before the first update is waited for."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the connection."""
        await self.close()

    async def __aiter__(self) -> AsyncIterator[Update]:
        """Updates, for as long as one likes.

        Raises:
            Refused: it is of no use to try again.
        """
        while True:
            yield await self.next()

    async def next(self) -> Update:
        """The next update; connects, and connects again, when that is needed.

        Raises:
            Refused: it is of no use to try again.
        """
        while True:
            try:
                socket = self._socket or await self._connect()
                async with asyncio.timeout(SILENCE_S):
                    text = await socket.recv()
            except (OSError, InvalidHandshake, ConnectionClosed, TimeoutError) as error:
                await self._lost(error)
                continue
            if (update := self._take(json.loads(text))) is not None:
                return update

    async def close(self) -> None:
        """Closes the connection; the next update would open one again, and go on where this one was."""
        socket, self._socket, self.connected = self._socket, None, False
        if socket is not None:
            with contextlib.suppress(OSError, ConnectionClosed):
                await socket.close()

    async def _connect(self) -> ClientConnection:
        self._socket = await connect(
            self._url, additional_headers=self._headers, open_timeout=CONNECT_S, max_size=None, compression=None
        )
        wanted = self._wanted | ({"cursor": self.cursor} if self.cursor else {})
        await self._socket.send(json.dumps(wanted))
        return self._socket

    async def _lost(self, error: Exception) -> None:
        await self.close()
        if isinstance(error, InvalidStatus) and error.response.status_code in _REFUSED_STATUS:
            raise Refused(f"the server answers {error.response.status_code}: is the token good?") from None
        if isinstance(error, ConnectionClosed) and error.rcvd is not None and error.rcvd.code == _NOT_ALLOWED:
            raise Refused(error.rcvd.reason or "not allowed") from None
        await asyncio.sleep(self._backoff(self._tries))
        self._tries += 1

    def _take(self, message: dict[str, Any]) -> Update | None:
        self._tries, self.connected = 0, True
        self.heard_at = message.get("now", self.heard_at)
        self.cursor = message.get("cursor", self.cursor)
        kind = message["type"]
        if kind == "resync":
            self.cursor = None
        elif kind == "snapshot":
            topics = self._wanted["topics"]
            self.state = {topic: {each["id"]: each for each in message.get(topic, ())} for topic in topics}
            return Update(kind, message["now"])
        elif kind == "delta":
            for change in message["changes"]:
                apply(self.state.setdefault(change["topic"], {}), change)
            return Update(kind, message["now"], message["changes"])
        elif kind == "error":
            raise Refused(message["detail"])
        return None


def apply(table: dict[str, Any], change: dict[str, Any]) -> None:
    """Applies one change to objects by id; a merge into one never seen does nothing, and news are no object's state."""
    name, op = change["id"], change["op"]
    if op == "put":
        table[name] = change["data"]
    elif op == "delete":
        table.pop(name, None)
    elif op == "merge" and name in table:
        table[name] = {**table[name], **change["data"]}
