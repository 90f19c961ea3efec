"""Files on their page: looked through, told what is wrong, brought in, stopped; lists taken along."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, LOOKS, Looking, Watch
from tests.browser.test_join import expected
from tests.browser.test_settings import fits
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
FILE = 'sku;label;low_c;high_c\nf-1;"Peas, <img src=x onerror=alert(1)>";-25,5;-18\nf-2;Beans;cold;\nf-3;=1+1;;\n'


@pytest.fixture
def page(looking: Looking, stack: Stack) -> Iterator[Page]:
    """A page of somebody who may bring anything; the products are gone afterwards."""
    with looking() as opened:
        yield opened
    for product in stack.items("/products"):
        if product["sku"].startswith("f-"):
            stack.request("DELETE", f"/products/{product['sku']}")


def give(page: Page, name: str, content: bytes) -> None:
    page.get_by_test_id("bring-file").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    )


def book() -> bytes:
    made, file = Workbook(), io.BytesIO()
    for line in (["sku", "label", "low_c"], ["f-1", "Peas", -25.5], ["f-4", "Ham", 2]):
        made.active.append(line)
    made.save(file)
    return file.getvalue()


@LOOKS
def test_a_file_is_looked_through_then_brought_in_and_a_list_taken_along(
    page: Page, stack: Stack, watch: Watch, look: dict[str, Any]
) -> None:
    page.goto("/settings/files")
    expect(page.get_by_test_id("bring-file")).to_be_visible()
    fits(page)
    give(page, "products.csv", FILE.encode("utf-8-sig"))
    expect(page.get_by_test_id("bring-found")).to_have_text("2 new, 0 otherwise than here, 0 the same, 1 wrong.")
    expect(page.get_by_test_id("bring-wrong")).to_contain_text("low_c: 'cold' is no number: write 4.5")
    assert not [each for each in stack.items("/products") if each["sku"].startswith("f-")]
    fits(page)
    page.get_by_test_id("bring-send").click()
    expect(page.get_by_test_id("bring-done")).to_contain_text("2 came in")
    found = {each["sku"]: each for each in stack.items("/products") if each["sku"].startswith("f-")}
    assert {sku: each["low_c"] for sku, each in found.items()} == {"f-1": -25.5, "f-3": None}
    page.get_by_test_id("bring-back").click()
    expect(page.get_by_test_id("bring-taken")).to_have_text("2 are gone again.")
    assert not [each for each in stack.items("/products") if each["sku"].startswith("f-")]
    if look is not DESKTOP:
        return
    give(page, "products.csv", FILE.encode())
    page.get_by_test_id("bring-send").click()
    expect(page.get_by_test_id("bring-done")).to_contain_text("2 came in")
    give(page, "products.xlsx", book())
    expect(page.get_by_test_id("bring-found")).to_contain_text("1 new, 1 otherwise than here")
    page.get_by_test_id("bring-change").check()
    page.get_by_test_id("bring-send").click()
    expect(page.get_by_test_id("bring-done")).to_contain_text("1 came in, 1 changed")
    give(page, "products.csv", b"colour,size\n")
    expect(page.get_by_test_id("bring-failed")).to_contain_text("there is no column sku")
    expected(watch, 422)
    with page.expect_download() as saved:
        page.get_by_test_id("take-products-xlsx").click()
    rows = list(load_workbook(io.BytesIO(Path(saved.value.path()).read_bytes())).active.values)
    assert ("f-3", "=1+1") in [row[:2] for row in rows]
    page.route("**/import?*", lambda route: None)  # nobody answers
    give(page, "products.csv", FILE.encode())
    page.get_by_test_id("bring-stop").click()
    expect(page.get_by_test_id("bring-failed")).to_contain_text("Stopped")
    page.unroute_all(behavior="ignoreErrors")
    expected(watch, 0)
