"""Brokers of other systems: their addresses, and the topics on which they are told what happens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from domain.webhooks import AddressError

URL_CHARS_MAX = 300
PREFIX_CHARS_MAX = 100
SCHEMES = {"mqtt": 1883, "mqtts": 8883}
PORTS = (8883,)
"""Ports in the world, by TLS; in a network that the operator allows any."""
_OVER = ("cleared_at", "resolved_at")
_EXAMPLE = "not an address such as mqtts://broker.example.org"


def parse_broker(url: str) -> SplitResult:
    """The parts of a broker's address.

    Raises:
        AddressError: it is none.
    """
    if not 8 <= len(url) <= URL_CHARS_MAX or not url.isascii() or any(c <= " " or c in "\\\x7f" for c in url):
        raise AddressError(f"url: 8 to {URL_CHARS_MAX} visible ASCII characters")
    try:
        found = urlsplit(url)
        port = found.port
    except ValueError:
        raise AddressError(f"url: {_EXAMPLE}") from None
    if found.scheme not in SCHEMES or not found.hostname or port == 0:
        raise AddressError(f"url: {_EXAMPLE}")
    if found.username is not None or found.password is not None:
        raise AddressError("url: without a user and password in it; they stand beside it")
    if found.path not in ("", "/") or found.query or found.fragment:
        raise AddressError("url: nothing behind the port; topics begin with the prefix")
    return found


def check_prefix(prefix: str) -> str:
    """What topics begin with.

    Raises:
        ValueError: no topic begins like that.
    """
    levels = prefix.split("/")
    if not 1 <= len(prefix) <= PREFIX_CHARS_MAX or not all(levels) or not prefix.isprintable() or prefix[0] == "$":
        raise ValueError(f"levels with / between them, {PREFIX_CHARS_MAX} characters at most, not with $ first")
    if any(c in prefix for c in "+#"):
        raise ValueError("without + and #, which are for those who subscribe")
    return prefix


def event_topic(prefix: str, kind: str) -> str:
    """Where an event is told.

    >>> event_topic("frostway/main", "alert.opened")
    'frostway/main/events/alert/opened'
    """
    return "/".join([prefix, "events", *kind.split(".")])


def state_topics(prefix: str, row: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """Where the last word stays, and whether there is one: none of an alert that is over.

    >>> state_topics("f", {"type": "alert.opened", "subject": "alerts/7", "data": {"vehicle": "t+1"}})
    [('f/state/alerts/7', True), ('f/state/vehicles/t_1', True)]
    """
    kind, data = str(row["type"]), row["data"]
    found = []
    if kind.startswith("alert."):
        is_over = kind in ("alert.cleared", "alert.retracted", "alert.resolved") or any(map(data.get, _OVER))
        found.append((f"{prefix}/state/alerts/{_level(row['subject'].partition('/')[2])}", not is_over))
    if vehicle := data.get("vehicle"):
        found.append((f"{prefix}/state/vehicles/{_level(vehicle)}", True))
    return found


def _level(name: str) -> str:
    return "".join("_" if c in "/+#" or not c.isprintable() else c for c in str(name))
