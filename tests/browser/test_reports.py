"""Reports on the pages: one is chosen, narrowed, sorted, linked and downloaded, by keyboard and on a phone."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from store.reports import REPORTS
from tests.browser.conftest import PHONE, Watch, context_of
from tests.browser.test_pages import TOO_WIDE
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


def values_told(stack: Stack) -> None:
    """Every vehicle of the demo has told its load."""
    wait_for(lambda: len(stack.items("/reports/high-load", threshold=-1)) == 8 or None, "a load of each vehicle")


def test_a_report_is_chosen_by_keyboard_narrowed_sorted_and_its_address_shows_the_same(
    desktop: BrowserContext, stack: Stack
) -> None:
    values_told(stack)
    page = desktop.new_page()
    page.goto("/")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Reports").click()
    expect(page.get_by_test_id("report")).to_have_count(len(REPORTS))
    expect(page.get_by_text("Choose a report")).to_be_visible()
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile("report=last-position"))
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.get_by_role("heading", name="High load")).to_be_focused()
    page.get_by_test_id("report-threshold").fill("-1")
    page.get_by_test_id("report-threshold").press("Enter")
    expect(page.get_by_test_id("report-row")).to_have_count(8)
    page.get_by_test_id("trait-fleet").select_option("Pharmacies")
    expect(page.get_by_test_id("report-row")).to_have_count(3)
    page.get_by_test_id("sort-vehicle").click()
    names = [each.inner_text() for each in page.get_by_test_id("report-row").get_by_role("link").all()]
    assert names == ["truck-03", "truck-04", "truck-07"]
    page.get_by_test_id("sort-vehicle").press("Enter")
    expect(page.get_by_role("columnheader", name="Vehicle")).to_have_attribute("aria-sort", "descending")
    expect(page).to_have_url(re.compile(r"report=high-load&fleet=Pharmacies&threshold=-1&sort=-vehicle"))
    page.reload()
    expect(page.get_by_test_id("report-row").get_by_role("link").first).to_have_text("truck-07")
    page.go_back()
    expect(page.get_by_text("Choose a report")).to_be_visible()
    page.keyboard.press("k")
    expect(page).to_have_url(re.compile("report=fuel-against-plan"))
    page.keyboard.press("Escape")
    expect(page.get_by_text("Choose a report")).to_be_visible()
    page.close()


def test_what_is_downloaded_is_what_is_shown(desktop: BrowserContext, stack: Stack, tmp_path: Path) -> None:
    values_told(stack)
    page = desktop.new_page()
    page.goto("/reports?report=high-load&threshold=-1&fleet=Couriers")
    expect(page.get_by_test_id("report-row")).to_have_count(1)
    with page.expect_download() as started:
        page.get_by_test_id("report-csv").click()
    assert started.value.suggested_filename == "high-load.csv"
    started.value.save_as(tmp_path / "it.csv")
    head, *rows = csv.reader((tmp_path / "it.csv").read_text(encoding="utf-8").splitlines())
    assert head[:3] == ["vehicle", "fleet", "model"]
    assert [row[:2] for row in rows] == [["truck-08", "Couriers"]]
    with page.expect_download() as started:
        page.get_by_test_id("report-xlsx").click()
    assert started.value.suggested_filename == "high-load.xlsx"
    started.value.save_as(tmp_path / "it.xlsx")
    sheet = load_workbook(tmp_path / "it.xlsx").active
    assert [[cell.value for cell in row[:2]] for row in sheet.iter_rows(min_row=2)] == [["truck-08", "Couriers"]]
    page.close()


def test_a_time_is_chosen_and_asked_for_with_the_zone_of_the_viewer(desktop: BrowserContext) -> None:
    page = desktop.new_page()
    asked: list[dict[str, list[str]]] = []

    def note(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.path.endswith("/reports/stationary"):
            asked.append(parse_qs(parts.query))

    page.on("request", note)
    page.goto("/reports?report=stationary")
    expect(page.get_by_test_id("report-told")).to_be_visible()
    assert (asked[-1].keys(), len(asked[-1]["zone"])) == ({"zone"}, 1)
    page.get_by_test_id("report-span").select_option("custom")
    before = datetime.now(UTC).replace(microsecond=0, tzinfo=None, second=0)
    page.get_by_test_id("report-from").fill((before - timedelta(days=20)).isoformat())
    page.get_by_test_id("report-to").fill((before - timedelta(days=19)).isoformat())
    page.get_by_test_id("report-to").blur()
    expect(page).to_have_url(re.compile(r"from=20\d\d-.*&to=20\d\d-"))
    expect(page.get_by_test_id("report-empty")).to_contain_text("Nothing fits this choice")
    page.get_by_test_id("report-empty").get_by_role("button", name="All vehicles").click()
    expect(page).to_have_url(re.compile(r"/reports\?report=stationary$"))
    page.close()


def test_an_empty_report_tells_the_next_step(desktop: BrowserContext, stack: Stack) -> None:
    values_told(stack)
    page = desktop.new_page()
    empty = page.get_by_test_id("report-empty")
    page.goto("/reports?report=low-fuel&attribute=adblue_ratio")
    expect(empty).to_contain_text("No vehicle has told its adblue_ratio yet")
    expect(empty).to_contain_text('"key": "adblue_ratio"')
    page.goto("/reports?report=high-load&threshold=5")
    expect(empty).to_contain_text("No vehicle is beyond the limit")
    expect(empty).to_contain_text("8 vehicles")
    page.close()


def days_told(page: Page) -> None:
    """Two days of activity, of a fleet with a name as long as one may be."""
    rows = [
        {"fleet": fleet, "model": "Scania P 280", "day": f"2026-11-{day}", "vehicle_days": 1.5}
        for fleet in ("N" * 100, None)
        for day in (26, 27)
    ]
    answer = {"report": "activity", "since": "2026-11-26T00:00:00Z", "until": "2026-11-28T00:00:00Z", "items": rows}
    page.route("**/api/v1/reports/activity?*", lambda route: route.fulfill(json=answer))


def test_on_the_smallest_phone_the_answer_comes_first_and_nothing_scrolls_sideways(
    browser: Browser, desktop: BrowserContext, stack: Stack, watch: Watch
) -> None:
    values_told(stack)
    with context_of(browser, **(PHONE | {"viewport": {"width": 320, "height": 640}}), base_url=stack.url) as context:
        context.on("page", watch.follow)
        context.add_cookies(desktop.cookies())
        page = context.new_page()
        days_told(page)
        page.goto("/reports")
        page.get_by_test_id("report").filter(has_text="Activity").tap()
        expect(page.get_by_test_id("report-row")).to_have_count(4)
        expect(page.locator("[data-testid=report-plot] canvas")).to_be_visible()
        page.get_by_text("Time and vehicles").tap()
        page.get_by_test_id("report-span").select_option("custom")
        expect(page.get_by_test_id("report-to")).to_be_visible()
        assert page.evaluate(TOO_WIDE, 320) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        page.get_by_test_id("sort-by").select_option("vehicle_days")
        expect(page).to_have_url(re.compile("sort=-vehicle_days"))
        page.get_by_role("link", name="All reports").tap()
        expect(page.get_by_test_id("report").first).to_be_visible()
        page.goto("/reports?report=high-load&threshold=-1")
        expect(page.get_by_test_id("report-row")).to_have_count(8)
        page.get_by_test_id("report-row").first.get_by_role("link").tap()
        expect(page).to_have_url(re.compile(r"/\?vehicle=truck-"))
