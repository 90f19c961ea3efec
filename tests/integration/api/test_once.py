"""A POST with an `Idempotency-Key` is carried out once, whatever is lost on the way."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch
from uuid import uuid4

import httpx
import pytest

from api.http import once
from tests.integration.api.seed import PASSWORD, World, client, serving

SHARE = "/api/v1/shipments/S-1/share"


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish(2)
    yield world
    world.close()


@pytest.fixture
def url(world: World, database: str) -> Iterator[str]:
    with serving(database) as url:
        yield url


@pytest.fixture
def api(world: World, url: str) -> Iterator[httpx.Client]:
    with client(url, world.token()) as api:
        yield api


def keyed(key: str = "") -> dict[str, str]:
    return {"Idempotency-Key": key or str(uuid4())}


def test_what_is_sent_again_is_answered_as_before_and_not_done_again(api: httpx.Client, world: World) -> None:
    key = keyed()
    first, second = (api.post(SHARE, headers=key) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert ("idempotent-replayed" in first.headers, second.headers["idempotent-replayed"]) == (False, "true")
    assert world.one("select count(*) from share") == 1
    assert api.post(SHARE, headers=keyed()).json()["token"] != first.json()["token"]
    kept = bytes(world.one("select answer from once order by id limit 1"))
    assert first.json()["token"].encode() not in kept  # what is shown once is not kept in plain


def test_many_at_once_are_carried_out_once(api: httpx.Client, world: World) -> None:
    key = keyed()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: api.post(SHARE, headers=key), range(16)))
    assert {each.status_code for each in answers} <= {201, 409}
    assert len({each.content for each in answers if each.status_code == 201}) == 1
    assert all("Retry-After" in each.headers for each in answers if each.status_code == 409)
    assert world.one("select count(*) from share") == 1


def test_a_key_is_for_one_request_of_one_token(api: httpx.Client, url: str, world: World) -> None:
    key = keyed()
    assert api.post(SHARE, headers=key).status_code == 201
    other = api.post(SHARE, json={"expires_at": None}, headers=key)
    assert (other.status_code, "another request" in other.json()["detail"]) == (422, True)
    with client(url, world.token("admin", "somebody")) as somebody:
        assert "idempotent-replayed" not in somebody.post(SHARE, headers=key).headers
    assert world.one("select count(*) from share") == 2


def test_a_mistake_is_answered_again_and_what_was_not_carried_out_may_be_tried_again(
    api: httpx.Client, url: str, world: World
) -> None:
    key = keyed()
    answers = [api.post("/api/v1/sites", json={"id": "x"}, headers=key) for _ in range(2)]
    assert [each.status_code for each in answers] == [422, 422]
    assert answers[0].json() == answers[1].json()
    token, key = world.token("viewer"), keyed()
    with client(url, token) as viewer:
        assert viewer.post(SHARE, headers=key).status_code == 403
        world.run("update access_token set role = 'admin' where subject = 'viewer-token'")
        assert viewer.post(SHARE, headers=key).status_code == 201


def test_a_request_that_was_cut_off_is_said_to_be_open(api: httpx.Client, world: World) -> None:
    key = keyed()
    assert api.post(SHARE, headers=key).status_code == 201
    world.run("update once set status = null, answer = null")  # as a process leaves it that was killed in between
    answer = api.post(SHARE, headers=key)
    assert (answer.status_code, "look whether" in answer.json()["detail"]) == (409, True)
    world.run("update once set begun_at = now() - interval '25 hours'")
    assert api.post(SHARE, headers=key).status_code == 201


def test_a_bad_key_no_token_too_many_and_a_session(api: httpx.Client, url: str, world: World) -> None:
    assert api.post(SHARE, headers=keyed("short")).status_code == 422
    with client(url) as stranger:
        assert stranger.post(SHARE, headers=keyed()).status_code == 401
        world.account("ann")
        assert stranger.post("/api/v1/login", json={"user": "ann", "password": PASSWORD}).status_code == 204
        key = keyed()
        answers = [stranger.post(SHARE, headers=key) for _ in range(2)]
        assert answers[1].headers["idempotent-replayed"] == "true"
    with patch.object(once, "KEYS_MAX", 0):
        assert api.post(SHARE, headers=keyed()).status_code == 429
    assert world.one("select count(*) from once") == 1
