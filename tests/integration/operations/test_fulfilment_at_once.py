"""Many people at the same orders, each over a connection of their own: one wins, the others are told."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier
from typing import Any

import pytest

from domain.deliveries.proof import Said
from domain.refusal import CannotError
from domain.stock.moves import Place
from operations.allocation.record import allocate
from operations.loading.record import LoadTold, load, unload
from operations.orders.decide import StepTold
from operations.orders.record import LineTold, OrderTold, add_order, cancel
from operations.proofs.record import Key, ProofTold, correct_proof, prove
from operations.shipment_orders.record import carry
from operations.stock.decide import Told as MoveTold
from operations.stock.record import record
from operations.unit_of_work import Script
from store.db import queries
from tests.integration.operations.fulfilment import BINS, EVERYBODY, STAGE, Floor, N, check

TRUCK = Place("vehicle", vehicle="truck-01")
ORDERS = [f"SO-{n}" for n in range(4)]
SKUS = ("MILK", "NUTS")


@pytest.fixture(scope="module")
def floor(kept_database: str) -> Iterator[Floor]:
    with closing(Floor(kept_database)) as found:
        found.connection.autocommit = True
        yield found


def tried(floor: Floor, script: Script[Any]) -> Any:
    """What came of it; None: somebody else was quicker, and that was said."""
    try:
        return floor.do(script)
    except CannotError as error:
        assert error.conflict or error.missing, error  # noqa: PT017 - the others are faults of this test
        return None


def step(
    now_us: int, order: str, line: int, kind: str, many: int, *ends: Place | None, unit: str = "", **more: Any
) -> StepTold:
    lot = "M-1" if line == 1 else ""
    name = f"{order}-{line}-{kind}-{unit}-{more.pop('by', '')}"
    return StepTold(name, line, kind, N(many), "", more.pop("at", now_us), lot, *ends, unit)


def scripts(own: Floor, who: str, now_us: int) -> list[Script[Any]]:
    found: list[Script[Any]] = []
    for n, order in enumerate(ORDERS):
        unit = f"U-{order}"
        found.append(load("S-1", LoadTold(f"l-{who}-{n}", scanned=(unit,)), now_us + 3000, who, EVERYBODY))
        found.append(unload("S-1", unit, f"off-{who}-{n}", "why", now_us + 4000, who, EVERYBODY))
        found.append(load("S-1", LoadTold(f"l2-{who}-{n}", scanned=(unit,)), now_us + 5000, who, EVERYBODY))
        late = step(now_us, order, 2, "deliver", 1, TRUCK, None, unit=unit, by=who, at=now_us + 6000)
        found.append(own.told(order, [late]))
        back = MoveTold(f"m-{who}-{n}", "receive", SKUS[n % 2], N(1), "", now_us, "", None, TRUCK)
        found.append(record([back], now_us, who))
        found.append(cancel(order, "why", now_us, who, EVERYBODY))
    for n in range(3):
        mixed = tuple(Said(order, line, N(1), handling_unit=f"U-{order}", lot="M-1" if line == 1 else "")
                      for order in ORDERS[:: 1 if n % 2 else -1] for line in (2, 1))  # fmt: skip
        found.append(proved(who, n, now_us, mixed))
    return found


def proved(who: str, n: int, now_us: int, said: tuple[Said, ...]) -> Script[None]:
    told = ProofTold(Key("phone", who, n), now_us + 7000, said)
    kept = yield from prove("S-1", "S-1-2", told, bytes(32), now_us + 8000, who)
    if n:
        yield from correct_proof(kept.id, 1, told, "recounted", now_us + 8000, who)


def test_of_two_at_the_same_order_one_wins_and_nobody_waits_for_ever(floor: Floor, kept_database: str) -> None:
    now_us = floor.now_us
    stock = [MoveTold(f"in-{sku}", "receive", sku, N(200), "", now_us, "", None, BINS[0]) for sku in SKUS]
    floor.world.run("update lot set best_before = null")
    floor.do(
        record([MoveTold("in-lot", "receive", "MILK", N(200), "", now_us, "M-1", None, BINS[0]), *stock], now_us, "x")
    )
    for name in ORDERS:
        lines = tuple(LineTold(sku, N(8)) for sku in SKUS)
        floor.do(add_order(OrderTold(name, "ward", "dc-1", lines), now_us, "ann"))
    floor.do(carry("S-1", dict.fromkeys(ORDERS, 2), "ann"), queries("shipment_orders"))

    def both(what: Callable[[Floor, str], Script[Any]]) -> list[Any]:
        """Two do the same at the same moment."""
        gate = Barrier(2)

        def one(who: str) -> Any:
            with closing(Floor.beside(kept_database, floor)) as own:
                script = what(own, who)
                gate.wait()
                return tried(own, script)

        with ThreadPoolExecutor(2) as pool:
            return [each.result() for each in [pool.submit(one, who) for who in ("ann", "bob")]]

    for order in ORDERS:
        assert len([done for done in both(lambda own, who, o=order: allocate(o, now_us, who, EVERYBODY)) if done]) == 2  # type: ignore[misc]
        done = both(
            lambda own, who, o=order: own.told(  # type: ignore[misc]
                o,
                [
                    step(now_us, o, line, "pick", n, BINS[0], STAGE, by=who, at=now_us + 1000)
                    for line, n in ((1, 8), (2, 8))
                ],
            )
        )
        assert [bool(each) for each in done].count(True) == 1, "two have picked the same"
        packs = [
            step(now_us, order, line, "pack", 8, STAGE, None, unit=f"U-{order}", at=now_us + 2000) for line in (1, 2)
        ]
        floor.do(floor.told(order, packs))
    check(floor)

    # Everybody at once: the same goods loaded, taken off, delivered by proofs of several orders and by hand, corrected.
    def person(who: str) -> int:
        with closing(Floor.beside(kept_database, floor)) as own:
            mine = scripts(own, who, now_us)
            random.Random(who).shuffle(mine)
            return sum(tried(own, script) is not None for script in mine)

    with ThreadPoolExecutor(4) as pool:
        done = [each.result() for each in [pool.submit(person, f"p{n}") for n in range(4)]]
    assert all(done)
    check(floor)
