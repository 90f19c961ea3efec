"""uvicorn's HTTP connection with the limits it lacks, and a room that counts who is in.

A client that says nothing, says it too slowly, or does not read its answer has no claim on a place: it goes after
seconds. When places run out, those go first who have kept an idle one longest, of the address that keeps the most.
"""

from __future__ import annotations

import asyncio
from asyncio.transports import BaseTransport, Transport
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from domain.limits import network_of

PROGRESS_BYTES = 8 * 1024  # of an answer that is being read slowly, between two looks


@dataclass(frozen=True)
class Limits:
    """Of one listener. Times in seconds; `request_s` None: the application itself limits how long a request takes."""

    connections: int = 2000
    per_network: int = 200
    head_s: float = 10.0  # from the connection, or the first byte of a request, to its whole head
    idle_s: float = 15.0  # between an answer and the next request
    request_s: float | None = None  # a request that is not over twice in a row after this has a client that stalls


class Guest(Protocol):
    """Who may have a place."""

    def abort(self) -> None:
        """Ends it at once."""


class Room:
    """Who is connected to one listener. `is_proxy` says whose connections are not held against its address."""

    def __init__(
        self,
        limits: Limits,
        is_proxy: Callable[[str], bool] = lambda _: False,
        refused: Callable[[str], None] = lambda _: None,
        count: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.limits = limits
        self.refused = refused
        self.is_proxy, self._count = is_proxy, count
        self._inside: dict[Guest, str] = {}
        self._of_network: Counter[str] = Counter()
        self._idle: dict[str, OrderedDict[Guest, None]] = {}

    def __len__(self) -> int:
        return len(self._inside)

    def enter(self, connection: Guest, address: str) -> None:
        """Lets a connection in; another one, or itself, may have to go for that."""
        network = "proxy" if self.is_proxy(address) else network_of(address)
        self._inside[connection] = network
        self._of_network[network] += 1
        self._count(1)
        self.idle(connection)
        if network != "proxy" and self._of_network[network] > self.limits.per_network:
            self._dismiss(self._idle[network])
        elif len(self._inside) > self.limits.connections:
            self._dismiss(max(self._idle.values(), key=len))

    def idle(self, connection: Guest) -> None:
        """It waits for a request from now on."""
        self._idle.setdefault(self._inside[connection], OrderedDict())[connection] = None

    def busy(self, connection: Guest) -> None:
        """It has sent one."""
        network = self._inside.get(connection)
        waiting = self._idle.get(network) if network is not None else None
        if waiting is not None and network is not None:
            waiting.pop(connection, None)
            if not waiting:
                del self._idle[network]

    def leave(self, connection: Guest) -> None:
        """It is gone."""
        self.busy(connection)
        network = self._inside.pop(connection, None)
        if network is None:
            return
        self._count(-1)
        self._of_network[network] -= 1
        if not self._of_network[network]:
            del self._of_network[network]

    def _dismiss(self, waiting: OrderedDict[Guest, None]) -> None:
        victim = next(iter(waiting))
        self.busy(victim)  # nobody's choice a second time
        self.refused("too_many")
        victim.abort()


class GuardedConnection(H11Protocol):
    """One connection. Subclasses made by `guarded` know their room."""

    room: ClassVar[Room]
    _watch: asyncio.TimerHandle | None = None  # one timer: when it is put off meanwhile, it is set anew as it fires
    _due_s = 0.0
    _known: RequestResponseCycle | None = None  # the newest request we know of
    _lasting: RequestResponseCycle | None = None  # under way at the last look
    _head_begun = True  # the first head has its time from the connection on
    _unsent = 0  # bytes of an answer that the client had not taken at the last look

    def connection_made(self, transport: BaseTransport) -> None:
        """Counts it in; the application finds `abort`, `peer` and `left` in its state."""
        super().connection_made(cast("Transport", transport))
        peer = self.client[0] if self.client else ""
        self.app_state = {**self.app_state, "abort": self.abort, "peer": peer, "left": self._left}
        self._look_after(self.room.limits.head_s)
        self.room.enter(self, peer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Counts it out."""
        self._left()
        super().connection_lost(exc)

    def abort(self) -> None:
        """Ends it at once, whatever has not been sent."""
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """The first byte of a head gives it `head_s`, further ones nothing."""
        begins, self._head_begun = not self._head_begun, True
        super().data_received(data)
        if not self._is_new_request() and begins and self._is_idle():
            self._look_after(self.room.limits.head_s)

    def on_response_complete(self) -> None:
        """The next request's time begins; also that of what the client has not taken yet."""
        self._await_next()
        super().on_response_complete()
        self._unset_keepalive_if_required()  # ours sees to it
        self._is_new_request()  # it may have been waiting

    def _await_next(self) -> None:
        self._head_begun = False
        self._unsent = self.transport.get_write_buffer_size()
        self._look_after(self.room.limits.idle_s)
        self.room.idle(self)

    def _is_new_request(self) -> bool:
        if self.cycle is self._known:
            return False
        self._known = self.cycle
        self.room.busy(self)
        self._look_after(self.room.limits.request_s)
        return True

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """The place is kept; the socket gives it back by `left`, and has time limits of its own."""
        self._cancel_watch()
        self.room.busy(self)
        super().handle_websocket_upgrade(event)

    def _left(self) -> None:
        self._cancel_watch()
        self.room.leave(self)

    def _cancel_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _look_after(self, seconds: float | None) -> None:
        if seconds is None:
            self._cancel_watch()
            return
        self._due_s = self.loop.time() + seconds
        if self._watch is not None:
            if self._watch.when() <= self._due_s:
                return
            self._watch.cancel()
        self._watch = self.loop.call_at(self._due_s, self._on_time)

    def _on_time(self) -> None:
        self._watch = None
        if self.loop.time() < self._due_s:
            self._watch = self.loop.call_at(self._due_s, self._on_time)
        else:
            self._look()

    def _look(self) -> None:
        """Ends a connection that waits for too long; a request under way is given its time once more."""
        if not self._is_idle() and self.cycle is not self._lasting:
            self._lasting = self.cycle
            self._look_after(self.room.limits.request_s)
            return
        unsent = self.transport.get_write_buffer_size()
        if self._is_idle() and 0 < unsent <= self._unsent - PROGRESS_BYTES:
            self._unsent = unsent
            self._look_after(self.room.limits.head_s)
            return
        self.room.refused("idle")
        self.transport.abort()


def guarded(room: Room, kind: type[GuardedConnection] = GuardedConnection, **known: object) -> type[asyncio.Protocol]:
    """The connections of one listener, for `uvicorn.Config(http=…)`, and what else theirs of a `kind` know."""
    found: Any = type("Connection", (kind,), {"room": room, **known})
    return cast("type[asyncio.Protocol]", found)
