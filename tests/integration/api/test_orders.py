"""Orders by REST: taken in once, given goods first expired first, moved on with the ledger, explained step by step."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from openpyxl import load_workbook

from operations.allocation.work import mend_orders
from store.link import Link
from tests.integration.api.seed import World, client, serving
from tests.integration.api.test_live_feed import feed
from tests.integration.frostway.commands import typed
from tests.logins import of_operations

NOW = datetime.now(UTC).replace(microsecond=0)
CHILLER, STAGE = {"site": "store-1", "zone": "chiller"}, {"site": "store-1"}


def at(days: float) -> str:
    return (NOW + timedelta(days=days)).isoformat()


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
        for lot, days in (("SOON", 3), ("LATE", 30)):
            assert_made(found.post("/api/v1/lots", json={"id": lot, "sku": "MILK", "best_before": at(days)}))
        assert_made(found.post("/api/v1/customers", json={"id": "ward-5", "label": "Ward 5"}))
        assert_made(found.post("/api/v1/customers", json={"id": "far", "min_life_days": 10}))
        yield found


def assert_made(answer: httpx.Response) -> None:
    assert answer.status_code == 201, answer.text


def receive(api: httpx.Client, name: str, quantity: float, **more: object) -> None:
    move = {"id": name, "kind": "receive", "sku": "MILK", "quantity": quantity, "to": CHILLER, "at": at(-1), **more}
    assert_made(api.post("/api/v1/stock/moves", json={"moves": [move]}))


def order(api: httpx.Client, name: str, quantity: float, customer: str = "ward-5", **more: object) -> dict[str, Any]:
    lines = [{"sku": "MILK", "quantity": quantity}]
    answer = api.post(
        "/api/v1/orders", json={"id": name, "customer": customer, "site": "store-1", "lines": lines, **more}
    )
    assert_made(answer)
    return dict(answer.json())


def steps(api: httpx.Client, name: str, *told: dict[str, Any], late: bool = False) -> httpx.Response:
    body = {"steps": [{"line": 1, **each} for each in told], "late": late}
    return api.post(f"/api/v1/orders/{name}/steps", json=body)


def stages(api: httpx.Client, name: str) -> dict[str, float]:
    return dict(api.get(f"/api/v1/orders/{name}").json()["lines"][0]["stages"])


def allocate(api: httpx.Client, name: str) -> dict[str, Any]:
    answer = api.post(f"/api/v1/orders/{name}/allocation")
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["order"])


def goods(order: dict[str, Any]) -> list[tuple[str, str | None, float]]:
    return [(each["stage"], each["lot"], each["quantity"]) for each in order["allocated"].get("1", [])]


def on_hand(api: httpx.Client) -> float:
    (found,) = api.get("/api/v1/stock/availability", params={"sku": "MILK", "site": "store-1"}).json()["items"]
    return float(found["available"])


def test_from_order_to_delivery_in_one_ledger(api: httpx.Client) -> None:
    receive(api, "r1", 8, lot="SOON")
    receive(api, "r2", 20, lot="LATE")
    order(api, "SO-1", 10)
    assert goods(allocate(api, "SO-1")) == [("allocated", "LATE", 2), ("allocated", "SOON", 8)]
    assert on_hand(api) == 18, "what is an order's is promised to nobody else"
    far = order(api, "SO-2", 30, "far", window_end=at(1))
    assert (far["status"], goods(allocate(api, "SO-2"))) == ("open", [("allocated", "LATE", 18)])
    assert stages(api, "SO-2") == {"open": 12, "allocated": 18}
    done = steps(
        api, "SO-1",
        {"id": "p1", "kind": "pick", "quantity": 8, "lot": "SOON", "from": CHILLER, "to": STAGE},
        {"id": "k1", "kind": "pack", "quantity": 8, "lot": "SOON", "from": STAGE, "handling_unit": "PAL-1"},
        {"id": "l1", "kind": "load", "quantity": 8, "lot": "SOON", "from": STAGE, "to": {"vehicle": "truck-01"},
         "handling_unit": "PAL-1"},
    )  # fmt: skip
    assert done.status_code == 200, done.text
    assert goods(done.json()["order"]) == [("allocated", "LATE", 2)]
    assert stages(api, "SO-1") == {"allocated": 2, "loaded": 8}
    told = {"id": "d1", "kind": "deliver", "quantity": 7, "lot": "SOON", "from": {"vehicle": "truck-01"},
            "handling_unit": "PAL-1"}  # fmt: skip
    refused = {"id": "f1", "kind": "refuse", "quantity": 1, "lot": "SOON", "reason": "dented"}
    back = {"id": "b1", "kind": "bring_back", "quantity": 1, "lot": "SOON", "from": {"vehicle": "truck-01"},
            "to": STAGE, "handling_unit": "PAL-1"}  # fmt: skip
    assert steps(api, "SO-1", told, refused, back).status_code == 200
    assert stages(api, "SO-1") == {"allocated": 2, "delivered": 7, "returned": 1}
    moves = api.get("/api/v1/stock/moves", params={"reference": "SO-1"}).json()["items"]
    assert {move["kind"] for move in moves} == {"pick", "pack", "load", "deliver", "unload"}
    history = api.get("/api/v1/orders/SO-1/steps").json()["items"]
    assert {each["id"] for each in history[:3]} == {"b1", "f1", "d1"}
    assert next(each for each in history if each["id"] == "b1")["to"] == {"kind": "site", "site": "store-1"}


def test_told_twice_late_and_in_no_order_it_is_the_same(api: httpx.Client) -> None:
    receive(api, "r3", 5)
    order(api, "SO-3", 5)
    truck = {"vehicle": "truck-01"}
    deliver = {"id": "d3", "kind": "deliver", "quantity": 5, "from": truck, "at": at(-0.1), "allow_negative": True,
               "reason": "told by the driver"}  # fmt: skip
    waiting = steps(api, "SO-3", deliver, late=True)
    assert waiting.status_code == 200, waiting.text
    line = waiting.json()["order"]["lines"][0]
    assert (line["stages"], line["waiting"]) == ({"open": 5}, 5), "nobody has loaded it yet"
    load = {**deliver, "id": "l3", "kind": "load", "from": STAGE, "to": truck, "at": at(-0.2)}
    pick = {"id": "p3", "kind": "pick", "quantity": 5, "from": CHILLER, "to": STAGE, "at": at(-0.3)}
    for told in (load, pick, pick):
        assert steps(api, "SO-3", told, late=True).status_code == 200
    found = api.get("/api/v1/orders/SO-3").json()
    assert (found["status"], found["lines"][0]["stages"], found["lines"][0]["waiting"]) == (
        "delivered",
        {"delivered": 5},
        0,
    )
    assert found["allocated"] == {}
    for other in ({"kind": "pack"}, {"quantity": 4}):
        taken = steps(api, "SO-3", {**pick, **other}, late=True)
        assert (taken.status_code, "another step is p3" in taken.text) == (409, True)


def test_what_cannot_be_is_refused_with_what_can(api: httpx.Client) -> None:
    order(api, "SO-4", 3)
    for told, why in (
        ({"id": "x", "kind": "deliver", "quantity": 1, "from": {"vehicle": "truck-01"}}, "0 are loaded"),
        ({"id": "x", "kind": "pick", "quantity": 1, "from": CHILLER, "lot": "LATE", "to": STAGE}, "another order's"),
        ({"id": "x", "kind": "pick", "quantity": 1, "from": CHILLER}, "to: where are they then"),
        ({"id": "x", "kind": "pack", "quantity": 1, "from": STAGE}, "0 are picked"),
        ({"id": "x", "kind": "allocate", "quantity": 1}, "by allocating the order"),
        ({"id": "x", "kind": "close_short", "quantity": 1, "line": 9}, "line: there is no 9"),
    ):
        answer = steps(api, "SO-4", told)
        assert (answer.status_code in (409, 422), why in answer.text) == (True, True), answer.text
    loose = steps(api, "SO-4", {"id": "x", "kind": "pack", "quantity": 1, "from": STAGE}, late=True)
    assert (loose.status_code, "pack needs the unit" in loose.text) == (422, True)
    assert stages(api, "SO-4") == {"open": 3}


def test_an_order_is_taken_in_once_and_changed_by_one(api: httpx.Client) -> None:
    order(api, "SO-5", 2, reference="PO 77")
    body = {"id": "SO-6", "customer": "ward-5", "site": "store-1", "reference": "PO 77",
            "lines": [{"sku": "MILK", "quantity": 2}]}  # fmt: skip
    again = api.post("/api/v1/orders", json=body)
    assert (again.status_code, again.json()["id"]) == (200, "SO-5"), "the customer's reference is known"
    assert api.post("/api/v1/orders", json={**body, "id": "SO-5"}).status_code == 200, "told again"
    other = api.post("/api/v1/orders", json={**body, "lines": [{"sku": "MILK", "quantity": 3}]})
    assert (other.status_code, "wants something else" in other.text) == (409, True)
    taken = api.post("/api/v1/orders", json={**body, "id": "SO-5", "reference": ""})
    assert taken.status_code == 409
    version = api.get("/api/v1/orders/SO-5").json()["version"]
    change = {"priority": 9, "version": version}
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: api.patch("/api/v1/orders/SO-5", json=change).status_code, range(2)))
    assert sorted(both) == [200, 409], "one wins, the other is told"
    first = api.get("/api/v1/orders", params={"status": "todo"}).json()["items"][0]
    assert first["id"] == "SO-5", "what is urgent stands in front"
    gone = api.post("/api/v1/orders/SO-5/cancellation", json={"reason": "twice"})
    assert (gone.json()["order"]["status"], stages(api, "SO-5")) == ("cancelled", {"cancelled": 2})
    assert api.post("/api/v1/orders/SO-5/cancellation", json={"reason": "twice"}).status_code == 409


def test_customers_have_places_with_hours(api: httpx.Client) -> None:
    place = {"id": "dock-2", "lat": 60.1, "lon": 24.9, "tz": "Europe/Helsinki",
             "opening": [{"days": [1, 2], "from": "07:00", "to": "15:00"}]}  # fmt: skip
    assert_made(api.post("/api/v1/customers/ward-5/ship-tos", json=place))
    assert api.post("/api/v1/customers/ward-5/ship-tos", json={**place, "access": "ring"}).status_code == 200
    (found,) = api.get("/api/v1/customers/ward-5/ship-tos").json()["items"]
    assert (found["access"], found["opening"][0]["from"]) == ("ring", "07:00")
    wrong = {**place, "opening": [{"days": [1], "from": "15:00", "to": "07:00"}]}
    assert "closes before it opens" in api.post("/api/v1/customers/ward-5/ship-tos", json=wrong).text
    assert order(api, "SO-7", 1, ship_to="dock-2")["ship_to"] == "dock-2"
    assert api.delete("/api/v1/customers/ward-5/ship-tos/dock-2").status_code == 204
    assert api.get("/api/v1/customers", params={"search": "WARD"}).json()["items"][0]["orders"] > 0


def test_goods_that_are_gone_or_failed_are_taken_back_and_others_given(
    api: httpx.Client, world: World, kept_database: str
) -> None:
    assert_made(api.post("/api/v1/products", json={"sku": "TEA", "label": "Tea"}))
    move = {"kind": "receive", "sku": "TEA", "quantity": 8, "to": CHILLER}
    assert_made(api.post("/api/v1/stock/moves", json={"moves": [{**move, "id": "tea-1"}]}))
    for name, priority in (("T-1", 5), ("T-2", 0)):
        lines = [{"sku": "TEA", "quantity": 4}]
        body = {"id": name, "customer": "ward-5", "site": "store-1", "priority": priority, "lines": lines}
        assert_made(api.post("/api/v1/orders", json=body))
        allocate(api, name)
    before = {name: api.get(f"/api/v1/orders/{name}").json()["allocated"] for name in ("T-1", "T-2")}
    more = {**move, "id": "tea-2", "quantity": 2, "to": STAGE}
    gone = {"id": "gone", "kind": "waste", "sku": "TEA", "quantity": 3, "from": CHILLER, "reason": "fell"}
    mended(kept_database)  # what the tests before have left
    assert_made(api.post("/api/v1/stock/moves", json={"moves": [more, gone]}))
    assert mended(kept_database) == 1
    assert mended(kept_database) == 0, "what is mended is left alone"
    after = {name: api.get(f"/api/v1/orders/{name}").json() for name in ("T-1", "T-2")}
    assert after["T-1"]["allocated"] == before["T-1"], "the urgent one keeps its goods"
    assert sum(after["T-2"]["lines"][0]["stages"].values()) == 4
    assert after["T-2"]["lines"][0]["stages"] == {"open": 1, "allocated": 3}
    history = api.get("/api/v1/orders/T-2/steps").json()["items"]
    assert "not there any more" in {each["reason"] for each in history}
    roll = {"id": "roll", "kind": "receive", "sku": "TEA", "quantity": 6, "to": CHILLER, "handling_unit": "ROLL-T"}
    assert_made(api.post("/api/v1/stock/moves", json={"moves": [roll]}))
    body = {"id": "T-3", "customer": "ward-5", "site": "store-1", "lines": [{"sku": "TEA", "quantity": 6}]}
    assert_made(api.post("/api/v1/orders", json=body))
    assert allocate(api, "T-3")["allocated"]["1"][0]["handling_unit"] == "ROLL-T"
    world.run("insert into handling_unit (tenant_id, code, since) values (%s, 'ROLL-T', now())", world.tenant_id)
    world.run(
        "insert into goods_budget (unit_id, tenant_id, verdict, rule_version, decided_at) "
        "select id, tenant_id, 'fail', 1, now() from handling_unit where code = 'ROLL-T'"
    )
    assert mended(kept_database) == 1
    assert stages(api, "T-3") == {"open": 6}
    assert api.get("/api/v1/orders/T-3/steps").json()["items"][0]["reason"] == "its cold chain failed"


def mended(dsn: str) -> int:
    """The job, as the operations do it, with their rights."""
    link = Link(of_operations(dsn), "test")
    try:
        return mend_orders(link, datetime.now(UTC))
    finally:
        link.close()


def test_a_lot_that_is_recalled_is_let_go_and_who_has_it_is_told(
    kept_database: str, tmp_path: Path, world: World, api: httpx.Client
) -> None:
    world.registry.put_product("BRIE", label="Brie")
    for n, lot in enumerate(("LB-1", "LB-2", "LB-3")):
        assert_made(api.post("/api/v1/lots", json={"id": lot, "sku": "BRIE", "best_before": at(10 + n)}))
        receive(api, f"brie-{n}", 5, sku="BRIE", lot=lot)
    for name, many in (("BR-1", 2), ("BR-2", 5), ("BR-3", 1)):
        line = {"sku": "BRIE", "quantity": many}
        body = {"id": name, "customer": "ward-5", "site": "store-1", "lines": [line]}
        assert_made(api.post("/api/v1/orders", json=body))
        assert {lot for _, lot, _ in goods(allocate(api, name))} <= {"LB-1", "LB-2"}
    about = {"quantity": 2, "lot": "LB-1"}
    picked = {"id": "br-p", "kind": "pick", "from": CHILLER, "to": STAGE, **about}
    loaded = {"id": "br-l", "kind": "load", "from": STAGE, "to": {"vehicle": "truck-01"}, **about}
    told = {"id": "br-d", "kind": "deliver", "from": {"vehicle": "truck-01"}, **about}
    assert steps(api, "BR-1", picked, loaded, told).status_code == 200
    reserved = {"id": "R-B1", "sku": "BRIE", "lot": "LB-1", "quantity": 1, "reference": "X"}
    assert api.post("/api/v1/stock/reservations", json=reserved).status_code in (201, 409)

    before = api.get("/api/v1/lots/LB-1/recall").json()
    assert (before["recalled_at"], before["who_has"][0]["order"]) == (None, "BR-1")
    done = api.post("/api/v1/lots/LB-1/recall", json={"reason": "foreign body"}).json()
    assert (done["reason"], done["orders"]) == ("foreign body", ["BR-2"])
    assert {lot for _, lot, _ in goods(api.get("/api/v1/orders/BR-2").json())} == {"LB-2", "LB-3"}
    assert api.get("/api/v1/orders/BR-2/steps").json()["items"][-2]["reason"] in ("recalled", "")
    assert [(each["order"], each["delivered"], each["held"]) for each in done["who_has"]] == [("BR-1", 2, 0)]
    assert [(each["place"]["zone"], each["quantity"]) for each in done["on_hand"]] == [("chiller", 3)]
    again = api.post("/api/v1/lots/LB-1/recall", json={"reason": "another"}).json()
    assert (again["reason"], again["orders"]) == ("foreign body", [])
    refused = steps(api, "BR-3", {**picked, "id": "br-p2", "quantity": 1})
    assert (refused.status_code, "lot LB-1 is recalled" in refused.json()["detail"]) == (409, True)
    assert api.post("/api/v1/lots/none/recall", json={"reason": "x"}).status_code == 404

    # Goods in a zone that is not as cold as they are to be are not given; the others are.
    world.run("update product set temp_class = 'chilled' where sku = 'BRIE'")
    world.run("update zone set temp_class = 'ambient' where id = %s", world.ids["chiller"])
    line = {"sku": "BRIE", "quantity": 1}
    body = {"id": "BR-4", "customer": "ward-5", "site": "store-1", "lines": [line]}
    assert_made(api.post("/api/v1/orders", json=body))
    assert goods(allocate(api, "BR-4")) == []
    world.run("update zone set temp_class = 'chilled' where id = %s", world.ids["chiller"])
    assert goods(allocate(api, "BR-4")) == [("allocated", "LB-3", 1)]

    out = typed(kept_database, tmp_path, "goods", "recall", "LB-2", "--reason", "the same filling")[1]
    assert out.startswith("LB-2 is recalled; 2 orders got other goods, 0 reservations ended")
    assert api.delete("/api/v1/lots/LB-2/recall", params={"reason": "tested"}).status_code == 204
    assert api.get("/api/v1/lots/LB-2").json()["recalled_at"] is None


def test_a_list_of_several_orders_is_walked_the_shortest_way(api: httpx.Client) -> None:
    layout = {"aisles": 3, "aisle_length_m": 10, "aisle_pitch_m": 2, "depot": 0}
    assert api.put("/api/v1/sites/store-1/zones/chiller/layout", json=layout).json()["aisles"] == 3
    assert "all, or none" in api.put("/api/v1/sites/store-1/zones/chiller/layout", json={"aisles": 3}).text
    assert_made(api.post("/api/v1/products", json={"sku": "RICE", "label": "Rice"}))
    for n, (aisle, along) in enumerate(((2, 9), (0, 9), (0, 1))):
        bin_ = {"id": f"R-{n}", "zone": "chiller", "aisle": aisle, "along_m": along}
        assert_made(api.post("/api/v1/sites/store-1/bins", json=bin_))
        move = {
            "id": f"rice-{n}",
            "kind": "receive",
            "sku": "RICE",
            "quantity": 2,
            "to": {"site": "store-1", "bin": f"R-{n}"},
        }
        assert_made(api.post("/api/v1/stock/moves", json={"moves": [move]}))
    for name in ("R-A", "R-B"):
        body = {"id": name, "customer": "ward-5", "site": "store-1", "lines": [{"sku": "RICE", "quantity": 3}]}
        assert_made(api.post("/api/v1/orders", json=body))
        allocate(api, name)
    found = api.get("/api/v1/pick-list", params={"orders": "R-A,R-B,NONE"}).json()
    (walk,) = found["walks"]
    assert (walk["length_m"], walk["rules"]["return"], walk["method"]) == (28, 44, "optimal")
    bins = [each["place"]["bin"] for each in found["picks"]]
    assert sorted(set(bins)) == ["R-0", "R-1", "R-2"]
    assert sum(each["quantity"] for each in found["picks"]) == 6
    assert all(bins[n] == bins[n - 1] or bins[n] not in bins[:n] for n in range(1, len(bins))), "each bin once"


def test_two_who_pick_the_same_units_are_told_apart(api: httpx.Client) -> None:
    receive(api, "r8", 4)
    order(api, "SO-8", 4)
    allocate(api, "SO-8")

    def pick(who: int) -> int:
        told = {"id": f"both-{who}", "kind": "pick", "quantity": 3, "from": CHILLER, "to": STAGE}
        return steps(api, "SO-8", told).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(pick, range(4))) == [200, 409, 409, 409]
    assert stages(api, "SO-8")["picked"] == 3


HEAD = "order;customer;site;reference;window_end;sku;quantity;unit\n"


def brought(api: httpx.Client, kind: str, content: str, **how: object) -> tuple[list[str], dict[str, int]]:
    answer = api.post(f"/api/v1/{kind}/import", content=content, params={"told": "wrong", **how})  # type: ignore[dict-item]
    told = [json.loads(line) for line in answer.text.splitlines()]
    assert told[-1]["what"] == "end", answer.text
    wrong = [f"{t['line']} {t.get('column', '')}: {t['problem']}" for t in told if t["what"] == "line"]
    return wrong, {name: told[-1][name] for name in ("created", "changed", "same", "wrong") if told[-1][name]}


def test_orders_come_in_as_a_file_whole_or_not_at_all(api: httpx.Client) -> None:
    good = "F-1;ward-5;store-1;PO 90;2031-05-01 12:00;MILK;2;\nF-1;;;;;MILK;0,5;\nF-2;far;store-1;;;MILK;3;\n"
    assert brought(api, "orders", HEAD + good, dry_run=True) == ([], {"created": 2})
    assert api.get("/api/v1/orders/F-1").status_code == 404
    assert brought(api, "orders", HEAD + good, zone="Europe/Helsinki") == ([], {"created": 2})
    assert brought(api, "orders", HEAD + good, zone="Europe/Helsinki") == ([], {"same": 2})
    found = api.get("/api/v1/orders/F-1").json()
    assert (found["window_end"], [line["quantity"] for line in found["lines"]]) == (
        "2031-05-01T09:00:00.000Z",
        [2, 0.5],
    )
    assert found["reference"] == "PO 90"
    assert brought(api, "orders", "order;customer;site;sku;quantity\nF-2;far;store-1;MILK;3\n") == ([], {"same": 1})
    by_reference = HEAD + "F-9;ward-5;store-1;PO 90;;MILK;2;\nF-9;;;;;MILK;0,5;\nF-8;ward-5;store-1;PO 90;;MILK;4;\n"
    assert brought(api, "orders", by_reference) == (
        ["4 : PO 90 of ward-5 is F-1 already: it has 2 lines, not 1"], {"same": 1, "wrong": 1}
    )  # fmt: skip
    wrong, counts = brought(
        api, "orders",
        HEAD + "B-1;nobody;mars;;;MILK;1;\nB-1;;;;;GONE;1;\nB-1;;;;;MILK;1;crate\n"
        "B-2;ward-5;store-1;;;MILK;x;\nB-2;;;;;MILK;;\nB-2;far;;;;MILK;1;\nB-2;;;;;MILK;1;\n"
        "F-1;ward-5;store-1;;;MILK;7;\nF-1;;;;;MILK;0,5;\nB-3;ward-5;store-1;;;MILK;1;\nB-2;ward-5;store-1;;;MILK;1;\n",
    )  # fmt: skip
    assert wrong == [
        "2 customer: there is no nobody; add it first",
        "2 site: there is no mars; add it first",
        "3 sku: there is no GONE; add it first",
        wrong[3],
        "5 quantity: 'x' is no number: write 4.5",
        "6 quantity: it is missing: each line needs one",
        "7 customer: line 5 says otherwise of this order: repeat it, or leave it out",
        "9 quantity: it is there already, and otherwise: 2 piece",
        "12 order: B-2 stands in line 5 already: put its lines below one another",
    ]
    assert wrong[3].startswith("4 unit: ")
    assert counts == {"created": 1, "wrong": 6}
    assert [api.get(f"/api/v1/orders/{name}").status_code for name in ("B-1", "B-2", "B-3")] == [404, 404, 200]
    whole = (
        '{"id": "J-1", "customer": "far", "site": "store-1", "lines": [{"sku": "MILK", "quantity": "1"}, {"sku": "NO", '
    )
    assert brought(api, "orders", whole + '"quantity": 1}]}\n')[0] == ["1 lines.1.sku: there is no NO; add it first"]
    audit = api.get("/api/v1/audit", params={"subject": "B-3"}).json()["items"]
    assert [(each["action"], each["detail"]["by"]) for each in audit] == [("order.create", "import")]


def test_customers_come_in_as_a_file(api: httpx.Client) -> None:
    assert brought(api, "customers", "customer,name,min_life_days\nnew-1,New,2.5\nfar,Far,10\nno way,x,\n") == (
        ["4 id: 'no way': write letters, digits, - and _, 64 at most"], {"created": 1, "changed": 1, "wrong": 1}
    )  # fmt: skip
    assert brought(api, "customers", "id\nnew-1\nfar\n") == ([], {"same": 2})
    assert api.delete("/api/v1/customers/new-1").status_code == 204
    assert brought(api, "customers", "id\nnew-1\n") == ([], {"changed": 1})
    assert api.get("/api/v1/customers/new-1").json() | {"orders": 0} == {
        "id": "new-1", "label": "New", "min_life_days": 2.5, "orders": 0, "retired_at": None,
    }  # fmt: skip


def test_commands_make_tables_of_orders_and_bring_them_in_whole(
    api: httpx.Client, kept_database: str, tmp_path: Path
) -> None:
    assert typed(kept_database, tmp_path, "template", "orders", "--format", "xlsx", "--out", "t.xlsx")[0] == 0
    rows = list(load_workbook(io.BytesIO((tmp_path / "t.xlsx").read_bytes())).active.values)
    assert (rows[0][:3], rows[0][-1], len(rows)) == (("order", "customer", "ship_to"), "unit", 3)
    columns = ("--columns", "order,sku,quantity", "--out", "t.csv")
    assert typed(kept_database, tmp_path, "template", "orders", *columns)[0] == 0
    assert (tmp_path / "t.csv").read_text().splitlines()[:2] == ["order,sku,quantity", "SO-1001,MILK-1L,2"]
    assert "there is no 'colour'" in typed(kept_database, tmp_path, "template", "orders", "--columns", "colour")[2]
    (tmp_path / "c.csv").write_text("id\ncli-1\n")
    status, out, err = typed(kept_database, tmp_path, "import", "customers", "c.csv")
    assert (status, err, out[:30]) == (0, "", "c.csv: customers: 1 are new, 0"), err
    (tmp_path / "o.csv").write_text(
        HEAD + "C-1;cli-1;store-1;;;MILK;2;\nC-2;cli-1;store-1;;;MILK;x;\nC-3;who;store-1;;;NO;1;\n"
    )
    status, out, err = typed(kept_database, tmp_path, "import", "orders", "o.csv")
    assert (status, out) == (1, "")
    assert err.splitlines() == [
        "o.csv, line 3, quantity: 'x' is no number: write 4.5",
        "o.csv, line 4, customer: there is no who; add it first",
        "o.csv, line 4, sku: there is no NO; add it first",
        "frostway: o.csv: nothing was brought in: 3 things are wrong",
    ]
    assert api.get("/api/v1/orders/C-1").status_code == 404
    (tmp_path / "o.csv").write_text(HEAD + "C-1;cli-1;store-1;;;MILK;2;\n")
    for words, said in (
        (("--dry-run",), "1 would be new, 0 would be changed, 0 are there already"),
        ((), "1 are new, 0 are changed, 0 are there already"),
        ((), "0 are new, 0 are changed, 1 are there already"),
    ):
        assert (
            typed(kept_database, tmp_path, "import", "orders", "o.csv", *words)[1].strip() == f"o.csv: orders: {said}"
        )
    assert stages(api, "C-1") == {"open": 2}


def test_pages_are_told_of_orders_that_are_new_or_change(world: World, api: httpx.Client, url: str) -> None:
    async def news(live: Any) -> list[tuple[str, str, int]]:
        told = [(c["op"], c["data"]) for c in (await live.next())["changes"] if c["topic"] == "orders"]
        return [(data["id"], data["status"], data["version"]) for op, data in told if op == "tell"]

    async def work() -> None:
        async with feed(url, world.token("viewer"), topics=["orders"]) as live:
            assert (await live.next())["orders"] == []
            live.state["orders"] = {}
            await asyncio.to_thread(order, api, "N-1", 2)
            assert await news(live) == [("N-1", "open", 1)]
            await asyncio.to_thread(api.post, "/api/v1/orders/N-1/cancellation", json={"reason": "no"})
            assert await news(live) == [("N-1", "cancelled", 2)]
            await asyncio.to_thread(brought, api, "orders", HEAD + "N-2;far;store-1;;;MILK;3;\n")
            assert await news(live) == [("N-2", "open", 1)]

    asyncio.run(work())
