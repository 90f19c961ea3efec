"""Sites, devices and products. A POST makes what is new (201) and changes what is there (200), but a device (409)."""

from __future__ import annotations

import asyncio
from typing import Any, Literal, NotRequired

import orjson
from fastapi import APIRouter, Request
from psycopg.errors import UniqueViolation
from typing_extensions import TypedDict

from api.database import Session
from api.feed.hub import emit
from api.http.auth import Admin, Anybody, Caller
from api.http.context import Context, context_of
from api.http.inputs import DeviceChangeIn, DeviceIn, ProductIn, RotateIn, SiteIn
from api.http.jsons import Json
from api.http.paging import Cursor, Items, Limit, decode, page, shaped_page
from api.http.problems import Problem, not_found
from api.resources.quarantine import read_waiting
from api.resources.shared import reads, shapes
from api.resources.shared.actions import audit, put
from api.resources.temperature_profiles import profile_id
from domain.names import foreign_id
from store.db import queries
from store.devices import FOREIGN_ID_TAKEN
from store.profiles import NONE, of_new_device
from store.secrets import new_token, token_hash

router = APIRouter()
ACTIONS = {
    "rotate_device": "device.rotate",
    "rotate_device_token": "device.rotate_token",
    "revoke_device": "device.revoke",
}


class Mqtt(TypedDict):
    """How a device signs in to the broker; shown once."""

    user: str
    password: str


class Http(TypedDict):
    """How a device signs in to the door for HTTP; shown once."""

    token: str


class NewDevice(shapes.Device):
    """A device, with its password and token when it has just got one."""

    mqtt: NotRequired[Mqtt]
    http: NotRequired[Http]


@router.get("/sites", tags=["sites"], response_model=Items[shapes.Site])
async def list_sites(request: Request, caller: Anybody, limit: Limit = 200, cursor: Cursor = None) -> Json:
    """Sites by name with zones and temperatures."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        found = await reads.sites(session, after=after, limit=limit + 1)
    return page(request, found, limit, lambda s: [s["id"]])


@router.post("/sites", tags=["sites"], response_model=shapes.Site, status_code=201)
async def post_site(request: Request, caller: Admin, given: SiteIn) -> Json:
    """Makes or changes a site; zones that are not named stay."""
    q = queries("registry")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        new = await session.row(q["ensure_site"], name=given.id) is None
        row = await session.row(
            q["put_site"],
            name=given.id,
            label=given.label or given.id,
            kind=given.kind,
            lat=given.lat,
            lon=given.lon,
            radius_m=given.radius_m,
            polygon=orjson.dumps(given.polygon.model_dump()).decode() if given.polygon else None,
            corridor=orjson.dumps(given.corridor.model_dump()).decode() if given.corridor else None,
            dwell_s=given.dwell_s,
            tz=given.tz,
        )
        for zone in given.zones:
            await session.row(q["put_zone"], site=_id(row), name=zone.id, label=zone.label or zone.id)
        await audit(session, caller, "site.create" if new else "site.change", given.id, **given.model_dump())
        await session.run(q["notify_registry"])
        site = (await reads.sites(session, name=given.id))[0]
        await emit(session, sites=[put(given.id, site)])
    return Json(site, 201 if new else 200)


@router.get("/devices", tags=["devices"], response_model=Items[shapes.Device])
async def list_devices(request: Request, caller: Anybody, limit: Limit = 200, cursor: Cursor = None) -> Json:
    """Devices by name."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("api")["devices"], after=after, name=None, limit=limit + 1)
    return shaped_page(request, found, limit, lambda d: [d["id"]], shapes.device)


@router.post("/devices", tags=["devices"], response_model=NewDevice, status_code=201)
async def post_device(request: Request, caller: Admin, given: DeviceIn) -> Json:
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
            row = await session.row(queries("api")["devices"], after="", name=given.id, limit=1)
            await _tell(session, {given.vehicle}, {given.site})
    except _Taken as taken:
        raise await _refuse_taken(context, caller, given.id, taken.external_id) from None
    if password:
        await tell_broker(context)
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


@router.post("/devices/{device_id}/change", tags=["devices"], response_model=shapes.Device)
async def edit_device(request: Request, caller: Admin, device_id: str, given: DeviceChangeIn) -> Json:
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
            found = await session.row(queries("api")["devices"], after="", name=device_id, limit=1) or {}
            await _tell(session, {found.get("vehicle")}, {found.get("site")})
    except UniqueViolation:
        raise Problem(422, "foreign_id: it belongs to another device") from None
    except _Taken as taken:
        raise await _refuse_taken(context, caller, device_id, taken.external_id) from None
    return Json(shapes.device(found))


@router.post("/devices/{device_id}/rotate", tags=["devices"], response_model=NewDevice)
async def rotate_device(request: Request, caller: Admin, device_id: str, given: RotateIn | None = None) -> Json:
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
    row = await _change_login(context, caller, device_id, "rotate_device", password_hash=hashed)
    return Json(_with_login(caller, row, password))


@router.post("/devices/{device_id}/revoke", tags=["devices"], response_model=shapes.Device)
async def revoke_device(request: Request, caller: Admin, device_id: str) -> Json:
    """The device may not speak any more, within seconds; what it said stays. Repeating changes nothing."""
    return Json(shapes.device(await _change_login(context_of(request), caller, device_id, "revoke_device")))


async def _change_login(
    context: Context,
    caller: Caller,
    device_id: str,
    what: Literal["rotate_device", "rotate_device_token", "revoke_device"],
    **values: Any,
) -> dict[str, Any]:
    q = queries("registry")
    async with context.database.tenant(caller.tenant_id) as session:
        if await session.row(q[what], name=device_id, **values) is None:
            raise not_found()
        await audit(session, caller, ACTIONS[what], device_id)
        await session.run(q["notify_registry"])
        row = await session.row(queries("api")["devices"], after="", name=device_id, limit=1)
    await tell_broker(context)
    return row or {}


async def new_device_password(context: Context) -> tuple[str, str]:
    """A password and its hash for the broker."""
    if context.config.mqtt_hash is None:
        raise Problem(503, "this API gives out no MQTT passwords: use `frostway device add`")
    password = new_token()
    return password, await asyncio.to_thread(context.config.mqtt_hash, password)


async def tell_broker(context: Context) -> None:
    """Devices were added, changed or revoked."""
    if context.config.on_devices_changed is not None:
        await asyncio.to_thread(context.config.on_devices_changed)


def _with_login(caller: Caller, row: dict[str, Any], password: str, http_token: str = "") -> dict[str, Any]:
    """A device's shape, with its login when it has just got one."""
    shape: dict[str, Any] = {**shapes.device(row)}
    if password:
        shape["mqtt"] = {"user": f"{caller.tenant}/{row['id']}", "password": password}
    if http_token:
        shape["http"] = {"token": http_token}
    return shape


async def _tell(session: Session, vehicles: set[str | None], sites: set[str | None]) -> None:
    """The places a device left and came to show it."""
    left = [v for name in vehicles if name for v in await reads.vehicles(session, name=name)]
    right = [s for name in sites if name for s in await reads.sites(session, name=name)]
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


@router.get("/products", tags=["products"], response_model=Items[shapes.Product])
async def list_products(request: Request, caller: Anybody, limit: Limit = 200, cursor: Cursor = None) -> Json:
    """Products by SKU."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("api")["products"], after=after, name=None, limit=limit + 1)
    return shaped_page(request, found, limit, lambda p: [p["sku"]], shapes.product)


@router.post("/products", tags=["products"], response_model=shapes.Product, status_code=201)
async def post_product(request: Request, caller: Admin, given: ProductIn) -> Json:
    """Makes or changes a product."""
    if given.low_c is not None and given.high_c is not None and given.low_c >= given.high_c:
        raise Problem(422, "low_c: not below high_c")
    q = queries("api")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        new = not await session.rows(q["products"], after="", name=given.sku, limit=1)
        await session.row(queries("registry")["put_product"], **given.model_dump())
        await audit(session, caller, "product.create" if new else "product.change", given.sku, **given.model_dump())
        await session.run(queries("registry")["notify_registry"])
        row = await session.row(q["products"], after="", name=given.sku, limit=1)
        if levels := await reads.stock(session, sku=given.sku):
            await emit(session, stock=[put(level["id"], level) for level in levels])
    return Json(shapes.product(row or {}), 201 if new else 200)
