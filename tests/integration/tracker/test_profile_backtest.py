"""A profile tried on the readings that are there raises what the tracker has raised from them, and no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from typer.testing import CliRunner

from domain.cold_chain.parsing import body_of, profile_of
from domain.readings import Batch
from domain.times import from_us, rfc3339, to_us
from frostway.cli import app
from frostway.cli.work.profile_backtest import backtest
from store.db import connect
from store.registry import Registry
from tests.integration.api.seed import World, client, serving
from tests.integration.fleet import T0, Fleet, S
from tests.integration.tracker.test_late import HOURS, days

RAISED = """
    select d.name, l.text, x.kind, x.band, x.started_at, x.alarm_at, x.ended_at, round(x.extreme_c::numeric, 6)::float8
    from excursion x join device d on d.id = x.device_id join label l on l.id = x.probe_id
    where x.superseded_at is null and not x.retracted and x.alarm_at is not null order by x.started_at, x.band
"""


BANDS = {
    "low_c": 4,
    "high_c": 8,
    "bands": [
        {"name": "warm", "op": ">", "limit_c": 8, "for_s": 600, "severity": "warning"},
        {
            "name": "long",
            "op": ">",
            "limit_c": 9,
            "for_s": 5400,
            "mode": "cumulative",
            "reset": "daily",
            "reset_at": "06:00",
        },
        {"name": "hot", "op": ">=", "limit_c": 10.9, "for_s": 60, "clear_c": 0.1},
        {
            "name": "cold",
            "op": "<",
            "limit_c": 4,
            "for_s": 4000,
            "mode": "cumulative",
            "reset": "rolling",
            "window_s": 14400,
        },
    ],
    "tz": "Europe/Helsinki",
}


def tried(fleet: Fleet, back: int = 90, file: Path | None = None) -> dict[str, Any]:
    now = from_us(T0 + (HOURS * 3600 + 60) * S)
    with connect(fleet.dsn, "test") as connection:
        return backtest(connection, "main", "chilled", back, now, file)


def listed(found: dict[str, Any]) -> list[tuple[Any, ...]]:
    names = ("device", "probe", "kind", "band", "started_at", "alarm_at", "ended_at")
    return [(*(each[name] for name in names), each["extreme_c"]) for each in found["excursions"]]


def test_bands_that_are_tried_raise_what_the_tracker_raised(database: str) -> None:
    fleet = Fleet(database)
    with connect(database, "test") as connection:
        connection.execute("delete from profile_version")
        body = orjson.dumps(body_of(profile_of(BANDS))).decode()
        connection.execute(
            "insert into profile_version (profile_id, tenant_id, version, valid_from, body, made_by) "
            "select id, tenant_id, 1, '-infinity', %s::jsonb, 'test' from profile",
            (body,),
        )
    _, temp = days(fleet)
    raised = settled(fleet, temp)
    assert {row[3] for row in raised} == {"warm", "long", "hot", "cold"}
    assert sorted(listed(tried(fleet)), key=lambda row: row[3:5]) == sorted(raised, key=lambda row: row[3:5])


def settled(fleet: Fleet, *batches: Batch) -> list[tuple[Any, ...]]:
    """What the tracker raises."""
    fleet.append(*batches)
    tracker = fleet.tracker()
    fleet.settle(tracker)
    fleet.close(tracker)
    rows = fleet.rows(RAISED)
    return [(*row[:4], *(at and rfc3339(to_us(at)) for at in row[4:7]), row[7]) for row in rows]


def test_a_profile_that_is_tried_raises_what_the_tracker_raised(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = Fleet(database)
    gps, temp = days(fleet)
    raised = settled(fleet, gps, temp)
    assert len(raised) >= HOURS // 5
    found = tried(fleet)
    assert listed(found) == raised
    assert [(p["device"], p["probe"], p["samples"], p["verdict"]) for p in found["probes"]] == [
        ("reefer-1", "rear", len(temp), "fail")
    ]
    of_a_day = [row for row in raised if row[4] >= found_since(fleet)]
    assert [row for row in listed(tried(fleet, 1)) if row[4] > found_since(fleet)] == of_a_day
    with connect(database, "test") as connection:
        since = from_us(T0 + 20 * 3600 * S)
        Registry(connection).put_shipment(
            "S-1",
            reference="r",
            customer="c",
            vehicle="truck-1",
            profile="chilled",
            status="in_transit",
            since=since,
            stops=[],
        )
    carried = tried(fleet)
    its_own = {**carried, "excursions": [each for each in carried["excursions"] if each["shipment"] == "S-1"]}
    begun = rfc3339(to_us(since))
    assert [row for row in listed(its_own) if row[4] > begun] == [row for row in raised if row[4] > begun]
    assert 0 < len(its_own["excursions"]) < len(raised) == len(carried["excursions"]) - len(its_own["excursions"])
    file = tmp_path / "next.jsonl"
    file.write_bytes(orjson.dumps({"id": "chilled", "high_c": 10.5, "for_s": 60}))
    milder = tried(fleet, file=file)["excursions"]
    assert milder
    assert {each["limit_c"] for each in milder} == {10.5}
    monkeypatch.setenv("FROSTWAY_DATABASE_URL", database)
    run = CliRunner().invoke(app, ["profile", "backtest", "chilled", "--json"])
    assert (run.exit_code, orjson.loads(run.output)["excursions"]) == (0, [])  # all of it is older than 90 days
    assert CliRunner().invoke(app, ["profile", "backtest", "chilled", "--days", "91"]).exit_code == 1


def test_by_rest_it_raises_the_cases_that_were_raised_late_readings_in_and_a_draft_says_what_would_change(
    database: str,
) -> None:
    fleet = Fleet(database)
    _, temp = days(fleet)
    late = np.random.default_rng(5).random(len(temp)) < 0.25
    tracker = fleet.tracker()
    for part in (temp.take(~late), temp.take(late)):
        fleet.append(part)
        fleet.settle(tracker)
    fleet.close(tracker)
    stored = fleet.rows(
        "select id::text, severity, limit_c, opened_at, alarm_at, cleared_at from alert where kind = 'temperature' "
        "and withdrawn_at is null order by alarm_at"
    )
    raised = [(*row[:3], *(rfc3339(to_us(at)) for at in row[3:])) for row in stored]
    assert len(raised) >= HOURS // 5
    world = World(database)
    span = {"from": rfc3339(T0), "to": rfc3339(T0 + (HOURS * 3600 + 60) * S)}
    with serving(database) as url, client(url, world.token("coldchain")) as api:

        def tried(**body: Any) -> dict[str, Any]:
            answer = api.post("/api/v1/profile-backtests", json={**span, **body})
            assert answer.status_code == 200, answer.text
            return dict(answer.json())

        same = tried(profile="chilled")
        assert (same["devices"], same["done"], same["next_cursor"]) == (1, 1, None)
        assert [(p["device"], p["probe"], p["readings"]) for p in same["probes"]] == [("reefer-1", "rear", len(temp))]
        assert {each["how"] for each in same["items"]} == {"same"}
        told = [
            (d["alert"], d["severity"], d["limit_c"], *(d[n] for n in ("started_at", "alarm_at", "ended_at")))
            for each in same["items"]
            for d in each["did"]
        ]
        assert told == raised
        for each in same["items"]:
            assert {**each["would"], "alert": each["did"][0]["alert"]} == each["did"][0]
        draft = {"low_c": 4, "high_c": 10.9, "for_s": 60}
        other = tried(profile="chilled", draft=draft)
        assert {each["how"] for each in other["items"]} == {"new", "same"}
        assert {e["how"] for e in tried(profile="chilled", draft={"high_c": 12})["items"]} == {"gone"}
        assert {(e["kind"], e["would"]["limit_c"]) for e in other["items"] if e["how"] == "new"} == {("below", 4.0)}
        assert sum(len(each["did"]) for each in other["items"]) == len(raised)
        assert tried(draft=draft, devices=["reefer-1"])["items"] == other["items"]
        assert tried(profile="chilled", version=1) == same
        later = {"from": rfc3339(T0 + 20 * 3600 * S), "to": span["to"]}
        of_a_part = tried(profile="chilled", **later)["items"]
        assert 0 < len(of_a_part) < len(same["items"])
        assert of_a_part == same["items"][-len(of_a_part) :]
        refused = {
            404: ({"profile": "nobody"}, {"profile": "chilled", "version": 9}, {"draft": draft, "devices": ["x"]}),
            422: ({}, {"draft": draft}, {"profile": "chilled", "from": "2025-01-01T00:00:00Z"}),
        }
        for status, bodies in refused.items():
            for body in bodies:
                assert api.post("/api/v1/profile-backtests", json={**span, **body}).status_code == status, body
    assert fleet.rows("select count(*) from profile_version")[0][0] == 1
    world.close()


def found_since(fleet: Fleet) -> str:
    return str(tried(fleet, 1)["since"])
