"""What can be promised: good lots on hand, what is on its way and sure to come, less what is promised."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.integration.api.seed import World, client, serving

NOW = datetime.now(UTC).replace(microsecond=0)
CHILLER = {"site": "store-1", "zone": "chiller"}


def at(hours: float) -> str:
    return (NOW + timedelta(hours=hours)).isoformat()


@pytest.fixture(scope="module")
def world(kept_database: str) -> Iterator[World]:
    found = World(kept_database)
    found.furnish()
    yield found
    found.close()


@pytest.fixture(scope="module")
def served(world: World, kept_database: str) -> Iterator[httpx.Client]:
    with serving(kept_database) as url, client(url, world.token("storekeeper")) as found:
        yield found


def receive(api: httpx.Client, name: str, sku: str, quantity: float, **more: object) -> None:
    move = {"id": name, "kind": "receive", "sku": sku, "quantity": quantity, "to": CHILLER, "at": at(-1), **more}
    answer = api.post("/api/v1/stock/moves", json={"moves": [move]})
    assert answer.status_code == 201, answer.text


def available(api: httpx.Client, sku: str, **params: object) -> dict[str, float]:
    (found,) = api.get("/api/v1/stock/availability", params={"sku": sku, **params}).json()["items"]
    return found


def reserve(api: httpx.Client, name: str, sku: str, quantity: float, **more: object) -> httpx.Response:
    body = {"id": name, "reference": "ORDER-1", "sku": sku, "quantity": quantity, **more}
    return api.post("/api/v1/stock/reservations", json=body)


def test_lots_that_expire_or_failed_and_trucks_that_may_be_late_are_not_promised(
    served: httpx.Client, world: World
) -> None:
    for lot, best_before in (("OLD", at(2)), ("NEW", at(2000)), ("WARM", at(2000))):
        body = {"id": lot, "sku": "MILK", "best_before": best_before}
        assert served.post("/api/v1/lots", json=body).status_code == 201
    receive(served, "a1", "MILK", 10)
    receive(served, "a2", "MILK", 4, lot="OLD")
    receive(served, "a3", "MILK", 3, lot="WARM", handling_unit="ROLL-1")
    receive(served, "a4", "MILK", 6, lot="NEW", to={"vehicle": "truck-01"})
    world.run("insert into handling_unit (tenant_id, code, since) values (%s, 'ROLL-1', now())", world.tenant_id)
    world.run(
        "insert into goods_budget (unit_id, tenant_id, verdict, rule_version, decided_at) "
        "select id, tenant_id, 'fail', 1, now() from handling_unit where code = 'ROLL-1'"
    )
    world.run("update stop set arrived_at = now() where seq = 1")
    world.run(
        "insert into eta (tenant_id, stop_id, at, p10, p50, p90, remaining_m, decided_at, rule_version) "
        "select tenant_id, id, now(), %s, %s, %s, 1, now(), 1 from stop where seq = 2",
        at(3), at(4), at(5),
    )  # fmt: skip
    now = available(served, "MILK")
    figures = ("on_hand", "expired", "failed", "usable", "in_transit", "arriving", "reserved", "available")
    assert [now[name] for name in figures] == [17, 0, 3, 14, 6, 0, 0, 14]
    late = available(served, "MILK", at=at(4.5))
    assert [late[name] for name in figures] == [17, 4, 3, 10, 6, 0, 0, 10]
    sure = available(served, "MILK", at=at(5))
    assert [sure[name] for name in figures] == [17, 4, 3, 10, 6, 6, 0, 16]
    (truck,) = sure["arrivals"]
    assert (truck["vehicle"], truck["shipment"], truck["site"], truck["quantity"], truck["in_time"]) == (
        "truck-01", "S-1", "store-1", 6, True,
    )  # fmt: skip
    assert available(served, "MILK", site="dc-1", at=at(5))["available"] == 0
    assert available(served, "MILK", site="store-1", at=at(5))["available"] == 16
    refused = reserve(served, "r1", "MILK", 15)
    assert (refused.status_code, "there are 14 piece to promise by then, not 15: 14 usable" in refused.text) == (
        409,
        True,
    )
    assert reserve(served, "r1", "MILK", 12, needed_at=at(5), site="store-1").status_code == 201
    assert reserve(served, "r1", "MILK", 16, needed_at=at(5), site="store-1").status_code == 200
    assert available(served, "MILK", at=at(5))["available"] == 0
    lot = reserve(served, "r2", "MILK", 1, lot="WARM")
    assert (lot.status_code, "MILK there are -2" in lot.text) == (409, True), lot.text
    assert served.delete("/api/v1/stock/reservations/r1").status_code == 204
    assert served.delete("/api/v1/stock/reservations/r1").status_code == 404
    lot = reserve(served, "r2", "MILK", 1, lot="WARM")
    assert (lot.status_code, "of lot WARM there are 0" in lot.text) == (409, True), lot.text
    assert reserve(served, "r2", "MILK", 1, lot="NEW", needed_at=at(6)).status_code == 201
    assert reserve(served, "r3", "MILK", 1, expires_at=at(-1)).status_code == 422
    assert reserve(served, "r3", "MILK", 1, site="nowhere").status_code == 422
    assert [r["id"] for r in served.get("/api/v1/stock/reservations").json()["items"]] == ["r2"]
    assert [r["id"] for r in served.get("/api/v1/stock/reservations?gone=true").json()["items"]] == ["r1", "r2"]
    world.run("update stock_reservation set expires_at = now() - interval '1 s' where client_id = 'r2'")
    assert served.get("/api/v1/stock/reservations").json()["items"] == []
    assert available(served, "MILK")["reserved"] == 0


def test_two_who_reserve_at_once_are_not_promised_the_same_goods(served: httpx.Client, world: World) -> None:
    world.registry.put_product("RARE", label="Rare")
    receive(served, "b1", "RARE", 5)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: reserve(served, f"rare-{n}", "RARE", 2).status_code, range(4)))
    assert sorted(found) == [201, 201, 409, 409]
    assert available(served, "RARE")["available"] == 1


def test_what_an_order_was_delivered_is_promised_no_more_until_it_is_taken_back(
    served: httpx.Client, world: World
) -> None:
    world.registry.put_product("TEA", label="Tea")
    receive(served, "d1", "TEA", 10)
    assert reserve(served, "tea-1", "TEA", 6, reference="ORDER-9").status_code == 201
    figures = ("on_hand", "reserved", "available")
    assert [available(served, "TEA")[name] for name in figures] == [10, 6, 4]
    out = {"kind": "deliver", "sku": "TEA", "from": CHILLER}
    for name, quantity, reference in (("d2", 4, "ORDER-9"), ("d3", 1, "ORDER-8")):
        move = {**out, "id": name, "quantity": quantity, "reference": reference}
        assert served.post("/api/v1/stock/moves", json={"moves": [move]}).status_code == 201
    assert [available(served, "TEA")[name] for name in figures] == [5, 2, 3]
    (kept,) = served.get("/api/v1/stock/reservations", params={"reference": "ORDER-9"}).json()["items"]
    assert (kept["quantity"], kept["delivered"]) == (6, 4)
    assert served.post("/api/v1/stock/moves/d2/correction", json={"reason": "another order"}).status_code < 300
    assert [available(served, "TEA")[name] for name in figures] == [9, 6, 3]
