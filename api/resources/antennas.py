"""Antennas of tag readers that stand in a zone of their own; a reader that hears two zones is a portal between them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.database import Row
from api.http.audit import audit
from api.http.auth import DeviceKeeper, Reader
from api.http.context import context_of
from api.http.inputs import Name, Strict
from api.http.jsons import Json
from api.http.problems import Problem, not_found
from api.http.routes import resource
from store.db import queries

router = resource(tags=["devices"])

DeviceName = Annotated[str, Path(max_length=64)]
SIDES = 2


class AntennaIn(BaseModel):
    """An antenna, by its number at the reader, and the zone of the reader's site in which it hears tags."""

    model_config = ConfigDict(extra="forbid")

    antenna: int = Field(ge=0, le=255)
    zone: Name


class AntennasIn(Strict):
    """All antennas of a reader that stand elsewhere than it; none: all stand where it does."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"antennas": [{"antenna": 1, "zone": "dock"}, {"antenna": 2, "zone": "yard"}]}]}
    )

    antennas: list[AntennaIn] = Field(max_length=64)

    @model_validator(mode="after")
    def _each_once(self) -> AntennasIn:
        if len({a.antenna for a in self.antennas}) < len(self.antennas):
            raise ValueError("antennas: each antenna once")
        return self


class Antenna(TypedDict):
    """An antenna and its zone."""

    antenna: int
    zone: str


class Antennas(TypedDict):
    """Where the antennas of a reader stand that stand elsewhere than it; `portal`: it hears two zones, no more."""

    device: str
    zone: str | None
    antennas: list[Antenna]
    portal: bool


@router.get("/devices/{device_id}/antennas", response_model=Antennas)
async def get_antennas(request: Request, caller: Reader, device_id: DeviceName) -> Json:
    """Antennas of a reader that stand elsewhere than it."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        device = await session.row(queries("api")["devices"], after="", name=device_id, profile=None, limit=1)
        if device is None:
            raise not_found()
        rows = await session.rows(queries("antennas")["antennas_of"], name=device_id)
    return Json(_shape(device_id, device["zone"], rows))


@router.put("/devices/{device_id}/antennas", response_model=Antennas)
async def put_antennas(request: Request, caller: DeviceKeeper, device_id: DeviceName, given: AntennasIn) -> Json:
    """Says in which zones of its site antennas of a reader stand, instead of what was said before; from now on."""
    q = queries("antennas")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        device = await session.row(q["antennas_reader"], name=device_id)
        if device is None:
            raise not_found()
        if device["kind"] != "rfid":
            raise Problem(422, f"device {device_id} is of kind {device['kind']}: antennas are those of a reader, rfid")
        names = sorted({a.zone for a in given.antennas})
        zones = {
            z["name"]: z["id"] for z in await session.rows(q["antenna_zones"], site=device["site_id"], names=names)
        }
        if missing := [name for name in names if name not in zones]:
            raise Problem(422, f"zone: the reader's site has no zone {missing[0]}; add it first, or move the reader")
        await session.run(q["drop_antennas"], device=device["id"])
        numbers = [a.antenna for a in given.antennas]
        places = [zones[a.zone] for a in given.antennas]
        await session.run(q["put_antennas"], device=device["id"], antennas=numbers, zones=places)
        said: list[dict[str, Any]] = [a.model_dump() for a in given.antennas]
        await audit(session, caller, "device.antennas", device_id, antennas=said)
        await session.run(queries("registry")["notify_registry"])
        rows = await session.rows(q["antennas_of"], name=device_id)
    return Json(_shape(device_id, device["zone"], rows))


def _shape(device: str, zone: str | None, rows: list[Row]) -> Antennas:
    heard = {zone, *(row["zone"] for row in rows)} - {None}
    antennas: list[Antenna] = [{"antenna": row["antenna"], "zone": row["zone"]} for row in rows]
    return {"device": device, "zone": zone, "antennas": antennas, "portal": bool(rows) and len(heard) == SIDES}
