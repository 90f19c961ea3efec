"""Named values to readings: what a name means, what happens when its value does not fit, and that no name is dear."""

from __future__ import annotations

import pytest

from domain.profiles import Profile, Target, profile_of
from domain.readings import Flag
from domain.wire.channels import readings, target_of
from domain.wire.said import REFUSED, Context, Measured, Value

NOW = Context(received_ms=1_750_000_000_000)


def under(profile: Profile) -> Context:
    return Context(NOW.received_ms, profile_at=lambda _source, _t_ms: profile)


def test_values_of_one_probe_and_time_are_one_reading() -> None:
    said = readings([Measured(1.0, "temperature_2", 4.5), Measured(1.0, "Humidity 2", 60.0)], NOW)
    assert [(each.stream, each.values) for each in said] == [("temp", {"t": 1.0, "probe": "2", "c": 4.5, "rh": 60.0})]


@pytest.mark.parametrize(
    ("name", "value"), [("battery", "charging"), ("speed", "fast"), ("humidity_2", True), ("rssi", "n/a")]
)
def test_a_word_in_the_place_of_a_side_value_is_kept_and_marked(name: str, value: Value) -> None:
    said = readings([Measured(1.0, name, value), Measured(1.0, "temp", 4.5)], NOW)
    assert [each.values.get("c") for each in said if each.stream == "temp"] == [4.5]
    assert [(each.values["key"], each.flags) for each in said if each.stream == "attr"] == [(name, Flag.SUSPECT)]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("temperature_2", True, "invalid"),
        ("door", "ajar", "invalid"),
        ("latitude", "north", "invalid"),
        ("weight", "heavy", "attr"),
        ("humidity", "61 of 100", "invalid"),
    ],
)
def test_a_value_that_its_name_cannot_have_is_refused_and_its_neighbours_go_on(
    name: str, value: Value, reason: str
) -> None:
    said = readings([Measured(1.0, name, value), Measured(1.0, "temp", 4.5)], NOW)
    assert [each.values.get("c") for each in said if each.stream == "temp"] == [4.5]
    assert [each.values.get("reason", each.stream) for each in said if each.stream != "temp"] == [reason]


def test_a_declared_unit_that_does_not_fit_is_refused_aloud() -> None:
    (refused,) = readings([Measured(1.0, "temperature", 4.5, "V")], NOW)
    assert (refused.stream, refused.values["reason"]) == (REFUSED, "unit")


def test_what_the_profile_says_is_not_guessed_at() -> None:
    context = under(profile_of({"channels": {"T1": {"stream": "temp", "key": "c", "part": "rear", "unit": "F"}}}))
    (said,) = readings([Measured(None, "T1", 39.2)], context)
    assert (said.values["probe"], said.values["c"]) == ("rear", pytest.approx(4.0))
    (refused,) = readings([Measured(None, "T1", "cold")], context)
    assert (refused.stream, refused.values["detail"]) == (REFUSED, "T1: not a number: 'cold'")


def test_a_channel_the_profile_leaves_out_is_not_kept() -> None:
    assert readings([Measured(1.0, "junk", 1.0)], under(profile_of({"channels": {"junk": None}}))) == []


def test_a_long_name_means_nothing_and_costs_nothing() -> None:
    assert target_of("_" * 60_000 + "x") is None
    assert target_of("1" * 60_000) is None
    assert target_of("Temp-12") == Target("temp", "c", "12")
