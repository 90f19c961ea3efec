"""Checks an evidence pack. It stands alone, on the standard library of Python 3.10 or newer.

A pack is text, one JSON object a line. Each line names its number (`n`) and the SHA-256 of the line before it (`prev`);
the first line says what the pack is about, and the last one, the seal, how many lines there are. The seal is signed
(Ed25519, RFC 8032) with a key of the installation that made the pack, so every byte of the file is held by something:
a line by the one behind it, the last by the seal, the seal by its signature. Whose key it is a file cannot say of
itself: compare its fingerprint with the one that the installation shows, or give it with --key.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, BinaryIO

FORMAT = "frostway-evidence/1"
FIRST = "0" * 64
LINE_BYTES_MAX = 4 * 1024 * 1024
_SIGNED = re.compile(rb'\A(\{.*),"signature":"([0-9a-f]{128})"\}\Z', re.DOTALL)
_KEY = re.compile(r"\A[0-9a-f]{64}\Z")


class BrokenError(Exception):
    """The pack is not as it was made; the text says where."""


def verify(pack: BinaryIO, key: str | None = None) -> dict[str, Any]:
    """Reads a pack to its end and returns its first line, with `records`, `key` and `fingerprint` of its seal.

    Raises:
        BrokenError: something in it is not as it was made.
    """
    prev, number, head, seal = FIRST, 0, None, None
    while raw := pack.readline(LINE_BYTES_MAX + 1):
        if seal is not None:
            raise BrokenError(f"line {number + 1}: something stands behind the seal")
        if not raw.endswith(b"\n"):
            what = "is longer than any line is" if len(raw) > LINE_BYTES_MAX else "is cut off"
            raise BrokenError(f"line {number + 1} {what}")
        line = raw[:-1]
        found = _object(line, number + 1)
        if found.get("n") != number or found.get("prev") != prev:
            raise BrokenError(
                f"line {number + 1} does not follow the line before it: it was changed, or one was put in, "
                "taken out or moved"
            )
        if number == 0:
            if found.get("kind") != "head" or found.get("format") != FORMAT:
                raise BrokenError(f"line 1 is not the head of a pack ({FORMAT})")
            head = found
        elif found.get("kind") == "seal":
            seal = _seal(line, found, number, key)
        prev, number = hashlib.sha256(line).hexdigest(), number + 1
    if head is None:
        raise BrokenError("it is empty")
    if seal is None:
        raise BrokenError(f"it ends after line {number} without a seal: the end is missing")
    return {**head, "records": number - 2, "key": seal, "fingerprint": fingerprint(seal)}


def fingerprint(key: str) -> str:
    """What people compare of a key: the first 16 bytes of its SHA-256, in groups of four."""
    digest = hashlib.sha256(bytes.fromhex(key)).hexdigest()[:32]
    return " ".join(digest[i : i + 4] for i in range(0, 32, 4))


def _object(line: bytes, number: int) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise BrokenError(f"line {number} is no JSON") from None
    if not isinstance(found, dict):
        raise BrokenError(f"line {number} is no JSON object")
    return found


def _seal(line: bytes, found: dict[str, Any], number: int, wanted: str | None) -> str:
    """The key of a seal that is right."""
    key, parts = found.get("key"), _SIGNED.match(line)
    if parts is None or not isinstance(key, str) or not _KEY.match(key) or found.get("records") != number - 1:
        raise BrokenError(f"line {number + 1} is no seal of {number - 1} records")
    if not signed(bytes.fromhex(key), parts.group(1) + b"}", bytes.fromhex(parts.group(2).decode())):
        raise BrokenError(f"line {number + 1}: the signature is not of this pack")
    if wanted is not None and wanted.replace(" ", "").lower() not in (key, fingerprint(key).replace(" ", "")):
        raise BrokenError(f"it was sealed with another key: {fingerprint(key)}")
    return key


# ---------------------------------------------------------------- Ed25519, RFC 8032 section 5.1.7: verification alone
_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)
_Point = tuple[int, int, int, int]  # X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z


def signed(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature is of this message and key."""
    public, other = _point(key), signature[:32]
    scalar = int.from_bytes(signature[32:], "little")
    if public is None or scalar >= _ORDER:
        return False
    hashed = int.from_bytes(hashlib.sha512(other + key + message).digest(), "little") % _ORDER
    x, y, z, t = public
    return _bytes(_add(_times(scalar, _BASE), _times(hashed, (-x % _P, y, z, -t % _P)))) == other


def _add(a: _Point, b: _Point) -> _Point:
    m, n = (a[1] - a[0]) * (b[1] - b[0]) % _P, (a[1] + a[0]) * (b[1] + b[0]) % _P
    c, d = 2 * a[3] * b[3] * _D % _P, 2 * a[2] * b[2] % _P
    e, f, g, h = n - m, d - c, d + c, n + m
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(scalar: int, point: _Point) -> _Point:
    total: _Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point, scalar = _add(point, point), scalar >> 1
    return total


def _point(packed: bytes) -> _Point | None:
    value = int.from_bytes(packed, "little")
    y, odd = value & (2**255 - 1), value >> 255
    if y >= _P:
        return None
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    if (v * x * x + u) % _P == 0:
        x = x * _ROOT % _P
    elif (v * x * x - u) % _P:
        return None
    if x == 0 and odd:
        return None
    x = -x % _P if x & 1 != odd else x
    return x, y, 1, x * y % _P


def _bytes(point: _Point) -> bytes:
    inverse = pow(point[2], -1, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


_BASE: _Point = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
    1,
    46827403850823179245072216630277197565144205554125654976674165829533817101731,
)
