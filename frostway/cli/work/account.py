"""Accounts: make one, list them."""

from __future__ import annotations

import re
from pathlib import Path

from frostway.cli.work.tables import print_table
from frostway.secrets import new_password
from frostway.settings import Settings
from frostway.stack import find
from store.db import connect
from store.registry import Registry, RegistryError

ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")


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
    if not ACCOUNT.fullmatch(name):
        raise RegistryError(f"{name!r}: an account's name is letters, digits and . _ @ + -, at most 128 characters")
    chosen = password or new_password()
    with connect(find(data, settings).database_url, "account set") as connection, connection.transaction():
        Registry(connection, tenant).set_password(name, role, chosen)
    return chosen


def print_accounts(data: Path | None, settings: Settings, tenant: str) -> None:
    """A table of accounts."""
    with connect(find(data, settings).database_url, "account list") as connection:
        found = Registry(connection, tenant).accounts()
    print_table(["account", "role"], [list(row) for row in found], "No accounts yet.")
