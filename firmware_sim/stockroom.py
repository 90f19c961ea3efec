"""Goods that are counted: tags read at a dock portal and in a cold room, and shelves that weigh what is left.

Reads are as unreliable as real ones. In each epoch a tag in the field answers with its own probability of 60 to 95 %
per antenna; a tag behind the wall answers sometimes, weakly (a cross read); rarely a code arrives with a flipped bit
(a misread). At the portal, goods on their way out pass antenna 1 before antenna 2, goods coming in the other way.
"""

from __future__ import annotations

import heapq
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np

from firmware_sim.drive import Itinerary
from firmware_sim.events import Event, Item, Made
from firmware_sim.faults import rng_for
from firmware_sim.model import Device, Slot, World

RESPONSE_P = (0.60, 0.95)
CROSS_READ_P = 0.02  # per epoch, of a tag behind the wall
MISREAD_P = 0.002
EPOCH_MS = 400
PASS_EPOCHS = 8  # a case is in the field of the portal for about 3 s
PASS_MS = EPOCH_MS * PASS_EPOCHS
IDLE_ROUND_MS = 1_000  # a round of cross reads is over after so long
CASES_PER_VISIT = (6, 13)
TAGS_PER_SKU = 9
RESUPPLY_AFTER_MS = 45_000
SCALE_NOISE_KG = 0.004
REFILL_AT = 2  # items left
REFILL_DELAY_S = (15.0, 35.0)

# GS1 Tag Data Standard, SGTIN-96: partition value and bits of the company prefix by its number of digits.
_PARTITION = {12: (0, 40), 11: (1, 37), 10: (2, 34), 9: (3, 30), 8: (4, 27), 7: (5, 24), 6: (6, 20)}


def sgtin96(gtin14: str, prefix_digits: int, serial: int, filter_value: int = 1) -> str:
    """EPC of a trade item as 24 hexadecimal digits.

    >>> sgtin96("80614141123458", 7, 6789, filter_value=3)
    '3074257BF7194E4000001A85'

    Raises:
        ValueError: a field does not fit.
    """
    if len(gtin14) != 14 or not gtin14.isdigit() or prefix_digits not in _PARTITION or not 0 <= serial < 1 << 38:
        raise ValueError(f"not an SGTIN-96: GTIN {gtin14!r}, prefix of {prefix_digits} digits, serial {serial}")
    partition, prefix_bits = _PARTITION[prefix_digits]
    prefix = int(gtin14[1 : 1 + prefix_digits])
    item = int(gtin14[0] + gtin14[1 + prefix_digits : 13])
    value = 0x30
    fields = ((filter_value, 3), (partition, 3), (prefix, prefix_bits), (item, 44 - prefix_bits), (serial, 38))
    for field, bits in fields:
        value = (value << bits) | field
    return f"{value:024X}"


@dataclass(slots=True)
class Tag:
    """A tag on a case of goods, and how readily it answers."""

    epc: str
    sku: str
    response_p: float


class Warehouse:
    """The distribution centre's cold room and what passes its dock: shared by both readers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.rng = rng_for(world.seed, "warehouse")
        self._serial = 1_000_000 + world.seed % 1000 * 100_000
        self.cold: list[Tag] = []
        for product in world.products:
            self.cold += self.commission(product.sku, TAGS_PER_SKU)

    def commission(self, sku: str, n: int) -> list[Tag]:
        """`n` new tagged cases."""
        gtin = self._world.product(sku).gtin
        tags = []
        for _ in range(n):
            self._serial += 1
            tags.append(Tag(sgtin96(gtin, 7, self._serial), sku, float(self.rng.uniform(*RESPONSE_P))))
        return tags

    def pick(self) -> list[Tag]:
        """Cases that leave with a truck; taken out of the cold room."""
        n = min(int(self.rng.integers(*CASES_PER_VISIT)), len(self.cold))
        chosen = set(self.rng.choice(len(self.cold), n, replace=False).tolist())
        taken = [tag for i, tag in enumerate(self.cold) if i in chosen]
        self.cold = [tag for i, tag in enumerate(self.cold) if i not in chosen]
        return taken


def portal(
    device: Device, warehouse: Warehouse, trucks: list[Itinerary], world: World, start_ms: int
) -> Iterator[Item]:
    """Reads of the dock portal: bursts while trucks load, and now and then a cross read. For ever."""
    rng = rng_for(world.seed, f"portal/{device.id}")
    free_ms = start_ms + 5_000  # nothing that follows may be earlier
    for begin_ms, end_ms, vehicle in heapq.merge(*(_visits(truck, device.site or "") for truck in trucks)):
        while free_ms + IDLE_ROUND_MS < begin_ms:
            yield from _cross_reads(device, warehouse, rng, free_ms)
            free_ms += round(device.interval_s * 1000)
        window = (max(begin_ms, free_ms), max(end_ms, free_ms))
        free_ms = yield from _loading(device, warehouse, rng, window, vehicle)


def _visits(truck: Itinerary, site: str) -> Iterator[tuple[int, int, str]]:
    """When the truck stands at the site with its door open, in time order."""
    for stop in truck.stops():
        if stop.site == site:
            yield stop.door_open_ms, stop.door_shut_ms, truck.vehicle.id


def _loading(
    device: Device, warehouse: Warehouse, rng: np.random.Generator, window: tuple[int, int], vehicle: str
) -> Generator[Item, None, int]:
    """Cases carried out to the truck; then a supplier brings as many in, read the other way round.

    Returns the time at which the portal is free again. One case passes at a time.
    """
    begin_ms, end_ms = window
    out = warehouse.pick()
    gap_ms = max(PASS_MS, (end_ms - begin_ms) // max(1, len(out)))
    for n, tag in enumerate(out):
        t_ms = begin_ms + n * gap_ms
        yield from _passing(device, tag, t_ms, rng, outwards=True)
        yield _moved(t_ms, tag, "cold-room", vehicle)
    t_ms = begin_ms + len(out) * gap_ms + RESUPPLY_AFTER_MS
    for old in out:
        (new,) = warehouse.commission(old.sku, 1)
        yield from _passing(device, new, t_ms, rng, outwards=False)
        yield _moved(t_ms, new, "supplier", "cold-room")
        warehouse.cold.append(new)
        t_ms += PASS_MS
    return t_ms


def _moved(t_ms: int, tag: Tag, origin: str, goal: str) -> Event:
    return Event(t_ms + PASS_MS - 1, "tag_moved", tag.epc, {"sku": tag.sku, "from": origin, "to": goal})


def _passing(device: Device, tag: Tag, t_ms: int, rng: np.random.Generator, *, outwards: bool) -> Iterator[Made]:
    """One case through the portal: strongest in the middle, the inner antenna first on the way out."""
    draws = rng.random((PASS_EPOCHS, device.antennas, 3))
    for epoch in range(PASS_EPOCHS):
        for ant in range(device.antennas):
            place = ant if outwards else device.antennas - 1 - ant
            centre = (place + 0.5) / device.antennas * PASS_EPOCHS
            away = abs(epoch + 0.5 - centre)
            answers, jitter, error = draws[epoch, ant].tolist()
            if away > PASS_EPOCHS * 0.4 or answers > tag.response_p:
                continue
            when = t_ms + epoch * EPOCH_MS + ant * (EPOCH_MS // device.antennas)
            rssi = -48.0 - 4.0 * away + 4.0 * (jitter - 0.5)
            epc = _flip(tag.epc, jitter) if error < MISREAD_P else tag.epc
            yield _read(device, when, ant + 1, epc, rssi)


def _cross_reads(device: Device, warehouse: Warehouse, rng: np.random.Generator, t_ms: int) -> Iterator[Made]:
    for i, draw in enumerate(rng.random(len(warehouse.cold)).tolist()):
        if draw < CROSS_READ_P:
            yield _read(device, t_ms + i % IDLE_ROUND_MS, 1, warehouse.cold[i].epc, -72.0 + 100 * draw)


def _read(device: Device, t_ms: int, antenna: int, epc: str, rssi: float) -> Made:
    reading = {"t": t_ms, "ant": antenna, "epc": epc, "rssi": round(rssi, 1)}
    return Made(t_ms, device.id, "rfid", reading)


def _flip(epc: str, draw: float) -> str:
    """The code with one bit of its serial number wrong."""
    return f"{int(epc, 16) ^ (1 << int(draw * 38)):024X}"


def room_reader(device: Device, warehouse: Warehouse, world: World, start_ms: int) -> Iterator[Item]:
    """A reader over a cold room: every `interval_s` one round over the antennas. For ever."""
    rng = rng_for(world.seed, f"reader/{device.id}")
    round_ms = round(device.interval_s * 1000)
    t_ms = start_ms + 2_000
    while True:
        tags = list(warehouse.cold)
        draws = rng.random((len(tags), 2)).tolist()
        for i, (tag, (answers, jitter)) in enumerate(zip(tags, draws, strict=True)):
            if answers <= tag.response_p:
                antenna = 1 + int(tag.epc[-2:], 16) % device.antennas
                yield _read(device, t_ms + i * 20, antenna, tag.epc, -58.0 + 6.0 * (jitter - 0.5))
        t_ms += round_ms


class ScaleSlot:
    """What truly lies on one slot, and when that changes next."""

    def __init__(self, slot: Slot, unit_kg: float, rng: np.random.Generator, start_ms: int) -> None:
        self.slot, self.unit_kg, self._rng = slot, unit_kg, rng
        self.count = slot.start_count
        self._refilling = False
        self.next_ms = start_ms
        self._plan(start_ms)

    def _plan(self, t_ms: int) -> None:
        self._refilling = self.count <= REFILL_AT
        low, high = REFILL_DELAY_S if self._refilling else (self.slot.take_s_min, self.slot.take_s_max)
        self.next_ms = t_ms + round(float(self._rng.uniform(low, high)) * 1000)

    def change(self) -> str:
        """The change that is due: an item is taken, or the slot is filled up. Says which."""
        what = "refilled" if self._refilling else "taken"
        self.count = self.slot.capacity if self._refilling else self.count - 1
        self._plan(self.next_ms)
        return what


def shelf(device: Device, world: World, start_ms: int) -> Iterator[Item]:
    """Masses on the slots of a weighing shelf every `interval_s`, and the true counts. For ever."""
    rng = rng_for(world.seed, f"shelf/{device.id}")
    slots = [ScaleSlot(s, world.product(s.sku).unit_mass_kg, rng, start_ms) for s in device.slots]
    t_ms = start_ms + 1_000
    for slot in slots:
        yield Event(start_ms, "shelf_count", device.id, _count(slot, "start"))
    while True:
        for slot in sorted((s for s in slots if s.next_ms <= t_ms), key=lambda s: s.next_ms):
            while slot.next_ms <= t_ms:
                what = slot.change()
                yield Event(t_ms, "shelf_count", device.id, _count(slot, what))
        for slot, noise in zip(slots, rng.normal(0, SCALE_NOISE_KG, len(slots)).tolist(), strict=True):
            mass_kg = round(max(0.0, slot.count * slot.unit_kg + noise), 3)
            yield Made(t_ms, device.id, "shelf", {"t": t_ms, "slot": slot.slot.slot, "kg": mass_kg})
        t_ms += round(device.interval_s * 1000)


def _count(slot: ScaleSlot, what: str) -> dict[str, object]:
    return {"slot": slot.slot.slot, "sku": slot.slot.sku, "count": slot.count, "what": what}
