"""What a logger says of its own readings: computed in the device, from more samples than it keeps, and often truncated.

It stands beside what is computed here as *device-reported*, and is never mixed with it. Times are Unix ms of the
device's local times, in the zone the file was read in; days are the device's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple

from domain.times import rfc3339

Cumulative = Literal["consecutive", "cumulative"]


class Extreme(NamedTuple):
    """A coldest or warmest moment: a reading, also where the log has none."""

    t_ms: int
    temp_c: float


@dataclass(frozen=True, slots=True)
class Alarm:
    """A limit the device watches, and what came of it."""

    number: str
    op: Literal[">", ">=", "<", "<="]
    limit_c: float
    for_s: float
    mode: Cumulative
    raised_ms: tuple[int, ...] = ()
    beyond_s: float | None = None
    """All time beyond the limit that it counted."""

    @property
    def words(self) -> str:
        """As a person writes it.

        >>> Alarm("1", ">", 8.0, 36_000.0, "consecutive").words
        'device alarm 1: > 8 °C for 600 min'
        """
        how = " in all" if self.mode == "cumulative" else ""
        return f"device alarm {self.number}: {self.op} {self.limit_c:g} °C for {self.for_s / 60:g} min{how}"


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the device's own calendar."""

    day: date
    begin_ms: int
    end_ms: int
    lowest: Extreme | None = None
    highest: Extreme | None = None
    mean_c: float | None = None
    beyond_min: tuple[tuple[str, int], ...] = ()
    """Minutes beyond the limit of each alarm."""
    sensor_lost_min: int = 0


@dataclass(frozen=True, slots=True)
class Reported:
    """All that a device says of itself and its readings."""

    model: str
    firmware: str = ""
    interval_s: float | None = None
    """Between two readings it keeps."""
    delta_h_kj_per_mol: float | None = None
    activated_ms: int | None = None
    started_ms: int | None = None
    stopped_ms: int | None = None
    lowest: Extreme | None = None
    highest: Extreme | None = None
    mean_c: float | None = None
    mkt_c: float | None = None
    alarms: tuple[Alarm, ...] = ()
    days: tuple[Day, ...] = ()

    def extremes(self) -> list[Extreme]:
        """Every coldest and warmest moment it names, in order of time, each once."""
        named = [self.lowest, self.highest, *(e for d in self.days for e in (d.lowest, d.highest))]
        return sorted({each for each in named if each is not None})


def told(said: Reported) -> dict[str, Any]:
    """All of it as JSON, with RFC 3339 times."""

    def when(ms: int | None) -> str | None:
        return None if ms is None else rfc3339(ms * 1000)

    def extreme(found: Extreme | None) -> dict[str, Any] | None:
        return None if found is None else {"time": when(found.t_ms), "temp_c": found.temp_c}

    return {
        "model": said.model,
        "firmware": said.firmware,
        "interval_s": said.interval_s,
        "delta_h_kj_per_mol": said.delta_h_kj_per_mol,
        "activated_at": when(said.activated_ms),
        "started_at": when(said.started_ms),
        "stopped_at": when(said.stopped_ms),
        "lowest": extreme(said.lowest),
        "highest": extreme(said.highest),
        "mean_c": said.mean_c,
        "mkt_c": said.mkt_c,
        "alarms": [
            {
                "alarm": each.number,
                "op": each.op,
                "limit_c": each.limit_c,
                "for_s": each.for_s,
                "mode": each.mode,
                "raised_at": [when(ms) for ms in each.raised_ms],
                "beyond_s": each.beyond_s,
            }
            for each in said.alarms
        ],
        "days": [
            {
                "day": each.day.isoformat(),
                "lowest": extreme(each.lowest),
                "highest": extreme(each.highest),
                "mean_c": each.mean_c,
                "beyond_min": dict(each.beyond_min),
                "sensor_lost_min": each.sensor_lost_min,
            }
            for each in said.days
        ],
    }
