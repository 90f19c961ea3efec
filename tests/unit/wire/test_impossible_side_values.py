"""A value beside the one that makes a reading, and that cannot be, costs itself: in every format, and never unseen."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.profiles import Profile, Target
from domain.readings import Flag
from domain.wire.fields import FIELDS, NUMBER
from domain.wire.native import decode
from domain.wire.said import Said
from tests.unit.wire.speakers import BY_NAME, MAC, NATIVE, PHONES, POSITION, TEMPERATURE, Message, heard, text
from tests.unit.wire.test_teltonika import block, record

NAN, INF = float("nan"), float("inf")
COLUMNS = {spec.key: spec.column for spec in FIELDS["gps"]}
HUMIDITIES = [119.0, -3, 1e300, NAN, INF, -INF, "119", "wet", True]
BESIDE_A_PLACE: list[tuple[str, Any]] = [
    ("hdg", 360.5), ("hdg", "361"), ("hdg", NAN), ("alt", -9999), ("alt", -32768.0), ("alt", NAN), ("alt", "nan"),
    ("acc", INF), ("acc", 1e12), ("spd", 1e6), ("spd", "fast"), ("ign", 7), ("ign", "perhaps"),
]  # fmt: skip
HERE = {"lat": 60.17, "lon": 24.94}


@pytest.mark.parametrize("name", TEMPERATURE)
@pytest.mark.parametrize("odd", HUMIDITIES, ids=repr)
def test_a_humidity_that_cannot_be_leaves_its_temperature(name: str, odd: Any) -> None:
    found = heard(TEMPERATURE[name]("temp", {"c": 4.5, "rh": odd}))
    (warm,) = found.of("temp")
    assert warm["temp_c"] == 4.5
    assert "humidity_pct" not in warm
    is_record = name.startswith("senml") and "record 3" in found.why()  # a pack has no NaN: the record is refused
    assert warm["flags"] & Flag.PARTIAL or is_record
    kept = found.suspect & {"humidity", "sensor.humidity.1", "hum", "humidity_pct"}
    assert kept or "rh:" in found.why() or is_record


@pytest.mark.parametrize("name", POSITION)
@pytest.mark.parametrize(("key", "odd"), BESIDE_A_PLACE, ids=str)
def test_what_cannot_be_beside_a_position_leaves_it(name: str, key: str, odd: Any) -> None:
    found = heard(POSITION[name]("gps", {**HERE, "hdg": 90, "alt": 12, key: odd}))
    (fix,) = found.of("gps")
    assert (fix["lat"], fix["lon"]) == (60.17, 24.94)
    assert COLUMNS[key] not in fix
    assert {"heading_deg", "altitude_m"} - {COLUMNS[key]} <= fix.keys(), "its neighbours go on"
    told = fix["flags"] & Flag.PARTIAL and found.suspect
    assert told or found.refused, "never unseen"


@pytest.mark.parametrize("name", [*NATIVE, *BY_NAME])
@pytest.mark.parametrize("key", ["spd", "hdg", "acc"])
def test_minus_one_where_nothing_is_below_zero_is_left_out(name: str, key: str) -> None:
    (fix,) = heard(POSITION[name]("gps", {**HERE, key: -1})).of("gps")
    assert COLUMNS[key] not in fix
    assert fix["flags"] & ~Flag.SERVER_TIME == Flag.PARTIAL


@pytest.mark.parametrize("name", PHONES)
def test_phones_say_minus_one_for_unknown_and_for_a_position_that_is_none(name: str) -> None:
    (fix,) = heard(PHONES[name]("gps", {**HERE, "spd": -1, "hdg": -1})).of("gps")
    assert (fix["flags"], "speed_mps" in fix, "heading_deg" in fix) == (0, False, False)
    (fix,) = heard(PHONES[name]("gps", {**HERE, "acc": -1})).of("gps")
    assert fix["flags"] & Flag.INACCURATE, "kept, and no rule uses it"


@pytest.mark.parametrize("name", POSITION)
@pytest.mark.parametrize("key", ["spd", "hdg", "alt", "acc", "ign"])
def test_null_says_nothing_and_costs_nothing(name: str, key: str) -> None:
    if name.startswith("senml") or name == "osmand query":
        return  # they have no null
    found = heard(POSITION[name]("gps", {**HERE, key: None}))
    assert [each["flags"] & Flag.PARTIAL for each in found.of("gps")] == [0]
    assert found.refused == []


@pytest.mark.parametrize("name", [*NATIVE, *BY_NAME])
@pytest.mark.parametrize("odd", [91.0, -1e9, NAN, "nowhere", True])
def test_a_position_that_cannot_be_is_refused_by_name(name: str, odd: Any) -> None:
    found = heard(POSITION[name]("gps", {"lat": odd, "lon": 24.94}))
    assert found.of("gps") == []
    assert "lat" in found.why() or (name.startswith("senml") and "record 2" in found.why())


@pytest.mark.parametrize("name", TEMPERATURE)
@pytest.mark.parametrize("odd", [-300, 1e6, NAN, INF])
def test_a_temperature_that_cannot_be_is_refused_by_name(name: str, odd: float) -> None:
    found = heard(TEMPERATURE[name]("temp", {"c": odd, "rh": 50}))
    assert found.of("temp") == []
    assert any(key in found.why() for key in ("temp", "c:", "record 2"))


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("odd", [3300, 259, 3.05, 3.6, 3, "3.05", "3.05 V", "3050 mV", 12.4, 24.3, 0.88, 1, -1, 100.5])
def test_a_battery_that_may_be_volts_or_a_ratio_is_not_per_cent(name: str, odd: Any) -> None:
    found = heard(BY_NAME[name]("status", {"batt": odd, "c": 4.5}))
    assert found.of("status") == []
    assert [each["temp_c"] for each in found.of("temp")] == [4.5]
    assert "battery" in found.suspect


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("pct", [0, 5, 55, 100, "87", "87 %", 87.5, 12])
def test_a_battery_that_is_per_cent_is_one(name: str, pct: Any) -> None:
    (status,) = heard(BY_NAME[name]("status", {"batt": pct})).of("status")
    assert status["battery_ratio"] == pytest.approx(float(str(pct).rstrip(" %")) / 100)


def test_a_battery_in_volts_is_read_where_the_unit_or_the_profile_says_what_it_is() -> None:
    volts = Message("senml", text([{"n": "battery", "u": "V", "v": 3.05}, {"n": "temperature", "v": 4.5}]))
    assert (heard(volts).of("status"), len(heard(volts).of("temp"))) == ([], 1)
    ratio = Profile(channels={"battery": Target("status", "batt")})
    (status,) = heard(BY_NAME["thingsboard"]("status", {"batt": 0.88}), ratio).of("status")
    assert status["battery_ratio"] == pytest.approx(0.88)


@pytest.mark.parametrize(
    ("batt", "is_per_cent"), [(3, True), (87.0, True), (3.05, False), (11.43, False), (3300, False)]
)
@pytest.mark.parametrize("name", ["owntracks", "osmand query"])
def test_where_a_format_says_per_cent_only_fractions_are_in_doubt(name: str, batt: float, *, is_per_cent: bool) -> None:
    found = heard(PHONES[name]("gps", {**HERE, "batt": batt}) if name != "owntracks" else _owntracks(batt))
    assert len(found.of("gps")) == 1
    assert [each["battery_ratio"] for each in found.of("status")] == pytest.approx([batt / 100] if is_per_cent else [])
    assert ("batt" in found.suspect or "battery" in found.suspect) != is_per_cent


def _owntracks(batt: float) -> Message:
    return Message("owntracks", text({"_type": "location", "tst": 1, **HERE, "batt": batt}))


def test_a_signal_strength_survives_its_battery() -> None:
    (status,) = heard(Message("", text({"batt": 88, "rssi": -71}), "status")).of("status")
    assert (status["rssi_dbm"], "battery_ratio" in status, status["flags"]) == (-71, False, Flag.PARTIAL)
    alone = heard(Message("", text({"batt": 88}), "status"))
    assert (alone.readings, alone.attributes) == ([], {}), "nothing is left: the message is set aside"
    assert alone.why().startswith("invalid: batt: out of range 0 to 1")


def test_a_humidity_of_a_tag_or_a_probe_costs_itself_in_binary_formats_too() -> None:
    wet = "0512FCFFFEC37C0004FFFC040CAC364200CDCBB8334C884F"  # RAWv2 with 163.8 %
    (warm,) = heard(Message("ble", text({"id": MAC, "manufacturerdata": "9904" + wet}))).of("temp")
    assert (warm["temp_c"], "humidity_pct" in warm) == (24.3, False)
    (warm,) = heard(Message("ble", text({"id": MAC, "servicedatauuid": "fcd2", "servicedata": "4002C40903FFFF"}))).of(
        "temp"
    )
    assert (warm["temp_c"], "humidity_pct" in warm) == (25.0, False)


def test_a_speed_that_no_vehicle_has_leaves_a_trackers_position() -> None:
    (fix,) = heard(Message("teltonika", block(record(speed_kmh=65_535, heading=400)))).of("gps")
    assert {"speed_mps", "heading_deg"} & fix.keys() == set()
    assert fix["flags"] == Flag.PARTIAL


BESIDE = [
    (stream, spec) for stream, specs in FIELDS.items() for spec in specs if spec.is_beside and spec.kind == NUMBER
]
GOOD: dict[str, dict[str, Any]] = {
    "gps": HERE, "temp": {"c": 4.5}, "rfid": {"epc": "3034257B"}, "shelf": {"slot": "A", "kg": 1, "count": 1},
    "status": {"batt": 0.5, "rssi": -70, "setpoint_c": 2}, "attr": {"key": "k", "num": 1, "txt": "x"},
}  # fmt: skip


@given(st.sampled_from(BESIDE), st.floats() | st.integers(-(2**70), 2**70))
@settings(deadline=None)
def test_whatever_stands_beside_a_native_reading_never_costs_it(which: Any, value: Any) -> None:
    stream, spec = which
    rows = decode(stream, [], [(0, Said(stream, {**GOOD[stream], spec.key: value}))])
    assert rows.bad.tolist() == [False]
    left = not spec.low <= value <= spec.high or value in (INF, -INF)
    assert (rows.flags[0] == Flag.PARTIAL) == left
    assert len(rows.left_out) + len(rows.rejections) == left
