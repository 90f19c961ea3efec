"""Layouts without a partition table: the + schemes (GS1 Tag Data Standard 2, chapter 14.5).

Digits are written four bits each; a serial number says how it is written (3 bits), how long it is (5 bits), and then
takes as few bits as its characters allow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from domain.epc.bits import EpcError, Reader, Writer, checked
from domain.epc.model import DIGITS, Epc, checked_key, kind_of

HEADERS: dict[str, int] = {
    "grai+": 0xF1, "sgln+": 0xF2, "sgtin+": 0xF7, "sscc+": 0xF9, "giai+": 0xFA, "dsgtin+": 0xFB,
}  # fmt: skip
SERIAL_MAX = {"sgtin": 20, "sgln": 20, "grai": 16}
GIAI_MAX, GIAI_DIGITS_MIN = 30, 4
DATES = ("11", "13", "15", "16", "17", "7006", "7007")
"""By indicator: produced, packed, best before, sell by, expires, frozen first, harvested."""
DELIMITER, TERMINATOR = 0xE, 0xF
_UPPER, _LOWER = "0123456789ABCDEF", "0123456789abcdef"
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_CODE_40 = "\0ABCDEFGHIJKLMNOPQRSTUVWXYZ-.:0123456789"
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Method(NamedTuple):
    """A way to write characters: which, how many bits for so many, and how."""

    characters: frozenset[str]
    bits: Callable[[int], int]
    put: Callable[[str, Writer], None]
    take: Callable[[int, Reader], str]


def decode(scheme: str, reader: Reader) -> Epc:
    """What stands behind the header; refuses what the layout does not allow."""
    kind = kind_of(scheme)
    more, filter_value = bool(reader.take(1, "data toggle")), reader.take(3, "filter")
    date = _take_date(reader) if scheme == "dsgtin+" else None
    if kind == "giai":
        key, written = _take_giai(reader)
        return Epc(scheme, key, "", filter_value, None, date, more, written=written)
    key = checked_key(kind, _take_digits(reader, DIGITS[kind]))
    if kind == "sscc":
        return Epc(scheme, key, "", filter_value, None, date, more)
    serial, method = _take_serial(reader, SERIAL_MAX[kind])
    written = (method,)
    if kind == "sgln" and serial == "0":
        serial = ""
    return Epc(scheme, key, serial, filter_value, None, date, more, written=written)


def encode(epc: Epc, out: Writer) -> None:
    """Header and all behind it, as short as it can be unless it was read otherwise."""
    out.put(HEADERS[epc.scheme], 8)
    out.put(epc.more, 1)
    out.put(epc.filter or 0, 3)
    if epc.scheme == "dsgtin+":
        _put_date(epc, out)
    if epc.kind == "giai":
        _put_giai(epc, out)
        return
    for digit in checked_key(epc.kind, epc.key):
        out.put(int(digit), 4)
    if epc.kind == "sscc":
        return
    serial = epc.serial or ("0" if epc.kind == "sgln" else "")
    if epc.kind == "sgln" and epc.serial == "0":
        raise EpcError("an extension of 0 means none")
    _put_serial(serial, SERIAL_MAX[epc.kind], out, epc.written[-1] if epc.written else None)


# ------------------------------------------------------------------ digits, dates
def _take_digits(reader: Reader, count: int) -> str:
    found = [reader.take(4, "key") for _ in range(count)]
    if max(found) > 9:
        raise EpcError(f"its key holds {max(found):X}, which is no digit")
    return "".join(map(str, found))


def _take_date(reader: Reader) -> tuple[str, str]:
    indicator = reader.take(4, "date")
    year, month, day = reader.take(7, "date"), reader.take(4, "date"), reader.take(5, "date")
    if indicator >= len(DATES):
        raise EpcError(f"its date is of kind {indicator}: 0 to {len(DATES) - 1} are")
    return DATES[indicator], _dated(f"{year:02d}{month:02d}{day:02d}")


def _put_date(epc: Epc, out: Writer) -> None:
    if epc.date is None or epc.date[0] not in DATES:
        raise EpcError(f"{epc.scheme} needs a date: one of ({'), ('.join(DATES)})")
    text = _dated(epc.date[1])
    out.put(DATES.index(epc.date[0]), 4)
    for part, bits in ((text[:2], 7), (text[2:4], 4), (text[4:], 5)):
        out.put(int(part), bits)


def _dated(text: str) -> str:
    """YYMMDD; day 00 is the whole month."""
    good = len(text) == 6 and text.isascii() and text.isdigit() and 1 <= int(text[2:4]) <= 12
    if not good or int(text[4:]) > _MONTH_DAYS[int(text[2:4]) - 1]:
        raise EpcError(f"its date {text!r} is none: YYMMDD, the day 00 for a whole month")
    return text


# ------------------------------------------------------------------ characters
def _number_bits(digits: int) -> int:
    return int(10**digits - 1).bit_length()


def _put_number(text: str, out: Writer) -> None:
    out.put(int(text), _number_bits(len(text)))


def _take_number(count: int, reader: Reader) -> str:
    return reader.digits(_number_bits(count), count, "serial number")


def _each(alphabet: str, bits: int) -> Method:
    """So many bits for each character, its place in the alphabet."""

    def put(text: str, out: Writer) -> None:
        for character in text:
            out.put(alphabet.index(character), bits)

    def take(count: int, reader: Reader) -> str:
        return "".join(alphabet[reader.take(bits, "serial number")] for _ in range(count))

    return Method(frozenset(alphabet), lambda count: bits * count, put, take)


def _put_code_40(text: str, out: Writer) -> None:
    for at in range(0, len(text), 3):
        first, second, third = (_CODE_40.index(c) for c in text[at : at + 3].ljust(3, "\0"))
        out.put(1600 * first + 40 * second + third + 1, 16)


def _take_code_40(count: int, reader: Reader) -> str:
    found = ""
    for _ in range(-(-count // 3)):
        number = reader.take(16, "serial number") - 1
        if not 0 <= number < 40**3:
            raise EpcError("its serial number holds three characters that are none")
        found += _CODE_40[number // 1600] + _CODE_40[number // 40 % 40] + _CODE_40[number % 40]
    if found.rstrip("\0") != found[:count] or "\0" in found[:count]:
        raise EpcError("its serial number is not as long as it says")
    return found[:count]


def _put_ascii(text: str, out: Writer) -> None:
    for character in text:
        out.put(ord(character), 7)


def _take_ascii(count: int, reader: Reader) -> str:
    return "".join(checked(chr(reader.take(7, "serial number")), "serial number") for _ in range(count))


METHODS: tuple[Method, ...] = (
    Method(frozenset("0123456789"), _number_bits, _put_number, _take_number),
    _each(_UPPER, 4),
    _each(_LOWER, 4),
    _each(_BASE64, 6),
    Method(frozenset(map(chr, range(128))), lambda count: 7 * count, _put_ascii, _take_ascii),
    Method(frozenset(_CODE_40[1:]), lambda count: 16 * -(-count // 3), _put_code_40, _take_code_40),
)
"""By indicator."""


def _take_serial(reader: Reader, longest: int) -> tuple[str, int]:
    indicator, count = reader.take(3, "serial number"), reader.take(5, "serial number")
    if indicator >= len(METHODS):
        raise EpcError(f"its serial number is written in way {indicator}: 0 to {len(METHODS) - 1} are")
    if not 1 <= count <= longest:
        raise EpcError(f"its serial number has {count} characters: 1 to {longest} are allowed")
    text = METHODS[indicator].take(count, reader)
    for character in text:
        checked(character, "serial number")
    return text, indicator


def _put_serial(text: str, longest: int, out: Writer, indicator: int | None) -> None:
    if not 1 <= len(text) <= longest:
        raise EpcError(f"its serial number {text!r} has {len(text)} characters: 1 to {longest} are allowed")
    for character in text:
        checked(character, "serial number")
    if indicator is None:
        able = [n for n, method in enumerate(METHODS) if method.characters.issuperset(text)]
        indicator = min(able, key=lambda n: METHODS[n].bits(len(text)))
    out.put(indicator, 3)
    out.put(len(text), 5)
    METHODS[indicator].put(text, out)


def _take_giai(reader: Reader) -> tuple[str, tuple[int, ...]]:
    digits = ""
    while (nibble := reader.take(4, "asset identifier")) < 10:
        digits += str(nibble)
        if len(digits) > GIAI_MAX:
            raise EpcError(f"its asset identifier is longer than {GIAI_MAX} characters")
    if nibble not in {DELIMITER, TERMINATOR}:
        raise EpcError(f"its asset identifier holds {nibble:X}, which neither is a digit nor ends them")
    if len(digits) < GIAI_DIGITS_MIN:
        raise EpcError(f"its asset identifier begins with {len(digits)} digits: a company prefix has more")
    if nibble == TERMINATOR:
        return digits, (len(digits),)
    if len(digits) == GIAI_MAX:
        raise EpcError(f"its asset identifier is longer than {GIAI_MAX} characters")
    rest, method = _take_serial(reader, GIAI_MAX - len(digits))
    return digits + rest, (len(digits), method)


def _put_giai(epc: Epc, out: Writer) -> None:
    first = len(epc.key) - len(epc.key.lstrip("0123456789"))
    first, *method = epc.written or (first,)
    if first < GIAI_DIGITS_MIN or len(epc.key) > GIAI_MAX:
        raise EpcError(f"a GIAI has {GIAI_MAX} characters at most, and begins with a company prefix: {epc.key!r}")
    for digit in epc.key[:first]:
        out.put(int(digit), 4)
    if first == len(epc.key):
        out.put(TERMINATOR, 4)
    else:
        out.put(DELIMITER, 4)
        _put_serial(epc.key[first:], GIAI_MAX - first, out, method[0] if method else None)
