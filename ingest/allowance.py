"""How many receipts a device is sent: a burst, then a steady rate, so that one that does not read them fills no memory.

A receipt says "all up to here", so a later one of the same boot stands for those before it. What waits is told when the
allowance has come back; of a device with very many boots waiting the oldest are forgotten, and sent when it repeats.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

BURST = 100.0
PER_S = 2.0
BOOTS_WAITING_MAX = 200  # of one device
DEVICES_MAX = 50_000


class Receipt(NamedTuple):
    """All readings of a boot up to `contiguous` are durable."""

    device_id: int
    boot: str
    contiguous: int


class Allowance:
    """Which receipts may be sent now. Not thread-safe."""

    def __init__(self) -> None:
        self._left: OrderedDict[int, tuple[float, float]] = OrderedDict()
        """Device → receipts it may still be sent, as of when (monotonic seconds)."""
        self._waiting: dict[int, OrderedDict[str, int]] = {}

    def __bool__(self) -> bool:
        """Whether any waits."""
        return bool(self._waiting)

    def take(self, due: Iterable[tuple[int, str, int]], now: float) -> list[Receipt]:
        """Those that may be sent at monotonic second `now`, of `due` and of those that waited, oldest first."""
        for device_id, boot, contiguous in due:
            waiting = self._waiting.setdefault(device_id, OrderedDict())
            waiting[boot] = contiguous
            if len(waiting) > BOOTS_WAITING_MAX:
                waiting.popitem(last=False)
        found: list[Receipt] = []
        for device_id in list(self._waiting):
            found += self._of_device(device_id, now)
        return found

    def _of_device(self, device_id: int, now: float) -> list[Receipt]:
        left, at = self._left.pop(device_id, (BURST, now))
        left = min(BURST, left + (now - at) * PER_S)
        waiting, found = self._waiting[device_id], []
        while waiting and left >= 1:
            found.append(Receipt(device_id, *waiting.popitem(last=False)))
            left -= 1
        if not waiting:
            del self._waiting[device_id]
        self._left[device_id] = left, now
        if len(self._left) > DEVICES_MAX:
            self._left.popitem(last=False)
        return found
