"""The fast receiver: a plain non-blocking socket and our own decoder.

The thread that calls `receive` reads the socket itself, as much as is there with one call, and walks the bytes in one
loop; a group's acknowledgements leave as one write. Nothing is queued between threads. A second, sleepy thread sends
PINGREQ, so that a reader that pauses keeps its connection; what the broker then sends stays in the kernel's socket
buffer and, beyond it, with the broker (which stops at its in-flight window anyway).
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Sequence

from ingest.mqtt.codec import (
    CONNACK,
    CONNACK_REASONS,
    DISCONNECT_BYTES,
    PINGREQ_BYTES,
    PINGRESP,
    PUBACK,
    SUBACK,
    SUBACK_REFUSED,
    UNSUBACK,
    Control,
    Decoder,
    ProtocolError,
    RawMessage,
    encode_connect,
    encode_pubacks,
    encode_subscribe,
    encode_unsubscribe,
    parse_connack,
    parse_suback,
)
from ingest.mqtt.receiver import DROPPED_TOPIC, SEND_TIMEOUT_S, Backoff, Group, ReceiverConfig, ReceiverError
from ingest.mqtt.wire import IDLE_SLICE_S, PublishIds, Wire, open_socket

log = logging.getLogger(__name__)

NAPS_PER_LINGER = 4
"""While lingering, look at the socket this often instead of waking up for every message."""
TELEMETRY_SUBSCRIPTION, STATISTICS_SUBSCRIPTION, LEAVING = 1, 2, 3


class _Link(Wire):
    """One MQTT connection: its epoch, its decoder and the state of its keep-alive."""

    def __init__(self, sock: socket.socket, epoch: int, max_packet_bytes: int) -> None:
        super().__init__(sock)
        self.epoch = epoch
        self.decoder = Decoder(max_packet_bytes)
        self.opened_s = time.monotonic()
        self.resumed = False
        self.ping_since_s = 0.0  # when the oldest PINGREQ since the last input was sent; 0 = none
        self.subscribed = False

    def fill(self) -> bool:
        """Reads and decodes once; False if nothing was there. Raises OSError or ProtocolError."""
        data = self.read()
        if data is None:
            return False
        self.ping_since_s = 0.0
        self.decoder.feed(data)
        return True

    def ping(self, keepalive_s: float) -> None:
        """Sends PINGREQ when nothing has been sent for half the keep-alive time."""
        now_s = time.monotonic()
        if now_s - self.last_sent_s >= keepalive_s / 2:
            if not self.ping_since_s:
                self.ping_since_s = now_s
            self.send(PINGREQ_BYTES)


class StreamReceiver:
    """Receiver on a plain socket; see `ingest.mqtt.receiver.Receiver`."""

    def __init__(self, config: ReceiverConfig) -> None:
        self._config = config
        self._link: _Link | None = None
        self._epoch = 0
        self._pending: list[RawMessage] = []  # read, not yet handed out; all of `_pending_epoch`
        self._pending_epoch = 0
        self._receiving = threading.Lock()
        self._closing = threading.Event()
        self._leaving = False
        self._pinger: threading.Thread | None = None
        self._backoff = Backoff(config.backoff_first_s, config.backoff_max_s)
        self._retry_at_s = 0.0
        self._publish_ids = PublishIds()
        self.session_epoch = 0
        self.received_total = 0
        self.stale_acks_total = 0
        self.reconnects_total = 0
        self.publishes_dropped_total = 0
        self.dropped_by_broker: int | None = None
        self.last_error = ""

    @property
    def connected(self) -> bool:
        """True from CONNACK until the loss is noticed (at the next `receive` or a failing write)."""
        link = self._link
        return link is not None and not link.failure

    @property
    def epoch(self) -> int:
        """Number of connections made so far."""
        return self._epoch

    def connect(self) -> None:
        """See Receiver.connect."""
        with self._receiving:
            if self._closing.is_set():
                raise ReceiverError("this receiver is closed")
            if self._link is None:
                self._open()
        if self._pinger is None:
            self._pinger = threading.Thread(target=self._ping_until_closed, name="mqtt-ping", daemon=True)
            self._pinger.start()

    def receive(self, max_messages: int, linger_s: float, timeout_s: float) -> Group:
        """See Receiver.receive."""
        with self._receiving:
            deadline_s = time.monotonic() + timeout_s
            while not self._pending and not self._closing.is_set():
                link = self._link or self._reopen(deadline_s)
                if link is not None and self._fill(link):
                    continue
                left_s = deadline_s - time.monotonic()
                if left_s <= 0 and not self._pending:
                    return Group([], self._epoch)
                if link is not None and link is self._link:
                    link.wait(min(left_s, IDLE_SLICE_S))
            if self._closing.is_set():
                return Group([], self._epoch)
            self._linger(max_messages, linger_s)
            taken = self._pending[:max_messages]
            del self._pending[:max_messages]
            self.received_total += len(taken)
            return Group(taken, self._pending_epoch)

    def acknowledge(self, group: Group) -> int:
        """See Receiver.acknowledge. The ids go to the connection they came from or nowhere."""
        if group.acknowledged:
            return 0
        group.acknowledged = True
        ids = group.packet_ids()
        if not ids:
            return 0
        link = self._link
        if link is None or link.epoch != group.epoch or not link.send(encode_pubacks(ids)):
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
        packets = self._publish_ids.encode(items, self._config.receipt_qos)
        link = self._link
        if link is None or not link.send(packets):
            self.publishes_dropped_total += len(items)

    def leave(self) -> None:
        """See Receiver.leave."""
        self._leaving = True
        if (link := self._link) is not None:
            link.send(encode_unsubscribe(LEAVING, self._config.filters))

    def close(self, *, drain: bool = True) -> None:
        """See Receiver.close."""
        self._closing.set()
        with self._receiving:
            link, self._link = self._link, None
            if link is not None:
                link.close(DISCONNECT_BYTES, drain=drain)
        if self._pinger is not None:
            self._pinger.join(SEND_TIMEOUT_S)

    # -- connection ---------------------------------------------------------------------------------------------

    def _open(self) -> _Link:
        """Connects, waits for CONNACK, subscribes; on success `_link` and `_pending` are the new connection's."""
        config = self._config
        sock = open_socket(config.endpoint, config.connect_timeout_s, config.tls_context)
        link = _Link(sock, self._epoch + 1, config.max_packet_bytes)
        deadline_s = time.monotonic() + config.connect_timeout_s
        try:
            self._handshake(link, deadline_s)
            self._subscribe(link, deadline_s)
        except (OSError, ProtocolError) as error:
            link.close()
            raise ReceiverError(f"no MQTT connection with {config.endpoint.address}: {error}") from None
        except ReceiverError:
            link.close(DISCONNECT_BYTES)
            raise
        self._epoch = link.epoch
        if not link.resumed:
            self.session_epoch = link.epoch
        self._pending = link.decoder.messages
        self._pending_epoch = link.epoch
        self._link = link
        return link

    def _handshake(self, link: _Link, deadline_s: float) -> None:
        config = self._config
        endpoint = config.endpoint
        hello = encode_connect(config.client_id, endpoint.user, endpoint.password, keepalive_s=config.keepalive_s)
        if not link.send(hello):
            raise ConnectionError(link.failure)
        controls = link.decoder.controls
        while not controls:
            if not link.fill():
                self._wait_for_answer(link, deadline_s, "CONNECT")
        if controls[0].kind != CONNACK:
            raise ProtocolError(f"packet type {controls[0].kind} instead of CONNACK")
        session_present, code = parse_connack(controls.pop(0))
        if code:
            reason = CONNACK_REASONS.get(code, f"reason {code}")
            raise ReceiverError(f"the broker at {endpoint.address} refused the connection: {reason}")
        link.resumed = session_present
        log.info("connected to %s, session %s", endpoint.address, "resumed" if session_present else "new")

    def _subscribe(self, link: _Link, deadline_s: float) -> None:
        """Subscribes on every connection, as a resumed session may have been made for other filters.

        Ends with SUBACK or the first messages (a resumed session sends those first; they must not pile up here).
        """
        filters = self._config.filters
        if self._leaving:
            link.send(encode_unsubscribe(LEAVING, filters))
            return
        if not link.send(
            encode_subscribe(TELEMETRY_SUBSCRIPTION, filters)
            + encode_subscribe(STATISTICS_SUBSCRIPTION, [DROPPED_TOPIC], qos=0)
        ):
            raise ConnectionError(link.failure)
        self._take_controls(link)
        while not link.subscribed and not link.decoder.messages:
            if not link.fill():
                self._wait_for_answer(link, deadline_s, "SUBSCRIBE")
            self._take_controls(link)

    def _wait_for_answer(self, link: _Link, deadline_s: float, asked: str) -> None:
        left_s = deadline_s - time.monotonic()
        if left_s <= 0 or self._closing.is_set():
            raise TimeoutError(f"no answer to {asked} within {self._config.connect_timeout_s:g} s")
        link.wait(min(left_s, IDLE_SLICE_S))

    def _reopen(self, deadline_s: float) -> _Link | None:
        """One attempt to connect again, when it is time; None if it is not, or failed."""
        wait_s = self._retry_at_s - time.monotonic()
        if wait_s > 0:
            left_s = max(deadline_s - time.monotonic(), 0.0)
            self._closing.wait(min(wait_s, left_s))
            if wait_s > left_s or self._closing.is_set():
                return None
        try:
            link = self._open()
        except ReceiverError as error:
            if str(error) != self.last_error:
                log.warning("%s; trying again", error)
            self.last_error = str(error)
            self._retry_at_s = time.monotonic() + self._backoff.draw()
            return None
        if link.epoch > 1:
            self.reconnects_total += 1
        return link

    def _lose(self, link: _Link, reason: str) -> None:
        """Drops the connection; messages already decoded stay pending under their own epoch."""
        link.close()
        self._link = None
        self.last_error = f"lost the broker at {self._config.endpoint.address}: {reason}"
        log.warning("%s", self.last_error)
        now_s = time.monotonic()
        if now_s - link.opened_s > self._config.backoff_max_s:
            self._backoff.reset()
        self._retry_at_s = now_s + self._backoff.draw()

    # -- reading ------------------------------------------------------------------------------------------------

    def _fill(self, link: _Link) -> bool:
        """Reads once; False if nothing was there or the connection is gone."""
        try:
            filled = link.fill()
            if link.decoder.controls or link.decoder.system:
                self._take_controls(link)
        except (OSError, ProtocolError, ReceiverError) as error:
            self._lose(link, str(error))
            return False
        if not filled:
            since_s = link.ping_since_s
            if since_s and time.monotonic() - since_s > self._config.keepalive_s:
                self._lose(link, f"no answer to a ping for {self._config.keepalive_s} s")
        return filled

    def _linger(self, max_messages: int, linger_s: float) -> None:
        """Gathers more messages of the pending ones' connection until `linger_s` is over."""
        end_s = time.monotonic() + linger_s
        nap_s = linger_s / NAPS_PER_LINGER
        while len(self._pending) < max_messages:
            link = self._link
            left_s = end_s - time.monotonic()
            if left_s <= 0 or link is None or link.epoch != self._pending_epoch:
                return
            if not self._fill(link):
                time.sleep(min(nap_s, left_s))

    def _take_controls(self, link: _Link) -> None:
        decoder = link.decoder
        for packet in decoder.controls:
            if packet.kind == SUBACK:
                self._check_subscription(link, packet)
            elif packet.kind not in (PINGRESP, PUBACK, UNSUBACK):
                raise ProtocolError(f"unexpected packet type {packet.kind} from the broker")
        decoder.controls.clear()
        for topic, payload in decoder.system:
            if topic == DROPPED_TOPIC.encode() and payload.isdigit() and len(payload) < 20:
                self.dropped_by_broker = int(payload)
        decoder.system.clear()

    def _check_subscription(self, link: _Link, packet: Control) -> None:
        packet_id, codes = parse_suback(packet)
        if packet_id != TELEMETRY_SUBSCRIPTION:
            return
        link.subscribed = True
        refused = [name for name, code in zip(self._config.filters, codes, strict=False) if code == SUBACK_REFUSED]
        if refused:
            address = self._config.endpoint.address
            raise ReceiverError(f"the broker at {address} refused the subscription to {', '.join(refused)}")

    # -- helpers ------------------------------------------------------------------------------------------------

    def _ping_until_closed(self) -> None:
        while not self._closing.wait(self._config.keepalive_s / 4):
            link = self._link
            if link is not None:
                link.ping(self._config.keepalive_s)
