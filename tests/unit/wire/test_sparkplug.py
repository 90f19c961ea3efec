"""Sparkplug B: names come with births, gaps and unknown names ask for a rebirth, nothing broken crashes the decoder."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.profiles import Profile, Target
from domain.readings import Flag
from domain.wire import protobuf
from domain.wire.said import Context, Said, WireError
from domain.wire.sparkplug import OwnMemory, Sparkplug, parse

T = 1_700_000_000_000
INT8, INT16, INT32, INT64, UINT8, UINT32, FLOAT, DOUBLE, BOOLEAN, STRING, DATETIME = 1, 2, 3, 4, 5, 7, 9, 10, 11, 12, 13


def fixed(number, wire, layout, value):
    return protobuf.varint(number << 3 | wire) + struct.pack(layout, value)


def value_field(datatype, value):
    if datatype == FLOAT:
        return fixed(12, protobuf.FIXED32, "<f", value)
    if datatype == DOUBLE:
        return fixed(13, protobuf.FIXED64, "<d", value)
    if datatype == BOOLEAN:
        return protobuf.field(14, int(value))
    if datatype == STRING:
        return protobuf.field(15, value.encode())
    return protobuf.field(11 if datatype in (INT64, 8, DATETIME) else 10, value)


def encode_metric(name="", value=None, datatype=DOUBLE, *, alias=None, t=None, unit="", typed=True, flags=b""):
    out = protobuf.field(1, name.encode()) if name else b""
    out += protobuf.field(2, alias) if alias is not None else b""
    out += protobuf.field(3, t) if t is not None else b""
    out += (protobuf.field(4, datatype) if typed else b"") + flags
    if unit:
        said = protobuf.field(1, STRING) + protobuf.field(8, unit.encode())
        out += protobuf.field(9, protobuf.field(1, b"engUnit") + protobuf.field(2, said))
    return out + (value_field(datatype, value) if value is not None else b"")


def encode_payload(*metrics, seq=0, t=T):
    out = protobuf.field(1, t) if t is not None else b""
    out += b"".join(protobuf.field(2, metric) for metric in metrics)
    return out + (protobuf.field(3, seq) if seq is not None else b"")


HISTORICAL, NULL = protobuf.field(5, 1), protobuf.field(7, 1)
BD_SEQ = encode_metric("bdSeq", 7, INT64)
# DBIRTH and DDATA of one metric, byte by byte: field 1 timestamp, 2 metric, 3 seq.
BIRTH = bytes.fromhex(
    "0880d095ffbc31"  # timestamp T
    "122e"  # a metric of 46 bytes
    "0a0b54656d7065726174757265"  # name Temperature
    "100a"
    "200a"  # alias 10, datatype Double
    "4a12"
    "0a07656e67556e6974"
    "1207"
    "080c"
    "4203c2b043"  # properties: engUnit is the String °C
    "690000000000001240"  # double 4.5
    "1801"  # seq 1
)
DATA = bytes.fromhex(
    "0880d095ffbc31"
    "1214"
    "100a"
    "1885d095ffbc31"
    "2801"  # alias 10, timestamp T + 5, historical
    "6900000000004032c0"  # double -18.25
    "1802"
)


def node_birth(*metrics):
    return encode_payload(BD_SEQ, *metrics, seq=0)


def heard(decoder, kind, payload, now=T, device=None, profile=None, node="edge"):
    topic = ("spBv1.0", "cold", kind, node, *([device] if device else []))
    context = Context(now, topic, profile_at=lambda _s, _t: profile or Profile())
    return decoder.decode(payload, context)


@pytest.fixture
def decoder():
    """An edge node `edge` with the device `truck-1`, both born."""
    made = Sparkplug()
    heard(made, "NBIRTH", node_birth(encode_metric("Uptime", 5, INT64, alias=1)))
    born = encode_payload(
        encode_metric("Temperature", 4.5, alias=10, unit="°C"),
        encode_metric("Humidity", 60.0, alias=11, unit="%RH"),
        encode_metric("Level", 0, INT16, alias=12),
        seq=1,
    )
    heard(made, "DBIRTH", born, device="truck-1")
    return made


def reason(call, *args, **more):
    with pytest.raises(WireError) as caught:
        call(*args, **more)
    return caught.value.reason


def refused(said):
    (one,) = [each for each in said if each.stream == "refused"]
    return one.values["reason"]


def temperature(value, t=T, flags=0, source="truck-1"):
    return Said("temp", {"t": t, "c": value}, source, flags)


def data(*metrics, seq=2):
    return encode_payload(*(metrics or (encode_metric(alias=10, value=5.0, typed=False),)), seq=seq)


def test_payloads_written_byte_by_byte_are_read_exactly(decoder):
    assert encode_payload(encode_metric("Temperature", 4.5, alias=10, unit="°C"), seq=1) == BIRTH
    assert parse(BIRTH).metrics[0][:5] == ("Temperature", 10, None, DOUBLE, False)
    assert heard(decoder, "DBIRTH", BIRTH, device="truck-1") == [temperature(4.5)]
    assert heard(decoder, "DDATA", DATA, device="truck-1") == [temperature(-18.25, T + 5, Flag.HISTORICAL)]
    assert decoder.replies == []


def test_a_birth_is_read_like_data_and_humidity_goes_with_the_temperature():
    decoder = Sparkplug()
    assert heard(decoder, "NBIRTH", node_birth(encode_metric("Uptime", 5, INT64))) == [
        Said("attr", {"t": T, "key": "Uptime", "num": 5.0})
    ]
    metrics = encode_metric("Temperature", 39.2, unit="°F"), encode_metric("Humidity", 61.0)
    said = heard(decoder, "DBIRTH", encode_payload(*metrics, seq=1), device="truck-1")
    assert [(s.stream, s.values["rh"], round(s.values["c"], 6)) for s in said] == [("temp", 61.0, 4.0)]


def test_bookkeeping_and_command_handles_are_no_readings(decoder):
    handle = encode_metric("Node Control/Rebirth", False, BOOLEAN)
    assert heard(decoder, "NBIRTH", node_birth(handle)) == []


def test_the_unit_of_the_birth_holds_for_data_and_a_profile_overrules_name_and_unit(decoder):
    born = encode_payload(encode_metric("T1", 0.0, alias=20, unit="deg C"), seq=2)
    assert heard(decoder, "DBIRTH", born, device="truck-1")[0].stream == "attr"
    profile = Profile(channels={"T1": Target("temp", "c", "rear", "°F")})
    said = heard(decoder, "DDATA", data(encode_metric(alias=20, value=32.0), seq=3), device="truck-1", profile=profile)
    assert [(s.stream, s.values["probe"], round(s.values["c"], 9)) for s in said] == [("temp", "rear", 0.0)]


def test_a_unit_nobody_knows_is_refused_but_the_birth_holds(decoder):
    born = encode_payload(encode_metric("Temperature", 1.0, alias=10, unit="hot"), seq=2)
    (refused,) = heard(decoder, "DBIRTH", born, device="truck-1")
    assert (refused.source, refused.values["reason"]) == ("truck-1", "unit")
    profile = Profile(channels={"Temperature": Target("temp", "c", unit="°C")})
    assert heard(decoder, "DDATA", data(seq=3), device="truck-1", profile=profile) == [temperature(5.0)]
    assert decoder.replies == []


def test_a_metric_without_a_time_has_that_of_the_payload_and_a_payload_without_one_has_none(decoder):
    metric = encode_metric(alias=10, value=5.0)
    assert heard(decoder, "DDATA", encode_payload(metric, seq=2, t=T + 9), device="truck-1") == [
        temperature(5.0, T + 9)
    ]
    said = heard(decoder, "DDATA", encode_payload(metric, seq=3, t=None), device="truck-1")
    assert said == [Said("temp", {"c": 5.0}, "truck-1")]


def test_null_metrics_are_skipped_but_define_their_alias(decoder):
    born = encode_payload(encode_metric("Temperature", alias=10, flags=NULL), seq=2)
    assert heard(decoder, "DBIRTH", born, device="truck-1") == []
    assert heard(decoder, "DDATA", data(seq=3), device="truck-1") == [temperature(5.0)]


@pytest.mark.parametrize(
    ("datatype", "sent", "meant"),
    [
        (INT8, 0xFE, -2),
        (INT8, 0xFFFFFFFE, -2),
        (INT8, 127, 127),
        (INT16, 0xFFFF, -1),
        (INT16, 0xFFFFFFFF, -1),
        (INT32, 0x80000000, -(2**31)),
        (INT32, 2**64 - 5, -5),
        (INT64, 2**64 - 1, -1),
        (UINT8, 255, 255),
        (UINT32, 0xFFFFFFFF, 2**32 - 1),
        (BOOLEAN, True, 1),
        (FLOAT, 0.5, 0.5),
    ],
)
def test_whole_numbers_are_what_their_type_says(decoder, datatype, sent, meant):
    metric = encode_metric("Reading", sent, datatype)
    assert heard(decoder, "DDATA", data(metric), device="truck-1")[0].values["num"] == meant


def test_a_type_of_the_birth_gives_a_bare_alias_its_sign(decoder):
    metric = protobuf.field(2, 12) + protobuf.field(10, 0xFFFF)
    assert heard(decoder, "DDATA", data(metric), device="truck-1")[0].values == {"t": T, "key": "Level", "num": -1.0}


@pytest.mark.parametrize(("datatype", "sent"), [(INT8, 300), (INT16, 2**31), (UINT8, 256), (UINT32, 2**32)])
def test_a_number_that_does_not_fit_its_type_is_refused(decoder, datatype, sent):
    assert (
        refused(heard(decoder, "DDATA", data(encode_metric("Reading", sent, datatype)), device="truck-1")) == "invalid"
    )


def test_a_whole_number_of_no_known_type_is_refused(decoder):
    metric = encode_metric("Reading", 5, INT32, typed=False)
    assert refused(heard(decoder, "DDATA", data(metric), device="truck-1")) == "no_type"
    assert decoder.replies == []


def test_a_metric_that_cannot_be_read_costs_itself_and_its_message_is_kept(decoder):
    bad = [
        encode_metric("Reading", 300, INT8),
        protobuf.field(1, b"Table") + protobuf.field(4, 16) + protobuf.field(17, b"abc"),
        protobuf.field(1, b"Recipe") + protobuf.field(4, 19) + protobuf.field(18, b"abcd"),
        encode_metric(None, 1.0),
    ]
    for metric in bad:
        metrics = (encode_metric(alias=10, value=5.0, typed=False), metric)
        good, kept = heard(decoder, "DDATA", data(*metrics), device="truck-1")
        assert good == temperature(5.0)
        assert (kept.stream, kept.source) == ("refused", "truck-1")


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        (encode_metric("Battery", "full", STRING), "full"),
        (encode_metric("Temperature", T, DATETIME), "2023-11-14T22:13:20.000Z"),
    ],
)
def test_texts_and_times_are_attributes(decoder, metric, text):
    (said,) = heard(decoder, "DDATA", data(metric), device="truck-1")
    assert (said.stream, said.values["txt"]) == ("attr", text)


@pytest.mark.parametrize(
    ("name", "text", "stream", "key", "value"),
    [
        ("Temperature", "-4.5", "temp", "c", -4.5),
        ("Temperature", "-4,5", "temp", "c", -4.5),
        ("Temperature", " 4.50 °C", "temp", "c", 4.5),
        ("Battery", "87 %", "status", "batt", 0.87),
        ("Door", "open", "attr", "txt", "open"),
        ("Temperature", "sensor lost", "attr", "txt", "sensor lost"),
        ("Recipe", "3.1b", "attr", "txt", "3.1b"),
    ],
)
def test_a_number_written_as_text_is_the_number_and_a_word_a_note(decoder, name, text, stream, key, value):
    (said,) = heard(decoder, "DDATA", data(encode_metric(name, text, STRING)), device="truck-1")
    assert (said.stream, said.values[key]) == (stream, pytest.approx(value) if key != "txt" else value)


@pytest.mark.parametrize("text", ["4.5.1", "-0-.5", "5..0"])
def test_a_text_with_digits_that_is_no_number_is_refused_under_the_devices_name(decoder, text):
    metrics = (encode_metric("Humidity", 60.0, DOUBLE), encode_metric("Temperature", text, STRING))
    found = heard(decoder, "DDATA", data(*metrics), device="truck-1")
    assert refused(found) == "invalid"
    assert found[-1].source == "truck-1"
    assert all("txt" not in s.values for s in found)


@pytest.mark.parametrize(("kind", "device"), [("NDATA", None), ("DDATA", "truck-9")])
def test_data_before_a_birth_wait_and_a_rebirth_is_asked_for_once_in_a_while(kind, device):
    decoder = Sparkplug()
    for now in (T, T + 4_999):
        assert reason(heard, decoder, kind, data(), now, device) == "no_birth"
    assert decoder.replies == [("spBv1.0/cold/NCMD/edge", decoder.replies[0][1])]
    asked = parse(decoder.replies[0][1])
    assert [(m.name, m.datatype, m.value) for m in asked.metrics] == [("Node Control/Rebirth", BOOLEAN, True)]
    assert asked.t_ms == T
    assert reason(heard, decoder, kind, data(), T + 5_000, device) == "no_birth"
    assert reason(heard, decoder, kind, data(), T + 5_000, device, node="other") == "no_birth"
    assert [topic for topic, _ in decoder.replies[1:]] == ["spBv1.0/cold/NCMD/edge", "spBv1.0/cold/NCMD/other"]


def test_an_alias_nobody_defined_asks_for_a_rebirth(decoder):
    metrics = encode_metric(alias=10, value=5.0), encode_metric(alias=99, value=1.0)
    assert reason(heard, decoder, "DDATA", data(*metrics), device="truck-1") == "no_birth"
    assert len(decoder.replies) == 1


def test_an_alias_two_metrics_share_stands_for_neither(decoder):
    born = encode_payload(encode_metric("A", 1.0, alias=0), encode_metric("B", 2.0, alias=0), seq=2)
    heard(decoder, "DBIRTH", born, device="truck-1")
    assert (
        refused(heard(decoder, "DDATA", data(encode_metric(alias=0, value=3.0), seq=3), device="truck-1"))
        == "malformed"
    )
    assert heard(decoder, "DDATA", data(encode_metric("A", 3.0), seq=4), device="truck-1")[0].values["num"] == 3.0
    assert decoder.replies == []


def test_sequence_numbers_wrap_and_the_same_one_again_is_no_gap(decoder):
    for seq in [*range(2, 256), 255, 0, 0, 1]:
        assert heard(decoder, "DDATA", data(seq=seq), device="truck-1") == [temperature(5.0)]
    assert decoder.replies == []


def test_after_a_gap_data_wait_and_a_rebirth_is_asked_for_until_it_comes(decoder):
    assert reason(heard, decoder, "DDATA", data(seq=4), device="truck-1") == "no_birth"
    for now in (T + 100, T + 6_000):
        assert reason(heard, decoder, "DDATA", data(seq=5), now, "truck-1") == "no_birth"
    assert len(decoder.replies) == 2
    heard(decoder, "NBIRTH", encode_payload(BD_SEQ, seq=0, t=T + 6_100), T + 6_100)
    assert heard(decoder, "DDATA", data(seq=4), T, "truck-1") == [temperature(5.0)]  # of the same session: read


def test_what_was_missing_comes_after_all_and_what_waited_is_read(decoder):
    assert reason(heard, decoder, "DDATA", data(seq=3), device="truck-1") == "no_birth"
    assert heard(decoder, "DDATA", data(seq=2), device="truck-1") == [temperature(5.0)]
    assert heard(decoder, "DDATA", data(seq=3), device="truck-1") == [temperature(5.0)]


def test_a_new_session_of_the_node_ends_the_numbers_of_its_devices(decoder):
    other = encode_payload(encode_metric("bdSeq", 8, INT64), seq=0, t=T + 10)
    heard(decoder, "NBIRTH", other, T + 10)
    late = encode_payload(encode_metric(alias=10, value=5.0, typed=False), seq=1, t=T + 11)
    assert reason(heard, decoder, "DDATA", late, T + 11, device="truck-1") == "no_birth"
    assert heard(decoder, "DDATA", data(seq=2), device="truck-1") == [temperature(5.0)]  # one of before


def test_a_node_that_never_answers_is_read_by_its_last_birth_after_a_while_and_that_is_doubted(decoder):
    asked = data(seq=9)
    assert reason(heard, decoder, "DDATA", asked, device="truck-1") == "no_birth"
    decoder.memory.now_ms = lambda _: T + 60_000
    assert heard(decoder, "DDATA", asked, device="truck-1") == [temperature(5.0, flags=int(Flag.SUSPECT))]


def test_a_device_may_be_born_before_its_node_was_heard():
    decoder = Sparkplug()
    assert heard(decoder, "DBIRTH", BIRTH, device="truck-1") == [temperature(4.5)]
    assert heard(decoder, "DDATA", DATA, device="truck-1") != []
    assert len(decoder.replies) == 1


@pytest.mark.parametrize("seq", [0, 1, 40, 254, 255])
def test_a_birth_may_have_any_sequence_number_and_counting_goes_on_from_it(seq):
    decoder = Sparkplug()
    heard(decoder, "NBIRTH", encode_payload(BD_SEQ, encode_metric("Temperature", 4.0, alias=10), seq=seq))
    for n in range(1, 4):
        assert heard(decoder, "NDATA", data(seq=(seq + n) % 256)) == [temperature(5.0, source="")]
    assert decoder.replies == []


def test_a_death_is_an_attribute_and_ends_the_names(decoder):
    death = encode_payload(seq=2, t=T)
    assert heard(decoder, "DDEATH", death, device="truck-1") == [
        Said("attr", {"t": T, "key": "death", "txt": "DDEATH"}, "truck-1")
    ]
    assert reason(heard, decoder, "DDATA", data(seq=3), device="truck-1") == "no_birth"


def test_the_death_of_a_node_has_no_time_because_its_will_is_old(decoder):
    assert heard(decoder, "NDEATH", encode_payload(BD_SEQ, seq=None)) == [
        Said("attr", {"key": "death", "txt": "NDEATH"})
    ]
    assert reason(heard, decoder, "NDATA", data(seq=2)) == "no_birth"


def test_the_will_of_an_earlier_connection_is_ignored(decoder):
    assert heard(decoder, "NDEATH", encode_payload(encode_metric("bdSeq", 6, INT64), seq=None)) == []
    assert heard(decoder, "DDATA", data(), device="truck-1") == [temperature(5.0)]


@pytest.mark.parametrize(
    "topic",
    [("spBv1.0", "STATE", "host"), ("spBv1.0", "g", "NCMD", "e"), ("spBv1.0", "g", "DCMD", "e", "d")],
)
def test_commands_and_host_states_say_nothing(topic):
    assert Sparkplug().decode(b"{not protobuf", Context(T, topic)) == []


@pytest.mark.parametrize(
    "topic",
    [
        (),
        ("spBv1.0", "g", "NDATA"),
        ("spAv1.0", "g", "NDATA", "e"),
        ("spBv1.0", "g", "DDATA", "e"),
        ("spBv1.0", "g", "NDATA", "e", "d"),
        ("spBv1.0", "g", "NDATA", "#"),
        ("spBv1.0", "", "NDATA", "e"),
        ("spBv1.0", "g", "WHAT", "e"),
        ("spBv1.0", "g", "NDATA", "e" * 300),
    ],
)
def test_a_topic_that_is_none_of_sparkplug_is_refused(topic):
    assert reason(Sparkplug().decode, data(), Context(T, topic)) == "topic"


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (bytes(70_000), "too_large"),
        (protobuf.field(4, b"SPBV1.0_COMPRESSED") + protobuf.field(5, b"x"), "compressed"),
        (encode_payload(seq=256), "malformed"),
        (encode_payload(encode_metric("n" * 201, 1.0)), "malformed"),
        (encode_payload(encode_metric(value=1.0)), "malformed"),
        (b"\x0b\x0c", "malformed"),  # a group
        (b"\x0a\x05hello", "malformed"),  # a text where the timestamp is
        (b"\x08" + b"\xff" * 10, "malformed"),
        (b"\x00\x00", "malformed"),
        (protobuf.field(2, protobuf.field(1, b"\xff")), "malformed"),
    ],
)
def test_what_is_no_payload_is_refused(payload, why):
    assert reason(heard, Sparkplug(), "NBIRTH", payload) == why


def test_fields_nobody_knows_are_skipped(decoder):
    more = protobuf.field(99, b"?") + fixed(100, protobuf.FIXED64, "<d", 1.0) + fixed(101, protobuf.FIXED32, "<f", 1.0)
    assert heard(decoder, "DDATA", data(encode_metric(alias=10, value=5.0) + more) + more, device="truck-1") == [
        temperature(5.0)
    ]


def test_sessions_are_forgotten_one_by_one_and_heal():
    decoder = Sparkplug(OwnMemory(nodes_max=2))
    for node in ("a", "b", "c"):
        heard(decoder, "NBIRTH", node_birth(), node=node)
    assert reason(heard, decoder, "NDATA", data(seq=1), node="a") == "no_birth"
    assert heard(decoder, "NDATA", data(encode_metric("Temperature", 5.0), seq=1), node="c") == [
        temperature(5.0, source="")
    ]
    assert [topic for topic, _ in decoder.replies] == ["spBv1.0/cold/NCMD/a"]


def test_the_metrics_of_a_node_and_its_waiting_requests_are_limited():
    decoder = Sparkplug(metrics_max=4, replies_max=3)
    heard(decoder, "NBIRTH", node_birth(encode_metric("A", 1.0)))
    born = encode_payload(*(encode_metric(name, 1.0) for name in "ABCDE"), seq=1)
    assert reason(heard, decoder, "DBIRTH", born, device="one") == "too_many"
    for i in range(9):
        reason(heard, decoder, "NDATA", data(), node=f"unborn-{i}")
    assert len(decoder.replies) == 3


@pytest.mark.parametrize("payload", [BIRTH, DATA, node_birth(encode_metric("Uptime", 5, INT64, alias=1))])
def test_no_truncation_and_no_single_bit_crashes(payload):
    broken = [payload[:n] for n in range(len(payload))]
    for bit in range(len(payload) * 8):
        changed = bytearray(payload)
        changed[bit // 8] ^= 1 << bit % 8
        broken.append(bytes(changed))
    decoder = Sparkplug()
    for each in broken:
        survives(decoder, each)


def survives(decoder, payload):
    """Whatever the payload is: readings, or a WireError."""
    for kind, device in (("NBIRTH", None), ("DBIRTH", "d"), ("DDATA", "d"), ("DDEATH", "d"), ("NDEATH", None)):
        with contextlib.suppress(WireError):
            assert all(isinstance(each, Said) for each in heard(decoder, kind, payload, device=device))


@given(st.binary(max_size=80))
@settings(deadline=None)
def test_no_bytes_crash_the_decoder(payload):
    survives(Sparkplug(), payload)


metrics = st.builds(
    encode_metric,
    st.text(max_size=6) | st.sampled_from(["Temperature", "bdSeq", "Latitude", "Longitude", "Battery", "Door"]),
    st.integers(0, 2**64 - 1),
    st.sampled_from([INT8, INT16, INT32, INT64, UINT8, UINT32, BOOLEAN, DATETIME, 99]),
    alias=st.none() | st.integers(0, 3),
    t=st.none() | st.integers(0, 2**64 - 1),
    unit=st.sampled_from(["", "°C", "%", "?"]),
    typed=st.booleans(),
    flags=st.sampled_from([b"", NULL, HISTORICAL]),
)


@given(st.lists(st.lists(metrics, max_size=4).map(lambda m: encode_payload(*m, seq=0)), max_size=4))
@settings(deadline=None)
def test_no_row_of_payloads_crashes_the_decoder(payloads):
    decoder = Sparkplug()
    for payload in payloads:
        survives(decoder, payload)


@given(st.lists(st.tuples(st.integers(1, 2**29 - 1), st.integers(0, 2**64 - 1) | st.binary(max_size=20)), max_size=8))
def test_protobuf_fields_come_back_as_they_were_written(rows):
    written = b"".join(protobuf.field(number, value) for number, value in rows)
    assert [(f.number, f.value) for f in protobuf.fields(written)] == rows
