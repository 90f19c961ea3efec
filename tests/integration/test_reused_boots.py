"""Counters are reset and names of boots used again: nothing is receipted that is not stored, whatever else happens."""

from __future__ import annotations

import itertools
import random
from contextlib import closing

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.identity import digests
from domain.readings import Flag
from ingest.marks import Arrived, Boot, Mark, judge
from ingest.receipts import PAGE, ReceiptBook, Seen
from store.link import Link
from tests.examples import examples
from tests.integration.fleet import T0, Fleet

Reading = tuple[int, int]
"""Number, and what it says."""


class Device:
    """One that numbers its readings, keeps them until a receipt, and forgets its counter and all it had at a reset."""

    def __init__(self, boot: int, device: int) -> None:
        self.boot, self.device = boot, device
        self.kept: dict[int, int] = {}
        self.fresh = itertools.count(1)
        self.number = 0
        self.sent: list[Reading] = []

    def make(self, n: int) -> None:
        for _ in range(n):
            self.number += 1
            self.kept[self.number] = next(self.fresh)

    def reset(self) -> None:
        self.number, self.kept, self.sent = 0, {}, []

    def receipt(self, number: int, durable: set[tuple[int, int, int]]) -> None:
        for n in [n for n in self.kept if n <= number]:
            assert (self.device, n, self.kept[n]) in durable, f"{n} is receipted and not stored"
            del self.kept[n]


class World:
    """Workers with one table, and devices that may share the name of their boot."""

    def __init__(self, dsn: str, *, clocked: bool) -> None:
        self.fleet, self.clocked = Fleet(dsn), clocked
        self.devices = [
            Device(self.fleet.label("boot", i, "b1"), i) for i in map(self.fleet.ids.get, ("gps", "reefer"))
        ]
        self.links = [Link(dsn, "test book") for _ in range(2)]
        self.durable: set[tuple[int, int, int]] = set()
        self.now_us = T0
        self.books = [self.book(at) for at in range(2)]

    def book(self, at: int) -> ReceiptBook:
        return ReceiptBook(self.links[at], shared=True)

    def seen(self, device: Device, readings: list[Reading]) -> Seen:
        name = "gps" if device is self.devices[0] else "reefer"
        numbers, values = (np.array(column, np.int64) for column in zip(*readings, strict=True))
        self.now_us += len(readings)
        batch = self.fleet.batch(
            "attr", name, values if self.clocked else numbers * 0, seq=numbers, boot=device.boot, name_id=1,
            value=values.astype(float), flags=0 if self.clocked else int(Flag.SERVER_TIME),
        )  # fmt: skip
        received_us = self.now_us + np.arange(len(numbers))
        clocked = np.full(len(numbers), self.clocked)
        return Seen(batch.device_id, batch.boot_id, batch.seq, digests(batch), clocked, received_us)

    def deliver(self, worker: int, device: Device, readings: list[Reading]) -> None:
        self.durable |= {(device.device, *reading) for reading in readings}
        self.books[worker].durable(self.seen(device, readings))

    def receipts(self, worker: int, *, lost: bool) -> None:
        of = {device.device: device for device in self.devices}
        for device_id, boot, number in self.books[worker].store():
            assert boot == "b1"
            if not lost:
                of[device_id].receipt(number, self.durable)

    def close(self) -> None:
        for link in self.links:
            link.close()

    # ------------------------------------------------------------ what may happen
    def step(self, what: str, number: int) -> None:
        """One of the methods below, with dice of its own."""
        getattr(self, what)(self.devices[number % 2], number // 2 % 2, random.Random(number))

    def make(self, device: Device, worker: int, dice: random.Random) -> None:
        """The first of a boot comes first: whether a boot has begun anew is seen by a number that we have."""
        if not device.number:
            device.make(1)
            self.deliver(worker, device, list(device.kept.items()))
        device.make(dice.randint(1, 2 * PAGE))

    def send(self, device: Device, worker: int, dice: random.Random) -> None:
        """What is kept, in any order; often only some of it arrives."""
        if readings := list(device.kept.items()):
            readings = dice.sample(readings, dice.choice((len(readings), dice.randint(1, len(readings)))))
            self.deliver(worker, device, readings)
            device.sent += readings

    def again(self, device: Device, worker: int, dice: random.Random) -> None:
        """Messages that come a second time, also those that are receipted."""
        if device.sent:
            self.deliver(worker, device, dice.sample(device.sent, dice.randint(1, len(device.sent))))

    def reset(self, device: Device, worker: int, dice: random.Random) -> None:
        """No receipt is under way then, and the first of the new readings comes first."""
        for at in range(2):
            self.receipts(at, lost=False)
        device.reset()
        device.make(1)
        self.deliver(worker, device, list(device.kept.items()))
        device.make(dice.randint(0, 2 * PAGE))
        self.send(device, worker, dice)
        self.receipts(worker, lost=False)

    def tell(self, device: Device, worker: int, dice: random.Random) -> None:
        self.receipts(worker, lost=False)

    def lose(self, device: Device, worker: int, dice: random.Random) -> None:
        self.receipts(worker, lost=True)

    def die(self, device: Device, worker: int, dice: random.Random) -> None:
        self.books[worker] = self.book(worker)


WHAT = ("make", "make", "send", "send", "again", "reset", "tell", "lose", "die")


@pytest.mark.parametrize("clocked", [True, False], ids=["clocked", "without a clock"])
@given(st.lists(st.tuples(st.sampled_from(WHAT), st.integers(0, 10**6)), max_size=40))
@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_is_receipted_that_is_not_stored_over_resets_repeats_losses_restarts_and_two_workers(
    database: str, clocked: bool, steps: list[tuple[str, int]]
) -> None:
    with closing(World(database, clocked=clocked)) as world:
        world.links[0].connection.execute("truncate receipt, receipt_said")
        for what, number in steps:
            world.step(what, number)
        for device in world.devices:  # in the end everything has its receipt
            for worker in (0, 1, 0):
                if device.kept:
                    world.deliver(worker, device, list(device.kept.items()))
                world.receipts(worker, lost=False)
            assert not device.kept


def arrived(*readings: Reading, at_us: int = 10, clocked: bool = True) -> Arrived:
    numbers, says = (np.array(column, np.int64) for column in zip(*readings, strict=True))
    return Arrived(numbers, says, np.full(len(numbers), clocked), np.full(len(numbers), at_us))


def told(boot: Boot, known: dict[int, int], *groups: Arrived) -> Boot:
    for some in groups:
        boot = judge(boot, known, some)
    return boot


HUNDRED = arrived(*((n, 1000 + n) for n in range(1, 101)))
ANEW = arrived(*((n, 2000 + n) for n in range(4, 150)), (150, 5))
NEW = arrived((1, 5), (2, 6))
KINDS = {
    "a repeat": ([arrived((3, 1003))], 100),
    "all once more": ([HUNDRED, HUNDRED], 100),
    "a reset": ([arrived((1, 5))], 1),
    "a reset that begins at 0": ([arrived((0, 5)), arrived((1, 6))], 1),
    "a reset, and its second comes late": ([arrived((1, 5)), arrived((3, 7)), arrived((2, 6))], 3),
    "a counter that goes back": ([arrived((51, 5), (52, 6))], -1),
    "a reset whose later readings come before its first": (
        [arrived((150, 5), (3, 6)), arrived((1, 7), (2, 8)), ANEW],
        150,
    ),
    "two resets": ([arrived((1, 5), (2, 6)), arrived((1, 7))], 1),
    "two resets in one group": ([arrived((1, 5), (2, 6), (1, 7), (2, 8), (3, 9))], 3),
    "a straggler from before the reset": ([arrived((1, 5)), arrived((2, 1002)), arrived((2, 6))], 2),
    "a straggler from before the reset, and no more": ([arrived((1, 5)), arrived((2, 1002))], 1),
    "all of before once more after the reset": ([NEW, HUNDRED], 2),
    "all of before once more, and then what was new": ([NEW, HUNDRED, NEW, HUNDRED, NEW], 2),
    "all of before once more, and the new goes on": ([NEW, HUNDRED, arrived((3, 7), (4, 8))], 4),
    "what stood above a hole before, once more": (
        [arrived((102, 1102)), arrived((1, 5)), arrived((102, 1102)), arrived(*((n, n) for n in range(2, 102)))],
        101,
    ),
    "one that was on disk since before the reset": ([arrived((1, 5), at_us=20), arrived((2, 9), at_us=15)], 1),
    "a reset of one without a clock, that says the same": ([arrived((1, 1001), (2, 1002), clocked=False)], 100),
    "a reset of one without a clock": ([arrived((1, 5), (2, 1002), clocked=False)], 2),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_receipt_speaks_of_the_readings_the_device_has_now(kind: str) -> None:
    groups, contiguous = KINDS[kind]
    assert told(Boot(), {}, HUNDRED, *groups).mark.contiguous == contiguous


def test_numbers_from_before_anything_was_known_of_them_are_believed() -> None:
    boot = Boot(Mark(100), trusted=100)
    assert judge(boot, {}, arrived((3, 5))).mark == Mark(100)
    assert judge(boot, {}, arrived((101, 5))).mark == Mark(101)
    assert judge(Boot(Mark(100)), {}, arrived((3, 5))).mark.contiguous == -1


def test_two_devices_with_one_name_of_a_boot_are_two(database: str) -> None:
    world = World(database, clocked=True)
    one, two = world.devices
    one.make(100)
    two.make(3)
    world.deliver(0, one, list(one.kept.items()))
    world.deliver(0, two, list(two.kept.items())[1:])
    assert [(device, number) for device, _, number in world.books[0].store()] == [(one.device, 100)]
    world.deliver(0, two, list(two.kept.items())[:1])
    assert [(device, number) for device, _, number in world.books[0].store()] == [(two.device, 3)]
    world.close()


def test_a_book_that_could_not_store_judges_again_what_it_was_told(database: str) -> None:
    world = World(database, clocked=True)
    device = world.devices[0]
    device.make(3)
    world.deliver(0, device, list(device.kept.items()))
    with world.links[1].connection.transaction():
        world.links[1].connection.execute("drop table receipt_said")
        book = world.books[0]
        world.links[0].connection.execute("set lock_timeout = '50ms'")
        with pytest.raises(Exception, match="lock timeout"):
            book.store()
        assert book.pending == 1
        world.links[1].connection.execute("rollback; begin")
    assert [number for *_, number in book.store()] == [3]
    world.close()
