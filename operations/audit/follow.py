"""Follows the audit trail, and links each entry to the one before it."""

from __future__ import annotations

from collections.abc import Sequence

from domain.audit import START, Entry, Link, digest
from operations.follower import Source
from operations.unit_of_work import Row, Script, Statement


def link(rows: Sequence[Row]) -> Script[int]:
    """Links these entries, each to the chain of its tenant; one that is linked already is passed over."""
    linked = yield Statement("audit_linked", {"ids": [row["id"] for row in rows]})
    done = {row["audit_id"] for row in linked}
    fresh = [row for row in rows if row["id"] not in done]
    heads: dict[int, Link] = {}
    for row in (yield Statement("audit_heads", {"tenants": sorted({row["tenant_id"] for row in fresh})})):
        heads[row["tenant_id"]] = Link(row["n"], bytes(row["sha256"]))
    made: list[tuple[int, int, Link]] = []
    for row in fresh:
        last = heads.get(row["tenant_id"], Link(0, START))
        entry = Entry(*(row[name] for name in Entry._fields))
        head = heads[row["tenant_id"]] = Link(last.n + 1, digest(last.sha256, last.n + 1, entry))
        made.append((row["tenant_id"], row["id"], head))
    if made:
        tenants, ids, links = zip(*made, strict=True)
        values = {"ns": [each.n for each in links], "sha256s": [each.sha256 for each in links]}
        yield Statement("link_audit", {"tenants": list(tenants), "ids": list(ids), **values})
    return len(made)


ENTRIES = Source("audit chain", "audit_behind", link)
