"""A small world for tests of the API, written by SQL as registry and tracker would, and a server on a real port."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import orjson
import psycopg

from api.app import ApiConfig
from api.http.jsons import when
from api.service import listen, make_server
from domain.digits import shown
from serving.connection import Limits
from store.db import connect
from store.registry import DeviceSpec, Registry
from store.secrets import new_token, password_hash, token_hash
from store.tenants import add_tenant, tenants
from tests.deadlines import deadline
from tests.logins import of_api
from tracker.families import KINDS

T0 = datetime(2026, 11, 22, 10, tzinfo=UTC)
PASSWORD = "correct horse"
SEALING = "a secret of many random bits"


def registry_of(connection: psycopg.Connection, tenant: str) -> Registry:
    """The registry of a tenant, which is added when it is new."""
    if tenant not in {each.name for each in tenants(connection)}:
        add_tenant(connection, tenant)
    return Registry(connection, tenant)


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


class World:
    """One tenant's things, named after `tag` so that a leak into another tenant's answer is seen."""

    def __init__(self, dsn: str, tenant: str = "main", tag: str = "") -> None:
        self.connection = connect(dsn, "test")
        self.tenant, self.tag = tenant, tag
        self.registry = registry_of(self.connection, tenant)
        self.tenant_id = self.registry.tenant_id
        self.ids: dict[str, int] = {}

    def close(self) -> None:
        self.connection.close()

    def one(self, query: str, *values: Any) -> Any:
        row = self.connection.execute(query, values).fetchone()
        return row[0] if row else None

    def run(self, query: str, *values: Any) -> None:
        self.connection.execute(query, values)

    # ------------------------------------------------------------ who
    def token(self, role: str = "admin", user: str = "") -> str:
        token = new_token()
        self.registry.add_token(token_hash(token), kind="bearer", subject=user or f"{role}-token", role=role)
        return token

    def revoke(self, token: str) -> None:
        self.run("update access_token set revoked_at = now() where token_sha256 = %s", token_hash(token))

    def account(self, user: str, role: str = "admin", password: str = PASSWORD) -> None:
        self.registry.put_account(user, role, password_hash(password))

    # ------------------------------------------------------------ things
    def furnish(self, vehicles: int = 1) -> None:
        """A distribution centre, a store, vehicles with tracker and reefer, a product on a shelf, a shipment."""
        tag, put = self.tag, self.registry
        put.put_profile("chilled", low_c=2.0, high_c=8.0, for_s=600)
        self.ids["dc-1"] = put.put_site("dc-1", label=f"Centre{tag}", kind="dc", lat=60.0, lon=24.0)
        self.ids["store-1"] = put.put_site("store-1", label=f"Store{tag}", kind="store", lat=60.2, lon=24.9)
        self.ids["chiller"] = put.put_zone("store-1", "chiller", f"Chiller{tag}")
        self.ids["MILK"] = put.put_product("MILK", label=f"Milk{tag}", reorder_point=20)
        for n in range(1, vehicles + 1):
            name = f"truck-{n:02d}"
            self.ids[name] = put.put_vehicle(name, f"Truck {n}{tag}")
            self.device(f"gps-{n:02d}", "tracker", vehicle=name)
            self.device(f"reefer-{n:02d}", "reefer", vehicle=name, profile="chilled")
        self.device("shelf-1", "shelf", site="store-1", zone="chiller")
        put.put_zone("store-1", "chiller", f"Chiller{tag}")
        self.ids["S-1"] = put.put_shipment(
            "S-1",
            reference=f"PO 1{tag}",
            vehicle="truck-01",
            customer=f"Customer{tag}",
            profile="chilled",
            stops=[
                {"seq": 1, "name": "S-1-1", "label": "Centre", "site": "dc-1", "lat": 60.0, "lon": 24.0},
                {"seq": 2, "name": "S-1-2", "label": f"Store{tag}", "site": "store-1", "lat": 60.2, "lon": 24.9},
            ],
            planned_line=[[24.0, 60.0], [24.9, 60.2]],
        )

    def device(self, name: str, kind: str, **place: str) -> int:
        self.ids[name] = self.registry.put_device(DeviceSpec(name, kind, **place))
        return self.ids[name]

    def label(self, kind: str, scope: int, text: str) -> int:
        self.run("insert into label (kind, scope, text) values (%s, %s, %s) on conflict do nothing", kind, scope, text)
        return int(self.one("select id from label where kind = %s and scope = %s and text = %s", kind, scope, text))

    def probe(self, device: str, name: str) -> int:
        return self.label("probe", self.ids[device], name)

    def partitions(self, since: datetime = T0 - timedelta(days=30), until: datetime = T0 + timedelta(days=30)) -> None:
        """Room for readings, where the tables are partitioned natively."""
        for table in ("position", "temperature", "tag", "shelf", "door", "status", "value_set"):
            partitioned = self.one("select relkind = 'p' from pg_class where oid = %s::regclass", f"reading_{table}")
            if partitioned:
                self.connection.execute(
                    f"create table if not exists test_{table} partition of reading_{table} "
                    f"for values from ('{since}') to ('{until}')"
                )

    def position(self, device: str, at: datetime, lat: float, lon: float, flags: int = 0, speed: float = 10.0) -> None:
        self.run(
            "insert into reading_position (time, received_at, device_id, boot_id, seq, flags, lat, lon, speed_mps) "
            "values (%s, %s, %s, 0, -1, %s, %s, %s, %s)",
            at, at, self.ids[device], flags, lat, lon, speed,
        )  # fmt: skip

    def temperature(self, device: str, probe: str, at: datetime, temp_c: float, flags: int = 0) -> None:
        self.run(
            "insert into reading_temperature (time, received_at, device_id, boot_id, seq, flags, probe_id, temp_c) "
            "values (%s, %s, %s, 0, 7, %s, %s, %s)",
            at, at, self.ids[device], flags, self.probe(device, probe), temp_c,
        )  # fmt: skip

    def open_alert(self, device: str, probe: str | None = None, **columns: Any) -> int:
        """An active alert, without a change row."""
        values = {
            "tenant_id": self.tenant_id,
            "kind": "temperature" if probe else "silence",
            "severity": "critical",
            "rule_key": f"above-{uuid4()}",
            "device_id": self.ids[device],
            "probe_id": self.probe(device, probe) if probe else None,
            "title": f"Too warm{self.tag}",
            "opened_at": T0,
            "alarm_at": T0,
            "decided_at": T0,
            **columns,
        }
        names = ", ".join(values)
        marks = ", ".join(["%s"] * len(values))
        insert = f"insert into alert ({names}) values ({marks}) returning id"
        return int(self.one(insert, *values.values()))

    # ------------------------------------------------------------ what the tracker does
    def tell(self, partition: int = 0, **changes: list[dict[str, Any]]) -> None:
        """A change row, as the tracker writes it in the transaction of the state. Call inside `transaction`."""
        seq = self.one(
            "insert into tracker_position as p (partition, change_seq) values (%s, 1) "
            "on conflict (partition) do update set change_seq = p.change_seq + 1 returning change_seq",
            partition,
        )
        self.run(
            "insert into change (partition, seq, tenant_id, body) values (%s, %s, %s, %s)",
            partition, seq, self.tenant_id, orjson.dumps(changes),
        )  # fmt: skip
        self.run("select pg_notify('frostway_change', %s)", str(partition))

    def move(self, vehicle: str, lat: float, lon: float, at: datetime = T0, partition: int = 0) -> None:
        """A vehicle is somewhere now; state and change in one transaction."""
        with self.connection.transaction():
            self.run(
                "insert into vehicle_state (vehicle_id, tenant_id, time, received_at, device_id, lat, lon, flags, "
                "status, status_since, carry) values (%s, %s, %s, %s, 1, %s, %s, 0, 'moving', %s, '') "
                "on conflict (vehicle_id) do update set time = excluded.time, received_at = excluded.received_at, "
                "lat = excluded.lat, lon = excluded.lon, status = 'moving', status_since = excluded.status_since",
                self.ids[vehicle], self.tenant_id, at, at, lat, lon, at,
            )  # fmt: skip
            place = {"lat": shown("lat", lat), "lon": shown("lon", lon)}
            data = {"t": when(at), "received_at": when(at), **place, "flags": [], "status": "moving"}
            change = {"id": vehicle, "op": "merge", "data": {**data, "status_since": when(at)}}
            self.tell(partition, vehicles=[change])

    def stock(self, quantity: float, at: datetime = T0, partition: int = 0) -> None:
        with self.connection.transaction():
            self.run(
                "insert into stock_level values (%s, %s, %s, %s, 'weight', %s, 0.9, %s) "
                "on conflict (site_id, zone_id, product_id) do update set quantity = excluded.quantity, "
                "last_evidence_at = excluded.last_evidence_at",
                self.tenant_id, self.ids["store-1"], self.ids["chiller"], self.ids["MILK"], quantity, at,
            )  # fmt: skip
            data = {
                "id": "store-1/chiller/MILK",
                "site": "store-1",
                "zone": "chiller",
                "sku": "MILK",
                "label": f"Milk{self.tag}",
                "quantity": quantity,
                "confidence": 0.9,
                "last_evidence_at": when(at),
                "source": "weight",
                "reorder_point": 20.0,
            }
            self.tell(partition, stock=[{"id": data["id"], "op": "put", "data": data}])

    def series_state(self, device: str, probe: str, temp_c: float, at: datetime = T0, state: str = "ok") -> None:
        self.run(
            "insert into series_state (probe_id, tenant_id, device_id, time, received_at, temp_c, state, carry) "
            "values (%s, %s, %s, %s, %s, %s, %s, '')",
            self.probe(device, probe), self.tenant_id, self.ids[device], at, at, temp_c, state,
        )  # fmt: skip

    def excursion(self, device: str, probe: str, start: datetime, end: datetime | None, extreme_c: float) -> None:
        self.run(
            "insert into excursion (tenant_id, probe_id, device_id, kind, limit_c, started_at, ended_at, alarm_at, "
            "extreme_c, samples, decided_at, rule_version) values (%s, %s, %s, 'above', 8, %s, %s, %s, %s, 3, %s, 1)",
            self.tenant_id, self.probe(device, probe), self.ids[device], start, end, start, extreme_c, start,
        )  # fmt: skip

    def eta(self, stop: str, p50: datetime, at: datetime = T0, few_trips: int | None = None) -> None:
        self.run(
            "insert into eta (tenant_id, stop_id, at, p10, p50, p90, remaining_m, late_probability, few_trips, "
            "decided_at, rule_version) select %s, id, %s, %s, %s, %s, 12000, 0.25, %s, %s, 1 "
            "from stop where name = %s and tenant_id = %s",
            self.tenant_id, at, p50 - minutes(5), p50, p50 + minutes(9), few_trips, at, stop, self.tenant_id,
        )  # fmt: skip


@contextmanager
def serving(dsn: str, limits: Limits | None = None, **settings: Any) -> Iterator[str]:
    """The real server in a thread; yields its address."""
    config = ApiConfig(
        **{"database_url": of_api(dsn), "facts": KINDS, "version": "test", "sealing_secret": SEALING, **settings}
    )
    server = make_server(config, limits)
    with listen("127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            until_s = time.monotonic() + deadline(10)
            while httpx.get(f"{url}/readyz").status_code != 200:
                if time.monotonic() > until_s:
                    raise AssertionError(httpx.get(f"{url}/readyz").text)
                time.sleep(0.02)
            yield url
        finally:
            server.should_exit = True
            thread.join(deadline(10))
            assert not thread.is_alive(), "the server does not stop"


def client(url: str, token: str = "", **settings: Any) -> httpx.Client:
    """An HTTP client that sends a bearer token."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=url, headers=headers, timeout=deadline(20), **settings)


def rows(dsn: str, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """What stands in the database."""
    with psycopg.connect(dsn) as connection:
        return connection.execute(query, values).fetchall()
