"""What `frostway coldchain report` computes of a recording, and its document."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from domain.cold_chain.parsing import ProfileError, profile_of
from domain.cold_chain.profile import TemperatureProfile, plain
from domain.cold_chain.ready_made import READY_MADE
from domain.cold_chain.recordings import Evaluation, evaluate
from domain.recordings.exports import Detection
from domain.recordings.logger_files import readings_of
from domain.recordings.reported import Reported
from domain.recordings.shape import Recording
from domain.times import rfc3339
from firmware_sim.recordings import content_of
from frostway.failure import Failure
from tracker.temperatures.beside import Beside, device_rules, figures
from tracker.temperatures.report import Means, Series, Shares, means_of, shares_of


class Asked(NamedTuple):
    """What to look at it with."""

    low_c: float | None
    high_c: float | None
    rules: tuple[str, ...]
    delta_h_kj_per_mol: float
    for_s: float
    hysteresis_c: float
    max_interval_s: float
    probe: str | None


class Excursion(NamedTuple):
    """A stay beyond a limit; one that is open ends with the recording."""

    rule: str
    kind: str
    limit_c: float
    start_us: int
    end_us: int
    is_open: bool
    known_s: float
    extreme_c: float
    samples: int


class Alarm(NamedTuple):
    """A rule whose time was up."""

    rule: str
    at_us: int


class Report(NamedTuple):
    """All that is told of one probe."""

    probe: str
    n: int
    start_us: int
    end_us: int
    min_c: float
    max_c: float
    means: Means
    low_c: float | None
    high_c: float | None
    limits_of: str
    shares: Shares
    excursions: tuple[Excursion, ...]
    alarms: tuple[Alarm, ...]
    verdicts: tuple[tuple[str, Evaluation], ...]
    beside: tuple[Beside, ...]
    notes: tuple[str, ...]


def reports_of(recording: Recording, asked: Asked) -> list[Report]:
    """One for each probe. Raises `Failure` for a probe or rule that is not there."""
    readings = readings_of(recording)
    probes = sorted({reading["probe"] for reading in readings})
    if asked.probe is not None:
        if asked.probe not in probes:
            raise Failure(f"no probe {asked.probe!r} in it: {', '.join(probes)}")
        probes = [asked.probe]
    profiles = [(name, _profile(name)) for name in asked.rules]
    found = []
    for probe in probes:
        mine = [reading for reading in readings if reading["probe"] == probe]
        kept = [r for stream, r in recording.readings if stream == "temp" and r["probe"] == probe]
        found.append(_report(probe, _series(kept), _series(mine), recording.reported, asked, profiles))
    return found


def _series(readings: list[dict[str, Any]]) -> Series:
    return Series.of([reading["t"] * 1000 for reading in readings], [reading["c"] for reading in readings])


def _report(
    probe: str,
    log: Series,
    measured: Series,
    said: Reported | None,
    asked: Asked,
    profiles: list[tuple[str, TemperatureProfile]],
) -> Report:
    log, _ = log.sound()
    measured, faults = measured.sound()
    if not len(log):
        raise Failure(f"no reading of {probe} can be used: all are error codes or impossible")
    low_c, high_c, whose = _limits(asked, said, profiles)
    checked = [("", plain(low_c, high_c, asked.for_s, asked.hysteresis_c, asked.max_interval_s))]
    checked += [(name, replace(profile, max_interval_s=asked.max_interval_s)) for name, profile in profiles]
    found = [(name, evaluate(profile, measured.t_us, measured.temp_c, sound=True)) for name, profile in checked]
    excursions = [each for name, evaluation in found for each in _excursions(name, evaluation)]
    alarms = [
        Alarm(f"{name}: {band.band.name}" if name else band.band.name, at_us)
        for name, evaluation in found
        for band in evaluation.bands
        for at_us in band.alarms_us
        if name or whose != "device"  # else the device's own rules stand there
    ]
    if said is not None:
        for alarm, profile in device_rules(said, asked.max_interval_s):
            result = evaluate(profile, measured.t_us, measured.temp_c, sound=True).bands[0]
            alarms += [Alarm(alarm.words, at_us) for at_us in result.alarms_us]
    notes = [
        f"{fault.samples} readings left out ({fault.kind.replace('_', ' ')}), from {rfc3339(fault.start_us)}"
        for fault in faults
    ]
    usual_s = _usual_s(log)
    if usual_s > asked.max_interval_s:
        notes.append(
            f"its readings are {usual_s:g} s apart and more than {asked.max_interval_s:g} s is unknown: "
            "--max-interval-s takes another"
        )
    return Report(
        probe,
        len(log),
        int(measured.t_us[0]),
        int(measured.t_us[-1]),
        float(measured.temp_c.min()),
        float(measured.temp_c.max()),
        means_of(log, asked.delta_h_kj_per_mol, asked.max_interval_s),
        low_c,
        high_c,
        whose,
        shares_of(measured, low_c, high_c, asked.max_interval_s),
        tuple(sorted(excursions, key=lambda each: each.start_us)),
        tuple(sorted(alarms, key=lambda alarm: alarm.at_us)),
        tuple((name, evaluation) for name, evaluation in found if name),
        tuple(figures(said, log, measured, asked.max_interval_s)) if said is not None else (),
        tuple(notes),
    )


def _usual_s(series: Series) -> float:
    steps = sorted((series.t_us[1:] - series.t_us[:-1]).tolist())
    return steps[len(steps) // 2] / 1e6 if steps else 0.0


def _limits(
    asked: Asked, said: Reported | None, profiles: list[tuple[str, TemperatureProfile]]
) -> tuple[float | None, float | None, str]:
    """The range: as asked, else of the first rule that has one, else what the device is set to; and whose it is."""
    if asked.low_c is not None or asked.high_c is not None:
        return asked.low_c, asked.high_c, "asked"
    for name, profile in profiles:
        if profile.low_c is not None or profile.high_c is not None:
            return profile.low_c, profile.high_c, name
    if said is not None and said.alarms:
        lows = [alarm.limit_c for alarm in said.alarms if alarm.op in ("<", "<=")]
        highs = [alarm.limit_c for alarm in said.alarms if alarm.op in (">", ">=")]
        return max(lows, default=None), min(highs, default=None), "device"
    return None, None, ""


def _excursions(name: str, evaluation: Evaluation) -> list[Excursion]:
    return [
        Excursion(
            name,
            result.band.name,
            result.band.limit_c,
            stay.start_us,
            evaluation.end_us if stay.end_us is None else stay.end_us,
            stay.end_us is None,
            stay.known_s,
            round(stay.extreme_c, 6),
            stay.samples,
        )
        for result in evaluation.bands
        for stay in result.stays
    ]


def _profile(name: str) -> TemperatureProfile:
    if name in READY_MADE:
        return READY_MADE[name].profile
    path = Path(name)
    if path.suffix != ".json":
        raise Failure(f"no rule {name!r}: `frostway coldchain report --list-rules` shows them; FILE.json is one, too")
    try:
        return profile_of(orjson.loads(content_of(path, 1024 * 1024)))
    except (orjson.JSONDecodeError, ProfileError) as error:
        raise Failure(f"{name}: {error}") from None


def told(report: Report, asked: Asked, said: Reported | None) -> dict[str, Any]:
    """A report as JSON; the first keys are a contract."""
    document: dict[str, Any] = {
        "n": report.n,
        "from": rfc3339(report.start_us),
        "to": rfc3339(report.end_us),
        "min_c": report.min_c,
        "max_c": report.max_c,
        "mean_c": _number(report.means.mean_c),
        "mkt_c": _number(report.means.mkt_c),
        **{name: round(value, 3) for name, value in report.shares._asdict().items()},
        "excursions": [
            {
                "kind": each.kind,
                "start": rfc3339(each.start_us),
                "end": rfc3339(each.end_us),
                "duration_s": (each.end_us - each.start_us) / 1e6,
                "extreme_c": each.extreme_c,
                "samples": each.samples,
                "known_s": each.known_s,
                "open": each.is_open,
                "limit_c": each.limit_c,
                "rule": each.rule or None,
            }
            for each in report.excursions
        ],
        "alarms": [{"rule": alarm.rule, "at": rfc3339(alarm.at_us)} for alarm in report.alarms],
        "probe": report.probe,
        "low_c": report.low_c,
        "high_c": report.high_c,
        "limits_of": report.limits_of or None,
        "weighting": report.means.weighting,
        "delta_h_kj_per_mol": asked.delta_h_kj_per_mol,
        "max_interval_s": asked.max_interval_s,
        "verdicts": {name: {"verdict": each.verdict, "reasons": list(each.reasons)} for name, each in report.verdicts},
        "notes": list(report.notes),
    }
    if said is not None:
        document["device"] = {
            "model": said.model,
            "firmware": said.firmware,
            "figures": [_figure(each) for each in report.beside],
        }
    return document


def about_file(file: Path, recording: Recording, detection: Detection) -> dict[str, Any]:
    """How the file is written, and what was left out."""
    return {
        "name": file.name,
        "format": recording.format,
        "serial": recording.serial,
        "skipped": recording.skipped,
        "notes": list(recording.notes),
        "detection": detection.told(),
    }


def _figure(each: Beside) -> dict[str, Any]:
    is_instant = each.unit == "instant"

    def shown(value: float | None) -> Any:
        if value is None:
            return None
        return rfc3339(round(value * 60) * 1_000_000) if is_instant else round(value, 3)

    return {
        "what": each.what,
        "unit": each.unit,
        "device": shown(each.device),
        "ours": shown(each.ours),
        "difference": None if each.difference is None else round(each.difference, 3),
        "agrees": each.agrees,
        "note": each.note,
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)
