"""People are invited, choose a password by a link, change roles, are shut out, and see where they are signed in."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from api.feed import hub as live
from store.secrets import token_hash
from tests.deadlines import deadline
from tests.integration.api.seed import PASSWORD, World, client, rows, serving
from tests.integration.frostway.commands import refused, typed

LONG = "another long sentence"
SUBSCRIBE = json.dumps({"type": "subscribe", "topics": ["alerts"]})
SCRYPT = (
    "scrypt$MDEyMzQ1Njc4OWFiY2RlZg==$"
    "0LupyHkzAIgDr9UDsriAAf87vMbCbcaUfDvFOAHk0D0j5FDm643A031eTgoXAgCtB9917OPAizRUNx9itOkmEA=="
)


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.account("ann")
    yield world
    world.close()


@pytest.fixture
def url(world: World, database: str) -> Iterator[str]:
    with serving(database) as url:
        yield url


@pytest.fixture
def admin(world: World, url: str) -> Iterator[httpx.Client]:
    with client(url, world.token()) as api:
        yield api


def invited(admin: httpx.Client, name: str = "bob", role: str = "dispatcher") -> str:
    answer = admin.post("/api/v1/accounts", json={"name": name, "role": role})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["invitation"]["url"]).partition("#")[2]


def login(url: str, user: str, password: str = PASSWORD) -> int:
    with client(url) as api:
        return api.post("/api/v1/login", json={"user": user, "password": password}).status_code


@contextmanager
def signed_in(url: str, user: str, password: str = PASSWORD) -> Iterator[httpx.Client]:
    with client(url) as api:
        assert api.post("/api/v1/login", json={"user": user, "password": password}).status_code == 204
        yield api


def test_somebody_is_invited_chooses_a_password_and_is_in(admin: httpx.Client, url: str, database: str) -> None:
    token = invited(admin)
    (bob,) = (each for each in admin.get("/api/v1/accounts").json()["items"] if each["name"] == "bob")
    assert (bob["has_password"], bob["signed_in_at"], bob["role"]) == (False, None, "dispatcher")
    assert bob["invited_until"] is not None
    with client(url) as api:
        looked = api.post("/api/v1/join/look", json={"token": token}).json()
        assert (looked["user"], looked["tenant"], looked["is_new"]) == ("bob", "main", True)
        assert api.post("/api/v1/join", json={"token": token, "password": "bob123456789"}).status_code == 422
        assert api.post("/api/v1/join", json={"token": token, "password": LONG}).status_code == 204
        me = api.get("/api/v1/me").json()
        assert (me["user"], me["role"]) == ("bob", "dispatcher")
        assert api.post("/api/v1/join", json={"token": token, "password": LONG}).status_code == 404
    assert login(url, "bob", LONG) == 204
    audited = rows(database, "select actor, action from audit where subject = 'bob' order by id")
    assert audited == [
        ("admin-token", "account.create"),
        ("admin-token", "account.invite"),
        ("bob", "account.password"),
    ]


def test_a_link_that_is_unknown_used_old_or_replaced_opens_nothing(admin: httpx.Client, url: str, world: World) -> None:
    first = invited(admin)
    second = admin.post("/api/v1/accounts/bob/invitation").json()["url"].partition("#")[2]
    with client(url) as api:
        answers = [api.post("/api/v1/join/look", json={"token": t}) for t in ("junk", first)]
        world.run("update invitation set expires_at = now() where token_sha256 = %s", token_hash(second))
        answers.append(api.post("/api/v1/join/look", json={"token": second}))
        answers.append(api.post("/api/v1/join", json={"token": second, "password": LONG}))
    assert [each.status_code for each in answers] == [404] * 4
    assert len({each.text for each in answers}) == 1


def test_of_two_who_use_a_link_at_once_one_is_in(admin: httpx.Client, url: str) -> None:
    token = invited(admin)

    def use(number: int) -> int:
        with client(url) as api:
            return api.post("/api/v1/join", json={"token": token, "password": f"{LONG} {number}"}).status_code

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(use, range(8))) == [204] + [404] * 7


def test_a_forgotten_password_is_chosen_anew_and_sessions_of_before_end(admin: httpx.Client, url: str) -> None:
    with signed_in(url, "ann") as old:
        token = admin.post("/api/v1/accounts/ann/invitation").json()["url"].partition("#")[2]
        assert old.get("/api/v1/me").status_code == 200  # a link that nobody used changes nothing
        with client(url) as api:
            assert api.post("/api/v1/join/look", json={"token": token}).json()["is_new"] is False
            assert api.post("/api/v1/join", json={"token": token, "password": LONG}).status_code == 204
        assert old.get("/api/v1/me").status_code == 401
        assert login(url, "ann") == 401


def test_another_role_holds_at_once_and_who_is_shut_out_is_out(admin: httpx.Client, url: str, world: World) -> None:
    world.account("bob", "viewer")
    with signed_in(url, "bob") as bob:
        assert bob.get("/api/v1/quarantine").status_code == 403
        assert admin.patch("/api/v1/accounts/bob", json={"role": "admin"}).json()["role"] == "admin"
        assert bob.get("/api/v1/quarantine").status_code == 200
        assert admin.patch("/api/v1/accounts/bob", json={"disabled": True}).json()["disabled_at"] is not None
        assert bob.get("/api/v1/me").status_code == 401
        assert login(url, "bob") == 401
        assert admin.post("/api/v1/accounts/bob/invitation").status_code == 409
        assert admin.patch("/api/v1/accounts/bob", json={"disabled": False}).json()["disabled_at"] is None
    assert login(url, "bob") == 204
    assert admin.delete("/api/v1/accounts/bob").status_code == 204
    assert admin.delete("/api/v1/accounts/bob").status_code == 404
    assert login(url, "bob") == 401


@pytest.mark.parametrize("change", [{"disabled": True}, {"role": "coldchain"}], ids=["shut out", "another role"])
def test_a_live_page_closes_when_its_person_may_do_something_else(
    admin: httpx.Client, url: str, world: World, change: dict[str, Any]
) -> None:
    world.account("bob", "viewer")

    @contextmanager
    def page_of(user: str) -> Iterator[connect]:
        with signed_in(url, user) as api:
            headers = {"Cookie": f"fw_session={api.cookies['fw_session']}"}
            yield connect(url.replace("http", "ws") + "/ws/v1", additional_headers=headers, origin=url)  # type: ignore[arg-type]

    async def follow(bob: connect, ann: connect) -> int:
        async with bob as changed, ann as same:
            for each in (changed, same):
                await each.send(SUBSCRIBE)
                assert json.loads(await each.recv())["type"] == "snapshot"
            assert (await asyncio.to_thread(admin.patch, "/api/v1/accounts/bob", json=change)).is_success
            await asyncio.wait_for(changed.wait_closed(), deadline(10))
            await same.send(SUBSCRIBE)
            assert json.loads(await same.recv())["type"] == "snapshot"
            return int(changed.close_code or 0)

    assert live.TOKEN_CHECK_S < 1
    with page_of("bob") as bob, page_of("ann") as ann:
        assert asyncio.run(follow(bob, ann)) == 1008


def test_a_token_that_may_not_read_is_not_let_into_the_live_feed(admin: httpx.Client, url: str) -> None:
    given = {"name": "bell", "role": "dispatcher", "scope": ["alerts.handle"]}
    token = admin.post("/api/v1/tokens", json=given).json()["token"]

    async def closed(first: str, **headers: str) -> tuple[int | None, str | None]:
        async with connect(url.replace("http", "ws") + "/ws/v1", additional_headers=headers) as socket:
            with suppress(ConnectionClosed):
                await socket.send(first)
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(socket.recv(), deadline(10))
            return socket.close_code, socket.close_reason

    why = (1008, "this token's scope does not hold read")
    assert asyncio.run(closed(SUBSCRIBE, Authorization=f"Bearer {token}")) == why
    assert asyncio.run(closed(json.dumps({"type": "auth", "token": token}))) == why


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"disabled": True}, None])
def test_the_last_admin_stays(admin: httpx.Client, world: World, change: dict[str, Any] | None) -> None:
    path = "/api/v1/accounts/ann"
    world.account("zed", "viewer")
    assert invited(admin, "cleo", "admin")  # has no password yet: nobody who could mend it
    answer = admin.delete(path) if change is None else admin.patch(path, json=change)
    assert (answer.status_code, "last admin" in answer.json()["detail"]) == (409, True)
    world.account("zoe", "admin")
    answer = admin.delete(path) if change is None else admin.patch(path, json=change)
    assert answer.is_success


def test_two_admins_who_shut_each_other_out_at_once_leave_one(admin: httpx.Client, world: World, database: str) -> None:
    world.account("bob")
    with ThreadPoolExecutor(2) as threads:
        paths = ["/api/v1/accounts/ann", "/api/v1/accounts/bob"]
        done = list(threads.map(lambda path: admin.patch(path, json={"disabled": True}).status_code, paths))
    assert sorted(done) == [200, 409]
    assert rows(database, "select count(*) from account where disabled_at is null") == [(1,)]


def test_one_sees_where_one_is_signed_in_and_signs_out_there(url: str) -> None:
    with signed_in(url, "ann") as here, signed_in(url, "ann") as there, signed_in(url, "ann") as third:
        found = here.get("/api/v1/sessions").json()["items"]
        assert [each["current"] for each in found] == [False, False, True]
        assert {each["network"] for each in found} == {"127.0.0.1"}
        assert all(each["agent"].startswith("python-httpx") for each in found)
        other = there.get("/api/v1/sessions").json()["items"]
        (mine,) = (each["id"] for each in other if each["current"])
        assert here.delete(f"/api/v1/sessions/{mine}").status_code == 204
        assert there.get("/api/v1/me").status_code == 401
        assert here.delete(f"/api/v1/sessions/{mine}").status_code == 404
        assert here.delete("/api/v1/sessions").status_code == 204
        assert (here.get("/api/v1/me").status_code, third.get("/api/v1/me").status_code) == (200, 401)


def test_nobody_ends_anothers_session(url: str, world: World) -> None:
    world.account("bob")
    with signed_in(url, "ann") as ann, signed_in(url, "bob") as bob:
        (own,) = ann.get("/api/v1/sessions").json()["items"]
        assert bob.delete(f"/api/v1/sessions/{own['id']}").status_code == 404
        assert bob.delete("/api/v1/sessions").status_code == 204
        assert ann.get("/api/v1/me").status_code == 200


def test_another_tenants_people_are_not_there(admin: httpx.Client, url: str, database: str) -> None:
    other = World(database, "other")
    other.account("canary", "admin")
    assert "canary" not in admin.get("/api/v1/accounts").text
    for answer in (
        admin.patch("/api/v1/accounts/canary", json={"role": "viewer"}),
        admin.delete("/api/v1/accounts/canary"),
        admin.post("/api/v1/accounts/canary/invitation"),
    ):
        assert (answer.status_code, answer.json()["detail"]) == (
            404,
            admin.delete("/api/v1/accounts/x").json()["detail"],
        )
    assert invited(admin, "canary")  # a name of another tenant is free here
    assert rows(database, "select count(*) from account where name = 'canary'") == [(2,)]
    other.close()


def test_a_token_may_do_what_its_scope_holds(admin: httpx.Client, url: str) -> None:
    given = {"name": "till-7", "role": "dispatcher", "scope": ["read", "alerts.handle"], "days": 1}
    made = admin.post("/api/v1/tokens", json=given)
    assert (made.status_code, made.json()["scope"]) == (201, ["read", "alerts.handle"])
    assert admin.post("/api/v1/tokens", json=given).status_code == 409
    with client(url, made.json()["token"]) as api:
        assert api.get("/api/v1/me").json()["permissions"] == ["read", "alerts.handle"]
        refusal = api.post("/api/v1/drivers", json={"id": "d-1"})
        assert (refusal.status_code, refusal.json()["detail"]) == (
            403,
            "this token's scope does not hold drivers.write",
        )
        assert api.post("/api/v1/tokens", json={**given, "name": "x"}).status_code == 403
    (token,) = (each for each in admin.get("/api/v1/tokens").json()["items"] if each["name"] == "till-7")
    assert token["used_at"] is not None
    assert "token" not in token
    assert (
        admin.post("/api/v1/tokens", json={"name": "y", "role": "viewer", "scope": ["sites.write"]}).status_code == 422
    )


def test_a_password_kept_by_an_earlier_version_fits_and_is_kept_anew(world: World, url: str, database: str) -> None:
    world.registry.put_account("old", "viewer", SCRYPT)
    assert login(url, "old") == 204
    kept = "select split_part(password_hash, '$', 2) from account where name = 'old'"
    assert rows(database, kept) == [("argon2id",)]
    assert login(url, "old") == 204


def test_people_are_kept_by_command(world: World, url: str, database: str, tmp_path: Path) -> None:
    status, out, err = typed(database, tmp_path, "account", "invite", "bob", "--role", "warehouse")
    assert (status, "good once, until" in err) == (0, True)
    token = out.strip().partition("/join#")[2]
    assert refused(database, tmp_path, "account", "invite", "bob", "--role", "viewer").startswith(
        "there is an account 'bob'"
    )
    with client(url) as api:
        assert api.post("/api/v1/join", json={"token": token, "password": LONG}).status_code == 204
        assert api.get("/api/v1/me").json()["role"] == "storekeeper"
        assert typed(database, tmp_path, "account", "change", "bob", "--role", "planner")[0] == 0
        assert api.get("/api/v1/me").json()["role"] == "planner"
        assert typed(database, tmp_path, "account", "disable", "bob")[0] == 0
        assert api.get("/api/v1/me").status_code == 401
    assert "shut out" in refused(database, tmp_path, "account", "link", "bob")
    listed = [line.split("\t")[:3] for line in typed(database, tmp_path, "account", "list")[1].splitlines()]
    assert listed == [["account", "role", "state"], ["ann", "admin", "good"], ["bob", "planner", "shut out"]]
    assert typed(database, tmp_path, "account", "enable", "bob")[0] == 0
    assert "last admin" in refused(database, tmp_path, "account", "disable", "ann")
    assert "last admin" in refused(database, tmp_path, "account", "remove", "ann", "--yes")
    assert typed(database, tmp_path, "account", "remove", "bob", "--yes")[0] == 0
    assert "no account 'bob'" in refused(database, tmp_path, "account", "link", "bob")
    actions = [each for (each,) in rows(database, "select action from audit where actor = 'command line' order by id")]
    assert actions == ["account.create", "account.invite", "account.change", "account.change", "account.change",
                       "account.remove"]  # fmt: skip
