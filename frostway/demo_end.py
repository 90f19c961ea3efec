"""The simulated fleet leaves again, and comes back: what was registered for it is retired, or restored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from firmware_sim.model import World
from frostway.broker import mosquitto_hash
from frostway.demo_goods import take_goods_away
from frostway.demo_orders import take_orders_away
from frostway.demo_stock import take_stock_away
from operations.cases.decide import Resolve
from operations.cases.record import act
from operations.unit_of_work import Statement, run
from store.db import queries
from store.lifecycle import KINDS, NothingThereError, T, Talk, perform, restore, retire
from store.registry import Registry

ACTOR = "demo"


def _things(world: World) -> Iterator[tuple[str, str]]:
    """Kind and name of what stands on its own, what others stand on last."""
    yield from (("device", each.id) for each in world.devices)
    yield from (("vehicle", each.id) for each in world.vehicles)
    yield from (("driver", each.about.driver[0]) for each in world.vehicles if each.about is not None)
    yield from (("site", each.id) for each in world.sites)
    yield from (("product", each.sku) for each in world.products)
    yield from (("profile", each.name) for each in world.profiles)


def names_of(world: World) -> list[str]:
    """What is registered for a world: `site/dc-1`."""
    return [f"{kind}/{name}" for kind, name in _things(world)]


def _do(registry: Registry, talk: Talk[T]) -> T | None:
    """Does it; None when there is no such thing."""
    try:
        return perform(registry.connection, registry.tenant_id, talk)
    except NothingThereError:
        return None


def remove(registry: Registry, world: World) -> None:
    """Retires all of a world, inside the caller's transaction: its tours are called off, its alerts resolved.

    What something else stands on by now (a shipment of one's own to one of its sites) stays.
    """
    now = datetime.now(UTC)
    take_goods_away(registry)
    take_orders_away(registry)
    take_stock_away(registry, world)
    _call_off(registry, world)
    _resolve(registry, world, now)
    for kind, name in _things(world):
        if kind not in ("device", "vehicle"):
            used = _rows(registry.connection, registry.tenant_id, "in_use", kind=kind, name=name)
            if used[0]["used"]:
                continue
        _do(registry, retire(KINDS[kind], name, ACTOR))


def bring_back(registry: Registry, world: World, passwords: dict[str, str]) -> None:
    """Restores what was retired of a world, inside the caller's transaction."""
    for kind, name in reversed(list(_things(world))):
        hashed = mosquitto_hash(passwords[f"{world.tenant}/{name}"]) if kind == "device" else None
        _do(registry, restore(KINDS[kind], name, ACTOR, password_hash=hashed))


def _rows(connection: psycopg.Connection[Any], tenant: int, query: str, **values: Any) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(queries("demo")[query], {"tenant": tenant, **values})
        return cursor.fetchall() if cursor.description else []


def _call_off(registry: Registry, world: World) -> None:
    names = [shipment.id for shipment in world.shipments]
    found = _rows(registry.connection, registry.tenant_id, "open_shipments", names=names)
    _rows(registry.connection, registry.tenant_id, "cancel_shipments", ids=[row["id"] for row in found])


def _resolve(registry: Registry, world: World, now: datetime) -> None:
    of = {"devices": [each.id for each in world.devices], "sites": [each.id for each in world.sites]}
    of["products"] = [each.sku for each in world.products]
    named = queries("operations")

    def execute(statement: Statement) -> list[dict[str, Any]]:
        with registry.connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(named[statement.query], {"tenant": registry.tenant_id, **statement.values})
            return cursor.fetchall() if cursor.description else []

    for row in _rows(registry.connection, registry.tenant_id, "open_alerts", **of):
        run(act(row["id"], Resolve(ACTOR, "the simulated fleet was removed"), now), execute)
