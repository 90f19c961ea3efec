"""Every operation that changes something leaves exactly one entry in the trail, with who and what; one refused leaves none."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.integration.api.seed import client, rows, serving
from tests.security.probes import Operation, operations
from tests.security.worlds import Tenants

CHANGES_NOTHING: dict[str, str] = {}
"""Operations that are no GET and change nothing, with the reason."""


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
    with serving(tenants.dsn, request_rate=0, mqtt_hash=lambda text: f"hash of {len(text)}") as url:
        with client(url, tenants.tokens["admin"]) as api:
            for operation in changing():
                before = rows(tenants.dsn, "select coalesce(max(id), 0) from audit")[0][0]
                address = re.sub(r"{(\w+)}", lambda m: tenants.ids.own[m[1]], operation.path)
                answer = api.request(operation.method, address, json=operation.body)
                said = rows(tenants.dsn, "select * from audit where id > %s", before)
                where = f"{operation.name}: {operation.method} {address}: {answer.status_code}: {len(said)} entries"
                if answer.is_success and operation.name not in CHANGES_NOTHING:
                    done += 1
                    faults += [] if len(said) == 1 else [where]
                elif said:
                    faults.append(where)
    assert not faults, "\n".join(faults)
    assert done > 20
