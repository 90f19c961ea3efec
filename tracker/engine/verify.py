"""Proof after the fact: what the stored readings say, derived anew by the same code, against the facts that stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from domain.times import from_us
from store.link import Link
from store.tracking import TrackingStore
from tracker.config import TrackerConfig
from tracker.engine.family import Engine, Family, build, differences
from tracker.engine.registry import Registry
from tracker.engine.step import Step


@dataclass
class Verdict:
    """What was derived anew: entities by lane, and one line for each fact that does not agree."""

    checked: dict[str, int] = field(default_factory=dict)
    waiting: int = 0
    """Entities with late readings that are to be folded again anyway."""
    differences: list[str] = field(default_factory=list)


class Verifier:
    """Reads one consistent picture of the database and derives its facts again. Writes nothing."""

    def __init__(self, link: Link, config: TrackerConfig, families: Sequence[type[Family]]) -> None:
        """`link` is in a transaction that sees one picture; `config` as the tracker has it."""
        self._store = TrackingStore(link)
        self._engine = Engine(self._store, config, lambda: [0], lambda: 0)
        build(self._engine, families)
        self._engine.registry = Registry.load(self._store, 1)
        for family in self._engine.families:
            family.load()
        self._waiting = {(str(kind), int(entity)) for kind, entity in self._store.rows("all_dirty")}

    def entities(self, tenant: str, vehicle: str | None) -> list[tuple[str, int]]:
        """Lanes and entities of a tenant that have readings; those of one vehicle when it is named.

        Raises:
            LookupError: no such tenant.
        """
        tenant_id = next((int(key) for (key,) in self._store.rows("tenant", tenant)), 0)
        if not tenant_id:
            raise LookupError(tenant)
        mine = {of.name: v for v, of in self._engine.registry.vehicles.items() if of.tenant_id == tenant_id}
        if vehicle is not None and vehicle not in mine:
            return []
        vehicle_id = None if vehicle is None else mine[vehicle]
        return [found for family in self._engine.families for found in family.verifiable(tenant_id, vehicle_id)]

    def check(self, lane: str, entity: int, since: datetime | None, verdict: Verdict) -> None:
        """Derives the facts of an entity again: all of them, or those since the checkpoint before a time."""
        verdict.checked[lane] = verdict.checked.get(lane, 0) + 1
        if (lane, entity) in self._waiting:
            verdict.waiting += 1
            return
        family = next(f for f in self._engine.families if lane in f.lanes)
        refold = family.refold(lane, entity, since or from_us(0), from_us(0))
        if refold is None:
            return
        while refold.advance():
            pass
        step = Step(0)
        refold.finish(step)
        for each in self._engine.families:
            each.check(step)
        verdict.differences += differences(self._engine.families, step)
