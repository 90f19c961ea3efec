"""The MQTT codec: what is encoded is decoded again, however the stream is cut; garbage ends in ProtocolError only."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.mqtt import codec
from ingest.mqtt.codec import Control, Decoder, ProtocolError, RawMessage

relaxed = settings(deadline=None)  # other programs may be busy on the machine

PACKET_IDS = st.integers(1, 65_535)
TOPICS = st.binary(min_size=1, max_size=60).filter(lambda topic: not topic.startswith(b"$"))
PAYLOADS = st.one_of(st.binary(max_size=300), st.integers(0, 20_000).map(lambda size: b"x" * size))


@st.composite
def packets(draw: st.DrawFn) -> tuple[bytes, RawMessage | Control]:
    """A packet as bytes and as the decoder must give it."""
    kind = draw(st.sampled_from(["qos0", "qos1", "puback", "pingresp", "connack", "suback"]))
    packet_id = draw(PACKET_IDS)
    retain = draw(st.booleans())
    topic, payload = draw(TOPICS), draw(PAYLOADS)
    if kind == "qos0":
        return codec.encode_publish(topic, payload, retain=retain), (topic, payload, 0, retain, False)
    if kind == "qos1":
        dup = draw(st.booleans())
        raw = codec.encode_publish(topic, payload, qos=1, packet_id=packet_id, retain=retain, dup=dup)
        return raw, (topic, payload, packet_id, retain, dup)
    if kind == "puback":
        return codec.encode_pubacks([packet_id]), Control(codec.PUBACK, 0, packet_id.to_bytes(2, "big"))
    if kind == "suback":
        return codec.encode_suback(packet_id, [1, 0x80]), Control(
            codec.SUBACK, 0, packet_id.to_bytes(2, "big") + b"\x01\x80"
        )
    if kind == "connack":
        return codec.encode_connack(session_present=retain), Control(codec.CONNACK, 0, bytes([retain, 0]))
    return codec.PINGRESP_BYTES, Control(codec.PINGRESP, 0, b"")


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[a:b] for a, b in pairwise(edges)]


def decode(parts: list[bytes]) -> tuple[list[RawMessage], list[Control], list[tuple[bytes, bytes]], str]:
    """Everything the decoder gives for a stream in parts, and the error it ended with."""
    decoder = Decoder(16_384)
    error = ""
    try:
        for part in parts:
            decoder.feed(part)
    except ProtocolError as caught:
        error = str(caught)
    return decoder.messages, decoder.controls, decoder.system, error


@relaxed
@given(st.lists(packets(), max_size=12), st.lists(st.integers(0, 1 << 20), max_size=12))
def test_any_split_of_the_stream_yields_the_packets_that_were_encoded(
    expected: list[tuple[bytes, RawMessage | Control]], cuts: list[int]
) -> None:
    stream = b"".join(raw for raw, _ in expected)
    decoder = Decoder()
    for part in pieces(stream, cuts):
        decoder.feed(part)
    assert decoder.messages == [each for _, each in expected if not isinstance(each, Control)]
    assert decoder.controls == [each for _, each in expected if isinstance(each, Control)]
    assert decoder.buffered_bytes == 0


@relaxed
@given(st.lists(packets(), max_size=4))
def test_a_stream_that_arrives_byte_by_byte_yields_the_same(expected: list[tuple[bytes, RawMessage | Control]]) -> None:
    stream = b"".join(raw for raw, _ in expected)[:2_000]
    assert decode([bytes([each]) for each in stream]) == decode([stream])


@relaxed
@given(st.lists(st.one_of(st.binary(max_size=60), packets().map(lambda pair: pair[0])), max_size=8), st.data())
def test_garbage_ends_in_protocol_error_only_and_alike_in_any_split(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts)
    cuts = data.draw(st.lists(st.integers(0, max(len(stream), 1)), max_size=8))
    assert decode(pieces(stream, cuts)) == decode([stream])


@relaxed
@given(st.integers(0, codec.MAX_REMAINING_LENGTH))
def test_a_length_takes_the_fewest_bytes_and_is_read_back(length: int) -> None:
    raw = codec.encode_length(length)
    assert len(raw) == 1 + (length > 127) + (length > 16_383) + (length > 2_097_151)
    decoder = Decoder(codec.MAX_REMAINING_LENGTH)
    decoder.feed(b"\x90" + raw)
    assert [each.kind for each in decoder.controls] == ([] if length else [codec.SUBACK])
    assert decoder.buffered_bytes == (1 + len(raw) if length else 0)


def test_a_length_bomb_is_refused_before_a_byte_of_it_is_stored() -> None:
    decoder = Decoder()
    with pytest.raises(ProtocolError, match="268435455 bytes announced, at most 262144"):
        decoder.feed(b"\x32\xff\xff\xff\x7f")
    assert decoder.buffered_bytes == 0
    with pytest.raises(ProtocolError, match="268435455"):
        decoder.feed(codec.PINGRESP_BYTES)


def test_no_more_than_the_packet_limit_is_ever_buffered() -> None:
    decoder = Decoder(16_384)
    packet = codec.encode_publish(b"t", b"x" * 16_300, qos=1, packet_id=1)
    for at in range(0, len(packet) - 100, 100):
        decoder.feed(packet[at : at + 100])
        assert decoder.buffered_bytes <= len(packet)
    with pytest.raises(ValueError, match="at least 16384"):
        Decoder(100)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"\x32\xff\xff\xff\xff\x01", "more than four bytes"),
        (b"\x30\x80\x80\x80\x80\x01", "more than four bytes"),
        (b"\x32\x02\x00\x00", "too short"),
        (b"\x32\x05\x00\x01t\x00\x00", "packet id 0"),
        (b"\x32\x05\x00\x09t\x00\x01", "longer than its packet"),
        (b"\x30\x01\x00", "too short"),
        (b"\x30\x03\x00\x05t", "longer than its packet"),
        (b"\x34\x05\x00\x01t\x00\x01", "QoS 2"),
        (b"\x36\x05\x00\x01t\x00\x01", "QoS 3"),
        (b"\x00\x00", "type 0"),
        (b"\xf0\x00", "type 15"),
        (b"\x41\x02\x00\x01", "flags 1"),
        (b"\x80\x02\x00\x01", "flags 0"),
        (b"\x40\x03\x00\x01\x00", "3 bytes"),
        (b"\xd0\x01\x00", "1 bytes"),
    ],
)
def test_a_malformed_packet_is_refused_with_its_reason(raw: bytes, why: str) -> None:
    decoder = Decoder()
    with pytest.raises(ProtocolError, match=why):
        decoder.feed(codec.encode_publish(b"fine", b"1", qos=1, packet_id=7) + raw)
    assert decoder.messages == [(b"fine", b"1", 7, False, False)]


def test_the_brokers_own_statistics_are_kept_apart() -> None:
    decoder = Decoder()
    decoder.feed(codec.encode_publish(b"$SYS/x", b"5", retain=True) + codec.encode_publish(b"a", b"6"))
    assert decoder.system == [(b"$SYS/x", b"5")]
    assert decoder.messages == [(b"a", b"6", 0, False, False)]


def test_connect_carries_name_user_password_and_the_wish_for_a_lasting_session() -> None:
    raw = codec.encode_connect("me", "ingest", "pä", keepalive_s=30)
    assert raw == b"\x10\x1b\x00\x04MQTT\x04\xc0\x00\x1e\x00\x02me\x00\x06ingest\x00\x03p\xc3\xa4"
    assert codec.encode_connect("me", keepalive_s=1, clean_session=True)[9] == 2
    with pytest.raises(ValueError, match="user name"):
        codec.encode_connect("me", None, "secret", keepalive_s=1)
    with pytest.raises(ValueError, match="keepalive"):
        codec.encode_connect("me", keepalive_s=70_000)


def test_subscribe_and_publish_check_what_they_are_given() -> None:
    assert codec.encode_subscribe(1, ["a/+", "b"]) == b"\x82\x0c\x00\x01\x00\x03a/+\x01\x00\x01b\x01"
    bad_calls: list[Callable[[], bytes]] = [
        lambda: codec.encode_subscribe(1, []),
        lambda: codec.encode_subscribe(0, ["a"]),
        lambda: codec.encode_publish(b"", b""),
        lambda: codec.encode_publish(b"t", b"", qos=1),
        lambda: codec.encode_publish(b"t", b"", packet_id=1),
        lambda: codec.encode_publish(b"t" * 70_000, b""),
        lambda: codec.encode_length(codec.MAX_REMAINING_LENGTH + 1),
    ]
    for call in bad_calls:
        with pytest.raises(ValueError):  # noqa: PT011 - the texts differ
            call()


@relaxed
@given(st.lists(PACKET_IDS, max_size=50))
def test_many_pubacks_are_four_bytes_each_in_order(ids: list[int]) -> None:
    raw = codec.encode_pubacks(ids)
    assert len(raw) == 4 * len(ids)
    decoder = Decoder()
    decoder.feed(raw)
    assert [codec.parse_packet_id(each) for each in decoder.controls] == ids


def test_answers_of_the_broker_are_read() -> None:
    decoder = Decoder()
    decoder.feed(codec.encode_connack(session_present=True) + b"\x20\x02\x00\x05" + codec.encode_suback(9, [1, 128]))
    present, refused, granted = decoder.controls
    assert codec.parse_connack(present) == (True, 0)
    assert codec.parse_connack(refused) == (False, 5)
    assert codec.parse_suback(granted) == (9, (1, 128))


@relaxed
@given(st.binary(max_size=6))
def test_answers_with_garbage_inside_raise_protocol_error_only(body: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        codec.parse_suback(Control(codec.SUBACK, 0, body))
    with contextlib.suppress(ProtocolError):
        codec.parse_connack(Control(codec.CONNACK, 0, (body + b"\x00\x00")[:2]))
