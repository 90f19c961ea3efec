"""Teltonika's frames: cut and damaged anywhere, a packet is what was sent or it is none."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.wire.said import WireError
from domain.wire.teltonika import count
from domain.wire.teltonika_frames import (
    BLOCK_BYTES_MAX,
    Event,
    Framer,
    Imei,
    KeepAlive,
    Packet,
    accept,
    acknowledge,
    crc16,
    datagram_answer,
    parse_datagram,
)
from tests.unit.wire.test_teltonika import CODEC_8, CODEC_8E, CODEC_16, PACKETS

IMEI = "356307042441013"
HELLO = b"\x00\x0f" + IMEI.encode()
DATAGRAM = bytes.fromhex(
    "003DCAFE0105000F33353230393330383634303336353508010000016B4F815B3001000000000000000000000000000000010302150301"
    "0101425DBC000001"
)


def events(raw: bytes) -> list[Event]:
    framer = Framer()
    framer.feed(HELLO)
    return framer.feed(raw)


@pytest.mark.parametrize("whole", PACKETS, ids=lambda p: f"{p[8]:02x}-{len(p)}")
def test_no_truncation_and_no_flipped_bit_passes_for_a_packet(whole) -> None:
    for end in range(len(whole)):
        assert events(whole[:end]) == []
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            found = events(bytes(flipped))
        except WireError:
            continue
        assert not [each for each in found if isinstance(each, Packet) and each.crc_ok]


STREAM = HELLO + b"\xff" + CODEC_8 + CODEC_16[:-1] + b"\x00" + b"\xff\xff" + CODEC_8E


@cache
def whole_events() -> list[Event]:
    return Framer().feed(STREAM)


def test_a_stream_is_its_imei_its_packets_and_its_keep_alives() -> None:
    assert whole_events() == [
        Imei(IMEI),
        KeepAlive(),
        Packet(CODEC_8[8:-4], crc_ok=True),
        Packet(CODEC_16[8:-4], crc_ok=False),
        KeepAlive(),
        KeepAlive(),
        Packet(CODEC_8E[8:-4], crc_ok=True),
    ]


def test_a_stream_cut_anywhere_gives_the_same_events() -> None:
    for at in range(len(STREAM) + 1):
        framer = Framer()
        assert framer.feed(STREAM[:at]) + framer.feed(STREAM[at:]) == whole_events()
    framer = Framer()
    assert [event for byte in STREAM for event in framer.feed(bytes([byte]))] == whole_events()


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_a_stream_cut_in_many_places_gives_the_same_events(cuts) -> None:
    framer, places = Framer(), sorted([0, *cuts, len(STREAM)])
    parts = [STREAM[a:b] for a, b in pairwise(places)]
    assert [event for part in parts for event in framer.feed(part)] == whole_events()


@pytest.mark.parametrize(
    "raw",
    [b"\x01", b"\x00\x10", b"\x00\x0fabc", b"GET / HTTP/1.1\r\n", b"\xff", b"\x00\x0f35630704244101\xb3"],
)
def test_what_does_not_begin_with_an_imei_is_no_device(raw) -> None:
    with pytest.raises(WireError):
        Framer().feed(raw)


@pytest.mark.parametrize("size", [0, 2, BLOCK_BYTES_MAX + 1, 0xFFFFFFFF])
def test_a_length_nobody_sends_is_refused_before_anything_is_kept(size) -> None:
    with pytest.raises(WireError):
        events(bytes(4) + size.to_bytes(4, "big"))


def test_what_came_before_garbage_is_handed_out_first() -> None:
    framer = Framer()
    assert framer.feed(HELLO + CODEC_8 + b"\x01") == [Imei(IMEI), Packet(CODEC_8[8:-4], crc_ok=True)]
    with pytest.raises(WireError):
        framer.feed(b"")


def test_the_answers_are_those_of_the_documentation() -> None:
    assert (accept(True), accept(False)) == (b"\x01", b"\x00")
    assert acknowledge(2) == bytes.fromhex("00000002")
    assert datagram_answer(0xCAFE, 5, 1) == bytes.fromhex("0005CAFE010501")


def test_the_documented_datagram_is_read() -> None:
    found = parse_datagram(DATAGRAM)
    assert (found.packet_id, found.avl_packet_id, found.imei) == (0xCAFE, 5, "352093086403655")
    assert (count(found.block), len(found.block)) == (1, 40)


def test_no_truncated_datagram_is_read() -> None:
    for end in range(len(DATAGRAM)):
        with pytest.raises(WireError):
            parse_datagram(DATAGRAM[:end])


@given(st.binary(max_size=120))
@settings(deadline=None)
def test_no_bytes_do_more_than_be_refused(raw) -> None:
    for read in (parse_datagram, Framer().feed, events, lambda part: events(bytes(4) + part)):
        with suppress(WireError):
            read(raw)


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_the_check_sum_of_any_length_is_that_of_its_definition(raw) -> None:
    crc = 0
    for byte in raw:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    assert crc16(raw) == crc
