"""Orders: taken in and given goods on the desk, picked by scan and by hand on a phone, each step explained."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, Opening
from tests.browser.test_frame import axe
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


def stocked(stack: Stack) -> None:
    """Ten of a product of its own in each of two zones."""
    tea = {"sku": "OWN-TEA", "label": "Tea", "gross_mass_kg": 0.2, "length_mm": 90, "width_mm": 60, "height_mm": 120}
    assert stack.request("POST", "/products", tea).status_code in (200, 201)
    box = {"id": "own-box", "label": "Own box", "kind": "carton", "length_mm": 200, "width_mm": 150, "height_mm": 125}
    assert stack.request("POST", "/packagings", {**box, "load_kg": 5}).status_code in (200, 201)
    move = {"kind": "receive", "sku": "OWN-TEA"}
    places = [("chiller", 4), ("cold-room", 10)]
    moves = [{**move, "id": f"tea-{z}", "quantity": n, "to": {"site": "dc-1", "zone": z}} for z, n in places]
    assert stack.request("POST", "/stock/moves", {"moves": moves}).status_code == 201


def taken_in(page: Page) -> None:
    """A customer, and an order of seven."""
    page.goto("/orders")
    page.get_by_test_id("customer-add").click()
    page.get_by_test_id("customer-code").fill("ward-5")
    page.get_by_test_id("customer-label").fill("Ward 5")
    page.get_by_test_id("customer-send").click()
    page.get_by_test_id("order-add").click()
    page.get_by_test_id("order-name").fill("SO-1")
    page.get_by_test_id("order-site").select_option("dc-1")
    page.get_by_test_id("order-sku").fill("OWN-TEA")
    page.get_by_test_id("order-quantity").fill("70")
    page.get_by_test_id("order-by").fill("2099-12-01T12:00")
    page.get_by_test_id("order-send").click()
    expect(page.get_by_test_id("promise")).to_contain_text("neither there nor expected")
    expect(page.get_by_test_id("question")).to_contain_text("Promise it anyway?")
    assert axe(page) == []
    page.get_by_test_id("order-quantity").fill("7")
    page.get_by_test_id("promise-ask").click()
    expect(page.get_by_test_id("promise")).not_to_have_attribute("data-code", "short")
    page.get_by_test_id("order-send").click()
    expect(page.get_by_test_id("order-detail")).to_contain_text("7 pieces to be given goods")


def test_an_order_is_taken_in_given_goods_and_picked_on_a_phone(opening: Opening, stack: Stack) -> None:
    stocked(stack)
    with opening(DESKTOP) as page:
        taken_in(page)
        page.get_by_test_id("order-allocate").click()
        expect(page.get_by_test_id("stages")).to_have_text("7 pieces to be picked")
        expect(page.locator("[data-testid=order-row][data-name=SO-1]")).to_contain_text("to be picked")
        assert axe(page) == []
        split_and_substituted(page, stack)
    with opening(PHONE) as page:
        page.goto("/orders?order=SO-1")
        page.get_by_test_id("order-pick").click()
        expect(page.get_by_test_id("pick-next")).to_contain_text("2 places left")
        page.get_by_test_id("scan").fill("MILK-1L")
        page.get_by_test_id("scan").press("Enter")
        expect(page.get_by_test_id("scan-said")).to_contain_text("not what is to be picked")
        page.get_by_test_id("scan").fill("OWN-TEA")
        page.get_by_test_id("scan").press("Enter")
        expect(page.get_by_test_id("pick-next")).to_contain_text("1 place left")
        assert axe(page) == []
        page.get_by_test_id("pick-take").click()
        expect(page.get_by_text("All of it is picked")).to_be_visible()
        page.get_by_test_id("pick-taken").first.get_by_role("button").click()
        expect(page.get_by_test_id("pick-said")).to_contain_text("back at its place")
        page.goto("/orders?order=SO-1")
        page.get_by_text("What was done").click()
        expect(page.get_by_test_id("order-detail")).to_contain_text("Put back")
        found = stack.get("/orders/SO-1")["lines"][0]["stages"]
        assert found in ({"open": 3, "picked": 4}, {"open": 4, "picked": 3})
        packed_and_loaded(page)
    then = stack.get("/orders/SO-1")["lines"][0]["stages"]
    assert then == {"open": found["open"], "delivered": found["picked"]}


def split_and_substituted(page: Page, stack: Stack) -> None:
    """Two of nine go to an order of their own, the rest is sent as something else."""
    page.goto("/stock/products")
    page.get_by_test_id("product-make").click()
    for field, value in {"sku": "OWN-COFFEE", "label": "Coffe", "gross": "0.5", "length": "100", "width": "80"}.items():
        page.get_by_test_id(f"product-{field}").fill(value)
    page.get_by_test_id("product-height").fill("60")
    page.get_by_test_id("product-send").click()
    page.get_by_test_id("product-search").fill("own-c")
    expect(page.get_by_test_id("product-row")).to_have_count(1)
    expect(page.get_by_test_id("product-row")).to_contain_text(re.compile("0.5 kg .*100 . 80 . 60 mm"))
    page.get_by_test_id("product-row").get_by_role("link").click()
    page.get_by_test_id("product-label").fill("Coffee")
    page.get_by_test_id("product-send").click()
    expect(page.get_by_test_id("product-row").get_by_role("link")).to_have_text("Coffee")
    lines = [{"sku": "OWN-COFFEE", "quantity": 9}]
    order = {"id": "SO-9", "customer": "ward-5", "site": "dc-1", "lines": lines}
    assert stack.request("POST", "/orders", order).status_code == 201
    page.goto("/orders?order=SO-9")
    page.get_by_test_id("order-split").click()
    expect(page.get_by_test_id("split-quantity")).to_have_value("9")
    page.get_by_test_id("split-quantity").fill("2")
    assert axe(page) == []
    page.get_by_test_id("split-send").click()
    expect(page.get_by_test_id("order-parts")).to_contain_text("SO-9-2")
    page.get_by_test_id("order-instead").click()
    page.get_by_test_id("instead-new").fill("OWN-TEA")
    page.get_by_test_id("instead-name").click()
    expect(page.get_by_test_id("instead-quantity")).to_have_value("7")
    assert axe(page) == []
    page.get_by_test_id("instead-send").click()
    expect(page.get_by_test_id("order-detail")).to_contain_text("instead of Coffee")


def packed_and_loaded(page: Page) -> None:
    """Into a unit and out of it again, onto a vehicle and off it again, and then to the customer."""
    page.get_by_test_id("order-pack").click()
    expect(page.get_by_test_id("pack-unit")).to_have_value("SO-1-1")
    page.get_by_test_id("scan").fill("00106141412345678908")
    page.get_by_test_id("scan").press("Enter")
    expect(page.get_by_test_id("pack-unit")).to_have_value("106141412345678908")
    page.get_by_test_id("pack-do").click()
    expect(page.get_by_test_id("pack-packed")).to_contain_text("Tea")
    label = page.get_by_test_id("pack-label").get_attribute("href") or ""
    made = page.request.get(label)
    assert (made.status, made.headers["content-type"]) == (200, "application/pdf"), made.text()
    page.get_by_test_id("pack-undo").click()
    expect(page.get_by_test_id("pack-loose")).to_have_count(1)
    expect(page.get_by_test_id("pack-carton")).to_contain_text("Tea")
    page.get_by_test_id("pack-so").first.click()
    expect(page.get_by_test_id("pack-carton")).to_have_count(0)
    expect(page.get_by_test_id("pack-unit")).to_have_count(0)
    page.get_by_test_id("scan").fill("truck-01")
    page.get_by_test_id("scan").press("Enter")
    expect(page.get_by_test_id("pack-vehicle")).to_have_value("truck-01")
    page.get_by_test_id("pack-load").click()
    expect(page.get_by_test_id("pack-riding")).to_contain_text("Tea")
    assert axe(page) == []
    page.get_by_test_id("pack-unload").click()
    expect(page.get_by_test_id("pack-packed")).to_be_visible()
    page.get_by_test_id("pack-load").click()
    page.get_by_test_id("pack-deliver").click()
    page.get_by_test_id("pack-delivered").click()
    expect(page.get_by_test_id("pack-riding")).to_have_count(0)


def test_a_wave_is_made_released_and_one_of_its_rounds_taken(opening: Opening, stack: Stack) -> None:
    stack.request("POST", "/customers", {"id": "waved"})
    assert stack.request("POST", "/products", {"sku": "WAVE-RICE", "label": "Rice"}).status_code in (200, 201)
    move = {
        "id": "rice-of-orders",
        "kind": "receive",
        "sku": "WAVE-RICE",
        "quantity": 9,
        "to": {"site": "dc-1", "zone": "chiller"},
    }
    assert stack.request("POST", "/stock/moves", {"moves": [move]}).status_code == 201
    for n in (1, 2):
        lines = [{"sku": "WAVE-RICE", "quantity": 4}]
        body = {"id": f"WV-{n}", "customer": "waved", "site": "dc-1", "lines": lines}
        assert stack.request("POST", "/orders", body).status_code == 201
    with opening(PHONE) as page:
        page.goto("/orders/waves")
        page.get_by_test_id("wave-make").click()
        page.get_by_test_id("wave-site").select_option("dc-1")
        page.get_by_label("Divided").select_option("customer")
        assert axe(page) == []
        page.get_by_test_id("wave-send").click()
        page.locator("[data-testid=wave-row]", has_text="waved").get_by_role("link").click()
        expect(page.get_by_test_id("wave")).to_contain_text("waved")
        page.get_by_test_id("wave-release").click()
        expect(page.get_by_test_id("wave-round")).to_contain_text("2 picks left")
        page.get_by_test_id("round-take").click()
        expect(page.get_by_test_id("wave-round")).to_contain_text("admin has it")
        assert axe(page) == []
        page.get_by_role("link", name="Pick", exact=True).click()
        expect(page.get_by_test_id("pick-next")).to_contain_text("Rice")
        page.goto("/orders/waves?wave=" + stack.get("/waves?status=released")["items"][0]["id"])
        page.get_by_test_id("remark-text").fill("@admin the cart is at door 2")
        page.get_by_test_id("remark-send").click()
        expect(page.get_by_test_id("remark")).to_contain_text("door 2")
        page.goto("/hand-over")
        expect(page.get_by_test_id("open-waves")).to_contain_text("waved")
        assert axe(page) == []
        page.get_by_test_id("hand-over-note").fill("One round is half picked")
        page.get_by_test_id("hand-over-send").click()
        expect(page.get_by_test_id("hand-over").first).to_contain_text("half picked")


def delivered(stack: Stack, name: str) -> None:
    """Six of something that is to be kept cold are with a customer."""
    assert stack.request("POST", "/customers", {"id": "sender", "label": "Sender"}).status_code in (200, 201)
    milk = {"sku": "OWN-MILK", "label": "Fresh milk", "temp_class": "chilled"}
    assert stack.request("POST", "/products", milk).status_code in (200, 201)
    here, dock, truck = {"site": "dc-1", "zone": "chiller"}, {"site": "dc-1", "zone": "dock"}, {"vehicle": "truck-02"}
    move = {"id": f"{name}-in", "kind": "receive", "sku": "OWN-MILK", "quantity": 6, "to": here}
    assert stack.request("POST", "/stock/moves", {"moves": [move]}).status_code == 201
    order = {"id": name, "customer": "sender", "site": "dc-1", "lines": [{"sku": "OWN-MILK", "quantity": 6}]}
    assert stack.request("POST", "/orders", order).status_code == 201
    ways = {"pick": {"from": here, "to": dock}, "load": {"from": dock, "to": truck}, "deliver": {"from": truck}}
    for kind, places in ways.items():
        step = {"id": f"{name}-{kind}", "line": 1, "kind": kind, "quantity": 6, **places}
        told = stack.request("POST", f"/orders/{name}/steps", {"steps": [step]})
        assert told.status_code == 200, told.text


def scan(page: Page, code: str) -> None:
    page.get_by_test_id("scan").fill(code)
    page.get_by_test_id("scan").press("Enter")


def test_what_comes_back_is_announced_received_by_scan_and_destroyed_when_somebody_is_sure(
    opening: Opening, stack: Stack
) -> None:
    delivered(stack, "RT-1")
    with opening(PHONE) as page:
        page.goto("/orders?status=all&order=RT-1")
        page.get_by_test_id("order-return").click()
        expect(page.get_by_test_id("return-name")).to_have_value("RT-1-R1")
        page.get_by_test_id("return-quantity").fill("2")
        page.get_by_test_id("return-reason").fill("too much")
        page.get_by_test_id("return-condition").select_option("unopened")
        assert axe(page) == []
        page.get_by_test_id("return-send").click()
        expect(page.get_by_test_id("return-line")).to_contain_text("announced")
        scan(page, "no such thing")
        expect(page.get_by_test_id("scan-said")).to_contain_text("No return that is shown awaits it")
        scan(page, "OWN-MILK")
        expect(page.get_by_test_id("receive-quantity")).to_have_value("2")
        expect(page.get_by_test_id("receive-site")).to_have_value("dc-1")
        page.get_by_test_id("receive-zone").select_option("cold-room")
        assert axe(page) == []
        page.get_by_test_id("receive-send").click()
        expect(page.get_by_test_id("return-why")).to_contain_text("nobody knows how warm it was")
        scan(page, "RET-RT-1-R1-1")
        page.get_by_test_id("decide-decision").select_option("destroy")
        page.get_by_test_id("decide-reason").fill("the cold chain is broken")
        page.get_by_test_id("decide-send").click()
        expect(page.get_by_test_id("question")).to_contain_text("written off")
        assert axe(page) == []
        assert stack.get("/returns/RT-1-R1")["lines"][0]["state"] == "received"
        page.get_by_test_id("decide-send").click()
        expect(page.get_by_test_id("return-line")).to_contain_text("destroyed: the cold chain is broken")
        expect(page.locator("[data-testid=return-row][data-name='RT-1-R1']")).to_contain_text("decided")
    assert stack.get("/orders/RT-1")["lines"][0]["stages"] == {"delivered": 4, "returned": 2}


def test_filters_are_kept_under_a_name_and_those_of_others_say_whose_they_are(opening: Opening, stack: Stack) -> None:
    shared = {"page": "/orders", "label": "On the road", "query": "status=loaded", "shared": True}
    assert stack.request("POST", "/kept-views", shared).status_code == 201
    with opening(DESKTOP) as page:
        page.goto("/orders?status=delivered")
        page.get_by_test_id("order-views").press("Enter")
        page.get_by_test_id("view-label").fill("Gone")
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.goto("/orders")
        page.get_by_test_id("order-views").click()
        kept = page.get_by_test_id("kept-view")
        expect(kept.filter(has_text="Gone")).to_contain_text("only for you")
        assert axe(page) == []
        page.get_by_role("link", name="On the road").click()
        expect(page.get_by_test_id("order-status")).to_have_value("loaded")
        page.get_by_test_id("order-views").click()
        page.get_by_role("button", name="Keep Gone no more").click()
        expect(kept).to_have_count(1)
