"""What a logger says of itself beside what its readings come to here: the difference is shown, never hidden.

A device prints one decimal and often cuts the rest off instead of rounding; it measures more often than it keeps a
reading, so its extremes and means of a day may be of moments the log does not have; it counts minutes in its own days.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from domain.cold_chain.kinetic import DELTA_H_KJ_PER_MOL
from domain.cold_chain.profile import Band, TemperatureProfile
from domain.cold_chain.recordings import evaluate
from domain.recordings.reported import Alarm, Day, Reported
from tracker.temperatures.report import Series, mean_by_time, means_of, shares_of

MINUTES_OFF = 7.0
"""By which minutes of a day may differ: a reading each few minutes, and a clock of minutes."""
INSTANT_OFF_MIN = 10.0
PRINTED_C = 0.1


class Beside(NamedTuple):
    """A figure of the device's and ours. `agrees` within what the device prints; None where it cannot be compared."""

    what: str
    unit: str
    device: float
    ours: float | None
    difference: float | None
    agrees: bool | None
    note: str = ""


def device_rules(said: Reported, max_interval_s: float) -> list[tuple[Alarm, TemperatureProfile]]:
    """The limits the device is set to, as profiles."""
    return [
        (
            alarm,
            TemperatureProfile(
                bands=(Band(alarm.words, alarm.op, alarm.limit_c, alarm.for_s, alarm.mode, clear_c=0.0),),
                max_interval_s=max_interval_s,
            ),
        )
        for alarm in said.alarms
    ]


def raised(said: Reported, series: Series, max_interval_s: float) -> dict[str, tuple[int, ...]]:
    """By alarm, when the device's own limits would have raised it, by the readings."""
    return {
        alarm.number: evaluate(profile, series.t_us, series.temp_c, sound=True).bands[0].alarms_us
        for alarm, profile in device_rules(said, max_interval_s)
    }


def figures(said: Reported, log: Series, measured: Series, max_interval_s: float) -> list[Beside]:
    """Each figure the device has, beside ours. `log`: what it keeps; `measured`: with the moments between."""
    found: list[Beside] = []
    means = means_of(log, said.delta_h_kj_per_mol or DELTA_H_KJ_PER_MOL, max_interval_s)
    if said.mkt_c is not None:
        how = f"ΔH {said.delta_h_kj_per_mol:g} kJ/mol as the device's" if said.delta_h_kj_per_mol else ""
        found.append(_degrees("mean kinetic temperature", said.mkt_c, means.mkt_c, how))
    if said.mean_c is not None:
        found.append(_degrees("mean", said.mean_c, means.mean_c))
    if said.lowest is not None:
        found.append(_degrees("lowest", said.lowest.temp_c, float(log.temp_c.min())))
    if said.highest is not None:
        found.append(_degrees("highest", said.highest.temp_c, float(log.temp_c.max())))
    for day in said.days:
        found += _day(said, day, log, measured, max_interval_s)
    if not said.days:
        found += _totals(said, measured, max_interval_s)
    return found + _instants(said, measured, max_interval_s)


def _day(said: Reported, day: Day, log: Series, measured: Series, max_interval_s: float) -> list[Beside]:
    gap_us = round(max_interval_s * 1e6)
    begin_us, end_us = day.begin_ms * 1000, day.end_ms * 1000
    part = measured.between(begin_us, end_us, gap_us)
    kept = log.between(begin_us, end_us, -1)
    spent_s = ((min(day.end_ms, said.stopped_ms or day.end_ms)) - max(day.begin_ms, said.activated_ms or 0)) / 1000
    known_s = 0.0 if len(part) < 2 else sum(shares_of(part, None, None, max_interval_s)[:3])
    is_whole = known_s >= spent_s - 60 * (MINUTES_OFF + day.sensor_lost_min)
    why = "" if is_whole else f"readings of {known_s / 60:.0f} of {spent_s / 60:.0f} minutes"
    found: list[Beside] = []
    for name, extreme, reach in (("lowest", day.lowest, min), ("highest", day.highest, max)):
        if extreme is not None:
            ours = float(reach(kept.temp_c)) if len(kept) and is_whole else None
            beyond = ours is not None and abs(ours - extreme.temp_c) >= PRINTED_C
            note = why or ("measured between two readings it kept" if beyond else "")
            found.append(_degrees(f"{day.day} {name}", extreme.temp_c, ours, note))
    if day.mean_c is not None:
        ours = mean_by_time(part, max_interval_s) if is_whole else None
        row = _degrees(f"{day.day} mean", day.mean_c, ours, why)
        longest_s = float(np.diff(part.t_us).max()) / 1e6 if len(part) > 1 else 0.0
        if row.agrees is False and longest_s > 2 * (said.interval_s or longest_s):
            row = row._replace(note=f"it measured on through {longest_s / 60:.0f} minutes of which it kept nothing")
        found.append(row)
    rules = dict(day.beyond_min)
    for alarm in said.alarms:
        if alarm.number in rules:
            ours_min = _beyond_s(alarm, part, max_interval_s) / 60 if is_whole else None
            found.append(_minutes(f"{day.day} {alarm.op} {alarm.limit_c:g} °C", rules[alarm.number], ours_min, why))
    return found


def _totals(said: Reported, measured: Series, max_interval_s: float) -> list[Beside]:
    """Times beyond limits of a whole run; it starts to count one reading late."""
    slack_min = MINUTES_OFF + (said.interval_s or 0) / 60
    found = []
    for alarm in said.alarms:
        if alarm.beyond_s is not None:
            ours_min = _beyond_s(alarm, measured, max_interval_s) / 60
            off = ours_min - alarm.beyond_s / 60
            found.append(
                Beside(f"{alarm.words}, time beyond", "min", alarm.beyond_s / 60, ours_min, off, abs(off) <= slack_min)
            )
    return found


def _instants(said: Reported, measured: Series, max_interval_s: float) -> list[Beside]:
    """When alarms were raised, each beside the nearest of ours. Minutes since 1970 stand for the instants."""
    by_alarm = raised(said, measured, max_interval_s)
    gap_us = round(max_interval_s * 1e6)
    found = []
    for alarm in said.alarms:
        ours = [at_us / 6e7 for at_us in by_alarm[alarm.number]]
        for raised_ms in alarm.raised_ms:
            at = raised_ms / 6e4
            what = f"{alarm.words}, raised"
            before = measured.between(raised_ms * 1000 - round(alarm.for_s * 1e6), raised_ms * 1000, gap_us)
            known_s = 0.0 if len(before) < 2 else sum(shares_of(before, None, None, max_interval_s)[:3])
            if known_s < alarm.for_s - 60 * MINUTES_OFF:
                note = f"it kept readings of {known_s / 60:.0f} of the {alarm.for_s / 60:.0f} minutes before"
                found.append(Beside(what, "instant", at, None, None, None, note))
                continue
            near = min(ours, key=lambda minute: abs(minute - at), default=None)
            off = None if near is None else near - at
            found.append(Beside(what, "instant", at, near, off, off is not None and abs(off) <= INSTANT_OFF_MIN))
    return found


def _beyond_s(alarm: Alarm, series: Series, max_interval_s: float) -> float:
    if len(series) < 2:
        return 0.0
    limit_c = alarm.limit_c
    if alarm.op in ("<=", ">="):  # the limit itself is beyond
        limit_c = float(np.nextafter(limit_c, np.inf if alarm.op == "<=" else -np.inf))
    is_low = alarm.op in ("<", "<=")
    below, above, *_ = shares_of(series, limit_c if is_low else None, None if is_low else limit_c, max_interval_s)
    return below + above


def _degrees(what: str, device: float, ours: float | None, note: str = "") -> Beside:
    if ours is None or ours != ours:  # noqa: PLR0124 -- NaN
        return Beside(what, "°C", device, None, None, None, note)
    off = ours - device
    cut = (-PRINTED_C / 2, PRINTED_C) if device >= 0 else (-PRINTED_C, PRINTED_C / 2)
    return Beside(what, "°C", device, ours, off, cut[0] - 1e-9 <= off <= cut[1] + 1e-9, note)


def _minutes(what: str, device: float, ours: float | None, note: str) -> Beside:
    off = None if ours is None else ours - device
    return Beside(what, "min", device, ours, off, None if off is None else abs(off) <= MINUTES_OFF, note)
