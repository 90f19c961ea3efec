"""A case on a phone: one person has seen it, takes it and proposes what becomes of the goods, another one signs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import SMALL, Watch, context_of
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
