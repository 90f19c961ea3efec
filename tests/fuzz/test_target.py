"""The fuzz target itself: what it lets pass, and what it would report."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from domain.names import PAYLOAD_BYTES_MAX
from domain.wire import formats
from domain.wire.said import READINGS_MAX, Context, Said
from tests.fuzz import target
from tests.fuzz.dense import DENSE
from tests.fuzz.target import TARGETS, BrokenError, examine


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b"\x80", b"id=1", b'{"t":1e400}', b'{"t":[1,2],"lat":[1]}'])
def test_every_target_reads_or_refuses(name: str, payload: bytes) -> None:
    examine(name, payload)


@pytest.mark.parametrize(("name", "payload"), DENSE, ids=[f"{name}-{number}" for number, (name, _) in enumerate(DENSE)])
def test_the_fullest_message_is_read_or_refused_and_never_more_than_its_neighbours_can_wait_for(
    name: str, payload: bytes
) -> None:
    assert len(payload) <= PAYLOAD_BYTES_MAX
    rows = sum(len(each.message) for each in target.read(name, payload))
    assert rows <= (READINGS_MAX if name in formats.FORMATS else PAYLOAD_BYTES_MAX // 2)


def bad(decoder: Callable[[bytes, Context], list[Said]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "FORMATS", {**formats.FORMATS, "owntracks": lambda: decoder})


def test_a_slow_decoder_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(_: bytes, __: Context) -> list[Said]:
        since = time.process_time()
        while time.process_time() - since < 2 * target.PARSE_S_MAX:
            pass
        return []

    bad(slow, monkeypatch)
    with pytest.raises(BrokenError, match="ms for 0 bytes"):
        examine("owntracks", b"")


def test_a_crash_is_not_taken_for_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(_: bytes, __: Context) -> list[Said]:
        raise KeyError("lat")

    bad(crash, monkeypatch)
    with pytest.raises(KeyError):
        examine("owntracks", b"")


def test_an_invalid_value_that_would_come_through_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def said(_: bytes, __: Context) -> list[Said]:
        return [Said("gps", {"t": 0, "lat": 60.0, "lon": 24.0})]

    def lying(*arguments: Any) -> Any:
        rows = decode(*arguments)
        rows.columns["lat"] += 100
        return rows

    decode = target.decode
    bad(said, monkeypatch)
    examine("owntracks", b"")
    monkeypatch.setattr(target, "decode", lying)
    with pytest.raises(BrokenError, match=r"gps\.lat: out of range"):
        examine("owntracks", b"")
