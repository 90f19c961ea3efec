"""One pool of connections for many tenants: whoever breaks off, nobody gets what is another's."""

from __future__ import annotations

import asyncio
import os
import random
import re
from collections import Counter

import httpx
import psycopg

from store.secrets import new_token, token_hash
from tests.deadlines import deadline
from tests.integration.api.seed import client, registry_of, serving

DEEP = os.environ.get("FROSTWAY_PROBES") == "deep"
TENANTS, ASKED = (50, 10_000) if DEEP else (12, 600)
BREAKS_OFF = 0.3
WAYS = ("/api/v1/vehicles", "/api/v1/vehicles?fields=id,label", "/api/v1/sites", "/api/v1/vehicles/truck", "/api/v1/me")


def furnished(dsn: str) -> dict[str, str]:
    """The token of each tenant; whatever a tenant has is named after it."""
    tokens = {}
    with psycopg.connect(dsn, autocommit=True) as connection:
        for n in range(TENANTS):
            name = f"tenant-{n:02d}"
            registry = registry_of(connection, name)
            registry.put_vehicle("truck", f"Truck of {name}")
            registry.put_site("site", label=f"Site of {name}", kind="store", lat=60, lon=24)
            tokens[name] = new_token()
            registry.add_token(token_hash(tokens[name]), kind="bearer", subject=f"bot of {name}", role="viewer")
    return tokens


def test_whoever_breaks_off_nobody_gets_what_is_anothers(database: str) -> None:
    tokens, dice, count = furnished(database), random.Random(7), Counter[str]()

    async def ask(api: httpx.AsyncClient, tenant: str, way: str, patience_s: float | None) -> None:
        try:
            async with asyncio.timeout(patience_s):
                answer = await api.get(way, headers={"Authorization": f"Bearer {tokens[tenant]}"})
        except TimeoutError:
            count["broken off"] += 1
            return
        count[str(answer.status_code)] += 1
        assert set(re.findall(r"tenant-\d\d", answer.text)) <= {tenant}, (tenant, way, answer.text[:300])
        if answer.status_code == 200:
            count["told of oneself"] += tenant in answer.text

    async def all_of_them(url: str) -> None:
        limits = httpx.Limits(max_connections=24, max_keepalive_connections=24)
        async with httpx.AsyncClient(base_url=url, limits=limits, timeout=deadline(20)) as api:
            gate = asyncio.Semaphore(24)

            async def one() -> None:
                async with gate:
                    patience_s = dice.uniform(0.0005, 0.01) if dice.random() < BREAKS_OFF else None
                    await ask(api, dice.choice(sorted(tokens)), dice.choice(WAYS), patience_s)

            async with asyncio.TaskGroup() as group:
                for _ in range(ASKED):
                    group.create_task(one())

    with serving(database, request_rate=0) as url:
        asyncio.run(all_of_them(url))
        with client(url, tokens["tenant-00"]) as api:
            assert api.get("/api/v1/vehicles").status_code == 200
    print(f"\n{dict(count)}")
    assert count["broken off"] > ASKED * BREAKS_OFF / 10
    assert count["told of oneself"] > ASKED / 3
