"""A dock with doors side by side: pallets with SSCC tags are staged, carried through portals onto trucks, some wrongly.

Reads are as unreliable as real ones: a tag answers each interrogation by its own rate, the portal next door and both
portals hear what stands in the staging zone, weakly and sometimes loudly; rarely a bit is wrong. What truly happened
stands beside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, NamedTuple

import numpy as np

from firmware_sim.faults import rng_for

Planted = Literal["", "wrong_truck", "foreign", "left_behind", "brought_back"]
RESPONSE_P = (0.60, 0.95)
MISREAD_P = 0.002
EPOCH_MS = 400
PASS_EPOCHS = 8  # a pallet is in the field of a gate for about 3 s
ROUND_MS = 10_000  # of the reader over the staging zone
LEAK_P = 0.08  # per interrogation, of what passes the gate next door
CROSS_READ_P = 0.02  # per round and antenna, of what stands in the staging zone
INSIDE_DBM, OUTSIDE_DBM, STAGED_DBM = -50.0, -66.0, -56.0
GAP_S = (45.0, 120.0)  # between two pallets of a truck
LOOK_S = 180  # from the last pallet until somebody takes off again what does not belong
_PARTITION = {12: (0, 40), 11: (1, 37), 10: (2, 34), 9: (3, 30), 8: (4, 27), 7: (5, 24), 6: (6, 20)}
# GS1 Tag Data Standard: partition value and bits of the company prefix by its number of digits


@cache
def sscc96(sscc: str, prefix_digits: int = 7, filter_value: int = 2) -> str:
    """EPC of a logistic unit as 24 hexadecimal digits.

    >>> sscc96("106141412345678908", filter_value=3)
    '3174257BF4499602D2000000'

    Raises:
        ValueError: a field does not fit.
    """
    if len(sscc) != 18 or not sscc.isdigit() or prefix_digits not in _PARTITION:
        raise ValueError(f"not an SSCC-96: {sscc!r}, prefix of {prefix_digits} digits")
    partition, prefix_bits = _PARTITION[prefix_digits]
    prefix, serial = int(sscc[1 : 1 + prefix_digits]), int(sscc[0] + sscc[1 + prefix_digits : 17])
    value = 0x31
    for number, bits in ((filter_value, 3), (partition, 3), (prefix, prefix_bits), (serial, 58 - prefix_bits), (0, 24)):
        value = (value << bits) | number
    return f"{value:024X}"


def sscc_of(number: int, prefix: str = "0614141") -> str:
    """An SSCC of a serial number, with its check digit."""
    body = f"1{prefix}{number:0{16 - len(prefix)}d}"
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(body))
    return f"{body}{-total % 10}"


@dataclass(frozen=True, slots=True)
class Pallet:
    """A unit, which truck it is for (-1: none of them), its drop, and what is done wrong with it."""

    sscc: str
    truck: int
    drop: int
    response_p: float
    planted: Planted = ""


class Heard(NamedTuple):
    """A read as a reader tells it; `zone`: door-1, door-2, ... or staging. `epc` is 24 hexadecimal digits."""

    t_ms: int
    zone: str
    antenna: int
    epc: str
    rssi_dbm: float


class Stood(NamedTuple):
    """Truck n stood at a door."""

    truck: int
    door: str
    began_ms: int
    ended_ms: int


@dataclass(slots=True)
class Day:
    """What happened at the dock and what was heard of it."""

    pallets: list[Pallet] = field(default_factory=list)
    stood: list[Stood] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    loaded: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By SSCC: on which truck it left, and when it went through the gate."""
    taken_off: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By SSCC: off which truck it was taken because it did not belong, and when."""


def day(
    seed: int, start_ms: int, trucks: int = 2, pallets: tuple[int, int] = (6, 12), planted: int = 1, *,
    put_right: bool = False,
) -> Day:  # fmt: skip
    """Trucks side by side, loaded at about the same time; of each sort of wrong load `planted` pallets a truck.

    `start_ms` in Unix milliseconds. `put_right`: what does not belong is carried back before the truck leaves. The same
    seed is the same day.
    """
    rng = rng_for(seed, "dock")
    found = Day()
    found.pallets = _pallets(rng, seed, trucks, pallets, planted)
    ends = [start_ms]
    passes: list[tuple[int, Pallet, int, bool]] = []
    for truck in range(trucks):
        began = start_ms + round(float(rng.uniform(0, 300)) * 1000)
        t = began + 120_000
        for pallet in _in_order(found.pallets, truck, trucks):
            passes.append((t, pallet, truck, True))
            if pallet.planted == "brought_back":
                passes.append((t + 40_000, pallet, truck, False))
            else:
                found.loaded[pallet.sscc] = (truck, t)
            t += round(float(rng.uniform(*GAP_S)) * 1000)
        aboard = [p for p in found.pallets if found.loaded.get(p.sscc, (-1,))[0] == truck]
        wrong = [p for p in aboard if put_right and p.truck != truck]
        t += LOOK_S * 1000 if wrong else 0
        for pallet in wrong:
            t += round(float(rng.uniform(*GAP_S)) * 1000)
            passes.append((t, pallet, truck, False))
            found.taken_off[pallet.sscc] = truck, t
            del found.loaded[pallet.sscc]
        ended = t + round(float(rng.uniform(120, 400)) * 1000)
        found.stood.append(Stood(truck, _door(truck), began, ended))
        ends.append(ended)
    for t_ms, pallet, truck, outwards in passes:
        found.heard += _passing(rng, pallet, truck, trucks, t_ms, outwards=outwards)
    found.heard += _staged(rng, found, passes, trucks, start_ms, max(ends) + 900_000)
    found.heard.sort()
    return found


def _door(truck: int) -> str:
    return f"door-{truck + 1}"


def _pallets(rng: np.random.Generator, seed: int, trucks: int, pallets: tuple[int, int], planted: int) -> list[Pallet]:
    found: list[Pallet] = []

    def one(truck: int, drop: int, wrong: Planted = "") -> None:
        sscc = sscc_of(seed % 10_000_000 * 100 + len(found))
        found.append(Pallet(sscc, truck, drop, float(rng.uniform(*RESPONSE_P)), wrong))

    for truck in range(trucks):
        for _ in range(int(rng.integers(*pallets))):
            one(truck, int(rng.integers(1, 4)))
        for _ in range(planted):
            one(truck, int(rng.integers(1, 4)), "left_behind")
            one(truck, int(rng.integers(1, 4)), "brought_back")
            one((truck + 1) % trucks if trucks > 1 else -1, 1, "wrong_truck")
            one(-1, 0, "foreign")
    for _ in range(4):
        one(-1, 0, "left_behind")  # of nobody, and staged all along
    return found


def _in_order(pallets: list[Pallet], truck: int, trucks: int) -> list[Pallet]:
    """What is carried onto a truck: the last drop first, what is wrong in between."""
    its = [p for p in pallets if p.truck == truck and p.planted in ("", "brought_back")]
    right = sorted(its, key=lambda p: -p.drop)
    owner = (truck + 1) % trucks if trucks > 1 else -1
    wrong = [p for p in pallets if p.planted == "wrong_truck" and p.truck == owner]
    strange = [p for p in pallets if p.planted == "foreign"][truck::trucks]
    for n, pallet in enumerate(wrong + strange):
        right.insert(2 + 2 * n, pallet)
    return right


def _passing(
    rng: np.random.Generator, pallet: Pallet, truck: int, trucks: int, t_ms: int, *, outwards: bool
) -> Iterator[Heard]:
    """Through the gate: the inner antenna (1) first on the way out; the doors beside hear some of it."""
    for epoch in range(PASS_EPOCHS):
        for antenna in (1, 2):
            centre = 2.5 if (antenna == 1) == outwards else 5.5
            away = abs(epoch + 0.5 - centre)
            t = t_ms + epoch * EPOCH_MS + antenna * 100
            if away <= 3.2 and rng.random() < pallet.response_p:
                rssi = INSIDE_DBM - 2.0 * away + float(rng.normal(0, 3))
                yield _read(rng, t, _door(truck), antenna, pallet.sscc, rssi)
            for beside in {truck - 1, truck + 1} & set(range(trucks)):
                if rng.random() < LEAK_P * pallet.response_p:
                    yield _read(rng, t + 7, _door(beside), antenna, pallet.sscc, _stranger(rng))


def _staged(
    rng: np.random.Generator, found: Day, passes: list[tuple[int, Pallet, int, bool]], trucks: int,
    start_ms: int, end_ms: int,
) -> Iterator[Heard]:  # fmt: skip
    """What stands in the staging zone: its reader hears it, the gates do now and then."""
    goes = {pallet.sscc: t for t, pallet, _, outwards in reversed(passes) if outwards}
    comes = {pallet.sscc: t for t, pallet, _, outwards in passes if not outwards}
    for t in range(start_ms, end_ms, ROUND_MS):
        for n, pallet in enumerate(found.pallets):
            if goes.get(pallet.sscc, end_ms) <= t < comes.get(pallet.sscc, end_ms) + PASS_EPOCHS * EPOCH_MS:
                continue
            if rng.random() < pallet.response_p:
                yield _read(rng, t + 20 * n, "staging", 1, pallet.sscc, STAGED_DBM + float(rng.normal(0, 4)))
            for truck in range(trucks):
                for antenna in (1, 2):
                    if rng.random() < CROSS_READ_P:
                        yield _read(rng, t + 20 * n + 3, _door(truck), antenna, pallet.sscc, _stranger(rng))


def _stranger(rng: np.random.Generator) -> float:
    """Weak; one in thirty is reflected and as loud as what passes."""
    return float(rng.normal(INSIDE_DBM - 4 if rng.random() < 1 / 30 else OUTSIDE_DBM, 5))


def _read(rng: np.random.Generator, t_ms: int, zone: str, antenna: int, sscc: str, rssi: float) -> Heard:
    epc = sscc96(sscc)
    if rng.random() < MISREAD_P:
        epc = f"{int(epc, 16) ^ (1 << (24 + int(rng.integers(30)))):024X}"
    return Heard(t_ms, zone, antenna, epc, round(rssi, 1))
