"""Temperature profiles in JSON: each is read as it was written, what contradicts itself is refused at its part."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cold_chain.parsing import ProfileError, body_of, profile_of, short_of
from domain.cold_chain.profile import (
    AGGREGATIONS,
    GAP_CHARGES,
    PHASES,
    PLACEMENTS,
    RESETS,
    SEVERITIES,
    Band,
    Mkt,
    Reset,
    Schedule,
    Suppression,
    TemperatureProfile,
    plain,
)
from domain.cold_chain.ready_made import READY_MADE
from domain.cold_chain.versions import EVER, NO_HISTORY, History, Version

WARM = {"name": "warm", "op": ">", "limit_c": 8}
SUM = {**WARM, "mode": "cumulative"}
ROLLING = {**SUM, "reset": "rolling"}

REFUSED: list[tuple[Any, str]] = [
    ([], "an object with some of low_c"),
    ({}, "low_c, high_c: at least one of them"),
    ({"hihg_c": 8}, "'hihg_c': there is none; there are low_c"),
    ({"low_c": 8, "high_c": 8}, "low_c: not below high_c"),
    ({"high_c": math.nan}, "low_c, high_c: between -273.15 and 1000"),
    ({"high_c": 10**400}, "low_c, high_c: between -273.15 and 1000"),
    ({"high_c": True}, "low_c, high_c: between"),
    ({"high_c": 8, "for_s": -1}, "for_s: seconds from 0 to 3.2e7"),
    ({"bands": {}}, "bands: a list of bands"),
    ({"bands": [WARM], "for_s": 5}, "for_s: not beside bands: each of them has its for_s"),
    ({"bands": [WARM], "hysteresis_c": 5}, "hysteresis_c: not beside bands: each of them has its clear_c"),
    ({"bands": [{**WARM, "name": str(n)} for n in range(17)]}, "bands: at most 16 bands"),
    ({"bands": ["warm"]}, "bands[0]: an object with some of name"),
    ({"bands": [WARM, WARM]}, "bands[1].name: another than 'warm'"),
    ({"bands": [{**WARM, "name": ""}]}, "bands[0].name: one line of text, 1 to 64 characters"),
    ({"bands": [{**WARM, "name": "a\nb"}]}, "bands[0].name: one line of text"),
    ({"bands": [{**WARM, "op": "=>"}]}, "bands[0].op: one of >, >=, <, <="),
    ({"bands": [{"name": "warm", "op": ">"}]}, "bands[0].limit_c: degrees from -273.15 to 1000"),
    ({"bands": [WARM, {**WARM, "name": "b", "for_s": 3.3e7}]}, "bands[1].for_s: seconds from 0 to 3.2e7"),
    ({"bands": [{**WARM, "severity": "loud"}]}, "bands[0].severity: one of info, warning, critical"),
    ({"bands": [SUM]}, "bands[0].reset: when the count begins anew: one of never, shipment"),
    ({"bands": [{**WARM, "reset": "daily"}]}, "bands[0].reset: never, as only a cumulative"),
    ({"bands": [ROLLING]}, "bands[0].window_s: seconds, more than 0"),
    ({"bands": [{**ROLLING, "window_s": 0}]}, "bands[0].window_s: seconds, more than 0"),
    ({"bands": [{**ROLLING, "window_s": 9, "for_s": 10}]}, "bands[0].for_s: at most window_s"),
    ({"bands": [{**SUM, "reset": "daily", "window_s": 9}]}, "bands[0].window_s: left out"),
    ({"bands": [{**SUM, "reset": "daily", "reset_at": "7:00"}]}, "bands[0].reset_at: a time of day"),
    ({"bands": [{**SUM, "reset": "daily", "reset_at": "24:00"}]}, "bands[0].reset_at: a time of day"),
    ({"bands": [{**WARM, "reset_at": "07:00"}]}, "bands[0].reset_at: left out"),
    ({"bands": [{**WARM, "phases": ["moon"]}]}, "bands[0].phases: some of origin, in_transit, destination"),
    ({"bands": [{**WARM, "phases": [[]]}]}, "bands[0].phases: some of origin"),
    ({"low_c": 9, "bands": [WARM]}, "bands[0].limit_c: above low_c"),
    ({"high_c": 2, "bands": [{**WARM, "op": "<"}]}, "bands[0].limit_c: below high_c"),
    (
        {"bands": [WARM, {"name": "cold", "op": "<=", "limit_c": 8}]},
        "bands[1].limit_c: below 8, the limit of 'warm', or nothing",
    ),
    ({"mkt": {"limit_c": 8}}, "mkt.window_s: seconds, more than 0"),
    ({"mkt": {"limit_c": 8, "window_s": 0}}, "mkt.window_s: seconds, more than 0"),
    ({"mkt": {"limit_c": 8, "window_s": 9, "delta_h_kj_per_mol": 0}}, "mkt.delta_h_kj_per_mol: kJ/mol, more than 0"),
    ({"mkt": {"limit_c": 8, "window_s": 9, "placement": "before"}}, "mkt.placement: one of any"),
    ({"high_c": 8, "coverage": 1.1}, "coverage: a share from 0 to 1"),
    ({"high_c": 8, "max_interval_s": 0}, "max_interval_s: seconds, more than 0 and at most 604800"),
    ({"high_c": 8, "accuracy_c": -1}, "accuracy_c: degrees from 0 to 20"),
    ({"high_c": 8, "gap_charge": "all"}, "gap_charge: one of nothing"),
    ({"high_c": 8, "aggregation": []}, "aggregation: one of each"),
    ({"high_c": 8, "tz": "Mars/Olympus"}, "tz: an IANA time zone"),
    ({"high_c": 8, "source": "\ud800"}, "source: one line of text"),
    ({"high_c": 8, "suppress": {"door_open": 1}}, "suppress.door_open: true or false"),
    ({"high_c": 8, "suppress": {"defrost_s": -1}}, "suppress.defrost_s: seconds from 0"),
    ({"high_c": 8, "schedule": {"days": [0]}}, "schedule.days: some of 1 Monday"),
    ({"high_c": 8, "schedule": {"days": [1, 1]}}, "schedule.days: some of 1 Monday"),
    ({"high_c": 8, "schedule": {"days": []}}, "schedule.days: some of 1 Monday"),
    ({"high_c": 8, "schedule": {"begins": "25:00"}}, "schedule.begins: a time of day"),
    ({"high_c": 8, "schedule": {"begins": "07:00", "ends": "07:00"}}, "schedule.ends: another time"),
]


@pytest.mark.parametrize(("body", "why"), REFUSED, ids=[why for _, why in REFUSED])
def test_what_contradicts_itself_is_refused_at_its_part(body: Any, why: str) -> None:
    with pytest.raises(ProfileError) as refused:
        profile_of(body)
    assert str(refused.value).startswith(why)


def test_bands_of_other_phases_do_not_contradict_one_another() -> None:
    cold = {"name": "cold", "op": "<", "limit_c": 9, "phases": ["origin"]}
    assert len(profile_of({"bands": [{**WARM, "phases": ["in_transit"]}, cold]}).bands) == 2
    with pytest.raises(ProfileError, match="nothing lies between"):
        profile_of({"bands": [WARM, cold]})


def test_the_short_form_is_a_profile_of_two_limits_and_back() -> None:
    short = {"low_c": 2, "high_c": 8, "for_s": 900, "hysteresis_c": 0.5, "max_interval_s": 60}
    assert profile_of(short) == plain(2.0, 8.0, 900.0, 0.5, 60.0)
    assert short_of(profile_of(short))._asdict() == short
    assert short_of(READY_MADE["pharma-2-8"].profile)[:3] == (2.0, 8.0, 600.0)


seconds = st.floats(0, 3.2e7)
degrees = st.floats(-100, 100)
clocks = st.times().map(lambda t: f"{t:%H:%M}")
texts = st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), max_size=20)


@st.composite
def bands(draw: st.DrawFn, name: str) -> Band:
    above = draw(st.booleans())
    reset: Reset | None = draw(st.sampled_from([None, *RESETS]))
    window_s = draw(st.floats(1, 3.2e7)) if reset == "rolling" else None
    return Band(
        name,
        draw(st.sampled_from((">", ">=") if above else ("<", "<="))),
        draw(st.floats(20, 1000) if above else st.floats(-200, 10)),
        draw(st.floats(0, window_s or 3.2e7)),
        "cumulative" if reset else "consecutive",
        reset or "never",
        draw(clocks) if reset == "daily" else "00:00",
        window_s,
        draw(st.sampled_from(SEVERITIES)),
        draw(st.floats(0, 50)),
        tuple(p for p in PHASES if draw(st.booleans())),
    )


@st.composite
def profiles(draw: st.DrawFn) -> TemperatureProfile:
    low = draw(st.none() | st.floats(10.5, 14))
    days = tuple(sorted(draw(st.sets(st.integers(1, 7), min_size=1))))
    begins, ends = draw(st.tuples(clocks, clocks | st.just("24:00")).filter(lambda pair: pair[0] != pair[1]))
    defrost_s = draw(st.none() | seconds)
    return TemperatureProfile(
        low,
        draw(st.none() | st.floats(15, 19)),
        tuple(draw(bands(f"band {n}")) for n in range(draw(st.integers(1, 16)))),
        draw(st.none() | st.builds(Mkt, degrees, st.floats(1, 3.2e7), st.sampled_from(PLACEMENTS), st.floats(1, 500))),
        draw(st.floats(1, 604_800)),
        draw(st.floats(0, 20)),
        draw(texts),
        draw(st.sampled_from(GAP_CHARGES)),
        draw(st.sampled_from(AGGREGATIONS)),
        draw(st.floats(0, 1)),
        Suppression(draw(st.booleans()), defrost_s, draw(seconds), draw(st.booleans())),
        draw(st.sampled_from([None, Schedule(days, begins, ends)])),
        draw(st.sampled_from(["UTC", "Europe/Helsinki", "Asia/Kathmandu"])),
        draw(texts),
        draw(texts),
    )


@given(profiles())
def test_a_profile_is_read_as_it_was_written(profile: TemperatureProfile) -> None:
    assert profile_of(orjson.loads(orjson.dumps(body_of(profile)))) == profile


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from([">", "daily", "07:00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*WARM, "mode", "window_s"]), inner),
    max_leaves=6,
)


@given(profiles(), st.data())
def test_a_body_that_is_spoilt_is_refused_plainly_or_still_a_profile(
    profile: TemperatureProfile, data: st.DataObject
) -> None:
    body = body_of(profile)
    for _ in range(data.draw(st.integers(1, 3))):
        at: Any = body
        while data.draw(st.booleans()) and (
            deeper := [v for v in (at.values() if isinstance(at, dict) else at) if v and isinstance(v, (dict, list))]
        ):
            at = data.draw(st.sampled_from(deeper))
        key = data.draw(st.sampled_from(list(at))) if isinstance(at, dict) and at else 0
        if at or isinstance(at, dict):
            at[key] = data.draw(values)
    try:
        found = profile_of(body)
    except ProfileError:
        return
    assert profile_of(body_of(found)) == found


@pytest.mark.parametrize("key", list(READY_MADE))
def test_what_is_ready_made_is_sound_and_says_its_source(key: str) -> None:
    ready = READY_MADE[key]
    assert profile_of(body_of(ready.profile)) == ready.profile
    assert ready.key == key
    assert ready.profile.source
    assert ready.profile.edition or "own choice" in ready.profile.source
    assert (ready.profile.mkt is not None) == key.endswith("-mkt")  # never a silent default


def test_ready_made_ones_have_the_numbers_of_their_source() -> None:
    def of(key: str) -> set[tuple[Any, ...]]:
        bands = READY_MADE[key].profile.bands
        return {(b.op, b.limit_c, b.for_s / 3600, b.mode) for b in bands if b.severity == "critical"}

    assert of("who-shipping-type-1") == {
        (">=", 45, 1, "consecutive"),
        (">=", 30, 10, "cumulative"),
        ("<=", -0.5, 1, "consecutive"),
    }
    assert of("who-shipping-type-2") == {
        (">=", 45, 1, "consecutive"),
        (">=", 30, 10, "cumulative"),
        (">=", 10, 20, "cumulative"),
    }
    assert of("who-refrigerator-30-day") == {(">", 8, 10, "consecutive"), ("<=", -0.5, 1, "consecutive")}
    assert of("pharma-2-8") == {(">", 8, 24, "consecutive"), (">", 15, 0, "consecutive"), ("<", 2, 0, "consecutive")}
    assert of("crt-20-25") == {(">", 30, 24, "consecutive"), (">", 40, 0, "consecutive"), ("<", 15, 0, "consecutive")}
    cold, room = (READY_MADE[key].profile.mkt for key in ("pharma-2-8-mkt", "crt-20-25-mkt"))
    assert (cold, room) == (Mkt(8, 86_400), Mkt(25, 30 * 86_400))


@given(st.lists(st.integers(0, 50), max_size=8), st.lists(st.integers(-5, 60), min_size=1))
def test_the_version_of_a_moment_is_the_last_that_had_begun(since: list[int], moments: list[int]) -> None:
    versions = [Version(n, begins, TemperatureProfile()) for n, begins in enumerate([EVER, *since], 1)]
    history = History.of(reversed(versions))
    for t_us, place in zip(moments, history.index(np.array(moments)).tolist(), strict=True):
        begun = [v for v in versions if v.since_us <= t_us]
        wanted = max(begun, key=lambda v: (v.since_us, v.number))
        assert history.at(t_us) is history.versions[place] is wanted
    assert NO_HISTORY.at(0).profile == TemperatureProfile()
