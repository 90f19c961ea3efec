"""The page of goods: a lot and a unit are added, moved, split and taken back; its budget is seen, on a shipment too."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import SMALL, Opening
from tests.browser.test_frame import axe
from tests.browser.test_pages import TOO_WIDE
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


def test_goods_are_followed_from_the_first_unit_to_what_was_taken_back(desktop: BrowserContext, stack: Stack) -> None:
    page = desktop.new_page()
    page.goto("/goods")
    expect(page.get_by_test_id("unit-row").first).to_be_visible()  # the simulated fleet has some
    page.get_by_test_id("lot-add").click()
    page.get_by_test_id("lot-code").fill("OWN-1")
    page.get_by_test_id("lot-sku").fill("MILK-1L")
    page.get_by_test_id("lot-send").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_test_id("unit-add").click()
    page.get_by_test_id("unit-code").fill("OWN-BOX")
    page.get_by_test_id("unit-lot").fill("OWN-1")
    page.get_by_test_id("unit-quantity").fill("10")
    page.get_by_test_id("place-kind").select_option("vehicle")
    page.get_by_test_id("place-name").fill("truck-02")
    page.get_by_test_id("unit-send").click()
    page.get_by_test_id("goods-search").fill("own-")
    expect(page.get_by_test_id("unit-row")).to_have_count(1)
    page.get_by_role("link", name="OWN-BOX").click()
    unit = page.get_by_test_id("unit")
    expect(unit).to_contain_text("MILK-1L, lot OWN-1, Truck 02")
    wait_for(lambda: stack.get("/handling-units/OWN-BOX")["budget"] is not None, "its budget")
    expect(page.get_by_test_id("unit-verdict")).to_contain_text("Within budget")
    page.get_by_test_id("act-split").click()
    page.get_by_test_id("split-quantity").fill("4")
    page.get_by_test_id("split-code").fill("OWN-TIN")
    assert axe(page) == []
    page.get_by_test_id("act-send").click()
    expect(page.get_by_test_id("unit-row")).to_have_count(2)
    expect(unit).to_contain_text("6 ")
    page.get_by_test_id("act-move").click()
    page.get_by_test_id("place-kind").select_option("site")
    page.get_by_test_id("place-name").fill("dc-1")
    page.get_by_test_id("act-send").click()
    expect(page.get_by_test_id("unit-place")).to_have_count(2)
    assert axe(page) == []
    page.get_by_test_id("take-back").first.click()
    page.get_by_test_id("take-back-reason").fill("wrong box")
    page.get_by_test_id("take-back-send").click()
    expect(page.get_by_test_id("unit-place")).to_have_count(1)
    expect(page.get_by_test_id("movement").first).to_contain_text("taken back by admin: wrong box")
    for code in ("OWN-BOX", "OWN-TIN"):
        page.goto(f"/goods?unit={code}")
        page.get_by_test_id("act-end").click()
        page.get_by_test_id("question-yes").click()
        expect(page.get_by_test_id("act-end")).to_be_hidden()


def test_a_shipment_shows_what_is_left_of_its_goods_on_a_phone_too(opening: Opening, stack: Stack) -> None:
    units = stack.get("/handling-units", open=True)["items"]
    shipment = next(unit["place"]["shipment"] for unit in units if "shipment" in (unit["place"] or {}))
    with opening(SMALL) as page:
        page.goto(f"/shipments?shipment={shipment}")
        expect(page.get_by_test_id("shipment-unit").first).to_contain_text("left")
        page.get_by_test_id("shipment-unit").first.get_by_role("link").click()
        expect(page.get_by_test_id("unit")).to_be_visible()
        assert page.evaluate(TOO_WIDE, 320) == []
