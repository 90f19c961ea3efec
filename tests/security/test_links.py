"""Customers' links: they open one shipment and nothing else; guesses, and links that have ended, look all the same."""

from __future__ import annotations

import os
import re
import secrets
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as dial

from api.http.doorman import LINK_COUNT, WRONG_SPAN_S
from store.secrets import new_token, token_hash
from tests.deadlines import deadline
from tests.integration.api.seed import client, serving
from tests.security.probes import operations, probes
from tests.security.worlds import CANARY, Tenants

DEEP = os.environ.get("FROSTWAY_PROBES") == "deep"
GUESSES, NETWORKS = (200_000, 200) if DEEP else (2_000, 20)
THREADS, AT_ONCE = 4, 50
OTHER_CUSTOMER = "zx-neighbour"
PAGES = ("/t/{}", "/api/v1/public/shipments/{}", "/api/v1/public/shipments/{}/temperatures")


@pytest.fixture
def tenants(database: str) -> Iterator[Tenants]:
    found = Tenants(database)
    yield found
    found.close()


def link(tenants: Tenants, shipment: str, *, ended: str = "") -> str:
    """The token of a link to a shipment of `mine`; `ended`: a column that says so."""
    token = new_token()
    tenants.mine.run(
        "insert into share (tenant_id, shipment_id, token_sha256, created_by, expires_at) "
        "select tenant_id, id, %s, 'ann', now() + interval '9 days' from shipment where name = %s and tenant_id = %s",
        token_hash(token), shipment, tenants.mine.tenant_id,
    )  # fmt: skip
    if ended:
        tenants.mine.run(f"update share set {ended} = now() where token_sha256 = %s", token_hash(token))
    return token


@pytest.fixture
def neighbour(tenants: Tenants) -> str:
    """A link of another customer of the same tenant, who has goods on the same vehicle."""
    tenants.mine.run(
        "update shipment set reference = %s, customer = %s where name = 'm-ship'", OTHER_CUSTOMER, OTHER_CUSTOMER
    )
    tenants.mine.run(
        "update shipment set vehicle_id = (select vehicle_id from shipment where name = 'S-1' and tenant_id = %s) "
        "where name = 'm-ship'",
        tenants.mine.tenant_id,
    )
    return link(tenants, "m-ship")


def test_a_link_is_no_key_to_anything_but_its_page(tenants: Tenants, neighbour: str) -> None:
    """As a bearer token and as a session it opens none of all operations, its own shipment's among them."""
    token, asked = link(tenants, "S-1"), 0
    with serving(tenants.dsn, request_rate=0) as url, tenants.untouched():
        for whose, keys in (
            ("own others", {"Authorization": f"Bearer {token}"}),
            ("own", {"Cookie": f"fw_session={token}"}),
        ):
            with client(url) as customer:
                customer.headers.update(keys)
                for operation in operations():
                    for probe in probes(operation, tenants.ids, deep=False):
                        if probe.whose not in whose and not DEEP:
                            continue
                        answer = probe.ask(customer)
                        where = f"{operation.method} {probe.address}: {answer.status_code} {answer.text[:200]}"
                        assert not any(word in answer.text for word in (CANARY, OTHER_CUSTOMER, "PO 1")), where
                        asked += 1
                        if operation.permission is not None:
                            assert answer.status_code in (401, 403, 404, 405, 413, 414), where
        with pytest.raises(InvalidStatus) as refused:
            dial(f"{url.replace('http', 'ws')}/ws/v1", additional_headers={"Authorization": f"Bearer {token}"})
        assert refused.value.response.status_code == 403
        with client(url) as customer:
            for page in PAGES:
                own, others = (customer.get(page.format(each)) for each in (token, neighbour))
                assert (own.status_code, others.status_code) == (200, 200)
                assert OTHER_CUSTOMER not in own.text
                assert CANARY not in own.text + others.text
            assert OTHER_CUSTOMER in customer.get(PAGES[1].format(neighbour)).text
    assert asked > 200


@pytest.mark.timeout(1800)
def test_nobody_guesses_a_link(tenants: Tenants) -> None:
    """From many networks; each is told to wait once it has guessed sixty times."""
    good, count, lock = link(tenants, "S-1"), {404: 0, 429: 0}, threading.Lock()

    def guess(n: int) -> None:
        host = url.removeprefix("http://")
        with socket.create_connection((host.partition(":")[0], int(host.partition(":")[2])), deadline(60)) as raw:
            for first in range(0, GUESSES // THREADS, AT_ONCE):
                asked = min(AT_ONCE, GUESSES // THREADS - first)
                lines = []
                for k in range(first, first + asked):
                    net = (n * 7919 + k) % NETWORKS
                    path, address = PAGES[1].format(secrets.token_urlsafe(32)), f"198.{18 + net // 250}.{net % 250}.9"
                    lines.append(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: {address}\r\n\r\n")
                raw.sendall("".join(lines).encode())
                heard = b""
                while len(found := re.findall(rb"HTTP/1\.1 (\d+)", heard)) < asked or not heard.endswith(b"}"):
                    heard += raw.recv(1 << 16)
                with lock:
                    for status in found:
                        count[int(status)] += 1  # a KeyError is a hit

    began = time.monotonic()
    with serving(tenants.dsn, request_rate=0) as url, ThreadPoolExecutor(THREADS) as many:
        list(many.map(guess, range(THREADS)))
        took_s = time.monotonic() - began
        with client(url) as customer:
            assert customer.get(PAGES[1].format(good)).status_code == 200
    print(f"\n{GUESSES:,} guesses: {count}")
    assert sum(count.values()) == GUESSES
    # so many at once, and as many again in each span
    assert count[404] <= NETWORKS * (LINK_COUNT * (1 + took_s / WRONG_SPAN_S) + 1)


def test_how_long_a_link_that_opens_nothing_is_looked_for(tenants: Tenants) -> None:
    """Printed, not judged: medians of links that never were, have expired and were revoked."""
    ended = {
        "never was": new_token(),
        "expired": link(tenants, "S-1", ended="expires_at"),
        "revoked": link(tenants, "S-1", ended="revoked_at"),
    }
    took: dict[str, list[float]] = {name: [] for name in ended}
    with serving(tenants.dsn, request_rate=0) as url, client(url) as stranger:
        for turn in range(3_000 if DEEP else 20):
            headers = {"X-Forwarded-For": f"198.18.{turn // 250}.{turn % 250}"}
            for name, token in ended.items():
                began = time.perf_counter()
                assert stranger.get(PAGES[1].format(token), headers=headers).status_code in (404, 429)
                took[name].append(1e3 * (time.perf_counter() - began))
    medians = {name: round(statistics.median(each), 3) for name, each in took.items()}
    print(f"\nmedian, ms: {medians}; apart by {max(medians.values()) - min(medians.values()):.3f}")


def test_a_link_is_256_bits_and_only_its_hash_is_kept(tenants: Tenants) -> None:
    with serving(tenants.dsn) as url, client(url, tenants.tokens["admin"]) as api:
        tokens = [api.post("/api/v1/shipments/S-1/share").json()["token"] for _ in range(5)]
        assert len(set(tokens)) == 5
        assert all(len(token) >= 43 for token in tokens)  # 32 bytes of base64
    kept = repr(tenants.mine.connection.execute("select * from share").fetchall())
    assert not any(token in kept for token in tokens)
