"""From a supplier's terms to a proposal, an order that is received in parts, and lead times as they were measured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.integration.api.seed import World, client, serving

V1 = "/api/v1"
MILK = f"{V1}/replenishment/store-1/MILK"
PLACE = {"site": "store-1", "zone": "chiller"}


def ok(answer: httpx.Response, *status: int) -> dict[str, Any]:
    assert answer.status_code in (status or (200,)), answer.text
    return dict(answer.json())


def forecast(world: World, sku: str, mean: float) -> None:
    """Of 56 days from today on, the same each day."""
    world.run(
        "insert into demand_forecast (tenant_id, site_id, product_id, begins, model, class, history_days, short_days, "
        "mean, p10, p50, p90) select p.tenant_id, s.id, p.id, current_date, 'mean_of_three', 'smooth', 80, 0, "
        "array_fill(%s::float8, array[56]), array_fill(%s::float8, array[56]), array_fill(%s::float8, array[56]), "
        "array_fill(%s::float8, array[56]) from product p, site s where p.sku = %s and s.name = 'store-1'",
        mean, mean * 0.7, mean, mean * 1.3, sku,
    )  # fmt: skip


def move(name: str, kind: str, quantity: float, reference: str = "", at: datetime | None = None) -> dict[str, Any]:
    told = {"id": name, "kind": kind, "sku": "MILK", "quantity": quantity, "reference": reference}
    return {**told, "to" if kind == "receive" else "from": PLACE, **({"at": at.isoformat()} if at else {})}


def suppliers_and_their_terms(api: httpx.Client) -> None:
    dairy = {"id": "dairy", "label": "Valley Dairy"}
    ok(api.post(f"{V1}/suppliers", json=dairy), 201)
    assert ok(api.post(f"{V1}/suppliers", json=dairy | {"contact": "gate 3"}))["contact"] == "gate 3"
    terms = {"sku": "MILK", "lead_days": 2, "pack": 12, "least": 24, "price": 0.5, "currency": "EUR"}
    at = f"{V1}/suppliers/dairy/terms"
    assert ok(api.post(at, json=terms | {"price": 0.75}), 201)["price"] == 0.75
    assert ok(api.post(at, json=terms))["price"] == 0.5
    assert "there is no NONE" in api.post(at, json=terms | {"sku": "NONE"}).text
    assert api.post(at, json=terms | {"currency": None}).status_code == 422
    assert api.post(f"{V1}/suppliers/nobody/terms", json=terms).status_code == 404
    ok(api.post(f"{V1}/suppliers", json={"id": "dear"}), 201)
    ok(api.post(f"{V1}/suppliers/dear/terms", json=terms | {"price": 9}), 201)
    goal = {"site": "store-1", "sku": "MILK", "goal": "fill", "service": 0.98, "cover_days": 3}
    ok(api.post(f"{V1}/stock-goals", json=goal), 201)
    assert ok(api.post(f"{V1}/stock-goals", json=goal | {"goal": "cycle", "service": 0.95}))["goal"] == "cycle"
    assert "there is no nobody" in api.post(f"{V1}/stock-goals", json=goal | {"supplier": "nobody"}).text
    (kept,) = ok(api.get(f"{V1}/stock-goals?site=store-1"))["items"]
    assert (kept["sku"], kept["service"], kept["cover_days"], kept["supplier"]) == ("MILK", 0.95, 3, None)


def a_proposal_is_taken_once(api: httpx.Client) -> str:
    first, second = ok(api.get(f"{V1}/replenishment?site=store-1"))["items"]
    assert (first["sku"], first["supplier"]) == ("MILK", "dairy"), "the cheapest; what is urgent stands first"
    assert first["states"][:2] == ["stock_out", "order"]
    assert (second["sku"], second["states"], second["quantity"]) == ("TEA", ["no_supplier"], None)
    assert (first["on_hand"], first["position"], first["value"]) == (30, 30, first["quantity"] / 2)
    assert first["quantity"] % 12 == 0
    assert first["position"] + first["quantity"] >= first["up_to"] > first["reorder_point"] > 30
    why = first["why"]
    assert (why["lead_seen"], why["lead_promised"], why["goal_is_own"]) == (0, 2, True)
    assert why["reached_cycle"] >= 0.95 > why["textbook_cycle"] - 0.04
    detail = ok(api.get(MILK))
    assert (len(detail["ahead"]), len(detail["ordered"])) == (28, 28)
    assert detail["ahead"][-1]["p50"] < 0 < detail["ordered"][3]["p50"]
    assert detail["ahead"][0]["out"] <= detail["ahead"][-1]["out"] == 1
    assert api.get(f"{V1}/replenishment/store-1/NONE").status_code == 404
    assert api.get(f"{V1}/replenishment?site=nowhere").status_code == 422

    take = {"proposal": first["proposal"], "site": "store-1", "sku": "MILK", "quantity": first["quantity"] + 12}
    assert "reason" in api.post(f"{V1}/replenishment", json=take).json()["detail"]
    take["reason"] = "a feast"
    order = ok(api.post(f"{V1}/replenishment", json=take), 201)
    assert (order["state"], order["supplier"], order["lines"][0]["quantity"]) == ("draft", "dairy", take["quantity"])
    assert ok(api.post(f"{V1}/replenishment", json=take))["id"] == order["id"], "told again"
    assert api.post(f"{V1}/replenishment", json=take | {"quantity": 12}).status_code == 409, "somebody else"
    (kept,) = ok(api.get(f"{V1}/proposals-taken"))["items"]
    assert (kept["proposed"], kept["quantity"], kept["reason"]) == (first["quantity"], take["quantity"], "a feast")
    now = ok(api.get(MILK))
    assert (now["quantity"], now["on_order"], now["in_transit"][0]["draft"]) == (0, take["quantity"], True)
    more = {**take, "proposal": now["proposal"], "quantity": 24, "reason": "and a guest"}
    extended = ok(api.post(f"{V1}/replenishment", json=more), 201)
    assert (extended["id"], extended["lines"][0]["quantity"]) == (order["id"], take["quantity"] + 24)
    return str(order["id"])


def it_comes_in_parts(api: httpx.Client, order: str, now: datetime) -> None:
    at = f"{V1}/purchase-orders/{order}"
    quantity = ok(api.get(at))["lines"][0]["quantity"]
    assert api.post(f"{at}/steps", json={"step": "close", "reason": "x"}).status_code == 409
    sent = ok(api.post(f"{at}/steps", json={"step": "send"}))
    assert (sent["state"], sent["lines"][0]["expected_by"]) == ("sent", "terms")
    assert ok(api.post(f"{at}/steps", json={"step": "send"}))["version"] == sent["version"], "said again"
    lines = [{"sku": "MILK", "quantity": 1}]
    draft = {"id": order, "supplier": "dairy", "site": "store-1", "lines": lines}
    assert "only a draft" in api.post(f"{V1}/purchase-orders", json=draft).text
    tomorrow = (now + timedelta(days=1)).date().isoformat()
    told = ok(api.post(f"{at}/steps", json={"step": "confirm", "expected_on": tomorrow, "shipment": "S-1"}))
    assert (told["lines"][0]["expected_on"], told["lines"][0]["expected_by"]) == (tomorrow, "supplier")
    assert ok(api.get(MILK))["in_transit"][0]["shipment"] == "S-1"

    half = {"moves": [move("grn-1", "receive", 12, order, now)]}
    for _ in range(2):
        ok(api.post(f"{V1}/stock/moves", json=half), 200, 201)
    part = ok(api.get(at))
    assert (part["state"], part["lines"][0]["received"]) == ("partly_received", 12)
    seen = ok(api.get(MILK))
    assert (seen["on_hand"], seen["on_order"]) == (42, quantity - 12)
    assert "close it" in api.post(f"{at}/steps", json={"step": "cancel"}).json()["detail"]
    ok(api.post(f"{V1}/stock/moves", json={"moves": [move("grn-2", "receive", quantity - 12, order, now)]}), 201)
    ok(api.post(f"{V1}/stock/moves/grn-2/correction", json={"reason": "not for us"}), 200, 201)
    assert ok(api.get(at))["state"] == "partly_received"
    closed = ok(api.post(f"{at}/steps", json={"step": "close", "reason": "sold out"}))
    assert (closed["state"], closed["why"]) == ("closed", "sold out")
    assert ok(api.get(MILK))["on_order"] == 0
    late = {"moves": [move("grn-3", "receive", quantity - 12, order, now)]}
    ok(api.post(f"{V1}/stock/moves", json=late), 201)
    assert ok(api.get(at))["state"] == "received", "it came after all, though nobody expected it"
    assert [o["id"] for o in ok(api.get(f"{V1}/purchase-orders?open=true"))["items"]] == []


def lead_times_are_measured(api: httpx.Client, world: World, now: datetime) -> None:
    lines = [{"sku": "MILK", "quantity": 12}]
    for n in range(6):
        order = {"id": f"PO-{n}", "supplier": "dairy", "site": "store-1", "lines": lines}
        assert ok(api.post(f"{V1}/purchase-orders", json=order), 201)["state"] == "draft"
        assert ok(api.post(f"{V1}/purchase-orders", json=order))["version"] == 1, "the same again"
        ok(api.post(f"{V1}/purchase-orders/PO-{n}/steps", json={"step": "send"}))
        world.run("update purchase_order set sent_at = %s where name = %s", now - timedelta(days=9), f"PO-{n}")
        if n < 5:
            at = now - timedelta(days=9 - 5)
            ok(api.post(f"{V1}/stock/moves", json={"moves": [move(f"in-{n}", "receive", 12, f"PO-{n}", at)]}), 201)
            assert ok(api.get(f"{V1}/purchase-orders/PO-{n}"))["lead_days"] == 5
    seen = ok(api.get(MILK))
    assert (seen["why"]["lead_seen"], seen["why"]["lead_general"]) == (6, 6)
    assert 4 < seen["why"]["lead_mean"] < 5.1, "five days, though two were promised"
    assert any("PO-5 is longer under way than any before it" in note for note in seen["notes"])
    cancelled = ok(api.post(f"{V1}/purchase-orders/PO-5/steps", json={"step": "cancel", "version": 2}))
    assert cancelled["state"] == "cancelled"
    assert ok(api.get(MILK))["on_order"] == 0


def test_from_terms_to_a_proposal_an_order_and_measured_lead_times(kept_database: str) -> None:
    now, world = datetime.now(UTC), World(kept_database)
    world.furnish()
    with serving(kept_database) as url, client(url, world.token("admin")) as api:
        api.post(f"{V1}/products", json={"sku": "TEA", "label": "Tea"})
        forecast(world, "MILK", 20)
        forecast(world, "TEA", 3)
        there = [move("r-1", "receive", 30), move("r-2", "receive", 24) | {"sku": "TEA"}]
        ok(api.post(f"{V1}/stock/moves", json={"moves": there}), 201)
        with client(url, world.token("planner")) as planner:
            suppliers_and_their_terms(planner)
            order = a_proposal_is_taken_once(planner)
        it_comes_in_parts(api, order, now)
        lead_times_are_measured(api, world, now)
        with client(url, world.token("storekeeper")) as other:
            assert other.post(f"{V1}/suppliers", json={"id": "x"}).status_code == 403
            assert other.get(f"{V1}/purchase-orders").status_code == 200
        assert api.delete(f"{V1}/suppliers/dairy/terms/MILK").status_code == 204
        assert ok(api.get(MILK))["supplier"] == "dear"
        assert api.delete(f"{V1}/stock-goals/store-1/MILK").status_code == 204
        assert ok(api.get(MILK))["why"]["goal_is_own"] is False
        assert api.delete(f"{V1}/suppliers/dear").status_code == 204
        assert ok(api.get(MILK))["states"][-1] == "no_supplier"
    world.close()
