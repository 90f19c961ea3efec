"""What a driver carries, and what came of each stop: for our people; drivers themselves have links."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from api.http.audit import audit
from api.http.auth import OrderWorker, Reader
from api.http.context import context_of
from api.http.jsons import Json
from api.http.routes import resource
from api.resources.shared.proofs import (
    KNOWN,
    PICTURE,
    PictureId,
    ProofIn,
    ProofTaken,
    StopId,
    keep_picture,
    take_proof,
    told_on,
)
from api.resources.shared.runs import Run, run_of

router = resource(tags=["deliveries"])


@router.get("/shipments/{shipment_id}/run", response_model=Run)
async def get_run(request: Request, caller: Reader, shipment_id: str) -> Json:
    """A shipment as its driver needs it, to be kept: stops in order with places, windows, goods and proofs."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        return Json(await run_of(session, name=shipment_id))


@router.post(
    "/shipments/{shipment_id}/stops/{stop_id}/deliveries",
    response_model=ProofTaken,
    status_code=201,
    responses=KNOWN,
)
async def tell_delivery(
    request: Request, caller: OrderWorker, shipment_id: str, stop_id: StopId, given: ProofIn
) -> Json:
    """What came of a stop: a proof, and the steps of its orders; what it rests on may be told later.

    409: another proof has its number, or an order is not on this shipment.
    """
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        kept, taken = await take_proof(session, shipment_id, stop_id, given, caller.user)
        if kept.new:
            await audit(
                session, caller, "proof.tell", shipment_id, stop=stop_id, proof=taken["id"], outcome=kept.outcome
            )
        await told_on(session, kept)
    return Json(taken, 201 if kept.new else 200)


@router.put("/pictures/{sha256}", status_code=201, response_class=Response, openapi_extra=PICTURE)
async def put_picture(request: Request, caller: OrderWorker, sha256: PictureId) -> Response:
    """Keeps a picture (JPEG or PNG, 900 kB at most) that proofs name, once; 200 when it is there."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        return Response(status_code=await keep_picture(request, session, sha256, caller.user))
