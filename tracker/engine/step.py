"""One step of the tracker: what the families decide in it, handed from one to the next, and written together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, cast

import orjson

from domain.changes import COLUMNS
from domain.facts import F, FactKind
from domain.folds.scan import NEVER
from domain.times import from_us, rfc3339

P = TypeVar("P")
R = TypeVar("R")
DAY_US = 86_400_000_000
MANY = 32  # objects of a tenant whose changes are written as columns


def instant(us: int | None) -> datetime | None:
    """A time for the database; None for none and for `NEVER`."""
    return None if us is None or us == NEVER else from_us(us)


def text(us: int | None) -> str | None:
    """A time for people; None for none and for `NEVER`."""
    return None if us is None or us == NEVER else rfc3339(us)


def known(value: float) -> float | None:
    """A number, or None for NaN and infinities."""
    return value if value == value and abs(value) != float("inf") else None  # noqa: PLR0124


def each_once(rows: Sequence[R], key: Callable[[R], int]) -> Iterator[Sequence[R]]:
    """Rows in order, in groups that have each key once, 0 aside: one group nearly always, for one statement.

    >>> [list(group) for group in each_once([1, 2, 0, 0, 1, 3], lambda n: n)]
    [[1, 2, 0, 0], [1, 3]]
    """
    begin, seen = 0, set[int]()
    for at, row in enumerate(rows):
        if (found := key(row)) and found in seen:
            yield rows[begin:at]
            begin, seen = at, set()
        seen.add(found)
    if begin < len(rows):
        yield rows[begin:]


class Checkpoint(NamedTuple):
    """Carries to be kept, of entities of one lane."""

    lane: str
    entity: Sequence[int]
    at_us: Sequence[int]
    carry: Sequence[bytes]


class Late(NamedTuple):
    """An entity that got a late reading: to be folded again from `since` by whoever owns its partition."""

    lane: str
    entity: int
    partition: int
    since: datetime


@dataclass
class Step:
    """What is decided in one step. Families keep what is theirs alone in `part`."""

    now_us: int
    horizon_us: int = 30 * DAY_US
    """How far back of an entity's newest reading a late one still decides something."""
    late: list[Late] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    forgotten: list[tuple[str, int, datetime]] = field(default_factory=list)
    """Lanes and entities whose checkpoints since a time no longer hold."""
    changes: dict[int, dict[str, dict[str, dict[str, Any]]]] = field(default_factory=dict)
    """By tenant, topic and name."""
    columns: dict[int, dict[str, dict[str, list[Any]]]] = field(default_factory=dict)
    """Merges of many objects at once, before those of `changes`: by tenant and topic their names (`id`) and fields."""
    _facts: dict[str, list[Any]] = field(default_factory=dict)
    _parts: dict[type, Any] = field(default_factory=dict)

    def facts(self, kind: FactKind[F]) -> list[F]:
        """The facts of a kind that are new or others than before; to be added to."""
        return cast("list[F]", self._facts.setdefault(kind.name, []))

    def part(self, kind: type[P]) -> P:
        """What one family decides beside facts; later ones read it, as far as they come `after` it."""
        if kind not in self._parts:
            self._parts[kind] = kind()
        return cast("P", self._parts[kind])

    def change(self, tenant_id: int, topic: str, name: str, op: str, data: dict[str, Any]) -> None:
        """One object has changed; several changes of it in one step become one."""
        topics = self.changes.setdefault(tenant_id, {})
        found = topics.setdefault(topic, {}).get(name)
        if found is not None and op == "merge" and found["op"] in ("merge", "put"):
            found["data"].update(data)
        else:
            topics[topic][name] = {"id": name, "op": op, "data": data}

    def change_many(self, topic: str, tenants: list[int], names: list[str], fields: Mapping[str, list[Any]]) -> None:
        """The same fields of many objects have changed; as `change` with "merge" for each."""
        rows: dict[int, list[int]] = defaultdict(list)
        for i, tenant_id in enumerate(tenants):
            rows[tenant_id].append(i)
        columns = {"id": names, **fields}
        for tenant_id, of in rows.items():
            told = topic in self.columns.get(tenant_id, ()) or topic in self.changes.get(tenant_id, ())
            if told or len(of) < MANY:
                for i in of:
                    self.change(tenant_id, topic, names[i], "merge", {n: column[i] for n, column in fields.items()})
                continue
            theirs = columns if len(of) == len(names) else {n: [column[i] for i in of] for n, column in columns.items()}
            self.columns.setdefault(tenant_id, {})[topic] = theirs

    def bodies(self) -> Iterable[tuple[int, bytes]]:
        """Tenant and JSON text of its changes."""
        for tenant_id in {**self.changes, **self.columns}:
            body: dict[str, Any] = {t: list(found.values()) for t, found in self.changes.get(tenant_id, {}).items()}
            if tenant_id in self.columns:
                body[COLUMNS] = self.columns[tenant_id]
            yield tenant_id, orjson.dumps(body)
