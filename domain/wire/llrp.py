"""LLRP 1.0.1 and 1.1 (EPCglobal Low Level Reader Protocol), as much of it as brings tag reads.

A message is 3 reserved bits, 3 of version, 10 of type, its length with these ten bytes, and an id. In it stand
parameters: of type and length (TLV), or of a type alone whose length is known (TV, the first bit set). Numbers are
big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

MESSAGE_BYTES_MAX = 1024 * 1024
VERSIONS = (1, 2)
READS_MAX = 20_000
DEPTH_MAX = 4

# Messages.
SET_READER_CONFIG, CLOSE_CONNECTION, ADD_ROSPEC, DELETE_ROSPEC, START_ROSPEC, ENABLE_ROSPEC = 3, 14, 20, 21, 22, 24
CLOSE_CONNECTION_RESPONSE, RO_ACCESS_REPORT, KEEPALIVE, READER_EVENT_NOTIFICATION = 4, 61, 62, 63
KEEPALIVE_ACK, ERROR_MESSAGE, CUSTOM = 72, 100, 1023
RESPONSE = 10
"""So much more than that of a request is the type of its answer."""
_TYPES = frozenset(
    {*range(1, 5), *range(11, 15), *range(20, 27), *range(30, 37), *range(40, 48), *range(50, 58), *range(60, 65)}
    | {KEEPALIVE_ACK, ERROR_MESSAGE, CUSTOM}
)

# Parameters.
UTC, UPTIME, TAG_REPORT_DATA, EPC_DATA, EPC_96, STATUS, EVENT_DATA, CONNECTION_ATTEMPT = (
    128,
    129,
    240,
    241,
    13,
    287,
    246,
    256,
)
_ANTENNA, _FIRST_UTC, _FIRST_UPTIME, _LAST_UTC, _LAST_UPTIME, _RSSI, _SEEN = 1, 2, 3, 4, 5, 6, 8
_TV_BYTES = {
    1: 2, 2: 8, 3: 8, 4: 8, 5: 8, 6: 1, 7: 2, 8: 2, 9: 4, 10: 2, 11: 2, 12: 2, 13: 12, 14: 2, 15: 2, 16: 4, 17: 2,
    18: 4, 19: 2, 20: 2,
}  # fmt: skip
_HEAD = struct.Struct(">HII")
_ATTEMPTS = {
    1: "it is connected to a client that it called itself",
    2: "another client is connected to it: end that one first",
    3: "it does not say why",
    4: "another client tries to connect",
}


class LlrpError(ValueError):
    """What came is no LLRP, or not as the protocol has it; in words."""


class RefusedError(Exception):
    """The reader does not do what it was asked for; in its words."""


class Message(NamedTuple):
    """A message without its head."""

    type: int
    id: int
    body: bytes
    version: int = 1


class TagRead(NamedTuple):
    """A tag as a report has it; times in microseconds by the reader's clock, or since it was started."""

    epc: str
    antenna: int | None = None
    rssi_dbm: int | None = None
    utc_us: int | None = None
    uptime_us: int | None = None
    first_utc_us: int | None = None
    first_uptime_us: int | None = None
    times: int = 1
    """How often it was read, from the first to the last."""


class Framer:
    """Cuts a stream of bytes into messages, however it arrives; keeps one message of `MESSAGE_BYTES_MAX` at most."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are whole now.

        Raises:
            LlrpError: this is no LLRP. Nothing more can be made of the stream.
        """
        self._held += data
        found: list[Message] = []
        while self._held:
            _check_start(self._held)
            if len(self._held) < _HEAD.size:
                break
            word, length, number = _HEAD.unpack_from(self._held)
            version, kind = word >> 10 & 7, word & 0x3FF
            if not _HEAD.size <= length <= MESSAGE_BYTES_MAX:
                raise LlrpError(f"a message of {length} bytes: {_HEAD.size} to {MESSAGE_BYTES_MAX} are taken")
            if kind not in _TYPES:
                raise LlrpError(f"there is no message of type {kind}")
            if len(self._held) < length:
                break
            found.append(Message(kind, number, bytes(self._held[_HEAD.size : length]), version))
            del self._held[:length]
        return found


def _check_start(held: bytearray) -> None:
    """A stranger is known by its first byte, before it has said much."""
    if held[0] >> 5 or held[0] >> 2 & 7 not in VERSIONS:
        said = bytes(held[:24])
        text = said.decode("ascii", "replace").strip()
        shown = repr(text) if text.isprintable() and text.isascii() else said.hex(" ")
        raise LlrpError(f"it does not speak LLRP 1.0.1 or 1.1: it says {shown}")


def message(kind: int, number: int, body: bytes = b"", version: int = 1) -> bytes:
    """A message with its head.

    >>> message(KEEPALIVE_ACK, 7).hex()
    '04480000000a00000007'
    """
    return _HEAD.pack(version << 10 | kind, _HEAD.size + len(body), number) + body


def tlv(kind: int, body: bytes = b"") -> bytes:
    """A parameter with its length."""
    return struct.pack(">HH", kind, 4 + len(body)) + body


def tv(kind: int, body: bytes) -> bytes:
    """A parameter whose length follows from its type."""
    return bytes([0x80 | kind]) + body


def parameters(body: bytes) -> Iterator[tuple[int, bytes]]:
    """The parameters that stand one after the other.

    Raises:
        LlrpError: one is cut off, or of a length that none has.
    """
    at = 0
    while at < len(body):
        if body[at] & 0x80:
            kind = body[at] & 0x7F
            size, head = 1 + _TV_BYTES.get(kind, -1), 1
            if not size:
                raise LlrpError(f"there is no parameter {kind} without a length")
        else:
            if len(body) - at < 4:
                raise LlrpError("a parameter is cut off")
            word, size = struct.unpack_from(">HH", body, at)
            kind, head = word & 0x3FF, 4
            if size < head:
                raise LlrpError(f"parameter {kind} is said to have {size} bytes")
        if at + size > len(body):
            raise LlrpError(f"parameter {kind} is cut off")
        yield kind, body[at + head : at + size]
        at += size


def reads_of(report: bytes) -> list[TagRead]:
    """The tags of an RO_ACCESS_REPORT.

    Raises:
        LlrpError: it is not as the protocol has it; says where.
    """
    found = []
    for kind, body in parameters(report):
        if kind == TAG_REPORT_DATA and (read := _read(body)) is not None:
            found.append(read)
            if len(found) > READS_MAX:
                raise LlrpError(f"a report of more than {READS_MAX} tags")
    return found


def _read(body: bytes) -> TagRead | None:
    """One tag; None where its code is empty, as of a tag that was never written."""
    values: dict[int, bytes] = dict(parameters(body))
    if EPC_96 in values:
        epc = values[EPC_96]
    elif EPC_DATA in values:
        data = values[EPC_DATA]
        if len(data) < 2:
            raise LlrpError("a tag's code is cut off")
        bits = int.from_bytes(data[:2], "big")
        epc = data[2 : 2 + (bits + 7) // 8]
        if len(epc) * 8 < bits:
            raise LlrpError(f"a tag's code of {bits} bits has {len(epc) * 8}")
    else:
        raise LlrpError("a tag is reported without its code")
    if not epc:
        return None

    def number(kind: int, *, signed: bool = False) -> int | None:
        return int.from_bytes(values[kind], "big", signed=signed) if kind in values else None

    def first(*kinds: int) -> int | None:
        return next((found for kind in kinds if (found := number(kind)) is not None), None)

    return TagRead(
        epc.hex().upper(),
        number(_ANTENNA),
        number(_RSSI, signed=True),
        first(_LAST_UTC, _FIRST_UTC),
        first(_LAST_UPTIME, _FIRST_UPTIME),
        number(_FIRST_UTC),
        number(_FIRST_UPTIME),
        number(_SEEN) or 1,
    )


def check_status(body: bytes, what: str) -> None:
    """Looks whether an answer says that it was done.

    Raises:
        RefusedError: it was not; in the reader's words.
        LlrpError: it does not say.
    """
    for kind, value in parameters(body):
        if kind == STATUS:
            if len(value) < 4:
                raise LlrpError("a status is cut off")
            code, size = struct.unpack_from(">HH", value)
            if code:
                text = value[4 : 4 + size].decode("utf-8", "replace").strip()
                plain = "".join(c if c.isprintable() else " " for c in text)[:200]
                raise RefusedError(f"{what}: {plain or 'it does not say why'} (status {code})")
            return
    raise LlrpError(f"{what}: an answer without a status")


class Event(NamedTuple):
    """What a reader says of itself: whether it takes us (None: of something else), and its clock."""

    takes_us: bool | None
    why_not: str
    utc_us: int | None
    uptime_us: int | None


def event_of(body: bytes) -> Event:
    """A READER_EVENT_NOTIFICATION. Raises `LlrpError`."""
    attempt: int | None = None
    clocks: dict[int, int] = {}
    for kind, value in parameters(body):
        if kind != EVENT_DATA:
            continue
        for inner, data in parameters(value):
            if inner in (UTC, UPTIME) and len(data) == 8:
                clocks[inner] = int.from_bytes(data, "big")
            elif inner == CONNECTION_ATTEMPT and len(data) >= 2:
                attempt = int.from_bytes(data[:2], "big")
    takes_us = None if attempt is None else attempt == 0
    why_not = "" if not attempt else _ATTEMPTS.get(attempt, f"status {attempt}")
    return Event(takes_us, why_not, clocks.get(UTC), clocks.get(UPTIME))


def keepalive_config(every_ms: int) -> bytes:
    """Of SET_READER_CONFIG: a sign of life so often, and nothing else changed."""
    return b"\x00" + tlv(220, struct.pack(">BI", 1, every_ms))


def inventory(rospec: int) -> bytes:
    """Of ADD_ROSPEC: all antennas, until it is stopped, each tag told when it is read, with what we go on with."""
    boundary = tlv(178, tlv(179, b"\x00") + tlv(182, struct.pack(">BI", 0, 0)))
    antennas = tlv(
        183, struct.pack(">HH", 1, 0) + tlv(184, struct.pack(">BI", 0, 0)) + tlv(186, struct.pack(">HB", 1, 1))
    )
    wanted = 1 << 12 | 1 << 10 | 1 << 9 | 1 << 8 | 1 << 7  # antenna, strength, first and last seen, count
    report = tlv(237, struct.pack(">BH", 1, 1) + tlv(238, struct.pack(">H", wanted)))
    return tlv(177, struct.pack(">IBB", rospec, 0, 0) + boundary + antennas + report)
