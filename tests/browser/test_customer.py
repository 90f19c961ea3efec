"""A customer's link: for Anna, opened with and without script, closed while it is open."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import PHONE, Watch, context_of
from tests.browser.test_browser import with_the_latest_arrival
from tests.browser.test_frame import axe
from tests.browser.test_pages import TOO_WIDE
from tests.browser.test_shipments import begin
from tests.push_service import Browser as Subscribed
from tests.receiver import receiving
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Mobile Safari/604.1"
IN_HELSINKI = {**PHONE, "viewport": {"width": 320, "height": 640}, "timezone_id": "Europe/Helsinki"}


def test_annas_link_is_read_with_and_without_script_logged_and_closed_while_it_is_open(
    browser: Browser, desktop: BrowserContext, stack: Stack, watch: Watch
) -> None:
    page = desktop.new_page()
    begin(page, "A-1", "PO 600")
    page.get_by_test_id("shipment-save").click()
    page.get_by_test_id("share-recipient").fill("Anna")
    page.get_by_test_id("share").click()
    link = page.get_by_test_id("share-link").input_value()
    row = page.get_by_test_id("share-row")
    expect(row).to_contain_text("Anna")
    expect(row).to_contain_text("not opened yet")

    with context_of(
        browser, **IN_HELSINKI, base_url=stack.url, java_script_enabled=False, user_agent=IPHONE
    ) as context:
        plain = context.new_page()
        plain.goto(link)
        zone = next(each["tz"] for each in stack.items("/sites") if each["id"] == "customer-1")
        at = datetime(2027, 1, 5, 12, tzinfo=UTC).astimezone(ZoneInfo(zone))
        expect(plain.get_by_role("heading", level=1)).to_have_text(
            re.compile(f"^Planned for .*{at:%H}:00.{at.hour + 1}:00$")
        )
        expect(plain.locator("#plain")).to_contain_text("Pier 3")
        expect(plain.locator("#plain")).to_contain_text(f"Times in {zone}.")
        plain.get_by_role("link", name="suomi").click()
        expect(plain.get_by_role("heading", level=1)).to_have_text(re.compile("^Suunniteltu ajalle"))
        assert plain.get_attribute("html", "lang") == "fi"

    with context_of(browser, **IN_HELSINKI, base_url=stack.url, locale="de-AT") as context:
        customer = context.new_page()
        watch.follow(customer)
        customer.goto(link)
        headline = customer.get_by_test_id("public-eta")
        expect(headline).to_have_text(re.compile(r"^Geplant für .*14:00.15:00$"))  # in the viewer's zone
        expect(customer.get_by_test_id("public-updated")).to_contain_text("Zeiten in Europe/Helsinki")
        expect(customer.locator("#plain")).to_have_count(0)
        assert axe(customer) == []
        assert customer.evaluate(TOO_WIDE, 320) == []
        customer.get_by_test_id("public-en").click()
        expect(headline).to_have_text(re.compile("^Planned for"))
        expect(customer).to_have_url(re.compile("lang=en"))
        expect(customer.get_by_test_id("public")).to_have_attribute("data-held", "1")

        page.reload()
        expect(row).to_contain_text("opened 2 times")
        page.get_by_test_id("share-openings").click()
        expect(page.get_by_test_id("openings").get_by_role("listitem")).to_have_count(2)
        expect(page.get_by_test_id("openings")).to_contain_text("Safari, iPhone")
        # What it asks is answered as before: only the socket can tell it that the link has ended.
        state = stack.get(f"/public/shipments/{link.rpartition('/')[2]}")
        customer.route("**/api/v1/public/shipments/*", lambda route: route.fulfill(json=state))
        revoke_among_all(page)
        expect(customer.get_by_test_id("public-gone")).to_contain_text("This link does not work")
        customer.unroute_all()
        assert axe(customer) == []
        customer.reload()
        expect(customer.get_by_test_id("public-gone")).to_be_visible()
        watch.complaints.clear()  # the page that is not there
    stack.request("DELETE", "/shipments/A-1")
    page.close()


def revoke_among_all(page: Page) -> None:
    """Where links of all shipments are."""
    page.goto("/settings/links")
    page.get_by_test_id("links-find").fill("po 600")
    listed = page.get_by_test_id("link")
    expect(listed).to_have_count(1)
    expect(listed).to_contain_text("Anna")
    listed.get_by_test_id("link-revoke").click()
    page.get_by_test_id("question-yes").click()
    expect(page.get_by_text("No link fits")).to_be_visible()
    page.get_by_test_id("links-ended").check()
    expect(listed).to_contain_text("revoked")
    assert page.url.endswith("/settings/links?q=po+600&ended=1")


def test_a_customer_has_this_browser_told_and_takes_it_back(whole: Browser, stack: Stack, watch: Watch) -> None:
    """All is real but the push service; that the server leaves the right words there is shown elsewhere."""
    shipment = stack.items("/shipments")[0]["id"]
    made = stack.request("POST", f"/shipments/{shipment}/share", {"recipient": "Bea"}).json()
    look = IN_HELSINKI | {"service_workers": "allow"}
    with receiving() as service, context_of(whole, **look, base_url=stack.url, locale="fi") as context:
        service.answer = lambda _event: (201, {}, b"")
        subscription = json.dumps(Subscribed(service).subscription)
        context.add_init_script(
            f"const made = {{ ...{subscription}, toJSON: () => ({subscription}) }};"
            "PushManager.prototype.subscribe = async () => (localStorage.setItem('made', '1'), made);"
            "PushManager.prototype.getSubscription = async () => (localStorage.getItem('made') ? made : null)"
        )
        page = context.new_page()
        watch.follow(page)
        page.goto(made["url"])
        tell = page.get_by_test_id("public-tell")
        expect(tell).to_contain_text("Saat tähän ilmoituksen")
        page.evaluate("Notification.requestPermission = async () => 'denied'")
        page.get_by_test_id("public-tell-begin").click()
        expect(tell.get_by_role("alert")).to_contain_text("ilmoituksia ei ole sallittu")
        assert axe(page) == []
        assert page.evaluate(TOO_WIDE, 320) == []
        page.evaluate("Notification.requestPermission = async () => 'granted'")
        page.get_by_test_id("public-tell-begin").click()
        expect(tell).to_have_attribute("data-told", "1")
        (row,) = [each for each in stack.items(f"/shipments/{shipment}/shares") if each["recipient"] == "Bea"]
        assert row["browsers"] == 1
        page.reload()
        expect(tell).to_have_attribute("data-told", "1")

        context.grant_permissions(["notifications"], origin=stack.url)
        page.evaluate("navigator.serviceWorker.ready.then(() => 1)")  # a worker that is not active yet hears no push
        tools, known = context.new_cdp_session(page), []
        tools.on("ServiceWorker.workerRegistrationUpdated", lambda said: known.extend(said["registrations"]))
        tools.send("ServiceWorker.enable")
        wait_for(lambda: (page.evaluate("1"), known)[1], "the worker is known")
        assert [each["scopeURL"] for each in known] == [f"{stack.url}/t/"]
        for told in ('{"title": "Toimitus", "body": "perillä", "url": "/t/one"}', "no json"):
            about = {"origin": stack.url, "registrationId": known[0]["registrationId"], "data": told}
            tools.send("ServiceWorker.deliverPushMessage", about)
        shown = (
            "navigator.serviceWorker.getRegistration('/t/').then(r => r.getNotifications())"
            ".then(all => all.map(n => [n.title, n.data]))"
        )
        found = wait_for(lambda: len(found := page.evaluate(shown)) == 2 and found, "both are shown")
        assert sorted(found) == [["Frostway", ""], ["Toimitus", "/t/one"]]
        assert page.evaluate("caches.keys()") == []  # nothing of the console is kept for a customer

        page.get_by_test_id("public-tell-stop").click()
        expect(page.get_by_test_id("public-tell-begin")).to_be_visible()
        assert stack.items(f"/shipments/{shipment}/shares")[0]["browsers"] == 0
    stack.request("DELETE", f"/shipments/{shipment}/shares/{made['id']}")


def test_an_open_page_says_that_its_link_has_expired(browser: Browser, stack: Stack, watch: Watch) -> None:
    name = wait_for(lambda: with_the_latest_arrival(stack), "a shipment has an estimate")
    shipment = next(each for each in stack.items("/shipments") if each["vehicle"] == name)
    until = stack.get("/vehicles")["now"]
    made = stack.request("POST", f"/shipments/{shipment['id']}/share", {"expires_at": later(until, 12)}).json()
    with context_of(browser, **PHONE, base_url=stack.url) as context:
        customer = context.new_page()
        customer.goto(made["url"])
        expect(customer.get_by_test_id("public")).to_have_attribute("data-held", "1")
        expect(customer.get_by_test_id("public-gone")).to_be_visible()


def later(text: str, seconds: int) -> str:
    """An instant some seconds after another."""
    return (datetime.fromisoformat(text) + timedelta(seconds=seconds)).isoformat()
