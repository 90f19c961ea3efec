"""What people see: a real browser on a real stack with its simulated world. Tests wait for events, none sleeps."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import PHONE, Watch, context_of
from tests.deadlines import deadline
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1800)]

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "images" / "map.png"
SHELF = "store-1/shelf/"
ALARM_MS = deadline(120_000)  # truck-04's compressor fails at the start; its goods are too warm a minute later
FALLEN = """before => [...document.querySelectorAll('[data-testid=stock-row]')]
    .some(row => Number(row.dataset.quantity) < before[row.dataset.id])"""
MOVED = """before => {
    const moved = window.__frostway.vehicles().filter(([id, ...at]) => before[id] && String(before[id]) !== String(at))
    return moved.length && moved.map(([id]) => id)
}"""
TOO_WIDE = """width => [...document.querySelectorAll('body *')]
    .filter(e => e.getBoundingClientRect().right > width + 1 && !e.closest('.maplibregl-map, .hidden'))
    .filter(e => {  // what a parent cuts off with an ellipsis is not too wide
        for (let box = e.parentElement; box; box = box.parentElement)
            if (getComputedStyle(box).textOverflow === 'ellipsis')
                return box.getBoundingClientRect().right > width + 1
        return true
    })
    .filter(e => getComputedStyle(e).visibility !== 'hidden' && getComputedStyle(e).display !== 'none')
    .map(e => e.outerHTML.slice(0, 200))"""
GROUND = "getComputedStyle(document.querySelector('[aria-label=Lists]')).backgroundColor.match(/\\d+/g).map(Number)"


def not_reloaded(page: Page) -> bool:
    return bool(page.evaluate("window.opened === 'once'"))


def test_the_map_is_for_those_who_sign_in(browser: Browser, stack: Stack, watch: Watch) -> None:
    with context_of(browser, base_url=stack.url) as context:
        context.on("page", watch.follow)
        page = context.new_page()
        page.goto("/")
        expect(page.get_by_test_id("login-submit")).to_be_visible()
        expect(page.get_by_test_id("map")).to_have_count(0)
        page.get_by_test_id("login-user").fill("admin")
        page.get_by_test_id("login-password").fill(stack.admin_password)
        page.get_by_test_id("login-password").press("Enter")
        expect(page.get_by_test_id("map")).to_have_attribute("data-ready", "1")
        expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
        expect(page.get_by_test_id("vehicle-row")).to_have_count(8)
        page.get_by_role("button", name="Menu").click()
        page.get_by_role("menuitem", name="Sign out").click()
        expect(page.get_by_test_id("login-submit")).to_be_visible()


def test_trucks_move_on_the_map_without_a_reload(page: Page) -> None:
    page.wait_for_function("window.__frostway.vehicles().length === 8")
    page.get_by_test_id("tab-vehicles").click()
    before = {name: [lon, lat] for name, lon, lat in page.evaluate("window.__frostway.vehicles()")}
    moved = page.wait_for_function(MOVED, arg=before)
    assert set(moved.json_value()) <= set(before)
    assert not_reloaded(page)
    expect(page.locator("[data-testid=vehicle-row][data-status=moving]").first).to_be_visible()


def test_a_shelfs_stock_falls_without_a_reload(page: Page) -> None:
    page.get_by_test_id("tab-stock").click()
    rows = page.locator(f"[data-testid=stock-row][data-id^='{SHELF}']")
    expect(rows.first).to_be_visible()
    before = {row.get_attribute("data-id"): float(row.get_attribute("data-quantity") or "nan") for row in rows.all()}
    page.wait_for_function(FALLEN, arg=before, timeout=deadline(60_000))
    assert not_reloaded(page)


def test_the_customer_sees_an_arrival_window_behind_a_shared_link(
    page: Page, browser: Browser, stack: Stack, watch: Watch
) -> None:
    page.get_by_test_id("tab-vehicles").click()
    vehicle = wait_for(lambda: with_the_latest_arrival(stack), "a shipment has an estimate")
    page.locator(f"[data-testid=vehicle-row][data-id='{vehicle}']").click()
    page.get_by_test_id("share").click()
    link = page.get_by_test_id("share-link").input_value()
    assert re.fullmatch(re.escape(stack.url) + r"/t/[A-Za-z0-9_-]{20,}", link)
    page.keyboard.press("Escape")
    with context_of(browser, timezone_id="Europe/Helsinki", locale="en-GB") as stranger:
        stranger.on("page", watch.follow)
        customer = stranger.new_page()
        customer.goto(link)
        headline = customer.get_by_test_id("public-eta")
        expect(headline).to_have_text(re.compile(r"^Arrives \D*\d{1,2}:\d\d\s*\u2013\s*\d{1,2}:\d\d"))
        expect(customer.locator("[data-testid=public-step][data-state=current]")).to_have_count(1)
        assert customer.context.cookies() == []
        assert customer.request.get(f"{stack.url}/api/v1/vehicles").status == 401


def with_the_latest_arrival(stack: Stack) -> str | None:
    """The vehicle whose shipment is under way and will be the last to arrive: it does not arrive while we look."""
    found = {
        shipment["vehicle"]: shipment["stops"][-1]["eta"]["p50"]
        for shipment in stack.items("/shipments")
        if shipment["status"] == "in_transit" and shipment["stops"][-1]["eta"]
    }
    return max(found, key=found.__getitem__, default=None)


def test_a_phone_in_the_dark_shows_the_list(
    browser: Browser, desktop: BrowserContext, stack: Stack, watch: Watch
) -> None:
    with context_of(browser, **PHONE, base_url=stack.url, storage_state=desktop.storage_state()) as context:
        context.on("page", watch.follow)
        phone = context.new_page()
        phone.goto("/")
        expect(phone.get_by_test_id("vehicle-row")).to_have_count(8)
        expect(phone.get_by_test_id("vehicle-row").first).to_be_in_viewport()
        expect(phone.locator("html")).to_have_attribute("data-theme", "dark")
        red, green, blue, *_ = phone.evaluate(GROUND)
        assert max(red, green, blue) < 80, "the list's ground is dark"
        wide = phone.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, "nothing has to be scrolled sideways"
        phone.get_by_test_id("vehicle-row").first.tap()
        expect(phone.get_by_test_id("detail")).to_be_in_viewport()


def test_a_link_to_a_vehicle_opens_on_it_and_back_closes_it(desktop: BrowserContext) -> None:
    page = desktop.new_page()
    page.goto("/?vehicle=truck-03#map=3/10/10")  # a link that somebody copied with a view of its own
    page.wait_for_function("() => window.__frostway?.sees('truck-03') && window.__frostway.zoom() >= 10.9")
    expect(page.get_by_test_id("detail")).to_contain_text("Truck 03")
    page.get_by_role("button", name="Follow").click()
    page.wait_for_function("() => window.__frostway.zoom() >= 13.9")
    page.get_by_role("button", name="Close details").click()
    page.locator("[data-testid=vehicle-row][data-id='truck-05']").click()
    expect(page).to_have_url(re.compile("vehicle=truck-05"))
    page.go_back()
    expect(page.get_by_test_id("detail")).to_have_count(0)
    expect(page.get_by_test_id("vehicle-row")).to_have_count(8)  # still here
    page.close()


def test_filters_live_in_the_address_and_survive_a_reload(desktop: BrowserContext) -> None:
    page = desktop.new_page()
    page.goto("/")
    page.get_by_test_id("tab-stock").click()
    page.get_by_placeholder("Search product, place").fill("zzz")
    page.get_by_test_id("stock-low").click()
    expect(page).to_have_url(re.compile(r"tab=stock&q=zzz&low=1"))
    page.reload()
    expect(page.get_by_placeholder("Search product, place")).to_have_value("zzz")
    expect(page.get_by_test_id("stock-low")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Alerts").click()
    page.get_by_test_id("state-resolved").click()
    page.get_by_role("button", name="Acknowledged", exact=True).click()
    page.get_by_placeholder("Search vehicle, place, note").fill("door")
    expect(page).to_have_url(re.compile(r"/alerts\?state=resolved&ack=yes&q=door"))
    page.reload()
    expect(page.get_by_test_id("state-resolved")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_placeholder("Search vehicle, place, note")).to_have_value("door")
    page.go_back()
    expect(page.get_by_test_id("tab-stock")).to_be_visible()
    page.close()


def test_a_customers_link_stays_until_closed_and_is_copied_over_plain_http(desktop: BrowserContext) -> None:
    page = desktop.new_page()
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")  # as plain http has it
    page.goto("/")
    row = page.locator("[data-testid=vehicle-row][data-id='truck-05']")
    row.click()
    page.get_by_test_id("share").click()
    link = page.get_by_test_id("share-link").input_value()
    expect(page.get_by_text("Copied.")).to_be_visible()
    page.locator("[data-testid=vehicle-row][data-id='truck-06']").click()
    expect(page.get_by_test_id("share-link")).to_have_value(link)
    page.get_by_test_id("share-copy").click()
    search = page.get_by_placeholder("Search vehicle, place, shipment")
    search.focus()
    search.press("Control+V")
    expect(search).to_have_value(link)
    search.fill("")
    row.click()
    page.get_by_role("button", name="Make another link").click()
    expect(page.get_by_test_id("share-link")).to_have_count(1)
    expect(page.get_by_test_id("share-link")).not_to_have_value(link)
    page.get_by_role("button", name="Close this link").click()
    expect(page.get_by_test_id("share-link")).to_have_count(0)
    page.close()


def test_a_small_phone_shows_all_without_sideways_scrolling_and_the_details_can_be_pulled_up(
    browser: Browser, desktop: BrowserContext, stack: Stack, watch: Watch
) -> None:
    small = {**PHONE, "viewport": {"width": 320, "height": 640}}
    with context_of(browser, **small, base_url=stack.url, storage_state=desktop.storage_state()) as context:
        context.on("page", watch.follow)
        phone = context.new_page()
        for address in ("/", "/?tab=stock", "/alerts", "/?vehicle=truck-01"):
            phone.goto(address)
            expect(phone.get_by_test_id("connection")).to_have_attribute("data-state", "live")
            assert phone.evaluate(TOO_WIDE, 320) == [], address
            assert phone.evaluate("document.documentElement.scrollWidth") <= 320, address
        expect(phone.get_by_role("link", name="Frostway, live map")).to_be_visible()
        expect(phone.get_by_role("paragraph").filter(has_text="Simulated demo")).to_be_visible()
        detail = phone.get_by_test_id("detail")
        before = detail.bounding_box()
        phone.get_by_role("button", name="Details size").tap()
        phone.wait_for_function(
            "top => document.querySelector('[data-testid=detail]').getBoundingClientRect().top < top",
            arg=before["y"] - 100 if before else 0,
        )


def test_an_alarm_appears_without_a_reload_and_is_acknowledged_with_a_note(page: Page, stack: Stack) -> None:
    page.get_by_test_id("tab-alerts").click()
    alarm = page.locator("[data-testid=alert-row][data-state=active]").first
    expect(alarm).to_be_visible(timeout=ALARM_MS)
    expect(alarm).to_contain_text(re.compile(r"Truck 04.*Too warm: ([89]|1\d)\.\d °C"))
    assert not_reloaded(page)
    page.get_by_test_id("tab-vehicles").click()
    expect(page.locator("[data-testid=vehicle-row][data-id='truck-04']")).to_have_attribute("data-status", "alarm")
    take_the_readmes_picture(page)

    page.get_by_test_id("tab-alerts").click()
    number = alarm.get_attribute("data-id")
    alarm.click()
    detail = page.get_by_test_id("alert-detail")
    expect(detail).to_contain_text("Truck 04")
    page.get_by_test_id("alert-note").fill("Driver called, doors shut")
    page.get_by_test_id("alert-ack").click()
    expect(detail).to_contain_text("by admin: “Driver called, doors shut”")
    expect(page.locator(f"[data-testid=alert-row][data-id='{number}']")).to_have_attribute("data-acknowledged", "1")
    assert not_reloaded(page)
    kept = next(alert for alert in stack.items("/alerts") if alert["id"] == number)
    assert (kept["acknowledged_by"], kept["note"]) == ("admin", "Driver called, doors shut")

    history = page.get_by_test_id("alert-history")
    expect(history.get_by_role("listitem").first).to_contain_text("Raised")
    expect(history).to_contain_text("Driver called, doors shut")
    page.get_by_test_id("alert-resolve").click()  # it lasts: asked first, and the truck stays in alarm
    page.get_by_role("button", name="Keep it open").click()
    expect(page.get_by_test_id("alert-ask")).to_have_count(0)
    page.get_by_test_id("alert-resolve").click()
    expect(page.get_by_test_id("alert-ask")).to_contain_text("still out of range")
    page.get_by_test_id("alert-resolve-anyway").click()
    expect(page.locator(f"[data-testid=alert-row][data-id='{number}']")).to_have_count(0)
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Map").click()
    page.get_by_test_id("tab-vehicles").click()
    expect(page.locator("[data-testid=vehicle-row][data-id='truck-04']")).to_have_attribute("data-status", "alarm")


def take_the_readmes_picture(page: Page) -> None:
    """Only when asked to: a picture changes with every run, and a repository need not."""
    if os.environ.get("FROSTWAY_SCREENSHOTS") != "1":
        return
    page.get_by_role("button", name="Show all").click()
    page.evaluate("new Promise(done => requestIdleCallback(done, {timeout: 3000}))")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURE, animations="disabled")
