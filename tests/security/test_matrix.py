"""Every route by every role at what is one's own, another tenant's, gone, and never was: nothing told, nothing changed.

`make probe` asks more than 100 000 times (`FROSTWAY_PROBES=deep`); every run of the tests some thousand times.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from api.feed.changes import TOPICS
from domain.permissions import ROLES
from tests.deadlines import deadline
from tests.integration.api.seed import client, serving
from tests.security.probes import Judge, operations, probes
from tests.security.worlds import CANARY, Tenants

DEEP = os.environ.get("FROSTWAY_PROBES") == "deep"
SHORT_ROLES = ("admin", "viewer")
DEEP_MIN = 100_000


@pytest.fixture
def tenants(database: str) -> Iterator[Tenants]:
    found = Tenants(database)
    yield found
    found.close()


def test_nothing_of_another_tenant_is_told_or_changed(tenants: Tenants) -> None:
    judge = Judge(tenants)
    with (
        serving(tenants.dsn, request_rate=0, mqtt_hash=lambda text: f"hash of {len(text)}") as url,
        tenants.untouched(),
    ):

        def knock(role: str) -> None:
            with client(url, tenants.tokens[role]) as api:
                for operation in operations():
                    for probe in probes(operation, tenants.ids, deep=DEEP):
                        judge.look(role, probe, probe.ask(api))

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(knock, ROLES if DEEP else SHORT_ROLES))
    print(f"\n{sum(judge.count.values()):,} probes: {dict(judge.count)}")
    assert not judge.faults, "\n".join(judge.faults)
    assert sum(judge.count.values()) > (DEEP_MIN if DEEP else 1_500)
    assert min(judge.count.values()) > 50


def test_the_canaries_sing_for_their_own(tenants: Tenants) -> None:
    """The same questions by the other tenant find it: a matrix that sees nothing would prove nothing."""
    found = 0
    with serving(tenants.dsn, request_rate=0) as url, client(url, tenants.strangers["admin"]) as api:
        for operation in operations():
            if operation.method == "GET":
                address = operation.path.format(**tenants.ids.others)
                found += CANARY in api.get(address).text
    assert found > 15


def test_a_live_feed_tells_nothing_of_another_tenant(tenants: Tenants) -> None:
    async def listen(url: str, topics: list[str], **more: object) -> str:
        headers = {"Authorization": f"Bearer {tenants.tokens['admin']}"}
        said = []
        async with connect(url.replace("http", "ws") + "/ws/v1", additional_headers=headers) as socket:
            await socket.send(json.dumps({"type": "subscribe", "topics": topics, **more}))
            said.append(await asyncio.wait_for(socket.recv(), deadline(10)))
            for turn in range(3):
                await asyncio.to_thread(tenants.other.move, "truck-01", 1.0 + turn, 1.0)
                await asyncio.to_thread(tenants.other.stock, 4 + turn)
            await asyncio.to_thread(tenants.mine.move, "truck-01", 2.0, 2.0)
            await asyncio.to_thread(tenants.mine.stock, 9)
            try:
                while '"delta"' not in str(said[-1]):
                    said.append(await asyncio.wait_for(socket.recv(), deadline(10)))
            except ConnectionClosed as closed:
                said.append(str(closed))
        return " ".join(map(str, said))

    with serving(tenants.dsn, request_rate=0) as url:
        heard = [asyncio.run(listen(url, sorted(TOPICS)))]
        heard += [asyncio.run(listen(url, [topic])) for topic in ("vehicles", "stock")]
        heard.append(asyncio.run(listen(url, ["vehicles"], bbox=[-180, -90, 180, 90])))
    assert all("truck-01" in text or "MILK" in text for text in heard)
    assert not any(CANARY in text for text in heard)
