"""The live feed asked by every role for every topic, narrowed to everybody's things: nothing of another tenant is said.

`make probe` asks more than 10 000 times by websocket and as often by events; every run of the tests some hundred.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from api.feed.changes import TOPICS
from domain.permissions import ROLES
from tests.deadlines import deadline
from tests.integration.api.seed import client, serving
from tests.security.worlds import CANARY, Tenants

DEEP = os.environ.get("FROSTWAY_PROBES") == "deep"
ROLES_ASKED = ROLES if DEEP else ("admin", "viewer")
AT_ONCE = 18  # sockets of one caller; twenty are the most
MIN = 10_000 if DEEP else 250
OTHERS = re.compile(rf"{CANARY}|\bo-(?:truck|ship|gps|site|zone|SKU)\b")
Wanted = dict[str, Any]


@pytest.fixture
def tenants(database: str) -> Iterator[Tenants]:
    found = Tenants(database)
    yield found
    found.close()


def parts(tenants: Tenants) -> Iterator[Wanted]:
    """All, and what may be asked for of it: one's own, another's, what is gone, what never was, the whole world."""
    ids = tenants.ids
    yield {}
    yield {"bbox": [-180, -90, 180, 90]}
    yield {"bbox": [-1, -1, 5, 5]}
    yield {"bbox": [179, -90, -179, 90]}
    yield {"vehicles": [ids.others["vehicle_id"].upper(), f"{ids.others['vehicle_id']} "]}
    yield {"vehicles": [ids.own["vehicle_id"]], "shipments": [ids.others["shipment_id"]]}
    for name, question in (("vehicle_id", "vehicles"), ("shipment_id", "shipments")):
        for of in (ids.own, ids.others, ids.gone):
            yield {question: [of[name]]}
        yield {question: [ids.own[name], ids.others[name]]}
        yield {question: ["nothing-here", "*", "%", "o-%", "' or true --"]}
        yield {question: [ids.others[name]], "bbox": [-180, -90, 180, 90]}
    yield {"vehicles": [ids.others["vehicle_id"]], "shipments": [ids.others["shipment_id"]]}
    yield {"vehicles": [], "shipments": []}
    yield {"cursor": "junk"}


def wishes(tenants: Tenants, cursors: list[str]) -> list[Wanted]:
    """What is asked for; `cursors` were given to the other tenant."""
    sizes = range(1, len(TOPICS) + 1) if DEEP else (1, len(TOPICS))
    topics = [list(each) for size in sizes for each in itertools.combinations(TOPICS, size)]
    more = [*parts(tenants), *({"cursor": cursor} for cursor in cursors)]
    return [{"topics": each, **part} for each in topics for part in more]


def alert(truck: str, tag: str) -> Wanted:
    """One that is raised, as far as a view looks at it."""
    return {"id": "900", "subject": {"kind": "vehicle", "id": truck}, "title": f"Too warm{tag}"}


def happen(tenants: Tenants) -> None:
    """Something of each topic changes for the other, then for us."""
    for world, truck in ((tenants.other, "o-truck"), (tenants.mine, "m-truck")):
        tag = world.tag
        world.ids[truck] = int(
            world.one("select id from vehicle where name = %s and tenant_id = %s", truck, world.tenant_id)
        )
        for name in ("truck-01", truck):
            world.move(name, 1.0, 1.0)
        world.stock(7)
        with world.connection.transaction():
            world.tell(
                sites=[{"id": "store-1", "op": "merge", "data": {"label": f"Store{tag} again"}}],
                shipments=[{"id": "S-1", "op": "merge", "data": {"reference": f"PO 2{tag}"}}],
                alerts=[{"id": "900", "op": "put", "data": alert(truck, tag)}],
                facts=[{"id": "1", "op": "tell", "data": {"about": {"vehicle": truck}, "note": f"Fact{tag}"}}],
                loads=[{"id": f"S{tag}", "op": "tell", "data": {"id": f"S{tag}", "revision": 1}}],
                docks=[{"id": "store-1", "op": "tell", "data": {"site": f"store-1{tag}"}}],
                orders=[{"id": "SO-1", "op": "tell", "data": {"id": "SO-1", "reference": f"PO 7{tag}"}}],
                vehicles=[{"id": truck, "op": "merge", "data": {"label": f"Truck{tag} again"}}],
            )


async def rest(socket: ClientConnection) -> str:
    """What else has come, up to the answer to a ping that is sent now."""
    said = []
    try:
        answered = await socket.ping()
        while True:
            hear = asyncio.ensure_future(socket.recv())
            await asyncio.wait({hear, asyncio.ensure_future(answered)}, return_when=asyncio.FIRST_COMPLETED)
            if not hear.done():
                hear.cancel()
                break
            said.append(str(hear.result()))
    except ConnectionClosed as closed:
        said.append(str(closed))
    return " ".join(said)


async def listen(url: str, token: str, wanted: list[Wanted], tenants: Tenants) -> list[str]:
    """What is said to each of some that ask at once, before, while and after something happens."""
    headers = {"Authorization": f"Bearer {token}"}
    address = url.replace("http", "ws") + "/ws/v1"
    async with AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(connect(address, additional_headers=headers))
            for _ in range(len(wanted) + 1)
        ]
        for socket, each in zip(sockets, [{"topics": ["vehicles"]}, *wanted], strict=True):
            await socket.send(json.dumps({"type": "subscribe", **each}))
        said = [[str(await asyncio.wait_for(socket.recv(), deadline(10)))] for socket in sockets]
        await asyncio.to_thread(happen, tenants)
        while "Truck again" not in said[0][-1].replace(" own", ""):  # ours comes last, and with it all has been said
            said[0].append(str(await asyncio.wait_for(sockets[0].recv(), deadline(10))))
        for heard, socket in zip(said, sockets, strict=True):
            heard.append(await rest(socket))
    return [" ".join(heard) for heard in said]


def cursors_of(url: str, token: str) -> list[str]:
    """Positions that are somebody's: of a whole feed and of a narrowed one."""

    async def ask(wanted: Wanted) -> str:
        headers = {"Authorization": f"Bearer {token}"}
        async with connect(url.replace("http", "ws") + "/ws/v1", additional_headers=headers) as socket:
            await socket.send(json.dumps({"type": "subscribe", **wanted}))
            return str(json.loads(await asyncio.wait_for(socket.recv(), deadline(10)))["cursor"])

    wishes = ({"topics": list(TOPICS)}, {"topics": ["vehicles"], "vehicles": ["o-truck"]})
    return [asyncio.run(ask(each)) for each in wishes]


def test_a_live_feed_tells_nothing_of_another_tenant(tenants: Tenants) -> None:
    asked = found = 0
    with serving(tenants.dsn, request_rate=0) as url:
        wanted = wishes(tenants, cursors_of(url, tenants.strangers["admin"]))
        for role in ROLES_ASKED:
            for first in range(0, len(wanted), AT_ONCE):
                some = wanted[first : first + AT_ONCE]
                for each, text in zip(
                    some, asyncio.run(listen(url, tenants.tokens[role], some, tenants))[1:], strict=True
                ):
                    asked += 1
                    found += '"delta"' in text
                    heard = OTHERS.sub("", text) if "cursor" in each else text
                    assert CANARY not in text, (role, each, text[:500])
                    named = {name for names in each.values() if isinstance(names, list) for name in names}
                    told = set(OTHERS.findall(heard)) - {str(name) for name in named}
                    assert not told, (role, each, told, text[:500])
    print(f"\n{asked:,} asked, {found:,} of them heard of changes")
    assert asked > MIN
    assert found > asked / 4


def test_events_tell_nothing_of_another_tenant(tenants: Tenants) -> None:
    """The same as server-sent events: the first of each."""
    asked = 0
    with serving(tenants.dsn, request_rate=0) as url:
        cursors = cursors_of(url, tenants.strangers["admin"])
        for role in ROLES_ASKED:
            with client(url, tenants.tokens[role]) as api:
                for each in wishes(tenants, cursors):
                    if not DEEP and len(each["topics"]) == 1:
                        continue
                    query = {
                        "topic": each["topics"],
                        "vehicle": each.get("vehicles"),
                        "shipment": each.get("shipments"),
                    }
                    query |= {"bbox": ",".join(map(str, each["bbox"]))} if "bbox" in each else {}
                    asked += 1
                    assert CANARY not in first_event(api, query, each.get("cursor", "")), (role, each)
    assert asked > 20


def first_event(api: httpx.Client, query: Wanted, last: str) -> str:
    """What a stream says first; of one that is refused, why."""
    headers = {"Last-Event-ID": last} if last else {}
    params = {name: value for name, value in query.items() if value}
    with api.stream("GET", "/api/v1/live", params=params, headers=headers) as answer:
        said = ""
        for piece in answer.iter_text():
            said += piece
            if "\n\n" in said.partition("data: ")[2] or answer.status_code != 200:
                break
        return said


def test_the_canary_sings_for_its_own(tenants: Tenants) -> None:
    """The other tenant hears it on every topic: a matrix that sees nothing would prove nothing."""
    with serving(tenants.dsn, request_rate=0) as url:
        headers = {"Authorization": f"Bearer {tenants.strangers['admin']}"}

        async def hear(topic: str) -> str:
            async with connect(url.replace("http", "ws") + "/ws/v1", additional_headers=headers) as socket:
                await socket.send(json.dumps({"type": "subscribe", "topics": [topic]}))
                first = str(await asyncio.wait_for(socket.recv(), deadline(10)))
                await asyncio.to_thread(happen, tenants)
                async with asyncio.timeout(deadline(10)):  # of all messages: heartbeats come for ever
                    while CANARY not in (said := str(await socket.recv())):
                        first += said
                return first + said

        for topic in TOPICS:
            try:
                assert CANARY in asyncio.run(hear(topic)), topic
            except TimeoutError:
                pytest.fail(f"nothing is told on {topic}")
