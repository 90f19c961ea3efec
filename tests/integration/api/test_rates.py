"""A token that asks too often is told to wait, before the database is asked; others do not notice."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any

import httpx
import psycopg
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect as dial

from api import database as api_database
from tests.deadlines import deadline
from tests.integration.api.seed import World, client, serving
from tests.stack import wait_for

RATE = 3.0
BURST = 30


@pytest.fixture
def worlds(database: str) -> Iterator[tuple[World, World]]:
    mine, other = World(database), World(database, "other")
    mine.furnish()
    other.furnish()
    yield mine, other
    mine.close()
    other.close()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_a_flooding_token_is_told_to_wait_and_another_tenant_reads_on(
    worlds: tuple[World, World], database: str, stack: ExitStack
) -> None:
    mine, other = worlds
    token = mine.token()

    def flood(url: str) -> list[httpx.Response]:
        with client(url, token) as own:  # one a thread: of those that share one, each may close what another reads
            return [own.get("/api/v1/vehicles") for _ in range(BURST)]

    with serving(database, request_rate=RATE) as url:
        operator = stack.enter_context(client(url, mine.token("admin", "token:operator")))
        with client(url, other.token()) as api, ThreadPoolExecutor(4) as many:
            answers = [answer for each in many.map(flood, [url] * 4) for answer in each]
            for _ in range(BURST // 2):
                assert api.get("/api/v1/vehicles").status_code == 200
            good, refused = [[a for a in answers if a.status_code == code] for code in (200, 429)]
            assert len(good) + len(refused) == len(answers)
            assert len(good) >= BURST - 1  # the first counts for the network
            for answer in refused:
                assert answer.headers["content-type"] == "application/problem+json"
                assert int(answer.headers["retry-after"]) >= 1
                assert answer.headers["ratelimit"].startswith('"requests";r=0;t=')
            assert good[0].headers["ratelimit-policy"] == f'"requests";q={BURST};w=10'
            text = operator.get("/metrics").text
        told = next(line for line in text.splitlines() if line.startswith('frostway_api_refused_total{reason="rate"}'))
        assert float(told.split()[1]) == len(refused)


def test_a_stranger_counts_for_the_network_and_health_is_told_all_the_same(
    worlds: tuple[World, World], database: str
) -> None:
    with serving(database, request_rate=RATE) as url, client(url) as api:
        here, there = {"X-Forwarded-For": "203.0.113.9"}, {"X-Forwarded-For": "198.51.100.7"}
        answers = [api.get("/api/v1/config", headers=here).status_code for _ in range(2 * BURST)]
        assert answers[:BURST] == [200] * BURST
        assert 429 in answers
        junk = here | {"Authorization": "Bearer junk"}
        assert api.get("/api/v1/config", headers=junk).status_code == 429
        assert api.get("/api/v1/config", headers=there).status_code == 200
        assert api.get("/healthz", headers=here).status_code == 200


def mine_of(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _dial_often(address: str, headers: dict[str, str]) -> None:
    for _ in range(2 * BURST):
        with dial(address, additional_headers=headers):
            pass


def test_subscriptions_and_handshakes_count_too(worlds: tuple[World, World], database: str) -> None:
    mine, other = worlds
    token, another = mine.token(), other.token()
    with serving(database, request_rate=RATE) as url:
        address = f"{url.replace('http', 'ws')}/ws/v1"
        ask = json.dumps({"type": "subscribe", "topics": ["sites"]})
        with dial(address, additional_headers=mine_of(token)) as socket:
            with suppress(ConnectionClosed):  # it may be over before all are sent
                for _ in range(2 * BURST):
                    socket.send(ask)
            with pytest.raises(ConnectionClosed) as closed:
                list(socket)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1013
            assert "too many requests" in closed.value.rcvd.reason
        with pytest.raises(InvalidStatus) as refused:
            _dial_often(address, mine_of(token))
        assert refused.value.response.status_code == 429
        assert int(refused.value.response.headers["retry-after"]) >= 1
        with dial(address, additional_headers=mine_of(another)) as socket:
            socket.send(ask)
            assert json.loads(socket.recv(deadline(10)))["type"] == "snapshot"


def test_a_tenant_whose_queries_stand_leaves_places_for_others_and_is_told(
    worlds: tuple[World, World], database: str, monkeypatch: pytest.MonkeyPatch, stack: ExitStack
) -> None:
    """Changes that wait for a lock take all places a tenant may have: another's go on; who waits too long is told."""
    mine, other = worlds
    monkeypatch.setattr(api_database, "TURN_S", 1.0)

    def change(api: Any, n: int) -> int:
        return int(api.post("/api/v1/products", json={"sku": f"P-{n}", "label": "x"}).status_code)

    with serving(database) as url, client(url, mine.token()) as flood, client(url, other.token()) as api:
        operator = stack.enter_context(client(url, mine.token("admin", "token:operator")))
        with psycopg.connect(database) as holder, ThreadPoolExecutor(14) as many:
            holder.execute("lock table product in share mode")
            stuck = [many.submit(change, flood, n) for n in range(12)]
            wait_for(lambda: sum(f.done() for f in stuck) >= 6, "those without a place are told")
            started = time.monotonic()
            assert all(api.get("/api/v1/vehicles").status_code == 200 for _ in range(20))
            assert time.monotonic() - started < deadline(5)
            assert {f.result() for f in stuck if f.done()} == {429}
            holder.rollback()
            assert sorted({f.result() for f in stuck}) == [201, 429]
        assert '{reason="busy"} 6.0' in operator.get("/metrics").text
