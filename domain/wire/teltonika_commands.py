"""Teltonika Codec 12: what a device is told over its TCP connection, and what it says to that.

Source: wiki.teltonika-gps.com, "Data Sending Protocols", Codec 12. A packet as any other (zero preamble, length, block,
CRC), whose block is the codec, a count, and so many messages of a type (5: a command, 6: an answer), a size (4 bytes)
and text; then the count again. A device is told one thing at a time: nothing in an answer says to what it is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.wire.said import WireError
from domain.wire.teltonika_frames import crc16

CODEC = 0x0C
COMMAND, ANSWER = 5, 6
COMMAND_BYTES_MAX = 512
ANSWER_CHARS_MAX = 500


def spoken(name: str, argument: Mapping[str, Any]) -> str:
    """A command of the table as its device understands it, the same as by SMS.

    >>> spoken("setdigout", {"outputs": "10", "seconds": 60}), spoken("setparam", {"id": 2001, "value": "iot"})
    ('setdigout 10 60 60', 'setparam 2001:iot')
    """
    match name:
        case "setdigout":
            outputs, seconds = str(argument["outputs"]), argument.get("seconds")
            return " ".join([f"setdigout {outputs}", *([f"{seconds:g}"] * len(outputs) if seconds else ())])
        case "getparam":
            return f"getparam {argument['id']:g}"
        case "setparam":
            return f"setparam {argument['id']:g}:{argument['value']}"
        case "text":
            return str(argument["text"])
    return name


def told(text: str) -> bytes:
    """The packet that tells a device something.

    >>> told("getinfo").hex()
    '000000000000000f0c010500000007676574696e666f0100004312'
    """
    return framed(COMMAND, text)


def framed(kind: int, text: str) -> bytes:
    """A packet with one message; what is not ASCII becomes a question mark."""
    body = text.encode("ascii", "replace")
    block = bytes([CODEC, 1, kind]) + len(body).to_bytes(4, "big") + body + b"\x01"
    return bytes(4) + len(block).to_bytes(4, "big") + block + crc16(block).to_bytes(4, "big")


def is_command_block(block: bytes) -> bool:
    """Whether a block is of this codec."""
    return block[:1] == bytes([CODEC])


def answer(block: bytes) -> str:
    """What a device says, on one line, cut to what is kept.

    Raises:
        WireError: `malformed`: it is no answer.
    """
    return " ".join(texts(block, ANSWER).split())[:ANSWER_CHARS_MAX]


def texts(block: bytes, kind: int) -> str:
    """The text of a block's messages of a type, one behind the other; what cannot be printed is a blank.

    Raises:
        WireError: `malformed`.
    """
    if len(block) < 3 or block[0] != CODEC or not block[1]:
        raise WireError("malformed", "not Codec 12, or nothing in it")
    at, found = 2, []
    for _ in range(block[1]):
        size = int.from_bytes(block[at + 1 : at + 5], "big")
        end = at + 5 + size
        if end >= len(block) or block[at] != kind:
            raise WireError("malformed", f"type {kind} and {size} bytes wanted at {at} of {len(block)}")
        found.append(block[at + 5 : end].decode("ascii", "replace"))
        at = end
    if at + 1 != len(block) or block[at] != block[1]:
        raise WireError("malformed", f"{block[1]} messages announced, but the end does not agree")
    return "".join(c if c.isprintable() else " " for c in "\n".join(found))
