"""Raw readings, pages, and the description of the interface."""

import csv
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.http import pages
from tests.integration.api.seed import T0, World, client, minutes, serving


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish()
    world.partitions()
    yield world
    world.close()


@pytest.fixture
def api(world: World, database: str) -> Iterator[httpx.Client]:
    with serving(database) as url, client(url, world.token("admin")) as found:
        yield found


def test_readings_come_as_csv_with_flags_and_without_formulas(world: World, api: httpx.Client) -> None:
    world.temperature("reefer-01", "rear", T0, 4.5)
    world.temperature("reefer-01", '=cmd|"x", y', T0 + minutes(1), -127.0, flags=8 | 32)
    answer = api.get("/api/v1/readings?device=reefer-01&stream=temp")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="reefer-01-temp.csv"'
    found = list(csv.DictReader(io.StringIO(answer.text)))
    assert found[0] == {
        "time": "2026-11-22T10:00:00.000Z",
        "received_at": "2026-11-22T10:00:00.000Z",
        "boot": "",
        "seq": "7",
        "flags": "",
        "probe": "rear",
        "temp_c": "4.5",
        "humidity_pct": "",
        "correction_c": "",
    }
    assert (found[1]["flags"], found[1]["probe"]) == ("sentinel server_time", '\'=cmd|"x", y')


STREAMS = {
    "gps": ("position", "lat, lon", "60, 24"),
    "temp": ("temperature", "probe_id, temp_c", "0, 4"),
    "rfid": ("tag", "tag_id, antenna", "0, 2"),
    "shelf": ("shelf", "slot_id, item_count", "0, 4"),
    "door": ("door", "door_id, open", "0, true"),
    "status": ("status", "defrost", "false"),
    "attr": ("value_set", "page, v0", "1, 1.5"),
}


def test_every_stream_comes_as_ndjson(world: World, api: httpx.Client) -> None:
    boot = world.label("boot", world.ids["gps-01"], "b1")
    world.run("insert into value_place (device_id, page, slot, name_id) values (%s, 1, 0, 0)", world.ids["gps-01"])
    for stream, (table, names, values) in STREAMS.items():
        insert = (
            f"insert into reading_{table} (time, received_at, device_id, boot_id, seq, flags, {names}) "
            f"values (%s, %s, %s, %s, -1, 1, {values})"
        )
        world.run(insert, T0, T0, world.ids["gps-01"], boot)
        url = f"/api/v1/readings?device=gps-01&stream={stream}"
        answer = api.get(url, headers={"Accept": "application/x-ndjson"})
        assert answer.headers["content-type"] == "application/x-ndjson"
        (line,) = answer.text.splitlines()
        found = json.loads(line)
        assert (found["boot"], found["seq"], found["flags"]) == ("b1", None, ["future"])


def test_many_readings_are_streamed_by_span(world: World, api: httpx.Client) -> None:
    world.run(
        "insert into reading_position (time, received_at, device_id, boot_id, seq, flags, lat, lon) "
        "select %s + make_interval(secs => n), %s, %s, 0, n, 0, 60, 24 from generate_series(0, 9999) n",
        T0, T0, world.ids["gps-01"],
    )  # fmt: skip
    whole = api.get("/api/v1/readings?device=gps-01&stream=gps").text.splitlines()
    assert len(whole) == 10_001
    assert [line.split(",")[3] for line in whole[1:]] == [str(n) for n in range(10_000)]
    part = api.get("/api/v1/readings?device=gps-01&stream=gps&from=2026-11-22T10:00:10Z&to=2026-11-22T10:00:20Z")
    assert len(part.text.splitlines()) == 11


def test_a_client_that_goes_half_way_holds_no_connection(world: World, api: httpx.Client) -> None:
    world.run(
        "insert into reading_position (time, received_at, device_id, boot_id, seq, flags, lat, lon) "
        "select %s + make_interval(secs => n), %s, %s, 0, n, 0, 60, 24 from generate_series(0, 199999) n",
        T0, T0, world.ids["gps-01"],
    )  # fmt: skip
    for _ in range(12):
        with api.stream("GET", "/api/v1/readings?device=gps-01&stream=gps") as answer:
            assert answer.status_code == 200
            next(answer.iter_bytes())
    with api.stream("GET", "/api/v1/readings?device=gps-01&stream=gps") as answer:
        assert answer.status_code == 200
    assert api.get("/api/v1/vehicles").status_code == 200


def test_readings_are_refused_in_other_forms_and_of_other_devices(api: httpx.Client) -> None:
    url = "/api/v1/readings?device=gps-01&stream=gps"
    assert api.get(url, headers={"Accept": "image/png"}).status_code == 406
    assert api.get("/api/v1/readings?device=none&stream=gps").status_code == 404


def test_refused_messages_are_listed_newest_first(world: World, api: httpx.Client) -> None:
    for n in range(3):
        world.run(
            "insert into quarantine (received_at, tenant, device, topic, payload, reason) "
            "values (%s, 'main', 'd', 't', %s, %s)",
            T0, b"\x00\xff", f"reason {n}",
        )  # fmt: skip
    answer = api.get("/api/v1/quarantine?limit=2")
    assert [q["reason"] for q in answer.json()["items"]] == ["reason 2", "reason 1"]
    assert answer.json()["items"][0]["payload"] == "AP8="
    rest = api.get(answer.links["next"]["url"]).json()["items"]
    assert [q["reason"] for q in rest] == ["reason 0"]


def test_pages_are_served_as_built(
    world: World, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "index.html").write_text("<p>console</p>")
    (tmp_path / "public.html").write_text("<p>customer</p>")
    (tmp_path / "pages.json").write_text('["/", "/alerts", "/things/{id}"]')
    monkeypatch.setattr(pages, "STATIC", tmp_path)
    with serving(database) as url, client(url) as api:
        assert api.get("/").text == api.get("/alerts").text == api.get("/things/a").text == "<p>console</p>"
        assert api.get("/t/one").text == api.get("/t/two").text == "<p>customer</p>"
        assert api.head("/t/one").status_code == 200
        assert api.get("/").headers["cache-control"] == "no-cache"
        assert api.get("/things").status_code == api.get("/alerts/").status_code == 404
        (tmp_path / "index.html").unlink()
        missing = api.get("/")
        assert missing.status_code == 503
        assert "make install" in missing.text


def test_assets_are_kept_for_ever_and_modules_have_their_type(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "assets" / "immutable").mkdir(parents=True)
    (tmp_path / "assets" / "immutable" / "worker-1a2b.mjs").write_text("export {}" * 1000)
    (tmp_path / "assets" / "version.json").write_text("{}")
    monkeypatch.setattr(pages, "STATIC", tmp_path)
    with serving(database) as url, client(url) as api:
        answer = api.get("/assets/immutable/worker-1a2b.mjs")
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-encoding"] == "gzip"
        assert api.get("/assets/version.json").headers["cache-control"] == "no-cache"
        for path in ("/assets/none.js", "/assets/..%2findex.html", "/assets/%2e%2e/%2e%2e/app.py", "/assets/"):
            answer = api.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path


def test_the_interface_describes_itself(api: httpx.Client) -> None:
    spec = api.get("/openapi.json").json()
    page = api.get("/docs").text
    assert all(path in page for path in spec["paths"])
    assert "<script" not in page
    operations = [o["operationId"] for methods in spec["paths"].values() for o in methods.values()]
    assert len(operations) == len(set(operations)) > 25
    assert all(o.get("description") for methods in spec["paths"].values() for o in methods.values())
    vehicle = spec["components"]["schemas"]["Vehicle"]["properties"]
    assert set(vehicle) == set(api.get("/api/v1/vehicles/truck-01").json())
    asyncapi = api.get("/asyncapi.json").json()
    assert asyncapi["asyncapi"] == "3.0.0"
    assert set(asyncapi["channels"]["readings"]["messages"]) == {
        "gps",
        "temp",
        "rfid",
        "shelf",
        "door",
        "status",
        "attr",
    }
    for operation in asyncapi["operations"].values():
        for reference in [operation["channel"], *operation["messages"]]:
            node = asyncapi
            for part in reference["$ref"].removeprefix("#/").split("/"):
                node = node[part]


def test_no_token_stands_in_any_log(world: World, api: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    for path in ("/t/canary-token", "/api/v1/public/shipments/canary-token"):
        api.get(path)
    assert caplog.records
    assert "canary-token" not in caplog.text
