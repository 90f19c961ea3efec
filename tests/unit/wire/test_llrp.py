"""LLRP: messages however they arrive, what is no LLRP refused with a reason, and reads that have the right time."""

from __future__ import annotations

import re
import struct
import tracemalloc

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.wire import llrp
from domain.wire.llrp import Framer, LlrpError, Message, RefusedError, event_of, message, reads_of, tlv, tv
from domain.wire.llrp_session import Session
from domain.wire.reads import decode
from domain.wire.said import Context
from firmware_sim.llrp_reader import Reader, Tag, Ways

NOW_MS = 1_796_025_600_000.0
EPCS = (
    st.integers(1, 8)
    .map(lambda words: 4 * words)
    .flatmap(lambda n: st.text("0123456789ABCDEF", min_size=n, max_size=n))
)
TAGS = st.builds(Tag, EPCS, st.integers(1, 65535), st.integers(-128, 127))
ANY = st.binary(max_size=400)


def talk(reader: Reader, session: Session, now_ms: float = NOW_MS, piece: int = 10_000) -> None:
    """The two of them until nobody says anything more."""
    said = reader.hello(clock_us(reader, now_ms))
    while said:
        for at in range(0, len(said), piece):
            session.feed(said[at : at + piece], now_ms)
        out = bytes(session.out)
        session.out.clear()
        said = reader.hear(out)


def clock_us(reader: Reader, now_ms: float) -> int:
    return round((now_ms - (NOW_MS - 5_000_000 if reader.ways.uptime else 0)) * 1000)


@given(
    st.lists(st.tuples(st.sampled_from([61, 62, 63, 30, 100]), st.integers(0, 2**32 - 1), ANY), max_size=5), st.data()
)
def test_messages_are_the_same_in_whatever_pieces_they_come(
    parts: list[tuple[int, int, bytes]], data: st.DataObject
) -> None:
    stream = b"".join(message(*part) for part in parts)
    framer, found, at = Framer(), list[Message](), 0
    while at < len(stream):
        size = data.draw(st.integers(1, 40))
        found += framer.feed(stream[at : at + size])
        at += size
    assert [(each.type, each.id, each.body) for each in found] == parts


@given(st.lists(TAGS, max_size=6))
def test_what_a_reader_reports_is_read_and_taken_by_the_ingester(tags: list[Tag]) -> None:
    (report,) = Framer().feed(Reader().report(tags, round(NOW_MS * 1000)))
    found = reads_of(report.body)
    assert [(read.epc, read.antenna, read.rssi_dbm) for read in found] == [tuple(tag) for tag in tags]
    session = Session()
    told = session.feed(Reader().report(tags, round(NOW_MS * 1000)), NOW_MS + 40)
    assert [each["t"] for each in told] == [round(NOW_MS)] * len(tags)
    if told:
        said = decode(orjson.dumps(told), Context(received_ms=int(NOW_MS)))
        assert [(each.stream, each.values["epc"]) for each in said] == [("rfid", tag.epc) for tag in tags]


@given(st.binary(min_size=1, max_size=2000), st.lists(st.tuples(st.integers(0, 1999), st.integers(0, 255)), max_size=8))
def test_any_bytes_are_refused_with_a_reason_and_never_break_it(noise: bytes, changes: list[tuple[int, int]]) -> None:
    """Noise, and a good conversation in which some bytes are others."""
    reader = Reader()
    good = bytearray(
        reader.hello(1) + reader.report([Tag("3034257BF7194E4000001A85")] * 4, 10**15) + reader.keepalive()
    )
    for at, byte in changes:
        good[at % len(good)] = byte
    for stream in (noise, bytes(good)):
        why = ""
        try:
            Session().feed(stream, NOW_MS)
        except (LlrpError, RefusedError) as error:
            why = str(error)
        assert len(why) < 300
        assert all(c.isprintable() for c in why)


def test_a_length_that_no_message_has_is_refused_before_anything_of_it_is_kept() -> None:
    head = struct.pack(">HII", 1 << 10 | 61, 2**31, 1)
    with pytest.raises(LlrpError, match="a message of 2147483648 bytes"):
        Framer().feed(head)
    tracemalloc.start()
    framer = Framer()
    framer.feed(struct.pack(">HII", 1 << 10 | 61, llrp.MESSAGE_BYTES_MAX, 1))
    for _ in range(200):
        try:
            framer.feed(bytes(8192))
        except LlrpError:
            break
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * llrp.MESSAGE_BYTES_MAX


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "it says 'SSH-2.0-OpenSSH_9.2'"),
        (b"HTTP/1.1 400 Bad Request", "it says 'HTTP/1.1 400 Bad Request'"),
        (b"\x16\x03\x03\x00", "it says 16 03 03 00"),
        (message(999, 1), "no message of type 999"),
        (message(61, 1, b"\x00\xf0\x00\x02"), "parameter 240 is said to have 2 bytes"),
        (message(61, 1, tlv(240, tv(1, b"\x00\x01"))), "without its code"),
        (message(61, 1, tlv(240, tlv(241, b"\x00\x60\x01"))), "code of 96 bits has 8"),
        (message(61, 1, b"\xff"), "no parameter 127"),
        (message(63, 1, tlv(246, tlv(128, bytes(8)))), "does not say first whether it takes us"),
    ],
)
def test_a_stranger_and_a_mistake_are_named(said: bytes, why: str) -> None:
    with pytest.raises(LlrpError, match=re.escape(why)):
        Session().feed(said, NOW_MS)


@pytest.mark.parametrize("piece", [1, 7, 10_000])
@pytest.mark.parametrize("version", [1, 2])
def test_a_reader_is_set_up_step_by_step_and_its_signs_of_life_answered(piece: int, version: int) -> None:
    reader, session = Reader(Ways(version=version)), Session(5000)
    talk(reader, session, piece=piece)
    assert session.is_reading
    assert reader.is_started
    assert reader.asked == [3, 21, 20, 24, 22]
    session.feed(reader.keepalive(), NOW_MS)
    reader.hear(bytes(session.out))
    assert reader.acknowledged == 1
    reader.hear(session.goodbye())
    assert reader.asked[-2:] == [llrp.DELETE_ROSPEC, llrp.CLOSE_CONNECTION]


def test_what_a_reader_refuses_is_said_in_its_words() -> None:
    with pytest.raises(RefusedError, match=r"an inventory: too many inventories \(status 100\)"):
        talk(Reader(Ways(refuses=llrp.ADD_ROSPEC)), Session())
    with pytest.raises(RefusedError, match="another client is connected to it"):
        talk(Reader(Ways(is_taken=True)), Session())
    assert event_of(tlv(246, tlv(256, b"\x00\x00"))).takes_us


def test_times_of_a_reader_without_a_clock_are_ours() -> None:
    """It counts from its start; messages take 30 ms, and once ten seconds."""
    reader, session = Reader(Ways(uptime=True)), Session()
    talk(reader, session)
    for seen_ms, heard_ms in ((1000, 1030), (2000, 12_000), (3000, 3030)):
        at_us = clock_us(reader, NOW_MS + seen_ms)
        (told,) = session.feed(reader.report([Tag("AA" * 12)], at_us), NOW_MS + heard_ms)
        assert abs(told["t"] - (NOW_MS + seen_ms)) <= 30


def test_a_clock_that_was_never_set_is_set_by_ours_and_a_right_one_believed() -> None:
    for wrong_by_ms in (0, 40_000, 800_000_000_000):
        reader, session = Reader(), Session()
        session.feed(reader.hello(round((NOW_MS - wrong_by_ms) * 1000)), NOW_MS)
        (told,) = session.feed(
            reader.report([Tag("AA" * 12)], round((NOW_MS + 500 - wrong_by_ms) * 1000)), NOW_MS + 9000
        )
        right = NOW_MS + 500 - (wrong_by_ms if wrong_by_ms < 300_000 else 0)
        assert told["t"] == round(right)


def test_several_reads_put_together_are_the_first_and_the_last() -> None:
    times = tv(2, (10**15).to_bytes(8, "big")) + tv(4, (10**15 + 900_000).to_bytes(8, "big"))
    tag = tlv(240, tv(13, bytes(range(12))) + times + tv(8, b"\x00\x05"))
    found = Session().feed(message(61, 1, tag), 10**12 + 1000)
    assert [each["t"] for each in found] == [10**12, 10**12 + 900]
