"""Layouts with a partition table: the 96-bit schemes and their longer ones (GS1 Tag Data Standard, chapter 14.6)."""

from __future__ import annotations

from typing import NamedTuple

from domain.epc.bits import EpcError, Reader, Writer, number_of
from domain.epc.model import DIGITS, PREFIX_DIGITS, Epc, checked_key, joined, kind_of

PREFIX_BITS = (40, 37, 34, 30, 27, 24, 20)
"""By partition: of a company prefix of 12, 11, … 6 digits."""
PARTITIONS = len(PREFIX_BITS)


class Layout(NamedTuple):
    """Header, bits of prefix and reference together, bits behind them, and whether those are characters."""

    header: int
    pair_bits: int
    tail_bits: int
    is_text: bool = False


LAYOUTS: dict[str, Layout] = {
    "sgtin-96": Layout(0x30, 44, 38),
    "sscc-96": Layout(0x31, 58, 24),
    "sgln-96": Layout(0x32, 41, 41),
    "grai-96": Layout(0x33, 44, 38),
    "giai-96": Layout(0x34, 82, 0),
    "sgtin-198": Layout(0x36, 44, 140, is_text=True),
    "grai-170": Layout(0x37, 44, 112, is_text=True),
    "giai-202": Layout(0x38, 188, 0, is_text=True),
    "sgln-195": Layout(0x39, 41, 140, is_text=True),
}
GID_96, GID_BITS = 0x35, (28, 24, 36)


def decode(scheme: str, reader: Reader) -> Epc:
    """What stands behind the header; refuses what the layout does not allow."""
    layout, kind = LAYOUTS[scheme], kind_of(scheme)
    filter_value, partition = reader.take(3, "filter"), reader.take(3, "partition")
    if partition >= PARTITIONS:
        raise EpcError(f"its partition is {partition}: 0 to {PARTITIONS - 1} are")
    prefix_digits, prefix_bits = 12 - partition, PREFIX_BITS[partition]
    prefix = reader.digits(prefix_bits, prefix_digits, "company prefix")
    reference_bits = layout.pair_bits - prefix_bits
    if kind == "giai":
        rest = reader.text(reference_bits, "asset reference") if layout.is_text else ""
        if not layout.is_text:
            rest = str(int(reader.digits(reference_bits, 25 - prefix_digits, "asset reference")))
        if layout.is_text and len(rest) > 30 - prefix_digits:
            raise EpcError(f"its asset reference {rest!r} is longer than {30 - prefix_digits} characters")
        return Epc(scheme, prefix + rest, "", filter_value, prefix_digits)
    reference = reader.digits(reference_bits, DIGITS[kind] - 1 - (kind == "grai") - prefix_digits, "reference")
    key = joined(kind, prefix, reference)
    if kind == "sscc":
        if reader.take(layout.tail_bits, "end"):
            raise EpcError("its last 24 bits are not zero, as those of an SSCC are")
        return Epc(scheme, key, "", filter_value, prefix_digits)
    if layout.is_text:
        serial = reader.text(layout.tail_bits, "serial number")
    else:
        serial = str(reader.take(layout.tail_bits, "serial number"))
    if kind == "sgln" and serial == "0":
        serial = ""
    return Epc(scheme, key, serial, filter_value, prefix_digits)


def encode(epc: Epc, out: Writer) -> None:
    """Header and all behind it."""
    layout, kind = LAYOUTS[epc.scheme], epc.kind
    if epc.prefix_digits not in PREFIX_DIGITS:
        raise EpcError(f"{epc.scheme} needs the length of the company prefix: 6 to 12 digits")
    checked_key(kind, epc.key)
    prefix, reference = epc.parts
    partition = 12 - len(prefix)
    prefix_bits = PREFIX_BITS[partition]
    reference_bits = layout.pair_bits - prefix_bits
    out.put(layout.header, 8)
    out.put(epc.filter or 0, 3)
    out.put(partition, 3)
    if not prefix.isdigit() or len(prefix) != epc.prefix_digits:
        raise EpcError(f"its company prefix {prefix!r} is not {epc.prefix_digits} digits")
    out.put(int(prefix), prefix_bits)
    if kind == "giai" and layout.is_text:
        if len(reference) > 30 - len(prefix):
            raise EpcError(f"its asset reference {reference!r} is longer than {30 - len(prefix)} characters")
        out.text(reference, reference_bits, "asset reference")
        return
    if kind == "giai":
        if len(reference) > 25 - len(prefix):
            raise EpcError(f"its asset reference {reference!r} is longer than {25 - len(prefix)} digits")
        out.put(number_of(reference, reference_bits, "asset reference"), reference_bits)
        return
    out.put(int(reference or "0"), reference_bits)
    if kind == "sscc":
        out.put(0, layout.tail_bits)
    elif layout.is_text:
        out.text(_serial(epc), layout.tail_bits, "serial number")
    else:
        out.put(number_of(_serial(epc), layout.tail_bits, "serial number"), layout.tail_bits)


def _serial(epc: Epc) -> str:
    if epc.kind == "sgln":
        if epc.serial == "0":
            raise EpcError("an extension of 0 means none")
        return epc.serial or "0"
    if not epc.serial:
        raise EpcError(f"{epc.scheme} needs a serial number")
    return epc.serial


def decode_gid(reader: Reader) -> Epc:
    """A general identifier: no key of GS1."""
    manager, group, serial = (reader.take(bits, "identifier") for bits in GID_BITS)
    return Epc("gid-96", f"{manager}.{group}", str(serial), None)


def encode_gid(epc: Epc, out: Writer) -> None:
    """Header and all behind it."""
    out.put(GID_96, 8)
    numbers = [*epc.key.split("."), epc.serial]
    if len(numbers) != len(GID_BITS):
        raise EpcError("a GID has a manager, a class and a serial number")
    for text, bits in zip(numbers, GID_BITS, strict=True):
        out.put(number_of(text, bits, "identifier"), bits)
