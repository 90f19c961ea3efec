"""What one step of the tracker decides: facts and changes, collected by the folds, written by the commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from domain.times import from_us, rfc3339
from tracker.rules.off_route import Run
from tracker.rules.scan import NEVER

if TYPE_CHECKING:
    from tracker.arrival_times.learning import Lesson


def instant(us: int | None) -> datetime | None:
    """A time for the database; None for none and for `NEVER`."""
    return None if us is None or us == NEVER else from_us(us)


def text(us: int | None) -> str | None:
    """A time for people; None for none and for `NEVER`."""
    return None if us is None or us == NEVER else rfc3339(us)


def known(value: float) -> float | None:
    """A number, or None for NaN and infinities."""
    return value if value == value and abs(value) != float("inf") else None  # noqa: PLR0124


class VisitFact(NamedTuple):
    """A visit as it is known now. `id` 0: nobody has spoken of it yet; `key` is `geofence.pair`."""

    id: int
    revision: int
    key: int
    vehicle_id: int
    site_id: int
    entered_us: int
    left_us: int
    retracted: bool = False


class TripFact(NamedTuple):
    """A trip, stop or gap as it is known now.

    `figures`: places of start and end (lat, lon), metres driven, metres of gaps, seconds of moving, idling and unknown,
    greatest speed, odometer, distance carried. Those behind the first two are None while it lasts.
    """

    id: int
    revision: int
    vehicle_id: int
    kind: str
    start_us: int
    end_us: int
    figures: tuple[float | None, ...]
    retracted: bool = False


class ExcursionFact(NamedTuple):
    """An excursion as it is known now; `alarm_us` is `NEVER` when it has not lasted long enough."""

    id: int
    revision: int
    probe_id: int
    kind: str
    limit_c: float
    start_us: int
    end_us: int
    alarm_us: int
    extreme_c: float
    samples: int
    last_c: float
    retracted: bool = False
    amends: bool = True  # False: only the alert's figures move, the fact stands as it is


class CallFact(NamedTuple):
    """A call at a stop as it is known now; `turn` counts to whom, and since when, the shipment was given."""

    id: int
    revision: int
    shipment_id: int
    stop_id: int
    vehicle_id: int
    turn: int
    arrived_us: int
    departed_us: int
    retracted: bool = False


class DeviationFact(NamedTuple):
    """Something otherwise than planned, as it is known now; `stop_id` is None when it is at none."""

    id: int
    revision: int
    shipment_id: int
    stop_id: int | None
    vehicle_id: int
    kind: str
    start_us: int
    end_us: int
    retracted: bool = False


class RiskNews(NamedTuple):
    """A stop's window may be missed, or no longer (`raised` False)."""

    tenant_id: int
    stop_id: int
    device_id: int
    title: str
    at_us: int
    raised: bool


class StopTime(NamedTuple):
    """The current call at a stop; None while that has not come."""

    stop_id: int
    arrived_us: int | None
    departed_us: int | None


class ShipmentStatus(NamedTuple):
    """A shipment is under way, or delivered; `NEVER` while that has not come."""

    shipment_id: int
    status: str
    started_us: int
    delivered_us: int


class Strays(NamedTuple):
    """Runs of a vehicle beyond the corridor of its shipment's line that have lasted.

    `key` is `geofence.pair`. What was told of the time since `since_us` is to give way to them.
    """

    key: int
    runs: tuple[Run, ...]
    since_us: int
    now_us: int


class Rest(NamedTuple):
    """Carries to be kept as checkpoints."""

    kind: str
    entity: Sequence[int]
    at_us: Sequence[int]
    carry: Sequence[bytes]


@dataclass
class Outcome:
    """Everything one step writes, beside the readings."""

    now_us: int
    horizon_us: int = 30 * 86_400_000_000
    """How far back of an entity's newest reading a late one still decides something."""
    vehicle_columns: list[Sequence[Any]] = field(default_factory=list)
    carry_rows: list[tuple[int, bytes]] = field(default_factory=list)
    cell_columns: list[Sequence[Any]] = field(default_factory=list)
    """Tenant, vehicle, cell and time of cells that vehicles came into."""
    whole: list[int] = field(default_factory=list)
    """Vehicles folded again from their first reading: all of their cells are known."""
    rests: list[Rest] = field(default_factory=list)
    forgotten: list[tuple[str, int, datetime]] = field(default_factory=list)
    """Entities whose checkpoints since a time no longer hold."""
    series_columns: list[Sequence[Any]] = field(default_factory=list)
    tag_rows: list[tuple[Any, ...]] = field(default_factory=list)
    slot_rows: list[tuple[Any, ...]] = field(default_factory=list)
    stock_rows: list[tuple[Any, ...]] = field(default_factory=list)
    move_rows: list[tuple[Any, ...]] = field(default_factory=list)
    eta_rows: list[tuple[Any, ...]] = field(default_factory=list)
    journey_rows: list[tuple[int, bytes]] = field(default_factory=list)
    route_rows: list[tuple[int, int, bytes]] = field(default_factory=list)
    journeys_over: list[int] = field(default_factory=list)
    grades: list[tuple[Any, ...]] = field(default_factory=list)
    ungraded: list[int] = field(default_factory=list)
    """Stops whose grades no longer hold."""
    learned: list[int] = field(default_factory=list)
    """Stops whose arrivals teach in this step."""
    lessons: list[tuple[int, Lesson]] = field(default_factory=list)
    """What they teach, by tenant."""
    risks: list[RiskNews] = field(default_factory=list)
    batteries: dict[int, float] = field(default_factory=dict)
    dirty: list[tuple[str, int, int, datetime]] = field(default_factory=list)
    unknown_vehicles: list[int] = field(default_factory=list)
    """Vehicles of which nothing is known after all."""
    visits: list[VisitFact] = field(default_factory=list)
    trips: list[TripFact] = field(default_factory=list)
    strays: list[Strays] = field(default_factory=list)
    excursions: list[ExcursionFact] = field(default_factory=list)
    calls: list[CallFact] = field(default_factory=list)
    deviations: list[DeviationFact] = field(default_factory=list)
    shipment_names: dict[int, tuple[int, str]] = field(default_factory=dict)
    """Tenant and name of the shipments these are about."""
    stop_times: list[StopTime] = field(default_factory=list)
    shipment_status: list[ShipmentStatus] = field(default_factory=list)
    changes: dict[int, dict[str, dict[str, dict[str, Any]]]] = field(default_factory=dict)

    def change(self, tenant_id: int, topic: str, name: str, op: str, data: dict[str, Any]) -> None:
        """One object has changed; several changes of it in one step become one."""
        topics = self.changes.setdefault(tenant_id, {})
        found = topics.setdefault(topic, {}).get(name)
        if found is not None and op == "merge" and found["op"] in ("merge", "put"):
            found["data"].update(data)
        else:
            topics[topic][name] = {"id": name, "op": op, "data": data}

    def bodies(self) -> Iterable[tuple[int, bytes]]:
        """Tenant and JSON text of its changes."""
        for tenant_id, topics in self.changes.items():
            yield tenant_id, orjson.dumps({topic: list(found.values()) for topic, found in topics.items()})
