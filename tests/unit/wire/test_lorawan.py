"""LoRaWAN uplinks of The Things Stack and ChirpStack, decoded by the server or here; nothing broken crashes."""

from __future__ import annotations

import base64
import contextlib
import json

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.profiles import Profile, Target
from domain.readings import Flag
from domain.wire.lorawan import decode_chirpstack, decode_tts
from domain.wire.lorawan_codecs import CODECS
from domain.wire.said import REFUSED, Context, Said, WireError, told

NOW = 1_750_000_000_000  # 2025-06-15T15:06:40Z
HEARD = 1_749_999_999_250
EUI = "24E124538B223213"
SERVER = int(Flag.SERVER_TIME)

TTS = {
    "end_device_ids": {"device_id": "fridge", "dev_eui": EUI, "application_ids": {"application_id": "cold"}},
    "received_at": "2025-06-15T15:06:39.700123456Z",
    "uplink_message": {
        "f_port": 85,
        "f_cnt": 12,
        "frm_payload": "AXVcA2c0AQRoZQ==",
        "decoded_payload": {"battery": 92, "humidity": 50.5, "temperature": 30.8},
        "rx_metadata": [
            {"gateway_ids": {"gateway_id": "a"}, "time": "1970-01-01T00:00:12Z", "rssi": -90, "snr": 7.25},
            {"gateway_ids": {"gateway_id": "b"}, "time": "2025-06-15T15:06:39.250Z", "rssi": -71},
            {"gateway_ids": {"gateway_id": "c"}, "rssi": -110, "snr": -9.5},
        ],
        "locations": {"user": {"latitude": 52.1, "longitude": 4.9, "source": "SOURCE_REGISTRY"}},
        "received_at": "2025-06-15T15:06:39.400Z",
    },
}
CHIRPSTACK = {
    "deduplicationId": "7658d04d-7f1c-4eb6-900b-d948f3061a9d",
    "time": "2025-06-15T15:06:39.250+00:00",
    "deviceInfo": {"applicationName": "cold", "deviceName": "fridge", "devEui": EUI.lower(), "tags": {}},
    "devAddr": "01a44c4c",
    "dr": 5,
    "fPort": 84,
    "data": "AXU9AwABBAAB",
    "rxInfo": [
        {
            "gatewayId": "e4e124dadef64eee",
            "gwTime": "2025-06-15T15:06:39.250+00:00",
            "nsTime": "2025-06-15T15:06:39.270509207+00:00",
            "rssi": -68,
            "snr": 13.2,
            "location": {},
        }
    ],
}


def with_codec(name):
    return Profile(options={"codec": name})


def tts(message, profile=None):
    payload = message if isinstance(message, bytes) else orjson.dumps(message)
    return decode_tts(payload, Context(NOW, profile_at=lambda _s, _t: profile or Profile()))


def chirpstack(message, event="", profile=None):
    payload = message if isinstance(message, bytes) else orjson.dumps(message)
    topic = ("application", "1", "device", EUI.lower(), "event", event) if event else ()
    return decode_chirpstack(payload, Context(NOW, topic, profile_at=lambda _s, _t: profile or Profile()))


def uplink(decoded=None, data=b"", port=2, **more):
    """A Things Stack message with this content and no gateways."""
    up = {"f_port": port, "frm_payload": base64.b64encode(data).decode(), "decoded_payload": decoded, **more}
    return {**TTS, "uplink_message": {"received_at": "2025-06-15T15:06:39.250Z"} | up}


def said(stream, flags=SERVER, t=HEARD, **values):
    return Said(stream, {"t": t, **values}, EUI, flags)


def noted(key, value, flags=SERVER, t=HEARD):
    return said("attr", flags, t, key=key, **{"txt" if isinstance(value, str) else "num": value})


def reason(call, *args, **more):
    """Why a message, or a part of it in its device's name, is refused."""
    try:
        found = call(*args, **more)
    except WireError as error:
        return error.reason
    refused = [each for each in found if each.stream == REFUSED]
    assert {each.source for each in refused} == {EUI}
    return told(refused)[0][0]


def named(codec, payload, port=2):
    return {each.channel: each.value for each in CODECS[codec](bytes.fromhex(payload), port)}


def test_an_uplink_of_the_things_stack_is_read_exactly():
    assert tts(TTS) == [
        said("status", batt=0.92, rssi=-71),
        said("temp", c=30.8, rh=50.5),
        noted("snr", 7.25),
        noted("f_cnt", 12.0),
    ]


def test_an_uplink_of_chirpstack_is_read_exactly_and_a_missing_counter_is_nought():
    assert chirpstack(CHIRPSTACK, "up", with_codec("milesight")) == [
        said("status", batt=0.61, rssi=-68),
        said("door", open=True),
        noted("tamper_status", 1.0),
        noted("snr", 13.2),
        noted("f_cnt", 0.0),
    ]


def test_the_shape_tells_the_event_when_there_is_no_topic():
    assert chirpstack(CHIRPSTACK, "", with_codec("milesight")) == chirpstack(CHIRPSTACK, "up", with_codec("milesight"))


def test_the_server_time_stands_in_when_no_gateway_has_a_believable_one():
    late = [{"time": "2025-06-15T16:06:39Z", "rssi": -80}, {"time": "2017-01-01T00:00:00Z", "rssi": -80}]
    assert tts(uplink({"temperature": 1}, rx_metadata=late))[0].values["t"] == HEARD
    bare = uplink({"temperature": 1}, received_at=None)
    assert tts(bare)[0].values["t"] == 1_749_999_999_700.123
    assert tts({**bare, "received_at": None})[0].values["t"] == NOW


def test_a_payload_nobody_decoded_needs_a_codec_that_is_known():
    raw = uplink(data=b"\x01\x75\x5c")
    assert reason(tts, raw) == "no_codec"
    for name in ("ruuvi", ["milesight"], None):
        assert "milesight, dragino-lht65" in tts(raw, with_codec(name))[-1].values["detail"]
    assert tts(raw, with_codec("milesight"))[0] == said("status", batt=0.92)


def test_an_empty_frame_says_only_that_it_was_heard():
    assert tts(uplink(rx_metadata=[{"rssi": -70}])) == [
        said("status", rssi=-70),
        noted("snr", 0.0),
        noted("f_cnt", 0.0),
    ]


def test_nested_objects_are_flattened_and_what_has_no_place_is_kept_as_attributes():
    decoded = {
        "air": {"temperature": 4.5, "relativeHumidity": 60},
        "door": "open",
        "mode": "eco",
        "counts": [1, 2],
        "nothing": None,
    }
    assert tts(uplink(decoded)) == [
        said("temp", c=4.5, rh=60),
        said("door", open=True),
        noted("mode", "eco"),
        noted("counts", "[1,2]"),
        noted("f_cnt", 0.0),
    ]


@pytest.mark.parametrize(
    "decoded",
    [
        {"temperature_3": 27.2, "gps_1": {"latitude": 42.3519, "longitude": -87.9094, "altitude": 10}},
        {
            "temperatureSensor": {"3": 27.2},
            "gpsLocation": {"1": {"latitude": 42.3519, "longitude": -87.9094, "altitude": 10}},
        },
    ],
)
def test_cayenne_as_each_server_names_it_has_its_place(decoded):
    assert tts(uplink(decoded))[:-1] == [
        said("temp", probe="3", c=27.2),
        said("gps", lat=42.3519, lon=-87.9094, alt=10),
    ]


def test_a_profile_overrules_what_a_name_means():
    profile = Profile(channels={"temperature": Target("temp", "c", "rear", "F"), "TempC_SHT": None})
    assert tts(uplink({"temperature": 212, "TempC_SHT": 5}), profile)[:-1] == [
        said("temp", probe="rear", c=pytest.approx(100))
    ]


def test_speeds_in_kilometres_an_hour_become_metres_a_second():
    decoded = {"latitudeDeg": -32, "longitudeDeg": 116, "speedKmph": 72, "headingDeg": 90, "batV": 5.55}
    assert tts(uplink(decoded))[:-1] == [said("gps", lat=-32, lon=116, spd=20.0, hdg=90), noted("BatV", 5.55)]


def test_an_error_code_that_looks_like_a_temperature_is_marked():
    assert tts(uplink({"TempC_DS": 327.67, "TempC_SHT": 4.0}))[:-1] == [
        said("temp", SERVER | Flag.SENTINEL, probe="ds", c=327.67),
        said("temp", c=4.0),
    ]


def test_a_solved_position_is_one_and_the_copy_of_an_uplink_is_none():
    head = {"end_device_ids": TTS["end_device_ids"], "received_at": "2025-06-15T15:06:39.250Z"}
    solved = {"service": "lora-cloud", "location": {"latitude": 60.17, "longitude": 24.94, "accuracy": 30}}
    assert tts({**head, "location_solved": solved}) == [said("gps", lat=60.17, lon=24.94, acc=30)]
    assert tts({**head, "location_solved": {**solved, "service": "frm-payload"}}) == []
    assert reason(tts, {**head, "location_solved": {}}) == "malformed"


@pytest.mark.parametrize("kind", ["join_accept", "downlink_ack", "service_data", "uplink_normalized"])
def test_other_messages_of_the_things_stack_say_nothing(kind):
    assert tts({"end_device_ids": {}, kind: {}}) == []


HEAD = {key: CHIRPSTACK[key] for key in ("deduplicationId", "time", "deviceInfo")}


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        ({"margin": 10, "batteryLevel": 75.5}, [said("status", batt=0.755), noted("margin_db", 10.0)]),
        ({"margin": -3}, [said("status", batt=0.0), noted("margin_db", -3.0)]),
        ({"margin": 10, "batteryLevelUnavailable": True}, [noted("margin_db", 10.0)]),
        ({"externalPowerSource": True}, [noted("margin_db", 0.0), noted("external_power", 1.0)]),
    ],
)
@pytest.mark.parametrize("event", ["status", ""])
def test_a_status_of_chirpstack_tells_the_battery_when_there_is_one(event, status, wanted):
    assert chirpstack(HEAD | status, event) == wanted


@pytest.mark.parametrize("event", ["location", ""])
def test_a_location_of_chirpstack_is_a_position_and_a_missing_coordinate_is_nought(event):
    place = {"longitude": 9.5, "altitude": 12.5, "source": "GEO_RESOLVER_RSSI", "accuracy": 500}
    assert chirpstack(HEAD | {"location": place}, event) == [said("gps", lat=0, lon=9.5, acc=500, alt=12.5)]


@pytest.mark.parametrize("event", ["join", "ack", "txack", "log", "integration"])
def test_other_events_of_chirpstack_say_nothing(event):
    assert chirpstack(HEAD, event) == []


@pytest.mark.parametrize(
    ("more", "event"), [({"devAddr": "01"}, "join"), ({"queueItemId": "1"}, "ack"), ({"code": "OTAA"}, "log")]
)
def test_the_shape_of_an_event_that_says_nothing_is_known_too(more, event):
    assert chirpstack(HEAD | more) == chirpstack(HEAD | more, event) == []


@pytest.mark.parametrize(
    ("decode", "message", "why"),
    [
        (tts, b"", "malformed"),
        (tts, b"[]", "malformed"),
        (tts, b"[" * 3000, "malformed"),
        (tts, b" " * 70_000, "too_large"),
        (tts, {}, "unknown_event"),
        (tts, {**TTS, "end_device_ids": {"device_id": "x"}}, "malformed"),
        (tts, {**TTS, "end_device_ids": {"dev_eui": "24E124538B22321Z"}}, "malformed"),
        (tts, {**TTS, "uplink_message": []}, "malformed"),
        (tts, TTS | {"simulated": True}, "simulated"),
        (tts, {"app_id": "a", "dev_id": "b", "payload_fields": {}}, "unknown_event"),
        (tts, uplink(["temperature"]), "malformed"),
        (tts, uplink(json.loads('{"a":' * 12 + "1" + "}" * 12)), "unsupported"),
        (tts, uplink(frm_payload="***"), "malformed"),
        (tts, uplink(frm_payload=7), "malformed"),
        (chirpstack, {}, "unknown_event"),
        (chirpstack, {"fPort": 1}, "malformed"),
        (chirpstack, {"applicationID": "2", "devEUI": EUI, "fPort": 85, "data": "AQ=="}, "unsupported"),
        (chirpstack, CHIRPSTACK | {"simulated": True}, "simulated"),
        (chirpstack, HEAD | {"batteryLevel": "70 of 90"}, "invalid"),
        (chirpstack, HEAD | {"location": {}}, "malformed"),
    ],
)
def test_what_does_not_belong_is_refused_with_a_reason(decode, message, why):
    assert reason(decode, message) == why


def test_an_event_nobody_knows_is_refused():
    assert reason(chirpstack, CHIRPSTACK, "sideways") == "unknown_event"


VECTOR_CODECS = {"em3": "milesight", "em5": "milesight", "lht65": "dragino-lht65"} | {
    "lgt92": "dragino-lgt92",
    "oyster": "digitalmatter-oyster",
}


def vectors(shared_data):
    for vector in json.loads((shared_data / "devices/lorawan_uplinks.json").read_text()):
        yield next(codec for part, codec in VECTOR_CODECS.items() if part in vector["source"]), vector


def test_the_makers_own_examples_decode_to_what_they_expect(shared_data):
    seen = 0
    for codec, vector in vectors(shared_data):
        got = named(codec, vector["hex"], vector["fPort"])
        assert {key: got.get(key) for key in vector["expected"]} == vector["expected"]
        assert tts(uplink(data=bytes.fromhex(vector["hex"]), port=vector["fPort"]), with_codec(codec))
        seen += 1
    assert seen == 6


def test_raw_payloads_become_readings():
    lht65 = uplink(data=bytes.fromhex("CBF60B0D0376010ADD7FFF"))
    assert tts(lht65, with_codec("dragino-lht65")) == [
        said("temp", c=28.29, rh=88.6),
        said("temp", probe="ds", c=27.81),
        noted("Bat_status", 3.0),
        noted("Ext_sensor", "Temperature Sensor"),
        noted("BatV", 3.062),
        noted("f_cnt", 0.0),
    ]
    oyster = uplink(data=bytes.fromhex("0030edec003224450024de"), port=1)
    assert tts(oyster, with_codec("digitalmatter-oyster"))[0] == said("gps", lat=-32, lon=116, spd=10.0, hdg=0)


def test_stored_records_have_their_own_time_and_are_historical():
    log = uplink(data=bytes.fromhex("7FFF089801464160065F977FFF088E014B416006600A"))
    first, second = 1_611_030_423_000, 1_611_030_538_000
    old = int(Flag.HISTORICAL)
    assert tts(log, with_codec("dragino-lht65"))[:-1] == [
        said("temp", old, first, c=22.0, rh=32.6),
        said("temp", old | Flag.SENTINEL, first, probe="ds", c=327.67),
        said("temp", old, second, c=21.9, rh=33.1),
        said("temp", old | Flag.SENTINEL, second, probe="ds", c=327.67),
    ]
    history = uplink(data=bytes.fromhex("01755C20CE975F066034 016520CE0A60066038FF64"), port=85)
    assert tts(history, with_codec("milesight"))[:-1] == [
        said("status", batt=0.92),
        said("temp", old, first, c=30.8, rh=50.5),
        said("temp", old, second, c=-20.0, rh=50.0),
    ]


@pytest.mark.parametrize(
    ("codec", "payload", "wanted"),
    [
        ("milesight", "836734010183D7340105 0002", {"temperature": 30.8, "temperature_mutation": 0.5}),
        ("milesight", "FF0BFFFF166732D07453450005FF090100", {"sn": "6732d07453450005", "hardware_version": "0100"}),
        ("milesight", "01755CAABB01", {"battery": 92, "undecoded": "aabb01"}),
        ("milesight", "20CE975F06603401", {"temperature": 30.8}),
        ("milesight", "20CE975F066034016501", {"temperature": 30.8, "humidity": 50.5, "history_state": 1}),
        ("dragino-lht65", "CBF60B0D0376050064FFFF", {"ILL_lx": 100}),
        ("dragino-lht65", "0ADD0B0DC3760960065F97", {"TempC_DS": 27.81, "TempC_SHT": 28.29, "Bat_status": 3}),
        ("dragino-lht65", "0000000000000000000000", {}),
        ("dragino-lgt92", "00000000000000004D2060", {"fix": False, "BatV": 3.36, "ALARM_status": "TRUE"}),
        ("dragino-lgt92", "0FFFFFFF0FFFFFFF0D2060", {"fix": False}),
        ("cayenne-lpp", "067104D2FB2E0000", {"accelerometer_6.x": 1.234, "accelerometer_6.y": -1.234}),
        ("cayenne-lpp", "018806765FF2960A0003E8", {"gps_1.latitude": 42.3519, "gps_1.altitude": 10.0}),
        ("cayenne-lpp", "03670110056700FF0168A1", {"temperature_3": 27.2, "relative_humidity_1": 80.5}),
    ],
)
def test_a_codec_reads_what_its_manual_says(codec, payload, wanted):
    got = named(codec, payload)
    assert {key: got.get(key) for key in wanted} == wanted


def test_a_failed_fix_of_an_oyster_is_not_where_it_is():
    got = named("digitalmatter-oyster", "0030edec003224450200de", 1)
    assert (got["cached.latitudeDeg"], got["fixFailed"]) == (-32, True)
    assert "latitudeDeg" not in got
    assert named("digitalmatter-oyster", "00000100000117de05", 4)["latitudeDeg"] == pytest.approx(1.6777216)


@pytest.mark.parametrize(
    ("codec", "payload", "port", "why"),
    [
        ("milesight", "AABB", 85, "unknown_channel"),
        ("milesight", "017A", 85, "unknown_channel"),
        ("milesight", "0367C8", 85, "truncated"),
        ("milesight", "20CE975F06", 85, "truncated"),
        ("milesight", "20CE0000000034 0165", 85, "malformed"),
        ("dragino-lht65", "CBF6", 2, "truncated"),
        ("dragino-lht65", "CBF60B0D0376010ADD7FFF", 5, "unknown_port"),
        ("dragino-lht65", "00000B0D03764100000000", 2, "malformed"),
        ("dragino-lgt92", "06765FF2960A4B4504D2FB2E", 2, "truncated"),
        ("digitalmatter-oyster", "0030", 1, "truncated"),
        ("digitalmatter-oyster", "0030", 9, "unknown_port"),
        ("cayenne-lpp", "01FF00", 1, "unknown_channel"),
        ("cayenne-lpp", "0167", 1, "truncated"),
    ],
)
def test_a_codec_refuses_what_it_cannot_read(codec, payload, port, why):
    assert reason(CODECS[codec], bytes.fromhex(payload), port) == why


def broken(payload):
    yield from (payload[:n] for n in range(len(payload)))
    for bit in range(len(payload) * 8):
        changed = bytearray(payload)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


def survives(call, *args, **more):
    """Whatever the payload is: a list, or a WireError."""
    with contextlib.suppress(WireError):
        assert isinstance(call(*args, **more), list)


@pytest.mark.parametrize("codec", CODECS)
def test_no_truncation_and_no_single_bit_of_a_frame_crashes_a_codec(codec):
    for sample in ("01755C03673401046865", "CBF60B0D0376010ADD7FFF", "015A785406CF33D80D2060004B019000", "0167010F"):
        for payload in broken(bytes.fromhex(sample)):
            for port in (1, 2, 3, 4):
                survives(CODECS[codec], payload, port)


@pytest.mark.parametrize(
    ("decode", "message"), [(tts, TTS), (chirpstack, CHIRPSTACK), (tts, uplink(data=b"\x01\x75\x01"))]
)
def test_no_truncation_and_no_single_bit_of_a_message_crashes(decode, message):
    for payload in broken(orjson.dumps(message)):
        survives(decode, payload, profile=with_codec("milesight"))


@given(st.sampled_from(sorted(CODECS)), st.binary(max_size=60), st.integers(0, 255))
@settings(deadline=None)
def test_no_bytes_crash_a_codec(codec, payload, port):
    survives(CODECS[codec], payload, port)


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=10,
)
inside = st.dictionaries(
    st.sampled_from([*TTS["uplink_message"], *CHIRPSTACK["rxInfo"][0], "temperature", "door", "latitude", "margin"]),
    anything,
    max_size=5,
)


@given(
    st.sampled_from([tts, chirpstack]),
    st.dictionaries(
        st.sampled_from([*TTS, *CHIRPSTACK, "object", "location_solved", "batteryLevel", "location"]),
        anything | inside | st.lists(inside, max_size=2),
        max_size=4,
    ),
)
@settings(deadline=None)
def test_no_json_crashes_a_decoder(decode, changes):
    message = (TTS if decode is tts else CHIRPSTACK) | changes
    survives(decode, message, profile=with_codec("cayenne-lpp"))


@given(inside, st.sampled_from(["uplink_message", "decoded_payload"]))
@settings(deadline=None)
def test_no_content_of_an_uplink_crashes_the_decoder(content, where):
    survives(tts, uplink(content) if where == "decoded_payload" else {**TTS, where: content})


@given(st.sampled_from([tts, chirpstack]), st.binary(max_size=80))
@settings(deadline=None)
def test_no_bytes_crash_a_decoder(decode, payload):
    survives(decode, payload)
