"""Despatch advices: issued from what is loaded, replaced when that turns out to be otherwise.

Statements are those of `store/queries/loading.sql`, and of orders where their steps are told; a shipment is locked
before its orders.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from domain.loading.advice import contents, document, same
from domain.refusal import CannotError
from domain.times import from_us, rfc3339, to_us
from operations.orders.decide import Done, StepTold
from operations.orders.record import tell
from operations.unit_of_work import Script, Statement


class Advice(NamedTuple):
    """An advice as it is told; `new`: it was issued just now; `current`: it says what is loaded now."""

    body: dict[str, Any]
    new: bool
    current: bool


def loaded(shipment: int) -> Script[dict[str, Any]]:
    """What an advice of now would say."""
    (sender,) = yield Statement("sender", {"shipment": shipment})
    rows = yield Statement("carried", {"shipment": shipment, "packed": False})
    return contents(sender, rows)


def issue(name: str, now: datetime, *, first: bool) -> Script[Advice | None]:
    """Issues an advice when what is loaded is not what was told last; `first`: also when nothing was told yet.

    Raises:
        CannotError: there is no such shipment, or nothing of it is loaded.
    """
    rows = yield Statement("shipment_locked", {"name": name})
    if not rows:
        raise CannotError(f"there is no shipment {name}", missing=True)
    key = rows[0]["id"]
    told = yield Statement("advices", {"shipment": key, "revision": None, "limit": 1})
    if not told and not first:
        return None
    body = yield from loaded(key)
    if not told and not body["units"]:
        raise CannotError("nothing of it is on board: confirm what is loaded first", conflict=True)
    if told and same(told[0]["body"], body):
        kept = document(told[0]["body"], told[0]["revision"], rfc3339(to_us(told[0]["issued_at"])))
        return Advice(kept, new=False, current=True)
    revision = told[0]["revision"] + 1 if told else 1
    values = {"shipment": key, "revision": revision, "now": now, "body": json.dumps(body)}
    if not (yield Statement("add_advice", values)):
        raise CannotError("somebody else issued one just now; look again", conflict=True)
    return Advice(document(body, revision, rfc3339(to_us(now))), new=True, current=True)


def tell_steps(
    name: str, given: Sequence[StepTold], now_us: int, by: str, who: frozenset[str], *, late: bool = False
) -> Script[Done]:
    """Moves units of an order on; what receivers were told is replaced when that puts goods on board or takes them off.

    Raises:
        CannotError: there is no such order or line, or it cannot be; nothing of it is taken in.
    """
    boarding = any(step.kind in ("load", "unload") for step in given)
    shipments = (yield Statement("shipments_of_order_locked", {"order": name})) if boarding else ()
    done = yield from tell(name, given, now_us, by, who, late=late)
    for row in shipments if done.new else ():
        yield from issue(row["name"], from_us(now_us), first=False)
    return done


def shown(name: str, revision: int | None) -> Script[Advice]:
    """The last advice, or that of a revision; a draft of what is loaded where none was issued.

    Raises:
        CannotError: there is no such shipment or revision.
    """
    rows = yield Statement("shipment", {"name": name})
    if not rows:
        raise CannotError(f"there is no shipment {name}", missing=True)
    key = rows[0]["key"]
    told = yield Statement("advices", {"shipment": key, "revision": revision, "limit": 1})
    body = yield from loaded(key)
    if told:
        kept = told[0]
        found = document(kept["body"], kept["revision"], rfc3339(to_us(kept["issued_at"])))
        return Advice(found, new=False, current=same(kept["body"], body))
    if revision:
        raise CannotError(f"there is no revision {revision}", missing=True)
    return Advice(document(body, 0, None), new=False, current=True)
