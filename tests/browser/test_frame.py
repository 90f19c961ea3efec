"""The frame around the pages: palette, menu, forms, addresses, and what axe finds on every page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, WebSocketRoute, expect

from tests.browser.conftest import DESKTOP, PHONE, Watch, context_of
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

AXE = Path(__file__).resolve().parents[2] / "api/web/node_modules/axe-core/axe.min.js"
MANY = 10_000
PAGES = (
    "/",
    "/?fleet=Stores&by=driver",
    "/?tab=stock",
    "/?tab=alerts",
    "/?vehicle=truck-04",
    "/alerts",
    "/alerts?state=resolved",
    "/reports",
    "/reports?report=last-position",
    "/reports?report=low-fuel&fleet=Stores",
    "/start",
    "/orders",
    "/hand-over",
    "/orders/waves",
    "/planning",
    "/kpis?by=day&kpi=empty_km",
    "/planning/replenishment?site=dc-1&sku=MILK-1L",
    "/orders/returns",
    "/orders/returns?do=new",
    "/dispatch",
    "/docks",
    "/goods/trace",
    "/carriers?carrier=nordic",
    "/orders/pick",
    "/orders/pack",
    "/orders/packaging",
    "/shipments/load",
    "/goods",
    "/goods?list=lots",
    "/stock",
    "/stock?list=low",
    "/stock/products?sku=MILK-1L",
    "/stock/activity?site=store-1",
    "/stock/warehouse?site=dc-1&zone=chiller",
    "/stock/count",
    "/stock/receive",
    "/stock/put-away?site=dc-1",
    "/stock/import",
    "/devices",
    "/devices?device=gps-01",
    "/devices/refused",
    "/settings",
    "/settings/display",
    "/settings/profiles",
    "/settings/profiles?profile=chilled",
    "/settings/profiles?profile=chilled&do=change",
    "/settings/profiles?do=new",
    "/settings/files",
    "/settings/people",
    "/settings/links",
    "/settings/audit",
    "/settings/tokens",
    "/settings/webhooks",
    "/settings/brokers",
    "/settings/brokers?do=new",
    "/settings/channels",
    "/settings/channels?do=new",
    "/reports?report=stationary&from=2026-01-01T00%3A00%3A00.000Z&to=2026-01-02T00%3A00%3A00.000Z",
    "/sites",
    "/sites?site=customer-1",
    "/sites?do=new",
    "/sites?do=import",
    "/sites?site=customer-1&do=edit",
    "/shipments",
    "/shipments?shipment=S-1004",
    "/shipments?do=new",
    "/shipments?shipment=S-1004&do=edit",
    "/shipments?do=import",
)
FOUND = """async (rules) => {
    const found = await axe.run(document, {resultTypes: ['violations'], preload: false, ...(rules && {runOnly: rules})})
    return found.violations.flatMap(v => v.nodes.map(n => `${v.id} (${v.impact}): ${n.html.slice(0, 160)}`))
}"""

BY_COLOURS = ["color-contrast", "link-in-text-block"]
PAINTED = "colours => (document.documentElement.dataset.theme ?? colours) === colours"  # a customer's page says nothing


FOLLOWED = """address => new Promise(done => {
    const link = Object.assign(document.createElement('a'), {href: address})
    document.body.append(link)
    link.click()
    link.remove()
    let quiet = setTimeout(done, 300)
    new PerformanceObserver(() => { clearTimeout(quiet); quiet = setTimeout(done, 200) }).observe({type: 'resource'})
})"""


def follow(page: Page, address: str) -> None:
    """As by a link of the page itself, which is not loaded anew; waits until it asks for nothing more."""
    page.evaluate(FOLLOWED, address)


def settled(page: Page) -> None:
    """The page has its data; what still loads (map, curves) is drawn."""
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    page.wait_for_load_state("load")


def axe(page: Page, *, dark_only: bool = False) -> list[str]:
    """What axe complains about, by day and by night; of what colours change alone the second time.

    It is put in by the debugger: the content security policy would not let it in.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = []
    for colours, rules in (("dark", None),) if dark_only else (("light", None), ("dark", BY_COLOURS)):
        page.emulate_media(color_scheme=colours)
        page.wait_for_function(PAINTED, arg=colours)
        found += [f"{colours}: {each}" for each in page.evaluate(FOUND, rules)]
    return found


def open_palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    expect(page.get_by_test_id("palette-input")).to_be_focused()


@pytest.mark.parametrize("look", [DESKTOP, PHONE | {"viewport": {"width": 320, "height": 640}}], ids=["desk", "phone"])
def test_every_address_opens_and_axe_finds_nothing_there(
    browser: Browser, desktop: BrowserContext, stack: Stack, watch: Watch, look: dict[str, Any]
) -> None:
    found: dict[str, list[str]] = {}
    with context_of(browser, **look, base_url=stack.url) as context:
        context.on("page", watch.follow)
        page = context.new_page()
        page.goto("/")
        expect(page.get_by_test_id("login-submit")).to_be_visible()
        found["login"] = axe(page)
        page.goto("/t/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
        expect(page.get_by_test_id("public-gone")).to_be_visible()
        found["/t/"] = axe(page)
        watch.complaints = [each for each in watch.complaints if "404" not in each]
        context.add_cookies(desktop.cookies())
        loaded: set[str] = set()
        for address in PAGES:
            path, _, _asked = address.partition("?")
            if path not in loaded and (look is DESKTOP or not loaded):
                page.goto(address)
                loaded.add(path)
            else:
                follow(page, address)
            settled(page)
            found[address] = axe(page, dark_only="is_mobile" in look)  # by day it has the colours of the desk's
            assert page.url.split("#")[0].endswith(address)  # it holds all that is shown
        page.get_by_test_id("find").click()
        expect(page.get_by_test_id("palette-input")).to_be_focused()
        found["palette"] = axe(page)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Menu").click()
        expect(page.get_by_role("menuitem", name="Sign out")).to_be_visible()
        found["menu"] = axe(page)
        page.get_by_role("menuitem", name="Help and keys").click()
        expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
        found["help"] = axe(page)
    assert {where: what for where, what in found.items() if what} == {}


def test_the_palette_finds_a_vehicle_a_place_a_page_and_an_action_by_keyboard(desktop: BrowserContext) -> None:
    page = desktop.new_page()
    page.goto("/alerts")
    settled(page)
    open_palette(page)
    page.keyboard.type("truck 05")
    expect(page.get_by_test_id("palette-item").first).to_have_text(re.compile("Truck 05"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/\?vehicle=truck-05"))
    expect(page.get_by_test_id("detail")).to_contain_text("Truck 05")

    open_palette(page)
    page.keyboard.type("mei")
    expect(page.get_by_role("option", name="customer-1, customer")).to_be_visible()
    page.keyboard.press("ArrowUp")  # round to the last one
    expect(page.get_by_role("option", name="customer-1, customer", selected=True)).to_be_visible()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/\?tab=stock&site=customer-1"))

    open_palette(page)
    page.keyboard.type("alert")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/alerts$"))
    expect(page.get_by_test_id("palette-input")).to_have_count(0)

    open_palette(page)
    page.keyboard.type("colours dark")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    open_palette(page)
    page.keyboard.type("nothing has this name")
    expect(page.get_by_role("dialog")).to_contain_text("Nothing is called")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.evaluate("localStorage.clear()")
    page.close()


def test_every_key_of_the_help_works_where_nobody_writes(desktop: BrowserContext) -> None:
    page = desktop.new_page()
    page.goto("/")
    settled(page)
    page.keyboard.press("/")
    expect(page.get_by_placeholder("Search vehicle, place, shipment")).to_be_focused()
    page.keyboard.type("?jk/")
    expect(page.get_by_placeholder("Search vehicle, place, shipment")).to_have_value("?jk/")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("vehicle-row").first).to_be_visible()  # `j` goes nowhere before the vehicles are there
    page.keyboard.press("j")
    expect(page.locator("[data-testid=vehicle-row][aria-pressed=true]")).to_have_count(1)
    expect(page.locator("[data-testid=vehicle-row][aria-pressed=true]")).to_be_focused()
    page.keyboard.press("f")
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("follow the chosen vehicle")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_test_id("detail")).to_be_visible()  # the dialog's Escape closes the dialog only
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("detail")).to_have_count(0)
    page.close()


def test_back_leads_through_what_was_opened(desktop: BrowserContext) -> None:
    page = desktop.new_page()
    page.goto("/")
    settled(page)
    page.locator("[data-testid=vehicle-row][data-id='truck-01']").click()
    expect(page).to_have_url(re.compile("vehicle=truck-01"))
    page.locator("[data-testid=vehicle-row][data-id='truck-02']").click()
    expect(page).to_have_url(re.compile("vehicle=truck-02"))
    pages = page.get_by_role("navigation", name="Pages")
    pages.get_by_role("link", name="Alerts").click()
    expect(page).to_have_title(re.compile("Alerts · Frostway"))
    pages.get_by_role("link", name="Map").click()  # a page is found as it was left
    expect(page).to_have_url(re.compile("vehicle=truck-02"))
    page.go_back()
    expect(page).to_have_url(re.compile("/alerts"))
    page.go_back()
    expect(page.get_by_test_id("detail")).to_contain_text("Truck 02")
    page.go_back()
    expect(page.get_by_test_id("detail")).to_have_count(0)
    page.go_forward()
    expect(page.get_by_test_id("detail")).to_contain_text("Truck 02")
    page.close()


def test_an_address_that_is_none_says_so_on_a_page_and_leads_to_the_map(desktop: BrowserContext, watch: Watch) -> None:
    page = desktop.new_page()
    found = page.goto("/warehouse-of-dreams")
    assert found is not None
    assert (found.status, found.headers["content-type"].partition(";")[0]) == (404, "text/html")
    expect(page.get_by_text("There is no such page")).to_be_visible()
    page.locator("a.button").click()
    settled(page)
    for address in ("/warehouse-of-dreams", "/api/v1/warehouse-of-dreams"):  # a program gets what it can read
        answer = page.request.get(address, headers={"accept": "text/html" if "api" in address else "*/*"})
        assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")
    watch.complaints = [each for each in watch.complaints if "404" not in each]
    page.close()


def test_a_form_says_beside_the_field_what_the_server_finds_wrong(desktop: BrowserContext, watch: Watch) -> None:
    page = desktop.new_page()
    page.goto("/")
    settled(page)
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("menuitem", name="Settings").click()
    page.get_by_test_id("password-old").fill("what it is now")
    page.get_by_test_id("password-new").fill("short")
    page.get_by_test_id("password-save").click()
    expect(page.get_by_test_id("field-error")).to_have_count(1)
    new = page.get_by_test_id("password-new")
    expect(new).to_have_attribute("aria-invalid", "true")
    expect(new).to_be_focused()
    expect(new).to_have_accessible_description(re.compile(r"\w{3}"))
    watch.complaints = [each for each in watch.complaints if "422" not in each]
    page.close()


def vehicle(number: int) -> dict[str, Any]:
    still = {"speed_mps": 0, "heading_deg": None, "accuracy_m": 5, "flags": [], "status": "stopped", "alerts": 0}
    unknown = dict.fromkeys(("t", "received_at", "status_since", "site", "battery_ratio", "shipment"))
    place = {"lat": 60 + number % 100 / 50, "lon": 24 + number // 100 / 50}
    told = dict.fromkeys(
        (
            "class",
            "fleet",
            "model",
            "driver",
            "load_capacity_kg",
            "volume_capacity_m3",
            "pallet_capacity",
            "fuel_type",
            "nominal_fuel_lph",
        )
    )
    return {
        "id": f"van-{number}",
        "label": f"Van {number}",
        "temps": [],
        "tags": [],
        **still,
        **unknown,
        **told,
        **place,
    }


def test_ten_thousand_vehicles_are_some_rows_in_the_page_and_all_are_reached(
    desktop: BrowserContext, watch: Watch
) -> None:
    page = desktop.new_page()
    snapshot = {"type": "snapshot", "cursor": "1", "now": "2026-11-28T12:00:00Z", "shipments": [], "alerts": []}
    snapshot |= {"stock": [], "sites": [], "vehicles": [vehicle(number) for number in range(MANY)]}
    text = json.dumps(snapshot)

    def serve(socket: WebSocketRoute) -> None:
        socket.on_message(lambda _: socket.send(text))

    page.route_web_socket(re.compile(r"/ws/v1$"), serve)
    page.goto("/")
    rows = page.get_by_test_id("vehicle-row")
    expect(rows.first).to_contain_text("Van 0")
    assert rows.count() < 60
    expect(page.get_by_role("list", name="Vehicles").get_by_role("listitem").first).to_have_attribute(
        "aria-setsize", str(MANY)
    )
    page.keyboard.press("k")  # from none: the last
    last = page.locator(f"[data-testid=vehicle-row][data-id='van-{MANY - 1}']")
    expect(last).to_be_focused()
    expect(last).to_be_in_viewport()
    assert rows.count() < 60
    open_palette(page)
    page.keyboard.type("van 7777")
    page.keyboard.press("Enter")
    expect(page.locator("[data-testid=vehicle-row][data-id='van-7777']")).to_be_in_viewport()
    page.close()
    watch.complaints = [each for each in watch.complaints if "/api/v1/vehicles/van-" not in each]  # the api has none
