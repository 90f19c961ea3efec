"""The first day: from an empty folder to one's own phone on the map, a place around it, a customer's link and a webhook
that is told of the phone's alert.

By pages only, as a newcomer does it, at a desk and then with a phone in the hand; what the phone says is sent by the
command that the page shows.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect
from standardwebhooks import Webhook

from tests.browser.conftest import DESKTOP, PHONE, Watch, context_of
from tests.browser.test_devices import add, run, speak
from tests.browser.test_frame import axe
from tests.browser.test_pages import TOO_WIDE
from tests.browser.test_sites import map_box, press
from tests.browser.test_webhooks import add as add_webhook
from tests.browser.test_webhooks import trial
from tests.receiver import Receiver, receiving
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
STEPS = ["device", "position", "site", "link", "webhook"]


class Own(NamedTuple):
    """What one calls one's own things."""

    phone: str
    van: str
    yard: str
    goods: str
    hook: str


AT_THE_DESK = Own("my-phone", "my-van", "Home yard", "M-1", "erp")
IN_THE_HAND = Own("other-phone", "other-van", "Other yard", "N-1", "pager")


def sign_in(page: Page, stack: Stack) -> None:
    page.goto("/")
    page.get_by_test_id("login-user").fill("admin")
    page.get_by_test_id("login-password").fill(stack.admin_password)
    page.get_by_test_id("login-submit").click()


def done(page: Page) -> list[str]:
    """The steps that the page says are done."""
    page.goto("/start")
    steps = page.locator("[data-testid^=step-]:not([data-testid=steps-done])")
    expect(steps).to_have_count(len(STEPS))
    return [
        (each.get_attribute("data-testid") or "")[5:]
        for each in steps.all()
        if each.get_attribute("data-done") == "true"
    ]


def fits(page: Page, *addresses: str) -> None:
    """Nothing is too wide, and axe has nothing to say by day or by night."""
    assert page.viewport_size
    for address in addresses:
        page.goto(address)
        expect(page.get_by_role("main")).not_to_be_empty()
        assert page.evaluate(TOO_WIDE, page.viewport_size["width"]) == [], address
        assert axe(page) == [], address


def add_a_phone(page: Page, own: Own) -> str:
    """What makes it speak."""
    add(page, own.phone, "phone", own.van)
    command = run(page)
    page.get_by_test_id("echo").get_by_role("link").click()
    expect(page.get_by_test_id("detail")).to_contain_text(own.van)
    return command


def draw_a_place(page: Page, own: Own) -> None:
    """As the step's link does, with the map where the phone is."""
    page.goto("/sites?do=new#map=13/60.17/24.94")
    page.get_by_test_id("site-label").fill(own.yard)
    page.get_by_test_id("draw").click()
    box = map_box(page)
    press(page, box, (0.5, 0.5))
    press(page, box, (0.6, 0.5))
    page.get_by_test_id("site-save").click()
    expect(page.get_by_test_id("site-detail")).to_contain_text(own.yard)


def share_a_shipment(page: Page, own: Own) -> str:
    """From the yard to a customer far off."""
    page.goto("/shipments")
    page.get_by_test_id("shipment-new").click()
    page.get_by_test_id("shipment-id").fill(own.goods)
    page.get_by_test_id("shipment-reference").fill(f"PO {own.goods}")
    page.get_by_test_id("shipment-customer").fill("Anna")
    page.get_by_test_id("shipment-on").fill(own.van)
    site = page.get_by_test_id("stop").nth(0).get_by_test_id("stop-site")
    site.fill(own.yard)
    expect(site).to_have_attribute("aria-expanded", "true")  # the sites have come
    site.press("ArrowDown")
    site.press("Enter")
    there = page.get_by_test_id("stop").nth(1)
    there.get_by_test_id("stop-place-kind").check()
    for field, text in (("name", "Anna's shop"), ("lat", "60.9"), ("lon", "24.94")):
        there.get_by_test_id(f"stop-{field}").fill(text)
    page.get_by_test_id("shipment-save").click()
    expect(page.get_by_test_id("shipment-detail")).to_contain_text(f"PO {own.goods}")
    page.get_by_test_id("share-recipient").fill("Anna")
    page.get_by_test_id("share").click()
    return page.get_by_test_id("share-link").input_value()


def be_told(page: Page, own: Own, receiver: Receiver, command: str) -> None:
    """A webhook is tried; then the goods that the phone carries are late, and it is told so."""
    secret = add_webhook(page, own.hook, receiver.url, "alert.*")
    page.get_by_test_id("once-close").click()
    trial(page, "good")
    page.goto(f"/shipments?shipment={own.goods}")
    page.get_by_test_id("shipment-edit").click()
    yesterday = datetime.now(UTC) - timedelta(days=1)
    page.get_by_test_id("stop").nth(1).get_by_test_id("stop-to").fill(f"{yesterday:%Y-%m-%dT%H:%M}")
    page.get_by_test_id("shipment-save").click()
    expect(page.get_by_test_id("shipment-save")).to_have_count(0)
    speak(command)
    wait_for(lambda: len(receiver.heard) > 1, "the webhook to be told")
    headers, body = receiver.heard[1]
    event = Webhook(secret).verify(body, headers)
    assert event["type"] == "frostway.alert.opened"
    assert event["data"].items() >= {"kind": "late_risk", "device": own.phone, "vehicle": own.van}.items()
    page.goto("/alerts")
    expect(page.get_by_role("main")).to_contain_text(f"{own.goods} may miss its window")
    page.goto(f"/settings/webhooks?webhook={own.hook}")
    expect(page.locator("[data-testid=delivery][data-state=done]")).to_have_count(2)
    expect(page.get_by_test_id("delivery").first).to_contain_text("Alert raised")


def walk(page: Page, own: Own) -> str:
    """All five steps, each from where it is done; the customer's link."""
    page.goto("/devices")
    command = add_a_phone(page, own)
    draw_a_place(page, own)
    link = share_a_shipment(page, own)
    page.goto("/settings/webhooks")
    with receiving() as receiver:
        be_told(page, own, receiver, command)
    assert done(page) == STEPS
    expect(page.get_by_test_id("steps-done")).to_contain_text("5 of 5")
    fits(page, "/start", f"/settings/webhooks?webhook={own.hook}", f"/devices?device={own.phone}")
    return link


def add_and_remove_the_simulated_fleet(page: Page, vehicles: int) -> None:
    page.goto("/start")
    page.get_by_test_id("demo-add").click()
    expect(page.get_by_test_id("demo")).to_have_attribute("data-running", "true")
    page.get_by_test_id("demo-remove").click()
    page.get_by_test_id("question-yes").click()
    expect(page.get_by_test_id("demo")).to_have_attribute("data-running", "false")
    page.goto("/")
    expect(page.get_by_test_id("vehicle-row")).to_have_count(vehicles)


def test_from_an_empty_folder_to_ones_own_phone_a_place_a_customers_link_and_a_webhook(
    browser: Browser, tmp_path: Path
) -> None:
    inside = {"FROSTWAY_WEBHOOK_NETWORKS": "127.0.0.0/8"}
    with Stack(tmp_path, "--no-sim", **inside) as stack, context_of(browser, **DESKTOP, base_url=stack.url) as context:
        watch = Watch(stack.url)
        context.on("page", watch.follow)
        page = context.new_page()
        sign_in(page, stack)
        page.get_by_test_id("first-steps").get_by_role("link").click()
        expect(page.get_by_test_id("steps-done")).to_contain_text("0 of 5")
        for step in STEPS:  # each leads somewhere
            page.goto("/start")
            page.get_by_test_id(f"step-{step}").get_by_role("link").click()
            expect(page.get_by_role("main")).not_to_be_empty()
        link = walk(page, AT_THE_DESK)
        with context_of(browser, **PHONE, base_url=stack.url) as second:
            customer = second.new_page()
            watch.follow(customer)
            customer.goto(link)
            expect(customer.get_by_test_id("public")).to_contain_text("PO M-1")
            assert axe(customer) == []
        with context_of(browser, **PHONE, base_url=stack.url) as third:
            phone = third.new_page()
            watch.follow(phone)
            sign_in(phone, stack)
            expect(phone.get_by_test_id("vehicle-row")).to_have_count(1)
            walk(phone, IN_THE_HAND)
        add_and_remove_the_simulated_fleet(page, 2)
        assert watch.complaints == []
