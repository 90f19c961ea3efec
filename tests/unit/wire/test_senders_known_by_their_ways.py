"""What a sender does not say and its message shows: a speed's unit, whether it was measured, which device it is."""

from __future__ import annotations

from typing import Any

import pytest

from domain.names import foreign_id
from domain.profiles import NO_PROFILE, Profile, Target
from domain.readings import Flag
from tests.unit.wire.speakers import EUI, T_MS, Message, heard, text

T_S, ISO = T_MS // 1000, "2026-11-28T21:05:40.000Z"
OSMAND = f"lat=60.18&lon=24.95&timestamp={T_MS}&hdop=6.0&altitude=24.0&speed=13.9&bearing=180.0"
GPSLOGGER = f"id=a&lat=60.18&lon=24.95&timestamp={ISO}&speed=13.9&hdop=1"
CLIENT = f"id=1&timestamp={T_S}&lat=60.18&lon=24.95&speed=13.9&bearing=0.0&altitude=0.0&accuracy=5.0&batt=87.0"
KNOTS = 13.9 * 1852 / 3600


@pytest.mark.parametrize(
    ("app", "query", "speed_mps"),
    [
        ("OsmAnd", OSMAND, 13.9),
        ("OsmAnd without hdop", OSMAND.replace("hdop=6.0&", ""), 13.9),
        ("GPSLogger", GPSLOGGER, 13.9),
        ("GPSLogger, time as text only", GPSLOGGER.replace("&hdop=1", ""), 13.9),
        ("GPSLogger, seconds", GPSLOGGER.replace(ISO, str(T_S)) + "&batt=61.0&sat=9", 13.9),
        ("Traccar Client", CLIENT, KNOTS),
        ("Traccar Client, charging", CLIENT + "&charge=true&mock=false", KNOTS),
        ("after Traccar's documentation", CLIENT + "&hdop=0.9&ignition=true&driverUniqueId=1", KNOTS),
    ],
)
def test_the_speed_of_each_app_has_the_unit_it_sends(app: str, query: str, speed_mps: float) -> None:
    (fix,) = heard(Message("osmand", query.encode())).of("gps")
    assert fix["speed_mps"] == pytest.approx(speed_mps, abs=1e-4), app


@pytest.mark.parametrize(("unit", "factor"), [("m/s", 1), ("km/h", 1 / 3.6), ("knots", 1852 / 3600), ("mph", 0.44704)])
@pytest.mark.parametrize(
    ("format_", "channel", "payload"),
    [
        ("osmand", "speed", OSMAND.encode()),
        ("osmand", "speed", CLIENT.encode()),
        ("osmand", "speed", text({"location": {"coords": {"latitude": 1, "longitude": 2, "speed": 13.9}}})),
        ("owntracks", "vel", text({"_type": "location", "tst": str(T_S), "lat": "1", "lon": "2", "vel": "13.9"})),
        ("thingsboard", "speed", text({"latitude": 1, "longitude": 2, "speed": 13.9})),
    ],
)
def test_a_profile_says_the_unit_of_any_speed(
    format_: str, channel: str, payload: bytes, unit: str, factor: float
) -> None:
    profile = Profile(channels={channel: Target("gps", "spd", unit=unit)})
    (fix,) = heard(Message(format_, payload), profile).of("gps")
    assert fix["speed_mps"] == pytest.approx(13.9 * factor, rel=1e-5)


# ---------------------------------------------------------------- what nobody measured
UPLINK = {"end_device_ids": {"dev_eui": EUI}, "uplink_message": {"decoded_payload": {"temperature": 99.0}}}
EVENT = {"deviceInfo": {"devEui": EUI}, "fPort": 1, "object": {"temperature": 99.0}}


@pytest.mark.parametrize(("format_", "message"), [("tts", UPLINK), ("chirpstack", EVENT)])
def test_a_simulated_uplink_is_kept_aside_in_its_devices_name(format_: str, message: dict[str, Any]) -> None:
    assert heard(Message(format_, text(message))).of("temp")
    found = heard(Message(format_, text({**message, "simulated": True})))
    assert (found.readings, found.attributes, found.refused[0][0]) == ([], {}, EUI)
    assert found.why().startswith("simulated: ")


@pytest.mark.parametrize(
    "payload",
    [
        CLIENT.encode() + b"&mock=true",
        b"lat=1&lon=2&valid=V",
        text({"location": {"coords": {"latitude": 1, "longitude": 2}, "mock": True}}),
        text({"location": {"coords": {"latitude": 1, "longitude": 2, "mock": True}}}),
    ],
)
def test_a_position_that_was_made_up_is_kept_for_no_rule_to_use(payload: bytes) -> None:
    (fix,) = heard(Message("osmand", payload)).of("gps")
    assert fix["flags"] & Flag.INACCURATE


# ---------------------------------------------------------------- whose it is
@pytest.mark.parametrize(
    "base",
    [
        f"urn:dev:DEVEUI:{EUI}:", f"urn:dev:deveui:{EUI.lower()}:", f"URN:DEV:DevEUI:{EUI}/", f"urn:dev:DEVEUI:{EUI}::",
        f"urn:dev:DEVEUI:{EUI}_", "urn:dev:DEVEUI:70:B3:D5:7E:D0:00:12:34:", "urn:dev:DEVEUI:70-B3-D5-7E-D0-00-12-34/",
    ],
)  # fmt: skip
@pytest.mark.parametrize("rest", ["temperature", "temperature:", "rear/temperature"])
def test_a_devices_urn_is_the_device_in_any_spelling(base: str, rest: str) -> None:
    found = heard(Message("senml", text([{"bn": base, "bt": T_S}, {"n": rest, "u": "Cel", "v": 4.5}])))
    (warm,) = found.of("temp")
    assert foreign_id(warm["source"]) == foreign_id(f"urn:dev:DEVEUI:{EUI}")
    assert warm["probe_id"] == ("rear" if "/" in rest else "main")


@pytest.mark.parametrize("spelling", [EUI, EUI.lower(), "70-B3-D5-7E-D0-00-12-34", "70:b3:d5:7e:d0:00:12:34"])
def test_a_deveui_is_the_device_in_any_spelling(spelling: str) -> None:
    for format_, message in (
        ("tts", {**UPLINK, "end_device_ids": {"dev_eui": spelling}}),
        ("chirpstack", {**EVENT, "deviceInfo": {"devEui": spelling}}),
    ):
        assert heard(Message(format_, text(message))).of("temp")[0]["source"] == EUI


@pytest.mark.parametrize(
    ("format_", "message", "advice"),
    [
        ("chirpstack", {"applicationID": "2", "devEUI": EUI, "fPort": 85, "data": "AQ=="}, "ChirpStack version 3"),
        ("chirpstack", {"applicationName": "a", "devEUI": EUI, "devAddr": "01"}, "ChirpStack version 3"),
        ("chirpstack", UPLINK | {"received_at": ISO}, "send it to the format `tts`"),
        ("tts", {"applicationID": "2", "devEUI": EUI, "data": "AQ=="}, "ChirpStack version 3"),
        ("tts", EVENT, "send it to the format `chirpstack`"),
        ("tts", {"app_id": "a", "dev_id": "d", "hardware_serial": EUI, "payload_fields": {}}, "The Things Network v2"),
    ],
)
def test_a_message_of_another_server_is_named(format_: str, message: dict[str, Any], advice: str) -> None:
    found = heard(Message(format_, text(message)), NO_PROFILE)
    assert found.readings == []
    assert advice in found.why()
