"""Bytes on disk per stored reading, index and page space included, against the bare row in a table without an index."""

from __future__ import annotations

from store.db import connect
from tests.benchmarks.figures import Figure

TABLES = {"positions": "reading_position", "temperatures": "reading_temperature"}


def measure(dsn: str) -> list[Figure]:
    """The figures of a database that the tracker has filled."""
    found = []
    with connect(dsn, "bench") as connection:
        for name, table in TABLES.items():
            connection.execute("drop table if exists bench_bare")
            connection.execute(f"create unlogged table bench_bare as select * from {table}")
            connection.execute(f"vacuum bench_bare, {table}")  # gives back the pages that were taken ahead
            row = connection.execute(
                "select count(*), pg_relation_size('bench_bare'), "
                "(select sum(pg_total_relation_size(relid)) from pg_partition_tree(%(table)s::regclass)), "
                "(select sum(pg_relation_size(relid)) from pg_partition_tree(%(table)s::regclass)) from bench_bare",
                {"table": table},
            ).fetchone()
            rows, bare, total, heap = (int(v) for v in row or (1, 1, 1, 1))
            found.append(
                Figure(
                    f"stored {name}",
                    "B/reading",
                    [total / rows],
                    {"bare row, no index": bare / rows},
                    smaller_is_better=True,
                    details_are="bytes",
                    details={"table": heap / rows, "index and the rest": (total - heap) / rows, "rows": rows},
                )
            )
        connection.execute("drop table bench_bare")
    return found
