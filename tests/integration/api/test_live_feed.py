"""The live feed over real sockets: register, snapshot, deltas, resume; state + deltas == a fresh snapshot."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect

from api.database import Database
from api.feed.changes import apply
from api.feed.cursors import decode_cursor
from api.feed.hub import Client, Hub
from api.http.jsons import when
from api.http.metrics import Metrics
from api.snapshots import topics
from tests.connections import cut
from tests.deadlines import deadline
from tests.integration.api.seed import T0, World, minutes, serving

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


class Feed:
    """A client that keeps state as the page does."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.state: dict[str, dict[str, Any]] = {}
        self.cursor = ""
        self.kinds: list[str] = []
        self.deltas: list[list[dict[str, Any]]] = []

    async def subscribe(self, **more: Any) -> None:
        await self.socket.send(json.dumps({"type": "subscribe", "topics": TOPICS, **more}))

    async def next(self, timeout_s: float = deadline(5)) -> dict[str, Any]:
        text = await asyncio.wait_for(self.socket.recv(), timeout_s)
        assert isinstance(text, str)
        message: dict[str, Any] = json.loads(text)
        self.kinds.append(message["type"])
        if message["type"] == "snapshot":
            self.state = {t: {x["id"]: x for x in message[t]} for t in TOPICS if t in message}
        if message["type"] == "delta":
            self.deltas.append(message["changes"])
            for change in message["changes"]:
                apply(self.state[change["topic"]], change)
        self.cursor = message.get("cursor", self.cursor)
        return message

    async def until(self, done: Callable[[dict[str, dict[str, Any]]], bool], timeout_s: float = deadline(5)) -> None:
        async with asyncio.timeout(timeout_s):
            while not self.state or not done(self.state):
                await self.next()

    def open(self) -> dict[str, dict[str, Any]]:
        """The state without what a fresh snapshot leaves out: alerts that are over and have been seen."""
        seen = {k for k, a in self.state["alerts"].items() if a["state"] == "cleared" and a["acknowledged_at"]}
        return {**self.state, "alerts": {k: a for k, a in self.state["alerts"].items() if k not in seen}}


@asynccontextmanager
async def feed(url: str, token: str, **subscription: Any) -> AsyncIterator[Feed]:
    headers = {"Authorization": f"Bearer {token}"}
    address = url.replace("http", "ws") + "/ws/v1"
    # a client that has a machine's cores for itself no more answers late: it is not what is tested
    async with connect(address, additional_headers=headers, max_size=None, ping_timeout=deadline(20)) as socket:
        found = Feed(socket)
        await found.subscribe(**subscription)
        yield found


def run(work: Awaitable[None]) -> None:
    async def all_of_it() -> None:
        await work

    asyncio.run(all_of_it())


def test_a_snapshot_holds_the_topics_asked_and_deltas_follow(world: World, url: str) -> None:
    async def work() -> None:
        async with feed(url, world.token("viewer"), topics=["vehicles", "stock"]) as live:
            snapshot = await live.next()
            assert set(snapshot) == {"type", "cursor", "now", "vehicles", "stock"}
            assert [v["id"] for v in snapshot["vehicles"]] == [f"truck-0{n}" for n in range(1, 6)]
            world.move("truck-02", 60.5, 24.5)
            delta = await live.next(timeout_s=deadline(1))
            assert (delta["type"], set(delta)) == ("delta", {"type", "cursor", "now", "changes"})
            (change,) = delta["changes"]
            assert (change["topic"], change["id"], change["op"], change["data"]["lat"]) == (
                "vehicles",
                "truck-02",
                "merge",
                60.5,
            )
            assert decode_cursor(delta["cursor"]) == {-1: 0, 0: 1}
            with world.connection.transaction():
                world.tell(alerts=[{"id": "1", "op": "delete"}])
            world.stock(3)
            assert [c["topic"] for c in (await live.next(timeout_s=deadline(1)))["changes"]] == ["stock"]

    run(work())


def test_rows_that_the_snapshot_holds_already_are_not_sent_again(world: World, database: str) -> None:
    """The hub lags behind a snapshot, then behind nothing; each row reaches each client once."""

    async def work() -> None:
        pool = Database(database)
        await pool.open()
        hub = Hub(pool, Metrics(), topics)
        await hub._read()
        early, late = Client(1, world.tenant_id, "viewer"), Client(2, world.tenant_id, "viewer")
        for each in (early, late):
            hub.join(each)
        await hub.subscribe(early, frozenset({"vehicles"}))
        world.move("truck-01", 60.1, 24.0)
        await hub.subscribe(late, frozenset({"vehicles"}))
        await hub._read()
        world.move("truck-01", 60.2, 24.0, partition=1)
        await hub._read()
        heard = {}
        for each in (early, late):
            found = [json.loads((await each.outbox.pop()).text) for _ in range(len(each.outbox))]
            heard[each] = [[c["data"]["lat"] for c in m["changes"]] for m in found if m["type"] == "delta"]
            assert decode_cursor(found[-1]["cursor"]) == {-1: 0, 0: 1, 1: 1}
        assert heard == {early: [[60.1], [60.2]], late: [[60.2]]}
        await pool.close()

    run(work())


def act(world: World, api: httpx.Client, n: int, chance: random.Random, alerts: list[int]) -> None:
    """One thing that a tracker or a person does."""
    kind = chance.randrange(7)
    if kind < 3:
        vehicle = f"truck-0{chance.randint(1, 5)}"
        world.move(vehicle, 60 + chance.random(), 24 + chance.random(), T0 + minutes(n), chance.randrange(3))
    elif kind == 3:
        world.stock(chance.randint(0, 50), T0 + minutes(n), 2)
    elif kind == 4:
        api.post(f"/api/v1/alerts/{chance.choice(alerts)}/acknowledge", json={"note": f"note {n}"})
    elif kind == 5:
        api.post(f"/api/v1/alerts/{chance.choice(alerts[:3])}/resolve")
    else:
        body = {"id": f"S-{n}", "vehicle": "truck-01", "stops": [{"site": "store-1"}]}
        assert api.post("/api/v1/shipments", json=body).status_code == 201


def test_several_partitions_and_the_apis_own_changes_end_in_the_same_state(world: World, url: str) -> None:
    """Random work by trackers and people while clients come and go; each ends with what a fresh snapshot shows."""
    chance = random.Random(7)
    token, admin = world.token("viewer"), world.token("admin")
    alerts = [world.open_alert(f"reefer-0{n}", "rear") for n in range(1, 6)]

    async def follow(stop: asyncio.Event) -> Feed:
        await asyncio.sleep(chance.random() * 1.5)
        async with feed(url, token) as live:
            while not stop.is_set() or live.state.get("vehicles", {}).get("truck-05", {}).get("lat") != 1.0:
                await live.next()
            return live

    async def work() -> None:
        stop = asyncio.Event()
        clients = [asyncio.create_task(follow(stop)) for _ in range(12)]
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {admin}"}) as api:
            for n in range(150):
                await asyncio.to_thread(act, world, api, n, chance, alerts)
        stop.set()
        world.move("truck-05", 1.0, 1.0)
        async with feed(url, token) as fresh:
            await fresh.next()
            for live in await asyncio.gather(*clients):
                assert live.open() == fresh.open()
                assert live.kinds.count("snapshot") == 1

    run(work())


def test_a_client_resumes_with_what_it_missed(world: World, url: str) -> None:
    async def work() -> None:
        token = world.token("viewer")
        async with feed(url, token) as live:
            await live.next()
            world.move("truck-01", 60.1, 24.1)
            await live.next()
            before = live
        for n in range(20):
            world.move("truck-01", 60.2 + n / 100, 24.2, partition=n % 2)
        world.stock(9)
        async with feed(url, token, cursor=before.cursor) as live:
            live.state = before.state
            await live.next()
            assert live.kinds == ["delta"]
            assert [c["topic"] for c in live.deltas[0]] == ["vehicles", "stock"]
            async with feed(url, token) as fresh:
                await fresh.next()
                assert live.state == fresh.state
            world.move("truck-02", 60.2, 24.2)
            await live.until(lambda s: s["vehicles"]["truck-02"]["lat"] == 60.2)
        async with feed(url, token, cursor=live.cursor) as live:
            assert (await live.next())["changes"] == []

    run(work())


def test_a_cursor_that_cannot_be_served_gets_a_resync_and_a_snapshot(world: World, url: str) -> None:
    async def kinds(**subscription: Any) -> list[str]:
        async with feed(url, world.token("viewer"), **subscription) as live:
            while not live.state:
                await live.next()
            return live.kinds

    async def work() -> None:
        async with feed(url, world.token("viewer")) as live:
            await live.next()
        world.move("truck-01", 60.1, 24.1)
        world.move("truck-01", 60.2, 24.1)
        world.run("delete from change where seq = 1")
        assert await kinds(cursor=live.cursor) == ["resync", "snapshot"]
        world.run("delete from change")
        assert await kinds(cursor=live.cursor) == ["resync", "snapshot"]
        for cursor in ("", "junk", "eyI5OSI6MX0", "eyIwIjo5OTk5fQ", "bnVsbA"):
            assert await kinds(cursor=cursor) == ["resync", "snapshot"]
        assert await kinds(cursor=live.cursor, bbox=[0, 0, 1, 1]) == ["resync", "snapshot"]

    run(work())


def test_a_viewport_shows_what_is_inside_enters_and_leaves(world: World, url: str) -> None:
    async def work() -> None:
        world.move("truck-01", 60.0, 24.0)
        world.move("truck-02", 50.0, 10.0)
        async with feed(url, world.token("viewer"), topics=["vehicles"], bbox=[23, 59, 25, 61]) as live:
            await live.next()
            assert set(live.state["vehicles"]) == {"truck-01"}
            world.move("truck-02", 51.0, 10.0)
            world.move("truck-02", 60.5, 24.5)
            assert [c["op"] for c in (await live.next())["changes"]] == ["put"]
            assert live.state["vehicles"]["truck-02"]["label"] == "Truck 2"
            world.move("truck-01", 60.1, 24.1)
            assert [c["op"] for c in (await live.next())["changes"]] == ["merge"]
            world.move("truck-02", 0.0, 0.0)
            assert (await live.next())["changes"] == [{"topic": "vehicles", "id": "truck-02", "op": "delete"}]
            await live.subscribe(topics=["vehicles"], bbox=[-1, -1, 1, 1])
            await live.until(lambda s: set(s["vehicles"]) == {"truck-02"})
            await live.subscribe(topics=["vehicles"])
            await live.until(lambda s: len(s["vehicles"]) == 5)

    run(work())


def test_a_resolved_alert_leaves_whoever_speaks_of_it_last(world: World, url: str) -> None:
    async def work() -> None:
        alert = world.open_alert("reefer-01", "rear")
        async with feed(url, world.token("viewer"), topics=["alerts"]) as live:
            data = (await live.next())["alerts"][0]
            assert data["id"] == str(alert)
            cleared = {**data, "state": "cleared", "cleared_at": when(T0)}
            with world.connection.transaction():
                world.tell(alerts=[{"id": str(alert), "op": "put", "data": cleared}])
            await live.until(lambda s: s["alerts"][str(alert)]["state"] == "cleared")
            with world.connection.transaction():
                world.tell(alerts=[{"id": str(alert), "op": "put", "data": {**cleared, "resolved_at": when(T0)}}])
            await live.until(lambda s: not s["alerts"])

    run(work())


def test_tenants_do_not_hear_each_other(world: World, url: str, database: str) -> None:
    async def work() -> None:
        other = World(database, "other", " zx-canary")
        other.furnish(2)
        async with feed(url, world.token("viewer")) as live:
            first = await live.next()
            other.move("truck-01", 1.0, 1.0)
            other.stock(1)
            world.move("truck-01", 60.0, 24.0)
            second = await live.next()
            assert "canary" not in json.dumps([first, second])
            assert [c["data"]["lat"] for c in second["changes"]] == [60.0]
        other.close()

    run(work())


def test_a_malformed_change_row_ends_nobodys_feed_for_good(world: World, url: str) -> None:
    async def work() -> None:
        token = world.token("viewer")
        async with feed(url, token) as live:
            await live.next()
            with world.connection.transaction():
                world.tell()
                world.run("update change set body = %s", orjson.dumps({"vehicles": [{"nonsense": 1}]}))
            with pytest.raises(Exception, match="1013"):
                await live.next()
        async with feed(url, token) as live:
            await live.next()
            world.move("truck-01", 60.0, 24.0)
            await live.until(lambda s: s["vehicles"]["truck-01"]["lat"] == 60.0)

    run(work())


def test_the_feed_goes_on_after_the_database_has_cut_its_connections(world: World, database: str, url: str) -> None:
    async def work() -> None:
        async with feed(url, world.token("viewer")) as live:
            await live.next()
            assert cut(database, "frostway api") > 0
            world.move("truck-01", 60.0, 24.0)
            await live.until(lambda s: s["vehicles"]["truck-01"]["lat"] == 60.0, timeout_s=deadline(10))

    run(work())
