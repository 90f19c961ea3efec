"""Whether the tests would notice: each guard is taken away once, and the matrix has to say so.

Guards of the database alone (policies, grants, views) are taken away in `tests/integration/test_roles_catalogue.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Annotated, Any
from unittest.mock import patch

import pytest
from fastapi import Depends

from api.database import Database
from api.http import auth
from api.http.auth import Needs
from api.http.caller import Caller
from domain.permissions import Permission
from store.db import queries
from tests.integration.api.seed import client, serving
from tests.security.probes import Judge, operations, probes
from tests.security.worlds import Tenants

ROOMS = ("api", "registry", "vehicles", "lifecycle", "deliver", "quarantine", "operations", "alerts", "live")
TABLES = ("site", "vehicle", "device", "product", "profile", "driver", "shipment", "quarantine", "receiver",
          "alert device label", "stock_level site product zone")  # fmt: skip
"""Those whose rows are found through others' rows go with them."""
_PREDICATE = re.compile(r"\b(?:\w+\.)?tenant(?:_id)? = (?:%\(tenant(?:_name)?\)s|current_tenant\(\)|\w+\.tenant_id)")


@pytest.fixture
def tenants(database: str) -> Iterator[Tenants]:
    found = Tenants(database)
    yield found
    found.close()


def faults(tenants: Tenants, *, first: bool = False) -> list[str]:
    """What the matrix says of reading, and of the addresses of single things; `first`: until it says anything."""
    judge = Judge(tenants)
    with serving(tenants.dsn, request_rate=0) as url:
        for role in ("viewer", "admin"):
            with client(url, tenants.tokens[role]) as api:
                for operation in operations():
                    if first and judge.faults:
                        break
                    if operation.method in ("GET", "DELETE"):
                        for probe in probes(operation, tenants.ids, deep=False):
                            if probe.whose != "junk":
                                judge.look(role, probe, probe.ask(api))
    return judge.faults


@contextmanager
def whoever_is_signed_in_may_all(_tenants: Tenants) -> Iterator[None]:
    """The permission of a route is not asked."""

    async def call(self: Needs, request: Any, found: Annotated[Caller, Depends(auth.caller)]) -> Caller:
        del self, request
        return found

    with patch.object(Needs, "__call__", call):
        yield


def everybody_has_all_permissions(_tenants: Tenants) -> Any:
    """A role is given what the table does not give it."""
    return patch.object(auth, "granted", lambda *_: frozenset(Permission))


def the_role_is_forgotten(_tenants: Tenants) -> Any:
    """Everybody is taken for an admin."""
    return patch.object(auth, "granted", lambda *_: frozenset(Permission) - {Permission.READ})


@contextmanager
def the_tenant_is_mistaken(tenants: Tenants) -> Iterator[None]:
    """Whoever asks is taken for somebody of the other tenant."""
    original = auth.who

    async def who(*words: Any, **options: Any) -> Caller | None:
        found = await original(*words, **options)
        return None if found is None else replace(found, tenant_id=tenants.other.tenant_id)

    with patch.object(auth, "who", who):
        yield


@contextmanager
def a_pooled_connection_keeps_its_tenant(tenants: Tenants) -> Iterator[None]:
    """The tenant of a transaction is that of whoever had the connection before."""
    original = Database.become

    async def become(self: Database, session: Any, tenant_id: int) -> Any:
        del tenant_id
        return await original(self, session, tenants.other.tenant_id)

    with patch.object(Database, "become", become):
        yield


def unguarded(tables: str) -> Callable[[Tenants], Any]:
    """Tables without their policy, asked by queries without their tenant: either alone is not noticed by a request."""

    @contextmanager
    def taken(tenants: Tenants) -> Iterator[None]:
        for table in tables.split():
            tenants.mine.run(f"alter table {table} disable row level security")
        with ExitStack() as stack:
            for room in ROOMS:
                found = queries(room)
                bare = {name: _PREDICATE.sub("true", text) for name, text in found.items()}
                stack.enter_context(patch.dict(found, bare))  # type: ignore[arg-type]
            yield

    taken.__name__ = f"{tables.split(maxsplit=1)[0]}_is_everybodys"
    return taken


GUARDS = (
    whoever_is_signed_in_may_all, everybody_has_all_permissions, the_role_is_forgotten, the_tenant_is_mistaken,
    a_pooled_connection_keeps_its_tenant, *map(unguarded, TABLES),
)  # fmt: skip


def test_with_all_guards_nothing_is_said(tenants: Tenants) -> None:
    with tenants.untouched():
        assert faults(tenants) == []


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.__name__)
def test_a_missing_guard_is_noticed(tenants: Tenants, guard: Callable[[Tenants], Any]) -> None:
    with guard(tenants):
        assert faults(tenants, first=True) != []
