"""One's own inventory: a table made, filled in, brought in whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openpyxl import load_workbook

from domain.stock.inventory import COLUMNS
from domain.stock.templates import TEMPLATES
from tests.integration.api.seed import World, client, serving
from tests.integration.frostway.commands import refused, typed

BASE = "/api/v1/inventory"
HEAD = "sku,label,gtin,case_pieces,site,lat,lon,zone,bin,lot,best_before,quantity,unit,own:allergens\n"
GOOD = (
    "CHEESE,Cheese,4012345111118,12,shop-9,60.2,24.9,chiller,A-1,L-1,2031-12-20,4,case,milk\n"
    "CHEESE,,,,shop-9,,,chiller,A-2,L-2,2031-12-24,7.5,,\n"
    "RICE,Rice,,,shop-9,,,dry,D-1,,,25,,\n"
)
FILE = {"content-type": "text/csv"}


@pytest.fixture
def api(database: str) -> Iterator[httpx.Client]:
    world = World(database)
    world.furnish()
    with serving(database) as url, client(url, world.token()) as found:
        for role in ("viewer", "storekeeper"):
            found.headers[f"x-{role}"] = world.token(role)
        yield found
    world.close()


def bring(api: httpx.Client, text: str | bytes, **asked: Any) -> httpx.Response:
    return api.post(f"{BASE}/import", content=text, params=asked, headers=FILE)


def levels(api: httpx.Client) -> dict[tuple[str, str, str | None], float]:
    found = api.get("/api/v1/stock/ledger", params={"site": "shop-9"}).json()["items"]
    return {(row["sku"], row["place"]["bin"], row["lot"]): row["quantity"] for row in found}


def test_an_inventory_comes_in_once_after_a_look_at_it(api: httpx.Client) -> None:
    look = bring(api, HEAD + GOOD, dry_run=True).json()
    counts = {"lines": 3, "products": 2, "products_new": 2, "sites_new": 1, "zones_new": 2, "bins_new": 3}
    counts |= {"lots": 2, "lots_new": 2, "moves": 3, "moves_new": 3}
    assert look == {"dry_run": True, **counts, "notes": [], "errors": []}
    assert api.get("/api/v1/products/CHEESE").status_code == 404
    done = bring(api, HEAD + GOOD)
    assert (done.status_code, done.json()) == (200, look | {"dry_run": False})
    expected = {("CHEESE", "A-1", "L-1"): 48, ("CHEESE", "A-2", "L-2"): 7.5, ("RICE", "D-1", None): 25}
    assert levels(api) == expected
    again = bring(api, HEAD + GOOD).json()
    assert (again["products_new"], again["moves"], again["moves_new"]) == (0, 3, 0)
    assert levels(api) == expected
    moves = api.get("/api/v1/stock/moves", params={"sku": "RICE"}).json()["items"]
    assert [(m["kind"], m["source"], m["reason"]) for m in moves] == [("receive", "import", "opening stock")]
    bins = "site,zone,bin,bin_kind,bin_aisle,bin_along_m,bin_load_kg,bin_mixing\n"
    assert bring(api, bins + "shop-9,chiller,A-1,reserve,1,4.5,800,lot\n").json()["bins_new"] == 0
    assert bring(api, "site,zone,bin,bin_height_mm\nshop-9,chiller,A-1,1600\n").status_code == 200
    of = api.get("/api/v1/sites/shop-9/bins/A-1").json()
    said = ("kind", "aisle", "along_m", "load_kg", "mixing", "height_mm", "volume_m3")
    assert [of[name] for name in said] == ["reserve", 1, 4.5, 800, "lot", 1600, None]
    errors = bring(api, bins + "shop-9,chiller,A-1,shelf,1,,0,lot\n").json()["errors"]
    assert [each["column"] for each in errors] == ["bin_kind", "bin_load_kg"]
    other = bring(api, HEAD + GOOD.replace("25,,", "26,,"))
    (fault,) = other.json()["errors"]
    assert (other.status_code, fault["line"], fault["column"]) == (422, 4, "quantity")
    assert fault["problem"].startswith("it was brought in before with another quantity")


def test_every_bad_row_is_named_and_nothing_half_is_brought_in(api: httpx.Client) -> None:
    bad = (
        GOOD
        + "HAM,Ham,4012345111117,,shop-9,,,chiller,A-3,,,3,,\n"
        + "HAM,Ham,,,nowhere,,,chiller,,,,3,,\n"
        + "CHEESE,Brie,,,shop-9,,,dry,A-1,L-1,,many,,\n"
        + "RICE,,,,shop-9,,,dry,A-1,,,1,case,\n"
        + ",,,,shop-9,,,,,,,5,,\n"
    )
    for dry in (True, False):
        told = bring(api, HEAD + bad, dry_run=dry)
        assert told.status_code == (200 if dry else 422)
        assert {(e["line"], e["column"]): e["problem"] for e in told.json()["errors"]} == {
            (5, "gtin"): "4012345111117: its check digit is 8, not 7",
            (6, "site"): "there is no site nowhere: add lat and lon, or make it on the page of sites",
            (7, "quantity"): "'many' is no number: write 4.5",
            (8, "unit"): "RICE is not counted in case, but in piece; say how many base units one is in case_pieces",
            (8, "bin"): "A-1 of shop-9 is in zone chiller: a bin's code is one of its site's",
            (9, "sku"): "it is missing: quantity needs it",
        }
        codes = [(e["code"], e["params"]) for e in told.json()["errors"]]
        assert codes[0] == ("check_digit", {"said": "4012345111117", "right": "8", "wrong": "7"})
        assert ("no_site", {"site": "nowhere"}) in codes
    assert levels(api) == {}
    assert api.get("/api/v1/sites/shop-9").status_code == 404
    fixed = "\n".join(line for line in bad.splitlines() if line.startswith(("CHEESE,Cheese", "CHEESE,,", "RICE,Rice")))
    assert bring(api, HEAD + fixed + "\n").status_code == 200


def test_two_lines_that_say_otherwise_of_one_thing_are_wrong(api: httpx.Client) -> None:
    text = "sku,label,site,quantity\nTEA,Tea,store-1,3\nTEA,Green tea,store-1,4\n"
    errors = bring(api, text).json()["errors"]
    assert [(e["line"], e["column"], e["problem"]) for e in errors] == [
        (3, "label", "TEA has another in line 2: Tea"),
        (3, "quantity", "line 2 says already how many lie there"),
    ]


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_ready_made_template_comes_in_as_it_is_given(api: httpx.Client, name: str) -> None:
    for place in ("store-1", "dc-1"):
        site = {"id": place, "kind": "dc", "lat": 60, "lon": 24, "zones": []}
        assert api.post("/api/v1/sites", json=site).status_code in (200, 201, 403)
    for kind in ("csv", "xlsx"):
        file = api.get(f"{BASE}/templates/file", params={"template": name, "format": kind})
        assert (file.status_code, f"{name}.{kind}" in file.headers["content-disposition"]) == (200, True)
        told = bring(api, file.content, dry_run=True).json()
        assert [e for e in told["errors"] if "there is no site" not in e["problem"]] == []
        assert told["lines"] == len(TEMPLATES[name].rows)


def test_a_template_is_made_of_the_columns_one_wants(api: httpx.Client) -> None:
    told = api.get(f"{BASE}/templates").json()
    assert [c["name"] for c in told["columns"]] == list(COLUMNS)
    asked = {"columns": "sku, quantity,site", "own": "Shelf life", "format": "xlsx", "examples": False}
    file = api.get(f"{BASE}/templates/file", params=asked)
    sheet = load_workbook(io.BytesIO(file.content)).active
    assert sheet is not None
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [
        ["sku", "quantity", "site", "own:shelf life"]
    ]
    for wrong, words in (
        ({"columns": "sku,colour"}, "there is no 'colour'"),
        ({"columns": "sku,sku"}, "sku stands twice"),
        ({"own": "=1+1"}, "own: '=1+1' is not letters"),
        ({"template": "zoo"}, "there are food, pharma"),
        ({}, "name those that you want"),
    ):
        answer = api.get(f"{BASE}/templates/file", params=wrong)
        assert (answer.status_code, words in answer.json()["detail"]) == (422, True), answer.text


def test_a_strangers_file_is_refused_with_a_word(api: httpx.Client) -> None:
    for content, words in (
        (b"", "the file is empty"),
        (b"sku,quantity\n", "there is no line below the head"),
        (b"PK\x03\x04broken", "workbook"),
        (b"\x00\x01\x02\x03\x04", "no text"),
        (b"sku,sku\nA,B\n", "two columns are sku"),
    ):
        answer = bring(api, content)
        assert (answer.status_code, words in answer.json()["detail"]) == (422, True), answer.text
    noted = bring(api, "article,colour\nTEA,green\n", dry_run=True).json()
    assert (noted["products_new"], noted["notes"]) == (1, ["Columns that are not read: colour."])
    storekeeper = {"authorization": f"Bearer {api.headers['x-storekeeper']}"}
    told = api.post(f"{BASE}/import", content=HEAD + GOOD, headers=FILE | storekeeper)
    assert (told.status_code, "1 sites and 2 zones" in told.json()["detail"]) == (403, True)
    assert bring(api, HEAD + GOOD).status_code == 200
    assert api.post(f"{BASE}/import", content=HEAD + GOOD, headers=FILE | storekeeper).status_code == 200
    viewer = {"authorization": f"Bearer {api.headers['x-viewer']}"}
    assert api.post(f"{BASE}/import", content=GOOD, headers=FILE | viewer).status_code == 403


def test_commands_make_a_table_and_bring_it_in(api: httpx.Client, database: str, tmp_path: Path) -> None:
    status, _, err = typed(database, tmp_path, "template", "opening-stock", "--out", "t.csv", "--own", "Note")
    assert (status, err) == (0, "")
    table = (tmp_path / "t.csv").read_text()
    assert table.splitlines()[0] == "sku,site,zone,bin,lot,best_before,quantity,unit,own:note"
    (tmp_path / "good.csv").write_text(HEAD + GOOD)
    words = ("import", "opening-stock", "good.csv")
    said = "good.csv: 3 lines; 2 of 2 products, 1 sites, 2 zones, 3 bins, 2 of 2 lots, 3 of 3 moves"
    assert typed(database, tmp_path, *words, "--dry-run")[1].strip() == f"{said} would be new"
    assert levels(api) == {}
    assert typed(database, tmp_path, *words)[1].strip() == f"{said} are new"
    assert sum(levels(api).values()) == 80.5
    (tmp_path / "bad.csv").write_text("sku,site,quantity\nTEA,store-1,\nTEA,store-1,x\n")
    status, out, err = typed(database, tmp_path, "import", "opening-stock", "bad.csv")
    assert (status, out) == (1, "")
    assert err.splitlines() == [
        "bad.csv, line 2, quantity: it is missing: opening-stock need how many there are now",
        "bad.csv, line 3, quantity: 'x' is no number: write 4.5",
        "frostway: bad.csv: nothing was brought in: 2 things are wrong",
    ]
    assert "there is no 'colour'" in refused(database, tmp_path, "template", "products", "--columns", "colour")
