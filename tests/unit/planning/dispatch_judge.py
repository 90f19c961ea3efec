"""Judges a day's routes from the work alone, by none of the planner's code: names each limit that is broken.

It knows one pace for all ways (worlds of tests are planned with what is usual), and reads hours of drivers from when
they drive, minute by minute.
"""

from __future__ import annotations

import math

KMH = ((5, 25.0), (20, 40.0), (100, 60.0), (math.inf, 72.0))
TOLERANCE_S = 5


def way(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    """Kilometres and seconds."""
    p, q = math.radians(a[0]), math.radians(b[0])
    chord = math.sin((q - p) / 2) ** 2 + math.cos(p) * math.cos(q) * math.sin(math.radians(b[1] - a[1]) / 2) ** 2
    km = 2 * 6371.0088 * math.asin(math.sqrt(chord)) * 1.3
    return km, km / next(kmh for most, kmh in KMH if km <= most) * 3600


def broken(work, found) -> list[str]:
    """All that is wrong, in words."""
    jobs = {each.id: each for each in work.jobs}
    trucks = {each.id: each for each in work.trucks}
    wrong: list[str] = []
    seen = [job for route in found.routes.values() for job in route] + [each.job for each in found.left_out]
    wrong += [f"{job}: {seen.count(job)} times" for job in jobs if seen.count(job) != 1]
    wrong += [f"{job}: nobody asked for it" for job in seen if job not in jobs]
    for name, route in found.routes.items():
        truck, visits = trucks[name], found.figures[name].visits
        if [each.job for each in visits] != list(route):
            wrong.append(f"{name}: its times are of another route")
            continue
        mine = [jobs[each] for each in route]
        wrong += [f"{name}: {each.id} rides on {each.vehicle}" for each in mine if each.vehicle not in (None, name)]
        wrong += [f"{name}: takes {each.id} though it has left" for each in mine if truck.under_way and not each.aboard]
        wrong += loads(truck, mine)
        wrong += times(truck, mine, visits, found.figures[name])
    wrong += [f"{each.job}: on board and left out" for each in found.left_out if jobs[each.job].aboard]
    return wrong


def loads(truck, mine) -> list[str]:
    wrong = []
    for measure in ("kg", "m3", "pallets"):
        goods = [each for job in mine for each in job.goods]
        most = getattr(truck.room, measure)
        if most is not None and sum(getattr(each, measure) for each in goods) > most + 1e-6:
            wrong.append(f"{truck.id}: too much {measure}")
        for kind in ("ambient", "chilled", "frozen") if truck.rooms else ():
            parts = [getattr(room, measure) for room in truck.rooms if room.temp_class == kind]
            load = [getattr(each, measure) for each in goods if each.temp_class == kind]
            if load and not parts:
                wrong.append(f"{truck.id}: no {kind} compartment")
            elif None not in parts and sum(load) > sum(parts) + 1e-6:
                wrong.append(f"{truck.id}: too much {kind} {measure}")
    return wrong


def times(truck, mine, visits, figures) -> list[str]:
    if not mine:
        return []
    wrong, here, clock, before = [], (truck.lat, truck.lon), figures.leave_s, None
    driven: list[tuple[float, float]] = []
    if clock < truck.ready_s:
        wrong.append(f"{truck.id}: leaves before it may")
    rests = [(each.begin_s, each.end_s) for each in figures.pauses]
    for job, visit in zip(mine, visits, strict=True):
        there = job.lat, job.lon
        _, seconds = way(here, there)
        if visit.arrive_s < clock + seconds - TOLERANCE_S:
            wrong.append(f"{truck.id}: is at {job.id} sooner than one can drive")
        driven += drives(clock, visit.arrive_s, rests)
        windows = [w for w in job.windows if w[0] - TOLERANCE_S <= visit.begin_s <= w[1] + TOLERANCE_S]
        if job.windows and not windows and not job.aboard:
            wrong.append(f"{truck.id}: {job.id} outside of its window")
        if visit.begin_s < visit.arrive_s or visit.leave_s - visit.begin_s < (
            0 if job.place == before else job.service_s
        ):
            wrong.append(f"{truck.id}: unloads {job.id} too quickly")
        here, clock, before = there, visit.leave_s, job.place
    _, seconds = way(here, (truck.home_lat, truck.home_lon))
    if figures.home_s < clock + seconds - TOLERANCE_S:
        wrong.append(f"{truck.id}: is home sooner than one can drive")
    driven += drives(clock, figures.home_s, rests)
    late = all(each.aboard for each in mine)
    if figures.home_s > truck.back_s and not late:
        wrong.append(f"{truck.id}: home too late")
    if figures.home_s - figures.leave_s > truck.shift_s and not late:
        wrong.append(f"{truck.id}: too long a shift")
    return wrong + hours(truck, driven)


def drives(begin: float, end: float, rests) -> list[tuple[float, float]]:
    """Pieces of a time in which somebody drives."""
    found, at = [], begin
    for start, stop in sorted(rests):
        if start >= at and stop <= end:
            found.append((at, start))
            at = stop
    return [piece for piece in [*found, (at, end)] if piece[1] > piece[0]]


def hours(truck, driven) -> list[str]:
    """EU: never more than 4.5 h without 45 minutes, or 15 and 30, that were not driven... as whole stands here."""
    since, total, last, half, wrong = float(truck.driven_s), float(truck.driven_s), None, False, []
    if truck.rule != "eu":
        return []
    for begin, end in driven:
        stood = 0.0 if last is None else begin - last
        if stood >= 45 * 60 or (half and stood >= 30 * 60):
            since, half = 0.0, False
        elif stood >= 15 * 60:
            half = True
        since, total, last = since + end - begin, total + end - begin, end
        if since > 4.5 * 3600 + TOLERANCE_S:
            wrong.append(f"{truck.id}: drives {since / 3600:.2f} h without a break")
            since = 0.0
    if total > 10 * 3600 + TOLERANCE_S:
        wrong.append(f"{truck.id}: drives {total / 3600:.2f} h")
    return wrong
