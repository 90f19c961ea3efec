"""Units, time zone and language of the pages: one's own, and a default for everybody who has said nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from domain.permissions import ROLES
from tests.integration.api.seed import PASSWORD, World, client, rows, serving

MINE, ALL = "/api/v1/me/display", "/api/v1/display"
PLAIN = {"temperature": "celsius", "distance": "metric", "tz": "browser", "language": "browser"}
NOTHING = dict.fromkeys(PLAIN)


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.account("ann")
    world.account("bob", "viewer")
    yield world
    world.close()


@pytest.fixture
def url(world: World, database: str) -> Iterator[str]:
    with serving(database) as url:
        yield url


@contextmanager
def signed_in(url: str, user: str, tenant: str | None = None) -> Iterator[httpx.Client]:
    with client(url) as api:
        body = {"user": user, "password": PASSWORD, **({"tenant": tenant} if tenant else {})}
        assert api.post("/api/v1/login", json=body).status_code == 204
        yield api


def mine(api: httpx.Client) -> dict[str, Any]:
    answer = api.get(MINE)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_choice_is_ones_own_and_the_same_wherever_one_signs_in(url: str, database: str) -> None:
    chosen = {"temperature": "fahrenheit", "distance": "imperial", "tz": "Europe/Berlin", "language": "de"}
    with signed_in(url, "ann") as ann, signed_in(url, "ann") as phone, signed_in(url, "bob") as bob:
        assert mine(ann) == {"shown": PLAIN, "own": NOTHING, "default": None}
        answer = ann.patch(MINE, json=chosen)
        assert (answer.status_code, answer.json()["shown"]) == (200, chosen)
        assert mine(phone) == {"shown": chosen, "own": chosen, "default": None}
        assert mine(bob)["shown"] == PLAIN
        assert bob.patch(MINE, json={"tz": "America/New_York"}).json()["shown"] == PLAIN | {"tz": "America/New_York"}
        assert ann.patch(MINE, json={"language": None, "tz": "browser"}).json()["own"] == chosen | {
            "language": None,
            "tz": "browser",
        }
    audited = rows(
        database, "select actor, action, subject, detail ->> 'tz' from audit where action ~ '^display' order by id"
    )
    assert audited == [
        ("ann", "display.change", "ann", "Europe/Berlin"),
        ("bob", "display.change", "bob", "America/New_York"),
        ("ann", "display.change", "ann", "browser"),
    ]


def test_a_default_holds_for_whoever_has_chosen_nothing_and_is_an_admins(url: str, world: World, database: str) -> None:
    with signed_in(url, "ann") as ann, signed_in(url, "bob") as bob:
        ann.patch(MINE, json={"temperature": "celsius"})
        body = {"temperature": "fahrenheit", "tz": "Europe/Helsinki"}
        assert bob.patch(ALL, json=body).status_code == 403
        assert ann.get(ALL).json() == NOTHING
        assert ann.patch(ALL, json=body).json() == NOTHING | body
        assert ann.patch(ALL, json={"distance": "imperial"}).json() == NOTHING | body | {"distance": "imperial"}
        assert mine(bob)["shown"] == PLAIN | body | {"distance": "imperial"}
        assert mine(bob)["default"] == NOTHING | body | {"distance": "imperial"}
        assert mine(ann)["shown"]["temperature"] == "celsius"
        assert bob.get(ALL).json()["tz"] == "Europe/Helsinki"
    for role in ROLES:
        with client(url, world.token(role)) as api:
            assert api.patch(ALL, json={"language": "de"}).status_code == (200 if role == "admin" else 403)
            assert mine(api)["shown"]["language"] == "de"  # a program sees what is for everybody
    assert rows(database, "select count(*) from audit where action = 'display.default'") == [(3,)]


def test_a_program_has_no_pages_of_its_own(url: str, world: World) -> None:
    with client(url, world.token("admin", "ann")) as api:
        answer = api.patch(MINE, json={"temperature": "fahrenheit"})
        assert (answer.status_code, mine(api)["own"]) == (409, NOTHING)
        assert "signed in" in answer.json()["detail"]
    with client(url) as nobody:
        assert [nobody.get(each).status_code for each in (MINE, ALL)] == [401, 401]


@pytest.mark.parametrize(
    "body",
    [
        {"tz": "Europe/Nowhere"},
        {"tz": ""},
        {"temperature": "kelvin"},
        {"language": "xx"},
        {"distance": 1},
        {"zone": "UTC"},
    ],
)
def test_what_is_no_unit_zone_or_language_is_refused(url: str, body: dict[str, Any]) -> None:
    with signed_in(url, "ann") as ann:
        for address in (MINE, ALL):
            answer = ann.patch(address, json=body)
            assert answer.status_code == 422, answer.text
            assert answer.json()["errors"][0]["field"] in body
        assert mine(ann) == {"shown": PLAIN, "own": NOTHING, "default": None}


def test_a_change_may_be_made_only_if_it_is_as_one_saw_it(url: str) -> None:
    with signed_in(url, "ann") as ann:
        for address in (MINE, ALL):
            tag = ann.get(address).headers["etag"]
            assert ann.get(address, headers={"If-None-Match": tag}).status_code == 304
            assert ann.patch(address, json={"tz": "UTC"}, headers={"If-Match": tag}).status_code == 200
            assert ann.patch(address, json={"tz": "Europe/Paris"}, headers={"If-Match": tag}).status_code == 412
            assert ann.get(address).text.count('"UTC"') >= 1


def test_each_tenant_has_its_own_and_who_is_gone_leaves_none(url: str, world: World, database: str) -> None:
    other = World(database, "other")
    try:
        other.account("ann", "viewer")
        with signed_in(url, "ann") as ann, signed_in(url, "ann", "other") as namesake:
            ann.patch(ALL, json={"language": "de"})
            ann.patch(MINE, json={"tz": "Europe/Berlin"})
            namesake.patch(MINE, json={"tz": "Asia/Tokyo"})
            assert mine(namesake) == {
                "shown": PLAIN | {"tz": "Asia/Tokyo"},
                "own": NOTHING | {"tz": "Asia/Tokyo"},
                "default": None,
            }
            assert mine(ann)["shown"]["tz"] == "Europe/Berlin"
        world.run("delete from account where name = 'ann' and tenant_id = %s", other.tenant_id)
        assert rows(database, "select tenant_id, tz from person_display") == [(world.tenant_id, "Europe/Berlin")]
    finally:
        other.close()
