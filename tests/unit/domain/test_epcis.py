"""EPCIS: hashes that others compute alike, keys in one form, and documents that are right or refused with the place."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.epcis.check import document_faults, events_of
from domain.epcis.hashing import event_hash, instant
from domain.epcis.model import event_of
from domain.epcis.query import QueryError, asked, asked_by_name
from domain.epcis.schedules import schedule_of
from domain.epcis.uris import canonical
from domain.epcis.words import bare, full

RFID = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "rfid"
EXAMPLES = sorted((RFID / "epcis").glob("*.jsonld"))
recorded = pytest.mark.skipif(not EXAMPLES, reason="the examples of GS1 are not beside the checkout")
CONTEXT = [
    "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
    {"example": "https://ns.example.com/epcis/"},
]
GATE = {"id": "urn:epc:id:sgln:4012345.00005.0"}

STORED = {
    "type": "ObjectEvent",
    "eventTime": "2026-11-22T10:30:00.1234+01:00",
    "eventTimeZoneOffset": "+01:00",
    "action": "OBSERVE",
    "bizStep": "storing",
    "disposition": "sellable_accessible",
    "epcList": ["urn:epc:id:sgtin:4012345.011122.25", "https://shop.example/gtin/4012345111118/ser/A-B"],
    "readPoint": GATE,
    "bizLocation": {"id": "urn:epc:id:sgln:4012345.00005.12"},
}
PACKED = {
    "type": "AggregationEvent",
    "eventTime": "2026-11-22T09:30:00Z",
    "eventTimeZoneOffset": "+00:00",
    "action": "ADD",
    "bizStep": "urn:epcglobal:cbv:bizstep:packing",
    "disposition": "container_closed",
    "parentID": "urn:epc:id:sscc:0614141.1234567890",
    "childEPCs": ["urn:epc:id:sgtin:4012345.011122.26", "urn:epc:id:sgtin:4012345.011122.25"],
    "childQuantityList": [
        {"epcClass": "urn:epc:class:lgtin:4012345.011122.L-2291", "quantity": 48.0},
        {"epcClass": "urn:epc:idpat:sgtin:4012345.011111.*", "quantity": 2.50, "uom": "KGM"},
    ],
    "readPoint": {"id": "https://example.com/gate/7"},
}
MADE = {
    "type": "TransformationEvent",
    "eventTime": "2026-11-22T09:30:00Z",
    "eventTimeZoneOffset": "+00:00",
    "transformationID": "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    "bizStep": "commissioning",
    "inputQuantityList": [{"epcClass": "urn:epc:class:lgtin:4012345.011122.L-2291", "quantity": 10, "uom": "KGM"}],
    "outputEPCList": ["urn:epc:id:giai:4000001.111", "urn:epc:id:grai:4012345.55555.987"],
    "ilmd": {"example:bestBefore": "2026-12-10", "example:batch": {"example:line": 7, "example:name": "A"}},
    "example:note": ["second", "first"],
}
SENSED = {
    "type": "ObjectEvent",
    "eventTime": "2026-11-22T09:30:00Z",
    "eventTimeZoneOffset": "+00:00",
    "action": "OBSERVE",
    "bizStep": "sensor_reporting",
    "epcList": [],
    "readPoint": GATE,
    "sensorElementList": [
        {
            "sensorMetadata": {
                "startTime": "2026-11-22T08:30:00Z",
                "endTime": "2026-11-22T09:30:00Z",
                "deviceID": "urn:epc:id:giai:4000001.111",
            },
            "sensorReport": [
                {"type": "Temperature", "minValue": 2.0, "maxValue": 9.25, "uom": "CEL"},
                {"type": "RelativeHumidity", "value": 61, "uom": "A93"},
            ],
        }
    ],
}
HASHES = {
    # of epcis-event-hash-generator 1.9.3
    "0f079078bb9b59d8d3f619134f4be4bb2355f6fc6e5beb9ec619c719606a9c4c": STORED,
    "257496c7264feb6f8c18f554390f555b57d330a6ab9f8b2cf179191ef0aef43d": PACKED,
    "54f6167f317ce4124d4815d33f9c14908b3bf97db3e3d1833ad3956a10245bc7": MADE,
    "6e3cdfe3e0eac4cb8942e975f9f26ea6306956c0258ca65e32613d8c9c23fbe4": SENSED,
}
LINKS = {
    "urn:epc:id:sgtin:0614141.107346.a%2Fb": "/01/10614141073464/21/a%2Fb",
    "urn:epc:id:sgtin:0614141.107346.1.2": "/01/10614141073464/21/1.2",
    "urn:epc:id:sscc:0614141.1234567890": "/00/106141412345678908",
    "urn:epc:id:sgln:0614141.07346.1234": "/414/0614141073467/254/1234",
    "urn:epc:id:sgln:401234512345..0": "/414/4012345123456",
    "urn:epc:id:pgln:0614141.00777": "/417/0614141007776",
    "urn:epc:id:grai:4012345.55555.987": "/8003/04012345555554987",
    "urn:epc:id:giai:4000001.111": "/8004/4000001111",
    "urn:epc:id:gdti:4012345.00005.987": "/253/4012345000054987",
    "urn:epc:id:gsrn:0614141.0000010253": "/8018/061414100000102534",
    "urn:epc:id:itip:4012345.011111.01.02.987": "/8006/040123451111180102/21/987",
    "urn:epc:class:lgtin:4012345.012345.998877": "/01/04012345123456/10/998877",
    "urn:epc:idpat:sgtin:4012345.066666.*": "/01/04012345666663",
    "https://id.gs1.org/01/04012345111118/10/L1/21/7?17=261231": "/01/04012345111118/21/7",
    "https://example.com/x/01/y/gtin/40123455/lot/L1": "/01/00000040123455/10/L1",
}


@pytest.mark.parametrize("digest", HASHES)
def test_an_event_is_named_as_others_name_it(digest: str) -> None:
    assert event_hash(HASHES[digest], CONTEXT) == f"ni:///sha-256;{digest}?ver=CBV2.0"


@pytest.mark.parametrize("text", LINKS)
def test_a_key_has_one_form_however_it_is_written(text: str) -> None:
    assert canonical(text) == "https://id.gs1.org" + LINKS[text]
    assert canonical("https://id.gs1.org" + LINKS[text]) == "https://id.gs1.org" + LINKS[text]


@pytest.mark.parametrize(
    "text",
    [
        "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "urn:epc:id:sgtin:0614141.107346",
        "urn:epc:id:sgtin:0614141.1073.5",
        "urn:epc:id:sgln:0614141..0",
        "urn:epc:idpat:sgtin:0614141.107346.5",
        "https://example.com/01/notdigits",
        "https://example.com/about/us",
        "https://[",
    ],
)
def test_what_names_no_key_has_no_canonical_form(text: str) -> None:
    assert canonical(text) is None


@given(st.text(max_size=60), st.sampled_from(["urn:epc:id:", "urn:epc:class:lgtin:", "https://", ""]))
def test_no_text_breaks_the_reading_of_a_key(text: str, start: str) -> None:
    if (found := canonical(start + text)) is not None:
        assert canonical(found) == found


@pytest.mark.parametrize("event", HASHES.values())
def test_the_order_of_a_document_makes_no_difference_to_the_name(event: dict[str, Any]) -> None:
    rng = random.Random(7)

    def shuffled(found: Any) -> Any:
        if isinstance(found, dict):
            return {key: shuffled(found[key]) for key in rng.sample(sorted(found), len(found))}
        return [shuffled(each) for each in rng.sample(found, len(found))] if isinstance(found, list) else found

    assert event_hash(shuffled(event), CONTEXT) == event_hash(event, CONTEXT)
    corrected = event | {
        "eventID": "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "errorDeclaration": {"declarationTime": "2026-11-23T00:00:00Z"},
    }
    assert event_hash(corrected, CONTEXT) == event_hash(event, CONTEXT)
    assert event_hash(event | {"eventTime": "2026-11-22T09:30:00.002Z"}, CONTEXT) != event_hash(event, CONTEXT)


def test_a_time_has_exactly_milliseconds() -> None:
    assert instant("2026-11-30T23:59:59.9995+14:00") == "2026-11-30T10:00:00.000Z"
    assert instant("2026-11-30T02:00:00Z") == "2026-11-30T02:00:00.000Z"
    assert instant("once upon a time") == "once upon a time"


def test_words_of_the_standard_stand_bare_however_they_were_written() -> None:
    for word in ("shipping", "urn:epcglobal:cbv:bizstep:shipping", "https://ref.gs1.org/cbv/BizStep-shipping"):
        assert bare("bizStep", word) == "shipping"
        assert full("bizStep", bare("bizStep", word)) == "https://ref.gs1.org/cbv/BizStep-shipping"
    assert bare("bizStep", "https://example.com/washing") == "https://example.com/washing"


def test_what_is_asked_of_an_event() -> None:
    told = event_of(PACKED, CONTEXT)
    assert told.event_id == told.event_hash == event_hash(PACKED, CONTEXT)
    assert (told.biz_step, told.disposition, told.parent) == (
        "packing",
        "container_closed",
        "https://id.gs1.org/00/106141412345678908",
    )
    assert told.classes == ("https://id.gs1.org/01/04012345111224/10/L-2291", "https://id.gs1.org/01/04012345111118")
    wrong = event_of(
        STORED | {"errorDeclaration": {"declarationTime": "2026-11-23T00:00:00Z", "reason": "did_not_occur"}}
    )
    assert (wrong.declared_us, wrong.reason) == (1_795_392_000_000_000, "did_not_occur")


def document(*events: dict[str, Any]) -> dict[str, Any]:
    return {
        "@context": CONTEXT,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-11-22T12:00:00Z",
        "epcisBody": {"eventList": list(events)},
    }


def test_a_fault_is_named_with_its_place_and_what_would_be_right() -> None:
    assert document_faults(document(*HASHES.values())) == []
    wrong = document(
        STORED | {"action": "observe", "bizStep": "shiping", "eventTime": "yesterday"},
        PACKED | {"childEPCs": [], "childQuantityList": [], "note": 1},
        SENSED | {"ilmd": {"example:lot": "A"}},
    )
    told = [str(fault) for fault in document_faults(wrong)]
    place = "epcisBody.eventList"
    assert f"{place}[0].action: 'observe' is not one of ADD, DELETE, OBSERVE" in told
    assert any(line.startswith(f"{place}[0].bizStep: 'shiping'") and "shipping" in line for line in told)
    assert any(line.startswith(f"{place}[0].eventTime: 'yesterday' is no time") for line in told)
    assert f"{place}[1]: names no children: childEPCs or childQuantityList" in told
    assert any(line.startswith(f"{place}[1].note: is not known here") for line in told)
    assert f"{place}[2].ilmd: stands only with action ADD" in told
    assert len(told) == 6


def test_a_document_full_of_faults_ends_after_fifty() -> None:
    assert len(document_faults(document(*[STORED | {"action": n} for n in range(500)]))) == 50


@pytest.mark.parametrize("body", [None, 5, "x", [], {}, {"type": 5}, {"type": "x"}, {"type": "EPCISDocument"}])
def test_what_is_no_document_is_refused(body: Any) -> None:
    assert document_faults(body)


def test_a_property_of_ones_own_may_be_deep_but_not_bottomless() -> None:
    deep: dict[str, Any] = {}
    for _ in range(60):
        deep = {"example:in": deep}
    assert any("deeper" in fault.why for fault in document_faults(document(STORED | {"example:x": deep})))


# ------------------------------------------------------------------ the examples of GS1
@recorded
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_the_examples_of_gs1_are_right(path: Path) -> None:
    found = json.loads(path.read_bytes())
    assert document_faults(found) == []
    for _, body in events_of(found):
        event_of(body, found.get("@context"))


def _places(found: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    steps = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    for key, inner in steps:
        yield (*way, key)
        yield from _places(inner, (*way, key))


@recorded
def test_what_is_right_agrees_with_the_schema_of_gs1() -> None:
    """Examples with one thing changed, by the thousand: refused where the schema refuses them, taken where not."""
    schema = jsonschema_rs.validator_for(
        json.loads((RFID / "EPCIS-JSON-Schema.json").read_bytes()), validate_formats=True
    )
    values: list[Any] = [None, True, 5, -1.5, "x", "urn:a:b", "", [], {}, ["x"], {"a:b": 1}, "2020-01-01T00:00:00Z"]
    rng, documents = random.Random(5), [path.read_bytes() for path in EXAMPLES]
    refused = 0
    for _ in range(3_000):
        found = json.loads(rng.choice(documents))
        *way, key = rng.choice([place for place in _places(found) if place != ("type",)])
        holder: Any = found
        for step in way:
            holder = holder[step]
        what = rng.choice(["remove", "replace", "add"])
        if what == "remove":
            del holder[key]
        elif what == "replace":
            holder[key] = rng.choice(values)
        elif isinstance(holder, dict):
            holder[rng.choice(["foo", "a:b", "epcList", "ilmd", "action"])] = rng.choice(values)
        else:
            holder.append(rng.choice(values))
        faults = document_faults(found)
        if any("is about a parent" in fault.why for fault in faults):
            continue  # EPCIS 2.0, 7.4.3: a parent is wanted unless the action is OBSERVE; the schema does not say so
        refused += bool(faults)
        assert bool(faults) != schema.is_valid(found), (way, key, what, faults[:3])
    assert 500 < refused < 2_900


@pytest.mark.parametrize(
    ("given", "at", "due"),
    [
        ({"minute": "0"}, "2026-11-30T12:00", True),
        ({"minute": "0,[30-45]"}, "2026-11-30T12:31", True),
        ({"minute": "0,[30-45]"}, "2026-11-30T12:46", False),
        ({"hour": "[6-22]", "minute": "15", "dayOfWeek": "[1-5]"}, "2026-11-30T22:15", True),  # a Monday
        ({"hour": "[6-22]", "minute": "15", "dayOfWeek": "[6-7]"}, "2026-11-30T22:15", False),
        ({"dayOfMonth": "31", "month": "*"}, "2026-11-30T00:00", False),
        ({"month": "11", "second": "59"}, "2026-11-30T00:00", True),
    ],
)
def test_when_a_schedule_is_due(given: dict[str, str], at: str, due: bool) -> None:
    assert schedule_of(given).fits(datetime.fromisoformat(f"{at}:42+00:00")) is due


def test_a_minute_that_was_missed_is_not_lost_and_none_is_due_twice() -> None:
    hourly = schedule_of({"minute": "0"})
    noon = datetime(2026, 11, 30, 12, tzinfo=UTC)
    assert hourly.is_due(noon - timedelta(seconds=20), noon + timedelta(seconds=3))
    assert not hourly.is_due(noon + timedelta(seconds=3), noon + timedelta(minutes=59))
    assert hourly.is_due(noon - timedelta(days=400), noon - timedelta(minutes=1))
    yearly = schedule_of({"month": "1", "dayOfMonth": "1", "hour": "0", "minute": "0"})
    assert not yearly.is_due(noon - timedelta(days=400), noon)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "at least one of second, minute"),
        ({"minutes": "0"}, "minutes is none of"),
        ({"minute": "60"}, "schedule.minute: 60 is not within 0 to 59"),
        ({"hour": "[9-3]"}, "is not within"),
        ({"dayOfWeek": "MON"}, "'MON' is neither a number nor a range such as [1-5]"),
        ({"minute": ""}, "'' is neither"),
    ],
)
def test_what_is_no_schedule_is_named(given: dict[str, str], why: str) -> None:
    with pytest.raises(QueryError, match=re.escape(why)):
        schedule_of(given)


@pytest.mark.parametrize(
    ("given", "why"),
    [({"perPage": "3"}, "is of a page"), ({"EQ_action": []}, "a value is wanted"), ({"EQ_x": "1"}, "cannot be asked")],
)
def test_a_question_with_a_name_is_asked_as_one_in_an_address(given: dict[str, Any], why: str) -> None:
    by_name = asked_by_name({"EQ_action": ["ADD", "OBSERVE"], "EQ_bizStep": "shipping", "own": True})
    assert by_name == asked([("EQ_action", "ADD,OBSERVE"), ("EQ_bizStep", "shipping"), ("own", "true")])
    with pytest.raises(QueryError, match=why):
        asked_by_name(given)
