"""Parts of orders by REST: what goes into which packaging, what goes to an
order of its own, what is sent instead, when it is there."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.integration.api.seed import World, client, rows, serving

CHILLER, STAGE = {"site": "store-1", "zone": "chiller"}, {"site": "store-1"}
BOX = {"kind": "carton", "length_mm": 400, "width_mm": 300, "height_mm": 250, "load_kg": 15, "tare_kg": 0.4}
PIECE = {"length_mm": 100, "width_mm": 100, "height_mm": 250, "gross_mass_kg": 1.0}


@pytest.fixture(scope="module")
def api(kept_database: str) -> Iterator[httpx.Client]:
    world = World(kept_database)
    world.furnish()
    with serving(kept_database) as url, client(url, world.token("admin")) as found:
        post(found, "customers", {"id": "ward-5"})
        yield found
    world.close()


def post(api: httpx.Client, path: str, body: dict[str, Any], status: int = 201) -> dict[str, Any]:
    answer = api.post(f"/api/v1/{path}", json=body)
    assert answer.status_code == status, answer.text
    return dict(answer.json())


def in_stock(api: httpx.Client, sku: str, quantity: float, **more: Any) -> None:
    post(api, "products", {"sku": sku, "label": sku.title(), **more})
    move = {"id": f"in-{sku}", "kind": "receive", "sku": sku, "quantity": quantity, "to": CHILLER}
    post(api, "stock/moves", {"moves": [move]})


def order(api: httpx.Client, name: str, reference: str = "", **wanted: float) -> dict[str, Any]:
    lines = [{"sku": sku, "quantity": quantity} for sku, quantity in wanted.items()]
    told = {"id": name, "customer": "ward-5", "site": "store-1", "lines": lines, "reference": reference}
    return post(api, "orders", told)


def pick(api: httpx.Client, name: str, *quantities: float) -> dict[str, Any]:
    told = [
        {"id": f"{name}-p{n}", "line": n, "kind": "pick", "quantity": quantity, "from": CHILLER, "to": STAGE}
        for n, quantity in enumerate(quantities, 1)
    ]
    return dict(post(api, f"orders/{name}/steps", {"steps": told}, 200)["order"])


def test_kinds_of_packaging_and_what_stands_apart_are_kept(api: httpx.Client, kept_database: str) -> None:
    made = post(api, "packagings", {"id": "tub", "label": "Tub", **BOX})
    assert made == {**BOX, "id": "tub", "label": "Tub", "fill_max": 1.0, "temp_classes": []}
    assert post(api, "packagings", {"id": "tub", **BOX, "kind": "tote"}, 200)["kind"] == "tote"
    assert [each["id"] for each in api.get("/api/v1/packagings").json()["items"]] == ["tub"]
    for wrong in ({"kind": "sack"}, {"length_mm": 0}, {"load_kg": 0}, {"fill_max": 1.1}, {"temp_classes": ["cold"]}):
        post(api, "packagings", {"id": "bad", **BOX, **wrong}, 422)
    assert [api.delete("/api/v1/packagings/tub").status_code for _ in "12"] == [204, 404]
    for _ in "12":
        answer = api.put("/api/v1/packing-rules", json={"apart": [["food", "acid"], ["glass"], ["acid", "food"]]})
        assert answer.json() == {"apart": [["acid", "food"], ["glass"]]}, answer.text
    assert api.put("/api/v1/packing-rules", json={"apart": [["a", "b", "c"]]}).status_code == 422
    found = "select action, count(*) from audit where action ~ '^pack' group by 1"
    assert sorted(rows(kept_database, found)) == [
        ("packaging.change", 1), ("packaging.create", 1), ("packaging.delete", 1), ("packing.rules", 1),
    ]  # fmt: skip


def test_cartons_are_proposed_for_what_is_picked_and_what_nobody_knows_is_left(api: httpx.Client) -> None:
    in_stock(api, "OIL", 40, **PIECE, apart="food")
    in_stock(api, "BLEACH", 9, **PIECE, apart="acid")
    in_stock(api, "DARK", 9, gross_mass_kg=1)
    order(api, "C-1", OIL=20, BLEACH=2, DARK=3)
    path = "/api/v1/orders/C-1/cartons"
    assert api.get(path).json() == {
        "order": "C-1", "version": 1, "packagings": 0, "cartons": [], "apart": [], "left": []
    }  # fmt: skip
    pick(api, "C-1", 15, 2, 3)
    assert {each["cause"] for each in api.get(path).json()["left"]} == {"no_packaging", "no_size"}
    post(api, "packagings", {"id": "box", "label": "Box", **BOX})
    found = api.get(path).json()
    assert (found["version"], found["packagings"]) == (2, 1)
    assert found["apart"] == [{"words": ["acid", "food"], "skus": ["BLEACH", "OIL"]}]
    assert [(each["sku"], each["quantity"], each["cause"]) for each in found["left"]] == [("DARK", 3, "no_size")]
    assert "length_mm" in found["left"][0]["why"]
    cartons = [([(g["sku"], g["quantity"]) for g in each["goods"]], each["fill"]) for each in found["cartons"]]
    assert cartons == [([("OIL", 12)], 1.0), ([("OIL", 3)], 0.25), ([("BLEACH", 2)], 0.1667)]
    first = found["cartons"][0]
    assert (first["goods_kg"], first["gross_kg"], first["load"], first["layers"]) == (12, 12.4, 0.8, 1)
    told = [
        {"id": f"C-1-k{n}", "line": goods["line"], "kind": "pack", "quantity": goods["quantity"], "from": STAGE,
         "handling_unit": "C-1-1"}
        for n, goods in enumerate(first["goods"])
    ]  # fmt: skip
    post(api, "orders/C-1/steps", {"steps": told}, 200)
    assert len(api.get(path).json()["cartons"]) == 2, "what is packed is proposed no more"
    assert api.get("/api/v1/orders/none/cartons").status_code == 404


def stages(api: httpx.Client, name: str) -> list[dict[str, float]]:
    return [line["stages"] for line in api.get(f"/api/v1/orders/{name}").json()["lines"]]


def split(api: httpx.Client, name: str, new: str, *lines: tuple[int, float], **more: Any) -> httpx.Response:
    body = {"id": new, "lines": [{"line": line, "quantity": quantity} for line, quantity in lines], **more}
    return api.post(f"/api/v1/orders/{name}/split", json=body)


def test_an_order_is_split_once_and_both_together_want_what_the_one_wanted(
    api: httpx.Client, kept_database: str
) -> None:
    in_stock(api, "RICE", 10)
    post(api, "customers/ward-5/ship-tos", {"id": "annex", "label": "Annex"})
    order(api, "S-1", RICE=14, OIL=2, reference="PO 9")
    post(api, "orders/S-1/allocation", {}, 200)
    assert stages(api, "S-1") == [{"open": 4, "allocated": 10}, {"allocated": 2}]
    late = {"ship_to": "annex", "window_end": "2030-01-02T12:00:00Z", "note": "the rest"}
    made = split(api, "S-1", "S-1-B", (1, 6), (2, 1), **late, version=2)
    assert made.status_code == 201, made.text
    first, second = made.json()["order"], made.json()["split"]
    assert (first["split_to"], second["split_from"], second["ship_to"]) == (["S-1-B"], "S-1", "annex")
    assert (second["window_end"], second["note"], second["reference"]) == (
        "2030-01-02T12:00:00.000Z",
        "the rest",
        "PO 9",
    )
    assert [line["stages"] for line in first["lines"]] == [
        {"allocated": 8, "cancelled": 6}, {"allocated": 1, "cancelled": 1},
    ]  # fmt: skip
    # Units that had goods have them there too; what was open stays open.
    assert [line["stages"] for line in second["lines"]] == [{"open": 4, "allocated": 2}, {"allocated": 1}]
    assert second["lines"][0]["stands_for"] == {"order": "S-1", "line": 1, "sku": "RICE", "label": "Rice"}
    history = api.get("/api/v1/orders/S-1/steps").json()["items"]
    assert [each["reason"] for each in history if each["kind"] == "cancel"] == ["split to S-1-B"] * 2
    again = split(api, "S-1", "S-1-B", (1, 6), (2, 1), **late, version=2)
    assert (again.status_code, again.json()) == (200, made.json())
    assert rows(kept_database, "select count(*) from audit where action = 'order.split'") == [(1,)]
    found = api.get("/api/v1/orders", params={"search": "PO 9"}).json()["items"]
    assert {each["id"] for each in found} == {"S-1", "S-1-B"}

    refused = split(api, "S-1", "S-1-B", (1, 5))
    assert (refused.status_code, "another order S-1-B" in refused.text) == (409, True)
    refused = split(api, "S-1", "S-1-C", (1, 9))
    assert (refused.status_code, "nobody has picked 8" in refused.text) == (409, True)
    assert api.get("/api/v1/orders/S-1-C").status_code == 404, "nothing of it is kept"
    for wrong in ([(3, 1)], [(1, 1), (1, 1)]):
        assert split(api, "S-1", "S-1-C", *wrong).status_code == 422
    assert split(api, "S-1", "S-1-C", (1, 1), ship_to="moon").status_code == 422
    assert split(api, "S-1", "S-1-C", (1, 1), window_start="2031-01-01T00:00:00Z",
                 window_end="2030-01-01T00:00:00Z").status_code == 422  # fmt: skip
    assert split(api, "none", "S-1-C", (1, 1)).status_code == 404


def test_of_two_who_split_at_once_one_wins(api: httpx.Client) -> None:
    order(api, "S-2", RICE=4)
    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(lambda name: split(api, "S-2", name, (1, 2), version=1).status_code, ("S-2-A", "S-2-B"))
        )
    assert sorted(answers) == [201, 409]
    assert stages(api, "S-2") == [{"open": 2, "cancelled": 2}]


def test_a_line_that_is_short_is_served_by_a_substitute(api: httpx.Client, kept_database: str) -> None:
    in_stock(api, "SMALL", 20)
    in_stock(api, "LARGE", 1)
    path = "/api/v1/products/LARGE/substitutes"
    two = {"sku": "SMALL", "quantity": 2, "per": 1}
    for wrong in ({**two, "sku": "GONE"}, {**two, "sku": "LARGE"}, {**two, "per": 0}):
        assert api.put(path, json={"substitutes": [wrong]}).status_code == 422
    for _ in "12":
        found = api.put(path, json={"substitutes": [two]}).json()["items"]
        assert found == api.get(path).json()["items"] == [{**two, "label": "Small", "base_unit": "piece"}]
    assert rows(kept_database, "select count(*) from audit where action = 'product.substitutes'") == [(1,)]
    assert api.get("/api/v1/products/GONE/substitutes").status_code == 404

    lines = [{"sku": "LARGE", "quantity": 4}]
    whole = {"id": "I-1", "customer": "ward-5", "site": "store-1", "reference": "PO 1", "lines": lines}
    post(api, "orders", whole)
    told = {"id": "sub-1", "line": 1, "sku": "SMALL", "quantity": 3, "version": 1}
    made = post(api, "orders/I-1/substitution", told)
    assert [(line["sku"], line["stages"]) for line in made["lines"]] == [
        ("LARGE", {"open": 1, "cancelled": 3}), ("SMALL", {"open": 6}),
    ]  # fmt: skip
    assert made["lines"][1]["stands_for"] == {"order": "I-1", "line": 1, "sku": "LARGE", "label": "Large"}
    assert post(api, "orders/I-1/substitution", told, 200) == made
    assert "another step" in post(api, "orders/I-1/substitution", {**told, "quantity": 1}, 409)["detail"]
    more = {**told, "id": "sub-2", "version": 2}
    assert "nobody has picked 1" in post(api, "orders/I-1/substitution", more, 409)["detail"]
    assert "at version 2" in post(api, "orders/I-1/substitution", {**more, "version": 1}, 409)["detail"]
    for wrong in ({"sku": "MILK"}, {"line": 9}):
        post(api, "orders/I-1/substitution", {**more, "quantity": 1, **wrong}, 422)
    assert post(api, "orders", whole, 200)["id"] == "I-1", "the customer tells the same order again"
    post(api, "orders/I-1/allocation", {}, 200)
    assert stages(api, "I-1") == [{"allocated": 1, "cancelled": 3}, {"allocated": 6}]
    api.put(path, json={"substitutes": [{"sku": "SMALL", "quantity": 1, "per": 3}]})
    assert (
        "a multiple of 3" in post(api, "orders/I-1/substitution", {**more, "quantity": 1, "version": 3}, 422)["detail"]
    )


def test_a_window_is_checked_before_it_is_promised_and_graded_afterwards(api: httpx.Client) -> None:
    now = datetime.now(UTC).replace(microsecond=0)

    def at(days: float) -> str:
        return (now + timedelta(days=days)).isoformat()

    in_stock(api, "EGGS", 10)
    post(api, "customers", {"id": "ward-9"})
    place = {"id": "door", "lat": 60.3, "lon": 24.9, "tz": "Europe/Helsinki"}
    post(api, "customers/ward-9/ship-tos", place)
    body = {"customer": "ward-9", "ship_to": "door", "site": "store-1", "lines": [{"sku": "EGGS", "quantity": 8}]}

    def asked(**more: object) -> dict[str, Any]:
        answer = api.post("/api/v1/promises", json={**body, "window_end": at(2), **more})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    plain = asked()
    assert (plain["chance"], plain["limit"]["code"], plain["travel"]["source"]) == (1, "prepare", "default")
    assert plain["ready"] < plain["earliest"] <= plain["p90"] < at(1)
    assert asked(window_end=at(0.01))["chance"] == 0
    assert asked(ship_to=None)["limit"]["code"] == "no_place"
    assert api.post("/api/v1/promises", json={**body, "site": "nowhere"}).status_code == 422
    post(api, "orders", {**body, "id": "E-1", "window_end": at(3)})
    short = asked()
    assert (short["earliest"], short["chance"], short["limit"]["code"]) == (None, 0, "short")
    assert (short["limit"]["sku"], short["limit"]["quantity"]) == ("EGGS", 6)
    post(api, "suppliers", {"id": "farm"})
    buy = {"id": "PO-EGGS", "supplier": "farm", "site": "store-1", "lines": [{"sku": "EGGS", "quantity": 20}]}
    post(api, "purchase-orders", buy)
    assert asked()["limit"]["code"] == "short", "a draft brings nothing"
    for step in ({"step": "send"}, {"step": "confirm", "expected_on": at(4)[:10]}):
        sent = api.post("/api/v1/purchase-orders/PO-EGGS/steps", json=step)
        assert sent.status_code == 200, sent.text
    waits = asked()
    assert (waits["limit"]["code"], waits["limit"]["receipt"], waits["chance"]) == ("receipt", "PO-EGGS", 0)
    assert asked(window_end=at(20))["chance"] == 1
    post(api, "orders", {**body, "id": "E-2", "window_end": at(2), "promise_reason": "known"})
    found = api.get("/api/v1/orders/E-2/promise").json()
    assert found["promise"]["limit"]["code"] == "prepare", "as goods are given it goes before what is due later"
    assert (found["said"]["chance"], found["said"]["reason"], found["said"]["kept"]) == (0, "known", None)
    more = {"line": 1, "quantity": 8}
    told = [
        {"id": "e-p", "kind": "pick", "from": CHILLER, "to": STAGE, **more},
        {"id": "e-l", "kind": "load", "from": STAGE, "to": {"vehicle": "truck-01"}, **more},
        {"id": "e-d", "kind": "deliver", "from": {"vehicle": "truck-01"}, **more},
    ]  # fmt: skip
    post(api, "orders/E-2/steps", {"steps": told}, 200)
