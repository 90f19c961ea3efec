"""Device profiles: what is refused, which one counts at a moment, whose secrets are hidden, what calibration adds."""

from __future__ import annotations

import math

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.frames import decode, encode
from domain.profiles import (
    BODY_BYTES_MAX,
    ENTRIES_MAX,
    HIDDEN,
    NO_PROFILE,
    Calibration,
    History,
    Profile,
    ProfileError,
    body_text,
    profile_of,
    without_secrets,
)
from domain.readings import TemperatureBatch
from ingest.calibration import corrections

REFUSED = [
    ({"chanels": {}}, "'chanels': a profile has"),
    ({"channels": []}, "channels: an object"),
    ({"channels": {"T1": {"stream": "temp", "key": "f"}}}, "channels.T1"),
    ({"channels": {"T1": {"stream": "temp", "key": "c", "unit": "furlong"}}}, "unknown unit"),
    ({"calibration": {"rear": {"offset_c": 21}}}, "calibration.rear"),
    ({"calibration": {"rear": {"offset_c": math.nan}}}, "calibration.rear"),
    ({"calibration": {"rear": {"ofset_c": 1}}}, "'ofset_c' is none of offset_c, due"),
    ({"calibration": {"rear": {"certificate": 7}}}, "certificate and accuracy_class are texts"),
    ({"calibration": {"rear": {"calibrated": "2027-02-01T00:00:00Z", "due": "2027-01-31T00:00:00Z"}}}, "due is later"),
    ({"calibration": {"rear": {"due": "2027-01-31"}}}, "due is an RFC 3339 time"),
    ({"clock_error_s": 0}, "clock_error_s"),
    ({"interval_s": True}, "interval_s"),
    ({"accuracy_class": 1}, "accuracy_class: a text"),
    ({"options": {"x": "\ud800"}}, "surrogates"),
    ({"options": {"x": 2**70}}, "64 bits"),
    ({"options": {"x": "a\0b"}}, "zero character"),
    ({"options": {"x": "y" * BODY_BYTES_MAX}}, "longer than 64 KiB"),
    ({"options": {str(n): n for n in range(ENTRIES_MAX + 1)}}, "at most 500"),
    ([], "an object is wanted"),
]


@pytest.mark.parametrize(("body", "why"), REFUSED, ids=[why for _, why in REFUSED])
def test_what_is_no_profile_is_refused_with_its_part_named(body, why) -> None:
    with pytest.raises(ProfileError, match=why):
        body_text(body)


def test_of_profiles_that_begin_together_the_last_version_counts() -> None:
    history = History.of([Profile(3, 100), Profile(1, 100), Profile(2, 200)])
    assert [history.at(t).version for t in (100, 199.5, 200, math.inf)] == [3, 3, 2, 2]
    assert history.at(99) is NO_PROFILE


@given(st.lists(st.integers(0, 50), unique=True, min_size=1), st.integers(-1, 51))
def test_the_profile_of_a_moment_is_the_last_that_had_begun(since, t_us) -> None:
    history = History.of([Profile(version, each) for version, each in enumerate(since, 1)])
    begun = [each for each in since if each <= t_us]
    assert history.at(t_us).version == (since.index(max(begun)) + 1 if begun else 0)


def test_options_named_like_secrets_are_hidden_wherever_they_stand() -> None:
    options = {
        "bthome_key": "00",
        "Password": "x",
        "apiKey2": "y",
        "deep": [{"token": "t", "zone": "UTC"}],
        "monkey": 1,
    }
    body = {"options": options, "interval_s": 60}
    assert without_secrets(body) == {
        "options": {
            "bthome_key": HIDDEN,
            "Password": HIDDEN,
            "apiKey2": HIDDEN,
            "deep": [{"token": HIDDEN, "zone": "UTC"}],
            "monkey": 1,
        },
        "interval_s": 60,
    }
    assert options["bthome_key"] == "00"


def test_calibration_is_that_of_the_device_the_probe_and_the_moment() -> None:
    early = Profile(1, 100, calibration={"rear": Calibration(-0.5, due_us=150), "front": Calibration(0.0)})
    late = Profile(2, 200, calibration={"rear": Calibration(0.25)})
    rows = [(7, "rear", 99), (7, "rear", 100), (7, "rear", 150), (7, "rear", 200), (7, "front", 150), (8, "rear", 150)]
    device, probe, t_us = zip(*rows, strict=True)
    found, due = corrections(
        np.array(device, np.int32), probe, np.array(t_us), frozenset({7}), lambda _device: History.of([early, late])
    )
    np.testing.assert_array_equal(found, np.array([np.nan, -0.5, -0.5, 0.25, 0, np.nan], np.float32))
    assert due.tolist() == [False, False, True, False, False, False]


def test_a_stored_profile_is_read_as_it_was_given() -> None:
    body = {"calibration": {"rear": {"offset_c": -0.3, "due": "2027-01-31T00:00:00Z"}}, "clock_error_s": 30}
    profile = profile_of(body, 4, 5)
    assert (profile.version, profile.since_us, profile.clock_error_s) == (4, 5, 30.0)
    assert profile.calibration == {"rear": Calibration(-0.3, 1_801_353_600_000_000)}


def test_a_frame_from_before_corrections_were_kept_has_none() -> None:
    columns = {name: [4.0] for name in TemperatureBatch.DTYPES} | {"correction_c": [0.5]}
    frame = encode([TemperatureBatch.build(columns)])
    size = int.from_bytes(frame[4:8], "little")
    head = orjson.loads(frame[8 : 8 + size])
    head[0][2].remove("correction_c")  # the last column
    older = orjson.dumps(head)
    (batch,) = decode(frame[:4] + len(older).to_bytes(4, "little") + older + frame[8 + size : -4])
    assert isinstance(batch, TemperatureBatch)
    assert batch.temp_c.tolist() == [4.0]
    assert np.isnan(batch.correction_c).all()
