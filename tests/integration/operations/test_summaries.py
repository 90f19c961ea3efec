"""Summaries say what the readings say: whenever they are asked, whatever came late, whoever was writing meanwhile."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

import numpy as np
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from domain.readings import AttributeBatch, Batch, PositionBatch
from domain.times import to_us
from operations.retention import Keep, drop_old
from operations.summaries import Summaries, summarise
from store.db import connect
from store.link import Link
from store.partitions import Partitions
from store.registry import Registry
from store.tracking import TrackingStore
from tests.examples import examples
from tests.logins import of_operations, of_tracker

T0 = datetime(2026, 3, 2, tzinfo=UTC)
FUEL, LOAD = 7, 8
NAMES = {"fuel": FUEL, "load": LOAD}  # of a device: that, and a hundred times its number
VAN, TRUCK = "van", "truck"
MOVED_S, LEFT_S = 3000, 4000
WHOSE = {
    1: ((-(10**8), MOVED_S, VAN), (MOVED_S, 10**8, TRUCK)),
    2: ((-(10**8), 10**8, TRUCK),),
    3: ((-(10**8), 10**8, VAN),),
}
"""Vehicles of the devices, from and until a second; the van is of the fleet `north` until it left."""
Reading = tuple[int, int, int, float]
"""Device, seconds since T0, name (0: the speed of a fix), value."""
TABLES = ("reading_position", "reading_value_set", "reading_summary", "summary_due", "tracker_position")


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
                columns |= {"name_id": np.array([100 * r[0] + r[2] for r in mine])}
                columns |= {"value": np.array([r[3] for r in mine])}
            found[kind.STREAM] = kind.build(columns)
        return found

    def writing(self, readings: Sequence[Reading]) -> AbstractContextManager[None]:
        """All of a step is written; it commits with the block."""
        return self._writing(self.batches(readings))

    @contextmanager
    def _writing(self, batches: dict[str, Batch]) -> Iterator[None]:
        self.store.prepare_readings(batches)
        with self.store.transaction({self.partition: self.position}) as cursor:
            self.store.write_readings(cursor, batches)
            with cursor.connection.pipeline():
                self.store.mark_summaries(cursor, batches)
                self.store.move(cursor, [(self.partition, self.position, self.position + 1, 0)], [])
            yield
        self.position += 1

    def write(self, *readings: Reading) -> None:
        self.write_batches(self.batches(readings))

    def write_batches(self, batches: dict[str, Batch]) -> None:
        with self._writing(batches):
            pass


class Place:
    """A database, two who write into it and one who summarises."""

    def __init__(self, dsn: str) -> None:
        self.connection = connect(dsn, "test")
        self.writers = [Writer(of_tracker(dsn), 0), Writer(of_tracker(dsn), 1)]
        self.link = Link(of_operations(dsn), "job summaries")
        self.connection.execute(
            "select set_config('app.tenant', %s, false)", (str(Registry(self.connection).tenant_id),)
        )
        self._register()
        self.writers[0].write((1, 0, 0, 0.0), (1, 0, FUEL, 0.0))

    def _register(self) -> None:
        execute = self.connection.execute
        for name in (VAN, TRUCK):
            execute("insert into vehicle (tenant_id, name, label) values (current_tenant(), %s, '-')", (name,))
        execute(
            "insert into vehicle_fleet (tenant_id, vehicle_id, fleet, valid_from, valid_to, recorded_by) "
            "select tenant_id, id, 'north', '-infinity', %s, 'test' from vehicle where name = %s",
            (T0 + timedelta(seconds=LEFT_S), VAN),
        )
        for device, times in WHOSE.items():
            execute(
                "insert into device (id, tenant_id, name, kind) overriding system value "
                "values (%s, current_tenant(), %s, 'tracker')", (device, f"gps-{device}"),
            )  # fmt: skip
            for text, key in NAMES.items():
                execute(
                    "insert into label (id, kind, scope, text) overriding system value values (%s, 'attr', %s, %s)",
                    (100 * device + key, device, text),
                )
            for since_s, until_s, vehicle in times:
                execute(
                    "insert into assignment (tenant_id, device_id, vehicle_id, valid_from, valid_to, recorded_by) "
                    "select tenant_id, %s, id, %s, %s, 'test' from vehicle where name = %s",
                    (device, *(T0 + timedelta(seconds=s) for s in (since_s, until_s)), vehicle),
                )

    def close(self) -> None:
        for link in (self.link, *(writer.link for writer in self.writers)):
            link.close()
        self.connection.close()

    def emptied(self) -> Place:
        for table in (*TABLES, "summary_span"):  # chunks stay: who writes would wait for whoever makes one
            self.connection.execute(sql.SQL("delete from {}").format(sql.Identifier(table)))
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
        found = {(d, name % 100, int((at - T0).total_seconds())): tuple(rest) for at, d, name, *rest in rows}
        assert len(found) == len(rows), "no ten minutes are told twice"
        return found

    def last(
        self, fleet: str | None = None, since_s: int = -(10**6), until_s: int = 10**7
    ) -> dict[tuple[str, str], tuple[int, float, str | None]]:
        """Second, value and fleet by vehicle and name."""
        found = {}
        for name in NAMES:
            for vehicle, of, at, value in self.connection.execute(
                "select vehicle, fleet, time, value from own_last_values(%s, %s, null, null, null, null, %s, %s)",
                (name, [fleet] if fleet else None, *(T0 + timedelta(seconds=s) for s in (since_s, until_s))),
            ).fetchall():
                assert (vehicle, name) not in found
                found[vehicle, name] = (int((at - T0).total_seconds()), value, of)
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


def told_last(
    readings: Sequence[Reading], fleet: str | None = None, since_s: int = -(10**6), until_s: int = 10**7
) -> dict[tuple[str, str], tuple[int, set[float], str | None]]:
    """The same of a list of readings; at one second there may be several."""
    found: dict[tuple[str, str], tuple[int, set[float], str | None]] = {}
    texts = {key: text for text, key in NAMES.items()}
    for d, t, key, value in readings:
        vehicle = next(each for since, until, each in WHOSE[d] if since <= t < until)
        of = "north" if vehicle == VAN and t < LEFT_S else None
        if key and since_s <= t < until_s and fleet in (None, of):
            before = found.get((vehicle, texts[key]), (t, set(), of))
            if t >= before[0]:
                found[vehicle, texts[key]] = (t, {value} | (before[1] if t == before[0] else set()), of)
    return found


def assert_last(place: Place, readings: Sequence[Reading], since_s: int = -(10**6), until_s: int = 10**7) -> None:
    for fleet in (None, "north"):
        found, expected = place.last(fleet, since_s, until_s), told_last(readings, fleet, since_s, until_s)
        assert found.keys() == expected.keys()
        for key, (at, value, of) in found.items():
            assert (at, of) == (expected[key][0], expected[key][2])
            assert value in expected[key][1]


@pytest.fixture(scope="module")
def kept(any_kept_database: str) -> Iterator[Place]:
    with closing(Place(any_kept_database)) as place:
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


def test_readings_that_are_dropped_are_summarised_no_more(any_database: str) -> None:
    with closing(Place(any_database)) as place:
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


def test_the_last_value_of_a_vehicle_is_of_its_newest_time_whenever_it_came_and_whoever_has_the_device_now(
    place: Place,
) -> None:
    place.writers[0].write((1, 2990, FUEL, 0.5), (1, 3010, FUEL, 0.2), (3, 2000, FUEL, 0.9), (2, 10, LOAD, 5.0))
    assert place.last() == {
        (VAN, "fuel"): (2990, 0.5, "north"), (TRUCK, "fuel"): (3010, 0.2, None), (TRUCK, "load"): (10, 5.0, None),
    }  # fmt: skip
    place.summarise(20_000)
    place.writers[1].write((3, 5000, FUEL, 0.7), (1, 2995, FUEL, 0.4), (3, 5010, LOAD, 1.0))
    assert place.last()[VAN, "fuel"] == (5000, 0.7, None)
    assert place.last("north")[VAN, "fuel"] == (2995, 0.4, "north"), "when it was of that fleet"
    assert place.last(until_s=2995)[VAN, "fuel"] == (2990, 0.5, "north")
    assert (TRUCK, "load") not in place.last(since_s=11), "what is older than the span is not told"


def test_of_two_values_of_one_time_the_last_in_order_of_events_is_told_in_whatever_order_they_came(
    place: Place,
) -> None:
    first, second = (place.writers[0].batches([(2, 100, FUEL, value)]) for value in (0.3, 0.6))
    for batches in (second, first):
        place.writers[0].write_batches(batches)
    assert place.last()[TRUCK, "fuel"] == (100, 0.6, None)


def test_values_that_are_not_moved_yet_are_told_too(place: Place) -> None:
    place.writers[0].write((2, 100, FUEL, 0.3), (2, 100, LOAD, 9.0))
    partitions = Partitions(place.connection)
    with place.connection.transaction(force_rollback=True):
        missing = partitions.missing("reading_value", np.array([to_us(T0)]))
        partitions.create(place.connection, "reading_value", missing)
        place.connection.execute(
            "insert into reading_value select s.time + interval '1 minute', received_at, device_id, boot_id, seq, "
            "flags, 207, 0.8, null from reading_value_set s limit 1"
        )
        place.connection.execute("insert into value_place (page, slot, device_id, name_id) values (~207, 0, 2, 207)")
        place.connection.execute("insert into value_move values ('public', 'reading_value')")
        place.connection.execute("select make_value_view(false)")
        assert place.last() == {(TRUCK, "fuel"): (160, 0.8, None), (TRUCK, "load"): (100, 9.0, None)}
    assert place.last()[TRUCK, "fuel"] == (100, 0.3, None)


def test_nobody_is_told_the_last_values_of_another_tenant(place: Place) -> None:
    place.writers[0].write((2, 100, FUEL, 0.3))
    assert place.last()
    with place.connection.transaction():
        place.connection.execute("set local app.tenant = '999'")
        assert place.last() == {}


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
@settings(max_examples=examples(40))
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
            assert_last(place, there)
            assert_last(place, there, since_s, since_s + length_s)
    finally:
        for writer in list(held):
            let_go(writer)
