"""Levels are watched: alerts of stock in a real database, from the ledger and from sensors, told and taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from operations.escalation.work import tell_due
from operations.stock_alerts.decide import Rules
from operations.stock_alerts.work import watch_stock
from store.link import Link
from tests.integration.api.seed import World, client, serving
from tests.integration.operations.told import deliveries, follow
from tests.logins import of_operations
from tests.receiver import Receiver

CHILLER = {"site": "store-1", "zone": "chiller"}


class Now:
    """When a test began: what is collected may run much later, and channels are told only what came after them."""

    at = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(autouse=True)
def begun() -> None:
    Now.at = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def api(world: World, database: str) -> Iterator[httpx.Client]:
    """A storekeeper."""
    with serving(database) as url, client(url, world.token("storekeeper")) as found:
        yield found


@pytest.fixture
def link(database: str) -> Iterator[Link]:
    with closing(Link(of_operations(database), "test")) as found:
        yield found


def at(minutes: float) -> str:
    return (Now.at + timedelta(minutes=minutes)).isoformat()


def tell(api: httpx.Client, *moves: dict[str, Any]) -> None:
    answer = api.post("/api/v1/stock/moves", json={"moves": list(moves)})
    assert answer.status_code == 201, answer.text


def look(link: Link, minutes: float = 0.0) -> int:
    return watch_stock(link, Now.at + timedelta(minutes=minutes), Rules())


def alerts(api: httpx.Client, **asked: Any) -> list[dict[str, Any]]:
    return list(api.get("/api/v1/alerts", params={"state": "all", **asked}).json()["items"])


def test_low_stock_is_told_acknowledged_and_over_with_new_stock(
    world: World, api: httpx.Client, link: Link, receiver: Receiver, database: str
) -> None:
    with serving(database) as url, client(url, world.token()) as admin:
        body = {
            "id": "store",
            "url": f"json://127.0.0.1:{receiver.server.server_port}/sms",
            "alerts": "all",
            "cleared": True,
        }
        assert admin.post("/api/v1/channels", json=body).status_code == 201
    tell(
        api,
        {"id": "in", "kind": "receive", "sku": "MILK", "quantity": 50, "to": CHILLER, "at": at(-600)},
        {"id": "out", "kind": "adjust", "reason": "gone", "sku": "MILK", "quantity": 35, "from": CHILLER, "at": at(-5)},
    )
    assert look(link) == 0  # perhaps somebody fills it up just now
    assert (look(link, 6), look(link, 7)) == (1, 0)
    (alert,) = alerts(api)
    assert (alert["kind"], alert["severity"], alert["device"]) == ("low_stock", "warning", None)
    assert alert["subject"] == {"kind": "site", "id": "store-1"}
    assert datetime.fromisoformat(alert["opened_at"]) == Now.at - timedelta(minutes=5)
    stock = alert["stock"]
    assert (stock["sku"], stock["quantity"], stock["reorder_point"], stock["basis"]) == ("MILK", 15, 20, "ledger")
    assert alert["title"] == f"Low stock of {stock['label']}: 15 left, reorder at 20, by the ledger"
    follow(database)
    with deliveries(database) as told:
        assert told() == 1
    assert "stock is low" in json.loads(receiver.heard[0][1])["title"]
    assert api.post(f"/api/v1/alerts/{alert['id']}/acknowledge", json={"note": "ordered"}).status_code == 200
    assert api.post(f"/api/v1/alerts/{alert['id']}/assign", json={"to": None}).status_code == 200
    tell(api, {"id": "few", "kind": "receive", "sku": "MILK", "quantity": 6, "to": CHILLER, "at": at(-2)})
    assert look(link, 8) == 0  # 21 of 20: not above by enough
    (alert,) = alerts(api)
    assert (alert["state"], alert["stock"]["quantity"], alert["revision"]) == ("active", 21, 1)
    tell(api, {"id": "more", "kind": "receive", "sku": "MILK", "quantity": 30, "to": CHILLER, "at": at(-1)})
    assert (look(link, 9), look(link, 9)) == (1, 0)
    (alert,) = alerts(api)
    assert (alert["state"], datetime.fromisoformat(alert["cleared_at"])) == ("cleared", Now.at - timedelta(minutes=1))
    follow(database)
    history = api.get(f"/api/v1/alerts/{alert['id']}/history").json()["items"]
    assert [(line["what"], line["quantity"]) for line in history] == [
        ("opened", 15),
        ("acknowledged", None),
        ("cleared", 51),
    ]
    with deliveries(database) as told:
        assert told() == 1
    assert json.loads(receiver.heard[1][1])["title"].startswith("Over: stock is low")


def test_a_move_that_is_told_late_takes_back_what_never_was(api: httpx.Client, link: Link, database: str) -> None:
    tell(
        api,
        {"id": "in", "kind": "receive", "sku": "MILK", "quantity": 30, "to": CHILLER, "at": at(-600)},
        {"id": "out", "kind": "deliver", "sku": "MILK", "quantity": 30, "from": CHILLER, "at": at(-60)},
    )
    assert look(link) == 2
    found = {each["kind"]: each for each in alerts(api)}
    assert {kind: each["severity"] for kind, each in found.items()} == {"low_stock": "warning", "stock_out": "critical"}
    out = found["stock_out"]
    assert out["title"] == f"Out of stock: {out['stock']['label']}, by the ledger"
    # much more had come before that: it was never out
    tell(api, {"id": "late", "kind": "receive", "sku": "MILK", "quantity": 400, "to": CHILLER, "at": at(-90)})
    follow(database)
    assert (look(link, 1), look(link, 2)) == (2, 0)
    follow(database)
    found = {each["kind"]: each for each in alerts(api)}
    assert {each["state"] for each in found.values()} == {"cleared"}
    history = api.get(f"/api/v1/alerts/{out['id']}/history").json()["items"]
    assert [(line["what"], line["quantity"]) for line in history] == [("opened", 0), ("retracted", 400)]
    # and that was wrong: it is so again, under its old number
    assert api.post("/api/v1/stock/moves/late/correction", json={"reason": "another shop's"}).status_code < 300
    assert look(link, 3) == 2
    assert {each["id"] for each in alerts(api, state="active")} == {each["id"] for each in found.values()}


def test_lots_that_end_are_told_by_the_days_of_their_product_and_in_doubt_nobody_is_woken(
    world: World, api: httpx.Client, link: Link, database: str
) -> None:
    assert api.post("/api/v1/products", json={"sku": "HAM", "label": "Ham", "expiry_days": 2}).status_code == 201
    for sku, lot in (("HAM", "H-1"), ("MILK", "M-1")):
        lot_in = {"id": lot, "sku": sku, "best_before": at(3 * 1440)}
        assert api.post("/api/v1/lots", json=lot_in).status_code == 201
        tell(api, {"id": lot, "kind": "receive", "sku": sku, "lot": lot, "quantity": 40, "to": CHILLER, "at": at(-600)})
    assert look(link) == 1
    (alert,) = alerts(api)
    assert (alert["kind"], alert["stock"]["sku"]) == ("expiry", "MILK")
    assert [(each["lot"], each["quantity"]) for each in alert["stock"]["expiring"]] == [("M-1", 40)]
    assert look(link, 1500) == 1  # a day later the ham's two days have come
    assert sorted(each["stock"]["sku"] for each in alerts(api)) == ["HAM", "MILK"]
    # less than nothing is no number to be woken by
    took = {"id": "x", "kind": "deliver", "sku": "HAM", "quantity": 41, "from": CHILLER, "at": at(-30), "lot": "H-1"}
    tell(api, {**took, "allow_negative": True, "reason": "sold"})
    assert look(link, 1501) == 2
    out = next(each for each in alerts(api) if each["kind"] == "stock_out")
    assert (out["severity"], out["stock"]["doubt"], out["stock"]["quantity"]) == ("warning", "negative", -1)
    assert out["stock"]["count_task"] is not None
    assert out["title"].endswith("; to be counted")
    # what is offered no more is watched no more
    world.run("update product set retired_at = now() where sku = 'HAM'")
    assert look(link, 1502) == 1
    assert {each["stock"]["sku"] for each in alerts(api, state="active")} == {"MILK"}


def test_a_tenant_hears_of_its_own_stock_alone(world: World, api: httpx.Client, link: Link, database: str) -> None:
    other = World(database, "other")
    other.furnish()
    other.stock(3)
    assert look(link) == 1  # seen by sensors; nobody knows since when
    assert alerts(api) == []
    with serving(database) as url, client(url, other.token("viewer")) as theirs:
        (alert,) = alerts(theirs)
    assert (alert["stock"]["basis"], alert["stock"]["confidence"], alert["stock"]["doubt"]) == ("sensors", 0.9, "old")
    told = other.one(
        "select convert_from(body, 'UTF8') from change where tenant_id = %s and partition = -1", other.tenant_id
    )
    assert json.loads(told)["alerts"][0]["data"] == alert  # pages hear the same
    other.close()


def test_routes_fit_by_kind_and_site_and_other_systems_hear_the_figures(
    world: World, api: httpx.Client, link: Link, receiver: Receiver, database: str
) -> None:
    with serving(database) as url, client(url, world.token()) as admin:
        host = f"127.0.0.1:{receiver.server.server_port}"
        for name in ("store", "road"):
            channel = {"id": name, "url": f"json://{host}/{name}", "alerts": "all"}
            assert admin.post("/api/v1/channels", json=channel).status_code == 201
        nothing: dict[str, Any] = {"kinds": [], "severities": [], "vehicles": [], "fleets": [], "sites": []}
        routes = [
            {"name": name, "alerts": {**nothing, **fits}, "steps": [{"after_s": 0, "channels": [name]}], "group_s": 0}
            for name, fits in (
                ("store", {"kinds": ["stock_out"], "sites": ["store-1"]}),
                ("road", {"vehicles": ["truck-01"]}),
            )
        ]
        assert admin.put("/api/v1/alert-routes", json={"routes": routes}).status_code == 200
        hook = {"id": "erp", "url": f"http://{host}/erp", "types": ["alert.opened"]}
        assert admin.post("/api/v1/webhooks", json=hook).status_code == 201
    tell(
        api,
        {"id": "in", "kind": "receive", "sku": "MILK", "quantity": 30, "to": CHILLER, "at": at(-600)},
        {"id": "out", "kind": "deliver", "sku": "MILK", "quantity": 30, "from": CHILLER, "at": at(-60)},
    )
    assert look(link, 1) == 2  # behind the making of the webhook
    follow(database)
    assert tell_due(link.connection, datetime.now(UTC) + timedelta(minutes=1, seconds=1)) == 1
    with deliveries(database) as told:
        assert told() == 3
    heard = [json.loads(body) for _, body in receiver.heard]
    (message,) = (each for each in heard if "title" in each)
    assert message["title"].startswith("Critical: stock is out, or soon will be, ")
    assert message["message"].startswith("Nothing is left, by the ledger.")
    events = {each["data"]["kind"]: each["data"] for each in heard if "specversion" in each}
    out = events["stock_out"]
    assert (out["device"], out["site"], out["stock"]["sku"], out["quantity"]) == (None, "store-1", "MILK", 0)
    assert "rule" not in out["stock"]  # by which it was judged is ours to know
    assert events["low_stock"]["severity"] == "warning"
