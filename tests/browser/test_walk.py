"""From an order in a file to a proof with the customer: picked, packed, a wrong pallet caught, signed offline."""

from __future__ import annotations

import re
import time
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from firmware_sim import dock
from tests.browser.conftest import DESKTOP, PHONE, Opening, Watch, context_of
from tests.browser.test_drive import made, sign
from tests.browser.test_files import give
from tests.browser.test_frame import axe
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
SITE, TRUCK, SHIPMENT, ORDER = "walk-dc", "walk-truck", "WALK-S", "WALK-1"
HERE, PIER = (60.3000, 25.1000), (60.3000, 25.1600)  # 3.3 km apart
OWN, STRANGE = dock.sscc_of(4711), dock.sscc_of(815)
FILE = f"order,customer,ship_to,site,sku,quantity\n{ORDER},walk-shop,door,{SITE},WALK-TEA,6\n"


def furnished(stack: Stack) -> None:
    """A centre with a room, a staging zone and a dock door; a shop; six of a product; a pallet that is nobody's."""
    zones = [{"id": zone, "label": zone} for zone in ("room", "staging", "door-1")]
    lat, lon = HERE
    made(stack, "/sites", {"id": SITE, "label": "Walk", "kind": "dc", "lat": lat, "lon": lon, "zones": zones})
    for zone, kind in (("staging", "staging"), ("door-1", "door")):
        assert stack.request("PUT", f"/sites/{SITE}/zones/{zone}/dock", {"dock": kind}).status_code == 200
    made(stack, "/customers", {"id": "walk-shop", "label": "Walk shop"})
    made(stack, "/customers/walk-shop/ship-tos", {"id": "door", "label": "Door", "lat": PIER[0], "lon": PIER[1]})
    made(stack, "/products", {"sku": "WALK-TEA", "label": "Tea"})
    came = {"id": "walk-in", "kind": "receive", "sku": "WALK-TEA", "quantity": 6, "to": {"site": SITE, "zone": "room"}}
    made(stack, "/stock/moves", {"moves": [came]})


def picked_and_packed(desk: Page, phone: Page) -> None:
    desk.goto("/settings/files?of=orders")
    give(desk, "orders.csv", FILE.encode())
    desk.get_by_test_id("bring-send").click()
    expect(desk.get_by_test_id("bring-done")).to_contain_text("1 came in")
    desk.goto(f"/orders?order={ORDER}")
    desk.get_by_test_id("order-allocate").click()
    expect(desk.get_by_test_id("stages")).to_have_text("6 pieces to be picked")
    phone.goto(f"/orders/pick?order={ORDER}")
    phone.get_by_test_id("pick-to").select_option("staging")
    phone.get_by_test_id("scan").fill("WALK-TEA")
    phone.get_by_test_id("scan").press("Enter")
    expect(phone.get_by_text("All of it is picked")).to_be_visible()
    phone.goto(f"/orders/pack?order={ORDER}")
    phone.get_by_test_id("scan").fill(f"00{OWN}")
    phone.get_by_test_id("scan").press("Enter")
    expect(phone.get_by_test_id("pack-unit")).to_have_value(OWN)
    phone.get_by_test_id("pack-do").click()
    expect(phone.get_by_test_id("pack-packed")).to_contain_text("Tea")


def read_at_the_door(stack: Stack, now_ms: int) -> None:
    """Both pallets stand in the staging zone and go through the gate to the truck, minutes ago; told over MQTT now."""
    rng = np.random.default_rng(5)
    heard: dict[str, list[tuple[int, int, str, float]]] = {"staging": [], "door-1": []}
    for n, sscc in enumerate((OWN, STRANGE)):
        pallet = dock.Pallet(sscc, 0, 1, 0.95)
        goes = now_ms - (8 - 2 * n) * 60_000
        for t in range(now_ms - 14 * 60_000, goes, 10_000):
            heard["staging"].append((t, 1, dock.sscc96(sscc), -56.0))
        for each in dock._passing(rng, pallet, 0, 1, goes, outwards=True):
            heard["door-1"].append((each.t_ms, each.antenna, each.epc, each.rssi_dbm))
    for zone, reads in heard.items():
        user, password = stack.add_device(f"walk-{zone}", "--kind", "rfid", "--site", SITE, "--zone", zone)
        reads.sort()
        t, ant, epc, rssi = zip(*reads, strict=True)
        with stack.device(user, password) as reader:
            batch = {"boot": "b", "seq": 1, "t": t, "ant": ant, "epc": epc, "rssi": [round(each, 1) for each in rssi]}
            reader.publish("rfid", batch)
            reader.receipt("b", len(reads))


def driven(stack: Stack, now_ms: int) -> None:
    """It stood at the centre, and has been at the pier for some minutes."""
    user, password = stack.add_device("walk-gps", "--kind", "tracker", "--vehicle", TRUCK)
    fixes: list[dict[str, Any]] = []
    for n in range(0, 16 * 60, 20):
        left_s = n - 10 * 60  # leaves after ten minutes, is there after three more
        part = min(max(left_s / 180, 0.0), 1.0)
        lat, lon = (a + (b - a) * part for a, b in zip(HERE, PIER, strict=True))
        fixes.append({"t": now_ms - (16 * 60 - n) * 1000, "lat": lat, "lon": lon, "spd": 18.0 if 0 < part < 1 else 0.0})
    with stack.device(user, password) as tracker:
        batch = {key: [fix[key] for fix in fixes] for key in ("t", "lat", "lon", "spd")}
        tracker.publish("gps", {"boot": "b", "seq": 1, **batch})
        tracker.receipt("b", len(fixes))


def test_from_a_file_to_the_customers_proof_with_a_wrong_pallet_caught(
    browser: Browser, opening: Opening, stack: Stack, watch: Watch
) -> None:
    furnished(stack)
    with opening(DESKTOP) as desk, opening(PHONE) as phone:
        picked_and_packed(desk, phone)
        stops = [{"site": SITE}, {"stop_id": "WALK-P", "name": "Pier", "lat": PIER[0], "lon": PIER[1]}]
        now_ms = round(time.time() * 1000)
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_ms / 1000 - 16 * 60))
        made(stack, "/shipments", {"id": SHIPMENT, "vehicle": TRUCK, "stops": stops, "since": since})
        carried = stack.request("PUT", f"/shipments/{SHIPMENT}/orders", {"orders": [{"order": ORDER, "stop": 2}]})
        assert carried.status_code == 200, carried.text
        docked = {"id": "walk-d", "site": SITE, "door": "door-1", "vehicle": TRUCK, "began_at": since}
        made(stack, "/dockings", docked)
        read_at_the_door(stack, now_ms)

        phone.goto(f"/shipments/load?shipment={SHIPMENT}")
        expect(phone.get_by_test_id("load-wrong")).to_contain_text(STRANGE)
        expect(phone.get_by_test_id("load-count")).to_contain_text("1")
        assert axe(phone) == []
        (alert,) = [each for each in stack.items("/alerts", state="active") if each["kind"] == "wrong_load"]
        assert [unit["unit"] for unit in alert["load"]["wrong"]] == [STRANGE]
        phone.get_by_test_id("load-confirm").click()
        expect(phone.get_by_test_id("load-off")).to_be_visible()
        expect(phone.get_by_test_id("load-on")).to_contain_text(OWN)
        assert stack.get(f"/orders/{ORDER}")["lines"][0]["stages"] == {"loaded": 6}

    driven(stack, now_ms)
    link = made(stack, f"/shipments/{SHIPMENT}/driver-links", {"driver": "Mika"})
    share = made(stack, f"/shipments/{SHIPMENT}/share", {"recipient": "Anna", "customer": "walk-shop"})
    where = {"latitude": PIER[0], "longitude": PIER[1], "accuracy": 6}
    look = {**PHONE, "service_workers": "allow", "geolocation": where, "permissions": ["geolocation"]}
    with context_of(browser, **look, base_url=stack.url) as context:
        driver = context.new_page()
        watch.follow(driver)
        driver.goto(link["url"])
        expect(driver.get_by_test_id("drive-next")).to_contain_text("Pier")
        driver.evaluate("navigator.serviceWorker.ready.then(() => true)")
        driver.wait_for_function("() => !!navigator.serviceWorker.controller")
        context.set_offline(True)
        context.route("**/api/v1/public/**", lambda route: route.abort("internetdisconnected"))
        driver.get_by_test_id("drive-hand-over").first.click()
        driver.get_by_test_id("drive-scan").fill(OWN)
        driver.get_by_test_id("drive-scan").press("Enter")
        expect(driver.get_by_test_id("drive-scanned")).to_contain_text("accepted")
        driver.get_by_test_id("drive-receiver").fill("Anna Virtanen")
        sign(driver)
        driver.get_by_test_id("drive-finish").click()
        expect(driver.get_by_test_id("drive-unsent")).to_have_attribute("data-unsent", "1")
        assert stack.get(f"/orders/{ORDER}")["lines"][0]["stages"] == {"loaded": 6}
        context.unroute_all()
        context.set_offline(False)
        expect(driver.get_by_test_id("drive-unsent")).to_have_attribute("data-unsent", "0")
    assert stack.get(f"/orders/{ORDER}")["lines"][0]["stages"] == {"delivered": 6}
    with context_of(browser, **PHONE, base_url=stack.url) as context:
        customer = context.new_page()
        watch.follow(customer)
        customer.goto(share["url"])
        pod = customer.get_by_test_id("public-pod")
        expect(pod).to_contain_text("Received by Anna Virtanen")
        expect(pod).to_contain_text(re.compile("Tea: 6 accepted"))
        assert axe(customer) == []
    watch.complaints = [each for each in watch.complaints if "ERR_INTERNET_DISCONNECTED" not in each]
