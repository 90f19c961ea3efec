"""Without a network, and after an upgrade: what the service worker keeps, and what it must not keep."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, Route, expect

from tests.browser.conftest import DESKTOP, Watch, context_of
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

KEPT = """async () => {
    const names = await caches.keys()
    const found = await Promise.all(names.map(async name => (await (await caches.open(name)).keys()).map(r => r.url)))
    return found.flat().map(url => new URL(url).pathname)
}"""
ONLY_SHELL = """async () => {
    const shell = ['/', ...await (await fetch('/assets/shell.json')).json()]
    for (const name of await caches.keys()) {
        const cache = await caches.open(name)
        for (const each of await cache.keys())
            if (!shell.includes(new URL(each.url).pathname)) await cache.delete(each)
    }
}"""
STALE = """async () => {
    const [name] = await caches.keys()
    const old = new Response('<p>an old shell</p>', {headers: {'content-type': 'text/html'}})
    await (await caches.open(name)).put('/', old)
}"""


@pytest.fixture(scope="module")
def window(browser: Browser, desktop: BrowserContext, stack: Stack, watch: Watch) -> Iterator[BrowserContext]:
    """A browser of its own, for what is kept there is spoilt here."""
    with context_of(
        browser, **DESKTOP, service_workers="allow", base_url=stack.url, storage_state=desktop.storage_state()
    ) as context:
        context.on("page", watch.follow)
        first = context.new_page()
        first.goto("/alerts")
        first.evaluate("navigator.serviceWorker.ready.then(() => true)")  # it has all files: what loads later, too
        first.close()
        yield context


@pytest.fixture
def page(window: BrowserContext) -> Page:
    """The live map under its service worker."""
    found = window.new_page()
    found.goto("/")
    found.evaluate("navigator.serviceWorker.ready.then(() => true)")
    found.wait_for_function("() => !!navigator.serviceWorker.controller")
    expect(found.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    return found


def without_network_noise(watch: Watch) -> None:
    watch.complaints = [each for each in watch.complaints if "ERR_INTERNET_DISCONNECTED" not in each]


def test_the_shell_opens_without_a_network_and_goes_on_by_itself(page: Page, watch: Watch) -> None:
    context = page.context
    context.set_offline(True)
    for address in ("/alerts", "/?vehicle=truck-01"):
        page.goto(address)
        expect(page.get_by_role("alert")).to_contain_text("Frostway does not answer")
    context.set_offline(False)
    expect(page.get_by_test_id("vehicle-row").first).to_be_visible()
    expect(page.get_by_test_id("detail")).to_contain_text("Truck 01")
    without_network_noise(watch)
    page.close()


def test_menu_and_palette_open_though_the_network_went_before_they_were_loaded(page: Page, watch: Watch) -> None:
    # What was kept because it was used is gone: the precached files alone are to do.
    page.evaluate(ONLY_SHELL)
    page.goto("/alerts")
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    page.context.set_offline(True)
    page.keyboard.press("Control+k")
    expect(page.get_by_test_id("palette-input")).to_be_focused()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("menuitem", name="Help and keys")).to_be_visible()
    kept = page.evaluate(KEPT)
    asked = "() => performance.getEntriesByType('resource').map(each => new URL(each.name).pathname)"
    used = [path for path in page.evaluate(asked) if path.startswith("/assets/immutable/")]
    assert any("/later." in path for path in used)
    assert [path for path in used if path not in kept] == []
    page.context.set_offline(False)
    without_network_noise(watch)
    page.close()


def test_only_built_files_are_kept_and_no_customers_page(page: Page, watch: Watch) -> None:
    page.goto("/alerts")
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    page.goto("/t/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
    expect(page.get_by_test_id("public-gone")).to_be_visible()
    kept = page.evaluate(KEPT)
    assert "/" in kept
    assert [path for path in kept if path != "/" and not path.startswith("/assets/immutable/")] == []
    page.context.set_offline(True)
    with pytest.raises(Error, match="ERR_INTERNET_DISCONNECTED"):
        page.goto("/t/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
    with pytest.raises(Error, match="ERR_INTERNET_DISCONNECTED"):
        page.goto("/api/v1/me")
    page.context.set_offline(False)
    watch.complaints = [each for each in watch.complaints if "404" not in each]
    without_network_noise(watch)
    page.close()


def test_with_a_network_the_page_is_the_servers_and_never_an_old_shell(page: Page, watch: Watch) -> None:
    page.evaluate(STALE)
    page.goto("/alerts")
    expect(page).to_have_title(re.compile("Alerts · Frostway"))
    page.context.set_offline(True)
    page.goto("/alerts")
    expect(page.get_by_text("an old shell")).to_be_visible()  # it was there to be taken
    page.context.set_offline(False)
    page.goto("/")
    expect(page.get_by_test_id("vehicle-row").first).to_be_visible()
    without_network_noise(watch)
    page.close()


def test_an_upgrade_is_told_when_the_server_is_back_and_taken_with_the_next_page(page: Page, watch: Watch) -> None:
    def another(route: Route) -> None:
        route.fulfill(json={"version": "another"})

    page.close()
    context = page.context
    context.route("**/assets/version.json*", another)  # what a page hears that was built before the server's
    page = context.new_page()
    page.goto("/")
    expect(page.get_by_test_id("toast")).to_contain_text("A new version")
    page.evaluate("window.opened = 'before'")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Alerts").click()
    page.wait_for_function("() => window.opened === undefined")
    expect(page).to_have_title(re.compile("Alerts · Frostway"))
    context.unroute("**/assets/version.json*", another)
    without_network_noise(watch)
    page.close()
