"""Returns by REST: never more than was delivered, on hold until somebody has decided, the ledger with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.api.seed import World, client, serving
from tests.integration.api.test_orders import CHILLER, STAGE

TRUCK = {"vehicle": "truck-01"}
LAX = settings(max_examples=10, suppress_health_check=list(HealthCheck), deadline=None)


@pytest.fixture(scope="module")
def api(kept_database: str) -> Iterator[httpx.Client]:
    world = World(kept_database)
    world.furnish()
    with serving(kept_database) as url, client(url, world.token("admin")) as found:
        made(found.post("/api/v1/customers", json={"id": "ward-5"}))
        world.run("update product set temp_class = 'chilled' where sku = 'MILK'")
        yield found
    world.close()


def made(answer: httpx.Response, status: int = 201) -> Any:
    assert not status or answer.status_code == status, answer.text
    return answer.json() if answer.content else None


COUNT = iter(range(10_000))


def delivered(api: httpx.Client, quantity: int, refused: int = 0) -> str:
    """An order of which so many pieces were delivered, and so many refused."""
    name, n = f"SO-{next(COUNT)}", quantity + refused
    move = {"id": f"{name}-in", "kind": "receive", "sku": "MILK", "quantity": n, "to": CHILLER}
    made(api.post("/api/v1/stock/moves", json={"moves": [move]}))
    order = {"id": name, "customer": "ward-5", "site": "store-1", "lines": [{"sku": "MILK", "quantity": n}]}
    made(api.post("/api/v1/orders", json=order))
    steps = [
        {"id": f"{name}-p", "line": 1, "kind": "pick", "quantity": n, "from": CHILLER, "to": STAGE},
        {"id": f"{name}-l", "line": 1, "kind": "load", "quantity": n, "from": STAGE, "to": TRUCK},
        {"id": f"{name}-d", "line": 1, "kind": "deliver", "quantity": quantity, "from": TRUCK},
    ]
    if refused:
        steps.append({"id": f"{name}-r", "line": 1, "kind": "refuse", "quantity": refused, "reason": "wet"})
    for step in steps:
        made(api.post(f"/api/v1/orders/{name}/steps", json={"steps": [step]}), 200)
    return name


def back(api: httpx.Client, order: str, quantity: int, **more: Any) -> httpx.Response:
    line = {"line": 1, "quantity": quantity, "reason": "too much", **more}
    return api.post("/api/v1/returns", json={"id": f"RMA-{next(COUNT)}", "order": order, "lines": [line]})


def usable(api: httpx.Client) -> float:
    (row,) = api.get("/api/v1/stock/availability", params={"sku": "MILK", "site": "store-1"}).json()["items"]
    return float(row["usable"])


def stages(api: httpx.Client, name: str) -> dict[str, float]:
    return dict(api.get(f"/api/v1/orders/{name}").json()["lines"][0]["stages"])


def test_goods_come_back_on_hold_and_are_sold_only_when_somebody_has_decided(api: httpx.Client) -> None:
    order, before = delivered(api, 10), usable(api)
    off = f"/api/v1/returns/{made(back(api, order, 9))['id']}/cancellation"
    assert made(api.post(off, json={"reason": "kept"}), 200)["lines"][0]["state"] == "cancelled"
    assert api.post(off, json={"reason": "kept"}).status_code == 409
    announced = made(back(api, order, 4, condition="unopened"))
    name = announced["id"]
    assert announced["lines"][0]["state"] == "announced"
    assert back(api, order, 7).status_code == 409
    assert stages(api, order) == {"delivered": 10}
    receipts = f"/api/v1/returns/{name}/receipts"
    assert api.post(receipts, json={"seq": 1, "quantity": 5, "to": STAGE}).status_code == 409
    assert api.post(receipts, json={"seq": 2, "quantity": 1, "to": STAGE}).status_code == 404
    (line,) = made(api.post(receipts, json={"seq": 1, "quantity": 4, "to": STAGE}), 200)["lines"]
    assert (line["state"], line["custody"], line["unit"]) == ("received", "indeterminate", f"RET-{name}-1")
    assert api.post(receipts, json={"seq": 1, "quantity": 4, "to": STAGE}).status_code == 409
    assert stages(api, order) == {"delivered": 6, "returned": 4}
    assert usable(api) == before
    another = {"id": f"X-{name}", "customer": "ward-5", "site": "store-1", "lines": [{"sku": "MILK", "quantity": 4}]}
    made(api.post("/api/v1/orders", json=another))
    pick = {"id": f"{name}-x", "line": 1, "kind": "pick", "quantity": 4, "from": STAGE, "to": CHILLER,
            "handling_unit": line["unit"]}  # fmt: skip
    refused = api.post(f"/api/v1/orders/X-{name}/steps", json={"steps": [pick]})
    assert (refused.status_code, "on hold" in refused.text) == (409, True), refused.text
    decisions = f"/api/v1/returns/{name}/decisions"
    rework = {"seq": 1, "decision": "rework", "reason": "wash it"}
    assert made(api.post(decisions, json=rework), 200)["lines"][0]["state"] == "received"
    assert usable(api) == before
    restock = {"seq": 1, "decision": "restock", "reason": "never left the cold box", "to": CHILLER}
    (line,) = made(api.post(decisions, json=restock), 200)["lines"]
    assert (line["state"], line["decision"], line["decided_why"]) == ("decided", "restock", "never left the cold box")
    assert usable(api) == before + 4
    assert api.post(decisions, json=restock).status_code == 409


def test_what_was_refused_is_brought_back_and_destroyed(api: httpx.Client) -> None:
    order, before = delivered(api, 5, refused=3), usable(api)
    name = made(back(api, order, 3, origin="returning"))["id"]
    receipt = {"seq": 1, "quantity": 3, "to": STAGE}
    assert "on which" in api.post(f"/api/v1/returns/{name}/receipts", json=receipt).text
    (line,) = made(api.post(f"/api/v1/returns/{name}/receipts", json={**receipt, "vehicle": "truck-01"}), 200)["lines"]
    assert (line["custody"], stages(api, order)) == ("unbroken", {"delivered": 5, "returned": 3})
    decision = {"seq": 1, "decision": "destroy", "reason": "wet"}
    made(api.post(f"/api/v1/returns/{name}/decisions", json=decision), 200)
    assert usable(api) == before
    held = api.get("/api/v1/stock/ledger", params={"site": "store-1", "sku": "MILK"}).json()["items"]
    assert [row for row in held if row["handling_unit"] == f"RET-{name}-1" and row["quantity"]] == []
    found = api.get("/api/v1/returns", params={"order": order, "state": "decided"}).json()["items"]
    assert [each["id"] for each in found] == [name]


@LAX
@given(st.lists(st.tuples(st.integers(1, 6), st.booleans(), st.integers(1, 6)), max_size=6))
def test_never_more_comes_back_than_was_delivered(api: httpx.Client, tries: list[tuple[int, bool, int]]) -> None:
    order, came, awaited = delivered(api, 8), 0, 0
    for quantity, received, got in tries:
        answer = back(api, order, quantity)
        assert (answer.status_code == 201) == (quantity <= 8 - came - awaited)
        if answer.status_code != 201:
            continue
        if not received:
            awaited += quantity
            continue
        receipt = api.post(
            f"/api/v1/returns/{answer.json()['id']}/receipts", json={"seq": 1, "quantity": got, "to": STAGE}
        )
        assert (receipt.status_code == 200) == (got <= quantity), receipt.text
        came, awaited = (came + got, awaited) if got <= quantity else (came, awaited + quantity)
    found = stages(api, order)
    assert (found.get("returned", 0), found.get("delivered", 0)) == (came, 8 - came)
