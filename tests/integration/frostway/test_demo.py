"""The simulated fleet comes and goes on the page; what is one's own stays, and counts for the first steps alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from firmware_sim.world import build
from frostway.demo import register
from frostway.demo_end import bring_back, names_of, remove
from frostway.demo_orders import bring_orders
from frostway.demo_stock import bring_stock
from store.db import connect
from store.registry import DeviceSpec, Registry
from tests.deadlines import deadline
from tests.integration.api.seed import World, client, serving
from tests.stack import Stack, wait_for

SIMULATED = build("demo", 7)
PASSWORDS = {f"main/{device.id}": "secret" for device in SIMULATED.devices}


@pytest.fixture
def registry(database: str) -> Iterator[Registry]:
    with connect(database, "test") as connection:
        found = Registry(connection, "main")
        register(found, SIMULATED, PASSWORDS, datetime.now(UTC))
        yield found


def left(connection: psycopg.Connection[Any]) -> dict[str, list[str]]:
    """What is not retired."""
    kinds = {"site": "name", "vehicle": "name", "product": "sku", "profile": "name", "driver": "name"}
    found = {
        kind: [row[0] for row in connection.execute(f"select {key} from {kind} where retired_at is null order by 1")]  # type: ignore[arg-type]
        for kind, key in kinds.items()
    }
    found["device"] = [row[0] for row in connection.execute("select name from device where revoked_at is null")]
    return found


def test_all_of_it_goes_and_all_of_it_comes_back(registry: Registry, database: str) -> None:
    before = left(registry.connection)
    world = World(database)
    world.ids = {"gps-04": world.one("select id from device where name = 'gps-04'")}
    alert = world.open_alert("gps-04")
    with registry.connection.transaction():
        remove(registry, SIMULATED)
    assert left(registry.connection) == {kind: [] for kind in before}
    assert world.one("select count(*) from shipment where status <> 'cancelled'") == 0
    assert world.one("select resolved_by from alert where id = %s", alert) == "demo"
    with registry.connection.transaction():
        remove(registry, SIMULATED)  # once more changes nothing
        bring_back(registry, SIMULATED, PASSWORDS)
    assert {k: sorted(v) for k, v in left(registry.connection).items()} == {k: sorted(v) for k, v in before.items()}
    world.close()


def test_an_order_was_handed_over_and_some_of_it_comes_back(registry: Registry, database: str) -> None:
    world, now = World(database), datetime.now(UTC)
    with registry.connection.transaction():
        bring_stock(registry, SIMULATED, now)
        bring_orders(registry, SIMULATED, now)
    shown = (
        "select array(select o.name from customer_order o where o.status = 'delivered'), "
        "(select count(*) from proof p join proof_revision r on r.proof_id = p.id where r.outcome = 'delivered'), "
        "array(select state from goods_return_line), array(select dock from zone where dock is not null order by 1), "
        "(select count(*) from rate_card)"
    )
    before = registry.connection.execute(shown).fetchone()
    assert before is not None
    assert (len(before[0]), *before[1:]) == (1, 1, ["announced"], ["door", "door", "staging"], 3)
    owed = "select count(*) from ledger_balance b join ledger_place p on p.id = b.place_id where b.quantity < 0"
    assert world.one(f"{owed} and p.kind in ('site', 'vehicle')") == 0
    with registry.connection.transaction():
        remove(registry, SIMULATED)
        bring_back(registry, SIMULATED, PASSWORDS)
        bring_stock(registry, SIMULATED, now)
        bring_orders(registry, SIMULATED, now)
    assert registry.connection.execute(shown).fetchone() == before
    world.close()


def test_what_ones_own_things_stand_on_stays(registry: Registry) -> None:
    registry.put_device(DeviceSpec("mine", "thermometer", site="store-1", profile="chilled"), None)
    registry.put_vehicle("my-van", "My van", None)
    with registry.connection.transaction():
        remove(registry, SIMULATED)
    found = left(registry.connection)
    assert (found["site"], found["profile"], found["device"]) == (["store-1"], ["chilled"], ["mine"])
    assert found["vehicle"] == ["my-van"]


def test_the_first_steps_count_what_is_ones_own(registry: Registry, database: str) -> None:
    world = World(database)
    with serving(database) as url, client(url, world.token()) as api:

        def done() -> list[str]:
            return [each["step"] for each in api.get("/api/v1/first-steps").json()["steps"] if each["done"]]

        assert api.get("/api/v1/demo").json()["possible"] is False
        assert api.post("/api/v1/demo").status_code == 409
        world.run(
            "insert into demo (tenant_id, world, names, wanted, running, changed_by) "
            "values (%s, 'demo', %s, true, true, 'up')",
            world.tenant_id,
            names_of(SIMULATED),
        )
        assert done() == []
        assert api.get("/api/v1/config").json()["demo"] is True
        assert api.post("/api/v1/devices", json={"id": "phone", "kind": "phone", "vehicle": "me"}).status_code in (
            201,
            503,
        )
        world.run("insert into device (tenant_id, name, kind) values (%s, 'phone-2', 'phone')", world.tenant_id)
        api.post("/api/v1/sites", json={"id": "home", "label": "Home", "kind": "store", "lat": 60.2, "lon": 24.9})
        api.post("/api/v1/shipments", json={"id": "M-1", "stops": [{"site": "home"}]})
        api.post("/api/v1/shipments/M-1/share")
        assert done() == ["device", "site", "link"]
        assert api.delete("/api/v1/demo").json()["wanted"] is False
        world.run("update demo set seen_at = now() - interval '1 minute'")
        assert api.post("/api/v1/demo").status_code == 409
        with client(url, world.token("dispatcher")) as other:
            assert other.delete("/api/v1/demo").status_code == 403
    world.close()


@pytest.mark.timeout(deadline(180))
def test_it_is_removed_and_added_while_everything_runs_and_a_restart_leaves_it_so(tmp_path: Path) -> None:
    with Stack(tmp_path, "--sim", "small") as stack:

        def moving() -> bool:
            return any(v["t"] for v in stack.get("/vehicles")["items"])

        def is_(running: bool) -> bool:
            demo = stack.get("/demo")
            assert not demo["problem"]
            return bool(demo["running"] == running)

        wait_for(moving, "a vehicle that moves")
        assert stack.request("DELETE", "/demo").status_code == 202
        wait_for(lambda: is_(running=False), "the simulated fleet to be removed")
        assert stack.get("/vehicles")["items"] == []
        assert "sim" not in stack.facts["pids"]
        assert stack.get("/config")["demo"] is False
        stack.stop()
        stack.start()
        assert "was removed on the page" in stack.stderr
        assert stack.get("/vehicles")["items"] == []
        assert stack.request("POST", "/demo").status_code == 202
        wait_for(lambda: is_(running=True), "the simulated fleet to be added")
        before = {v["id"]: v["t"] for v in stack.get("/vehicles")["items"]}
        wait_for(
            lambda: any(v["t"] != before.get(v["id"]) for v in stack.get("/vehicles")["items"]), "a vehicle that moves"
        )
