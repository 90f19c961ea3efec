"""Readings of every stream by the roll of dice, the nonsense among them, and the bytes they travel as."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import cbor2
import msgspec
import orjson

Values = dict[str, Any]
ENCODERS: dict[str, Callable[[Values], bytes]] = {
    "": orjson.dumps,  # NaN becomes null
    ".mp": msgspec.msgpack.encode,
    ".cbor": cbor2.dumps,
}
ROUTE = (60.17, 24.94)


class Nonsense(NamedTuple):
    """What makes a good position a bad one, and the reason it is set aside for."""

    key: str
    value: Any
    reason: str = "invalid"


NONSENSE = {
    "wrong type": Nonsense("lat", "sixty"),
    "NaN": Nonsense("lon", math.nan),
    "out of range": Nonsense("lat", 91.0),
    "missing key": Nonsense("lon", None),
    "time in words": Nonsense("t", "yesterday"),
    "time before all": Nonsense("t", 0, "time_out_of_range"),
}


def position(dice: random.Random) -> Values:
    return {
        "lat": round(ROUTE[0] + dice.uniform(-0.2, 0.2), 6),
        "lon": round(ROUTE[1] + dice.uniform(-0.2, 0.2), 6),
        "spd": round(dice.uniform(0, 25), 2),
        "hdg": dice.randrange(360),
        "odo": round(dice.uniform(1e5, 9e5), 1),
        "ign": dice.random() < 0.5,
    }


def temperature(dice: random.Random) -> Values:
    return {"c": round(dice.uniform(-25, 12), 3), "probe": dice.choice(("front", "rear")), "rh": dice.randrange(100)}


def tag(dice: random.Random) -> Values:
    return {"epc": f"{dice.randrange(16**4):024X}", "ant": dice.randint(1, 4), "rssi": -dice.randint(30, 80)}


def shelf(dice: random.Random) -> Values:
    return {"slot": f"A-{dice.randint(1, 4)}", "kg": round(dice.uniform(0, 400), 3), "count": dice.randrange(50)}


def door(dice: random.Random) -> Values:
    return {"door": "rear", "open": dice.random() < 0.5}


def status(dice: random.Random) -> Values:
    return {"batt": round(dice.random(), 3), "reefer": dice.choice(("cool", "idle")), "setpoint_c": 4.0}


def attribute(dice: random.Random) -> Values:
    return {"key": "oil_pressure", "num": dice.uniform(0, 1e6), "txt": dice.choice(("ok", "low", "høy"))}


MAKERS: dict[str, Callable[[random.Random], Values]] = {
    "gps": position,
    "temp": temperature,
    "rfid": tag,
    "shelf": shelf,
    "door": door,
    "status": status,
    "attr": attribute,
}


def single(boot: str, seq: int, values: Values, encoding: str) -> bytes:
    """One reading as an object; what is not known is left out."""
    known = {key: value for key, value in values.items() if value is not None}
    return ENCODERS[encoding]({"boot": boot, "seq": seq, **known})


def batch(boot: str, seqs: Sequence[int], values: Sequence[Values], encoding: str) -> bytes:
    """Readings of one stream as equally long arrays; consecutive numbers are told by their first."""
    consecutive = all(b == a + 1 for a, b in pairwise(seqs))
    columns = {key: [each[key] for each in values] for key in values[0]}
    return ENCODERS[encoding]({"boot": boot, "seq": seqs[0] if consecutive else list(seqs), **columns})


def mangled(payload: bytes, encoding: str, dice: random.Random) -> bytes:
    """A message damaged on its way, so that none of it can be read: cut short, or JSON that says NaN."""
    if encoding == "" and dice.random() < 0.3:
        return payload[:-1] + b',"x":NaN}'
    return payload[: dice.randrange(len(payload))]
