"""Signing in with a real OpenID provider: who was invited gets in, and nobody else, whatever is tried on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.http import refusals
from api.oidc import provider as oidc_provider
from api.oidc.words import OidcConfig, local_path
from api.resources import oidc as pages
from tests.deadlines import deadline
from tests.integration.api.seed import PASSWORD, World, rows, serving
from tests.openid import CLIENT_ID, CLIENT_SECRET, Browser, free_port, is_up, new_key, people, provider, why
from tests.stack import wait_for

KEY = new_key("first")
ACCOUNTS: dict[str, Any] = {
    "s-ann": {"email": "Ann@depot.example", "email_verified": True, "groups": ["drivers"]},
    "s-ann-elsewhere": {"email": "ann@depot.example", "email_verified": True},
    "s-bob": {"email": "bob@depot.example", "email_verified": True, "groups": ["fleet-admins", "drivers"]},
    "s-liar": {"email": "ann@depot.example", "email_verified": False},
    "s-kelvin": {"email": "\u212aim@depot.example", "email_verified": True},
    "s-tess": {"email": "tess@other.example", "email_verified": True, "groups": ["drivers"], "name": "other"},
}
Start = Callable[..., tuple[str, Browser]]


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    World(database, "other").close()
    for tenant in ("main", "other"):
        with people(database, tenant) as known:
            known.add("ann", "dispatcher", "ann@depot.example")
            known.add("kim@depot.example", "viewer", None)
    yield world
    world.close()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@contextmanager
def site(dsn: str, issuer_port: int, **settings: Any) -> Iterator[tuple[str, str]]:
    """Our API; its address and that of the provider."""
    issuer = f"http://127.0.0.1:{issuer_port}"
    config = OidcConfig(issuer, CLIENT_ID, CLIENT_SECRET, **settings)
    with serving(dsn, oidc=config) as url:
        yield url, issuer


@pytest.fixture
def begin(world: World, database: str, stack: ExitStack) -> Callable[..., Browser]:
    """A browser before a site that has a provider with these settings."""

    def start(**settings: Any) -> Browser:
        url, issuer = stack.enter_context(site(database, free_port(), **settings))
        port = int(issuer.rpartition(":")[2])
        logout = {"post_logout_redirect_uris": [f"{url}/"]}
        stack.enter_context(provider([f"{url}/oidc/callback"], ACCOUNTS, key=KEY, port=port, **logout))
        is_up(issuer)
        return stack.enter_context(Browser(url))

    return start


def another(browser: Browser, stack: ExitStack) -> Browser:
    return stack.enter_context(Browser(browser.url))


def audited(dsn: str) -> list[tuple[Any, ...]]:
    return rows(dsn, "select actor, action, subject from audit where action like 'account.%%' order by id")


def test_who_was_invited_by_address_is_linked_and_gets_the_same_session(
    begin: Callable[..., Browser], database: str, world: World, stack: ExitStack
) -> None:
    browser = begin()
    answer = browser.sign_in("s-ann", next="/sites?tab=1")
    assert answer.status_code == 200
    assert 'content="0;url=/sites?tab=1"' in answer.text
    cookies = answer.headers.get_list("set-cookie")
    session = next(each for each in cookies if each.startswith("fw_session="))
    assert "HttpOnly" in session
    assert "SameSite=strict" in session
    assert any(each.startswith('fw_oidc="";') and "Path=/oidc" in each for each in cookies)
    assert (browser.me()["user"], browser.me()["role"]) == ("ann", "dispatcher")
    assert len(browser.get("/api/v1/sessions").json()["items"]) == 1
    assert audited(database) == [("ann", "account.link", "ann")]
    assert rows(database, "select subject, by_claim from account_identity") == [("s-ann", False)]
    world.run("update account set email = 'ann@elsewhere.example' where name = 'ann'")
    again = another(browser, stack)
    assert again.sign_in("s-ann").status_code == 200  # by who they are there, not by their address
    assert again.me()["user"] == "ann"
    assert len(audited(database)) == 1
    assert again.http.post(f"{browser.url}/api/v1/logout").status_code == 204
    assert again.me() == {}
    assert browser.me()["user"] == "ann"
    away = again.get("/oidc/logout")
    assert away.headers["location"].startswith(rows(database, "select issuer from account_identity")[0][0])


@pytest.mark.parametrize("who", ["s-bob", "s-liar", "s-kelvin", "s-tess"])
def test_who_was_not_invited_stays_out(
    begin: Callable[..., Browser], database: str, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody; an address that is not verified; one that is another's in small letters; one of another tenant."""
    monkeypatch.setattr(refusals, "FIRST_S", 0.05)
    browser = begin()
    assert why(browser.sign_in(who)) == "not_invited"
    assert browser.me() == {}
    assert rows(database, "select count(*) from account_identity") == [(0,)]
    assert rows(database, "select count(*) from account") == [(4,)]
    whom = {"s-kelvin": "s-kelvin", "s-liar": "s-liar"}.get(who) or ACCOUNTS[who]["email"]
    told = "select actor, subject from audit where action = 'oidc.refused'"
    assert wait_for(lambda: rows(database, told), "a line in the trail") == [("network 127.0.0.1", whom)]


def test_an_account_that_is_somebodys_is_nobody_elses(begin: Callable[..., Browser], stack: ExitStack) -> None:
    browser = begin()
    assert browser.sign_in("s-ann").status_code == 200
    assert why(another(browser, stack).sign_in("s-ann-elsewhere")) == "taken"


def test_who_is_shut_out_stays_out_and_a_removed_person_is_a_stranger(
    begin: Callable[..., Browser], database: str, stack: ExitStack
) -> None:
    browser = begin()

    def let_in(*, disabled: bool) -> None:
        with people(database) as known:
            known.change("ann", "dispatcher", disabled=disabled)

    let_in(disabled=True)
    assert why(browser.sign_in("s-ann")) == "shut_out"
    let_in(disabled=False)
    inside = another(browser, stack)
    assert inside.sign_in("s-ann").status_code == 200
    let_in(disabled=True)
    assert inside.me() == {}
    assert why(another(browser, stack).sign_in("s-ann")) == "shut_out"
    with people(database) as known:
        known.remove("ann")
    assert why(another(browser, stack).sign_in("s-ann")) == "not_invited"


def test_a_tenant_that_is_typed_is_the_one_that_is_asked(
    begin: Callable[..., Browser], database: str, stack: ExitStack
) -> None:
    browser = begin()
    assert browser.sign_in("s-ann", tenant="other").status_code == 200
    assert browser.me()["tenant"] == "other"
    assert why(another(browser, stack).sign_in("s-ann", tenant="nobody")) == "not_invited"
    assert why(another(browser, stack).sign_in("s-bob", tenant="other")) == "not_invited"


def test_a_claim_gives_role_and_tenant_and_takes_them_again(
    begin: Callable[..., Browser], database: str, world: World, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    roles = {"fleet-admins": "admin", "drivers": "viewer"}
    browser = begin(role_claim="groups", roles=roles, tenant_claim="name")
    assert why(browser.sign_in("s-bob")) == "not_invited"  # names no tenant
    tess = another(browser, stack)
    assert tess.sign_in("s-tess", tenant="main").status_code == 200  # what is typed does not count
    assert (tess.me()["tenant"], tess.me()["role"], tess.me()["user"]) == ("other", "viewer", "tess@other.example")
    assert audited(database) == [("tess@other.example", "account.create", "tess@other.example")]
    roles["drivers"] = "dispatcher"
    promoted = another(browser, stack)
    assert promoted.sign_in("s-tess").status_code == 200
    assert promoted.me()["role"] == tess.me()["role"] == "dispatcher"  # also where they are signed in
    assert audited(database)[-1] == ("tess@other.example", "account.change", "tess@other.example")
    roles["drivers"] = "gone"
    assert why(another(browser, stack).sign_in("s-tess")) == "not_invited"


def test_a_role_by_claim_makes_no_account_beside_one_of_that_name(begin: Callable[..., Browser], database: str) -> None:
    with people(database) as known:
        known.add("BOB@depot.example", "viewer", "someone@else.example")
        known.add("bob", "viewer", "bob@depot.example")
    assert why(begin(role_claim="groups", roles={"drivers": "viewer"}).sign_in("s-bob")) == "taken"


def test_only_allowed_domains(begin: Callable[..., Browser], stack: ExitStack) -> None:
    browser = begin(domains=("other.example",), role_claim="groups", roles={"drivers": "viewer"})
    assert why(browser.sign_in("s-ann")) == "not_invited"
    assert another(browser, stack).sign_in("s-tess").status_code == 200


def test_a_wrong_state_or_none_and_an_answer_that_comes_twice(begin: Callable[..., Browser], stack: ExitStack) -> None:
    browser = begin()
    back = browser.at_provider(browser.start(), "s-ann")
    assert why(another(browser, stack).http.get(back)) == "again"  # another browser: the victim's, or the thief's
    victim = another(browser, stack)
    victim.start()
    assert why(victim.http.get(back)) == "again"  # its own sign-in under way
    kept = browser.http.cookies.get("fw_oidc", path="/oidc")
    assert kept is not None
    assert browser.http.get(back).status_code == 200
    assert why(browser.http.get(back)) == "again"  # the cookie is good once
    thief = another(browser, stack)
    thief.http.cookies.set("fw_oidc", kept, domain="127.0.0.1", path="/oidc")
    assert why(thief.http.get(back)) == "again"  # and so is the code, at the provider
    assert thief.me() == {}


def test_a_sign_in_is_good_for_ten_minutes_at_one_address(
    begin: Callable[..., Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = begin()
    back = browser.at_provider(browser.start(), "s-ann")
    elsewhere = back.replace("127.0.0.1", "localhost", 1)
    kept = browser.http.cookies.get("fw_oidc", path="/oidc") or ""
    assert why(httpx.get(elsewhere, cookies={"fw_oidc": kept}, timeout=deadline(10))) == "again"
    monkeypatch.setattr(pages, "FLOW_S", -1.0)
    assert why(browser.http.get(back)) == "again"


def test_what_the_provider_refuses_and_whom_another_site_sends(begin: Callable[..., Browser]) -> None:
    browser = begin()
    where = httpx.URL(browser.start())
    issuer = f"{where.scheme}://{where.netloc.decode()}"
    said = {"state": where.params["state"], "error": "access_denied", "iss": issuer}
    assert why(browser.http.get(f"{browser.url}/oidc/callback", params=said)) == "refused"
    sent = browser.http.get(f"{browser.url}/oidc/start", headers={"sec-fetch-site": "cross-site"})
    assert why(sent) == "again"
    asked = where.params
    assert (asked["response_type"], asked["code_challenge_method"], asked["scope"]) == (
        "code", "S256", "openid email profile",
    )  # fmt: skip
    assert asked["redirect_uri"] == f"{browser.url}/oidc/callback"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    assert min(len(asked[each]) for each in ("state", "nonce", "code_challenge")) >= 43


def test_keys_that_are_changed_are_learned(
    world: World, database: str, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc_provider, "KEYS_AGAIN_S", 0.0)
    port = free_port()
    url, _ = stack.enter_context(site(database, port))
    for key in (KEY, new_key("second")):
        with provider([f"{url}/oidc/callback"], ACCOUNTS, key=key, port=port) as issuer, Browser(url) as browser:
            is_up(issuer)
            assert browser.sign_in("s-ann").status_code == 200
            assert browser.me()["user"] == "ann"


def test_a_provider_that_is_away_is_said_to_be(world: World, database: str, stack: ExitStack) -> None:
    url, _ = stack.enter_context(site(database, free_port()))
    with Browser(url) as browser:
        assert why(browser.get("/oidc/start")) == "away"
        assert browser.get("/api/v1/config").json()["sign_in"]["only"] is False
    with serving(database) as plain, Browser(plain) as browser:
        assert browser.get("/api/v1/config").json()["sign_in"] is None
        assert [browser.get(f"/oidc/{each}").status_code for each in ("start", "callback", "logout")] == [404] * 3


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "\\\\evil.example",
        "/%0d%0aSet-Cookie:a=b\r\n", "/\t/evil.example", " //evil.example", "/oidc/start", "/api/v1/logout", "evil",
        '/ok"><script>', "/" + "x" * 590,
    ],
)  # fmt: skip
def test_nobody_is_led_elsewhere(wanted: str) -> None:
    found = local_path(wanted)
    assert found == "/" or (found == wanted and '"' in wanted)  # that is written as text
    assert pages._ON.format(path=pages.escape(found)).count("<script") == 0


def test_without_passwords_the_first_admin_keeps_a_way_in(
    world: World, database: str, stack: ExitStack, begin: Callable[..., Browser]
) -> None:
    for name in ("admin", "carl"):
        world.account(name)
    browser = begin(only=True, name="Depot ID")
    assert browser.get("/api/v1/config").json()["sign_in"] == {"name": "Depot ID", "only": True}

    def login(user: str, **more: str) -> httpx.Response:
        return browser.http.post(f"{browser.url}/api/v1/login", json={"user": user, "password": PASSWORD, **more})

    assert login("carl").status_code == 403
    assert "Depot ID" in login("carl").json()["detail"]
    assert login("admin", tenant="other").status_code == 403
    assert login("admin").status_code == 204
    with people(database) as known:
        known.invite("ann", "t" * 43, "admin", datetime.now(UTC) + timedelta(hours=1))
    body = {"token": "t" * 43, "password": "a sentence that nobody guesses"}
    assert browser.http.post(f"{browser.url}/api/v1/join", json=body).status_code == 403
    assert browser.sign_in("s-ann").status_code == 200
    with people(database) as known:
        assert known.find("ann").state == "good"
