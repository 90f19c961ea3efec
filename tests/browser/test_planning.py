"""From past sales in a file to an order from a supplier, and the stock ahead when its truck is late."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, Opening
from tests.browser.departures import furnished
from tests.browser.test_drive import made
from tests.browser.test_files import give
from tests.browser.test_frame import axe
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
SITE, FAR, SKU, SHIPMENT, TRUCK = "plan-dc", "plan-far", "PLAN-TEA", "PLAN-S", "plan-truck"
HERE, THERE = (60.3000, 25.1000), (30.4000, -9.6000)  # 4 200 km apart: two days and a half without a rest
MADE_MS = 240_000
"""Forecasts are begun once a minute, and take as long where a machine is busy."""


def sales() -> bytes:
    """Ten weeks of twenty a day, more at week's end."""
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=n) for n in range(70, 0, -1)]
    lines = [f"{SITE},{SKU},{day},{30 if day.weekday() > 4 else 16}" for day in days]
    return "\n".join(["site,sku,day,quantity", *lines, ""]).encode()


def set_up(stack: Stack) -> tuple[str, str]:
    """A centre with stock for some days, a supplier's place far away, and a truck from there to here."""
    for name, (lat, lon) in ((SITE, HERE), (FAR, THERE)):
        zone = [{"id": "room", "label": "Room"}]
        made(stack, "/sites", {"id": name, "label": name, "kind": "dc", "lat": lat, "lon": lon, "zones": zone})
    made(stack, "/products", {"sku": SKU, "label": "Planned tea"})
    came = {"id": "plan-in", "kind": "receive", "sku": SKU, "quantity": 70, "to": {"site": SITE, "zone": "room"}}
    made(stack, "/stock/moves", {"moves": [came]})
    hours_ago = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3 * 3600))
    stops = [{"site": FAR}, {"site": SITE}]
    return furnished(
        stack,
        {
            "/vehicles": {"id": TRUCK},
            "/devices": {"id": "plan-gps", "kind": "tracker", "vehicle": TRUCK},
            "/shipments": {"id": SHIPMENT, "vehicle": TRUCK, "since": hours_ago, "stops": stops},
        },
    )


def forecast(page: Page) -> None:
    page.goto("/planning")
    page.wait_for_load_state("networkidle")
    page.get_by_test_id("bring-sales").click()
    expect(page.get_by_test_id("bring-file")).to_be_visible()
    give(page, "sales.csv", sales())
    expect(page.get_by_test_id("bring-found")).to_contain_text("70")
    page.get_by_test_id("bring-send").click()
    expect(page.get_by_test_id("bring-done")).to_contain_text("70")
    row = page.locator(f"[data-testid=forecast-row][data-id='{SITE}/{SKU}']")
    expect(row).to_be_visible(timeout=MADE_MS)
    assert axe(page) == []


def ordered(page: Page, stack: Stack) -> str:
    """The proposal with fewer than proposed and why, sent with the shipment that is to bring it today."""
    page.goto(f"/planning/replenishment?site={SITE}&sku={SKU}")
    page.get_by_test_id("say-terms").click()
    for field, value in {"supplier": "plan-supplier", "lead": "2", "pack": "10"}.items():
        page.get_by_test_id(f"terms-{field}").fill(value)
    page.get_by_test_id("terms-send").click()
    expect(page.get_by_test_id("why")).to_be_visible()
    proposed = page.get_by_test_id("take-quantity").input_value()
    assert float(proposed) >= 10
    page.get_by_test_id("take-quantity").fill(f"{float(proposed) + 50:g}")
    page.get_by_test_id("take-reason").fill("a market on Saturday")
    assert axe(page) == []
    page.get_by_test_id("take-proposal").click()
    expect(page.get_by_test_id("replenishment-detail")).to_contain_text("a market on Saturday")
    (order,) = stack.items("/purchase-orders", site=SITE)
    assert float(order["lines"][0]["quantity"]) == float(proposed) + 50
    page.get_by_test_id("order-send").click()
    page.get_by_test_id("step-expected").fill(f"{datetime.now(UTC).date()}")
    page.get_by_label("Shipment").fill(SHIPMENT)
    page.get_by_test_id("step-send").click()
    expect(page.locator(f"[data-testid=purchase-order][data-id='{order['id']}']")).to_contain_text("Expected")
    return str(order["id"])


def departs(stack: Stack, login: tuple[str, str]) -> None:
    """A quarter of an hour at the supplier's, another one away from there, by the minute until now."""
    begun_ms = time.time_ns() // 1_000_000 - 30 * 60_000
    away = [max(0.0, (minute - 15) * 0.005) for minute in range(30)]
    told = {
        "t": [begun_ms + minute * 60_000 for minute in range(30)],
        "lat": [THERE[0] + degrees for degrees in away],
        "lon": [THERE[1]] * 30,
        "spd": [9.3 if degrees else 0.0 for degrees in away],
    }
    with stack.device(*login) as device:
        device.publish("gps", told)


def test_from_past_sales_to_an_order_whose_truck_is_late_and_the_stock_ahead_moves(
    opening: Opening, stack: Stack
) -> None:
    login = set_up(stack)
    with opening(DESKTOP) as page:
        forecast(page)
        name = ordered(page, stack)
        path = f"/replenishment/{SITE}/{SKU}"
        before = stack.get(path)
        (coming,) = before["in_transit"]
        assert (coming["name"], coming["shipment"]) == (name, SHIPMENT)
        detail = page.get_by_test_id("replenishment-detail")
        page.get_by_test_id("list-all").click()
        stock_out = page.get_by_test_id("replenishment-row").locator("td").last
        shown, out = detail.get_by_test_id("in-transit").inner_text(), stock_out.inner_text()
        departs(stack, login)
        expect(detail.get_by_test_id("in-transit")).not_to_have_text(shown)
        expect(stock_out).not_to_have_text(out)
        after = wait_for(lambda: (now := stack.get(path))["in_transit"][0]["p50"] > coming["p50"] and now, "the delay")
        assert after["ahead"][1]["p50"] < before["ahead"][1]["p50"], "it is not there tomorrow"
        assert axe(page) == []
