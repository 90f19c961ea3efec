"""What the broker brings again within a session is stored once, whatever the message says and wherever ingest dies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from ingest.deliveries import KEPT, Deliveries, delivered
from ingest.mqtt.codec import RawMessage
from store.db import queries

TOPIC = b"fw/v1/main/door-1/door"
WINDOW = 4


class Table:
    """The table `delivery`, for one client; also the link and its connection."""

    def __init__(self) -> None:
        self.rows: dict[int, tuple[list[int], list[int]]] = {}
        self.connection = self

    def execute(self, query: str, parameters: tuple[Any, ...], **_: object) -> Table:
        if query == queries("ingest")["put_delivery"]:
            self.rows.setdefault(parameters[1], (parameters[2], parameters[3]))
        elif query == queries("ingest")["trim_deliveries"]:
            self.rows = {at: row for at, row in self.rows.items() if at > parameters[1]}
        else:
            assert query == queries("ingest")["deliveries"]
        return self

    def fetchall(self) -> list[tuple[list[int], list[int]]]:
        return [self.rows[at] for at in sorted(self.rows)]


class BrokerAndIngest(RuleBasedStateMachine):
    """A broker with a window, an ingest that commits group by group and dies; the device says few different things."""

    groups = Bundle("groups")

    @initialize()
    def begin(self) -> None:
        self.table, self.now = Table(), 0
        self.said: list[bytes] = []
        self.stored: list[bytes] = []
        self.on_disk: list[list[RawMessage]] = []
        self.new_session()

    def new_session(self) -> None:
        """The broker has lost its disk: what it held is gone, for which nobody can answer."""
        self.queue: list[bytes] = []
        self.under_way: list[list[Any]] = []  # packet id, payload, sent before
        self.ids, self.epoch, self.session_epoch = 0, 0, 1
        self.start()

    def start(self) -> None:
        self.deliveries = Deliveries("ingest")
        self.deliveries.load(self.table, self.on_disk)  # type: ignore[arg-type]
        self.handed: list[tuple[int, list[RawMessage], Sequence[RawMessage], int]] = []
        self.epoch = 0
        self.connect()

    def connect(self) -> None:
        self.epoch += 1
        self.unacknowledged: list[list[RawMessage]] = []
        self.read = 0  # of those under way, in this connection

    @rule(what=st.sampled_from([b"open", b"shut"]), times=st.integers(1, 3))
    def say(self, what: bytes, times: int) -> None:
        self.said += [what] * times
        self.queue += [what] * times

    @rule(n=st.integers(1, 4))
    def receive(self, n: int) -> None:
        while self.queue and len(self.under_way) < WINDOW:
            self.ids = self.ids % 65535 + 1
            self.under_way.append([self.ids, self.queue.pop(0), False])
        messages: list[RawMessage] = []
        for each in self.under_way[self.read : self.read + n]:
            messages.append((TOPIC, each[1], each[0], False, each[2]))
            each[2] = True
        self.read += len(messages)
        if messages:
            self.now += 10
            if self.session_epoch:
                self.deliveries.session(self.session_epoch, self.now, self.table)  # type: ignore[arg-type]
                self.session_epoch = 0
            fresh = self.deliveries.fresh(messages, self.now)
            self.deliveries.remember(delivered(fresh))
            self.handed.append((self.now, messages, fresh, self.epoch))

    @precondition(lambda self: self.handed)
    @rule()
    def commit(self) -> None:
        now, messages, fresh, epoch = self.handed.pop(0)
        self.deliveries.put(self.table, now, delivered(fresh))  # type: ignore[arg-type]
        self.stored += [payload for _, payload, *_ in fresh]
        if epoch == self.epoch:  # the ids of an earlier connection are acknowledged to nobody
            self.unacknowledged.append(messages)

    @precondition(lambda self: self.unacknowledged)
    @rule()
    def acknowledge(self) -> None:
        ids = {each[2] for each in self.unacknowledged.pop(0)}
        before = len(self.under_way)
        self.under_way = [each for each in self.under_way if each[0] not in ids]
        self.read -= before - len(self.under_way)

    @rule()
    def lose_the_connection(self) -> None:
        self.connect()

    @rule()
    def die(self) -> None:
        self.start()

    @precondition(lambda self: not self.under_way and not self.queue)
    @rule()
    def lose_the_broker(self) -> None:
        self.new_session()

    @rule()
    def trim(self) -> None:
        self.deliveries.trim(self.table)  # type: ignore[arg-type]

    @invariant()
    def nothing_is_lost_doubled_or_out_of_order(self) -> None:
        assert self.stored == self.said[: len(self.stored)]

    def teardown(self) -> None:
        if not hasattr(self, "table"):
            return
        for _ in range(len(self.said) + 1):
            self.receive(4)
            while self.handed:
                self.commit()
            while self.unacknowledged:
                self.acknowledge()
        assert self.stored == self.said


TestBrokerAndIngest = BrokerAndIngest.TestCase


def message(packet_id: int, *, dup: bool) -> RawMessage:
    return (TOPIC, b"open", packet_id, False, dup)


@pytest.mark.parametrize("between", [0, 1, KEPT - 1, KEPT + 1])
def test_a_packet_id_that_was_given_again_long_after_is_another_message(between: int) -> None:
    deliveries = Deliveries("ingest")
    deliveries.fresh([message(7, dup=False)], 1)
    deliveries.remember(delivered([message(7, dup=False)]))
    for at in range(between):
        deliveries.fresh([(TOPIC, b"shut", 10 + at, False, False)], 2 + at)
    assert len(deliveries.fresh([message(7, dup=True)], 10**9)) == (between >= KEPT)


def test_what_comes_again_unmarked_is_another_message_and_the_earlier_one_is_forgotten() -> None:
    deliveries = Deliveries("ingest")
    deliveries.remember(delivered([message(7, dup=False)]))
    assert len(deliveries.fresh([message(7, dup=False)], 1)) == 1
    assert len(deliveries.fresh([message(7, dup=True)], 2)) == 1


def test_what_the_spool_holds_is_known_again_after_a_restart() -> None:
    deliveries = Deliveries("ingest")
    deliveries.load(Table(), [[message(3, dup=False)], [message(4, dup=False)]])  # type: ignore[arg-type]
    assert deliveries.fresh([message(n, dup=True) for n in (3, 4, 5)], 1) == [message(5, dup=True)]


def test_the_table_is_trimmed_to_what_may_still_be_under_way() -> None:
    deliveries, table = Deliveries("ingest"), Table()
    for at in range(5):
        some = [message(1 + n, dup=False) for n in range(KEPT // 2 + 1)]
        deliveries.put(table, at, delivered(deliveries.fresh(some, at)))  # type: ignore[arg-type]
        assert deliveries.due
        deliveries.trim(table)  # type: ignore[arg-type]
        assert len(table.rows) <= 3
