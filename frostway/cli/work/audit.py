"""Proves the audit trail of a tenant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg

from domain.audit import Break, Entry, Link, first_break
from frostway.failure import Failure
from frostway.settings import Settings
from frostway.stack import find
from store.db import connect, queries
from store.registry import Registry

_HEAD = re.compile(r"(\d{1,18}):([0-9a-fA-F]{64})")


class Proof(NamedTuple):
    """How far the chain holds, where it does not, and how many entries are not in it yet."""

    end: Link
    broken: Break | None
    waiting: int


def verify(data: Path | None, settings: Settings, tenant: str, head: str | None) -> Proof:
    """The proof. With `head` (`N:SHA256`) the chain must have gone through it.

    Raises:
        Failure: `head` is none.
        UnknownTenantError: no such tenant.
    """
    wanted = _head_of(head)
    with connect(find(data, settings).database_url, "audit verify") as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        tenant_id = Registry(connection, tenant).tenant_id
        seen: dict[int, bytes] = {}
        with connection.transaction():
            waiting = connection.execute(queries("audit")["unlinked"], {"tenant": tenant_id}).fetchone()
            end, broken = first_break(_rows(connection, tenant_id, wanted.n if wanted else 0, seen))
    if broken is None and wanted is not None and seen.get(wanted.n) != wanted.sha256:
        broken = Break(wanted.n, "it is not the end that was written down")
    return Proof(end, broken, int(waiting[0]) if waiting else 0)


def _head_of(text: str | None) -> Link | None:
    if text is None:
        return None
    if (found := _HEAD.fullmatch(text.strip())) is None:
        raise Failure("--head: as `frostway audit verify` printed it, such as 120:9f86d081…")
    return Link(int(found[1]), bytes.fromhex(found[2]))


def _rows(
    connection: psycopg.Connection, tenant_id: int, kept: int, seen: dict[int, bytes]
) -> Iterator[tuple[Link, Entry | None]]:
    with connection.cursor(name="chain") as cursor:
        cursor.execute(queries("audit")["chain"], {"tenant": tenant_id})
        for n, sha256, *entry in cursor:
            if n == kept:
                seen[n] = bytes(sha256)
            yield Link(n, bytes(sha256)), Entry(*entry) if entry[0] is not None else None
