"""MQTT for many devices in one thread: one connection each, one selector for all, reconnects with jitter.

paho's own threads would be one per device; its external loop (`loop_read`, `loop_write`, `loop_misc`) needs none. A
connection that fails is thrown away with its client, because the device's own buffer, not paho's queue, decides what
is sent again.
"""

from __future__ import annotations

import logging
import random
import selectors
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

log = logging.getLogger("firmware_sim.link")

KEEPALIVE_S = 30
CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 10.0  # for the broker's answer to CONNECT
BACKOFF_S, BACKOFF_S_MAX = 0.5, 15.0
MISC_EVERY_S = 1.0
CONNECTS_PER_PUMP = 25
IN_FLIGHT_MESSAGES_MAX = 100  # the embedded demo broker takes no more


class TargetError(ValueError):
    """The broker's address is not an MQTT URL, or whom to trust cannot be read."""


@cache
def _trust(ca_file: str) -> ssl.SSLContext:
    """Trust in this authority and no other; empty: in those the system knows."""
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except ssl.SSLError:
        raise TargetError(f"FROSTWAY_MQTT_CA_FILE: {ca_file} holds no certificate in PEM") from None
    except OSError as error:
        raise TargetError(f"FROSTWAY_MQTT_CA_FILE: cannot read {ca_file}: {error.strerror}") from None


@dataclass(frozen=True, slots=True)
class MqttTarget:
    """Where to publish, and as whom."""

    host: str
    port: int
    tenant: str = "main"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    ca_file: str = ""  # the authority to trust, PEM; empty: those the system knows

    @classmethod
    def from_url(
        cls, url: str, tenant: str = "main", user: str | None = None, password: str | None = None, ca_file: str = ""
    ) -> MqttTarget:
        """Target of `mqtt://user:pass@host:1883` or `mqtts://…`; `user` and `password` override those in the URL.

        Raises:
            TargetError: says what is wrong, without the password.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise TargetError(f"FROSTWAY_MQTT_URL: {error}; write mqtt://user:password@host:1883") from None
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise TargetError("FROSTWAY_MQTT_URL is not an MQTT address; write mqtt://user:password@host:1883")
        tls = parts.scheme == "mqtts"
        if tls:
            _trust(ca_file)
        return cls(
            host=parts.hostname,
            port=port or (8883 if tls else 1883),
            tenant=tenant,
            user=user or (unquote(parts.username) if parts.username else None),
            password=password or (unquote(parts.password) if parts.password else None),
            tls=tls,
            ca_file=ca_file,
        )


class Network:
    """The selector all links share. Call `pump` often, from one thread."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._links: list[Link] = []
        self._misc_at_s = 0.0

    def add(self, link: Link) -> None:
        """Watch over this link."""
        self._links.append(link)

    def watch(self, sock: Any, link: Link, *, write: bool) -> None:
        """Register a socket, or change what it waits for."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if write else 0)
        try:
            self._selector.modify(sock, events, link)
        except KeyError:
            self._selector.register(sock, events, link)

    def forget(self, sock: Any) -> None:
        """Stop watching a socket."""
        try:
            self._selector.unregister(sock)
        except (KeyError, ValueError):
            return

    def pump(self, now_s: float, timeout_s: float) -> None:
        """Connect what is due, wait up to `timeout_s` for traffic and handle it. `now_s` is monotonic."""
        waiting = [link for link in self._links if link.wants_connection(now_s)]
        for link in waiting[:CONNECTS_PER_PUMP]:
            link.connect(now_s)
        if not self._selector.get_map():
            time.sleep(min(timeout_s, 0.05))
            return
        for key, events in self._selector.select(min(timeout_s, 0.02) if waiting else timeout_s):
            key.data.handle(events)
        if now_s >= self._misc_at_s:
            self._misc_at_s = now_s + MISC_EVERY_S
            for link in self._links:
                link.tick(now_s)

    def close(self) -> None:
        """Disconnect everything politely."""
        for link in self._links:
            link.close()
        self._selector.close()


class Link:
    """The connection of one device."""

    def __init__(
        self,
        network: Network,
        target: MqttTarget,
        device: str,
        on_receipt: Callable[[str, int], None],
        on_lost: Callable[[], None],
        on_command: Callable[[bytes], bytes | None] = lambda _: None,
    ) -> None:
        """`on_command` gives the answer to a command, if there is one."""
        self.device = device
        self.up = False
        self.refusal = ""  # why the broker refused us last, in its words
        self.failures = 0
        self._network, self._target = network, target
        self._on_receipt, self._on_lost, self._on_command = on_receipt, on_lost, on_command
        self._client: mqtt.Client | None = None
        self._retry_at_s = 0.0
        self._answer_by_s = 0.0
        self._now_s = 0.0
        self._jitter = random.Random(f"{target.tenant}/{device}")
        self._prefix = f"fw/v1/{target.tenant}/{device}"
        network.add(self)

    def wants_connection(self, now_s: float) -> bool:
        """Whether it is time to connect."""
        return self._client is None and now_s >= self._retry_at_s

    def connect(self, now_s: float) -> None:
        """Open the connection; the answer comes through `handle`."""
        self._now_s = now_s
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=f"fw-{self._target.tenant}-{self.device}", clean_session=True
        )
        if self._target.user:
            client.username_pw_set(self._target.user, self._target.password)
        if self._target.tls:
            client.tls_set_context(_trust(self._target.ca_file))
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(IN_FLIGHT_MESSAGES_MAX)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_message = self._message
        client.on_socket_open = lambda _c, _u, sock: self._network.watch(sock, self, write=False)
        client.on_socket_close = lambda _c, _u, sock: self._network.forget(sock)
        client.on_socket_register_write = lambda _c, _u, sock: self._network.watch(sock, self, write=True)
        client.on_socket_unregister_write = lambda _c, _u, sock: self._network.watch(sock, self, write=False)
        self._client = client
        self._answer_by_s = now_s + ANSWER_TIMEOUT_S
        try:
            client.connect(self._target.host, self._target.port, KEEPALIVE_S)
        except (OSError, ValueError) as error:
            self._lost(f"no connection to {self._target.host}:{self._target.port}: {error}")

    def publish(self, stream: str, payload: bytes) -> bool:
        """Publish with QoS 1; False when there is no connection."""
        if self._client is None or not self.up:
            return False
        info = self._client.publish(f"{self._prefix}/{stream}", payload, qos=1)
        return info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def handle(self, events: int) -> None:
        """Read and write what the socket is ready for."""
        client = self._client
        if client is None:
            return
        if events & selectors.EVENT_READ:
            client.loop_read()
            sock = client.socket()
            while self._target.tls and sock is not None and hasattr(sock, "pending") and sock.pending():
                client.loop_read()
                sock = client.socket()
        if events & selectors.EVENT_WRITE and client.want_write():
            client.loop_write()

    def tick(self, now_s: float) -> None:
        """Keep-alive, and giving up on a broker that does not answer."""
        self._now_s = now_s
        client = self._client
        if client is None:
            return
        client.loop_misc()
        if self._client is client and not self.up and now_s > self._answer_by_s:
            self._lost(f"no answer from {self._target.host}:{self._target.port}")

    def drop(self) -> None:
        """Lose the connection without a word, as in a dead zone."""
        if self._client is not None:
            self._lost("")

    def hold_off(self, until_s: float) -> None:
        """Do not connect before `until_s` (monotonic)."""
        self._retry_at_s = max(self._retry_at_s, until_s)

    def close(self) -> None:
        """Say goodbye to the broker."""
        client, self._client, self.up = self._client, None, False
        if client is not None:
            client.on_disconnect = None
            client.disconnect()
            client.loop_write()
            _shut(client, self._network)

    def _connected(self, client: mqtt.Client, _u: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
        if reason.is_failure:
            self.refusal = str(reason)
            return  # on_disconnect follows
        self.up = True
        self.failures = 0
        self.refusal = ""
        client.subscribe([(f"{self._prefix}/receipt", 1), (f"{self._prefix}/cmd", 1)])

    def _disconnected(self, client: mqtt.Client, _u: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
        if client is self._client:
            self._lost(f"the broker refused us: {self.refusal}" if self.refusal else f"disconnected: {reason}")

    def _message(self, _c: mqtt.Client, _u: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic.endswith("/cmd"):
            if answer := self._on_command(bytes(message.payload)):
                self.publish("cmd/answer", answer)
            return
        try:
            receipt = orjson.loads(message.payload)
            boot, seq = receipt["boot"], receipt["seq"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            boot, seq = None, None
        if not isinstance(boot, str) or not isinstance(seq, int):
            log.warning("%s: not a receipt: %r", self.device, message.payload[:100])
            return
        self._on_receipt(boot, seq)

    def _lost(self, why: str) -> None:
        client, self._client = self._client, None
        self.up = False
        self.failures += 1
        backoff_s = min(BACKOFF_S * 2.0 ** min(self.failures, 10), BACKOFF_S_MAX)
        self._retry_at_s = self._now_s + backoff_s * self._jitter.uniform(0.5, 1.0)
        if why and self.failures in (1, 5, 50):
            log.warning("%s: %s; trying again", self.device, why)
        if client is not None:
            _shut(client, self._network)
        self._on_lost()


def _shut(client: mqtt.Client, network: Network) -> None:
    """Close the client's socket without waiting, and never hear of it again."""
    client.on_disconnect = client.on_message = client.on_connect = None
    client.on_socket_register_write = client.on_socket_unregister_write = client.on_socket_close = None
    sock = client.socket()
    if sock is not None:
        network.forget(sock)
        sock.close()
