"""What devices can be told: the kinds of commands that a format knows, with what they take.

The table behind the page and behind what a command is refused for. A device of ours may know others: its firmware says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Via = Literal["native", "teltonika"]
_LINE = r"[ -~]+"


class Argument(NamedTuple):
    """What a command takes. `low` and `high`: of a number; of a text its length."""

    name: str
    type: Literal["number", "text"]
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
    if not isinstance(value, str) or not value.isprintable():
        return False
    has_room = argument.low <= len(value) <= argument.high
    return has_room and (not argument.pattern or re.fullmatch(argument.pattern, value) is not None)


def _wanted(argument: Argument) -> str:
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


def via_of(hearer: Hearer) -> Via:
    """The way by which a device is told something, when nobody says another: as it speaks.

    >>> via_of(Hearer("tracker", False, False, False, True)), via_of(Hearer("tracker", False, True, False, True))
    ('teltonika', 'native')
    """
    if hearer.format == "teltonika" or (hearer.format is None and hearer.has_imei and not hearer.has_login):
        return "teltonika"
    return "native"


Obstacle = Literal["revoked", "no_login", "no_imei"]


def obstacle(hearer: Hearer, via: Via) -> Obstacle | None:
    """Why a device hears nothing by a way."""
    if hearer.revoked:
        return "revoked"
    if via == "teltonika":
        return None if hearer.has_imei else "no_imei"
    return None if hearer.has_login else "no_login"


OBSTACLES: Mapping[Obstacle, str] = {
    "revoked": "it is revoked: rotate lets it in again",
    "no_login": "it has no login at the broker, where commands are heard: rotate gives it one",
    "no_imei": "it has no IMEI of its own as foreign_id, by which its connection is known",
}
