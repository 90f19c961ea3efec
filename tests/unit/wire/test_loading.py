"""JSON as devices print it: what stands around it and in it that no standard knows, in every format that is JSON."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.wire.loading import json_value, tidy
from tests.unit.wire.speakers import POSITION, TEMPERATURE, Message, heard, text

JSON = {**TEMPERATURE, **POSITION}
AROUND = {
    "a zero byte": lambda raw: raw + b"\0",
    "a buffer of zeros": lambda raw: raw + bytes(200),
    "a byte order mark": lambda raw: b"\xef\xbb\xbf" + raw,
    "both": lambda raw: b"\xef\xbb\xbf" + raw + b"\r\n\0",
    "UTF-16": lambda raw: raw.decode().encode("utf-16"),
}


@pytest.mark.parametrize("name", [name for name in JSON if not name.endswith(("cbor", "mp"))])
@pytest.mark.parametrize("around", AROUND)
def test_what_stands_around_a_message_leaves_nothing_in_doubt(name: str, around: str) -> None:
    if name == "osmand query" and around == "UTF-16":
        return  # a query is ASCII
    message = JSON[name]("temp", {"c": 4.5} if name in TEMPERATURE else {"lat": 60, "lon": 24})
    found = heard(message._replace(payload=AROUND[around](message.payload)))
    assert found == heard(message)
    assert len(found.readings) == 1


@pytest.mark.parametrize(
    "raw", [b'{"c":4.5}\0x', b'\0{"c":4.5}', b'{"c":4.5}}', b'{"c":4.5', b'{"c":"a\0b"}', b'{"c":nano}', b""]
)
def test_what_is_in_doubt_is_refused(raw: bytes) -> None:
    assert heard(Message("", raw, "temp")).why().startswith("malformed: ")


def test_binary_messages_do_not_end_early() -> None:
    packed = TEMPERATURE["native mp"]("temp", {"c": 4.5})
    assert heard(packed._replace(payload=packed.payload + b"\0")).why().startswith("malformed: ")


words = st.sampled_from([math.nan, math.inf, -math.inf])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | words | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and math.isnan(one):
        return isinstance(other, float) and math.isnan(other)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    return bool(one == other)


@given(values)
@settings(deadline=None)
def test_what_pythons_json_writes_is_read_as_it_was(value: Any) -> None:
    try:
        raw = text(value)
    except UnicodeEncodeError:
        return
    try:
        found = json_value(raw)
    except ValueError:
        assert b"\\ud" in raw, "only half characters cannot be read"
        return
    assert same(found, value)


@given(st.binary(max_size=40))
def test_tidying_ends_and_never_adds(raw: bytes) -> None:
    assert len(tidy(raw)) <= 2 * len(raw)
