"""What people see when they open a page: on a desk, on phones, behind a link, after a reload."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import PHONE, Opening

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1800)]

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
CUT = (
    "() => [...document.querySelectorAll('.range')].filter(e => e.scrollWidth > e.clientWidth).map(e => e.textContent)"
)
AT_NIGHT = """() => document.querySelectorAll('.range').forEach(e => {  // an arrival tomorrow names its day
    const times = [...e.childNodes].findLast(each => each.nodeType === Node.TEXT_NODE && /\\d/.test(each.data))
    times.data = '23:55 to Nov 30, 00:20'
})"""
GROUND = "getComputedStyle(document.querySelector('[aria-label=Lists]')).backgroundColor.match(/\\d+/g).map(Number)"


def test_a_phone_in_the_dark_shows_the_list(opening: Opening) -> None:
    with opening(PHONE) as phone:
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


@pytest.mark.parametrize("width", [1440, 1120])  # the details that open take half of a narrow map
def test_a_link_to_a_vehicle_opens_on_it_and_back_closes_it(desktop: BrowserContext, width: int) -> None:
    page = desktop.new_page()
    page.set_viewport_size({"width": width, "height": 900})
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
    # A browser lets a page copy for a few seconds after a click; a link that took longer to make is copied by hand.
    expect(page.get_by_text(re.compile(r"Copied\.|Copy it from the field\."))).to_be_visible()
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


def test_a_small_phone_shows_all_without_sideways_scrolling_and_the_details_can_be_pulled_up(opening: Opening) -> None:
    small = {**PHONE, "viewport": {"width": 320, "height": 640}}
    with opening(small) as phone:
        for address in (
            "/",
            "/?tab=stock",
            "/?fleet=Stores&by=driver",
            "/alerts",
            "/reports",
            "/reports?report=last-position",
            "/?vehicle=truck-01",
        ):
            phone.goto(address)
            expect(phone.get_by_test_id("connection")).to_have_attribute("data-state", "live")
            assert phone.evaluate(TOO_WIDE, 320) == [], address
            assert phone.evaluate("document.documentElement.scrollWidth") <= 320, address
            if address == "/":
                expect(phone.locator(".range").first).to_be_visible()
                assert all(re.search(r"[A-Z][a-z]{2} \d", each) for each in phone.evaluate(CUT))
                phone.evaluate(AT_NIGHT)
                assert (phone.evaluate(TOO_WIDE, 320), phone.evaluate("document.documentElement.scrollWidth")) == (
                    [],
                    320,
                )
        expect(phone.get_by_role("link", name="Frostway, live map")).to_be_visible()
        expect(phone.get_by_role("paragraph").filter(has_text="Simulated demo")).to_be_visible()
        detail = phone.get_by_test_id("detail")
        before = detail.bounding_box()
        phone.get_by_role("button", name="Details size").tap()
        phone.wait_for_function(
            "top => document.querySelector('[data-testid=detail]').getBoundingClientRect().top < top",
            arg=before["y"] - 100 if before else 0,
        )
