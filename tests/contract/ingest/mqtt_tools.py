"""What the receiver tests talk to and with: a plain client, a scripted broker, and a few short words."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from ingest.mqtt import codec
from ingest.mqtt.receiver import Group, Receiver
from tests.contract.mosquitto import Mosquitto
from tests.deadlines import deadline

GPS = b"fw/v1/main/gps-01/gps"


class Device:
    """A plain blocking client that publishes with QoS 1 and waits for every answer; or hears what it subscribed to."""

    def __init__(self, port: int, name: str = "device", keepalive_s: int = 60, *, clean: bool = True) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=deadline(10))
        self.decoder = codec.Decoder()
        self.sock.sendall(codec.encode_connect(name, keepalive_s=keepalive_s, clean_session=clean))
        self.session_present, code = codec.parse_connack(self.answer())
        assert code == 0

    def answer(self) -> codec.Control:
        while not self.decoder.controls:
            self.feed()
        return self.decoder.controls.pop(0)

    def feed(self) -> None:
        data = self.sock.recv(65_536)
        if not data:
            raise ConnectionError("closed")
        self.decoder.feed(data)

    def publish(self, payloads: Sequence[bytes], topic: bytes = GPS, *, retain: bool = False) -> None:
        for start in range(0, len(payloads), 500):
            part = payloads[start : start + 500]
            packets = [
                codec.encode_publish(topic, each, qos=1, packet_id=index + 1, retain=retain)
                for index, each in enumerate(part)
            ]
            self.sock.sendall(b"".join(packets))
            assert [self.answer().kind for _ in part] == [codec.PUBACK] * len(part)

    def subscribe(self, name: str) -> None:
        self.sock.sendall(codec.encode_subscribe(1, [name]))
        assert self.answer().kind == codec.SUBACK

    def hear(self, count: int) -> list[codec.RawMessage]:
        while len(self.decoder.messages) < count:
            self.feed()
        return self.decoder.messages

    def close(self) -> None:
        self.sock.close()


@contextlib.contextmanager
def device(broker: Mosquitto) -> Iterator[Device]:
    client = Device(broker.port)
    try:
        yield client
    finally:
        client.close()


def publish(broker: Mosquitto, payloads: Sequence[bytes], topic: bytes = GPS, *, retain: bool = False) -> None:
    with device(broker) as client:
        client.publish(payloads, topic, retain=retain)


def payloads_of(groups: Sequence[Group]) -> list[bytes]:
    return [message[1] for group in groups for message in group.messages]


def collect(receiver: Receiver, count: int, *, acknowledge: bool = True, timeout_s: float = 15) -> list[Group]:
    """Groups with at least `count` messages in all (fewer only when the time is over)."""
    groups: list[Group] = []
    until_s = time.monotonic() + timeout_s
    while sum(map(len, groups)) < count and time.monotonic() < until_s:
        group = receiver.receive(2_000, 0.005, 0.2)
        if group.messages:
            groups.append(group)
            if acknowledge:
                receiver.acknowledge(group)
    return groups


def nothing_more(receiver: Receiver, seconds: float = 0.4) -> bool:
    return not receiver.receive(100, 0, seconds).messages


def wait_until(condition: Callable[[], bool], timeout_s: float = deadline(10)) -> None:
    until_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until_s, "this did not become true in time"
        time.sleep(0.02)


def numbered(count: int, start: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(start, start + count)]


class ScriptedBroker:
    """Accepts connections and answers CONNECT and SUBSCRIBE; then sends, per connection, what the script says."""

    def __init__(
        self,
        *scripts: bytes,
        connack: bytes = codec.encode_connack(session_present=False),
        suback: int = 1,
        answers_pings: bool = True,
    ) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.connections = 0
        self._scripts = list(scripts)
        self._connack = connack
        self._suback = suback
        self._answers_pings = answers_pings
        self._socks: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._server.accept()
                self._socks.append(sock)
                self.connections += 1
                script = self._scripts.pop(0) if self._scripts else b""
                threading.Thread(target=self._talk, args=(sock, script), daemon=True).start()

    def _talk(self, sock: socket.socket, script: bytes) -> None:
        decoder = codec.Decoder()
        with contextlib.suppress(OSError, codec.ProtocolError):
            while data := sock.recv(65_536):
                decoder.feed(data)
                for packet in decoder.controls:
                    if packet.kind == codec.CONNECT:
                        sock.sendall(self._connack)
                    elif packet.kind == codec.SUBSCRIBE:
                        packet_id = codec.parse_packet_id(packet)
                        sock.sendall(codec.encode_suback(packet_id, [self._suback]))
                        if script:
                            time.sleep(0.2)
                            sock.sendall(script)
                        script = b""
                    elif packet.kind == codec.PINGREQ and self._answers_pings:
                        sock.sendall(codec.PINGRESP_BYTES)
                decoder.controls.clear()
        sock.close()

    def close(self) -> None:
        self._server.close()
        for each in self._socks:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
