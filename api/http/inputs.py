"""What a request may bring: strict models, so that what is misspelt or not one's own to set is refused, not ignored."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from api.http.instants import Instant
from api.resources.shared.areas import AreaIn, CorridorIn, LineIn
from store.profiles import NONE, Limits

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="a-z, 0-9, - and _, 64 at most")]
ShipmentName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Celsius = Annotated[float, Field(ge=-273.15, le=1000)]


def _printable(text: str) -> str:
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise ValueError("control characters cannot be stored")
    return text


def _multiline(text: str) -> str:
    _printable(text.replace("\n", " ").replace("\r", " ").replace("\t", " "))
    return text


def _zone_name(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("not an IANA time zone")
    return name


Text = Annotated[str, AfterValidator(_printable), Field(min_length=1, max_length=200)]
NoteText = Annotated[str, AfterValidator(_multiline), Field(max_length=2000)]


class Strict(BaseModel):
    """No unknown keys, no NaN, no infinity."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ZoneIn(Strict):
    """A part of a site."""

    id: Name
    label: Text | None = None


class SiteIn(Strict):
    """A site, new or changed: a circle, a polygon, or all that is within its radius of the line of a corridor.

    A visit counts when it lasted `dwell_s`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "store-7",
                    "label": "Harbour store",
                    "kind": "store",
                    "lat": 60.17,
                    "lon": 24.94,
                    "radius_m": 150,
                    "tz": "Europe/Helsinki",
                    "zones": [{"id": "cold-room", "label": "Cold room"}],
                }
            ]
        }
    )

    id: Name
    label: Text | None = None
    kind: Literal["dc", "store", "customer", "depot"]
    lat: Latitude
    lon: Longitude
    radius_m: Annotated[float, Field(ge=10, le=100_000)] = 150.0
    polygon: AreaIn | None = None
    corridor: CorridorIn | None = None
    dwell_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    tz: Annotated[str, AfterValidator(_zone_name)] = "UTC"
    zones: Annotated[list[ZoneIn], Field(max_length=200)] = []

    @model_validator(mode="after")
    def _one_shape(self) -> SiteIn:
        if self.polygon and self.corridor:
            raise ValueError("a site is a polygon or a corridor, not both")
        for shape in (self.polygon, self.corridor):
            if shape is not None:
                shape.belongs_to(self.lat, self.lon)
        return self


DeviceKind = Literal["tracker", "reefer", "thermometer", "rfid", "shelf", "door", "gateway", "phone", "connector"]
ForeignId = Annotated[str, Field(pattern=r"[A-Za-z0-9]", max_length=128)]


class DeviceIn(Strict):
    """A new device. It gets an MQTT password unless `credentials` is false, and with `http` a token for that door.

    `foreign_id`: under which a gateway brings its messages; `gateway`: the only one that may.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"id": "th-1", "kind": "thermometer", "vehicle": "truck-01", "profile": "chilled"}]
        }
    )

    id: Name
    kind: DeviceKind
    vehicle: Name | None = None
    site: Name | None = None
    zone: Name | None = None
    profile: Name | None = None
    foreign_id: ForeignId | None = None
    gateway: Name | None = None
    credentials: bool = True
    http: bool = False

    @model_validator(mode="after")
    def _one_place(self) -> DeviceIn:
        if self.vehicle and self.site:
            raise ValueError("a device is on a vehicle or at a site, not both")
        if self.zone and not self.site:
            raise ValueError("a zone needs its site")
        return self


class DeviceChangeIn(Strict):
    """What becomes another of a device; what is not named stays, null takes it away."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"profile": "frozen", "gateway": None}]})

    kind: DeviceKind = "tracker"
    profile: Name | None = None
    foreign_id: ForeignId | None = None
    gateway: Name | None = None

    @model_validator(mode="after")
    def _something(self) -> DeviceChangeIn:
        if not self.model_fields_set:
            raise ValueError("say what: kind, profile, foreign_id or gateway")
        return self


class RotateIn(Strict):
    """Which login of a device is made anew: the MQTT password, or the token for HTTP."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"http": True}]})

    http: bool = False


class AssignmentIn(Strict):
    """Where a device was from a time (now, when nothing is said) until a time (still), whatever was known before.

    `since_ever` in place of `from`. Nowhere when neither `vehicle` nor `site` is named.
    """

    model_config = ConfigDict(
        populate_by_name=True, json_schema_extra={"examples": [{"vehicle": "truck-02", "from": "2026-11-22T10:00:00Z"}]}
    )

    vehicle: Name | None = None
    site: Name | None = None
    zone: Name | None = None
    since: Annotated[Instant | None, Field(alias="from")] = None
    until: Annotated[Instant | None, Field(alias="to")] = None
    since_ever: bool = False

    @model_validator(mode="after")
    def _one_place(self) -> AssignmentIn:
        if self.vehicle and self.site:
            raise ValueError("a device is on a vehicle or at a site, not both")
        if self.zone and not self.site:
            raise ValueError("a zone needs its site")
        if self.since and self.since_ever:
            raise ValueError("from, or since_ever, not both")
        if self.since and self.until and self.since >= self.until:
            raise ValueError("to: not after from")
        return self


class DeviceProfileIn(Strict):
    """A device's next profile; readings whose event time is `since` (now, when nothing is said) or later use it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "profile": {"calibration": {"rear": {"offset_c": -0.3}}, "clock_error_s": 30},
                    "since": "2026-11-22T10:00:00Z",
                }
            ]
        }
    )

    profile: dict[str, Any]
    since: Instant | None = None


class ProductIn(Strict):
    """A product, new or changed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "sku": "MILK-1L",
                    "label": "Milk 1 l",
                    "unit_mass_kg": 1.03,
                    "low_c": 2,
                    "high_c": 6,
                    "reorder_point": 40,
                    "gtin": "06414123456789",
                }
            ]
        }
    )

    sku: Annotated[str, AfterValidator(_printable), Field(min_length=1, max_length=64)]
    label: Text
    unit_mass_kg: Annotated[float, Field(gt=0, le=100_000)] | None = None
    low_c: Celsius | None = None
    high_c: Celsius | None = None
    reorder_point: Annotated[float, Field(ge=0, le=1e9)] | None = None
    gtin: Annotated[str, Field(pattern=r"^([0-9]{8}|[0-9]{12,14})$")] | None = None


class ProfileIn(Strict):
    """Limits for what is carried: `low_c`, `high_c` or both; the alarm comes after `for_s` beyond them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": "salad", "low_c": 1, "high_c": 5, "for_s": 900}]})

    id: Name
    low_c: Celsius | None = None
    high_c: Celsius | None = None
    for_s: Annotated[float, Field(ge=0, le=86_400)] = 600.0
    hysteresis_c: Annotated[float, Field(ge=0, le=50)] = 0.3
    max_interval_s: Annotated[float, Field(gt=0, le=604_800)] = 900.0

    @model_validator(mode="after")
    def _some_limit(self) -> ProfileIn:
        if self.id == NONE:
            raise ValueError(f"id: {NONE} stands for no profile")
        if problem := Limits(self.low_c, self.high_c).problem():
            raise ValueError(problem)
        return self


class StopIn(Strict):
    """A stop: at a site, or at a place of its own."""

    stop_id: ShipmentName | None = None
    site: Name | None = None
    name: Text | None = None
    lat: Latitude | None = None
    lon: Longitude | None = None
    radius_m: Annotated[float, Field(ge=10, le=100_000)] | None = None
    window_start: Instant | None = None
    window_end: Instant | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> StopIn:
        if self.site is None and (self.lat is None or self.lon is None):
            raise ValueError("a stop needs a site, or lat and lon")
        if self.window_start and self.window_end and self.window_start > self.window_end:
            raise ValueError("window_start: later than window_end")
        return self


class ShipmentIn(Strict):
    """A shipment, new or changed; its stops are numbered from 1 in the order given.

    `since`: from when on the vehicle has it; what it did before is not this shipment's. When nothing is said it is from
    now on, and a stay at the first stop before that, in the time planned for it, was the pick-up.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "S-1042",
                    "reference": "PO 7731",
                    "customer": "Harbour store",
                    "vehicle": "truck-01",
                    "stops": [
                        {"site": "dc-1"},
                        {"name": "Pier 3", "lat": 60.16, "lon": 24.96, "window_end": "2026-11-22T12:00:00Z"},
                    ],
                }
            ]
        }
    )

    id: ShipmentName
    reference: Annotated[str, AfterValidator(_printable), Field(max_length=200)] = ""
    customer: Text | None = None
    vehicle: Name | None = None
    profile: Name | None = None
    stops: Annotated[list[StopIn], Field(min_length=1, max_length=200)]
    planned_line: LineIn | None = None
    since: Instant | None = None


class ChangeIn(Strict):
    """Another name for a thing, of a zone or slot its own part; or whether it is retired."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"retired": True}, {"id": "truck-7"}]})

    id: Annotated[str, AfterValidator(_printable), Field(min_length=1, max_length=128)] | None = None
    retired: bool | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> ChangeIn:
        if (self.id is None) == (self.retired is None):
            raise ValueError("say id or retired, one at a time")
        return self


class NoteIn(Strict):
    """A word to what one does."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "door was open, closed by the driver"}]})

    note: NoteText | None = None


class ShareIn(Strict):
    """How long a customer's link is good; two weeks when nothing is said."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"expires_at": "2026-12-01T00:00:00Z"}]})

    expires_at: Instant | None = None


def stop_values(stop: StopIn, seq: int, shipment: str, site: dict[str, Any] | None) -> dict[str, Any]:
    """A stop's columns: what it does not say itself, it takes from its site."""
    place = site or {}
    name = stop.stop_id or f"{shipment}-{seq}"
    return {
        "seq": seq,
        "name": name,
        "label": stop.name or place.get("label") or name,
        "site": place.get("key"),
        "lat": place.get("lat") if stop.lat is None else stop.lat,
        "lon": place.get("lon") if stop.lon is None else stop.lon,
        "radius_m": stop.radius_m or place.get("radius_m") or 150.0,
        "window_start": stop.window_start,
        "window_end": stop.window_end,
    }
