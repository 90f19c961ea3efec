"""The page of shipments: planned, changed, put back, called off, brought in and saved as CSV; links for customers."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, WebSocketRoute, expect

from tests.browser.conftest import PHONE, Opening
from tests.browser.departures import under_way
from tests.browser.test_frame import axe
from tests.browser.test_pages import TOO_WIDE
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


def shipment(stack: Stack, name: str) -> dict[str, Any] | None:
    return next((each for each in stack.items("/shipments") if each["id"] == name), None)


def begin(page: Page, name: str, reference: str) -> None:
    """The form of a new shipment with two stops: a site, and a place of its own."""
    page.goto("/shipments")
    page.get_by_test_id("shipment-new").click()
    page.get_by_test_id("shipment-id").fill(name)
    page.get_by_test_id("shipment-reference").fill(reference)
    page.get_by_test_id("shipment-customer").fill("Harbour store")
    stops = page.get_by_test_id("stop")
    site = stops.nth(0).get_by_test_id("stop-site")
    site.fill("customer-1")
    expect(site).to_have_attribute("aria-expanded", "true")  # the sites have come
    site.press("ArrowDown")
    site.press("Enter")
    expect(site).not_to_have_value("customer-1")  # its name stands there
    stops.nth(1).get_by_test_id("stop-place-kind").check()
    stops.nth(1).get_by_test_id("stop-name").fill("Pier 3")
    stops.nth(1).get_by_test_id("stop-lat").fill("60.16")
    stops.nth(1).get_by_test_id("stop-lon").fill("24.96")
    stops.nth(1).get_by_test_id("stop-from").fill("2027-01-05T12:00")
    stops.nth(1).get_by_test_id("stop-to").fill("2027-01-05T13:00")


def test_a_shipment_is_planned_changed_put_back_and_deleted(desktop: BrowserContext, stack: Stack) -> None:
    page = desktop.new_page()
    begin(page, "B-1", "PO 501")
    expect(page.get_by_test_id("form-zone")).to_have_text(re.compile(r"Times are in \S+\."))
    page.get_by_test_id("shipment-on").fill("truck-77")
    expect(page.get_by_test_id("vehicle-new")).to_contain_text("made with the shipment")
    page.get_by_test_id("shipment-profile").select_option("chilled")
    page.get_by_test_id("shipment-save").click()
    expect(page.get_by_test_id("shipment-detail")).to_contain_text("PO 501")
    made = shipment(stack, "B-1")
    assert made is not None
    assert (made["vehicle"], made["profile"], made["customer"]) == ("truck-77", "chilled", "Harbour store")
    assert [(s["site"], s["name"]) for s in made["stops"]] == [
        ("customer-1", made["stops"][0]["name"]),
        (None, "Pier 3"),
    ]
    zone = page.evaluate("new Date('2027-01-05T12:00').toISOString()")
    assert made["stops"][1]["window_start"][:19] == zone[:19]

    page.get_by_test_id("shipment-edit").click()
    page.get_by_test_id("stop").nth(1).get_by_test_id("stop-up").click()
    expect(page.get_by_test_id("stop").nth(0).get_by_test_id("stop-down")).to_be_focused()  # it cannot go further up
    page.get_by_test_id("stop-add").click()
    page.get_by_test_id("stop").nth(2).get_by_test_id("stop-remove").click()
    page.get_by_test_id("shipment-customer").fill("Quay store")
    page.get_by_test_id("shipment-save").click()
    expect(page.get_by_test_id("shipment-detail")).to_contain_text("Quay store")
    changed = shipment(stack, "B-1")
    assert changed is not None
    assert changed["stops"][0]["name"] == "Pier 3"
    assert changed["profile"] == "chilled"
    page.get_by_test_id("toast").get_by_role("button", name="Put back").last.click()
    expect(page.get_by_test_id("shipment-detail")).to_contain_text("Harbour store")
    back = shipment(stack, "B-1")
    assert back is not None
    assert [s["stop_id"] for s in back["stops"]] == [s["stop_id"] for s in made["stops"]]

    page.get_by_test_id("shipment-end").click()
    expect(page.get_by_role("dialog", name="Delete PO 501?")).to_contain_text("gone for good")
    page.get_by_test_id("question-yes").click()
    wait_for(lambda: shipment(stack, "B-1") is None or None, "the shipment to be gone")
    expect(page).to_have_url(re.compile(r"/shipments$"))
    assert stack.request("DELETE", "/vehicles/truck-77").status_code == 200  # other tests count vehicles
    page.close()


def test_what_is_wrong_in_the_form_is_said_and_nothing_is_sent(desktop: BrowserContext, stack: Stack) -> None:
    page = desktop.new_page()
    begin(page, "S-1004", "")
    page.get_by_test_id("shipment-save").click()
    alert = page.get_by_test_id("shipment-form").get_by_role("alert")
    expect(alert).to_contain_text("There is a shipment S-1004 already")
    page.get_by_test_id("shipment-id").fill("B-2")
    page.get_by_test_id("stop").nth(1).get_by_test_id("stop-to").fill("2027-01-05T11:00")
    page.get_by_test_id("shipment-save").click()
    expect(alert).to_contain_text("Stop 2: the window begins after it ends")
    page.get_by_test_id("stop").nth(0).get_by_test_id("stop-site").fill("no such site")
    page.get_by_test_id("shipment-save").click()
    expect(alert).to_contain_text("Stop 1: choose a site from the list")
    assert shipment(stack, "B-2") is None
    assert axe(page) == []
    page.close()


def test_a_site_written_out_before_the_sites_have_come_is_chosen_when_they_come(
    desktop: BrowserContext, stack: Stack
) -> None:
    page = desktop.new_page()
    held: list[tuple[WebSocketRoute, str | bytes]] = []
    free: list[bool] = []

    def serve(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda said: socket.send(said) if free else held.append((socket, said)))

    page.route_web_socket(re.compile(r"/ws/v1$"), serve)
    page.goto("/shipments?do=new")
    one, two = page.get_by_test_id("stop-site").nth(0), page.get_by_test_id("stop-site").nth(1)
    alert = page.get_by_test_id("shipment-form").get_by_role("alert")
    unknown = page.get_by_text("Choose a site from the list")
    page.get_by_test_id("shipment-id").fill("B-3")
    two.fill("Customer-2")
    two.press("Tab")
    one.fill("customer-1")
    one.press("Enter")  # which sends no form
    expect(unknown).to_have_count(0)
    for socket, said in held:
        socket.send(said)
    free.append(True)
    known = {each["id"]: each["label"] for each in stack.items("/sites")}
    expect(one).to_have_value(known["customer-1"])
    expect(two).to_have_value(known["customer-2"])
    one.fill("no such site")
    one.press("Enter")
    expect(unknown).to_have_count(1)
    expect(alert).to_have_count(0)
    page.close()


def test_the_list_is_filtered_and_kept_in_the_address(desktop: BrowserContext, stack: Stack) -> None:
    page = desktop.new_page()
    rows = page.get_by_test_id("shipment-row")
    with under_way(stack, "B-4", "Canal pharmacy"):
        page.goto("/shipments?q=canal&status=in_transit")
        expect(rows).to_have_count(1)
        expect(rows.first).to_contain_text("Canal pharmacy")
    page.get_by_test_id("shipment-search").fill("nothing like it")
    expect(rows).to_have_count(0)
    page.get_by_role("button", name=re.compile("Show all")).click()
    expect(rows.nth(3)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/shipments$"))
    page.get_by_test_id("shipment-risk").select_option("temperature")
    expect(page).to_have_url(re.compile("only=temperature"))
    warm = [each["id"] for each in stack.items("/shipments") if each["temperature"]["verdict"] == "excursion"]
    for name in warm:
        expect(page.locator(f"[data-testid=shipment-row][data-id='{name}']")).to_contain_text("left its range")
    page.goto("/shipments?shipment=nothing-here")
    expect(page.get_by_text("There is no such shipment")).to_be_visible()
    page.close()


FILE = """shipment;reference;customer;vehicle;profile;stop;name;site;lat;lon;window_start;window_end
C-1;PO 1;"'=HYPERLINK(""http://evil"")";truck-01;chilled;1;;customer-1;;;2027-01-05 08:00;2027-01-05T11:00+02:00
C-1;;;;;2;Pier 3;;60,16;24,96;;
C-2;PO 2;;;;1;;mars;;;;
C-2;;;;;2;;customer-1;;;;
C-3;<img src=x onerror=alert(1)>;;;;;;customer-1;;;;
S-1004;;;;;;;customer-1;;;;
"""


def test_a_file_with_good_and_bad_lines_brings_in_the_good_ones_and_all_are_saved(
    desktop: BrowserContext, stack: Stack
) -> None:
    page = desktop.new_page()
    page.goto("/shipments?do=import")
    expect(page.get_by_test_id("import-zone")).to_have_text(re.compile(r"are read in \S+\."))
    with page.expect_download() as sample:
        page.get_by_test_id("import-template").click()
    page.get_by_test_id("import-file").set_input_files(sample.value.path())
    expect(page.get_by_test_id("import-row")).to_have_count(2)
    utf16 = FILE.encode("utf-16")
    page.get_by_test_id("import-file").set_input_files({"name": "t.csv", "mimeType": "text/csv", "buffer": utf16})
    expect(page.get_by_test_id("import-told")).to_have_text(re.compile("2 shipments can come in, 3 lines cannot"))
    assert axe(page) == []
    page.get_by_test_id("import-wrong").check()
    rows = page.get_by_test_id("import-row")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("Line 4: There is no site mars")
    expect(rows.nth(1)).to_contain_text("Stays out with line 4")
    expect(rows.nth(2)).to_contain_text("There is a shipment S-1004 already")
    page.get_by_test_id("import-send").click()
    expect(page.get_by_test_id("toast")).to_contain_text("2 shipments came in")
    found = {each["id"]: each for each in stack.items("/shipments")}
    assert {name for name in found if name.startswith("C-")} == {"C-1", "C-3"}
    assert found["C-1"]["customer"] == '=HYPERLINK("http://evil")'
    assert found["C-1"]["stops"][0]["window_end"][:19] == "2027-01-05T09:00:00"
    assert found["C-1"]["stops"][1]["lat"] == 60.16
    page.goto("/shipments?q=C-1")
    with page.expect_download() as saved:
        page.get_by_test_id("shipment-export").click()
    told = list(csv.DictReader(io.StringIO(Path(saved.value.path()).read_text(encoding="utf-8-sig"))))
    assert [(each["shipment"], each["stop"]) for each in told] == [("C-1", "1"), ("C-1", "2")]
    assert told[0]["customer"] == '\'=HYPERLINK("http://evil")'
    for name in ("C-1", "C-3"):
        stack.request("DELETE", f"/shipments/{name}")
    page.close()


def test_one_under_way_is_called_off_and_taken_up_again(desktop: BrowserContext, stack: Stack) -> None:
    page = desktop.new_page()
    with under_way(stack, "B-5") as name:
        page.goto(f"/shipments?shipment={name}")
        page.get_by_test_id("shipment-end").click()
        expect(page.get_by_role("dialog")).to_contain_text("What has happened to it stays")
        page.get_by_test_id("question-yes").click()
        expect(page.get_by_test_id("shipment-now")).to_contain_text("called off")
        page.get_by_test_id("shipment-again").click()
        expect(page.get_by_test_id("shipment-now")).not_to_contain_text("called off")
        found = shipment(stack, name)
        assert found is not None
        assert (found["status"], found["vehicle"]) == ("in_transit", "b-5-lorry")
    page.close()


def test_on_a_small_phone_nothing_is_too_wide_and_a_viewer_changes_nothing(stack: Stack, opening: Opening) -> None:
    small = {**PHONE, "viewport": {"width": 320, "height": 640}}
    with opening(small) as phone:
        for address, seen in (
            ("/shipments", "shipment-row"),
            ("/shipments?shipment=S-1004", "shipment-detail"),
            ("/shipments?do=new", "shipment-form"),
            ("/shipments?do=import", "import"),
        ):
            phone.goto(address)
            expect(phone.get_by_test_id(seen).first).to_be_visible()
            assert phone.evaluate(TOO_WIDE, 320) == [], address
        me: dict[str, Any] = stack.get("/me")
        phone.route("**/api/v1/me", lambda route: route.fulfill(json=me | {"permissions": ["read"]}))
        phone.goto("/shipments?shipment=S-1004&do=edit")
        expect(phone.get_by_test_id("shipment-detail")).to_be_visible()
        for name in ("shipment-edit", "shipment-end", "shipment-form", "share", "share-revoke"):
            expect(phone.get_by_test_id(name)).to_have_count(0)


def test_a_loggers_file_is_dropped_its_questions_answered_and_it_comes_in(
    desktop: BrowserContext, stack: Stack, tmp_path: Path
) -> None:
    text = "ACME;\nSerial Number:;B7001\nDate Time;Temperature\n04/05/2026 10:00;4,5\n04/05/2026 10:10;4,7\n"
    (tmp_path / "acme.csv").write_text(text)
    page = desktop.new_page()
    page.goto("/shipments?shipment=S-1004")
    loggers = page.get_by_test_id("loggers")
    expect(loggers).to_contain_text("bring its file here")
    page.get_by_test_id("logger-drop").set_input_files(tmp_path / "acme.csv")
    bring = page.get_by_test_id("logger-bring")
    expect(bring).to_have_text("Answer 3 questions first")
    expect(bring).to_be_disabled()
    assert axe(page) == []
    page.get_by_test_id("logger-date_order").select_option("dmy")
    page.get_by_test_id("logger-unit").select_option("C")
    expect(bring).to_have_text("Answer 1 question first")
    page.get_by_test_id("logger-zone").select_option("UTC")
    expect(page.get_by_test_id("logger-first").get_by_role("listitem")).to_have_count(2)
    expect(page.get_by_test_id("logger-would")).to_contain_text("Device logger-b7001 is made")
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate(TOO_WIDE, 320) == []
    bring.click()
    expect(page.get_by_test_id("logger-file")).to_contain_text("logger-b7001")
    expect(loggers).not_to_contain_text("is being taken in")
    (file,) = stack.items("/logger-files", shipment="S-1004")
    assert (file["state"], file["taken"], file["from"][:16]) == ("in", 2, "2026-05-04T10:00")
    page.close()
