"""Times that cannot be right: of the wrong unit, told as such in each format; of a gateway's clock never set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.readings import Flag
from domain.times import unit_advice, unit_since_1970
from domain.wire.lorawan import decode_chirpstack, decode_tts
from domain.wire.said import Context
from ingest.quality import ROLLOVER_US, clock_advice
from tests.unit.wire.speakers import EUI, MAC, NOW_MS, Message, heard, text
from tests.unit.wire.test_ruuvi import MQTT

NOW_S = NOW_MS // 1000
FACTORS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
HERE = {"lat": 60, "lon": 24}
SECONDS: dict[str, Callable[[Any], Message]] = {
    "owntracks": lambda t: Message("owntracks", text({"_type": "location", "tst": t, **HERE})),
    "senml": lambda t: Message("senml", text([{"n": "temperature", "t": t, "v": 4}])),
    "senml base": lambda t: Message("senml", text([{"bn": "urn:dev:mac:01:", "bt": t}, {"n": "temperature", "v": 4}])),
    "flespi": lambda t: Message("flespi", text({"ident": "868", "timestamp": t, "sensor.temperature.1": 4})),
    "ble": lambda t: Message("ble", text({"id": MAC, "unixtime": t, "tempc": 4})),
    "ruuvi": lambda t: Message("ruuvi", text({**MQTT, "ts": t}), topic=("gw", MAC)),
}
MILLISECONDS: dict[str, Callable[[Any], Message]] = {
    "traccar": lambda t: Message(
        "traccar", text({"position": {"deviceTime": t, "attributes": {"temp1": 4}}, "device": {"uniqueId": "868"}})
    ),
    "thingsboard": lambda t: Message("thingsboard", text({"ts": t, "values": {"temperature": 4}})),
    "thingsboard gateway": lambda t: Message(
        "thingsboard", text({"Room 7": [{"ts": t, "values": {"temperature": 4}}]})
    ),
}


@pytest.mark.parametrize(("name", "given_unit"), [(n, u) for n in SECONDS for u in FACTORS if u != "seconds"])
@pytest.mark.parametrize("form", [int, str])
def test_a_time_that_is_not_in_seconds_is_told_with_its_unit(name: str, given_unit: str, form: Any) -> None:
    found = heard(SECONDS[name](form(NOW_S * FACTORS[given_unit])))
    assert [each for each in found.readings if each["stream"] != "status"] == []
    assert "time_out_of_range: " in found.why()
    assert f"looks like {given_unit}: seconds are wanted" in found.why()


@pytest.mark.parametrize(("name", "given_unit"), [(n, u) for n in MILLISECONDS for u in FACTORS if u != "milliseconds"])
def test_a_time_that_is_not_in_milliseconds_is_told_with_its_unit(name: str, given_unit: str) -> None:
    found = heard(MILLISECONDS[name](NOW_S * FACTORS[given_unit]))
    assert found.readings == []
    assert f"looks like {given_unit}: milliseconds are wanted" in found.why()


@pytest.mark.parametrize("unit", ["microseconds", "nanoseconds"])
def test_osmand_takes_seconds_and_milliseconds_and_names_the_others(unit: str) -> None:
    told = NOW_S * FACTORS[unit]
    for message in (f"lat=1&lon=2&timestamp={told}".encode(), text({"location": {"timestamp": told, "coords": HERE}})):
        assert f"looks like {unit}: seconds or milliseconds are wanted" in heard(Message("osmand", message)).why()


@pytest.mark.parametrize("unit", ["seconds", "microseconds"])
def test_a_native_time_of_another_unit_is_told_when_its_age_is_looked_at(unit: str) -> None:
    (reading,) = heard(Message("", text({"t": NOW_S * FACTORS[unit], "c": 4}), "temp")).readings
    advice = clock_advice(reading["t_us"], NOW_MS * 1000)
    assert advice == f"t looks like {unit}: milliseconds are wanted"


def test_a_native_time_in_nanoseconds_is_beyond_any_time_and_told_too() -> None:
    found = heard(Message("", text({"t": NOW_S * 10**9, "c": 4}), "temp"))
    assert found.why() == "invalid: t looks like nanoseconds: milliseconds are wanted (reading 0)"


def test_a_clock_that_is_off_is_still_told_as_that() -> None:
    now_us = NOW_MS * 1000
    assert "never set" in clock_advice(188_000_000, now_us)
    assert "rollover" in clock_advice(now_us - ROLLOVER_US, now_us)
    assert clock_advice(4_102_444_800_000_000, now_us) == "set the device's clock"


@pytest.mark.parametrize(
    "written",
    ["2026-W47-5T10:00:00Z", "20261127T100000Z", "2026-331T10:00:00Z", "2026-11-27", "2026-11-27T10Z",
     "2037-08-08T13:5:4.000Z", "2026-11-27T10:00:00", "yesterday", "27.11.2026 10:00:00 Z", ""],
)  # fmt: skip
def test_a_time_in_another_form_is_refused_with_the_form_that_is_wanted(written: str) -> None:
    found = heard(Message("", text({"t": written, "c": 4}), "temp"))
    assert found.readings == []
    assert found.why().startswith("invalid: t: not an RFC 3339 time with an offset")
    assert "T10:00:00Z" in found.why() or "add Z" in found.why() or "no such day" in found.why()


# ---------------------------------------------------------------- clocks of gateways
UNSET_S = {
    "uptime": 188, "1970": 0, "a year of uptime": 31_536_000, "1980": 315_964_800, "2000": 946_684_800,
    "GPS rollover": NOW_S - ROLLOVER_US // 1_000_000, "two rollovers": NOW_S - 2 * ROLLOVER_US // 1_000_000,
    "an hour ahead": NOW_S + 3600,
}  # fmt: skip


@pytest.mark.parametrize("seconds", UNSET_S.values(), ids=UNSET_S.keys())
@pytest.mark.parametrize("name", ["ble", "ruuvi"])
def test_a_gateways_clock_that_cannot_be_right_gives_way_to_the_time_of_receipt(name: str, seconds: int) -> None:
    for form in (seconds, str(seconds)):
        found = heard(SECONDS[name](form))
        assert found.of("temp")
        assert {each["t_us"] for each in found.readings} == {-(2**63)}, "no time: that of receipt stands in, flagged"
        assert found.refused == []


@pytest.mark.parametrize("late_s", [0, 60, 86_400 * 30])
@pytest.mark.parametrize("name", ["ble", "ruuvi"])
def test_a_gateways_clock_that_can_be_right_is_believed(name: str, late_s: int) -> None:
    assert {each["t_us"] for each in heard(SECONDS[name](NOW_S - late_s)).readings} == {(NOW_S - late_s) * 1_000_000}


@pytest.mark.parametrize(
    "told", ["1970-01-01T00:03:08Z", "2000-01-01T00:00:00Z", "2007-04-13T20:06:40Z", "", "soon", None, 5]
)
def test_a_lorawan_servers_clock_that_cannot_be_right_gives_way_too(told: Any) -> None:
    tts = {"end_device_ids": {"dev_eui": EUI}, "received_at": told}
    tts["uplink_message"] = {
        "decoded_payload": {"temperature": 4},
        "received_at": told,
        "rx_metadata": [{"time": told}],
    }
    chirpstack = {"deviceInfo": {"devEui": EUI}, "time": told, "object": {"temperature": 4}, "fPort": 1}
    chirpstack["rxInfo"] = [{"gwTime": told, "nsTime": told}]
    for decode, message in ((decode_tts, tts), (decode_chirpstack, chirpstack)):
        said = decode(text(message), Context(NOW_MS))
        assert {(each.values["t"], each.flags) for each in said} == {(NOW_MS, Flag.SERVER_TIME)}


@given(st.sampled_from(list(FACTORS)), st.integers(1_000_000_000, 4_199_999_999), st.sampled_from(list(FACTORS)))
def test_a_number_of_this_century_has_one_unit_and_its_advice_names_both(unit: str, seconds: int, wanted: str) -> None:
    number = seconds * FACTORS[unit]
    assert unit_since_1970(number) == unit
    assert unit_advice(number, wanted) == ("" if unit == wanted else f"t looks like {unit}: {wanted} are wanted")
