"""Ruuvi tags: the public vectors of data format 5, the messages of a Ruuvi Gateway, and what must be refused."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.names import PAYLOAD_BYTES_MAX
from domain.profiles import NO_PROFILE, Profile, Target
from domain.readings import Flag
from domain.wire.ruuvi import RawV2, address, advertised, decode, manufacturer_data, parse
from domain.wire.said import REFUSED, Context, Said, WireError
from tests.unit.wire import mangle

NOW = Context(received_ms=1_750_000_000_000)
MAC = "CB:B8:33:4C:88:4F"
# ruuvi/ruuvi-sensor-protocols dataformat_05.md, "Test vectors"
VALID = bytes.fromhex("0512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F")
MAXIMUM = bytes.fromhex("057FFFFFFEFFFE7FFF7FFF7FFFFFDEFEFFFECBB8334C884F")
MINIMUM = bytes.fromhex("058001000000008001800180010000000000CBB8334C884F")
INVALID = bytes.fromhex("058000FFFFFFFF800080008000FFFFFFFFFFFFFFFFFFFFFF")
# The example of the gateway's documentation for MQTT.
MQTT = {
    "gw_mac": "C8:25:2D:8E:9C:2C", "rssi": -26, "aoa": [], "gwts": "1653668028", "ts": "1653668027",
    "data": "0201061BFF99040515AE4C6DC6D7000CFFF803F4ADB6AD697FF41F0C28CBD6", "coords": "",
}  # fmt: skip
SENSOR = "F4:1F:0C:28:CB:D6"
TOPIC = Context(received_ms=1_653_668_027_500, topic=("C8:25:2D:8E:9C:2C", SENSOR))
OTHER = "E3:75:CF:37:4E:23"
# The example of the gateway's documentation for HTTP.
HTTP = {
    "data": {
        "coordinates": "60.17,24.94", "timestamp": "1653633988", "nonce": "2636366621", "gw_mac": "C8:25:2D:8E:9C:2C",
        "tags": {
            "C6:A5:B9:E0:AD:06": {
                "rssi": -71, "timestamp": "1653633979",
                "data": "0201061BFF99040513C85714C7CC00240008041CAB76F41C3CC6A5B9E0AD06",
            },
            OTHER: {
                "rssi": -72, "timestamp": 1653633980,
                "data": "0201061BFF990405" + VALID.hex()[2:-12] + "E375CF374E23",
            },
        },
    }
}  # fmt: skip


def read(message, context=NOW):
    return decode(orjson.dumps(message), context)


def reason_of(message, context=NOW):
    return mangle.reason_of(decode, message if isinstance(message, bytes) else orjson.dumps(message), context)


def with_data(data):
    return {**MQTT, "data": "0201061BFF9904" + data.hex()}


def notes(said):
    return {s.values["key"]: s.values.get("num", s.values.get("txt")) for s in said if s.stream == "attr"}


def humid(percent):
    return VALID[:3] + round(percent / 0.0025).to_bytes(2, "big") + VALID[5:]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (VALID, RawV2(24.3, 53.49, 100044, 4, -4, 1036, 2.977, 4, 66, 205, MAC)),
        (MAXIMUM, RawV2(163.835, 163.835, 115534, 32767, 32767, 32767, 3.646, 20, 254, 65534, MAC)),
        (MINIMUM, RawV2(-163.835, 0.0, 50000, -32767, -32767, -32767, 1.6, -40, 0, 0, MAC)),
        (INVALID, RawV2(None, None, None, None, None, None, None, None, None, None, "")),
    ],
    ids=["valid", "maximum", "minimum", "invalid"],
)
def test_the_public_vectors_read_as_documented(data, expected):
    assert parse(data) == expected


def test_the_documented_mqtt_message_reads_with_the_time_the_gateway_heard_it():
    t = {"t": 1_653_668_027_000}
    assert read(MQTT, TOPIC) == [
        Said("temp", t | {"c": 27.75, "rh": 48.9125}, SENSOR),
        Said("attr", t | {"key": "pressure_pa", "num": 100903.0}, SENSOR),
        Said("attr", t | {"key": "acceleration_x_mg", "num": 12.0}, SENSOR),
        Said("attr", t | {"key": "acceleration_y_mg", "num": -8.0}, SENSOR),
        Said("attr", t | {"key": "acceleration_z_mg", "num": 1012.0}, SENSOR),
        Said("attr", t | {"key": "battery_v", "num": 2.989}, SENSOR),
        Said("attr", t | {"key": "tx_power_dbm", "num": 4.0}, SENSOR),
        Said("attr", t | {"key": "movement_counter", "num": 173.0}, SENSOR),
        Said("attr", t | {"key": "measurement_sequence", "num": 27007.0}, SENSOR),
        Said("status", t | {"rssi": -26}, SENSOR),
        Said("attr", t | {"key": "gateway", "txt": "C8:25:2D:8E:9C:2C"}, SENSOR),
    ]


def test_the_http_form_holds_many_tags_each_with_its_time():
    said = read(HTTP)
    assert [s for s in said if s.stream == "temp"] == [
        Said("temp", {"t": 1_653_633_979_000, "c": 25.32, "rh": 55.73}, "C6:A5:B9:E0:AD:06"),
        Said("temp", {"t": 1_653_633_980_000, "c": 24.3, "rh": 53.49}, OTHER),
    ]
    assert [(s.source, s.values["rssi"]) for s in said if s.stream == "status"] == [
        ("C6:A5:B9:E0:AD:06", -71),
        (OTHER, -72),
    ]
    assert said[-1] == Said("attr", {"key": "coordinates", "txt": "60.17,24.94"})


def test_without_a_time_none_is_invented():
    said = read({key: value for key, value in MQTT.items() if key not in {"ts", "gwts"}} | {"cnt": "338"}, TOPIC)
    assert not [s for s in said if "t" in s.values]


def test_the_address_heard_goes_before_the_one_in_the_data():
    assert read(MQTT)[0].source == SENSOR
    assert read(MQTT, Context(0, topic=("ruuvi", "gw", "e375cf374e23")))[0].source == OTHER
    assert read(with_data(INVALID), Context(NOW.received_ms, topic=(MAC,))) == [
        Said("status", {"t": 1_653_668_027_000, "rssi": -26}, MAC),
        Said("attr", {"t": 1_653_668_027_000, "key": "gateway", "txt": "C8:25:2D:8E:9C:2C"}, MAC),
    ]
    assert reason_of(with_data(INVALID)) == "no_address"


def test_more_than_all_humidity_is_kept_and_flagged():
    (warm, *rest) = advertised(humid(100.5), MAC, NOW)
    assert (warm.values["rh"], warm.flags) == (100.5, Flag.SUSPECT)
    assert not any(s.flags for s in rest)
    assert advertised(humid(100.0), MAC, NOW)[0].flags == 0


def test_an_impossible_humidity_does_not_take_the_temperature_with_it():
    said = advertised(MAXIMUM, MAC, NOW)
    assert said[0] == Said("temp", {"c": 163.835}, MAC, Flag.SUSPECT | Flag.PARTIAL)
    (wet,) = [s for s in said if s.values.get("key") == "humidity"]
    assert (wet.values["num"], wet.flags) == (163.835, Flag.SUSPECT)


def test_a_humidity_without_a_temperature_is_an_attribute():
    data = VALID[:1] + b"\x80\x00" + VALID[3:]
    assert notes(advertised(data, MAC, NOW))["rh"] == 53.49


def test_a_profile_says_which_probe_a_tag_is():
    profile = Profile(channels={"temperature": Target("temp", "c", "rear"), "humidity": Target("temp", "rh", "rear")})
    context = Context(received_ms=0, profile_at=lambda source, _t_ms: profile if source == MAC else NO_PROFILE)
    assert advertised(VALID, MAC, context)[0] == Said("temp", {"probe": "rear", "c": 24.3, "rh": 53.49}, MAC)


def test_one_tag_that_cannot_be_read_is_told_and_its_neighbours_go_on():
    tags = HTTP["data"]["tags"] | {
        MAC: {"rssi": -50, "data": "0201061BFF990408" + "00" * 23},
        "kitchen": {},
    }
    said = read({"data": HTTP["data"] | {"tags": tags}})
    assert len([s for s in said if s.stream == "temp"]) == 2
    refused = {s.source: s.values["reason"] for s in said if s.stream == REFUSED}
    assert refused == {MAC: "encrypted", "": "malformed"}


def test_a_message_in_which_no_tag_can_be_read_is_refused():
    assert reason_of({"data": {"tags": {MAC: {"data": "0201"}, "x": 5}}}) == "malformed"
    assert reason_of({"data": {"tags": {"x": 5}}}) == "malformed"
    assert read({"data": {"tags": {}}}) == []


@pytest.mark.parametrize(
    ("data", "advice"), [(3, "set it to RAWv2"), (4, "set it to RAWv2"), (0xC5, "set the tag to RAWv2"), (7, "05, 06")]
)
def test_another_data_format_is_refused_by_name_with_advice_that_can_be_followed(data, advice):
    with pytest.raises(WireError, match=f"format {data:02X}: .*{advice}") as refused:
        parse(bytes([data]) + VALID[1:])
    assert refused.value.reason == "unsupported"


AIR = bytes.fromhex("06170C5668C79E007000C90501D900CD004C884F")  # the documentation's valid vector
AIR_LONG = bytes.fromhex("E1170C5668C79E0065007004BD11CA00C90A0213E0AC000000DECDEE100000000000CBB8334C884F")


@pytest.mark.parametrize("data", [AIR, AIR_LONG], ids=["06", "E1"])
def test_a_ruuvi_air_is_read_in_both_of_its_formats(data):
    said = advertised(data, MAC, NOW)
    assert said[0] == Said("temp", {"c": 29.5, "rh": 55.3}, MAC)
    told = notes(said)
    assert (told["pressure_pa"], told["co2_ppm"], told["pm25_ug_m3"]) == (101102, 201, 11.2)
    assert (told["voc_index"], told["nox_index"], told["illuminance_lx"]) == (
        (10, 2, 13026.67) if data is AIR else (20, 4, 13027.0)
    )
    for end in range(1, len(data)):
        with pytest.raises(WireError):
            advertised(data[:end], MAC, NOW)


def test_what_a_ruuvi_air_has_not_measured_is_not_said():
    nothing = bytes.fromhex("068000FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF")
    assert advertised(nothing, MAC, NOW) == []
    assert reason_of({**MQTT, "data": "17FF9904" + AIR.hex()}) == "no_address"


def test_ruuvi_is_found_among_the_other_structures_of_an_advertisement():
    name, other = bytes.fromhex("0609 5275757669"), bytes.fromhex("05FF 4C000215")
    ours = bytes([len(VALID) + 3, 0xFF, 0x99, 0x04]) + VALID
    assert manufacturer_data(name + other + ours + name) == VALID
    for without in (b"", name, name + other, b"\x01\xff", b"\x00" + ours):
        with pytest.raises(WireError, match="without manufacturer data"):
            manufacturer_data(without)


@pytest.mark.parametrize("text", ["", "cb", "CB:B8:33:4C:88", "CB:B8-33:4C:88:4F", "GB:B8:33:4C:88:4F", MAC + ":00"])
def test_what_is_no_address_is_none(text):
    assert address(text) == ""


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "malformed"),
        (b"[]", "malformed"),
        (b"[" * 20_000, "malformed"),
        (b" " * (PAYLOAD_BYTES_MAX + 1), "too_large"),
        ({}, "malformed"),
        ({**MQTT, "data": 5}, "malformed"),
        ({**MQTT, "data": "02 01"}, "malformed"),
        ({**MQTT, "data": "020106"}, "unsupported"),
        ({**MQTT, "ts": 1_653_668_027_000}, "time_out_of_range"),
        ({"data": {}}, "malformed"),
        ({"data": {"tags": []}}, "malformed"),
        ({"data": {"tags": {MAC: None}}}, "malformed"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_does_not_belong_is_refused_with_a_reason(message, reason):
    assert reason_of(message) == reason


def decodes_or_is_refused(payload, context=TOPIC):
    mangle.decodes_or_is_refused(decode, payload, context)


@pytest.mark.parametrize("message", [MQTT, HTTP], ids=["mqtt", "http"])
def test_every_truncation_and_every_bit_flip_of_a_message_decodes_or_is_refused(message):
    payload = orjson.dumps(message)
    for broken in mangle.mangled(payload):
        decodes_or_is_refused(broken)


def test_every_truncation_of_a_tags_data_is_refused():
    raw = bytes.fromhex(MQTT["data"])
    for end in range(len(raw)):
        assert reason_of({**MQTT, "data": raw[:end].hex()}) in {"malformed", "unsupported"}


@given(st.binary(max_size=40))
@settings(deadline=None)
def test_arbitrary_bytes_decode_or_are_refused(raw):
    decodes_or_is_refused(raw)
    decodes_or_is_refused(orjson.dumps(with_data(b"\x05" + raw)))
    decodes_or_is_refused(orjson.dumps({**MQTT, "data": raw.hex()}))


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats() | st.text(max_size=8)
    | st.sampled_from([MQTT["data"], MAC]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["data", "tags", MAC, "rssi", "timestamp", "gw_mac"]), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from([*MQTT, "cnt"]), anything, max_size=7) | anything)
@settings(deadline=None)
def test_arbitrary_values_in_the_known_keys_decode_or_are_refused(message):
    decodes_or_is_refused(json.dumps(message).encode())
