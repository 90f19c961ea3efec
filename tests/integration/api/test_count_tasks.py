"""Count tasks: opened where ledger and sensors are two things, counted, settled by moves that say why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from operations.counts.work import look
from store.link import Link
from tests.integration.api.seed import World, client, serving
from tests.logins import of_operations

NOW = datetime.now(UTC).replace(microsecond=0)
CHILLER = {"site": "store-1", "zone": "chiller"}


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


@pytest.fixture
def sku(world: World, served: httpx.Client, request: pytest.FixtureRequest) -> str:
    name = f"S{abs(hash(request.node.name)) % 10**9}"
    world.registry.put_product(name, label=name)
    units = {"unit_value": 2.5, "units": [{"name": "case", "quantity": 12}]}
    assert served.put(f"/api/v1/products/{name}/units", json=units).status_code == 200
    assert served.post("/api/v1/lots", json={"id": f"L-{name}", "sku": name}).status_code == 201
    return name


def told(api: httpx.Client, **move: object) -> None:
    answer = api.post("/api/v1/stock/moves", json={"moves": [move]})
    assert answer.status_code == 201, answer.text


def receive(api: httpx.Client, sku: str, quantity: float, n: int = 1, minutes: float = 60, **more: object) -> None:
    at = (NOW - timedelta(minutes=minutes)).isoformat()
    told(api, id=f"{sku}-{n}", kind="receive", at=at, sku=sku, quantity=quantity, **{"to": CHILLER, **more})


def seen(world: World, sku: str, quantity: float, confidence: float, at: datetime) -> None:
    world.run(
        "insert into stock_level select tenant_id, %s, %s, id, 'tag', %s, %s, %s from product where sku = %s "
        "on conflict (site_id, zone_id, product_id) do update set quantity = excluded.quantity, "
        "confidence = excluded.confidence, last_evidence_at = excluded.last_evidence_at",
        world.ids["store-1"], world.ids["chiller"], quantity, confidence, at, sku,
    )  # fmt: skip


def tasks(api: httpx.Client, sku: str, **params: object) -> list[dict[str, object]]:
    return api.get("/api/v1/stock/count-tasks", params={"sku": sku, **params}).json()["items"]


def lines(api: httpx.Client, sku: str) -> list[tuple[object, ...]]:
    items = api.get("/api/v1/stock/ledger", params={"sku": sku, "empty": True}).json()["items"]
    return [(i["place"].get("bin"), i["lot"], i["quantity"], i["counted"]) for i in items]


def test_sensors_that_say_another_number_for_a_time_open_a_task_and_a_count_settles_it(
    served: httpx.Client, world: World, sku: str, kept_database: str
) -> None:
    with closing(Link(of_operations(kept_database), "test")) as link:
        receive(served, sku, 20)
        later = datetime.now(UTC) + timedelta(minutes=11)
        seen(world, sku, 12, 0.4, later)
        look(link, later)
        assert tasks(served, sku) == []
        seen(world, sku, 12, 0.9, later)
        look(link, later - timedelta(minutes=9))
        assert tasks(served, sku) == []
        look(link, later)
        look(link, later)
        (task,) = tasks(served, sku)
        assert (task["cause"], task["ledger_quantity"], task["evidence_quantity"]) == ("difference", 20, 12)
        assert (task["value"], task["doubt"], task["rank"]) == (20, 0.9, 18)
        assert lines(served, sku) == [(None, None, 20, None)]
        zone = served.get("/api/v1/stock/ledger", params={"by": "zone", "sku": sku}).json()["items"][0]
        assert (zone["quantity"], zone["evidence"]["quantity"], zone["evidence"]["confidence"]) == (20, 12, 0.9)
        url = f"/api/v1/stock/count-tasks/{task['id']}"
        assert served.patch(url, json={"assignee": "ann"}).json()["task"]["state"] == "assigned"
        done = served.post(f"{url}/count", json={"lines": [{"quantity": 13}], "reason": "shelf looked at"})
        assert done.status_code == 200, done.text
        settled = done.json()["task"]
        assert (settled["state"], settled["counted_by"], settled["ended_by"]) == ("settled", *["storekeeper-token"] * 2)
        assert settled["lines"][0]["difference"] == -7
        assert lines(served, sku) == [(None, None, 13, 13)]
        history = served.get("/api/v1/stock/moves", params={"sku": sku, **CHILLER}).json()["items"]
        assert [(m["kind"], m["change"], m["balance"]) for m in history] == [
            ("adjust", -7, 13), ("count", 0, 20), ("receive", 20, 20),
        ]  # fmt: skip
        assert (history[0]["reason"], history[0]["evidence"]["count_task"]) == ("shelf looked at", task["id"])
        assert {each["reason"] for each in history if each["kind"] == "count"} == {"shelf looked at"}
        assert tasks(served, sku) == []
        assert served.post(f"{url}/count", json={"lines": [{"quantity": 13}]}).status_code == 409
        receive(served, sku, 1, 2)
        level = served.get("/api/v1/stock/ledger", params={"sku": sku}).json()["items"][0]
        assert (level["quantity"], level["counted"], level["counted_at"] < level["changed_at"]) == (14, 13, True)


def test_a_task_is_gone_where_both_say_the_same_again(
    served: httpx.Client, world: World, sku: str, kept_database: str
) -> None:
    with closing(Link(of_operations(kept_database), "test")) as link:
        receive(served, sku, 20)
        later = datetime.now(UTC) + timedelta(minutes=11)
        seen(world, sku, 12, 0.9, later)
        look(link, later)
        seen(world, sku, 20.2, 0.9, later)
        look(link, later)
        (task,) = tasks(served, sku, state="all")
        assert (task["state"], task["ended_by"]) == ("dismissed", "stock")


def test_a_count_speaks_of_each_line_and_of_its_own_moment(served: httpx.Client, sku: str) -> None:
    lot, code = f"L-{sku}", f"B-{sku}"
    assert served.post("/api/v1/sites/store-1/bins", json={"id": code, "zone": "chiller"}).status_code == 201
    receive(served, sku, 2, 1, unit="case", lot=lot)
    receive(served, sku, 5, 2, to={"site": "store-1", "bin": code})
    asked = served.post("/api/v1/stock/count-tasks", json={**CHILLER, "sku": sku})
    assert asked.status_code == 201, asked.text
    assert served.post("/api/v1/stock/count-tasks", json={**CHILLER, "sku": sku}).status_code == 200
    url = f"/api/v1/stock/count-tasks/{asked.json()['id']}"
    forgot = served.post(f"{url}/count", json={"lines": [{"quantity": 30}]})
    assert (forgot.status_code, f"24 piece in no bin, lot {lot}" in forgot.text) == (422, True), forgot.text
    told(served, id=f"{sku}-3", kind="deliver", at=(NOW - timedelta(minutes=10)).isoformat(), sku=sku, lot=lot,
         quantity=4, **{"from": CHILLER})  # fmt: skip
    body = {"at": (NOW - timedelta(minutes=20)).isoformat(), "settle": False, "lines": [
        {"lot": lot, "quantity": 1.5, "unit": "case"}, {"bin": code, "quantity": 6}]}  # fmt: skip
    done = served.post(f"{url}/count", json=body).json()
    assert [line["difference"] for line in done["task"]["lines"]] == [-6, 1]
    assert done["task"]["state"] == "counted"
    assert lines(served, sku) == [(None, lot, 20, 18), (code, None, 5, 6)]
    settled = served.patch(url, json={"state": "settled", "reason": "two broke"})
    assert settled.status_code == 200, settled.text
    assert lines(served, sku) == [(None, lot, 14, 18), (code, None, 6, 6)]
    assert served.patch(url, json={"state": "settled"}).status_code == 409
    assert served.patch(url, json={"state": "dismissed"}).status_code == 422
    assert served.get("/api/v1/stock/count-tasks/987654").status_code == 404
    ranked = served.get("/api/v1/stock/count-tasks", params={"state": "all", "limit": 1})
    ranks = [ranked.json()["items"][0]["rank"]]
    while "next" in ranked.links:
        ranked = served.get(ranked.links["next"]["url"])
        ranks += [t["rank"] for t in ranked.json()["items"]]
    assert ranks == sorted(ranks, reverse=True)


def test_what_is_told_after_a_count_and_happened_before_it_asks_for_another(
    served: httpx.Client, world: World, sku: str, kept_database: str
) -> None:
    receive(served, sku, 10)
    asked = served.post("/api/v1/stock/count-tasks", json={**CHILLER, "sku": sku}).json()
    counted = {"at": (NOW - timedelta(minutes=20)).isoformat(), "lines": [{"quantity": 9}]}
    assert served.post(f"/api/v1/stock/count-tasks/{asked['id']}/count", json=counted).status_code == 200
    receive(served, sku, 4, 2, minutes=10)
    assert tasks(served, sku) == []
    late = {"id": f"{sku}-late", "kind": "deliver", "at": (NOW - timedelta(minutes=30)).isoformat(), "sku": sku}
    told(served, **late, quantity=1, **{"from": CHILLER})
    (task,) = tasks(served, sku)
    assert (task["cause"], task["ledger_quantity"], task["value"], task["doubt"]) == ("difference", 12, 2.5, 0.5)


def test_what_is_not_less_than_nothing_any_more_need_not_be_counted(
    served: httpx.Client, sku: str, kept_database: str
) -> None:
    with closing(Link(of_operations(kept_database), "test")) as link:
        told(served, id=f"{sku}-1", kind="deliver", sku=sku, quantity=2, source="sensor", **{"from": CHILLER})
        look(link, NOW)
        assert [t["cause"] for t in tasks(served, sku)] == ["negative"]
        receive(served, sku, 5, 2)
        look(link, NOW)
        assert [t["state"] for t in tasks(served, sku, state="all")] == ["dismissed"]
        assert served.get("/api/v1/stock/count-tasks/99999999999999999999").status_code == 404
