"""Every route by every role at what is one's own, another tenant's, gone, and never was: nothing told, nothing changed.

`make probe` asks more than 100 000 times (`FROSTWAY_PROBES=deep`); every run of the tests some thousand times.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.permissions import ROLES
from tests.integration.api.seed import client, serving
from tests.security.probes import Judge, operations, probes
from tests.security.worlds import CANARY, Tenants

DEEP = os.environ.get("FROSTWAY_PROBES") == "deep"
SHORT_ROLES = ("admin", "viewer")
DEEP_MIN = 100_000


@pytest.fixture
def tenants(database: str) -> Iterator[Tenants]:
    found = Tenants(database)
    yield found
    found.close()


def test_nothing_of_another_tenant_is_told_or_changed(tenants: Tenants, caplog: pytest.LogCaptureFixture) -> None:
    """Nor does the log tell of it, or what anybody signs in with."""
    judge = Judge(tenants)
    caplog.set_level(logging.DEBUG)
    with (
        serving(tenants.dsn, request_rate=0, mqtt_hash=lambda text: f"hash of {len(text)}") as url,
        tenants.untouched(),
    ):

        def knock(role: str) -> None:
            with client(url, tenants.tokens[role]) as api:
                for operation in operations():
                    for probe in probes(operation, tenants.ids, deep=DEEP):
                        judge.look(role, probe, probe.ask(api))

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(knock, ROLES if DEEP else SHORT_ROLES))
    print(f"\n{sum(judge.count.values()):,} probes: {dict(judge.count)}")
    assert not judge.faults, "\n".join(judge.faults)
    written = caplog.text
    assert CANARY not in written
    assert not [role for role, token in (tenants.tokens | tenants.strangers).items() if token in written]
    assert sum(judge.count.values()) > (DEEP_MIN if DEEP else 1_500)
    assert min(judge.count.values()) > 50


def test_the_canaries_sing_for_their_own(tenants: Tenants) -> None:
    """The same questions by the other tenant find it: a matrix that sees nothing would prove nothing."""
    found = 0
    with serving(tenants.dsn, request_rate=0) as url, client(url, tenants.strangers["admin"]) as api:
        for operation in operations():
            if operation.method == "GET":
                address = operation.path.format(**tenants.ids.others)
                found += CANARY in api.get(address).text
    assert found > 15
