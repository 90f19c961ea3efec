"""Each operation that changes something leaves one entry in the trail; one that is refused leaves none."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.integration.api.seed import client, rows, serving
from tests.security.probes import Operation, operations
from tests.security.worlds import Tenants

ENTRIES = {
    "post_account": 2,  # the account, and the invitation of whoever it is for
    "mend_many": 0,  # nothing was refused that the example would mend
    "preview_alert_routes": 0,  # it tells what would be
    "post_profile_backtest": 0,  # so does it
    "set_seen": 0,  # how far somebody has read is nobody else's business
}
"""Where it is not one."""
BODIES = {"change_device": {"retired": False}}
"""Where the example changes nothing any more: it was shut out before."""


@pytest.fixture
def tenants(database: str) -> Iterator[Tenants]:
    found = Tenants(database)
    yield found
    found.close()


def changing() -> list[Operation]:
    """All that may change something; what removes comes last, so that there is something to change before."""
    found = [each for each in operations() if each.method != "GET" and each.permission is not None]
    return sorted(found, key=lambda each: (each.method == "DELETE", "retire" in each.name))


def test_each_change_is_one_entry(tenants: Tenants) -> None:
    done, faults = 0, []
    hashed = {"mqtt_hash": lambda text: f"hash of {len(text)}"}
    with serving(tenants.dsn, request_rate=0, **hashed) as url, client(url, tenants.tokens["admin"]) as api:
        for operation in changing():
            before = rows(tenants.dsn, "select coalesce(max(id), 0) from audit")[0][0]
            address = re.sub(r"{(\w+)}", lambda m: tenants.ids.own[m[1]], operation.path)
            answer = api.request(operation.method, address, json=BODIES.get(operation.name, operation.body))
            said = rows(tenants.dsn, "select * from audit where id > %s", before)
            where = f"{operation.name}: {operation.method} {address}: {answer.status_code}: {len(said)} entries"
            done += answer.is_success
            if len(said) != (ENTRIES.get(operation.name, 1) if answer.is_success else 0):
                faults.append(where)
    assert not faults, "\n".join(faults)
    assert done > 20
