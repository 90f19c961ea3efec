"""Days that nobody drove: orders with windows and goods of several temperatures, vehicles, a day that runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planning.dispatch.board import Board
from planning.dispatch.work import Goods, Job, Room, Truck, Work

DAY_S = 1_767_571_200  # Monday 2026-01-05 00:00 UTC
HOUR_S = 3600
CENTRE = (60.25, 25.0)


def a_day(jobs: int = 60, trucks: int = 8, seed: int = 1) -> Work:
    """Orders around one centre, most with a window of two to six hours, of goods of three temperatures."""
    rng = np.random.default_rng(seed)
    return Work(tuple(_job(n, rng) for n in range(jobs)), tuple(_truck(n, jobs / trucks) for n in range(trucks)))


def _job(n: int, rng: np.random.Generator) -> Job:
    angle, far = rng.uniform(0, 2 * np.pi), rng.gamma(2.0, 0.07)
    early = DAY_S + int(rng.integers(6, 13)) * HOUR_S
    window = (early, early + int(rng.integers(2, 7)) * HOUR_S) if rng.random() < 0.8 else (DAY_S, DAY_S + 18 * HOUR_S)
    classes = [c for c in ("ambient", "chilled", "frozen") if rng.random() < 0.5] or ["chilled"]
    kg = rng.uniform(50, 400, len(classes))
    goods = tuple(Goods(c, float(k), float(k) / 300, float(k) / 400) for c, k in zip(classes, kg, strict=True))
    lat, lon = CENTRE[0] + far * np.sin(angle), CENTRE[1] + 2 * far * np.cos(angle)
    return Job(f"SO-{n}", "c-1", f"Store {n}", f"store-{n}", float(lat), float(lon), (window,), 600, goods)


def _truck(n: int, orders: float) -> Truck:
    kg, begins = 450 * orders, 10 if n % 3 == 2 else 5
    rooms = tuple(Room(c, kg * 0.6, kg * 0.6 / 300, None) for c in ("ambient", "chilled", "frozen"))
    return Truck(
        f"truck-{n:02d}", f"Truck {n}", *CENTRE, *CENTRE, DAY_S + begins * HOUR_S, DAY_S + 19 * HOUR_S,
        Room(None, kg, kg / 250, None), rooms if n % 4 else rooms[:2], 60.0, 0.6, 32.0, kgco2e_per_km=0.9,
    )  # fmt: skip


def running(
    work: Work, routes: dict[str, tuple[str, ...]], now_s: int, broken_down: str = "", near_s: int = 900
) -> Work:
    """The same day at `now_s`: served stops are cut off, vehicles are where they are, goods on board ride on.

    Vehicles that leave later than now have their orders, which may still go to another one; every tenth is locked.
    """
    board, jobs, trucks = Board(work), [], []
    for truck in work.trucks:
        found = board.figures(truck.id, routes[truck.id])
        left = found.leave_s <= now_s and bool(found.visits)
        done = [v for v in found.visits if v.begin_s <= now_s + near_s] if left else []
        for n, visit in enumerate(v for v in found.visits if v not in done):
            job = replace(board.jobs[visit.job], was=truck.id)
            if truck.id == broken_down:
                jobs += [] if left else [job]
            elif left:
                jobs.append(replace(job, vehicle=truck.id, aboard=True))
            else:
                jobs.append(replace(job, vehicle=truck.id) if n == 9 else job)
        if truck.id == broken_down:
            continue
        if not left:
            trucks.append(replace(truck, ready_s=max(truck.ready_s, now_s)))
            continue
        last = board.jobs[done[-1].job] if done else None
        at = (last.lat, last.lon) if last else (truck.lat, truck.lon)
        ready = max(now_s, done[-1].leave_s if done else now_s)
        driven = sum(v.drive_s for v in done)
        trucks.append(
            replace(truck, lat=at[0], lon=at[1], ready_s=ready, under_way=True, fixed_cost=0.0,
                    driven_s=min(driven, 4 * HOUR_S))
        )  # fmt: skip
    return replace(work, jobs=tuple(jobs), trucks=tuple(trucks))
