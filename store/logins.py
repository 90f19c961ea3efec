"""Passwords of the programs' logins, where programs sign in by password: everywhere but on the embedded server."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from psycopg import sql

LOGINS = ("frostway_web", "frostway_ingest", "frostway_tracker", "frostway_operations", "frostway_broker")
_SET = "alter role {} with login password {}"


def set_passwords(connection: psycopg.Connection, passwords: Mapping[str, str]) -> None:
    """Sets passwords of logins of `store/roles.sql`; what travels, and what a log could hold, is the SCRAM verifier."""
    for role, password in passwords.items():
        if role not in LOGINS:
            raise ValueError(f"{role} is not a login of ours")
        verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
        connection.execute(sql.SQL(_SET).format(sql.Identifier(role), sql.Literal(verifier)))
