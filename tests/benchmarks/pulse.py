"""A steady beat of single readings whose `t` is the moment they leave, for measuring how long news takes.

    python -m tests.benchmarks.pulse --url mqtt://pulse@127.0.0.1:1883 --devices 200 --rate 1000 --seconds 10 --out FILE

The devices send in turn. FILE.npy gets one row per reading: the device's number, `t` in milliseconds as it was sent,
and the exact time in seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from pathlib import Path

import numpy as np

from ingest.mqtt import codec
from tests.benchmarks.fleet import track
from tests.benchmarks.publisher import open_publisher

SENT = np.dtype([("device", "i4"), ("t_ms", "i8"), ("at_s", "f8")])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="single readings at a steady rate, stamped as they leave")
    parser.add_argument("--url", required=True, help="mqtt://user:password@host:port")
    parser.add_argument("--devices", type=int, default=200)
    parser.add_argument("--rate", type=float, default=1_000, help="readings per second of all devices together")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    count = int(options.rate * options.seconds)
    sent = np.zeros(count, SENT)
    vehicle = np.arange(options.devices)
    topics = [f"fw/v1/main/gps-{number:05d}/gps".encode() for number in range(options.devices)]
    boot = f"p{time.time_ns() // 1_000_000_000}"
    with open_publisher(options.url, client_id="bench-pulse") as sock:
        begin = time.monotonic()
        for index in range(count):
            turn, device = divmod(index, options.devices)
            if not device:
                lat, lon, heading = (each.tolist() for each in track(vehicle, turn * options.devices / options.rate))
            time.sleep(max(0.0, begin + index / options.rate - time.monotonic()))
            at_s = time.time()
            payload = (
                f'{{"t":{int(at_s * 1000)},"lat":{lat[device]:.6f},"lon":{lon[device]:.6f},"spd":15.2,'
                f'"hdg":{heading[device]:.0f},"acc":4.5,"boot":"{boot}","seq":{turn}}}'
            )
            sock.sendall(codec.encode_publish(topics[device], payload.encode(), qos=1, packet_id=index % 65_535 + 1))
            sent[index] = (device, int(at_s * 1000), at_s)
            if not index % 50:
                sock.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    sock.recv(65_536)
                sock.setblocking(True)
        sock.sendall(codec.DISCONNECT_BYTES)
    np.save(options.out, sent)


if __name__ == "__main__":
    main()
