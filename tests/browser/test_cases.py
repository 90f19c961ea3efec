"""A case on a phone: one person has seen it, takes it and proposes what becomes of the goods, another one signs.

And the whole of it: a reefer fails, the warning comes before the breach, and the evidence of what was done holds.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import SMALL, Watch, context_of
from tests.browser.failing_reefer import NAME, course, reefer, tell
from tests.browser.test_join import LONG, link_for
from tests.browser.test_settings import fits
from tests.stack import Stack, wait_for

__all__ = ["link_for"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
COUNTING = """
window.tones = 0
const make = AudioContext.prototype.createOscillator
AudioContext.prototype.createOscillator = function () { window.tones++; return make.call(this) }
"""


@pytest.fixture
def people(
    browser: Browser, stack: Stack, watch: Watch, link_for: Callable[[str, str], str]
) -> Iterator[tuple[Page, Page]]:
    """Anna and Bert of the cold chain, each with a phone of their own."""
    pages = []
    for name in ("anna", "bert"):
        context = context_of(browser, **SMALL, base_url=stack.url)
        context.add_init_script(COUNTING)
        context.on("page", watch.follow)
        page = context.new_page()
        page.goto(link_for(name, "coldchain"))
        for field in ("join-password", "join-again"):
            page.get_by_test_id(field).fill(LONG)
        page.keyboard.press("Enter")
        page.wait_for_url("**/")
        page.goto("about:blank")  # the map is drawn by software, also while a test waits for something else
        pages.append(page)
    yield pages[0], pages[1]
    for page in pages:
        page.context.close()


def test_two_persons_decide_on_the_goods(people: tuple[Page, Page], stack: Stack) -> None:
    anna, bert = people
    wanted = ("temperature", "silence", "sensor_fault")
    alert = wait_for(
        lambda: next((each for each in stack.items("/alerts", state="active") if each["kind"] in wanted), None),
        "an alert that goods may suffer from",
    )
    anna.goto("/alerts")
    anna.get_by_test_id("sound").click()
    expect(anna.get_by_test_id("sound")).to_have_attribute("aria-pressed", "true")
    assert anna.evaluate("window.tones") == 3
    anna.goto(f"/alerts?alert={alert['id']}")
    bar = anna.get_by_test_id("case-bar")
    bar.wait_for()
    if not alert["acknowledged_at"]:
        anna.get_by_test_id("case-ack").click()
        expect(anna.get_by_test_id("case-ack")).to_have_count(0)
    anna.get_by_test_id("case-assign").click()
    anna.locator("[data-testid=assign-person][data-name=bert]").click()
    expect(anna.get_by_test_id("case-assignee")).to_have_text("Assigned to bert")
    anna.get_by_test_id("case-text").fill("")
    anna.get_by_test_id("case-text").press_sequentially("look at it, @be")
    anna.get_by_test_id("mention").click()
    expect(anna.get_by_test_id("case-text")).to_have_value("look at it, @bert ")
    anna.get_by_test_id("case-say").click()
    expect(anna.get_by_test_id("alert-history")).to_contain_text("Comment by anna “look at it, @bert”")
    anna.get_by_test_id("case-decide").click()
    anna.get_by_test_id("case-reason").fill("40 min too warm")
    fits(anna)
    anna.get_by_test_id("decide-quarantine").click()
    decided = anna.get_by_test_id("case-decided")
    expect(decided).to_contain_text("You proposed to quarantine; another person has to sign.")
    expect(anna.get_by_test_id("case-sign")).to_have_count(0)
    fits(anna)

    bert.goto("/alerts?state=waiting")
    row = bert.locator(f"[data-testid=alert-row][data-id='{alert['id']}']")
    expect(row).to_contain_text("to be signed")
    row.click()
    expect(bert.get_by_test_id("case-decided")).to_contain_text(
        "anna proposed to quarantine; another person has to sign."
    )
    expect(bert.get_by_test_id("case-assignee")).to_have_text("Assigned to you")
    bert.get_by_test_id("case-sign").click()
    bert.get_by_test_id("sign-yes").click()
    expect(bert.get_by_test_id("case-decided")).to_contain_text("Quarantined: proposed by anna, signed by bert.")
    expect(decided).to_contain_text("signed by bert")  # told to the other phone
    anna.get_by_test_id("case-reopen").click()
    anna.get_by_test_id("reopen-reason").fill("it was another truck")
    anna.get_by_test_id("reopen-yes").click()
    expect(anna.get_by_test_id("alert-history")).to_contain_text("Reopened by anna “it was another truck”")
    expect(decided).to_have_count(0)


def alert_of(stack: Stack, kind: str) -> dict[str, Any] | None:
    """The open alert of the failing reefer."""
    mine = (each for each in stack.items("/alerts", state="active") if (each["kind"], each["device"]) == (kind, NAME))
    return next(mine, None)


def test_a_reefer_fails_and_people_know_before_decide_and_can_prove_it(
    people: tuple[Page, Page], stack: Stack, tmp_path: Path
) -> None:
    anna, bert = people
    with reefer(stack) as login:
        known = course()
        tell(stack, login, known, 0, known.warm_s)
        risk = wait_for(lambda: alert_of(stack, "breach_risk"), "the warning")
        assert alert_of(stack, "temperature") is None  # nothing has happened yet
        warned(anna, risk["id"])
        tell(stack, login, known, known.warm_s, float("inf"))
        alert = wait_for(lambda: alert_of(stack, "temperature"), "the breach")
        assert risk["decided_at"] < alert["decided_at"]
        decided(anna, bert, alert["id"])
        key = downloaded(anna, tmp_path / "evidence.zip")
    proved(tmp_path, key)


def warned(anna: Page, alert: str) -> None:
    """It is told before it is, with how long there is; she says that she has seen it, and why that is enough."""
    anna.goto("/alerts")
    row = anna.locator(f"[data-testid=alert-row][data-id='{alert}']")
    expect(row).to_contain_text(re.compile(r"Will be too warm: .*alarm (expected|in) \d", re.DOTALL))
    fits(anna)
    row.click()
    expect(anna.get_by_test_id("alert-detail")).to_contain_text("Alarm expected")
    anna.get_by_test_id("alert-note").fill("called the driver")
    anna.get_by_test_id("alert-ack").click()
    expect(anna.get_by_test_id("alert-history")).to_contain_text("by anna “called the driver”")
    anna.get_by_test_id("case-mute").click()
    anna.get_by_test_id("mute-yes").click()
    expect(anna.get_by_role("dialog").get_by_role("alert")).to_have_text("Say why.")
    anna.get_by_test_id("mute-reason").fill("the driver is at it")
    fits(anna)
    anna.get_by_test_id("mute-yes").click()
    expect(anna.get_by_test_id("case-muted")).to_contain_text("by anna. “the driver is at it”")
    expect(row).to_contain_text("active, muted")
    fits(anna)
    anna.get_by_test_id("case-unmute").click()
    expect(anna.get_by_test_id("alert-history")).to_contain_text("No longer muted by anna")
    expect(anna.get_by_test_id("alert-ack")).to_be_visible()  # it asks anew


def decided(anna: Page, bert: Page, alert: str) -> None:
    """She proposes what becomes of the goods, he signs on his own phone."""
    anna.goto(f"/alerts?alert={alert}")
    anna.get_by_test_id("case-decide").click()
    anna.get_by_test_id("case-reason").fill("the unit failed, 12 °C for 5 min")
    fits(anna)
    anna.get_by_test_id("decide-reject").click()
    expect(anna.get_by_test_id("case-decided")).to_contain_text("You proposed to reject")
    bert.goto(f"/alerts?alert={alert}")
    bert.get_by_test_id("case-sign").click()
    bert.get_by_test_id("sign-yes").click()
    expect(bert.get_by_test_id("case-decided")).to_contain_text("Rejected: proposed by anna, signed by bert.")
    fits(bert)


def downloaded(anna: Page, to: Path) -> str:
    """The pack, from the page of the shipment; the key that it has to be sealed with."""
    anna.goto("/shipments?shipment=S-walk")
    anna.get_by_text("The key it is sealed with").click()
    expect(anna.get_by_test_id("evidence-key")).to_have_text(re.compile(r"^([0-9a-f]{4} ){7}"))
    fits(anna)
    with anna.expect_download() as taken:
        anna.get_by_test_id("evidence-bundle").click()
    taken.value.save_as(to)
    return anna.get_by_test_id("evidence-key").inner_text()


def proved(folder: Path, key: str) -> None:
    """The verifier of the pack says yes to it, and no as soon as a byte is another."""
    with ZipFile(folder / "evidence.zip") as files:
        files.extractall(folder)
    pack = folder / "pack.jsonl"

    def verify() -> int:
        words = [sys.executable, "-I", "verifier.py", pack.name, "--key", key]
        return subprocess.run(words, cwd=folder, env={}, capture_output=True, check=False).returncode

    assert verify() == 0
    whole = pack.read_text(encoding="utf-8")
    assert all(each in whole for each in ("the unit failed", '"bert"', '"reject"', NAME))
    pack.write_text(whole.replace("the unit failed", "the unit railed", 1), encoding="utf-8")
    assert verify() == 1
