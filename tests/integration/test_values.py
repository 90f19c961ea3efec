"""Values read back as they were written, a row to each, wherever they stand; also while those of before are moved."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.readings import AttributeBatch
from domain.times import to_us
from store.copy import batch_columns, copy_columns, spec_of
from store.db import connect
from store.link import Link
from store.moving import move_values
from store.partitions import Partitions
from store.places import SLOTS, Places, Wanted
from store.tracking import TrackingStore
from store.writer import ReadingWriter
from tests.connections import cut
from tests.deadlines import deadline
from tests.examples import examples

T0 = to_us(datetime(2026, 6, 3, tzinfo=UTC))
WEEK = 7 * 86_400_000_000
OLD_IN_VIEW = r"select pg_get_viewdef('reading_attribute'::regclass) ~ '\mreading_value\M'"
COLUMNS = "device_id, time, received_at, boot_id, seq, flags, name_id, value, note_id"
READ = f"select {COLUMNS} from reading_attribute"
Row = tuple[Any, ...]


def build(rows: Sequence[Row]) -> AttributeBatch:
    columns = zip(*rows, strict=True) if rows else [()] * len(AttributeBatch.DTYPES)
    return AttributeBatch.build(dict(zip(AttributeBatch.DTYPES, map(list, columns), strict=True)))


def as_stored(batch: AttributeBatch) -> Counter[Row]:
    """Each value as a row, NaN and the key 0 as NULL."""
    columns = [getattr(batch, name).tolist() for name in AttributeBatch.DTYPES]
    return Counter(
        (*head, None if np.isnan(value) else value, note or None) for *head, value, note in zip(*columns, strict=True)
    )


def stored(connection: psycopg.Connection, read: str = READ) -> Counter[Row]:
    found = connection.execute(read.encode()).fetchall()
    return Counter((device, to_us(at), to_us(received), *rest) for device, at, received, *rest in found)


VALUE = st.one_of(
    st.tuples(st.one_of(st.just(float("nan")), st.floats(allow_nan=False), st.just(0.5)), st.just(0)),
    st.tuples(st.sampled_from([float("nan"), 1.5]), st.integers(1, 3)),
)
MESSAGES = st.lists(
    st.tuples(
        st.tuples(
            st.integers(1, 3),
            st.sampled_from([T0, T0 + 1, T0 + 10_000_000, T0 - WEEK]),
            st.sampled_from([T0 + 5, T0 + 6]),
            st.integers(0, 2),
            st.integers(-1, 2),
            st.sampled_from([0, 32, 128]),
        ),
        st.lists(st.tuples(st.integers(0, 20), VALUE), min_size=1, max_size=24),
    ),
    max_size=12,
)


def rows_of(messages: Sequence[tuple[Row, Sequence[tuple[int, Row]]]]) -> list[Row]:
    return [(*head, name, *value) for head, values in messages for name, value in values]


@contextmanager
def emptied(dsn: str) -> Iterator[psycopg.Connection]:
    with connect(dsn, "test") as c:
        c.execute("truncate reading_value, reading_value_set, value_place, value_move")
        c.execute("select make_value_view(true)")
        partitions = Partitions(c)
        partitions.create(c, "reading_attribute", partitions.missing("reading_attribute", np.array([T0, T0 - WEEK])))
        yield c


def write(connection: psycopg.Connection, writer: ReadingWriter, batch: AttributeBatch) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        writer.write(cursor, batch)


def store_as_before(connection: psycopg.Connection, batch: AttributeBatch) -> None:
    """A row to each value, as they were written before there were sets."""
    for week in Partitions(connection).missing("reading_value", batch.time_us):
        Partitions(connection).create(connection, "reading_value", [week])
    with connection.transaction(), connection.cursor() as cursor:
        copy_columns(cursor, "reading_value", spec_of(connection, "reading_value"), *batch_columns(batch))
        cursor.executemany(
            "insert into value_place select ~%(name)s::int, 0, 1, %(name)s on conflict do nothing",
            [{"name": name} for name in set(batch.name_id.tolist())],
        )
    connection.execute(
        "insert into value_move select n.nspname, c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid "
        "join pg_namespace n on n.oid = c.relnamespace where i.inhparent = 'reading_value'::regclass "
        "and c.relkind = 'r' on conflict do nothing"
    )
    connection.execute("select make_value_view(false)")
    assert connection.execute(OLD_IN_VIEW).fetchone() == (True,)


EVERYTHING = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60))


@EVERYTHING
@given(MESSAGES, st.lists(st.integers(0, 300), max_size=3), st.booleans())
def test_whatever_is_written_reads_back_as_a_row_to_each_value(
    database: str, messages: list[Any], cuts: list[int], prepared: bool
) -> None:
    rows = rows_of(messages)
    with emptied(database) as c:
        writer = ReadingWriter(c)
        for since, until in zip([0, *sorted(cuts)], [*sorted(cuts), len(rows)], strict=True):
            batch = build(rows[since:until])
            if prepared:
                writer.prepare(c, batch)
            write(c, writer, batch)
        assert stored(c) == as_stored(build(rows))
        for device in (1, 2):
            own = Counter({row: n for row, n in as_stored(build(rows)).items() if row[0] == device})
            assert stored(c, f"{READ} where device_id = {device} and time between '2026-05-01' and '2026-07-01'") == own
        assert stored(c, f"{READ} where name_id in (3, 8) and flags & 32 <> 0") == Counter(
            {row: n for row, n in as_stored(build(rows)).items() if row[6] in (3, 8) and row[5] == 32}
        )


@EVERYTHING
@given(MESSAGES, MESSAGES, st.integers(0, 4))
def test_what_was_stored_before_reads_the_same_before_while_and_after_it_is_moved(
    database: str, before: list[Any], since: list[Any], slices: int
) -> None:
    old, new = build(rows_of(before)), build(rows_of(since))
    with emptied(database) as c:
        store_as_before(c, old)
        write(c, ReadingWriter(c), new)
        both = as_stored(old) + as_stored(new)
        assert stored(c) == both
        left = iter(range(slices))
        move_values(database, pause=lambda _: stored(c) != both or next(left, None) is None, pages=1)
        assert stored(c) == both
        move_values(database, pages=1)
        assert stored(c) == both
        assert c.execute("select count(*) from value_move").fetchone() == (0,)
        assert c.execute("select count(*) from reading_value").fetchone() == (0,)
        assert c.execute(OLD_IN_VIEW).fetchone() == (False,)


def history(n: int = 4_000, names: int = 4, every: int = 1_000_000) -> AttributeBatch:
    message = np.repeat(np.arange(n), names)
    return AttributeBatch.build(
        {
            "device_id": message % 7 + 1, "time_us": T0 - WEEK + message * every, "received_us": T0 + message,
            "boot_id": message * 0 + 9, "seq": message, "flags": message * 0, "name_id": np.tile(np.arange(names), n),
            "value": np.arange(n * names) / 8, "note_id": np.where(np.arange(n * names) % 50, 0, 5),
        }
    )  # fmt: skip


def test_a_move_that_is_killed_in_the_middle_is_gone_on_with_and_nothing_is_lost_or_doubled(any_database: str) -> None:
    batch = history()
    with emptied(any_database) as c:
        store_as_before(c, batch)
        slices: list[int] = []

        def killed(_: float) -> bool:
            slices.append(1)
            if len(slices) == 3:
                cut(any_database, "frostway moving")
            return False

        with pytest.raises(psycopg.OperationalError):
            move_values(any_database, pause=killed, pages=16)
        assert c.execute("select count(*) > 0 from reading_value_set").fetchone() == (True,)
        assert c.execute("select count(*) > 1000 from reading_value").fetchone() == (True,)
        assert stored(c) == as_stored(batch)
        for act in ("lock", "unlock"):  # the server lets go of what was killed
            c.execute(f"select pg_advisory_{act}(hashtextextended('frostway.moving', 0))".encode())
        lines: list[str] = []
        assert move_values(any_database, told=lines.append, pages=16) == 1
        assert len(lines) == 1
        assert stored(c) == as_stored(batch)
        assert move_values(any_database) == 0
        assert c.execute("select count(*) from reading_value_set where page < 0").fetchone() == (320,), "words"
        sets = "select count(*) between 4000 and 4100 from reading_value_set where page > 0"
        assert c.execute(sets).fetchone() == (True,), "a message is a row, save where the disk's pages part it"


def test_while_values_are_moved_others_write_and_read_each_of_them_once(any_database: str) -> None:
    batch, over = history(), threading.Event()
    seen: list[int] = []
    written: list[AttributeBatch] = []

    def watch() -> None:
        with connect(any_database, "test") as c:
            c.execute("set lock_timeout = '2s'")
            writer = ReadingWriter(c)
            while not over.is_set():
                seen.extend(n for (n,) in c.execute("select count(*) from reading_attribute where boot_id = 9"))
                written.append(build([(d, T0 - WEEK, T0, 10, len(written), 0, d, 1.0, 0) for d in range(1, 8)]))
                write(c, writer, written[-1])

    with emptied(any_database) as c:
        store_as_before(c, batch)
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            assert move_values(any_database, pages=2) == 1
        finally:
            over.set()
            watcher.join(deadline(60))
        assert set(seen) == {len(batch)}
        assert stored(c) == as_stored(AttributeBatch.concat([batch, *written]))


def test_who_began_to_read_before_the_move_still_reads_all_when_everything_is_moved(any_database: str) -> None:
    batch = history(200)
    with emptied(any_database) as c, connect(any_database, "reader", autocommit=False) as reader:
        store_as_before(c, batch)
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute("select from schema_version")
        mover = threading.Thread(target=move_values, args=(any_database,))
        mover.start()
        until = time.monotonic() + deadline(30)
        while c.execute("select exists (select from reading_value)").fetchone() == (True,):
            assert time.monotonic() < until
        assert stored(reader) == stored(c) == as_stored(batch)
        assert c.execute(OLD_IN_VIEW).fetchone() == (True,), "the mover waits for the reader"
        reader.rollback()
        mover.join(deadline(30))
        assert c.execute(OLD_IN_VIEW).fetchone() == (False,)
        assert stored(c) == as_stored(batch)


def test_two_writers_of_one_device_give_each_name_one_place(database: str) -> None:
    with emptied(database):
        pass
    together, faults = threading.Barrier(4), []

    def give(turn: int) -> None:
        with connect(database, "test") as c:
            places, rng = Places(), np.random.default_rng(turn)
            together.wait(deadline(20))
            for _ in range(20):
                names = rng.permutation(60)[:9].astype(np.int32)
                device = rng.integers(1, 3, 9).astype(np.int32)
                order = np.argsort(device, kind="stable")
                device, names = device[order], names[order]
                asked = Wanted(device, names, names >= 0)
                found, again = (places.of(c, asked, lambda device=device: device) for _ in range(2))
                if not np.array_equal(found, again):
                    faults.append(turn)

    threads = [threading.Thread(target=give, args=(turn,)) for turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(deadline(60))
    with connect(database, "test") as c:
        rows = c.execute("select device_id, name_id, page, slot from value_place").fetchall()
    assert not faults
    assert len(rows) > 60
    assert len({row[:2] for row in rows}) == len({row[2:] for row in rows}) == len(rows)
    assert all(len({row[0] for row in rows if row[2] == page}) == 1 for page in {row[2] for row in rows})


def test_names_of_a_message_share_a_page_and_so_does_what_joins_them_later(database: str) -> None:
    head = (1, T0, T0, 0, 0, 0)

    def said(*names: int) -> AttributeBatch:
        return build([(*head, name, 1.0, 0) for name in names])

    with emptied(database) as c:
        writer = ReadingWriter(c)
        for batch in (
            said(1, 2, 3),
            said(10, 11, 12, 13, 14, 15, 16),
            said(1, 2, 3, 4),
            said(20, 21, 22, *range(30, 40)),
        ):
            write(c, writer, batch)
        pages = dict(c.execute("select name_id, page from value_place").fetchall())
        each = [{pages[n] for n in names} for names in ((1, 2, 3, 4), range(10, 17), (20, 21, 22, *range(30, 40)))]
        assert [len(found) for found in each] == [1, 1, 2]
        assert len(set.union(*each)) == 4
        assert c.execute("select count(*) from reading_value_set").fetchone() == (5,)


def test_a_place_that_was_rolled_back_is_not_remembered(database: str) -> None:
    batch = history(3)
    with emptied(database) as c:
        writer = ReadingWriter(c)
        with c.transaction(force_rollback=True), c.cursor() as cursor:
            writer.write(cursor, batch)
        assert c.execute("select count(*) from value_place").fetchone() == (0,)
        write(c, writer, batch)
        assert stored(c) == as_stored(batch)


def test_the_cache_of_places_is_bounded_and_forgets_nothing_that_matters(database: str) -> None:
    with emptied(database) as c:
        places = Places(capacity=2 * SLOTS)
        first = {}
        for name in [*range(40), *range(40)]:
            one = np.array([name], np.int32)
            place = int(places.of(c, Wanted(one * 0 + 1, one, one >= 0), lambda: np.zeros(1, np.intp))[0])
            assert first.setdefault(name, place) == place
            assert len(places._keys) <= 2 * SLOTS
        assert sorted(first.values()) == list(range(SLOTS, SLOTS + 40))


def test_a_look_for_repeats_reads_the_indexes_below_the_view(any_database: str) -> None:
    batch = history()
    with emptied(any_database) as c:
        write(c, ReadingWriter(c), batch)
        c.execute("analyze")
        c.execute("set enable_seqscan = off")  # these tables are small: where there is an index to use, it is used
        store = TrackingStore(Link(any_database, "test"))
        device, boot, seq = np.array([1], np.int32), np.array([9], np.int32), np.array([7])
        found = store.stored("attr", device.astype(np.int64), np.array([T0 - WEEK]), np.array([T0 - WEEK + 7_000_000]))
        assert sorted(found.columns()["seq"].tolist()) == [0] * 4 + [7] * 4
        assert len(store.stored_unclocked("attr", device, boot, seq, T0 - WEEK)) == 0
        plans = {
            "seldom": f"explain {READ} where device_id = 1 and time >= '2026-05-27' and time < '2026-05-27 00:00:09'",
            "newest": f"explain {READ} where device_id = 1 and name_id = 2 order by time desc limit 1",
            "joined": "explain select r.* from (values (1, timestamptz '2026-05-27'), (2, '2026-05-28')) w (d, t)"
            " join reading_attribute r on r.device_id = w.d and r.time between w.t and w.t + interval '3 s'",
            "unclocked": "explain select r.* from (values (1, 9, 1), (2, 9, 2)) w (device_id, boot_id, seq)"
            " join reading_attribute r using (device_id, boot_id, seq) where r.flags & 32 <> 0",
        }
        for name, ask in plans.items():
            plan = "\n".join(line for (line,) in c.execute(ask.encode()))
            assert not re.search(r"Seq Scan on (reading|_hyper)", plan), (name, plan)
        store._link.close()
