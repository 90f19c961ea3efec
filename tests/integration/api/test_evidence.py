"""Evidence packs of shipments: what stands in one, as known when, and that it is whole and checked by anybody."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import orjson
import pytest
from typer.testing import CliRunner

from api.http.jsons import when
from domain.evidence.epcis import document
from domain.evidence.summary import Summary
from domain.evidence.verifier import verify
from frostway.cli import app
from tests.conftest import SHARED_DATA
from tests.integration.api.seed import T0, World, client, minutes, serving

PATH = "/api/v1/shipments/S-1/evidence"


@pytest.fixture(scope="module")
def world(kept_database: str) -> Iterator[World]:
    """A shipment under way for two hours: a reading a minute, half an hour of silence, one that came too warm."""
    world = World(kept_database)
    world.furnish()
    world.partitions()
    name = world.one("select name from shipment")
    world.run("update shipment set name = 'S-1', planned_at = %s, started_at = %s, delivered_at = %s",
              T0 - minutes(60), T0, T0 + minutes(120))  # fmt: skip
    assert name
    world.run("update assignment set valid_from = '-infinity' where valid_to = 'infinity'")
    for minute in [*range(60), *range(90, 121)]:
        world.temperature("reefer-01", "rear", T0 + minutes(minute), 9.5 if 100 <= minute < 115 else 4.5)
    world.excursion("reefer-01", "rear", T0 + minutes(100), T0 + minutes(115), 9.5)
    world.open_alert("reefer-01", "rear")
    world.run("update alert set fact_id = (select id from excursion), decided_at = %s", T0 + minutes(100))
    yield world
    world.close()


@pytest.fixture(scope="module")
def http(world: World, kept_database: str) -> Iterator[httpx.Client]:
    with serving(kept_database) as url, client(url, world.token("coldchain", "ann")) as asked:
        yield asked


def by_kind(text: bytes) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for line in text.splitlines():
        record = orjson.loads(line)
        found.setdefault(record["kind"], []).append(record.get("data", record))
    return found


def test_it_holds_what_happened_and_is_whole(http: httpx.Client, tmp_path: Path) -> None:
    key = http.get("/api/v1/evidence/key").json()
    answer = http.get(PATH)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    head = verify(io.BytesIO(answer.content), key["fingerprint"])
    assert (head["about"], head["made_by"]) == ("shipment S-1", "ann")
    found = by_kind(answer.content)
    rows = [row for record in found["readings"] if record["device"] == "reefer-01" for row in record["rows"]]
    assert len(rows) == 91
    assert Counter(row[6] for row in rows) == {4.5: 76, 9.5: 15}
    (gap,) = [g for g in found["gap"] if g["device"] == "reefer-01"]
    assert (gap["from"], gap["seconds"]) == (when(T0 + minutes(59)), 31 * 60)
    (excursion,) = found["excursion"]
    assert (excursion["device"], excursion["extreme_c"]) == ("reefer-01", 9.5)
    assert [a["excursion"] for a in found["alert"]] == [excursion["id"]]
    (asked,) = found["temperature_profile"]
    assert (asked["profile"], asked["version"], asked["valid_from"]) == ("chilled", 1, None)
    assert [band["limit_c"] for band in asked["body"]["bands"]] == [8.0, 2.0]
    assert [found["shipment"][0][name] for name in ("low_c", "high_c", "for_s", "max_interval_s")] == [2, 8, 600, 900]
    assert found["verdict"][0]["verdict"] == "excursion"
    assert "audit" not in found
    (taken,) = by_kind(http.get(PATH).content)["audit"]
    assert (taken["action"], taken["actor"]) == ("shipment.evidence", "ann"), "who took one stands in the next"
    assert found["shipment"][0]["shipment"] == "S-1"
    assert "key" not in found["shipment"][0]

    pack = tmp_path / "S-1.jsonl"
    pack.write_bytes(answer.content)
    done = CliRunner().invoke(app, ["evidence", "verify", str(pack), "--key", key["key"]])
    assert (done.exit_code, done.output[:6]) == (0, "valid:")
    pack.write_bytes(answer.content.replace(b"9.5", b"7.5", 1))
    done = CliRunner().invoke(app, ["evidence", "verify", str(pack)])
    assert done.exit_code == 1
    assert "does not follow the line before it" in done.output + str(done.exception)


def test_who_may_not_read_the_audit_trail_gets_none_of_it_and_the_pack_says_so(
    world: World, http: httpx.Client
) -> None:
    with client(str(http.base_url), world.token("viewer", "vic")) as asked:
        answer = asked.get(PATH)
        assert asked.get(PATH, params={"format": "pdf"}).status_code == 200
    found = by_kind(answer.content)
    assert "audit" not in found
    assert found["left_out"] == [{"kind": "audit", "needs": "audit.read"}]
    assert verify(io.BytesIO(answer.content))["made_by"] == "vic"
    whole = by_kind(http.get(PATH).content)
    assert "left_out" not in whole
    assert "vic" in {entry["actor"] for entry in whole["audit"]}


def test_its_sensor_events_are_of_epcis_2(http: httpx.Client) -> None:
    schema = SHARED_DATA / "rfid" / "EPCIS-JSON-Schema.json"
    if not schema.is_file():
        pytest.skip(f"the schema is not at {schema}")
    jsonschema_rs = pytest.importorskip("jsonschema_rs")
    events = [record["event"] for record in by_kind(http.get(PATH).content)["epcis"]]
    hours = events[0]["sensorElementList"]
    assert [h["sensorReport"][0]["maxValue"] for h in hours] == [4.5, 9.5, 4.5]
    validator = jsonschema_rs.validator_for(orjson.loads(schema.read_bytes()))
    assert [str(e) for e in validator.iter_errors(document(events, "2026-11-29T12:00:00Z"))] == []
    events[0]["sensorElementList"][0]["sensorReport"][0]["type"] = "Warmth"
    assert not validator.is_valid(document(events, "2026-11-29T12:00:00Z"))


def test_as_of_an_earlier_moment_it_holds_what_was_known_then(http: httpx.Client) -> None:
    found = by_kind(http.get(PATH, params={"as_of": when(T0 + minutes(30))}).content)
    assert found["head"][0]["as_of"] == when(T0 + minutes(30))
    assert not {"excursion", "alert", "audit"} & set(found)
    assert http.get(PATH, params={"as_of": when(T0 - minutes(61))}).status_code == 404, "it was not planned yet"


def test_the_verifier_is_a_file_that_runs_by_itself(http: httpx.Client) -> None:
    answer = http.get("/api/v1/evidence/verifier")
    assert answer.headers["content-type"].startswith("text/x-python")
    spaces: dict[str, Any] = {"__name__": "alone"}
    exec(compile(answer.text, "verifier.py", "exec"), spaces)  # noqa: S102 - what is being tested
    assert spaces["verify"](io.BytesIO(http.get(PATH).content))["shipment"] == "S-1"


def test_the_report_is_pdf_a_and_the_bundle_names_its_pack(http: httpx.Client) -> None:
    answer = http.get(PATH, params={"format": "pdf"})
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert b"pdfaid" in answer.content, "to be kept for long"
    answer = http.get(PATH, params={"format": "zip"})
    with ZipFile(io.BytesIO(answer.content)) as files:
        assert files.testzip() is None
        assert files.namelist() == ["pack.jsonl", "report.pdf", "verifier.py", "README.txt"]
        head = verify(io.BytesIO(files.read("pack.jsonl")))
        assert head["fingerprint"] in files.read("README.txt").decode()
        assert files.read("verifier.py").decode() == http.get("/api/v1/evidence/verifier").text


def test_names_are_printed_and_never_obeyed(world: World, http: httpx.Client) -> None:
    world.run("update shipment set reference = %s", '#read("/etc/passwd") $x$ *b* 日本 <svg>')
    try:
        assert http.get(PATH, params={"format": "pdf"}).content.startswith(b"%PDF-")
    finally:
        world.run("update shipment set reference = ''")


def test_a_device_has_evidence_of_any_span(http: httpx.Client) -> None:
    path, span = "/api/v1/devices/reefer-01/evidence", {"from": when(T0 + minutes(50)), "to": when(T0 + minutes(110))}
    answer = http.get(path, params=span)
    assert answer.status_code == 200, answer.text
    head = verify(io.BytesIO(answer.content))
    assert (head["about"], head["device"]) == ("device reefer-01", "reefer-01")
    found = by_kind(answer.content)
    assert sum(len(record["rows"]) for record in found["readings"]) == 10 + 21
    assert [gap["seconds"] for gap in found["gap"]] == [31 * 60]
    assert [w["vehicle"] for w in found["whereabouts"]] == ["truck-01"]
    assert found["verdict"][0]["verdict"] == "excursion"
    assert found["verdict"][0]["max_c"] == 9.5
    before = {"from": when(T0), "to": when(T0 + minutes(50))}
    assert by_kind(http.get(path, params=before).content)["verdict"][0]["verdict"] == "in_range"
    assert http.get(path, params={**span, "format": "pdf"}).content.startswith(b"%PDF-")
    assert http.get("/api/v1/devices/nobody/evidence", params=span).status_code == 404


def test_what_people_read_of_it() -> None:
    """Figures by hand: an hour at 20, an hour unknown, an hour at 30 °C; MKT as a textbook has it."""
    head = {"made_at": "2026-11-22T14:00:00.000Z"}
    summary = Summary(head, "2026-11-22T10:00:00.000Z", "2026-11-22T13:00:00.000Z")
    nothing = dict.fromkeys(("label", "site", "window_start", "reference", "vehicle", "profile"))
    summary.take("shipment", {"shipment": "S-1", "low_c": 2.0, "high_c": 25.0, **nothing})
    summary.take("device", {"device": "d", "max_interval_s": 900})
    for begins, temp_c in ((10, 20.0), (12, 30.0)):
        rows = [[f"2026-11-22T{begins + m // 60}:{m % 60:02}:00.000Z", "", "", 0, [], "p", temp_c] for m in range(61)]
        summary.take("readings", {"device": "d", "rows": rows[:20]})
        summary.take("readings", {"device": "d", "rows": rows[20:]})
    gap = {"from": "2026-11-22T11:00:00.000Z", "to": "2026-11-22T12:00:00.000Z", "seconds": 3600.0}
    summary.take("gap", {"device": "d", "probe": "p", **gap})
    summary.take("verdict", {"verdict": "excursion"})
    page = summary.page("", "")
    assert page["probes"] == [["d", "p", "122", "20.00", "25.00", "30.00", "26.26", "1 h 00 min"]]
    assert page["gaps"] == [["d", "p", "2026-11-22 11:00:00", "2026-11-22 12:00:00", "1 h 00 min"]]
    assert page["chart"].count('<path d="M') > 2
    assert len(summary._line("p", summary._probes["d", "p"]).parts) == 2, "a gap is a gap"


def test_goods_with_it_are_in_it_as_events_of_epcis_2(http: httpx.Client) -> None:
    http.post("/api/v1/lots", json={"id": "L-1", "sku": "MILK"}).raise_for_status()
    sscc, some = "106141411928374657", [{"lot": "L-1", "quantity": 8}]
    told = [
        ("1", "commission", 0, sscc, {"contents": some, "place": {"site": "store-1", "zone": "chiller"}}),
        ("2", "commission", 0, "P-1", {}),
        ("3", "pack", 1, "P-1", {"others": [sscc]}),
        ("4", "place", 2, "P-1", {"place": {"shipment": "S-1"}}),
        ("5", "unpack", 3, "P-1", {}),
        ("6", "split", 4, sscc, {"others": ["T-1"], "contents": [{"lot": "L-1", "quantity": 2.5}]}),
        ("7", "merge", 5, sscc, {"others": ["T-1"]}),
        ("8", "close", 6, sscc, {}),
    ]
    movements = [
        {"id": name, "kind": kind, "at": when(T0 + minutes(n)), "unit": unit, **more}
        for name, kind, n, unit, more in told
    ]
    http.post("/api/v1/goods-movements", json={"movements": movements}).raise_for_status()
    http.post("/api/v1/goods-movements/8/void", json={"reason": "another pallet"}).raise_for_status()
    found = by_kind(http.get(PATH).content)
    assert [lot["lot"] for lot in found["lot"]] == ["L-1"]
    assert [m["id"] for m in found["goods_movement"]] == list("12345678")
    assert found["goods_movement"][-1]["void_reason"] == "another pallet"
    events = [record["event"] for record in found["epcis"] if "eventID" in record["event"]]
    assert Counter(event["bizStep"] for event in events) == {
        "commissioning": 2, "packing": 3, "loading": 1, "unpacking": 2, "decommissioning": 2,
    }  # fmt: skip
    assert events[0]["epcList"] == ["https://id.gs1.org/00/106141411928374657"]
    assert [event["errorDeclaration"]["reason"] for event in events if "errorDeclaration" in event] == ["did_not_occur"]
    schema = SHARED_DATA / "rfid" / "EPCIS-JSON-Schema.json"
    if not schema.is_file():
        pytest.skip(f"the schema is not at {schema}")
    validator = pytest.importorskip("jsonschema_rs").validator_for(orjson.loads(schema.read_bytes()))
    assert [str(e)[:300] for e in validator.iter_errors(document(events, "2026-11-29T12:00:00Z"))] == []
