"""A part of a tenant over the live feed, by the published client: what comes in and leaves, also across reconnects."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
from frostway_client import Live, Refused, State

from api.feed.wanted import NAMED_MAX
from tests.deadlines import deadline
from tests.integration.api.seed import T0, World, minutes, serving
from tests.integration.api.test_live_feed import act

TOPICS = ["vehicles", "shipments", "alerts", "stock", "sites"]


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish(5)
    yield world
    world.close()


@pytest.fixture
def url(world: World, database: str) -> Iterator[str]:
    with serving(database) as url:
        yield url


@pytest.fixture
def api(world: World, url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {world.token()}"}) as api:
        yield api


def run(work: Awaitable[None]) -> None:
    async def all_of_it() -> None:
        await work

    asyncio.run(all_of_it())


async def until(live: Live, done: Callable[[State], bool]) -> None:
    async with asyncio.timeout(deadline(5)):
        while not live.state or not done(live.state):
            await live.next()


def at_once(_tries: int) -> float:
    return 0.01


def shown(state: State) -> State:
    """Without what a fresh snapshot leaves out: alerts that are over and have been seen."""
    over = {k for k, a in state["alerts"].items() if a["state"] == "cleared" and a["acknowledged_at"]}
    return {**state, "alerts": {k: a for k, a in state["alerts"].items() if k not in over}}


def ship(api: httpx.Client, name: str, vehicle: str | None) -> None:
    body = {"id": name, "vehicle": vehicle, "stops": [{"site": "store-1"}]}
    assert api.post("/api/v1/shipments", json=body).is_success


VIEWS: list[dict[str, Any]] = [
    {},
    {"bbox": (24.0, 60.0, 24.5, 60.5)},
    {"vehicles": ["truck-01", "truck-03"]},
    {"shipments": ["S-follow"]},
    {"shipments": ["S-follow", "S-gone"], "vehicles": ["truck-05"]},
    {"bbox": (24.2, 60.0, 24.8, 61.0), "vehicles": ["truck-02", "truck-03", "truck-04"]},
]


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_whatever_happens_and_however_often_it_is_cut_off_a_view_is_what_a_fresh_snapshot_shows(
    world: World, url: str, api: httpx.Client, view: dict[str, Any]
) -> None:
    chance = random.Random(str(view))
    token = world.token("viewer")
    alerts = [world.open_alert(f"reefer-0{n}", "rear") for n in range(1, 6)]

    async def work() -> None:
        async with Live(url, token, TOPICS, **view, backoff=at_once) as live:
            await live.next()
            resumed = 0
            for n in range(90):
                if n % 9 == 0:
                    ship(api, "S-follow", chance.choice(["truck-01", "truck-02", "truck-04", None]))
                await asyncio.to_thread(act, world, api, 100 + n, chance, alerts)
                if chance.random() < 0.2:
                    await live.close()
                elif chance.random() < 0.5:
                    was_closed = not live.connected
                    resumed += was_closed and (await live.next()).kind == "delta"
            for n in range(1, 6):  # each is told of something that is the last
                world.move(f"truck-0{n}", 60.0 + n / 10, 24.0 + n / 10, T0 + minutes(500 + n), n % 3)
            world.stock(7_777, T0 + minutes(600), 2)
            await until(live, lambda s: any(x["quantity"] == 7_777 for x in s["stock"].values()))
            async with Live(url, token, TOPICS, **view) as fresh:
                await fresh.next()
                async with asyncio.timeout(deadline(5)):  # partitions come in no order among each other
                    while shown(live.state) != shown(fresh.state):
                        await live.next()
            assert resumed

    run(work())


def test_who_follows_a_shipment_sees_the_vehicle_that_carries_it_and_its_alerts(
    world: World, url: str, api: httpx.Client
) -> None:
    async def work() -> None:
        alerts = {n: str(world.open_alert(f"reefer-0{n}", "rear")) for n in (1, 2)}
        ship(api, "S-a", "truck-01")
        ship(api, "S-b", "truck-03")
        async with Live(url, world.token("viewer"), TOPICS[:3], shipments=["S-a"]) as live:
            await live.next()
            assert {topic: set(found) for topic, found in live.state.items()} == {
                "vehicles": {"truck-01"},
                "shipments": {"S-a"},
                "alerts": {alerts[1]},
            }
            world.move("truck-02", 60.5, 24.5)
            ship(api, "S-a", "truck-02")
            await until(live, lambda s: set(s["vehicles"]) == {"truck-02"})
            assert set(live.state["alerts"]) == {alerts[2]}
            assert live.state["vehicles"]["truck-02"]["lat"] == 60.5
            ship(api, "S-a", None)
            await until(live, lambda s: not s["vehicles"] and not s["alerts"])

    run(work())


def test_a_shipment_that_changed_vehicles_while_nobody_listened_brings_a_snapshot(
    world: World, url: str, api: httpx.Client
) -> None:
    async def work() -> None:
        ship(api, "S-a", "truck-01")
        async with Live(url, world.token("viewer"), ["vehicles"], shipments=["S-a"]) as live:
            await live.next()
            await live.close()
            world.move("truck-01", 60.5, 24.5)
            assert (await live.next()).kind == "delta"
            await live.close()
            ship(api, "S-a", "truck-02")
            assert (await live.next()).kind == "snapshot"
            assert set(live.state["vehicles"]) == {"truck-02"}

    run(work())


def test_a_cursor_is_good_for_what_it_was_given_for(world: World, url: str) -> None:
    async def work() -> None:
        token = world.token("viewer")
        async with Live(url, token, ["vehicles"]) as live:
            await live.next()
        for topics, view, kind in (
            (["vehicles"], {}, "delta"),
            (["vehicles", "stock"], {}, "snapshot"),
            (["vehicles"], {"vehicles": ["truck-01"]}, "snapshot"),
            (["vehicles"], {"bbox": (0, 0, 1, 1)}, "snapshot"),
        ):
            async with Live(url, token, topics, **view) as other:  # type: ignore[arg-type]
                other.cursor = live.cursor
                assert (await other.next()).kind == kind
        old = (live.cursor or "").partition(".")[0]  # of a server before there were marks
        async with Live(url, token, ["vehicles"]) as other:
            other.cursor = old
            assert (await other.next()).kind == "delta"

    run(work())


def test_names_of_another_tenant_show_nothing(world: World, url: str, database: str) -> None:
    other = World(database, "other", " zx-canary")
    other.furnish(1)
    other.run("update vehicle set name = 'zx-truck' where tenant_id = %s", other.tenant_id)

    async def work() -> None:
        async with Live(url, world.token("viewer"), TOPICS[:3], vehicles=["zx-truck", "nobody"]) as live:
            await live.next()
            assert live.state == {"vehicles": {}, "shipments": {}, "alerts": {}}
            assert "canary" not in json.dumps(live.state)

    run(work())
    other.close()


def test_what_cannot_be_asked_is_refused_in_words(world: World, url: str) -> None:
    async def work() -> None:
        token = world.token("viewer")
        for view, words in (
            ({"vehicles": ["x"] * (NAMED_MAX + 1)}, "vehicles"),
            ({"shipments": [""]}, "shipments"),
            ({"bbox": (0.0, 9.0, 0.0, 8.0)}, "bbox"),
        ):
            async with Live(url, token, **view) as live:  # type: ignore[arg-type]
                with pytest.raises(Refused, match=words):
                    await live.next()
        async with Live(url, "nonsense") as live:
            with pytest.raises(Refused, match="403"):
                await live.next()
        world.revoke(token)

    run(work())


def test_a_revoked_token_ends_the_client_and_a_server_that_is_away_does_not(world: World, database: str) -> None:
    async def work() -> None:
        token = world.token("viewer")
        with serving(database) as url:
            live = Live(url, token, backoff=at_once)
            await live.next()
            world.revoke(token)
            with pytest.raises(Refused, match="signed out"):
                await asyncio.wait_for(live.next(), deadline(5))
        other = Live(url, world.token("viewer"), backoff=at_once)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(other.next(), 0.3)
        assert not other.connected

    run(work())
