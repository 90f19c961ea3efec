"""Requests of devices that came whole and have nothing odd about them, read at once by a parser in C.

Nearly all requests are such. Whatever else comes (a head in pieces, a coding, an upgrade, a second request behind the
first) is no plain request and left to the server, which reads it from its first byte on, with all its limits. So a
plain request is never read differently than there: what is accepted here is a part of what is accepted there.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import httptools

from domain.names import PAYLOAD_BYTES_MAX

HEAD_BYTES_MAX = 16 * 1024
_LINE = re.compile(rb"(?:GET|POST) (/[!-~]*) HTTP/1\.1\r\n")
_FOLDED = re.compile(rb"\n[ \t]")
# What makes a request one that the server has to see, by the names of its headers.
_ODD = frozenset({b"transfer-encoding", b"upgrade", b"expect"})


class Plain(NamedTuple):
    """A request; names of headers are in lower case."""

    method: str
    path: bytes
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Unfinished(NamedTuple):
    """The head is there and plain; so many bytes of the body are not."""

    missing: int


class PlainReader:
    """Reads one request after the other. The parser's callbacks are its own."""

    def __init__(self) -> None:
        self._parser: httptools.HttpRequestParser | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = b""
        self._begun = self._ended = 0

    def read(self, data: bytes) -> Plain | Unfinished | None:
        """What came; None: it is not plain."""
        end = data.find(b"\r\n\r\n")
        line = _LINE.match(data, 0, end + 2) if 0 < end <= HEAD_BYTES_MAX else None
        if line is None or not _is_even(data[:end]) or not self._parse(data):
            return None
        length = _body_bytes(self._headers)
        missing = None if length is None else end + 4 + length - len(data)
        if missing == 0 and (self._begun, self._ended, len(self._body)) == (1, 1, length):
            path, _, query = line[1].partition(b"?")
            return Plain("GET" if data[:1] == b"G" else "POST", path, query, self._headers, self._body)
        self._parser = None  # it may stand in the middle of something
        return Unfinished(missing) if missing is not None and missing > 0 else None

    def _parse(self, data: bytes) -> bool:
        """False: the parser refuses it."""
        if self._parser is None:
            self._parser = httptools.HttpRequestParser(self)
        self._headers, self._body, self._begun, self._ended = [], b"", 0, 0
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._parser = None
            return False
        return True

    # ------------------------------------------------------------ told by the parser
    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._begun += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._headers.append((name.lower(), value.strip(b" \t")))

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        """The last byte of a request."""
        self._ended += 1


def _is_even(head: bytes) -> bool:
    """Whether each of its lines is one of ASCII by itself."""
    return head.isascii() and _FOLDED.search(head) is None


def _body_bytes(headers: list[tuple[bytes, bytes]]) -> int | None:
    """How long the body is; None: something about the headers is for the server to see."""
    length, hosts = None, 0
    for name, value in headers:
        if name in _ODD:
            return None
        if name == b"host":
            hosts += 1
        elif name == b"content-length":
            if length is not None or not value.isdigit() or len(value) > 9:
                return None
            length = int(value)
        elif name == b"connection" and value.lower() != b"keep-alive":
            return None
    return (length or 0) if hosts == 1 and (length or 0) <= PAYLOAD_BYTES_MAX else None
