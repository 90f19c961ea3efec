"""Orders put on shipments and taken off them: shipments are locked first, then orders, each in the order of their keys.

Statements are those of `store/queries/shipment_orders.sql`. An order is on one shipment that is not over; goods that
are on a vehicle stay on its shipment until they are unloaded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from domain.orders.stages import ACTIVE
from domain.refusal import CannotError
from operations.unit_of_work import Row, Script, Statement

OPEN = ("planned", "in_transit")


class Changed(NamedTuple):
    """Names of orders that are on a shipment now, and of those that are no more."""

    put: tuple[str, ...]
    dropped: tuple[str, ...]


def carry(name: str, wanted: Mapping[str, int | None], by: str) -> Script[Changed]:
    """A shipment carries these orders and no others, each until the stop of that number; none: not said.

    Raises:
        CannotError: there is no such shipment, stop or order; it is over, or on another shipment; goods are aboard.
    """
    rows = yield Statement("shipments_locked", {"names": [name]})
    if not rows:
        raise CannotError(f"there is no shipment {name}", missing=True)
    shipment = rows[0]
    stop_of = yield from _stops(shipment["id"], wanted)
    orders = yield from _orders(shipment["id"], wanted)
    carried = yield Statement(
        "orders_carried", {"orders": [row["id"] for row in orders.values()], "shipments": [shipment["id"]]}
    )
    put, dropped = _changes(shipment, stop_of, orders, carried)
    if not put and not dropped:
        return Changed((), ())
    if shipment["status"] not in OPEN:
        raise CannotError(f"{name} is {shipment['status']}: what it carried stays", conflict=True)
    if dropped:
        yield Statement("drop_orders", {"rows": _rows(shipment["id"], dropped, {})})
    if put:
        yield Statement("put_orders", {"rows": _rows(shipment["id"], put, stop_of), "by": by})
    return Changed(tuple(row["name"] for row in put), tuple(row["name"] for row in dropped))


def _stops(shipment: int, wanted: Mapping[str, int | None]) -> Script[dict[str, int | None]]:
    rows = yield Statement("stops_there", {"shipments": [shipment]})
    stops = {row["seq"]: row["id"] for row in rows}
    for order, seq in wanted.items():
        if seq is not None and seq not in stops:
            raise CannotError(f"{order}: stop: there is no {seq}, they are {', '.join(map(str, stops)) or 'none'}")
    return {order: None if seq is None else stops[seq] for order, seq in wanted.items()}


def _orders(shipment: int, wanted: Mapping[str, int | None]) -> Script[dict[str, Row]]:
    """Orders that are wanted or carried, locked."""
    rows = yield Statement("orders_asked", {"names": list(wanted), "shipments": [shipment]})
    orders = {row["name"]: row for row in rows}
    if lost := [order for order in wanted if order not in orders]:
        raise CannotError(f"orders: there is no {lost[0]}")
    return orders


def _changes(
    shipment: Row, stop_of: Mapping[str, int | None], orders: Mapping[str, Row], carried: Sequence[Row]
) -> tuple[list[Row], list[Row]]:
    here = {row["order_id"]: row for row in carried if row["shipment_id"] == shipment["id"]}
    there = {row["order_id"]: row for row in carried if row["shipment_id"] != shipment["id"]}
    put, dropped = [], []
    for order, row in orders.items():
        now = here.get(row["id"])
        if order not in stop_of:
            _may_leave(order, shipment["name"], now)
            dropped.append(row)
        elif now is None:
            _may_join(row, there.get(row["id"]))
            put.append(row)
        elif now["stop_id"] != stop_of[order]:
            put.append(row)
    return put, dropped


def _rows(shipment: int, orders: list[Row], stop_of: Mapping[str, int | None]) -> str:
    rows = ({"shipment": shipment, "order": row["id"], "stop": stop_of.get(row["name"])} for row in orders)
    return json.dumps(list(rows))


def _may_join(order: Row, other: Row | None) -> None:
    if other is not None:
        raise CannotError(f"{order['name']} is on {other['shipment']}: take it off that one first", conflict=True)
    if order["status"] not in ACTIVE:
        raise CannotError(f"{order['name']} is {order['status']}: there is nothing to carry", conflict=True)


def _may_leave(order: str, shipment: str, now: Row | None) -> None:
    if now is not None and now["aboard"]:
        raise CannotError(f"{order}: goods of it are on {shipment}; unload them first", conflict=True)
