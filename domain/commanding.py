"""What devices can be told: the kinds of commands that a format knows, with what they take.

The table behind the page and behind what a command is refused for. A device of ours may know others: its firmware says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Via = Literal["native"]


class Argument(NamedTuple):
    """What a command takes. `low` and `high`: of a number; of a text its length."""

    name: str
    type: Literal["number", "text"]
    about: str
    required: bool = True
    low: float = 0
    high: float = 200


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
    return isinstance(value, str) and argument.low <= len(value) <= argument.high and value.isprintable()


def _wanted(argument: Argument) -> str:
    if argument.type == "number":
        return f"a number from {argument.low:g} to {argument.high:g}"
    return f"a text of {max(argument.low, 1):g} to {argument.high:g} characters on one line"
