"""Proofs of delivery: listed, shown, corrected by people, and as a page to print."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from api.http.audit import audit
from api.http.auth import OrderWorker, Reader
from api.http.context import context_of
from api.http.jsons import Json
from api.http.paging import Cursor, Items, Limit, decode, page
from api.http.problems import key_of, not_found, refusing
from api.http.routes import resource
from api.resources.shared.ledger import Asked
from api.resources.shared.proof_sheet import PDF, proof_sheet
from api.resources.shared.proofs import (
    ANY,
    CorrectionIn,
    PictureId,
    Proof,
    ProofDetail,
    digest_of,
    named,
    proof_detail,
    proofs,
    told_on,
)
from domain.times import to_us
from operations.proofs.record import Key, correct_proof
from store.db import queries

router = resource(tags=["deliveries"])
Revision = Annotated[int | None, Query(ge=1, le=10_000, description="an earlier word; the last one if none is said")]


@router.get("/proofs", response_model=Items[Proof])
async def list_proofs(
    request: Request,
    caller: Reader,
    shipment: Asked = None,
    order: Asked = None,
    exceptions: Annotated[bool, Query(description="only what did not go as planned")] = False,  # noqa: FBT002
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Json:
    """Proofs of delivery as they stand, the newest first."""
    before = decode(cursor, (int,))[0] if cursor else None
    asked = {
        **ANY,
        "shipment": shipment,
        "order": order,
        "exceptions": exceptions,
        "before": before,
        "limit": limit + 1,
    }
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        found = await proofs(session, await session.rows(queries("proofs")["proofs"], **asked))
    return page(request, found, limit, lambda each: [int(each["id"])])


@router.get("/proofs/{proof_id}", response_model=ProofDetail)
async def get_proof(request: Request, caller: Reader, proof_id: str, revision: Revision = None) -> Json:
    """One proof with the temperatures of its leg and all that was said in it."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        _, found = await proof_detail(session, key_of(proof_id), revision)
    return Json(found)


@router.post("/proofs/{proof_id}/corrections", response_model=ProofDetail, status_code=201)
async def correct_delivery(request: Request, caller: OrderWorker, proof_id: str, given: CorrectionIn) -> Json:
    """Says anew what came of a stop; what was said before is kept, its steps are taken back, the ledger follows.

    409: somebody has corrected it since.
    """
    key, now_us = key_of(proof_id), to_us(datetime.now(UTC))
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        with refusing():
            told = given.told(Key("", "", 0))
            kept = await session.perform(
                correct_proof(key, given.revision, told, given.reason, now_us, caller.user), named()
            )
        await audit(session, caller, "proof.correct", proof_id, reason=given.reason, revision=kept.revision)
        _, found = await proof_detail(session, key)
        await told_on(session, kept)
    return Json(found, 201)


@router.get("/proofs/{proof_id}/proof.pdf", response_class=Response, responses={200: {"content": {PDF: {}}}})
async def print_proof(request: Request, caller: Reader, proof_id: str, revision: Revision = None) -> Response:
    """A proof as a page: goods, who signed, pictures, times, place, the leg's temperatures, hashes."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        return await proof_sheet(session, key_of(proof_id), revision)


@router.get(
    "/pictures/{sha256}",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}, "image/png": {}}}},
)
async def get_picture(request: Request, caller: Reader, sha256: PictureId) -> Response:
    """A picture by what is in it."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(queries("proofs")["picture"], digest=digest_of(sha256))
    if row is None:
        raise not_found()
    return Response(row["content"], media_type=row["media_type"], headers=LASTING)


LASTING = {"cache-control": "private, max-age=31536000, immutable"}
