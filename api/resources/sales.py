"""What other systems sold, by day: told as rows, or as a file. Told again it changes nothing; the last word holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response, StreamingResponse
from typing_extensions import TypedDict

from api.database import Session
from api.http.audit import audit
from api.http.auth import ProductKeeper
from api.http.caller import Caller
from api.http.context import context_of
from api.http.inputs import Strict
from api.http.jsons import Json
from api.http.problems import Problem, not_found
from api.http.routes import resource
from api.resources.shared.imports import cells
from api.resources.shared.imports.bring import (
    ANSWER,
    SAME,
    Asked,
    Entry,
    Fault,
    Kind,
    Known,
    Settled,
    bring,
    documented,
)
from api.resources.shared.imports.files import Columns, Thing
from store.db import queries

router = resource(tags=["planning"])
SALES_MAX = 10_000
KEYS = ("site", "sku", "day")
Name = Annotated[str, Field(min_length=1, max_length=64)]


class SalesRow(Strict):
    """What was sold of a product on a day, in base units. `in_stock`: false where stock ran out."""

    site: Name
    sku: Name
    day: Annotated[date, Field(description="local day of the site")]
    quantity: Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
    in_stock: bool = True


class SalesIn(Strict):
    """Sales of other systems, all or nothing. Told again they change nothing; told otherwise the last word holds."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"rows": [{"site": "m-site", "sku": "M-SKU", "day": "2026-11-02", "quantity": 12}]}]
        }
    )

    rows: Annotated[list[SalesRow], Field(min_length=1, max_length=SALES_MAX)]


class SalesTold(TypedDict):
    """How many days are new, how many say something else than before, and how many say the same."""

    created: int
    changed: int
    same: int


class SalesLine(SalesRow):
    """A row as a file has it; `id` is made of what it is of."""

    id: str


def named(rows: Iterable[SalesRow]) -> str:
    """Rows as the query `keys` asks for their site and product."""
    return json.dumps([{"n": n, "site": row.site, "sku": row.sku} for n, row in enumerate(rows)])


def unknown(keys: Mapping[str, Any]) -> list[str]:
    """Which of site and product is not known."""
    return [name for name, key in (("site", "site_id"), ("sku", "product_id")) if keys[key] is None]


def stored(row: SalesRow, keys: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the query `put_sales` takes it."""
    day = {"day": row.day.isoformat(), "quantity": row.quantity, "short": not row.in_stock}
    return {"site_id": keys["site_id"], "product_id": keys["product_id"], **day}


@router.post("/sales", response_model=SalesTold, status_code=201)
async def post_sales(request: Request, caller: ProductKeeper, given: SalesIn) -> Json:
    """Brings in what other systems sold. 422: a site or product is not known, with the place of its row."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        keys = {row["n"]: row for row in await session.rows(queries("demand")["keys"], rows=named(given.rows))}
        faults = [
            f"rows.{n}.{name}: there is no {getattr(row, name)}"
            for n, row in enumerate(given.rows)
            for name in unknown(keys[n])
        ]
        if faults:
            raise Problem(422, "; ".join(faults[:20]))
        rows = [stored(row, keys[n]) for n, row in enumerate(given.rows)]
        if len({(row["site_id"], row["product_id"], row["day"]) for row in rows}) < len(rows):
            raise Problem(422, "rows: a day of a product at a site stands twice; one row for each")
        told = await session.rows(queries("demand")["put_sales"], rows=json.dumps(rows), by=caller.user)
        created = sum(row["created"] for row in told)
        counts: SalesTold = {"created": created, "changed": len(told) - created, "same": len(rows) - len(told)}
        await audit(session, caller, "sales.put", str(len(rows)), **counts)
    return Json(counts, 201)


@router.delete("/sales", status_code=204)
async def delete_sales(
    request: Request,
    caller: ProductKeeper,
    site: Annotated[str, Query(max_length=64)],
    sku: Annotated[str, Query(max_length=64)],
    day: Annotated[date, Query()],
) -> Response:
    """Takes back what was told of a day: it counts no more as sold. 404: nothing was told of it."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        gone = await session.row(queries("demand")["drop_sales"], site=site, sku=sku, day=day)
        if gone is None:
            raise not_found()
        detail = {"quantity": gone["quantity"], "in_stock": not gone["short"]}
        await audit(session, caller, "sales.delete", f"{site}/{sku}/{day}", **detail)
    return Response(status_code=204)


def keyed(things: Iterator[Thing]) -> Iterator[Thing]:
    """Each line under the name of what it is of: site, product and day."""
    for thing in things:
        parts = [thing.values.get(name) for name in KEYS]
        lacking = {name: cells.MISSING for name, part in zip(KEYS, parts, strict=True) if part in (None, "")}
        thing.faults = thing.faults or lacking
        thing.values["id"] = "/".join(map(str, parts))
        yield thing


def asked_for(names: Iterable[str]) -> str:
    """Names of rows as the query `sales_there` takes them."""
    asked = []
    for name in names:
        site, _, rest = name.partition("/")
        sku, _, day = rest.rpartition("/")
        try:
            asked.append({"id": name, "site": site, "sku": sku, "day": date.fromisoformat(day).isoformat()})
        except ValueError:
            continue  # it is told when the line is judged
    return json.dumps(asked)


def values_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What was told of which day before, by its name."""
    return {row["id"]: {**row, "in_stock": not row["short"]} for row in rows}


async def _there(session: Session, names: list[str]) -> dict[str, Known]:
    rows = await session.rows(queries("demand")["sales_there"], rows=asked_for(names))
    told = ("id", *KEYS, "quantity", "in_stock")
    return {name: Known({key: row[key] for key in told}) for name, row in values_of(rows).items()}


async def _settle(session: Session, entries: list[Entry]) -> Settled:
    asked = named(entry.body for entry in entries)
    keys = {row["n"]: row for row in await session.rows(queries("demand")["keys"], rows=asked)}
    found: Settled = {}
    for n, entry in enumerate(entries):
        entry.more = keys[n]
        if lacking := unknown(keys[n]):
            found[entry.key] = [faulty(entry.at, entry.body, name) for name in lacking]
        elif entry.values == entry.known:
            found[entry.key] = SAME
    return found


def faulty(at: int, row: SalesRow, name: str) -> Fault:
    """That its site or product is not known."""
    return Fault(at, name, f"there is no {getattr(row, name)}; add it first")


async def _put(session: Session, caller: Caller, entries: list[Entry]) -> None:
    rows = [stored(entry.body, entry.more) for entry in entries]
    await session.rows(queries("demand")["put_sales"], rows=json.dumps(rows), by=caller.user)


COLUMNS = Columns(
    {"site": cells.text, "sku": cells.text, "day": cells.day, "quantity": cells.number, "in_stock": cells.yes},
    needed=(*KEYS, "quantity"),
    aliases={
        "store": "site", "shop": "site", "location": "site", "warehouse": "site", "product": "sku", "article": "sku",
        "item": "sku", "date": "day", "ds": "day", "sold": "quantity", "sales": "quantity", "qty": "quantity",
        "units": "quantity", "y": "quantity", "available": "in_stock",
    },
)  # fmt: skip
KIND = Kind("sales", "id", SalesLine, COLUMNS, _there, _put, settle=_settle, gather=keyed, at_once="sales.put")


@router.post(
    "/sales/import",
    response_class=StreamingResponse,
    responses=ANSWER,
    openapi_extra=documented("site,sku,day,quantity,in_stock\r\nstore-1,MILK,2026-11-02,12,yes\r\n"),
)
async def import_sales(request: Request, caller: ProductKeeper, way: Asked) -> Response:
    """Sales of a file: CSV, a workbook, or JSON on each line; what is told of them as it goes, see the guide."""
    return await bring(request, caller, KIND, way)
