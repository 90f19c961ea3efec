"""A warehouse by REST: advice from real picks, taken, graded by what was walked since, and silent when it is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from planning.advice.work import advise_at_night
from store.link import Link
from tests.integration.api.seed import World, client, serving
from tests.logins import of_operations

LAYOUT = {"aisles": 2, "aisle_length_m": 10, "aisle_pitch_m": 2, "depot": 0}
BINS = "/api/v1/sites/store-1/bins"


@pytest.fixture(scope="module")
def world(kept_database: str) -> Iterator[World]:
    found = World(kept_database)
    found.furnish()
    for zone in ("hall", "dock", "cold"):
        found.registry.put_zone("store-1", zone, zone.title())
    yield found
    found.close()


@pytest.fixture(scope="module")
def api(world: World, kept_database: str) -> Iterator[httpx.Client]:
    with serving(kept_database) as url, client(url, world.token("storekeeper")) as found:
        admin = {"authorization": f"Bearer {world.token('admin')}"}
        for sku in ("JAM", "TEA"):
            body = {"sku": sku, "label": sku.title(), "gross_mass_kg": 1, "temp_class": "ambient"}
            ok(found.post("/api/v1/products", json=body, headers=admin), 201)
        yield found


def ok(answer: httpx.Response, *status: int) -> Any:
    assert answer.status_code in (status or (200,)), answer.text
    return answer.json()


def bin_(api: httpx.Client, code: str, zone: str = "hall", **more: Any) -> None:
    ok(api.post(BINS, json={"id": code, "zone": zone, **more}), 200, 201)


def move(api: httpx.Client, name: str, kind: str, sku: str, quantity: float, days_ago: float, **ends: str) -> None:
    at = (datetime.now(UTC) - timedelta(days=days_ago)).isoformat()
    told: dict[str, Any] = {"id": name, "kind": kind, "sku": sku, "quantity": quantity, "at": at, "reference": name}
    for end in ("from", "to"):
        if code := ends.get(end.strip() + "_"):
            told[end] = {"site": "store-1", **({"zone": code} if code in ("hall", "dock", "cold") else {"bin": code})}
    ok(api.post("/api/v1/stock/moves", json={"moves": [told]}), 201)


def test_advice_is_taken_and_graded_by_what_was_walked_since(
    world: World, api: httpx.Client, kept_database: str
) -> None:
    ask = "/api/v1/sites/store-1/advice"
    bin_(api, "N-1", aisle=0, along_m=1, load_kg=500)
    bin_(api, "F-1", aisle=0, along_m=9)
    bin_(api, "OUT", "dock", kind="stage")
    nowhere = api.post(ask, json={"zone": "hall"})
    assert (nowhere.status_code, "layout first" in nowhere.text) == (422, True)
    assert api.post(ask, json={"zone": "cellar"}).status_code == 404
    ok(api.put("/api/v1/sites/store-1/zones/hall/layout", json=LAYOUT))
    move(api, "in-tea", "receive", "TEA", 100, 30, to_="F-1")
    move(api, "in-jam", "receive", "JAM", 10, 30, to_="N-1")
    few = ok(api.post(ask, json={"zone": "hall"}), 201)
    assert (few["advice"], few["why"][:8]) == ([], "0 lists ")
    for n in range(10):
        move(api, f"old-{n}", "pick", "TEA", 1, 20 - n, from_="F-1", to_="OUT")
    given = ok(api.post(ask, json={"zone": "hall", "days": 21}), 201)
    (told,) = given["advice"]
    assert (given["lists"], given["walked_m"]) == (10, 180)
    assert (told["predicted"], told["cost"], told["ratio"], told["status"]) == (124, 36, None, "open")
    assert [(m["source"], m["target"], m["skus"]) for m in told["moves"]] == [
        ("F-1", "N-1", ["TEA"]),
        ("N-1", "F-1", ["JAM"]),
    ]
    heat = ok(api.get("/api/v1/sites/store-1/pick-heat", params={"zone": "hall", "days": 21}))
    assert {b["bin"]: (b["picks"], b["skus"]) for b in heat["bins"]} == {"F-1": (10, ["TEA"]), "N-1": (0, [])}
    decide = f"/api/v1/advice/{told['id']}/decision"
    assert "say why" in str(ok(api.post(decide, json={"decision": "declined"}), 422))
    ok(api.post(decide, json={"decision": "accepted", "version": 1}))
    assert api.post(decide, json={"decision": "accepted"}).status_code == 409, "somebody was quicker"
    frozen = ok(api.post(ask, json={"zone": "hall", "days": 21}), 201)
    assert frozen["advice"] == [], "its bins wait for the move"
    done = ok(api.post(decide, json={"decision": "done", "move": True}))
    lies = ok(api.get("/api/v1/stock/ledger", params={"site": "store-1", "zone": "hall"}))["items"]
    assert {(x["sku"], x["place"]["bin"]): x["quantity"] for x in lies} == {("TEA", "N-1"): 90, ("JAM", "F-1"): 10}
    assert done["status"] == "done"
    world.run("update advice set done_at = now() - interval '5 days' where id = %s", told["id"])
    for n in range(5):
        move(api, f"new-{n}", "pick", "TEA", 1, 4 - n / 2, from_="N-1", to_="OUT")
    with closing(Link(of_operations(kept_database), "advice")) as link:
        advise_at_night(link, datetime.now(UTC))
        so_far = ok(api.get(f"/api/v1/advice/{told['id']}"))
        assert (so_far["final"], so_far["seen"]["lists"], so_far["seen"]["without_m"], so_far["seen"]["with_m"]) == (
            False,
            5,
            90,
            10,
        )
        assert so_far["ratio"] == pytest.approx((80 / (5 / 21) - 36) / 124, rel=0.01)
        world.run("update advice set done_at = now() - interval '22 days' where id = %s", told["id"])
        ok(api.post(ask, json={"zone": "hall", "days": 1}), 201)
        final = ok(api.get(f"/api/v1/advice/{told['id']}"))
        assert (final["final"], final["realised"], final["seen"]["lists"]) == (True, 80 - 36, 15)
        (worth,) = ok(api.get("/api/v1/advisers", params={"site": "store-1"}))["items"]
        assert (worth["grades"], worth["ratio"], worth["silent"]) == (1, pytest.approx(44 / 124), False)
        _silent_and_woken(world, api, link, ask)


def _silent_and_woken(world: World, api: httpx.Client, link: Link, ask: str) -> None:
    world.run(
        "insert into advice (tenant_id, kind, site_id, zone_id, body, unit, days, predicted, status, made_by, "
        "done_at, realised, graded_at, final) select tenant_id, kind, site_id, zone_id, body, unit, days, 100, 'done', "
        "'x', now() - interval '60 days', 10, now() - interval '40 days', true "
        "from advice cross join generate_series(1, 3) where final"
    )
    refused = api.post(ask, json={"zone": "hall"})
    assert (refused.status_code, "is silent: 4 times" in refused.text) == (409, True), refused.text
    before = len(ok(api.get("/api/v1/advice"))["items"])
    advise_at_night(link, datetime.now(UTC))
    assert len(ok(api.get("/api/v1/advice"))["items"]) == before
    woken = ok(api.post("/api/v1/advisers/wake", json={"kind": "slotting", "site": "store-1"}))
    assert (woken["silent"], woken["grades"], woken["woken_by"] != "") == (False, 0, True)
    ok(api.post(ask, json={"zone": "hall"}), 201)
    assert api.post("/api/v1/advisers/wake", json={"kind": "dispatch", "site": "store-1"}).status_code == 404


def _moves_look_at_bins_too(api: httpx.Client) -> None:
    def moved(name: str, code: str, *quantities: float, **more: Any) -> httpx.Response:
        given = {"kind": "move", "sku": "PEAS", "lot": "SOON", "from": {"site": "store-1", "zone": "cold"}, **more}
        moves = [
            {**given, "id": f"{name}-{n}", "quantity": quantity, "to": {"site": "store-1", "bin": code}}
            for n, quantity in enumerate(quantities)
        ]
        return api.post("/api/v1/stock/moves", json={"moves": moves})

    refused = [moved("m-0", "NONE", 1), moved("m-1", "W-1", 1), moved("m-2", "C-3", 0.5, 0.6)]
    assert [each.status_code for each in refused] == [422, 409, 409], "no such bin, too warm, full by both together"
    assert "W-1" in refused[1].json()["detail"]
    ok(moved("m-3", "C-3", 0.5, 0.6, reason="it bears more"), 201)
    ok(moved("m-3", "C-3", 0.5, 0.6, reason="it bears more"), 201)
    ok(moved("m-4", "W-1", 1, at=(datetime.now(UTC) - timedelta(days=1)).isoformat()), 201)
    for code, quantity in (("W-1", 1), ("C-3", 1.1)):
        back = {"from": {"site": "store-1", "bin": code}, "to": {"site": "store-1", "zone": "cold"}}
        again = {"id": f"back-{code}", "kind": "move", "sku": "PEAS", "lot": "SOON", "quantity": quantity, **back}
        ok(api.post("/api/v1/stock/moves", json={"moves": [again]}), 201)


def test_goods_are_put_away_where_they_fit_and_faces_are_filled(world: World, api: httpx.Client) -> None:
    base, admin = "/api/v1/sites/store-1", {"authorization": f"Bearer {world.token('admin')}"}
    units = {"units": [{"name": "case", "quantity": 12}]}
    body = {"sku": "PEAS", "label": "Peas", "gross_mass_kg": 1, "temp_class": "frozen"}
    ok(api.post("/api/v1/products", json=body, headers=admin), 201)
    ok(api.put("/api/v1/products/PEAS/units", json=units, headers=admin))
    ok(api.put(f"{base}/zones/cold/layout", json=LAYOUT))
    bin_(api, "OUT", "dock", kind="stage")
    bin_(api, "C-1", "cold", aisle=0, along_m=1, load_kg=30, temp_class="frozen")
    bin_(api, "C-2", "cold", aisle=0, along_m=5, temp_class="frozen")
    bin_(api, "W-1", "cold", aisle=0, along_m=2, temp_class="ambient")
    bin_(api, "P-1", "cold", kind="pick_face", face_of="PEAS", face_full=36)
    for n, (lot, days) in enumerate((("LATE", 90), ("SOON", 9))):
        ends = (datetime.now(UTC) + timedelta(days=days)).isoformat()
        said = {"id": f"peas-{n}", "kind": "receive", "sku": "PEAS", "quantity": 40, "lot": lot}
        told = {**said, "to": {"site": "store-1", "zone": "cold"}, "new_lot": {"best_before": ends}}
        ok(api.post("/api/v1/stock/moves", json={"moves": [told]}), 201)
    waiting = [x for x in ok(api.get(f"{base}/put-away"))["items"] if x["sku"] == "PEAS"]
    assert [(x["lot"], x["quantity"]) for x in waiting] == [("LATE", 40), ("SOON", 40)]
    asked = {"sku": "PEAS", "quantity": 40, "lot": "LATE"}
    told = ok(api.get(f"{base}/put-away/places", params=asked))
    assert [(p["bin"], p["quantity"]) for p in told["places"] if p["zone"] == "cold"][:1] == [("C-2", 40)]
    assert {p["bin"]: p["quantity"] for p in told["places"]}["C-1"] == 30
    assert ("temp_class" in {r["limit"] for r in told["refused"]}, told["target"]) == (True, "P-1")
    assert (told["not_counted"], told["stage"]) == (["size"], [])
    assert api.get(f"{base}/put-away/places", params={"sku": "NONE", "quantity": 1}).status_code == 422

    def put(name: str, code: str, quantity: float, lot: str = "LATE", **more: Any) -> httpx.Response:
        given = {"id": name, "sku": "PEAS", "quantity": quantity, "lot": lot, "source": {"zone": "cold"}, "bin": code}
        return api.post(f"{base}/put-away", json={**given, **more})

    full = put("put-1", "C-1", 31)
    assert full.status_code == 409
    assert full.json()["detail"].startswith(
        "bin: C-1 is full: it takes 30 kg, 0 lie there, 31 would come. Take another"
    )
    over = ok(put("put-1", "C-1", 31, reason="it bears more"), 201)
    assert (over["new"], len(over["against"])) == (True, 1)
    assert ok(put("put-1", "C-1", 31, reason="it bears more"))["new"] is False, "told again"
    assert put("put-2", "C-2", 10).status_code == 409, "there are 9 left of it"
    with ThreadPoolExecutor(2) as two:
        bin_(api, "C-3", "cold", load_kg=5, temp_class="frozen")
        codes = sorted(two.map(lambda n: put(f"both-{n}", "C-3", 4, "SOON").status_code, range(2)))
    assert codes == [201, 409], "one finds room, the other is told"
    _moves_look_at_bins_too(api)
    ok(put("put-3", "C-2", 36, "SOON"), 201)
    for n in range(2):
        move(api, f"face-{n}", "receive", "PEAS", 2, 9, to_="P-1")
        move(api, f"faced-{n}", "pick", "PEAS", 2, 8 - n, from_="P-1", to_="OUT")
    assert ok(api.get(f"{base}/refills"))["items"] == [], "two days of 28: nine times in ten nothing is wanted"
    (due,) = ok(api.get(f"{base}/refills", params={"hours": 168}))["items"]
    assert (due["p90"], due["quantity"], due["lies"]) == (4, 36, 0)
    assert [(x["bin"], x["quantity"], x["lot"]) for x in due["sources"]] == [("C-2", 36, "SOON")]
    ok(put("fill-1", "P-1", 3, "SOON", unit="case", source={"bin": "C-2"}, purpose="refill"), 201)
    assert ok(api.get(f"{base}/refills", params={"hours": 168}))["items"] == []
    ends = (datetime.now(UTC) + timedelta(hours=5)).isoformat()
    ok(api.post("/api/v1/customers", json={"id": "ward"}, headers=admin), 201)
    order = {"id": "SO-1", "customer": "ward", "site": "store-1", "window_end": ends}
    lines = [{"sku": "PEAS", "quantity": 5}]
    ok(api.post("/api/v1/orders", json={**order, "lines": lines}, headers=admin), 201)
    told = ok(api.get(f"{base}/put-away/places", params=asked))
    assert (told["wanted"], told["stage"], told["orders"][0]["order"]) == (5, ["OUT"], "SO-1")
