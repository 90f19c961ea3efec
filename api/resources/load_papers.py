"""Papers of a load: packing list and consignment note as PDF, the despatch advice as JSON and CSV."""

from __future__ import annotations

import asyncio
import csv
import io
from datetime import UTC, datetime
from typing import Annotated, Any, NotRequired

from fastapi import Path, Query, Request
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Session
from api.http.audit import audit
from api.http.auth import OrderWorker, Reader
from api.http.context import context_of
from api.http.jsons import Json, Time
from api.http.problems import Problem, not_found, refusing
from api.http.routes import resource
from api.resources.shared.load_papers import PDF, made, paper
from domain.loading.advice import COLUMNS, contents, document, table
from operations.despatch.record import issue, shown
from store.db import queries

router = resource(tags=["loading"])
Shipment = Annotated[str, Path(max_length=64)]
Revision = Annotated[int | None, Query(ge=1, le=10_000, description="an earlier one; the last if none is said")]
CSV = "text/csv"


class AdviceFrom(TypedDict):
    """Whence it goes."""

    site: str | None
    label: str | None
    gln: str | None


class AdviceLine(TypedDict):
    """Goods of an order's line in a unit; `instead_of`: of the product that was ordered, when it is another one."""

    order: str
    order_reference: str
    line: int
    sku: str
    gtin: str | None
    label: str
    lot: str | None
    best_before: Time | None
    quantity: float
    base_unit: str
    temp_class: str | None
    instead_of: NotRequired[str]


class AdviceUnit(TypedDict):
    """A handling unit, null: loose goods. Its gross mass is null where it is not known of all goods."""

    handling_unit: str | None
    gross_mass_kg: float | None
    lines: list[AdviceLine]


class Consignment(TypedDict):
    """What a customer gets at a stop."""

    stop: int | None
    stop_label: str | None
    customer: str
    customer_label: str
    ship_to: str | None
    ship_to_label: str | None
    address: str | None
    units: list[AdviceUnit]


class DespatchAdvice(TypedDict):
    """What receivers are told: exactly the units that were loaded.

    `function`: `draft` (revision 0: nothing was issued yet), `original`, or `replacement` of all before it. `current`:
    it says what is loaded by all that is known now.
    """

    document: str
    revision: int
    function: str
    issued_at: Time | None
    shipment: str
    reference: str
    ship_from: AdviceFrom
    vehicle: str | None
    despatched_at: Time | None
    seals: list[str]
    consignments: list[Consignment]
    units: int
    gross_mass_kg: float | None
    current: bool


@router.get(
    "/shipments/{shipment_id}/despatch-advice",
    response_model=DespatchAdvice,
    responses={200: {"content": {CSV: {}}}},
)
async def get_despatch_advice(
    request: Request, caller: Reader, shipment_id: Shipment, revision: Revision = None
) -> Response:
    """The last despatch advice, an earlier one, or a draft; as CSV with `Accept: text/csv`, a line to each line."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        with refusing():
            found = await session.perform(shown(shipment_id, revision), queries("loading"))
    if CSV in request.headers.get("accept", ""):
        name = f"despatch-advice-{shipment_id}-{found.body['revision']}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(_csv(found.body), media_type=CSV, headers=headers)
    return Json({**found.body, "current": found.current})


def _csv(advice: dict[str, Any]) -> str:
    """With what spreadsheets would take for a formula made harmless."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in table(advice):
        writer.writerow([f"'{cell}" if isinstance(cell, str) and cell[:1] in FORMULA else cell for cell in row])
    return out.getvalue()


FORMULA = frozenset("=+-@\t\r")


@router.post("/shipments/{shipment_id}/despatch-advice", response_model=DespatchAdvice)
async def post_despatch_advice(request: Request, caller: OrderWorker, shipment_id: Shipment) -> Json:
    """Issues the despatch advice of what is loaded; the same again is not issued twice, another replaces it.

    Sealing issues the first; what is loaded or taken off afterwards replaces it. 409: nothing is loaded.
    """
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        with refusing():
            found = await session.perform(issue(shipment_id, datetime.now(UTC), first=True), queries("loading"))
        if found is None:
            raise not_found()
        if found.new:
            await audit(session, caller, "shipment.advise", shipment_id, revision=found.body["revision"])
    return Json({**found.body, "current": found.current})


@router.get(
    "/shipments/{shipment_id}/packing-list.pdf", response_class=Response, responses={200: {"content": {PDF: {}}}}
)
async def print_packing_list(
    request: Request,
    caller: Reader,
    shipment_id: Shipment,
    unit: Annotated[str | None, Query(max_length=80, description="only this handling unit")] = None,
) -> Response:
    """What is packed for a shipment by unit, with bars that are scanned at the dock; the last stop first."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        advice, loaded = await _packed(session, shipment_id, unit)
    data = paper("packing", advice, loaded)
    return _pdf(await asyncio.to_thread(made, data), f"packing-list-{shipment_id}")


async def _packed(session: Session, name: str, unit: str | None) -> tuple[dict[str, Any], dict[str, bool]]:
    q = queries("loading")
    row = await session.row(q["shipment"], name=name)
    if row is None:
        raise not_found()
    sender = await session.row(q["sender"], shipment=row["key"]) or {}
    rows = await session.rows(q["carried"], shipment=row["key"], packed=True)
    wanted = [each for each in rows if unit is None or each["unit"] == unit]
    if not wanted:
        raise Problem(404, f"unit: {name} has no {unit}" if unit else "nothing is packed for it yet")
    return document(contents(sender, wanted), 0, None), {each["unit"]: each["loaded"] for each in wanted}


@router.get(
    "/shipments/{shipment_id}/consignment-note.pdf", response_class=Response, responses={200: {"content": {PDF: {}}}}
)
async def print_consignment_note(
    request: Request, caller: Reader, shipment_id: Shipment, revision: Revision = None
) -> Response:
    """The consignment note of what was loaded, with the data of a CMR. 404: no despatch advice was issued yet."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        with refusing():
            found = await session.perform(shown(shipment_id, revision), queries("loading"))
    if not found.body["revision"]:
        raise Problem(404, "nothing was issued yet: seal it, or issue its despatch advice")
    made_of = await asyncio.to_thread(made, paper("note", found.body))
    return _pdf(made_of, f"consignment-note-{shipment_id}-{found.body['revision']}")


def _pdf(content: bytes, name: str) -> Response:
    return Response(content, media_type=PDF, headers={"Content-Disposition": f'inline; filename="{name}.pdf"'})
