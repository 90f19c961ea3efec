"""Evidence packs: what happened to a shipment, in a file that anybody can check without us."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import Query, Request
from starlette.responses import Response, StreamingResponse
from typing_extensions import TypedDict

from api.http.audit import audit
from api.http.auth import Reader
from api.http.context import context_of
from api.http.instants import Instant
from api.http.jsons import Json, when
from api.http.problems import Problem, not_found
from api.http.routes import resource
from api.resources.shared.downloads import NDJSON, Lasting
from api.resources.shared.evidence import Evidence
from api.resources.shared.evidence_files import Writer
from api.resources.shared.verifier_program import verifier_script
from domain.evidence.verifier import fingerprint
from serving.pace import cut
from store.db import queries
from store.secrets import evidence_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

router = resource(tags=["evidence"])
PYTHON = "text/x-python"
Form = Literal["jsonl", "pdf", "zip"]
MEDIA: dict[Form, str] = {"jsonl": NDJSON, "pdf": "application/pdf", "zip": "application/zip"}


class EvidenceKey(TypedDict):
    """The key that packs of this installation are sealed with (Ed25519), and what people compare of it."""

    key: str
    fingerprint: str


@router.get(
    "/shipments/{shipment_id}/evidence",
    response_class=StreamingResponse,
    responses={
        200: {"content": {media: {} for media in MEDIA.values()}},
        404: {"description": "no such shipment, or no sealing secret to sign with"},
    },
)
async def get_evidence(
    request: Request,
    caller: Reader,
    shipment_id: str,
    as_of: Annotated[Instant | None, Query(description="as it was known then; nothing said: now")] = None,
    form: Annotated[
        Form, Query(alias="format", description="the pack, the report, or both with the verifier")
    ] = "jsonl",
) -> Response:
    """A shipment's evidence: a pack for machines, a report for people, or both with the verifier as a ZIP.

    The pack is one JSON object a line, chained by SHA-256, sealed and signed: readings, gaps, calibrations, limits,
    every word on excursions and calls, what people did, and sensor events of EPCIS 2.0. `frostway evidence verify`
    checks it, and so does the file of `/evidence/verifier`. The report is PDF/A with the curve of each probe.
    """
    context, now = context_of(request), datetime.now(UTC)
    at = min(as_of or now, now)
    private = _private(request)
    async with context.database.tenant(caller.tenant_id) as session:
        row = await session.row(queries("evidence")["shipment"], name=shipment_id, as_of=at)
        if row is None or row["planned_at"] > at:
            raise not_found()
        await audit(session, caller, "shipment.evidence", shipment_id, as_of=when(at), format=form)
    head = {
        "about": f"shipment {shipment_id}",
        "tenant": caller.tenant,
        "shipment": shipment_id,
        "as_of": when(at),
        "made_at": when(now),
        "made_by": caller.user,
        "software": f"Frostway {context.config.version}".strip(),
    }
    writer = Writer(Evidence(context, caller, row, at), head, private)
    place = context.downloads.take((caller.tenant_id, caller.user), monotonic(), partial(cut, request.scope))
    headers = {"Content-Disposition": f'attachment; filename="{shipment_id}-evidence.{form}"'}
    body = {"jsonl": writer.pack, "pdf": writer.report, "zip": writer.bundle}[form]()
    return Lasting(context, context.downloads, place, body, MEDIA[form], headers)


@router.get(
    "/evidence/key",
    response_model=EvidenceKey,
    responses={404: {"description": "no sealing secret: set FROSTWAY_SEALING_SECRET"}},
)
async def get_evidence_key(request: Request, caller: Reader) -> Json:
    """By which key to know a pack of this installation; another sealing secret makes another one."""
    del caller
    key = _private(request).public_key().public_bytes_raw().hex()
    return Json({"key": key, "fingerprint": fingerprint(key)})


@router.get("/evidence/verifier", response_class=Response, responses={200: {"content": {PYTHON: {}}}})
async def get_evidence_verifier(caller: Reader) -> Response:
    """The verifier as one file of Python 3.10 that needs nothing else: `python verifier.py PACK --key FINGERPRINT`."""
    del caller
    headers = {"Content-Disposition": 'attachment; filename="verifier.py"'}
    return Response(verifier_script(), media_type=PYTHON, headers=headers)


def _private(request: Request) -> Ed25519PrivateKey:
    secret = context_of(request).config.sealing_secret
    if not secret:
        raise Problem(404, "no sealing secret, so there is no key to sign with: set FROSTWAY_SEALING_SECRET")
    return evidence_key(secret)
