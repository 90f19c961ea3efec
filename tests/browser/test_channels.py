"""Channels on their page: a mail server typed in, tried, paused, mended, removed; customers told of a shipment."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import DESKTOP, LOOKS, SMALL, Looking, Watch, context_of
from tests.browser.test_join import expected
from tests.browser.test_settings import fits
from tests.browser.test_webhooks import given_up
from tests.integration.operations.told import Mailbox
from tests.push_service import Browser as Subscribed
from tests.receiver import receiving
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture
def page(looking: Looking, gone: None) -> Iterator[Page]:
    """An admin's page."""
    with looking() as opened:
        yield opened


@pytest.fixture
def gone(stack: Stack) -> Iterator[None]:
    """No channel and no route is left afterwards."""
    yield
    stack.request("PUT", "/alert-routes", {"routes": []})
    for channel in stack.items("/channels"):
        stack.request("DELETE", f"/channels/{channel['id']}")


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    found = Mailbox()
    found.controller.start()
    yield found
    found.controller.stop()


def add(page: Page, name: str, url: str, whom: str = "staff") -> None:
    """A channel by its address, as one types another service's."""
    page.get_by_test_id("channel-add").click()
    page.get_by_test_id("channel-name").fill(name)
    page.get_by_test_id(f"channel-{whom}").check()
    page.get_by_test_id("channel-kind").select_option("other")
    page.get_by_test_id("channel-url").fill(url)
    page.get_by_test_id("channel-send").click()
    expect(page.get_by_test_id("channel")).to_have_attribute("data-name", name)


def yes(page: Page, button: str) -> None:
    page.get_by_test_id(button).click()
    page.get_by_test_id("question-yes").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


@LOOKS
def test_a_channel_is_added_tried_changed_paused_and_removed(
    page: Page, mailbox: Mailbox, stack: Stack, watch: Watch
) -> None:
    page.goto("/settings/channels")
    expect(page.get_by_text("Nobody is told yet")).to_be_visible()
    fits(page)
    page.get_by_test_id("channel-add").click()
    expect(page.get_by_test_id("channel-name")).to_be_focused()
    page.get_by_test_id("channel-kind").select_option("slack")
    expect(page.get_by_test_id("channel-url")).to_have_value("slack://TokenA/TokenB/TokenC")
    expect(page.get_by_test_id("channel-how")).to_contain_text("incoming webhook")
    fits(page)
    page.get_by_test_id("channel-kind").select_option("other")
    page.get_by_test_id("channel-name").fill("night")
    page.get_by_test_id("channel-url").fill("syslog://")
    page.get_by_test_id("channel-send").click()
    expect(page.get_by_test_id("field-error")).to_contain_text("none of the kinds")
    expected(watch, 422)
    page.get_by_test_id("channel-url").fill(mailbox.url())
    page.get_by_test_id("channel-language").select_option("de")
    page.get_by_test_id("channel-send").click()
    expect(page.get_by_test_id("channel-tells")).to_have_text("critical alerts and their end")

    page.get_by_test_id("channel-test").click()
    expect(page.get_by_test_id("trial")).to_have_attribute("data-state", "good")
    assert str(mailbox.heard[0][1]["subject"]) == "Probe von night"
    expect(page.get_by_test_id("delivery")).to_have_attribute("data-state", "done")
    page.get_by_test_id("delivery").locator("summary").click()
    fits(page)

    mailbox.answer = "550 5.1.1 nobody of this name"
    page.get_by_test_id("channel-test").click()
    expect(page.get_by_test_id("trial")).to_have_attribute("data-state", "bad")
    expect(page.get_by_test_id("trial-why")).to_contain_text("550")
    wait_for(lambda: given_up(stack, "night") == 1, "the one that is given up")
    expect(page.get_by_test_id("channel")).to_contain_text("1 message given up")
    mailbox.answer = "250 OK"
    yes(page, "again-all")
    wait_for(lambda: len(mailbox.heard) == 2, "it to be sent again")
    page.get_by_test_id("log-done").click()
    expect(page.get_by_test_id("delivery")).to_have_count(2)

    page.get_by_test_id("channel-change").click()
    page.get_by_test_id("channel-alerts").select_option("all")
    page.get_by_test_id("channel-cleared").uncheck()
    page.get_by_test_id("channel-send").click()
    expect(page.get_by_test_id("channel-tells")).to_have_text("all alerts")
    (kept,) = stack.items("/channels")
    assert (kept["alerts"], kept["cleared"], kept["language"]) == ("all", False, "de")

    yes(page, "channel-pause")
    expect(page.get_by_test_id("channel-test")).to_have_count(0)
    page.get_by_test_id("channel-resume").click()
    expect(page.get_by_test_id("channel-pause")).to_be_visible()
    page.reload()
    expect(page.get_by_test_id("channel")).to_have_attribute("data-name", "night")
    yes(page, "channel-remove")
    expect(page.get_by_text("Nobody is told yet")).to_be_visible()
    assert stack.items("/channels") == []


@pytest.mark.parametrize("look", [DESKTOP], ids=["desk"], indirect=True)
def test_what_is_typed_of_a_mail_server_is_its_address(page: Page, stack: Stack) -> None:
    page.goto("/settings/channels?do=new")
    for name, text in {
        "channel-name": "shift", "mail-host": "smtp.example.org:587", "mail-user": "ann@example.org",
        "mail-password": "se/cret?", "mail-from": "frostway@example.org", "mail-to": "night@example.org",
    }.items():  # fmt: skip
        page.get_by_test_id(name).fill(text)
    page.get_by_test_id("channel-send").click()
    expect(page.get_by_test_id("channel")).to_contain_text("mailtos://…@smtp.example.org:587")
    assert "se/cret?" not in page.content()
    page.get_by_test_id("channels-all").click()
    expect(page.get_by_test_id("channel-row")).to_have_count(1)
    fits(page)
    assert [each["kind"] for each in stack.items("/channels")] == ["mailtos"]


@pytest.mark.parametrize("look", [DESKTOP], ids=["desk"], indirect=True)
def test_who_is_told_when_is_a_route_that_is_tried_first(page: Page, stack: Stack) -> None:
    for name in ("night", "boss"):
        made = {"id": name, "url": "mailto://127.0.0.1:9?from=a@example.org&to=b@example.org"}
        assert stack.request("POST", "/channels", made).status_code == 201
    page.goto("/settings/channels")
    page.get_by_test_id("route-add").click()
    page.get_by_test_id("route-name").fill("nights")
    page.get_by_test_id("route-hours").check()
    page.get_by_test_id("route-add-step").click()
    page.get_by_test_id("route-save").click()
    expect(page.get_by_role("alert")).to_have_text("Choose a channel for each step.")
    first, second = (page.get_by_test_id("route-step").nth(n) for n in (0, 1))
    first.get_by_test_id("route-tell-night").check()
    first.get_by_test_id("route-tell-boss").uncheck()
    second.get_by_test_id("route-tell-boss").check()
    fits(page)
    page.get_by_test_id("route-save").click()
    expect(page.get_by_test_id("route-row")).to_contain_text("after 15 min: boss")
    (route,) = stack.get("/alert-routes")["routes"]
    assert [each["channels"] for each in route["steps"]] == [["night"], ["boss"]]
    assert route["schedule"]["from"] == "22:00"
    page.get_by_test_id("route-preview").locator("summary").click()
    page.get_by_test_id("route-try").click()
    expect(page.get_by_test_id("route-timeline").get_by_role("listitem")).to_have_count(2)
    fits(page)
    page.get_by_test_id("route-open").click()
    page.get_by_test_id("route-remove").click()
    expect(page.get_by_test_id("route-row")).to_have_count(0)
    page.get_by_role("button", name="Put back").click()
    expect(page.get_by_test_id("route-row")).to_have_count(1)


@pytest.mark.parametrize("look", [SMALL], ids=["phone"], indirect=True)  # one look: it waits for a whole minute
def test_a_customer_is_told_of_a_shipment_and_has_no_more(page: Page, mailbox: Mailbox, stack: Stack) -> None:
    shipment = next(each["id"] for each in stack.items("/shipments") if each["status"] == "in_transit")
    page.goto(f"/shipments?shipment={shipment}")
    page.get_by_test_id("tell-add-channel").click()
    page.get_by_test_id("channel-name").fill("post")
    page.get_by_test_id("channel-customers").check()
    page.get_by_test_id("channel-kind").select_option("own")
    expect(page.get_by_test_id("channel-url")).to_have_value("jsons://user:password@gateway.example.org/path/{to}")
    page.get_by_test_id("channel-kind").select_option("other")
    page.get_by_test_id("channel-url").fill(mailbox.url("{to}"))
    page.get_by_test_id("channel-send").click()
    page.get_by_test_id("channel-test-to").fill("me@example.org")
    page.get_by_test_id("channel-test").click()
    expect(page.get_by_test_id("trial")).to_have_attribute("data-state", "good")
    assert mailbox.heard[0][0] == ["me@example.org"]
    fits(page)

    page.goto(f"/shipments?shipment={shipment}")
    page.get_by_test_id("share-recipient").fill("Anna")
    page.get_by_test_id("tell-channel").select_option("post")
    page.get_by_test_id("tell-to").fill("anna@example.org")
    page.get_by_test_id("tell-moved").uncheck()
    page.get_by_test_id("share-language").select_option("fi")
    fits(page)
    page.get_by_test_id("share").click()
    row = page.get_by_test_id("share-row").first
    expect(row.get_by_test_id("share-tell")).to_contain_text("tells a…@example.org by post")

    def told() -> bool:
        return len(mailbox.heard) > 1

    wait_for(told, "the first milestone, by a job of every minute", 150)
    assert str(mailbox.heard[1][1]["subject"]).startswith("Toimitus ")
    text = mailbox.text(1)
    stop = next(word for word in text.split() if word.endswith("/stop"))
    page.goto(stop)
    fits(page)
    page.get_by_role("button", name="Ei enää viestejä").click()
    expect(page.get_by_role("heading")).to_have_text("Et saa enää viestejä tästä toimituksesta.")
    fits(page)
    page.goto(f"/shipments?shipment={shipment}")
    expect(page.get_by_test_id("share-tell").first).to_contain_text("has wanted no more since")


@pytest.fixture
def phone(whole: Browser, desktop: BrowserContext, stack: Stack, watch: Watch, gone: None) -> Iterator[Page]:
    """An admin's page with a worker of its own, where notifications are shown."""
    with context_of(whole, **SMALL | {"service_workers": "allow"}, base_url=stack.url) as context:
        context.on("page", watch.follow)
        context.add_cookies(desktop.cookies())  # type: ignore[arg-type]  # it takes what it gives
        yield context.new_page()


def test_this_browser_is_told_and_shows_it(phone: Page, stack: Stack) -> None:
    """All is real but the push service: what was left there is handed to the browser by its own tools."""
    with receiving() as service:
        service.answer = lambda _event: (201, {}, b"")
        browser = Subscribed(service)
        phone.add_init_script(
            f"PushManager.prototype.subscribe = async (wanted) => {{ window.wanted = wanted; "
            f"return {{ toJSON: () => ({json.dumps(browser.subscription)}) }} }}"
        )
        phone.goto("/settings/channels")
        phone.get_by_test_id("channel-add").click()
        phone.get_by_test_id("channel-name").fill("my-phone")
        phone.get_by_test_id("channel-kind").select_option("browser")
        phone.evaluate("Notification.requestPermission = async () => 'denied'")
        phone.get_by_test_id("channel-send").click()
        expect(phone.get_by_text("Notifications of this page are not allowed")).to_be_visible()
        fits(phone)
        phone.evaluate("Notification.requestPermission = async () => 'granted'")
        phone.get_by_test_id("channel-send").click()
        expect(phone.get_by_test_id("channel")).to_have_attribute("data-name", "my-phone")
        key = stack.request("GET", "/web-push").json()["public_key"]
        assert phone.evaluate("[window.wanted.userVisibleOnly, window.wanted.applicationServerKey]") == [True, key]
        phone.get_by_test_id("channel-test").click()
        expect(phone.get_by_test_id("trial")).to_have_attribute("data-state", "good")
        fits(phone)
        told = browser.told()
    phone.context.grant_permissions(["notifications"], origin=stack.url)
    tools, known = phone.context.new_cdp_session(phone), []
    tools.on("ServiceWorker.workerRegistrationUpdated", lambda said: known.extend(said["registrations"]))
    tools.send("ServiceWorker.enable")
    wait_for(lambda: (phone.evaluate("1"), known)[1], "the worker is known")
    data = {"origin": stack.url, "registrationId": known[0]["registrationId"], "data": json.dumps(told)}
    tools.send("ServiceWorker.deliverPushMessage", data)
    shown = "navigator.serviceWorker.ready.then(r => r.getNotifications()).then(all => all.map(n => [n.title, n.data]))"
    assert wait_for(lambda: phone.evaluate(shown), "it is shown") == [[told["title"], told["url"]]]
