"""Readings have an index by time, those of before too, on PostgreSQL and on TimescaleDB."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg

from domain.readings import TemperatureBatch
from domain.times import to_us
from store import migrate as migrations
from store.db import connect
from store.indexing import index_by_time
from store.partitions import Partitions
from store.writer import ReadingWriter

NOW = datetime(2026, 6, 3, tzinfo=UTC)
STEP = next(m for m in migrations.migrations() if m.name.endswith("time_index.sql")).sql.replace(
    "reading_attribute",
    "reading_value",  # its name since then
)
TABLES = re.findall(r"on only (\w+)", STEP)
PARTITIONS = """select n.nspname, c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    join pg_namespace n on n.oid = c.relnamespace where i.inhparent = 'reading_temperature'::regclass order by c.oid"""
INDEXES = """select count(*) filter (where y.indisvalid) from pg_inherits i left join (
        pg_index y join pg_class x on x.oid = y.indexrelid join pg_am a on a.oid = x.relam and a.amname = 'brin')
    on y.indrelid = i.inhrelid where i.inhparent = 'reading_temperature'::regclass group by i.inhrelid order by 1"""
OPTIONS = """select distinct x.reloptions from pg_inherits i join pg_index y on y.indrelid = i.inhrelid
    join pg_class x on x.oid = y.indexrelid join pg_am a on a.oid = x.relam and a.amname = 'brin'
    where i.inhparent = 'reading_temperature'::regclass"""
PARENT = "select indisvalid from pg_index where indexrelid = 'reading_temperature_time'::regclass"


def without_index(connection: psycopg.Connection, weeks: Sequence[int]) -> None:
    """As it was before: partitions with readings of so many weeks ago."""
    for table in TABLES:
        connection.execute(f"drop index {table}_time")
    store(connection, weeks)


def store(connection: psycopg.Connection, weeks: Sequence[int]) -> None:
    partitions, n = Partitions(connection), 10
    for week in weeks:
        at = np.full(n, to_us(NOW - timedelta(weeks=week)))
        columns = {"device_id": np.ones(n), "time_us": at, "received_us": at, "boot_id": np.ones(n)}
        columns |= {"seq": np.arange(n), "flags": np.zeros(n), "probe_id": np.ones(n), "temp_c": np.full(n, 4.0)}
        unknown = {"humidity_pct": np.full(n, np.nan), "correction_c": np.full(n, np.nan)}
        batch = TemperatureBatch.build(columns | unknown)
        partitions.create(connection, "reading_temperature", partitions.missing("reading_temperature", batch.time_us))
        with connection.transaction(), connection.cursor() as cursor:
            ReadingWriter(connection).write(cursor, batch)


def indexes(connection: psycopg.Connection) -> list[int]:
    """Valid indexes by time of each partition."""
    return [n for (n,) in connection.execute(INDEXES).fetchall()]


def test_partitions_of_before_are_given_their_index_and_new_ones_have_it(any_database: str) -> None:
    with connect(any_database, "test") as c:
        without_index(c, [20, 10])
        c.execute(STEP.encode())
        store(c, [0])
        assert indexes(c) == [0, 0, 1]
        assert index_by_time(any_database) == 2
        assert indexes(c) == [1, 1, 1]
        assert c.execute(OPTIONS).fetchall() == [(["autosummarize=on"],)]
        assert c.execute(PARENT).fetchone() == (True,)
        assert index_by_time(any_database) == 0
        assert c.execute("select count(*) from reading_temperature").fetchone() == (30,)


def test_a_building_that_was_interrupted_is_gone_on_with(any_database: str) -> None:
    with connect(any_database, "test") as c:
        without_index(c, [20, 10])
        names = [f"{schema}.{name}" for schema, name in c.execute(PARTITIONS).fetchall()]
        for name in names:
            index = f"{name.split('.')[1]}_time_idx"
            c.execute(f"create index {index} on {name} using brin (time timestamptz_minmax_multi_ops)")
        broken = f"{names[0]}_time_idx"  # the server ended in the middle of it; the other one only was not told of
        c.execute(f"update pg_index set indisvalid = false where indexrelid = '{broken}'::regclass")
        c.execute(STEP.encode())
        assert index_by_time(any_database) == 1
        assert indexes(c) == [1, 1]
        assert c.execute(PARENT).fetchone() == (True,)


def test_a_busy_partition_is_left_for_next_time_and_nobody_waits(any_database: str) -> None:
    with connect(any_database, "test") as c:
        without_index(c, [10])
        c.execute(STEP.encode())
        c.execute("select pg_advisory_lock(hashtextextended('frostway.indexing', 0))")
        assert index_by_time(any_database) == 0, "somebody else does it"
        assert indexes(c) == [0]
        c.execute("select pg_advisory_unlock(hashtextextended('frostway.indexing', 0))")
        assert index_by_time(any_database) == 1
