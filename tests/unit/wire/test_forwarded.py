"""What other gateways hand on: Traccar's positions and events, flespi's messages; by name and unit, never guessed."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from domain.profiles import Profile, Target
from domain.readings import Flag
from domain.wire import flespi, traccar
from domain.wire.said import REFUSED, Context, Said, WireError

NOW = Context(received_ms=1_795_900_000_000)
ID = "868120000000001"
T_MS = 1_795_899_940_000
POSITION: dict[str, Any] = {
    "id": 7, "protocol": "gt06", "serverTime": "2026-11-28T21:05:41.000+00:00",
    "deviceTime": "2026-11-28T21:05:40.000+00:00", "fixTime": "2026-11-28T21:05:38.000+00:00", "outdated": False,
    "valid": True, "latitude": 60.17, "longitude": 24.94, "altitude": 12.5, "speed": 21.6, "course": 270.0,
    "accuracy": 0.0, "address": "Street 1", "network": None, "geofenceIds": [3],
    "attributes": {
        "ignition": True, "odometer": 123456.7, "totalDistance": 99.0, "batteryLevel": 87, "battery": 4.1, "rssi": 4,
        "temp1": 4.5, "temp2": -18.2, "door": False, "sat": 9, "alarm": "overspeed", "raw": "7878",
    },
}  # fmt: skip


def forwarded(*, event: dict[str, Any] | None = None, **changes: Any) -> list[Said]:
    message = {"position": {**POSITION, **changes}, "device": {"id": 3, "uniqueId": ID, "name": "Truck 3"}}
    return traccar.decode(orjson.dumps(message | ({"event": event} if event else {})), NOW)


def values(said: list[Said], stream: str) -> list[dict[str, Any]]:
    return [each.values for each in said if each.stream == stream]


def attributes(said: list[Said]) -> dict[str, Any]:
    return {v["key"]: v.get("num", v.get("txt")) for v in values(said, "attr")}


def test_a_position_of_traccar_in_knots_is_a_fix_in_metres_a_second() -> None:
    said = forwarded()
    assert {each.source for each in said} == {ID}
    (fix,) = values(said, "gps")
    assert fix == {
        "t": T_MS - 2000, "lat": 60.17, "lon": 24.94, "alt": 12.5, "spd": pytest.approx(11.112), "hdg": 270.0,
        "ign": True, "odo": 123456.7,
    }  # fmt: skip
    assert values(said, "temp") == [{"t": T_MS, "probe": "1", "c": 4.5}, {"t": T_MS, "probe": "2", "c": -18.2}]
    assert values(said, "status") == [{"t": T_MS, "batt": 0.87}]
    assert values(said, "door") == [{"t": T_MS, "open": False}]
    assert attributes(said) == {"battery": 4.1, "rssi": 4, "sat": 9, "alarm": "overspeed", "totalDistance": 99}


def test_an_outdated_place_is_no_fix_and_one_without_satellites_is_marked() -> None:
    said = forwarded(outdated=True)
    assert values(said, "gps") == []
    assert len(values(said, "temp")) == 2
    (fix,) = (each for each in forwarded(valid=False) if each.stream == "gps")
    assert fix.flags & Flag.INACCURATE
    (warm, *_) = (each for each in forwarded(valid=False) if each.stream == "temp")
    assert not warm.flags


@pytest.mark.parametrize("written", ["2026-11-28T21:05:40.000+0000", "2026-11-28T22:05:40+0100", T_MS])
def test_times_as_traccar_has_written_them_over_the_years(written: Any) -> None:
    (fix,) = values(forwarded(fixTime=written), "gps")
    assert fix["t"] == T_MS


def test_an_event_is_told_at_its_time() -> None:
    event = {"id": 1, "type": "geofenceEnter", "eventTime": "2026-11-28T21:05:40Z", "attributes": {"alarm": "sos"}}
    said = forwarded(event=event)
    assert attributes(said).items() >= {"event": "geofenceEnter", "event_alarm": "sos"}.items()
    alone = {"event": {"type": "deviceOnline", "serverTime": "2026-11-28T21:05:40Z"}, "device": {"uniqueId": ID}}
    assert traccar.decode(orjson.dumps(alone), NOW) == [
        Said("attr", {"t": T_MS, "key": "event", "txt": "deviceOnline"}, ID)
    ]


def test_a_profile_says_what_a_name_means() -> None:
    profile = Profile(channels={"io9": Target("temp", "c", "rear", "F"), "temp1": None})
    context = Context(0, profile_at=lambda source, _t_ms: profile if source == ID else Profile())
    message = {"position": {"deviceTime": T_MS, "attributes": {"io9": 39.2, "temp1": 1}}, "device": {"uniqueId": ID}}
    (warm,) = traccar.decode(orjson.dumps(message), context)
    assert (warm.values["probe"], warm.values["c"]) == ("rear", pytest.approx(4.0))


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ([], "forward.type"),
        ({"device": {"uniqueId": ID}}, "forward.type"),
        ({"position": {}, "device": {"uniqueId": ID}}, "forward.type"),
        ({"position": POSITION}, "device.uniqueId"),
        ({"position": POSITION, "device": {"uniqueId": ""}}, "device.uniqueId"),
        ({"position": POSITION, "device": {"uniqueId": 868}}, "device.uniqueId"),
        ({"position": POSITION, "device": {"uniqueId": "a\nb"}}, "device.uniqueId"),
        ({"position": [], "device": {"uniqueId": ID}}, "position: not an object"),
        ({"position": {**POSITION, "fixTime": "soon"}, "device": {"uniqueId": ID}}, "fixTime"),
        ({"position": {**POSITION, "attributes": []}, "device": {"uniqueId": ID}}, "attributes"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(message: Any, why: str) -> None:
    with pytest.raises(WireError, match=why):
        traccar.decode(orjson.dumps(message), NOW)


FLESPI: dict[str, Any] = {
    "ident": ID, "timestamp": T_MS / 1000, "server.timestamp": 1.0, "channel.id": 7, "protocol.id": 3, "peer": "x",
    "device.id": 5, "position.latitude": 60.17, "position.longitude": 24.94, "position.speed": 36,
    "position.direction": 90, "position.valid": True, "engine.ignition.status": True, "vehicle.mileage": 12.5,
    "battery.level": 80, "sensor.temperature.1": 4.5, "sensor.humidity.1": 60, "ble.sensor.temperature.2": -18.5,
    "din": 3,
}  # fmt: skip


def test_messages_of_flespi_are_told_in_our_units() -> None:
    said = flespi.decode(orjson.dumps([FLESPI, {**FLESPI, "ident": "other", "timestamp": T_MS / 1000 + 1}]), NOW)
    assert [each.source for each in said if each.stream == "gps"] == [ID, "other"]
    assert values(said, "gps")[0] == {
        "t": T_MS, "lat": 60.17, "lon": 24.94, "spd": 10.0, "hdg": 90, "ign": True, "odo": 12_500.0
    }  # fmt: skip
    assert values(said, "temp")[:2] == [
        {"t": T_MS, "probe": "1", "c": 4.5, "rh": 60}, {"t": T_MS, "probe": "ble2", "c": -18.5},
    ]  # fmt: skip
    assert values(said, "status")[0] == {"t": T_MS, "batt": 0.8}
    assert attributes(said) == {"din": 3}


def test_a_fix_of_flespi_that_is_not_valid_is_marked() -> None:
    (fix,) = (e for e in flespi.decode(orjson.dumps({**FLESPI, "position.valid": False}), NOW) if e.stream == "gps")
    assert fix.flags & Flag.INACCURATE


def test_a_message_of_flespi_that_cannot_be_read_costs_itself() -> None:
    said = flespi.decode(orjson.dumps([FLESPI, {**FLESPI, "timestamp": "soon"}, {"din": 1}, FLESPI]), NOW)
    assert [(each.source, each.values["reason"]) for each in said if each.stream == REFUSED] == [
        (ID, "malformed"), ("", "malformed"),
    ]  # fmt: skip
    assert len(values(said, "gps")) == 2
