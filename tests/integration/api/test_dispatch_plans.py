"""Plans of dispatch by REST: proposed from orders, quoted, changed, accepted as shipments, planned again underway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from frostway.cli import app
from frostway.failure import Failure
from tests.integration.api.seed import World, client, rows, serving

PLANS = "/api/v1/dispatch-plans"
CHILLER = {"site": "store-1", "zone": "chiller"}


def tomorrow() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).date().isoformat()


def asked(**more: object) -> dict[str, Any]:
    return {
        "site": "store-1",
        "day": tomorrow(),
        "begin": "00:00",
        "end": "23:59",
        "hours": "none",
        "seconds": 0.5,
        **more,
    }


@pytest.fixture
def world(database: str) -> Iterator[World]:
    found = World(database)
    found.furnish(3)
    yield found
    found.close()


@pytest.fixture
def api(world: World, database: str) -> Iterator[httpx.Client]:
    with serving(database) as url, client(url, world.token("admin")) as found:
        made = [
            ("products", {"sku": "MILK", "label": "Milk", "gross_mass_kg": 10, "temp_class": "chilled"}),
            ("customers", {"id": "shops", "label": "Shops"}),
            *(("customers/shops/ship-tos", {"id": f"shop-{n}", "label": f"Shop {n}", "lat": 60.2 + n / 50, "lon": 24.9})
              for n in range(6)),
            ("customers/shops/ship-tos", {"id": "nowhere", "label": "Nowhere"}),
            *(("orders", order(n)) for n in range(6)),
            ("orders", {**order(6), "ship_to": "nowhere"}),
            ("orders", {**order(7, 500), "ship_to": "shop-0"}),
        ]  # fmt: skip
        for path, body in made:
            answer = found.post(f"/api/v1/{path}", json=body)
            assert answer.status_code in (200, 201), answer.text
        for n in (1, 2, 3):
            found.post(
                "/api/v1/vehicles", json={"id": f"truck-{n:02d}", "load_capacity_kg": 100, "fuel_type": "diesel"}
            )
        yield found


def order(n: int, quantity: int = 3) -> dict[str, Any]:
    lines = [{"sku": "MILK", "quantity": quantity}]
    return {"id": f"SO-{n}", "customer": "shops", "ship_to": f"shop-{n}", "site": "store-1", "lines": lines}


def planned(api: httpx.Client, **more: object) -> dict[str, Any]:
    answer = api.post(PLANS, json=asked(**more))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def vehicle_of(plan: dict[str, Any]) -> dict[str, str]:
    return {stop["order"]: route["vehicle"] for route in plan["routes"] for stop in route["stops"]}


def test_from_orders_to_shipments(api: httpx.Client, database: str) -> None:
    plan = planned(api, reason="first round")
    assert vehicle_of(plan).keys() == {f"SO-{n}" for n in range(6)}
    assert plan["excluded"] == [{"order": "SO-6", "reason": "no_place", "about": ""}]
    (left,) = plan["left_out"]
    assert (left["order"], {each["limit"] for each in left["why"]}) == ("SO-7", {"load"})
    assert (plan["totals"]["orders"], plan["totals"]["broken"], plan["broken"]) == (6, 0, [])
    assert {"about": "SO-0", "what": "size", "more": ""} in plan["notes"]
    route = max(plan["routes"], key=lambda each: len(each["stops"]))
    assert route["loads"][0] == {
        "temp_class": "all",
        "measure": "kg",
        "amount": 30.0 * len(route["stops"]),
        "capacity": 100.0,
    }
    assert sum(stop["kgco2e"] for stop in route["stops"]) == pytest.approx(route["kgco2e"], abs=0.05)
    (head,) = api.get(PLANS).json()["items"]
    assert head == {key: plan[key] for key in head}
    assert api.get(f"{PLANS}/{plan['id']}").json() == plan

    # A change says what it comes to before it is made, and what it breaks.
    mine, other = route, next(each for each in plan["routes"] if each["vehicle"] != route["vehicle"])
    moved = mine["stops"][0]["order"]
    change = {"version": 1, "changes": [{"order": moved, "vehicle": other["vehicle"], "at": 0}], "dry_run": True}
    path = f"{PLANS}/{plan['id']}/changes"
    said = api.post(path, json=change).json()
    assert vehicle_of(said["plan"])[moved] == other["vehicle"]
    assert said["plan"]["totals"]["km"] == pytest.approx(plan["totals"]["km"] + said["added"]["km"], abs=0.02)
    assert api.get(f"{PLANS}/{plan['id']}").json() == plan
    done = api.post(path, json={**change, "dry_run": False}).json()
    assert (done["added"], done["plan"]["version"]) == (said["added"], 2)
    assert api.post(path, json=change).status_code == 409
    heavy = {"version": 2, "changes": [{"order": "SO-7", "vehicle": other["vehicle"]}], "dry_run": True}
    assert [each["limit"] for each in api.post(path, json=heavy).json()["broken"]] == ["load"]
    lock = {"version": 2, "changes": [{"order": moved, "locked": True}, {"order": moved, "vehicle": mine["vehicle"]}]}
    assert api.post(path, json=lock).json()["broken"][0]["limit"] == f"locked to {other['vehicle']}"
    for wrong, status in (({"order": "SO-99", "vehicle": None}, 422), ({"order": "SO-1"}, 422)):
        assert api.post(path, json={"version": 3, "changes": [wrong]}).status_code == status
    back = {"version": 3, "changes": [{"order": moved, "locked": False}]}
    assert api.post(path, json=back).json()["plan"]["version"] == 4

    # Accepted at the version that was looked at, by one; the other is told.
    accepted = f"{PLANS}/{plan['id']}/acceptance"
    assert api.post(accepted, json={"version": 1}).status_code == 409
    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(lambda _: api.post(accepted, json={"version": 4}), range(2)))
    assert sorted(each.status_code for each in answers) == [200, 409]
    made = next(each.json() for each in answers if each.status_code == 200)
    shipment = api.get(f"/api/v1/shipments/{made['shipments'][0]}").json()
    assert (shipment["stops"][0]["site"], shipment["status"]) == ("store-1", "planned")
    stops = {each["id"]: each["stop"] for each in shipment["orders"]}
    assert sorted(stops.values()) == list(range(2, 2 + len(stops)))
    assert api.get("/api/v1/orders/SO-0").json()["shipment"] in made["shipments"]
    assert api.post(f"{PLANS}/{plan['id']}/discard").status_code == 409
    assert rows(database, "select count(*) from audit where starts_with(action, 'dispatch.')") == [(5,)]
    # All that is due is on its way now; vehicles that are busy are named.
    again = planned(api)
    assert vehicle_of(again) == {}
    assert {each["what"] for each in again["notes"] if each["about"].startswith("truck")} >= {"busy"}


def test_a_plan_is_not_accepted_when_an_order_is_not_as_it_was(api: httpx.Client) -> None:
    plan = planned(api)
    accepted = f"{PLANS}/{plan['id']}/acceptance"
    end = f"{tomorrow()}T09:00:00Z"
    api.patch("/api/v1/orders/SO-1", json={"window_end": end})
    refused = api.post(accepted, json={"version": 1})
    assert (refused.status_code, refused.json()["detail"]) == (
        409, "SO-1 is not as it was when this was planned: plan again",
    )  # fmt: skip
    plan = planned(api, orders=["SO-2"])
    api.put("/api/v1/shipments/S-1/orders", json={"orders": [{"order": "SO-2", "stop": 2}]})
    refused = api.post(f"{PLANS}/{plan['id']}/acceptance", json={"version": 1})
    assert (refused.status_code, "SO-2 is on S-1" in refused.json()["detail"]) == (409, True)
    assert api.get("/api/v1/shipments", params={"status": "planned"}).json()["items"][0]["id"] == "S-1"
    for _ in range(2):
        assert api.post(f"{PLANS}/{plan['id']}/discard").json()["status"] == "discarded"
    assert api.post(f"{PLANS}/{plan['id']}/acceptance", json={"version": 2}).status_code == 409
    for body, status in (
        ({"site": "no-site"}, 422), ({"vehicles": ["van-9"]}, 422), ({"orders": ["SO-99"]}, 422),
        ({"seconds": 60}, 422),
    ):  # fmt: skip
        assert api.post(PLANS, json=asked(**body)).status_code == status
    assert api.post(f"{PLANS}/replan", json=asked(site="dc-1")).status_code == 409
    assert api.get(f"{PLANS}/999999").status_code == 404


def test_a_running_day_is_planned_again_with_what_is_on_board_where_it_is(
    world: World, api: httpx.Client, database: str
) -> None:
    plan = planned(api, vehicles=["truck-02", "truck-03"])
    accepted = api.post(f"{PLANS}/{plan['id']}/acceptance", json={"version": 1}).json()
    assert len(accepted["shipments"]) == 2
    left, stays = accepted["shipments"]
    of = {name: api.get(f"/api/v1/shipments/{name}").json() for name in accepted["shipments"]}
    # One has left and served its first stop; the other one breaks down before it leaves.
    world.run("update shipment set status = 'in_transit', started_at = now() where name = %s", left)
    world.run(
        "update stop set arrived_at = now(), departed_at = now() where seq <= 2 and shipment_id = "
        "(select id from shipment where name = %s)", left,
    )  # fmt: skip
    served = next(each["id"] for each in of[left]["orders"] if each["stop"] == 2)
    out = of[stays]["vehicle"]
    answer = api.post(f"{PLANS}/replan", json=asked(out=[out], reason="broken down"))
    assert answer.status_code == 201, answer.text
    again = answer.json()
    rides = vehicle_of(again)
    assert served not in rides
    aboard = {stop["order"] for route in again["routes"] for stop in route["stops"] if stop["aboard"]}
    assert aboard == {each["id"] for each in of[left]["orders"]} - {served}
    free = {each["id"] for each in of[stays]["orders"]}
    assert {rides[name] for name in free} == {"truck-01"}
    changed = {each["order"]: (each["old_vehicle"], each["new_vehicle"]) for each in again["changes"]}
    assert {name: changed[name] for name in free} == dict.fromkeys(free, (out, "truck-01"))

    done = api.post(f"{PLANS}/{again['id']}/acceptance", json={"version": 1})
    assert done.status_code == 200, done.text
    assert api.get(f"/api/v1/shipments/{stays}").json()["orders"] == []
    now = api.get(f"/api/v1/shipments/{left}").json()
    assert {each["id"] for each in now["orders"]} == aboard | {served}
    assert [stop["arrived_at"] is not None for stop in now["stops"]][:2] == [True, True]
    assert {api.get(f"/api/v1/orders/{name}").json()["shipment"] for name in free} <= set(done.json()["shipments"])
    # It went on meanwhile: the plan is none any more.
    third = api.post(f"{PLANS}/replan", json=asked()).json()
    world.run(
        "update stop set arrived_at = now() where seq = 3 and shipment_id = (select id from shipment where name = %s)",
        left,
    )
    refused = api.post(f"{PLANS}/{third['id']}/acceptance", json={"version": 1})
    assert (refused.status_code, "has reached stop 3 meanwhile" in refused.json()["detail"]) == (409, True)
    assert rows(database, "select count(*) from dispatch_plan where kind = 'replan'") == [(2,)]


def test_the_command_plans_shows_compares_and_accepts(
    api: httpx.Client, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FROSTWAY_DATABASE_URL", database)
    monkeypatch.setenv("FROSTWAY_HTTP_PORT", str(api.base_url.port))

    def command(*words: str) -> Result:
        return CliRunner().invoke(app, ["dispatch", *words])

    said = command("plan", "store-1", "--day", tomorrow(), "--seconds", "0.5", "--hours", "none", "--format", "json")
    assert said.exit_code == 0, said.exception
    plan = json.loads(said.stdout)
    assert plan == api.get(f"{PLANS}/{plan['id']}").json()
    assert command("list").stdout.splitlines()[1].split("\t")[:2] == [plan["id"], "store-1"]
    shown = command("show", plan["id"])
    assert {row.split("\t")[3] for row in shown.stdout.splitlines()[1:]} == vehicle_of(plan).keys()
    assert "left out: SO-7: truck-01: load by" in shown.stderr
    assert "not planned: SO-6: no_place" in shown.stderr
    assert len(command("show", plan["id"], "--format", "csv").stdout.splitlines()) == 1 + plan["totals"]["orders"]

    # Another plan without an order differs by it, and by what it saves.
    other = planned(api, orders=[f"SO-{n}" for n in range(5)])
    compared = json.loads(command("compare", plan["id"], other["id"], "--format", "json").stdout)
    assert compared["moved"]["SO-5"] == [vehicle_of(plan)["SO-5"], None]
    assert compared["totals"]["orders"] == [6, 5]

    # Nobody is there to ask; with --yes it is done once, and then there is nothing left to accept.
    assert "say --yes" in failed(command("accept", plan["id"]))
    assert api.get(f"{PLANS}/{plan['id']}").json()["status"] == "proposed"
    done = command("accept", plan["id"], "--yes")
    assert len(done.stdout.splitlines()) == plan["totals"]["vehicles"]
    assert "is accepted" in failed(command("accept", plan["id"], "--yes"))
    assert "SO-0 is on" in failed(command("accept", other["id"], "--yes"))
    assert "no plan 999" in failed(command("show", "999"))
    assert "--day soon" in failed(command("plan", "store-1", "--day", "soon"))
    assert "nowhere" in failed(command("plan", "nowhere", "--day", tomorrow()))
    good = "select count(*) from access_token where subject like 'token:dispatch-%%' and revoked_at is null"
    assert rows(database, good) == [(0,)]


def failed(said: Result) -> str:
    assert said.exit_code != 0
    assert isinstance(said.exception, Failure)
    return str(said.exception)
