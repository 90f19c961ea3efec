"""JSON as devices send it: a byte order mark in front, zero bytes behind, `nan` or `inf` where a number is missing."""

from __future__ import annotations

import codecs
import math
import re
from typing import Any

import orjson

from domain.names import PAYLOAD_BYTES_MAX
from domain.wire.said import WireError

# A string up to its end (or that of the payload), or a number JSON has no word for. `1e999` is one, too.
_TOKEN = re.compile(
    rb'"(?:[^"\\]|\\.)*+(?:"|\Z)|(?<![\w.])[-+]?(?:nan(?:\(\w*\))?|inf(?:inity)?|\d++(?:\.\d++)?e\+?\d{3,8})(?![\w.(])',
    re.IGNORECASE | re.DOTALL,
)
_MARK = "\ufdd0"  # a character that no text may hold (Unicode, "noncharacters") stands for the missing word
_ODD = {f"{_MARK}nan": math.nan, f"{_MARK}inf": math.inf, f"{_MARK}-inf": -math.inf}


def tidy(payload: bytes) -> bytes:
    r"""The text without a byte order mark in front and zero bytes behind; UTF-16 that says so becomes UTF-8.

    >>> tidy(b"\xef\xbb\xbf{}\x00\x00")
    b'{}'
    """
    if payload.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            payload = payload.decode("utf-16").encode()
        except UnicodeError:
            return payload
    return payload.removeprefix(codecs.BOM_UTF8).rstrip(b"\0")


def json_value(payload: bytes) -> Any:
    """The value of a JSON text. What C and JavaScript print for no number (`nan`, `-inf`, `Infinity`) is that number.

    >>> json_value(b'{"c": [4.7, nan]}')
    {'c': [4.7, nan]}

    Raises:
        ValueError: not JSON.
    """
    try:
        return orjson.loads(payload)
    except ValueError:
        text = tidy(payload)
        mended = _TOKEN.sub(_marked, text)
        if mended == payload:
            raise
    found = orjson.loads(mended)
    return found if mended == text else _restored(found, 0)


def _marked(token: re.Match[bytes]) -> bytes:
    found = token[0]
    if found.startswith(b'"'):
        return found
    number = float(found.partition(b"(")[0])
    if math.isfinite(number):
        return found
    return f'"{_MARK}{number}"'.encode()


def _restored(value: Any, depth: int) -> Any:
    if depth > 200:
        raise ValueError("nested too deep")
    if isinstance(value, str):
        return _ODD.get(value, value)
    if isinstance(value, list):
        return [_restored(each, depth + 1) for each in value]
    if isinstance(value, dict):
        return {key: _restored(each, depth + 1) for key, each in value.items()}
    return value


def loaded(payload: bytes) -> Any:
    """The JSON value of a foreign payload.

    Raises:
        WireError: `too_large`, `malformed`.
    """
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise WireError("too_large", f"{len(payload)} bytes, at most {PAYLOAD_BYTES_MAX}")
    try:
        return json_value(payload)
    except ValueError as error:
        raise WireError("malformed", f"not JSON: {error}"[:300]) from None
