"""Commands for bearer tokens: make one, list them, end one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex

from domain.names import NAME
from frostway.cli.work.tables import instant_text, print_table
from frostway.settings import Settings
from frostway.stack import WHO, find
from store.db import connect
from store.registry import Registry, RegistryError
from store.secrets import new_token, token_hash
from store.tokens import revoke_token as revoke
from store.tokens import tokens


def create_token(data: Path | None, settings: Settings, tenant: str, role: str, days: int, name: str | None) -> str:
    """A new bearer token; only its hash is kept. Its name stands in the audit trail; one is made up if need be.

    Raises:
        RegistryError: a name that is none, or that a token has which is still good.
    """
    if name is not None and not NAME.match(name):
        raise RegistryError(f"--name {name!r}: a name is a-z, 0-9, - and _, at most 64 characters, no - or _ first")
    token, chosen = new_token(), name or f"{role}-{token_hex(3)}"
    expires = datetime.now(UTC) + timedelta(days=days) if days else None
    with connect(find(data, settings).database_url, "token create") as connection, connection.transaction():
        registry = Registry(connection, tenant)
        registry.add_token(
            token_hash(token), kind="bearer", subject=f"token:{chosen}", role=role, expires_at=expires, unique=True
        )
        registry.audit(WHO, "token.create", f"token:{chosen}", role=role, expires_at=expires)
    return token


def print_tokens(data: Path | None, settings: Settings, tenant: str) -> None:
    """A table of tokens, the newest first; what they are is not kept."""
    with connect(find(data, settings).database_url, "token list") as connection:
        found = tokens(connection, Registry(connection, tenant).tenant_id)
    now = datetime.now(UTC)
    rows = []
    for t in found:
        made, expires, revoked = map(instant_text, (t.created_at, t.expires_at, t.revoked_at))
        rows.append([t.name, t.role, t.state(now), made, expires or "never", revoked])
    head = ["token", "role", "state", "made", "expires", "revoked"]
    print_table(head, rows, "No tokens yet: frostway token create --role viewer")


def revoke_token(data: Path | None, settings: Settings, tenant: str, name: str) -> bool:
    """The token of this name is good no more, from the next request on; False: it was revoked before.

    Raises:
        RegistryError: there never was one of this name.
    """
    with connect(find(data, settings).database_url, "token revoke") as connection, connection.transaction():
        registry = Registry(connection, tenant)
        changed = revoke(connection, registry.tenant_id, name)
        if changed:
            registry.audit(WHO, "token.revoke", f"token:{name}")
    return changed
