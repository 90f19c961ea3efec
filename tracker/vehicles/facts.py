"""What is decided about vehicles: visits; trips, stops and gaps."""

from __future__ import annotations

from typing import NamedTuple

from domain.facts import Column, FactKind
from tracker.rules import geofence, trips


class VisitFact(NamedTuple):
    """A visit as it is known now. `id` 0: nobody has told it yet; `key` is `geofence.pair`."""

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


VISIT: FactKind[VisitFact] = FactKind(
    name="visit",
    table="visit",
    columns=(
        Column("vehicle_id", "int4", "vehicle", of="vehicle"),
        Column("site_id", "int4", "site", of="site", null=True),
        Column("entered_at", "timestamptz"),
        Column("left_at", "timestamptz", null=True),
    ),
    start="entered_at",
    end="left_at",
    owner="vehicle",
    told=("vehicle", "site"),
    rule_version=geofence.VERSION,
    schema="Visit",
    about="A vehicle inside a site's fence; `site` is null for a shipment's stop that is at none.",
    path="/vehicles/{vehicle_id}/visits",
    listed="Visits of a vehicle in order of time.",
)

TRIP: FactKind[TripFact] = FactKind(
    name="trip",
    table="trip",
    columns=(
        Column("vehicle_id", "int4", "vehicle", of="vehicle"),
        Column("kind", "text"),
        Column("started_at", "timestamptz"),
        Column("ended_at", "timestamptz", null=True),
        Column("until", "timestamptz", null=True, stored=False, read="extra"),
        Column("site", "text", null=True, stored=False, read="extra"),
        Column("start_lat", "float8"),
        Column("start_lon", "float8"),
        Column("end_lat", "float8", null=True, read="extra"),
        Column("end_lon", "float8", null=True, read="extra"),
        Column("distance_m", "float8", null=True, read="extra"),
        Column("gap_m", "float8", null=True, read="extra"),
        Column("moving_s", "float8", null=True, read="extra"),
        Column("idle_s", "float8", null=True, read="extra"),
        Column("unknown_s", "float8", null=True, read="extra"),
        Column("speed_max_mps", "float8", null=True, read="extra"),
        Column("odometer_m", "float8", null=True, read="extra"),
        Column("carried_m", "float8", null=True, read="extra"),
    ),
    start="started_at",
    end="ended_at",
    owner="vehicle",
    told=("vehicle", "what"),
    rule_version=trips.VERSION,
    schema="Trip",
    about="""What a vehicle did: `trip`, `stop`, or `unknown` for a gap behind which it was somewhere else.

While it lasts, `until` and the figures go up to the vehicle's newest fix, in an answer about now; otherwise they
are null. `distance_m` was driven with fixes close together, `gap_m` is straight across longer gaps, whose time is
`unknown_s`. `idle_s` is standing with the engine on, `odometer_m` the device's own, at the end. `carried_m` of
the distance was moved with the engine off, on a ferry or towed.""",
    extra="trip_extra",
)
