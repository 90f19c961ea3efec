"""Foreign payloads to readings: captured messages with what they say, and rubbish that must only ever be refused."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import cbor2
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.names import TopicError, parse_topic
from domain.readings import Flag
from domain.wire import osmand, owntracks, ruuvi, senml, teltonika
from domain.wire.formats import FORMATS
from domain.wire.native import decode
from domain.wire.said import REFUSED, Context, Said, WireError
from domain.wire.sparkplug import Sparkplug
from domain.wire.teltonika_frames import Framer, Imei, KeepAlive, Packet, crc16, parse_datagram
from tests.unit.wire import mangle
from tests.unit.wire.speakers import singly
from tests.unit.wire.test_lorawan import CHIRPSTACK, TTS

NOW = Context(received_ms=1_750_000_000_000)
OWNTRACKS = b'{"_type":"location","tst":1700000000,"lat":60.17,"lon":24.94,"acc":5,"vel":36,"cog":270,"batt":67}'
RAWV2 = "0512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F"  # the documentation's valid vector
RUUVI = orjson.dumps(
    {"gw_mac": "AA:BB:CC:DD:EE:FF", "rssi": -60, "ts": "1700000000", "data": "0201061BFF9904" + RAWV2, "coords": ""}
)
SENML = (
    b'[{"bn":"urn:dev:ow:10e2073a01080063:","bt":1.7e9,"n":"temperature","u":"Cel","v":4.5},'
    b'{"n":"voltage","u":"V","v":3.1}]'
)
CODEC_8 = "08010000016B40D8EA30010000000000000000000000000000000105021503010101425E0F01F10000601A014E000000000000000001"
SPARKPLUG_TOPIC = ("spBv1.0", "main", "NBIRTH", "edge-1")


def values(said: list[Said], stream: str) -> list[dict[str, object]]:
    return [each.values for each in said if each.stream == stream]


# ---------------------------------------------------------------- protobuf, as an edge node writes it
def varint(value: int) -> bytes:
    out = bytearray()
    while True:
        value, low = value >> 7, value & 127
        out.append(low | (128 if value else 0))
        if not value:
            return bytes(out)


def field(number: int, value: bytes | float) -> bytes:
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    return varint(number << 3) + varint(value)


def metric(
    name: str = "", alias: int = 0, value: float = 0.0, t_ms: int = 1_700_000_000_000, more: bytes = b""
) -> bytes:
    named = field(1, name.encode()) if name else b""
    return field(2, named + field(2, alias) + field(3, t_ms) + field(4, 10) + more + field(13, value))


def payload(seq: int, *metrics: bytes) -> bytes:
    return field(1, 1_700_000_000_500) + b"".join(metrics) + field(3, seq)


def sparkplug(*levels: str) -> Context:
    return Context(NOW.received_ms, ("spBv1.0", "main", *levels))


BIRTH = payload(0, metric("temperature", 7, 4.0))


# ---------------------------------------------------------------- what they say
def test_owntracks_speaks_kilometres_per_hour_and_per_cent() -> None:
    said = owntracks.decode(OWNTRACKS, NOW)
    (fix,) = values(said, "gps")
    assert fix["spd"] == pytest.approx(10)
    assert {k: fix[k] for k in ("t", "lat", "lon", "acc", "hdg")} == {
        "t": 1_700_000_000_000, "lat": 60.17, "lon": 24.94, "acc": 5, "hdg": 270,
    }  # fmt: skip
    assert values(said, "status")[0]["batt"] == pytest.approx(0.67)


def test_an_encrypted_owntracks_message_is_refused_with_a_reason() -> None:
    with pytest.raises(WireError) as refused:
        owntracks.decode(b'{"_type":"encrypted","data":"abc"}', NOW)
    assert refused.value.reason == "encrypted"


def test_osmand_speaks_knots_in_its_query_and_metres_per_second_in_json() -> None:
    (fix,) = values(osmand.decode(b"id=1&timestamp=1700000000&lat=60&lon=30&speed=10&bearing=90", NOW), "gps")
    assert fix["spd"] == pytest.approx(5.14444, abs=1e-4)
    coords = {"latitude": 60.0, "longitude": 30.0, "speed": 10, "heading": -1}
    location = {"timestamp": "2025-06-15T13:45:12Z", "coords": coords}
    (fix,) = values(osmand.decode(orjson.dumps({"device_id": "1", "location": location}), NOW), "gps")
    assert (fix["spd"], "hdg" in fix) == (10, False)


def test_a_local_time_without_a_zone_is_not_guessed() -> None:
    with pytest.raises(WireError) as refused:
        osmand.decode(b"id=1&lat=1&lon=2&timestamp=2014-06-04+09%3A10%3A11", NOW)
    assert refused.value.reason == "no_zone"


def test_the_device_of_an_osmand_request_is_read_before_it() -> None:
    assert osmand.device_id(b"lat=1&lon=2&deviceid=77", "") == "77"
    assert osmand.device_id(b'{"device_id":"a"}', "application/json") == "a"


def test_senml_says_the_same_in_json_and_cbor() -> None:
    as_cbor = [
        {-2: "urn:dev:ow:10e2073a01080063:", -3: 1.7e9, 0: "temperature", 1: "Cel", 2: 4.5},
        {0: "voltage", 1: "V", 2: 3.1},
    ]
    for raw in (SENML, cbor2.dumps(as_cbor)):
        said = senml.decode(raw, NOW)
        (warm,) = values(said, "temp")
        assert (warm["t"], warm["c"]) == (1_700_000_000_000, 4.5)
        assert {each.source for each in said} == {"urn:dev:ow:10e2073a01080063"}
        assert values(said, "attr")[0]["num"] == pytest.approx(3.1)


def test_a_relative_senml_time_is_the_servers_and_says_so() -> None:
    (said,) = senml.decode(b'[{"n":"temperature","u":"Cel","t":-5,"v":4.5}]', NOW)
    assert said.values["t"] == NOW.received_ms - 5_000
    assert said.flags & Flag.SERVER_TIME


def test_the_ruuvi_vector_reads_as_documented() -> None:
    found = ruuvi.parse(bytes.fromhex(RAWV2))
    assert (found.temperature_c, found.humidity_pct) == (pytest.approx(24.3), pytest.approx(53.49))
    said = ruuvi.decode(RUUVI, Context(NOW.received_ms, ("gw", "CB:B8:33:4C:88:4F")))
    (warm,) = values(said, "temp")
    assert (warm["c"], warm["rh"]) == (pytest.approx(24.3), pytest.approx(53.49))
    assert {each.source for each in said} == {"CB:B8:33:4C:88:4F"}


def test_sparkplug_knows_a_metric_by_its_alias_after_the_birth() -> None:
    node = Sparkplug()
    assert values(node.decode(BIRTH, sparkplug("NBIRTH", "edge-1")), "temp")[0]["c"] == 4.0
    said = node.decode(payload(1, metric(alias=7, value=5.5)), sparkplug("NDATA", "edge-1"))
    assert values(said, "temp")[0]["c"] == 5.5
    assert node.replies == []


def test_sparkplug_data_before_a_birth_ask_for_one_once() -> None:
    node = Sparkplug()
    for _ in range(3):
        with pytest.raises(WireError) as refused:
            node.decode(payload(1, metric(alias=7, value=5.5)), sparkplug("NDATA", "edge-1"))
        assert refused.value.reason == "no_birth"
    assert [topic for topic, _ in node.replies] == ["spBv1.0/main/NCMD/edge-1"]
    assert b"Node Control/Rebirth" in node.replies[0][1]


def test_data_behind_a_gap_in_the_sparkplug_sequence_wait_for_the_birth_that_is_asked_for() -> None:
    node = Sparkplug()
    node.decode(BIRTH, sparkplug("NBIRTH", "edge-1"))
    with pytest.raises(WireError, match="messages before it are missing"):
        node.decode(payload(3, metric(alias=7, value=6.0)), sparkplug("NDATA", "edge-1"))
    assert len(node.replies) == 1


def test_what_sparkplug_kept_while_offline_is_marked_historical() -> None:
    old = metric("temperature", 7, 4.0, more=field(5, 1))
    (said,) = [s for s in Sparkplug().decode(payload(0, old), sparkplug("NBIRTH", "edge-1")) if s.stream == "temp"]
    assert said.flags & Flag.HISTORICAL


def test_teltonikas_own_example_has_a_right_checksum_and_reads_as_documented() -> None:
    block = bytes.fromhex(CODEC_8)
    assert crc16(block) == 0xC7CF
    assert teltonika.count(block) == 1
    said = singly(teltonika.decode(block, NOW))
    assert values(said, "gps") == []  # no satellite, no position
    assert {each.values["t"] for each in said} == {1_560_161_086_000}
    told = {v["key"]: v.get("num", v.get("txt")) for v in values(said, "attr")}
    assert told["external_v"] == pytest.approx(24.079)


def test_a_teltonika_stream_cut_anywhere_gives_the_same_packets() -> None:
    block = bytes.fromhex(CODEC_8)
    whole = bytes(4) + len(block).to_bytes(4, "big") + block + crc16(block).to_bytes(4, "big")
    stream = b"\x00\x0f356307042441013" + whole + b"\xff" + whole
    expected = [Imei, Packet, KeepAlive, Packet]
    for cut in range(len(stream)):
        framer = Framer()
        events = [*framer.feed(stream[:cut]), *framer.feed(stream[cut:])]
        assert [type(event) for event in events] == expected


def test_every_bit_flip_of_a_teltonika_block_breaks_its_checksum() -> None:
    block = bytes.fromhex(CODEC_8)
    for at in range(len(block) * 8):
        flipped = bytearray(block)
        flipped[at // 8] ^= 1 << at % 8
        assert crc16(bytes(flipped)) != 0xC7CF


def test_foreign_topics_name_the_device_and_hand_on_the_rest() -> None:
    found = parse_topic(b"owntracks/main/phone-1/event", FORMATS)
    assert (found.tenant, found.device, found.format) == ("main", "phone-1", "owntracks")
    found = parse_topic(b"spBv1.0/main/DDATA/edge-1/probe", FORMATS)
    assert (found.device, found.rest[-1]) == ("edge-1", "probe")
    with pytest.raises(TopicError):
        parse_topic(b"fw/v1/main/gps-1/gps/deeper", FORMATS)


@pytest.mark.parametrize("protocol", ["owntracks", "osmand"])
def test_recorded_messages_of_real_devices_decode(protocol: str, shared_data: Path) -> None:
    read = {"owntracks": owntracks.decode, "osmand": osmand.decode}[protocol]
    lines = [json.loads(line) for line in (shared_data / "devices" / "tracker_messages.jsonl").read_text().splitlines()]
    mine = [line for line in lines if line["protocol"] == protocol]
    assert mine
    for line in mine:
        raw = line["payload"].removeprefix("/Content-Typeapplication/json").lstrip("/?").encode()
        if b"timestamp=2014-06-04+" in raw:
            raw += b"Z"  # a time without a zone, which a device's option would tell
            raw = raw.replace(b"&altitude", b"Z&altitude", 1).removesuffix(b"Z")
        said = read(raw, NOW)
        if line["verify"] == "verifyPosition":
            assert len(values(said, "gps")) == 1, line
        if "attribute" in line:
            told = {v["key"]: v.get("num", v.get("txt")) for v in values(said, "attr")}
            assert told[line["attribute"]] == float(line["value"].rstrip("L"))


# ---------------------------------------------------------------- rubbish
SAMPLES = {
    "owntracks": OWNTRACKS,
    "osmand": b"id=1&timestamp=1700000000&lat=60&lon=30&speed=10&batt=50&x=y",
    "senml": SENML,
    "ruuvi": RUUVI,
    "ble": b'{"id":"A4:C1:38:56:53:84","servicedatauuid":"0xfcd2","servicedata":"4002C40903BF13","rssi":-60}',
    "sparkplug": BIRTH,
    "teltonika": bytes.fromhex(CODEC_8),
    "thingsboard": b'{"Room 7":[{"ts":1700000000000,"values":{"temperature":4.5,"door":true}}]}',
    "tts": orjson.dumps(TTS),
    "chirpstack": orjson.dumps(CHIRPSTACK | {"object": {"temperature": 4.5}}),
    "traccar": b'{"position":{"fixTime":"2026-11-28T21:05:40Z","valid":true,"latitude":60.1,"longitude":24.9,'
    b'"attributes":{"temp1":4.5,"ignition":true}},"event":{"type":"alarm"},"device":{"uniqueId":"868"}}',
    "flespi": b'[{"ident":"868","timestamp":1700000000.5,"position.latitude":60.1,"position.longitude":24.9,'
    b'"sensor.temperature.1":4.5,"door":true}]',
    "telegraf": b'{"metrics":[{"name":"reefer","tags":{"probe":"rear","device_id":"868"},"timestamp":1700000000,'
    b'"fields":{"temperature":4.5,"door":true}}]}',
    "reads": b'[{"type":"SIMPLE","timestamp":"2026-11-30T10:00:00.123+0200","data":[{"idHex":"3034257BF7","antenna":2,'
    b'"peakRssi":-55}]},{"eventType":"tagInventory","tagInventoryEvent":{"epc":"MDQle/cZ","peakRssiCdbm":-5550}}]',
}


def read(name: str, raw: bytes) -> None:
    """Reads it and lets the readings through the checks of native ones; a refusal is as good."""
    topic = SPARKPLUG_TOPIC if name == "sparkplug" else ()
    try:
        said = FORMATS[name]()(raw, Context(NOW.received_ms, topic))
    except WireError:
        return
    for each in said:
        if each.stream != REFUSED:
            decode(each.stream, [], [(0, each)])


def test_each_format_has_a_sample_and_each_sample_reads() -> None:
    assert set(SAMPLES) == set(FORMATS)
    for name, raw in SAMPLES.items():
        assert FORMATS[name]()(raw, Context(NOW.received_ms, SPARKPLUG_TOPIC if name == "sparkplug" else ()))


@pytest.mark.parametrize("name", list(SAMPLES))
def test_every_truncation_and_every_bit_flip_is_read_or_refused(name: str) -> None:
    raw = SAMPLES[name]
    for broken in mangle.mangled(raw):
        read(name, broken)


@pytest.mark.parametrize("name", list(SAMPLES))
@given(raw=st.binary(max_size=300))
@settings(deadline=None)
def test_arbitrary_bytes_are_read_or_refused(name: str, raw: bytes) -> None:
    read(name, raw)
    if raw:
        with pytest.raises(WireError):
            teltonika.decode(b"\xee" + raw, NOW)


@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in {"sparkplug", "teltonika"}])
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
        | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["_type", "lat", "lon", "tst", "n", "v", "u", "t", "bn", "location", "coords", "data"]),
            inner, max_size=4,
        ),
        max_leaves=12,
    )
)  # fmt: skip
@settings(deadline=None)
def test_arbitrary_json_is_read_or_refused(name: str, value: object) -> None:
    read(name, json.dumps(value).encode())


def test_a_datagram_that_is_cut_is_refused() -> None:
    for end in range(20):
        with pytest.raises(WireError):
            parse_datagram(bytes(range(end)))
