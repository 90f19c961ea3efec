"""Numbers and truth values written as text, in every format: read when nothing is in doubt, else told, not stored."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.profiles import Profile, Target
from domain.readings import Flag
from domain.wire.words import number
from tests.examples import examples
from tests.unit.wire.speakers import BY_NAME, NATIVE, PHONES, POSITION, TEMPERATURE, Message, heard, text

READ = {
    "-1.6": -1.6, "4": 4.0, "4.5": 4.5, " 4.5 ": 4.5, "+4.5": 4.5, "4,5": 4.5, "-0,05": -0.05, ".5": 0.5, "4.": 4.0,
    "\N{MINUS SIGN}1.6": -1.6, "4.5 °C": 4.5, "4.5°C": 4.5, "-4C": -4.0, "4.5 Cel": 4.5, "40.1 °F": 4.5,
    "277.65 K": 4.5, "1.0E-1": 0.1, "1e-1": 0.1, "0004.5": 4.5, "\N{NO-BREAK SPACE}4.5": 4.5,
}  # fmt: skip
IN_DOUBT = [
    "1_000", "0x10", "1e3", "4C", "1,250", "1.234,5", "4.5.6", "4.5 apples", "4.5 V", "--4", "4-5", "four 4", "4;5",
    "61 of 100", "²", "\N{ARABIC-INDIC DIGIT FOUR}",
]  # fmt: skip
NOTHING = ["nan", "NaN", "inf", "-Infinity", "", "-", "n/a", "error", "null", "true"]


@pytest.mark.parametrize("name", TEMPERATURE)
@pytest.mark.parametrize("written", READ)
def test_a_number_that_is_written_as_text_is_that_number(name: str, written: str) -> None:
    found = heard(TEMPERATURE[name]("temp", {"c": written, "rh": "61"}))
    (warm,) = found.of("temp")
    assert (warm["temp_c"], warm["humidity_pct"]) == (pytest.approx(READ[written]), 61)
    assert not warm["flags"] & Flag.PARTIAL
    assert found.refused == []


@pytest.mark.parametrize("name", TEMPERATURE)
@pytest.mark.parametrize("written", [*IN_DOUBT, *NOTHING])
def test_a_temperature_in_doubt_is_told_under_its_name_and_is_no_note(name: str, written: str) -> None:
    found = heard(TEMPERATURE[name]("temp", {"c": written}))
    assert found.of("temp") == []
    assert not {"temperature", "tempc", "temp_c"} & found.attributes.keys()
    source, why = found.refused[0]
    behind = {"thingsboard gateway", "tts", "chirpstack", "senml", "senml cbor", "ble", "traccar", "flespi", "telegraf"}
    assert (source != "") == (name in behind)
    assert why.startswith(("invalid: ", "unit: "))
    assert any(key in why for key in ("temp", "c:"))


@pytest.mark.parametrize("name", TEMPERATURE)
@pytest.mark.parametrize("written", IN_DOUBT)
def test_a_humidity_in_doubt_is_told_and_leaves_its_temperature(name: str, written: str) -> None:
    found = heard(TEMPERATURE[name]("temp", {"c": 4.5, "rh": written}))
    (warm,) = found.of("temp")
    assert warm["temp_c"] == 4.5
    assert "humidity_pct" not in warm
    assert warm["flags"] & Flag.PARTIAL
    assert any(key in found.why() for key in ("hum", "rh"))


@pytest.mark.parametrize("name", POSITION)
def test_a_position_may_be_written_as_text(name: str) -> None:
    told = {"lat": "60.17", "lon": "-24,9402", "hdg": " 270 ", "alt": "-3.5", "acc": "4"}
    (fix,) = heard(POSITION[name]("gps", told)).of("gps")
    assert (fix["lat"], fix["lon"]) == (60.17, -24.9402)
    assert (fix["heading_deg"], fix["altitude_m"], fix["accuracy_m"]) == (270, -3.5, 4)


@pytest.mark.parametrize("name", [*NATIVE, *BY_NAME, *PHONES])
@pytest.mark.parametrize(("word", "is_on"), [("on", True), ("OFF", False), ("yes", True), (" No ", False), ("1", True)])
def test_words_for_true_and_false_are_understood(name: str, word: str, *, is_on: bool) -> None:
    (fix,) = heard(POSITION[name]("gps", {"lat": 60.0, "lon": 24.0, "ign": word})).of("gps")
    assert fix["ignition"] == is_on


@pytest.mark.parametrize("name", [*NATIVE, *BY_NAME])
@pytest.mark.parametrize(
    ("word", "is_open"), [("open", 1), ("Closed", 0), ("shut", 0), ("on", 1), ("false", 0), (1, 1)]
)
def test_doors_are_open_or_closed_in_words(name: str, word: Any, is_open: int) -> None:
    if name.startswith("senml") and not isinstance(word, str):
        word = bool(word)
    (door,) = heard(POSITION[name]("door", {"open": word})).of("door")
    assert door["open"] == is_open


@pytest.mark.parametrize("name", [*NATIVE, *BY_NAME])
def test_a_door_that_is_neither_is_told_and_is_no_note(name: str) -> None:
    found = heard(POSITION[name]("door", {"open": "ajar"}))
    assert (found.readings, found.attributes.keys() & {"door"}) == ([], set())
    assert "not true or false" in found.why()


@pytest.mark.parametrize(
    "message",
    [
        Message("", text({"t": "1795899940000", "seq": "812", "boot": "b", "c": 4}), "temp"),
        Message("thingsboard", text({"ts": "1795899940000", "values": {"temperature": 4}})),
        Message("senml", text([{"n": "temperature", "bt": "1795899940", "v": "4"}])),
        Message("ble", text({"id": "A4:C1:38:56:53:84", "unixtime": "1795899940", "tempc": 4})),
        Message("owntracks", text({"_type": "location", "tst": "1795899940", "lat": 4, "lon": 4})),
        Message("osmand", b"timestamp=1795899940&lat=4&lon=4"),
        Message("osmand", text({"location": {"timestamp": "1795899940", "coords": {"latitude": 4, "longitude": 4}}})),
        Message("owntracks", text({"_type": "location", "tst": "2026-11-28T21:05:40Z", "lat": 4, "lon": 4})),
        Message("thingsboard", text({"ts": "2026-11-28T22:05:40+01:00", "values": {"temperature": 4}})),
    ],
    ids=lambda message: message.format or "native",
)
def test_times_may_be_numbers_written_as_text(message: Message) -> None:
    assert [each["t_us"] for each in heard(message).readings] == [1_795_899_940_000_000]


def test_a_unit_behind_a_number_goes_before_one_that_is_guessed_and_must_agree_with_one_that_is_declared() -> None:
    told = Message("thingsboard", text({"T1": "40.1 F", "temperature": "40.1 F"}))
    fahrenheit = Profile(channels={"T1": Target("temp", "c", "rear", "Cel")})
    assert [each["temp_c"] for each in heard(told, fahrenheit).of("temp")] == pytest.approx([4.5, 4.5])
    clash = Message("senml", text([{"n": "temperature", "u": "Cel", "vs": "40.1 F"}]))
    assert heard(clash).why().startswith("unit: ")


def test_a_text_of_an_unknown_name_stays_text() -> None:
    assert heard(Message("thingsboard", text({"serial": "0042", "mode": "1e3"}))).attributes == {
        "serial": "0042",
        "mode": "1e3",
    }


styles = st.sampled_from(
    [str, lambda v: f" {v} ", lambda v: f"{v:+}", lambda v: f"{v} °C", lambda v: str(v).replace("-", "\N{MINUS SIGN}")]
)


@pytest.mark.parametrize("name", TEMPERATURE)
@given(temp_c=st.floats(-60, 60).map(lambda v: round(v, 2)), style=styles)
@settings(deadline=None, max_examples=examples(40))
def test_the_text_of_a_number_says_what_the_number_says(name: str, temp_c: float, style: Any) -> None:
    as_text, as_number = (heard(TEMPERATURE[name]("temp", {"c": c})).of("temp") for c in (style(temp_c), temp_c))
    assert as_text == as_number


@given(st.text(max_size=12))
@settings(deadline=None)
def test_no_text_is_a_number_that_float_would_not_read_too(written: str) -> None:
    read = number(written)
    if read is not None and not read.unit:
        assert float(written.strip().replace("\N{MINUS SIGN}", "-").replace(",", ".")) == read.value
        assert "_" not in written
