"""The live feed as server-sent events: the same messages, resumed by `Last-Event-ID`, bounded and closed alike."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from api.feed.changes import apply
from tests.deadlines import deadline
from tests.integration.api.seed import World, client, serving


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish(3)
    yield world
    world.close()


@pytest.fixture
def url(world: World, database: str) -> Iterator[str]:
    with serving(database) as url:
        yield url


Event = tuple[str, str, Any]  # kind, id, data


@contextmanager
def events(url: str, token: str, *, last: str = "", **query: Any) -> Iterator[Iterator[Event]]:
    """A stream as a browser's EventSource reads it."""
    headers = {"Authorization": f"Bearer {token}"} | ({"Last-Event-ID": last} if last else {})
    with (
        httpx.Client(base_url=url, headers=headers, timeout=deadline(5)) as api,
        api.stream("GET", "/api/v1/live", params=query) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"

        def each() -> Iterator[Event]:
            found: dict[str, str] = {}
            for line in answer.iter_lines():
                if line:
                    name, _, value = line.partition(": ")
                    found[name] = value
                    continue
                if "event" in found:
                    yield found["event"], found.get("id", ""), json.loads(found["data"])
                found = {}

        yield each()


def test_a_stream_begins_with_a_snapshot_goes_on_with_changes_and_resumes_where_it_was(world: World, url: str) -> None:
    token = world.token("viewer")
    with events(url, token, topics="vehicles,stock") as heard:
        kind, cursor, body = next(heard)
        assert (kind, cursor, set(body)) == (
            "snapshot",
            body["cursor"],
            {"type", "now", "cursor", "vehicles", "stock"},
        )
        state = {v["id"]: v for v in body["vehicles"]}
        world.move("truck-01", 60.1, 24.1)
        kind, cursor, body = next(heard)
        assert (kind, [c["data"]["lat"] for c in body["changes"]]) == ("delta", [60.1])
        for change in body["changes"]:
            apply(state, change)
    world.move("truck-02", 60.2, 24.2)
    with events(url, token, topics="vehicles,stock", last=cursor) as heard:
        kind, _, body = next(heard)
        assert (kind, [c["id"] for c in body["changes"]]) == ("delta", ["truck-02"])
        for change in body["changes"]:
            apply(state, change)
    with events(url, token, topics="vehicles") as heard:
        assert {v["id"]: v for v in next(heard)[2]["vehicles"]} == state
    with events(url, token, topics="vehicles", cursor=cursor) as heard:  # it was given for more
        assert [next(heard)[0], next(heard)[0]] == ["resync", "snapshot"]


def test_a_part_is_asked_for_by_question(world: World, url: str) -> None:
    world.move("truck-01", 60.1, 24.1)
    token = world.token("viewer")
    with events(url, token, topics="vehicles", bbox="24,60,25,61") as heard:
        assert [v["id"] for v in next(heard)[2]["vehicles"]] == ["truck-01"]
    with events(url, token, topics="vehicles", vehicle=["truck-02", "truck-03"]) as heard:
        assert [v["id"] for v in next(heard)[2]["vehicles"]] == ["truck-02", "truck-03"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({}, "topics"),
        ({"topics": "vehicles,secrets"}, "secrets"),
        ({"topics": "vehicles", "bbox": "1,2,3"}, "bbox"),
        ({"topics": "vehicles", "bbox": "nan,0,1,1"}, "bbox"),
        ({"topics": "vehicles", "vehicle": ["x"] * 201}, "vehicle"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_a_problem_in_words(world: World, url: str, query: Any, words: str) -> None:
    with client(url, world.token("viewer")) as api:
        answer = api.get("/api/v1/live", params=query)
        assert answer.status_code == 422
        assert words in answer.json()["detail"]


def test_a_stream_whose_token_is_revoked_says_so_and_ends(world: World, url: str) -> None:
    token = world.token("viewer")
    with events(url, token, topics="stock") as heard:
        next(heard)
        world.revoke(token)
        assert next(heard) == ("close", "", {"code": 1008, "reason": "signed out"})
        assert list(heard) == []
    with client(url, token) as api:
        assert api.get("/api/v1/live", params={"topics": "stock"}).status_code == 401


def test_listeners_are_counted_with_the_sockets_and_forgotten_when_they_go(world: World, database: str) -> None:
    token = world.token("viewer")
    with serving(database, sockets_per_user_max=1) as url, client(url, token) as api:
        with events(url, token, topics="stock") as heard:
            next(heard)
            answer = api.get("/api/v1/live", params={"topics": "stock"})
            assert (answer.status_code, answer.headers["retry-after"]) == (429, "10")
        with client(url, world.token()) as admin:
            while "frostway_api_sockets 0.0" not in admin.get("/metrics").text:  # it is gone
                pass
        with events(url, token, topics="stock") as heard:
            assert next(heard)[0] == "snapshot"
