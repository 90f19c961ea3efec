"""A new family is one folder and one line in a list: it is listed, told, kept as history and proved like the others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from api.app import create_app
from api.feed.asyncapi import document
from api.http.context import ApiConfig
from store.link import Link
from tests.deadlines import deadline
from tests.integration.api.seed import World, client, serving
from tests.integration.api.test_live_feed import feed
from tests.integration.fleet import Fleet
from tests.toy.family import Hours
from tracker.engine.family import fact_kinds
from tracker.engine.verify import Verdict, Verifier
from tracker.families import FAMILIES

ALL = (*FAMILIES, Hours)  # the one line
TABLE = (Path(__file__).parents[2] / "toy" / "table.sql").read_text()
HOUR_S = 3600


@pytest.fixture
def fleet(database: str) -> Fleet:
    with psycopg.connect(database) as c:
        c.execute(TABLE)
    return Fleet(database)


@pytest.fixture
def world(fleet: Fleet) -> Iterator[World]:
    found = World(fleet.dsn)
    yield found
    found.close()


@pytest.fixture
def url(world: World, fleet: Fleet) -> Iterator[str]:
    with serving(fleet.dsn, facts=fact_kinds(ALL)) as found:
        yield found


def measure(fleet: Fleet, *seconds: float) -> Any:
    return fleet.batch("temp", "reefer", np.array(seconds), probe_id=fleet.probe, temp_c=5.0)


def test_hours_are_listed_amended_by_late_readings_and_kept_as_history(fleet: Fleet, world: World, url: str) -> None:
    tracker = fleet.tracker(families=ALL)
    fleet.append(measure(fleet, 0, 60, 120, HOUR_S, 2 * HOUR_S))
    fleet.settle(tracker)
    fleet.now_us += 60_000_000
    fleet.append(measure(fleet, 30, 90))  # late: the first hour had five
    fleet.settle(tracker)
    fleet.close(tracker)
    with client(url, world.token("viewer")) as api:
        hours = api.get("/api/v1/devices/reefer-1/hours").json()["items"]
        assert [(h["device"], h["readings"], h["ended_at"] is None, h["revision"]) for h in hours] == [
            ("reefer-1", 5, False, 2),
            ("reefer-1", 1, False, 1),
            ("reefer-1", None, True, 1),
        ]
        history = api.get(f"/api/v1/facts/hour/{hours[0]['id']}/history").json()["items"]
        assert [(word["revision"], word["readings"]) for word in history] == [(1, 3), (2, 5)]
        as_of = api.get("/api/v1/devices/reefer-1/hours", params={"as_of": history[0]["decided_at"]}).json()["items"]
        assert as_of[0]["readings"] == 3
        assert api.get("/api/v1/devices/nobody/hours").status_code == 404


def test_hours_are_told_on_the_feed(fleet: Fleet, world: World, url: str) -> None:
    async def work() -> None:
        async with feed(url, world.token("viewer"), topics=["facts"]) as live:
            await live.next()
            live.state["facts"] = {}
            tracker = fleet.tracker(families=ALL)
            fleet.append(measure(fleet, 0, 60, HOUR_S))
            fleet.settle(tracker)
            fleet.close(tracker)
            delta = await live.next(timeout_s=deadline(5))
            told = [c["data"] for c in delta["changes"] if c["data"]["kind"] == "hour"]
            assert [(t["about"], t["revision"], t["end"] is None) for t in told] == [
                ({"device": "reefer-1"}, 1, False),
                ({"device": "reefer-1"}, 1, True),
            ]

    asyncio.run(work())


def test_hours_are_proved(fleet: Fleet) -> None:
    tracker = fleet.tracker(families=ALL)
    fleet.append(measure(fleet, 0, 60, 120, HOUR_S))
    fleet.settle(tracker)
    fleet.close(tracker)

    def differences() -> list[str]:
        link, verdict = Link(fleet.dsn, "verify", threading.Event()), Verdict()
        with link.connection.transaction():
            verifier = Verifier(link, tracker._config, ALL)
            for lane, entity in verifier.entities("main", None):
                verifier.check(lane, entity, None, verdict)
        link.close()
        assert verdict.checked["device"] == 1
        return verdict.differences

    assert differences() == []
    with psycopg.connect(fleet.dsn) as c:
        c.execute("update device_hour set readings = 4 where readings = 3")
    (line,) = differences()
    assert line.startswith("hour of reefer-1: the readings give 2025-06-15T15:00:00")


def test_hours_stand_in_the_documents_of_rest_and_feed() -> None:
    kinds = fact_kinds(ALL)
    rest = create_app(ApiConfig("postgresql://nowhere.invalid/none", facts=kinds)).openapi()
    assert "/api/v1/devices/{device_id}/hours" in rest["paths"]
    assert set(rest["components"]["schemas"]["Hour"]["properties"]) >= {"device", "started_at", "readings"}
    news = document("1", kinds)["components"]["schemas"]["factNews"]["properties"]
    assert news["kind"]["enum"][-1] == "hour"
    plain = create_app(ApiConfig("postgresql://nowhere.invalid/none", facts=fact_kinds(FAMILIES))).openapi()
    assert rest["paths"].keys() - plain["paths"].keys() == {"/api/v1/devices/{device_id}/hours"}


def test_the_list_is_all_that_says_so(fleet: Fleet, world: World) -> None:
    with serving(fleet.dsn) as plain, client(plain, world.token("viewer")) as api:
        assert api.get("/api/v1/devices/reefer-1/hours").status_code == 404
