"""The registered world of the benchmarks, and log frames of it as ingest would write them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import psycopg

from domain.frames import encode
from domain.names import partition_of
from domain.readings import I64, PositionBatch, TemperatureBatch
from store.registry import Registry
from tests.benchmarks.fleet import DEGREE_M, SITES, SPEED_MPS, site_place, track

SHIPMENT_EVERY = 10
GROUP = 2_000  # readings of one group commit of ingest at most, when they come singly
TEMPERATURE_EVERY_S = 5
FILL = (
    """insert into vehicle (tenant_id, name, label)
       select %(tenant)s, 'truck-' || lpad(n::text, 5, '0'), 'Truck ' || n
       from generate_series(0, %(vehicles)s - 1) n order by n""",
    """insert into device (tenant_id, name, kind, vehicle_id)
       select tenant_id, 'gps-' || substr(name, 7), 'tracker', id from vehicle order by name""",
    """insert into device (tenant_id, name, kind, vehicle_id, profile_id)
       select tenant_id, 'reefer-' || substr(name, 7), 'reefer', id, %(profile)s from vehicle order by name""",
    "insert into label (kind, scope, text) select 'probe', id, 'main' from device where kind = 'reefer' order by id",
)
KEYS = """select v.name, g.id, r.id, l.id from vehicle v
          join device g on g.vehicle_id = v.id and g.kind = 'tracker'
          join device r on r.vehicle_id = v.id and r.kind = 'reefer'
          join label l on l.kind = 'probe' and l.scope = r.id order by v.name"""


@dataclass(frozen=True)
class Fleet:
    """What was registered: keys by number of the vehicle."""

    vehicles: int
    tracker_id: I64
    reefer_id: I64
    probe_id: I64
    partition: I64


def register(connection: psycopg.Connection, vehicles: int, partitions: int = 4) -> Fleet:
    """Vehicles `truck-00000`…, each with `gps-00000` and a reefer of one probe; sites, profile and shipments."""
    with connection.transaction():
        registry = Registry(connection)
        tenant = registry.tenant_id
        profile = registry.put_profile("chilled", low_c=2.0, high_c=8.0, for_s=60.0)
        for number in range(SITES):
            _put_site(registry, number)
        for statement in FILL:
            connection.execute(statement, {"tenant": tenant, "vehicles": vehicles, "profile": profile})
        for number in range(0, vehicles, SHIPMENT_EVERY):
            _put_shipment(registry, number)
    connection.execute("analyze")
    rows = connection.execute(KEYS).fetchall()
    home = [partition_of("main", f"vehicle/{row[0]}", partitions) for row in rows]
    keys = np.array([row[1:] for row in rows], dtype=np.int64).reshape(-1, 3)
    return Fleet(vehicles, keys[:, 0], keys[:, 1], keys[:, 2], np.array(home, dtype=np.int64))


def _put_site(registry: Registry, number: int) -> None:
    lat, lon = (float(v) for v in site_place(number))
    polygon = None
    if number % 3 == 0:
        corners = np.radians(np.arange(0, 361, 45))
        north, east = 180.0 * np.sin(corners) / DEGREE_M, 180.0 * np.cos(corners) / DEGREE_M / np.cos(np.radians(lat))
        ring = np.column_stack([lon + east, lat + north]).tolist()
        polygon = {"type": "Polygon", "coordinates": [ring]}
    kind = "dc" if number == 0 else "store"
    registry.put_site(f"site-{number:03d}", label=f"Site {number}", kind=kind, lat=lat, lon=lon, polygon=polygon)


def _put_shipment(registry: Registry, number: int) -> None:
    """Three stops, the first at the vehicle's home site; the line between them has a vertex every 200 m or so."""
    places = [(number + k) % SITES for k in range(3)]
    at = [tuple(float(v) for v in site_place(place)) for place in places]
    stops = [
        {"seq": k + 1, "name": f"S-{number}-{k + 1}", "label": f"Site {p}", "site": f"site-{p:03d}", "lat": a, "lon": o}
        for k, (p, (a, o)) in enumerate(zip(places, at, strict=True))
    ]
    line = [
        [float(o), float(a)]
        for (a0, o0), (a1, o1) in pairwise(at)
        for a, o in zip(np.linspace(a0, a1, 50), np.linspace(o0, o1, 50), strict=True)
    ]
    registry.put_shipment(
        f"S-{number}", reference=f"PO {number}", vehicle=f"truck-{number:05d}", stops=stops, planned_line=line,
        status="in_transit",
    )  # fmt: skip


def positions(fleet: Fleet, seconds: Sequence[int], start_us: int) -> Iterator[tuple[I64, PositionBatch]]:
    """One fix of every vehicle per second: (number of the vehicle, batch)."""
    vehicle = np.arange(fleet.vehicles, dtype=np.int64)
    n = fleet.vehicles
    for second in seconds:
        lat, lon, heading = track(vehicle, second)
        at = start_us + second * 1_000_000
        columns = {
            "device_id": fleet.tracker_id, "time_us": np.full(n, at), "received_us": np.full(n, at + 400_000),
            "boot_id": np.full(n, 1), "seq": np.full(n, second), "flags": np.zeros(n), "lat": lat.round(6),
            "lon": lon.round(6), "speed_mps": np.full(n, SPEED_MPS), "heading_deg": heading.round(),
            "accuracy_m": np.full(n, 4.5), "altitude_m": np.full(n, np.nan), "odometer_m": np.full(n, np.nan),
            "ignition": np.ones(n),
        }  # fmt: skip
        yield vehicle, PositionBatch.build(columns)


def temperatures(fleet: Fleet, second: int, start_us: int) -> tuple[I64, TemperatureBatch]:
    """One temperature of every vehicle whose turn it is; one probe in fifty is too warm now and then."""
    vehicle = np.arange(second % TEMPERATURE_EVERY_S, fleet.vehicles, TEMPERATURE_EVERY_S, dtype=np.int64)
    n = len(vehicle)
    at = start_us + second * 1_000_000
    warm = (vehicle % 50 == 0) & ((second + vehicle) % 600 < 200)
    columns = {
        "device_id": fleet.reefer_id[vehicle], "time_us": np.full(n, at), "received_us": np.full(n, at + 400_000),
        "boot_id": np.full(n, 1), "seq": np.full(n, second), "flags": np.zeros(n), "probe_id": fleet.probe_id[vehicle],
        "temp_c": np.where(warm, 9.0, 5.0) + np.sin(second / 60 + vehicle).round(2), "humidity_pct": np.full(n, np.nan),
        "correction_c": np.full(n, np.nan),
    }  # fmt: skip
    return vehicle, TemperatureBatch.build(columns)


def frames(fleet: Fleet, readings: int, start_us: int, *, first_second: int = 0) -> Iterator[dict[int, bytes]]:
    """Log frames of at least so many readings, GROUP at a time, as ingest appends them."""
    made, second = 0, first_second
    while made < readings:
        (of_fix, fixes), (of_temp, temps) = (
            next(positions(fleet, [second], start_us)),
            temperatures(fleet, second, start_us),
        )
        parts = max(1, -(-(len(fixes) + len(temps)) // GROUP))
        for part in range(parts):
            mine, also = of_fix % parts == part, of_temp % parts == part
            some, more = fixes.take(mine), temps.take(also)
            home, home_too = fleet.partition[of_fix[mine]], fleet.partition[of_temp[also]]
            found = {int(p): [some.take(home == p), more.take(home_too == p)] for p in np.unique(home)}
            yield {p: encode([b for b in batches if len(b)]) for p, batches in found.items()}
        made += len(fixes) + len(temps)
        second += 1
