"""Connections to a test's database that are cut, as an administrator or a restart of the server would."""

from __future__ import annotations

import psycopg


def cut(database: str, application: str) -> int:
    """Ends the connections of programs whose name begins so, of this database alone: neighbours share the server."""
    with psycopg.connect(database, autocommit=True) as connection:
        return len(
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and starts_with(application_name, %s)",
                (application,),
            ).fetchall()
        )
