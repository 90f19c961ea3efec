"""SenML: the examples of RFC 8428 in JSON and CBOR, how records resolve, where values go, and what must be refused."""

from __future__ import annotations

import json
from decimal import Decimal

import cbor2
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.names import PAYLOAD_BYTES_MAX
from domain.profiles import NO_PROFILE, Profile, Target
from domain.readings import Flag
from domain.wire.said import Context, Said, WireError
from domain.wire.senml import Resolved, decode, decode_cbor, decode_json, resolve
from tests.unit.wire import mangle

MS = 1_750_000_000_000
NOW = Context(received_ms=MS)
DEVICE = "urn:dev:ow:10e2073a01080063"
SERVER = Flag.SERVER_TIME

# RFC 8428 §5.1.2, the second example; §6 has it in CBOR.
CURRENTS = [
    {"bn": "urn:dev:ow:10e2073a0108006:", "bt": 1.276020076001e09, "bu": "A", "bver": 5, "n": "voltage", "u": "V",
     "v": 120.1},
    {"n": "current", "t": -5, "v": 1.2}, {"n": "current", "t": -4, "v": 1.3}, {"n": "current", "t": -3, "v": 1.4},
    {"n": "current", "t": -2, "v": 1.5}, {"n": "current", "t": -1, "v": 1.6}, {"n": "current", "v": 1.7},
]  # fmt: skip
CURRENTS_CBOR = bytes.fromhex(
    "87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b00106223614120050067766f6c746167"
    "6501615602fb405e066666666666a3006763757272656e74062402fb3ff3333333333333a3006763757272656e74062302fb3ff4cccccc"
    "cccccda3006763757272656e74062202fb3ff6666666666666a3006763757272656e74062102f93e00a3006763757272656e74062002fb"
    "3ff999999999999aa3006763757272656e74060002fb3ffb333333333333"
)
# §5.1.3
MOBILE = [
    {"bn": DEVICE, "bt": 1.320067464e09, "bu": "%RH", "v": 20},
    {"u": "lon", "v": 24.30621}, {"u": "lat", "v": 60.07965}, {"t": 60, "v": 20.3},
    {"u": "lon", "t": 60, "v": 24.30622}, {"u": "lat", "t": 60, "v": 60.07965}, {"t": 120, "v": 20.7},
    {"u": "lon", "t": 120, "v": 24.30623}, {"u": "lat", "t": 120, "v": 60.07966}, {"u": "%EL", "t": 150, "v": 98},
    {"t": 180, "v": 21.2}, {"u": "lon", "t": 180, "v": 24.30628}, {"u": "lat", "t": 180, "v": 60.07967},
]  # fmt: skip
# §5.1.5
KINDS = [
    {"bn": DEVICE + ":", "n": "temp", "u": "Cel", "v": 23.1},
    {"n": "label", "vs": "Machine Room"},
    {"n": "open", "vb": False},
    {"n": "nfc-reader", "vd": "aGkgCg"},
]
# §5.1.6
COLLECTION = [
    {"bn": "2001:db8::2/", "bt": 1.320078429e09, "n": "temperature", "u": "Cel", "v": 25.2},
    {"n": "humidity", "u": "%RH", "v": 30},
    {"bn": "2001:db8::1/", "n": "temperature", "u": "Cel", "v": 12.3},
    {"n": "humidity", "u": "%RH", "v": 67},
]


def read(pack, context=NOW):
    return decode_json(orjson.dumps(pack), context)


def one(**record):
    (said,) = read([{"n": "x", "bt": 2e9, **record}])
    return said.stream, said.values


def reason_of(pack):
    with pytest.raises(WireError) as refused:
        decode_json(pack if isinstance(pack, bytes) else orjson.dumps(pack), NOW)
    return refused.value.reason


def resolved_of(**record):
    return resolve([{"n": "x", **record}])[0]


# ---------------------------------------------------------------- the examples of the RFC
def test_a_single_data_point_of_now():
    assert read([{"n": DEVICE, "u": "Cel", "v": 23.1}]) == [Said("temp", {"t": MS, "c": 23.1}, DEVICE, SERVER)]


def test_two_data_points_of_an_unknown_time():
    pack = [{"bn": DEVICE + ":", "n": "voltage", "u": "V", "v": 120.1}, {"n": "current", "u": "A", "v": 1.2}]
    assert read(pack) == [
        Said("attr", {"t": MS, "key": "voltage", "num": 120.1}, DEVICE, SERVER),
        Said("attr", {"t": MS, "key": "current", "num": 1.2}, DEVICE, SERVER),
    ]


def test_times_count_from_the_base_time_in_json_and_cbor():
    source = "urn:dev:ow:10e2073a0108006"
    expected = [Said("attr", {"t": 1276020076001.0, "key": "voltage", "num": 120.1}, source)] + [
        Said("attr", {"t": 1276020076001.0 + at * 1000, "key": "current", "num": num}, source)
        for at, num in [(-5, 1.2), (-4, 1.3), (-3, 1.4), (-2, 1.5), (-1, 1.6), (0, 1.7)]
    ]
    assert read(CURRENTS) == expected
    # The CBOR of the RFC has no version and says t = 0 where the JSON leaves it out.
    assert decode_cbor(CURRENTS_CBOR, NOW) == expected
    assert decode(CURRENTS_CBOR, NOW) == decode(orjson.dumps(CURRENTS), NOW) == expected


def test_measurements_and_positions_of_a_moving_device():
    t = 1_320_067_464_000
    said = read(MOBILE)
    assert [s for s in said if s.stream == "gps"] == [
        Said("gps", {"t": t, "lon": 24.30621, "lat": 60.07965}, DEVICE),
        Said("gps", {"t": t + 60_000, "lon": 24.30622, "lat": 60.07965}, DEVICE),
        Said("gps", {"t": t + 120_000, "lon": 24.30623, "lat": 60.07966}, DEVICE),
        Said("gps", {"t": t + 180_000, "lon": 24.30628, "lat": 60.07967}, DEVICE),
    ]
    assert [s for s in said if s.stream == "status"] == [Said("status", {"t": t + 150_000, "batt": 0.98}, DEVICE)]
    assert [s for s in said if s.stream == "attr"] == [
        Said("attr", {"t": t + after, "key": "rh", "num": num}, DEVICE)
        for after, num in [(0, 20.0), (60_000, 20.3), (120_000, 20.7), (180_000, 21.2)]
    ]
    assert len(said) == 9


def test_the_example_resolves_as_the_rfc_shows():
    assert resolve(MOBILE)[:4] == [
        Resolved(DEVICE, 1_320_067_464, 20, "%RH"),
        Resolved(DEVICE, 1_320_067_464, 24.30621, "lon"),
        Resolved(DEVICE, 1_320_067_464, 60.07965, "lat"),
        Resolved(DEVICE, 1_320_067_524, 20.3, "%RH"),
    ]
    assert resolve(MOBILE)[9] == Resolved(DEVICE, 1_320_067_614, 98, "%EL")


def test_each_type_of_value_is_kept():
    assert read(KINDS) == [
        Said("temp", {"t": MS, "c": 23.1}, DEVICE, SERVER),
        Said("attr", {"t": MS, "key": "label", "txt": "Machine Room"}, DEVICE, SERVER),
        Said("attr", {"t": MS, "key": "open", "num": 0.0}, DEVICE, SERVER),
        Said("attr", {"t": MS, "key": "nfc-reader", "txt": "aGkgCg"}, DEVICE, SERVER),
    ]
    assert resolve(KINDS)[3].value == b"hi \n"


def test_data_are_bytes_in_cbor_and_base64url_in_json():
    as_cbor = cbor2.dumps([{-2: DEVICE + ":", 0: "nfc-reader", 8: b"hi \n"}])
    assert decode_cbor(as_cbor, NOW) == [read(KINDS)[3]]


def test_a_collection_of_resources_has_a_probe_for_each():
    t = 1_320_078_429_000
    assert read(COLLECTION) == [
        Said("temp", {"t": t, "probe": "2001:db8::2", "c": 25.2, "rh": 30.0}),
        Said("temp", {"t": t, "probe": "2001:db8::1", "c": 12.3, "rh": 67.0}),
    ]


def test_a_record_of_base_fields_only_says_nothing_itself():
    pack = [
        {"bn": DEVICE + ":"},
        {"n": "temp", "u": "Cel", "v": 23.1},
        {"n": "heat", "u": "/", "v": 1},
        {"n": "fan", "u": "/", "v": 0},
    ]
    assert read(pack) == [
        Said("temp", {"t": MS, "c": 23.1}, DEVICE, SERVER),
        Said("attr", {"t": MS, "key": "heat", "num": 1.0}, DEVICE, SERVER),
        Said("attr", {"t": MS, "key": "fan", "num": 0.0}, DEVICE, SERVER),
    ]
    assert read([{"bn": DEVICE}]) == read([]) == []


# ---------------------------------------------------------------- resolving
def test_base_fields_hold_until_they_are_replaced():
    pack = [
        {"bn": "a/", "bt": 2e9, "bu": "V", "bv": 10, "n": "x", "v": 1},
        {"bv": -1, "n": "y", "t": 5, "v": 1},
        {"bn": "b/", "bu": "A", "n": "x", "v": 2},
    ]
    assert resolve(pack) == [
        Resolved("a/x", 2e9, 11, "V"),
        Resolved("a/y", 2e9 + 5, 0, "V"),
        Resolved("b/x", 2e9, 1, "A"),
    ]


def test_sums_add_up_and_may_stand_alone():
    assert resolved_of(s=5).sum == 5
    assert resolved_of(s=5).value is None
    assert resolved_of(bs=100, s=5, v=1)[2:] == (1, "", 105, None)
    assert resolved_of(bs=100).sum == 100
    assert one(s=5, u="Ws") == ("attr", {"t": 2e12, "key": "x.sum", "num": 5.0})


def test_how_long_until_the_next_value_is_kept():
    said = read([{"n": "temp", "u": "Cel", "bt": 2e9, "v": 4, "ut": 60}])
    assert said[1].values == {"t": 2e12, "key": "temp.update_time_s", "num": 60.0}


@pytest.mark.parametrize(
    ("time_s", "t_ms", "flags"),
    [
        (0, MS, SERVER),
        (-5, MS - 5_000, SERVER),
        (2.5, MS + 2_500, SERVER),
        (2**28 - 1, MS + (2**28 - 1) * 1_000, SERVER),
        (2**28, 2**28 * 1_000, 0),
        (1.7e9, 1_700_000_000_000, 0),
    ],
)
def test_times_below_2_to_the_28_are_relative_to_the_receipt(time_s, t_ms, flags):
    (said,) = read([{"n": "temp", "u": "Cel", "t": time_s, "v": 4}])
    assert (said.values["t"], said.flags) == (t_ms, flags)


def test_decimal_fractions_of_cbor_are_numbers():
    pack = [{-3: 2_000_000_000, 0: "temp", 1: "Cel", 2: Decimal("4.25")}]
    assert decode_cbor(cbor2.dumps(pack), NOW) == [Said("temp", {"t": 2e12, "c": 4.25})]


def test_labels_without_a_meaning_are_passed_over():
    assert resolved_of(v=1, l="x", foo=[1]) == resolved_of(v=1)
    assert decode_cbor(cbor2.dumps([{0: "temp", 2: 1, 99: "x", -7: 1, "foo": None}]), NOW)


# ---------------------------------------------------------------- where values go
@pytest.mark.parametrize(
    ("name", "source", "key"),
    [
        ("urn:dev:mac:0024befffe804ff1/voltage", "urn:dev:mac:0024befffe804ff1", "voltage"),
        ("urn:dev:ow:10e2073a01080063:voltage", DEVICE, "voltage"),
        ("urn:dev:ow:10e2073a01080063_voltage", DEVICE, "voltage"),
        ("urn:dev:os:32473-123456:a/b:c", "urn:dev:os:32473-123456", "a/b:c"),
        ("urn:dev:ow:10e2073a01080063", DEVICE, "V"),
        ("urn:dev", "", "urn:dev"),
        ("voltage", "", "voltage"),
    ],
)
def test_a_device_urn_is_the_source_and_the_rest_the_channel(name, source, key):
    (said,) = read([{"n": name, "u": "V", "v": 3}])
    assert (said.source, said.values["key"]) == (source, key)


@pytest.mark.parametrize(
    ("record", "stream", "values"),
    [
        ({"u": "Cel", "v": 4}, "temp", {"probe": "x", "c": 4.0}),
        ({"u": "K", "v": 273.15}, "temp", {"probe": "x", "c": 0.0}),
        ({"u": "%EL", "v": 50}, "status", {"batt": 0.5}),
        ({"u": "kg", "v": 12.5}, "shelf", {"slot": "x", "kg": 12.5}),
        ({"u": "%RH", "v": 60}, "attr", {"key": "rh", "num": 60.0}),
        ({"u": "m/s", "v": 3}, "attr", {"key": "spd", "num": 3.0}),
        ({"u": "lat", "v": 60}, "attr", {"key": "lat", "num": 60.0}),
        ({"u": "Pa", "v": 101325}, "attr", {"key": "x", "num": 101325.0}),
        ({"u": "Cel", "vs": "warm"}, "attr", {"key": "x", "txt": "warm"}),
        ({"u": "Cel", "vb": True}, "attr", {"key": "x", "num": 1.0}),
        ({"n": "rear/temperature", "u": "K", "v": 274.15}, "temp", {"probe": "rear", "c": 1.0}),
        ({"n": "rear:door", "vb": True}, "door", {"door": "rear", "open": True}),
        ({"n": "battery", "u": "%EL", "v": 50}, "status", {"batt": 0.5}),
    ],
)
def test_a_value_goes_by_its_name_else_by_its_unit(record, stream, values):
    assert one(**record) == (stream, {"t": 2e12} | values)


def test_temperature_and_humidity_of_one_name_are_one_reading():
    pack = [{"bn": "cold-room", "bt": 2e9, "u": "Cel", "v": 4}, {"u": "%RH", "v": 60}]
    assert read(pack) == [Said("temp", {"t": 2e12, "probe": "cold-room", "c": 4.0, "rh": 60.0})]


def test_speed_goes_with_the_position_of_its_time():
    pack = [{"bn": DEVICE, "bt": 2e9, "u": "lat", "v": 60}, {"u": "lon", "v": 25}, {"u": "m/s", "v": 3}]
    assert read(pack) == [Said("gps", {"t": 2e12, "lat": 60.0, "lon": 25.0, "spd": 3.0}, DEVICE)]


def test_a_second_receiver_of_a_device_does_not_mix_into_the_position_of_the_first():
    pack = [
        {"bt": 2e9, "n": "one", "u": "lat", "v": 60}, {"n": "two", "u": "lat", "v": -1},
        {"n": "one", "u": "lon", "v": 25}, {"n": "two", "u": "lon", "v": -2},
    ]  # fmt: skip
    said = read(pack)
    assert said[0] == Said("gps", {"t": 2e12, "lat": 60.0, "lon": 25.0})
    assert [s.values["key"] for s in said[1:]] == ["two", "two"]


def test_a_profile_goes_before_names_and_units():
    channels = {
        "temp": Target("temp", "c", "front", "F"),
        "T1": Target("temp", "c", "rear"),
        "room:%RH": None,
        "%RH": Target("temp", "rh", "rear"),
    }
    profile = Profile(channels=channels)
    context = Context(received_ms=0, profile_at=lambda source, _t_ms: profile if source == DEVICE else NO_PROFILE)
    pack = [
        {"bn": DEVICE + ":", "bt": 2e9, "n": "temp", "v": 39.2}, {"n": "T1", "u": "K", "v": 274.15},
        {"n": "room", "u": "%RH", "v": 1}, {"bn": DEVICE, "u": "%RH", "v": 60},
    ]  # fmt: skip
    front, rear = read(pack, context)
    assert front.values == {"t": 2e12, "probe": "front", "c": pytest.approx(4.0)}
    assert rear.values == {"t": 2e12, "probe": "rear", "c": 1.0, "rh": 60.0}


# ---------------------------------------------------------------- what is refused
@pytest.mark.parametrize(
    ("pack", "reason"),
    [
        (b"", "malformed"),
        (b"[" * 20_000, "malformed"),
        (b" " * (PAYLOAD_BYTES_MAX + 1), "too_large"),
        ({}, "malformed"),
        ([1], "malformed"),
        ([[]], "malformed"),
        ([{"bver": 11, "n": "x", "v": 1}], "version"),
        ([{"bver": 0, "n": "x", "v": 1}], "version"),
        ([{"bver": "ten", "n": "x", "v": 1}], "malformed"),
        ([{"n": "x", "v": 1, "must_": 1}], "unsupported"),
        ([{"n": "x"}], "malformed"),
        ([{"n": "x", "bv": 5}], "malformed"),
        ([{"n": "x", "t": 5}], "malformed"),
        ([{"v": 1}], "malformed"),
        ([{"n": "", "v": 1}], "malformed"),
        ([{"n": "-x", "v": 1}], "malformed"),
        ([{"n": "/x", "v": 1}], "malformed"),
        ([{"n": "a b", "v": 1}], "malformed"),
        ([{"n": "ä", "v": 1}], "malformed"),
        ([{"n": "x\n", "v": 1}], "malformed"),
        ([{"n": "x" * 257, "v": 1}], "malformed"),
        ([{"n": 5, "v": 1}], "malformed"),
        ([{"n": "x", "v": "one"}], "malformed"),
        ([{"n": "x", "v": True}], "malformed"),
        ([{"n": "x", "v": None}], "malformed"),
        ([{"n": "x", "vs": 1}], "malformed"),
        ([{"n": "x", "vb": 1}], "malformed"),
        ([{"n": "x", "vd": "a+b/"}], "malformed"),
        ([{"n": "x", "vd": "aGkgC"}], "malformed"),
        ([{"n": "x", "vd": 5}], "malformed"),
        ([{"n": "x", "v": 1, "vs": "1"}], "malformed"),
        ([{"n": "x", "u": 5, "v": 1}], "malformed"),
        ([{"n": "x", "v": 1e308, "bv": 1e308}], "malformed"),
        ([{"n": "x", "v": 1, "t": 1.7e12}], "time_out_of_range"),
        ([{"n": "x", "v": 1, "t": 1.7e12 * 1000}], "time_out_of_range"),
        ([{"n": "x", "v": 1, "t": 1.7e14}], "malformed"),
        ([{"n": "temperature", "u": "V", "v": 1}], "unit"),
        ([{"n": "temperature", "u": "°Rø", "v": 1}], "unit"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_does_not_belong_is_refused_with_a_reason(pack, reason):
    assert reason_of(pack) == reason


def test_a_refusal_names_the_record():
    (kept, refused) = read([{"n": "x", "v": 1}, {"n": "y"}])
    assert (kept.values["key"], refused.values["detail"]) == ("x", "record 2: neither a value nor a sum")


@pytest.mark.parametrize(
    "pack",
    [
        [{2: 1, "v": 1, 0: "x"}],
        [{0: "x", 2: float("nan")}],
        [{0: "x", 2: Decimal("Infinity")}],
        [{0: "x", 2: 2**2000}],
        [{0: "x", 2: b"1"}],
        [{True: "x", 2: 1}],
        [{1.5: "x", 2: 1}],
    ],
    ids=repr,
)
def test_what_only_cbor_can_say_wrong_is_refused(pack):
    with pytest.raises(WireError) as refused:
        decode_cbor(cbor2.dumps(pack), NOW)
    assert refused.value.reason == "malformed"


def test_bytes_left_over_behind_a_pack_are_refused():
    with pytest.raises(WireError, match="left over"):
        decode_cbor(CURRENTS_CBOR + b"\x00", NOW)


def decodes_or_is_refused(payload):
    for read_with in (decode_json, decode_cbor, decode):
        mangle.decodes_or_is_refused(read_with, payload, NOW)


@pytest.mark.parametrize("payload", [orjson.dumps(MOBILE), orjson.dumps(KINDS), CURRENTS_CBOR], ids=["a", "b", "cbor"])
def test_every_truncation_and_every_bit_flip_decodes_or_is_refused(payload):
    for broken in mangle.mangled(payload):
        decodes_or_is_refused(broken)


@given(st.binary(max_size=60))
@settings(deadline=None)
def test_arbitrary_bytes_decode_or_are_refused(payload):
    decodes_or_is_refused(payload)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.binary(max_size=6)
values = scalars | st.sampled_from(["Cel", "%RH", "lat", "lon", "%EL", "kg", "temp", DEVICE, 2e9, 1, "aGkgCg"])
labels = ["bver", "bn", "bt", "bu", "bv", "bs", "n", "u", "v", "vs", "vb", "vd", "s", "t", "ut", "x", "x_"]


@given(
    st.lists(st.dictionaries(st.sampled_from(labels), values | st.lists(scalars, max_size=2), max_size=6), max_size=5)
)
@settings(deadline=None)
def test_arbitrary_json_records_decode_or_are_refused(pack):
    decodes_or_is_refused(json.dumps(pack, default=str).encode())


@given(
    st.lists(
        st.dictionaries(st.integers(-7, 9) | st.sampled_from(labels) | scalars, values, max_size=6) | scalars,
        max_size=5,
    )
)
@settings(deadline=None)
def test_arbitrary_cbor_records_decode_or_are_refused(pack):
    decodes_or_is_refused(cbor2.dumps(pack))
