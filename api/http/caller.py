"""Who has been let in, and what they may."""

from __future__ import annotations

from dataclasses import dataclass

from domain.permissions import Permission


@dataclass(frozen=True)
class Caller:
    """The holder of a good token."""

    token_id: int
    tenant_id: int
    tenant: str
    user: str
    role: str
    by_cookie: bool
    may: frozenset[Permission]
