"""Lots that come in with the goods: added with the first move that names them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Protocol

from pydantic import Field, model_validator

from api.database import Session
from api.http.audit import audit
from api.http.caller import Caller
from api.http.inputs import Strict
from api.http.instants import Instant
from api.http.problems import Problem
from store.db import queries


class NewLotIn(Strict):
    """What is known of a lot that may be new."""

    made_at: Annotated[Instant | None, Field(description="when it was made")] = None
    best_before: Annotated[Instant | None, Field(description="best before, or when it expires")] = None

    @model_validator(mode="after")
    def _in_order(self) -> NewLotIn:
        if self.made_at and self.best_before and self.made_at >= self.best_before:
            raise ValueError("made_at: not before best_before")
        return self


class _Receipt(Protocol):
    sku: str
    lot: str | None
    new_lot: NewLotIn | None


async def add_lots(session: Session, caller: Caller, receipts: Iterable[_Receipt]) -> None:
    """Adds the lots there are none of, and days that nobody has told.

    Raises:
        Problem: 409, a lot is known with another day.
    """
    q = queries("handling")
    for each in receipts:
        if each.new_lot is None or not each.lot:
            continue
        said = {"made_at": each.new_lot.made_at, "best_before": each.new_lot.best_before}
        row = await session.row(q["receive_lot"], id=each.lot, sku=each.sku, by=caller.user, **said)
        if row is None:  # no such product, or the lot is of another one: the move says so
            continue
        for name, day in said.items():
            if day is not None and row[name] != day:
                raise Problem(409, f"lot: {each.lot} is known with {name} {row[name]:%Y-%m-%d}, not {day:%Y-%m-%d}")
        if row["changed"]:
            kind = "lot.create" if row["is_new"] else "lot.change"
            await audit(session, caller, kind, each.lot, sku=each.sku, **each.new_lot.model_dump(mode="json"))
