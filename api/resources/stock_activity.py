"""What goes on in the zones and bins of a site: how often something moves, how much lies there, what is in doubt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Query, Request
from typing_extensions import TypedDict

from api.database import Row
from api.http.auth import Reader
from api.http.context import context_of
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.routes import resource
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.ledger import Asked, shown_number
from store.db import queries

router = resource(tags=["stock"])
DAYS_MAX = 90


class StockActivity(TypedDict):
    """A zone without its bins, a bin, or the site outside its zones (no zone).

    `moves` of the ledger went in or out in the days asked for, those that were taken back aside; sensors saw `seen`
    changes (of a slot in the bin of its name). `per_day` is both together. `products` lie there, `pieces` of those that
    are counted in pieces; what the ledger does not know, by sensors. `in_doubt` of the products are to be counted or
    less than nothing, `doubt` is their share; null: nothing is there.
    """

    id: str
    site: str
    zone: str | None
    zone_label: str | None
    bin: str | None
    moves: int
    seen: int
    per_day: float
    moved_at: Time | None
    products: int
    pieces: float
    in_doubt: int
    doubt: float | None


@router.get("/stock/activity", response_model=Items[StockActivity], responses=FILES)
@as_file("stock-activity", StockActivity)
async def list_stock_activity(
    request: Request,
    caller: Reader,
    site: Asked = None,
    days: Annotated[int, Query(ge=1, le=DAYS_MAX, description="how far back moves count")] = 7,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """Zones and bins of sites by name, for a picture of where most is done, kept, or doubted."""
    a, b, c = decode(cursor, (str, str, str)) if cursor else ("", "", "")
    now = datetime.now(UTC)
    asked = {"site": site, "now": now, "since": now - timedelta(days=days), "a": a, "b": b, "c": c}
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        rows = await session.rows(queries("activity")["activity"], **asked, first=cursor is None, limit=limit + 1)

    def shape(row: Row) -> StockActivity:
        return shaped(row, days)

    return shaped_page(request, rows, limit, _key, shape)


def _key(row: Row) -> list[str]:
    return [row["site"], row["zone"] or "", row["bin"] or ""]


def shaped(row: Row, days: int) -> StockActivity:
    """From a row of `activity`."""
    of = max(row["products"], row["in_doubt"])
    return {
        "id": "/".join(_key(row)),
        "site": row["site"],
        "zone": row["zone"],
        "zone_label": row["zone_label"],
        "bin": row["bin"],
        "moves": row["moves"],
        "seen": row["seen"],
        "per_day": (row["moves"] + row["seen"]) / days,
        "moved_at": when(row["moved_at"]),
        "products": row["products"],
        "pieces": shown_number(row["pieces"]),
        "in_doubt": row["in_doubt"],
        "doubt": row["in_doubt"] / of if of else None,
    }
