"""Bearer tokens are listed without what they are, and a revoked one opens nothing more, whoever ends it."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from tests.deadlines import deadline
from tests.integration.api.seed import World, client, rows, serving
from tests.integration.frostway.commands import refused, typed

AUDIT = "select actor, action, subject from audit where action in ('token.create', 'token.revoke') order by id"


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    yield world
    world.close()


def made(database: str, folder: Path, role: str, name: str, *words: str) -> str:
    status, out, err = typed(database, folder, "token", "create", "--role", role, "--name", name, *words)
    assert (status, err) == (0, "")
    return out.splitlines()[-1]


def listed(database: str, folder: Path) -> list[list[str]]:
    status, out, err = typed(database, folder, "token", "list")
    assert (status, err) == (0, "")
    return [line.split("\t") for line in out.splitlines()]


def test_a_token_is_made_listed_and_revoked_by_command(world: World, database: str, tmp_path: Path) -> None:
    token = made(database, tmp_path, "viewer", "till-7", "--days", "30")
    made(database, tmp_path, "admin", "nightly")
    head, nightly, till = listed(database, tmp_path)
    assert head == ["token", "role", "state", "made", "expires", "revoked"]
    assert (nightly[:3], nightly[4:]) == (["nightly", "admin", "good"], ["never", ""])
    assert (till[:3], till[5]) == (["till-7", "viewer", "good"], "")
    assert rows(database, "select (expires_at - created_at) between '29 days 23 hours' and '30 days' from access_token "
                "where subject = 'token:till-7'") == [(True,)]  # fmt: skip
    with serving(database) as url, client(url, token) as api:
        assert api.get("/api/v1/me").status_code == 200
        assert typed(database, tmp_path, "token", "revoke", "till-7") == (0, "token till-7 is revoked\n", "")
        assert api.get("/api/v1/me").status_code == 401
    assert [line[:3] for line in listed(database, tmp_path)[1:]] == [
        ["nightly", "admin", "good"],
        ["till-7", "viewer", "revoked"],
    ]
    again = typed(database, tmp_path, "token", "revoke", "till-7")
    assert again == (0, "token till-7 was revoked before: nothing changed\n", "")
    assert rows(database, AUDIT) == [
        ("command line", "token.create", "token:till-7"),
        ("command line", "token.create", "token:nightly"),
        ("command line", "token.revoke", "token:till-7"),
    ]


def test_neither_the_list_nor_the_answer_holds_a_secret(world: World, database: str, tmp_path: Path) -> None:
    secret = made(database, tmp_path, "admin", "nightly")
    (digest,) = rows(database, "select encode(token_sha256, 'hex') from access_token")[0]
    with serving(database) as url, client(url, secret) as api:
        said = [typed(database, tmp_path, "token", "list")[1], api.get("/api/v1/tokens").text]
        said.append(api.post("/api/v1/tokens/nightly/revoke").text)
    assert all("nightly" in text and secret not in text and digest not in text for text in said)


def test_a_token_of_no_such_name_is_not_revoked(world: World, database: str, tmp_path: Path) -> None:
    made(database, tmp_path, "viewer", "till-7")
    assert refused(database, tmp_path, "token", "revoke", "till-8") == (
        "no token 'till-8': `frostway token list` shows them"
    )
    assert rows(database, "select count(*) from access_token where revoked_at is not null") == [(0,)]


def test_a_name_is_free_again_when_its_token_is_revoked(world: World, database: str, tmp_path: Path) -> None:
    made(database, tmp_path, "viewer", "till-7")
    assert typed(database, tmp_path, "token", "revoke", "till-7")[0] == 0
    token = made(database, tmp_path, "viewer", "till-7")
    assert [line[2] for line in listed(database, tmp_path)[1:]] == ["good", "revoked"]
    with serving(database) as url, client(url, token) as api:
        assert api.get("/api/v1/me").json()["user"] == "token:till-7"


def test_an_admin_lists_and_revokes_over_rest_and_is_named(world: World, database: str, tmp_path: Path) -> None:
    victim = made(database, tmp_path, "viewer", "till-7")
    with (
        serving(database) as url,
        client(url, made(database, tmp_path, "admin", "boss")) as api,
        client(url, victim) as till,
    ):
        found = api.get("/api/v1/tokens").json()["items"]
        assert [(t["name"], t["role"], t["expires_at"], t["revoked_at"]) for t in found] == [
            ("boss", "admin", None, None),
            ("till-7", "viewer", None, None),
        ]
        first = api.get("/api/v1/tokens?limit=1")
        assert [t["name"] for t in first.json()["items"]] == ["boss"]
        assert [t["name"] for t in api.get(first.links["next"]["url"]).json()["items"]] == ["till-7"]
        assert till.get("/api/v1/vehicles").status_code == 200
        answer = api.post("/api/v1/tokens/till-7/revoke")
        assert (answer.status_code, answer.json()["name"], answer.json()["revoked_at"] is None) == (
            200,
            "till-7",
            False,
        )
        assert till.get("/api/v1/vehicles").status_code == 401
        assert api.post("/api/v1/tokens/till-7/revoke").json() == answer.json()  # nothing changed
        for name in ("till-8", "%27", "x" * 1000):
            assert api.post(f"/api/v1/tokens/{name}/revoke").status_code == 404, name[:9]
    assert rows(database, AUDIT)[2:] == [("token:boss", "token.revoke", "token:till-7")]


@pytest.mark.parametrize("role", ["dispatcher", "coldchain", "storekeeper", "viewer"])
def test_only_an_admin_sees_or_revokes_tokens(world: World, database: str, role: str) -> None:
    with serving(database) as url, client(url, world.token(role)) as api:
        assert api.get("/api/v1/tokens").status_code == 403
        assert api.post(f"/api/v1/tokens/{role}-token/revoke").status_code == 403
        assert api.get("/api/v1/me").status_code == 200


def test_a_session_is_no_token(world: World, database: str, tmp_path: Path) -> None:
    world.account("ann")
    with serving(database) as url, client(url) as api:
        api.post("/api/v1/login", json={"user": "ann", "password": "correct horse"})
        assert api.get("/api/v1/tokens").json()["items"] == []
        assert api.post("/api/v1/tokens/ann/revoke").status_code == 404
        assert "no token 'ann'" in refused(database, tmp_path, "token", "revoke", "ann")
        assert api.get("/api/v1/me").status_code == 200


def test_another_tenants_token_of_the_same_name_stays(world: World, database: str, tmp_path: Path) -> None:
    other = World(database, "other")
    theirs = other.token("admin", "token:till-7")
    ours = world.token("admin", "token:boss")
    world.token("viewer", "token:till-7")
    with serving(database) as url, client(url, ours) as api, client(url, theirs) as foreign:
        assert [t["name"] for t in api.get("/api/v1/tokens").json()["items"]] == ["till-7", "boss"]
        assert [t["name"] for t in foreign.get("/api/v1/tokens").json()["items"]] == ["till-7"]
        assert foreign.post("/api/v1/tokens/boss/revoke").status_code == 404
        assert api.post("/api/v1/tokens/till-7/revoke").status_code == 200
        assert typed(database, tmp_path, "token", "revoke", "boss")[0] == 0
        assert foreign.get("/api/v1/me").status_code == 200
    other.close()
    assert rows(database, "select tenant_id from audit where action = 'token.revoke'") == [(world.tenant_id,)] * 2


@pytest.mark.parametrize("way", ["command", "rest"])
def test_the_websockets_of_a_revoked_token_close(world: World, database: str, tmp_path: Path, way: str) -> None:
    token, boss = made(database, tmp_path, "viewer", "wall"), made(database, tmp_path, "admin", "boss")

    async def work(url: str) -> int | None:
        socket_url = url.replace("http", "ws") + "/ws/v1"
        headers = {"Authorization": f"Bearer {token}"}
        async with connect(socket_url, additional_headers=headers, max_size=None) as socket:
            await socket.send(json.dumps({"type": "subscribe", "topics": ["vehicles"]}))
            await socket.recv()
            if way == "command":
                await asyncio.to_thread(typed, database, tmp_path, "token", "revoke", "wall")
            else:
                with client(url, boss) as api:
                    await asyncio.to_thread(api.post, "/api/v1/tokens/wall/revoke")
            async with asyncio.timeout(deadline(10)):
                await socket.wait_closed()
            return socket.close_code

    with serving(database) as url:
        assert asyncio.run(work(url)) == 1008
