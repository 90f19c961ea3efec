"""Profiles: what is known of a device that its messages do not say, at a moment.

Which channel is which stream, probe and unit; by how much a probe is wrong; how exact, how often, how far off its
clock may be. A profile is valid from a time on, and a reading is read with the profile of its own moment.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Target:
    """What a channel is: native stream and key, the part it belongs to (probe, slot or door), the sender's unit."""

    stream: str
    key: str
    part: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is added to a probe's temperature, and until when the certificate holds."""

    offset_c: float = 0.0
    due_us: int | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """Valid from `since_us` on."""

    version: int = 0
    since_us: int = 0
    channels: Mapping[str, Target | None] = field(default_factory=dict)
    """By the sender's name of the channel; None: not kept."""
    calibration: Mapping[str, Calibration] = field(default_factory=dict)
    """By probe."""
    accuracy_class: str = ""
    interval_s: float | None = None
    """How often the device reports."""
    clock_error_s: float | None = None
    """How far its clock may be off before a reading is flagged."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """For the format's decoder, by the name its documentation gives."""


NO_PROFILE = Profile()


@dataclass(frozen=True, slots=True)
class History:
    """All profiles of a device, oldest first."""

    profiles: tuple[Profile, ...] = ()
    since_us: tuple[int, ...] = ()

    @classmethod
    def of(cls, profiles: Sequence[Profile]) -> History:
        """From profiles in any order."""
        ordered = tuple(sorted(profiles, key=lambda p: p.since_us))
        return cls(ordered, tuple(p.since_us for p in ordered))

    def at(self, t_us: int) -> Profile:
        """The profile of a moment; before the first one there is none.

        >>> History.of([Profile(1, 100), Profile(2, 200)]).at(150).version
        1
        """
        found = bisect_right(self.since_us, t_us)
        return self.profiles[found - 1] if found else NO_PROFILE
