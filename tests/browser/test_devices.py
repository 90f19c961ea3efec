"""The page of devices: a phone is added and seen, an unknown tag adopted, a device shut out and let in again."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.test_frame import axe
from tests.browser.test_pages import TOO_WIDE
from tests.deadlines import deadline
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left(stack: Stack) -> Iterator[None]:
    """Other tests count vehicles and devices of the same stack."""
    yield
    for name in ("own-phone", "own-gateway", "own-tag", "own-spare"):
        stack.request("PATCH", f"/devices/{name}", {"retired": True})
    stack.request("PATCH", "/vehicles/own-van", {"retired": True})


def add(page: Page, name: str, kind: str, vehicle: str = "") -> None:
    page.get_by_test_id("device-add").click()
    page.get_by_test_id("device-name").fill(name)
    page.get_by_test_id("device-kind").select_option(kind)
    page.get_by_test_id("device-vehicle").fill(vehicle)
    page.get_by_test_id("device-send").click()
    expect(page.get_by_test_id("device")).to_have_attribute("data-device", name)


def run(page: Page) -> str:
    """The command that the page shows, as it is copied into a shell; until the broker knows the new device."""
    command = page.get_by_test_id("connect-command").inner_text()
    speak(command)
    return command


def speak(command: str) -> None:
    """Runs a command that a page has shown."""

    def accepted() -> bool:
        done = subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, timeout=deadline(20), check=False
        )
        return done.returncode == 0 and not done.stderr

    wait_for(accepted, "the command to be accepted")


def test_a_phone_is_added_heard_and_seen_on_the_map(desktop: BrowserContext, stack: Stack) -> None:
    page = desktop.new_page()
    page.goto("/devices")
    add(page, "own-phone", "phone", "own-van")
    expect(page.get_by_test_id("echo")).to_contain_text("Waiting for its first message")
    code = page.get_by_test_id("connect-code")
    expect(code).to_be_visible()
    assert (code.get_attribute("data-text") or "").startswith("owntracks:///config?inline=")
    assert json.loads(page.get_by_test_id("connect-sample").inner_text())["_type"] == "location"
    assert not axe(page)
    assert page.evaluate(TOO_WIDE, 1440) == []
    run(page)
    expect(page.get_by_test_id("echo")).to_contain_text("60.17")
    page.get_by_test_id("echo").get_by_role("link").click()
    expect(page).to_have_url(re.compile("vehicle=own-van"))
    expect(page.get_by_test_id("detail")).to_contain_text("own-van")
    page.goto("/devices?q=own-ph")
    expect(page.get_by_test_id("device-row")).to_have_count(1)
    expect(page.get_by_test_id("device-row")).to_contain_text("Speaking")
    assert stack.get("/devices/own-phone")["vehicle"] == "own-van"


def test_a_tag_that_nobody_knows_is_adopted_with_one_click(desktop: BrowserContext, stack: Stack) -> None:
    page = desktop.new_page()
    page.goto("/devices")
    add(page, "own-gateway", "gateway")
    page.get_by_test_id("connect-way").select_option("ble")
    run(page)
    stranger = page.get_by_test_id("stranger")
    page.reload()
    expect(stranger).to_have_count(1)
    stranger.get_by_test_id("stranger-adopt").click()
    page.get_by_test_id("device-name").fill("own-tag")
    page.get_by_test_id("device-kind").select_option("thermometer")
    page.get_by_test_id("device-send").click()
    expect(page.get_by_test_id("device")).to_have_attribute("data-device", "own-tag")
    expect(page.get_by_test_id("echo")).to_contain_text("4.7")  # what it said before
    page.reload()
    expect(stranger).to_have_count(0)


def test_a_device_is_shut_out_and_let_in_again(desktop: BrowserContext, stack: Stack) -> None:
    page = desktop.new_page()
    page.goto("/devices")
    add(page, "own-spare", "tracker", "own-van")
    page.get_by_test_id("device-revoke").click()
    page.get_by_test_id("question-yes").click()
    expect(page.get_by_test_id("device-revoke")).to_have_count(0)
    assert stack.get("/devices/own-spare")["revoked"] is True
    page.get_by_test_id("device-password").click()
    page.get_by_test_id("question-yes").click()
    expect(page.get_by_test_id("connect")).to_be_visible()
    assert stack.get("/devices/own-spare")["revoked"] is False
    assert "PASSWORD" not in page.get_by_test_id("connect-command").inner_text()
