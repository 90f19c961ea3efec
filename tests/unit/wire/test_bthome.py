"""BTHome v2: published and captured advertisements read as documented; forged, old and broken ones are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.profiles import NO_PROFILE, Profile, Target
from domain.readings import Flag
from domain.wire.bthome import BYTES_MAX, OBJECTS, UUID, BTHome, Object, advertised, decode, parse
from domain.wire.said import Context, Said, WireError
from tests.unit.wire import mangle

MAC = "54:48:E6:8F:80:A5"
PLAIN = bytes.fromhex("4002C40903BF13")  # bthome.io/format
CAPTURED = bytes.fromhex("40001b016402c808036c1a")  # a Xiaomi LYWSD03MMC with the pvvx firmware
KEY = "231d39c1d7cc1ab1aee224cd096db932"  # this and SEALED: bthome.io/encryption, tests of bthome-ble
SEALED = bytes.fromhex("41a47266c95f730011223378237214")
KEYED = Profile(options={"bthome_key": KEY})
NOW = Context(received_ms=1_750_000_000_000, topic=("ble", "5448e68f80a5"))


def keyed(profile=KEYED):
    return Context(
        received_ms=0, topic=(MAC,), profile_at=lambda source, _t_ms: profile if source == MAC else NO_PROFILE
    )


def sealed(counter, objects="02C409", key=KEY, info=0x41):
    nonce = bytes.fromhex(MAC.replace(":", "")) + UUID + bytes([info]) + counter.to_bytes(4, "little")
    both = AESCCM(bytes.fromhex(key), tag_length=4).encrypt(nonce, bytes.fromhex(objects), None)
    return bytes([info]) + both[:-4] + counter.to_bytes(4, "little") + both[-4:]


def said_of(objects, context=NOW, t_ms=None):
    return advertised(bytes.fromhex("40" + objects), MAC, context, t_ms)


def notes(said):
    return {s.values["key"]: s.values.get("num", s.values.get("txt")) for s in said if s.stream == "attr"}


def reason_of(data, context=NOW, source=MAC):
    with pytest.raises(WireError) as refused:
        advertised(data, source, context)
    return refused.value.reason


def test_the_published_example_reads_as_documented():
    assert decode(PLAIN, NOW) == [Said("temp", {"c": 25.0, "rh": 50.55}, MAC)]


def test_a_captured_advertisement_reads_as_its_display_showed():
    assert decode(CAPTURED, NOW) == [
        Said("status", {"batt": 1.0}, MAC),
        Said("temp", {"c": 22.48, "rh": 67.64}, MAC),
        Said("attr", {"key": "packet_id", "num": 27.0}, MAC),
    ]


# Each line is an example of bthome.io/format, or of the tests of bthome-ble where that has none.
@pytest.mark.parametrize(
    ("data", "channel", "value"),
    [
        ("0009", "packet_id", 9),
        ("0161", "battery", 97),
        ("02CA09", "temperature", 25.06),
        ("03BF13", "humidity", 50.55),
        ("04138A01", "pressure_pa", 100883),
        ("05138A14", "illuminance_lx", 13460.67),
        ("065E1F", "mass", 80.3),
        ("073E1D", "mass", 74.86),
        ("08CA06", "dew_point_c", 17.38),
        ("0960", "count", 96),
        ("0A138A14", "energy_kwh", 1346.067),
        ("0B021B00", "power_w", 69.14),
        ("0C020C", "voltage_v", 3.074),
        ("0D120C", "pm25_ug_m3", 3090),
        ("0E021C", "pm10_ug_m3", 7170),
        ("0F01", "generic", True),
        ("1000", "power", False),
        ("1101", "opening", True),
        ("12E204", "co2_ppm", 1250),
        ("133301", "tvoc_ug_m3", 307),
        ("14020C", "moisture_pct", 30.74),
        ("1501", "battery_low", True),
        ("1A00", "door", False),
        ("2B01", "tamper", True),
        ("2C01", "vibration", True),
        ("2D01", "window", True),
        ("2E23", "humidity", 35),
        ("2F23", "moisture_pct", 35),
        ("3A01", "button_event", 1),
        ("3C0103", "dimmer_event", "0103"),
        ("3D0960", "count", 24585),
        ("3E2A2C0960", "count", 1611213866),
        ("3F020C", "rotation_deg", 307.4),
        ("400C00", "distance_m", 0.012),
        ("414E00", "distance_m", 7.8),
        ("424E3400", "duration_s", 13.39),
        ("434E34", "current_a", 13.39),
        ("444E34", "speed_mps", 133.9),
        ("451101", "temperature", 27.3),
        ("4632", "uv_index", 5.0),
        ("478756", "volume_l", 2215.1),
        ("48DC87", "volume_l", 34.78),
        ("49DC87", "flow_m3_h", 34.78),
        ("4A020C", "voltage_v", 307.4),
        ("4B138A14", "gas_m3", 1346.067),
        ("4C41018A01", "gas_m3", 25821.505),
        ("4D12138A14", "energy_kwh", 344593.17),
        ("4E87562A01", "volume_l", 19551.879),
        ("4F87562A01", "water_l", 19551.879),
        ("505D396164", "timestamp", 1684093277),
        ("518756", "acceleration_m_s2", 22.151),
        ("528756", "gyroscope_deg_s", 22.151),
        ("530C48656C6C6F20576F726C6421", "text", "Hello World!"),
        ("5403AABBCC", "raw", "aabbcc"),
        ("5587562A01", "volume_stored_l", 19551.879),
        ("56E803", "conductivity_us_cm", 1000),
        ("57EA", "temperature", -22),
        ("58EA", "temperature", -7.7),
        ("59EA", "count", -22),
        ("5AEAEA", "count", -5398),
        ("5BEA0234EA", "count", -365690134),
        ("5C02FBFFFF", "power_w", -12.78),
        ("5D02EA", "current_a", -5.63),
        ("5E9F8C", "direction_deg", 359.99),
        ("5F7C10", "precipitation_mm", 422.0),
        ("6001", "channel", 1),
        ("61AC0D", "rotational_speed_rpm", 3500),
        ("6240420F00", "speed_mps", 1.0),
        ("63C0BDF0FF", "acceleration_m_s2", -1.0),
        ("F00100", "device_type", 1),
        ("F100010204", "firmware", "4.2.1.0"),
        ("F2000106", "firmware", "6.1.0"),
    ],
)
def test_each_object_has_its_length_sign_and_factor(data, channel, value):
    (found, *rest) = parse(bytes.fromhex(data + "0007"))
    assert (found.channel, found.value) == (channel if channel != "packet_id" else "packet_id_1", value)
    assert [each.value for each in rest] == [7]  # what stands behind it is read from the right byte on


def test_every_object_knows_how_long_it_is():
    for number, kind in OBJECTS.items():
        prefixed = kind.form in {"text", "hex"}
        found = parse(bytes([number, 0] if prefixed else [number, *bytes(int(kind.form.lstrip("abehilnorsuvx")) // 8)]))
        assert [each.channel for each in found] == [kind.channel]


def test_an_unknown_object_ends_the_objects_and_keeps_what_stood_before():
    assert parse(bytes.fromhex("02C409EE03BF13")) == [Object("temperature", 25.0), Object("unknown_object", 0xEE)]
    assert notes(said_of("02C409EE03BF13")) == {"unknown_object": 0xEE}


def test_several_objects_of_a_kind_are_probes_with_numbers():
    said = said_of("02C409" + "45FA00" + "03BF13" + "0C020C0C030C")
    assert said == [
        Said("temp", {"probe": "1", "c": 25.0}, MAC),
        Said("temp", {"probe": "2", "c": 25.0}, MAC),
        Said("attr", {"key": "rh", "num": 50.55}, MAC),  # of which probe it is nobody said
        Said("attr", {"key": "voltage_v_1", "num": 3.074}, MAC),
        Said("attr", {"key": "voltage_v_2", "num": 3.075}, MAC),
    ]


def test_openings_windows_and_doors_are_doors_of_their_own():
    said = said_of("110111001A012D01")
    assert [(s.stream, s.values) for s in said] == [
        ("door", {"door": "opening_1", "open": True}),
        ("door", {"door": "opening_2", "open": False}),
        ("door", {"open": True}),
        ("door", {"door": "window", "open": True}),
    ]


def test_kilograms_and_pounds_are_kilograms_on_a_shelf():
    assert said_of("06E803") == [Said("shelf", {"slot": "main", "kg": 10.0}, MAC)]
    (pounds,) = said_of("07E803")
    assert pounds.values["kg"] == pytest.approx(4.5359237)


def test_a_profile_says_which_probe_a_channel_is():
    context = keyed(Profile(channels={"temperature": Target("temp", "c", "rear"), "count": Target("shelf", "count")}))
    assert [(s.stream, s.values) for s in said_of("02C4090960", context)] == [
        ("temp", {"probe": "rear", "c": 25.0}),
        ("shelf", {"slot": "main", "count": 96.0}),
    ]


def test_the_time_is_the_sensors_own_else_the_gateways():
    assert said_of("02C409505D396164", t_ms=5.0)[0].values["t"] == 1_684_093_277_000
    assert said_of("02C4095000000000", t_ms=5.0)[0].values["t"] == 5  # a clock that was never set
    assert "t" not in said_of("02C409")[0].values


def test_a_trigger_is_told():
    assert notes(advertised(bytes.fromhex("442D01"), MAC, NOW)) == {"triggered": 1}


def test_an_address_within_the_data_is_reversed_and_yields_to_the_one_heard():
    data = bytes.fromhex("42A5808FE6485402C409")
    assert advertised(data, "", NOW)[0].source == MAC
    assert advertised(data, "AA:BB:CC:DD:EE:FF", NOW)[0].source == "AA:BB:CC:DD:EE:FF"
    assert reason_of(data[:6], source="") == "no_address"
    assert reason_of(PLAIN, source="") == "no_address"


# ---------------------------------------------------------------- encryption
def test_the_published_encrypted_example_reads_with_its_key():
    assert decode(SEALED, keyed()) == [
        Said("attr", {"key": "counter", "num": float(0x33221100)}, MAC),
        Said("temp", {"c": 25.06, "rh": 50.55}, MAC),
    ]


def test_encrypted_data_need_the_right_key():
    assert reason_of(SEALED) == "encrypted"
    assert reason_of(SEALED, keyed(Profile(options={"bthome_key": KEY[:-1] + "3"}))) == "not_authentic"
    for odd in ("", KEY[:-1], 5, ["x"]):
        assert reason_of(SEALED, keyed(Profile(options={"bthome_key": odd}))) == "encrypted"


def test_plain_data_of_a_device_with_a_key_are_refused():
    assert reason_of(PLAIN, keyed()) == "downgrade"


def test_the_address_within_the_data_is_the_one_it_was_encrypted_with():
    data = bytes.fromhex("43a5808fe64854f196c06ffb4900112233f08ecbde")
    assert advertised(data, "", keyed())[1] == Said("temp", {"c": 25.06, "rh": 50.55}, MAC)
    assert reason_of(data[:5], keyed(), source="") == "no_address"


def test_another_version_is_refused():
    assert reason_of(b"") == "version"
    assert reason_of(b"\x20" + PLAIN[1:]) == "version"


def test_what_is_longer_than_an_advertisement_is_refused():
    assert reason_of(b"\x40" + bytes(BYTES_MAX)) == "too_large"


# ---------------------------------------------------------------- replay
def test_a_counter_that_does_not_rise_is_refused():
    sensor = BTHome()
    assert sensor.decode(sealed(5), keyed())
    for old in (sealed(4), sealed(0), sealed(5, "02C509")):
        with pytest.raises(WireError) as refused:
            sensor.decode(old, keyed())
        assert refused.value.reason == "replayed"
    assert sensor.decode(sealed(6), keyed())


def test_the_same_advertisement_again_is_a_repeat_with_the_time_of_the_first():
    sensor = BTHome()
    context = keyed()
    first = sensor.decode(sealed(5), context)
    assert {(s.values["t"], s.flags) for s in first} == {(0, Flag.SERVER_TIME)}
    assert sensor.decode(sealed(6), replace(context, received_ms=1000))
    for _ in range(2):
        assert sensor.decode(sealed(5), replace(context, received_ms=5000)) == first


def test_a_repeat_is_known_for_some_advertisements_only():
    sensor = BTHome()
    for count in range(BTHome.REPEATS_MAX + 1):
        sensor.decode(sealed(count), keyed())
    assert sensor.decode(sealed(1), keyed())
    with pytest.raises(WireError):
        sensor.decode(sealed(0), keyed())


def test_a_repeat_keeps_the_time_the_sensor_gives():
    sensor = BTHome()
    stamped = sealed(5, "5000C0526802C409")  # a timestamp before the temperature
    times = [{s.values["t"] for s in sensor.decode(stamped, keyed()) if s.stream == "temp"} for _ in range(2)]
    assert times == [{0x6852C000 * 1000.0}] * 2


def test_a_forged_counter_does_not_lock_the_device_out():
    sensor = BTHome()
    with pytest.raises(WireError):
        sensor.decode(sealed(2**32 - 1, key="00" * 16), keyed())
    assert sensor.decode(sealed(1), keyed())


def test_a_new_key_begins_a_new_count():
    sensor = BTHome()
    new = "0123456789abcdef" * 2
    sensor.decode(sealed(9), keyed())
    assert sensor.decode(sealed(1, key=new), keyed(Profile(options={"bthome_key": new})))


def test_what_is_new_in_a_message_goes_on_without_what_is_old():
    old = [Said("attr", {"key": "counter", "num": 1.0}, MAC), Said("temp", {"c": 1.0}, MAC)]
    new = [Said("attr", {"key": "counter", "num": 2.0}, MAC), Said("temp", {"c": 2.0}, MAC)]
    other = [Said("attr", {"key": "counter", "num": 0.0}, "other"), Said("temp", {"c": 3.0}, "other")]
    sensor = BTHome(lambda _payload, _context: [*new, *old, *other])
    assert sensor.decode(b"", keyed()) == [*new, *other]
    assert sensor.decode(b"", keyed()) == other  # no key, no counter


def test_the_memory_of_counters_is_bounded():
    everyone = Context(received_ms=0, profile_at=lambda _source, _t_ms: KEYED)
    counters = [Said("attr", {"key": "counter", "num": 5.0}, str(n)) for n in range(10)]
    sensor = BTHome(lambda payload, _context: [counters[payload[0]]], devices_max=3)
    for n in range(10):
        sensor.decode(bytes([n]), everyone)
    assert len(sensor._last) == 3
    assert sensor.decode(bytes([0]), everyone)  # forgotten
    with pytest.raises(WireError):
        sensor.decode(bytes([9]), everyone)


# ---------------------------------------------------------------- rubbish
def decodes_or_is_refused(payload, context):
    return mangle.decodes_or_is_refused(decode, payload, context)


@pytest.mark.parametrize("payload", [PLAIN, CAPTURED, bytes.fromhex("40530348692154020102F100010204")], ids=bytes.hex)
def test_every_truncation_and_every_bit_flip_decodes_or_is_refused(payload):
    for broken in mangle.mangled(payload):
        decodes_or_is_refused(broken, NOW)


def test_every_truncation_and_every_bit_flip_of_encrypted_data_is_refused():
    assert not any(decodes_or_is_refused(broken, keyed()) for broken in mangle.mangled(SEALED))


@given(st.binary(max_size=60), st.sampled_from([0x40, 0x41, 0x42, 0x43, 0x44, 0x00]), st.booleans())
@settings(deadline=None)
def test_arbitrary_bytes_decode_or_are_refused(body, info, has_key):
    decodes_or_is_refused(bytes([info]) + body, keyed() if has_key else NOW)
