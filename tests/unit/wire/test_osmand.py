"""Traccar Client and OsmAnd: both forms in native units, and rubbish that must only ever be refused."""

from __future__ import annotations

import json
from datetime import datetime

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.names import PAYLOAD_BYTES_MAX
from domain.profiles import Profile
from domain.readings import Flag
from domain.wire.osmand import PAIRS_MAX, decode, device_id
from domain.wire.said import REFUSED, Context, Said, WireError
from tests.unit.wire import mangle

CONTEXT = Context(received_ms=1_750_000_000_000)
HELSINKI = Context(received_ms=0, profile_at=lambda _source, _t_ms: Profile(options={"zone": "Europe/Helsinki"}))
T_MS = 1_700_000_000_000
JSON_BODY = (
    b'{"device_id":"8737767034","location":{"timestamp":"2023-11-14T22:13:20.500Z","is_moving":true,"odometer":1200.5,'
    b'"event":"motionchange","uuid":"0e9a","mock":false,"alarm":"sos","coords":{"latitude":-6.1148,"longitude":106.6837,'
    b'"accuracy":3.8,"speed":18.67,"speed_accuracy":0.26,"heading":63,"heading_accuracy":-1,"altitude":35.7,'
    b'"floor":null},"activity":{"type":"in_vehicle","confidence":100},"battery":{"level":0.79,"is_charging":false},'
    b'"geofence":{"identifier":"DC"},"extras":{"ignition":true,"load":"fish"},"_":"&id=8737767034&"}}'
)
QUERY = (
    b"id=123&timestamp=1700000000&lat=60.17&lon=24.94&speed=10&bearing=7.5&altitude=12&accuracy=4&hdop=0.9&batt=87"
    b"&charge=true&ignition=false&driverUniqueId=0042&cell=257,02,16,2224&cell=257,02,16,2223,-90&note=caf%C3%A9+%26+bar"
)


def message(**location):
    coords = {"latitude": 60.17, "longitude": 24.94}
    return orjson.dumps(
        {"device_id": "1", "location": {"timestamp": "2023-11-14T22:13:20Z", "coords": coords, **location}}
    )


def attributes(said):
    return {
        each.values["key"]: each.values.get("num", each.values.get("txt")) for each in said if each.stream == "attr"
    }


def decodes_or_is_refused(payload, content_type=""):
    device_id(payload, content_type)
    mangle.decodes_or_is_refused(decode, payload, Context(0, content_type=content_type))


def test_the_json_form_speaks_metres_per_second_and_ratios():
    said = decode(JSON_BODY, CONTEXT)
    assert said[:2] == [
        Said(
            "gps",
            {
                "t": T_MS + 500,
                "lat": -6.1148,
                "lon": 106.6837,
                "spd": 18.67,
                "hdg": 63,
                "acc": 3.8,
                "alt": 35.7,
                "odo": 1200.5,
                "ign": True,
            },
        ),
        Said("status", {"t": T_MS + 500, "batt": 0.79}),
    ]
    assert attributes(said) == {
        "is_moving": 1,
        "event": "motionchange",
        "uuid": "0e9a",
        "mock": 0,
        "alarm": "sos",
        "speed_accuracy": 0.26,
        "activity": "in_vehicle",
        "activity_confidence": 100,
        "is_charging": 0,
        "geofence.identifier": "DC",
        "load": "fish",
    }
    assert all(each.values["t"] == T_MS + 500 for each in said)


def test_the_query_form_speaks_knots_and_per_cent():
    said = decode(QUERY, CONTEXT)
    assert said[:2] == [
        Said(
            "gps",
            {
                "t": T_MS,
                "lat": 60.17,
                "lon": 24.94,
                "spd": pytest.approx(5.144444),
                "hdg": 7.5,
                "acc": 4,
                "alt": 12,
                "ign": False,
            },
        ),
        Said("status", {"t": T_MS, "batt": 0.87}),
    ]
    assert attributes(said) == {
        "hdop": 0.9,
        "charge": 1,
        "driverUniqueId": "0042",
        "cell": "257,02,16,2224",
        "cell_2": "257,02,16,2223,-90",
        "note": "café & bar",
    }


def test_what_is_negative_is_unknown_in_both_forms():
    coords = {"latitude": 1, "longitude": 2, "speed": -1, "heading": -1, "altitude": -3}
    said = decode(message(coords=coords, battery={"level": -1}), CONTEXT)
    assert said == [Said("gps", {"t": T_MS, "lat": 1, "lon": 2, "alt": -3})]
    assert decode(b"lat=1&lon=2&speed=-1&heading=-1&altitude=-3&batt=-1", CONTEXT) == [
        Said("gps", {"lat": 1, "lon": 2, "alt": -3})
    ]


def test_a_position_without_a_fix_is_kept_for_no_rule_to_use():
    assert decode(b"lat=1&lon=2&valid=false", CONTEXT)[0].flags == Flag.INACCURATE
    assert decode(b"lat=1&lon=2&valid=1", CONTEXT)[0].flags == 0


def test_a_message_without_a_place_says_the_rest():
    assert decode(b"id=1&batt=50&ignition=true&timestamp=1700000000", CONTEXT) == [
        Said("status", {"t": T_MS, "batt": 0.5}),
        Said("attr", {"t": T_MS, "key": "ign", "num": 1}),
    ]
    assert [each.stream for each in decode(message(coords=None, battery={"level": 0.5}), CONTEXT)] == ["status"]


def test_several_locations_in_one_body_are_read_one_by_one():
    location = orjson.loads(message())["location"]
    said = decode(orjson.dumps({"device_id": "1", "location": [location, location]}), CONTEXT)
    assert said == decode(message(), CONTEXT) * 2


def test_what_is_left_empty_is_not_said():
    assert decode(b"lat=1&lon=2&&hdop=&=3&speed=&x\n", CONTEXT) == [Said("gps", {"lat": 1, "lon": 2})]


@pytest.mark.parametrize(
    ("text", "t_ms"),
    [
        (b"1700000000", T_MS),
        (b"2147483647", 2_147_483_647_000),
        (b"2147483648", 2_147_483_648),
        (b"1700000000123", T_MS + 123),
        (b"1700000000.5", T_MS + 500),
        (b"2023-11-14T22%3A13%3A20Z", T_MS),
        (b"2023-11-14T22:13:20.250Z", T_MS + 250),
        (b"2023-11-15T00:13:20%2B02:00", T_MS),
        (b"2023-11-15T00:13:20+02:00", T_MS),
        (b"2023-11-14T20:13:20-0200", T_MS),
        (b"2023-11-15+00%3A13%3A20", T_MS),
        (b"2023-11-15T00:13:20", T_MS),
        # comes twice on the night the clocks go back: the first one, still summer time, counts
        (b"2023-10-29 03:30:00", datetime.fromisoformat("2023-10-29T03:30:00+03:00").timestamp() * 1000),
    ],
)
def test_the_time_of_a_query_is_seconds_milliseconds_or_text(text, t_ms):
    assert decode(b"lat=1&lon=2&timestamp=" + text, HELSINKI)[0].values["t"] == t_ms


@pytest.mark.parametrize(
    "zone", [None, "", 3, "Mars/Olympus", "Europe", "../etc/passwd", "/etc/passwd", "a\0b", "x" * 999]
)
def test_a_local_time_without_a_known_zone_is_refused(zone):
    context = Context(0, profile_at=lambda _source, _t_ms: Profile(options={"zone": zone}))
    for payload in (b"lat=1&lon=2&timestamp=2023-11-15 00:13:20", message(timestamp="2023-11-15T00:13:20")):
        with pytest.raises(WireError, match="zone") as caught:
            decode(payload, context)
        assert caught.value.reason == "no_zone"


@pytest.mark.parametrize(
    ("payload", "content_type", "claimed"),
    [
        (JSON_BODY, "application/json; charset=utf-8", "8737767034"),
        (JSON_BODY, "", "8737767034"),
        (b'{"device_id":42}', "", "42"),
        (b'{"device_id":true}', "", None),
        (b'{"device_id":["1"]}', "", None),
        (b'{"location":{}}', "", None),
        (b"[1]", "Application/JSON", None),
        (b"{", "", None),
        (b"{}" + b" " * PAYLOAD_BYTES_MAX, "", None),
        (QUERY, "application/x-www-form-urlencoded", "123"),
        (b"deviceid=a%20b", "", "a b"),
        (b"id=&lat=1", "", None),
        (b"timestamp=1377177267&lat=60.0&lon=30.0", "", None),
        (b"id=%zz", "", None),
        (b"id=1&id=2", "", None),
        (b"", "", None),
        (b"%69%64=868&lat=1", "", "868"),
        (b'{"device\\u005fid": "868"}', "", "868"),
        ('{"device_id": "868"}'.encode("utf-16"), "", "868"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_the_claimed_device_is_found_without_ever_failing(payload, content_type, claimed):
    assert device_id(payload, content_type) == claimed


@pytest.mark.parametrize(
    ("payload", "reason", "detail"),
    [
        (b"", "malformed", "empty"),
        (b"lat=60", "malformed", "latitude without longitude"),
        (b"lat=60&lon=abc", "invalid", "lon: not a number"),
        (b"lat=60&lon=1_0", "invalid", "lon: not a number"),
        (b"lat=60&lon=1e999", "invalid", "lon: not a number"),
        (b"lat=60&lon=nan", "invalid", "lon: not a number"),
        (b"lat=1&lat=2&lon=3", "malformed", "lat: given more than once"),
        (b"location=60", "malformed", "without longitude"),
        (b"location=60,1,2a", "invalid", "lon: not a number"),
        (b"location=60,1&lat=60", "malformed", "only one of both"),
        (b"lat=1&lon=2&timestamp=1700000000000000", "time_out_of_range", "looks like microseconds"),
        (b"lat=1&lon=2&timestamp=yesterday", "malformed", "timestamp: not a time"),
        (b"lat=1&lon=2&timestamp=2023-11-15", "malformed", "timestamp: not a time"),
        (b"lat=1&lon=2&timestamp=2023-13-15 00:00:00", "malformed", "timestamp: not a time"),
        (b"lat=1&lon=2&a=%f", "malformed", "hexadecimal"),
        (b"lat=1&lon=2&a=%ff", "malformed", "UTF-8"),
        (b"a=1&" * PAIRS_MAX, "too_large", "values, at most"),
        (QUERY + b"x" * PAYLOAD_BYTES_MAX, "too_large", "bytes"),
        (b"{", "malformed", "not JSON"),
        (b"{}", "malformed", "location: missing"),
        (b'{"location":[[]]}', "malformed", "location: missing"),
        (message(coords=[1, 2]), "malformed", "coords: not an object"),
        (message(coords={"latitude": 1}), "malformed", "latitude without longitude"),
        (message(coords={"latitude": "north", "longitude": 2}), "invalid", "latitude: not a number"),
        (message(timestamp=1_700_000_000_000_000), "time_out_of_range", "looks like microseconds"),
        (b'{"location":' * 5_000, "malformed", "not JSON"),
    ],
    ids=lambda value: repr(value)[:48],
)
def test_what_cannot_be_read_is_refused_with_a_reason(payload, reason, detail):
    with pytest.raises(WireError, match=detail) as caught:
        decode(payload, CONTEXT)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("payload", "detail"),
    [
        (message(extras={"ignition": []}), "ignition: not true or false"),
        (message(odometer="12 parsecs"), "odometer: not a number"),
        (message(deep=1).replace(b"1}}", b"[" * 600 + b"]" * 600 + b"}}"), "nested deeper than"),
    ],
    ids=lambda value: repr(value)[-48:],
)
def test_a_value_beside_the_place_that_cannot_be_read_is_told_and_the_place_is_kept(payload, detail):
    said = decode(payload, CONTEXT)
    assert [each.stream for each in said] == ["gps", REFUSED]
    assert detail in said[-1].values["detail"]


def test_more_readings_than_a_message_may_hold_are_refused(monkeypatch):
    monkeypatch.setattr("domain.wire.said.READINGS_MAX", 0)
    with pytest.raises(WireError, match="1 readings, at most 0"):
        decode(message(), CONTEXT)


@pytest.mark.parametrize("sample", [JSON_BODY, QUERY], ids=["json", "query"])
def test_every_truncation_and_every_flipped_bit_decodes_or_is_refused(sample):
    for broken in mangle.mangled(sample):
        decodes_or_is_refused(broken)


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
keys = st.sampled_from(["timestamp", "coords", "battery", "activity", "extras", "odometer", "ignition", "event", "_"])
coords = st.dictionaries(st.sampled_from(["latitude", "longitude", "speed", "heading", "level", "type"]), anything)
names = st.sampled_from(
    ["id", "lat", "lon", "location", "timestamp", "speed", "batt", "valid", "ignition", "cell", "x"]
)
texts = st.text(max_size=8) | st.floats().map(str) | st.datetimes().map(str) | st.integers().map(str)


@given(st.binary(max_size=60) | anything.map(json.dumps).map(str.encode), st.sampled_from(["", "application/json"]))
@settings(deadline=None)
def test_no_bytes_and_no_json_crash_the_decoder(payload, content_type):
    decodes_or_is_refused(payload, content_type)


@given(st.dictionaries(keys, anything | coords, max_size=8))
@settings(deadline=None)
def test_no_value_in_any_key_of_a_location_crashes_the_decoder(location):
    decodes_or_is_refused(json.dumps({"location": location}).encode())


@given(st.lists(st.tuples(names, texts), max_size=8))
@settings(deadline=None)
def test_no_text_in_any_key_of_a_query_crashes_the_decoder(pairs):
    payload = "&".join(f"{key}={text}" for key, text in pairs).encode(errors="replace")
    decodes_or_is_refused(payload)
    try:
        decode(payload, HELSINKI)
    except WireError:
        return


def recorded(shared_data):
    """(entry, payload, content type) of the recorded messages; the recording glued the header to the body."""
    for line in (shared_data / "devices" / "tracker_messages.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if entry["protocol"] == "osmand":
            body = entry["payload"].removeprefix("/").removeprefix("?")
            is_json = body.startswith("Content-Type")
            body = body.removeprefix("Content-Typeapplication/json")
            yield entry, body.encode(), "application/json" if is_json else ""


def test_the_recorded_messages_decode_as_they_should(shared_data):
    seen = dict.fromkeys(["verifyPosition", "verifyAttribute", "verifyNotNull", "verifyNull"], 0)
    for entry, payload, content_type in recorded(shared_data):
        seen[entry["verify"]] += 1
        context = Context(0, content_type=content_type, profile_at=HELSINKI.profile_at)
        said = decode(payload, context)
        assert said
        assert (device_id(payload, content_type) is None) == (entry["verify"] == "verifyNull")
        if entry["verify"] == "verifyAttribute":
            assert attributes(said)[entry["attribute"]] == float(entry["value"].rstrip("L"))
        if entry["verify"] == "verifyPosition":
            assert said[0].stream == "gps"
        if content_type:
            location = json.loads(payload)["location"]
            assert said[0].values["lat"] == location["coords"]["latitude"]
            assert said[0].values["lon"] == location["coords"]["longitude"]
            assert said[0].values["t"] == datetime.fromisoformat(location["timestamp"]).timestamp() * 1000
            assert [s.values["batt"] for s in said if s.stream == "status"] == [
                level for level in [location["battery"]["level"]] if level >= 0
            ]
    assert min(seen.values()) >= 1
    assert sum(seen.values()) >= 15


def test_the_recorded_queries_have_these_times_and_speeds(shared_data):
    said = {payload: decode(payload, HELSINKI) for _, payload, kind in recorded(shared_data) if not kind}
    found = [each[0].values for each in said.values() if each[0].stream == "gps"]
    assert [values.get("t") for values in found] == [
        1377177267000,
        1453920947000,
        1442068686579,
        datetime.fromisoformat("2014-06-04T09:10:11+03:00").timestamp() * 1000,
        1377177267000,
        1377177267000,
        None,
        None,
        1377177267000,
        1504763810000,
    ]
    assert found[-1]["spd"] == pytest.approx(20.577778)  # 40 knots
    assert found[-1]["ign"] is True
