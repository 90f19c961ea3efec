"""Devices: added, changed, given another login, revoked. A POST of one that is there is refused (409)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from fastapi import Query, Request
from psycopg.errors import UniqueViolation
from pydantic import ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.database import Row, Session
from api.feed.emit import emit, put
from api.http.audit import audit
from api.http.auth import DeviceKeeper, Reader
from api.http.caller import Caller
from api.http.context import Context, context_of
from api.http.inputs import Name, Strict
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem, not_found
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.broker_logins import Mqtt, new_device_password, tell_broker
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.profiles import profile_id
from api.resources.shared.quarantine import read_waiting
from api.resources.shared.sites import read_sites
from api.resources.shared.vehicles import read_vehicles
from domain.names import foreign_id
from store.db import queries
from store.devices import FOREIGN_ID_TAKEN
from store.profiles import NONE, of_new_device
from store.secrets import new_token, token_hash

router = resource(tags=["devices"])
LIVE = {"last_seen"}
"""What changes by itself."""
ACTIONS = {
    "rotate_device": "device.rotate",
    "rotate_device_token": "device.rotate_token",
    "revoke_device": "device.revoke",
}


DeviceKind = Literal[
    "tracker", "reefer", "thermometer", "rfid", "shelf", "door", "gateway", "phone", "connector", "logger"
]
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


class Device(TypedDict):
    """A device and where it is."""

    id: str
    kind: str
    vehicle: str | None
    site: str | None
    zone: str | None
    profile: str | None
    foreign_id: str | None
    gateway: str | None
    last_seen: Time | None
    revoked: bool


def _shape(row: Row) -> Device:
    """From a row of `devices`."""
    return {
        "id": row["id"],
        "kind": row["kind"],
        "vehicle": row["vehicle"],
        "site": row["site"],
        "zone": row["zone"],
        "profile": row["profile"],
        "foreign_id": row["external_id"],
        "gateway": row["gateway"],
        "last_seen": when(row["last_seen"]),
        "revoked": row["revoked"],
    }


class Http(TypedDict):
    """How a device signs in to the door for HTTP; shown once."""

    token: str


class NewDevice(Device):
    """A device, with its password and token when it has just got one."""

    mqtt: NotRequired[Mqtt]
    http: NotRequired[Http]


@router.get("/devices", response_model=Items[Device], responses=FILES)
@as_file("devices", Device)
async def list_devices(
    request: Request,
    caller: Reader,
    profile: Annotated[str | None, Query(max_length=64, description="only those with this temperature profile")] = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """Devices by name."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("api")["devices"], after=after, name=None, profile=profile, limit=limit + 1)
    return shaped_page(request, found, limit, lambda d: [d["id"]], _shape)


@router.get("/devices/{device_id}", response_model=Device)
async def get_device(request: Request, caller: Reader, device_id: str) -> Json:
    """One device, a revoked one too."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(queries("api")["devices"], after="", name=device_id, profile=None, limit=1)
    if row is None:
        raise not_found()
    return one(request, _shape(row), live=LIVE)


@router.post("/devices", response_model=NewDevice, status_code=201)
async def post_device(request: Request, caller: DeviceKeeper, given: DeviceIn) -> Json:
    """Makes a device, with the vehicle or zone it names when that is new; 409 when there is one of this name.

    Its secrets are shown here only.
    """
    context = context_of(request)
    async with context.database.tenant(caller.tenant_id) as session:
        await _refuse_known(session, given.id)
    password, hashed = await new_device_password(context) if given.credentials else ("", None)
    token = new_token() if given.http else ""
    try:
        async with context.database.tenant(caller.tenant_id) as session:
            await _add_device(session, given, hashed, token_hash(token) if token else None)
            detail = given.model_dump(exclude={"credentials"})
            await audit(session, caller, "device.create", given.id, **detail, password=given.credentials)
            await session.run(queries("registry")["notify_registry"])
            await read_waiting(session, caller, given.id, foreign_id(given.foreign_id) if given.foreign_id else None)
            row = await session.row(queries("api")["devices"], after="", name=given.id, profile=None, limit=1)
            await _tell(session, {given.vehicle}, {given.site})
    except _Taken as taken:
        raise await _refuse_taken(context, caller, given.id, taken.external_id) from None
    if password:
        await tell_broker(context, f"{caller.tenant}/{given.id}", password)
    return Json(_with_login(caller, row or {}, password, token), 201)


async def _refuse_known(session: Session, name: str) -> None:
    """Refuses a device that is to be new and is there.

    Raises:
        Problem: 409, with what there is to do in its place.
    """
    row = await session.row(queries("registry")["device_revoked"], name=name)
    if row is None:
        return
    rotate = f"POST /devices/{name}/rotate"
    if row["revoked"]:
        way = f'is retired, nothing was changed: PATCH /devices/{name} {{"retired": false}} lets it in again'
    else:
        way = (
            f'is there already, nothing was changed: {rotate} gives it a new password, with {{"http": true}} a new '
            f"token; POST /devices/{name}/assignments and POST /devices/{name}/change do the rest"
        )
    raise Problem(409, f"id: device {name} {way}")


@router.post("/devices/{device_id}/change", response_model=Device)
async def edit_device(request: Request, caller: DeviceKeeper, device_id: str, given: DeviceChangeIn) -> Json:
    """Changes what is named of a device, null takes it away; where it is and its login stay."""
    context = context_of(request)
    parts = given.model_dump(exclude_unset=True)
    try:
        async with context.database.tenant(caller.tenant_id) as session:
            row = await session.row(
                queries("registry")["change_device"],
                name=device_id,
                parts=list(parts),
                kind=given.kind,
                profile=await profile_id(session, given.profile) if given.profile not in (None, NONE) else None,
                external_id=foreign_id(given.foreign_id) or None if given.foreign_id else None,
                gateway=await _gateway(session, given.gateway) if given.gateway else None,
            )
            if row is None:
                await _refuse_known(session, device_id)
                raise not_found()
            if row["external_id"] and row["gateway_id"] is None:
                await _refuse_of_another(session, row["external_id"])
            await audit(session, caller, "device.change", device_id, **parts)
            await session.run(queries("registry")["notify_registry"])
            if given.foreign_id:
                await read_waiting(session, caller, device_id, row["external_id"])
            found = await session.row(queries("api")["devices"], after="", name=device_id, profile=None, limit=1) or {}
            await _tell(session, {found.get("vehicle")}, {found.get("site")})
    except UniqueViolation:
        raise Problem(422, "foreign_id: it belongs to another device") from None
    except _Taken as taken:
        raise await _refuse_taken(context, caller, device_id, taken.external_id) from None
    return one(request, _shape(found), live=LIVE)


@router.post("/devices/{device_id}/rotate", response_model=NewDevice)
async def rotate_device(request: Request, caller: DeviceKeeper, device_id: str, given: RotateIn | None = None) -> Json:
    """A new password, or with `http` a new token, shown here only; the old one is worth nothing at once.

    A revoked device may speak again.
    """
    context = context_of(request)
    async with context.database.tenant(caller.tenant_id) as session:
        if await session.row(queries("registry")["device_id"], name=device_id) is None:
            raise not_found()
    if given is not None and given.http:
        token = new_token()
        row = await _change_login(
            context, caller, device_id, "rotate_device_token", http_token_sha256=token_hash(token)
        )
        return Json(_with_login(caller, row, "", token))
    password, hashed = await new_device_password(context)
    row = await _change_login(context, caller, device_id, "rotate_device", password, password_hash=hashed)
    return Json(_with_login(caller, row, password))


@router.post("/devices/{device_id}/revoke", response_model=Device)
async def revoke_device(request: Request, caller: DeviceKeeper, device_id: str) -> Json:
    """The device may not speak any more, within seconds; what it said stays. Repeating changes nothing."""
    return Json(_shape(await _change_login(context_of(request), caller, device_id, "revoke_device")))


async def _change_login(
    context: Context,
    caller: Caller,
    device_id: str,
    what: Literal["rotate_device", "rotate_device_token", "revoke_device"],
    password: str | None = None,
    **values: Any,
) -> dict[str, Any]:
    q = queries("registry")
    async with context.database.tenant(caller.tenant_id) as session:
        if await session.row(q[what], name=device_id, **values) is None:
            raise not_found()
        await audit(session, caller, ACTIONS[what], device_id)
        await session.run(q["notify_registry"])
        row = await session.row(queries("api")["devices"], after="", name=device_id, profile=None, limit=1)
    await tell_broker(context, "" if what == "rotate_device_token" else f"{caller.tenant}/{device_id}", password)
    return row or {}


def _with_login(caller: Caller, row: dict[str, Any], password: str, http_token: str = "") -> dict[str, Any]:
    """A device's shape, with its login when it has just got one."""
    shape: dict[str, Any] = {**_shape(row)}
    if password:
        shape["mqtt"] = {"user": f"{caller.tenant}/{row['id']}", "password": password}
    if http_token:
        shape["http"] = {"token": http_token}
    return shape


async def _tell(session: Session, vehicles: set[str | None], sites: set[str | None]) -> None:
    """The places a device left and came to show it."""
    left = [v for name in vehicles if name for v in await read_vehicles(session, name=name)]
    right = [s for name in sites if name for s in await read_sites(session, name=name)]
    if left or right:
        await emit(session, vehicles=[put(v["id"], v) for v in left], sites=[put(s["id"], s) for s in right])


async def _add_device(
    session: Session, given: DeviceIn, password_hash: str | None, http_token_sha256: bytes | None
) -> None:
    q = queries("registry")
    vehicle = site = zone = profile = None
    if given.vehicle:
        vehicle = _id(await session.row(q["put_vehicle"], name=given.vehicle, label=given.vehicle))
    if given.site:
        found = await session.row(q["ensure_site"], name=given.site)
        if found is None:
            raise Problem(422, f"site: there is no {given.site}; add it first")
        site = _id(found)
        if given.zone:
            old = await session.row(queries("api")["zone_key"], site=site, name=given.zone)
            new = None if old else await session.row(q["put_zone"], site=site, name=given.zone, label=given.zone)
            zone = _id(old or new)
    if name := of_new_device(given.kind, given.profile):
        profile = await profile_id(session, name)
    gateway = await _gateway(session, given.gateway) if given.gateway else None
    external_id = await _external_id(session, given)
    try:
        row = await session.row(
            q["add_device"],
            name=given.id,
            kind=given.kind,
            vehicle=vehicle,
            site=site,
            zone=zone,
            profile=profile,
            password_hash=password_hash,
            external_id=external_id,
            gateway=gateway,
            http_token_sha256=http_token_sha256,
        )
    except UniqueViolation:
        raise Problem(422, "foreign_id: it belongs to another device") from None
    if row is None:  # another has just added it
        await _refuse_known(session, given.id)


async def _gateway(session: Session, name: str) -> int:
    found = await session.row(queries("registry")["device_id"], name=name)
    if found is None:
        raise Problem(422, f"gateway: there is no device {name}; add it first")
    return _id(found)


async def _external_id(session: Session, given: DeviceIn) -> str | None:
    """The foreign id as it is kept.

    Raises:
        _Taken: another tenant has it.
    """
    external_id = foreign_id(given.foreign_id) if given.foreign_id else None
    if external_id and not given.gateway:
        await _refuse_of_another(session, external_id)
    return external_id


async def _refuse_of_another(session: Session, external_id: str) -> None:
    row = await session.row(queries("registry")["foreign_id_taken"], external_id=external_id)
    if row and row["taken"]:
        raise _Taken(external_id)


class _Taken(Exception):  # noqa: N818 -- an outcome: the transaction ends with it
    """A device of another tenant has the foreign id."""

    def __init__(self, external_id: str) -> None:
        super().__init__(external_id)
        self.external_id = external_id


async def _refuse_taken(context: Context, caller: Caller, device: str, external_id: str) -> Problem:
    """Both are told: who asked by the answer and in the audit trail, the holder there too."""
    async with context.database.tenant(caller.tenant_id) as session:
        await session.row(queries("registry")["tell_foreign_id_holder"], external_id=external_id)
        await audit(session, caller, "device.foreign_id_refused", device, foreign_id=external_id)
    return Problem(409, f"foreign_id: {FOREIGN_ID_TAKEN}")


def _id(row: dict[str, Any] | None) -> int:
    return int((row or {})["id"])
