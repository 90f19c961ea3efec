"""Temperature profiles on their page: made, given, copied, changed by a version, renamed, retired and taken back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import LOOKS, SMALL, Looking, Watch
from tests.browser.test_join import expected
from tests.browser.test_settings import fits
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture
def page(looking: Looking, stack: Stack) -> Iterator[Page]:
    """A page of somebody who keeps devices and profiles; a thermometer of one's own; all is gone afterwards."""
    stack.request("POST", "/devices", {"id": "salad-probe", "kind": "thermometer", "profile": "none"})
    with looking() as opened:
        yield opened
    stack.request("DELETE", "/devices/salad-probe")
    for profile in stack.items("/profiles"):
        if profile["id"].startswith("salad"):
            stack.request("DELETE", f"/profiles/{profile['id']}")


def make(page: Page, **values: str) -> None:
    for name, value in values.items():
        page.get_by_test_id(f"profile-{name}").fill(value)
    page.get_by_test_id("profile-send").click()


def change(page: Page) -> None:
    """A third limit, which says what it wants; then the version tells what is another."""
    page.get_by_test_id("profile-change").click()
    page.get_by_test_id("profile-open").click()
    page.get_by_test_id("band-add-warm").click()
    expect(page.get_by_test_id("band-limit").first).to_be_focused()
    page.get_by_test_id("band-limit").first.fill("12")
    page.get_by_test_id("band-for").first.fill("0")
    page.get_by_test_id("band-limit").last.fill("20")  # the lower one, now above the upper ones
    page.get_by_test_id("profile-send").click()
    expect(page.get_by_test_id("field-error")).to_contain_text("below high_c")
    expect(page.get_by_test_id("band-limit").first).to_have_value("20")  # it went up, being the warmest
    page.get_by_test_id("band-limit").first.fill("1,5")
    page.get_by_test_id("profile-note").fill("auditor")
    expect(page.get_by_test_id("band-limit").first).to_have_value("12")  # and down again, once it is left
    page.get_by_test_id("band-severity").last.select_option("warning")
    expect(page.get_by_test_id("profile-picture")).to_contain_text("warmer than 12.0\u00a0°C at once: critical")
    page.get_by_test_id("profile-send").click()
    newest = page.get_by_test_id("profile-version").first
    expect(newest).to_contain_text("Version 2")
    expect(newest).to_contain_text("admin")
    expect(newest).to_contain_text("auditor")
    expect(newest).to_contain_text("New: too warm: warmer than 12.0\u00a0°C at once")
    expect(newest).to_contain_text("below: colder than 1.5\u00a0°C for 5 min, warning")


@LOOKS
def test_a_profile_is_made_given_copied_with_other_limits_and_retired(page: Page, stack: Stack, watch: Watch) -> None:
    page.goto("/settings/profiles")
    expect(page.locator("[data-testid=profile-row][data-name=chilled]")).to_contain_text("2 to 8\u00a0°C")
    expect(page.get_by_role("img", name="chilled: 2 to 8")).to_be_visible()
    fits(page)
    page.get_by_test_id("profile-add").click()
    page.get_by_test_id("profile-start").select_option("who-shipping-type-2")
    expect(page.get_by_test_id("profile-source")).to_contain_text("E006/TR07 type 2")
    expect(page.get_by_test_id("band-limit").first).to_have_value("45")
    fits(page)
    page.get_by_test_id("profile-start").select_option("")
    make(page, name="salad", low="8", high="5,5")
    expect(page.get_by_test_id("field-error")).to_have_text("not below high_c")
    make(page, low="warm")
    expect(page.get_by_test_id("field-error")).to_have_text("a number, such as 4.5")
    expected(watch, 422)
    make(page, low="1,5", **{"for": "5"})
    expect(page.get_by_test_id("profile")).to_have_attribute("data-name", "salad")
    expect(page.get_by_test_id("profile")).to_contain_text("1.5 to 5.5\u00a0°C")
    expect(page.get_by_test_id("profile-facts")).to_contain_text("colder than 1.5\u00a0°C for 5 min")
    page.get_by_test_id("profile-device").fill("salad-probe")
    page.get_by_test_id("profile-give").click()
    expect(page.get_by_test_id("profile-devices").get_by_role("link")).to_have_text("salad-probe")
    fits(page)
    page.get_by_test_id("profile-copy").click()
    page.get_by_test_id("profile-instead").check()
    make(page, high="7")
    expect(page.get_by_test_id("profile")).to_have_attribute("data-name", "salad-2")
    expect(page.get_by_test_id("profile-devices").get_by_role("link")).to_have_text("salad-probe")
    assert stack.request("GET", "/devices/salad-probe").json()["profile"] == "salad-2"
    change(page)
    expected(watch, 422)
    fits(page)
    page.get_by_test_id("profile-rename").click()
    page.get_by_test_id("profile-rename-id").fill("salad-warm")
    page.get_by_test_id("profile-rename-save").click()
    expect(page.get_by_test_id("profile")).to_have_attribute("data-name", "salad-warm")
    page.get_by_test_id("profile-retire").click()
    expect(page.get_by_test_id("profile-depends")).to_contain_text("1 device has it and keeps it")
    page.get_by_test_id("question-yes").click()
    expect(page.get_by_test_id("profile-restore")).to_be_visible()
    page.get_by_test_id("profiles-all").click()
    expect(page.locator("[data-testid=profile-row][data-name=salad]")).to_contain_text("nobody")
    expect(page.locator("[data-testid=profile-row][data-name=salad-warm]")).to_have_count(0)
    page.get_by_test_id("profiles-ended").check()
    page.locator("[data-testid=profile-row][data-name=salad-warm]").get_by_role("link").click()
    page.get_by_test_id("profile-restore").click()
    expect(page.get_by_test_id("profile-retire")).to_be_visible()


@pytest.mark.parametrize("look", [SMALL], ids=["phone"], indirect=True)
def test_a_profile_is_tried_on_the_past_before_it_is_made(page: Page, stack: Stack) -> None:
    page.goto("/settings/profiles?profile=chilled&do=change")
    page.get_by_test_id("profile-low").fill("")
    page.get_by_test_id("profile-high").fill("-30")
    page.get_by_test_id("profile-for").fill("0")
    page.get_by_test_id("past-run").click()
    row = page.locator("[data-testid=past-row][data-how=new]").first
    expect(row).to_contain_text("limit \u221230.0\u00a0°C")
    expect(row).to_contain_text("none")
    expect(page.get_by_test_id("past-summary")).to_contain_text("more, 0 cases fewer")
    expect(page.get_by_test_id("past-plot")).to_be_visible()
    fits(page)
    page.get_by_test_id("profile-for").fill("9999")
    expect(page.get_by_test_id("past-summary")).to_contain_text("has changed since")
    assert stack.request("GET", "/profiles/chilled").json()["version"] == 1
