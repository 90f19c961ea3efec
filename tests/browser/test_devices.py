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
    for name in ("own-phone", "own-gateway", "own-tag", "own-spare", "own-mute"):
        stack.request("PATCH", f"/devices/{name}", {"retired": True})
    for name in ("own-van", "own-lorry"):
        stack.request("PATCH", f"/vehicles/{name}", {"retired": True})


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


def test_a_device_is_told_something_and_answers_or_is_told_nothing(desktop: BrowserContext) -> None:
    page = desktop.new_page()
    page.goto("/devices?device=gps-02")
    command = page.get_by_test_id("command")
    page.get_by_test_id("command-new").click()
    page.get_by_test_id("command-kind").press("Enter")  # by keyboard: the form sends what is chosen
    page.get_by_test_id("command-send").press("Enter")
    expect(command.first).to_have_attribute("data-state", "answered")
    expect(command.first).to_contain_text("“pong”")
    page.goto("/devices?device=own-phone")
    page.get_by_test_id("command-new").click()
    page.get_by_test_id("command-kind").select_option("set_waypoints")
    page.get_by_test_id("command-send").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("at least one place")
    page.get_by_test_id("command-places").fill("Kamppi")
    expect(page.get_by_test_id("command-places")).to_have_attribute("aria-expanded", "true")
    page.get_by_test_id("command-places").press("Enter")
    assert not axe(page)
    page.get_by_test_id("command-send").click()
    expect(command).to_have_attribute("data-state", "told")
    expect(command).to_contain_text("Store Kamppi")
    add(page, "own-mute", "tracker", "own-van")
    page.get_by_test_id("command-new").click()
    page.get_by_test_id("command-kind").select_option("interval")
    page.get_by_test_id("command-seconds").fill("30")
    page.get_by_test_id("command-send").click()
    expect(command).to_have_attribute("data-state", "waiting")
    expect(command).to_contain_text("seconds 30")
    assert not axe(page)
    page.get_by_test_id("command-cancel").click()
    page.get_by_test_id("question-yes").click()
    expect(command).to_have_attribute("data-state", "cancelled")
    page.get_by_test_id("command-new").click()
    page.get_by_test_id("command-kind").select_option("reboot")
    page.get_by_test_id("command-send").click()
    expect(page.get_by_test_id("question")).to_contain_text("interrupts own-mute")
    expect(command).to_have_count(1)
    page.get_by_test_id("command-send").click()
    expect(command).to_have_count(2)
    page.get_by_test_id("device-revoke").click()
    page.get_by_test_id("question-yes").click()
    expect(page.get_by_test_id("command-obstacle")).to_contain_text("shut out")
    expect(page.get_by_test_id("command-new")).to_have_count(0)
    page.get_by_test_id("device-password").click()
    page.get_by_test_id("question-yes").click()
    expect(page.get_by_test_id("command-new")).to_be_visible()


def test_a_device_is_moved_corrected_and_put_back(desktop: BrowserContext, stack: Stack) -> None:
    stack.request("POST", "/vehicles", {"id": "own-lorry", "label": "Own lorry"})
    page = desktop.new_page()
    page.goto("/devices?device=own-mute")
    place = page.get_by_test_id("place")
    expect(place).to_have_count(1)
    page.get_by_test_id("move").click()
    page.get_by_test_id("move-vehicle").fill("own-lorry")
    page.get_by_test_id("move-when").select_option("time")
    expect(page.get_by_test_id("move-corrects")).to_be_visible()
    page.get_by_test_id("move-from").fill("2026-01-02T10:00")
    page.get_by_test_id("move-send").click()
    expect(page.get_by_test_id("question")).to_contain_text("replaced")
    assert stack.get("/devices/own-mute")["vehicle"] == "own-van", "it is only asked"
    page.get_by_test_id("move-send").click()
    expect(place.first).to_contain_text("Own lorry")
    assert stack.get("/devices/own-mute")["vehicle"] == "own-lorry"
    page.get_by_role("button", name="Undo").click()
    expect(place).to_have_count(1)
    expect(page.get_by_text("own-mute is where it was before")).to_be_visible()
    expect(place).to_contain_text("own-van")
    assert stack.get("/devices/own-mute")["vehicle"] == "own-van"
    page.get_by_test_id("place-remove").click()
    page.get_by_test_id("question-yes").click()
    expect(place).to_have_count(0)
    page.set_viewport_size({"width": 320, "height": 640})
    expect(page.get_by_test_id("command")).to_have_count(2)
    assert page.evaluate(TOO_WIDE, 320) == []
    page.get_by_test_id("move").click()
    expect(page.get_by_test_id("move-send")).to_be_visible()
    assert page.evaluate(TOO_WIDE, 320) == []


def test_a_calibration_that_has_run_out_is_said_warned_of_and_put_back(desktop: BrowserContext, stack: Stack) -> None:
    page = desktop.new_page()
    page.goto("/devices?device=thermo-store-1")
    probe = page.get_by_test_id("calibration").first
    expect(probe).to_contain_text("not known")
    probe.get_by_test_id("calibration-edit").click()
    page.get_by_test_id("calibration-on").fill("2024-01-31")
    page.get_by_test_id("calibration-due").fill("2025-01-31")
    page.get_by_test_id("calibration-certificate").fill("K-17")
    assert axe(page) == []
    page.get_by_test_id("calibration-save").click()
    expect(probe).to_contain_text("overdue")
    expect(probe).to_contain_text("certificate K-17")
    page.set_viewport_size({"width": 320, "height": 760})
    page.reload()
    expect(page.get_by_test_id("calibrations-due")).to_contain_text("1 calibration is overdue")
    expect(page.get_by_test_id("chart-calibration")).to_contain_text("Calibration overdue, due 2025-01-31")
    assert page.evaluate(TOO_WIDE, 320) == []
    probe.get_by_test_id("calibration-edit").click()
    page.get_by_test_id("calibration-forget").click()
    expect(probe).to_contain_text("not known")
    assert stack.items("/calibrations", due_within_days=30) == []
    page.close()
