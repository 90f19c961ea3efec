"""Plain requests are read at once, and never differently from how the server reads them."""

from __future__ import annotations

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.names import PAYLOAD_BYTES_MAX
from ingest.doors.plain import HEAD_BYTES_MAX, Plain, PlainReader, Unfinished
from tests.examples import examples

GET = b"GET /osmand/tok?lat=1&lon=2 HTTP/1.1\r\nHost: x\r\nUser-Agent: y\r\n\r\n"
BODY = b'{"temperature":4.5}'
POST = b"POST /api/v1/tok/telemetry HTTP/1.1\r\nhost: x\r\nContent-Length: 19\r\nConnection: keep-alive\r\n\r\n" + BODY


def by_the_server(data: bytes) -> Plain | None:
    """One whole request as h11 reads it, and nothing behind it."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=64 * 1024)
    connection.receive_data(data)
    try:
        request, body = connection.next_event(), b""
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            if not isinstance(event, h11.Data):
                return None
            body += event.data
    except h11.RemoteProtocolError:
        return None
    if not isinstance(request, h11.Request) or connection.trailing_data[0]:
        return None
    path, _, query = request.target.partition(b"?")
    return Plain(request.method.decode(), path, query, list(request.headers), body)


def test_a_whole_request_is_read_and_so_is_the_next_one() -> None:
    reader = PlainReader()
    for _ in range(3):
        assert reader.read(GET) == Plain(
            "GET", b"/osmand/tok", b"lat=1&lon=2", [(b"host", b"x"), (b"user-agent", b"y")], b""
        )
        found = reader.read(POST)
        assert isinstance(found, Plain)
        assert found.body == BODY
        assert found == by_the_server(POST)


def test_a_body_that_is_not_whole_is_missing_so_many_bytes() -> None:
    reader = PlainReader()
    assert reader.read(POST[:-7]) == Unfinished(7)
    assert reader.read(POST[: -len(BODY)]) == Unfinished(len(BODY))
    assert isinstance(reader.read(POST), Plain), "the parser begins anew"


HEAD = b"POST /owntracks/tok HTTP/1.1\r\nhost: x\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        GET[:-1],
        GET + GET,
        POST + b"x",
        b"\r\n" + GET,
        GET.replace(b"1.1", b"1.0"),
        GET.replace(b"GET", b"PUT"),
        GET.replace(b"GET", b"get"),
        GET.replace(b"Host: x\r\n", b""),
        GET.replace(b"Host: x\r\n", b"Host: x\r\nHost: y\r\n"),
        GET.replace(b"/osmand", b"http://x/osmand"),
        GET.replace(b"lat=1", b"lat=\xe4"),
        GET.replace(b"lat=1", b"lat=1 2"),
        GET.replace(b"lat=1", b"lat=\x01"),
        GET.replace(b"User-Agent: y", b"User-Agent: \xe4"),
        GET.replace(b"User-Agent: y", b"User-Agent: y\x00"),
        GET.replace(b"User-Agent: y", b"User-Agent: y\r\n z"),
        GET.replace(b"User-Agent: y", b"User-Agent : y"),
        GET.replace(b"User-Agent: y", b"Connection: close"),
        GET.replace(b"User-Agent: y", b"Connection: Upgrade\r\nUpgrade: h2c"),
        GET.replace(b"User-Agent: y", b"Expect: 100-continue"),
        GET.replace(b"User-Agent: y", b"x: " + b"y" * HEAD_BYTES_MAX),
        GET.replace(b"\r\n", b"\n"),
        HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\nhello",
        HEAD + b"transfer-encoding : chunked\r\ncontent-length: 5\r\n\r\nhello",
        HEAD + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        HEAD + b"content-length: 5\r\ncontent-length: 5\r\n\r\nhello",
        HEAD + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        HEAD + b"content-length: 5, 5\r\n\r\nhello",
        HEAD + b"content-length: +5\r\n\r\nhello",
        HEAD + b"content-length: -5\r\n\r\nhello",
        HEAD + b"content-length: 0x5\r\n\r\nhello",
        HEAD + b"content-length: 5_0\r\n\r\nhello",
        HEAD + b"content-length: \xd9\xa5\r\n\r\nhello",
        HEAD + b"content-length: 99999999999999999999\r\n\r\nhello",
        HEAD + b"content-length: %d\r\n\r\nhello" % (PAYLOAD_BYTES_MAX + 1),
        HEAD + b"content-length:\r\n\r\nhello",
        HEAD + b"\r\nhello",
        bytes(range(256)),
    ],
)
def test_whatever_is_odd_is_left_to_the_server_and_the_next_request_is_read(raw: bytes) -> None:
    reader = PlainReader()
    assert reader.read(raw) is None
    assert isinstance(reader.read(POST), Plain)


PIECES = st.sampled_from(
    [
        *(
            b"GET ",
            b"POST ",
            b"/",
            b"/osmand/t?a=1",
            b" HTTP/1.1\r\n",
            b"host: x\r\n",
            b"\r\n",
            b"\n",
            b"\r",
            b" ",
            b"\t",
        ),
        *(
            b"content-length: 3\r\n",
            b"content-length: 0\r\n",
            b"transfer-encoding: chunked\r\n",
            b"abc",
            b"0\r\n\r\n",
            b":",
        ),
        *(
            b"connection: keep-alive\r\n",
            b"connection: close\r\n",
            b"x: \x00\r\n",
            b"x:\x0b\r\n",
            b"\x80",
            b"\x7f",
            b"x",
        ),
    ]
)


@given(st.lists(PIECES, max_size=8), st.lists(st.tuples(st.integers(0, 200), PIECES), max_size=3), st.booleans())
@example([], [], True)
@settings(deadline=None, max_examples=examples(500))
def test_no_bytes_are_read_differently_from_the_server(made, changes, is_post) -> None:
    data = b"".join(made)
    if changes or not made:
        data = POST if is_post else GET
        for at, piece in changes:
            data = data[:at] + piece + data[at + len(piece) * (at % 2) :]
    found = PlainReader().read(data)
    if isinstance(found, Plain):
        assert found == by_the_server(data)
    elif isinstance(found, Unfinished):
        whole = data + b"x" * found.missing
        again = PlainReader().read(whole)
        assert isinstance(again, Plain)
        assert again == by_the_server(whole)
