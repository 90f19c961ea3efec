"""What the goods of a shipment were exposed to, probe by probe, against the bands of their profile.

Derived from the stored readings whenever there is news, so it is right for late data too: held against the version
that was in force when the shipment began. A plain profile of two limits asks for nothing of the kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import isnan
from typing import Any

import numpy as np
import psycopg

from domain.cold_chain import bands
from domain.cold_chain.bands import ABOVE, BELOW, key_of
from domain.cold_chain.compartments import combine
from domain.cold_chain.profile import TemperatureProfile
from domain.cold_chain.recordings import BandResult, Evaluation, evaluate
from domain.cold_chain.sensors import faults
from domain.readings import F64, I64
from store import goods
from tracker.engine.registry import Registry
from tracker.shipments.rows import Failing


def is_plain(profile: TemperatureProfile) -> bool:
    """Whether it has no more than two limits and what belongs to them.

    >>> from domain.cold_chain.profile import plain
    >>> is_plain(plain(2.0, 8.0, 600.0, 0.3, 900.0))
    True
    """
    sides = {key_of(band) for band in profile.bands}
    more = profile.mkt is not None or profile.accuracy_c or profile.aggregation != "each"
    return sides <= {ABOVE, BELOW} and not more


def expose(
    connection: psycopg.Connection, registry: Registry, tenant_id: int, shipments: Iterable[int], now: datetime
) -> list[Failing]:
    """Writes what these shipments were exposed to, returns which fail. Inside the transaction, of one tenant."""
    wanted = [s for s in goods.held_to(connection, tenant_id, shipments) if not is_plain(_profile(registry, s))]
    readings = goods.readings(connection, tenant_id, {int(s["id"]) for s in wanted}, now) if wanted else []
    profiles = {(int(s["id"]), int(s["device_id"])): s for s in wanted}
    rows, failing = [], list[Failing]()
    for r in together(readings, {key: _profile(registry, s) for key, s in profiles.items()}):
        if (held := profiles.get((int(r["id"]), int(r["device_id"])))) is None:
            continue
        version = registry.histories[held["profile_id"]].at(int(held["started_us"]))
        found = evaluate(
            version.profile,
            np.array(r["time_us"], np.int64),
            np.array(r["temp_c"], np.float64),
            since_us=int(r["since_us"]),
            until_us=int(r["until_us"]),
            phases=_phases(held),
        )
        key = (int(r["id"]), int(r["device_id"]), int(r["probe_id"]), tenant_id)
        if told := _fails(found, version.profile, r):
            of = {"tenant_id": tenant_id, "shipment_id": key[0], "device_id": key[1], "probe_id": key[2]}
            words = f"Goods of {held['name']}: {told.pop('words')}"
            failing.append(Failing(**of, title=words, **told, over_us=held["over_us"]))
        rows.append(
            (
                *key,
                found.verdict,
                body_of(found) | {"silent_s": r.get("silent_s", {})},
                held["profile_id"],
                version.number,
                bands.VERSION,
                now,
            )
        )
    goods.put_exposures(connection, tenant_id, list(shipments), rows)
    return failing


def _fails(found: Evaluation, profile: TemperatureProfile, r: Mapping[str, Any]) -> dict[str, Any]:
    """By what goods fail that excursions of single probes do not tell: the MKT first, then probes taken as one."""
    window, mkt = found.mkt_window, profile.mkt
    if found.verdict != "fail":
        return {}
    if window is not None and mkt is not None and window.mkt_c > mkt.limit_c:
        words = f"mean kinetic temperature above {mkt.limit_c:g} °C"
        span = {"start_us": window.start_us, "alarm_us": window.end_us}
        return {"words": words, "limit_c": mkt.limit_c, "extreme_c": window.mkt_c, **span}
    if int(r["probe_id"]) == 0:
        for result in found.bands:
            stays = [stay for stay in result.stays if stay.alarm_us is not None]
            if result.verdict == "fail" and result.band.severity != "info" and stays:
                span = {"start_us": stays[0].start_us, "alarm_us": int(stays[0].alarm_us or 0)}
                words = f"too long in {result.band.name}"
                return {"words": words, "limit_c": result.band.limit_c, "extreme_c": stays[0].extreme_c, **span}
    return {}


def together(
    readings: Sequence[Mapping[str, Any]], profiles: Mapping[tuple[int, int], TemperatureProfile]
) -> list[Mapping[str, Any]]:
    """The readings probe by probe, or as one of each device (probe 0), where its profile aggregates."""
    found: list[Mapping[str, Any]] = []
    groups: dict[tuple[int, int], list[Mapping[str, Any]]] = {}
    for r in readings:
        groups.setdefault((int(r["id"]), int(r["device_id"])), []).append(r)
    for key, some in groups.items():
        profile = profiles.get(key)
        if profile is None or profile.aggregation == "each" or len(some) == 1:
            found += some
            continue
        sound = [_sound(r) for r in some]
        probe = np.repeat([r["probe_id"] for r in some], [len(t) for t, _ in sound])
        t_us, temp_c = (np.concatenate(parts) for parts in zip(*sound, strict=True))
        if not len(t_us):
            found += some
            continue
        one = combine(probe, t_us, temp_c, profile.aggregation, round(profile.max_interval_s * 1e6))
        since, until = min(r["since_us"] for r in some), max(r["until_us"] for r in some)
        silent_s = {str(p): round(us / 1e6) for p, us in one.silent_us.items() if us}
        told = {"probe_id": 0, "since_us": since, "until_us": until, "time_us": one.t_us, "temp_c": one.temp_c}
        found.append({**some[0], **told, "silent_s": silent_s})
    return found


def _sound(r: Mapping[str, Any]) -> tuple[I64, F64]:
    """The readings of a probe without what its sensor cannot mean."""
    t_us, temp_c = np.array(r["time_us"], np.int64), np.array(r["temp_c"], np.float64)
    out, _ = faults(t_us, temp_c)
    return t_us[~out], temp_c[~out]


def _profile(registry: Registry, held: Mapping[str, Any]) -> TemperatureProfile:
    history = registry.histories.get(held["profile_id"])
    return history.at(int(held["started_us"])).profile if history else TemperatureProfile()


def _phases(held: Mapping[str, Any]) -> dict[str, int]:
    """When the goods set out, and when they were there."""
    told = (("in_transit", held["departed_us"]), ("destination", held["arrived_us"]))
    return {phase: int(at) for phase, at in told if at is not None}


def _with(body: dict[str, Any], silent_s: Mapping[str, int]) -> dict[str, Any]:
    """The figures, with the probes that were left out while they were silent."""
    return {**body, "silent_s": silent_s, "reasons": [*body["reasons"], *(["silent"] if silent_s else [])]}


def body_of(found: Evaluation) -> dict[str, Any]:
    """The figures of an evaluation as they are kept."""
    window = found.mkt_window
    return {
        "samples": found.samples,
        "known_s": round(found.known_s),
        "unknown_s": round(found.unknown_s),
        "min_c": _known(found.min_c),
        "max_c": _known(found.max_c),
        "mkt_c": _known(found.mkt_c),
        "mkt_window_c": _known(window.mkt_c) if window else None,
        "mkt_partial": window.partial if window else None,
        "accuracy_c": found.accuracy_c,
        "reasons": list(found.reasons),
        "faults": [fault.kind for fault in found.faults],
        "bands": [_band(result) for result in found.bands],
    }


def _band(result: BandResult) -> dict[str, Any]:
    return {
        "name": result.band.name,
        "severity": result.band.severity,
        "for_s": result.band.for_s,
        "used_s": round(result.used_s),
        "longest_s": round(result.longest_s),
        "worst_case_s": round(result.worst_case_s),
        "alarms": len(result.alarms_us),
        "verdict": result.verdict,
    }


def _known(value: float) -> float | None:
    return None if isnan(value) else round(value, 4)
