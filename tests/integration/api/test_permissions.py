"""One table says who may do what: every route asks it, the documentation and the pages are told the same."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute

from api.app import ApiConfig, create_app
from api.http.auth import Needs, NeedsPerson, caller
from api.http.openapi import operations_of
from domain.permissions import ROLES, TABLE, Permission, as_table, granted
from tests.integration.api.seed import PASSWORD, World, client, serving
from tracker.families import KINDS

OPEN = {"login", "config", "look", "join", "get_public_shipment", "get_public_temperatures", "get_public_drawing"}
OPEN |= {"get_browsers", "add_browser", "remove_browser"}  # behind a customer's link
OPEN |= {"get_public_picture", "print_public_proof"}
OPEN |= {"get_public_run", "tell_public_delivery", "put_public_picture"}  # behind a driver's link
"""Routes for whoever comes."""
OWN = {"me", "logout", "change_password", "list_sessions", "end_sessions", "end_session", "list_roles"}
"""Routes for whoever is signed in."""
APP = create_app(ApiConfig("", facts=KINDS))
ROUTES = [each for each in operations_of(APP) if each[0].startswith("/api/")]


def asked(route: APIRoute) -> list[Permission]:
    return [each.call.permission for each in route.dependant.dependencies if isinstance(each.call, Needs)]


def is_signed(route: APIRoute) -> bool:
    return any(isinstance(each.call, NeedsPerson) for each in route.dependant.dependencies)


def tried(api: httpx.Client, path: str, method: str) -> int:
    path = re.sub(r"{\w+}", "0", path)
    return api.request(method, path, json={} if method in ("POST", "PUT", "PATCH") else None).status_code


@pytest.fixture
def world(kept_database: str) -> Iterator[World]:
    world = World(kept_database)
    yield world
    world.close()


def test_every_route_asks_for_one_permission_or_is_named_here() -> None:
    for _, _, route in ROUTES:
        signed_in = any(each.call is caller for each in route.dependant.dependencies)
        if route.name in OPEN:
            assert (asked(route), signed_in) == ([], False), route.name
        elif route.name in OWN:
            assert (asked(route), signed_in) == ([], True), route.name
        else:
            assert len(asked(route)) == 1, route.name
    assert {route.name for _, _, route in ROUTES} >= OPEN | OWN
    assert {permission for _, _, route in ROUTES for permission in asked(route)} == set(Permission)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_refused_exactly_what_the_table_does_not_give_it(world: World, kept_database: str, role: str) -> None:
    world.account(f"a-{role}", role)
    with serving(kept_database) as url, client(url, world.token(role)) as api, client(url) as person:
        assert person.post("/api/v1/login", json={"user": f"a-{role}", "password": PASSWORD}).status_code == 204
        assert api.get("/api/v1/me").json()["permissions"] == [p for p in Permission if p in granted(role)]
        for path, method, route in ROUTES:
            if needed := asked(route):
                status = tried(person if is_signed(route) else api, path, method)
                assert status != 401, path
                assert (status == 403) == (role not in TABLE[needed[0]][1]), (path, status)
            if is_signed(route):
                assert tried(api, path, method) == 403, path  # whoever has a token may be anybody


def test_the_table_is_told_to_whoever_is_signed_in(world: World, kept_database: str) -> None:
    with serving(kept_database) as url, client(url, world.token("viewer")) as api:
        told = api.get("/api/v1/roles").json()
    assert [each["role"] for each in told["roles"]] == list(ROLES)
    assert [each["permission"] for each in told["permissions"]] == list(Permission)
    for each in told["roles"]:
        assert set(each["permissions"]) == granted(each["role"])


def test_a_stranger_gets_nowhere(kept_database: str) -> None:
    with serving(kept_database) as url, client(url) as api:
        for path, method, route in ROUTES:
            if route.name not in OPEN:
                assert tried(api, path, method) == 401, path


def test_the_document_names_what_an_operation_needs() -> None:
    operations = APP.openapi()["paths"]
    for path, method, route in ROUTES:
        needed = asked(route)
        assert operations[path][method.lower()].get("x-permission") == (needed[0] if needed else None)


def test_the_documentation_has_the_table() -> None:
    assert as_table() in (Path(__file__).parents[3] / "docs/api.md").read_text()
