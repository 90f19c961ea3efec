"""The first day: from an empty folder to one's own phone on the map, a place around it and a customer's link.

By pages only, as a newcomer does it; what the phone says is sent by the command that the page shows.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DESKTOP, PHONE, Watch, context_of
from tests.browser.test_devices import add, run
from tests.browser.test_frame import axe
from tests.browser.test_pages import TOO_WIDE
from tests.browser.test_sites import map_box, press
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


def sign_in(page: Page, stack: Stack) -> None:
    page.goto("/")
    page.get_by_test_id("login-user").fill("admin")
    page.get_by_test_id("login-password").fill(stack.admin_password)
    page.get_by_test_id("login-submit").click()


def done(page: Page) -> list[str]:
    """The steps that the page says are done."""
    page.goto("/start")
    steps = page.locator("[data-testid^=step-]:not([data-testid=steps-done])")
    expect(steps).to_have_count(5)
    return [
        (each.get_attribute("data-testid") or "")[5:]
        for each in steps.all()
        if each.get_attribute("data-done") == "true"
    ]


def add_a_phone(page: Page) -> None:
    page.get_by_test_id("step-device").get_by_role("link").click()
    add(page, "my-phone", "phone", "my-van")
    run(page)
    page.get_by_test_id("echo").get_by_role("link").click()
    expect(page.get_by_test_id("detail")).to_contain_text("my-van")


def draw_a_place(page: Page) -> None:
    """As the step's link does, with the map where the phone is."""
    page.goto("/sites?do=new#map=13/60.17/24.94")
    page.get_by_test_id("site-label").fill("Home yard")
    page.get_by_test_id("draw").click()
    box = map_box(page)
    press(page, box, (0.5, 0.5))
    press(page, box, (0.6, 0.5))
    page.get_by_test_id("site-save").click()
    expect(page.get_by_test_id("site-detail")).to_contain_text("Home yard")


def share_a_shipment(page: Page) -> str:
    page.goto("/shipments")
    page.get_by_test_id("shipment-new").click()
    page.get_by_test_id("shipment-id").fill("M-1")
    page.get_by_test_id("shipment-reference").fill("PO 1")
    page.get_by_test_id("shipment-customer").fill("Anna")
    page.get_by_test_id("shipment-on").fill("my-van")
    site = page.get_by_test_id("stop").nth(0).get_by_test_id("stop-site")
    site.fill("Home yard")
    site.press("ArrowDown")
    site.press("Enter")
    page.get_by_test_id("stop").nth(1).get_by_test_id("stop-remove").click()
    page.get_by_test_id("shipment-save").click()
    expect(page.get_by_test_id("shipment-detail")).to_contain_text("PO 1")
    page.get_by_test_id("share-recipient").fill("Anna")
    page.get_by_test_id("share").click()
    return page.get_by_test_id("share-link").input_value()


def add_and_remove_the_simulated_fleet(page: Page) -> None:
    page.goto("/start")
    page.get_by_test_id("demo-add").click()
    expect(page.get_by_test_id("demo")).to_have_attribute("data-running", "true")
    page.get_by_test_id("demo-remove").click()
    page.get_by_test_id("question-yes").click()
    expect(page.get_by_test_id("demo")).to_have_attribute("data-running", "false")
    page.goto("/")
    expect(page.get_by_test_id("vehicle-row")).to_have_count(1)


def test_from_an_empty_folder_to_ones_own_phone_a_place_and_a_customers_link(browser: Browser, tmp_path: Path) -> None:
    with Stack(tmp_path, "--no-sim") as stack, context_of(browser, **DESKTOP, base_url=stack.url) as context:
        watch = Watch(stack.url)
        context.on("page", watch.follow)
        page = context.new_page()
        sign_in(page, stack)
        page.get_by_test_id("first-steps").get_by_role("link").click()
        expect(page.get_by_test_id("steps-done")).to_contain_text("0 of 5")
        add_a_phone(page)
        assert done(page) == ["device", "position"]
        draw_a_place(page)
        link = share_a_shipment(page)
        assert done(page) == ["device", "position", "site", "link"]
        assert axe(page) == []
        with context_of(browser, **PHONE, base_url=stack.url) as second:
            customer = second.new_page()
            watch.follow(customer)
            customer.goto(link)
            expect(customer.get_by_test_id("public")).to_contain_text("PO 1")
            assert axe(customer) == []
        with context_of(browser, **PHONE, base_url=stack.url) as third:
            phone = third.new_page()
            sign_in(phone, stack)
            expect(phone.get_by_test_id("first-steps")).to_contain_text("4 of 5")
            assert done(phone) == ["device", "position", "site", "link"]
            assert axe(phone) == []
            assert phone.evaluate(TOO_WIDE, 390) == []
            phone.goto("/devices?device=my-phone")
            expect(phone.get_by_test_id("echo")).to_contain_text("60.17")
            assert axe(phone) == []
            assert phone.evaluate(TOO_WIDE, 390) == []
        add_and_remove_the_simulated_fleet(page)
        assert watch.complaints == []
