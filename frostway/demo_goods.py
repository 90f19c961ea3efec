"""Goods of the simulated fleet: a pallet of vaccines, a part of which was used before, and a box of insulin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from psycopg.rows import dict_row

from domain.cold_chain.profile import Band, TemperatureProfile
from domain.epc import check_digit
from domain.handling_units.movements import Content, Kind, Movement, Place, RefusedError
from domain.times import to_us
from firmware_sim.model import World
from operations.goods.record import lock, tell
from operations.unit_of_work import Script, Statement, T, run
from store.db import queries
from store.profiles import add_profile
from store.registry import Registry

ACTOR = "demo"
PROFILE = "vaccine-demo"
WITH = 3, 1
"""The shipments that have them."""
ALLOWED = "out of 2 to 8 °C"
VACCINE = TemperatureProfile(
    2.0,
    8.0,
    (
        Band(ALLOWED, ">", 8.0, 3 * 3600.0, "cumulative", clear_c=0.0),
        Band("frost", "<", 0.0, 600.0),
    ),
    max_interval_s=300.0,
    accuracy_c=0.2,
    source="simulated",
)
LOTS = (
    ("VAC-118", "VACC-BOX", 0, None),
    ("VAC-097", "VACC-BOX", 6300, "1 h 45 min at the packing table, by its protocol"),
    ("INS-20", "INSULIN-10", 0, None),
)
"""Code, product, seconds used before, and how that is known."""


def bring_goods(registry: Registry, world: World, now: datetime) -> None:
    """Lots, and units on two trucks, of which one is warm at times; nothing where what they need is not there."""
    skus = {product.sku for product in world.products}
    if not {sku for _, sku, _, _ in LOTS} <= skus or len(world.shipments) <= max(WITH):
        return
    ask = _Ask(registry)
    _lots(registry, ask)
    serial = int(now.timestamp()) % 10**8 * 10
    pallet, one, two, box = (_sscc(serial + n) for n in range(4))
    first, second = (_aboard(ask, each.id, each.vehicle) for each in (world.shipments[n] for n in WITH))
    begun = [
        _moved(serial, 1, "commission", now, pallet, place=first),
        _moved(serial, 2, "commission", now, one, [Content("VAC-118", Fraction(24))], first),
        _moved(serial, 3, "commission", now, two, [Content("VAC-097", Fraction(12))], first),
        _moved(serial, 4, "pack", now, pallet, others=(one, two)),
        _moved(serial, 5, "commission", now, box, [Content("INS-20", Fraction(40))], second),
    ]
    ask.do(lock())
    ask.do(tell(begun, {}, ACTOR))


def take_goods_away(registry: Registry) -> None:
    """Units of the simulated fleet that are open end."""
    ask, now = _Ask(registry), datetime.now(UTC)
    ask.do(lock())
    for n, row in enumerate(ask.rows("open_units_by", by=ACTOR)):
        with suppress(RefusedError):
            end = Movement(f"demo-end-{to_us(now)}-{n}", "close", to_us(now), row["code"])
            ask.do(tell([end], {}, ACTOR))


class _Ask:
    """Queries of goods, of one tenant, inside the caller's transaction."""

    def __init__(self, registry: Registry) -> None:
        self._connection, self._tenant = registry.connection, registry.tenant_id

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(queries("handling")[query], {"tenant": self._tenant, **values})
            return cursor.fetchall() if cursor.description else []

    def do(self, script: Script[T]) -> T:
        def execute(statement: Statement) -> Sequence[Mapping[str, Any]]:
            return self.rows(statement.query, **statement.values)

        return run(script, execute)


def _lots(registry: Registry, ask: _Ask) -> None:
    if not ask.rows("profile_named", name=PROFILE):
        add_profile(registry.connection, registry.tenant_id, PROFILE, VACCINE, ACTOR)
    profile = ask.rows("profile_named", name=PROFILE)[0]["id"]
    for code, sku, used_s, reason in LOTS:
        if ask.rows("lots", after="", name=code, search=None, limit=1):
            continue
        product = ask.rows("product_of_lot", sku=sku)[0]["id"]
        used = f'{{"{ALLOWED}": {used_s}}}' if used_s else "{}"
        nothing = dict.fromkeys(("quantity", "made_at", "best_before", "kinetic"))
        ask.rows(
            "put_lot", id=code, product=product, profile=profile, used_before=used, reason=reason, by=ACTOR, **nothing
        )


def _aboard(ask: _Ask, shipment: str, vehicle: str) -> Place:
    """With the shipment while it is there and open, else on its vehicle."""
    rows = ask.rows("places_by_name", vehicles=[vehicle], shipments=[shipment], devices=[], sites=[])
    found = {row["kind"]: row["id"] for row in rows}
    kind: Any = "shipment" if "shipment" in found and ask.rows("going", id=found["shipment"]) else "vehicle"
    return Place(kind, str(found[kind]))


def _moved(
    serial: int,
    n: int,
    kind: Kind,
    now: datetime,
    unit: str,
    contents: Sequence[Content] = (),
    place: Place | None = None,
    others: tuple[str, ...] = (),
) -> Movement:
    at_us = to_us(now) // 1000 * 1000
    return Movement(f"demo-{serial}-{n}", kind, at_us, unit, others, tuple(contents), place)


def _sscc(serial: int) -> str:
    digits = f"09521234{serial:09d}"
    return digits + str(check_digit(digits))
