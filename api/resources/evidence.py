"""Evidence packs: what happened to a shipment, in a file that anybody can check without us."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Query, Request
from starlette.responses import Response, StreamingResponse
from typing_extensions import TypedDict

from api.http.audit import audit
from api.http.auth import Reader
from api.http.caller import Caller
from api.http.context import context_of
from api.http.instants import Instant
from api.http.jsons import Json, when
from api.http.problems import Problem, not_found
from api.http.routes import resource
from api.resources.shared.downloads import NDJSON, Lasting
from api.resources.shared.evidence import DeviceEvidence, Evidence
from api.resources.shared.evidence_files import Writer
from api.resources.shared.spans import Since, Until, span
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


AsOf = Annotated[Instant | None, Query(description="as it was known then; nothing said: now")]
Wanted = Annotated[Form, Query(alias="format", description="the pack, the report, or both with the verifier")]


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
    as_of: AsOf = None,
    form: Wanted = "jsonl",
) -> Response:
    """A shipment's evidence: a pack for machines, a report for people, or both with the verifier as a ZIP.

    The pack is one JSON object a line, chained by SHA-256, sealed and signed: readings, gaps, calibrations, limits,
    every word on excursions and calls, what people did, and sensor events of EPCIS 2.0. `frostway evidence verify`
    checks it, and so does the file of `/evidence/verifier`. The report is PDF/A with the curve of each probe.
    """
    private, (at, now) = _private(request), _as_of(as_of)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(queries("evidence")["shipment"], name=shipment_id, as_of=at)
        if row is None or row["planned_at"] > at:
            raise not_found()
        await audit(session, caller, "shipment.evidence", shipment_id, as_of=when(at), format=form)
    evidence = Evidence(context_of(request), caller, row, at)
    return _answer(request, caller, Writer(evidence, _head(request, caller, evidence, shipment_id, now), private), form)


@router.get(
    "/devices/{device_id}/evidence",
    response_class=StreamingResponse,
    responses={
        200: {"content": {media: {} for media in MEDIA.values()}},
        404: {"description": "no such device, or no sealing secret to sign with"},
    },
)
async def get_device_evidence(
    request: Request,
    caller: Reader,
    device_id: str,
    since: Since = None,
    until: Until = None,
    as_of: AsOf = None,
    form: Wanted = "jsonl",
) -> Response:
    """The same of a device in a span of time, wherever it was: the last day when none is given, at most 31 days."""
    private, (at, now) = _private(request), _as_of(as_of)
    begins, ends = span(since, until)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        asked = {"since": begins, "until": ends, "as_of": at}
        row = await session.row(queries("evidence")["device"], name=device_id, **asked)
        if row is None or begins > at:
            raise not_found()
        told = {"from": when(begins), "to": when(ends), "as_of": when(at), "format": form}
        await audit(session, caller, "device.evidence", device_id, **told)
    evidence = DeviceEvidence(context_of(request), caller, row, at)
    return _answer(request, caller, Writer(evidence, _head(request, caller, evidence, device_id, now), private), form)


def _as_of(asked: datetime | None) -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    return min(asked or now, now), now


def _head(request: Request, caller: Caller, evidence: Evidence, name: str, now: datetime) -> dict[str, Any]:
    return {
        "about": f"{evidence.kind} {name}",
        "tenant": caller.tenant,
        evidence.kind: name,
        "as_of": when(evidence.as_of),
        "made_at": when(now),
        "made_by": caller.user,
        "software": f"Frostway {context_of(request).config.version}".strip(),
    }


def _answer(request: Request, caller: Caller, writer: Writer, form: Form) -> Response:
    """Evidence in one of its forms, made while it is sent."""
    context = context_of(request)
    place = context.downloads.take((caller.tenant_id, caller.user), monotonic(), partial(cut, request.scope))
    headers = {"Content-Disposition": f'attachment; filename="{writer.name}-evidence.{form}"'}
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
