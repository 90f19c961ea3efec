"""Teltonika's codecs: the documentation's own packets, and what each IO id becomes."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.profiles import Profile, Target
from domain.readings import Flag
from domain.wire import teltonika, teltonika_shapes
from domain.wire.said import Context, Said, WireError
from domain.wire.teltonika import Cursor, count, decode
from domain.wire.teltonika_elements import LAYOUTS
from domain.wire.teltonika_frames import crc16
from tests.examples import examples
from tests.unit.wire.speakers import singly

T_MS = 1_700_000_000_000
# Packets of wiki.teltonika-gps.com, "Data Sending Protocols".
CODEC_8 = bytes.fromhex(
    "000000000000003608010000016B40D8EA30010000000000000000000000000000000105021503010101425E0F01F10000601A014E0000"
    "000000000000010000C7CF"
)
CODEC_8_SHORT = bytes.fromhex(
    "000000000000002808010000016B40D9AD80010000000000000000000000000000000103021503010101425E100000010000F22A"
)
CODEC_8_TWO = bytes.fromhex(
    "000000000000004308020000016B40D57B480100000000000000000000000000000001010101000000000000016B40D5C1980100000000"
    "00000000000000000000000101010101000000020000252C"
)
CODEC_8E = bytes.fromhex(
    "000000000000004A8E010000016B412CEE000100000000000000000000000000000000010005000100010100010011001D000100100"
    "15E2C880002000B000000003544C87A000E000000001DD7E06A00000100002994"
)
CODEC_16 = bytes.fromhex(
    "000000000000005F10020000016BDBC7833000000000000000000000000000000000000B05040200010000030002000B00270042563A00"
    "000000016BDBC7871800000000000000000000000000000000000B05040200010000030002000B00260042563A00000200005FB3"
)
PACKETS = [CODEC_8, CODEC_8_SHORT, CODEC_8_TWO, CODEC_8E, CODEC_16]
SIZES = {1: "B", 2: "H", 4: "I", 8: "Q"}


def context(**options: object) -> Context:
    profile = Profile(options=options)
    return Context(received_ms=T_MS, profile_at=lambda _source, _t_ms: profile)


PLAIN = context()


def record(
    io: dict[int, tuple[int, int]] | None = None,
    variable: dict[int, bytes] | None = None,
    satellites: int = 9,
    priority: int = 0,
    event: int = 0,
    t_ms: int = T_MS,
    heading: int = 270,
    speed_kmh: int = 36,
) -> bytes:
    """One record of Codec 8 Extended at 60.17 N, 24.94 W, 36 km/h; `io` is id -> (size in bytes, value)."""
    io, variable = io or {}, variable or {}
    raw = struct.pack(">QBiihHBH", t_ms, priority, -249_400_000, 601_700_000, -12, heading, satellites, speed_kmh)
    raw += struct.pack(">HH", event, len(io) + len(variable))
    for size, letter in SIZES.items():
        group = {each: value for each, (width, value) in io.items() if width == size}
        raw += struct.pack(">H", len(group))
        for each, value in group.items():
            raw += struct.pack(f">H{letter}", each, value % (1 << 8 * size))
    raw += struct.pack(">H", len(variable))
    return raw + b"".join(struct.pack(">HH", each, len(value)) + value for each, value in variable.items())


def block(*records: bytes) -> bytes:
    return bytes([0x8E, len(records)]) + b"".join(records) + bytes([len(records)])


def read_block(payload: bytes, told: Context) -> list[Said]:
    return singly(decode(payload, told))


def said_of(io: dict[int, tuple[int, int]], told: Context = PLAIN, **more: int) -> list[Said]:
    return read_block(block(record(io, **more)), told)


def attributes(said: list[Said]) -> dict[str, float | str]:
    return {e.values["key"]: e.values.get("num", e.values.get("txt")) for e in said if e.stream == "attr"}


def only(said: list[Said], stream: str) -> Said:
    (found,) = [each for each in said if each.stream == stream]
    return found


def read(whole: bytes) -> list[Said]:
    """Readings of a packet of the documentation, whose check sum is seen to be right first."""
    body = whole[8:-4]
    assert whole[:8] == bytes(4) + len(body).to_bytes(4, "big")
    assert whole[-4:] == crc16(body).to_bytes(4, "big")
    return read_block(body, PLAIN)


def test_codec_8_reads_as_documented() -> None:
    said = read(CODEC_8)
    assert {each.values["t"] for each in said} == {1_560_161_086_000}
    assert {each.stream for each in said} == {"attr"}  # no satellites, no position
    assert attributes(said) == {
        "satellites": 0,
        "priority": 1,
        "event_io": 1,
        "gsm": 3,
        "io1": 1,
        "external_v": 24.079,
        "io241": 24602,
        "io78": 0,
    }
    assert attributes(read(CODEC_8_SHORT))["external_v"] == 24.080


def test_two_records_of_one_packet_keep_their_own_times() -> None:
    times = [each.values["t"] for each in read(CODEC_8_TWO) if each.values["key"] == "io1"]
    assert times == [1_560_160_861_000, 1_560_160_879_000]


def test_codec_8_extended_reads_as_documented() -> None:
    told = attributes(read(CODEC_8E))
    assert told.pop("odo") == 22_949_000  # of a gps reading, if there had been a fix
    assert told.items() >= {"io1": 1, "io17": 29, "io11": 893_700_218, "io14": 500_686_954}.items()


def test_codec_16_reads_as_documented() -> None:
    said = read(CODEC_16)
    assert [e.values["num"] for e in said if e.values["key"] == "io11"] == [39, 38]
    assert attributes(said).items() >= {"event_io": 11, "generation": 5, "external_v": 22.074, "io3": 0}.items()


def test_a_fix_becomes_a_position_in_our_units() -> None:
    said = said_of({239: (1, 1), 16: (4, 123_456), 240: (1, 1), 67: (2, 4012), 181: (2, 12), 182: (2, 7)})
    position = only(said, "gps").values
    assert position.pop("spd") == pytest.approx(10.0)
    assert position == {
        "t": T_MS,
        "lat": 60.17,
        "lon": -24.94,
        "alt": -12,
        "hdg": 270,
        "ign": True,
        "odo": 123_456,
    }
    assert attributes(said) == {"satellites": 9, "movement": 1, "battery_v": 4.012, "pdop": 1.2, "hdop": 0.7}


def test_without_a_fix_the_ignition_and_the_odometer_are_kept_and_the_position_is_not() -> None:
    said = said_of({239: (1, 0), 16: (4, 5)}, satellites=0)
    assert [each.stream for each in said if each.stream == "gps"] == []
    assert attributes(said) == {"satellites": 0, "ign": 0, "odo": 5}


def test_a_battery_level_is_a_ratio_and_a_door_is_open_or_shut() -> None:
    said = said_of({113: (1, 67), 662: (1, 1)})
    assert only(said, "status").values == {"t": T_MS, "batt": 0.67}
    assert only(said, "door").values == {"t": T_MS, "open": True}
    assert only(said_of({662: (1, 0)}), "door").values["open"] is False


@pytest.mark.parametrize(
    ("number", "size", "sent", "probe", "temp_c"),
    [
        (72, 4, -185, "1", -18.5),
        (75, 2, 213, "4", 21.3),
        (72, 2, 850, "1", 85.0),
        (25, 2, -1850, "ble1", -18.5),
        (28, 2, 455, "ble4", 4.55),
        (10800, 2, -2001, "eye1", -20.01),
        (10803, 2, 423, "eye4", 4.23),
    ],
)
def test_each_kind_of_probe_has_its_scale_and_its_sign(number, size, sent, probe, temp_c) -> None:
    found = only(said_of({number: (size, sent)}), "temp")
    assert (found.values, found.flags) == ({"t": T_MS, "probe": probe, "c": temp_c}, 0)


def test_the_family_decides_between_tenths_and_hundredths() -> None:
    fmx6 = context(family="fmx6xx")
    assert only(said_of({26: (2, 45)}, fmx6), "temp").values["c"] == 4.5
    assert only(said_of({703: (2, -215)}, fmx6), "temp").values == {"t": T_MS, "probe": "ble3", "c": -21.5}
    assert attributes(said_of({703: (2, 45)}))["io703"] == 45


@pytest.mark.parametrize(
    ("options", "number", "sent", "fault"),
    [
        ({}, 25, 32767, "ble1 not found"),
        ({}, 26, 32766, "ble2 failed"),
        ({}, 10802, 32765, "eye3 abnormal"),
        ({}, 73, 3000, "2 not found"),
        ({"bt_faults": "4000"}, 25, 4000, "ble1 abnormal"),
        ({"bt_faults": "4000"}, 25, 3000, "ble1 not found"),
        ({"bt_faults": "4000"}, 25, 2000, "ble1 failed"),
        ({"bt_faults": "32767"}, 25, 32767, "ble1 not found"),
        ({"family": "fmx6xx"}, 25, 3000, "ble1 not found"),
        ({"family": "fmx6xx"}, 702, 4000, "ble2 abnormal"),
        ({}, 86, 65535, "ble1 humidity not found"),
    ],
)
def test_an_error_code_is_a_fault_and_never_a_temperature(options, number, sent, fault) -> None:
    said = said_of({number: (2, sent)}, context(**options))
    assert [each for each in said if each.stream == "temp"] == []
    assert attributes(said)["sensor_fault"] == fault


@pytest.mark.parametrize("sent", [2000, 3000, 4000])
def test_what_may_be_a_code_or_a_temperature_is_suspect_unless_the_profile_knows(sent) -> None:
    found = only(said_of({25: (2, sent), 86: (2, 500)}), "temp")
    assert found.values == {"t": T_MS, "probe": "ble1", "c": sent / 100, "rh": 50.0}
    assert found.flags == Flag.SUSPECT
    assert only(said_of({25: (2, sent)}, context(bt_faults="32767")), "temp").flags == 0


def test_humidity_goes_with_the_temperature_of_its_probe() -> None:
    said = said_of({10805: (1, 61), 104: (2, 555), 26: (2, 410), 10801: (2, 395)})
    assert [each.values for each in said if each.stream == "temp"] == [
        {"t": T_MS, "probe": "ble2", "c": 4.1, "rh": 55.5},
        {"t": T_MS, "probe": "eye2", "c": 3.95, "rh": 61},
    ]


def test_humidity_without_a_temperature_or_beyond_100_per_cent_is_a_note() -> None:
    assert attributes(said_of({104: (2, 555)}))["ble2_rh"] == 55.5
    said = said_of({25: (2, 410), 86: (2, 1200)})
    assert only(said, "temp").values == {"t": T_MS, "probe": "ble1", "c": 4.1}
    assert attributes(said)["ble1_rh"] == 120.0


def test_a_long_number_keeps_its_digits() -> None:
    told = attributes(said_of({78: (8, 0x0102030405060708), 11: (8, 893_700_218), 9: (2, 65535)}))
    assert (told["io78"], told["io11"], told["io9"]) == ("0102030405060708", 893_700_218, 65535)


def test_values_of_any_length_are_text_when_they_read_as_text() -> None:
    vin, list_385, nothing = b"WDB9634031L123456", bytes(range(20)), b""
    told = attributes(read_block(block(record(variable={256: vin, 385: list_385, 300: nothing})), PLAIN))
    assert (told["io256"], told["io385"], told["io300"]) == (vin.decode(), list_385.hex(), "-")


@pytest.mark.parametrize("raw", [b"", bytes(9)])
def test_a_probe_that_sends_something_else_than_a_number_is_not_at_0_degrees(raw) -> None:
    said = read_block(block(record(variable={25: raw})), PLAIN)
    assert [each for each in said if each.stream == "temp"] == []
    assert attributes(said)["io25_raw"] == (raw.hex() or "-")


def test_event_and_priority_are_noted_when_there_are_any() -> None:
    assert attributes(said_of({}, event=10800, priority=2)) == {"satellites": 9, "priority": 2, "event_io": 10800}
    assert attributes(said_of({})) == {"satellites": 9}


def test_two_records_of_the_same_moment_are_two() -> None:
    said = read_block(block(record({72: (2, 10)}), record({72: (2, 20)})), PLAIN)
    assert [each.values["c"] for each in said if each.stream == "temp"] == [1.0, 2.0]


def test_a_profile_overrules_the_table() -> None:
    profile = Profile(
        channels={"io72": Target("temp", "c", "rear"), "io1": Target("door", "open", "side"), "io240": None}
    )
    told = Context(received_ms=T_MS, profile_at=lambda _source, _t_ms: profile)
    said = said_of({72: (2, 45), 1: (1, 1), 240: (1, 1)}, told)
    assert only(said, "temp").values == {"t": T_MS, "probe": "rear", "c": 4.5}
    assert only(said, "door").values == {"t": T_MS, "door": "side", "open": True}
    assert attributes(said) == {"satellites": 9}
    assert attributes(said_of({72: (2, 3000)}, told))["sensor_fault"] == "rear not found"


def test_the_profile_of_the_records_own_moment_is_used() -> None:
    def profile_at(_source: str, t_ms: float | None) -> Profile:
        return Profile(options={"family": "fmx6xx"} if t_ms == T_MS else {})

    body = block(record({25: (2, 45)}), record({25: (2, 45)}, t_ms=T_MS + 1000))
    said = read_block(body, Context(received_ms=T_MS, profile_at=profile_at))
    assert [each.values["c"] for each in said if each.stream == "temp"] == [4.5, 0.45]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "malformed"),
        (b"\x08\x01", "malformed"),
        (b"\x0c\x01\x06\x00\x00\x00\x00\x01", "unknown_codec"),
        (CODEC_8[8:-5] + b"\x02", "malformed"),  # the second count differs
        (CODEC_8[8:-4] + b"\x00", "malformed"),
    ],
)
def test_a_block_that_does_not_add_up_is_refused(raw, reason) -> None:
    with pytest.raises(WireError) as refused:
        decode(raw, PLAIN)
    assert refused.value.reason == reason


def test_the_count_is_what_the_device_announced() -> None:
    assert [count(each[8:-4]) for each in PACKETS] == [1, 1, 2, 1, 2]
    with pytest.raises(WireError, match="0x0C"):
        count(b"\x0c\x01\x01")


def test_too_many_readings_are_refused_before_they_fill_the_memory() -> None:
    many = record(variable=dict.fromkeys(range(11_000), b""))
    with pytest.raises(WireError) as refused:
        decode(block(many), PLAIN)
    assert refused.value.reason == "too_large"


@pytest.mark.parametrize("whole", PACKETS, ids=lambda p: f"{p[8]:02x}-{len(p)}")
def test_no_truncated_block_is_read(whole) -> None:
    body = whole[8:-4]
    for end in range(len(body)):
        with pytest.raises(WireError):
            decode(body[:end], PLAIN)


@given(st.binary(max_size=120), st.sampled_from([b"", b"\x08\x01", b"\x8e\x01", b"\x10\x01"]))
@settings(deadline=None)
def test_no_bytes_do_more_than_be_refused(raw, head) -> None:
    with suppress(WireError):
        decode(head + raw, PLAIN)


@given(
    st.dictionaries(
        st.sampled_from([16, 25, 66, 72, 78, 86, 113, 239, 662, 701, 10800, 10804]) | st.integers(0, 65535),
        st.sampled_from([1, 2, 4, 8]).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, (1 << 8 * n) - 1))),
        max_size=8,
    ),
    st.sampled_from(["", "fmx6xx"]),
)
@settings(deadline=None)
def test_every_element_is_spoken_of_whatever_its_size_and_value(io, family) -> None:
    said = said_of(io, context(family=family))
    spoken = sum(len(each.values.keys() - {"t", "key", "probe", "lat", "lon", "alt", "hdg", "spd"}) for each in said)
    twice = len(io.keys() & {25, 701}) == 2 and family == "fmx6xx"  # two ids of one probe
    assert len(io) + 1 - twice <= spoken <= len(io) + 1
    assert {each.values["t"] for each in said} == {T_MS}


TARGETS = st.none() | st.sampled_from(
    [
        Target("attr", "name"),
        Target("gps", "odo", unit="km"),
        Target("gps", "hdg"),
        Target("gps", "ign"),
        Target("temp", "c", "rear"),
        Target("temp", "c", "rear", "F"),
        Target("temp", "rh", "rear"),
        Target("status", "batt", unit="%"),
        Target("status", "setpoint_c"),
        Target("status", "reefer"),
        Target("door", "open", "side"),
        Target("shelf", "kg", "A-1", "g"),
    ]
)
NAMES = st.sampled_from(["io16", "io25", "io72", "io86", "io239", "io1", "lat", "speed", "satellites", "event_io"])
IDS = st.sampled_from([1, 9, 16, 25, 66, 72, 86, 104, 113, 181, 239, 662, 701, 10800, 10804]) | st.integers(0, 65535)


@given(
    st.dictionaries(
        IDS,
        st.sampled_from([1, 2, 4, 8]).flatmap(
            lambda n: st.tuples(st.just(n), st.integers(0, 1) | st.integers(0, 300) | st.integers(0, (1 << 8 * n) - 1))
        ),
        max_size=8,
    ),
    st.dictionaries(NAMES, TARGETS, max_size=3),
    st.sampled_from(["", "fmx6xx"]),
    st.sampled_from([0, 9]),
    st.sampled_from([0, 1]),
    st.sampled_from([0, 11]),
    st.sampled_from([0, 270, 400]),
    st.sampled_from([0, 36, 65535]),
)
@settings(deadline=None, max_examples=examples(600))
def test_a_record_read_by_its_shape_says_what_it_says_element_by_element(
    io, channels, family, satellites, priority, event, heading, speed_kmh
) -> None:
    profile = Profile(channels=channels, options={"family": family})
    told = Context(received_ms=T_MS, profile_at=lambda _source, _t_ms: profile)
    one = record(io, None, satellites, priority, event, T_MS, heading, speed_kmh)
    assert repr(sound(singly(decode(block(one), told)))) == repr(sound(plainly(one, told)))


def plainly(one: bytes, told: Context) -> list[Said]:
    return teltonika.record(Cursor(one, 0), LAYOUTS[0x8E], told)


def sound(said: list[Said]) -> list[tuple[str, list[tuple[str, object]], int]]:
    """What is said by stream, whole numbers as fractions, for they end in the same columns."""
    found = [
        (e.stream, sorted((k, float(v) if type(v) is int else v) for k, v in e.values.items()), e.flags) for e in said
    ]
    return sorted(found, key=lambda each: each[0])


@pytest.mark.parametrize("whole", PACKETS, ids=lambda p: f"{p[8]:02x}-{len(p)}")
def test_the_documentations_records_are_read_by_their_shapes_too(whole, monkeypatch) -> None:
    body = whole[8:-4]
    at_once = singly(decode(body, PLAIN))
    monkeypatch.setattr(teltonika, "shape_of", lambda *_: None)
    assert sound(at_once) == sound(decode(body, PLAIN))


def test_many_shapes_do_not_fill_the_memory(monkeypatch) -> None:
    monkeypatch.setattr(teltonika_shapes, "SHAPES_KEPT", 3)
    for number in range(10):
        said_of({number: (1, 1)})
        one = bytearray(record({1: (1, 1)}))
        one[26:28] = number.to_bytes(2, "big")  # a count of all elements that nobody goes by
        assert attributes(read_block(block(bytes(one)), PLAIN))["io1"] == 1
    assert len(teltonika_shapes._shapes) <= 3
    assert len(teltonika_shapes._latest) <= 3
