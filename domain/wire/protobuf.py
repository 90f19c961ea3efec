"""Protocol Buffers at the level of bytes: enough to read a message whose field numbers one knows, and no more.

Source: protobuf.dev/programming-guides/encoding. A message is a row of fields, each a tag (number and wire type) and a
value. Fields nobody asks for are skipped by their wire type. Groups (types 3 and 4, long deprecated) are refused, so
nothing here recurses, and every loop ends with the bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from domain.wire.said import WireError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_NAMES = {VARINT: "varint", FIXED64: "64-bit", BYTES: "length-delimited", FIXED32: "32-bit"}
_FIXED = {FIXED64: 8, FIXED32: 4}
_VARINT_BYTES_MAX = 10  # 64 bits, seven in each byte
_NUMBER_MAX = 2**29 - 1


class Field(NamedTuple):
    """One field as it stands in the bytes: a number for varints, raw bytes for every other wire type."""

    number: int
    wire: int
    value: int | bytes

    def uint(self) -> int:
        """An unsigned number of at most 64 bits; signed ones arrive here as their two's complement."""
        self._must_be(VARINT)
        assert isinstance(self.value, int)  # noqa: S101  # for mypy: a varint's value
        return self.value

    def truth(self) -> bool:
        """True for every number but 0."""
        return self.uint() != 0

    def raw(self) -> bytes:
        """Bytes, or a message inside."""
        self._must_be(BYTES)
        assert isinstance(self.value, bytes)  # noqa: S101  # for mypy: what stands behind a length
        return self.value

    def text(self) -> str:
        """UTF-8 text."""
        try:
            return self.raw().decode()
        except UnicodeDecodeError:
            raise WireError("malformed", f"protobuf field {self.number}: text that is not UTF-8") from None

    def float32(self) -> float:
        """A number of single precision."""
        self._must_be(FIXED32)
        return float(struct.unpack("<f", self.value)[0])  # type: ignore[arg-type]  # four bytes

    def float64(self) -> float:
        """A number of double precision."""
        self._must_be(FIXED64)
        return float(struct.unpack("<d", self.value)[0])  # type: ignore[arg-type]  # eight bytes

    def _must_be(self, wire: int) -> None:
        if self.wire != wire:
            raise WireError("malformed", f"protobuf field {self.number}: {_NAMES[self.wire]}, wanted {_NAMES[wire]}")


def fields(message: bytes) -> Iterator[Field]:
    r"""The fields of a message in the order of the bytes.

    >>> [tuple(field) for field in fields(b"\x08\x96\x01\x12\x02hi")]
    [(1, 0, 150), (2, 2, b'hi')]

    Raises:
        WireError: `malformed`, with the byte at which reading ended.
    """
    at = 0
    while at < len(message):
        start = at
        tag, at = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        if not 1 <= number <= _NUMBER_MAX:
            raise WireError("malformed", f"protobuf: {number} is no field number, at byte {start}")
        if wire == VARINT:
            value, at = _varint(message, at)
            yield Field(number, wire, value)
            continue
        if wire == BYTES:
            size, at = _varint(message, at)
        elif wire in _FIXED:
            size = _FIXED[wire]
        else:
            kind = "a group" if wire in (3, 4) else f"wire type {wire}"
            raise WireError("malformed", f"protobuf field {number}: {kind} is not read, at byte {start}")
        if size > len(message) - at:
            raise WireError("malformed", f"protobuf field {number}: {size} bytes announced, {len(message) - at} left")
        yield Field(number, wire, message[at : at + size])
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Number at a place, and the place behind it."""
    value = 0
    for i, byte in enumerate(message[at : at + _VARINT_BYTES_MAX]):
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            if value >= 2**64:
                break
            return value, at + i + 1
    else:
        if len(message) - at < _VARINT_BYTES_MAX:
            raise WireError("malformed", f"protobuf: cut off in the number at byte {at}")
    raise WireError("malformed", f"protobuf: a number of more than 64 bits at byte {at}")


def signed(value: int, bits: int) -> int | None:
    """A signed number from its two's complement of `bits`, or widened to 32 or 64 bits, as encoders differ in it.

    >>> signed(0xFE, 8), signed(0xFFFFFFFE, 8), signed(300, 8)
    (-2, -2, None)
    """
    low = value & (1 << bits) - 1
    number = low - (1 << bits) if low >> (bits - 1) else low
    return number if value in {low, number & 2**32 - 1, number & 2**64 - 1} else None


def varint(value: int) -> bytes:
    """Bytes of a number from 0 to 2**64 - 1.

    >>> varint(300).hex()
    'ac02'
    """
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, value: int | bytes) -> bytes:
    """Bytes of one field: a varint, or what stands behind a length.

    >>> list(fields(field(1, 150) + field(2, b"hi")))
    [Field(number=1, wire=0, value=150), Field(number=2, wire=2, value=b'hi')]
    """
    if isinstance(value, int):
        return varint(number << 3 | VARINT) + varint(value)
    return varint(number << 3 | BYTES) + varint(len(value)) + value
