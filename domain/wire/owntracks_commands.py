"""What an OwnTracks app is told (`_type` cmd), and which of its messages answer that.

Source: OwnTracks booklet, "JSON", `_type=cmd`. The app says no word to most commands; to some it sends what was asked
for. Nothing in that says to which command it is the answer, so it answers the command of its kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from zlib import crc32

import orjson

from domain.wire.loading import loaded
from domain.wire.said import WireError
from domain.wire.words import as_number

ANSWERED = ("report_location", "waypoints", "status")
"""Commands that the app answers with a message of its own."""
ANSWER_CHARS_MAX = 500
NAMES_MAX = 10  # of places, in an answer
_MARKS = (b"waypoint", b'"status"', b'"r"')  # what is in none of an app's messages that answer, answers nothing
_FIRST_TST = 1_600_000_000  # a place is known to the app by the time of its making


class Answer(NamedTuple):
    """To a command of this name; on one line."""

    name: str
    text: str


def message(name: str, argument: Mapping[str, Any]) -> dict[str, Any]:
    """A command of the table as the app understands it.

    >>> message("monitoring", {"mode": 2})["configuration"]
    {'_type': 'configuration', 'monitoring': 2}
    """
    match name:
        case "report_location":
            return _cmd("reportLocation")
        case "clear_waypoints":
            return _cmd("clearWaypoints")
        case "set_waypoints":
            places = [_waypoint(each) for each in argument["waypoints"]]
            return _cmd("setWaypoints", waypoints={"_type": "waypoints", "waypoints": places})
        case "monitoring":
            mode = int(argument["mode"])
            return _cmd("setConfiguration", configuration={"_type": "configuration", "monitoring": mode})
        case "message":
            return _cmd("action", content=argument["text"], notify=argument["text"])
    return _cmd(name)


def _cmd(action: str, **more: Any) -> dict[str, Any]:
    return {"_type": "cmd", "action": action, **more}


def _waypoint(place: Mapping[str, Any]) -> dict[str, Any]:
    """The same name is the same place, so that one sent again takes the place of the one before."""
    tst = _FIRST_TST + crc32(str(place["desc"]).encode()) % 100_000_000
    return {"_type": "waypoint", "tst": tst, **{key: place[key] for key in ("desc", "lat", "lon", "rad")}}


def answers(payload: bytes) -> list[Answer]:
    """What of a message, or of an array of them, is an answer. Never raises."""
    if not any(mark in payload for mark in _MARKS):
        return []
    try:
        found = loaded(payload)
    except WireError:
        return []
    told = [_answer(each) for each in (found if isinstance(found, list) else [found]) if isinstance(each, dict)]
    return [each for each in told if each is not None]


def _answer(said: Mapping[str, Any]) -> Answer | None:
    kind = said.get("_type")
    if kind == "location" and said.get("t") == "r":
        return Answer("report_location", place_text(said))
    if kind == "waypoints":
        return Answer("waypoints", _places_text(said.get("waypoints")))
    if kind == "status":
        rest = {key: value for key, value in said.items() if key not in {"_type", "_id", "topic"}}
        try:
            return Answer("status", _line(orjson.dumps(rest).decode()))
        except TypeError:
            return Answer("status", "-")
    return None


def place_text(place: Mapping[str, Any]) -> str:
    """A place in few characters, what counts first: degrees, radius or accuracy, name.

    >>> place_text({"lat": 60.17, "lon": "24.94", "rad": 100, "desc": "Depot"}), place_text({"desc": "beacon"})
    ('60.17, 24.94, 100 m: Depot', 'beacon')
    """
    lat, lon = as_number(place.get("lat")), as_number(place.get("lon"))
    radius = as_number(place.get("rad"))
    radius_m = as_number(place.get("acc")) if radius is None else radius
    where = f"{lat:.8g}, {lon:.8g}" if lat is not None and lon is not None else ""
    if where and radius_m is not None:
        where += f", {radius_m:g} m"
    name = place.get("desc")
    return _line(": ".join(each for each in (where, name if isinstance(name, str) else "") if each)) or "-"


def _places_text(places: object) -> str:
    found = [each for each in places if isinstance(each, dict)] if isinstance(places, Sequence) else []
    names = ", ".join(str(each.get("desc", "-"))[:40] for each in found[:NAMES_MAX])
    more = f", and {len(found) - NAMES_MAX} more" if len(found) > NAMES_MAX else ""
    count = "1 place" if len(found) == 1 else f"{len(found)} places"
    return _line(f"{count}: {names}{more}" if found else "no places")


def _line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:ANSWER_CHARS_MAX]
