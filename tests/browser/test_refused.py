"""The page of refused messages: a device's mistake is found, mended and read again, on the page alone."""

from __future__ import annotations

import json
import re
import time
from urllib.parse import quote

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.test_frame import axe
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


def test_a_refused_message_is_mended_and_read(desktop: BrowserContext, stack: Stack) -> None:
    page = desktop.new_page()
    added = page.request.post("/api/v1/devices", data={"id": "clumsy-1", "kind": "thermometer", "vehicle": "truck-01"})
    assert added.status == 201, added.text()
    login = added.json()["mqtt"]
    wrong = json.dumps({"t": time.time_ns() // 1_000_000, "c": "warm"})
    with stack.device(login["user"], login["password"]) as device:
        device.publish("temp", wrong.encode())
    wait_for(lambda: page.request.get("/api/v1/quarantine?device=clumsy-1").json()["items"], "the refusal")

    page.goto("/devices")
    page.get_by_test_id("devices-refused").get_by_role("link").click()
    expect(page).to_have_url(re.compile("/devices/refused$"))
    page.goto("/devices/refused?device=clumsy-1")
    expect(page.get_by_test_id("refused-row")).to_have_count(1)
    page.get_by_test_id("refused-row").click()
    expect(page.get_by_test_id("refused-message")).to_contain_text(
        "A value is missing, of a wrong kind or out of range"
    )
    expect(page.get_by_test_id("refused-payload")).to_have_value(wrong)
    assert axe(page) == []
    with page.expect_download() as download:
        page.get_by_test_id("refused-download").click()
    assert download.value.path().read_text() == wrong
    page.get_by_test_id("refused-send").click()
    expect(page.get_by_test_id("refused-state")).to_contain_text("still refused")
    page.get_by_test_id("refused-payload").fill(wrong.replace('"warm"', "4.5"))
    page.get_by_test_id("refused-send").click()
    expect(page.get_by_test_id("refused-message")).to_have_attribute("data-state", "read")
    expect(page.get_by_test_id("refused-state")).to_contain_text("mended")
    address = f"/api/v1/readings?device={quote('clumsy-1')}&stream=temp"
    wait_for(lambda: ",4.5," in page.request.get(address).text(), "the value")
    page.reload()
    expect(page.get_by_test_id("refused-row")).to_have_count(0)  # only those that wait
    page.get_by_test_id("refused-waiting").uncheck()
    expect(page.get_by_test_id("refused-row")).to_have_count(1)
    page.close()
