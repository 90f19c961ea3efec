"""Any list as a file: all of it, in bounded pages, with the zone of its times in the column's name, no cell runs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import httpx
import pytest
from openpyxl import load_workbook

from api.http import paging
from api.resources.shared import exports, sheets
from tests.integration.api.seed import T0, World, client, minutes, serving
from tests.security.probes import DOCUMENT

BASE = "/api/v1"
XLSX = sheets.XLSX
LISTS = [
    path.removeprefix(BASE)
    for path, operations in DOCUMENT["paths"].items()
    if "text/csv" in operations.get("get", {}).get("responses", {}).get("200", {}).get("content", ())
    and "application/json" in operations["get"]["responses"]["200"]["content"]
    and "/reports" not in path
    and not path.endswith("/despatch-advice")  # a document, no list
]


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish(3)
    world.partitions()
    yield world
    world.close()


@pytest.fixture
def api(world: World, database: str) -> Iterator[httpx.Client]:
    with serving(database) as url, client(url, world.token()) as api:
        yield api


def table(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:])))


def test_the_lists_people_take_along_are_files_too() -> None:
    assert set(LISTS) >= {
        "/products", "/vehicles", "/devices", "/sites", "/shipments", "/stock", "/alerts",
        "/vehicles/{vehicle_id}/visits", "/devices/{device_id}/excursions",
    }  # fmt: skip


@pytest.mark.parametrize("address", LISTS)
def test_a_list_says_the_same_in_all_forms(api: httpx.Client, world: World, address: str) -> None:
    world.open_alert("reefer-01", "rear")
    world.stock(5)
    ids = {"vehicle_id": "truck-01", "device_id": "reefer-01", "shipment_id": "S-1", "site_id": "store-1"}
    ids |= {"customer_id": "ward-5", "order_id": "SO-1", "kpi": "otif"}
    api.post(f"{BASE}/customers", json={"id": "ward-5"})
    line = {"sku": "MILK", "quantity": 2}
    api.post(f"{BASE}/orders", json={"id": "SO-1", "customer": "ward-5", "site": "store-1", "lines": [line]})
    url = BASE + address.format(**ids)
    needed = [each for each in DOCUMENT["paths"][BASE + address]["get"].get("parameters", ()) if each["required"]]
    asked = {each["name"]: {"site": "store-1"}[each["name"]] for each in needed if each["in"] == "query"}
    items = api.get(url, params=asked).json()["items"]
    lines = api.get(url, params={**asked, "format": "ndjson"})
    assert lines.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in lines.text.splitlines()] == items
    as_csv = api.get(url, params=asked, headers={"Accept": "text/csv"})
    assert as_csv.headers["content-type"] == "text/csv; charset=utf-8"
    assert as_csv.headers["content-disposition"].startswith("attachment; filename=")
    book = api.get(url, params={**asked, "format": "xlsx"})
    assert book.headers["content-type"] == XLSX
    rows = list(load_workbook(io.BytesIO(book.content)).active.values)
    found = table(as_csv.text)
    assert len(found) == len(rows) - 1 == len(items)
    if found:
        assert list(found[0]) == list(rows[0])
        for row, line in zip(rows[1:], found, strict=True):
            for cell, text in zip(row, line.values(), strict=True):
                same = str(cell).lower() if isinstance(cell, bool) else "" if cell is None else str(cell)
                assert same == text or float(same) == float(text)


def test_all_of_a_list_comes_page_by_page_and_no_cell_runs(
    api: httpx.Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "LIMIT_MAX", 10)
    for n in range(25):
        world.registry.put_product(f"P{n:02}", label="=1+1" if n else "-2")
    found = table(api.get(f"{BASE}/products", params={"format": "csv", "limit": 3}).text)
    assert [each["sku"] for each in found] == ["MILK", *(f"P{n:02}" for n in range(25))]
    assert {each["label"] for each in found[1:]} == {"'=1+1", "'-2"}
    sheet = load_workbook(io.BytesIO(api.get(f"{BASE}/products?format=xlsx").content)).active
    assert (sheet["B3"].value, sheet["B4"].value, sheet["B4"].data_type) == ("-2", "=1+1", "s")
    some = table(api.get(f"{BASE}/products", params={"format": "csv", "fields": "sku,low_c"}).text)
    assert list(some[0]) == ["sku", "low_c"]
    assert api.get(f"{BASE}/products", params={"format": "csv", "fields": "colour"}).status_code == 422
    assert api.get(f"{BASE}/products", params={"format": "pdf"}).status_code == 422
    # What was taken along is what is brought again.
    file = api.get(f"{BASE}/products", params={"format": "csv"}).content
    end = json.loads(api.post(f"{BASE}/products/import", content=file).text.splitlines()[-1])
    assert (end["same"], end["changed"], end["created"], end["wrong"]) == (26, 0, 0, 0)
    book = api.get(f"{BASE}/products", params={"format": "xlsx"}).content
    end = json.loads(api.post(f"{BASE}/products/import", content=book).text.splitlines()[-1])
    assert (end["same"], end["wrong"]) == (26, 0)


def test_vehicles_and_sites_come_back_as_they_were_taken_along(api: httpx.Client) -> None:
    given = {"id": "truck-02", "label": "Two", "class": "courier", "fleet": "North", "tags": ["lift", "ATP"]}
    assert api.post(f"{BASE}/vehicles", json=given).status_code == 200
    for kind, count in (("vehicles", 3), ("sites", 2)):
        file = api.get(f"{BASE}/{kind}", params={"format": "csv"}).content
        end = json.loads(api.post(f"{BASE}/{kind}/import", content=file).text.splitlines()[-1])
        assert (end["same"], end["wrong"]) == (count, 0)


def test_times_name_their_zone_in_the_column_and_what_is_inside_stands_beside(api: httpx.Client, world: World) -> None:
    world.open_alert("reefer-01", "rear")
    utc = table(api.get(f"{BASE}/alerts", params={"format": "csv"}).text)[0]
    assert utc["opened_at_utc"] == "2026-11-22T10:00:00.000Z"
    assert (utc["subject.kind"], utc["cleared_at_utc"]) == ("vehicle", "")
    there = table(api.get(f"{BASE}/alerts", params={"format": "csv", "tz": "Europe/Helsinki"}).text)[0]
    assert there["opened_at (Europe/Helsinki)"] == "2026-11-22T12:00:00.000+02:00"
    assert api.get(f"{BASE}/alerts", params={"format": "csv", "tz": "Mars"}).status_code == 422
    vehicle = table(api.get(f"{BASE}/vehicles", params={"format": "csv"}).text)[0]
    assert {"t_utc", "driver.id", "shipment.p50_utc", "temps"} <= set(vehicle)


def test_readings_come_as_a_workbook_on_as_many_sheets_as_they_need(
    api: httpx.Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(7):
        world.temperature("reefer-01", "=rear", T0 + minutes(n), 4.5 + n)
    monkeypatch.setattr(sheets, "ROWS_MAX", 3)
    answer = api.get(f"{BASE}/readings?device=reefer-01&stream=temp&format=xlsx")
    assert answer.headers["content-disposition"] == 'attachment; filename="reefer-01-temp.xlsx"'
    book = load_workbook(io.BytesIO(answer.content))
    assert [sheet.max_row - 1 for sheet in book.worksheets] == [3, 3, 1]
    rows = [row for sheet in book.worksheets for row in list(sheet.values)[1:]]
    head = next(iter(book.worksheets[1].values))
    assert head[:2] == ("time_utc", "received_at_utc")
    assert [row[head.index("temp_c")] for row in rows] == [4.5 + n for n in range(7)]
    assert {row[head.index("probe")] for row in rows} == {"=rear"}
    assert api.get(f"{BASE}/readings?device=reefer-01&stream=temp", headers={"Accept": "image/png"}).status_code == 406


def test_a_page_of_json_is_what_it_was(api: httpx.Client) -> None:
    answer = api.get(f"{BASE}/vehicles", params={"limit": 2}, headers={"Accept": "text/html, */*"})
    assert answer.headers["content-type"] == "application/json"
    assert len(answer.json()["items"]) == 2
    assert "cursor=" in answer.headers["link"]
    assert paging.LIMIT_MAX == 1000
