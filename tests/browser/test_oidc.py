"""Signing in with a real provider, by its own pages: in, out, and what is said to whom it does not let in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from api.oidc.words import OidcConfig
from tests.browser.conftest import DESKTOP, SMALL, context_of
from tests.browser.test_frame import axe
from tests.browser.test_pages import TOO_WIDE
from tests.integration.api.seed import World, serving
from tests.openid import CLIENT_ID, CLIENT_SECRET, free_port, is_up, new_key, people, provider

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

ACCOUNTS = {
    "ann": {"email": "ann@depot.example", "email_verified": True},
    "stranger": {"email": "stranger@depot.example", "email_verified": True},
}


@pytest.fixture(params=[False, True], ids=["beside passwords", "only"])
def url(request: pytest.FixtureRequest, database: str) -> Iterator[str]:
    """A site that has a provider."""
    World(database).close()
    with people(database) as known:
        known.add("ann", "dispatcher", "ann@depot.example")
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    config = OidcConfig(issuer, CLIENT_ID, CLIENT_SECRET, name="Depot ID", only=request.param)
    with serving(database, oidc=config) as url:
        redirects, logout = [f"{url}/oidc/callback"], [f"{url}/"]
        with provider(redirects, ACCOUNTS, key=new_key("a"), port=port, post_logout_redirect_uris=logout):
            is_up(issuer)
            yield url


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser, url: str) -> Iterator[Page]:
    """A telephone where there is the provider only, a desk where there are passwords too."""
    look = SMALL if "only" in request.node.name else DESKTOP
    with context_of(browser, **look, base_url=url) as context:
        yield context.new_page()


def at_provider(page: Page, who: str) -> None:
    """What a person does there."""
    page.locator("input[name=login]").fill(who)
    page.locator("input[name=password]").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def test_in_by_the_provider_and_out_again(page: Page, url: str, request: pytest.FixtureRequest) -> None:
    page.goto("/shipments")
    button = page.get_by_test_id("login-provider")
    expect(button).to_have_text("Sign in with Depot ID")
    only = "only" in request.node.name
    expect(page.get_by_test_id("login-password")).to_have_count(0 if only else 1)
    assert page.evaluate(TOO_WIDE, page.viewport_size["width"] if page.viewport_size else 0) == []
    assert axe(page) == []
    button.click()
    at_provider(page, "ann")
    page.wait_for_url(f"{url}/shipments**")
    expect(page.get_by_role("heading", name="Shipments", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Shipments", exact=True)).to_be_visible()

    page.locator(".menu-trigger").click()
    expect(page.locator(".menu .who")).to_contain_text("ann")
    page.get_by_text("Sign out", exact=True).click()
    there = page.get_by_test_id("logout-provider")
    expect(there).to_have_text("Sign out of Depot ID too")
    there.click()
    page.get_by_role("button", name="Yes, sign me out").click()
    page.wait_for_url(f"{url}/**")
    expect(page.get_by_test_id("login-provider")).to_be_visible()


def test_an_invitation_leads_to_the_provider_too(
    page: Page, url: str, database: str, request: pytest.FixtureRequest
) -> None:
    with people(database) as known:
        known.invite("ann", "t" * 43, "admin", datetime.now(UTC) + timedelta(hours=1))
    page.goto(f"/join#{'t' * 43}")
    expect(page.get_by_test_id("join-for")).to_contain_text("Welcome, ann")
    only = "only" in request.node.name
    expect(page.get_by_test_id("join-password")).to_have_count(0 if only else 1)
    assert page.evaluate(TOO_WIDE, page.viewport_size["width"] if page.viewport_size else 0) == []
    assert axe(page) == []
    page.get_by_test_id("join-provider").click()
    at_provider(page, "ann")
    page.wait_for_url(f"{url}/**")
    expect(page.locator(".menu-trigger")).to_be_visible()


def test_who_was_not_invited_is_told_what_to_do(page: Page, url: str, request: pytest.FixtureRequest) -> None:
    page.goto("/")
    page.get_by_test_id("login-provider").click()
    at_provider(page, "stranger")
    said = page.get_by_test_id("login-why")
    expect(said).to_contain_text("You are not invited here yet")
    expect(said).to_contain_text("Depot ID")
    assert axe(page) == []
    if "only" in request.node.name:
        page.get_by_test_id("login-by-password").click()
        page.get_by_test_id("login-user").fill("ann")
        page.get_by_test_id("login-password").fill("whatever it is")
        page.get_by_test_id("login-submit").click()
        expect(page.get_by_text("people sign in with Depot ID here")).to_be_visible()
