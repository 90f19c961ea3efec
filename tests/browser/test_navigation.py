"""Every page that one may see is reached on every screen, with a pointer and by keyboard, and nothing is cut off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, Opening
from tests.browser.test_frame import axe, settled
from tests.browser.test_join import LONG
from tests.browser.test_pages import TOO_WIDE
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

SOURCE = Path(__file__).resolve().parents[2] / "api/web/src/shared/frame/pages.ts"
PAGES = dict(re.findall(r"\{ path: '([^']+)'(?:.*?needs: '([^']+)')?.*?\},?\n", SOURCE.read_text(encoding="utf-8")))
SIZES = [(1440, 900), (768, 1024), (320, 568)]
ENDS = SIZES[:: len(SIZES) - 1]
CUT_OFF = """width => [...document.querySelectorAll('header, header *')]
    .filter(e => e.checkVisibility({visibilityProperty: true}) && !e.closest('.hidden, .wide, .word'))
    .filter(e => e.getBoundingClientRect().right > width + 1 || e.getBoundingClientRect().left < -1
        || e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== 'visible')
    .map(e => e.outerHTML.slice(0, 200))"""
FOCUSED = "document.activeElement.dataset.path ?? new URL(document.activeElement.href ?? 'x:').pathname"


@pytest.fixture(params=SIZES, ids=[str(width) for width, _ in SIZES])
def page(request: pytest.FixtureRequest, opening: Opening) -> Iterator[Page]:
    width, height = request.param
    size = DESKTOP | {"viewport": {"width": width, "height": height}}
    with opening(size) as page:
        yield page


def whole(page: Page) -> None:
    """Nothing in the header is cut off, nothing on the page too wide."""
    assert page.viewport_size
    width = page.viewport_size["width"]
    assert page.evaluate(CUT_OFF, width) == [], page.url
    assert page.evaluate(TOO_WIDE, width) == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url


def open_menu(page: Page) -> None:
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("menuitem", name="Sign out")).to_be_visible()


def listed(page: Page) -> list[str]:
    """Pages in the bar, then those in the menu, which is left open."""
    bar = page.get_by_role("navigation", name="Pages").locator("a:visible")
    paths = [urlsplit(each.get_attribute("href") or "").path for each in bar.all()]
    open_menu(page)
    return paths + [each.get_attribute("data-path") or "" for each in page.locator("[data-path]").all()]


def test_every_page_is_reached_with_a_pointer_and_none_is_cut_off(page: Page) -> None:
    page.goto("/")
    settled(page)
    assert len(PAGES) >= 12
    for path in PAGES:
        bar = page.get_by_role("navigation", name="Pages").locator(f"a[href^='{path}']:visible")
        found = next((a for a in bar.all() if urlsplit(a.get_attribute("href") or "").path == path), None)
        if found is None:
            open_menu(page)
            found = page.locator(f"[data-path='{path}']")
            if not found.count():  # on a wide screen settings has its own parts
                page.locator("[data-path='/settings']").click()
                found = page.get_by_role("navigation", name="Parts of the settings").locator(f"a[href='{path}']")
        found.click()
        page.wait_for_url(lambda url, path=path: urlsplit(url).path == path)  # type: ignore[misc]
        expect(page.get_by_role("main")).not_to_be_empty()
        expect(page.get_by_role("menu")).to_have_count(0)
        whole(page)


@pytest.mark.parametrize("page", ENDS, ids=["1440", "320"], indirect=True)
def test_every_page_is_reached_by_keyboard(page: Page) -> None:
    page.goto("/alerts")
    settled(page)
    expect(page.locator(".menu-trigger[data-dropdown-menu-trigger]")).to_be_visible()  # it comes after the page
    in_bar: list[str] = []
    page.get_by_role("link", name="Frostway, live map").focus()
    for _ in range(len(PAGES) + 3):
        page.keyboard.press("Tab")
        in_bar.append(page.evaluate(FOCUSED))
        if page.evaluate("document.activeElement.matches('.menu-trigger')"):
            break
    expect(page.get_by_role("button", name="Menu")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem").first).to_be_focused()
    in_menu: list[str] = []
    while (at := page.evaluate(FOCUSED)) not in in_menu and "/" in at:
        in_menu.append(at)
        expect(page.locator("[data-path]:focus")).to_be_in_viewport(ratio=1)
        page.keyboard.press("ArrowDown")
    narrow = page.viewport_size is not None and page.viewport_size["width"] <= 900
    reached = {"/", *in_bar, *in_menu}  # the logo leads to the map
    assert {path for path in PAGES if narrow or not path.startswith("/settings/")} <= reached
    if narrow:
        assert in_menu == list(PAGES)
        expect(page.locator("[data-path='/alerts']")).to_have_attribute("aria-current", "page")
        assert axe(page) == []
    page.keyboard.press("End")
    expect(page.get_by_role("menuitem", name="Sign out")).to_be_focused()
    expect(page.get_by_role("menuitem", name="Sign out")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Menu")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Home")
    page.keyboard.type("first")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/start$"))


@pytest.mark.parametrize("page", ENDS, ids=["1440", "320"], indirect=True)
def test_who_may_less_is_shown_less(page: Page, stack: Stack) -> None:
    headers = {"authorization": f"Bearer {stack.token}"}
    with httpx.Client(base_url=f"{stack.url}/api/v1", headers=headers) as api:
        made = api.post("/accounts", json={"name": "vera", "role": "viewer"})
        parts = urlsplit(made.json()["invitation"]["url"])
        page.context.clear_cookies()
        page.goto(f"{parts.path}#{parts.fragment}")
        for field in ("join-password", "join-again"):
            page.get_by_test_id(field).fill(LONG)
        page.keyboard.press("Enter")
        settled(page)
        wide = (page.viewport_size or {})["width"] > 900  # there settings lead to their parts themselves
        mine = {path for path, needs in PAGES.items() if not needs}
        assert set(listed(page)) == {path for path in mine if not (wide and path.startswith("/settings/"))}
        api.delete("/accounts/vera")
