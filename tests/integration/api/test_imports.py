"""Files of a stranger: what is wrong is told of its line, neighbours are unharmed, sent again nothing changes."""

from __future__ import annotations

import errno
import io
import json
import tempfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from openpyxl import Workbook

from api.http import middleware
from api.resources.products import KIND
from api.resources.shared.imports import bring
from api.resources.shared.imports.cells import How, time
from api.resources.shared.imports.files import open_source
from api.resources.shared.imports.seen import Seen
from tests.integration.api.seed import World, client, rows, serving

BASE = "/api/v1"
SITES = "id;name;kind;lat;lon;radius\n"


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish()
    yield world
    world.close()


@pytest.fixture
def api(world: World, database: str) -> Iterator[httpx.Client]:
    with serving(database) as url, client(url, world.token()) as api:
        yield api


def brought(api: httpx.Client, kind: str, content: str | bytes, **how: Any) -> list[dict[str, Any]]:
    body = content.encode() if isinstance(content, str) else content
    answer = api.post(f"{BASE}/{kind}/import", content=body, params={"told": "all", **how}, timeout=60)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson"), answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def counts(told: list[dict[str, Any]]) -> tuple[int, int, int, int]:
    assert told[-1]["what"] == "end", told[-1]
    return tuple(told[-1][name] for name in ("created", "changed", "same", "wrong"))  # type: ignore[return-value]


def wrong(told: list[dict[str, Any]]) -> list[tuple[int, str, str]]:
    return [(t["line"], t.get("column", ""), t["problem"]) for t in told if t.get("outcome") == "wrong"]


def book(*lines: list[Any]) -> bytes:
    made = Workbook()
    for line in lines:
        made.active.append(line)
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def test_products_come_in_line_by_line_and_the_same_file_changes_nothing_again(
    api: httpx.Client, database: str
) -> None:
    file = "sku,label,low_c,high_c,gtin\r\nMILK,Milk 1 l,2,6,06414123456789\r\nPEAS,Peas,-25,-18,\r\n"
    seen = brought(api, "products", file, dry_run=True)
    assert [(t["line"], t["id"], t["outcome"]) for t in seen if t["what"] == "line"] == [
        (2, "MILK", "changed"),
        (3, "PEAS", "created"),
    ]
    assert rows(database, "select sku, label, low_c from product") == [("MILK", "Milk", None)]
    assert counts(seen) == counts(brought(api, "products", file)) == (1, 1, 0, 0)
    assert counts(brought(api, "products", file)) == (0, 0, 2, 0)
    # What the file has no column for stays, an empty cell takes away.
    found = "select sku, label, low_c, reorder_point, gtin from product order by sku"
    assert rows(database, found) == [("MILK", "Milk 1 l", 2, 20, "06414123456789"), ("PEAS", "Peas", -25, None, None)]
    assert counts(brought(api, "products", "sku,low_c\nMILK,\n")) == (0, 1, 0, 0)
    assert rows(database, found)[0] == ("MILK", "Milk 1 l", None, 20, "06414123456789")
    audit = "select action, subject, detail ->> 'by' from audit where starts_with(action, 'product.') order by id"
    named = brought(api, "products", "sku,profile\nMILK,frozen\nPEAS,lukewarm\n")
    assert counts(named) == (0, 1, 0, 1)
    assert "there is no lukewarm" in str(named)
    assert counts(brought(api, "products", "sku,profile\nMILK,frozen\n")) == (0, 0, 1, 0)
    assert api.get(f"{BASE}/products/MILK").json()["profile"] == "frozen"
    assert rows(database, "select p.sku from product p join profile f on f.id = p.profile_id") == [("MILK",)]
    depends = api.delete(f"{BASE}/profiles/frozen", params={"dry_run": True}).json()["dependents"]
    assert {"what": "products", "count": 1, "now": 1} in depends
    milk = {"sku": "MILK", "label": "Milk"}
    assert api.post(f"{BASE}/products", json={**milk, "profile": "lukewarm"}).status_code == 422
    assert api.post(f"{BASE}/products", json={**milk, "profile": "chilled"}).json()["profile"] == "chilled"
    assert rows(database, audit) == [
        ("product.change", "MILK", "import"),
        ("product.create", "PEAS", "import"),
        ("product.change", "MILK", "import"),
        ("product.change", "MILK", "import"),
        ("product.change", "MILK", None),
    ]


def test_what_is_wrong_is_told_of_its_line_and_its_neighbours_come_in(api: httpx.Client, database: str) -> None:
    file = (
        "\ufeffSKU;Label;unit_mass_kg;low_c;high_c;gtin;colour\r\n"
        "A;'=1+1;1,5;\u22122,5;4;;red\r\n"
        "B;Beans;heavy;;;;\r\n"
        ";Nameless;1;;;;\r\n"
        "A;Again;1;;;;\r\n"
        'C;"Corn\r\nin two lines";1;;;;\r\n'
        "D;Dill;1;6;2;;\r\n"
        "E;Eggs;1;;;12345;\r\n"
        'F;"Figs" fresh;1;;;;\r\n'
        "G;Grapes;1;;;;;;too;many\r\n"
        'H;"Ham;1;;;;\r\n'
        "I;Ice;1;-30;-18;;\r\n"
        f"J;{'j' * 300};1;;;;\r\n"
        "K;;1;;;;\r\n"
    )
    told = brought(api, "products", file)
    assert [t["text"] for t in told if t["what"] == "note"] == ["Columns that are not read: colour."]
    assert [(at, column) for at, column, _ in wrong(told)] == [
        (3, "unit_mass_kg"), (4, "sku"), (5, "sku"), (6, "label"), (8, "low_c"), (9, "gtin"), (10, ""), (11, ""),
        (12, ""), (14, "label"), (15, "label"),
    ]  # fmt: skip
    words = {at: problem for at, _, problem in wrong(told)}
    assert words[3] == "'heavy' is no number: write 4.5"
    assert words[5] == "A stands in line 2 already"
    assert words[9] == "'12345': write 8, 12, 13 or 14 digits"
    assert "quotation mark" in words[10]
    assert "quotation mark" in words[12]
    assert "the first line names 7" in words[11]
    assert words[15] == "it is missing"
    assert counts(told) == (2, 0, 0, 11)
    made = "select sku, label, unit_mass_kg, low_c from product where sku <> 'MILK' order by sku"
    assert rows(database, made) == [("A", "=1+1", 1.5, -2.5), ("I", "Ice", 1, -30)]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the file is empty"),
        (b"name,colour\n", "there is no column sku"),
        (b"sku,label,name\nA,a,a\n", "two columns are label"),
        (b"[1, 2]", "one object on each line"),
        (b"<kml/>", "bring CSV"),
        (b"a\0b,c\n", "this is no text"),
        (b"PK\x03\x04nonsense", "no workbook"),
        (b"x" * 2_000_000 + b"\n", "line 1: "),
    ],
)
def test_what_is_no_file_of_products_is_refused_in_a_sentence(api: httpx.Client, content: bytes, why: str) -> None:
    answer = api.post(f"{BASE}/products/import", content=content)
    assert answer.status_code == 422
    assert why in answer.json()["detail"]


def test_a_line_without_an_end_harms_none_beside_it(api: httpx.Client) -> None:
    told = brought(api, "products", "sku,label\nA,a\nB," + "b" * 10_000_000 + "\nC,c\n")
    assert (counts(told), wrong(told)[0][0]) == ((2, 0, 0, 1), 3)
    assert "KiB" in wrong(told)[0][2]


def test_what_windows_wrote_is_read_and_said_to_be_a_guess(api: httpx.Client, database: str) -> None:
    told = brought(api, "products", "sku;label\r\nÄ1;Brühwürste\r\n".encode("cp1252"))
    assert "not UTF-8" in told[0]["text"]
    assert rows(database, "select label from product where sku = 'Ä1'") == [("Brühwürste",)]
    assert counts(brought(api, "products", "sep=;\nsku;label\nÄ1;Brühwürste\n".encode("utf-16"))) == (0, 0, 1, 0)


def test_a_workbook_is_read_and_one_that_would_unfold_is_not(
    api: httpx.Client, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = book(["sku", "label", "low_c"], [4711, "Milk", 2.5], [None, None, None], ["B", "Beans", "cold"])
    told = brought(api, "products", content)
    assert (counts(told), wrong(told)) == ((1, 0, 0, 1), [(4, "low_c", "'cold' is no number: write 4.5")])
    assert rows(database, "select label, low_c from product where sku = '4711'") == [("Milk", 2.5)]
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", b"<" + b" " * (130 * 1024**2))
    answer = api.post(f"{BASE}/products/import", content=bomb.getvalue())
    assert (answer.status_code, "unfolds to more than 128 MiB" in answer.json()["detail"]) == (422, True)
    entities = io.BytesIO()
    with zipfile.ZipFile(entities, "w") as archive:
        archive.writestr("xl/workbook.xml", '<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>')
    assert "entities" in api.post(f"{BASE}/products/import", content=entities.getvalue()).json()["detail"]
    monkeypatch.setattr(middleware, "FILE_BYTES_MAX", 1000)
    answer = api.post(f"{BASE}/products/import", content=b"x" * 2000)
    assert (answer.status_code, "512 MiB" in answer.json()["detail"]) == (413, True)


def test_sites_and_their_zones_come_as_json_on_each_line(api: httpx.Client, database: str) -> None:
    square = [[24.9, 60.1], [25.0, 60.1], [25.0, 60.2], [24.9, 60.2], [24.9, 60.1]]
    fence = {"type": "Polygon", "coordinates": [square]}
    lines: list[Any] = [
        {"id": "yard", "kind": "depot", "lat": 60.15, "lon": 24.95, "polygon": fence, "zones": [{"id": "a"}]},
        {"id": "far", "kind": "depot", "lat": 10.0, "lon": 24.95, "polygon": fence},
        {"id": "Shop 7", "kind": "store", "lat": 60, "lon": 24},
        {"id": "odd", "kind": "store", "lat": 60, "lon": 24, "colour": "red"},
        "nothing",
    ]
    file = "".join(json.dumps(line) + "\n" for line in lines) + "{broken\n"
    told = brought(api, "sites", file)
    assert counts(told) == (1, 0, 0, 5)
    assert [(at, column) for at, column, _ in wrong(told)] == [(2, ""), (3, "id"), (4, "colour"), (5, ""), (6, "")]
    site = api.get(f"{BASE}/sites/yard").json()
    assert (site["label"], site["polygon"], site["zones"]) == ("yard", fence, [{"id": "a", "label": "a"}])
    assert counts(brought(api, "sites", json.dumps(lines[0]))) == (0, 0, 1, 0)
    moved = brought(api, "sites", "id,lat,lon\nyard,60.151,24.951\n", change=False)
    assert wrong(moved) == [(2, "id", "yard is there already, and otherwise")]


def test_a_stop_a_line_becomes_shipments_with_times_of_the_zone(api: httpx.Client, world: World, database: str) -> None:
    other = World(database, "other")
    other.registry.put_site("theirs", label="Theirs", kind="dc", lat=1.0, lon=2.0)
    file = (
        "shipment,vehicle,profile,customer,stop,site,name,lat,lon,window_start,window_end\n"
        "N-1,van-9,frozen,Anna,,dc-1,,,,2026-11-29 08:00,2026-11-29 09:00\n"
        "N-1,,,,,,Pier 3,60.16,24.96,,2026-11-29T12:00:00+01:00\n"
        "N-2,truck-01,,,,nowhere,,,,,\n"
        "N-3,,,,,dc-1,,,,2026-03-29 03:30,\n"
        "N-4,,,,,theirs,,,,,\n"
        "N-5,,,,2,dc-1,,,,,\n"
        "N-5,,,,1,store-1,,,,,\n"
        "N-5,,,Bob,3,store-1,,,,,\n"
        "N-6,,,,,,,91,24,,\n"
        "N-7,,warm,,,dc-1,,,,,\n"
        "N-1,,,,,store-1,,,,,\n"
    )
    told = brought(api, "shipments", file, zone="Europe/Helsinki")
    assert wrong(told) == [
        (4, "site", "there is no nowhere; add it first"),
        (5, "window_start", "2026-03-29 03:30: the clocks in Europe/Helsinki skip this time"),
        (6, "site", "there is no theirs; add it first"),
        (9, "customer", "line 7 says otherwise of this shipment: repeat it, or leave it out"),
        (10, "lat", "Input should be less than or equal to 90"),
        (11, "profile", "there is no warm: one of chilled, frozen, ambient, or your own by POST /profiles"),
        (12, "id", "N-1 stands in line 2 already"),
    ]
    assert counts(told)[0] == 1
    found = api.get(f"{BASE}/shipments/N-1").json()
    assert (found["vehicle"], found["profile"], found["customer"], found["status"]) == (
        "van-9", "frozen", "Anna", "planned",
    )  # fmt: skip
    assert [(s["site"], s["name"], s["window_start"], s["window_end"]) for s in found["stops"]] == [
        ("dc-1", "Centre", "2026-11-29T06:00:00.000Z", "2026-11-29T07:00:00.000Z"),
        (None, "Pier 3", None, "2026-11-29T11:00:00.000Z"),
    ]
    first = "".join(file.splitlines(keepends=True)[:3])
    again = brought(api, "shipments", first, zone="Europe/Helsinki")
    assert counts(again) == (0, 0, 1, 0)
    body = {"id": "N-1", "stops": [{"site": "store-1"}], "vehicle": "truck-01"}
    assert counts(brought(api, "shipments", json.dumps(body))) == (0, 1, 0, 0)
    found = api.get(f"{BASE}/shipments/N-1").json()
    assert ([s["site"] for s in found["stops"]], found["vehicle"], found["profile"]) == (
        ["store-1"],
        "truck-01",
        "frozen",
    )
    assert api.delete(f"{BASE}/shipments/N-1").status_code == 200
    other.close()


def test_dates_of_a_workbook_are_of_the_zone_that_is_asked_for(api: httpx.Client) -> None:
    nine = datetime(2026, 11, 29, 9, tzinfo=UTC).replace(tzinfo=None)
    lines = ["shipment", "stop", "site", "window_start"], ["W-1", 1, "dc-1", nine], ["W-1", 2, "store-1", None]
    assert counts(brought(api, "shipments", book(*(list(line) for line in lines)), zone="Europe/Helsinki"))[0] == 1
    stops = api.get(f"{BASE}/shipments/W-1").json()["stops"]
    assert [stop["window_start"] for stop in stops] == ["2026-11-29T07:00:00.000Z", None]
    refused = api.post(f"{BASE}/shipments/import", content=b"shipment\n", params={"zone": "Mars"})
    assert (refused.status_code, "time zone" in refused.json()["detail"]) == (422, True)


def test_one_by_one_and_as_a_file_shipments_are_stored_alike(api: httpx.Client, database: str) -> None:
    body = {
        "id": "X-1",
        "reference": "PO 7",
        "vehicle": "truck-01",
        "profile": "chilled",
        "stops": [{"site": "dc-1", "stop_id": "X-a"}, {"lat": 60.1, "lon": 24.9, "window_end": "2026-12-01T10:00:00Z"}],
        "planned_line": {"type": "LineString", "coordinates": [[24.0, 60.0], [24.9, 60.1]]},
        "since": "2026-11-28T10:00:00Z",
    }
    assert api.post(f"{BASE}/shipments", json=body).status_code == 201
    assert counts(brought(api, "shipments", json.dumps(body))) == (0, 0, 1, 0)
    assert counts(brought(api, "shipments", json.dumps({**body, "id": "X-2"}))) == (1, 0, 0, 0)
    columns = (
        "reference, customer, vehicle_id, profile_id, planned_line, status, loaded, started_at, on_vehicle_since, "
        "since_given, turn, cancelled_at"
    )
    one, two = (rows(database, f"select {columns} from shipment where name = '{name}'") for name in ("X-1", "X-2"))
    assert one == two
    of = "select seq, replace(label, 'X-2', 'X-1'), site_id, lat, lon, radius_m, window_start, window_end from stop"
    whose = "where shipment_id = (select id from shipment where name = '{}') order by seq"
    one, two = (rows(database, f"{of} {whose.format(name)}") for name in ("X-1", "X-2"))
    assert one == two


def test_vehicles_come_in_and_are_described(api: httpx.Client, world: World, database: str) -> None:
    file = "id,label,class,fleet,tags,load_capacity_kg\ntruck-01,,courier,North,lift; ATP,\nvan-1,Van,,South,,900\n"
    told = brought(api, "vehicles", file + "van-2,Van,spaceship,,,\n")
    assert (counts(told), wrong(told)[0][:2]) == ((1, 1, 0, 1), (4, "class"))
    found = {v["id"]: v for v in api.get(f"{BASE}/vehicles").json()["items"]}
    assert (found["truck-01"]["label"], found["truck-01"]["fleet"]) == ("Truck 1", "North")
    assert (found["truck-01"]["class"], found["truck-01"]["tags"]) == ("courier", ["lift", "ATP"])
    assert (found["van-1"]["label"], found["van-1"]["load_capacity_kg"]) == ("Van", 900)
    by = "select vehicle_id, fleet, recorded_by from vehicle_fleet order by fleet"
    assert [(fleet, who) for _, fleet, who in rows(database, by)] == [
        ("North", "admin-token"), ("South", "admin-token"),
    ]  # fmt: skip
    assert counts(brought(api, "vehicles", file)) == (0, 0, 2, 0)
    assert api.patch(f"{BASE}/vehicles/van-1", json={"retired": True}).status_code == 200
    assert wrong(brought(api, "vehicles", "id,label\nvan-1,Van\n")) == [(2, "id", "it is retired: restore it first")]


def test_what_the_database_refuses_is_one_line(api: httpx.Client, database: str) -> None:
    lines = [f"P{n},Product,{10**13 + n if n != 7 else 10**13 + 3}\n" for n in range(20)]
    told = brought(api, "products", "sku,label,gtin\n" + "".join(lines))
    assert counts(told) == (19, 0, 0, 1)
    assert [problem for _, _, problem in wrong(told)] == ["something else has this name or number already"]
    assert rows(database, "select count(*) from product where starts_with(sku, 'P')") == [(19,)]


def test_a_flood_of_wrong_lines_ends_it(api: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bring, "FAULTS_MAX", 1000)
    told = brought(api, "products", "sku,label,low_c\nA,a,1\n" + "B,b,warm\n" * 5000)
    assert told[-1]["what"] == "broken"
    assert 1000 <= sum(t["what"] == "line" for t in told) < 2000
    monkeypatch.setattr(bring, "LINES_MAX", 1000)
    told = brought(api, "products", "sku,label\n" + "".join(f"Q{n},q\n" for n in range(3000)))
    assert (told[-1]["what"], "1000000 lines" in told[-1]["problem"]) == ("broken", True)


def test_who_may_not_make_them_brings_none_and_another_tenant_sees_none(
    api: httpx.Client, world: World, database: str
) -> None:
    other = World(database, "other")
    with serving(database) as url:
        with client(url, world.token("viewer")) as viewer:
            assert viewer.post(f"{BASE}/products/import", content="sku,label\nA,a\n").status_code == 403
        with client(url, other.token()) as theirs:
            assert counts(brought(theirs, "products", "sku,label\nMILK,Theirs\n")) == (1, 0, 0, 0)
    labels = "select t.name, p.label from product p join tenant t on t.id = p.tenant_id where sku = 'MILK' order by 1"
    assert rows(database, labels) == [("main", "Milk"), ("other", "Theirs")]
    other.close()


def test_pages_see_what_comes_in_and_the_key_of_a_request_keeps_no_file(api: httpx.Client, database: str) -> None:
    file = "id,kind,lat,lon\n" + "".join(f"s-{n},store,60,24\n" for n in range(700))
    answer = api.post(f"{BASE}/sites/import", content=file, headers={"Idempotency-Key": "x" * 20})
    again = api.post(f"{BASE}/sites/import", content=file, headers={"Idempotency-Key": "x" * 20})
    assert [json.loads(a.text.splitlines()[-1])["created"] for a in (answer, again)] == [700, 0]
    progress = [json.loads(line) for line in answer.text.splitlines() if '"progress"' in line]
    assert [p["lines"] for p in progress] == [501, 701]
    assert progress[-1]["bytes"] == progress[-1]["of_bytes"] == len(file)
    sites = "select jsonb_array_length(convert_from(body, 'utf8')::jsonb -> 'sites') as n from change"
    shown = rows(database, f"select n from ({sites}) s where n is not null order by 1 desc")
    assert [n for (n,) in shown] == [500, 200]


def test_a_file_that_is_cut_off_leaves_what_was_told_and_gives_its_place_back(api: httpx.Client, database: str) -> None:
    lines = 30_000
    file = "sku,label\n" + "".join(f"Z{n},z\n" for n in range(lines))
    for _ in range(3):  # more than one person may bring at once
        with api.stream("POST", f"{BASE}/products/import", content=file) as answer:
            assert answer.status_code == 200
            told = json.loads(next(answer.iter_lines()))
            assert (told["what"], told["wrong"]) == ("progress", 0)
    stored = rows(database, "select count(*) from product where starts_with(sku, 'Z')")[0][0]
    assert stored >= told["created"]
    end = json.loads(api.post(f"{BASE}/products/import", content=file, timeout=60).text.splitlines()[-1])
    assert (end["created"] + end["same"], end["wrong"]) == (lines, 0)


def test_a_disk_that_is_full_is_said_to_be(api: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, content: Any) -> int:
            raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(bring.tempfile, "TemporaryFile", lambda **how: Full())
        answer = api.post(f"{BASE}/products/import", content="sku,label\nA,a\n")
    assert (answer.status_code, "no room" in answer.json()["detail"]) == (413, True)
    assert counts(brought(api, "products", "sku,label\nA,a\n")) == (1, 0, 0, 0)


def test_many_lines_are_read_in_the_memory_of_a_few() -> None:
    file = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by the source
    file.write(b"sku,label,low_c\n")
    for n in range(0, 50_000, 1000):
        file.write(b"".join(b"P-%d,Product,2.5\n" % i for i in range(n, n + 1000)))
    size = file.tell()
    seen = Seen()
    tracemalloc.start()
    try:
        source = open_source(file, size, KIND.columns, ZoneInfo("UTC"))
        count = sum(not seen.add(thing.values["sku"], thing.at) for thing in source.things)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        source.close()
    assert count == 50_000
    assert peak < 4_000_000
    assert seen.add("P-777", 50_002) == 779


def test_the_earlier_time_is_meant_where_clocks_are_put_back() -> None:
    found = time("2026-10-25 03:30", How(commas=False, zone=ZoneInfo("Europe/Helsinki")))
    assert found is not None
    assert found.astimezone(ZoneInfo("UTC")).isoformat() == "2026-10-25T00:30:00+00:00"
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert time(noon.replace(tzinfo=None), How(commas=False, zone=ZoneInfo("UTC"))) == noon  # of a workbook
