"""Plans of dispatch as they are shown: reckoned from work and routes each time, so that nothing of them is stale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from typing_extensions import TypedDict

from api.database import Row
from api.http.jsons import Time, when
from api.resources.shared.dispatch.gather import Excluded, Note, moment
from planning.dispatch.board import Board, Figures
from planning.dispatch.quotes import Sum, changes, judged, sum_of
from planning.dispatch.solve import Dispatch, Forbidden, LeftOut
from planning.dispatch.work import WORK, Job, Truck
from planning.emissions.factors import EmissionError
from planning.emissions.rounds import Stop, shares


class DispatchTotals(TypedDict):
    """What a plan, or a change of it, comes to; `late`: how many orders are expected to come late."""

    cost: float
    late: float
    km: float
    kgco2e: float
    vehicles: int
    hours: float


class DispatchSummary(DispatchTotals):
    """A plan's totals with how many orders it brings, and how many it does not."""

    orders: int
    left_out: int
    broken: int


class DispatchStop(TypedDict):
    """An order's stop: unloading begins at `begin`; arrival is before p10 one time in ten; `kgco2e`: its share."""

    order: str
    customer: str
    label: str
    lat: float
    lon: float
    arrive: Time
    begin: Time
    leave: Time
    p10: Time
    p50: Time
    p90: Time
    late_probability: float
    window_start: Time | None
    window_end: Time | None
    km: float
    source: str
    locked: bool
    aboard: bool
    kgco2e: float | None
    was: str | None


class DispatchPause(TypedDict):
    """A break or rest of the driver and the limit that asks for it, or waiting (`pause`)."""

    kind: str
    begin: Time
    end: Time
    why: str


class DispatchLoad(TypedDict):
    """What is on board when it leaves; `capacity` null: nobody knows."""

    temp_class: str
    measure: str
    amount: float
    capacity: float | None


class DispatchBroken(TypedDict):
    """A limit that is not kept, by how much (seconds, or the measure's unit)."""

    vehicle: str
    order: str | None
    limit: str
    by: float


class DispatchRoute(TypedDict):
    """A vehicle's round; `shipment`: the one it drives already."""

    vehicle: str
    label: str
    shipment: str | None
    under_way: bool
    lat: float
    lon: float
    leave: Time
    home: Time
    km: float
    drive_s: int
    cost: float
    kgco2e: float | None
    late: float
    loads: list[DispatchLoad]
    stops: list[DispatchStop]
    pauses: list[DispatchPause]


class DispatchForbidden(TypedDict):
    """Why a vehicle does not take an order, where it would hurt least."""

    vehicle: str
    limit: str
    by: float


class DispatchLeftOut(TypedDict):
    """An order that no vehicle takes."""

    order: str
    customer: str
    label: str
    lat: float
    lon: float
    why: list[DispatchForbidden]


class DispatchChanged(TypedDict):
    """What is other for an order than before: its vehicle, when it comes."""

    order: str
    customer: str
    old_vehicle: str | None
    new_vehicle: str | None
    old_eta: Time | None
    new_eta: Time | None


class DispatchPlanHead(TypedDict):
    """A plan as lists have it."""

    id: str
    site: str
    day: str
    kind: Literal["plan", "replan"]
    status: Literal["proposed", "accepted", "discarded"]
    version: int
    reason: str
    made_by: str
    made_at: Time | None
    changed_at: Time | None
    decided_by: str | None
    decided_at: Time | None
    totals: DispatchSummary


class DispatchPlan(DispatchPlanHead):
    """A plan of dispatch, whole."""

    tz: str
    lat: float
    lon: float
    routes: list[DispatchRoute]
    left_out: list[DispatchLeftOut]
    excluded: list[Excluded]
    notes: list[Note]
    broken: list[DispatchBroken]
    changes: list[DispatchChanged]


@dataclass
class Opened:
    """A plan of a row, with its board."""

    board: Board
    plan: Dispatch


def opened(row: Row) -> Opened:
    """A plan as it is kept."""
    board = Board(WORK.validate_python(row["work"]))
    routes = {truck: tuple(jobs) for truck, jobs in row["routes"].items()}
    return Opened(board, judged(board, routes, left_out_of(row["left_out"])))


def left_out_of(kept: Sequence[Mapping[str, Any]]) -> dict[str, LeftOut]:
    """Orders left out, as they are kept."""
    return {each["job"]: LeftOut(each["job"], tuple(Forbidden(*why) for why in each["why"])) for each in kept}


def kept_left_out(plan: Dispatch) -> list[dict[str, Any]]:
    """Orders left out, to be kept."""
    return [{"job": each.job, "why": [list(why) for why in each.why]} for each in plan.left_out]


def head_shape(row: Row) -> DispatchPlanHead:
    """From a row of `plans` or `plan`."""
    day: date = row["day"]
    return {
        "id": str(row.get("key", row.get("id"))),
        "site": row["site"],
        "day": day.isoformat(),
        "kind": row["kind"],
        "status": row["status"],
        "version": row["version"],
        "reason": row["reason"],
        "made_by": row["made_by"],
        "made_at": when(row["made_at"]),
        "changed_at": when(row["changed_at"]),
        "decided_by": row["decided_by"],
        "decided_at": when(row["decided_at"]),
        "totals": row["summary"],
    }


def plan_shape(row: Row, found: Opened) -> DispatchPlan:
    """From a row of `plan` and what it comes to."""
    board, plan = found.board, found.plan
    before = {job: (truck, at) for job, (truck, at) in row["before"].items()}
    changed = changes(board, before, plan) if row["kind"] == "replan" else []
    return {
        **head_shape(row),
        "totals": summary_of(plan),
        "tz": row["tz"],
        "lat": row["site_lat"],
        "lon": row["site_lon"],
        "routes": [_route(board, board.trucks[truck], figures) for truck, figures in plan.figures.items()],
        "left_out": [_left_out(board.jobs[each.job], each) for each in plan.left_out],
        "excluded": row["excluded"],
        "notes": row["notes"],
        "broken": broken_shape(plan.broken),
        "changes": [
            {
                "order": each.job,
                "customer": each.customer,
                "old_vehicle": each.old_truck,
                "new_vehicle": each.new_truck,
                "old_eta": _time(each.old_s),
                "new_eta": _time(each.new_s),
            }
            for each in changed
        ],
    }


def broken_shape(broken: Any) -> list[DispatchBroken]:
    """Limits with their vehicles."""
    return [
        {"vehicle": truck, "order": each.job, "limit": each.limit, "by": round(float(each.by), 3)}
        for truck, each in broken
    ]


def totals_shape(found: Sum) -> DispatchTotals:
    """Of a plan or the difference of two."""
    return {
        "cost": round(found.cost, 2),
        "late": round(found.late, 3),
        "km": round(found.km, 2),
        "kgco2e": round(found.kgco2e, 2),
        "vehicles": found.vehicles,
        "hours": round(found.hours, 3),
    }


def summary_of(plan: Dispatch) -> DispatchSummary:
    """What a plan comes to in few figures."""
    orders = sum(map(len, plan.routes.values()))
    counts = {"orders": orders, "left_out": len(plan.left_out), "broken": len(plan.broken)}
    return {**totals_shape(sum_of(plan.figures)), **counts}  # type: ignore[typeddict-item] # its keys are those


def _time(at_s: int | None) -> Time | None:
    return None if at_s is None else when(moment(at_s))


def _must(at_s: int) -> Time:
    found = when(moment(at_s))
    assert found is not None  # noqa: S101  a time it is
    return found


def _route(board: Board, truck: Truck, found: Figures) -> DispatchRoute:
    shared = _shares(board, truck, found)
    return {
        "vehicle": truck.id,
        "label": truck.label,
        "shipment": truck.shipment,
        "under_way": truck.under_way,
        "lat": truck.lat,
        "lon": truck.lon,
        "leave": _must(found.leave_s),
        "home": _must(found.home_s),
        "km": round(found.km, 2),
        "drive_s": found.drive_s,
        "cost": round(found.cost, 2),
        "kgco2e": None if found.kgco2e is None else round(found.kgco2e, 2),
        "late": round(found.late, 3),
        "loads": [
            {"temp_class": of, "measure": measure, "amount": round(amount, 3), "capacity": most}
            for of, measure, amount, most in found.loads
        ],
        "stops": [_stop(board.jobs[each.job], each, share) for each, share in zip(found.visits, shared, strict=True)],
        "pauses": [
            {"kind": each.kind, "begin": _must(each.begin_s), "end": _must(each.end_s), "why": each.why}
            for each in found.pauses
        ],
    }


def _shares(board: Board, truck: Truck, found: Figures) -> list[float | None]:
    """Of the round's emission what each stop answers for, by mass and direct distance (ISO 14083)."""
    none: list[float | None] = [None] * len(found.visits)
    if found.kgco2e is None:
        return none
    home = board.home[truck.id]
    stops = [
        Stop(each.job, sum(goods.kg for goods in board.jobs[each.job].goods),
             float(board.ways.crow_m[home, board.place[each.job]]) / 1000)
        for each in found.visits
    ]  # fmt: skip
    try:
        return [round(each, 2) for each in shares(found.kgco2e, stops)]
    except EmissionError:
        return none


def _stop(job: Job, visit: Any, share: float | None) -> DispatchStop:
    window = next((w for w in job.windows if visit.arrive_s <= w[1]), job.windows[-1] if job.windows else None)
    return {
        "order": job.id,
        "customer": job.customer,
        "label": job.label,
        "lat": job.lat,
        "lon": job.lon,
        "arrive": _must(visit.arrive_s),
        "begin": _must(visit.begin_s),
        "leave": _must(visit.leave_s),
        "p10": _must(visit.p10_s),
        "p50": _must(visit.p50_s),
        "p90": _must(visit.p90_s),
        "late_probability": round(visit.late, 3),
        "window_start": None if window is None else _time(window[0]),
        "window_end": None if window is None else _time(window[1]),
        "km": round(visit.km, 2),
        "source": visit.source,
        "locked": job.vehicle is not None,
        "aboard": job.aboard,
        "kgco2e": share,
        "was": job.was,
    }


def _left_out(job: Job, left: LeftOut) -> DispatchLeftOut:
    return {
        "order": job.id,
        "customer": job.customer,
        "label": job.label,
        "lat": job.lat,
        "lon": job.lon,
        "why": [{"vehicle": each.vehicle, "limit": each.limit, "by": each.by} for each in left.why],
    }
