"""The temperature profiles of a registry, compiled: what each reading is held to, by its own time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from domain.cold_chain.bands import KEY_BITS, Rules
from domain.cold_chain.days import holds
from domain.cold_chain.profile import Band, TemperatureProfile
from domain.cold_chain.versions import History
from domain.readings import F64, I64, Bool
from tracker.engine.registry import Registry

NAN = float("nan")
UNKNOWN_BAND = Band("", ">", NAN)


class Held(NamedTuple):
    """A band as it was in force, and the version of its profile."""

    band: Band
    version: int
    profile: TemperatureProfile


class Profiles:
    """All versions of all profiles, one after the other; the first one is of what has none."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._base: dict[int, int] = {}
        self._changed: dict[int, History] = {}
        """Those with several versions, by the place of the first."""
        profiles = [TemperatureProfile()]
        for profile_id, history in sorted(registry.histories.items()):
            self._base[profile_id] = len(profiles)
            profiles += [version.profile for version in history.versions]
            if len(history.versions) > 1:
                self._changed[self._base[profile_id]] = history
        self._of_device = np.zeros(max(registry.devices, default=0) + 2, np.int64)
        for device_id, device in registry.devices.items():
            self._of_device[device_id] = self._base.get(device.profile_id, 0)
        self.profiles = profiles
        self.rules = Rules.of(profiles)
        self._scheduled = {place: p for place, p in enumerate(profiles) if p.schedule is not None}
        self.low_c, self.high_c = (
            np.array([NAN if limit is None else limit for limit in limits])
            for limits in ([p.low_c for p in profiles], [p.high_c for p in profiles])
        )

    def index(self, device: I64, t_us: I64) -> I64:
        """The place of the version that each row is held to, from its device and time."""
        place: I64 = self._of_device[device.clip(0, len(self._of_device) - 1)]
        for base, history in self._changed.items():
            rows = np.flatnonzero(place == base)
            if len(rows):
                place[rows] += history.index(t_us[rows])
        return place

    def applies(self, held: I64, t_us: I64) -> Bool | None:
        """Whether the schedules of the profiles that rows are held to hold at their times; None: all do."""
        if not self._scheduled:
            return None
        out = np.ones(len(held), np.bool_)
        for place in np.unique(held).tolist():
            if (of := self._scheduled.get(place)) is not None and of.schedule is not None:
                rows = np.flatnonzero(held == place)
                out[rows] = holds(of.schedule, of.tz, t_us[rows])
        return out

    def limits(self, device_id: int, t_us: float) -> tuple[float, float]:
        """The range of the label for a device at a moment; NaN: none."""
        profile = self.registry.history_of(device_id).at(t_us).profile
        low, high = profile.low_c, profile.high_c
        return (NAN if low is None else low), (NAN if high is None else high)

    def held(self, device_id: int, entity: int, t_us: int) -> Held:
        """The band that an entity is about, as it was in force at a moment, else as it was the next time."""
        device = self.registry.devices.get(device_id)
        history = self.registry.history_of(device_id)
        base = self._base.get(device.profile_id, 0) if device else 0
        first = int(history.index(np.array([t_us]))[0])
        count = len(history.versions)
        for place in (*range(first, count), *range(first - 1, -1, -1)):
            if (band := self.rules.band_of(base + place, entity)) is not None:
                version = history.versions[place]
                return Held(band, version.number, version.profile)
        some = int(self.rules.bands_of(np.array([entity & ((1 << KEY_BITS) - 1)]))[0])  # it has another profile now
        return Held(self.rules.bands[some] if some >= 0 else UNKNOWN_BAND, 0, TemperatureProfile())


def side(band: Band) -> str:
    """Which way a band is beyond: `above` or `below`."""
    return "above" if band.above else "below"


def beyond(band: Band, x: float) -> float:
    """The temperature that is so many degrees beyond a limit."""
    return band.limit_c + (x if band.above else -x)


def label_states(temp_c: F64, low_c: F64, high_c: F64) -> list[str]:
    """Where readings lie: `ok`, `above`, `below`, or `unknown` without a range.

    >>> nan = float("nan")
    >>> label_states(np.array([9.0, 8.0, 1.0, 5.0]), np.array([2.0, 2, 2, nan]), np.array([8.0, 8, 8, nan]))
    ['above', 'ok', 'below', 'unknown']
    """
    code = np.where(np.isnan(low_c) & np.isnan(high_c), 3, np.where(temp_c > high_c, 1, np.where(temp_c < low_c, 2, 0)))
    words = ("ok", "above", "below", "unknown")
    return [words[c] for c in code.tolist()]
