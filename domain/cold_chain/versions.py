"""Versions of a temperature profile: which one was in force at a moment."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from domain.cold_chain.profile import TemperatureProfile
from domain.readings import I64

EVER = -(2**63)
"""Since when the first version is in force, in microseconds."""


@dataclass(frozen=True, slots=True)
class Version:
    """What a profile said from `since_us` on."""

    number: int
    since_us: int
    profile: TemperatureProfile


NO_VERSION = Version(0, EVER, TemperatureProfile())
"""Of what has no profile: nothing is too warm or too cold."""


@dataclass(frozen=True, slots=True)
class History:
    """The versions of a profile that count, oldest first; the first one holds since ever."""

    versions: tuple[Version, ...] = (NO_VERSION,)
    since_us: tuple[int, ...] = (EVER,)

    @classmethod
    def of(cls, versions: Iterable[Version]) -> History:
        """From versions in any order; of those that begin together the last one counts.

        >>> [v.number for v in History.of([Version(3, 9, TemperatureProfile()), Version(2, 9, TemperatureProfile()),
        ...                                Version(1, EVER, TemperatureProfile())]).versions]
        [1, 3]
        """
        by_beginning = {v.since_us: v for v in sorted(versions, key=lambda v: (v.since_us, v.number))}
        found = tuple(by_beginning.values())
        return cls(found, tuple(v.since_us for v in found)) if found else cls()

    def at(self, t_us: float) -> Version:
        """The version in force at an event time.

        >>> History.of([Version(1, EVER, TemperatureProfile()), Version(2, 200, TemperatureProfile())]).at(199).number
        1
        """
        return self.versions[max(bisect_right(self.since_us, t_us) - 1, 0)]

    def index(self, t_us: I64) -> I64:
        """As `at`, of many event times: places in `versions`.

        >>> History.of([Version(1, EVER, TemperatureProfile()), Version(2, 200, TemperatureProfile())]).index(
        ...     np.array([0, 200])).tolist()
        [0, 1]
        """
        found = np.searchsorted(np.array(self.since_us, np.int64), t_us, side="right") - 1
        return np.asarray(found, np.int64).clip(0)


NO_HISTORY = History()
