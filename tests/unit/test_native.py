"""The native format: what is good becomes columns, what is bad is rejected with a reason, its neighbours go on."""

from __future__ import annotations

import json

import cbor2
import msgspec
import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.frames import FrameError
from domain.frames import decode as decode_frame
from domain.frames import encode as encode_frame
from domain.names import STREAMS, TopicError, parse_topic, partition_of
from domain.readings import BATCHES, BY_STREAM, Batch, Flag
from domain.wire.native import NO_TIME, decode

ENCODE = {"json": orjson.dumps, "msgpack": msgspec.msgpack.encode, "cbor": cbor2.dumps}
GOOD = {
    "gps": {
        "t": 1700000000000,
        "lat": 60.17,
        "lon": 24.94,
        "spd": 13.2,
        "hdg": 270,
        "acc": 4.5,
        "ign": True,
        "boot": "b1",
        "seq": 812,
    },
    "temp": {"t": 1700000000000, "probe": "rear", "c": 4.7, "rh": 61},
    "rfid": {"t": 1700000000000, "ant": 2, "epc": "3034257BF7194E4000001A85", "rssi": -61.5},
    "shelf": {"t": 1700000000000, "slot": "A-03-2", "kg": 12.84},
    "attr": {"t": 1700000000000, "key": "pdop", "num": 1.3},
    "door": {"t": 1700000000000, "door": "rear", "open": True},
    "status": {"t": 1700000000000, "batt": 0.82, "rssi": -71, "reefer": "on", "setpoint_c": 4.0, "defrost": False},
}


def one(stream, payload, encoding="json"):
    return decode(stream, [(0, payload if isinstance(payload, bytes) else ENCODE[encoding](payload), encoding)])


def test_each_stream_has_a_batch():
    assert tuple(BY_STREAM) == STREAMS


@pytest.mark.parametrize("encoding", list(ENCODE))
@pytest.mark.parametrize("stream", STREAMS)
def test_the_documented_example_of_each_stream_decodes_in_each_encoding(stream, encoding):
    rows = one(stream, GOOD[stream], encoding)
    assert rows.rejections == []
    assert rows.bad.tolist() == [False]
    assert rows.time_us.tolist() == [1700000000000000]


def test_a_batch_is_arrays_of_one_length_with_scalars_for_all():
    rows = one(
        "gps", {"boot": "b1", "seq": 812, "t": [1000, 2000, 3000], "lat": [1, 2, 3.5], "lon": [4, 5, 6], "acc": 7}
    )
    assert rows.seq.tolist() == [812, 813, 814]
    assert rows.columns["lat"].tolist() == [1, 2, 3.5]
    assert rows.columns["accuracy_m"].tolist() == [7, 7, 7]
    assert rows.boot == ["b1"] * 3


@pytest.mark.parametrize(
    ("stream", "change", "why"),
    [
        ("gps", {"lat": None}, "lat: missing"),
        ("gps", {"lat": 91}, "lat: out of range"),
        ("gps", {"lat": "N60.1"}, "lat: not a number"),
        ("gps", {"lat": True}, "lat: not a number"),
        ("gps", {"lon": -180.5}, "lon: out of range"),
        ("gps", {"t": "2024-01-01T00:00:00"}, "t: not an RFC 3339 time with an offset"),
        ("gps", {"t": True}, "t: not milliseconds"),
        ("gps", {"t": 1e300}, "t: not milliseconds"),
        ("gps", {"seq": -1}, "seq: not a whole number"),
        ("gps", {"seq": 1.5}, "seq: not a whole number"),
        ("gps", {"seq": 2**70}, "not json|seq: not a whole number"),
        ("gps", {"boot": "a\x00b"}, "boot: not a text"),
        ("gps", {"boot": "x" * 65}, "boot: not a text"),
        ("temp", {"c": None}, "c: missing"),
        ("temp", {"c": [4.0, 5.0], "t": [1, 2, 3]}, "arrays of"),
        ("rfid", {"epc": "not hex"}, "epc: not hexadecimal"),
        ("rfid", {"epc": None}, "epc: missing"),
        ("shelf", {"kg": None}, "nothing said"),
        ("shelf", {"slot": ""}, "slot: not a text"),
        ("door", {"open": "ajar"}, "open: not true or false"),
        ("door", {"open": None}, "open: missing"),
    ],
)
def test_what_does_not_belong_is_rejected_with_a_reason(stream, change, why):
    payload = {k: v for k, v in {**GOOD[stream], **change}.items() if v is not None}
    rows = decode(stream, [(0, json.dumps(payload).encode(), "json"), (1, orjson.dumps(GOOD[stream]), "json")])
    assert [r.message for r in rows.rejections] == [0]
    assert any(part in rows.rejections[0].detail for part in why.split("|"))
    good = rows.message[~rows.bad]
    assert good.tolist() == [1]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"1",
        b'"x"',
        b"\xff\xfe",
        b"[" * 20000,
        b'{"t":' * 3000,
        b'{"t":1,"lat":NaN,"lon":1}',
        b'{"t":1,"lat":1e999,"lon":1}',
        b'{"t":1,"lat":-Infinity,"lon":1}',
        b'{"t":[],"lat":[],"lon":[]}',
        b'{"boot":"\\ud800","t":1,"lat":1,"lon":1}',
        b'{"t":1,"lat":1,"lon":1}' + b" " * 70_000,
    ],
    ids=lambda p: repr(p[:24]),
)
def test_a_broken_payload_is_rejected_whole(payload):
    rows = decode("gps", [(0, payload, "json"), (1, orjson.dumps(GOOD["gps"]), "json")])
    assert {r.message for r in rows.rejections} == {0}
    assert rows.message[~rows.bad].tolist() == [1]


@pytest.mark.parametrize("encoding", ["msgpack", "cbor"])
def test_nan_in_a_binary_encoding_is_not_a_number_and_costs_what_it_stands_for(encoding):
    rows = one("gps", {**GOOD["gps"], "spd": float("nan")}, encoding)
    assert (rows.bad.tolist(), rows.flags.tolist()) == ([False], [Flag.PARTIAL])
    assert rows.left_out == [(0, {"key": "speed_mps", "txt": "nan"})]
    mixed = decode(
        "gps",
        [
            (
                0,
                ENCODE[encoding]({"t": [1, 2], "lat": [1.0, float("inf")], "lon": [1.0, 1.0], "spd": [None, 2.0]}),
                encoding,
            )
        ],
    )
    assert mixed.bad.tolist() == [False, True]


def test_every_position_of_one_bad_reading_leaves_the_others():
    for at in range(0, 100, 7):
        lat = [60.0] * 100
        lat[at] = 191.0
        rows = one("gps", {"t": list(range(100)), "lat": lat, "lon": [25.0] * 100, "seq": 1, "boot": "b"})
        assert np.flatnonzero(rows.bad).tolist() == [at]
        assert rows.rejections[0].detail.endswith(f"(reading {at})")


def test_a_reading_without_a_time_is_marked_not_invented():
    assert one("temp", {"c": 4.0}).time_us.tolist() == [NO_TIME]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
keys = st.sampled_from(
    ["t", "lat", "lon", "spd", "boot", "seq", "c", "probe", "epc", "ant", "slot", "kg", "open", "batt", "reefer"]
)


@given(
    st.sampled_from(STREAMS),
    st.dictionaries(keys, anything | st.lists(anything, max_size=3), max_size=8),
    st.sampled_from(["msgpack", "cbor"]),
)
@settings(deadline=None)
def test_no_value_in_any_key_crashes_and_nothing_invalid_comes_through(stream, payload, encoding):
    try:
        raw = ENCODE[encoding](payload)
    except (OverflowError, ValueError):
        return
    rows = decode(stream, [(0, raw, encoding), (1, orjson.dumps(GOOD[stream]), "json")])
    assert 1 in rows.message[~rows.bad].tolist()
    assert len(rows.rejections) >= 1 or not rows.bad.any()
    for name, column in rows.columns.items():
        if name in ("lat", "lon", "temp_c"):
            assert np.isfinite(column[~rows.bad].astype(float)).all()


@given(st.sampled_from(STREAMS), st.binary(max_size=60), st.sampled_from(list(ENCODE)))
@settings(deadline=None)
def test_no_bytes_crash_a_decoder(stream, payload, encoding):
    rows = decode(stream, [(0, payload, encoding)])
    assert len(rows.rejections) >= 1 or len(rows.message) >= 1


def test_a_frame_gives_back_what_was_put_in():
    batches = [kind.build({n: np.arange(5) for n in kind.DTYPES}) for kind in BATCHES]
    back = decode_frame(encode_frame(batches))
    for a, b in zip(batches, back, strict=True):
        for name in a.DTYPES:
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_a_damaged_frame_is_refused():
    frame = encode_frame([BATCHES[0].build({n: np.arange(5) for n in BATCHES[0].DTYPES})])
    for broken in (b"XXXX" + frame[4:], frame[:-3], frame + b"x"):
        with pytest.raises(FrameError):
            decode_frame(broken)


def test_a_batch_of_unequal_columns_is_not_born():
    good = {n: np.zeros(2, dtype=d) for n, d in Batch.DTYPES.items()}
    with pytest.raises(ValueError, match="wanted"):
        Batch(**{**good, "seq": np.zeros(3, dtype="i8")})


@pytest.mark.parametrize(
    "topic",
    [
        b"fw/v1/main/x/gpsx",
        b"fw/v2/main/x/gps",
        b"fw/v1/Main/x/gps",
        b"fw/v1/main//gps",
        b"fw/v1/main/x/gps/y",
        b"fw/v1/main/x/gps.xml",
        b"\xff/v1",
        b"fw/v1/main/" + b"a" * 65 + b"/gps",
        b"fw/v1/main/-x/gps",
    ],
)
def test_a_foreign_topic_is_refused(topic):
    with pytest.raises(TopicError):
        parse_topic(topic)


def test_the_partition_of_a_home_never_changes():
    assert [partition_of("main", f"vehicle/truck-{i}", 4) for i in range(6)] == [3, 1, 3, 1, 2, 0]
