"""How fast can messages be received and acknowledged at all? Bare loops, one JSON line.

    python -m tests.benchmarks.receive_ceiling [--count 60000] [--rounds 3] [--group 2000]

Starts a Mosquitto of its own and a publisher process; the receiving loop runs here. The `floor` does what any client
must and nothing else: it reads the socket, knows that all packets are equally long, and acknowledges the ids it
expects. Ratios to it, taken in the same rounds, travel between machines; messages per second do not.
"""

from __future__ import annotations

import argparse
import json
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from ingest.mqtt import codec
from ingest.mqtt.receiver import ReceiverConfig
from ingest.mqtt.receivers import RECEIVERS
from tests.benchmarks.fleet import messages
from tests.benchmarks.publisher import START_MS, open_publisher, prepare
from tests.contract.mosquitto import mosquitto

PAYLOAD_BYTES = 123
FILTER = "fw/v1/+/+/gps"
Loop = Callable[[str, int, Callable[[], None]], tuple[float, float]]


def floor(url: str, count: int, go: Callable[[], None], group: int) -> tuple[float, float]:
    """(seconds from the first message, CPU seconds) of reading equally long messages and acknowledging blindly."""
    length = len(prepare(messages(1, 1, START_MS, width=PAYLOAD_BYTES)).stream)
    sock = open_publisher(url, client_id="floor")
    sock.sendall(codec.encode_subscribe(1, [FILTER]))
    assert len(sock.recv(5)) == 5
    sock.setblocking(False)
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    acks = codec.encode_pubacks(index % 65_535 + 1 for index in range(count))
    received = acknowledged = 0
    cpu = time.process_time()
    go()
    poller.poll()
    started = time.monotonic()
    while received < count * length:
        try:
            received += len(sock.recv(262_144))
        except BlockingIOError:
            ready = received // length
            sock.send(acks[4 * acknowledged : 4 * ready])
            acknowledged = ready
            time.sleep(0.00125)  # as long as the stream receiver naps
            poller.poll()
        if received // length - acknowledged >= group:
            sock.send(acks[4 * acknowledged : 4 * (received // length)])
            acknowledged = received // length
    sock.setblocking(True)
    sock.sendall(acks[4 * acknowledged :] + codec.DISCONNECT_BYTES)
    result = time.monotonic() - started, time.process_time() - cpu
    sock.close()
    return result


def bare_paho(url: str, count: int, go: Callable[[], None]) -> tuple[float, float]:
    """The usual paho program: `loop_forever`, `manual_ack`, an acknowledgement for every message."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="bare", clean_session=False, manual_ack=True)
    seen = 0
    times = [0.0, 0.0]

    def on_message(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        nonlocal seen
        client.ack(message.mid, message.qos)
        if not seen:
            times[0] = time.monotonic()
        seen += 1
        if seen == count:
            times[:] = [time.monotonic() - times[0], time.process_time() - times[1]]
            client.disconnect()

    def on_subscribe(*_: object) -> None:
        times[1] = time.process_time()
        go()

    client.on_message = on_message
    client.on_subscribe = on_subscribe
    host, port = url.removeprefix("mqtt://").split(":")
    client.connect(host, int(port))
    client.subscribe(FILTER, 1)
    client.loop_forever()
    return times[0], times[1]


def ours(kind: str, url: str, count: int, go: Callable[[], None], group: int) -> tuple[float, float]:
    """One of our receivers: receive a group, acknowledge it, nothing between."""
    receiver = RECEIVERS[kind](ReceiverConfig.from_url(url.replace("mqtt://", f"mqtt://{kind}@"), [FILTER]))
    receiver.connect()
    seen, started = 0, 0.0
    cpu = time.process_time()
    go()
    while seen < count:
        part = receiver.receive(group, 0.005, 10)
        if not part.messages:
            raise TimeoutError(f"{kind}: {seen} of {count} messages, then nothing for 10 s")
        started = started or time.monotonic()
        receiver.acknowledge(part)
        seen += len(part)
    result = time.monotonic() - started, time.process_time() - cpu
    receiver.close()
    return result


def decode_only(count: int) -> float:
    """CPU seconds of decoding `count` messages that are already in memory, 256 KiB at a time; best of five."""
    stream = prepare(messages(1_000, count, START_MS, width=PAYLOAD_BYTES)).stream
    parts = [stream[at : at + 262_144] for at in range(0, len(stream), 262_144)]
    best = float("inf")
    for _ in range(5):
        decoder = codec.Decoder()
        cpu = time.process_time()
        for part in parts:
            decoder.feed(part)
            decoder.messages.clear()
        best = min(best, time.process_time() - cpu)
    return best


def one_round(loop: Loop, folder: Path, count: int) -> tuple[float, float]:
    """Runs `loop` against a fresh broker while another process publishes; (seconds, CPU seconds) of the loop."""
    folder.mkdir()
    with mosquitto(folder, log_type="error") as broker:
        url = f"mqtt://publisher@127.0.0.1:{broker.port}"
        messages = str(folder.parent / "messages.npy")
        command = [sys.executable, "-m", "tests.benchmarks.publisher", "--url", url, "--messages", messages]
        publishers: list[subprocess.Popen[bytes]] = []

        def go() -> None:
            publishers.append(subprocess.Popen([*command, "--count", str(count)], stdout=subprocess.DEVNULL))

        result = loop(broker.url, count, go)
        if publishers[0].wait(30):
            raise RuntimeError("the publisher failed")
        return result


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="bare receiving loops against a Mosquitto of their own")
    parser.add_argument("--count", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--group", type=int, default=2_000, help="messages acknowledged with one write")
    options = parser.parse_args()
    count, group = options.count, options.group
    loops: dict[str, Loop] = {
        "floor": lambda url, n, go: floor(url, n, go, group),
        "stream": lambda url, n, go: ours("stream", url, n, go, group),
        "paho_batched": lambda url, n, go: ours("paho", url, n, go, group),
        "paho_bare": bare_paho,
    }
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in loops}
    with tempfile.TemporaryDirectory(prefix="fwbench") as temporary:
        folder = Path(temporary)
        rows = list(messages(1_000, count, START_MS, width=PAYLOAD_BYTES))
        np.save(folder / "messages.npy", np.array(rows, dtype=[("topic", "S64"), ("payload", f"S{PAYLOAD_BYTES}")]))
        for number in range(options.rounds):
            for name, loop in loops.items():
                rounds[name].append(one_round(loop, folder / f"{name}{number}", count))
    report: dict[str, object] = {
        "messages": count,
        "payload_bytes": PAYLOAD_BYTES,
        "rounds": options.rounds,
        "decode_us": round(decode_only(count) / count * 1e6, 2),
    }
    base = statistics.median(cpu for _, cpu in rounds["floor"])
    for name, results in rounds.items():
        cpu = statistics.median(each for _, each in results)
        report[name] = {
            "messages_per_s": round(count / statistics.median(seconds for seconds, _ in results)),
            "cpu_us_per_message": round(cpu / count * 1e6, 2),
            "cpu_ratio_to_floor": round(cpu / base, 2),
        }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
