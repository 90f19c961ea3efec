"""The pages of stock on a phone: a table with wrong lines, mended and brought in; moved, counted by scan, explained."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import Page, expect

from firmware_sim.stockroom import REFILL_AT
from operations.stock_alerts.decide import Rules
from operations.stock_alerts.work import watch_stock
from store.link import Link
from tests.browser.conftest import DESKTOP, PHONE, SMALL, Opening
from tests.browser.emptying_shelf import FULL, HALF, JUICE, counts_asked, emptying
from tests.browser.test_frame import axe
from tests.browser.test_pages import TOO_WIDE
from tests.scans import codes_on
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
GTIN = "4006381333931"
OWN = {
    "sku": "OWN-OAT", "label": "Oat drink, own", "gtin": GTIN, "site": "store-1", "zone": "chiller", "bin": "OWN-1",
    "lot": "OAT-7", "best_before": "2026-12-20", "quantity": "48", "unit": "piece", "reorder_point": "5",
}  # fmt: skip
WRONG = ({"gtin": "4006381333932"}, {"quantity": "a lot"}, {"site": "no-such-place", "lot": "OAT-8"})


def table(stack: Stack, *more: dict[str, str]) -> bytes:
    """The template for food, filled in."""
    with httpx.Client(base_url=f"{stack.url}/api/v1", headers={"authorization": f"Bearer {stack.token}"}) as api:
        head = api.get("/inventory/templates/file", params={"template": "food"}).text.splitlines()[0]
    names = [name.strip('"') for name in head.lstrip("\ufeff").split(",")]
    lines = [";".join(({**OWN, **each}).get(name, "") for name in names) for each in ({}, *more)]
    return "\r\n".join([";".join(names), *lines]).encode()


def give(page: Page, content: bytes) -> None:
    page.get_by_test_id("inventory-file").set_input_files(
        {"name": "food.csv", "mimeType": "text/csv", "buffer": content}
    )


def fits(page: Page) -> None:
    assert page.viewport_size
    assert page.evaluate(TOO_WIDE, page.viewport_size["width"]) == []


def counted_by_scan(page: Page) -> None:
    """From the history of a number to a count that puts it right, and back."""
    history, row = page.get_by_test_id("history"), page.locator("[data-testid=stock-row][data-sku=OWN-OAT]")
    page.get_by_test_id("act-count").click()
    line = page.get_by_test_id("count-line")
    expect(line).to_have_count(1)
    expect(page.get_by_test_id("counting")).not_to_contain_text("46")  # nobody counts what they have been told
    for code, said in (("4006381333932", "Nothing here has the code"), (GTIN, "")):
        page.get_by_test_id("scan").fill(code)
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("scan-wrong")).to_contain_text(said)
    expect(page.get_by_test_id("count-seen")).to_have_value("1")
    page.get_by_test_id("scan").fill(f"(01)0{GTIN}(10)OAT-7")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("count-seen")).to_have_value("2")
    assert axe(page) == []
    fits(page)
    page.get_by_test_id("settle").click()
    expect(page.get_by_test_id("counted")).to_contain_text("put right by \N{MINUS SIGN}44 pieces")
    page.get_by_role("link", name="See what made the number").click()
    expect(history).to_contain_text("2 pieces now")
    settled = history.locator("[data-kind=adjust]").first
    expect(settled).to_contain_text("Adjusted \N{MINUS SIGN}44")
    expect(settled.get_by_role("link", name=re.compile("Count"))).to_be_visible()
    page.goto("/stock?list=low&site=store-1")
    expect(row.get_by_test_id("low")).to_contain_text("reorder at 5")
    printed(page)


def printed(page: Page) -> None:
    """Labels of what is listed: a picture first, then the PDF."""
    page.get_by_test_id("print-labels").click()
    expect(page.get_by_test_id("labels-preview")).to_be_visible()
    page.get_by_test_id("labels-start").fill("24")
    pdf = page.get_by_test_id("labels-pdf")
    expect(pdf).to_have_attribute("href", re.compile("of=products.*start=24.*id=OWN-OAT"))
    answer = page.request.get(pdf.get_attribute("href") or "")
    assert {code.text for code in codes_on(answer.body())} >= {f"010{GTIN}", f"https://id.gs1.org/01/0{GTIN}"}
    page.get_by_test_id("labels-of").select_option("bins")
    page.get_by_test_id("labels-sheet").select_option("roll")
    expect(page.get_by_test_id("labels-start")).to_have_count(0)
    expect(pdf).to_have_attribute("href", re.compile("of=bins&sheet=roll.*site=store-1"))
    assert axe(page) == []
    fits(page)
    page.keyboard.press("Escape")


def test_an_inventory_is_brought_in_moved_counted_by_scan_and_each_number_explained(
    opening: Opening, stack: Stack
) -> None:
    with opening(SMALL) as page:
        page.goto("/stock/import")
        expect(page.get_by_test_id("template-csv")).to_have_attribute("href", re.compile("template=food"))
        page.get_by_test_id("columns").click()
        page.get_by_test_id("column-bin").uncheck()
        expect(page.get_by_test_id("template-xlsx")).to_have_attribute(
            "href", re.compile(r"columns=sku.*own=allergens")
        )
        give(page, table(stack, *WRONG))
        expect(page.get_by_test_id("inventory-wrong").first).to_be_visible()
        lines = {each.text_content() for each in page.get_by_test_id("inventory-wrong").get_by_role("rowheader").all()}
        assert lines == {"3", "4", "5"}
        expect(page.get_by_test_id("inventory-bring")).to_have_count(0)
        assert axe(page) == []
        fits(page)
        give(page, table(stack))
        expect(page.get_by_test_id("inventory-would")).to_contain_text("Products: 1")
        page.get_by_test_id("inventory-bring").click()
        expect(page.get_by_test_id("inventory-done")).to_contain_text("The line came in")
        page.get_by_test_id("inventory-see").click()

        page.get_by_test_id("stock-search").fill("own-oat")
        row = page.locator("[data-testid=stock-row][data-sku=OWN-OAT]")
        expect(row).to_contain_text("48 pieces")
        expect(row).to_contain_text("Lot OAT-7, bin OWN-1")
        row.get_by_test_id("level").click()
        history = page.get_by_test_id("history")
        expect(history.get_by_test_id("move")).to_contain_text("opening")
        page.get_by_test_id("act-adjust").click()
        page.get_by_test_id("act-quantity").fill("3")
        page.get_by_test_id("act-reason").fill("dropped")
        page.get_by_test_id("act-send").click()
        expect(history).to_contain_text("45 pieces now")
        history.locator("[data-kind=adjust]").get_by_test_id("correct").click()
        page.get_by_test_id("correct-quantity").fill("2")
        page.get_by_test_id("correct-reason").fill("one was whole")
        page.get_by_test_id("correct-send").click()
        expect(history).to_contain_text("46 pieces now")
        expect(history.get_by_test_id("correction")).to_contain_text("Put right \N{MINUS SIGN}2")
        expect(history.locator("[data-kind=adjust]")).to_contain_text(
            "Adjusted \N{MINUS SIGN}3"
        )  # the earlier value is there still
        assert axe(page) == []
        fits(page)

        counted_by_scan(page)


def test_goods_are_received_by_scan_and_what_was_wrong_is_taken_back(opening: Opening) -> None:
    code = "01095212340000131727063010RCV-1"  # a carton of milk as a scanner types it: expires, then its lot
    with opening(SMALL) as page:
        page.goto("/stock")
        page.get_by_role("link", name="Receive", exact=True).click()
        scan, said, quantity = (page.get_by_test_id(name) for name in ("scan", "scan-said", "receive-quantity"))
        for number in ("1", "2"):
            scan.fill(code)
            page.keyboard.press("Enter")
            expect(quantity).to_have_value(number)
        expect(said).to_contain_text("2 pieces, Milk 1 l")
        expect(page.get_by_test_id("receive-product")).to_have_value("Milk 1 l")
        expect(page.get_by_test_id("receive-lot")).to_have_value("RCV-1")
        expect(page.get_by_test_id("receive-best-before")).to_have_value("2027-06-30")
        scan.fill("09521234000020")
        page.keyboard.press("Enter")
        expect(said).to_contain_text("That is Yoghurt 500 g: receive Milk 1 l first")
        quantity.fill("24")
        page.get_by_test_id("receive-send").click()
        expect(page.get_by_role("alert").filter(has_text="Choose a place")).to_be_visible()
        page.get_by_test_id("receive-site").select_option("store-2")
        page.get_by_test_id("receive-zone").select_option("chiller")
        assert axe(page) == []
        fits(page)
        page.get_by_test_id("receive-send").click()
        received = page.get_by_test_id("received")
        expect(received).to_contain_text("24 pieces, Milk 1 l")
        expect(scan).to_be_focused()
        expect(quantity).to_have_value("")
        expect(page.get_by_test_id("receive-zone")).to_have_value("chiller")  # the next goes there too
        page.get_by_test_id("receive-product").fill("salm")
        page.get_by_role("option", name="Salmon 300 g").click()
        quantity.fill("3")
        page.get_by_test_id("receive-send").click()
        expect(received).to_have_count(2)
        received.last.get_by_test_id("received-undo").click()
        expect(received.last).to_contain_text("Taken back")
        assert axe(page) == []
        received.last.get_by_role("link", name="What made this number").click()
        history = page.get_by_test_id("history")
        expect(history).to_contain_text("0 pieces now")
        expect(history.locator("[data-kind=receive]")).to_contain_text("Lot RCV-1")
        expect(history.get_by_test_id("correction")).to_contain_text("received by mistake")


def leaves_day_by_day(stack: Stack) -> None:
    """A hundred come, and eight leave each day for nine days."""
    stack.request("POST", "/products", {"sku": "OWN-RICE", "label": "Rice", "reorder_point": 30})
    now = datetime.fromisoformat(stack.get("/products")["now"])
    place = {"site": "store-1", "zone": "shelf"}
    move = {"sku": "OWN-RICE", "quantity": 8, "kind": "deliver", "from": place}
    gone = [{**move, "id": f"rice-{n}", "at": (now - timedelta(days=n)).isoformat()} for n in range(1, 10)]
    came = {"id": "rice", "kind": "receive", "sku": "OWN-RICE", "quantity": 100, "to": place}
    moves = [{**came, "at": (now - timedelta(days=9, hours=12)).isoformat()}, *gone]
    answer = stack.request("POST", "/stock/moves", {"moves": moves})
    assert answer.status_code == 201, answer.text


def alert_of_it(page: Page, stack: Stack) -> None:
    """The job is not waited for: it looks now."""
    with closing(Link(stack.database_url, "test")) as link:
        watch_stock(link, datetime.now(UTC), Rules())
    page.goto("/alerts")
    page.get_by_test_id("alert-row").filter(has_text="Low stock: Rice, 28 left").click()
    detail = page.get_by_test_id("alert-detail")
    expect(detail.get_by_test_id("stock-left")).to_contain_text("by the ledger")
    expect(detail.get_by_test_id("case-decide")).to_have_count(0)  # what becomes of goods is no question here
    assert axe(page) == []
    detail.get_by_test_id("alert-note").fill("ordered")
    detail.get_by_test_id("alert-ack").click()
    expect(detail).to_contain_text("“ordered”")
    detail.get_by_test_id("alert-resolve").click()
    detail.get_by_test_id("alert-resolve-anyway").click()  # and it does not come back each minute
    expect(page.get_by_test_id("alert-row").filter(has_text="Rice")).to_have_count(0)
    detail.get_by_test_id("stock-link").click()
    expect(page.get_by_test_id("stock-row")).to_have_count(1)
    expect(page.locator("[data-sku=OWN-RICE]").get_by_test_id("low")).to_contain_text("reorder at 30")


def test_levels_say_what_sensors_say_and_a_code_finds_what_has_it(opening: Opening, stack: Stack) -> None:
    with opening(DESKTOP) as page:
        page.goto("/stock")
        expect(page.get_by_text(re.compile(r"^seen .* of ")).first).to_be_visible()  # the simulated fleet's shelves
        assert axe(page) == []
        leaves_day_by_day(stack)
        page.get_by_test_id("stock-search").fill("own-rice")
        row = page.locator("[data-testid=stock-row][data-sku=OWN-RICE]")
        expect(row).to_contain_text("28 pieces")
        row.get_by_test_id("level").click()
        expect(page.get_by_test_id("outlook")).to_contain_text(
            re.compile(r"Out in about 3 d .* \([12] d .* to [78] d .*\)")
        )
        expect(page.get_by_test_id("outlook")).to_contain_text("a day, by the ledger")
        assert axe(page) == []

        page.goto("/stock/activity?site=store-1")
        expect(page.get_by_test_id("legend")).to_contain_text("Moves a day, last 7 days")
        page.get_by_test_id("days-30").click()
        rice = page.locator("[data-spot='store-1/shelf/']")  # ten moves, in no bin
        expect(rice).to_contain_text(re.compile(r"0\.[3-9] a day"))
        expect(page.locator("[data-spot='store-1/shelf/A-01-1']")).not_to_have_attribute(
            "data-shade", "0"
        )  # its slot's
        page.get_by_test_id("as-table").click()
        expect(page.get_by_test_id("spot-row").filter(has_text="Shop shelf, in no bin")).to_contain_text("10")
        page.get_by_test_id("by-pieces").click()
        expect(rice).to_contain_text("28 pieces")
        assert axe(page) == []
        rice.click()
        expect(page).to_have_url(re.compile(r"/stock\?site=store-1&zone=shelf$"))
        alert_of_it(page, stack)
    with opening(PHONE) as page:
        page.goto("/stock/count")
        page.get_by_test_id("scan").fill("milk-1l")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("scan-found")).to_contain_text("Milk")
        page.get_by_test_id("scan-found").get_by_role("link", name="Show its stock").first.click()
        expect(page).to_have_url(re.compile("sku=MILK-1L"))
        expect(page.get_by_test_id("stock-row").first).to_be_visible()


def test_a_shelf_empties_and_is_counted_by_scan_on_a_phone(opening: Opening, stack: Stack) -> None:
    """From weighings of the simulator, through broker and tracker, to the number that a count puts right."""
    with emptying(stack) as shelf, opening(PHONE) as page:
        shelf.until(shelf.course.half_s)
        page.goto(f"/stock?sku={JUICE.sku}")
        row = page.locator(f"[data-testid=stock-row][data-sku={JUICE.sku}]")
        expect(row).to_contain_text(f"seen {HALF} of {FULL}")
        row.get_by_test_id("level").click()
        outlook, history = page.get_by_test_id("outlook"), page.get_by_test_id("history")
        expect(outlook).to_contain_text(re.compile(r"Out in about \d h .* \(.* to .*\)"))
        expect(outlook).to_contain_text("as sensors see it")
        shelf.until(shelf.course.empty_s)
        expect(row).to_contain_text(f"seen {REFILL_AT} of {FULL}")  # it falls while one looks at it
        expect(outlook).to_contain_text(re.compile(r"Out in about \d+ min "))
        assert axe(page) == []
        fits(page)

        counts_asked(stack)
        page.goto("/stock/count")
        task = page.locator(f"[data-testid=task][data-sku={JUICE.sku}]")
        expect(task).to_contain_text("Sensors say another number")
        assert axe(page) == []
        task.click()
        expect(page.get_by_test_id("counting")).not_to_contain_text(str(FULL))
        for seen in ("1", "2"):
            page.get_by_test_id("scan").fill(f"01{JUICE.gtin}")
            page.keyboard.press("Enter")
            expect(page.get_by_test_id("count-seen")).to_have_value(seen)
        assert axe(page) == []
        page.get_by_test_id("settle").click()
        expect(page.get_by_test_id("counted")).to_contain_text("put right by \N{MINUS SIGN}28 pieces")
        page.get_by_role("link", name="See what made the number").click()
        expect(history).to_contain_text("2 pieces now")
        settled = history.locator("[data-kind=adjust]")
        expect(settled).to_contain_text("counted")
        expect(settled.get_by_role("link", name=re.compile("Count"))).to_be_visible()
        expect(history.locator("[data-kind=receive]")).to_contain_text("Received +30")
        expect(row).to_contain_text(f"seen {REFILL_AT} of {REFILL_AT}")
        expect(row.get_by_test_id("low")).to_be_visible()
        assert axe(page) == []
        fits(page)
