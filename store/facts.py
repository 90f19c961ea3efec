"""Statements for a kind of fact, from its declaration and the templates in `store/queries`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import psycopg

from domain.facts import AnyKind, Word
from domain.times import to_us
from store.arrays import arrays
from store.db import queries

# what a column is the key of -> table, column of the name, whether it is of a tenant
NAMED = {
    "vehicle": ("vehicle", "name", True),
    "site": ("site", "name", True),
    "device": ("device", "name", True),
    "shipment": ("shipment", "name", True),
    "stop": ("stop", "name", True),
    "probe": ("label", "text", False),
}


FITS = ("fits", "fleets", "models", "drivers", "fuel_types", "tags")
"""What a vehicle may be asked to be; `fits` is null when it is not."""


@cache
def listing(kind: AnyKind) -> str:
    """Facts of an owner as known at a moment (none: now), or all words on one fact, by page.

    Parameters: tenant, id, owner, kind, as_of, since, until, after, after_at, limit, and what its vehicle was (`FITS`).
    """
    columns, joins = [], []
    for column in kind.public:
        if column.of:
            table, name, of_tenant = NAMED[column.of]
            join = "join" if column.of == kind.owner else "left join"
            same_tenant = f" and {column.of}.tenant_id = f.tenant_id" if of_tenant else ""
            joins.append(f"{join} {table} {column.of} on {column.of}.id = f.{column.name}{same_tenant}")
            columns.append(f"{column.of}.{name} as {column.public}")
        else:
            columns.append(f"{column.read or 'f'}.{column.name} as {column.public}")
    parts = queries("history")
    known = {word: parts["known_at"].strip().replace("fact.", f"{word}.") for word in ("f", "x")}
    if kind.extra:
        joins.append(parts[kind.extra].format(known=known["x"]))
    chosen = " and (%(kind)s::text is null or f.kind = %(kind)s)" if kind.has_kinds else ""
    if kind.owner == "vehicle":
        chosen += " and " + parts["fits"].format(start=kind.start).strip()
    return parts["facts"].format(
        columns=", ".join(columns),
        table=kind.table,
        joins="\n".join(joins),
        owner=kind.owner_column,
        chosen=chosen,
        known=known["f"],
        start=kind.start,
        end=kind.end,
    )


@cache
def _put(kind: AnyKind) -> str:
    names = ["id", "revision", "tenant_id", *(c.name for c in kind.stored), "decided_at", "rule_version"]
    types = ["int8", "int4", "int4", *(c.type for c in kind.stored), "timestamptz", "int4", "int4"]
    return queries("facts")["put"].format(
        table=kind.table,
        columns=", ".join(names),
        arrays=", ".join(f"%s::{t}[]" for t in types),
    )


def write(cursor: psycopg.Cursor, kind: AnyKind, words: Sequence[Word], now_us: int) -> list[tuple[int, int]]:
    """Writes words on facts of one kind, each fact once; the word before ends at the moment the new one begins.

    Three statements, however many words. Returns id and time of decision of each: never before what it supersedes.
    """
    if not words:
        return []
    text = queries("facts")
    decided_us: dict[int, int] = {}
    if old := [w.id for w in words if w.id]:
        statement = text["supersede"].format(table=kind.table)
        ended = cursor.connection.execute(statement.encode(), arrays(statement, (old, [now_us] * len(old))))
        decided_us = {int(i): to_us(at) for i, at in ended}
    fresh: Iterator[int] = iter(())
    if new := sum(not w.id for w in words):
        drawn = cursor.connection.execute(text["new_ids"].format(table=kind.table).encode(), (new,))
        fresh = iter([int(i) for (i,) in drawn])
    told = [(w.id or next(fresh), decided_us.get(w.id, now_us)) for w in words]
    rows = [
        (i, w.revision, w.tenant_id, *w.values, at, w.rule_version or kind.rule_version, int(w.retracted))
        for w, (i, at) in zip(words, told, strict=True)
    ]
    statement = _put(kind)
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    cursor.execute(statement.encode(), arrays(statement, columns))
    return told
