"""What an EPC is called elsewhere: tag URI, pure identity, element string, GS1 Digital Link."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from domain.epc import classic, plus
from domain.epc.bits import CHARACTERS, EpcError
from domain.epc.model import DIGITS, PREFIX_DIGITS, Epc, Kind, checked_key, joined, kind_of

LINK = "https://id.gs1.org"
TAG, IDENTITY = "urn:epc:tag:", "urn:epc:id:"
KEY_OF: dict[Kind, str] = {"sgtin": "01", "sscc": "00", "sgln": "414", "grai": "8003", "giai": "8004"}
SERIAL_OF: dict[Kind, str] = {"sgtin": "21", "sgln": "254"}
SHORT: dict[Kind, str] = {kind: f"{kind}-96" for kind in (*KEY_OF, "gid")}
LONG: dict[Kind, str] = {"sgtin": "sgtin-198", "sgln": "sgln-195", "grai": "grai-170", "giai": "giai-202"}
_URN = {c: f"%{ord(c):02X}" for c in '"%&/<>?#'}
_ELEMENT = re.compile(r"\((\d{2,4})\)([^(]*)")


class Wanted(NamedTuple):
    """How a name is to become a tag, where the name does not say."""

    scheme: str | None = None
    filter: int = 0
    prefix_digits: int | None = None


def tag_uri(epc: Epc) -> str | None:
    """`urn:epc:tag:…`; None for + schemes, which have none."""
    if epc.scheme in plus.HEADERS:
        return None
    start = "" if epc.filter is None else f"{epc.filter}."
    return f"{TAG}{epc.scheme}:{start}{_body(epc)}"


def pure_identity(epc: Epc) -> str | None:
    """`urn:epc:id:…`; None where the length of the company prefix is not known."""
    if epc.kind != "gid" and epc.prefix_digits is None:
        return None
    return f"{IDENTITY}{epc.kind}:{_body(epc)}"


def elements(epc: Epc) -> list[tuple[str, str]]:
    """Application identifiers with their values; empty for a GID."""
    if epc.kind == "gid":
        return []
    found = [(KEY_OF[epc.kind], epc.key + (epc.serial if epc.kind == "grai" else ""))]
    if epc.serial and epc.kind in SERIAL_OF:
        found.append((SERIAL_OF[epc.kind], epc.serial))
    return [*found, *([epc.date] if epc.date else [])]


def element_string(epc: Epc) -> str | None:
    """As it stands below a barcode: `(01)80614141123458(21)6789`."""
    return "".join(f"({ai}){value}" for ai, value in elements(epc)) or None


def digital_link(epc: Epc) -> str | None:
    """`https://id.gs1.org/01/80614141123458/21/6789`."""
    found = elements(epc)
    path = [(ai, value) for ai, value in found if (ai, value) != epc.date]
    link = LINK + "".join(f"/{ai}/{quote(value, safe='')}" for ai, value in path)
    return (f"{link}?{epc.date[0]}={epc.date[1]}" if epc.date else link) if found else None


def parse(text: str, wanted: Wanted = Wanted()) -> Epc:  # noqa: B008 - a tuple
    """An EPC from any of these texts; `wanted` says what the text does not.

    Raises:
        EpcError: it is none of them, or cannot be a tag as wanted.
    """
    if text.startswith(TAG):
        return _of_tag(text)
    if text.startswith(IDENTITY):
        return _of_identity(text, wanted)
    if text.startswith("("):
        pairs = _ELEMENT.findall(text)
        if "".join(f"({ai}){value}" for ai, value in pairs) != text:
            raise EpcError("an element string is (01)… with its application identifiers in brackets")
        return _of_elements(pairs, wanted)
    if text.startswith(("http://", "https://")):
        return _of_elements(_link_parts(text), wanted)
    raise EpcError("it is no URI of an EPC, no element string and no Digital Link: urn:epc:…, (01)… or https://…")


def _of_tag(text: str) -> Epc:
    scheme, _, body = text.removeprefix(TAG).partition(":")
    if scheme == "gid-96":
        return _gid(body)
    if scheme not in classic.LAYOUTS:
        raise EpcError(f"there is no scheme {scheme[:40]!r} with a tag URI")
    first, _, rest = body.partition(".")
    if first not in tuple("01234567"):
        raise EpcError(f"its filter {first[:40]!r} is not 0 to 7")
    return _of_body(scheme, rest, int(first))


def _of_identity(text: str, wanted: Wanted) -> Epc:
    kind, _, body = text.removeprefix(IDENTITY).partition(":")
    if kind not in SHORT:
        raise EpcError(f"there is no kind {kind[:40]!r}: one of {', '.join(SHORT)}")
    return _gid(body) if kind == "gid" else _laid_out(_of_body(SHORT[kind], body, wanted.filter), wanted)


def _link_parts(text: str) -> list[tuple[str, str]]:
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise EpcError(f"it is no web address: {error}") from None
    steps = parts.path.strip("/").split("/")
    start = next((n for n, step in enumerate(steps) if step in KEY_OF.values()), None)
    if start is None or (len(steps) - start) % 2:
        raise EpcError(f"its path {parts.path[:80]!r} names no key of GS1, as /01/… or /00/… does")
    pairs = [(steps[n], unquote(steps[n + 1])) for n in range(start, len(steps), 2)]
    for each in filter(None, parts.query.split("&")):
        ai, _, value = each.partition("=")
        if ai in plus.DATES:
            pairs.append((ai, unquote(value)))
    return pairs


def _of_elements(pairs: Sequence[tuple[str, str]], wanted: Wanted) -> Epc:
    values = dict(pairs)
    kind = next((kind for kind, ai in KEY_OF.items() if ai in values), None)
    if kind is None:
        raise EpcError(f"it names no key: one of ({'), ('.join(KEY_OF.values())})")
    value = values[KEY_OF[kind]]
    if kind == "sgtin" and value.isdigit():
        value = value.zfill(14)  # 8, 12 and 13 digits are GTINs too
    serial = values.get(SERIAL_OF.get(kind, ""), "")
    if kind == "grai":
        value, serial = value[:14], value[14:]
    date = next(((ai, values[ai]) for ai in plus.DATES if ai in values), None)
    scheme = "dsgtin+" if date and kind == "sgtin" else f"{kind}+"
    return _laid_out(Epc(scheme, checked_key(kind, value), serial, wanted.filter, wanted.prefix_digits, date), wanted)


def _laid_out(epc: Epc, wanted: Wanted) -> Epc:
    """In the scheme that is wanted; without one in the shortest that holds it."""
    scheme = wanted.scheme
    if scheme is None and epc.prefix_digits is None:
        return epc
    if scheme is None:
        is_short = epc.date is None and _fits_short(epc)
        scheme = epc.scheme if epc.date else SHORT[epc.kind] if is_short else LONG[epc.kind]
    if scheme not in classic.LAYOUTS and scheme not in plus.HEADERS:
        raise EpcError(f"there is no scheme {scheme[:40]!r}: one of {', '.join([*classic.LAYOUTS, *plus.HEADERS])}")
    if kind_of(scheme) != epc.kind:
        raise EpcError(f"{scheme} carries no {epc.kind}")
    date = epc.date if scheme == "dsgtin+" else None
    prefix_digits = None if scheme in plus.HEADERS else epc.prefix_digits
    return Epc(scheme, epc.key, epc.serial, wanted.filter, prefix_digits, date)


def _fits_short(epc: Epc) -> bool:
    text = epc.parts[1] if epc.kind == "giai" else epc.serial
    bits = {"sgtin": 38, "grai": 38, "sgln": 41, "giai": classic.LAYOUTS["giai-96"].pair_bits}.get(epc.kind)
    if bits is None or not text:
        return True
    if epc.kind == "giai":
        bits -= classic.PREFIX_BITS[12 - len(epc.parts[0])]
        if len(text) > 25 - len(epc.parts[0]):
            return False
    return text.isascii() and text.isdigit() and text == str(int(text)) and not int(text) >> bits


# ------------------------------------------------------------------ the body of a URN
def _body(epc: Epc) -> str:
    if epc.kind == "gid":
        return f"{epc.key}.{epc.serial}"
    prefix, reference = epc.parts
    reference = _escaped(reference)
    if epc.kind in {"sscc", "giai"}:
        return f"{prefix}.{reference}"
    return f"{prefix}.{reference}.{_escaped(epc.serial) or '0'}"


def _of_body(scheme: str, body: str, filter_value: int) -> Epc:
    kind = kind_of(scheme)
    wanted = 2 if kind in {"sscc", "giai"} else 3
    parts = body.split(".", wanted - 1)
    if len(parts) < wanted:
        raise EpcError(f"{body[:80]!r} has {len(parts)} parts between its points: {wanted} are wanted")
    prefix, reference = parts[0], _unescaped(parts[1])
    serial = _unescaped(parts[2]) if wanted == 3 else ""
    if len(prefix) not in PREFIX_DIGITS or not (prefix.isascii() and prefix.isdigit()):
        raise EpcError(f"its company prefix {prefix[:40]!r} is not 6 to 12 digits")
    if kind != "giai":
        digits = DIGITS[kind] - 1 - (kind == "grai") - len(prefix)
        if len(reference) != digits or not ((reference.isascii() and reference.isdigit()) or not digits):
            raise EpcError(f"its reference {reference[:40]!r} is not {digits} digits, as beside {prefix}")
    if kind == "sgln" and serial == "0":
        serial = ""
    return Epc(scheme, joined(kind, prefix, reference), serial, filter_value, len(prefix))


def _gid(body: str) -> Epc:
    parts = body.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        raise EpcError(f"{body[:80]!r} is not manager.class.serial")
    return Epc("gid-96", f"{parts[0]}.{parts[1]}", parts[2], None)


def _escaped(text: str) -> str:
    return "".join(_URN.get(c, c) for c in text)


def _unescaped(text: str) -> str:
    plain = unquote(text)
    if not CHARACTERS.issuperset(plain):
        raise EpcError(f"{text[:40]!r} holds characters that no code of GS1 may hold")
    return plain
