"""What a simulated device does when it is told something: `ping`, `interval` and `reboot`, each id once.

A command may come more than once: one that is known by its id is answered again and not done again. What has expired is
left alone. No I/O and no clock, as in `firmware_sim.device`.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import orjson

from firmware_sim.device import Device

KNOWN_MAX = 100
INTERVAL_S_MAX = 86_400


class Commands:
    """One device's ear; it remembers what it has answered over a reboot, as flash would."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._answered: OrderedDict[int, bytes] = OrderedDict()

    def hear(self, payload: bytes, now_s: float) -> bytes | None:
        """The answer to a command heard at this Unix second; None: it is none, or it is too late for it."""
        try:
            body = orjson.loads(payload)
            number, name, expires_ms = int(body["id"]), str(body["cmd"]), float(body["exp"])
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return None
        if number in self._answered:
            return self._answered[number]
        if now_s * 1000 >= expires_ms:
            return None
        is_done, text = self._do(name, body.get("arg"))
        answer = self._answered[number] = orjson.dumps({"id": number, "ok": is_done, "text": text})
        if len(self._answered) > KNOWN_MAX:
            self._answered.popitem(last=False)
        return answer

    def _do(self, name: str, argument: Any) -> tuple[bool, str]:
        if name == "ping":
            return True, "pong"
        if name == "reboot":
            self._device.reboot()
            return True, f"boot {self._device.boot}"
        if name == "interval":
            seconds = argument.get("seconds") if isinstance(argument, dict) else None
            if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= INTERVAL_S_MAX:
                return False, f"seconds: 0 to {INTERVAL_S_MAX}"
            self._device.every_s = float(seconds)
            return True, f"a reading every {seconds:g} s at the most"
        return False, f"I do not know {name[:32]}: ping, interval and reboot"
