"""Plain requests on a real socket, in turn with others: the same answers, whoever reads them, and none for another."""

from __future__ import annotations

import re
import socket
import threading
import time

import pytest

from ingest.doors.http_connection import HELD_BYTES, PIECES_S
from ingest.doors.inbox import Fate, Inbox, Outcome
from tests.deadlines import deadline
from tests.integration.ingest.test_http_door import STORED, TOKEN, client, door, take, telemetry

PLAIN = f"POST /api/v1/{TOKEN}/telemetry HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n[1,2]".encode()
ODD = PLAIN.replace(b"host: x", b"host: x\r\nexpect: nothing")  # the same, left to the server


def answer_of(raw: socket.socket) -> bytes:
    """One answer with its body, without the time."""
    got = b""
    while b"\r\n\r\n" not in got or len(got) < got.index(b"\r\n\r\n") + 4 + length_of(got):
        more = raw.recv(4096)
        assert more, got
        got += more
    return b"\r\n".join(line for line in got.split(b"\r\n") if not line.startswith(b"date: "))


def length_of(got: bytes) -> int:
    found = re.search(rb"content-length: (\d+)", got)
    return int(found[1]) if found else 0


@pytest.mark.parametrize(
    "outcome",
    [
        STORED,
        Outcome(Fate.QUARANTINED, "malformed: no"),
        Outcome(Fate.LATER, "full disk"),
        Outcome(Fate.UNKNOWN, "who"),
    ],
    ids=lambda outcome: outcome.fate.value,
)
def test_a_plain_request_is_answered_to_the_byte_as_the_server_answers_it(outcome: Outcome) -> None:
    inbox, found = Inbox(), []
    with door(inbox) as at, socket.create_connection(("127.0.0.1", at.port), timeout=deadline(10)) as raw:
        for request in (PLAIN, ODD, PLAIN, ODD, ODD, PLAIN):
            raw.sendall(request)
            parcel = take(inbox)
            assert parcel.payload == b"[1,2]"
            parcel.done(outcome)
            found.append(answer_of(raw))
    assert len(set(found)) == 1


def test_requests_sent_ahead_are_answered_one_after_the_other() -> None:
    inbox = Inbox()
    with door(inbox) as found, socket.create_connection(("127.0.0.1", found.port), timeout=deadline(10)) as raw:
        for ahead in (PLAIN + ODD + PLAIN, PLAIN):
            raw.sendall(ahead)
        for _ in range(4):
            parcel = take(inbox)
            assert len(inbox) == 0
            parcel.done(STORED)
            assert answer_of(raw).startswith(b"HTTP/1.1 200")


def test_a_device_that_is_far_ahead_of_its_answers_loses_none() -> None:
    inbox, ahead = Inbox(), 2 * HELD_BYTES // len(PLAIN)
    with door(inbox) as found, socket.create_connection(("127.0.0.1", found.port), timeout=deadline(20)) as raw:
        raw.sendall(PLAIN)
        parcel = take(inbox)
        sending = threading.Thread(target=raw.sendall, args=(PLAIN * ahead,))
        sending.start()
        parcel.done(STORED)
        for _ in range(ahead):
            assert answer_of_one(raw)
            take(inbox).done(STORED)
        assert answer_of_one(raw)
        sending.join(deadline(10))


def answer_of_one(raw: socket.socket) -> bool:
    """An answer without a body, and no byte of the next one."""
    got = b""
    while not got.endswith(b"\r\n\r\n"):
        more = raw.recv(1)
        assert more
        got += more
    return got.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("wait_s", [0.0, PIECES_S + 0.2], ids=["at once", "after the server has taken over"])
def test_a_body_may_come_in_pieces_behind_its_head(wait_s: float) -> None:
    inbox = Inbox()
    with door(inbox) as found, socket.create_connection(("127.0.0.1", found.port), timeout=deadline(10)) as raw:
        for _ in range(2):
            for piece in (PLAIN[:-5], PLAIN[-5:-2], PLAIN[-2:]):
                raw.sendall(piece)
                time.sleep(wait_s)  # what passes while nothing comes is what is tried here
            parcel = take(inbox)
            assert parcel.payload == b"[1,2]"
            parcel.done(STORED)
            assert answer_of(raw).startswith(b"HTTP/1.1 200")


def test_a_plain_request_that_is_not_durable_in_time_is_to_be_sent_again_and_the_next_one_is_taken() -> None:
    inbox = Inbox()
    with (
        door(inbox, durable_s=0.3) as found,
        socket.create_connection(("127.0.0.1", found.port), timeout=deadline(10)) as raw,
    ):
        raw.sendall(PLAIN)
        assert answer_of(raw).startswith(b"HTTP/1.1 503")
        late = take(inbox)
        raw.sendall(PLAIN)
        parcel = take(inbox)
        late.done(Outcome(Fate.UNKNOWN, "too late"))
        parcel.done(STORED)
        assert answer_of(raw).startswith(b"HTTP/1.1 200")


def test_who_goes_before_the_answer_takes_nothing_with_it() -> None:
    inbox = Inbox()
    with door(inbox) as found, client(found.port) as http:
        with socket.create_connection(("127.0.0.1", found.port), timeout=deadline(10)) as raw:
            raw.sendall(PLAIN)
            parcel = take(inbox)
        assert telemetry(http, token="wrong").status_code == 401
        parcel.done(STORED)
        assert telemetry(http, token="wrong").status_code == 401
