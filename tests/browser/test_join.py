"""Signing in and what leads to it: an invitation's link, another tenant, a connection that is not encrypted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import DESKTOP, SMALL, Watch, context_of
from tests.browser.test_frame import axe, settled
from tests.browser.test_pages import TOO_WIDE
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

LONG = "a sentence that nobody guesses"


@pytest.fixture(params=[DESKTOP, SMALL], ids=["desk", "phone"])
def page(request: pytest.FixtureRequest, browser: Browser, stack: Stack, watch: Watch) -> Iterator[Page]:
    """A window of somebody who is not signed in."""
    with context_of(browser, **request.param, base_url=stack.url) as context:
        context.on("page", watch.follow)
        yield context.new_page()


@pytest.fixture
def link_for(stack: Stack) -> Iterator[Callable[[str, str], str]]:
    """Links for new people, who are gone afterwards."""
    made: list[str] = []
    with httpx.Client(base_url=f"{stack.url}/api/v1", headers={"authorization": f"Bearer {stack.token}"}) as api:

        def invite(name: str, role: str) -> str:
            answer = api.post("/accounts", json={"name": name, "role": role})
            assert answer.status_code == 201, answer.text
            made.append(name)
            parts = urlsplit(answer.json()["invitation"]["url"])
            return f"{parts.path}#{parts.fragment}"

        yield invite
        for name in made:
            api.delete(f"/accounts/{name}")


def expected(watch: Watch, *statuses: int) -> None:
    """What is refused on purpose; a browser says it too."""
    watch.complaints = [each for each in watch.complaints if not any(str(status) in each for status in statuses)]


def test_who_was_invited_chooses_a_password_and_is_in(
    page: Page, watch: Watch, link_for: Callable[[str, str], str]
) -> None:
    link = link_for("bob", "planner")
    page.goto(link)
    expect(page.get_by_test_id("join-for")).to_have_text("Welcome, bob. You have been invited as planner.")
    expect(page.get_by_test_id("join-password")).to_be_focused()
    assert page.evaluate(TOO_WIDE, page.viewport_size["width"] if page.viewport_size else 0) == []
    assert axe(page) == []

    page.keyboard.type(LONG)
    page.keyboard.press("Tab")
    page.keyboard.type("something else")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("join-again")).to_be_focused()
    expect(page.get_by_test_id("join-again")).to_have_accessible_description("This is not the same password.")

    for field in ("join-password", "join-again"):
        page.get_by_test_id(field).fill("bob123456789")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("join-password")).to_be_focused()
    expect(page.get_by_test_id("join-password")).to_have_accessible_description(re.compile("guessed too easily"))

    for field in ("join-password", "join-again"):
        page.get_by_test_id(field).fill(LONG)
    page.keyboard.press("Enter")
    settled(page)
    assert urlsplit(page.url).path == "/"
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_text("Signed in as bob, planner")).to_be_visible()

    page.goto(link)
    expect(page.get_by_test_id("join-gone")).to_contain_text("Ask the person who sent it")
    assert axe(page) == []
    page.get_by_role("link", name="Go to sign in").click()
    settled(page)
    expected(watch, 404, 422)


@pytest.mark.parametrize("link", ["/join", "/join#junk"])
def test_a_link_that_opens_nothing_says_so(page: Page, watch: Watch, link: str) -> None:
    page.goto(link)
    expect(page.get_by_role("heading", name="This link opens nothing any more")).to_be_visible()
    expected(watch, 404)


def test_a_tenant_can_be_named_where_one_signs_in(page: Page, stack: Stack, watch: Watch) -> None:
    page.goto("/")
    page.get_by_test_id("login-other-tenant").click()
    expect(page.get_by_test_id("login-tenant")).to_be_focused()
    page.keyboard.type("nowhere")
    page.get_by_test_id("login-password").fill(stack.admin_password)
    page.get_by_test_id("login-submit").click()
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    assert axe(page) == []
    page.get_by_test_id("login-tenant").fill("main")
    page.get_by_test_id("login-submit").click()
    settled(page)
    expected(watch, 401)


def test_a_connection_that_is_not_encrypted_says_so_where_a_password_is_typed(browser: Browser, stack: Stack) -> None:
    def answer(route: Route) -> None:
        path = urlsplit(route.request.url).path
        route.fulfill(response=route.fetch(url=stack.url + path, headers={"accept": route.request.headers["accept"]}))

    with context_of(browser, **SMALL) as context:
        page = context.new_page()
        page.goto(stack.url)
        expect(page.get_by_test_id("login-submit")).to_be_visible()
        expect(page.get_by_test_id("in-the-open")).to_have_count(0)
        context.route("http://fleet.test/**", answer)
        page.goto("http://fleet.test/")
        expect(page.get_by_test_id("in-the-open")).to_contain_text("not encrypted")
        assert page.evaluate(TOO_WIDE, 320) == []
        assert axe(page) == []
        page.goto("http://fleet.test/join")
        expect(page.get_by_test_id("in-the-open")).to_be_visible()
        context.unroute_all(behavior="ignoreErrors")  # what is still being answered ends with its page
