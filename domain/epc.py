"""EPC binary codes of 96 bits, as far as stock needs them: SGTIN-96 to GTIN-14 (GS1 Tag Data Standard)."""

from __future__ import annotations

_GCP_BITS_DIGITS = ((40, 12), (37, 11), (34, 10), (30, 9), (27, 8), (24, 7), (20, 6))
SGTIN_96 = 0x30


def check_digit(digits: str) -> int:
    """GS1 mod-10 check digit, weights 3 and 1 from the right.

    >>> check_digit("8061414112345")
    8
    """
    total = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(digits)))
    return -total % 10


def gtin_of(epc: str) -> str | None:
    """GTIN-14 of an SGTIN-96 in hexadecimal; None for any other or malformed code.

    >>> gtin_of("3074257BF7194E4000001A85")
    '80614141123458'
    """
    if len(epc) != 24:
        return None
    try:
        bits = int(epc, 16)
    except ValueError:
        return None
    partition = (bits >> 82) & 0b111
    if bits >> 88 != SGTIN_96 or partition > 6:
        return None
    gcp_bits, gcp_digits = _GCP_BITS_DIGITS[partition]
    gcp = (bits >> (82 - gcp_bits)) & ((1 << gcp_bits) - 1)
    item = (bits >> 38) & ((1 << (44 - gcp_bits)) - 1)
    item_digits = 13 - gcp_digits
    if gcp >= 10**gcp_digits or item >= 10**item_digits:
        return None
    item_text = f"{item:0{item_digits}d}"
    body = item_text[0] + f"{gcp:0{gcp_digits}d}" + item_text[1:]
    return body + str(check_digit(body))
