"""Teltonika over TCP and UDP: the frames around an AVL data block, their check sum, and what is answered.

Source: wiki.teltonika-gps.com, "Data Sending Protocols". Numbers are big-endian. Over TCP a device says its IMEI (2
bytes of length, 15 digits) and is accepted or not; then packets of a zero preamble (4 bytes), a length (4), a block and
its CRC (4, the upper two zero), each answered with a number of records. Over UDP each datagram stands for itself.
"""

from __future__ import annotations

import struct
from array import array
from typing import NamedTuple

import numpy as np

from domain.wire.said import WireError

BLOCK_BYTES_MAX = 64 * 1024  # of one packet; the devices' own limits are 1280 to 4096
_IMEI_DIGITS = 15
_KEEP_ALIVE = 0xFF
_HEAD_BYTES = 8  # zero preamble and data length
_DATAGRAM_HEAD = struct.Struct(">HHxBH")  # length, packet id, one unused byte, AVL packet id, length of the IMEI


def _crc_of_byte(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value


_CRC_TABLE = tuple(_crc_of_byte(byte) for byte in range(256))


def _crc_of_pairs() -> array[int]:
    """The same for two bytes at once, the first one in the lower half."""
    table, pair = np.array(_CRC_TABLE), np.arange(1 << 16)
    first = table[pair & 0xFF]
    both = first >> 8 ^ table[(first ^ pair >> 8) & 0xFF]
    return array("H", both.astype(np.uint16).tobytes())


_CRC_PAIRS = _crc_of_pairs()


def crc16(data: bytes) -> int:
    """CRC-16/IBM: reflected, polynomial 0xA001, start 0.

    >>> f"{crc16(b'123456789'):04X}"
    'BB3D'
    """
    crc, pairs = 0, len(data) // 2
    for pair in struct.unpack(f"<{pairs}H", data[: 2 * pairs]):
        crc = _CRC_PAIRS[crc ^ pair]
    if len(data) % 2:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ data[-1]) & 0xFF]
    return crc


class Imei(NamedTuple):
    """The first thing a device says over TCP."""

    text: str


class Packet(NamedTuple):
    """One AVL data block, codec id to second count. With a wrong CRC the device is to send it again."""

    block: bytes
    crc_ok: bool


class KeepAlive(NamedTuple):
    """A single 0xFF between packets; no answer is expected."""


Event = Imei | Packet | KeepAlive


class Framer:
    """Cuts the bytes of one TCP connection into events, however they were split. Holds at most one packet."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._known = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that are complete now.

        Raises:
            WireError: `malformed`: not a device, or out of step; close. Events before the fault are handed out first,
                and the next call raises.
        """
        self._buffer += data
        events: list[Event] = []
        try:
            while (event := self._next()) is not None:
                events.append(event)
        except WireError:
            if not events:
                raise
        return events

    def _next(self) -> Event | None:
        held = self._buffer
        if not self._known:
            return self._imei()
        if held[:1] == bytes([_KEEP_ALIVE]):
            del held[:1]
            return KeepAlive()
        if any(held[:4]):
            raise WireError("malformed", f"no preamble: {held[:4].hex()}")
        if len(held) < _HEAD_BYTES:
            return None
        size = int.from_bytes(held[4:_HEAD_BYTES], "big")
        if not 3 <= size <= BLOCK_BYTES_MAX:
            raise WireError("malformed", f"a packet of {size} bytes, 3 to {BLOCK_BYTES_MAX} are allowed")
        end = _HEAD_BYTES + size
        if len(held) < end + 4:
            return None
        block = bytes(held[_HEAD_BYTES:end])
        crc_ok = int.from_bytes(held[end : end + 4], "big") == crc16(block)
        del held[: end + 4]
        return Packet(block, crc_ok)

    def _imei(self) -> Imei | None:
        held = self._buffer
        size = _IMEI_DIGITS.to_bytes(2, "big")
        if not size.startswith(held[:2]):
            raise WireError("malformed", f"no IMEI: {held[:2].hex()}")
        text = bytes(held[2 : 2 + _IMEI_DIGITS])
        if text and not text.isdigit():
            raise WireError("malformed", "an IMEI has digits only")
        if len(text) < _IMEI_DIGITS:
            return None
        del held[: 2 + _IMEI_DIGITS]
        self._known = True
        return Imei(text.decode())


def accept(known: bool) -> bytes:  # noqa: FBT001  # the protocol's own word
    """Answer to the IMEI: go on, or go away."""
    return b"\x01" if known else b"\x00"


def acknowledge(records: int) -> bytes:
    """Answer to a packet: how many records were taken. Another number than it held, and the device sends all again."""
    return records.to_bytes(4, "big")


class Datagram(NamedTuple):
    """One packet over UDP: it names its sender and has no CRC of its own."""

    packet_id: int
    avl_packet_id: int
    imei: str
    block: bytes


def parse_datagram(data: bytes) -> Datagram:
    """The parts of a datagram. Its block may be anything.

    Raises:
        WireError: `malformed`.
    """
    if len(data) < _DATAGRAM_HEAD.size:
        raise WireError("malformed", f"a datagram of {len(data)} bytes")
    size, packet_id, avl_packet_id, digits = _DATAGRAM_HEAD.unpack_from(data)
    end = _DATAGRAM_HEAD.size + digits
    imei = data[_DATAGRAM_HEAD.size : end]
    if size != len(data) - 2 or len(imei) != _IMEI_DIGITS or not imei.isdigit():
        raise WireError("malformed", "the length or the IMEI of the datagram is wrong")
    return Datagram(packet_id, avl_packet_id, imei.decode(), data[end:])


def datagram_answer(packet_id: int, avl_packet_id: int, accepted: int) -> bytes:
    """Answer to a datagram: both ids back, and how many records were taken.

    >>> datagram_answer(0xCAFE, 5, 1).hex()
    '0005cafe010501'
    """
    return b"\x00\x05" + packet_id.to_bytes(2, "big") + b"\x01" + bytes([avl_packet_id, accepted])
