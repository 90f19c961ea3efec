"""A load publisher that costs little: prebuilt QoS 1 packets over one plain socket, a window of unanswered ones.

    python -m tests.benchmarks.publisher --url mqtt://bench@127.0.0.1:1883 --count 200000 --kind single --devices 1000

prints one JSON line; `started_s` in it is the monotonic clock at the first message. With `--allowance FILE` no more
messages leave than the 8-byte number in that file says, which the reader of the data raises as it comes forward.
`--messages FILE.npy` takes messages from a structured array with the byte-string fields `topic` and `payload` instead
(repeated as often as `--count` wants). The functions serve other benchmarks and tests.
"""

from __future__ import annotations

import argparse
import json
import mmap
import select
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from ingest.mqtt import codec
from ingest.mqtt.receiver import Endpoint
from tests.benchmarks.fleet import batches, messages

BATCH = 60
START_MS = 1_795_000_000_000  # for readers that do not look at the time


@dataclass(frozen=True)
class Prepared:
    """Packets one behind the other; `edges[i]` to `edges[i + 1]` is packet i. `readings` counts what is inside."""

    stream: bytes
    edges: list[int]
    readings: int

    def __len__(self) -> int:
        return len(self.edges) - 1


def file_messages(path: Path, count: int) -> Iterator[tuple[bytes, bytes]]:
    """`count` messages from a structured array with the fields `topic` and `payload`, repeated as needed."""
    rows = [(bytes(row["topic"]), bytes(row["payload"])) for row in np.load(path, allow_pickle=False)]
    return islice((row for _ in range(count // max(len(rows), 1) + 1) for row in rows), count)


def prepare(messages: Iterable[tuple[bytes, bytes]], readings_each: int = 1) -> Prepared:
    """QoS 1 packets with packet ids from 1 to 65535 in turn."""
    packets = [
        codec.encode_publish(topic, payload, qos=1, packet_id=index % 65_535 + 1)
        for index, (topic, payload) in enumerate(messages)
    ]
    edges = [0]
    for packet in packets:
        edges.append(edges[-1] + len(packet))
    return Prepared(b"".join(packets), edges, len(packets) * readings_each)


def prepare_kind(
    kind: str, count: int, devices: int, *, start_ms: int = START_MS, boot: str = "b1", start_seq: int = 1
) -> Prepared:
    """Prepared messages of the kind `single` or `batch60`."""
    if kind == "batch60":
        return prepare(batches(devices, count, start_ms, BATCH, boot=boot, seq=start_seq), BATCH)
    return prepare(messages(devices, count, start_ms, boot=boot, seq=start_seq))


class Allowance:
    """A number in a file that one process raises and another reads, both by mapping it into memory."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path = path
        if create:
            path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8)

    def __call__(self) -> int:
        return int(struct.unpack("<q", self._map[:8])[0])

    def grant(self, messages: int) -> None:
        """So many messages may have left."""
        self._map[:8] = struct.pack("<q", messages)


def open_publisher(url: str, *, client_id: str = "", timeout_s: float = 10) -> socket.socket:
    """A connected blocking socket on which only PUBACKs will arrive."""
    endpoint = Endpoint.from_url(url)
    sock = socket.create_connection((endpoint.host, endpoint.port), timeout=timeout_s)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    name = client_id or endpoint.user or "bench-publisher"
    sock.sendall(codec.encode_connect(name, endpoint.user, endpoint.password, keepalive_s=0, clean_session=True))
    decoder = codec.Decoder()
    while not decoder.controls:
        data = sock.recv(16)
        if not data:
            raise ConnectionError("the broker closed the connection")
        decoder.feed(data)
    _, code = codec.parse_connack(decoder.controls[0])
    if code:
        raise ConnectionError(f"the broker refused the publisher: {codec.CONNACK_REASONS.get(code, code)}")
    return sock


def publish(
    sock: socket.socket,
    prepared: Prepared,
    *,
    window: int = 1_000,
    rate_per_s: float = 0,
    allowance: Callable[[], int] | None = None,
) -> float:
    """Sends everything and waits for all PUBACKs; returns the seconds it took.

    At most `window` packets are unanswered. With `rate_per_s` > 0 packets leave no faster than that, and with an
    `allowance` no more have left than it says. Raises ConnectionError when the broker leaves, TimeoutError when it
    answers nothing for 30 s, or when the allowance does not grow for so long.
    """
    view = memoryview(prepared.stream)
    edges, total = prepared.edges, len(prepared)
    sock.setblocking(False)
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    sent = answered_bytes = position = 0  # `sent` counts packets granted by the window, `position` bytes written
    started = granted_s = time.monotonic()
    while answered_bytes < 4 * total:
        elapsed = time.monotonic() - started
        allowed = total if rate_per_s <= 0 else min(total, int(elapsed * rate_per_s) + 1)
        if allowance is not None:
            allowed = min(allowed, allowance())
        if allowed > sent:
            granted_s = time.monotonic()
        sent = max(sent, min(answered_bytes // 4 + window, allowed))
        blocked = False
        if position < edges[sent]:
            try:
                position += sock.send(view[position : edges[sent]])
            except BlockingIOError:
                blocked = True
        poller.modify(sock, select.POLLIN | (select.POLLOUT if blocked else 0))
        paced = allowed < total
        if not poller.poll(2 if paced else 30_000):
            if paced and time.monotonic() - granted_s < 30:
                continue
            raise TimeoutError(f"{answered_bytes // 4} of {total} messages were answered, then nothing for 30 s")
        try:
            data = sock.recv(65_536)
        except BlockingIOError:
            continue
        if not data:
            raise ConnectionError(f"the broker left after {answered_bytes // 4} answers")
        answered_bytes += len(data)
    return time.monotonic() - started


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="publish prebuilt QoS 1 messages as fast as the broker takes them")
    parser.add_argument("--url", required=True, help="mqtt://user:password@host:port")
    parser.add_argument("--count", type=int, default=100_000, help="messages")
    parser.add_argument("--messages", type=Path, help="FILE.npy with the fields topic and payload")
    parser.add_argument("--kind", choices=["single", "batch60"], default="single")
    parser.add_argument("--devices", type=int, default=1_000)
    parser.add_argument("--boot", default="b1")
    parser.add_argument("--start-seq", type=int, default=1)
    parser.add_argument("--start-ms", type=int, default=START_MS, help="time of the reading with seq 0, ms since 1970")
    parser.add_argument("--allowance", type=Path, help="file with the number of messages that may have left")
    parser.add_argument("--window", type=int, default=1_000, help="unanswered messages")
    parser.add_argument("--rate", type=float, default=0, help="messages per second; 0 = as fast as possible")
    options = parser.parse_args()
    if options.messages:
        prepared = prepare(file_messages(options.messages, options.count))
    else:
        prepared = prepare_kind(
            options.kind,
            options.count,
            options.devices,
            start_ms=options.start_ms,
            boot=options.boot,
            start_seq=options.start_seq,
        )
    allowance = Allowance(options.allowance) if options.allowance else None
    with open_publisher(options.url) as sock:
        cpu, started = time.process_time(), time.monotonic()
        seconds = publish(sock, prepared, window=options.window, rate_per_s=options.rate, allowance=allowance)
        cpu = time.process_time() - cpu
    print(
        json.dumps(
            {
                "messages": len(prepared),
                "readings": prepared.readings,
                "bytes": len(prepared.stream),
                "started_s": started,
                "seconds": round(seconds, 4),
                "messages_per_s": round(len(prepared) / seconds),
                "cpu_us_per_message": round(cpu / len(prepared) * 1e6, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
