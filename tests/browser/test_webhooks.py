"""Webhooks on their page: made, tried at a real receiver that verifies, mended, sent again, paused and removed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect
from standardwebhooks import Webhook

from tests.browser.conftest import DESKTOP, LOOKS, Looking, Watch
from tests.browser.test_frame import axe, open_palette, settled
from tests.browser.test_join import expected
from tests.browser.test_settings import fits
from tests.receiver import Receiver, receiving
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture
def page(looking: Looking, stack: Stack) -> Iterator[Page]:
    """An admin's page; the webhooks are gone afterwards."""
    with looking() as opened:
        yield opened
    for hook in stack.items("/webhooks"):
        stack.request("DELETE", f"/webhooks/{hook['id']}")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        found.answer = lambda _event: (200, {}, b"thank you")
        yield found


def add(page: Page, name: str, url: str, *only: str) -> str:
    """Its secret."""
    page.get_by_test_id("webhook-add").click()
    page.get_by_test_id("webhook-name").fill(name)
    page.get_by_test_id("webhook-url").fill(url)
    if only:
        page.get_by_test_id("type-*").uncheck()
    for each in only:
        page.get_by_test_id(f"type-{each}").check()
    page.get_by_test_id("webhook-send").click()
    return secret(page)


def secret(page: Page) -> str:
    expect(page.get_by_test_id("once")).to_be_focused()
    return page.get_by_test_id("once-text").inner_text()


def trial(page: Page, state: str) -> Locator:
    """What came of a test."""
    page.get_by_test_id("webhook-test").click()
    found = page.get_by_test_id("trial")
    expect(found).to_have_attribute("data-state", state)
    return found


def yes(page: Page, button: str) -> None:
    page.get_by_test_id(button).click()
    page.get_by_test_id("question-yes").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def given_up(stack: Stack, name: str = "erp") -> int:
    """As ten attempts within three days do; not while one is made. Only of this receiver."""
    mine = f"receiver_id = (select id from receiver where name = '{name}')"
    with psycopg.connect(stack.database_url) as connection:
        connection.execute(
            f"update outgoing set gave_up_at = now() where {mine} and done_at is null and claimed_until is null"
        )
        row = connection.execute(f"select count(*) from outgoing where {mine} and gave_up_at is not null").fetchone()
    return int(row[0]) if row else 0


@LOOKS
def test_a_webhook_is_made_and_its_test_is_verified_with_the_secret_that_was_shown(
    page: Page, receiver: Receiver
) -> None:
    page.goto("/settings/webhooks")
    expect(page.get_by_text("Nobody is told yet")).to_be_visible()
    expect(page.get_by_role("region", name="Python")).to_contain_text("verify(body, headers)")
    fits(page)
    page.get_by_role("button", name="JavaScript").click()
    expect(page.get_by_role("region", name="JavaScript")).to_contain_text("new Webhook")
    with page.expect_popup() as docs:
        page.get_by_test_id("verify-docs").click()
    expect(docs.value.locator("#webhooks")).to_be_in_viewport()
    docs.value.close()

    page.get_by_test_id("webhook-add").click()
    expect(page.get_by_test_id("webhook-name")).to_be_focused()
    page.keyboard.type("erp")
    page.keyboard.press("Tab")
    page.keyboard.type(receiver.url)
    expect(page.get_by_test_id("webhook-hint")).to_contain_text("FROSTWAY_WEBHOOK_NETWORKS")
    page.keyboard.press("Tab")
    expect(page.get_by_test_id("type-alert.opened")).to_have_count(0)
    page.keyboard.press("Space")  # not everything
    expect(page.get_by_test_id("type-alert.opened")).to_be_enabled()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_test_id("type-alert.opened")).to_be_checked()  # held by its group
    expect(page.get_by_test_id("type-alert.opened")).to_be_disabled()
    fits(page)
    page.keyboard.press("Enter")
    told = secret(page)
    expect(page.get_by_test_id("webhook-told")).to_have_text("all of alerts")
    page.get_by_test_id("once-copy").click()
    expect(page.get_by_test_id("once").get_by_role("status")).not_to_be_empty()
    fits(page)
    page.get_by_test_id("once-close").click()

    found = trial(page, "good")
    expect(found.get_by_test_id("trial-status")).to_have_text("200")
    expect(found).to_contain_text(re.compile(r"after \d+ ms"))
    expect(found.get_by_test_id("trial-answer")).to_have_text("thank you")
    ((headers, body),) = receiver.heard
    assert Webhook(told).verify(body, headers)["type"] == "frostway.test"
    entry = page.get_by_test_id("delivery")
    expect(entry).to_have_attribute("data-state", "done")
    entry.locator("summary").click()
    expect(entry.locator("ol")).to_contain_text("thank you")
    fits(page)
    page.reload()
    expect(page.get_by_test_id("webhook")).to_contain_text("telling")
    expect(page.get_by_test_id("once")).to_have_count(0)
    assert told not in page.content()
    page.get_by_test_id("webhooks-all").click()
    expect(page.get_by_test_id("webhook-row")).to_contain_text("delivered")
    fits(page)


@LOOKS
def test_what_does_not_arrive_is_explained_waits_and_is_sent_again(
    page: Page, receiver: Receiver, stack: Stack
) -> None:
    page.goto("/settings/webhooks")
    add(page, "erp", receiver.url, "alert.acknowledged")  # which nobody does meanwhile
    page.get_by_test_id("once-close").click()
    receiver.answer = lambda _event: (404, {}, b"no such page")
    expect(trial(page, "bad").get_by_test_id("trial-why")).to_contain_text("Is the address right?")
    receiver.answer = lambda _event: (503, {}, b"")
    expect(trial(page, "bad").get_by_test_id("trial-status")).to_have_text("503 Service Unavailable")
    expect(page.get_by_test_id("webhook")).to_contain_text("waiting since")
    expect(page.get_by_test_id("webhook")).to_contain_text("2 events wait")
    wait_for(lambda: given_up(stack) == 2, "two that are given up")
    expect(page.get_by_test_id("webhook")).to_contain_text("2 events given up")
    receiver.heard.clear()
    page.get_by_test_id("log-done").click()
    expect(page.get_by_test_id("delivery")).to_have_count(0)
    page.get_by_test_id("log-gave up").click()
    expect(page).to_have_url(re.compile("state=gave"))
    expect(page.get_by_test_id("delivery")).to_have_count(2)
    fits(page)
    receiver.answer = lambda _event: (204, {}, b"")
    entry = page.get_by_test_id("delivery").last
    entry.locator("summary").click()
    entry.get_by_test_id("again").click()
    expect(page.get_by_test_id("delivery")).to_have_count(1)
    yes(page, "again-all")
    expect(page.get_by_test_id("delivery")).to_have_count(0)
    expect(page.get_by_test_id("again-all")).to_have_count(0)
    page.get_by_test_id("log-all").click()
    expect(page.locator("[data-testid=delivery][data-state=done]")).to_have_count(2)
    expect(page.get_by_test_id("webhook")).to_contain_text("telling")
    ids = [headers["webhook-id"] for headers, _ in receiver.heard]
    assert (len(ids), len(set(ids))) == (2, 2)


@LOOKS
def test_an_address_inside_is_refused_in_plain_words_and_one_that_is_none_beside_its_field(
    page: Page, watch: Watch
) -> None:
    page.goto("/settings/webhooks")
    page.get_by_test_id("webhook-add").click()
    page.get_by_test_id("webhook-name").fill("inside")
    page.get_by_test_id("webhook-url").fill("ftp://10.0.0.7/")
    page.get_by_test_id("webhook-send").click()
    expect(page.get_by_test_id("webhook-url")).to_be_focused()
    expect(page.get_by_test_id("webhook-url")).to_have_accessible_description(re.compile("https://example.org"))
    page.get_by_test_id("webhook-url").fill("https://10.0.0.7/")
    page.get_by_test_id("type-*").uncheck()
    page.get_by_test_id("webhook-send").click()
    expect(page.get_by_role("alert").filter(has_text="Choose at least one")).to_be_visible()
    page.get_by_test_id("type-alert.*").check()
    page.get_by_test_id("webhook-send").click()
    secret(page)
    why = trial(page, "bad").get_by_test_id("trial-why")
    expect(why).to_contain_text("“10.0.0.7” leads to no address out in the world")
    expect(why).to_contain_text("FROSTWAY_WEBHOOK_NETWORKS")
    fits(page)
    page.get_by_test_id("webhook-test").click()  # behind the one that did not arrive
    expect(page.get_by_test_id("trial")).to_have_attribute("data-state", re.compile("behind|bad"))
    expected(watch, 422)


@pytest.mark.parametrize("look", [DESKTOP], ids=["desk"], indirect=True)
def test_it_is_changed_gets_another_secret_is_paused_resumed_and_removed(
    page: Page, receiver: Receiver, stack: Stack
) -> None:
    page.goto("/alerts")
    settled(page)
    open_palette(page)
    page.keyboard.type("webhooks")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/settings/webhooks"))
    former = add(page, "erp", "https://127.0.0.1:1/", "shipment.arrived")
    page.get_by_test_id("webhook-change").click()
    expect(page.get_by_test_id("type-shipment.arrived")).to_be_checked()
    page.get_by_test_id("webhook-url").fill(receiver.url)
    page.get_by_test_id("type-alert.*").check()
    with page.expect_response(lambda answer: answer.url.endswith("/webhooks?limit=1000")):
        pass  # read again: what is typed stays
    page.get_by_test_id("webhook-send").click()
    expect(page.get_by_test_id("webhook-told")).to_have_text("all of alerts, arrived at a stop")
    page.get_by_test_id("webhook-rotate").click()
    expect(page.get_by_role("dialog")).to_contain_text("24 hours both sign")
    page.get_by_test_id("question-yes").click()
    expect(page.get_by_test_id("once")).to_contain_text("the former one signs beside it")
    latest = secret(page)
    assert latest != former
    trial(page, "good")
    ((headers, body),) = receiver.heard
    for each in (former, latest):
        Webhook(each).verify(body, headers)
    yes(page, "webhook-pause")
    expect(page.get_by_test_id("webhook")).to_contain_text("paused")
    assert stack.get("/webhooks/erp")["disabled_at"]
    assert axe(page) == []
    page.get_by_test_id("webhook-resume").click()
    expect(page.get_by_test_id("webhook-test")).to_be_visible()
    assert stack.get("/webhooks/erp")["disabled_at"] is None
    receiver.answer = lambda _event: (410, {}, b"")
    trial(page, "bad")
    expect(page.get_by_test_id("webhook")).to_contain_text("switched off by itself")
    yes(page, "webhook-remove")
    expect(page.get_by_text("Nobody is told yet")).to_be_visible()
    wait_for(lambda: stack.items("/webhooks") == [], "it to be gone")
