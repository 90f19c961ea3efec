"""What vehicles are, on the pages: found and grouped by it, told and handed over by an admin."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1800)]


def test_the_list_is_filtered_and_put_in_groups_by_keyboard_and_the_address_keeps_it(desktop: BrowserContext) -> None:
    page = desktop.new_page()
    page.goto("/")
    expect(page.get_by_test_id("vehicle-row")).to_have_count(8)
    page.get_by_text("Fleet, model, driver, tags").focus()
    page.keyboard.press("Enter")
    page.get_by_test_id("trait-fleet").focus()
    page.keyboard.type("Pha")
    page.keyboard.press("Tab")
    expect(page.get_by_test_id("vehicle-row")).to_have_count(3)
    page.get_by_test_id("group-by").select_option("model")
    expect(page.get_by_test_id("group")).to_have_count(2)
    expect(page.get_by_test_id("group").first).to_contain_text("Scania P 280")
    expect(page).to_have_url(re.compile(r"fleet=Pharmacies&by=model"))
    page.reload()
    expect(page.get_by_test_id("group")).to_have_count(2)
    expect(page.get_by_test_id("trait-fleet")).to_have_value("Pharmacies")
    page.locator("h1").evaluate("() => document.activeElement?.blur()")
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile("vehicle=truck-07"))
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile("vehicle=truck-0[34]"))
    page.get_by_test_id("trait-fleet").select_option("")
    page.get_by_test_id("trait-tag").select_option("city")
    expect(page.get_by_test_id("vehicle-row")).to_have_count(1)
    page.close()


def test_an_admin_is_asked_before_a_vehicle_is_handed_over_or_of_another_fleet(desktop: BrowserContext) -> None:
    page = desktop.new_page()
    page.goto("/?vehicle=truck-06")
    expect(page.get_by_test_id("driver")).to_contain_text("Oskari Mäkelä")
    page.get_by_test_id("hand-over").click()
    page.get_by_test_id("choose-driver").select_option("ville")
    page.get_by_test_id("send-hand-over").click()
    expect(page.get_by_test_id("question")).to_contain_text("Oskari Mäkelä no longer")
    expect(page.get_by_test_id("driver")).to_contain_text("Oskari Mäkelä")
    page.get_by_role("button", name="Yes, hand over").click()
    expect(page.get_by_test_id("driver")).to_contain_text("Ville Heino")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_test_id("edit-vehicle").click()
    page.get_by_label("Fleet", exact=True).last.fill("Nights")
    page.get_by_label("Tags, with commas between them").fill("chilled, chilled, spare")
    page.get_by_test_id("save-vehicle").click()
    expect(page.get_by_text("was of Stores until now")).to_be_visible()
    page.get_by_role("button", name="Yes, change").click()
    expect(page.get_by_test_id("about")).to_contain_text("Nights")
    expect(page.get_by_test_id("about")).to_contain_text("chilled, spare")
    page.close()


def test_the_class_that_the_ways_of_a_vehicle_speak_for_is_taken_over_after_a_question(desktop: BrowserContext) -> None:
    page = desktop.new_page()
    page.route(
        "**/api/v1/vehicles/truck-02/class",
        lambda route: route.fulfill(
            json={
                "class": None,
                "suggested": "van",
                "distance_m": 4e4,
                "driving_s": 4e3,
                "halts": 9,
                "halting_s": 600,
                "halt_s": 60,
            }
        ),
    )
    page.goto("/?vehicle=truck-02")
    shown = page.get_by_test_id("vehicle-class")
    expect(shown).to_contain_text("moves like a van")
    page.get_by_test_id("class-accept").click()
    expect(shown).to_contain_text("derived again")
    page.get_by_test_id("class-yes").click()
    expect(shown).to_have_text(re.compile(r"^\s*van\s*$"))
    page.close()
