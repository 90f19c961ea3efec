"""Shipments that are called off, and links for customers: for whom, when opened, and closed as soon as they end."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from api.feed import links
from tests.deadlines import deadline
from tests.integration.api.seed import World, client, minutes, rows, serving

FIREFOX = "Mozilla/5.0 (Android 14; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0"


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish()
    world.partitions(datetime.now(UTC) - minutes(3000), datetime.now(UTC) + minutes(3000))
    world.account("ann")
    yield world
    world.close()


@pytest.fixture
def url(world: World, database: str) -> Iterator[str]:
    with serving(database) as url:
        yield url


@pytest.fixture
def api(world: World, url: str) -> Iterator[httpx.Client]:
    with client(url, world.token("dispatcher", "ann")) as api:
        yield api


def share(api: httpx.Client, **body: Any) -> tuple[str, str]:
    answer = api.post("/api/v1/shipments/S-1/share", json=body or None)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], answer.json()["token"]


def shipments(api: httpx.Client) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in api.get("/api/v1/shipments").json()["items"]}


def actions(database: str) -> list[tuple[Any, ...]]:
    return rows(database, "select action, subject from audit order by id")


# ------------------------------------------------------------ called off
def test_what_is_shown_of_a_shipment_is_enough_to_change_it(api: httpx.Client) -> None:
    given = {
        "id": "S-2", "reference": "PO 2", "customer": "Harbour", "vehicle": "truck-01", "profile": "chilled",
        "stops": [{"site": "dc-1"}, {"name": "Pier", "lat": 60.1, "lon": 24.9, "radius_m": 80, "stop_id": "pier"}],
    }  # fmt: skip
    made = api.post("/api/v1/shipments", json=given).json()
    assert (made["profile"], [stop["radius_m"] for stop in made["stops"]]) == ("chilled", [150, 80])
    said = ("stop_id", "site", "name", "lat", "lon", "radius_m", "window_start", "window_end")
    again = {key: made[key] for key in ("id", "reference", "customer", "vehicle", "profile", "planned_line")}
    again["stops"] = [{key: stop[key] for key in said} for stop in made["stops"]]
    answer = api.post("/api/v1/shipments", json=again)
    assert (answer.status_code, answer.json()) == (200, made)
    for name, found in (("S-2", [made]), ("S-3", [])):
        assert api.get("/api/v1/shipments", params={"id": name}).json()["items"] == found


def test_a_shipment_to_which_nothing_happened_is_deleted_with_its_links(
    world: World, api: httpx.Client, database: str
) -> None:
    _, token = share(api)
    asked = api.delete("/api/v1/shipments/S-1", params={"dry_run": True})
    assert asked.json() == {"id": "S-1", "outcome": "deleted", "links": 1}
    assert "S-1" in shipments(api)
    assert api.delete("/api/v1/shipments/S-1").json()["outcome"] == "deleted"
    assert shipments(api) == {}
    assert api.get(f"/api/v1/public/shipments/{token}").status_code == 404
    assert [rows(database, f"select count(*) from {t}")[0][0] for t in ("shipment", "stop", "share")] == [0, 0, 0]
    assert actions(database) == [("share.create", "S-1"), ("shipment.delete", "S-1")]
    news = rows(database, "select body from change order by seq desc limit 1")[0][0]
    assert json.loads(bytes(news))["shipments"] == [{"id": "S-1", "op": "delete"}]
    assert api.delete("/api/v1/shipments/S-1").status_code == 404


def test_one_under_way_is_called_off_and_taken_up_again_and_what_happened_stays(
    world: World, api: httpx.Client, database: str
) -> None:
    _, token = share(api)
    started = datetime.now(UTC) - minutes(30)
    world.run("update shipment set status = 'in_transit', started_at = %s", started)
    world.run("update stop set arrived_at = %s where seq = 1", started)
    whole = shipments(api)["S-1"]
    assert api.delete("/api/v1/shipments/S-1").json()["outcome"] == "cancelled"
    assert api.delete("/api/v1/shipments/S-1").json()["outcome"] == "cancelled"  # once more changes nothing
    found = shipments(api)["S-1"]
    assert found == {**whole, "status": "cancelled"}
    assert api.get("/api/v1/vehicles/truck-01").json()["shipment"] is None
    assert [s["id"] for s in api.get("/api/v1/shipments", params={"status": "cancelled"}).json()["items"]] == ["S-1"]
    seen = api.get(f"/api/v1/public/shipments/{token}").json()
    assert (seen["status"], seen["position"], seen["eta"]) == ("cancelled", None, None)
    assert [s["state"] for s in seen["steps"]] == ["done", "done", "todo", "todo", "todo"]
    world.run("update shipment set status = status")
    body = {"id": "S-1", "vehicle": "truck-01", "stops": [{"site": "dc-1"}, {"site": "store-1"}]}
    assert api.post("/api/v1/shipments", json=body).json()["status"] == "in_transit"
    assert actions(database) == [("share.create", "S-1"), ("shipment.cancel", "S-1"), ("shipment.change", "S-1")]


def test_a_planned_one_at_which_a_vehicle_was_is_called_off_and_a_delivered_one_stays(
    world: World, api: httpx.Client
) -> None:
    world.run(
        "insert into stop_call (tenant_id, shipment_id, stop_id, vehicle_id, arrived_at, decided_at, rule_version) "
        "select %s, shipment_id, id, %s, now(), now(), 1 from stop where seq = 1",
        world.tenant_id,
        world.ids["truck-01"],
    )
    assert api.delete("/api/v1/shipments/S-1", params={"dry_run": True}).json()["outcome"] == "cancelled"
    world.run("update shipment set status = 'delivered', delivered_at = now()")
    answer = api.delete("/api/v1/shipments/S-1")
    assert (answer.status_code, answer.json()["detail"]) == (409, "S-1 is delivered: what has happened stays")


def test_only_planners_call_off(world: World, url: str) -> None:
    for role, status in (("viewer", 403), ("service", 403), ("planner", 200)):
        with client(url, world.token(role)) as api:
            assert api.delete("/api/v1/shipments/S-1").status_code == status, role


# ------------------------------------------------------------ links
def test_a_link_is_for_somebody_and_says_when_it_was_opened(world: World, api: httpx.Client, url: str) -> None:
    one, token = share(api, recipient="Anna", language="fi", tz="Europe/Helsinki")
    two, _ = share(api)
    with httpx.Client(base_url=url, headers={"User-Agent": FIREFOX}) as customer:
        for _ in range(3):  # a page that asks again and again is open, not opened
            assert customer.get(f"/api/v1/public/shipments/{token}").status_code == 200
    api.delete(f"/api/v1/shipments/S-1/shares/{two}")
    found = {each["id"]: each for each in api.get("/api/v1/shipments/S-1/shares").json()["items"]}
    anna = found[one]
    assert (anna["recipient"], anna["language"], anna["tz"], anna["state"]) == (
        "Anna", "fi", "Europe/Helsinki", "active",
    )  # fmt: skip
    assert (anna["opened"], anna["first_opened_at"]) == (1, anna["last_opened_at"])
    assert (found[two]["state"], found[two]["opened"], found[two]["last_opened_at"]) == ("revoked", 0, None)
    log = api.get(f"/api/v1/shipments/S-1/shares/{one}/openings").json()["items"]
    assert [(each["client"], each["at"]) for each in log] == [("Firefox, Android", anna["first_opened_at"])]
    assert api.get("/api/v1/shipments/S-1/shares/99999/openings").status_code == 404


def test_only_the_last_openings_are_kept_and_all_are_counted(
    world: World, api: httpx.Client, url: str, database: str
) -> None:
    one, token = share(api)
    world.run(
        "insert into share_opening (tenant_id, share_id, client, at) "
        "select %s, %s, 'n' || n, now() - interval '1 hour' from generate_series(1, 200) n",
        world.tenant_id,
        int(one),
    )
    with httpx.Client(base_url=url, headers={"User-Agent": FIREFOX}) as customer:
        customer.get(f"/api/v1/public/shipments/{token}")
    log = api.get(f"/api/v1/shipments/S-1/shares/{one}/openings").json()["items"]
    assert (len(log), log[0]["client"], log[-1]["client"]) == (200, "Firefox, Android", "n2")


@pytest.mark.parametrize(
    "body", [{"recipient": ""}, {"recipient": "a\nb"}, {"language": "xx"}, {"tz": "Mars/Base"}, {"opened": 3}]
)
def test_a_link_is_asked_for_rightly(api: httpx.Client, body: dict[str, Any]) -> None:
    assert api.post("/api/v1/shipments/S-1/share", json=body).status_code == 422


def test_before_the_pick_up_the_vehicle_is_seen_roughly_and_only_in_the_time_agreed(
    world: World, api: httpx.Client
) -> None:
    _, token = share(api)
    world.move("truck-01", 60.1234, 24.5678)

    def position() -> Any:
        return api.get(f"/api/v1/public/shipments/{token}").json()["position"]

    world.run("update stop set window_start = now() + interval '1 hour' where seq = 1")
    assert position() is None
    world.run("update stop set window_start = now() - interval '1 minute' where seq = 1")
    rough = position()
    assert (rough["lat"], rough["lon"], rough["heading_deg"], rough["coarse"]) == (60.1, 24.6, None, True)
    world.run("update shipment set status = 'in_transit', started_at = now()")
    fine = position()
    assert (fine["lat"], fine["coarse"]) == (60.1234, False)


def test_the_goods_of_a_link_have_a_curve_from_pick_up_to_delivery(world: World, api: httpx.Client) -> None:
    _, token = share(api)
    now = datetime.now(UTC)

    def curve() -> dict[str, Any]:
        found: dict[str, Any] = api.get(f"/api/v1/public/shipments/{token}/temperatures").json()
        return found

    for n in range(0, 60, 5):
        world.temperature("reefer-01", "rear", now - minutes(n), 4 + n / 10)
    assert curve()["times"] == []
    world.run(
        "update shipment set status = 'delivered', started_at = %s, delivered_at = %s",
        now - minutes(31),
        now - minutes(9),
    )
    found = curve()
    assert (found["low_c"], found["high_c"]) == (2, 8)
    assert found["min_c"] == found["max_c"] == [7.0, 6.5, 6.0, 5.5, 5.0]
    assert found["times"] == sorted(found["times"])
    assert api.get("/api/v1/public/shipments/unknown/temperatures").status_code == 404


# ------------------------------------------------------------ open pages
async def opened(url: str, token: str) -> ClientConnection:
    socket = await connect(url.replace("http", "ws") + "/ws/v1/link")
    await socket.send(json.dumps({"type": "auth", "token": token}))
    async with asyncio.timeout(deadline(5)):
        assert json.loads(await socket.recv()) == {"type": "open"}
    return socket


async def closed(socket: ClientConnection) -> tuple[int | None, str | None]:
    async with asyncio.timeout(deadline(5)):
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    return socket.close_code, socket.close_reason


ENDINGS = {
    "revoked": "update share set revoked_at = now() where id = %s",
    "expired": "update share set expires_at = now() where id = %s",
    "deleted": "delete from share where id = %s",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_open_page_is_closed_when_its_link_ends_and_others_are_not(
    world: World, api: httpx.Client, url: str, ending: str
) -> None:
    (one, ended), (_, good) = share(api), share(api)

    async def watch() -> None:
        pages = [await opened(url, token) for token in (ended, ended, good)]
        world.run(ENDINGS[ending], int(one))
        for page in pages[:2]:
            assert await closed(page) == (1008, links.ENDED)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2 * links.TOKEN_CHECK_S):
                await pages[2].recv()
        await pages[2].close()

    asyncio.run(watch())


def test_whoever_knows_no_link_is_turned_away_and_guessing_is_counted(api: httpx.Client, url: str) -> None:
    _, token = share(api)

    async def knock(said: str) -> tuple[int | None, str | None]:
        socket = await connect(url.replace("http", "ws") + "/ws/v1/link")
        await socket.send(said)
        return await closed(socket)

    async def knocks() -> None:
        for said in ('{"type": "auth", "token": "guess"}', '{"type": "hello"}', f'{{"token": "{token}"}}'):
            assert await knock(said) == (1008, links.ENDED)
        assert (await knock("[]"))[0] == 1008
        for _ in range(59):
            await knock('{"type": "auth", "token": "guess"}')

    asyncio.run(knocks())
    assert api.get("/api/v1/public/shipments/guess").status_code == 429


def test_fifty_pages_have_a_link_open_and_one_more_waits(api: httpx.Client, url: str) -> None:
    _, token = share(api)

    async def crowd() -> None:
        async with AsyncExitStack() as stack:
            for _ in range(links.PAGES_MAX):
                stack.push_async_callback((await opened(url, token)).close)
            socket = await connect(url.replace("http", "ws") + "/ws/v1/link")
            await socket.send(json.dumps({"type": "auth", "token": token}))
            assert (await closed(socket))[0] == 1013
        await (await opened(url, token)).close()  # places are given back

    asyncio.run(crowd())


def test_a_foreign_page_opens_no_link(api: httpx.Client, url: str) -> None:
    async def knock() -> None:
        with pytest.raises(Exception, match="403"):
            await connect(url.replace("http", "ws") + "/ws/v1/link", additional_headers={"Origin": "https://evil.test"})

    asyncio.run(knock())


def test_links_of_all_shipments_are_found_by_whom_they_are_for_page_by_page(world: World, api: httpx.Client) -> None:
    one, _ = share(api, recipient="Anna, Harbour store")
    two, _ = share(api, recipient="Bo")
    three, _ = share(api)
    api.delete(f"/api/v1/shipments/S-1/shares/{two}")

    def found(**asked: Any) -> list[str]:
        return [each["id"] for each in api.get("/api/v1/shares", params=asked).json()["items"]]

    assert found() == [three, two, one]
    assert found(state="active") == [three, one]
    assert (found(state="revoked"), found(state="expired")) == ([two], [])
    assert found(q="HARBOUR") == [one]
    assert (found(q="po 1"), found(q="%")) == ([three, two, one], [])
    answer = api.get("/api/v1/shares", params={"limit": 2})
    (link,) = re.findall(r"<([^>]+)>; rel=\"?next", answer.headers["link"])
    (last,) = api.get(link).json()["items"]
    assert (last["id"], last["shipment"], last["reference"], last["status"]) == (one, "S-1", "PO 1", "planned")
    assert api.get("/api/v1/shares", params={"q": "a\x00"}).status_code == 422
