"""Whose reading it was: devices are moved among vehicles, with late data in any order; all is as of event time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from domain.times import from_us
from store.arrays import column_stack
from store.db import connect, queries
from store.registry import DeviceSpec, Registry
from store.secrets import token_hash
from store.tenants import add_tenant
from tests.databases import copied
from tests.integration.api.seed import client, serving
from tests.integration.fleet import T0, Fleet, S
from tests.integration.tracker.test_tracker import reference

MINUTES = 240
BEGAN, DELIVERED = 60, 150
TRUCKS = ("truck-1", "truck-2", "truck-3")
Move = tuple[int, int | None, int, int | None]
"""Device, truck (None: nowhere), from and to, in minutes."""


def when(minute: int) -> Any:
    return from_us(T0 + minute * 60 * S)


class Yard(Fleet):
    """Two trackers and two thermometers on three trucks, and a shipment that truck-1 has delivered."""

    def __post_init__(self) -> None:
        super().__post_init__()
        with connect(self.dsn, "test") as c, c.transaction():
            r = Registry(c)
            for truck in TRUCKS:
                r.put_vehicle(truck)
            self.ids["gps-b"] = r.put_device(DeviceSpec("gps-2", "tracker", vehicle="truck-2"))
            self.ids["reefer-b"] = r.put_device(DeviceSpec("reefer-2", "reefer", vehicle="truck-2", profile="chilled"))
            r.put_shipment("S-1", reference="", vehicle="truck-1", stops=[])
        self.names = {"gps": "gps-1", "gps-b": "gps-2", "reefer": "reefer-1", "reefer-b": "reefer-2"}
        self.devices = list(self.names)
        self.probes = {"reefer": self.probe, "reefer-b": self.label("probe", self.ids["reefer-b"], "rear")}

    def readings(self) -> list[Any]:
        t = np.arange(0, MINUTES * 60, 60)
        rng = np.random.default_rng(4)
        batches = []
        for turn, device in enumerate(("gps", "gps-b")):
            away = 6000 * np.clip(np.sin(np.pi * (t + turn * 2000) / 3600) - 0.2, 0, None)
            numbers = {"seq": np.arange(len(t)), "boot": turn + 1}
            place = {
                "lat": 60.0 + (away + rng.normal(0, 2, len(t))) / 111_195,
                "lon": 25.0 + turn / 50,
                "accuracy_m": 4.0,
            }
            batches.append(self.batch("gps", device, t, **numbers, **place))
        for turn, device in enumerate(("reefer", "reefer-b")):
            temp_c = np.where((t // 60) % 90 < 40 * turn, 14.0, 4.0) + turn
            numbers = {"seq": np.arange(len(t)), "boot": turn + 3}
            batches.append(self.batch("temp", device, t, **numbers, probe_id=self.probes[device], temp_c=temp_c))
        return batches

    def move(self, move: Move) -> None:
        device, truck, since, until = move
        vehicle = None if truck is None else TRUCKS[truck]
        with connect(self.dsn, "test") as c, c.transaction():
            Registry(c).assign(
                self.names[self.devices[device]],
                vehicle=vehicle,
                since=when(since),
                until=None if until is None else when(until),
                by="test",
            )

    def verdict(self) -> dict[str, Any]:
        with psycopg.connect(self.dsn, row_factory=dict_row) as c:
            c.execute(
                "update shipment set status = 'delivered', started_at = %s, delivered_at = %s",
                (when(BEGAN), when(DELIVERED)),
            )
            key = c.execute("select id, tenant_id from shipment").fetchone() or {}
            asked = {"tenant": key["tenant_id"], "shipments": [key["id"]], "now": when(MINUTES)}
            as_tenant(c, key["tenant_id"])
            return c.execute(queries("goods")["shipment_temperatures"], asked).fetchone() or {}

    def tracks(self) -> dict[str, list[tuple[Any, ...]]]:
        with psycopg.connect(self.dsn) as c:
            ids = c.execute("select name, id, tenant_id from vehicle order by name").fetchall()
            asked = {"since": when(-1), "until": when(MINUTES), "most": 1_000_000}
            found = {}
            for name, vehicle, tenant in ids:
                as_tenant(c, tenant)
                with c.cursor(binary=True) as cursor:
                    cursor.execute(queries("api")["track"], asked | {"tenant": tenant, "vehicle": vehicle})
                    found[name] = [tuple(row) for row in column_stack(cursor.pgresult, 6).tolist()]
            return found


def as_tenant(connection: psycopg.Connection[Any], tenant: int) -> None:
    """Readings are there for a tenant's transaction only."""
    connection.execute("select set_config('app.tenant', %s, true)", (str(tenant),))


def timeline(moves: list[Move]) -> dict[int, list[str | None]]:
    """The truck of each device at each minute, after the moves in the order in which they were said."""
    found: dict[int, list[str | None]] = {d: [TRUCKS[d % 2]] * MINUTES for d in range(4)}
    for device, truck, since, until in moves:
        stretch = range(max(since, 0), MINUTES if until is None else min(until, MINUTES))
        for minute in stretch:
            found[device][minute] = None if truck is None else TRUCKS[truck]
    return found


minutes = st.integers(-5, MINUTES + 5)
moves = st.tuples(st.integers(0, 3), st.sampled_from([0, 1, 2, None]), minutes, st.one_of(st.none(), minutes)).filter(
    lambda m: m[3] is None or m[2] < m[3]
)


def as_the_intervals_say(yard: Yard, said: list[Move]) -> None:
    """Tracks and the verdict, against a timeline minute by minute."""
    truth = timeline(said)
    for truck, points in yard.tracks().items():
        wanted = sorted(
            (minute, device) for device in (0, 1) for minute in range(MINUTES) if truth[device][minute] == truck
        )
        got = sorted((round((p[0] - T0) / 60 / S), round((p[2] - 25.0) * 50)) for p in points)
        assert got == wanted
    seen = []
    for turn, device in ((0, 2), (1, 3)):
        aboard = [m for m in range(BEGAN, DELIVERED + 1) if truth[device][m] == "truck-1"]
        seen += [(14.0 if m % 90 < 40 * turn else 4.0) + turn for m in aboard]
    verdict = yard.verdict()
    assert (verdict.get("min_c"), verdict.get("max_c")) == ((min(seen), max(seen)) if seen else (None, None))


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.lists(st.tuples(st.integers(0, 7), moves), max_size=6), seed=st.integers(0, 99))
def test_tracks_facts_and_verdicts_are_as_of_the_readings_time_in_any_order(
    postgres: Any, template: str, data: list[tuple[int, Move]], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    with copied(postgres.dsn, template) as dsn:
        yard = Yard(dsn)
        tracker = yard.tracker()
        batches = yard.readings()
        portions = [np.array_split(rng.permutation(len(b)), 7) for b in batches]
        said: list[Move] = []
        for turn in range(8):
            for _, move in (d for d in data if d[0] == turn):
                before = yard.verdict()
                yard.move(move)
                said.append(move)
                if move[2] > DELIVERED:
                    assert yard.verdict() == before  # made for a later time: what was delivered stays
            if turn < 7:
                yard.append(*(b.take(p[turn]) for b, p in zip(batches, portions, strict=True)))
            tracker._link.run(tracker._turn)
        tracker._link.run(tracker._turn)
        yard.settle(tracker)
        yard.close(tracker)
        found = yard.facts()
        as_the_intervals_say(yard, said)
        assert yard.rows("select count(*) from reassigned") == [(0,)]
        wanted = reference(yard, batches)
        del found["shipments"], wanted["shipments"]  # this one stands as it was written
        assert found == wanted


def test_a_vehicle_whose_only_readings_were_anothers_has_none_and_gets_them_back(database: str) -> None:
    yard = Yard(database)
    tracker = yard.tracker()
    gps = yard.readings()[0]
    yard.append(gps)
    yard.settle(tracker)
    before = yard.facts()
    yard.move((0, 2, -60, None))
    for _ in range(2):
        tracker._link.run(tracker._turn)
        yard.settle(tracker)
    assert yard.rows("select v.name from vehicle_state s join vehicle v on v.id = s.vehicle_id") == [("truck-3",)]
    visits = """select v.name, count(*) from visit f join vehicle v on v.id = f.vehicle_id
                where superseded_at is null and not retracted group by 1"""
    assert [name for name, _ in yard.rows(visits)] == ["truck-3"]
    yard.move((0, 0, -60, None))
    for _ in range(2):
        tracker._link.run(tracker._turn)
        yard.settle(tracker)
    yard.close(tracker)
    assert yard.facts() == before


def test_a_device_that_is_registered_elsewhere_leaves_its_past_where_it_was(database: str) -> None:
    yard = Yard(database)
    with connect(database, "test") as c, c.transaction():
        r = Registry(c)
        r.put_device(DeviceSpec("gps-1", "tracker", vehicle="truck-3"))
        history = r.assignments("gps-1")
    assert [(a["vehicle"], a["since"] is None, a["until"] is None) for a in history] == [
        ("truck-3", False, True),
        ("truck-1", True, False),
    ]
    yard.append(yard.readings()[0])  # of long before
    tracker = yard.tracker()
    yard.settle(tracker)
    yard.close(tracker)
    assert {name: len(points) for name, points in yard.tracks().items()} == {
        "truck-1": MINUTES,
        "truck-2": 0,
        "truck-3": 0,
    }


def test_rest_shows_moves_and_corrects_where_a_device_was(database: str) -> None:
    yard = Yard(database)
    with connect(database, "test") as c, c.transaction():
        Registry(c).add_token(token_hash("secret"), kind="bearer", subject="ann", role="admin")
        add_tenant(c, "other")
        Registry(c, "other").put_vehicle("foreign")
    base = "/api/v1/devices/reefer-1/assignments"
    with serving(database) as url, client(url, "secret") as api:
        moved = api.post(base, json={"vehicle": "truck-2", "from": "2026-01-01T00:00:00Z"})
        assert moved.status_code == 201
        short = [(a["vehicle"], a["site"], a["from"], a["to"]) for a in moved.json()["items"]]
        first, second = "2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z"
        assert short == [("truck-2", None, first, None), ("truck-1", None, None, first)]
        api.post(base, json={"site": "dc-1", "zone": "dock", "from": first, "to": second})
        items = api.get(base).json()["items"]
        assert [(a["vehicle"], a["zone"], a["from"], a["to"]) for a in items] == [
            ("truck-2", None, second, None),
            (None, "dock", first, second),
            ("truck-1", None, None, first),
        ]
        assert {a["recorded_by"] for a in items} == {"ann", "registry"}
        left = api.delete(f"{base}/{items[1]['id']}").json()["items"]
        assert [a["from"] for a in left] == [second, None]
        assert [d["id"] for d in api.get("/api/v1/vehicles/truck-2/devices").json()["items"]] == [
            "gps-2",
            "reefer-1",
            "reefer-2",
        ]
        later = (yard_now() + timedelta(days=1)).isoformat()
        for body, said in (
            ({"vehicle": "truck-1", "from": later}, "in the future"),
            ({"vehicle": "nope"}, "there is no nope"),
            ({"vehicle": "foreign"}, "there is no foreign"),
            ({"zone": "dock"}, "needs its site"),
            ({"vehicle": "truck-1", "from": second, "to": first}, "not after from"),
        ):
            refused = api.post(base, json=body)
            assert refused.status_code == 422, body
            assert said in refused.text
        assert api.get("/api/v1/devices/none/assignments").status_code == 404
        assert api.delete(f"{base}/999999").status_code == 404
    assert yard.rows("select action from audit order by id")[0] == ("device.assign",)


def yard_now() -> Any:
    from datetime import UTC, datetime  # noqa: PLC0415

    return datetime.now(UTC)


def test_an_assignment_to_another_tenant_is_refused_by_the_database(database: str) -> None:
    yard = Yard(database)
    with connect(database, "test") as c:
        add_tenant(c, "other")
        foreign = Registry(c, "other").put_vehicle("foreign")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            c.execute("select reassign(%s, %s, null, null, now(), 'infinity', 'x')", (yard.ids["gps"], foreign))
