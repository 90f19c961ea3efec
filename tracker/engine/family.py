"""What a family of facts is to the engine, and what the engine is to a family."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, TypeVar

import psycopg

from domain.facts import AnyKind, Fact
from domain.folds.scan import NEVER
from domain.readings import Batch
from domain.times import rfc3339
from store.tracking import TrackingStore
from tracker.config import TrackerConfig
from tracker.engine.checkpoints import Refold
from tracker.engine.late import LateWork
from tracker.engine.registry import Registry
from tracker.engine.step import Step

M = TypeVar("M", bound="Family")


@dataclass
class Engine:
    """What families stand on. The registry is another object whenever it was read anew."""

    store: TrackingStore
    config: TrackerConfig
    owned: Callable[[], Sequence[int]]
    """Partitions that are ours."""
    clock: Callable[[], int]
    """Microseconds since 1970."""
    listening_since_us: int = 0
    late: LateWork = field(default_factory=LateWork)
    families: list[Family] = field(default_factory=list)
    _registry: Registry | None = None

    @property
    def registry(self) -> Registry:
        """The registry as it is known now."""
        if self._registry is None:
            raise LookupError("the registry has not been read")
        return self._registry

    @registry.setter
    def registry(self, registry: Registry) -> None:
        self._registry = registry

    def family(self, kind: type[M]) -> M:
        """One of the families."""
        return next(f for f in self.families if isinstance(f, kind))


class Family:
    """A family of facts: what readings of some streams say of one kind of thing.

    `step` and what it calls decide in memory; `write` puts the decisions into the one transaction of the step, in bulk:
    the number of statements does not grow with the number of facts. When a transaction fails, memory is thrown away and
    `load`ed anew, so a family need not undo anything.
    """

    name: ClassVar[str]
    streams: ClassVar[tuple[str, ...]] = ()
    """Whose readings it wants."""
    after: ClassVar[tuple[str, ...]] = ()
    """Families whose decisions of the same step it reads; they come before it."""
    kinds: ClassVar[tuple[AnyKind, ...]] = ()
    """What it decides."""
    lanes: ClassVar[tuple[str, ...]] = ()
    """Kinds of entities that a late reading lets it fold again."""

    def __init__(self, engine: Engine) -> None:
        """Reads nothing yet."""
        self.engine = engine

    # ------------------------------------------------------------ beginning
    def before_registry(self) -> None:
        """The registry is about to be read: what it must have by then is to be looked up now."""

    def load(self) -> None:
        """Reads its state from the store."""

    def unreadable(self) -> Iterable[tuple[str, int]]:
        """Lanes and entities whose carry another version of the rules wrote: they are folded again."""
        return ()

    def registry_read(self) -> bool:
        """The registry is another than before. Returns whether it is to be read again soon."""
        return False

    def close(self) -> None:
        """It is over: what it holds beside memory is let go."""

    # ------------------------------------------------------------ readings
    def prepare(self, streams: Collection[str], step: Step) -> None:
        """A step begins, about readings of these streams: what is to be seen as it was before is to be looked at."""

    def step(self, batches: dict[str, Batch], step: Step) -> None:
        """Folds the batches of its streams that are there; one with other flags may take the place of a batch.

        Late rows are marked in `step.late`. Called without batches too, for what families before it have decided.
        """

    def refold(self, lane: str, entity: int, since: datetime, horizon: datetime) -> Refold | None:
        """The way of an entity from a checkpoint before `since`, else from `horizon`, to now; None for a stranger."""
        del lane, entity, since, horizon
        return None

    def newest_us(self, lane: str, entity: int) -> int | None:
        """Event time of an entity's newest reading; None when it has none."""
        del lane, entity
        return None

    def write(self, cursor: psycopg.Cursor, step: Step) -> None:
        """Its rows and facts of a step, in a constant number of statements."""

    # ------------------------------------------------------------ the clock
    def due(self, now_us: int, monotonic_s: float, *, now: bool = False) -> bool:
        """Whether the clock has something to decide; all that waits for its turn, for `now`."""
        del now_us, monotonic_s, now
        return False

    def tick(self, step: Step) -> bool:
        """What the clock decides. Returns whether there may be more to decide at once."""
        del step
        return False

    def spent(self, monotonic_s: float, seconds: float) -> None:
        """So long a tick of it took."""

    def keep_house(self, now: datetime) -> None:
        """Every half minute: what others did is looked at."""

    # ------------------------------------------------------------ proof
    def verifiable(self, tenant_id: int, vehicle_id: int | None) -> Iterator[tuple[str, int]]:
        """Lanes and entities of a tenant (of one vehicle) that have readings to derive facts from."""
        del tenant_id, vehicle_id
        return iter(())

    def check(self, step: Step) -> None:
        """Adds to a step what follows for it from families before it, when an entity was derived again for proof."""

    def title(self, kind: AnyKind, fact: Fact) -> str:
        """A fact in a few words, for proof."""
        del fact
        return kind.name

    def span(self, kind: AnyKind, fact: Fact) -> tuple[int, int]:
        """When a fact begins and ends."""
        del kind
        return getattr(fact, "start_us", 0), getattr(fact, "end_us", NEVER)


def differences(families: Sequence[Family], step: Step) -> Iterator[str]:
    """One line for each fact of a step that was derived for proof."""
    for family in families:
        for kind in family.kinds:
            for fact in step.facts(kind):
                start_us, end_us = family.span(kind, fact)
                span = f"{rfc3339(start_us)} to {rfc3339(end_us) if end_us != NEVER else 'now'}"
                what = family.title(kind, fact)
                if fact.retracted:
                    yield f"{what}: fact {fact.id} ({span}) stands, the readings do not give it"
                else:
                    stands = f"fact {fact.id} stands otherwise" if fact.id else "nothing stands"
                    yield f"{what}: the readings give {span}, {stands}"


def fact_kinds(families: Iterable[type[Family]]) -> tuple[AnyKind, ...]:
    """The kinds of facts that families decide, in order."""
    return tuple(kind for family in families for kind in family.kinds)


def build(engine: Engine, families: Sequence[type[Family]]) -> None:
    """Puts families on an engine.

    Raises:
        ValueError: one stands before another that it comes `after`, or two decide the same.
    """
    for place, family in enumerate(families):
        if missing := set(family.after) - {f.name for f in families[:place]}:
            raise ValueError(f"{family.name} comes after {', '.join(sorted(missing))}: put it behind")
    names = [f.name for f in families]
    lanes = [lane for f in families for lane in f.lanes]
    for declared in (names, lanes, [kind.name for kind in fact_kinds(families)]):
        if twice := {name for name in declared if declared.count(name) > 1}:
            raise ValueError(f"declared twice: {', '.join(sorted(twice))}")
    engine.families = [family(engine) for family in families]
