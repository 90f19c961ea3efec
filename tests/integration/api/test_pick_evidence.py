"""What shelves and tags say of picks, by REST: proposed, kept with the step, found anew when readings come late."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.integration.api.seed import World, client, serving
from tests.integration.api.test_orders import STAGE, allocate, assert_made, receive, steps


@pytest.fixture(scope="module")
def world(kept_database: str) -> Iterator[World]:
    found = World(kept_database)
    found.furnish()
    yield found
    found.close()


@pytest.fixture(scope="module")
def api(world: World, kept_database: str) -> Iterator[httpx.Client]:
    with serving(kept_database) as url, client(url, world.token("admin")) as found:
        assert_made(found.post("/api/v1/customers", json={"id": "ward-5", "label": "Ward 5"}))
        yield found


def weigh(world: World, slot: str, *told: tuple[float, float]) -> None:
    """Seconds from now, and what the slot weighs then."""
    now = datetime.now(UTC)
    label = world.label("slot", world.ids["shelf-1"], slot)
    for n, (seconds, mass_kg) in enumerate(told):
        at = now + timedelta(seconds=seconds)
        world.run(
            "insert into reading_shelf (time, received_at, device_id, boot_id, seq, flags, slot_id, mass_kg) "
            "values (%s, now(), %s, 0, %s, 0, %s, %s)",
            at, world.ids["shelf-1"], n, label, mass_kg,
        )  # fmt: skip


def hear(world: World, tag: int, device: str, *seconds: float) -> None:
    now = datetime.now(UTC)
    for each in seconds:
        world.run(
            "insert into reading_tag (time, received_at, device_id, boot_id, seq, flags, tag_id, antenna) "
            "values (%s, now(), %s, 0, 0, 0, %s, 1)",
            now + timedelta(seconds=each), world.ids[device], tag,
        )  # fmt: skip


def says(api: httpx.Client, since: str, **more: object) -> dict[str, Any]:
    params = {"site": "store-1", "bin": "W-1", "sku": "LEAF", "since": since, **more}
    answer = api.get("/api/v1/pick-list/evidence", params=params)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["says"])


def test_a_shelf_says_what_was_picked(world: World, api: httpx.Client) -> None:
    now = datetime.now(UTC)
    world.partitions(now - timedelta(days=2), now + timedelta(days=2))
    assert_made(api.post("/api/v1/sites/store-1/bins", json={"id": "W-1", "zone": "chiller"}))
    world.ids["LEAF"] = world.registry.put_product("LEAF", label="Leaf", unit_mass_kg=0.5)
    world.registry.put_slot(world.ids["shelf-1"], "W-1", world.ids["LEAF"])
    bin_place = {"site": "store-1", "bin": "W-1"}
    receive(api, "leaf-1", 20, sku="LEAF", to=bin_place)
    lines = [{"sku": "LEAF", "quantity": 12}]
    assert_made(
        api.post("/api/v1/orders", json={"id": "LF-1", "customer": "ward-5", "site": "store-1", "lines": lines})
    )
    allocate(api, "LF-1")
    since = (now - timedelta(seconds=120)).isoformat()

    assert says(api, since)["shelf"]["cause"] == "silent"
    weigh(world, "W-1", *((-300 + 5 * n, 10.0 + 0.001 * (n % 2)) for n in range(8)), (-90, 7.3))
    assert says(api, since)["shelf"]["cause"] == "unsteady", "one weighing may be a hand"
    pick = {"kind": "pick", "quantity": 6, "from": bin_place, "to": STAGE, "evidence": {"by": "weight", "since": since}}
    refused = steps(api, "LF-1", {"id": "leaf-0", **pick})
    assert (refused.status_code, "unsteady" in refused.text) == (409, True), refused.text
    weigh(world, "W-1", (-80, 7.0), (-75, 7.001))
    found = says(api, since, quantity=5)
    assert (found["shelf"]["quantity"], found["verdict"], found["shelf"]["slots"]) == (6, "differs", ["W-1"])
    assert found["shelf"]["sure"] > 0.95
    assert says(api, since, quantity=6)["verdict"] == "agrees"
    done = steps(api, "LF-1", {"id": "leaf-2", **pick})
    assert done.status_code == 200, done.text
    assert steps(api, "LF-1", {"id": "leaf-2", **pick}).json()["new"] == [], "told again it is the same"
    assert api.get("/api/v1/orders/LF-1/steps").json()["items"][0]["by"] == "weight"
    (kept,) = api.get("/api/v1/orders/LF-1/pick-evidence").json()["items"]
    assert (kept["by"], kept["said"], kept["now"]["verdict"]) == ("weight", "agrees", "agrees")
    # a weighing of before that comes late: there had lain less, and the same pick is told otherwise
    weigh(world, "W-1", *((-200 + n, 9.0) for n in range(6)))
    (kept,) = api.get("/api/v1/orders/LF-1/pick-evidence").json()["items"]
    assert (kept["said"], kept["now"]["verdict"], kept["now"]["shelf"]["quantity"]) == ("agrees", "differs", 4)

    said = {**pick, "quantity": 1, "evidence": {"by": "hand", "since": since}}
    assert steps(api, "LF-1", {"id": "leaf-3", **said}).status_code == 200
    tasks = api.get("/api/v1/stock/count-tasks", params={"sku": "LEAF"}).json()["items"]
    assert [(each["cause"], each["place"]["bin"]) for each in tasks] == [("difference", "W-1")], "both are kept"
    receive(api, "rice-in", 1, sku="MILK", to=bin_place)
    assert says(api, since)["shelf"]["cause"] == "shared"
    assert says(api, since, bin="R-0")["shelf"]["cause"] == "no_sensor"
    wrong = {"id": "leaf-4", **pick, "evidence": {"by": "tag", "since": since}}
    assert steps(api, "LF-1", wrong).status_code == 422


def test_tags_that_left_are_proposed(world: World, api: httpx.Client) -> None:
    since = (datetime.now(UTC) - timedelta(seconds=120)).isoformat()
    bin_place = {"site": "store-1", "bin": "W-1"}
    pick = {"kind": "pick", "quantity": 1, "from": bin_place, "to": STAGE}
    world.device("reader-1", "rfid", site="store-1", zone="chiller")
    world.device("trolley", "rfid")
    tags = [world.label("epc", world.tenant_id, f"urn:epc:id:sgtin:4012345.099999.{n}") for n in (1, 2)]
    for tag in tags:
        world.run(
            "insert into tag_state (tag_id, tenant_id, time, device_id, site_id, zone_id, product_id, antenna) "
            "values (%s, %s, now(), %s, %s, %s, %s, 1)",
            tag, world.tenant_id, world.ids["reader-1"], world.ids["store-1"], world.ids["chiller"], world.ids["LEAF"],
        )  # fmt: skip
        hear(world, tag, "reader-1", *range(-600, -150, 30))
    hear(world, tags[1], "reader-1", *range(-150, 0, 30))
    hear(world, tags[0], "trolley", -60, -30)
    found = says(api, since)
    gone, stays = found["tags"]
    assert (gone["epc"][-1], gone["heard_in"], found["tag_quantity"]) == ("1", "trolley", 1)
    assert gone["sure"] > 0.95
    assert stays["sure"] < 0.6
    tagged = {**pick, "evidence": {"by": "tag", "since": since, "epcs": [gone["epc"]]}}
    assert steps(api, "LF-1", {"id": "leaf-5", **tagged}).status_code == 200
    newest = api.get("/api/v1/orders/LF-1/pick-evidence").json()["items"][0]
    assert (newest["by"], newest["epcs"], newest["said"]) == ("tag", [gone["epc"]], "agrees")
