"""What a temperature profile would have raised over the readings that are there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import psycopg

from domain.cold_chain.profile import TemperatureProfile
from domain.cold_chain.recordings import Evaluation, evaluate
from domain.times import rfc3339, to_us
from frostway.cli.work.profiles import lines_of
from frostway.cli.work.tables import print_table
from frostway.failure import Failure
from frostway.settings import Settings
from frostway.stack import find
from store.db import connect, queries
from store.profiles import key_of, read_version
from store.registry import Registry
from tracker.temperatures.state import NOT_USED

DAYS_MAX = 90


class Subject(NamedTuple):
    """A probe that the profile is about, since when and until when; of a shipment, or of a device for itself."""

    shipment: str | None
    device_id: int
    device: str
    probe_id: int
    probe: str
    since: datetime
    until: datetime


def backtest(
    connection: psycopg.Connection, tenant: str, name: str, days: int, now: datetime, file: Path | None = None
) -> dict[str, Any]:
    """What would have been raised in the `days` before `now` by the devices and shipments that have the profile.

    By what it says now, or by what a line of `file` says of it; a stay that began before is cut off.

    Raises:
        RegistryError: there is no such profile.
        Failure: the file says nothing of it.
    """
    registry, q = Registry(connection, tenant), queries("profiles")
    key = key_of(connection, registry.tenant_id, name)
    profile = _said(connection, registry.tenant_id, key) if file is None else _in_file(file, name)
    span = {"tenant": registry.tenant_id, "profile": key, "since": now - timedelta(days=days), "until": now}
    subjects = [Subject(*row) for row in connection.execute(q["subjects"], span).fetchall()]
    found = [(subject, _evaluated(connection, registry.tenant_id, profile, subject)) for subject in subjects]
    excursions = [each for subject, evaluation in found for each in _excursions(subject, evaluation)]
    return {
        "profile": name,
        "since": rfc3339(to_us(now - timedelta(days=days))),
        "until": rfc3339(to_us(now)),
        "excursions": sorted(excursions, key=lambda e: (e["started_at"], e["device"], e["probe"], e["band"])),
        "probes": [_probe(subject, evaluation) for subject, evaluation in found],
    }


def print_backtest(
    data: Path | None, settings: Settings, tenant: str, name: str, days: int, file: Path | None, *, as_json: bool
) -> None:
    """Prints it as a table, or as JSON. Raises as `backtest`."""
    if not 1 <= days <= DAYS_MAX:
        raise Failure(f"--days {days}: 1 to {DAYS_MAX}")
    with connect(find(data, settings).database_url, "profile backtest") as connection:
        found = backtest(connection, tenant, name, days, datetime.now(UTC), file)
    if as_json:
        sys.stdout.write(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode() + "\n")
        return
    columns = ("started_at", "ended_at", "alarm_at", "device", "probe", "shipment", "band", "severity", "extreme_c")
    rows = [["" if each[c] is None else str(each[c]) for c in columns] for each in found["excursions"]]
    nothing = f"It would have raised nothing: {len(found['probes'])} probes have it."
    print_table(list(columns), rows, nothing)


def _said(connection: psycopg.Connection, tenant_id: int, key: int) -> TemperatureProfile:
    values = {"tenant": tenant_id, "profile": key}
    (body,) = connection.execute(queries("profiles")["body_now"], values).fetchone() or ("{}",)
    return read_version(body)


def _in_file(file: Path, name: str) -> TemperatureProfile:
    for _, each, profile in lines_of(file):
        if each == name:
            return profile
    raise Failure(f'{file}: no line says {{"id": "{name}", …}}')


def _evaluated(
    connection: psycopg.Connection, tenant_id: int, profile: TemperatureProfile, subject: Subject
) -> Evaluation:
    values = subject._asdict() | {"tenant": tenant_id, "unused": NOT_USED}
    rows = connection.execute(queries("profiles")["recording"], values).fetchall()
    t_us, temp_c = np.array([r[0] for r in rows], np.int64), np.array([r[1] for r in rows], np.float64)
    return evaluate(profile, t_us, temp_c)


def _excursions(subject: Subject, evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    for result in evaluation.bands:
        for stay in result.stays:
            if stay.alarm_us is None:
                continue
            yield {
                "shipment": subject.shipment,
                "device": subject.device,
                "probe": subject.probe,
                "band": result.band.name,
                "kind": "above" if result.band.above else "below",
                "severity": result.band.severity,
                "limit_c": result.band.limit_c,
                "started_at": rfc3339(stay.start_us),
                "alarm_at": rfc3339(stay.alarm_us),
                "ended_at": None if stay.end_us is None else rfc3339(stay.end_us),
                "extreme_c": round(stay.extreme_c, 6),
                "known_s": stay.known_s,
                "unknown_s": stay.unknown_s,
            }


def _probe(subject: Subject, evaluation: Evaluation) -> dict[str, Any]:
    known = {name: getattr(evaluation, name) for name in ("samples", "min_c", "max_c", "mkt_c", "verdict", "reasons")}
    whose = {"shipment": subject.shipment, "device": subject.device, "probe": subject.probe}
    return {**whose, **known, "coverage": evaluation.coverage}
