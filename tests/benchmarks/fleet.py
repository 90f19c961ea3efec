"""Where the vehicles of the benchmarks drive: circles through a grid of sites, a function of number and second.

Each vehicle goes round at 15 m/s on a circle of 3 km that touches its home site, so about one fix in 1 250 begins a
visit. Devices are called gps-00000, gps-00001, …; the world that knows them is registered by `world.register`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from domain.readings import F64, I64

SITES = 100
RADIUS_M = 3_000.0
SPEED_MPS = 15.0
DEGREE_M = 111_195.0


def site_place(number: I64 | int) -> tuple[F64, F64]:
    """Latitude and longitude of sites, 11 km from one another."""
    return np.asarray(60.0 + number // 10 * 0.1), np.asarray(24.0 + number % 10 * 0.2)


def track(vehicle: I64, second: F64 | float) -> tuple[F64, F64, F64]:
    """Latitude, longitude and heading of vehicles at a second of the run."""
    lat0, lon0 = site_place(vehicle % SITES)
    turn = vehicle * 2.399963  # the golden angle: no two circles of a site alike
    angle = turn + 2 * np.pi * ((vehicle * 0.618034) % 1.0) + second * SPEED_MPS / RADIUS_M
    north = RADIUS_M * (np.sin(turn) - np.sin(angle))
    east = RADIUS_M * (np.cos(turn) - np.cos(angle))
    lat = lat0 + north / DEGREE_M
    lon = lon0 + east / (DEGREE_M * np.cos(np.radians(lat0)))
    return lat, lon, np.degrees(np.arctan2(np.sin(angle), -np.cos(angle))) % 360.0


def messages(
    devices: int, count: int, start_ms: int, *, boot: str = "b1", seq: int = 1, width: int = 0
) -> Iterator[tuple[bytes, bytes]]:
    """`count` messages of one gps reading each, the devices in turn; reading `seq` of a device is second `seq`.

    With `width` > 0 the payload is padded with blanks to so many bytes.
    """
    vehicle = np.arange(devices, dtype=np.int64)
    topics = [f"fw/v1/main/gps-{number:05d}/gps".encode() for number in range(devices)]
    for second in range(seq, seq - (-count // devices)):
        lat, lon, heading = (column.tolist() for column in track(vehicle, second))
        some = count - (second - seq) * devices
        for topic, a, o, h in zip(topics[:some], lat, lon, heading, strict=False):
            body = (
                f'{{"t":{start_ms + second * 1000},"lat":{a:.6f},"lon":{o:.6f},"spd":15.2,"hdg":{h:.0f},'
                f'"acc":4.5,"ign":true,"boot":"{boot}","seq":{second}}}'
            )
            yield topic, body.ljust(width).encode()


def batches(
    devices: int, count: int, start_ms: int, size: int, *, boot: str = "b1", seq: int = 1
) -> Iterator[tuple[bytes, bytes]]:
    """`count` messages of `size` gps readings each as equally long arrays, the devices in turn; else as `messages`."""
    for index in range(count):
        step, device = divmod(index, devices)
        first = seq + step * size
        seconds = np.arange(first, first + size)
        lat, lon, heading = track(np.full(size, device, dtype=np.int64), seconds.astype(np.float64))
        body = {
            "boot": boot,
            "seq": first,
            "t": (start_ms + seconds * 1000).tolist(),
            "lat": lat.round(6).tolist(),
            "lon": lon.round(6).tolist(),
            "spd": [15.2] * size,
            "hdg": heading.astype(np.int64).tolist(),
            "acc": 4.5,
        }
        yield f"fw/v1/main/gps-{device:05d}/gps".encode(), json.dumps(body, separators=(",", ":")).encode()
