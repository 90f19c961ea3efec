"""The page of sites: fences drawn with a mouse and typed without one, changed, put back, imported, retired."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, FloatRect, Page, expect

from tests.browser.conftest import PHONE, Opening
from tests.browser.test_frame import axe
from tests.browser.test_pages import TOO_WIDE
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

CORNERS = ((0.4, 0.35), (0.65, 0.35), (0.65, 0.65), (0.4, 0.65))


def site(stack: Stack, name: str) -> dict[str, Any] | None:
    return next((each for each in stack.items("/sites") if each["id"] == name), None)


def ring(stack: Stack, name: str) -> list[list[float]]:
    found = site(stack, name)
    assert found is not None
    corners: list[list[float]] = found["polygon"]["coordinates"][0]
    return corners


def map_box(page: Page) -> FloatRect:
    """The map, drawn and at rest."""
    expect(page.get_by_test_id("map")).to_have_attribute("data-ready", "1")
    box = page.get_by_test_id("map").bounding_box()
    assert box is not None
    return box


def press(page: Page, box: FloatRect, at: tuple[float, float]) -> None:
    """A press on the map, as a hand does it: there first, then down."""
    page.mouse.move(box["x"] + box["width"] * at[0] - 20, box["y"] + box["height"] * at[1], steps=2)
    page.mouse.move(box["x"] + box["width"] * at[0], box["y"] + box["height"] * at[1], steps=2)
    page.mouse.down()
    page.mouse.up()


def drag(page: Page, box: FloatRect, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(box["x"] + box["width"] * start[0] - 10, box["y"] + box["height"] * start[1], steps=3)
    page.mouse.move(box["x"] + box["width"] * start[0], box["y"] + box["height"] * start[1], steps=3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * end[0], box["y"] + box["height"] * end[1], steps=12)
    page.mouse.up()


def test_a_polygon_is_drawn_with_the_mouse_reshaped_and_put_back(desktop: BrowserContext, stack: Stack) -> None:
    page = desktop.new_page()
    page.goto("/sites#map=12/59.2/17.6")
    page.get_by_test_id("site-new").click()
    page.get_by_test_id("site-label").fill("Söder Yard")
    expect(page.get_by_test_id("site-id")).to_have_value("soder-yard")
    page.get_by_test_id("shape-polygon").check()
    page.get_by_test_id("draw").click()
    box = map_box(page)
    for corner in CORNERS[:2]:
        press(page, box, corner)
    press(page, box, (0.9, 0.9))
    page.keyboard.press("Control+z")  # the third corner was a slip
    for corner in (*CORNERS[2:], CORNERS[3]):
        press(page, box, corner)
    expect(page.get_by_test_id("site-text")).to_have_value(re.compile('"Polygon"'))
    expect(page.get_by_test_id("reshape")).to_have_attribute("aria-pressed", "true")
    page.get_by_test_id("site-save").click()
    expect(page.get_by_test_id("site-detail")).to_contain_text("Polygon, 4 corners")
    expect(page).to_have_url(re.compile("site=soder-yard"))
    drawn = ring(stack, "soder-yard")
    assert len(drawn) == 5

    page.reload()
    expect(page.get_by_test_id("site-detail")).to_contain_text("Söder Yard")
    page.get_by_test_id("site-edit").click()
    page.get_by_test_id("reshape").click()
    text = page.get_by_test_id("site-text")
    before = text.input_value()
    box = map_box(page)
    drag(page, box, (0.5, 0.5), (0.6, 0.55))  # the whole of it
    expect(text).not_to_have_value(before)
    page.keyboard.press("Control+z")
    expect(text).to_have_value(before)
    drag(page, box, (0.5, 0.5), (0.6, 0.55))
    expect(text).not_to_have_value(before)
    page.get_by_test_id("site-save").click()
    expect(page.get_by_test_id("question")).to_contain_text("derived again")
    page.get_by_test_id("site-save").click()
    expect(page.get_by_test_id("site-detail")).to_be_visible()
    assert ring(stack, "soder-yard") != drawn
    page.get_by_test_id("toast").get_by_role("button", name="Put back").click()
    expect(page.get_by_text("Söder Yard is as it was")).to_be_visible()
    assert ring(stack, "soder-yard") == drawn
    page.close()


def test_a_circle_is_drawn_widened_by_a_handle_and_escape_takes_one_step_back_at_a_time(
    desktop: BrowserContext, stack: Stack
) -> None:
    page = desktop.new_page()
    page.goto("/sites?do=new#map=12/58.4/15.6")
    page.get_by_test_id("site-label").fill("Round")
    page.get_by_test_id("draw").click()
    box = map_box(page)
    press(page, box, (0.5, 0.5))
    page.keyboard.press("Escape")  # the middle was a slip
    press(page, box, (0.45, 0.5))
    press(page, box, (0.55, 0.5))
    radius = page.get_by_test_id("site-radius")
    expect(page.get_by_test_id("reshape")).to_have_attribute("aria-pressed", "true")
    drawn = int(radius.input_value())
    drag(page, box, (0.55, 0.5), (0.6, 0.5))
    expect(radius).not_to_have_value(str(drawn))
    assert int(radius.input_value()) == pytest.approx(1.5 * drawn, rel=0.1)
    assert float(page.get_by_test_id("site-lat").input_value()) == pytest.approx(58.4, abs=0.02)
    page.get_by_test_id("undo").click()
    expect(radius).to_have_value(str(drawn))
    page.get_by_test_id("undo").blur()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("reshape")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("Escape")  # what was drawn is not thrown away by a key
    expect(radius).to_have_value(str(drawn))
    page.get_by_test_id("sites-back").click()
    expect(page.get_by_test_id("site-row").first).to_be_visible()
    assert site(stack, "round") is None
    page.close()


def test_a_circle_is_made_by_numbers_on_a_phone_and_what_cannot_be_is_said(stack: Stack, opening: Opening) -> None:
    look = PHONE | {"viewport": {"width": 320, "height": 640}}
    with opening(look) as phone:
        phone.goto("/sites")
        phone.get_by_test_id("site-new").tap()
        phone.get_by_test_id("site-label").fill("Kiosk 7")
        phone.get_by_test_id("site-lat").fill("124.5")
        phone.get_by_test_id("site-lon").fill("59.3")
        phone.get_by_test_id("site-lon").blur()
        expect(phone.get_by_test_id("fence-fault")).to_contain_text("seem exchanged")
        phone.get_by_test_id("site-lat").fill("59,33")
        phone.get_by_test_id("site-lon").fill("18.06")
        phone.get_by_test_id("site-radius").fill("5")
        phone.get_by_test_id("site-radius").blur()
        expect(phone.get_by_test_id("fence-fault")).to_contain_text("10 to 100 000 m")
        phone.get_by_test_id("site-radius").fill("80")
        phone.get_by_test_id("site-save").tap()
        expect(phone.get_by_test_id("site-fence")).to_have_text(re.compile("Circle, 80.m around"))
        assert phone.evaluate(TOO_WIDE, look["viewport"]["width"]) == []
        made = site(stack, "kiosk-7")
        assert made is not None
        assert (made["lat"], made["lon"], made["radius_m"]) == (59.33, 18.06, 80)
        phone.get_by_test_id("zone-label").fill("Cold room")
        phone.get_by_test_id("zone-add").tap()
        expect(phone.get_by_test_id("zone")).to_contain_text("cold-room")
        phone.get_by_role("button", name="Remove Cold room").tap()
        phone.get_by_test_id("zone-yes").tap()
        expect(phone.get_by_test_id("zone")).to_have_count(0)
        phone.get_by_test_id("toast").get_by_role("button", name="Put back").tap()
        wait_for(lambda: site(stack, "kiosk-7") is None or None, "the site to be gone again")


def test_a_corridor_is_typed_found_renamed_retired_and_restored_by_keyboard(
    desktop: BrowserContext, stack: Stack
) -> None:
    page = desktop.new_page()
    page.goto("/sites")
    expect(page.get_by_test_id("site-row").first).to_be_visible()
    page.keyboard.press("n")
    page.get_by_test_id("site-label").fill("Ring road")
    page.get_by_test_id("shape-corridor").check()
    text = page.get_by_test_id("site-text")
    text.fill("LINESTRING(17.9 59.3, 18.0)")
    text.blur()
    expect(page.get_by_test_id("fence-fault")).to_contain_text("two numbers")
    text.fill("LINESTRING(17.9 59.3, 18.0 59.35, 18.1 59.3)")
    page.get_by_test_id("site-save").press("Enter")
    expect(page.get_by_test_id("site-fence")).to_contain_text("line of 3 points")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("ring ro")
    expect(page.get_by_test_id("site-row")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"q=ring\+ro&site=ring-road"))
    page.get_by_test_id("site-rename").click()
    page.get_by_test_id("rename-id").fill("beltway")
    page.get_by_test_id("rename-save").click()
    expect(page).to_have_url(re.compile("site=beltway"))
    expect(page.get_by_test_id("site-detail")).to_contain_text("beltway")
    page.get_by_test_id("site-retire").click()
    expect(page.get_by_test_id("ending-question")).to_contain_text("It can be restored")
    page.get_by_test_id("ending-yes").click()
    page.goto("/sites?retired=1&q=beltway")
    expect(page.get_by_test_id("site-row")).to_contain_text("retired")
    page.get_by_test_id("site-row").click()
    page.get_by_test_id("site-restore").click()
    expect(page.get_by_test_id("site-detail")).to_contain_text("Ring road")
    page.get_by_test_id("site-delete").click()
    expect(page.get_by_test_id("ending-question")).to_contain_text("Nothing depends on it")
    page.get_by_test_id("ending-yes").click()
    wait_for(lambda: site(stack, "beltway") is None or None, "the site to be gone")
    page.close()


FILE = """id,label,kind,lat,lon,radius_m
import-1,Import one,store,59.1,17.9,120
import-2,Import two,castle,59.2,17.9,120
import-3,"<img src=x onerror=alert(1)>",depot,59.3,17.9,120
import-4,Import four,store,124.9,60.1,120
customer-1,Was there,customer,59.4,17.9,120
import-5,Nowhere in time,store,59.4,17.9,999999
"""


def test_a_file_with_good_and_bad_lines_brings_in_the_good_ones(desktop: BrowserContext, stack: Stack) -> None:
    page = desktop.new_page()
    page.goto("/sites")
    page.get_by_test_id("site-import").click()
    page.get_by_test_id("import-file").set_input_files(
        {"name": "places.csv", "mimeType": "text/csv", "buffer": FILE.encode()}
    )
    expect(page.get_by_test_id("import-told")).to_have_text(re.compile("2 sites can come in, 4 lines cannot"))
    assert axe(page) == []
    page.get_by_test_id("import-wrong").check()
    rows = page.get_by_test_id("import-row")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_contain_text("3: Kind castle is none")
    expect(rows.nth(1)).to_contain_text("seem exchanged")
    expect(rows.nth(2)).to_contain_text("There is a site customer-1 already")
    expect(rows.nth(3)).to_contain_text("10 to 100 000 m")
    page.get_by_test_id("import-send").click()
    expect(page.get_by_test_id("toast")).to_contain_text("2 sites came in")
    found = {each["id"]: each for each in stack.items("/sites")}
    assert [name for name in found if name.startswith("import-")] == ["import-1", "import-3"]
    assert found["customer-1"]["label"] != "Was there"
    with page.expect_download() as saved:
        page.get_by_role("button", name="All sites", exact=True).click()
        page.get_by_test_id("site-export").click()
    told = json.loads(Path(saved.value.path()).read_text(encoding="utf-8"))
    assert {each["id"] for each in told["features"]} == set(found)
    page.close()


KML = """<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>Kiln</name>
<Polygon><outerBoundaryIs><LinearRing><coordinates>17.9,59.1,0 17.92,59.1,0 17.92,59.12,0 17.9,59.1,0</coordinates>
</LinearRing></outerBoundaryIs></Polygon></Placemark></Document></kml>"""
BOMB = '<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]><kml><name>&b;</name></kml>'


def test_kml_is_read_without_entities_and_a_viewer_changes_nothing(
    desktop: BrowserContext, stack: Stack, opening: Opening
) -> None:
    page = desktop.new_page()
    page.goto("/sites?do=import")
    for text, told in ((BOMB, "declares entities"), (KML[:200], "is no XML")):
        buffer = text.encode()
        page.get_by_test_id("import-file").set_input_files(
            {"name": "a.kml", "mimeType": "application/xml", "buffer": buffer}
        )
        expect(page.get_by_test_id("import-failed")).to_contain_text(told)
    page.get_by_test_id("import-file").set_input_files(
        {"name": "a.kml", "mimeType": "application/xml", "buffer": KML.encode()}
    )
    expect(page.get_by_test_id("import-row")).to_contain_text("Polygon, 3 corners")
    page.close()
    with opening(PHONE) as phone:
        phone.route("**/api/v1/me", lambda route: route.fulfill(json=watched(stack)))
        phone.goto("/sites?site=customer-1&do=edit")
        expect(phone.get_by_test_id("site-detail")).to_be_visible()
        for name in ("site-edit", "site-retire", "zone-add", "site-form"):
            expect(phone.get_by_test_id(name)).to_have_count(0)


def watched(stack: Stack) -> dict[str, Any]:
    """Who may only look."""
    me: dict[str, Any] = stack.get("/me")
    return me | {"permissions": [each for each in me["permissions"] if each != "sites.write"]}
