"""Views that dashboards of others read, and the login of a tenant for them."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import LiteralString

import psycopg
from psycopg import sql

from store.db import queries
from store.kpis import FACTS, statement

_PARAMETER = re.compile(r"%\((\w+)\)s")
_SAYS = {
    "tenant": "report.tenant()",
    "as_of": "now()",
    "since": "(current_date - 400)",
    "until": "(current_date + 1)",
}
_GROUP = "frostway_report"


def views() -> LiteralString:
    """`store/report.sql` with the facts of all figures."""
    facts = "\nunion all\n".join(
        _PARAMETER.sub(lambda each: _SAYS[each[1]], statement("reported", kpi)) for kpi in FACTS
    )
    text = files("store").joinpath("report.sql").read_text("utf-8")
    return text.replace("/*kpi_facts*/", facts.strip())


def put_login(connection: psycopg.Connection, tenant_id: int, password: str) -> str:
    """The login of a tenant for its views, with a password in the place of the one before; its name."""
    name = f"{_GROUP}_{tenant_id}"
    q = queries("schema")
    with connection.transaction():
        if connection.execute(q["has_role"], {"role": name}).fetchone() is None:
            connection.execute(sql.SQL(q["add_report_login"]).format(sql.Identifier(name)))
        verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
        connection.execute(sql.SQL(q["put_report_login"]).format(sql.Identifier(name), sql.Literal(verifier)))
    return name


def drop_login(connection: psycopg.Connection, tenant_id: int) -> bool:
    """The login is no more; whether there was one."""
    name, q = f"{_GROUP}_{tenant_id}", queries("schema")
    if connection.execute(q["has_role"], {"role": name}).fetchone() is None:
        return False
    connection.execute(sql.SQL(q["drop_report_login"]).format(sql.Identifier(name)))
    return True
