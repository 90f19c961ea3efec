"""What devices can be told: the kinds of commands that a format knows, with what they take.

The table behind the page and behind what a command is refused for. A device of ours may know others: its firmware says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Via = Literal["native", "teltonika", "owntracks"]
_LINE = r"[ -~]+"
NAME_CHARS_MAX, RADIUS_M_MAX = 64, 100_000


class Argument(NamedTuple):
    """What a command takes. `low` and `high`: of a number; of a text its length, of places how many.

    Places are a list of `{"desc", "lat", "lon", "rad"}`: a name, degrees, and metres around them.
    """

    name: str
    type: Literal["number", "text", "places"]
    about: str
    required: bool = True
    low: float = 0
    high: float = 200
    pattern: str = ""
    """Of a text, all of it; empty: any."""


class Kind(NamedTuple):
    """A command. `harms`: people are asked before it is sent."""

    name: str
    about: str
    arguments: tuple[Argument, ...] = ()
    harms: bool = False


class Tongue(NamedTuple):
    """The commands of a format; `is_open`: devices may know others."""

    kinds: tuple[Kind, ...]
    is_open: bool = False


TONGUES: Mapping[Via, Tongue] = {
    "native": Tongue(
        (
            Kind("ping", "Answers when it is there."),
            Kind(
                "interval",
                "A reading every so many seconds at the most.",
                (Argument("seconds", "number", "Seconds", high=86_400),),
            ),
            Kind("reboot", "Starts anew. It says nothing for a while.", harms=True),
        ),
        is_open=True,
    ),
    "teltonika": Tongue(
        (
            Kind("getinfo", "Time, faults, records that wait, signal."),
            Kind("getver", "Firmware, modem and IMEI."),
            Kind("getstatus", "Network, data link and records that wait."),
            Kind("getgps", "Where it is now."),
            Kind("getio", "Its inputs and outputs."),
            Kind(
                "setdigout",
                "Switches its outputs: 1 on, 0 off, ? as it is, one after the other.",
                (
                    Argument("outputs", "text", "Outputs, such as 10", low=1, high=4, pattern="[01?]+"),
                    Argument("seconds", "number", "For so many seconds", required=False, low=1, high=86_400),
                ),
                harms=True,
            ),
            Kind("getparam", "A parameter of its settings.", (Argument("id", "number", "Parameter", high=99_999),)),
            Kind(
                "setparam",
                "Changes a parameter of its settings.",
                (
                    Argument("id", "number", "Parameter", high=99_999),
                    Argument("value", "text", "Value", low=1, high=100, pattern=_LINE),
                ),
                harms=True,
            ),
            Kind("cpureset", "Restarts. It says nothing for a while, and often does not answer.", harms=True),
            Kind(
                "text",
                "Any other that it knows, as by SMS, without login and password.",
                (Argument("text", "text", "Command", low=1, high=200, pattern=_LINE),),
                harms=True,
            ),
        )
    ),
    "owntracks": Tongue(
        (
            Kind("report_location", "Where it is now."),
            Kind("status", "How the app is set up, and what the phone lets it do."),
            Kind("waypoints", "Which places are set in the app."),
            Kind(
                "set_waypoints",
                "Sets places in the app: it says when it comes there and leaves.",
                (Argument("waypoints", "places", "Places", low=1, high=20),),
            ),
            Kind("clear_waypoints", "Forgets all places that are set in the app.", harms=True),
            Kind(
                "monitoring",
                "How often it says where it is. The app must allow remote configuration.",
                (Argument("mode", "number", "-1 never, 0 by hand, 1 when it has moved far, 2 often", low=-1, high=2),),
            ),
            Kind(
                "message",
                "Shows a text to whoever holds the phone (iOS).",
                (Argument("text", "text", "Text", low=1, high=200),),
            ),
        )
    ),
}


def refusal(via: Via, name: str, argument: Mapping[str, Any]) -> str:
    """What is wrong with a command, beginning with the field's name; empty: nothing that we know of.

    What a device of an open format takes is its own affair.
    """
    tongue = TONGUES[via]
    if tongue.is_open:
        return ""
    kind = next((each for each in tongue.kinds if each.name == name), None)
    if kind is None:
        return f"command: one of {', '.join(each.name for each in tongue.kinds)}"
    if strange := argument.keys() - {each.name for each in kind.arguments}:
        return f"argument.{min(strange)}: {name} takes no such thing"
    for each in kind.arguments:
        value = argument.get(each.name)
        if value is None and not each.required:
            continue
        if value is None or not _fits(each, value):
            return f"argument.{each.name}: {_wanted(each)}"
    return ""


def _fits(argument: Argument, value: Any) -> bool:
    if argument.type == "number":
        return isinstance(value, int | float) and not isinstance(value, bool) and argument.low <= value <= argument.high
    if argument.type == "places":
        return isinstance(value, list) and argument.low <= len(value) <= argument.high and all(map(_is_place, value))
    if not isinstance(value, str) or not value.isprintable():
        return False
    has_room = argument.low <= len(value) <= argument.high
    return has_room and (not argument.pattern or re.fullmatch(argument.pattern, value) is not None)


def _is_place(value: Any) -> bool:
    if not isinstance(value, dict) or value.keys() != {"desc", "lat", "lon", "rad"}:
        return False
    name = value["desc"]
    if not isinstance(name, str) or not name.isprintable() or not 1 <= len(name) <= NAME_CHARS_MAX:
        return False
    return all(
        isinstance(value[key], int | float) and not isinstance(value[key], bool) and low <= value[key] <= high
        for key, low, high in (("lat", -90, 90), ("lon", -180, 180), ("rad", 1, RADIUS_M_MAX))
    )


def _wanted(argument: Argument) -> str:
    if argument.type == "places":
        return f'{argument.low:g} to {argument.high:g} places, each with "desc", "lat", "lon" and "rad" in metres'
    if argument.type == "number":
        return f"a number from {argument.low:g} to {argument.high:g}"
    of = f" of {argument.pattern}" if argument.pattern else ""
    return f"a text of {max(argument.low, 1):g} to {argument.high:g} characters on one line{of}"


class Hearer(NamedTuple):
    """What is known of a device that is to be told something."""

    kind: str
    revoked: bool
    has_login: bool
    has_token: bool
    has_imei: bool
    format: str | None = None
    """The foreign format that it was heard to speak, if any."""
    at_door: bool | None = None
    """Whether that was at a door, not by MQTT."""


def via_of(hearer: Hearer) -> Via:
    """The way by which a device is told something, when nobody says another: as it speaks.

    >>> via_of(Hearer("tracker", False, False, False, True)), via_of(Hearer("tracker", False, True, False, True))
    ('teltonika', 'native')
    """
    if hearer.format == "teltonika" or (hearer.format is None and hearer.has_imei and not hearer.has_login):
        return "teltonika"
    if hearer.format == "owntracks" or (hearer.format is None and hearer.kind == "phone"):
        return "owntracks"
    return "native"


Obstacle = Literal["revoked", "no_login", "no_imei", "deaf"]


def obstacle(hearer: Hearer, via: Via) -> Obstacle | None:
    """Why a device hears nothing by a way. `deaf`: by its looks; who knows better says the way."""
    if hearer.revoked:
        return "revoked"
    if via == "teltonika":
        return None if hearer.has_imei else "no_imei"
    if via == "native" and hearer.at_door and hearer.format not in TONGUES:
        return "deaf"
    is_heard = hearer.has_login or (via == "owntracks" and hearer.has_token)
    return None if is_heard else "no_login"


OBSTACLES: Mapping[Obstacle, str] = {
    "revoked": "it is revoked: rotate lets it in again",
    "no_login": "it has no login by which it could hear them: rotate gives it one",
    "deaf": "it speaks a format over HTTP by which nothing can be told; via says another way",
    "no_imei": "it has no IMEI of its own as foreign_id, by which its connection is known",
}
