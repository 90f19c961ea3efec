"""Schema, partitions, binary COPY and the log, on PostgreSQL and on TimescaleDB."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import LiteralString, cast

import numpy as np
import psycopg
import pytest
from psycopg import sql

from domain.readings import BATCHES, BY_STREAM
from domain.times import to_us
from store import migrate as migrations
from store.arrays import NO_TIME, aggregated, array, arrays, column_stack
from store.copy import NOT_GIVEN, TABLE, copy_columns, spec_of
from store.db import at_once, connect
from store.labels import Labels
from store.link import Link, Stopped
from store.log import PostgresLog
from store.partitions import READING_TABLES, Partitions, drop_older, edition
from store.writer import ReadingWriter
from tests.connections import cut
from tests.deadlines import deadline

SCHEMA = """
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition and a.attnum > 0 and not a.attisdropped
order by 1, a.attnum
"""


def sample(kind, n, now_us):
    """Rows with every column filled, and NULLs where a stream allows them."""
    rng = np.random.default_rng(3)
    columns = {}
    for name, dtype in kind.DTYPES.items():
        if dtype == "i1":
            columns[name] = rng.integers(0 if name == "open" else -1, 2, n)
        elif dtype.startswith("f"):
            columns[name] = rng.uniform(-60, 60, n)
            if name not in ("lat", "lon", "temp_c"):
                columns[name][rng.random(n) < 0.4] = np.nan
        else:
            columns[name] = rng.integers(0, 100, n)
    columns["time_us"] = now_us + np.arange(n) * 1_234_567
    columns["received_us"] = columns["time_us"] + 7
    return kind.build(columns)


def test_from_scratch_and_again_is_the_same_schema(any_database):
    with connect(any_database, "test") as c:
        before = c.execute(SCHEMA).fetchall()
        assert migrations.migrate(any_database) == (len(migrations.migrations()),) * 2
        assert c.execute(SCHEMA).fetchall() == before
        migrations.check(c)


def test_every_table_with_a_tenant_is_behind_row_level_security_or_reached_only_by_the_tracker(database):
    with connect(database, "test") as c:
        rows = c.execute(
            "select c.relname, c.relrowsecurity, has_table_privilege('frostway_api', c.oid, 'select') from pg_class c "
            "join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' where c.relkind = 'r' "
            "and c.relnamespace = 'public'::regnamespace"
        ).fetchall()
    open_ones = {name for name, secured, readable in rows if readable and not secured}
    assert rows
    assert open_ones == set()


def test_a_newer_schema_is_refused_in_clear_words(database):
    with connect(database, "test") as c:
        c.execute("insert into schema_version (version, name) values (9999, 'future')")
        with pytest.raises(migrations.SchemaError, match="install the newer Frostway"):
            migrations.check(c)
    with pytest.raises(migrations.SchemaError, match="version 9999"):
        migrations.migrate(database)


def test_two_programs_may_migrate_at_once(postgres):
    with psycopg.connect(postgres.dsn, autocommit=True) as c:
        c.execute("create database at_once")
    dsn = psycopg.conninfo.make_conninfo(postgres.dsn, dbname="at_once")
    found, threads = [], []
    for _ in range(3):
        threads.append(threading.Thread(target=lambda: found.append(migrations.migrate(dsn))))
        threads[-1].start()
    for t in threads:
        t.join(deadline(30))
    version = len(migrations.migrations())
    assert sorted(found) == [(0, version), (version, version), (version, version)]


def test_a_failed_migration_leaves_nothing(database, monkeypatch):
    good = migrations.migrations()
    broken = "create table half (a int); select nothing_here()"
    steps = [*good, migrations.Migration(len(good) + 1, "9999_broken.sql", broken)]
    monkeypatch.setattr(migrations, "migrations", lambda: steps)
    with pytest.raises(psycopg.errors.UndefinedFunction):
        migrations.migrate(database)
    with connect(database, "test") as c:
        assert c.execute("select to_regclass('half'), max(version) from schema_version").fetchone() == (
            None,
            len(good),
        )


def test_the_edition_is_told(any_database, request):
    with connect(any_database, "test") as c:
        found = edition(c)
        assert found.available == ("timescale" in request.node.callspec.id)
        assert not found.available or found.license in ("apache", "timescale")


@pytest.mark.parametrize("kind", BATCHES, ids=lambda k: k.STREAM)
def test_every_value_copied_is_read_back(any_database, kind):
    now = to_us(datetime(2026, 3, 1, tzinfo=UTC))
    batch = sample(kind, 500, now)
    with connect(any_database, "test") as c:
        parts = Partitions(c)
        parts.create(c, TABLE[kind.STREAM], parts.missing(TABLE[kind.STREAM], batch.time_us))
        with c.transaction(), c.cursor() as cursor:
            ReadingWriter(c).write(cursor, batch)
        names = {"time_us": "time", "received_us": "received_at"}
        wanted = ", ".join(names.get(n, n) for n in kind.DTYPES)
        rows = c.execute(f"select {wanted} from {TABLE[kind.STREAM]} order by time", binary=True).fetchall()
    for index, (name, dtype) in enumerate(kind.DTYPES.items()):
        column = [row[index] for row in rows]
        if name in names:
            assert [to_us(v) for v in column] == getattr(batch, name).tolist()
        elif dtype == "i1":
            assert [-1 if v is None else int(v) for v in column] == getattr(batch, name).tolist()
        elif name in NOT_GIVEN:
            assert [v or 0 for v in column] == getattr(batch, name).tolist()
        else:
            np.testing.assert_array_equal(
                np.array([np.nan if v is None else v for v in column], dtype=dtype), getattr(batch, name)
            )


def test_a_number_that_does_not_fit_is_an_error_not_another_number(database):
    with connect(database, "test") as c, c.cursor() as cursor:
        c.execute("create table narrow (a int)")
        with pytest.raises(OverflowError, match="does not fit"):
            copy_columns(cursor, "narrow", spec_of(c, "narrow"), {"a": np.array([3_000_000_000])}, {})


UNNEST = "select * from unnest(%s::int4[], %s::timestamptz[], %s::float8[], %s::text[], %s::bytea[])"
LATER = datetime(2026, 3, 29, 1, 2, 3, 456789, UTC)


def test_columns_packed_as_arrays_arrive_as_they_are_and_null_where_nothing_is(database):
    columns = [
        (1, None, -(2**31)),
        np.array([to_us(LATER), NO_TIME, 0]),
        (None, float("nan"), -1.5),
        ("Süd", None, ""),
        (b"\x00", b"", None),
    ]
    with connect(database, "test") as c:
        assert c.execute(UNNEST, arrays(UNNEST, columns)).fetchall() == [
            (1, LATER, None, "Süd", b"\x00"),
            (None, None, None, None, b""),
            (-(2**31), datetime(1970, 1, 1, tzinfo=UTC), -1.5, "", None),
        ]
        assert c.execute(UNNEST, arrays(UNNEST, [()] * 5)).fetchall() == []
        wide = "select * from unnest(%s::int8[], %s::int2[], %s::float4[])"
        found = c.execute(wide, arrays(wide, [[2**62], np.array([-7]), np.array([0.25], dtype=np.float32)])).fetchall()
        assert found == [(2**62, -7, 0.25)]


def test_an_array_that_would_not_be_what_was_meant_is_refused():
    with pytest.raises(OverflowError, match="int4"):
        array("int4", np.array([2**31]))
    with pytest.raises(ValueError, match="1 columns, wanted 5: int4, timestamptz"):
        arrays(UNNEST, [(1,)])


def test_old_partitions_go_and_new_ones_are_kept_ahead(any_database):
    now = datetime(2026, 6, 3, tzinfo=UTC)
    with connect(any_database, "test") as c:
        parts = Partitions(c)
        if parts.native:
            parts.keep_ahead(c, now)
            assert len(c.execute("select 1 from pg_inherits").fetchall()) >= 3 * len(READING_TABLES)
        for weeks in (0, 10, 20):
            batch = sample(BY_STREAM["temp"], 10, to_us(now - timedelta(weeks=weeks)))
            parts.create(c, "reading_temperature", parts.missing("reading_temperature", batch.time_us))
            with c.transaction(), c.cursor() as cursor:
                ReadingWriter(c).write(cursor, batch)
        assert drop_older(c, now - timedelta(weeks=8)) == 2
        assert c.execute("select count(*) from reading_temperature").fetchone() == (10,)
        assert drop_older(c, now - timedelta(weeks=8)) == 0


def test_the_log_gives_positions_without_holes_and_reads_them_in_order(database):
    link = Link(database, "test")
    log = PostgresLog(link)
    assert log.heads() == {}
    assert log.append({0: b"a", 3: b"b"}) == {0: 1, 3: 1}
    assert log.append({3: b"c"}) == {3: 2}
    assert [tuple(f) for f in log.read({0: 0, 1: 0, 3: 0}, 10**6)] == [(0, 1, b"a"), (3, 1, b"b"), (3, 2, b"c")]
    assert [f.body for f in log.read({3: 1}, 10**6)] == [b"c"]
    assert [f.body for f in log.read({3: 0}, 1)] == [b"b"]  # a limit never starves: the first one always comes
    assert log.heads() == {0: 1, 3: 2}
    assert log.trim({3: 1}, datetime.now(UTC) + timedelta(seconds=5)) == 1
    assert [f.body for f in log.read({0: 0, 3: 0}, 10**6)] == [b"a", b"c"]
    link.close()


def test_many_writers_leave_no_hole_a_reader_could_step_over(database):
    """A reader that follows while four writers append sees every frame, in order, exactly once."""
    done = threading.Event()

    def write(name):
        link = Link(database, "writer")
        log = PostgresLog(link)
        for i in range(50):
            log.append({p: f"{name}.{i}".encode() for p in (0, 1)})
        link.close()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    seen, after = {0: [], 1: []}, {0: 0, 1: 0}

    def follow():
        link = Link(database, "reader")
        log = PostgresLog(link)
        while not done.is_set() or log.read(after, 10**6):
            for frame in log.read(after, 10**6):
                assert frame.position == after[frame.partition] + 1
                after[frame.partition] = frame.position
                seen[frame.partition].append(frame.body)
        link.close()

    reader = threading.Thread(target=follow)
    reader.start()
    for t in threads:
        t.start()
    for t in threads:
        t.join(deadline(60))
    done.set()
    reader.join(deadline(60))
    wanted = {f"{n}.{i}".encode() for n in range(4) for i in range(50)}
    assert set(seen[0]) == set(seen[1]) == wanted
    assert len(seen[0]) == len(seen[1]) == 200


def test_labels_are_the_same_for_everybody_and_a_device_cannot_make_them_without_end(database, monkeypatch):
    monkeypatch.setattr(Labels, "PER_DEVICE_MAX", 5)
    one, two = Link(database, "one"), Link(database, "two")
    first = Labels(one).ids([("boot", 1, "b1"), ("boot", 2, "b1"), ("epc", 1, "30AA")])
    assert len(set(first.values())) == 3
    assert Labels(two).ids([("boot", 2, "b1"), ("boot", 1, "b1")]) == {k: v for k, v in first.items() if k[0] == "boot"}
    made = Labels(two).ids([("boot", 1, f"x{i}") for i in range(10)])
    assert len(made) == 4
    one.close()
    two.close()


def test_a_link_comes_back_after_its_connection_was_killed(database):
    link = Link(database, "test victim")
    assert link.run(lambda: link.connection.execute("select 1").fetchone()) == (1,)
    assert cut(database, "frostway test victim") == 1
    assert link.run(lambda: link.connection.execute("select 2").fetchone()) == (2,)
    link.close()


def test_a_link_to_nowhere_ends_when_asked_to_stop():
    stop = threading.Event()
    link = Link("host=/nonexistent dbname=x", "test", stop)
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(Stopped):
        link.run(lambda: link.connection)


def test_what_is_sent_at_once_is_stored_whole_or_not_at_all(database):
    def put(c, *numbers):
        with at_once(c):
            for n in numbers:
                c.execute("insert into told values (%s)", (n,))
                assert n < 9  # a fault of ours

    with connect(database, "test") as c:
        c.execute("create table told (n int primary key)")
        put(c, 1, 2)
        with pytest.raises(AssertionError):
            put(c, 3, 9)
        with pytest.raises(psycopg.errors.UniqueViolation):
            put(c, 4, 1, 5)
        with at_once(c):
            found = c.execute("select n from told order by n").fetchall()
        assert found == [(1,), (2,)]
        assert c.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


@pytest.mark.parametrize("width", range(1, 8))
def test_a_long_answer_comes_as_columns_of_numbers_also_when_there_are_none(database: str, width: int) -> None:
    column = sql.SQL("case when (n + {0}) %% 5 <> 0 then n * ({0} + 1) / %(by)s::float8 end")
    text = sql.SQL("select {} from generate_series(1, %(to)s::int) n order by n").format(
        sql.SQL(", ").join(column.format(c) for c in range(width))
    )
    with connect(database, "test") as connection, connection.cursor(binary=True) as cursor:
        query = cast("LiteralString", text.as_string(connection))
        cursor.execute(aggregated(query, width, 8), {"by": 4, "to": 9})
        found = column_stack(cursor.pgresult, width)
        cursor.execute(aggregated(query, width, 8), {"by": 4, "to": 0})
        nothing = column_stack(cursor.pgresult, width)
    n, c = np.meshgrid(np.arange(1, 9), np.arange(width), indexing="ij")
    np.testing.assert_array_equal(found, np.where((n + c) % 5, n * (c + 1) / 4, np.nan))
    assert nothing.shape == (0, width)
