"""How long stock lasts: by what the ledger says left, by what sensors saw leave; what expires, is low, got lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.integration.api.seed import World, client, serving

NOW = datetime.now(UTC).replace(microsecond=0)
CHILLER = {"site": "store-1", "zone": "chiller"}


@pytest.fixture
def world(database: str) -> Iterator[World]:
    found = World(database)
    found.furnish()
    yield found
    found.close()


@pytest.fixture
def api(world: World, database: str) -> Iterator[httpx.Client]:
    with serving(database) as url, client(url, world.token("storekeeper")) as found:
        yield found


def at(days: float) -> str:
    return (NOW + timedelta(days=days)).isoformat()


def tell(api: httpx.Client, *moves: dict[str, Any]) -> None:
    answer = api.post("/api/v1/stock/moves", json={"moves": list(moves)})
    assert answer.status_code == 201, answer.text


def outlook(api: httpx.Client, sku: str, **asked: Any) -> dict[str, Any]:
    (found,) = api.get("/api/v1/stock/outlook", params={"sku": sku, "site": "store-1", **asked}).json()["items"]
    return found


def days(text: str) -> float:
    return (datetime.fromisoformat(text) - NOW).total_seconds() / 86_400


def test_what_the_ledger_says_left_tells_when_stock_is_out(api: httpx.Client) -> None:
    for lot, best_before in (("OLD", at(2)), ("NEW", at(20)), ("LAST", at(400))):
        assert api.post("/api/v1/lots", json={"id": lot, "sku": "MILK", "best_before": best_before}).status_code == 201
    lots = [("OLD", 300), ("NEW", 30), ("LAST", 50)]
    tell(api, *({"id": f"in-{lot}", "kind": "receive", "sku": "MILK", "lot": lot, "quantity": n, "to": CHILLER,
                 "at": at(-21)} for lot, n in lots))  # fmt: skip
    gone = [{"id": f"out-{day}", "kind": "deliver", "sku": "MILK", "lot": "OLD", "quantity": 10 + 4 * (day % 2),
             "from": CHILLER, "at": at(-day)} for day in range(1, 21)]  # fmt: skip
    tell(api, *gone)
    found = outlook(api, "MILK")
    assert (found["basis"], found["quantity"], found["ledger_quantity"]) == ("ledger", 140, 140)
    assert found["per_day"] == pytest.approx(240 / 21, rel=0.05)
    assert found["days_of_cover"] == pytest.approx(140 / found["per_day"])
    p10, p50, p90 = (days(found["out"][name]) for name in ("p10", "p50", "p90"))
    assert 8 < p10 < p50 < p90 < 18
    assert p50 == pytest.approx(found["days_of_cover"], rel=0.05)
    # two days' worth of what is over in two days goes, of the next what eighteen days take
    (left,) = found["expiring"]
    assert (left["lot"], left["quantity"]) == ("OLD", pytest.approx(60 - 2 * found["per_day"], abs=1))
    assert found["states"] == ["expiring"]
    assert outlook(api, "MILK", expiry_days=1)["states"] == []
    assert outlook(api, "MILK", excess_days=5, expiry_days=1)["states"] == ["excess"]
    before = found["per_day"]
    wrong = api.post("/api/v1/stock/moves/out-1/correction", json={"reason": "not sold"})
    assert wrong.status_code in (200, 201), wrong.text
    assert outlook(api, "MILK")["per_day"] == pytest.approx(before - 14 / 21, rel=0.05)


def test_low_out_and_lost_are_told(api: httpx.Client) -> None:
    assert api.post("/api/v1/products", json={"sku": "RICE", "label": "Rice", "reorder_point": 5}).status_code == 201
    tell(api, {"id": "r", "kind": "receive", "sku": "RICE", "quantity": 6, "to": CHILLER, "at": at(-3)})
    assert outlook(api, "RICE")["states"] == []
    tell(api, {"id": "lost", "kind": "adjust", "sku": "RICE", "quantity": 2, "from": CHILLER, "reason": "gone"})
    found = outlook(api, "RICE")
    assert (found["states"], found["lost_90d"], found["out"], found["basis"]) == (["low"], 2, None, None)
    tell(api, {"id": "sold", "kind": "deliver", "sku": "RICE", "quantity": 4, "from": CHILLER})
    assert outlook(api, "RICE")["states"] == ["out"]


def test_where_nobody_tells_moves_sensors_say_what_leaves(world: World, api: httpx.Client) -> None:
    assert api.post("/api/v1/products", json={"sku": "PEAS", "label": "Peas"}).status_code == 201
    world.run(
        "insert into stock_level (tenant_id, site_id, zone_id, product_id, source, quantity, confidence,"
        " last_evidence_at) select p.tenant_id, z.site_id, z.id, p.id, 'weight', 24, 0.97, now()"
        " from zone z join site s on s.id = z.site_id join product p on p.tenant_id = s.tenant_id"
        " where s.name = 'store-1' and z.name = 'chiller' and p.sku = 'PEAS' and s.tenant_id = %s",
        world.tenant_id,
    )
    world.run(
        "insert into stock_move (tenant_id, site_id, zone_id, product_id, at, quantity, delta, source, decided_at)"
        " select e.tenant_id, e.site_id, e.zone_id, e.product_id, now() - make_interval(mins => 10 * n), 24 + n, -1,"
        " 'weight', now() from stock_level e join product p on p.id = e.product_id, generate_series(1, 72) n"
        " where p.sku = 'PEAS'"
    )
    found = outlook(api, "PEAS")
    assert (found["basis"], found["quantity"], found["sensor_quantity"], found["sensor_confidence"]) == (
        "sensors", 24, 24, 0.97,
    )  # fmt: skip
    assert found["per_day"] == pytest.approx(144, rel=0.1)
    assert days(found["out"]["p50"]) * 24 == pytest.approx(4, rel=0.15)


def test_a_page_follows_another(api: httpx.Client) -> None:
    tell(api, {"id": "m", "kind": "receive", "sku": "MILK", "quantity": 6, "to": CHILLER})
    whole = [each["id"] for each in api.get("/api/v1/stock/outlook").json()["items"]]
    first = api.get("/api/v1/stock/outlook", params={"limit": 1})
    assert [each["id"] for each in first.json()["items"]] == whole[:1]
    if len(whole) > 1:
        second = api.get(first.headers["link"].partition(">")[0].lstrip("<")).json()["items"]
        assert [each["id"] for each in second] == whole[1:2]
    assert "id,site" in api.get("/api/v1/stock/outlook", params={"format": "csv"}).text


def test_zones_and_bins_tell_what_moves_lies_and_is_doubted_there(api: httpx.Client, world: World) -> None:
    def activity(**asked: Any) -> dict[str, tuple[Any, ...]]:
        items = api.get("/api/v1/stock/activity", params={"site": "store-1", **asked}).json()["items"]
        return {i["id"].removeprefix("store-1/"): (i["moves"], i["seen"], i["products"], i["pieces"]) for i in items}

    for code in ("A-1", "A-2"):
        assert api.post("/api/v1/sites/store-1/bins", json={"id": code, "zone": "chiller"}).status_code == 201
    before = activity()
    assert before["chiller/A-1"] == before["chiller/A-2"] == (0, 0, 0, 0)
    bin_1 = {"site": "store-1", "bin": "A-1"}
    move = {"sku": "MILK", "quantity": 20}
    tell(api, {"id": "a-1", "kind": "receive", **move, "to": CHILLER, "at": at(-20)},
         {"id": "a-2", "kind": "put_away", **move, "from": CHILLER, "to": bin_1, "at": at(-3)},
         {"id": "a-3", "kind": "deliver", **move, "quantity": 6, "from": bin_1, "at": at(-2)},
         {"id": "a-4", "kind": "receive", **move, "to": bin_1, "at": at(-1)},
         {"id": "a-5", "kind": "receive", **move, "quantity": 2, "to": {"site": "store-1"}, "at": at(-1)})  # fmt: skip
    assert api.post("/api/v1/stock/moves/a-4/correction", json={"reason": "not ours"}).status_code == 201
    world.run(
        "insert into stock_move (tenant_id, site_id, zone_id, product_id, at, quantity, delta, source, decided_at)"
        " select tenant_id, %s, %s, id, %s::timestamptz, 5, -1, 'weight', now() from product where sku = 'MILK'",
        world.ids["store-1"], world.ids["chiller"], at(-2),
    )  # fmt: skip
    zone = before["chiller/"]
    assert activity() == {
        **before, "/": (1, 0, 1, 2), "chiller/": (1, zone[1] + 1, *zone[2:]), "chiller/A-1": (2, 0, 1, 14),
    }  # fmt: skip
    assert activity(days=30)["chiller/"][0] == 2
    asked = {"site": "store-1", "bin": "A-1", "sku": "MILK"}
    assert api.post("/api/v1/stock/count-tasks", json=asked).status_code == 201
    by_id = {i["id"]: i for i in api.get("/api/v1/stock/activity", params={"site": "store-1"}).json()["items"]}
    (found, empty) = (by_id[f"store-1/chiller/{code}"] for code in ("A-1", "A-2"))
    assert (found["in_doubt"], found["doubt"], found["per_day"]) == (1, 1.0, 2 / 7)
    assert (empty["doubt"], empty["moved_at"]) == (None, None)
    page, told = api.get("/api/v1/stock/activity", params={"site": "store-1", "limit": 2}), []
    while told := [*told, *(i["id"] for i in page.json()["items"])]:
        if "next" not in page.links:
            break
        page = api.get(page.links["next"]["url"])
    assert told == list(by_id)
    assert api.get("/api/v1/stock/activity", params={"site": "no-such"}).json()["items"] == []
    assert {i["site"] for i in api.get("/api/v1/stock/activity").json()["items"]} == {"store-1"}
