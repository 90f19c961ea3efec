"""The rounds of a plan as shipments are told of them, after a look at whether its orders are as they were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from api.database import Row, Session
from api.http.problems import Problem
from api.resources.shared.dispatch.gather import Day, Gathered, job_of, moment, order_rows
from api.resources.shared.dispatch.shapes import Opened
from domain.times import rfc3339
from operations.dispatch.record import RoundTold, StopTold
from planning.dispatch.board import Visit
from planning.dispatch.work import Job, Truck
from store.db import queries

RADIUS_M = 150.0


async def rounds_of(session: Session, row: Row, found: Opened) -> tuple[list[RoundTold], dict[str, frozenset[str]]]:
    """Rounds, and orders that leave shipments of vehicles that are out.

    Raises:
        Problem: 409, an order is not as it was.
    """
    there = await _as_they_were(session, row, found)
    rounds = []
    for name, figures in found.plan.figures.items():
        truck = found.board.trucks[name]
        if figures.visits or truck.shipment is not None:
            rounds.append(_round(row, truck, figures.visits, found))
    mine = {each.shipment for each in rounds}
    freed: dict[str, set[str]] = {}
    placed = {job for jobs in found.plan.routes.values() for job in jobs}
    for job in placed & row["before"].keys():
        shipment = there[job]["shipment"]
        if shipment is not None and shipment not in mine:
            freed.setdefault(shipment, set()).add(job)
    return rounds, {name: frozenset(jobs) for name, jobs in freed.items()}


async def _as_they_were(session: Session, row: Row, found: Opened) -> dict[str, Row]:
    placed = [job for jobs in found.plan.routes.values() for job in jobs]
    rows = {each["id"]: each for each in await order_rows(session, row["site_id"], 0, placed)}
    keys = [each["key"] for each in rows.values()]
    goods: dict[int, list[Row]] = {}
    for each in await session.rows(queries("dispatch")["goods_to_plan"], orders=keys) if keys else ():
        goods.setdefault(each["order_id"], []).append(each)
    day = Day(row["day"], row["tz"], int(row["begin_at"].timestamp()), int(row["end_at"].timestamp()))
    for name in placed:
        job = found.board.jobs[name]
        if name not in rows:
            _changed(name)
        if job.aboard:
            continue
        now = job_of(rows[name], goods.get(rows[name]["key"], []), day, Gathered())
        if now is None or _planned(now) != _planned(job):
            _changed(name)
    return rows


def _planned(job: Job) -> tuple[object, ...]:
    return job.lat, job.lon, job.windows, job.service_s, job.goods


def _changed(name: str) -> NoReturn:
    raise Problem(409, f"{name} is not as it was when this was planned: plan again")


def _round(row: Row, truck: Truck, visits: Sequence[Visit], found: Opened) -> RoundTold:
    new = truck.shipment is None
    stops = [_stop(each, found.board.jobs[each.job]) for each in visits]
    merged: list[StopTold] = []
    for stop, visit in zip(stops, visits, strict=True):
        place = found.board.jobs[visit.job].place
        if merged and found.board.jobs[merged[-1].orders[-1]].place == place:
            merged[-1] = merged[-1]._replace(orders=(*merged[-1].orders, *stop.orders))
        else:
            merged.append(stop)
    customers = {found.board.jobs[each.job].label for each in visits}
    if new:
        leave = rfc3339(found.plan.figures[truck.id].leave_s * 1_000_000)
        merged.insert(0, StopTold(row["site_label"], row["site_lat"], row["site_lon"], row["radius_m"] or RADIUS_M,
                                  None, leave, (), row["site_id"]))  # fmt: skip
    return RoundTold(
        truck.id, truck.shipment or f"D{row['id']}-{truck.id}"[:64], new,
        0 if new else row["kept"].get(truck.shipment, 0), tuple(merged), f"Dispatch plan {row['id']}",
        customers.pop() if len(customers) == 1 else None,
    )  # fmt: skip


def _stop(visit: Visit, job: Job) -> StopTold:
    window = next((w for w in job.windows if visit.arrive_s <= w[1]), job.windows[-1] if job.windows else None)
    start, end = (None, None) if window is None else (moment(window[0]).isoformat(), moment(window[1]).isoformat())
    return StopTold(job.label, job.lat, job.lon, RADIUS_M, start, end, (job.id,))
