"""Summaries say what the readings say: whenever they are asked, whatever came late, whoever was writing meanwhile."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

import numpy as np
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.readings import AttributeBatch, Batch, PositionBatch
from domain.times import to_us
from operations.retention import Keep, drop_old
from operations.summaries import Summaries, summarise
from store.db import connect
from store.link import Link
from store.tracking import TrackingStore
from tests.logins import of_operations, of_tracker

T0 = datetime(2026, 3, 2, tzinfo=UTC)
FUEL, LOAD = 7, 8
NAMES = {"fuel": FUEL, "load": LOAD}
Reading = tuple[int, int, int, float]
"""Device, seconds since T0, name (0: the speed of a fix), value."""
TABLES = "reading_position, reading_value_set, reading_summary, summary_due, tracker_position"


class Writer:
    """A tracker's transactions, on a partition of its own."""

    numbers = count(1)

    def __init__(self, dsn: str, partition: int) -> None:
        self.link = Link(dsn, "tracker")
        self.store = TrackingStore(self.link)
        self.partition, self.position = partition, 0
        self.begin()

    def begin(self) -> None:
        self.position = 0
        self.store.own([self.partition])

    def forget(self) -> None:
        """A tracker that begins anew knows of no line."""
        self.store = TrackingStore(self.link)

    def batches(self, readings: Sequence[Reading]) -> dict[str, Batch]:
        found: dict[str, Batch] = {}
        for kind, mine in (
            (PositionBatch, [r for r in readings if not r[2]]),
            (AttributeBatch, [r for r in readings if r[2]]),
        ):
            if not mine:
                continue
            n = len(mine)
            columns = {name: kind.unknown(name, n) for name in kind.DTYPES}
            columns["device_id"] = np.array([r[0] for r in mine])
            columns["time_us"] = columns["received_us"] = np.array([to_us(T0) + r[1] * 1_000_000 for r in mine])
            columns["seq"] = np.array([next(self.numbers) for _ in mine])
            if kind is PositionBatch:
                columns |= {"lat": np.zeros(n), "lon": np.zeros(n), "speed_mps": np.array([r[3] for r in mine])}
            else:
                columns |= {"name_id": np.array([r[2] for r in mine]), "value": np.array([r[3] for r in mine])}
            found[kind.STREAM] = kind.build(columns)
        return found

    @contextmanager
    def writing(self, readings: Sequence[Reading]) -> Iterator[None]:
        """All of a step is written; it commits with the block."""
        batches = self.batches(readings)
        self.store.prepare_readings(batches)
        with self.store.transaction({self.partition: self.position}) as cursor:
            self.store.write_readings(cursor, batches)
            with cursor.connection.pipeline():
                self.store.mark_summaries(cursor, batches)
                self.store.move(cursor, [(self.partition, self.position, self.position + 1, 0)], [])
            yield
        self.position += 1

    def write(self, *readings: Reading) -> None:
        with self.writing(readings):
            pass


class Place:
    """A database, two who write into it and one who summarises."""

    def __init__(self, dsn: str) -> None:
        self.connection = connect(dsn, "test")
        self.writers = [Writer(of_tracker(dsn), 0), Writer(of_tracker(dsn), 1)]
        self.link = Link(of_operations(dsn), "job summaries")
        for text, key in NAMES.items():
            self.connection.execute(
                "insert into label (id, kind, scope, text) overriding system value values (%s, 'attr', 1, %s)",
                (key, text),
            )

    def close(self) -> None:
        for link in (self.link, *(writer.link for writer in self.writers)):
            link.close()
        self.connection.close()

    def emptied(self) -> Place:
        self.connection.execute(f"truncate {TABLES}")
        self.connection.execute("delete from summary_span")
        self.connection.execute("insert into summary_span default values")
        for writer in self.writers:
            writer.begin()
        return self

    def summarise(self, at_s: int) -> None:
        summarise(self.link, lambda _: None, now=T0 + timedelta(seconds=at_s))

    def span(self) -> tuple[datetime, datetime]:
        row = self.connection.execute("select nullif(since, '-infinity'), until from summary_span").fetchone()
        assert row
        return row

    def summaries(self, since_s: int = -(10**6), until_s: int = 10**7) -> dict[tuple[int, int, int], tuple[float, ...]]:
        """By device, name and second since T0 when its ten minutes begin."""
        since, until = (T0 + timedelta(seconds=s) for s in (since_s, until_s))
        rows = self.connection.execute("select * from speed_summaries(%s, %s)", (since, until)).fetchall()
        for name in NAMES:
            rows += self.connection.execute(
                "select * from value_summaries(%s, %s, %s)", (name, since, until)
            ).fetchall()
        found = {(d, name, int((at - T0).total_seconds())): tuple(rest) for at, d, name, *rest in rows}
        assert len(found) == len(rows), "no ten minutes are told twice"
        return found


def told(
    readings: Sequence[Reading], since_s: int = -(10**6), until_s: int = 10**7
) -> dict[tuple[int, int, int], tuple[float, ...]]:
    """The same of a list of readings, one after the other."""
    drove = {(d, t) for d, t, name, value in readings if not name and value > 1}
    groups: dict[tuple[int, int, int], list[tuple[int, float]]] = defaultdict(list)
    for d, t, name, value in readings:
        if since_s <= t < until_s:
            groups[d, name, t // 600 * 600].append((t, value))
    found: dict[tuple[int, int, int], tuple[float, ...]] = {}
    for (d, name, at), values in groups.items():
        values.sort(key=lambda v: v[0])
        of_driving = [v for t, v in values if (v > 1 if not name else (d, t) in drove)]
        plain = [v for _, v in values]
        found[d, name, at] = (
            len(plain), len(of_driving), float(sum(plain)), float(sum(of_driving)), min(plain), max(plain)
        )  # fmt: skip
    return found


@pytest.fixture(scope="module")
def kept(kept_database: str) -> Iterator[Place]:
    with closing(Place(kept_database)) as place:
        yield place


@pytest.fixture
def place(kept: Place) -> Place:
    return kept.emptied()


def test_what_has_ended_is_summarised_and_the_rest_is_read(place: Place) -> None:
    readings = [(1, t, 0, float(t % 7)) for t in range(0, 7200, 60)] + [(1, t, FUEL, t / 8) for t in range(0, 7200, 60)]
    place.writers[0].write(*readings)
    place.summarise(7200)
    assert place.span()[1] == T0 + timedelta(seconds=6000)
    kept = place.connection.execute("select max(time), count(*) from reading_summary").fetchone()
    assert kept == (T0 + timedelta(seconds=5400), 20)
    assert place.summaries() == told(readings)
    assert place.summaries(630, 6990) == told(readings, 630, 6990), "the ends of a span cut ten minutes"


def test_what_comes_late_is_read_until_it_is_summarised_again(place: Place) -> None:
    first, late = [(1, 60, 0, 4.0), (2, 70, 0, 5.0)], [(1, 30, 0, 9.0), (1, 30, FUEL, 2.5)]
    place.writers[0].write(*first)
    place.summarise(7200)
    place.writers[0].write((1, 7100, 0, 1.0))  # hears how far summaries have come
    place.summarise(7230)
    place.writers[0].write(*late)
    told_now = told([*first, *late, (1, 7100, 0, 1.0)])
    assert place.connection.execute("select * from summary_due").fetchall() == [(1, T0)]
    assert place.summaries() == told_now
    place.summarise(7260)
    assert place.connection.execute("select * from summary_due").fetchall() == []
    assert place.summaries() == told_now


def test_live_readings_are_not_marked(place: Place) -> None:
    for at in range(0, 7200, 300):
        place.writers[0].write((1, at, 0, 2.0), (1, at, FUEL, 1.0))
        if at > 300:  # the second step is the first to hear of a line
            assert place.connection.execute("select * from summary_due").fetchall() == []
        place.summarise(at + 5)
    assert place.span()[1] > T0 + timedelta(hours=1)


def test_a_step_that_learns_at_its_end_how_far_summaries_may_come_marks_all_it_wrote(place: Place) -> None:
    place.writers[0].write((1, 0, 0, 3.0))
    place.summarise(90_000)
    place.writers[1].write((2, 40_000, 0, 3.0))  # it has heard of nothing
    assert place.summaries() == told([(1, 0, 0, 3.0), (2, 40_000, 0, 3.0)])
    assert place.connection.execute("select device_id from summary_due").fetchall() == [(2,)]


def test_nothing_is_summarised_while_somebody_writes_who_has_not_heard_of_it(place: Place) -> None:
    place.writers[0].write((1, 0, 0, 3.0))
    place.summarise(3600)
    reached = place.span()
    with place.writers[1].writing([(2, 5000, 0, 4.0)]):
        place.summarise(9000)
        place.summarise(20_000)
        assert place.span() == reached
    place.summarise(20_000)
    place.summarise(20_060)
    assert place.span()[1] > reached[1] + timedelta(hours=1)
    assert place.summaries() == told([(1, 0, 0, 3.0), (2, 5000, 0, 4.0)])


def test_what_is_marked_while_it_is_summarised_again_stays_marked(place: Place) -> None:
    place.writers[0].write((1, 0, 0, 3.0))
    place.summarise(7200)
    place.writers[0].write((1, 10, 0, 4.0))
    with place.writers[1].writing([(1, 20, 0, 5.0)]):
        place.summarise(7260)
    expected = told([(1, 0, 0, 3.0), (1, 10, 0, 4.0), (1, 20, 0, 5.0)])
    assert place.summaries() == expected
    place.summarise(7320)
    assert place.summaries() == expected


def test_history_is_summarised_backwards_across_long_silence_and_then_whole(place: Place) -> None:
    old = [(1, -400 * 86_400 + t, 0, 2.0) for t in range(0, 9000, 100)]
    place.writers[0].write(*old, (1, 0, 0, 1.0))
    work = Summaries(place.link.connection, T0 + timedelta(hours=2))
    work.close()
    assert work.forward()
    while work.backward():
        assert place.summaries(-401 * 86_400) == told([*old, (1, 0, 0, 1.0)], -401 * 86_400)
    assert place.span()[0] is None
    assert place.connection.execute("select count(*) from reading_summary").fetchone() == (16,)


def test_two_who_summarise_do_not_hurt_each_other(place: Place) -> None:
    place.writers[0].write(*[(1, t, 0, 2.0) for t in range(0, 7200, 60)])
    with place.connection.transaction():
        place.connection.execute("select from summary_span for update")
        place.summarise(9000)  # finds it held
        assert place.connection.execute("select closing from summary_span").fetchone() == (None,)
    place.summarise(9000)
    assert place.summaries() == told([(1, t, 0, 2.0) for t in range(0, 7200, 60)])


def test_a_copy_of_the_database_on_another_server_goes_on(place: Place) -> None:
    place.writers[0].write((1, 0, 0, 3.0))
    place.summarise(3600)
    place.connection.execute("update summary_span set closed_by = '99999999999'")
    for _ in range(2):
        place.summarise(9000)
    assert place.span()[1] == T0 + timedelta(seconds=7800)


def test_readings_that_are_dropped_are_summarised_no_more(database: str) -> None:
    with closing(Place(database)) as place:
        days = [(1, d * 86_400, 0, 2.0) for d in range(40)]
        place.writers[0].write(*days)
        place.summarise(41 * 86_400)
        now = datetime.now(UTC)
        keep = Keep(retention_days=(now - T0).total_seconds() / 86_400 - 20)
        drop_old(place.link, keep, now, lambda _: None)
        left = [
            (1, int((at - T0).total_seconds()), 0, 2.0)
            for (at,) in place.connection.execute("select time from reading_position").fetchall()
        ]
        assert 20 <= len(left) < 40
        assert place.summaries() == told(left)
        place.summarise(42 * 86_400)
        assert place.summaries() == told(left)
        assert place.connection.execute("select count(*) < 40 from reading_summary").fetchone() == (True,)


def test_work_that_takes_longer_is_gone_on_with_by_another_job(place: Place) -> None:
    place.writers[0].write(*[(1, d * 86_400, 0, 2.0) for d in range(5)])
    asked: list[psycopg.Connection] = []
    at = T0 + timedelta(days=6)
    summarise(place.link, asked.append, now=at, budget_s=0)
    assert asked == [place.link.connection]
    while asked:
        asked.clear()
        summarise(place.link, asked.append, now=at, budget_s=0)
    assert place.span()[0] is None


readings = st.lists(
    st.tuples(
        st.integers(1, 3), st.integers(0, 59).map(lambda k: k * 150), st.sampled_from([0, FUEL, LOAD]),
        st.integers(0, 40).map(lambda k: k / 8),
    ), min_size=1, max_size=6,
)  # fmt: skip
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 1), readings),
        st.tuples(st.just("hold"), st.integers(0, 1), readings),
        st.tuples(st.just("let go"), st.integers(0, 1), st.none()),
        st.tuples(st.just("summarise"), st.integers(0, 20).map(lambda k: k * 700), st.none()),
        st.tuples(st.just("forget"), st.integers(0, 1), st.none()),
    ),
    min_size=1, max_size=14,
)  # fmt: skip


@given(steps=steps, since_s=st.integers(-100, 9000), length_s=st.integers(1, 9000))
@settings(max_examples=40)
def test_in_any_order_and_at_any_moment_it_is_what_the_readings_say(
    kept: Place, steps: Sequence[tuple[str, int, list[Reading] | None]], since_s: int, length_s: int
) -> None:
    place, there = kept.emptied(), list[Reading]()
    held: dict[int, tuple[ExitStack, list[Reading]]] = {}

    def let_go(writer: int) -> None:
        if writer in held:
            stack, wrote = held.pop(writer)
            stack.close()
            there.extend(wrote)

    try:
        for what, number, given in steps:
            if what == "summarise":
                place.summarise(number)
            else:
                let_go(number)
            if what == "forget":
                place.writers[number].forget()
            if what == "write" and given:
                place.writers[number].write(*given)
                there.extend(given)
            elif what == "hold" and given:
                stack = ExitStack()
                stack.enter_context(place.writers[number].writing(given))
                held[number] = stack, given
            expected = told(there)
            assert place.summaries() == expected
            assert place.summaries(since_s, since_s + length_s) == told(there, since_s, since_s + length_s)
    finally:
        for writer in list(held):
            let_go(writer)
