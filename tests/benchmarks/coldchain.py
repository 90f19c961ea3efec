"""Temperature profiles with five bands: live steps of many probes, whole recordings, a yard that warms up at once."""

from __future__ import annotations

import time
from typing import cast

import numpy as np

from domain.cold_chain.profile import Band, Mkt, TemperatureProfile
from domain.cold_chain.recordings import evaluate
from domain.cold_chain.versions import EVER, History, Version
from domain.folds.scan import NEVER
from domain.readings import F64, I64, Batch, TemperatureBatch
from tests.benchmarks import cores
from tests.benchmarks.figures import Figure
from tests.benchmarks.late import begun
from tests.benchmarks.stack import Databases
from tests.benchmarks.world import Fleet
from tracker.engine.registry import Device, Registry
from tracker.temperatures.facts import EXCURSION
from tracker.temperatures.fold import fold
from tracker.temperatures.profiles import Profiles
from tracker.temperatures.state import ProbeTables

GOAL, COMMIT_GOAL_S = 100_000, 1.0
S = 1_000_000
PROFILE = TemperatureProfile(
    2.0,
    8.0,
    (
        Band("warm", ">", 8.0, 600, severity="warning"),
        Band("hot", ">=", 15.0, 0),
        Band("frost", "<=", 0.0, 3600),
        Band("hours of a day", ">", 8.0, 7200, "cumulative", "rolling", window_s=86_400),
        Band("ever", ">=", 10.0, 36_000, "cumulative"),
    ),
    Mkt(8.0, 86_400.0),
    accuracy_c=0.3,
)


class OneProfile:
    """As much of a registry as the profiles of devices take."""

    def __init__(self, devices: int) -> None:
        self.histories = {1: History.of([Version(1, EVER, PROFILE)])}
        self.devices = {d: Device(d, 1, f"d{d}", 0, 0, 0, 0, 1, "reefer", revoked=False) for d in range(devices)}


def curve(t_us: I64, of: I64) -> F64:
    """Boxes that warm up and are cooled again, each with its own phase; one in five passes its limits."""
    height = np.where(of % 5 == 0, 5.0, 1.5)
    return np.asarray(5 + height * np.sin(t_us / S / 4000 + of) + np.random.default_rng(3).normal(0, 0.1, len(t_us)))


def live(probes: int = 10_000, steps: int = 16, warm: int = 6, each: int = 1) -> Figure:
    """Steps in which every probe sends so many readings, a minute apart, with what is carried taken and put."""
    registry = cast("Registry", OneProfile(probes))
    profiles, tables = Profiles(registry), ProbeTables()
    rates = []
    probe = np.repeat(np.arange(probes), each)
    who = np.arange(probes)
    for step in range(steps):
        t_us = (step * each + np.tile(np.arange(each), probes)) * 60 * S
        temp_c, still = curve(t_us, probe), np.zeros(len(probe), np.bool_)
        begin = time.process_time()
        folded, _, _ = fold(tables.carried(who), profiles, probe, probe, t_us, temp_c, still)
        tables.keep(folded)
        if step >= warm:
            rates.append(len(probe) / (time.process_time() - begin))
    return Figure(f"five bands, live, {probes:,} probes x {each}", "readings/s/core", rates, goal=GOAL)


def whole(days: int, rounds: int) -> Figure:
    """A recording of a reading a minute, with MKT windows, worst case and the sensor's accuracy either way."""
    t_us = np.arange(0, days * 86_400, 60) * S
    temp_c = curve(t_us, np.zeros(len(t_us), np.int64))
    kept = np.random.default_rng(1).random(len(t_us)) > 0.02
    rates = []
    for _ in range(rounds):
        begin = time.process_time()
        evaluate(PROFILE, t_us[kept], temp_c[kept])
        rates.append(int(kept.sum()) / (time.process_time() - begin))
    return Figure(f"five bands and MKT, a recording of {days} days", "readings/s/core", rates, goal=GOAL)


def yard(server: Databases, probes: int = 1_000, rounds: int = 3) -> Figure:
    """A yard that loses power: the commit in which so many excursions alarm at once and become alerts."""
    took = []
    for _ in range(rounds):
        dsn, fleet = server.world(probes, "yard")
        worker, start = begun(dsn), cores.start_us(5)
        for minute, temp_c in enumerate((5.0, 9.5, 9.5, 9.5)):
            raw: dict[str, Batch] = {"temp": at_once(fleet, start + minute * 60 * S, minute, temp_c)}
            fresh, _ = worker.admission.admit(raw)
            worker.store.prepare_readings(fresh)
            deciding = worker._new_step()
            decided = worker._decide(fresh, deciding)
            begin = time.monotonic()
            worker.commit.write(deciding, decided)
            spent = time.monotonic() - begin
            worker.admission.committed(decided)
            alarmed = sum(f.alarm_us != NEVER for f in deciding.facts(EXCURSION))
            if alarmed == probes:
                took.append(spent)
                break
        worker._link.close()
    return Figure(f"a commit with {probes:,} new alerts", "s", took, goal=COMMIT_GOAL_S, smaller_is_better=True)


def at_once(fleet: Fleet, at_us: int, number: int, temp_c: float) -> TemperatureBatch:
    """The same reading of every probe."""
    n = fleet.vehicles
    blank = {name: np.zeros(n, dtype) for name, dtype in TemperatureBatch.DTYPES.items()}
    told = {"device_id": fleet.reefer_id, "probe_id": fleet.probe_id, "temp_c": np.full(n, temp_c)}
    when = {"time_us": np.full(n, at_us), "received_us": np.full(n, at_us + S), "seq": np.full(n, number)}
    return TemperatureBatch.build({**blank, **told, **when, "humidity_pct": np.full(n, np.nan)})


def measure(server: Databases, rounds: int = 5) -> list[Figure]:
    """All of them."""
    return [live(), live(1_000, 16, 6, 60), whole(30, rounds), yard(server)]
