"""Messages of Bluetooth gateways: each advertisement goes to its format, a stranger's harms no neighbour."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.names import PAYLOAD_BYTES_MAX
from domain.profiles import NO_PROFILE, Profile, Target
from domain.wire.ble import decode
from domain.wire.bthome import BTHome
from domain.wire.said import REFUSED, Context, Said, WireError
from tests.unit.wire import mangle
from tests.unit.wire.test_bthome import sealed

NOW = Context(received_ms=1_750_000_000_000)
MAC, TAG = "54:48:E6:8F:80:A5", "CB:B8:33:4C:88:4F"
BTHOME = {"mac": "54:48:e6:8f:80:a5", "service_data": {"fcd2": "4002C40903BF13"}}
OMG = {"id": MAC, "rssi": -60, "servicedatauuid": "0xfcd2", "servicedata": "4002c40903bf13"}
RUUVI = {"id": TAG, "rssi": -70, "manufacturerdata": "99040512fc5394c37c0004fffc040cac364200cdcbb8334c884f"}
THEENGS = {
    "id": "A4:C1:38:3E:B3:93", "name": "LYWSD03MMC", "rssi": -60, "brand": "Xiaomi", "model": "TH Sensor",
    "tempc": 22.4, "tempf": 72.32, "hum": 51.2, "batt": 100, "volt": 2.967,
}  # fmt: skip
WARM = Said("temp", {"c": 25.0, "rh": 50.55}, MAC)
KEY = "231d39c1d7cc1ab1aee224cd096db932"
SEALED = {"mac": MAC, "service_data": {"fcd2": "41a47266c95f730011223378237214"}}
KEYED = Context(
    received_ms=1_750_000_000_000,
    profile_at=lambda source, _t_ms: Profile(options={"bthome_key": KEY}) if source == MAC else NO_PROFILE,
)


def read(message, context=NOW):
    return decode(orjson.dumps(message), context)


def reason_of(message, context=NOW):
    return mangle.reason_of(decode, message if isinstance(message, bytes) else orjson.dumps(message), context)


def notes(said):
    return {s.values["key"]: s.values.get("num", s.values.get("txt")) for s in said if s.stream == "attr"}


def test_service_data_by_uuid_are_bthome():
    assert read(BTHOME) == [WARM]


@pytest.mark.parametrize("uuid", ["fcd2", "FCD2", "0xfcd2", "0xFCD2", "0000fcd2-0000-1000-8000-00805f9b34fb"])
def test_a_uuid_is_known_in_each_of_its_spellings(uuid):
    assert read({"mac": MAC, "service_data": {"180f": "64", uuid: "4002C40903BF13"}}) == [WARM]
    assert read({"id": MAC, "servicedatauuid": uuid, "servicedata": "4002C40903BF13"}) == [WARM]


def test_the_form_of_openmqttgateway_is_read_with_its_signal_strength():
    assert read(OMG) == [WARM, Said("status", {"rssi": -60}, MAC)]


def test_manufacturer_data_of_ruuvi_are_a_ruuvi_tag():
    said = read(RUUVI)
    assert said[0] == Said("temp", {"c": 24.3, "rh": 53.49}, TAG)
    assert said[-1] == Said("status", {"rssi": -70}, TAG)
    assert notes(said)["measurement_sequence"] == 205


def test_what_the_gateway_has_decoded_is_used_when_there_is_nothing_raw():
    source = THEENGS["id"]
    assert read(THEENGS) == [
        Said("temp", {"c": 22.4, "rh": 51.2}, source),
        Said("status", {"batt": 1.0}, source),
        Said("attr", {"key": "name", "txt": "LYWSD03MMC"}, source),
        Said("attr", {"key": "brand", "txt": "Xiaomi"}, source),
        Said("attr", {"key": "model", "txt": "TH Sensor"}, source),
        Said("attr", {"key": "volt", "num": 2.967}, source),
        Said("status", {"rssi": -60}, source),
    ]


def test_raw_data_go_before_what_the_gateway_made_of_them():
    assert read({**BTHOME, "tempc": 99, "hum": 1}) == [WARM]
    assert read({**RUUVI, "tempc": 99})[0].values["c"] == 24.3


def test_data_of_other_services_and_makers_are_passed_over():
    other = {"servicedatauuid": "0xfe95", "servicedata": "5020aa01", "manufacturerdata": "4c000215"}
    assert read({"id": MAC, **other, "tempc": 4.5}) == [Said("temp", {"c": 4.5}, MAC)]


def test_degrees_fahrenheit_alone_and_open_doors_and_pounds_are_understood():
    (warm,) = read({"id": MAC, "tempf": 39.2})
    assert warm.values["c"] == pytest.approx(4.0)
    assert read({"id": MAC, "open": True}) == [Said("door", {"open": True}, MAC)]
    (mass, unit) = read({"id": MAC, "weight": 10, "unit": "lb"})
    assert mass.values["kg"] == pytest.approx(4.5359237)
    assert unit.values["txt"] == "lb"
    assert reason_of({"id": MAC, "weight": 10, "unit": "jin"}) == "unit"


def test_the_gateways_time_is_the_readings_time():
    assert read({**BTHOME, "unixtime": 1679015107})[0].values["t"] == 1_679_015_107_000
    assert read({**BTHOME, "UTCtime": "2023-12-26T19:10:20Z"})[0].values["t"] == 1_703_617_820_000
    assert reason_of({**BTHOME, "unixtime": 1_750_000_000_000}) == "time_out_of_range"
    for no_time in ({"UTCtime": "yesterday"}, {"unixtime": []}, {"unixtime": 188}, {"UTCtime": "2000-01-01T00:00:00Z"}):
        assert read(BTHOME | no_time) == [WARM]


def test_without_an_address_in_the_payload_the_topic_ends_in_it():
    context = Context(received_ms=0, topic=("BTtoMQTT", "5448E68F80A5"))
    assert read({"service_data": {"fcd2": "4002C40903BF13"}}, context) == [WARM]
    assert reason_of({"service_data": {"fcd2": "4002C40903BF13"}}) == "no_address"
    assert reason_of({**BTHOME, "mac": "kitchen"}, context) == "no_address"


def test_a_profile_says_which_probe_a_sensor_is():
    profile = Profile(channels={"temperature": Target("temp", "c", "rear"), "humidity": None})
    context = Context(received_ms=0, profile_at=lambda source, _t_ms: profile if source == MAC else NO_PROFILE)
    assert read(BTHOME, context) == [Said("temp", {"probe": "rear", "c": 25.0}, MAC)]


# ---------------------------------------------------------------- lists
def test_a_list_holds_advertisements_of_many():
    assert [s.source for s in read([OMG, RUUVI]) if s.stream == "temp"] == [MAC, TAG]


def test_an_advertisement_that_cannot_be_read_is_told_and_its_neighbours_go_on():
    said = read([{**SEALED, "mac": TAG}, "rubbish", OMG])
    assert [(s.source, s.values["reason"]) for s in said if s.stream == REFUSED] == [
        (TAG, "encrypted"),
        ("", "malformed"),
    ]
    assert WARM in said


def test_a_list_in_which_nothing_can_be_read_is_refused():
    assert reason_of([SEALED, "rubbish"]) == "encrypted"
    assert reason_of([]) == "empty"


# ---------------------------------------------------------------- keys
def test_a_device_with_a_key_is_only_believed_when_it_encrypts():
    assert WARM.values.keys() == read(SEALED, KEYED)[1].values.keys()
    assert reason_of(BTHOME, KEYED) == "downgrade"
    assert reason_of({"mac": MAC, "tempc": 4.5}, KEYED) == "downgrade"
    assert reason_of({**RUUVI, "id": MAC}, KEYED) == "downgrade"
    assert read({"mac": MAC, "rssi": -60}, KEYED) == [Said("status", {"rssi": -60}, MAC)]


def test_an_old_advertisement_is_dropped_from_among_its_neighbours():
    gateway = BTHome(decode)
    new, old = ({"mac": MAC, "service_data": {"fcd2": sealed(count).hex()}} for count in (9, 5))
    assert {s.source for s in gateway.decode(orjson.dumps([new, RUUVI]), KEYED)} == {MAC, TAG}
    assert {s.source for s in gateway.decode(orjson.dumps([old, RUUVI]), KEYED)} == {TAG}
    with pytest.raises(WireError) as refused:
        gateway.decode(orjson.dumps({**old, "rssi": -60}), KEYED)
    assert refused.value.reason == "replayed"


def test_two_gateways_hear_one_advertisement_and_its_readings_have_one_time():
    sensors = BTHome(decode)
    first = sensors.decode(orjson.dumps({**SEALED, "rssi": -60, "unixtime": 1_750_000_000}), KEYED)
    again = sensors.decode(orjson.dumps({**SEALED, "rssi": -71, "unixtime": 1_750_000_003}), KEYED)
    assert {s.values["t"] for s in [*first, *again]} == {1_750_000_000_000}
    assert [s for s in again if s.stream == "temp"] == [s for s in first if s.stream == "temp"] != []


# ---------------------------------------------------------------- rubbish
@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "malformed"),
        (b"{", "malformed"),
        (b"[" * 20_000, "malformed"),
        (b"null", "malformed"),
        (b" " * (PAYLOAD_BYTES_MAX + 1), "too_large"),
        ({"id": MAC}, "empty"),
        ({"id": MAC, "tempc": None}, "empty"),
        ({"id": 5}, "no_address"),
        ({**OMG, "servicedata": "4"}, "malformed"),
        ({**OMG, "servicedata": 4}, "malformed"),
        ({**OMG, "servicedatauuid": 0xFCD2}, "malformed"),
        ({"mac": MAC, "service_data": []}, "malformed"),
        ({"mac": MAC, "service_data": {"fcd2": ""}}, "malformed"),
        ({"mac": MAC, "service_data": {"fcd2": "40 02"}}, "malformed"),
        ({"mac": MAC, "manufacturerdata": 5}, "malformed"),
        ({"mac": MAC, "manufacturerdata": "990405"}, "malformed"),
        ({"mac": MAC, "manufacturerdata": "9904"}, "unsupported"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_does_not_belong_is_refused_with_a_reason(message, reason):
    assert reason_of(message) == reason


def decodes_or_is_refused(payload):
    for context in (NOW, KEYED):
        mangle.decodes_or_is_refused(decode, payload, context)


@pytest.mark.parametrize("message", [BTHOME, OMG, RUUVI, THEENGS, SEALED, [OMG, RUUVI]], ids=lambda m: str(m)[:20])
def test_every_truncation_and_every_bit_flip_decodes_or_is_refused(message):
    payload = orjson.dumps(message)
    for broken in mangle.mangled(payload):
        decodes_or_is_refused(broken)


@given(st.binary(max_size=80))
@settings(deadline=None)
def test_arbitrary_bytes_decode_or_are_refused(payload):
    decodes_or_is_refused(payload)


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats() | st.text(max_size=8)
    | st.sampled_from([MAC, "fcd2", "4002C409", "9904", "41a47266c95f730011223378237214"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["fcd2", "0xfcd2", "mac", "x"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
KEYS = ["mac", "id", "rssi", "service_data", "servicedata", "servicedatauuid", "manufacturerdata", "tempc", "tempf",
        "hum", "batt", "open", "weight", "unit", "unixtime", "UTCtime", "counter", "name"]  # fmt: skip


@given(st.lists(st.dictionaries(st.sampled_from(KEYS), anything, max_size=6) | anything, max_size=3), st.booleans())
@example([{"servicedatauuid": [], "servicedata": None}], False)
@settings(deadline=None)
def test_arbitrary_values_in_the_known_keys_decode_or_are_refused(messages, whole):
    for message in [messages] if whole else messages:
        named = {"mac": MAC, **message} if isinstance(message, dict) else message
        decodes_or_is_refused(json.dumps(named).encode())
