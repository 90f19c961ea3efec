"""One flooding device must not make the others wait: what is beyond its rate takes the slow way, none of it is lost.

A token bucket per device: `rate` messages a second on the long run, `BURST_S` seconds' worth at once, so that a device
which comes back after a day may send what it has kept. Gateways and connectors speak for many, so they have no rate.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence

from prometheus_client import Counter as Total

from ingest.mqtt.codec import RawMessage

log = logging.getLogger(__name__)

BURST_S = 20.0
DEVICES_MAX = 100_000
TELL_S = 60.0

slowed_total = Total("frostway_ingest_slowed_messages_total", "Messages of flooding devices that took the slow way")


class Fairness:
    """Buckets by device, bounded. For one thread."""

    def __init__(self, rate_per_s: float, speaks_for_many: Callable[[bytes], bool]) -> None:
        """`speaks_for_many` says of a topic whether its sender has no rate."""
        self._speaks_for_many = speaks_for_many
        self._rate = rate_per_s
        self._burst = rate_per_s * BURST_S
        self._buckets: dict[bytes, tuple[float, float]] = {}
        self._told: dict[bytes, float] = {}

    def split(self, messages: Sequence[RawMessage], now_s: float) -> tuple[Sequence[RawMessage], Sequence[RawMessage]]:
        """Messages that go on, and those beyond their device's rate, both in order; `now_s` is monotonic."""
        over = {
            device: count - self._take(device, count, now_s)
            for device, count in Counter(map(device_of, (message[0] for message in messages))).items()
        }
        over = {device: count for device, count in over.items() if count}
        if not over:
            return messages, ()
        first, rest = [], []
        for message in reversed(messages):  # the newest of a flooding device wait
            device = device_of(message[0])
            if over.get(device, 0) > 0 and not self._speaks_for_many(message[0]):
                over[device] -= 1
                rest.append(message)
                self._tell(device, now_s)
            else:
                first.append(message)
        slowed_total.inc(len(rest))
        return first[::-1], rest[::-1]

    def _take(self, device: bytes, count: int, now_s: float) -> int:
        """How many of `count` messages a device may send now."""
        if len(self._buckets) >= DEVICES_MAX:
            self._buckets.clear()  # they all begin anew: nobody is slowed for it
        left, since = self._buckets.get(device, (self._burst, now_s))
        left = min(self._burst, left + (now_s - since) * self._rate)
        taken = min(count, int(left))
        self._buckets[device] = (left - taken, now_s)
        return taken

    def _tell(self, device: bytes, now_s: float) -> None:
        if now_s - self._told.get(device, -TELL_S) < TELL_S:
            return
        if len(self._told) >= DEVICES_MAX:
            self._told.clear()
        self._told[device] = now_s
        log.warning(
            "%s sends more than %g messages a second: the rest waits", device.decode("utf-8", "replace"), self._rate
        )


def device_of(topic: bytes) -> bytes:
    """The part of a topic that names its sender.

    >>> device_of(b"fw/v1/main/gps-1/gps"), device_of(b"owntracks/main/phone/event"), device_of(b"x")
    (b'fw/v1/main/gps-1', b'owntracks/main/phone', b'x')
    """
    levels = 4 if topic.startswith((b"fw/", b"spBv1.0/")) else 3
    return b"/".join(topic.split(b"/", levels)[:levels])
