"""Brokers on their page: a real Mosquitto added, tried, mended, sent to again, paused and removed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, SMALL, Looking, Watch
from tests.browser.test_join import expected
from tests.browser.test_settings import fits
from tests.browser.test_webhooks import given_up, yes
from tests.contract.mosquitto import Mosquitto, executable, mosquitto
from tests.integration.operations.test_brokers import listening
from tests.stack import Stack, wait_for

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(900),
    pytest.mark.skipif(executable() is None, reason="needs mosquitto: apt-get install mosquitto"),
]


@pytest.fixture
def page(looking: Looking, stack: Stack) -> Iterator[Page]:
    """An admin's page; the brokers are gone afterwards."""
    with looking() as opened:
        yield opened
    for broker in stack.items("/brokers"):
        stack.request("DELETE", f"/brokers/{broker['id']}")


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Mosquitto]:
    """One that takes `frostway` below `cold` only, and lets everybody listen."""
    (tmp_path / "acl").write_text("topic read #\nuser frostway\ntopic readwrite cold/#\n")
    subprocess.run(["mosquitto_passwd", "-b", "-c", tmp_path / "passwd", "frostway", "a-password"], check=True)
    files = {"password_file": str(tmp_path / "passwd"), "acl_file": str(tmp_path / "acl")}
    with mosquitto(tmp_path / "broker", **files) as found:
        yield found


def type_in(page: Page, **fields: str) -> None:
    for name, text in fields.items():
        page.get_by_test_id(f"broker-{name}").fill(text)


@pytest.mark.parametrize("look", [DESKTOP], ids=["desk"], indirect=True)
def test_a_broker_is_added_tried_mended_sent_to_again_paused_and_removed(
    page: Page, theirs: Mosquitto, stack: Stack, watch: Watch
) -> None:
    page.goto("/settings/brokers")
    expect(page.get_by_text("Nothing is published yet")).to_be_visible()
    page.get_by_test_id("broker-add").click()
    expect(page.get_by_test_id("broker-name")).to_be_focused()
    type_in(page, name="plant", url=f"{theirs.url}/nowhere", user="frostway", password="a-word", topics="warm")
    page.get_by_test_id("type-*").uncheck()
    page.get_by_test_id("type-alert.resolved").check()  # by people alone, not by the simulated fleet
    page.get_by_test_id("broker-keep").check()
    page.get_by_test_id("broker-send").click()
    expect(page.get_by_test_id("broker-url")).to_have_accessible_description(
        "nothing behind the port; topics begin with the prefix"
    )
    expected(watch, 422)
    type_in(page, url=theirs.url)
    page.get_by_test_id("broker-send").click()
    expect(page.get_by_test_id("broker-told")).to_have_text("alert done with")
    expect(page.get_by_test_id("broker-login")).to_have_text("with user and password")
    expect(page.get_by_test_id("broker-listen")).to_have_text(
        f"mosquitto_sub -h 127.0.0.1 -p {theirs.port} -u USER -P PASSWORD -q 1 -v -t 'warm/#'"
    )

    page.get_by_test_id("broker-test").click()
    trial = page.get_by_test_id("trial")
    expect(trial).to_have_attribute("data-state", "bad")
    expect(trial.get_by_test_id("trial-why")).to_have_text("It does not take this user or password.")
    page.get_by_test_id("broker-change").click()
    expect(page.get_by_test_id("broker-topics")).to_have_value("warm")
    type_in(page, user="frostway", password="a-password")
    page.get_by_test_id("broker-send").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_test_id("broker-test").click()
    expect(trial.get_by_test_id("trial-why")).to_contain_text("its rules have to allow all topics below the prefix")

    wait_for(lambda: given_up(stack, "plant") == 2, "two that are given up")
    expect(page.get_by_test_id("broker")).to_contain_text("2 events given up")
    page.get_by_test_id("broker-change").click()
    type_in(page, topics="cold")
    page.get_by_test_id("broker-send").click()
    expect(page.get_by_test_id("broker-prefix")).to_have_text("cold/")
    with listening(theirs) as ear:
        yes(page, "again-all")
        assert [ear.next().topic for _ in range(2)] == ["cold/events/test"] * 2
    expect(page.locator("[data-testid=delivery][data-state=done]")).to_have_count(2)
    expect(page.get_by_test_id("broker")).to_contain_text("telling")

    page.get_by_test_id("broker-change").click()
    page.get_by_test_id("broker-home").check()
    type_in(page, discovery="cold/ha")
    page.get_by_test_id("broker-send").click()
    expect(page.get_by_test_id("broker-home-state")).to_contain_text("vehicles and devices, looked at")
    with listening(theirs) as ear:
        assert ear.next().topic.startswith(("cold/ha/device/", "cold/now/"))
    yes(page, "broker-pause")
    expect(page.get_by_test_id("broker-test")).to_have_count(0)
    page.get_by_test_id("broker-resume").click()
    expect(page.get_by_test_id("broker-pause")).to_be_visible()
    page.get_by_test_id("broker-change").click()
    page.get_by_test_id("broker-nobody").check()
    page.get_by_test_id("broker-send").click()
    expect(page.get_by_test_id("broker-login")).to_have_text("none")
    assert "a-password" not in page.content()
    yes(page, "broker-remove")
    expect(page.get_by_text("Nothing is published yet")).to_be_visible()
    assert stack.items("/brokers") == []


@pytest.mark.parametrize("look", [SMALL], ids=["phone"], indirect=True)
def test_a_broker_fits_a_small_screen_and_an_address_inside_is_refused_in_plain_words(page: Page) -> None:
    page.goto("/settings/brokers?do=new")
    type_in(page, name="inside", url="mqtts://10.0.0.7")
    fits(page)
    page.get_by_test_id("broker-send").click()
    page.get_by_test_id("broker-test").click()
    expect(page.get_by_test_id("trial-why")).to_contain_text("“10.0.0.7” leads to no address out in the world")
    page.get_by_test_id("delivery").locator("summary").click()
    fits(page)
    page.get_by_test_id("brokers-all").click()
    expect(page.get_by_test_id("broker-row")).to_contain_text("waiting since")
    fits(page)
