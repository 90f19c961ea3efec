"""Guessing at passwords, links and tokens: who guesses is slowed down and written down, and nobody else notices."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from api.http import doorman, refusals
from api.http.doorman import Doorman
from api.http.problems import Problem
from frostway.cli import app
from frostway.cli.work.account import ensure_admin
from frostway.cli.work.token import create_token
from frostway.settings import Settings
from store.db import connect
from store.registry import Registry, RegistryError
from tests.deadlines import deadline
from tests.integration.api.seed import PASSWORD, World, client, rows, serving
from tests.stack import wait_for

OTHERS = "198.51.100.7"
HERE = "203.0.113.9"
V6 = "2001:db8:0:1::{:x}"
OTHER_V6 = "2001:db8:0:2::1"


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish()
    for name in ("ann", "ben", "eve"):
        world.account(name)
    yield world
    world.close()


@pytest.fixture
def url(world: World, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(doorman, "PAUSE_S", 0.01)
    monkeypatch.setattr(refusals, "FIRST_S", 0.05)
    with serving(database) as url:
        yield url


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def login(url: str, user: str, password: str = PASSWORD, address: str = HERE, **more: str) -> int:
    body = {"user": user, "password": password, **more}
    return httpx.post(
        f"{url}/api/v1/login", json=body, headers={"X-Forwarded-For": address}, timeout=deadline(30)
    ).status_code


def wrong(url: str, user: str, times: int, address: Callable[[int], str]) -> list[int]:
    return [login(url, user, f"a wrong guess {n}", address(n)) for n in range(times)]


@pytest.mark.parametrize(
    ("guesser", "addresses"),
    [
        ("ann", lambda _: OTHERS),  # at this account, from elsewhere
        ("ann", lambda n: f"198.51.100.{n}"),  # at this account, from everywhere
        ("ann", lambda n: f"2001:db8:0:{n:x}::1"),
        ("ben", lambda _: HERE),  # at another account, from here
        ("eve-{}", lambda _: HERE),  # at many accounts, from here
        ("nobody", lambda _: HERE),
    ],
    ids=["elsewhere", "everywhere", "everywhere v6", "another account", "many accounts", "no account"],
)
def test_a_good_password_never_waits_for_others_bad_ones(
    url: str, guesser: str, addresses: Callable[[int], str]
) -> None:
    for n in range(doorman.CROWD_COUNT + 5):
        login(url, guesser.format(n), "a wrong guess", addresses(n))
    assert login(url, "ann", address=HERE) == 204
    assert login(url, "ann", address=OTHER_V6) == 204


def test_one_account_from_one_network_has_five_guesses(url: str) -> None:
    for user, address in (("ann", lambda _: HERE), ("ben", V6.format)):
        assert wrong(url, user, 7, address) == [401] * 5 + [429] * 2
        assert login(url, user, address=address(99)) == 429  # also from another address of the 64 bits
    assert login(url, "ben", address=OTHER_V6) == 204


def test_a_proxy_that_is_not_trusted_does_not_give_new_guesses(world: World, database: str) -> None:
    with serving(database, trusted_proxies="192.0.2.1") as url:
        assert wrong(url, "ann", 7, lambda n: f"198.51.100.{n}")[5:] == [429, 429]


def test_a_crowd_takes_turns_and_those_who_are_too_many_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The crowd of an account, and of a network: at most some wait, and each wrong one keeps the lane for a while."""

    def wrong_one(door: Doorman, account: tuple[str, str], network: str) -> None:
        door.failed(account, network)
        raise Problem(401)

    async def guess(door: Doorman, account: tuple[str, str], network: str) -> int:
        try:
            async with door.attempt(account, network):
                wrong_one(door, account, network)
        except Problem as problem:
            return problem.status_code
        return 204

    async def work() -> None:
        door = Doorman()
        for n in range(doorman.CROWD_COUNT):
            assert await guess(door, ("main", "ann"), f"n{n}") == 401
        answers = await asyncio.gather(*(guess(door, ("main", "ann"), f"m{n}") for n in range(30)))
        assert answers.count(401) <= doorman.WAITING_MAX + 1
        assert answers.count(429) >= 30 - doorman.WAITING_MAX - 1
        door.passed(("main", "ann"), "home")
        assert await guess(door, ("main", "ann"), "home") == 401  # known there: no lane

    monkeypatch.setattr(doorman, "PAUSE_S", 0.01)
    asyncio.run(work())


def test_a_good_link_never_waits_for_bad_ones(world: World, url: str) -> None:
    with client(url, world.token()) as api:
        good = api.post("/api/v1/shipments/S-1/share").json()["token"]
    from_here = {"X-Forwarded-For": HERE}
    with client(url) as api:
        answers = [api.get(f"/api/v1/public/shipments/{n}", headers=from_here).status_code for n in range(70)]
        assert answers == [404] * 60 + [429] * 10
        assert api.get(f"/api/v1/public/shipments/{good}", headers=from_here).status_code == 200
        assert api.get("/api/v1/public/shipments/x", headers={"X-Forwarded-For": OTHERS}).status_code == 404


def test_refusals_are_counted_logged_and_audited(
    world: World, url: str, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    second = World(database, "second")
    second.account("zoe")
    second.close()
    wrong(url, "ann", 3, lambda _: HERE)
    login(url, "zoe", "a wrong guess", OTHERS, tenant="second")
    login(url, "no\nbody\x1b[31m", "a wrong guess", OTHERS)
    with client(url, "bad-token") as api:
        api.get("/api/v1/vehicles", headers={"X-Forwarded-For": OTHERS})
        api.get("/api/v1/public/shipments/canary-link", headers={"X-Forwarded-For": V6.format(5)})

    def audited() -> list[tuple[Any, ...]]:
        found = rows(
            database,
            "select t.name, a.action, a.actor, a.subject, sum((a.detail->>'times')::int)::int "
            "from audit a join tenant t on t.id = a.tenant_id where a.action like '%%.refused' group by 1, 2, 3, 4",
        )
        return found if len(found) == 5 else []

    assert set(wait_for(audited, "five lines of the audit trail")) == {
        ("main", "link.refused", "network 2001:db8:0:1::/64", "customer link", 1),
        ("main", "password.refused", f"network {OTHERS}", "no?body?[31m", 1),
        ("main", "password.refused", f"network {HERE}", "ann", 3),
        ("main", "token.refused", f"network {OTHERS}", "bearer token", 1),
        ("second", "password.refused", f"network {OTHERS}", "zoe", 1),
    }
    assert "password.refused: 'ann' from 203.0.113.9" in caplog.text
    assert "canary-link" not in caplog.text
    with client(url, world.token()) as api:
        text = api.get("/metrics").text
    for line in ('{reason="password"} 5.0', '{reason="token"} 1.0', '{reason="link"} 1.0'):
        assert f"frostway_api_refused_total{line}" in text


def test_a_flood_of_refusals_is_few_lines(
    world: World, url: str, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "LINES_MAX", 3)  # a slow machine does not see fifty within one pause
    with ThreadPoolExecutor(30) as many:
        list(many.map(lambda n: login(url, f"guess-{n}", "a wrong guess", f"198.51.{n}.1"), range(150)))

    def all_told() -> bool:
        counted = "select coalesce(sum((detail->>'times')::int), 0) from audit where action = 'password.refused'"
        return bool(world.one(counted) == 150)

    wait_for(all_told, "all refusals in the audit trail")
    assert world.one("select count(*) from audit where subject = 'others'") > 0


def test_sessions_end_when_a_password_changes(world: World, url: str, database: str, stack: ExitStack) -> None:
    def signed_in() -> httpx.Client:
        api = stack.enter_context(client(url))
        assert api.post("/api/v1/login", json={"user": "ann", "password": PASSWORD}).status_code == 204
        return api

    mine, elsewhere, others = (signed_in(), signed_in(), stack.enter_context(client(url)))
    others.post("/api/v1/login", json={"user": "ben", "password": PASSWORD})
    assert mine.post("/api/v1/password", json={"old": "a wrong guess", "new": "a new password"}).status_code == 401
    assert mine.post("/api/v1/password", json={"old": PASSWORD, "new": "too short"}).status_code == 422
    assert mine.post("/api/v1/password", json={"old": PASSWORD, "new": "aaaaaaaaaaaaaaaa"}).status_code == 422
    assert mine.post("/api/v1/password", json={"old": PASSWORD, "new": "a new password"}).status_code == 204
    assert [each.get("/api/v1/me").status_code for each in (mine, elsewhere, others)] == [200, 401, 200]
    assert login(url, "ann", PASSWORD, OTHERS) == 401
    assert login(url, "ann", "a new password", OTHERS) == 204
    with connect(database, "test") as connection:
        Registry(connection).set_password("ann", "admin", "a new password")  # the same one: nobody is signed out
        assert mine.get("/api/v1/me").status_code == 200
        Registry(connection).set_password("ann", "admin", "another password")
    assert mine.get("/api/v1/me").status_code == 401
    assert others.get("/api/v1/me").status_code == 200
    assert world.one("select count(*) from audit where action = 'account.password' and subject = 'ann'") == 2


@pytest.mark.parametrize("password", ["short", "elevenchars", "aaaaaaaaaaaaaaaa", "admin123456789", "x" * 2000])
def test_a_password_that_is_guessed_too_easily_is_refused_wherever_it_is_given(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    with pytest.raises(RegistryError, match="password"):
        ensure_admin(database, password)
    monkeypatch.setenv("FROSTWAY_DATABASE_URL", database)
    monkeypatch.setenv("FROSTWAY_ADMIN_PASSWORD", password)
    monkeypatch.chdir(tmp_path)
    outcome = CliRunner().invoke(app, ["up", "--no-sim", "--data", str(tmp_path / "data"), "--http-port", "0"])
    assert outcome.exit_code == 1
    assert not (tmp_path / "data" / "pg").exists()
    assert rows(database, "select count(*) from account") == [(0,)]


def test_an_account_is_made_and_changed_by_command(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FROSTWAY_DATABASE_URL", database)
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    made = runner.invoke(app, ["account", "set", "ann@depot.example", "--role", "viewer"])
    assert made.exit_code == 0, made.output
    password = made.stdout.splitlines()[1].removeprefix("password ")
    with serving(database) as url:
        assert login(url, "ann@depot.example", password) == 204
        given = runner.invoke(
            app, ["account", "set", "ann@depot.example", "--role", "admin", "--stdin"], input="a password of hers\n"
        )
        assert given.exit_code == 0
        assert login(url, "ann@depot.example", password) == 401
        assert login(url, "ann@depot.example", "a password of hers") == 204
    assert "ann@depot.example" in runner.invoke(app, ["account", "list"]).stdout


def test_each_token_has_a_name_in_the_audit_trail(world: World, url: str, database: str, tmp_path: Path) -> None:
    settings = Settings(database_url=database, data_dir=tmp_path)
    named = create_token(None, settings, "main", "admin", 0, "till-7")
    unnamed = [create_token(None, settings, "main", "admin", 0, None) for _ in range(2)]
    for number, token in enumerate([named, *unnamed]):
        with client(url, token) as api:
            assert api.post("/api/v1/products", json={"sku": f"P{number}", "label": "x"}).status_code == 201
    actors = [
        actor for (actor,) in rows(database, "select actor from audit where action = 'product.create' order by id")
    ]
    assert actors[0] == "token:till-7"
    assert len(set(actors)) == 3
    with pytest.raises(RegistryError, match="till-7"):
        create_token(None, settings, "main", "viewer", 0, "till-7")
    with pytest.raises(RegistryError, match="--name"):
        create_token(None, settings, "main", "viewer", 0, "Till 7")
