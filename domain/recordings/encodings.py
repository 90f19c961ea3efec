"""Text of a file whatever it is encoded in: the mark of order wins, then what its bytes look like, then UTF-8."""

from __future__ import annotations

import codecs
import re

_MARKS = (  # the longer first: UTF-32 begins as UTF-16 does
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(rb"\s*<\?xml[^>]*?\sencoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_XML_DECLARATION = re.compile(r"\A(\s*)<\?xml.*?\?>", re.DOTALL)
_LOOK = 400  # bytes looked at to tell UTF-16 without a mark


def text_of(content: bytes) -> str:
    """The text; bytes that are none of its encoding become lone surrogates, so that only what holds them is harmed."""
    encoding = _encoding(content)
    try:
        return content.decode(encoding, "surrogateescape" if encoding.startswith("utf-8") else "strict")
    except (UnicodeDecodeError, LookupError):
        return content.decode(encoding, "replace") if encoding.startswith(("utf-16", "utf-32")) else _utf8(content)


def xml_of(content: bytes) -> str:
    """As `text_of`, without the XML declaration (it may contradict the bytes); lines keep their numbers."""
    text = text_of(content)
    return _XML_DECLARATION.sub(lambda m: "\n" * m[0].count("\n"), text)


def clean(text: str) -> bool:
    """Whether all of it was text in the file's encoding."""
    return not any("\udc80" <= c <= "\udcff" for c in text)


def _utf8(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _encoding(content: bytes) -> str:
    for mark, name in _MARKS:
        if content.startswith(mark):
            return name
    head = content[:_LOOK]
    half = len(head) // 2
    for name, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[0::2])):
        if half and zeros.count(0) > 0.8 * half:
            return name
    if declared := _DECLARED.match(content):
        name = declared[1].decode("ascii").lower()
        try:
            # UTF-16 is declared, but its bytes are not: somebody has saved it anew and left the declaration.
            return "utf-8" if name.startswith(("utf-16", "utf-32", "ucs")) else codecs.lookup(name).name
        except LookupError:
            return "utf-8"
    return "utf-8"
