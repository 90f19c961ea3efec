"""Demand day by day, forecasts that are made of it by a process of its own, and what people adjust of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from planning.demand.start import start_due
from store.link import Link
from tests.integration.api.seed import World, client, serving
from tests.integration.frostway.commands import typed
from tests.logins import of_operations

WEEK = [20, 12, 12, 14, 18, 30, 34]
V1 = "/api/v1"


def ok(answer: httpx.Response, *status: int) -> dict[str, Any]:
    assert answer.status_code in (status or (200,)), answer.text
    return dict(answer.json())


def a_person_expects_otherwise(api: httpx.Client, world: World, today: date) -> None:
    christmas = {
        "site": "store-1", "sku": "MILK", "first_day": f"{today + timedelta(days=1)}",
        "last_day": f"{today + timedelta(days=2)}", "factor": 2, "reason": "Promotion",
    }  # fmt: skip
    made = ok(api.post(f"{V1}/forecast-adjustments", json=christmas), 201)
    (one,) = ok(api.get(f"{V1}/forecasts?sku=MILK"))["items"]
    assert [round(a / m) for a, m in zip(one["adjusted"][:4], one["mean"][:4], strict=True)] == [1, 2, 2, 1]
    assert one["week"] == sum(one["adjusted"][:7])
    for wrong in ({"factor": -1}, {"reason": ""}, {"sku": "NONE"}, {"last_day": f"{today}"}, {
        "first_day": "2020-01-01", "last_day": "2020-01-02"}):  # fmt: skip
        assert api.post(f"{V1}/forecast-adjustments", json={**christmas, **wrong}).status_code == 422

    # Two weeks later, on the same weekday: what came is what the adjustment said.
    world.run("update demand_forecast set begins = begins - 14")
    world.run("update forecast_adjustment set first_day = first_day - 14, last_day = last_day - 14")
    world.run("update forecast_adjustment set made_at = made_at - interval '15 days'")
    world.run(
        "update sales_day set quantity = quantity * 2 where day in (%s, %s)",
        today - timedelta(days=13),
        today - timedelta(days=12),
    )
    grade = ok(api.get(f"{V1}/forecasts/grade?site=store-1&sku=MILK"))
    assert grade["days"] == 7
    assert grade["value_added"] > 3
    assert ok(api.get(f"{V1}/forecasts/grade?site=store-1&sku=NONE"))["days"] == 0

    assert api.delete(f"{V1}/forecast-adjustments/{made['id']}").status_code == 204
    assert api.delete(f"{V1}/forecast-adjustments/{made['id']}").status_code == 204
    assert api.delete(f"{V1}/forecast-adjustments/0").status_code == 404
    (kept,) = ok(api.get(f"{V1}/forecast-adjustments"))["items"]
    assert kept["withdrawn_by"] is not None


def every_page_once(api: httpx.Client) -> None:
    pages = 0
    address: str | None = f"{V1}/demand?limit=50"
    seen = []
    while address:
        page = api.get(address)
        seen += [d["id"] for d in page.json()["items"]]
        address, pages = page.links.get("next", {}).get("url"), pages + 1
    assert (len(seen), len(set(seen)), pages) == (89, 89, 2)


def as_a_file_of_a_stranger(api: httpx.Client, world: World, database: str, folder: Path, today: date) -> None:
    a, b, c = (today - timedelta(days=n) for n in (100, 101, 102))
    file = f"Store;Article;Date;Sold;in_stock\nstore-1;MILK;{a};12,5;nein\nstore-1;NONE;{a};1;\n"
    file += f"store-1;MILK;2.11.2026;1;\n;MILK;{b};1;\n"
    file += f"store-1;MILK;{c};-1;\nstore-1;MILK;{c};3;perhaps\nstore-1;MILK;{a};3;\nstore-1;MILK;{b};3;\n"

    def brought(content: str, **how: Any) -> list[dict[str, Any]]:
        answer = api.post(f"{V1}/sales/import", content=content.encode(), params={"told": "all", **how})
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]

    for how, new in ({"dry_run": True}, 2), ({}, 2), ({}, 0):
        told = brought(file, **how)
        assert (told[-1]["created"], told[-1]["same"], told[-1]["wrong"]) == (new, 2 - new, 6), told
    wrong = [(t["line"], t["column"]) for t in told if t.get("outcome") == "wrong"]
    assert wrong == [(3, "sku"), (4, "day"), (5, "site"), (6, "quantity"), (7, "in_stock"), (8, "id")]
    found = ok(api.get(f"{V1}/demand?sku=MILK&since={b}&until={today - timedelta(days=99)}"))["items"]
    assert [(d["day"], d["sold"], d["short"]) for d in found] == [(f"{b}", 3, False), (f"{a}", 12.5, True)]
    assert world.one("select count(*) from audit where action = 'sales.put' and detail ->> 'by' = 'import'") == 1

    (folder / "sales.csv").write_text(f"site,sku,day,quantity\nstore-1,MILK,{b},4\nstore-1,MILK,{a},12.5\n")
    for words, said in ("--dry-run", "would be"), ("", "are"):
        status, out, err = typed(database, folder, "import", "sales", "sales.csv", *words.split())
        assert (status, out) == (0, f"sales.csv: sales: 0 {said} new, 1 {said} changed, 1 are there already\n"), err
    (folder / "sales.csv").write_text(f"site,sku,day,quantity\nstore-1,MILK,{b},5\nstore-9,MILK,{b},5\n")
    status, _, err = typed(database, folder, "import", "sales", "sales.csv")
    assert (status, "line 3, site: there is no store-9" in err) == (1, True), err
    assert typed(database, folder, "template", "sales", "--out", "t.csv")[0] == 0
    assert (folder / "t.csv").read_text().startswith("site,sku,day,quantity,in_stock")
    gone = f"{V1}/sales?site=store-1&sku=MILK&day="
    assert [api.delete(gone + f"{d}").status_code for d in (a, b, a)] == [204, 204, 404]


@pytest.fixture
def world(kept_database: str) -> Iterator[World]:
    with closing(World(kept_database)) as found:
        yield found


def test_from_sales_of_another_system_to_a_forecast_that_a_person_adjusts(
    world: World, kept_database: str, tmp_path: Path
) -> None:
    world.furnish()
    now = datetime.now(UTC)
    today = now.date()
    with (
        closing(Link(of_operations(kept_database), "test")) as link,
        serving(kept_database) as url,
        client(url, world.token("planner")) as api,
    ):
        api.post(f"{V1}/products", json={"sku": "TEA", "label": "Tea"})
        assert ok(api.get(f"{V1}/forecasts/run")) == {"ran_at": None, "made": 0, "asked": False}
        assert start_due(link, of_operations(kept_database), now) is False, "there is nothing to forecast"

        days = [today - timedelta(days=n) for n in range(80, 0, -1)]
        milk = [
            {"site": "store-1", "sku": "MILK", "day": f"{d}", "quantity": WEEK[d.weekday()], "in_stock": n != 60}
            for n, d in enumerate(days)
        ]
        tea = [{"site": "store-1", "sku": "TEA", "day": f"{d}", "quantity": 3} for d in days[::9]]
        assert ok(api.post(f"{V1}/sales", json={"rows": [*milk, *tea]}), 201) == {
            "created": 89, "changed": 0, "same": 0
        }  # fmt: skip
        assert ok(api.post(f"{V1}/sales", json={"rows": milk[:5]}), 201)["same"] == 5
        again = [{**milk[0], "quantity": 21}]
        assert ok(api.post(f"{V1}/sales", json={"rows": again}), 201)["changed"] == 1
        assert (
            "rows.0.sku: there is no NONE" in api.post(f"{V1}/sales", json={"rows": [{**tea[0], "sku": "NONE"}]}).text
        )
        assert "stands twice" in api.post(f"{V1}/sales", json={"rows": [tea[0], tea[0]]}).text
        told = ok(api.get(f"{V1}/demand?site=store-1&sku=MILK&limit=3"))["items"]
        assert [(d["day"], d["demand"], d["short"]) for d in told] == [
            (f"{d}", 21 if n == 0 else WEEK[d.weekday()], False) for n, d in enumerate(days[:3])
        ]
        assert api.get(f"{V1}/demand?since=2020-01-01").status_code == 422
        every_page_once(api)

        assert start_due(link, of_operations(kept_database), now) is True
        assert start_due(link, of_operations(kept_database), now) is False, "they were made today"
        assert ok(api.get(f"{V1}/forecasts/run"))["made"] == 2
        found = {f["sku"]: f for f in ok(api.get(f"{V1}/forecasts"))["items"]}
        one = found["MILK"]
        assert (one["model"], one["demand_class"], found["TEA"]["model"]) == ("mean_of_three", "smooth", "tsb")
        assert (one["begins"], one["history_days"], one["short_days"], len(one["mean"])) == (f"{today}", 80, 1, 56)
        for n, value in enumerate(one["mean"][:14]):
            assert abs(value - WEEK[(today + timedelta(days=n)).weekday()]) < 3
        assert all(a <= b <= c for a, b, c in zip(one["p10"], one["p50"], one["p90"], strict=True))
        assert 0 <= one["within_80"] <= 1

        a_person_expects_otherwise(api, world, today)
        assert ok(api.post(f"{V1}/forecasts/run"), 202)["asked"] is True
        assert start_due(link, of_operations(kept_database), datetime.now(UTC) + timedelta(seconds=1)) is True
        as_a_file_of_a_stranger(api, world, kept_database, tmp_path, today)
        with client(url, world.token("viewer")) as other:
            assert other.post(f"{V1}/sales", json={"rows": milk[:1]}).status_code == 403
            assert other.get(f"{V1}/forecasts").status_code == 200


def test_orders_and_moves_are_demand_and_an_empty_shelf_is_a_bound(world: World, kept_database: str) -> None:
    now = datetime.now(UTC)
    with serving(kept_database) as url, client(url, world.token("admin")) as api:
        api.post(f"{V1}/products", json={"sku": "RICE", "label": "Rice"})
        place = {"site": "store-1", "zone": "chiller"}

        def move(name: str, kind: str, quantity: float, days: float) -> dict[str, Any]:
            side = "to" if kind == "receive" else "from"
            at = (now - timedelta(days=days)).isoformat()
            return {"id": name, "kind": kind, "sku": "RICE", "quantity": quantity, side: place, "at": at}

        moves = [move("r-1", "receive", 10, 9), move("g-1", "deliver", 4, 8), move("g-2", "deliver", 6, 6),
                 move("r-2", "receive", 50, 3), move("g-3", "deliver", 5, 2)]  # fmt: skip
        ok(api.post(f"{V1}/stock/moves", json={"moves": moves}), 201)
        ok(api.post(f"{V1}/customers", json={"id": "ward", "label": "Ward"}), 200, 201)
        order = {"id": "O-1", "customer": "ward", "site": "store-1", "lines": [{"sku": "RICE", "quantity": 7}]}
        ok(api.post(f"{V1}/orders", json=order), 200, 201)
        told = {d["day"]: d for d in ok(api.get(f"{V1}/demand?site=store-1&sku=RICE"))["items"]}

        def day(days: float) -> dict[str, Any]:
            return dict(told[f"{(now - timedelta(days=days)).date()}"])

        assert (day(8)["gone"], day(8)["demand"], day(8)["short"]) == (4, 4, False)
        assert (day(6)["gone"], day(6)["short"]) == (6, True)
        assert (day(2)["gone"], day(2)["short"]) == (5, False)
        assert (day(0)["ordered"], day(0)["demand"]) == (7, 7)
        more = {**move("w-1", "deliver", 100, 4), "allow_negative": True, "reason": "receipt not told"}
        ok(api.post(f"{V1}/stock/moves", json={"moves": [more]}), 201)
        told = {d["day"]: d for d in ok(api.get(f"{V1}/demand?site=store-1&sku=RICE"))["items"]}
        assert day(2)["short"] is False, "below nothing the ledger is wrong: it does not say that stock ran out"
