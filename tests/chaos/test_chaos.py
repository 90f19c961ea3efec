"""A fault run under load with a ledger oracle; short by default, long by `make chaos`.

`FROSTWAY_CHAOS_SEED` chooses what devices say and the order of the faults; `FROSTWAY_CHAOS_ROUNDS` how often each
fault strikes at least, `FROSTWAY_CHAOS_SECONDS` for how long rounds go on at least.
"""

from __future__ import annotations

import os
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from frostway.broker import find_mosquitto, mosquitto_hash, refresh_devices
from frostway.secrets import new_password
from store.registry import DeviceSpec, Registry
from tests.chaos.faults import FAULTS, FAULTS_IN_SHORT, broker_saves
from tests.chaos.fleet import Fleet
from tests.deadlines import deadline
from tests.oracle import judge, judge_told, set_aside, told_by
from tests.stack import Stack, settled, wait_for

SEED = int(os.environ.get("FROSTWAY_CHAOS_SEED", "7"))
ROUNDS = int(os.environ.get("FROSTWAY_CHAOS_ROUNDS", "1"))
SECONDS = float(os.environ.get("FROSTWAY_CHAOS_SECONDS", "0"))
DEVICES = 6
OTHERS = ("mute-0", "mute-1", "clocked-0", "clocked-1", "reuser-0", "reuser-1")  # see tests/chaos/quiet.py
HEAL_S = deadline(60.0)
LONG = ROUNDS > 1 or SECONDS > 0
PLAN = FAULTS if LONG else FAULTS_IN_SHORT

pytestmark = [
    pytest.mark.skipif(find_mosquitto() is None, reason="needs mosquitto: apt-get install mosquitto"),
    pytest.mark.timeout(1200 + 1200 * ROUNDS + 4 * SECONDS),
]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path, "--no-sim") as running:
        yield running


def registered(stack: Stack) -> Fleet:
    """A fleet whose devices the stack knows."""
    passwords = {f"unit-{n}": new_password() for n in range(DEVICES)}
    others = {name: new_password() for name in OTHERS}
    with psycopg.connect(stack.database_url) as connection:
        registry = Registry(connection)
        for number, (name, password) in enumerate((passwords | others).items()):
            registry.put_device(
                DeviceSpec(name, "gateway", vehicle=f"truck-{number}"), password_hash=mosquitto_hash(password)
            )
    assert refresh_devices(stack.data, stack.database_url)
    fleet = Fleet(stack.broker, passwords, SEED)
    fleet.join(stack.broker, others, SEED)
    return fleet


def recovered(fleet: Fleet, since_s: float, what: str) -> None:
    """Waits until each device was receipted for something it made after a moment."""
    wait_for(lambda: fleet.fresh(since_s), f"every device is receipted again after: {what}", HEAL_S)


def hushed(fleet: Fleet, stack: Stack) -> None:
    """The quiet devices say nothing, and everything that they have said is stored: the broker may be struck."""
    fleet.hush()

    def stored() -> bool:
        with psycopg.connect(stack.database_url) as connection:
            said = fleet.ledger.told.said.items()
            return all(len(told_by(connection, *of)) >= len(values) for of, values in said)

    wait_for(stored, "what the quiet devices have said is stored", HEAL_S)
    broker_saves(stack)  # killed, it would else bring again what it had queued when it last saved, unmarked


def ended_parts(stack: Stack) -> Counter[str]:
    """How often the supervisor saw each part end."""
    return Counter(re.findall(r"(\w+) ended \(", stack.stderr))


def test_no_fault_loses_doubles_invents_or_alters_a_reading(stack: Stack) -> None:
    fleet, dice = registered(stack), random.Random(SEED)
    done: Counter[str] = Counter()
    began_s = time.monotonic()
    with fleet.running():
        recovered(fleet, began_s, "the start")
        fleet.speak()
        while min(done[name] for name in PLAN) < ROUNDS or time.monotonic() < began_s + SECONDS:
            for name in dice.sample(list(PLAN), len(PLAN)):
                time.sleep(dice.uniform(0, 0.3))
                if "broker" in PLAN[name].ends:
                    hushed(fleet, stack)
                fault_s = time.monotonic()
                PLAN[name].run(stack, dice, dice.uniform(1, 4) if LONG else 1.0)
                mended_s = time.monotonic()
                recovered(fleet, mended_s, name)
                fleet.speak()
                done[name] += 1
                print(f"{name}: {mended_s - fault_s:.1f} s, receipts again after {time.monotonic() - mended_s:.1f} s")
        fleet.end()
        print(f"faults end after {time.monotonic() - began_s:.1f} s")
        wait_for(fleet.empty, "every reading has its receipt", HEAL_S)
        print(f"empty after {time.monotonic() - began_s:.1f} s")
    wait_for(lambda: settled(stack.database_url), "the tracker has processed the log", HEAL_S)

    ledger = fleet.ledger
    with psycopg.connect(stack.database_url) as connection:
        verdict = judge(ledger.truth, connection, ledger.poison, OTHERS)
        order = judge_told(ledger.told, connection)
        aside = set(set_aside(connection))
    print(verdict)
    print(f"without numbers, or with numbers used again: {order}")
    faults = ", ".join(f"{name} x{n}" for name, n in done.items())
    print(
        f"seed {SEED}, {ledger.messages} messages, {ledger.repeats} of them repeats, {len(ledger.poison)} readings of "
        f"nonsense, {sum(done.values())} faults: {faults}"
    )
    verdict.assert_clean()
    order.assert_clean()
    assert min(order.said, order.receipted, order.resets) > 0
    assert verdict.receipted == len(ledger.truth.readings), "every reading was receipted in the end"
    assert list(aside - ledger.causes()) == [], "set aside without a cause"
    assert ledger.cut_short <= {sent for sent, _ in aside}, "a message cut short is nowhere"
    expected = Counter(part for name, n in done.items() for part in PLAN[name].ends * n)
    assert ended_parts(stack) == expected, "a part ended without being killed"
