"""Compartments of a vehicle: what fits in at which temperature."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import Path, Request
from pydantic import ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.database import Session
from api.http.audit import audit
from api.http.auth import Reader, VehicleKeeper
from api.http.context import context_of
from api.http.inputs import Name, Strict
from api.http.jsons import Json
from api.http.paging import Items, Page
from api.http.problems import Problem, not_found
from api.http.routes import resource
from domain.vehicles import TempClass
from store.db import queries

router = resource(tags=["vehicles"])
COMPARTMENTS_MAX = 10
VehicleName = Annotated[str, Path(max_length=64)]


class CompartmentIn(Strict):
    """A part of a vehicle that is kept at a temperature of its own; a capacity that is not told is not counted."""

    name: Name
    temp_class: TempClass
    load_kg: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    volume_m3: Annotated[float, Field(gt=0, le=10_000)] | None = None
    pallets: Annotated[int, Field(ge=1, le=1000)] | None = None


class CompartmentsIn(Strict):
    """All compartments of a vehicle; none: it is one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "compartments": [
                        {"name": "front", "temp_class": "frozen", "load_kg": 3000, "pallets": 6},
                        {"name": "rear", "temp_class": "chilled", "load_kg": 9000, "pallets": 12},
                    ]
                }
            ]
        }
    )

    compartments: Annotated[list[CompartmentIn], Field(max_length=COMPARTMENTS_MAX)]

    @model_validator(mode="after")
    def _each_once(self) -> CompartmentsIn:
        if len({each.name for each in self.compartments}) < len(self.compartments):
            raise ValueError("compartments: each name once")
        return self


class Compartment(TypedDict):
    """A part of a vehicle that is kept at a temperature of its own."""

    name: str
    temp_class: TempClass
    load_kg: float | None
    volume_m3: float | None
    pallets: int | None


async def _read(session: Session, vehicle: str) -> list[Compartment]:
    rows = await session.rows(queries("dispatch")["compartments_of"], vehicle=vehicle)
    return [
        {
            "name": row["name"],
            "temp_class": row["temp_class"],
            "load_kg": row["load_kg"],
            "volume_m3": row["volume_m3"],
            "pallets": row["pallets"],
        }
        for row in rows
    ]


@router.get("/vehicles/{vehicle_id}/compartments", response_model=Items[Compartment])
async def list_compartments(request: Request, caller: Reader, vehicle_id: VehicleName) -> Json:
    """Compartments of a vehicle by name; none: it is one."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        if await session.row(queries("api")["vehicle_key"], name=vehicle_id) is None:
            raise not_found()
        found = await _read(session, vehicle_id)
    return Page(found)


@router.put("/vehicles/{vehicle_id}/compartments", response_model=Items[Compartment])
async def put_compartments(
    request: Request, caller: VehicleKeeper, vehicle_id: VehicleName, given: CompartmentsIn
) -> Json:
    """A vehicle has these compartments and no others. 409: it is retired."""
    q = queries("dispatch")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(q["vehicle_locked"], name=vehicle_id)
        if row is None:
            raise not_found()
        if row["retired_at"] is not None:
            raise Problem(409, f"vehicle {vehicle_id} is retired: restore it first")
        before = await _read(session, vehicle_id)
        rows = orjson.dumps([each.model_dump() for each in given.compartments]).decode()
        await session.run(q["drop_compartments"], vehicle=row["id"])
        await session.run(q["put_compartments"], vehicle=row["id"], rows=rows)
        found = await _read(session, vehicle_id)
        if found != before:
            await audit(session, caller, "vehicle.compartments", vehicle_id, **given.model_dump())
    return Page(found)
