"""Orders that shipments carry: put on them by hand, on one at a time, and not taken off while goods are aboard."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.integration.api.seed import World, client, rows, serving


@pytest.fixture
def api(database: str) -> Iterator[httpx.Client]:
    world = World(database)
    world.furnish()
    with serving(database) as url, client(url, world.token("admin")) as found:
        found.post("/api/v1/customers", json={"id": "ward-5", "label": "Ward 5"})
        for name in ("SO-1", "SO-2"):
            lines = [{"sku": "MILK", "quantity": 2}]
            body = {"id": name, "customer": "ward-5", "site": "store-1", "lines": lines}
            assert found.post("/api/v1/orders", json=body).status_code == 201
        found.post("/api/v1/shipments", json={"id": "S-2", "stops": [{"site": "dc-1"}, {"site": "store-1"}]})
        yield found
    world.close()


def put(api: httpx.Client, shipment: str, **orders: int | None) -> httpx.Response:
    body = {"orders": [{"order": name.replace("_", "-"), "stop": stop} for name, stop in orders.items()]}
    return api.put(f"/api/v1/shipments/{shipment}/orders", json=body)


def carried(api: httpx.Client, shipment: str) -> dict[str, Any]:
    return {each["id"]: each["stop"] for each in api.get(f"/api/v1/shipments/{shipment}").json()["orders"]}


def test_orders_are_put_on_one_shipment_at_a_time(api: httpx.Client, database: str) -> None:
    answer = put(api, "S-1", SO_1=2, SO_2=None)
    assert answer.status_code == 200
    assert answer.json()["orders"][0] == {
        "id": "SO-1", "customer": "ward-5", "customer_label": "Ward 5", "status": "open", "stop": 2,
    }  # fmt: skip
    assert api.get("/api/v1/orders/SO-1").json()["shipment"] == "S-1"
    assert put(api, "S-1", SO_1=2, SO_2=None).json() == answer.json()
    assert rows(database, "select count(*) from audit where action = 'shipment.orders'") == [(1,)]

    refused = put(api, "S-2", SO_1=2)
    assert (refused.status_code, refused.json()["detail"]) == (409, "SO-1 is on S-1: take it off that one first")
    assert put(api, "S-1", SO_2=1).status_code == 200
    assert carried(api, "S-1") == {"SO-2": 1}
    assert put(api, "S-2", SO_1=2).status_code == 200

    for shipment, orders, status in (("S-9", {}, 404), ("S-2", {"SO_9": 1}, 422), ("S-2", {"SO_1": 7}, 422)):
        assert put(api, shipment, **orders).status_code == status
    assert "there is no 7, they are 1, 2" in put(api, "S-2", SO_1=7).json()["detail"]
    twice = {"orders": [{"order": "SO-1"}, {"order": "SO-1"}]}
    assert api.put("/api/v1/shipments/S-2/orders", json=twice).status_code == 422

    # A stop that is planned no more leaves the order on the shipment, and says that nobody knows where it leaves it.
    api.post("/api/v1/shipments", json={"id": "S-2", "stops": [{"site": "dc-1"}]})
    assert carried(api, "S-2") == {"SO-1": None}
    # What is called off carries nothing.
    assert api.delete("/api/v1/shipments/S-2").json()["outcome"] == "deleted"
    assert api.get("/api/v1/orders/SO-1").json()["shipment"] is None


def test_an_order_whose_goods_are_aboard_stays_and_of_two_one_is_told(api: httpx.Client) -> None:
    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(lambda shipment: put(api, shipment, SO_1=2).status_code, ("S-1", "S-2")))
    assert sorted(answers) == [200, 409]
    mine = ("S-1", "S-2")[answers.index(200)]
    there = {"site": "store-1", "zone": "chiller"}
    received = {"id": "r", "kind": "receive", "sku": "MILK", "quantity": 9, "to": there}
    assert api.post("/api/v1/stock/moves", json={"moves": [received]}).status_code == 201
    pick = {"id": "p", "line": 1, "kind": "pick", "quantity": 2, "from": there, "to": {"site": "store-1"}}
    load = {"id": "l", "line": 1, "kind": "load", "quantity": 2, "from": pick["to"], "to": {"vehicle": "truck-01"}}
    assert api.post("/api/v1/orders/SO-1/steps", json={"steps": [pick, load]}).status_code == 200
    refused = put(api, mine)
    assert (refused.status_code, "unload them first" in refused.json()["detail"]) == (409, True)
    assert put(api, mine, SO_1=1).status_code == 200  # another stop is no unloading

    assert api.post("/api/v1/orders/SO-2/cancellation", json={"reason": "ordered twice"}).status_code == 200
    refused = put(api, mine, SO_1=1, SO_2=1)
    assert (refused.status_code, refused.json()["detail"]) == (409, "SO-2 is cancelled: there is nothing to carry")
