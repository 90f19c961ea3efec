"""Settings: people, tokens of programs and oneself, on the pages alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from domain.permissions import TABLE, Permission, granted
from tests.browser.conftest import LOOKS, Looking, Watch, context_of
from tests.browser.test_frame import axe, open_palette, settled
from tests.browser.test_join import LONG, expected
from tests.browser.test_pages import TOO_WIDE
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture
def admin(looking: Looking) -> Iterator[Page]:
    """An admin's page."""
    with looking() as opened:
        yield opened


@pytest.fixture
def stranger(browser: Browser, stack: Stack, watch: Watch, look: dict[str, Any]) -> Iterator[Page]:
    """A page of somebody who is not signed in."""
    with context_of(browser, **look, base_url=stack.url) as context:
        context.on("page", watch.follow)
        yield context.new_page()


def fits(page: Page) -> None:
    """Nothing is too wide, and axe has nothing to say."""
    assert page.viewport_size
    width = page.viewport_size["width"]
    assert page.evaluate(TOO_WIDE, width) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert axe(page) == []


def person(page: Page, name: str) -> Any:
    return page.locator(f"[data-testid=person][data-name='{name}']")


def change(page: Page, name: str) -> None:
    person(page, name).get_by_test_id("person-change").click()
    expect(page.get_by_role("dialog", name=name)).to_be_visible()


@LOOKS
def test_somebody_is_invited_comes_in_gets_another_role_and_is_shut_out(
    admin: Page, stranger: Page, watch: Watch, request: pytest.FixtureRequest
) -> None:
    name = f"cleo-{request.node.callspec.id}"
    admin.goto("/settings/people")
    admin.get_by_test_id("invite").click()
    expect(admin.get_by_test_id("invite-name")).to_be_focused()
    admin.keyboard.type("admin")
    admin.keyboard.press("Enter")
    expect(admin.get_by_role("alert")).to_contain_text("there is a admin already")
    admin.get_by_test_id("invite-name").fill(name)
    admin.get_by_test_id("invite-role").select_option("dispatcher")
    expect(admin.get_by_test_id("role-may")).to_contain_text("plan shipments")
    fits(admin)
    admin.get_by_test_id("invite-send").click()
    expect(admin.get_by_test_id("once")).to_be_focused()
    expect(person(admin, name)).to_contain_text("invited until")
    fits(admin)
    link = urlsplit(admin.get_by_test_id("once-text").inner_text())
    admin.get_by_test_id("once-close").click()
    expect(admin.get_by_test_id("once")).to_have_count(0)

    stranger.goto(f"{link.path}#{link.fragment}")
    stranger.get_by_test_id("join-password").fill(LONG)
    stranger.get_by_test_id("join-again").fill(LONG)
    stranger.get_by_test_id("join-submit").click()
    settled(stranger)
    stranger.goto("/settings/people")
    expect(stranger.get_by_text("This is not for your role")).to_be_visible()
    stranger.goto("/settings")
    expect(stranger.get_by_test_id("me-role")).to_have_text("dispatcher")
    expect(stranger.get_by_role("link", name="People")).to_have_count(0)

    change(admin, name)
    admin.get_by_test_id("person-role").select_option("viewer")
    fits(admin)
    admin.get_by_test_id("person-save").click()
    expect(person(admin, name)).to_contain_text("viewer")
    expect(stranger.get_by_test_id("me-role")).to_have_text("viewer")  # by itself: the feed was closed
    change(admin, name)
    admin.get_by_test_id("person-out").click()
    expect(admin.get_by_role("dialog", name=f"Shut {name} out?")).to_be_visible()
    fits(admin)
    admin.get_by_test_id("question-yes").click()
    expect(person(admin, name)).to_contain_text("shut out")
    expect(stranger.get_by_test_id("login-submit")).to_be_visible()

    change(admin, name)
    admin.get_by_test_id("person-in").click()
    expect(person(admin, name)).to_contain_text("may sign in")
    change(admin, name)
    admin.get_by_test_id("person-link").click()
    expect(admin.get_by_test_id("once")).to_contain_text(f"A link for {name}")
    change(admin, name)
    admin.get_by_test_id("person-remove").click()
    admin.get_by_test_id("question-no").click()
    expect(admin.get_by_role("dialog")).to_have_count(0)
    change(admin, name)
    admin.get_by_test_id("person-remove").click()
    admin.get_by_test_id("question-yes").click()
    expect(person(admin, name)).to_have_count(0)
    expected(watch, 401, 403, 409, 1008)


@LOOKS
def test_the_last_admin_is_told_why_he_stays(admin: Page, watch: Watch) -> None:
    admin.goto("/settings/people")
    expect(admin.get_by_text("You are alone here")).to_be_visible()
    change(admin, "admin")
    admin.get_by_test_id("person-role").select_option("viewer")
    admin.get_by_test_id("person-save").click()
    expect(admin.get_by_role("alert").filter(has_text="this is the last admin")).to_be_visible()
    admin.get_by_test_id("person-remove").click()
    admin.get_by_test_id("question-yes").click()
    expect(admin.get_by_role("dialog").get_by_role("alert")).to_contain_text("make another one first")
    expected(watch, 409)


@LOOKS
def test_a_token_is_made_shown_once_used_and_revoked(
    admin: Page, stack: Stack, watch: Watch, request: pytest.FixtureRequest
) -> None:
    name = f"till-{request.node.callspec.id}"
    admin.goto("/settings/tokens")
    admin.get_by_test_id("make-token").click()
    expect(admin.get_by_test_id("token-name")).to_be_focused()
    admin.keyboard.type("With Spaces")
    admin.get_by_test_id("token-role").select_option("dispatcher")
    admin.get_by_test_id("scope-shipments.write").uncheck()
    admin.get_by_test_id("scope-links.write").uncheck()
    expect(admin.get_by_test_id("token-days")).to_have_value("90")
    fits(admin)
    admin.get_by_test_id("token-send").click()
    expect(admin.get_by_test_id("token-name")).to_be_focused()
    expect(admin.get_by_test_id("field-error")).to_have_count(1)
    admin.get_by_test_id("token-name").fill(name)
    admin.get_by_test_id("token-send").click()
    expect(admin.get_by_test_id("once")).to_contain_text("shown only now")
    fits(admin)
    token, curl = (each.inner_text() for each in admin.get_by_test_id("once-text").all())
    assert curl == f"curl -H 'Authorization: Bearer {token}' {stack.url}/api/v1/me"

    row = admin.locator(f"[data-testid=token][data-name='{name}']")
    expect(row).to_contain_text(TABLE[Permission.ALERTS][0])
    expect(row).not_to_contain_text("plan shipments")
    headers = {"authorization": f"Bearer {token}"}
    me = httpx.get(f"{stack.url}/api/v1/me", headers=headers)
    left = granted("dispatcher") - {Permission.SHIPMENTS, Permission.LINKS}
    assert (me.status_code, me.json()["permissions"]) == (200, [p for p in Permission if p in left])
    admin.reload()
    expect(admin.get_by_test_id("once")).to_have_count(0)
    expect(row).to_contain_text(re.compile("just now|ago"))
    assert token not in admin.content()
    row.get_by_test_id("token-revoke").click()
    admin.get_by_test_id("question-yes").click()
    expect(row).to_have_count(0)
    assert httpx.get(f"{stack.url}/api/v1/me", headers=headers).status_code == 401
    admin.get_by_test_id("tokens-ended").check()
    expect(row).to_contain_text("revoked")
    fits(admin)
    expected(watch, 422)


@LOOKS
def test_one_sees_where_one_is_signed_in_and_signs_out_there(
    admin: Page, stranger: Page, stack: Stack, watch: Watch
) -> None:
    stranger.goto("/")
    stranger.get_by_test_id("login-password").fill(stack.admin_password)
    stranger.get_by_test_id("login-submit").click()
    settled(stranger)
    stranger.goto("/settings")
    sessions = stranger.get_by_test_id("session")
    here = sessions.filter(has_text="here")
    expect(here).to_have_count(1)
    expect(here).to_contain_text(re.compile("Chrome on .*127.0.0.1", re.DOTALL))
    fits(stranger)
    admin.goto("/settings")
    admin.get_by_test_id("session").first.get_by_test_id("session-end").click()
    fits(admin)
    admin.get_by_test_id("question-yes").click()
    expect(stranger.get_by_test_id("login-submit")).to_be_visible()
    expect(admin.get_by_test_id("me-user")).to_have_text("admin")
    expected(watch, 401, 403)


@LOOKS
def test_settings_are_found_in_menu_and_palette_by_whoever_may(admin: Page) -> None:
    admin.goto("/")
    admin.get_by_role("button", name="Menu").click()
    admin.get_by_role("menuitem", name="Settings").click()
    expect(admin).to_have_title(re.compile("Settings · Frostway"))
    open_palette(admin)
    admin.keyboard.type("tokens")
    expect(admin.get_by_test_id("palette-item").first).to_have_text("Tokens of programs")
    admin.keyboard.press("Enter")
    expect(admin).to_have_url(re.compile("/settings/tokens$"))
    expect(admin.get_by_role("link", name="Tokens")).to_have_attribute("aria-current", "page")
