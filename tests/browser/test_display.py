"""Units, zone and language: chosen at the desk, the same on a telephone, and nobody else's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import DESKTOP, SMALL, Watch, context_of
from tests.browser.test_browser import ALARM_MS
from tests.browser.test_frame import axe, settled
from tests.browser.test_join import LONG, expected, link_for
from tests.browser.test_pages import TOO_WIDE
from tests.browser.test_settings import fits
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

__all__ = ["link_for"]
NO_ENGLISH = """() => new MutationObserver(() => {
    if (/\\b(Shipments|Reports|Vehicles)\\b/.test(document.body?.innerText ?? '')) window.wasEnglish = true
}).observe(document, {subtree: true, childList: true, characterData: true})"""
IN_GERMAN = ("/", "/?tab=stock", "/?vehicle=truck-04", "/alerts", "/reports?report=last-position", "/sites", "/devices",
             "/shipments", "/start", "/settings", "/settings/display", "/settings/channels?do=new")  # fmt: skip


@pytest.fixture
def uta(stack: Stack, link_for: Callable[[str, str], str], browser: Browser) -> Iterator[str]:
    """Somebody who keeps the cold chain, with a password."""
    with context_of(browser, **DESKTOP, base_url=stack.url) as context:
        page = context.new_page()
        page.goto(link_for("uta", "coldchain"))
        page.get_by_test_id("join-password").fill(LONG)
        page.get_by_test_id("join-again").fill(LONG)
        page.get_by_test_id("join-submit").click()
        settled(page)
    yield "uta"
    stack.request("DELETE", "/profiles/uta-2")


def signed_in(context: BrowserContext, watch: Watch, user: str) -> Page:
    context.on("page", watch.follow)
    page = context.new_page()
    page.goto("/")
    page.get_by_test_id("login-user").fill(user)
    page.get_by_test_id("login-password").fill(LONG)
    page.get_by_test_id("login-submit").click()
    return page


def in_fahrenheit(page: Page) -> None:
    """Temperatures are in °F, and in nothing else."""
    expect(page.locator("main")).to_contain_text("°F")
    assert "°C" not in page.locator("main").inner_text()


def chosen(page: Page, watch: Watch) -> None:
    page.goto("/settings/display")
    page.get_by_test_id("own-temperature").select_option("fahrenheit")
    page.get_by_test_id("own-distance").select_option("imperial")
    page.get_by_test_id("own-zone").select_option("named")
    page.get_by_test_id("own-tz").fill("Europe/Nowhere")
    page.get_by_test_id("own-save").click()
    expect(page.get_by_test_id("field-error")).to_contain_text("time zone")
    expected(watch, 422)
    page.get_by_test_id("own-tz").fill("Europe/Berlin")
    page.get_by_test_id("own-save").click()
    expect(page.get_by_test_id("display-example")).to_contain_text(
        re.compile(r"40\.5\s°F, 30\smph, 0\.8\smi, .*Europe/Berlin")
    )
    page.get_by_test_id("own-language").select_option("de")
    page.get_by_test_id("own-save").focus()
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.get_by_test_id("display-example")).to_contain_text(
        re.compile(r"Jetzt: 40,5\s°F, 30\smph, 0,8\smi, .*Europe/Berlin")
    )


def a_profile_is_typed_as_it_is_shown(page: Page, stack: Stack) -> None:
    page.goto("/settings/profiles?profile=chilled")
    expect(page.get_by_test_id("profile")).to_contain_text("35,6 bis 46,4 °F")
    page.get_by_test_id("profile-copy").click()
    expect(page.get_by_test_id("profile-low")).to_have_value("35,6")
    expect(page.get_by_test_id("profile-hysteresis")).to_have_value("0,9")
    page.get_by_test_id("profile-name").fill("uta-2")
    page.get_by_test_id("profile-high").fill("45")
    page.get_by_test_id("profile-send").click()
    expect(page.get_by_test_id("profile")).to_contain_text("35,6 bis 45 °F")
    made = stack.request("GET", "/profiles/uta-2").json()
    assert (made["low_c"], made["high_c"], made["hysteresis_c"]) == (2, 7.222222222, 0.5)


def test_units_zone_and_language_follow_a_person_and_nobody_else(
    browser: Browser, desktop: BrowserContext, stack: Stack, watch: Watch, uta: str
) -> None:
    with context_of(browser, **DESKTOP, base_url=stack.url) as context:
        page = signed_in(context, watch, uta)
        settled(page)
        chosen(page, watch)
        fits(page)
        page.goto("/?vehicle=truck-04")
        settled(page)
        expect(page.get_by_test_id("chart-words")).to_contain_text(
            re.compile(r"\d,\d\s°F bis .*Grenzwerte: 35,6 bis 46,4\s°F")
        )
        in_fahrenheit(page)
        expect(page.get_by_test_id("vehicle-row").filter(has_text="mph").first).to_be_visible()
        expect(page.get_by_role("link", name="Europe/Berlin")).to_be_visible()
        page.goto("/alerts?state=all")
        settled(page)
        expect(page.get_by_test_id("alert-row").filter(has_text="Zu warm").first).to_contain_text(
            "°F", timeout=ALARM_MS
        )
        in_fahrenheit(page)
        a_profile_is_typed_as_it_is_shown(page, stack)
        page.get_by_role("button", name="Menü").click()
        page.get_by_role("menuitem", name="Abmelden").click()
        expect(page.get_by_role("button", name="Anmelden")).to_be_visible()  # whoever was here last spoke so

    with context_of(browser, **SMALL, base_url=stack.url) as context:
        phone = signed_in(context, watch, uta)
        expect(phone.locator("html")).to_have_attribute("lang", "de")
        settled(phone)
        in_fahrenheit(phone)
        context.add_init_script(f"({NO_ENGLISH})()")
        found: dict[str, list[Any]] = {}
        for address in IN_GERMAN:
            phone.goto(address)
            settled(phone)
            assert phone.evaluate("[document.documentElement.lang, !!window.wasEnglish]") == ["de", False], address
            found[address] = [*phone.evaluate(TOO_WIDE, 320), *axe(phone, dark_only=True)]
        assert not any(found.values()), found
        phone.get_by_role("button", name="Menü").click()
        expect(phone.get_by_role("menu")).to_contain_text("Europe/Berlin")

    page = desktop.new_page()
    page.goto("/?vehicle=truck-04")
    settled(page)
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_test_id("chart-words")).to_contain_text("2 to 8 °C")
    expect(page.get_by_test_id("chart-summary")).to_contain_text("Mean kinetic temperature")
    expect(page.get_by_test_id("chart-summary")).to_have_class("hidden")
    page.get_by_test_id("chart-in-words").click()
    expect(page.get_by_test_id("chart-summary").get_by_role("listitem").first).to_contain_text("critical, warmer than")
    assert "°F" not in page.locator("main").inner_text()
    page.close()
