"""Orders: taken in and given goods on the desk, picked by scan and by hand on a phone, each step explained."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, Opening
from tests.browser.test_frame import axe
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


def stocked(stack: Stack) -> None:
    """Ten of a product of its own in each of two zones."""
    assert stack.request("POST", "/products", {"sku": "OWN-TEA", "label": "Tea"}).status_code in (200, 201)
    move = {"kind": "receive", "sku": "OWN-TEA"}
    places = [("chiller", 4), ("shelf", 10)]
    moves = [{**move, "id": f"tea-{z}", "quantity": n, "to": {"site": "store-1", "zone": z}} for z, n in places]
    assert stack.request("POST", "/stock/moves", {"moves": moves}).status_code == 201


def taken_in(page: Page) -> None:
    """A customer, and an order of seven."""
    page.goto("/orders")
    page.get_by_test_id("customer-add").click()
    page.get_by_test_id("customer-code").fill("ward-5")
    page.get_by_test_id("customer-label").fill("Ward 5")
    page.get_by_test_id("customer-send").click()
    page.get_by_test_id("order-add").click()
    page.get_by_test_id("order-name").fill("SO-1")
    page.get_by_test_id("order-site").select_option("store-1")
    page.get_by_test_id("order-sku").fill("OWN-TEA")
    page.get_by_test_id("order-quantity").fill("7")
    page.get_by_test_id("order-send").click()
    expect(page.get_by_test_id("order-detail")).to_contain_text("7 pieces to be given goods")


def test_an_order_is_taken_in_given_goods_and_picked_on_a_phone(opening: Opening, stack: Stack) -> None:
    stocked(stack)
    with opening(DESKTOP) as page:
        taken_in(page)
        page.get_by_test_id("order-allocate").click()
        expect(page.get_by_test_id("stages")).to_have_text("7 pieces to be picked")
        expect(page.locator("[data-testid=order-row][data-name=SO-1]")).to_contain_text("to be picked")
        assert axe(page) == []
    with opening(PHONE) as page:
        page.goto("/orders?order=SO-1")
        page.get_by_test_id("order-pick").click()
        expect(page.get_by_test_id("pick-next")).to_contain_text("2 places left")
        page.get_by_test_id("scan").fill("MILK-1L")
        page.get_by_test_id("scan").press("Enter")
        expect(page.get_by_test_id("scan-said")).to_contain_text("not what is to be picked")
        page.get_by_test_id("scan").fill("OWN-TEA")
        page.get_by_test_id("scan").press("Enter")
        expect(page.get_by_test_id("pick-next")).to_contain_text("1 place left")
        assert axe(page) == []
        page.get_by_test_id("pick-take").click()
        expect(page.get_by_text("All of it is picked")).to_be_visible()
        page.get_by_test_id("pick-taken").first.get_by_role("button").click()
        expect(page.get_by_test_id("pick-said")).to_contain_text("back at its place")
        page.goto("/orders?order=SO-1")
        page.get_by_text("What was done").click()
        expect(page.get_by_test_id("order-detail")).to_contain_text("Put back")
    found = stack.get("/orders/SO-1")["lines"][0]["stages"]
    assert found in ({"open": 3, "picked": 4}, {"open": 4, "picked": 3})
