"""Loads at a dock by reads in a real database: caught, alarmed, confirmed into the book, amended by late reads."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from domain.loading.model import AFTER_US
from domain.times import from_us, to_us
from firmware_sim.dock import Day, Heard, day, sscc_of
from operations.loading.work import check_loads
from store.link import Link
from tests.integration.api.seed import World, client, rows, serving
from tests.integration.api.test_live_feed import feed
from tests.logins import of_operations
from tests.scans import codes_on

STAGING = {"site": "dc-1", "zone": "staging"}
AFTER = timedelta(microseconds=AFTER_US)


class Dock:
    """A site with two doors and a staging zone; trucks, shipments and orders of a day of the simulated dock."""

    def __init__(self, dsn: str, world: World, api: httpx.Client, true: Day) -> None:
        self.dsn, self.world, self.api, self.true = dsn, world, api, true
        self.labels: dict[str, int] = {}
        for zone, dock in (("door-1", "door"), ("door-2", "door"), ("staging", "staging")):
            self.world.ids[zone] = self.world.registry.put_zone("dc-1", zone, zone)
            self.world.device(f"reader-{zone}", "rfid", site="dc-1", zone=zone)
            assert self.put(f"/sites/dc-1/zones/{zone}/dock", dock=dock) == 200
        self.post("/customers", id="ward-5", label="Ward 5")
        for truck in range(2):
            self.shipment(truck)

    def post(self, path: str, status: tuple[int, ...] = (200, 201), /, **body: Any) -> Any:
        answer = self.api.post(f"/api/v1{path}", json=body)
        assert answer.status_code in status, answer.text
        return answer.json()

    def put(self, path: str, /, **body: Any) -> int:
        return self.api.put(f"/api/v1{path}", json=body).status_code

    def shipment(self, truck: int) -> None:
        """Its pallets, each packed as a unit in the staging zone, of one order for each stop."""
        name, vehicle = f"L-{truck + 1}", f"truck-{truck + 1:02d}"
        stops = [{"site": "dc-1"}, *({"name": f"Stop {n}", "lat": 60.1 + n / 10, "lon": 24.5} for n in range(3))]
        self.post("/shipments", id=name, vehicle=vehicle, stops=stops)
        carried = []
        for drop in sorted({p.drop for p in self.true.pallets if p.truck == truck}):
            units = [p.sscc for p in self.true.pallets if (p.truck, p.drop) == (truck, drop)]
            order = f"{name}-{drop}"
            lines = [{"sku": "MILK", "quantity": len(units)}]
            self.post("/orders", id=order, customer="ward-5", site="dc-1", lines=lines)
            move = {"id": f"in-{order}", "kind": "receive", "sku": "MILK", "quantity": len(units), "to": STAGING}
            self.post("/stock/moves", moves=[move])
            step = {"line": 1, "quantity": 1, "from": STAGING, "to": STAGING}
            pick = {
                "id": f"p-{order}",
                "line": 1,
                "kind": "pick",
                "quantity": len(units),
                "from": STAGING,
                "to": {"site": "dc-1"},
            }
            step = {"line": 1, "quantity": 1, "from": {"site": "dc-1"}, "kind": "pack"}
            packs = [{"id": f"k-{unit}", "handling_unit": unit, **step} for unit in units]
            self.post(f"/orders/{order}/steps", steps=[pick, *packs])
            carried.append({"order": order, "stop": drop + 1})
        assert self.put(f"/shipments/{name}/orders", orders=carried) == 200

    def docked(self, truck: int, *, left: bool, version: int | None = None) -> None:
        stood = self.true.stood[truck]
        body: dict[str, Any] = {
            "id": f"D-{truck}",
            "site": "dc-1",
            "door": stood.door,
            "vehicle": f"truck-{truck + 1:02d}",
        }
        body["began_at"] = text(stood.began_ms)
        if left:
            body["ended_at"] = text(stood.ended_ms)
        self.post("/dockings", **body | ({} if version is None else {"version": version}))

    def hear(self, reads: list[Heard]) -> None:
        """As ingest stores them; the zones were listening all the while."""
        values = []
        for each in reads:
            if each.epc not in self.labels:
                self.labels[each.epc] = self.world.one(
                    "insert into label (kind, scope, text) values ('epc', %s, %s) returning id",
                    self.world.tenant_id,
                    each.epc,
                )
            values.append(
                (
                    from_us(each.t_ms * 1000),
                    self.world.ids[f"reader-{each.zone}"],
                    self.labels[each.epc],
                    each.antenna,
                    each.rssi_dbm,
                )
            )
        with (
            self.world.connection.cursor() as cursor,
            cursor.copy(
                "copy reading_tag (time, received_at, device_id, boot_id, seq, flags, tag_id, antenna, rssi_dbm) "
                "from stdin"
            ) as copy,
        ):
            for n, (at, device, tag, antenna, rssi) in enumerate(values):
                copy.write_row((at, datetime.now(UTC), device, 1, n, 0, tag, antenna, rssi))
        first, last = (from_us(t * 1000) for t in (min(r.t_ms for r in reads), max(r.t_ms for r in reads)))
        for zone in ("door-1", "door-2", "staging"):
            self.world.run(
                "insert into zone_awake (zone_id, began_at, ended_at, tenant_id) values (%s, %s, %s, %s) "
                "on conflict (zone_id, began_at) do update "
                "set ended_at = greatest(zone_awake.ended_at, excluded.ended_at)",
                self.world.ids[zone], first, last, self.world.tenant_id,
            )  # fmt: skip

    def check(self, shipment: str) -> dict[str, Any]:
        answer = self.api.get(f"/api/v1/shipments/{shipment}/load-check")
        assert answer.status_code == 200
        return dict(answer.json())

    def states(self, shipment: str) -> dict[str, str]:
        return {unit["unit"]: unit["state"] for unit in self.check(shipment)["units"]}

    def alerts(self, state: str = "active") -> dict[str, dict[str, Any]]:
        found = self.api.get("/api/v1/alerts", params={"state": state}).json()["items"]
        return {each["load"]["shipment"]: each for each in found if each["kind"] == "wrong_load"}


def text(ms: int) -> str:
    return from_us(ms * 1000).isoformat()


def begun() -> int:
    """A day that began two hours ago, to the half minute as epochs go."""
    return (to_us(datetime.now(UTC)) // 30_000_000 - 240) * 30_000


@pytest.fixture
def link(database: str) -> Iterator[Link]:
    with closing(Link(of_operations(database), "test")) as found:
        yield found


@pytest.fixture
def world(database: str) -> Iterator[World]:
    found = World(database)
    found.furnish(vehicles=2)
    found.partitions(*(datetime.now(UTC) + timedelta(days=n) for n in (-2, 2)))
    yield found
    found.close()


@pytest.fixture
def url(world: World, database: str) -> Iterator[str]:
    with serving(database) as found:
        yield found


@pytest.fixture
def api(world: World, url: str) -> Iterator[httpx.Client]:
    with client(url, world.token("admin")) as found:
        yield found


def truth(true: Day, truck: int) -> dict[str, str]:
    """What the check of a shipment is to say once its truck has left."""
    found = {}
    for pallet in true.pallets:
        on = true.loaded.get(pallet.sscc, (None,))[0] == truck
        if pallet.truck == truck:
            gone = "expected" if pallet.sscc in true.loaded else "left_behind"
            found[pallet.sscc] = "loaded" if on else gone
        elif on:
            found[pallet.sscc] = "wrong_truck" if pallet.truck >= 0 else "foreign"
    return found


def test_wrong_loads_are_caught_at_the_portal_and_what_comes_late_amends_them(
    database: str, api: httpx.Client, url: str, world: World, link: Link
) -> None:
    true = day(7, begun(), pallets=(3, 5))
    dock = Dock(database, world, api, true)
    for truck in range(2):
        dock.docked(truck, left=False)
    left_us = true.stood[0].ended_ms
    before = [read for read in true.heard if read.t_ms < left_us]
    mixed = before.copy()
    random.Random(1).shuffle(mixed)
    dock.hear(mixed[::2])
    check_loads(link, from_us(left_us * 1000))

    async def followed() -> None:
        async with feed(url, world.token("viewer"), topics=["loads"]) as live:
            assert (await live.next())["loads"] == []
            live.state["loads"] = {}
            await asyncio.to_thread(dock.hear, mixed[1::2])  # the other half comes late
            assert await asyncio.to_thread(check_loads, link, from_us(left_us * 1000))
            news = [change["data"] for change in (await live.next())["changes"] if change["topic"] == "loads"]
            assert {each["id"] for each in news} <= {"L-1", "L-2"}
            assert news[0]["wrong"] == 2

    asyncio.run(followed())
    assert check_loads(link, from_us(left_us * 1000)) == 0  # nothing new, nothing said
    wrong = {unit: state for unit, state in truth(true, 0).items() if state in ("foreign", "wrong_truck")}
    assert {unit: state for unit, state in dock.states("L-1").items() if state in ("foreign", "wrong_truck")} == wrong
    alerts = dock.alerts()
    assert {unit["unit"]: unit["state"] for unit in alerts["L-1"]["load"]["wrong"]} == wrong
    assert (alerts["L-1"]["severity"], alerts["L-1"]["subject"]) == ("critical", {"kind": "site", "id": "dc-1"})
    assert {unit["shipment"] for unit in alerts["L-1"]["load"]["wrong"]} == {None, "L-2"}

    for truck in range(2):
        dock.docked(truck, left=True)
    dock.hear([read for read in true.heard if read.t_ms >= left_us])
    check_loads(link, datetime.now(UTC))
    for truck in range(2):
        assert dock.states(f"L-{truck + 1}") == truth(true, truck)
    missing = {unit["unit"] for unit in dock.alerts()["L-1"]["load"]["missing"]}
    assert missing == {unit for unit, state in truth(true, 0).items() if state in ("expected", "left_behind")}
    said = rows(database, "select count(*), count(*) filter (where superseded_at is null) from load_unit")
    assert said[0][0] > said[0][1]  # what was said before is kept
    history = api.get("/api/v1/shipments/L-1/load-check/history").json()["items"]
    assert {each["superseded_at"] is None for each in history} == {True, False}

    # Told anew in another order the same stands.
    kept = rows(
        database,
        "select unit, state, chance, loaded_at from load_unit where superseded_at is null order by shipment_id, unit",
    )
    world.run("delete from load_unit")
    world.run("delete from load_check")
    world.run("create temporary table mixed as select * from reading_tag order by random()")
    world.run("delete from reading_tag")
    world.run("insert into reading_tag select * from mixed")
    check_loads(link, datetime.now(UTC))
    again = rows(
        database,
        "select unit, state, chance, loaded_at from load_unit where superseded_at is null order by shipment_id, unit",
    )
    assert again == kept

    # The docking was told of a wrong truck: nothing was loaded by it.
    assert api.delete("/api/v1/dockings/D-0", params={"reason": "another truck"}).status_code == 204
    check_loads(link, datetime.now(UTC))
    assert set(dock.states("L-1").values()) == {"expected"}
    assert "L-1" not in dock.alerts()


def test_what_is_on_board_is_confirmed_into_the_book_sealed_and_taken_back(
    database: str, api: httpx.Client, world: World, link: Link
) -> None:
    true = day(7, begun(), pallets=(3, 5))
    dock = Dock(database, world, api, true)
    for truck in range(2):
        dock.docked(truck, left=False)
    left_us = true.stood[0].ended_ms * 1000
    dock.hear([read for read in true.heard if read.t_ms * 1000 < left_us])
    check_loads(link, from_us(left_us))
    expected = truth(true, 0)
    on = sorted(unit for unit, state in expected.items() if state == "loaded")
    behind = sorted(unit for unit, state in expected.items() if state in ("left_behind", "expected"))
    strange = next(unit for unit, state in expected.items() if state == "wrong_truck")

    refused = api.post("/api/v1/shipments/L-1/loading", json={"id": "a", "scanned": [strange]})
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        f"{strange} is not to go with L-1: it belongs to L-2",
    )
    assert api.post("/api/v1/shipments/L-1/loading", json={"id": "a"}).status_code == 422
    done = dock.post("/shipments/L-1/loading", id="one", verified=True)
    assert sorted(done["loaded"]) == on
    assert dock.post("/shipments/L-1/loading", id="one", verified=True)["loaded"] == []
    loaded = sum(line["stages"].get("loaded", 0) for drop in (1, 2, 3) for line in lines(api, f"L-1-{drop}"))
    assert loaded == len(on)
    held = rows(
        database,
        "select sum(b.quantity) from ledger_balance b join ledger_place l on l.id = b.place_id "
        "where l.kind = 'vehicle'",
    )
    assert held == [(len(on),)]

    seal: dict[str, Any] = {"numbers": ["FI 1"]}
    refused = api.post("/api/v1/shipments/L-1/seal", json=seal)
    assert (refused.status_code, "load it, or say why it is left" in refused.json()["detail"]) == (409, True)
    # It is a carton on a pallet: scanning that confirms what it holds.
    moves = [{"id": f"c-{unit}", "kind": "commission", "unit": unit} for unit in ("PALLET-7", behind[0])]
    packed = {"id": "c-in", "kind": "pack", "unit": "PALLET-7", "others": behind[:1]}
    dock.post("/goods-movements", movements=[*moves, packed])
    assert dock.post("/shipments/L-1/loading", id="two", scanned=["PALLET-7"])["loaded"] == behind[:1]
    assert dock.states("L-1")[behind[0]] == "loaded"
    taken = api.delete(f"/api/v1/shipments/L-1/loading/{behind[0]}", params={"step": "back", "reason": "damaged"})
    assert taken.status_code == 200, taken.text
    left = [{"unit": unit, "reason": "damaged"} for unit in behind]
    assert sorted(dock.post("/shipments/L-1/loading", id="three", left=left)["left"]) == behind
    assert api.delete("/api/v1/shipments/L-1/loading/nothing", params={"step": "b"}).status_code == 404

    sealed_when_cold(dock)
    papers_say_what_is_loaded(api, on, behind)

    # Left with a reason is nothing to be told of once it has left; what was scanned and stands in the staging zone is.
    dock.docked(0, left=True)
    dock.hear([read for read in true.heard if read.t_ms * 1000 >= left_us])
    check_loads(link, datetime.now(UTC))
    assert dock.alerts()["L-1"]["load"]["missing"] == []


def sealed_when_cold(dock: Dock) -> None:
    api, world, seal = dock.api, dock.world, {"numbers": ["FI 1"]}
    # The vehicle is to be as cold as its goods need: not known is not fine.
    world.run("update product set temp_class = 'chilled' where sku = 'MILK'")
    assert advice(api)["function"] == "draft"
    assert api.get("/api/v1/shipments/L-1/consignment-note.pdf").status_code == 404
    assert api.get("/api/v1/shipments/L-1/pre-cooling").json()["verdict"] == "unknown"
    refused = api.post("/api/v1/shipments/L-1/seal", json=seal)
    assert (refused.status_code, refused.json()["detail"].startswith("unknown: ")) == (409, True)
    now = datetime.now(UTC)
    warm(world, now - timedelta(minutes=2), 11.0)
    assert api.get("/api/v1/shipments/L-1/pre-cooling").json()["verdict"] == "too_warm"
    refused = api.post("/api/v1/shipments/L-1/seal", json=seal)
    assert "too warm: reefer-01/rear has 11 °C, at most 8 °C is right" in refused.json()["detail"]
    sealed = dock.post("/shipments/L-1/seal", **seal, reason="short trip")
    assert sealed["seals"][0]["temperatures"][0]["temp_c"] == 11.0
    warm(world, now, 4.0)
    assert api.get("/api/v1/shipments/L-1/pre-cooling").json()["verdict"] == "right"
    assert dock.post("/shipments/L-1/seal-check", numbers=["FI 1"])["unbroken"]
    told = dock.post("/shipments/L-1/seal-check", numbers=["FI 2"])
    assert told == {"unbroken": False, "strange": ["FI 2"], "missing": ["FI 1"]}
    audited = {action for (action,) in rows(dock.dsn, "select action from audit")}
    assert {
        "zone.dock",
        "docking.create",
        "shipment.load",
        "shipment.unload",
        "shipment.seal",
        "shipment.seal-check",
    } <= audited


def advice(api: httpx.Client, **asked: Any) -> dict[str, Any]:
    return dict(api.get("/api/v1/shipments/L-1/despatch-advice", params=asked).json())


def units_of(told: dict[str, Any]) -> list[str]:
    return sorted(unit["handling_unit"] for each in told["consignments"] for unit in each["units"])


def papers_say_what_is_loaded(api: httpx.Client, on: list[str], behind: list[str]) -> None:
    """The advice was issued as it was sealed, names exactly what is loaded, and is replaced when that is otherwise."""
    first = advice(api)
    assert (first["revision"], first["function"], first["seals"], first["current"]) == (1, "original", ["FI 1"], True)
    assert units_of(first) == on
    assert first["ship_from"]["site"] == "dc-1"
    issued = api.post("/api/v1/shipments/L-1/despatch-advice").json()
    assert issued == first
    note = api.get("/api/v1/shipments/L-1/consignment-note.pdf")
    read = codes_on(note.content)
    assert sorted(code.text for code in read if code.kind == "]C1") == [f"00{unit}" for unit in on]
    packed = codes_on(api.get("/api/v1/shipments/L-1/packing-list.pdf").content)
    assert sorted(code.text for code in packed if code.kind == "]C1") == sorted(f"00{unit}" for unit in on + behind)
    alone = codes_on(api.get("/api/v1/shipments/L-1/packing-list.pdf", params={"unit": on[0]}).content)
    assert [code.text for code in alone if code.kind == "]C1"] == [f"00{on[0]}"]
    assert api.get("/api/v1/shipments/L-1/packing-list.pdf", params={"unit": "none"}).status_code == 404
    table = api.get("/api/v1/shipments/L-1/despatch-advice", headers={"Accept": "text/csv"}).text.splitlines()
    assert (len(table), table[0].split(",")[:2]) == (len(on) + 1, ["document", "revision"])

    assert api.delete(f"/api/v1/shipments/L-1/loading/{on[0]}", params={"step": "off"}).status_code == 200
    second = advice(api)
    assert (second["revision"], second["function"], units_of(second)) == (2, "replacement", on[1:])
    assert (units_of(advice(api, revision=1)), advice(api, revision=1)["current"]) == (on, False)
    assert api.get("/api/v1/shipments/L-1/despatch-advice", params={"revision": 3}).status_code == 404
    again = api.post("/api/v1/shipments/L-1/loading", json={"id": "again", "scanned": on[:1]})
    assert (again.status_code, advice(api)["revision"], units_of(advice(api))) == (200, 3, on)


def lines(api: httpx.Client, order: str) -> list[dict[str, Any]]:
    answer = api.get(f"/api/v1/orders/{order}")
    return list(answer.json()["lines"]) if answer.status_code == 200 else []


def warm(world: World, at: datetime, temp_c: float) -> None:
    """What the reefer's probe says."""
    device = world.ids["reefer-01"]
    probe = world.one(
        "select id from label where kind = 'probe' and scope = %s and text = 'rear'", device
    ) or world.one("insert into label (kind, scope, text) values ('probe', %s, 'rear') returning id", device)
    world.run(
        "insert into reading_temperature (time, received_at, device_id, boot_id, seq, flags, probe_id, temp_c) "
        "values (%s, now(), %s, 1, 1, 0, %s, %s)",
        at, device, probe, temp_c,
    )  # fmt: skip


def test_dockings_are_told_once_mended_and_never_two_at_a_door(database: str, api: httpx.Client, world: World) -> None:
    for zone in ("door-1", "hall"):
        world.registry.put_zone("dc-1", zone, zone)
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    body = {"id": "D-1", "site": "dc-1", "door": "door-1", "vehicle": "truck-01", "began_at": at.isoformat()}
    assert "is no dock door" in api.post("/api/v1/dockings", json=body).json()["detail"]
    assert api.put("/api/v1/sites/dc-1/zones/door-1/dock", json={"dock": "door"}).status_code == 200
    assert [each["zone"] for each in api.get("/api/v1/docks", params={"site": "dc-1"}).json()["items"]] == ["door-1"]
    for wrong in ({"door": "hall"}, {"door": "no"}, {"vehicle": "no"}, {"site": "no"}, {"shipments": ["no"]}):
        assert api.post("/api/v1/dockings", json=body | wrong).status_code == 422
    assert api.post("/api/v1/dockings", json=body).status_code == 201
    first = api.get("/api/v1/dockings/D-1").json()
    assert (first["ended_at"], first["version"]) == (None, 1)
    assert api.post("/api/v1/dockings", json=body).json() == first  # told again
    ended = body | {"ended_at": (at + timedelta(hours=1)).isoformat(), "version": 1}
    assert api.post("/api/v1/dockings", json=ended).json()["version"] == 2
    assert api.post("/api/v1/dockings", json=ended | {"began_at": at.replace(minute=0).isoformat()}).status_code == 409
    other = body | {"id": "D-2", "vehicle": "truck-02", "began_at": (at + timedelta(minutes=30)).isoformat()}
    refused = api.post("/api/v1/dockings", json=other)
    assert (refused.status_code, "truck-01 stood at door-1 then" in refused.json()["detail"]) == (409, True)
    # By default it ends as the vehicle leaves the site, whenever that is known.
    later = body | {"id": "D-3", "began_at": (at + timedelta(hours=2)).isoformat()}
    assert api.post("/api/v1/dockings", json=later).status_code == 201
    assert [each["id"] for each in api.get("/api/v1/dockings", params={"now": True}).json()["items"]] == ["D-3"]
    left = at + timedelta(hours=2, minutes=20)
    world.run(
        "insert into visit (tenant_id, vehicle_id, site_id, entered_at, left_at, decided_at, rule_version) "
        "values (%s, %s, %s, %s, %s, now(), 1)",
        world.tenant_id, world.ids["truck-01"], world.ids["dc-1"], at + timedelta(hours=1, minutes=50), left,
    )  # fmt: skip
    assert datetime.fromisoformat(api.get("/api/v1/dockings/D-3").json()["ended_at"]) == left
    assert api.delete("/api/v1/dockings/D-3", params={"reason": "never was"}).status_code == 204
    assert api.delete("/api/v1/dockings/D-3", params={"reason": "never was"}).status_code == 404
    assert api.get("/api/v1/dockings/D-3").json()["withdrawn_why"] == "never was"
    assert sscc_of(1) != sscc_of(2)
