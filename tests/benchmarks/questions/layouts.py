"""A history in our layout, through the tracker's own COPY, and the same one in wide rows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import psycopg
from psycopg import sql

from domain.readings import I64, AttributeBatch, Batch, PositionBatch
from domain.times import from_us
from store.copy import TABLE, copy_columns, spec_of
from store.partitions import Partitions
from store.registry import Registry
from store.writer import ReadingWriter
from tests.benchmarks.questions.history import FLEETS, LOAD_KG, MODELS, NAMES, NOMINAL_LPH, Plan, Rows
from tracker.engine.admit import sort

COMMIT_ROWS = 5_000  # messages; what a tracker that keeps up with a busy fleet commits at once
MOTION = ("lat", "lon", "altitude_m", "speed_mps", "heading_deg")
VEHICLES = (
    """create table fleet_vehicle (vehicle text not null, device_id int not null unique, fleet text not null,
       model text not null, load_capacity_kg float8 not null, nominal_lph float8 not null)""",
    """insert into vehicle (tenant_id, name, label, fleet, model, load_capacity_kg, nominal_fuel_lph)
       select %(tenant)s, 'truck-' || lpad(n::text, 5, '0'), 'Truck ' || n,
              (%(fleets)s::text[])[n %% %(fleet_count)s + 1], (%(models)s::text[])[n %% 3 + 1],
              (%(load)s::float8[])[n %% 3 + 1], (%(nominal)s::float8[])[n %% 3 + 1]
       from generate_series(0, %(vehicles)s - 1) n order by n""",
    """insert into device (tenant_id, name, kind, vehicle_id)
       select tenant_id, 'gps-' || substr(name, 7), 'tracker', id from vehicle order by name""",
    """insert into driver (tenant_id, name, label)
       select tenant_id, 'driver-' || substr(name, 7), 'Driver of ' || label from vehicle order by name""",
    """insert into vehicle_driver (tenant_id, vehicle_id, driver_id, valid_from, valid_to, recorded_by)
       select v.tenant_id, v.id, d.id, t.day, t.day + interval '1 day', 'bench'
       from vehicle v
       cross join generate_series(%(start)s, %(end)s - interval '1 day', interval '1 day') with ordinality t (day, n)
       join lateral (select id from driver order by (id + t.n * v.id) %% %(vehicles)s limit 1) d on true""",
    """insert into fleet_vehicle
       select v.name, d.id, v.fleet, v.model, v.load_capacity_kg, v.nominal_fuel_lph
       from vehicle v join device d on d.vehicle_id = v.id order by v.name""",
    """insert into label (kind, scope, text) select 'attr', d.device_id, a.name
       from fleet_vehicle d, unnest(%(names)s::text[]) a (name) order by 1, 2, 3""",
    "analyze",
)
STATES = """insert into vehicle_state (vehicle_id, tenant_id, time, received_at, device_id, lat, lon, speed_mps, flags,
                           status, status_since, carry)
    select v.id, v.tenant_id, r.time, r.received_at, r.device_id, r.lat, r.lon, r.speed_mps, r.flags, 'moving', r.time,
           ''
    from vehicle v join device d on d.vehicle_id = v.id cross join lateral (
        select * from reading_position p where p.device_id = d.id order by p.time desc limit 1) r"""
WIDE = (
    """create table wide_motion (time timestamptz not null, device_id int not null, lat float8, lon float8,
       altitude_m float8, speed_mps float8, heading_deg float8, fuel_lph float8) {partitioned}""",
    """create table wide_condition (time timestamptz not null, device_id int not null, fuel_ratio float8,
       load_kg float8, running float8) {partitioned}""",
)
INDEXES = (
    "create index on {} (device_id, time desc)",
    "create index on {} (time desc)",
)


@dataclass(frozen=True)
class Loaded:
    """Messages written, and the CPU seconds of the server's process that wrote them."""

    messages: int
    cpu_s: float


class World:
    """A database with so many vehicles registered, in both layouts."""

    def __init__(self, connection: psycopg.Connection, plan: Plan) -> None:
        self.connection, self.plan = connection, plan
        with connection.transaction():
            values = {
                "tenant": Registry(connection).tenant_id, "vehicles": plan.vehicles, "fleets": list(FLEETS),
                "fleet_count": len(FLEETS), "models": list(MODELS), "load": list(LOAD_KG),
                "nominal": list(NOMINAL_LPH), "names": list(NAMES), **self.span(plan),
            }  # fmt: skip
            for statement in VEHICLES:
                connection.execute(statement, values)
        rows = connection.execute("select device_id from fleet_vehicle order by vehicle").fetchall()
        self._device: I64 = np.array([row[0] for row in rows], dtype=np.int64)
        names = connection.execute("select (scope, text)::text, id from label where kind = 'attr'").fetchall()
        labels: dict[str, int] = dict(names)
        self._label: I64 = np.array([[labels[f"({d},{n})"] for n in NAMES] for d in self._device], dtype=np.int64)

    def batches(self, rows: Rows) -> Iterator[Batch]:
        """Messages as the tracker has them after it has decoded and sorted a frame."""
        n = len(rows)
        common = {
            "device_id": self._device[rows.vehicle], "time_us": rows.time_us, "received_us": rows.time_us + 400_000,
            "boot_id": np.full(n, 1), "seq": (rows.time_us - self.plan.start_us) // 1_000_000, "flags": np.zeros(n),
        }  # fmt: skip
        motion = {name: getattr(rows, name) for name in MOTION}
        unknown = {"accuracy_m": np.full(n, 4.5), "odometer_m": np.full(n, np.nan), "ignition": np.ones(n)}
        yield sort(PositionBatch.build(common | motion | unknown))
        repeated = {name: np.repeat(column, len(NAMES)) for name, column in common.items()}
        names = {"name_id": self._label[rows.vehicle].ravel(), "note_id": np.zeros(n * len(NAMES))}
        yield sort(AttributeBatch.build(repeated | names | {"value": rows.values.ravel()}))

    def load(self, history: Iterator[Rows]) -> Loaded:
        """Our layout, in commits of a busy fleet."""
        connection, cursor = self.connection, self.connection.cursor()
        writer, partitions = ReadingWriter(connection), Partitions(connection)
        before, messages = cpu_s(connection), 0
        for rows in commits(history):
            found = list(self.batches(rows))
            for batch in found:
                table = TABLE[batch.STREAM]
                partitions.create(connection, table, partitions.missing(table, batch.time_us))
            with connection.transaction():
                for batch in found:
                    writer.write(cursor, batch)
            messages += len(rows)
        found_cpu_s = cpu_s(connection) - before
        connection.execute(STATES)  # as the tracker keeps them
        return Loaded(messages, found_cpu_s)

    def load_wide(self, history: Iterator[Rows]) -> Loaded:
        """The layout held against, in the same commits."""
        connection, cursor = self.connection, self.connection.cursor()
        tables = ("wide_motion", "wide_condition")
        self._make_wide(tables, hypertables=not Partitions(connection).native)
        specs = [spec_of(connection, table) for table in tables]
        before, messages = cpu_s(connection), 0
        for rows in commits(history):
            order = np.lexsort((rows.time_us, rows.vehicle))
            motion = {name: getattr(rows, name) for name in MOTION}
            given = motion | {"time": rows.time_us, "device_id": self._device[rows.vehicle]}
            given |= dict(zip(NAMES, rows.values.T, strict=True))
            columns = {name: column[order] for name, column in given.items()}
            with connection.transaction():
                for table, spec in zip(tables, specs, strict=True):
                    copy_columns(cursor, table, spec, {name: columns[name] for name, _ in spec}, {})
            messages += len(rows)
        return Loaded(messages, cpu_s(connection) - before)

    def _make_wide(self, tables: tuple[str, ...], *, hypertables: bool) -> None:
        for table, statement in zip(tables, WIDE, strict=True):
            self.connection.execute(statement.format(partitioned="" if hypertables else "partition by range (time)"))
            name = sql.Identifier(table)
            for index in INDEXES:
                self.connection.execute(sql.SQL(index).format(name))
            if hypertables:
                self.connection.execute(
                    "select create_hypertable(%s::regclass, by_range('time', interval '1 day'), "
                    "create_default_indexes => false)", (table,),
                )  # fmt: skip
                continue
            for day in range(self.plan.days):
                since = from_us(self.plan.start_us) + timedelta(days=day)
                self.connection.execute(
                    sql.SQL("create table {} partition of {} for values from ({}) to ({})").format(
                        sql.Identifier(f"{table}_{day}"),
                        name,
                        since.isoformat(),
                        (since + timedelta(days=1)).isoformat(),
                    )
                )

    @staticmethod
    def span(plan: Plan) -> dict[str, object]:
        """What the questions are asked with."""
        return {"start": from_us(plan.start_us), "end": from_us(plan.end_us)}


def commits(history: Iterator[Rows]) -> Iterator[Rows]:
    """The history in pieces of one commit."""
    waiting: list[Rows] = []
    for rows in history:
        waiting.append(rows)
        if sum(map(len, waiting)) >= COMMIT_ROWS:
            together = Rows.concat(waiting)
            waiting = [together.take(slice(len(together) // COMMIT_ROWS * COMMIT_ROWS, None))]
            for at in range(0, len(together) - COMMIT_ROWS + 1, COMMIT_ROWS):
                yield together.take(slice(at, at + COMMIT_ROWS))
    yield from (rows for rows in [Rows.concat(waiting)] if len(rows))


def cpu_s(connection: psycopg.Connection) -> float:
    """CPU seconds of the process that serves a connection; the clock's where another machine does."""
    try:
        return int(Path(f"/proc/{connection.info.backend_pid}/schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return time.monotonic()


def bytes_of(connection: psycopg.Connection, tables: Mapping[str, str]) -> dict[str, int]:
    """Bytes on disk by name, indexes and all."""
    hyper = not Partitions(connection).native
    ask = "select hypertable_size(%s)" if hyper else (
        "select sum(pg_total_relation_size(relid)) from pg_partition_tree(%s::regclass)"
    )  # fmt: skip
    return {name: int((connection.execute(ask, (table,)).fetchone() or (0,))[0]) for name, table in tables.items()}
