"""Waves by REST: orders are grouped, given goods together, divided into rounds, taken by one picker each."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from operations.waves.work import release_waves
from planning.advice.work import grade_waves
from store.link import Link
from tests.integration.api.seed import World, client, serving
from tests.logins import of_operations


@pytest.fixture(scope="module")
def world(kept_database: str) -> Iterator[World]:
    found = World(kept_database)
    found.furnish()
    yield found
    found.close()


@pytest.fixture(scope="module")
def url(kept_database: str) -> Iterator[str]:
    with serving(kept_database) as found:
        yield found


@pytest.fixture(scope="module")
def api(world: World, url: str) -> Iterator[httpx.Client]:
    with client(url, world.token("admin")) as found:
        layout = {"aisles": 4, "aisle_length_m": 20, "aisle_pitch_m": 3, "depot": 1}
        assert found.put("/api/v1/sites/store-1/zones/chiller/layout", json=layout).status_code == 200
        moves = []
        for n in range(8):
            place = {"id": f"A-{n}", "zone": "chiller", "aisle": n % 4, "along_m": 2.5 * n}
            ok(found.post("/api/v1/sites/store-1/bins", json=place), 201)
            moves.append(
                {
                    "id": f"r-{n}", "kind": "receive", "sku": "MILK", "quantity": 5,
                    "to": {"site": "store-1", "bin": f"A-{n}"},
                }
            )  # fmt: skip
        ok(found.post("/api/v1/stock/moves", json={"moves": moves}), 201)
        for name in ("ward-5", "ward-6"):
            ok(found.post("/api/v1/customers", json={"id": name}), 201)
        yield found


def ok(answer: httpx.Response, *status: int) -> dict[str, Any]:
    assert answer.status_code in (status or (200,)), answer.text
    return dict(answer.json())


def order(api: httpx.Client, name: str, quantity: float, hours: float, customer: str = "ward-5") -> None:
    end = (datetime.now(UTC) + timedelta(hours=hours)).isoformat()
    body = {"id": name, "customer": customer, "site": "store-1", "window_end": end}
    ok(api.post("/api/v1/orders", json={**body, "lines": [{"sku": "MILK", "quantity": quantity}]}), 201)


def make(api: httpx.Client, **body: Any) -> httpx.Response:
    return api.post("/api/v1/waves", json={"site": "store-1", **body})


def test_from_orders_to_rounds_that_one_picker_takes(world: World, api: httpx.Client, url: str) -> None:
    for n in range(5):
        order(api, f"W{n}", 7, 1 + n, "ward-5" if n < 3 else "ward-6")
    far = datetime.now(UTC) + timedelta(hours=4.5)
    assert make(api, due_by="2020-01-01T00:00:00Z").json()["detail"].startswith("there is no order that fits")
    both = ok(make(api, due_by=far.isoformat(), by="customer", cart={"orders": 2}), 201)["waves"]
    assert [(each["why"], each["orders"], each["status"]) for each in both] == [
        ("ward-5", 3, "planned"),
        ("ward-6", 1, "planned"),
    ]
    name = both[0]["id"]
    taken = make(api, orders=["W0"])
    assert (taken.status_code, taken.json()["detail"]) == (409, f"orders: W0 is in {name}; take it out there first")
    old = api.post(f"/api/v1/waves/{name}/release", json={"version": 9})
    assert old.status_code == 409
    done = ok(api.post(f"/api/v1/waves/{name}/release", json={"version": 1}))
    assert (done["status"], done["given"], done["units"], done["open"], done["to_pick"]) == ("released", 3, 21, 0, 21)
    assert sorted(each["orders"] for each in done["rounds"]) == [["W0", "W1"], ["W2"]] or len(done["rounds"]) == 2
    assert 0 < done["walk_m"] <= done["as_came_m"]
    assert all(each["left"] for each in done["rounds"])
    with client(url, world.token("storekeeper")) as other:
        take = f"/api/v1/waves/{name}/rounds/1/take"
        with ThreadPoolExecutor(2) as two:
            codes = sorted(each.status_code for each in two.map(lambda who: who.post(take, json={}), (api, other)))
        assert codes == [200, 409], "one has it, the other is told"
        again = api.post(f"/api/v1/waves/{name}/rounds")
        assert again.status_code == 409, "rounds that somebody walks stay as they are"
        assert other.post(f"/api/v1/waves/{name}/release", json={}).status_code == 403
    ok(api.post(take, json={"back": True}))
    assert api.post("/api/v1/waves/W-77/rounds/1/take", json={}).status_code == 404
    ended = ok(api.post(f"/api/v1/waves/{both[1]['id']}/cancellation", json={}))
    assert (ended["status"], ended["orders"]) == ("cancelled", 0)
    left = ok(make(api, id="late", picking="zones"), 201)["waves"]
    assert [[each["id"] for each in wave["of_orders"]] for wave in left] == [["W3", "W4"]]
    done = ok(api.post("/api/v1/waves/late/release", json={}))
    assert [(each["zone"], each["orders"]) for each in done["rounds"]] == [("chiller", ["W3", "W4"])]
    lists = ok(api.get("/api/v1/pick-list", params={"orders": "W3,W4", "zone": "chiller"}))
    assert sum(each["quantity"] for each in lists["picks"]) == 14
    assert ok(api.get("/api/v1/pick-list", params={"orders": "W3", "zone": "dry"}))["picks"] == []
    assert [each["id"] for each in ok(api.get("/api/v1/waves", params={"status": "released"}))["items"]] == [
        "late",
        name,
    ]


def test_what_a_wave_promised_is_graded_by_the_way_its_picks_were_made(
    world: World, api: httpx.Client, kept_database: str
) -> None:
    """Picked as the list says the rounds are as long as they were planned; the adviser stands beside the others."""
    world.run("update wave set as_came_m = walk_m + 50 where name = 'late'")
    with closing(Link(of_operations(kept_database), "advice")) as link:
        assert grade_waves(link.connection, datetime.now(UTC)) == 0, "nothing is picked yet"
        for n, pick in enumerate(ok(api.get("/api/v1/pick-list", params={"orders": "W3,W4"}))["picks"]):
            place = {"site": "store-1", "bin": pick["place"]["bin"]}
            step = {"id": f"late-{n}", "line": pick["line"], "kind": "pick", "quantity": pick["quantity"],
                    "from": place, "to": {"site": "store-1"}}  # fmt: skip
            ok(api.post(f"/api/v1/orders/{pick['order']}/steps", json={"steps": [step]}))
        assert grade_waves(link.connection, datetime.now(UTC)) == 1
        assert grade_waves(link.connection, datetime.now(UTC)) == 0, "once"
    (told,) = ok(api.get("/api/v1/advice", params={"kind": "waves"}))["items"]
    assert (told["predicted"], told["status"], told["final"]) == (50, "done", True)
    assert told["realised"] == pytest.approx(50)
    (worth,) = ok(api.get("/api/v1/advisers", params={"site": "store-1"}))["items"]
    assert (worth["kind"], worth["grades"], worth["ratio"]) == ("waves", 1, pytest.approx(1.0))


def test_a_wave_whose_releasing_was_broken_off_is_gone_on_with(
    world: World, api: httpx.Client, kept_database: str
) -> None:
    order(api, "B1", 3, 2)
    name = ok(make(api, orders=["B1"]), 201)["waves"][0]["id"]
    world.run(
        "update wave set status = 'releasing', released_by = 'ann', released_at = now() - interval '1 hour' "
        "where name = %s",
        name,
    )
    with closing(Link(of_operations(kept_database), "waves")) as link:
        assert [release_waves(link, datetime.now(UTC)) for _ in range(2)] == [1, 0]
    found = ok(api.get(f"/api/v1/waves/{name}"))
    assert (found["status"], found["to_pick"], found["rounds"]) == ("released", 3, [])
    assert len(ok(api.post(f"/api/v1/waves/{name}/rounds"))["rounds"]) == 1
