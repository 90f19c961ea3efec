"""Objects and lists of values: told apart where nothing is in doubt, else told; never cut, never another's value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.profiles import Profile, Target
from domain.wire.meanings import target_of
from tests.examples import examples
from tests.unit.wire.speakers import EUI, MAC, NOW_MS, T_MS, Message, heard, text

HEAD = {"end_device_ids": {"dev_eui": EUI}, "received_at": "2026-11-28T21:05:40Z"}
WITHIN: dict[str, Callable[[dict[str, Any]], Message]] = {
    "tts": lambda found: Message("tts", text({**HEAD, "uplink_message": {"decoded_payload": found}})),
    "chirpstack": lambda found: Message(
        "chirpstack", text({"deviceInfo": {"devEui": EUI}, "fPort": 1, "object": found})
    ),
    "thingsboard": lambda found: Message("thingsboard", text({"ts": T_MS, "values": found})),
    "ble": lambda found: Message("ble", text({"id": MAC, "model_id": "X", **found})),
}
SENSECAP = [
    {"measurementId": "4097", "measurementValue": 13.3, "type": "Air Temperature"},
    {"measurementId": "4098", "measurementValue": "77", "type": "Air Humidity"},
]
TOLD_APART: list[tuple[dict[str, Any], list[tuple[str, float]]]] = [
    ({"messages": SENSECAP}, [("main", 13.3)]),
    ({"messages": [SENSECAP]}, [("main", 13.3)]),
    ({"data": {"temperature": "-1.6"}}, [("main", -1.6)]),
    ({"payload": {"sensor": {"temp": 4.5}}}, [("main", 4.5)]),
    ({"fridge": {"temperature": 4.5}, "freezer": {"temperature": -18}}, [("fridge", 4.5), ("freezer", -18)]),
    ({"sensors": [{"temperature": 4.5}, {"temperature": 5.5}]}, [("0", 4.5), ("1", 5.5)]),
    ({"temperature": {"value": 4.5, "unit": "°C"}}, [("main", 4.5)]),
    ({"temperature": {"value": 40.1, "unit": "F"}}, [("main", 4.5)]),
    ({"temperature": [4.5]}, [("main", 4.5)]),
    ({"measurements": [{"name": "temperature_2", "value": 4.5, "unit": "Cel"}]}, [("2", 4.5)]),
    ({"temperature": {"value": 4.5, "min": 1, "max": 9}}, [("main", 4.5)]),
]
IN_DOUBT: list[dict[str, Any]] = [
    {"temperature": [4.5, 5.5]},
    {"temperature": {"min": 1, "max": 9}},
    {"temperature": {"rear": 4.5, "front": 5.5}},
    {"history": [{"time": "yesterday", "temperature": 4.5}]},
    {"history": [{"temperature": 4.5, "timestamp": 12}, {"temperature": 5.5, "timestamp": 13}]},
    {"raw": "ab" * 40},
    {"scan": list(range(500))},
    {"deep": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": 1}}}}}}}}}},
]


@pytest.mark.parametrize("name", WITHIN)
@pytest.mark.parametrize(("found", "wanted"), TOLD_APART, ids=str)
def test_values_in_no_doubt_are_read_wherever_they_stand(name: str, found: dict[str, Any], wanted: Any) -> None:
    result = heard(WITHIN[name](found))
    assert [(each["probe_id"], each["temp_c"]) for each in result.of("temp")] == [
        (p, pytest.approx(c)) for p, c in wanted
    ]
    assert result.refused == []


@pytest.mark.parametrize("name", WITHIN)
@pytest.mark.parametrize("found", IN_DOUBT, ids=lambda found: str(found)[:50])
def test_what_is_in_doubt_or_too_long_is_told_by_name_and_its_neighbours_are_read(
    name: str, found: dict[str, Any]
) -> None:
    result = heard(WITHIN[name]({**found, "temp_9": 4.5, "humidity_9": 60}))
    assert [(each["probe_id"], each["temp_c"], each["humidity_pct"]) for each in result.of("temp")] == [("9", 4.5, 60)]
    assert result.refused
    assert all(reason.startswith(("unsupported: ", "invalid: ")) for _, reason in result.refused)
    assert next(iter(found)) in result.why()
    assert not any(str(value).startswith(("[", "{")) and len(str(value)) == 64 for value in result.attributes.values())


@pytest.mark.parametrize("name", WITHIN)
def test_records_with_times_of_their_own_are_readings_of_those_times(name: str) -> None:
    records = [
        {"timestamp": T_MS // 1000, "temperature": 4.5},
        {"timestamp": "2026-11-28T21:00:00Z", "temperature": 5.5},
    ]
    found = heard(WITHIN[name]({"log": records})).of("temp")
    assert {each["t_us"] // 1000: each["temp_c"] for each in found} == {T_MS: 4.5, 1_795_899_600_000: 5.5}


@pytest.mark.parametrize("name", WITHIN)
def test_what_is_inside_a_thing_or_a_limit_is_not_the_temperature_of_goods(name: str) -> None:
    found = heard(WITHIN[name]({"battery_pack": 1, "cpu": {"temperature": 61}, "alarm": {"temperature": 8}}))
    assert found.of("temp") == []
    assert {"cpu.temperature": 61, "alarm.temperature": 8}.items() <= found.attributes.items()


@pytest.mark.parametrize("name", WITHIN)
def test_a_place_within_an_object_is_where_the_device_is_unless_it_is_another_place(name: str) -> None:
    (fix,) = heard(WITHIN[name]({"gps": {"lat": 60.17, "lng": "24.94"}})).of("gps")
    assert (fix["lat"], fix["lon"]) == (60.17, 24.94)
    found = heard(WITHIN[name]({"destination": {"lat": 60.17, "lng": 24.94}}))
    assert (found.of("gps"), found.attributes["destination.lat"]) == ([], 60.17)


def test_a_profile_says_what_is_meant_within_an_object() -> None:
    profile = Profile(channels={"temperature.rear": Target("temp", "c", "rear"), "temperature.front": None})
    found = heard(WITHIN["tts"]({"temperature": {"rear": 4.5, "front": 5.5}}), profile)
    assert ([each["probe_id"] for each in found.of("temp")], found.refused) == (["rear"], [])


def test_entries_of_a_device_beside_plain_values_are_nobody_elses() -> None:
    found = heard(
        Message("thingsboard", text({"Room 7": [{"ts": T_MS, "values": {"temperature": 4}}], "temperature": 5}))
    )
    assert [each["temp_c"] for each in found.of("temp")] == [5]
    assert found.why().startswith("unsupported: Room 7")


scalars = st.none() | st.booleans() | st.integers(-1000, 1000) | st.floats() | st.text(max_size=80)
structures = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["temperature", "value", "name", "time", "x", "lat", "battery"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("name", WITHIN)
@given(value=structures)
@settings(deadline=None, max_examples=examples(60))
def test_whatever_a_value_is_it_never_costs_its_neighbours(name: str, value: Any) -> None:
    found = heard(WITHIN[name]({"odd": value, "temp_99": 4.5}), received_ms=NOW_MS)
    assert [each["temp_c"] for each in found.of("temp") if each["probe_id"] == "99"] == [4.5]
    assert all(len(str(note)) <= 64 for note in found.attributes.values())


@given(st.lists(st.text(max_size=6), min_size=1, max_size=5))
def test_no_path_makes_a_place_of_a_name_that_has_none(path: list[str]) -> None:
    known = target_of(".".join(path))
    assert known is None or known.stream in {"gps", "temp", "status", "door", "shelf"}
