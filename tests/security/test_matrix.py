"""Every route by every role at what is one's own, another tenant's, gone, and never was: nothing told, nothing changed.

`make probe` asks more than 100 000 times (`FROSTWAY_PROBES=deep`); every run of the tests some thousand times.
"""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from zipfile import ZipFile

import httpx
import pytest

from domain.permissions import ROLES
from tests.integration.api.seed import client, serving
from tests.security.probes import DOCUMENT, NAMED, Judge, Operation, operations, probes
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


def exports() -> Iterator[tuple[Operation, str]]:
    """Each list that is a file too, in each format."""
    for operation in operations():
        for asked in DOCUMENT["paths"][operation.path][operation.method.lower()].get("parameters", ()):
            if asked["name"] == "format":
                of_lists = asked["schema"].get("anyOf", ({},))[0]  # others are always files, and asked as they are
                for form in of_lists.get("enum", ()):
                    yield operation, form


def unpacked(answer: httpx.Response) -> str:
    """What stands in a file; a workbook is a folder of texts."""
    if not answer.content.startswith(b"PK"):
        return answer.text
    with ZipFile(io.BytesIO(answer.content)) as book:
        return "".join(book.read(name).decode() for name in book.namelist())


NEEDED = {
    "readings": {"device": "gps-01", "stream": "gps"},
    "dock-turns": {"site": "store-1"},
    "replenishment": {"site": "dc-1"},
}
"""What some exports have to be asked with."""


def test_no_file_that_is_taken_along_holds_anything_of_another_tenant(tenants: Tenants) -> None:
    asked, sung = 0, set()
    with serving(tenants.dsn, request_rate=0) as url, client(url, tenants.strangers["admin"]) as other:
        for operation, form in exports():
            address = operation.path.format(**tenants.ids.others)
            query = {"format": form, **NEEDED.get(address.rpartition("/")[2], {})}
            if CANARY in unpacked(other.get(address, params=query)):
                sung.add((operation.name, form))
            for role in ROLES if DEEP else SHORT_ROLES:
                with client(url, tenants.tokens[role]) as api:
                    for ids in (tenants.ids.own, tenants.ids.others):
                        answer = api.get(operation.path.format(**ids), params=query)
                        text = unpacked(answer)
                        assert answer.status_code in (200, 403, 404), (role, operation.name, form, text[:300])
                        assert CANARY not in text, (role, operation.name, form, text[:300])
                        assert not NAMED.search(text), (role, operation.name, form, text[:300])
                        asked += 1
    assert asked > 100
    assert {form for _, form in sung} >= {"json", "csv", "ndjson", "xlsx"}
    assert len(sung) > 20
