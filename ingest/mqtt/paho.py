"""The reference receiver: paho-mqtt with manual acknowledgement, its loop in a thread of its own.

It keeps the promises of `ingest.mqtt.receiver.Receiver` with a widely used client, at about five times the CPU cost a
message, and checks the fast receiver through the common contract suite. Three things paho does not do by itself:

- *Epochs*: every connection is a new paho client, and acknowledgements are bound to its socket.
- *Back-pressure*: when MAX_BUFFERED_MESSAGES or MAX_BUFFERED_BYTES wait, the socket is not read. paho must not judge
  the keep-alive meanwhile (it would miss the answer it does not read), so this module pings by itself.
- *One write for many PUBACKs*: they are written to paho's socket, under the lock that every call into paho holds.

Limit: paho reads a packet of any announced length (up to 256 MiB) into memory. Use it with a broker of your own.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, cast

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from ingest.mqtt.codec import DISCONNECT_BYTES, PINGREQ_BYTES, RawMessage, encode_pubacks
from ingest.mqtt.receiver import DROPPED_TOPIC, SEND_TIMEOUT_S, Backoff, Group, ReceiverConfig, ReceiverError
from ingest.mqtt.wire import IDLE_SLICE_S, PublishIds, Wire

log = logging.getLogger(__name__)

MAX_BUFFERED_MESSAGES = 20_000
MAX_BUFFERED_BYTES = 32 * 1024 * 1024
PACKETS_PER_TURN = 64
"""So many packets are read before looking at anything else."""


class _LostError(Exception):
    """The connection is gone; the text says why."""


class _Link:
    """One connection: a paho client that is driven by hand, and the wire to write to beside it."""

    def __init__(self, config: ReceiverConfig, epoch: int) -> None:
        self.epoch = epoch
        self.fresh: list[RawMessage] = []  # read by paho, not yet passed on
        self.opened_s = time.monotonic()
        self.refused = ""
        self.accepted = False
        self.resumed = False
        self.subscribed = False
        self.dropped_by_broker: int | None = None
        self._config = config
        self._telemetry_mid: int | None = None
        self.client = self._make_client()
        endpoint = config.endpoint
        try:
            self.client.connect(endpoint.host, endpoint.port, keepalive=config.keepalive_s)
        except OSError as error:
            reason = error.strerror or str(error)
            raise ReceiverError(f"cannot reach the broker at {endpoint.address}: {reason}") from None
        sock = self.client.socket()
        if sock is None:
            raise ReceiverError(f"no MQTT connection with {endpoint.address}: the broker closed the connection")
        self.wire = Wire(cast("Any", sock))

    def _make_client(self) -> paho.Client:
        config = self._config
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=config.client_id,
            clean_session=False,
            protocol=paho.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = config.connect_timeout_s
        if config.endpoint.user is not None:
            client.username_pw_set(config.endpoint.user, config.endpoint.password)
        if config.endpoint.tls:
            if config.tls_context is not None:
                client.tls_set_context(config.tls_context)
            else:
                client.tls_set()
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def leave(self) -> None:
        """UNSUBSCRIBE."""
        with self.wire.exclusive():
            self.client.unsubscribe(list(self._config.filters))

    def handshake(self, closing: threading.Event, *, subscribe: bool = True) -> None:
        """Waits for CONNACK, subscribes, waits for SUBACK (or the first messages). Raises ReceiverError."""
        deadline_s = time.monotonic() + self._config.connect_timeout_s
        try:
            self._await("CONNECT", lambda: self.accepted, deadline_s, closing)
            if not subscribe:
                self.leave()
                return
            with self.wire.exclusive():
                _, self._telemetry_mid = self.client.subscribe([(each, 1) for each in self._config.filters])
                self.client.subscribe(DROPPED_TOPIC, 0)
            self._await("SUBSCRIBE", lambda: self.subscribed or bool(self.fresh), deadline_s, closing)
        except _LostError as error:
            self.close()
            address = self._config.endpoint.address
            if self.refused:
                raise ReceiverError(f"the broker at {address} refused {self.refused}") from None
            raise ReceiverError(f"no MQTT connection with {address}: {error}") from None

    def _await(self, asked: str, answered: Callable[[], bool], deadline_s: float, closing: threading.Event) -> None:
        while not answered():
            if time.monotonic() > deadline_s or closing.is_set():
                raise _LostError(f"no answer to {asked} within {self._config.connect_timeout_s:g} s")
            self.wire.wait(IDLE_SLICE_S)
            self.read()
            if self.refused:
                raise _LostError(self.refused)

    def read(self) -> bool:
        """Reads up to PACKETS_PER_TURN packets; False if no message was among them. Raises _LostError."""
        with self.wire.io:
            for _ in range(PACKETS_PER_TURN):
                before = len(self.fresh)
                self._check(self.client.loop_read())
                if len(self.fresh) == before:
                    return before > 0
        return True

    def upkeep(self) -> None:
        """Lets paho write what it holds and judge the keep-alive; only when the socket has been read empty."""
        with self.wire.exclusive():
            if self.client.want_write():
                self._check(self.client.loop_write())
            self._check(self.client.loop_misc())

    def ping(self) -> None:
        """PINGREQ while the socket is not read and paho must not judge."""
        if time.monotonic() - self.wire.last_sent_s >= self._config.keepalive_s / 2:
            self.wire.send(PINGREQ_BYTES)

    def close(self, farewell: bytes = b"", *, drain: bool = False) -> None:
        """Closes the socket; paho's own copy of it is the same object."""
        self.wire.close(farewell, drain=drain)
        with contextlib.suppress(OSError, ValueError):
            self.client.disconnect()

    def _check(self, code: int) -> None:
        if code != paho.MQTT_ERR_SUCCESS or self.client.socket() is None:
            raise _LostError(self.refused or paho.error_string(MQTTErrorCode(code)).rstrip("."))

    def _on_connect(self, _client: Any, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self.refused = f"the connection: {str(reason).lower()}"
        else:
            self.accepted = True
            self.resumed = bool(flags.session_present)

    def _on_subscribe(self, _client: Any, _data: Any, mid: int, reasons: Any, _properties: Any) -> None:
        if mid != self._telemetry_mid:
            return
        self.subscribed = True
        refused = [name for name, reason in zip(self._config.filters, reasons, strict=False) if reason.is_failure]
        if refused:
            self.refused = f"the subscription to {', '.join(refused)}"

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        topic = message.topic
        if topic.startswith("$"):
            if topic == DROPPED_TOPIC and message.payload.isdigit() and len(message.payload) < 20:
                self.dropped_by_broker = int(message.payload)
            return
        packet_id = message.mid if message.qos else 0
        self.fresh.append((topic.encode(), bytes(message.payload), packet_id, message.retain, message.dup))


class PahoReceiver:
    """Receiver on paho-mqtt; see `ingest.mqtt.receiver.Receiver`."""

    def __init__(self, config: ReceiverConfig) -> None:
        self._config = config
        self._link: _Link | None = None
        self._epoch = 0
        self._chunks: deque[tuple[int, list[RawMessage]]] = deque()  # (epoch, messages), oldest first
        self._buffered = 0
        self._buffered_bytes = 0
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._leaving = False
        self._first = threading.Event()
        self._first_error = ""
        self._thread: threading.Thread | None = None
        self._publish_ids = PublishIds()
        self._drain = True
        self.session_epoch = 0
        self.received_total = 0
        self.stale_acks_total = 0
        self.reconnects_total = 0
        self.publishes_dropped_total = 0
        self.dropped_by_broker: int | None = None
        self.last_error = ""

    @property
    def connected(self) -> bool:
        """True from CONNACK until the loss is noticed."""
        link = self._link
        return link is not None and not link.wire.failure

    @property
    def epoch(self) -> int:
        """Number of connections made so far."""
        return self._epoch

    def connect(self) -> None:
        """See Receiver.connect."""
        if self._closing.is_set():
            raise ReceiverError("this receiver is closed")
        if self._thread is not None:
            return
        self._first.clear()
        self._first_error = ""
        self._thread = threading.Thread(target=self._run, name="mqtt-paho", daemon=True)
        self._thread.start()
        self._first.wait()
        if self._first_error:
            self._thread.join()
            self._thread = None
            raise ReceiverError(self._first_error)

    def receive(self, max_messages: int, linger_s: float, timeout_s: float) -> Group:
        """See Receiver.receive."""
        with self._changed:
            self._changed.wait_for(lambda: self._chunks or self._closing.is_set(), timeout_s)
            if not self._chunks or self._closing.is_set():
                return Group([], self._epoch)
            epoch, pending = self._chunks[0]
            if len(pending) < max_messages:
                self._changed.wait_for(
                    lambda: len(pending) >= max_messages or self._epoch != epoch or self._closing.is_set(), linger_s
                )
            taken = pending[:max_messages]
            del pending[:max_messages]
            if not pending:
                self._chunks.popleft()
            self._buffered -= len(taken)
            self._buffered_bytes -= sum(len(each[0]) + len(each[1]) for each in taken)
            self.received_total += len(taken)
            return Group(taken, epoch)

    def acknowledge(self, group: Group) -> int:
        """See Receiver.acknowledge. The ids go to the connection they came from or nowhere."""
        if group.acknowledged:
            return 0
        group.acknowledged = True
        ids = group.packet_ids()
        if not ids:
            return 0
        link = self._link
        if link is None or link.epoch != group.epoch or not link.wire.send(encode_pubacks(ids)):
            self.stale_acks_total += len(ids)
            return 0
        return len(ids)

    def publish(self, topic: bytes, payload: bytes) -> None:
        """See Receiver.publish."""
        self.publish_many([(topic, payload)])

    def publish_many(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        """See Receiver.publish_many."""
        if not items:
            return
        link = self._link
        packets = self._publish_ids.encode(items, self._config.receipt_qos)
        if link is None or not link.wire.send(packets):
            self.publishes_dropped_total += len(items)

    def leave(self) -> None:
        """See Receiver.leave."""
        self._leaving = True
        if (link := self._link) is not None:
            link.leave()

    def close(self, *, drain: bool = True) -> None:
        """See Receiver.close."""
        self._drain = drain
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(self._config.connect_timeout_s + SEND_TIMEOUT_S)

    # -- the loop's thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        """Connects, pumps, connects again, until closed. Ends at once if the very first attempt fails."""
        backoff = Backoff(self._config.backoff_first_s, self._config.backoff_max_s)
        while not self._closing.is_set():
            try:
                link = self._open()
            except ReceiverError as error:
                if not self._first.is_set():
                    self._first_error = str(error)
                    self._first.set()
                    return
                if str(error) != self.last_error:
                    log.warning("%s; trying again", error)
                self.last_error = str(error)
            else:
                self._first.set()
                self._serve(link)
                if time.monotonic() - link.opened_s > self._config.backoff_max_s:
                    backoff.reset()
            self._closing.wait(backoff.draw())

    def _open(self) -> _Link:
        link = _Link(self._config, self._epoch + 1)
        link.handshake(self._closing, subscribe=not self._leaving)
        with self._changed:
            self._epoch = link.epoch
            if not link.resumed:
                self.session_epoch = link.epoch
            self._link = link
            self._changed.notify_all()
        self.reconnects_total = self._epoch - 1
        log.info("connected to %s", self._config.endpoint.address)
        return link

    def _serve(self, link: _Link) -> None:
        """Reads until the connection is lost or the receiver closed."""
        try:
            while not self._closing.is_set():
                self._turn(link)
        except _LostError as error:
            self.last_error = f"lost the broker at {self._config.endpoint.address}: {error}"
            log.warning("%s", self.last_error)
        self._hand_over(link)
        self._link = None
        if self._closing.is_set():
            link.close(DISCONNECT_BYTES, drain=self._drain)
        else:
            link.close()

    def _turn(self, link: _Link) -> None:
        if self._full:
            link.ping()
            with self._changed:
                pause_s = min(IDLE_SLICE_S, self._config.keepalive_s / 4)
                self._changed.wait_for(lambda: not self._full or self._closing.is_set(), pause_s)
            return
        busy = link.read()
        self._hand_over(link)
        if busy or link.wire.wait(0):
            return
        if link.refused:
            raise _LostError(f"it refused {link.refused}")
        if link.wire.failure:
            raise _LostError(link.wire.failure)
        link.upkeep()
        link.wire.wait(min(IDLE_SLICE_S, self._config.keepalive_s / 4))

    @property
    def _full(self) -> bool:
        return self._buffered >= MAX_BUFFERED_MESSAGES or self._buffered_bytes >= MAX_BUFFERED_BYTES

    def _hand_over(self, link: _Link) -> None:
        """Passes what paho has read to the receiving thread."""
        if link.dropped_by_broker is not None:
            self.dropped_by_broker = link.dropped_by_broker
        if not link.fresh:
            return
        fresh, link.fresh = link.fresh, []
        with self._changed:
            if self._chunks and self._chunks[-1][0] == link.epoch:
                self._chunks[-1][1].extend(fresh)
            else:
                self._chunks.append((link.epoch, fresh))
            self._buffered += len(fresh)
            self._buffered_bytes += sum(len(each[0]) + len(each[1]) for each in fresh)
            self._changed.notify_all()
