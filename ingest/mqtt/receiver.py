"""The MQTT side of ingest: what a receiver promises, whichever client library is behind it.

A receiver hands out *groups* of messages and acknowledges a group only when told so, after its readings are durable.
Three facts about MQTT shape the interface (each has a test in tests/contract/ingest/test_receiver.py):

- Packet ids start again with every connection, so an acknowledgement of an earlier connection would make the broker
  forget a message nobody has processed. Every group carries the connection's *epoch*; later epochs refuse its acks.
- A broker delivers at most its in-flight window (`max_inflight_messages`) of unacknowledged messages, then waits. A
  group must therefore never wait for more messages than it can get: `receive` ends after `linger_s` whatever it has.
- A reader that pauses (database away) must not lose its connection, nor buffer without bound: pings go out from
  another thread, the socket is simply not read, and the broker keeps the rest.

The implementations stand in `ingest.mqtt.receivers`.
"""

from __future__ import annotations

import random
import ssl
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from typing_extensions import TypedDict, Unpack

from ingest.mqtt.codec import DEFAULT_MAX_PACKET_BYTES, RawMessage

STREAMS = ("gps", "temp", "rfid", "shelf", "door", "status")
SUFFIXES = ("", ".mp", ".cbor")
DROPPED_TOPIC = "$SYS/broker/publish/messages/dropped"
ANONYMOUS_CLIENT_ID = "frostway-ingest"


class ReceiverError(Exception):
    """The broker cannot be reached or refuses us; the text is one line for a person."""


class Message(NamedTuple):
    """The fields of one entry of `Group.messages`, by name. The entries themselves are plain tuples (cheaper)."""

    topic: bytes
    payload: bytes
    packet_id: int
    """0 for a QoS 0 message, which needs no acknowledgement."""
    retain: bool
    dup: bool


class Group:
    """Messages of one connection, in the order of arrival; falsy when empty."""

    __slots__ = ("acknowledged", "epoch", "messages", "process")

    def __init__(self, messages: list[RawMessage], epoch: int) -> None:
        self.messages = messages
        self.process: Sequence[RawMessage] = messages
        """Those still to be processed: all, unless some are safe elsewhere already."""
        self.epoch = epoch
        self.acknowledged = False
        """A second acknowledgement could hit a packet id that the broker has used again, so there is none."""

    def __len__(self) -> int:
        return len(self.messages)

    def packet_ids(self) -> list[int]:
        """Ids that want a PUBACK, in the order of arrival."""
        return [each[2] for each in self.messages if each[2]]


class Receiver(Protocol):
    """At-least-once messages from a broker, with a persistent session under a fixed client id.

    `receive` belongs to one thread; `acknowledge`, `publish` and `publish_many` may be called from any other.
    """

    @property
    def connected(self) -> bool:
        """True from CONNACK until the loss is noticed."""

    @property
    def epoch(self) -> int:
        """Number of connections made so far; 0 before the first."""

    @property
    def session_epoch(self) -> int:
        """Number of the connection with which the broker's present session began; 0: it is older than we are."""

    @property
    def received_total(self) -> int:
        """Messages handed out."""

    @property
    def stale_acks_total(self) -> int:
        """Acknowledgements withheld because their connection is gone (the broker delivers those messages again)."""

    @property
    def reconnects_total(self) -> int:
        """Connections after the first."""

    @property
    def publishes_dropped_total(self) -> int:
        """Publications that found no connection."""

    @property
    def dropped_by_broker(self) -> int | None:
        """Messages the broker says it dropped since it started; None when it has not told (or must not)."""

    @property
    def last_error(self) -> str:
        """Why the connection was last lost or refused; empty when it never was."""

    def connect(self) -> None:
        """Connects and subscribes; returns after CONNACK. Raises ReceiverError: refused, unreachable, not MQTT."""

    def receive(self, max_messages: int, linger_s: float, timeout_s: float) -> Group:
        """The next messages: waits up to `timeout_s` for the first, then gathers up to `linger_s` more.

        Empty when none came. Reconnects by itself (which may exceed `timeout_s` by the connect timeout) and never
        raises for a lost connection. A group holds messages of one connection only. Messages that were read before
        a connection broke are still handed out: their acks are dropped and the broker may send them once more. After
        `close` every group is empty.
        """

    def acknowledge(self, group: Group) -> int:
        """Sends all PUBACKs of the group in one write; returns how many, 0 if its connection is gone.

        Never raises for a lost connection and blocks at most `SEND_TIMEOUT_S`.
        """

    def publish(self, topic: bytes, payload: bytes) -> None:
        """Sends one message and forgets it (receipts); dropped and counted when there is no connection."""

    def publish_many(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        """As `publish`, all in one write."""

    def leave(self) -> None:
        """Unsubscribes, so that the broker gives our share to others; what it holds for us already still comes."""

    def close(self, *, drain: bool = True) -> None:
        """Sends DISCONNECT and closes; the session stays with the broker.

        With `drain` waits (2 s at most) until the broker has taken everything written, so that no acknowledgement is
        lost. Waits for a running `receive` to return, so do not call it from a signal handler.
        """


SEND_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Endpoint:
    """Where and as whom to connect; from an `mqtt://user:pass@host:port` or `mqtts://` URL."""

    host: str
    port: int
    user: str | None
    password: str | None
    tls: bool

    @classmethod
    def from_url(cls, url: str) -> Endpoint:
        """Parses a broker URL (user and password percent-encoded). Raises ReceiverError; never shows the password."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ReceiverError("the MQTT URL is malformed; expected mqtt://user:password@host:1883") from None
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise ReceiverError("the MQTT URL must look like mqtt://user:password@host:1883 or mqtts://…")
        tls = parts.scheme == "mqtts"
        user = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if user is not None and parts.password is not None else None
        return cls(parts.hostname, port or (8883 if tls else 1883), user, password, tls)

    @property
    def address(self) -> str:
        """host:port, for messages to people."""
        return f"{self.host}:{self.port}"


def trust(ca_file: str) -> ssl.SSLContext | None:
    """Trust in this authority and no other; None for no file: those the system knows. Raises ReceiverError."""
    if not ca_file:
        return None
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError:
        raise ReceiverError(f"FROSTWAY_MQTT_CA_FILE: {ca_file} holds no certificate in PEM") from None
    except OSError as error:
        raise ReceiverError(f"FROSTWAY_MQTT_CA_FILE: cannot read {ca_file}: {error.strerror}") from None


class Options(TypedDict, total=False):
    """What a `ReceiverConfig` may say of how to connect."""

    keepalive_s: int
    connect_timeout_s: float
    receipt_qos: int
    max_packet_bytes: int
    tls_context: ssl.SSLContext | None


@dataclass(frozen=True)
class ReceiverConfig:
    """How a receiver behaves. `receipt_qos` 0 or 1: with 1 the broker keeps a receipt for a sleeping device."""

    endpoint: Endpoint
    filters: tuple[str, ...]
    client_id: str
    keepalive_s: int = 30
    connect_timeout_s: float = 5.0
    backoff_first_s: float = 0.1
    backoff_max_s: float = 5.0
    max_packet_bytes: int = DEFAULT_MAX_PACKET_BYTES
    receipt_qos: int = 1
    tls_context: ssl.SSLContext | None = None

    @classmethod
    def from_url(
        cls, url: str, filters: Iterable[str], *, client_id: str | None = None, **options: Unpack[Options]
    ) -> ReceiverConfig:
        """For a broker URL; the client id is the user name unless given. Raises ReceiverError."""
        endpoint = Endpoint.from_url(url)
        return cls(endpoint, tuple(filters), client_id or endpoint.user or ANONYMOUS_CLIENT_ID, **options)

    def __post_init__(self) -> None:
        if not self.filters:
            raise ReceiverError("a receiver needs at least one topic filter")
        if not 1 <= self.keepalive_s <= 65_535:
            raise ReceiverError("the MQTT keepalive must be between 1 and 65535 s")
        if self.receipt_qos not in (0, 1):
            raise ReceiverError("receipts are sent with QoS 0 or 1")


class Backoff:
    """Waiting times between attempts, doubling from `first_s` to `max_s`.

    Each is drawn from the upper half, so that a fleet of clients does not come back in step.
    """

    def __init__(self, first_s: float, max_s: float, uniform: Callable[[float, float], float] = random.uniform) -> None:
        self._first_s = first_s
        self._max_s = max_s
        self._uniform = uniform
        self._next_s = first_s

    def reset(self) -> None:
        """After a success: start from `first_s` again."""
        self._next_s = self._first_s

    def draw(self) -> float:
        """Seconds to wait before the next attempt."""
        top = self._next_s
        self._next_s = min(top * 2, self._max_s)
        return self._uniform(max(top / 2, self._first_s), top)


def telemetry_filters(streams: Iterable[str] = STREAMS) -> list[str]:
    """Topic filters of the streams in all encodings. By stream, because `fw/v1/#` would bring our own receipts."""
    return [f"fw/v1/+/+/{stream}{suffix}" for stream in streams for suffix in SUFFIXES]
