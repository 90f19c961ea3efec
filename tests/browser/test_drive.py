"""A driver's day without a network: stops that were kept, a signature, all of it sent when the network is back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PHONE, SMALL, Watch, context_of
from tests.browser.test_frame import axe
from tests.browser.test_pages import TOO_WIDE
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


def made(stack: Stack, path: str, body: Any) -> Any:
    answer = stack.request("POST", path, body)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def carried(stack: Stack, name: str, shipment: str) -> None:
    """A shipment to one place with one order on it; that it was loaded nobody has told yet."""
    made(stack, "/customers", {"id": "pier-shop", "label": "Pier shop"})
    place = {"id": "door", "label": "Door 3", "address": "Pier 3, Helsinki", "access": "Ring twice", "contact": "Anna"}
    made(stack, "/customers/pier-shop/ship-tos", place)
    made(stack, "/products", {"sku": "DRIVE-TEA", "label": "Tea"})
    stops = [{"site": "dc-1"}, {"stop_id": f"{shipment}-p", "name": "Pier 3", "lat": 60.16, "lon": 24.96}]
    made(stack, "/shipments", {"id": shipment, "reference": "PO 900", "vehicle": "truck-08", "stops": stops})
    lines = [{"sku": "DRIVE-TEA", "quantity": 4}, {"sku": "DRIVE-TEA", "quantity": 2}]
    made(stack, "/orders", {"id": name, "customer": "pier-shop", "ship_to": "door", "site": "dc-1", "lines": lines})
    carrying = stack.request("PUT", f"/shipments/{shipment}/orders", {"orders": [{"order": name, "stop": 2}]})
    assert carrying.status_code < 300, carrying.text


def sign(page: Page) -> None:
    pad = page.get_by_test_id("drive-sign")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box
    page.mouse.move(box["x"] + 20, box["y"] + 40)
    page.mouse.down()
    for n in range(1, 8):
        page.mouse.move(box["x"] + 20 + 25 * n, box["y"] + 40 + (20 if n % 2 else -10))
    page.mouse.up()


def shown_to_the_customer(browser: Browser, stack: Stack, watch: Watch, url: str) -> None:
    """The proof, its signature and photograph, and all of it as PDF."""
    with context_of(browser, **PHONE, base_url=stack.url) as context:
        customer = context.new_page()
        watch.follow(customer)
        customer.goto(url)
        pod = customer.get_by_test_id("public-pod")
        expect(pod).to_contain_text("Received by Anna Virtanen")
        expect(pod).to_contain_text("Tea: 1 accepted, 1 damaged")
        shown = pod.get_by_role("img", name="Signature of Anna Virtanen")
        expect(shown).to_be_visible()
        customer.wait_for_function("() => document.querySelector('.signature').naturalWidth > 0")
        photo = pod.get_by_role("img", name="Photo 1 of the delivery")
        photo.scroll_into_view_if_needed()
        customer.wait_for_function("e => e.naturalWidth > 0", arg=photo.element_handle())
        assert axe(customer) == []
        with customer.expect_download() as download:
            pod.get_by_test_id("public-pod-pdf").click()
        assert download.value.suggested_filename.endswith(".pdf")


def test_a_proof_made_without_a_network_is_kept_over_a_reload_and_sent_when_it_is_back(
    browser: Browser, stack: Stack, watch: Watch
) -> None:
    carried(stack, "DRIVE-1", "D-1")
    link = made(stack, "/shipments/D-1/driver-links", {"driver": "Mika"})
    share = made(stack, "/shipments/D-1/share", {"recipient": "Anna", "customer": "pier-shop"})
    where = {"latitude": 60.1601, "longitude": 24.9601, "accuracy": 6}
    look = {**PHONE, "service_workers": "allow", "geolocation": where, "permissions": ["geolocation"]}
    with context_of(browser, **look, base_url=stack.url) as context:
        page = context.new_page()
        watch.follow(page)
        page.goto(link["url"])
        expect(page.get_by_test_id("drive-next")).to_contain_text("Pier 3, Helsinki")
        expect(page).to_have_url(re.compile("/drive$"))
        expect(page.get_by_test_id("drive-navigate").first).to_have_attribute("href", re.compile("^geo:60.16,24.96"))
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        page.wait_for_function("() => !!navigator.serviceWorker.controller")
        assert axe(page) == []

        context.set_offline(True)
        # A page that is loaded anew may ask before its new process knows that there is no network.
        context.route("**/api/v1/public/**", lambda route: route.abort("internetdisconnected"))
        page.reload()
        page.get_by_test_id("drive-hand-over").first.click()
        lines = page.get_by_test_id("drive-line")
        expect(lines).to_have_count(2)
        page.get_by_test_id("drive-scan").fill("DRIVE-TEA")
        page.get_by_test_id("drive-scan").press("Enter")
        expect(page.get_by_test_id("drive-scanned")).to_contain_text("accepted")
        lines.nth(1).get_by_test_id("drive-damaged").click()
        lines.nth(1).get_by_test_id("drive-count").fill("1")
        page.get_by_test_id("drive-finish").click()
        expect(page.get_by_test_id("drive-wrong")).to_contain_text("Who takes the goods")
        page.get_by_test_id("drive-receiver").fill("Anna Virtanen")
        sign(page)
        page.get_by_test_id("drive-photo").set_input_files(
            {"name": "crate.png", "mimeType": "image/png", "buffer": page.screenshot()}
        )
        expect(page.get_by_role("button", name="Remove photograph 1")).to_be_visible()
        assert axe(page) == []
        page.get_by_test_id("drive-finish").click()
        expect(page.get_by_test_id("drive-unsent")).to_have_attribute("data-unsent", "1")
        expect(page.get_by_test_id("drive-told")).to_have_attribute("data-state", "waiting")
        page.reload()
        expect(page.get_by_test_id("drive-unsent")).to_have_attribute("data-unsent", "1")
        assert stack.items("/proofs", shipment="D-1") == []

        context.unroute_all()
        context.set_offline(False)
        expect(page.get_by_test_id("drive-told")).to_have_attribute("data-state", "sent")
        expect(page.get_by_test_id("drive-unsent")).to_have_attribute("data-unsent", "0")
        (proof,) = stack.items("/proofs", shipment="D-1")
        assert (proof["outcome"], proof["receiver"], proof["missing"]) == ("partly", "Anna Virtanen", [])
        assert proof["position"]["distance_m"] < 30
        assert [(line["accepted"], line["damaged"]) for line in proof["lines"]] == [(4, 0), (1, 1)]
        assert proof["signature"]
        assert axe(page) == []
        page.set_viewport_size(SMALL["viewport"])
        assert page.evaluate(TOO_WIDE, 320) == []
    shown_to_the_customer(browser, stack, watch, share["url"])
    watch.complaints = [each for each in watch.complaints if "ERR_INTERNET_DISCONNECTED" not in each]
