"""What the goods of shipments have seen, told when it is something else than was told last.

Readings, excursions, calls and corrected assignments say of which shipments there is news; the clock says when a probe
has been silent for too long. What is told is what the API would answer at that moment, by the same query, so it is
right for late data too. It is asked for a few shipments at a time, the longest waiting first, and takes a small share
of the tracker's time: with thousands of shipments under way it is told less often.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import islice
from typing import NamedTuple

import psycopg

from domain.goods import Verdict, verdict
from domain.times import from_us, to_us
from store import goods, handling
from tracker.engine.registry import Registry
from tracker.engine.step import Step
from tracker.shipments import budgets
from tracker.shipments.exposure import expose
from tracker.shipments.rows import ShipmentRows

PACE_S = 5.0  # news of this long are told at once
FEW = 8  # shipments at once
SHARE = 0.05  # of the tracker's time
OVERDUE_MAX = 100  # units that are looked at again at once
ASKED_MAX = 1_000  # devices whose shipments are looked up at once
RECENT = timedelta(days=1)  # a snapshot holds shipments delivered not longer ago


class Known(NamedTuple):
    """A shipment of which something was told."""

    tenant_id: int
    name: str
    over: bool
    reported: Verdict | None = None
    silent_us: int | None = None
    """From when on it has a gap if nothing more comes; None when that changes nothing."""


class Goods:
    """Shipments of which there is news, and what was told of them."""

    def __init__(self) -> None:
        self._devices: dict[int, None] = {}
        self._vehicles: dict[int, None] = {}
        self._shipments: dict[int, None] = {}
        self._waiting: dict[int, None] = {}
        self._known: dict[int, Known] = {}
        self._look_at = self._tell_at = self._overdue_at = 0.0
        self._units = False

    def observe(self, devices: Iterable[int] = (), vehicles: Iterable[int] = (), shipments: Iterable[int] = ()) -> None:
        """There is news of these shipments, of what is on these vehicles, or was carried with these devices."""
        self._shipments |= dict.fromkeys(shipments)
        self._devices |= dict.fromkeys(devices)
        self._vehicles |= dict.fromkeys(vehicles)

    def due(self, connection: psycopg.Connection, now_us: int, monotonic_s: float, *, now: bool = False) -> bool:
        """Whether something is to be told now; once a while, or `now`, it is looked for."""
        if now or monotonic_s >= self._look_at:
            self._look_at = monotonic_s + PACE_S
            self._look(connection, now_us)
            if now or monotonic_s >= self._overdue_at:
                self._overdue_at = monotonic_s + budgets.OVERDUE_S
                handling.overdue(connection, from_us(now_us) - budgets.OVERDUE, OVERDUE_MAX)
            self._units = handling.are_stale(connection)
        return (bool(self._waiting) or self._units) and (now or monotonic_s >= self._tell_at)

    def _look(self, connection: psycopg.Connection, now_us: int) -> None:
        self._waiting |= {i: None for i, k in self._known.items() if k.silent_us and k.silent_us < now_us}
        devices, vehicles = _some(self._devices, ASKED_MAX), _some(self._vehicles, ASKED_MAX)
        if devices:
            handling.beside(connection, devices, from_us(now_us) - budgets.CLOSED)
        shipments = _some(self._shipments, ASKED_MAX)
        if devices or vehicles or shipments:
            self._take_up(connection, devices, vehicles, shipments, now_us)

    def _take_up(
        self,
        connection: psycopg.Connection,
        devices: Sequence[int],
        vehicles: Sequence[int],
        shipments: Sequence[int],
        now_us: int,
    ) -> None:
        """Shipments that these speak of wait to be told."""
        recent = from_us(now_us) - RECENT
        for i, tenant_id, name, over in goods.carried_by(connection, devices, vehicles, shipments, recent):
            known = self._known.get(i) or Known(tenant_id, name, over)
            self._known[i] = known._replace(name=name, over=over)
            self._waiting[i] = None

    def tell(self, connection: psycopg.Connection, registry: Registry, step: Step) -> None:
        """Tells of a few units and shipments what is something else than was told. Inside the transaction."""
        if self._units:
            found = budgets.assess(connection, registry, from_us(step.now_us))
            self._units = handling.are_stale(connection)
            self._take_up(connection, [], [], found, step.now_us)
        by_tenant: dict[int, list[int]] = {}
        for i in _some(self._waiting, FEW):
            by_tenant.setdefault(self._known[i].tenant_id, []).append(i)
        for tenant_id, shipments in by_tenant.items():
            told = step.part(ShipmentRows)
            told.judged |= dict.fromkeys(shipments, tenant_id)
            told.failing += expose(connection, registry, tenant_id, shipments, from_us(step.now_us))
            rows = goods.temperatures(connection, tenant_id, shipments, from_us(step.now_us))
            units = handling.of_shipments(connection, tenant_id, shipments)
            for i in shipments:
                row, known = rows.get(i), self._known[i]
                earlier = verdict(row, units.get(i, ()))
                if earlier != known.reported:
                    step.change(tenant_id, "shipments", known.name, "merge", {"temperature": earlier})
                silent_us = to_us(row["silent_at"]) if row and earlier["verdict"] == "in_range" else None
                self._known[i] = known._replace(reported=earlier, silent_us=silent_us)
                if known.over:
                    del self._known[i]

    def spent(self, monotonic_s: float, seconds: float) -> None:
        """So much time went into telling: the next few wait for their share."""
        self._tell_at = monotonic_s + seconds / SHARE


def _some(of: dict[int, None], most: int) -> list[int]:
    """Takes out the first few."""
    taken = list(islice(of, most))
    for key in taken:
        del of[key]
    return taken
