"""What people see on a map that stays open while the simulated world goes on. Tests wait for events, none sleeps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import PICTURE_WANTED, Watch, context_of
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


@pytest.fixture(scope="module")
def page(desktop: BrowserContext) -> Iterator[Page]:
    """The live map, opened once and never loaded again; `window.opened` would not survive that."""
    found = desktop.new_page()
    found.goto("/")
    found.locator("[data-testid=map][data-ready='1']").wait_for()
    found.evaluate("window.opened = 'once'")
    yield found
    found.close()


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
        moment = r"(\D*\d{1,2} \w+,? )?\d{1,2}:\d\d"  # with its day, when that is another one
        expect(headline).to_have_text(re.compile(rf"^Arrives {moment}\s*\u2013\s*{moment}"))
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


def test_an_alarm_appears_without_a_reload_and_is_acknowledged_with_a_note(page: Page, stack: Stack) -> None:
    pages = page.get_by_role("navigation", name="Pages")
    pages.get_by_role("link", name="Reports").click()  # nothing has to be drawn while it becomes too warm
    wait_for(lambda: is_warm(stack, "truck-04") or None, "goods that are too warm", ALARM_MS / 1000)
    pages.get_by_role("link", name="Map").click()
    page.get_by_test_id("tab-alerts").click()
    alarm = page.locator("[data-testid=alert-row][data-state=active]").first
    expect(alarm).to_be_visible(timeout=ALARM_MS)
    expect(alarm).to_contain_text(re.compile(r"Truck 04.*Too warm: ([89]|1\d)\.\d\s°C"))
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
    pages.get_by_role("link", name="Map").click()
    page.get_by_test_id("tab-vehicles").click()
    expect(page.locator("[data-testid=vehicle-row][data-id='truck-04']")).to_have_attribute("data-status", "alarm")


def is_warm(stack: Stack, vehicle: str) -> bool:
    """Whether some of its goods are over their limit now; the alarm comes when they have been for a while."""
    return any(temp["temp_c"] > temp["high_c"] for temp in stack.get(f"/vehicles/{vehicle}")["temps"])


def take_the_readmes_picture(page: Page) -> None:
    """Only when asked to: a picture changes with every run, and a repository need not."""
    if not PICTURE_WANTED:
        return
    page.get_by_role("button", name="Show all").click()
    page.evaluate("new Promise(done => requestIdleCallback(done, {timeout: 3000}))")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURE, animations="disabled")
