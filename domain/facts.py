"""Kinds of facts, declared once: columns, table, rule version, and what is told of a new word.

How a fact is written, superseded and taken back, how it is listed as of a moment, its history, its public shape and its
news follow from the declaration (`store/facts.py`, the tracker's engine, the API).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, NamedTuple, Protocol, TypeVar


class Fact(Protocol):
    """What all facts have; `id` 0: nobody has told it yet."""

    @property
    def id(self) -> int:
        """The same for all revisions."""

    @property
    def revision(self) -> int:
        """1 for the first word."""

    @property
    def retracted(self) -> bool:
        """It is no longer so."""


F = TypeVar("F", bound=Fact)


@dataclass(frozen=True)
class Column:
    """A column of a kind of fact.

    Args:
        name: in the table.
        type: PostgreSQL's name of it: int4, int8, float8, text, timestamptz.
        shown: the public name, when it is another; an empty one is not public.
        of: it is the key of such a thing (`vehicle`, `site`, `device`, `shipment`, `stop`, `probe`), shown by its name.
        null: there may be none, in public.
        stored: whether the table has it; else it is read only.
        read: where it is read from, when not from the fact: a thing of `of`, or `extra` (see `FactKind.extra`).
    """

    name: str
    type: str
    shown: str | None = None
    of: str = ""
    null: bool = False
    stored: bool = True
    read: str = ""

    @property
    def public(self) -> str:
        """The public name; empty for none."""
        return self.name if self.shown is None else self.shown


@dataclass(frozen=True)
class FactKind(Generic[F]):
    """A kind of fact.

    Args:
        name: in REST, feed and history.
        table: where its words stand.
        columns: beside id, revision, tenant_id, decided_at, superseded_at, rule_version and retracted, which all have;
            the public ones in the order of the public shape.
        start: column of when it began.
        end: column of when it ended, null while it lasts.
        owner: what lists them: the `of` of one of the columns.
        told: public names of what news say it is about; `what` stands for the column `kind`.
        rule_version: of the rule that decides it.
        schema: name of the public shape.
        about: what it is, in a sentence or two for the documents of the interface.
        path: of the list below its owner; empty when another resource has it.
        listed: the list in a sentence.
        extra: named part of `store/queries/history.sql` that joins what is read from `extra`; empty for none.
    """

    name: str
    table: str
    columns: tuple[Column, ...]
    start: str
    end: str
    owner: str
    told: tuple[str, ...]
    rule_version: int
    schema: str
    about: str
    path: str = ""
    listed: str = ""
    extra: str = ""

    @cached_property
    def stored(self) -> tuple[Column, ...]:
        """The columns that are written."""
        return tuple(c for c in self.columns if c.stored)

    @cached_property
    def public(self) -> tuple[Column, ...]:
        """The columns that are shown."""
        return tuple(c for c in self.columns if c.public)

    @property
    def owner_column(self) -> str:
        """The column with the owner's key."""
        return next(c.name for c in self.columns if c.of == self.owner)

    @property
    def has_kinds(self) -> bool:
        """Whether it has a column `kind`, to choose by."""
        return any(c.name == "kind" for c in self.stored)


AnyKind = FactKind[Any]


class Word(NamedTuple):
    """A word on a fact, to be written: `values` in the order of `FactKind.stored`, `about` in that of `FactKind.told`.

    Times of values are microseconds; begin and end those of the fact.
    """

    id: int
    revision: int
    tenant_id: int
    values: tuple[Any, ...]
    about: tuple[str | None, ...]
    start_us: int
    end_us: int
    retracted: bool = False
    rule_version: int = 0
    """Another one than the kind's; 0: the kind's."""
