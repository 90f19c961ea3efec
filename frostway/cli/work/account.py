"""Accounts: make one, list them, change them, links to choose a password by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from domain.names import ACCOUNT_PATTERN
from frostway.cli.work.tables import print_table
from frostway.secrets import new_password
from frostway.settings import Settings
from frostway.stack import WHO, find
from serving.origins import public_origins
from store.db import connect
from store.people import INVITATION_LIFE, People
from store.registry import Registry, RegistryError
from store.secrets import new_token

NO_NAME = "{!r}: an account's name is letters, digits and . _ @ + -, at most 128 characters"


def ensure_admin(dsn: str, password: str = "") -> str:
    """Makes the account `admin` when there is none; returns the password it was given, empty when it was there.

    A given `password` is set in any case; without one a new account gets a random one.

    Raises:
        RegistryError: the given one is too short.
    """
    with connect(dsn, "admin account") as connection, connection.transaction():
        registry = Registry(connection)
        if not password and registry.has_account("admin"):
            return ""
        chosen = password or new_password()
        registry.set_password("admin", "admin", chosen)
    return chosen


def set_account(data: Path | None, settings: Settings, tenant: str, name: str, role: str, password: str) -> str:
    """An account with this password, a new one when it is empty; its sessions of before end. Returns the password.

    Raises:
        RegistryError: a name that is none, a password that is too short.
    """
    if not re.match(ACCOUNT_PATTERN, name):
        raise RegistryError(NO_NAME.format(name))
    chosen = password or new_password()
    with connect(find(data, settings).database_url, "account set") as connection, connection.transaction():
        Registry(connection, tenant).set_password(name, role, chosen)
    return chosen


def print_accounts(data: Path | None, settings: Settings, tenant: str) -> None:
    """A table of accounts."""
    with _people(data, settings, tenant, "account list") as (_, people):
        rows = [
            [p.name, p.role, p.state, f"{p.signed_in_at:%Y-%m-%d %H:%M:%SZ}" if p.signed_in_at else ""]
            for p in people.all()
        ]
    print_table(["account", "role", "state", "signed in"], rows, "No accounts yet.")


def invite(
    data: Path | None, settings: Settings, tenant: str, name: str, role: str, email: str | None
) -> tuple[str, datetime]:
    """A new person without a password; the link by which they choose one, and until when it is good.

    Raises:
        RegistryError: a name that is none, or is taken.
    """
    if not re.match(ACCOUNT_PATTERN, name):
        raise RegistryError(NO_NAME.format(name))
    with _people(data, settings, tenant, "account invite") as (registry, people):
        people.add(name, role, email)
        registry.audit(WHO, "account.create", name, role=role)
        return _link(data, settings, registry, people, name)


def new_link(data: Path | None, settings: Settings, tenant: str, name: str) -> tuple[str, datetime]:
    """A new link to choose a password; earlier ones open nothing more.

    Raises:
        RegistryError: there is nobody of this name, or they are shut out.
    """
    with _people(data, settings, tenant, "account link") as (registry, people):
        return _link(data, settings, registry, people, name)


def change(
    data: Path | None,
    settings: Settings,
    tenant: str,
    name: str,
    *,
    role: str | None = None,
    disabled: bool | None = None,
) -> None:
    """Another role, shut out, or let in again.

    Raises:
        RegistryError: there is nobody of this name, or no admin would be left.
    """
    with _people(data, settings, tenant, "account change") as (registry, people):
        old = people.find(name)
        was = (old.role, old.disabled_at is not None)
        now = (role or was[0], was[1] if disabled is None else disabled)
        if was != now:
            people.change(name, now[0], disabled=now[1])
            registry.audit(WHO, "account.change", name, role=[was[0], now[0]], disabled=[was[1], now[1]])


def remove(data: Path | None, settings: Settings, tenant: str, name: str) -> None:
    """Somebody is gone.

    Raises:
        RegistryError: there is nobody of this name, or no admin would be left.
    """
    with _people(data, settings, tenant, "account remove") as (registry, people):
        people.remove(name)
        registry.audit(WHO, "account.remove", name)


@contextmanager
def _people(data: Path | None, settings: Settings, tenant: str, what: str) -> Iterator[tuple[Registry, People]]:
    with connect(find(data, settings).database_url, what) as connection, connection.transaction():
        registry = Registry(connection, tenant)
        yield registry, People(connection, registry.tenant_id)


def _link(data: Path | None, settings: Settings, registry: Registry, people: People, name: str) -> tuple[str, datetime]:
    token, until = new_token(), datetime.now(UTC) + INVITATION_LIFE
    people.invite(name, token, WHO, until)
    registry.audit(WHO, "account.invite", name, expires_at=until)
    known = public_origins(settings.public_origin)
    stack = find(data, settings)
    return f"{known[0] if known else [*stack.network.get('http', ()), stack.http_url][0]}/join#{token}", until
