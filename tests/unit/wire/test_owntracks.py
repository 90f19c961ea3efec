"""OwnTracks: what its messages say in native units, and rubbish that must only ever be refused."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.names import PAYLOAD_BYTES_MAX
from domain.wire.owntracks import decode
from domain.wire.said import REFUSED, Context, Said, WireError
from tests.unit.wire import mangle

CONTEXT = Context(received_ms=1_750_000_000_000, topic=("owntracks", "jane", "phone"))
T_MS = 1_700_000_000_000
HERE = {"_type": "location", "tst": 1_700_000_000, "lat": 60.17, "lon": 24.94}


def read(message):
    return decode(orjson.dumps(message), CONTEXT)


def attributes(said):
    return {
        each.values["key"]: each.values.get("num", each.values.get("txt")) for each in said if each.stream == "attr"
    }


def others(said):
    return [each for each in said if each.stream != "attr"]


def decodes_or_is_refused(payload):
    mangle.decodes_or_is_refused(decode, payload, CONTEXT)


def test_a_location_of_a_phone_is_position_battery_and_attributes():
    payload = (
        b'{"_type":"location","acc":5,"alt":167,"batt":67,"bs":1,"cog":271,"conn":"m","created_at":1700000042,'
        b'"inregions":["Home","Garage"],"lat":48.85833,"lon":2.29513,"t":"u","tid":"JJ","topic":"owntracks/jane/phone",'
        b'"tst":1700000000,"vac":21,"vel":36,"_id":"7f1a"}'
    )
    said = decode(payload, CONTEXT)
    assert [(each.stream, each.source, each.flags) for each in others(said)] == [("gps", "", 0), ("status", "", 0)]
    assert said[0].values == {
        "t": T_MS,
        "lat": 48.85833,
        "lon": 2.29513,
        "spd": pytest.approx(10.0),
        "hdg": 271,
        "acc": 5,
        "alt": 167,
    }
    assert said[1].values == {"t": T_MS, "batt": 0.67}
    assert attributes(said) == {
        "bs": 1,
        "conn": "m",
        "created_at": 1_700_000_042,
        "inregions": "Home,Garage",
        "t": "u",
        "tid": "JJ",
        "_id": "7f1a",
    }
    assert all(each.values["t"] == T_MS for each in said)


def test_a_queclink_tracker_tells_temperatures_odometer_and_ignition():
    said = read({**HERE, "odometer": 12.5, "ign": True, "temp_c-01": -18.25, "temp_c-02": 4, "uext": 12.6, "anum": 2})
    assert said[0].values == {"t": T_MS, "lat": 60.17, "lon": 24.94, "odo": 12500, "ign": True}
    assert [each.values for each in said if each.stream == "temp"] == [
        {"t": T_MS, "probe": "01", "c": -18.25},
        {"t": T_MS, "probe": "02", "c": 4},
    ]
    assert attributes(said) == {"uext": 12.6, "anum": 2}


def test_what_a_phone_does_not_know_is_left_out():
    assert others(read({**HERE, "vel": -1, "cog": -1, "batt": -1, "alt": None})) == others(read(HERE))


def test_a_location_without_a_time_has_none():
    assert read({"_type": "location", "lat": 1, "lon": 2}) == [Said("gps", {"lat": 1, "lon": 2})]


def test_a_transition_is_an_attribute_and_a_position():
    said = read({**HERE, "_type": "transition", "event": "enter", "desc": "Home", "wtst": 1, "acc": 9, "t": "c"})
    assert said[:2] == [
        Said("attr", {"t": T_MS, "key": "transition", "txt": "enter Home"}),
        Said("gps", {"t": T_MS, "lat": 60.17, "lon": 24.94, "acc": 9}),
    ]
    assert attributes(said) == {"transition": "enter Home", "wtst": 1, "t": "c"}


def test_a_transition_at_a_beacon_has_no_position():
    said = read({"_type": "transition", "event": "leave", "tst": 1_700_000_000, "acc": 9})
    assert others(said) == []
    assert attributes(said) == {"transition": "leave", "acc": 9}


def test_a_will_has_the_time_of_connecting_as_a_value_not_as_its_time():
    said = decode(b'{"_type":"lwt","tst":1700000000}', CONTEXT)
    assert said == [
        Said("attr", {"key": "lwt", "txt": "connection lost"}),
        Said("attr", {"key": "connected_at", "num": 1_700_000_000}),
    ]


def test_steps_are_attributes():
    assert attributes(read({"_type": "steps", "tst": 1, "steps": 812, "from": 0, "to": 1})) == {
        "steps": 812,
        "from": 0,
        "to": 1,
    }


@pytest.mark.parametrize("kind", ["status", "card", "cmd", "dump", "configuration"])
def test_settings_and_commands_are_no_readings(kind):
    assert read({"_type": kind, "tst": 1, "lat": 1, "lon": 2, "desc": "Home"}) == []


def test_a_place_that_was_set_is_kept_as_of_when_we_hear_of_it():
    home = {"_type": "waypoint", "tst": 1385997757, "desc": "Home", "lat": "48.858330", "lon": "2.29513", "rad": "50"}
    (said,) = read(home)
    assert (said.values["key"], said.values["txt"]) == ("waypoint", "48.85833, 2.29513, 50 m: Home")
    assert said.values.get("t") != 1385997757000
    beacon = {"_type": "waypoint", "tst": 1, "desc": "Dock beacon", "uuid": "CA27"}
    found = read({"_type": "waypoints", "waypoints": [home, beacon, 7, {"tst": 2}], "_creator": "x"})
    assert [each.values["txt"] for each in found if each.stream == "attr"] == [
        "48.85833, 2.29513, 50 m: Home", "Dock beacon",
    ]  # fmt: skip
    assert len(found) == 4, "what cannot be read is refused for itself"


@pytest.mark.parametrize(
    "message", [{"_type": "waypoint", "tst": 1}, {"_type": "waypoints"}, {"_type": "waypoints", "waypoints": {}}]
)
def test_a_place_that_cannot_be_read_is_refused(message):
    with pytest.raises(WireError, match="waypoint"):
        read(message)


@pytest.mark.parametrize("payload", [b"", b" \n", b"[]"])
def test_an_empty_body_says_nothing(payload):
    assert decode(payload, CONTEXT) == []


def test_an_array_of_messages_is_read_one_by_one():
    assert read([HERE, {**HERE, "lat": 61}]) == read(HERE) + read({**HERE, "lat": 61})


@pytest.mark.parametrize(
    ("message", "reason", "detail"),
    [
        ({"_type": "encrypted", "data": "AAAA"}, "encrypted", "encryption key"),
        ({"_type": "teleport"}, "unknown_type", "teleport"),
        ({"lat": 1, "lon": 2}, "malformed", "_type"),
        ({"_type": 1}, "malformed", "_type"),
        ({"_type": "location", "tst": 1}, "malformed", "lat or lon"),
        ({**HERE, "lat": "N 60.17"}, "invalid", "lat: not a number"),
        ({**HERE, "lon": True}, "invalid", "lon: not a number"),
        ({**HERE, "tst": "yesterday"}, "malformed", "tst: 'yesterday' is not a number"),
        ({**HERE, "tst": 1e308}, "malformed", "tst: too large"),
        ({**HERE, "tst": 1_700_000_000_000}, "time_out_of_range", "tst looks like milliseconds: seconds are wanted"),
        ({**HERE, "_type": "transition"}, "malformed", "event"),
        ({**HERE, "_type": "transition", "event": "enter", "desc": 1}, "malformed", "desc"),
        ({**HERE, "_type": "transition", "event": "enter", "lon": None}, "malformed", "lat or lon"),
        ([[HERE]], "malformed", "not an object"),
        ("location", "malformed", "not an object"),
        (None, "malformed", "not an object"),
    ],
    ids=lambda value: repr(value)[:48],
)
def test_what_cannot_be_read_is_refused_with_a_reason(message, reason, detail):
    with pytest.raises(WireError, match=detail) as caught:
        read(message)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "payload",
    [
        b"{",
        b"\xff",
        b'{"_type":"location","tst":1,"lat":NaN,"lon":1}',
        b'{"_type":"location","tst":1,"lat":1e999,"lon":1}',
        b"[" * 20_000,
        orjson.dumps(HERE) + b" " * PAYLOAD_BYTES_MAX,
    ],
    ids=lambda payload: repr(payload[:32]),
)
def test_a_broken_payload_is_refused(payload):
    with pytest.raises(WireError):
        decode(payload, CONTEXT)


@pytest.mark.parametrize(
    ("beside", "detail"),
    [
        ({"batt": []}, "batt: not a number"),
        ({"temp_c-1": "cold"}, "temp_c-1: not a number"),
        ({"ign": "off-ish 2"}, "ign: not true or false"),
        ({"deep": json.loads("[" * 30 + "]" * 30)}, "nested deeper than"),
    ],
    ids=lambda value: repr(value)[:48],
)
def test_a_value_beside_the_place_that_cannot_be_read_is_told_and_the_place_is_kept(beside, detail):
    said = read({**HERE, **beside})
    assert [each.stream for each in said] == ["gps", REFUSED]
    assert detail in said[-1].values["detail"]


def test_more_readings_than_a_message_may_hold_are_refused(monkeypatch):
    monkeypatch.setattr("domain.wire.said.READINGS_MAX", 3)
    assert len(read([HERE] * 3)) == 3
    with pytest.raises(WireError, match="4 readings, at most 3"):
        read([HERE] * 4)


def test_every_truncation_and_every_flipped_bit_decodes_or_is_refused():
    sample = orjson.dumps({**HERE, "vel": 36, "batt": 67, "temp_c-01": 4.5, "inregions": ["Home"]})
    for broken in mangle.mangled(sample):
        decodes_or_is_refused(broken)


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
kinds = st.sampled_from(["location", "transition", "lwt", "steps", "beacon", "status", "encrypted"])
keys = st.sampled_from(
    ["_type", "tst", "lat", "lon", "vel", "cog", "acc", "alt", "batt", "odometer", "ign", "temp_c-1", "event", "desc"]
)


@given(st.binary(max_size=60) | anything.map(json.dumps).map(str.encode))
@settings(deadline=None)
def test_no_bytes_and_no_json_crash_the_decoder(payload):
    decodes_or_is_refused(payload)


@given(kinds, st.dictionaries(keys, anything | st.floats(-90, 90), max_size=10))
@settings(deadline=None)
def test_no_value_in_any_key_crashes_the_decoder(kind, message):
    decodes_or_is_refused(json.dumps({"_type": kind, "lat": 1, "lon": 2, **message}).encode())


def test_the_recorded_messages_decode(shared_data):
    lines = (shared_data / "devices" / "tracker_messages.jsonl").read_text().splitlines()
    recorded = [entry for entry in map(json.loads, lines) if entry["protocol"] == "owntracks"]
    assert len(recorded) >= 6
    for entry in recorded:
        payload = entry["payload"].removeprefix("/")
        message, position = json.loads(payload), decode(payload.encode(), CONTEXT)[0]
        assert (entry["verify"], position.stream) == ("verifyPosition", "gps")
        expected = {"t": message["tst"] * 1000, "lat": message["lat"], "lon": message["lon"]}
        expected |= {
            ours: message[key] for key, ours in {"acc": "acc", "alt": "alt", "cog": "hdg"}.items() if key in message
        }
        if "vel" in message:
            expected["spd"] = pytest.approx(message["vel"] / 3.6)
        assert position.values == expected
