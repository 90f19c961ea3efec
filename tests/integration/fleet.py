"""Small builders for tracker tests: a registry, frames, and the facts that came of them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import psycopg

from domain.frames import encode
from domain.readings import BY_STREAM, Batch
from store.db import connect
from store.labels import Labels
from store.link import Link
from store.log import PostgresLog
from store.registry import DeviceSpec, Registry
from tests.logins import of_tracker
from tracker.engine.family import Family
from tracker.families import FAMILIES
from tracker.service import Tracker, TrackerConfig

T0 = 1_750_000_000_000_000  # 2025-06-15T15:06:40Z in microseconds
S = 1_000_000

FACTS = {
    "visits": (
        "select vehicle_id, site_id, entered_at, left_at from visit "
        "where superseded_at is null and not retracted order by 1, 2, 3"
    ),
    "trips": (
        "select vehicle_id, kind, started_at, ended_at, start_lat, start_lon, end_lat, end_lon, distance_m, "
        "gap_m, moving_s, idle_s, unknown_s, speed_max_mps, odometer_m, carried_m from trip "
        "where superseded_at is null and not retracted order by 1, 3"
    ),
    "excursions": (
        "select probe_id, kind, started_at, ended_at, alarm_at, round(extreme_c::numeric, 6), samples "
        "from excursion where superseded_at is null and not retracted order by 1, 2, 3"
    ),
    "alerts": (
        "select kind, device_id, opened_at, alarm_at, cleared_at from alert "
        "where kind = 'temperature' "
        "and fact_id in (select id from excursion where superseded_at is null and not retracted) "
        "order by 3, 4"
    ),
    "calls": (
        "select shipment_id, stop_id, vehicle_id, arrived_at, departed_at from stop_call "
        "where superseded_at is null and not retracted order by 1, 2"
    ),
    "deviations": (
        "select shipment_id, stop_id, kind, started_at, ended_at from deviation "
        "where superseded_at is null and not retracted order by 1, 2, 3"
    ),
    "stops": "select id, arrived_at, departed_at from stop order by 1",
    "shipments": "select id, status, started_at, delivered_at from shipment order by 1",
    "vehicle": (
        "select time, lat, lon, status, status_since, trip_distance_m, trip_gap_m, trip_moving_s, trip_idle_s, "
        "trip_unknown_s, trip_speed_max_mps, odometer_m, trip_carried_m from vehicle_state order by vehicle_id"
    ),
    "series": "select time, temp_c, state from series_state order by probe_id",
}


@dataclass
class Fleet:
    """One truck with a tracker and a reefer, one site, one shelf; readings go straight into the log."""

    dsn: str
    now_us: int = T0 + 86_400 * S
    ids: dict[str, int] = field(default_factory=dict)
    probe: int = 0
    slot: int = 0

    def __post_init__(self) -> None:
        with connect(self.dsn, "test") as c, c.transaction():
            r = Registry(c)
            r.put_profile("chilled", low_c=2, high_c=8, for_s=60, hysteresis_c=0.3, max_interval_s=300)
            r.put_site("dc-1", label="DC", kind="dc", lat=60.0, lon=25.0, radius_m=200)
            milk = r.put_product("MILK", label="Milk", gtin="06414123456783", unit_mass_kg=1.0, reorder_point=3)
            self.ids["gps"] = r.put_device(DeviceSpec("gps-1", "tracker", vehicle="truck-1"))
            self.ids["reefer"] = r.put_device(DeviceSpec("reefer-1", "reefer", vehicle="truck-1", profile="chilled"))
            self.ids["shelf"] = r.put_device(DeviceSpec("shelf-1", "shelf", site="dc-1", zone="shelf"))
            self.ids["portal"] = r.put_device(DeviceSpec("portal-1", "rfid", site="dc-1", zone="dock"))
            r.put_slot(self.ids["shelf"], "A", milk)
        link = Link(self.dsn, "test labels")
        keys = Labels(link).ids([("probe", self.ids["reefer"], "rear"), ("slot", self.ids["shelf"], "A")])
        self.probe, self.slot = keys["probe", self.ids["reefer"], "rear"], keys["slot", self.ids["shelf"], "A"]
        link.close()

    def label(self, kind: str, scope: int, text: str) -> int:
        link = Link(self.dsn, "test labels")
        key = Labels(link).ids([(kind, scope, text)])[kind, scope, text]
        link.close()
        return key

    def batch(self, stream: str, device: str, t_s, seq=None, boot: int = 0, **columns) -> Batch:
        """A batch of one device at seconds after T0."""
        kind = BY_STREAM[stream]
        n = len(t_s)
        filled = {}
        for name, dtype in kind.DTYPES.items():
            filled[name] = np.full(n, np.nan if dtype.startswith("f") else -1 if dtype == "i1" else 0, dtype=dtype)
        filled |= {
            "device_id": np.full(n, self.ids[device]),
            "time_us": T0 + np.rint(np.asarray(t_s, float) * S).astype(np.int64),
            "received_us": np.full(n, T0 + 1),
            "seq": np.full(n, -1) if seq is None else np.asarray(seq),
            "boot_id": np.full(n, boot),
        }
        filled |= {name: np.broadcast_to(np.asarray(value), (n,)) for name, value in columns.items()}
        return kind.build(filled)

    def append(self, *batches: Batch, partition: int = 0) -> None:
        link = Link(self.dsn, "test log")
        PostgresLog(link).append({partition: encode(batches)})
        link.close()

    def tracker(self, families: Sequence[type[Family]] = FAMILIES) -> Tracker:
        """A tracker that has taken the partitions but done nothing yet."""
        config = TrackerConfig(of_tracker(self.dsn), partitions=1)
        t = Tracker(config, threading.Event(), clock=lambda: self.now_us, families=families)
        t.load()
        return t

    def settle(self, t: Tracker) -> None:
        """All frames, then all late work."""
        while t.step():
            pass
        while t.engine.late:
            t._refold_some(self.now_us, now=True)

    def rows(self, query: str) -> list[tuple]:
        with psycopg.connect(self.dsn, options="-c timezone=UTC") as c:
            return c.execute(query).fetchall()  # type: ignore[arg-type]

    def facts(self) -> dict[str, list[tuple]]:
        """Current facts without ids and decision times."""
        with psycopg.connect(self.dsn, options="-c timezone=UTC") as c:
            return {name: c.execute(query).fetchall() for name, query in FACTS.items()}  # type: ignore[arg-type]

    def close(self, t: Tracker) -> None:
        """Returns when the next may have its partition: a lock goes with the server's process, a little later."""
        held = t._owned
        t._link.close()
        with psycopg.connect(self.dsn, autocommit=True, options="-c lock_timeout=60s") as c:
            for partition in held:
                c.execute("select pg_advisory_lock(hashtextextended('frostway.partition', %s))", (partition,))
            c.execute("select pg_advisory_unlock_all()")
