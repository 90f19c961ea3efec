"""PATCH renames, retires and restores things, DELETE deletes what nothing depends on, GET /retired shows what is."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from fastapi import Query, Request
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.database import Session
from api.http.auth import DeviceKeeper, DriverKeeper, ProductKeeper, ProfileKeeper, Reader, SiteKeeper, VehicleKeeper
from api.http.caller import Caller
from api.http.context import Context, context_of
from api.http.inputs import Strict, printable
from api.http.jsons import Json, when
from api.http.paging import Cursor, Items, Limit, decode, page
from api.http.problems import Problem, not_found
from api.http.routes import resource
from api.resources.shared.broker_logins import Mqtt, new_device_password, tell_broker
from api.resources.shared.talks import converse
from domain.vehicles import VehicleClass
from store.db import queries
from store.lifecycle import (
    KINDS,
    Kind,
    NothingThereError,
    RefusedError,
    T,
    Talk,
    Thing,
    classed,
    delete,
    look,
    rename,
    restore,
    retire,
)

router = resource()

DryRun = Annotated[bool, Query(description="change nothing, only say what depends on it")]


class ChangeIn(Strict):
    """Another name for a thing, of a zone or slot its own part; or whether it is retired."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"retired": True}, {"id": "truck-7"}]})

    id: Annotated[str, AfterValidator(printable), Field(min_length=1, max_length=128)] | None = None
    retired: bool | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> ChangeIn:
        if (self.id is None) == (self.retired is None):
            raise ValueError("say id or retired, one at a time")
        return self


class VehicleChangeIn(ChangeIn):
    """Another name for a vehicle; whether it is retired; or its class, null for one that nobody has told."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"class": "courier"}, {"retired": True}]})

    of_class: VehicleClass | None = Field(None, alias="class")

    @property
    def says_class(self) -> bool:
        """Whether the class is what is to change."""
        return "of_class" in self.model_fields_set

    @model_validator(mode="after")
    def _one_thing(self) -> VehicleChangeIn:
        if (self.id is not None) + (self.retired is not None) + self.says_class != 1:
            raise ValueError("say id, retired or class, one at a time")
        return self


class Depends(TypedDict):
    """So many of what depends on a thing, and so many of them now: devices aboard, shipments not delivered."""

    what: str
    count: int
    now: int


class Ending(TypedDict):
    """A thing and what depends on it; a restored device with its new password, shown here only."""

    kind: str
    id: str
    retired: bool
    dependents: list[Depends]
    mqtt: NotRequired[Mqtt]


class Retired(TypedDict):
    """A retired thing; the id of a zone is SITE/ZONE, of a slot DEVICE/SLOT."""

    kind: str
    id: str
    retired_at: str | None


@router.get("/retired", tags=["registry"], response_model=Items[Retired])
async def list_retired(request: Request, caller: Reader, limit: Limit = 200, cursor: Cursor = None) -> Json:
    """All that is retired, by kind and name."""
    kind, name = decode(cursor, (str, str)) if cursor else ("", "")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        rows = await session.rows(queries("lifecycle")["retired"], after_kind=kind, after=name, limit=limit + 1)
    found = [
        {
            "kind": row["kind"],
            "id": row["name"] if row["parent"] is None else f"{row['parent']}/{row['name']}",
            "retired_at": when(row["retired_at"]),
        }
        for row in rows
    ]
    return page(request, found, limit, lambda r: [r["kind"], r["id"]])


async def _perform(session: Session, talk: Talk[T]) -> T:
    """Does it, inside a transaction.

    Raises:
        Problem: 404, there is nothing of that name; 409, it cannot be done.
    """
    try:
        return await converse(session, talk)
    except NothingThereError:
        raise not_found() from None
    except RefusedError as refused:
        raise Problem(409, str(refused), dependents=[_depends(d) for d in refused.dependents]) from None


def _depends(found: Any) -> Depends:
    return {"what": found.what, "count": found.count, "now": found.now}


def _ending(kind: Kind, name: str, thing: Thing, *, retired: bool) -> Ending:
    return {"kind": kind.name, "id": name, "retired": retired, "dependents": [_depends(d) for d in thing.dependents]}


async def _change(request: Request, caller: Caller, kind: Kind, name: str, given: ChangeIn, *, dry_run: bool) -> Json:
    context = context_of(request)
    async with context.database.tenant(caller.tenant_id) as session:
        if given.id is not None and not dry_run:
            thing = await _perform(session, rename(kind, name, given.id, caller.user))
            parent, _ = kind.part(name)
            return Json(_ending(kind, "/".join(filter(None, (parent, given.id))), thing, retired=False))
        before = await _perform(session, look(kind, name))
    if given.retired is None or dry_run or given.retired == (before.retired_at is not None):
        return Json(_ending(kind, name, before, retired=before.retired_at is not None))
    return await _end(context, caller, kind, name, retired=given.retired)


async def _end(context: Context, caller: Caller, kind: Kind, name: str, *, retired: bool) -> Json:
    password, hashed = await new_device_password(context) if kind.is_device and not retired else ("", None)
    async with context.database.tenant(caller.tenant_id) as session:
        if retired:
            thing = await _perform(session, retire(kind, name, caller.user))
        else:
            thing = await _perform(session, restore(kind, name, caller.user, password_hash=hashed))
    answer = _ending(kind, name, thing, retired=retired)
    if kind.is_device:
        restored = password if password and thing.retired_at is not None else None
        await tell_broker(context, f"{caller.tenant}/{name}" if retired or restored else "", restored)
        if password and thing.retired_at is not None:
            answer["mqtt"] = {"user": f"{caller.tenant}/{name}", "password": password}
    return Json(answer)


async def _delete(request: Request, caller: Caller, kind: Kind, name: str, *, dry_run: bool) -> Json:
    context: Context = context_of(request)
    async with context.database.tenant(caller.tenant_id) as session:
        thing = await _perform(session, delete(kind, name, caller.user, dry_run=dry_run))
    if kind.is_device and not dry_run:
        await tell_broker(context, f"{caller.tenant}/{name}")
    return Json(_ending(kind, name, thing, retired=thing.retired_at is not None))


@router.patch("/devices/{device_id}", tags=["devices"], response_model=Ending)
async def change_device(
    request: Request, caller: DeviceKeeper, device_id: str, given: ChangeIn, *, dry_run: DryRun = False
) -> Json:
    """Retires a device: it may not speak any more, what it said stays; or restores it, with a new password.

    It keeps its name: 409 says why.
    """
    return await _change(request, caller, KINDS["device"], device_id, given, dry_run=dry_run)


@router.delete("/devices/{device_id}", tags=["devices"], response_model=Ending)
async def delete_device(request: Request, caller: DeviceKeeper, device_id: str, *, dry_run: DryRun = False) -> Json:
    """Deletes a device on which nothing depends; else 409 says what does."""
    return await _delete(request, caller, KINDS["device"], device_id, dry_run=dry_run)


@router.patch("/vehicles/{vehicle_id}", tags=["vehicles"], response_model=Ending)
async def change_vehicle(
    request: Request, caller: VehicleKeeper, vehicle_id: str, given: VehicleChangeIn, *, dry_run: DryRun = False
) -> Json:
    """Renames a vehicle, its history with it; retires it: it leaves the lists, its facts stay; or restores it.

    Or it is of another class: its trips and stops are derived again, also those of the past.
    """
    if given.says_class:
        talk = classed(vehicle_id, given.of_class, caller.user, dry_run=dry_run)
        async with context_of(request).database.tenant(caller.tenant_id) as session:
            thing = await _perform(session, talk)
        return Json(_ending(KINDS["vehicle"], vehicle_id, thing, retired=thing.retired_at is not None))
    return await _change(request, caller, KINDS["vehicle"], vehicle_id, given, dry_run=dry_run)


@router.delete("/vehicles/{vehicle_id}", tags=["vehicles"], response_model=Ending)
async def delete_vehicle(request: Request, caller: VehicleKeeper, vehicle_id: str, *, dry_run: DryRun = False) -> Json:
    """Deletes a vehicle on which nothing depends; else 409 says what does."""
    return await _delete(request, caller, KINDS["vehicle"], vehicle_id, dry_run=dry_run)


@router.patch("/drivers/{driver_id}", tags=["vehicles"], response_model=Ending)
async def change_driver(
    request: Request, caller: DriverKeeper, driver_id: str, given: ChangeIn, *, dry_run: DryRun = False
) -> Json:
    """Renames a driver, the history too; retires one, who drives nothing any more from then on; or restores."""
    return await _change(request, caller, KINDS["driver"], driver_id, given, dry_run=dry_run)


@router.delete("/drivers/{driver_id}", tags=["vehicles"], response_model=Ending)
async def delete_driver(request: Request, caller: DriverKeeper, driver_id: str, *, dry_run: DryRun = False) -> Json:
    """Deletes a driver on whom nothing depends; else 409 says what does."""
    return await _delete(request, caller, KINDS["driver"], driver_id, dry_run=dry_run)


@router.patch("/sites/{site_id}", tags=["sites"], response_model=Ending)
async def change_site(
    request: Request, caller: SiteKeeper, site_id: str, given: ChangeIn, *, dry_run: DryRun = False
) -> Json:
    """Renames a site, its history with it; retires it: it is visited no more, its facts stay; or restores it."""
    return await _change(request, caller, KINDS["site"], site_id, given, dry_run=dry_run)


@router.delete("/sites/{site_id}", tags=["sites"], response_model=Ending)
async def delete_site(request: Request, caller: SiteKeeper, site_id: str, *, dry_run: DryRun = False) -> Json:
    """Deletes a site on which nothing depends; else 409 says what does."""
    return await _delete(request, caller, KINDS["site"], site_id, dry_run=dry_run)


@router.patch("/products/{sku:path}", tags=["products"], response_model=Ending)
async def change_product(
    request: Request, caller: ProductKeeper, sku: str, given: ChangeIn, *, dry_run: DryRun = False
) -> Json:
    """Renames a product, its history with it; retires it: it leaves the lists; or restores it."""
    return await _change(request, caller, KINDS["product"], sku, given, dry_run=dry_run)


@router.delete("/products/{sku:path}", tags=["products"], response_model=Ending)
async def delete_product(request: Request, caller: ProductKeeper, sku: str, *, dry_run: DryRun = False) -> Json:
    """Deletes a product on which nothing depends; else 409 says what does."""
    return await _delete(request, caller, KINDS["product"], sku, dry_run=dry_run)


@router.patch("/profiles/{profile_id}", tags=["profiles"], response_model=Ending)
async def change_profile(
    request: Request, caller: ProfileKeeper, profile_id: str, given: ChangeIn, *, dry_run: DryRun = False
) -> Json:
    """Renames a temperature profile; retires it: nothing gets it any more, what has it keeps it; or restores it."""
    return await _change(request, caller, KINDS["profile"], profile_id, given, dry_run=dry_run)


@router.delete("/profiles/{profile_id}", tags=["profiles"], response_model=Ending)
async def delete_profile(request: Request, caller: ProfileKeeper, profile_id: str, *, dry_run: DryRun = False) -> Json:
    """Deletes a profile on which nothing depends; else 409 says what does."""
    return await _delete(request, caller, KINDS["profile"], profile_id, dry_run=dry_run)


@router.patch("/sites/{site_id}/zones/{zone_id}", tags=["sites"], response_model=Ending)
async def change_zone(
    request: Request, caller: SiteKeeper, site_id: str, zone_id: str, given: ChangeIn, *, dry_run: DryRun = False
) -> Json:
    """Renames a zone, its history with it; retires it: it leaves its site's list; or restores it."""
    return await _change(request, caller, KINDS["zone"], f"{site_id}/{zone_id}", given, dry_run=dry_run)


@router.delete("/sites/{site_id}/zones/{zone_id}", tags=["sites"], response_model=Ending)
async def delete_zone(
    request: Request, caller: SiteKeeper, site_id: str, zone_id: str, *, dry_run: DryRun = False
) -> Json:
    """Deletes a zone on which nothing depends; else 409 says what does."""
    return await _delete(request, caller, KINDS["zone"], f"{site_id}/{zone_id}", dry_run=dry_run)


@router.patch("/devices/{device_id}/slots/{slot:path}", tags=["devices"], response_model=Ending)
async def change_slot(
    request: Request, caller: ProductKeeper, device_id: str, slot: str, given: ChangeIn, *, dry_run: DryRun = False
) -> Json:
    """Renames a slot its shelf has not spoken of; retires one, which is no stock any more; or restores it."""
    return await _change(request, caller, KINDS["slot"], f"{device_id}/{slot}", given, dry_run=dry_run)


@router.delete("/devices/{device_id}/slots/{slot:path}", tags=["devices"], response_model=Ending)
async def delete_slot(
    request: Request, caller: ProductKeeper, device_id: str, slot: str, *, dry_run: DryRun = False
) -> Json:
    """Deletes a slot on which nothing depends; else 409 says what does."""
    return await _delete(request, caller, KINDS["slot"], f"{device_id}/{slot}", dry_run=dry_run)
