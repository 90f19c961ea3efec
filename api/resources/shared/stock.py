"""Stock levels as they are shown."""

from __future__ import annotations

from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.jsons import Time, when
from domain.digits import shown
from store.db import queries


class Stock(TypedDict):
    """How much of a product lies in a zone, how sure we are, and since when."""

    id: str
    site: str
    zone: str
    sku: str
    label: str
    quantity: float
    confidence: float
    last_evidence_at: Time | None
    source: str
    reorder_point: float | None


def _shape(row: Row) -> Stock:
    """From a row of `stock`."""
    return {
        "id": f"{row['site']}/{row['zone']}/{row['sku']}",
        "site": row["site"],
        "zone": row["zone"],
        "sku": row["sku"],
        "label": row["label"],
        "quantity": shown("quantity", row["quantity"]),
        "confidence": shown("confidence", row["confidence"]),
        "last_evidence_at": when(row["last_evidence_at"]),
        "source": row["source"],
        "reorder_point": row["reorder_point"],
    }


async def read_stock(
    session: Session,
    *,
    after: tuple[str, str, str] = ("", "", ""),
    site: str | None = None,
    zone: str | None = None,
    sku: str | None = None,
    skus: list[str] | None = None,
    limit: int | None = None,
) -> list[Stock]:
    """Stock levels by site, zone and SKU."""
    a, b, c = after
    rows = await session.rows(
        queries("api")["stock"],
        after_site=a,
        after_zone=b,
        after_sku=c,
        site=site,
        zone=zone,
        sku=sku,
        skus=skus,
        limit=limit,
    )
    return [_shape(row) for row in rows]
