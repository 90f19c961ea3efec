"""The stock ledger as it is shown, and what of it is asked for."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, NotRequired

from fastapi import Query
from pydantic import AfterValidator, Field, model_validator
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.inputs import Name, Strict, printable
from api.http.jsons import Time, when
from domain.handling_units.codes import own_code
from domain.stock.moves import Place
from domain.stock.quantities import number
from store.db import queries

Sku = Annotated[str, AfterValidator(printable), Field(min_length=1, max_length=64)]
BinCode = Annotated[str, AfterValidator(own_code), Field(max_length=64)]
UnitName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$", description="of the product's units")]
Amount = Annotated[Decimal, Field(ge=0, le=10**9, decimal_places=6)]
Word = Annotated[str, AfterValidator(printable), Field(max_length=200)]
Asked = Annotated[str | None, Query(max_length=64)]


class StockPlace(TypedDict):
    """`kind`: site, vehicle; or outside: supplier, customer, waste, adjustment."""

    kind: str
    site: NotRequired[str]
    zone: NotRequired[str]
    bin: NotRequired[str]
    vehicle: NotRequired[str]


class StockPlaceIn(Strict):
    """A site with perhaps a zone and a bin, or a vehicle. A bin needs no zone: its code is one of the site's."""

    site: Name | None = None
    zone: Name | None = None
    bin: BinCode | None = None
    vehicle: Name | None = None

    @model_validator(mode="after")
    def _one(self) -> StockPlaceIn:
        if (self.site is None) == (self.vehicle is None):
            raise ValueError("a place is a site or a vehicle")
        if self.vehicle and (self.zone or self.bin):
            raise ValueError("zone, bin: of a site")
        return self

    def place(self) -> Place:
        """As the ledger names it."""
        if self.vehicle:
            return Place("vehicle", vehicle=self.vehicle)
        return Place("site", self.site or "", self.zone or "", self.bin or "")


class Evidence(TypedDict):
    """What sensors saw of the product in the whole zone, all lots together."""

    quantity: float
    confidence: float
    last_evidence_at: Time | None
    source: str


def stock_place(row: Row, side: str = "") -> StockPlace:
    """From a row with names of places."""
    names = {part: row[f"{side}{part}"] for part in ("site", "zone", "bin", "vehicle") if row.get(f"{side}{part}")}
    kind = row.get(f"{side}kind") or ("vehicle" if "vehicle" in names else "site")
    return {"kind": kind, **names}  # type: ignore[typeddict-item]


def evidence(row: Row) -> Evidence | None:
    """From a row with what sensors saw."""
    if row["evidence_quantity"] is None:
        return None
    return {
        "quantity": round(row["evidence_quantity"], 3),
        "confidence": round(row["confidence"], 3),
        "last_evidence_at": when(row["last_evidence_at"]),
        "source": row["source"],
    }


def shown_number(value: Decimal) -> float:
    """A quantity in JSON."""
    found = number(value)
    assert found is not None  # noqa: S101 - for the type checker
    return found


async def keys_asked(session: Session, sku: str | None, lot: str | None) -> Row:
    """Keys of a product and a lot: None is not asked for, -1 is not there."""
    row = await session.row(queries("ledger")["keys_asked"], sku=sku, lot=lot)
    return row or {}


async def places_asked(session: Session, **names: str | None) -> list[int] | None:
    """Keys of places by site, zone, bin and vehicle; None: none of these is asked for."""
    if not any(names.values()):
        return None
    wanted: dict[str, Any] = {**dict.fromkeys(("site", "zone", "bin", "vehicle")), **names}
    return [row["id"] for row in await session.rows(queries("ledger")["places_matching"], **wanted)]
