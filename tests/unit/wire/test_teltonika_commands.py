"""Codec 12: a command is what the documentation says, an answer is read whole or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.commanding import TONGUES, refusal
from domain.wire.said import WireError
from domain.wire.teltonika_commands import ANSWER, ANSWER_CHARS_MAX, COMMAND, answer, framed, spoken, texts, told
from domain.wire.teltonika_frames import Framer, Packet
from firmware_sim.teltonika import Tracker

# From the documentation: getinfo and what a device says to it.
GETINFO = "000000000000000F0C010500000007676574696E666F0100004312"
SAID = (
    "00000000000000900C010600000088494E493A323031392F372F323220373A3232205254433A323031392F372F323220373A353320525354"
    "3A32204552523A312053523A302042523A302043463A302046473A3020464C3A302054553A302F302055543A3020534D533A30204E4F4750"
    "533A303A3330204750533A31205341543A302052533A332052463A36352053463A31204D443A30010000C78F"
)


def block_of(raw: bytes) -> Packet:
    framer = Framer()
    framer.feed(b"\x00\x0f" + b"3" * 15)
    (event,) = framer.feed(raw)
    assert isinstance(event, Packet)
    return event


def test_the_documentations_command_and_answer() -> None:
    assert told("getinfo") == bytes.fromhex(GETINFO)
    packet = block_of(bytes.fromhex(SAID))
    assert packet.crc_ok
    assert answer(packet.block).startswith("INI:2019/7/22 7:22 RTC:2019/7/22 7:53 RST:2 ERR:1")


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=600), st.sampled_from([COMMAND, ANSWER]))
def test_what_is_framed_is_read_again(text: str, kind: int) -> None:
    packet = block_of(framed(kind, text))
    assert packet.crc_ok
    assert texts(packet.block, kind) == text
    with pytest.raises(WireError):
        texts(packet.block, COMMAND + ANSWER - kind)


@given(st.integers(0, 20), st.binary(max_size=4))
def test_an_answer_that_is_cut_or_has_more_behind_it_is_none(keep: int, more: bytes) -> None:
    block = block_of(framed(ANSWER, "DOUT1:1")).block
    changed = block[:keep] + more
    if changed != block:
        with pytest.raises(WireError):
            answer(changed)


def test_several_messages_are_one_text_on_a_line_cut_to_what_is_kept() -> None:
    one = b"\x06" + (4).to_bytes(4, "big")
    assert answer(b"\x0c\x02" + one + b"a\r\nb" + one + b"\xffc\x00d" + b"\x02") == "a b �c d"
    assert len(answer(block_of(framed(ANSWER, "x" * 600)).block)) == ANSWER_CHARS_MAX
    for wrong in (b"", b"\x0c\x00\x00", b"\x0c\x02" + one + b"a\r\nb" + b"\x02", b"\x08\x01" + one + b"abcd\x01"):
        with pytest.raises(WireError):
            answer(wrong)


@pytest.mark.parametrize(
    ("name", "argument", "text"),
    [
        ("getinfo", {}, "getinfo"),
        ("setdigout", {"outputs": "1?"}, "setdigout 1?"),
        ("setdigout", {"outputs": "10", "seconds": 60}, "setdigout 10 60 60"),
        ("getparam", {"id": 2001}, "getparam 2001"),
        ("setparam", {"id": 2001.0, "value": "a b"}, "setparam 2001:a b"),
        ("text", {"text": "getapn"}, "getapn"),
    ],
)
def test_a_command_of_the_table_is_what_its_device_understands(
    name: str, argument: dict[str, object], text: str
) -> None:
    assert refusal("teltonika", name, argument) == ""
    assert spoken(name, argument) == text


@pytest.mark.parametrize(
    ("name", "argument", "field"),
    [
        ("ping", {}, "command"),
        ("getinfo", {"x": 1}, "argument.x"),
        ("setdigout", {}, "argument.outputs"),
        ("setdigout", {"outputs": "12"}, "argument.outputs"),
        ("setdigout", {"outputs": "11111"}, "argument.outputs"),
        ("setdigout", {"outputs": "1", "seconds": True}, "argument.seconds"),
        ("setparam", {"id": "2001", "value": "x"}, "argument.id"),
        ("setparam", {"id": 1, "value": "a\nb"}, "argument.value"),
        ("text", {"text": "grüße"}, "argument.text"),
    ],
)
def test_what_a_format_does_not_know_is_refused_by_its_field(
    name: str, argument: dict[str, object], field: str
) -> None:
    assert refusal("teltonika", name, argument).partition(":")[0] == field


def test_the_simulated_tracker_answers_every_command_among_acknowledgements() -> None:
    tracker = Tracker("356307042441013")
    assert tracker.hello() == b"\x00\x0f356307042441013"
    heard = b"\x01" + (1).to_bytes(4, "big")
    arguments = {"outputs": "1?", "id": 2001, "value": "iot", "text": "getapn"}
    said = b""
    for kind in TONGUES["teltonika"].kinds:
        heard += told(spoken(kind.name, {each.name: arguments.get(each.name, 5) for each in kind.arguments}))
        heard += (2).to_bytes(4, "big")
    for at in range(0, len(heard), 7):  # however it is cut
        said += tracker.hear(heard[at : at + 7])
    framer = Framer()
    framer.feed(b"\x00\x0f" + b"3" * 15)
    answers = [answer(each.block) for each in framer.feed(said) if isinstance(each, Packet)]
    assert len(answers) == len(TONGUES["teltonika"].kinds)
    assert answers[5] == "DOUT1:1 DOUT2:Ignored"
    assert answers[-1] == "WARNING: Not recognized command"
    assert (tracker.outputs, tracker.parameters[2001], tracker.restarts) == ([1, 0], "iot", 1)
    assert tracker.acknowledged == 1 + 2 * len(answers)
