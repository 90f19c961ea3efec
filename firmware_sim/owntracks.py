"""A simulated phone with OwnTracks: what it says, and what it does when it is told something.

`Phone` is the app without I/O and clock: messages in, messages out, by their topic below the phone's own. `serve` gives
it the door for HTTP.
"""

from __future__ import annotations

import logging
import math
import threading
import time
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import orjson

log = logging.getLogger("firmware_sim.owntracks")

CENTRE = (60.1699, 24.9384)
ROUND_M, LAP_S = 400.0, 300.0
TIMEOUT_S = 10.0
ANSWER_BYTES_MAX = 256 * 1024


class Phone:
    """The app's settings and places; it allows remote configuration."""

    def __init__(self) -> None:
        self.waypoints: dict[int, dict[str, Any]] = {}
        self.monitoring = 1
        self.messages: list[str] = []

    def location(self, now_s: float, trigger: str = "u") -> dict[str, Any]:
        """Where it is: it walks around the middle of the town."""
        angle = 2 * math.pi * (now_s % LAP_S) / LAP_S
        lat = CENTRE[0] + ROUND_M * math.sin(angle) / 111_195
        lon = CENTRE[1] + ROUND_M * math.cos(angle) / (111_195 * math.cos(math.radians(CENTRE[0])))
        place = {"tst": int(now_s), "lat": round(lat, 6), "lon": round(lon, 6), "acc": 8, "batt": 81, "t": trigger}
        return {"_type": "location", **place, "m": self.monitoring}

    def hear(self, message: Any, now_s: float) -> list[tuple[str, dict[str, Any]]]:
        """What it says to a message, as (topic below its own, message); most commands it obeys without a word."""
        if not isinstance(message, dict) or message.get("_type") != "cmd":
            return []
        match message.get("action"):
            case "reportLocation":
                return [("", self.location(now_s, "r"))]
            case "status":
                return [("status", {"_type": "status", "android": {"hib": 0, "ps": 0, "loc": 0}})]
            case "waypoints":
                return [("waypoints", {"_type": "waypoints", "waypoints": list(self.waypoints.values())})]
            case "setWaypoints":
                self.waypoints |= {int(each["tst"]): each for each in message["waypoints"]["waypoints"]}
            case "clearWaypoints":
                self.waypoints.clear()
            case "setConfiguration":
                self.monitoring = int(message["configuration"].get("monitoring", self.monitoring))
            case "action":
                self.messages.append(str(message.get("content", "")))
        return []


def serve(phone: Phone, url: str, stop: threading.Event, every_s: float = 5.0) -> None:
    """Posts where it is until `stop` is set, and does what the answers tell.

    Raises:
        ValueError: the address is none of HTTP.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        raise ValueError("write http://… or https://…, the address that the page of devices shows")
    while not stop.is_set():
        waiting = [phone.location(time.time())]
        try:
            while waiting and not stop.is_set():
                for message in _post(url, waiting.pop(0)):
                    waiting += [said for _, said in phone.hear(message, time.time())]
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("not sent: %s", error)
        stop.wait(every_s)


def _post(url: str, message: dict[str, Any]) -> list[Any]:
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(url, orjson.dumps(message), headers)  # noqa: S310 - the scheme is checked above
    with urllib.request.urlopen(asked, timeout=TIMEOUT_S) as answer:  # noqa: S310
        found = orjson.loads(answer.read(ANSWER_BYTES_MAX) or b"[]")
    return found if isinstance(found, list) else []
