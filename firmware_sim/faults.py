"""What goes wrong between a device and the broker, as named numbers in one table.

A fault never changes what the world did; it changes when, how often, in which order and under which clock a reading
leaves its device. Every number has its unit in its name, and a plan drawn from a seed is the same each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from zlib import crc32

import numpy as np

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Faults:
    """Probabilities are per message (`_p`), per device (`_share`) or per device and day (`_per_day`)."""

    late_p: float = 0.0  # a reading waits in the device before it is sent ...
    late_s_max: float = 0.0  # ... for up to so long
    duplicate_p: float = 0.0  # a message is published twice
    shuffle_p: float = 0.0  # the messages that are due together leave in random order
    offline_per_day: float = 0.0  # a dead zone begins ...
    offline_s_min: float = 0.0  # ... and lasts at least
    offline_s_max: float = 0.0  # ... and at most so long
    burst_newest_first: bool = False  # after a dead zone the newest readings leave first
    skew_share: float = 0.0  # a device's clock is wrong ...
    skew_s_max: float = 0.0  # ... by up to so much, fast or slow
    reboot_per_day: float = 0.0  # a device restarts: new boot, new sequence; its buffer is in flash and survives
    garbage_p: float = 0.0  # beside a message, a payload that no parser should accept


TABLE: MappingProxyType[str, Faults] = MappingProxyType(
    {
        "none": Faults(),
        # What a good fleet does on a normal day: nobody should notice.
        "mild": Faults(late_p=0.002, late_s_max=20, duplicate_p=0.005, shuffle_p=0.01),
        # A bad month in one day, for tests of the whole stack.
        "harsh": Faults(
            late_p=0.03,
            late_s_max=600,
            duplicate_p=0.05,
            shuffle_p=0.2,
            offline_per_day=4,
            offline_s_min=600,
            offline_s_max=4 * 3600,
            burst_newest_first=True,
            skew_share=0.2,
            skew_s_max=90,
            reboot_per_day=3,
            garbage_p=0.001,
        ),
    }
)

# Each must end in quarantine with a reason, and harm no neighbour.
GARBAGE: tuple[bytes, ...] = (
    b"",
    b"{",
    b"[" * 3000,
    b'{"t":1,"lat":NaN,"lon":24.9}',
    b'{"t":"yesterday","c":4}',
    b'{"t":[1,2,3],"c":[4.0]}',
    b'{"t":1700000000000,"probe":"a\\u0000b","c":4}',
    b"\x00\xff\xfe\x80",
    b'{"t":1700000000000,"lat":"north","lon":{}}',
    b'{"t":1700000000000,"lat":1e999,"lon":24.9}',
)


def rng_for(seed: int, name: str) -> np.random.Generator:
    """A generator that depends on the seed and a name only, so that adding a device does not change the others."""
    return np.random.default_rng(np.random.SeedSequence([seed, crc32(name.encode())]))


class FaultPlan:
    """The faults of one device: dead zones, reboots and clock error drawn ahead, message faults as they happen."""

    def __init__(self, faults: Faults, seed: int, device: str, start_s: float, days: int = 8) -> None:
        self.faults = faults
        self._rng = rng_for(seed, f"faults/{device}")
        rng = self._rng
        skewed = rng.random() < faults.skew_share
        self.skew_ms = round(float(rng.uniform(-1, 1)) * faults.skew_s_max * 1000) if skewed else 0
        self._offline: list[tuple[float, float]] = []
        for _ in range(int(rng.poisson(faults.offline_per_day * days))):
            begin = start_s + float(rng.uniform(0, days * DAY_S))
            self._offline.append((begin, begin + float(rng.uniform(faults.offline_s_min, faults.offline_s_max))))
        self._reboots = sorted(
            start_s + float(t) for t in rng.uniform(0, days * DAY_S, int(rng.poisson(faults.reboot_per_day * days)))
        )

    def offline(self, now_s: float) -> bool:
        """Whether the device is in a dead zone at `now_s` (event time, Unix seconds)."""
        return any(begin <= now_s < end for begin, end in self._offline)

    def reboots_until(self, now_s: float) -> int:
        """How many restarts came due up to `now_s` since the last call."""
        due = 0
        while self._reboots and self._reboots[0] <= now_s:
            self._reboots.pop(0)
            due += 1
        return due

    def lateness_s(self) -> float:
        """Seconds the next reading waits inside the device; mostly 0."""
        if self.faults.late_p and self._rng.random() < self.faults.late_p:
            return float(self._rng.uniform(0, self.faults.late_s_max))
        return 0.0

    def duplicated(self) -> bool:
        """Whether the next message is published twice."""
        return bool(self.faults.duplicate_p and self._rng.random() < self.faults.duplicate_p)

    def order(self, n: int) -> list[int]:
        """The order in which `n` messages that are due together leave."""
        if n > 1 and self.faults.shuffle_p and self._rng.random() < self.faults.shuffle_p:
            return [int(i) for i in self._rng.permutation(n)]
        return list(range(n))

    def garbage(self) -> bytes | None:
        """A malformed payload to publish beside the next message, or None."""
        if self.faults.garbage_p and self._rng.random() < self.faults.garbage_p:
            return GARBAGE[int(self._rng.integers(len(GARBAGE)))]
        return None
