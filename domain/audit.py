"""The audit trail as a chain: each entry holds the one before it, so that what is changed afterwards is found."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import orjson

from domain.times import to_us

START = bytes(32)


class Entry(NamedTuple):
    """What somebody did: `detail` is the text of its JSON as the database gives it."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: str


class Link(NamedTuple):
    """An entry's place in the chain of its tenant, from 1, and the SHA-256 of all up to it."""

    n: int
    sha256: bytes


class Break(NamedTuple):
    """Where a chain does not hold, and why."""

    n: int
    why: str


def digest(prev: bytes, n: int, entry: Entry) -> bytes:
    """SHA-256 of the digest before and the JSON array `[n, id, at in microseconds, actor, action, subject, detail]`."""
    text = orjson.dumps([n, entry.id, to_us(entry.at), entry.actor, entry.action, entry.subject, entry.detail])
    return hashlib.sha256(prev + text).digest()


def first_break(rows: Iterable[tuple[Link, Entry | None]]) -> tuple[Link, Break | None]:
    """The end of a chain that holds, else as far as it holds and where it does not. `None` is an entry that is gone."""
    last = Link(0, START)
    for link, entry in rows:
        if link.n != last.n + 1:
            return last, Break(last.n + 1, "it is missing in the chain")
        if entry is None:
            return last, Break(link.n, "the entry is gone")
        if digest(last.sha256, link.n, entry) != link.sha256:
            return last, Break(link.n, f"entry {entry.id} ({entry.action} by {entry.actor}) is not what was chained")
        last = link
    return last, None
