"""ThingsBoard telemetry: its four shapes, by profile and by name, and rubbish that must only ever be refused."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.names import PAYLOAD_BYTES_MAX
from domain.profiles import NO_PROFILE, Profile, Target
from domain.readings import Flag
from domain.wire.said import REFUSED, Context, Said, WireError
from domain.wire.thingsboard import KEY_MAX, decode
from tests.unit.wire import mangle

CONTEXT = Context(received_ms=1_750_000_000_000)
T_MS = 1_483_228_800_000
GATEWAY = (
    b'{"Device A":[{"ts":1483228800000,"values":{"temperature":42,"humidity":80}},'
    b'{"ts":1483228801000,"values":{"temperature":43}}],"Device B":[{"values":{"temperature":"-18.5"}},{"battery":55}]}'
)


def read(message, context=CONTEXT):
    return decode(orjson.dumps(message), context)


def profiled(**channels):
    profile = Profile(channels=channels)
    return Context(received_ms=0, profile_at=lambda _source, _t_ms: profile)


def decodes_or_is_refused(payload):
    mangle.decodes_or_is_refused(decode, payload, CONTEXT)


def test_plain_keys_have_no_time_of_their_own():
    assert decode(b'{"temperature": 22.5, "humidity": 61, "fan": "high", "alarm": true}', CONTEXT) == [
        Said("temp", {"c": 22.5, "rh": 61}),
        Said("attr", {"key": "fan", "txt": "high"}),
        Said("attr", {"key": "alarm", "num": 1}),
    ]


def test_values_with_a_time_have_it():
    assert decode(b'{"ts":1483228800000,"values":{"latitude":60.17,"longitude":24.94,"speed":13.2}}', CONTEXT) == [
        Said("gps", {"t": T_MS, "lat": 60.17, "lon": 24.94, "spd": 13.2})
    ]


def test_an_array_may_mix_both():
    assert read([{"ts": T_MS, "values": {"temperature": 4}}, {"values": {"temperature": 6}}, {"battery": 55}]) == [
        Said("temp", {"t": T_MS, "c": 4}),
        Said("temp", {"c": 6}),
        Said("status", {"batt": 0.55}),
    ]


def test_a_gateway_speaks_for_the_devices_behind_it():
    assert decode(GATEWAY, CONTEXT) == [
        Said("temp", {"t": T_MS, "c": 42, "rh": 80}, source="Device A"),
        Said("temp", {"t": T_MS + 1000, "c": 43}, source="Device A"),
        Said("temp", {"c": -18.5}, source="Device B"),
        Said("status", {"batt": 0.55}, source="Device B"),
    ]


@pytest.mark.parametrize("message", [{}, [], {"Device A": []}, {"Device A": [{}]}, {"temperature": None}])
def test_what_says_nothing_gives_nothing(message):
    assert read(message) == []


def test_only_an_object_of_arrays_of_objects_is_a_gateways():
    mixed = {"Device A": [{"ts": T_MS, "values": {"temperature": 4}}], "temperature": 5}
    assert [(each.stream, each.source) for each in read(mixed)] == [("temp", ""), (REFUSED, "")]
    assert read({"codes": [1, 2, 3]}) == [Said("attr", {"key": "codes", "txt": "[1,2,3]"})]
    assert read({"ts": T_MS, "values": {"codes": [{"a": 1}]}}) == [
        Said("attr", {"t": T_MS, "key": "codes.0.a", "num": 1})
    ]


def test_a_text_is_a_number_only_where_a_number_is_wanted():
    assert read({"temperature": "21.5", "serial": "0042", "door": "TRUE", "door_2": "0", "battery": "87"}) == [
        Said("temp", {"c": 21.5}),
        Said("door", {"open": True}),
        Said("door", {"door": "2", "open": False}),
        Said("status", {"batt": 0.87}),
        Said("attr", {"key": "serial", "txt": "0042"}),
    ]
    (fan, refused) = read({"temperature": "warm", "fan": 1})
    assert (fan.values["key"], refused.values["detail"]) == ("fan", "temperature: not a number: 'warm'")


def test_what_is_nested_is_told_apart_and_what_is_too_long_is_refused_and_not_cut():
    said = read({"cell": {"rssi": -61, "neighbours": list(range(100))}, "codes": list(range(1000, 1020))})
    assert said[0] == Said("attr", {"key": "cell.rssi", "num": -61})
    assert [each.values["num"] for each in said[1:-1]] == list(range(1000, 1020))
    assert said[-1].values["detail"].startswith("cell.neighbours: 100 values")


def test_what_stands_beside_the_values_is_kept_with_them():
    assert read({"ts": str(T_MS), "values": {"temperature": 4}, "metadata": {"line": 1}}) == [
        Said("temp", {"t": T_MS, "c": 4}),
        Said("attr", {"t": T_MS, "key": "metadata.line", "num": 1}),
    ]


def test_a_lone_ts_is_a_key_as_it_is_for_thingsboard():
    assert read({"ts": T_MS, "temperature": 4}) == [
        Said("temp", {"c": 4}),
        Said("attr", {"key": "ts", "num": T_MS}),
    ]


def test_the_profile_decides_before_the_name():
    context = profiled(t1=Target("temp", "c", "rear", "F"), temperature=None, v=Target("gps", "odo", unit="km"))
    assert read({"t1": "39.2", "temperature": 99}, context) == [Said("temp", {"probe": "rear", "c": pytest.approx(4)})]


def test_the_profile_is_that_of_the_device_behind_the_gateway_at_the_time_of_the_value():
    def profile_at(source, t_ms):
        rear = Profile(channels={"t1": Target("temp", "c", "rear")})
        return rear if (source, t_ms) == ("Device B", T_MS) else NO_PROFILE

    entries = [{"ts": T_MS, "values": {"t1": 4}}, {"ts": T_MS + 1, "values": {"t1": 5}}]
    said = read({"Device A": entries[:1], "Device B": entries}, Context(0, profile_at=profile_at))
    assert [(each.stream, each.source) for each in said] == [
        ("attr", "Device A"),
        ("temp", "Device B"),
        ("attr", "Device B"),
    ]


@pytest.mark.parametrize(
    ("message", "reason", "detail"),
    [
        ("text", "malformed", "entry 0: not an object"),
        (None, "malformed", "entry 0: not an object"),
        ([[{"a": 1}]], "malformed", "entry 0: not an object"),
        ({"ts": T_MS, "values": 5}, "malformed", "values: not an object"),
        ({"ts": "now", "values": {"a": 1}}, "malformed", "ts: 'now' is not a number of milliseconds"),
        ({"ts": True, "values": {"a": 1}}, "malformed", "ts: True is not a number of milliseconds"),
        ({"ts": 1e300, "values": {"a": 1}}, "malformed", "ts: too large"),
        ({"ts": 1_700_000_000, "values": {"a": 1}}, "time_out_of_range", "ts looks like seconds: milliseconds are"),
        ({"temperature": "1e999"}, "invalid", "temperature: not a number"),
        ({"": 1}, "malformed", "not a key"),
        ({"x" * (KEY_MAX + 1): 1}, "malformed", "not a key"),
        ({"_" * 60_000: 1}, "malformed", "not a key"),
        ({"": [{"temperature": 1}]}, "malformed", "not a device's name"),
        ({"a\nb": [{"temperature": 1}]}, "malformed", "not a device's name"),
        ({"A" * 256: [{"temperature": 1}]}, "malformed", "not a device's name"),
    ],
    ids=lambda value: repr(value)[:48],
)
def test_what_cannot_be_read_is_refused_with_a_reason(message, reason, detail):
    with pytest.raises(WireError, match=detail) as caught:
        read(message)
    assert caught.value.reason == reason


def test_a_unit_that_makes_too_much_of_a_number_costs_that_value():
    context = profiled(lat=Target("gps", "lat"), lon=Target("gps", "lon"), km=Target("gps", "odo", unit="km"))
    assert read({"lat": 1, "lon": 2, "km": 1e308}, context) == [
        Said("gps", {"lat": 1, "lon": 2}, flags=Flag.PARTIAL),
        Said("attr", {"key": "km", "num": 1e308}, flags=Flag.SUSPECT),
    ]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "malformed"),
        (b"{", "malformed"),
        (b"\xff", "malformed"),
        (b'{"temperature":NaN}', "invalid"),
        (b'{"temperature":1e999}', "invalid"),
        (b"[" * 20_000, "malformed"),
        (b'{"deep":' + b"[" * 900 + b"]" * 900 + b"}", "unsupported"),
        (b'{"a":1}' + b" " * PAYLOAD_BYTES_MAX, "too_large"),
    ],
    ids=lambda value: repr(value)[:32],
)
def test_a_broken_payload_is_refused(payload, reason):
    with pytest.raises(WireError) as caught:
        decode(payload, CONTEXT)
    assert caught.value.reason == reason


def test_more_values_than_a_message_may_hold_are_refused():
    crowded = dict.fromkeys((chr(c) for c in range(35, 127) if chr(c) not in '\\"'), 1)
    payload = orjson.dumps([crowded] * 112)
    assert len(payload) < PAYLOAD_BYTES_MAX
    with pytest.raises(WireError, match="readings, at most 2500") as caught:
        decode(payload, CONTEXT)
    assert caught.value.reason == "too_large"


def test_every_truncation_and_every_flipped_bit_decodes_or_is_refused():
    for broken in mangle.mangled(GATEWAY):
        decodes_or_is_refused(broken)


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
keys = st.sampled_from(
    ["temperature", "humidity", "latitude", "longitude", "battery", "door", "weight_2", "ts", "values"]
)
entries = st.dictionaries(keys, anything, max_size=6)
timed = st.fixed_dictionaries({"ts": anything | st.integers(0, 2**45), "values": entries})


@given(st.binary(max_size=60) | anything.map(json.dumps).map(str.encode))
@settings(deadline=None)
def test_no_bytes_and_no_json_crash_the_decoder(payload):
    decodes_or_is_refused(payload)


@given(entries | timed | st.dictionaries(st.text(max_size=3), st.lists(entries | timed, max_size=3), max_size=3))
@settings(deadline=None)
def test_no_value_in_any_key_crashes_the_decoder(message):
    decodes_or_is_refused(json.dumps(message).encode())
