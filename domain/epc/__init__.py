"""Electronic Product Codes (GS1 Tag Data Standard): what a tag's bits name, and the bits that name it.

Known layouts are those of SGTIN, SSCC, SGLN, GRAI and GIAI, short, long and +, and GID-96. Tags with other codes are
normal: they are refused with the reason, counted as they are read, and never dropped.
"""

from __future__ import annotations

from dataclasses import replace

from domain.epc import classic, plus
from domain.epc.bits import EpcError, Reader, Writer
from domain.epc.keys import check_digit
from domain.epc.model import Epc
from domain.epc.texts import Wanted, digital_link, element_string, parse, pure_identity, tag_uri

__all__ = [
    "Epc", "EpcError", "Wanted", "check_digit", "decode", "digital_link", "element_string", "encode", "gtin_of",
    "parse", "pure_identity", "tag_uri",
]  # fmt: skip

DIGITS_MAX = 124
"""Hexadecimal digits of the longest EPC that a tag can hold: 31 words of 16 bits."""
WORD_BITS = 16
_BY_HEADER = {layout.header: scheme for scheme, layout in classic.LAYOUTS.items()} | {
    header: scheme for scheme, header in plus.HEADERS.items()
}
OTHERS = {
    0x2C: "gdti-96", 0x2D: "gsrn-96", 0x2E: "gsrnp-96", 0x2F: "usdod-96", 0x3B: "adi-var", 0x3C: "cpi-96",
    0x3D: "cpi-var", 0x3E: "gdti-174", 0x3F: "sgcn-96", 0x40: "itip-110", 0x41: "itip-212", 0xE6: "cpi++",
    0xE7: "gsrn++", 0xE8: "gsrnp++", 0xE9: "sgln++", 0xEA: "gdti++", 0xEB: "grai++", 0xEC: "sgcn++", 0xED: "itip++",
    0xEE: "giai++", 0xEF: "sscc++", 0xF0: "cpi+", 0xF3: "itip+", 0xF4: "gsrn+", 0xF5: "gsrnp+", 0xF6: "gdti+",
    0xF8: "sgcn+", 0xFC: "dsgtin++", 0xFD: "sgtin++",
}  # fmt: skip
"""Schemes by header that are not taken to pieces here."""


def decode(text: str) -> Epc:
    """What a tag's hexadecimal digits say.

    Raises:
        EpcError: it is no code of a layout known here; says why.

    >>> decode("3074257BF7194E4000001A85").gtin, tag_uri(decode("3074257BF7194E4000001A85"))
    ('80614141123458', 'urn:epc:tag:sgtin-96:3.0614141.812345.6789')
    """
    if not 2 <= len(text) <= DIGITS_MAX:
        raise EpcError(f"it has {len(text)} hexadecimal digits: 2 to {DIGITS_MAX} are wanted")
    if not text.isascii() or not text.isalnum():
        raise EpcError("it is not hexadecimal")
    try:
        value = int(text, 16)
    except ValueError:
        raise EpcError("it is not hexadecimal") from None
    reader = Reader(value, 4 * len(text))
    header = reader.take(8, "header")
    if header == classic.GID_96:
        return _ended(classic.decode_gid(reader), reader)
    scheme = _BY_HEADER.get(header)
    if scheme is None:
        why = f"that of {OTHERS[header]}, which is kept as it is" if header in OTHERS else "of no scheme"
        raise EpcError(f"its header {header:02X} is {why}")
    of = plus if scheme in plus.HEADERS else classic
    return _ended(of.decode(scheme, reader), reader)


def _ended(epc: Epc, reader: Reader) -> Epc:
    """With the bits behind it: zeros, or the data of a + scheme."""
    bits = reader.left
    tail = reader.take(bits, "end")
    if tail and epc.scheme not in plus.HEADERS:
        raise EpcError(f"it goes on behind the end of {epc.scheme}")
    return replace(epc, tail=f"{tail:0{bits}b}" if bits else "")


def encode(epc: Epc) -> str:
    """Hexadecimal digits, filled up to whole words unless it was read with another end.

    Raises:
        EpcError: it does not fit its scheme; says why.

    >>> encode(parse("urn:epc:tag:sscc-96:3.0614141.1234567890"))
    '3174257BF4499602D2000000'
    """
    if not 0 <= (epc.filter or 0) <= 7:
        raise EpcError(f"its filter {epc.filter} is not 0 to 7")
    out = Writer()
    if epc.scheme == "gid-96":
        classic.encode_gid(epc, out)
    elif epc.scheme in plus.HEADERS:
        plus.encode(epc, out)
    elif epc.scheme in classic.LAYOUTS:
        classic.encode(epc, out)
    else:
        raise EpcError(f"there is no scheme {epc.scheme!r}")
    tail = "0" * (-out.length % WORD_BITS) if epc.tail is None else epc.tail
    for bit in tail:
        out.put(bit == "1", 1)
    if out.length % 4:
        out.put(0, -out.length % 4)
    return f"{out.value:0{out.length // 4}X}"


def gtin_of(epc: str) -> str | None:
    """GTIN-14 of an item's tag in hexadecimal; None for any other or malformed code.

    >>> gtin_of("3074257BF7194E4000001A85")
    '80614141123458'
    """
    try:
        return decode(epc).gtin
    except EpcError:
        return None
