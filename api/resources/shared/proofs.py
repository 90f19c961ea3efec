"""Proofs of delivery as they are told and shown; also to drivers and customers, who have a link and no account."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import orjson
from fastapi import Path, Request
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.inputs import Celsius, Latitude, Longitude, Strict, printable
from api.http.instants import Instant
from api.http.jsons import Time, when
from api.http.problems import Problem, not_found, refusing
from api.resources.shared.handling import LotCode, UnitCode
from api.resources.shared.ledger import Amount, Word, shown_number
from api.resources.shared.orders import Code, tell_news
from domain.deliveries.leg import Leg, leg_of
from domain.deliveries.proof import NONE, Position, Said
from domain.times import to_us
from operations.proofs.record import Kept, Key, ProofTold, prove
from store.db import queries

LINES_MAX, PHOTOS_MAX, PICTURE_BYTES_MAX = 500, 12, 900_000
PICTURES_A_DAY = 2000
SHA256 = r"^[0-9a-f]{64}$"
Digest = Annotated[str, Field(pattern=SHA256, description="SHA-256 of a picture, hexadecimal")]
PictureId = Annotated[str, Path(max_length=64, description="SHA-256 of what is in it, hexadecimal")]
Own = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
Says = Annotated[str, AfterValidator(printable), Field(max_length=500)]
StopId = Annotated[str, Path(max_length=64)]
PICTURE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("image/jpeg", "image/png")},
    }
}
KNOWN: dict[int | str, dict[str, Any]] = {200: {"description": "it was told before, and is answered as then"}}
MAGIC = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
EDGE_MAX = 4096


class ProofLineIn(Strict):
    """What became of goods of a line, in base units; what was not accepted needs a reason."""

    order: Code
    line: Annotated[int, Field(ge=1, le=1000)]
    handling_unit: UnitCode | None = None
    lot: LotCode | None = None
    accepted: Amount = NONE
    short: Amount = NONE
    damaged: Amount = NONE
    refused: Amount = NONE
    reason: Word = ""

    def said(self) -> Said:
        """As the rule is told."""
        return Said(
            self.order, self.line, self.accepted, self.short, self.damaged, self.refused, self.reason,
            self.handling_unit or "", self.lot or "",
        )  # fmt: skip


class ProofPosition(Strict):
    """Where the device was."""

    lat: Latitude
    lon: Longitude
    accuracy_m: Annotated[float, Field(ge=0, le=1e6)] | None = None


class ProofBody(Strict):
    """What came of a stop. `exception`: nobody was there, it was closed, or all was refused; then without lines too.

    `signature` and `photos` name pictures, which may come later. Who cannot draw says why: `unsigned`.
    """

    at: Instant
    lines: Annotated[list[ProofLineIn], Field(max_length=LINES_MAX)] = Field(default_factory=list)
    exception: Annotated[str, Field(pattern="^(nobody_there|closed|refused)$")] | None = None
    orders: Annotated[list[Code], Field(max_length=LINES_MAX)] = Field(default_factory=list)
    receiver: Word = ""
    signature: Digest | None = None
    unsigned: Word = ""
    photos: Annotated[list[Digest], Field(max_length=PHOTOS_MAX)] = Field(default_factory=list)
    position: ProofPosition | None = None
    temperature_c: Celsius | None = None
    seal: Annotated[str, AfterValidator(printable), Field(max_length=64)] = ""
    note: Says = ""

    @model_validator(mode="after")
    def _signed(self) -> ProofBody:
        if any(line.accepted for line in self.lines):
            if not self.receiver:
                raise ValueError("receiver: who took the goods?")
            if not (self.signature or self.unsigned):
                raise ValueError("signature: none was given; say why in unsigned")
        return self

    def told(self, key: Key) -> ProofTold:
        """As operations are told."""
        body = self.model_dump(
            mode="json", include={"receiver", "signature", "unsigned", "photos", "temperature_c", "seal", "note"}
        )
        position = Position(*self.position.model_dump().values()) if self.position else None
        return ProofTold(
            key, to_us(self.at), tuple(line.said() for line in self.lines), self.exception or "", tuple(self.orders),
            position, {**body, "exception": self.exception or ""},
        )  # fmt: skip


_EXAMPLE: dict[str, Any] = {
    "at": "2026-12-01T09:42:10Z",
    "lines": [{"order": "SO-1001", "line": 1, "accepted": 23, "damaged": 1, "reason": "damaged"}],
    "receiver": "Anna Virtanen",
    "unsigned": "glass in front of the desk",
    "position": {"lat": 60.16, "lon": 24.96, "accuracy_m": 8},
    "temperature_c": 4.1,
    "seal": "FI-20431",
}


class ProofIn(ProofBody):
    """A proof as a device tells it: its own name, which start of it this was, and its how-manieth proof since."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"device": "phone-7", "boot": "b1", "seq": 4, **_EXAMPLE}]}
    )

    device: Own
    boot: Own
    seq: Annotated[int, Field(ge=0, le=2**53)]

    def digest(self) -> bytes:
        """Of all that it says: told again it is the same."""
        said = self.model_dump(mode="json")
        return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()

    @property
    def key(self) -> Key:
        """By which its device knows it."""
        return Key(self.device, self.boot, self.seq)


class CorrectionIn(ProofBody):
    """What came of a stop after all. `revision`: the one that it corrects; nobody may have corrected it since."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"revision": 1, "reason": "the carton was found", **_EXAMPLE}]}
    )

    revision: Annotated[int, Field(ge=1)]
    reason: Annotated[Word, Field(min_length=1)]


class ProofLine(TypedDict):
    """What became of goods of a line."""

    order: str
    line: int
    sku: str
    label: str
    base_unit: str
    handling_unit: str | None
    lot: str | None
    accepted: float
    short: float
    damaged: float
    refused: float
    reason: str


class ProofRevision(TypedDict):
    """One word of a proof."""

    revision: int
    at: Time | None
    recorded_at: Time | None
    recorded_by: str
    reason: str
    outcome: str


class ProofPlace(TypedDict):
    """Where the device was, and how far from the stop."""

    lat: float
    lon: float
    accuracy_m: float | None
    distance_m: float | None


class Proof(TypedDict):
    """A proof of delivery. `outcome`: delivered, partly, refused, nobody_there, closed.

    `flags` say what is odd: `away` from the stop, a `clock` that is ahead, an order that was planned for `elsewhere`.
    `at` is the device's time, `recorded_at` ours. `missing`: pictures that have not come yet.
    """

    id: str
    shipment: str
    stop: str
    stop_label: str
    customer: str
    customer_label: str
    orders: list[str]
    device: str
    boot: str
    seq: int
    revision: int
    latest: int
    outcome: str
    flags: list[str]
    at: Time | None
    recorded_at: Time | None
    recorded_by: str
    reason: str
    receiver: str
    signature: str | None
    unsigned: str
    photos: list[str]
    missing: list[str]
    position: ProofPlace | None
    temperature_c: float | None
    seal: str
    note: str
    lines: list[ProofLine]


class ProofDetail(Proof):
    """With the temperatures of its leg, and all that was said in it."""

    leg: Leg
    revisions: list[ProofRevision]


class ProofTaken(TypedDict):
    """A proof that was taken in; `new` is false of one that was told before."""

    id: str
    revision: int
    outcome: str
    new: bool
    missing: list[str]


ANY: dict[str, Any] = {
    **dict.fromkeys(("id", "before", "shipment", "customer", "order", "revision")),
    "exceptions": False,
}


def named() -> dict[str, Any]:
    """Queries that scripts of proofs name."""
    return {**queries("availability"), **queries("stock"), **queries("orders"), **queries("proofs")}


async def proofs(session: Session, rows: list[Row]) -> list[Proof]:
    """Proofs of rows of `proofs`."""
    q = queries("proofs")
    asked = [{"id": row["key"], "revision": row["revision"]} for row in rows]
    found = await session.rows(q["proof_lines"], rows=orjson.dumps(asked).decode()) if rows else []
    lines: dict[int, list[ProofLine]] = {row["key"]: [] for row in rows}
    for line in found:
        lines[line["proof_id"]].append(_line(line))
    there = await pictures_there(session, [digest for row in rows for digest in pictures_of(row["body"])])
    return [_proof(row, lines[row["key"]], there) for row in rows]


def pictures_of(body: Any) -> list[str]:
    """Pictures that a proof names."""
    return [digest for digest in (body.get("signature"), *(body.get("photos") or ())) if digest]


async def pictures_there(session: Session, digests: Iterable[str]) -> set[str]:
    """Those that have come."""
    wanted = [bytes.fromhex(digest) for digest in set(digests)]
    rows = await session.rows(queries("proofs")["pictures_there"], digests=wanted) if wanted else []
    return {row["digest"].hex() for row in rows}


def _line(row: Row) -> ProofLine:
    return {
        "order": row["order"],
        "line": row["line"],
        "sku": row["sku"],
        "label": row["label"],
        "base_unit": row["base_unit"],
        "handling_unit": row["handling_unit"] or None,
        "lot": row["lot"] or None,
        "accepted": shown_number(row["accepted"]),
        "short": shown_number(row["short"]),
        "damaged": shown_number(row["damaged"]),
        "refused": shown_number(row["refused"]),
        "reason": row["reason"],
    }


def _proof(row: Row, lines: list[ProofLine], there: set[str]) -> Proof:
    body = row["body"]
    position = body.get("position")
    return {
        "id": str(row["key"]),
        "shipment": row["shipment"],
        "stop": row["stop"],
        "stop_label": row["stop_label"],
        "customer": row["customer"],
        "customer_label": row["customer_label"],
        "orders": row["orders"],
        "device": row["device"],
        "boot": row["boot"],
        "seq": row["seq"],
        "revision": row["revision"],
        "latest": row["latest"],
        "outcome": row["outcome"],
        "flags": row["flags"],
        "at": when(row["at"]),
        "recorded_at": when(row["recorded_at"]),
        "recorded_by": row["recorded_by"],
        "reason": row["reason"],
        "receiver": body.get("receiver", ""),
        "signature": body.get("signature"),
        "unsigned": body.get("unsigned", ""),
        "photos": body.get("photos") or [],
        "missing": [digest for digest in pictures_of(body) if digest not in there],
        "position": _place(position, row["distance_m"]) if position else None,
        "temperature_c": body.get("temperature_c"),
        "seal": body.get("seal", ""),
        "note": body.get("note", ""),
        "lines": lines,
    }


def _place(position: Mapping[str, Any], metres: float | None) -> ProofPlace:
    return {
        "lat": position["lat"],
        "lon": position["lon"],
        "accuracy_m": position["accuracy_m"],
        "distance_m": None if metres is None else round(metres),
    }


async def proof_detail(session: Session, key: int, revision: int | None = None) -> tuple[Row, ProofDetail]:
    """One proof as it stands, or as it was said then.

    Raises:
        Problem: 404, there is none.
    """
    q = queries("proofs")
    row = await session.row(q["proofs"], **{**ANY, "id": key, "revision": revision, "limit": 1})
    if row is None:
        raise not_found()
    (shown,) = await proofs(session, [row])
    revisions: list[ProofRevision] = [
        {
            "revision": each["revision"],
            "at": when(each["at"]),
            "recorded_at": when(each["recorded_at"]),
            "recorded_by": each["recorded_by"],
            "reason": each["reason"],
            "outcome": each["outcome"],
        }
        for each in await session.rows(q["proof_revisions"], id=key)
    ]
    leg = leg_of(await leg_rows(session, row))
    return row, {**shown, "leg": leg, "revisions": revisions}


async def leg_rows(session: Session, row: Row) -> list[Row]:
    """What the vehicle's probes measured until a hand-over."""
    return await session.rows(queries("proofs")["leg_readings"], shipment=row["shipment_id"], until=row["at"])


async def take_proof(
    session: Session, shipment: str, stop: str, given: ProofIn, by: str, only: int | None = None
) -> tuple[Kept, ProofTaken]:
    """Takes a proof in; the last statements of a transaction."""
    with refusing():
        script = prove(shipment, stop, given.told(given.key), given.digest(), to_us(datetime.now(UTC)), by, only)
        kept = await session.perform(script, named())
    there = await pictures_there(session, pictures_of(given.model_dump()))
    missing = [digest for digest in pictures_of(given.model_dump()) if digest not in there]
    return kept, {
        "id": str(kept.id), "revision": kept.revision, "outcome": kept.outcome, "new": kept.new, "missing": missing,
    }  # fmt: skip


async def told_on(session: Session, kept: Kept) -> None:
    """Tells open pages of the orders of a proof; the last statement of a transaction."""
    if kept.new:
        await tell_news(session, list(kept.orders))


def digest_of(sha256: str) -> bytes:
    """What names a picture in an address; of what is none, one that nothing has."""
    return bytes.fromhex(sha256) if re.fullmatch(SHA256, sha256) else b""


async def keep_picture(request: Request, session: Session, sha256: str, by: str) -> int:
    """Keeps a picture that is the body of a request: 201, or 200 when it is there.

    Raises:
        Problem: 422, it is another one, no picture or too large; 429, too many came from there.
    """
    content = await request.body()
    if not 0 < len(content) <= PICTURE_BYTES_MAX:
        raise Problem(422, f"a picture has 1 to {PICTURE_BYTES_MAX} bytes, this one {len(content)}: make it smaller")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Problem(422, "the body is not what this address names: send the picture whose SHA-256 that is")
    media_type = next((kind for magic, kind in MAGIC.items() if content.startswith(magic)), None)
    if media_type is None:
        raise Problem(422, "a picture is JPEG or PNG")
    if (size := edges(content)) is None or max(size) > EDGE_MAX:
        raise Problem(422, f"a picture is at most {EDGE_MAX} pixels wide and high")
    q, since = queries("proofs"), datetime.now(UTC) - timedelta(days=1)
    counted = await session.row(q["pictures_since"], by=by, since=since)
    if counted and counted["n"] >= PICTURES_A_DAY:
        raise Problem(429, f"{PICTURES_A_DAY} pictures a day are enough", {"Retry-After": "3600"})
    values = {"digest": bytes.fromhex(sha256), "media_type": media_type, "content": content, "by": by}
    return 201 if await session.row(q["put_picture"], **values) else 200


def edges(content: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG or JPEG; None: its head does not say.

    >>> edges(bytes.fromhex("89504e470d0a1a0a0000000d49484452") + (3).to_bytes(4, "big") + (2).to_bytes(4, "big"))
    (3, 2)
    """
    if content.startswith(b"\x89PNG"):
        head = content[16:24]
        return (int.from_bytes(head[:4], "big"), int.from_bytes(head[4:], "big")) if len(head) == 8 else None
    at = 2
    while at + 9 < len(content) and content[at] == 0xFF:
        kind, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            high, wide = content[at + 5 : at + 7], content[at + 7 : at + 9]
            return int.from_bytes(wide, "big"), int.from_bytes(high, "big")
        at += 2 + length
    return None
