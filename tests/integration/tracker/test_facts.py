"""Facts as of: at every moment each fact has one word that counts, and it is the one that counted then."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from domain.facts import Word
from domain.times import from_us
from store.facts import FITS, listing
from store.link import Link
from tests.examples import examples
from tests.integration.fleet import T0, Fleet, S
from tracker.engine import facts
from tracker.engine.step import Step
from tracker.vehicles.facts import VISIT, VisitFact

EVERYTHING = dict.fromkeys(("id", "since", "until", "after", "after_at", "limit", *FITS))


@pytest.fixture
def fleet(database: str) -> Fleet:
    return Fleet(database)


def known(connection, owner: int, as_of=None):
    """Visits of a vehicle as the API reads them."""
    with connection.cursor(row_factory=dict_row) as cursor:
        values = {**EVERYTHING, "tenant": 1, "owner": owner, "as_of": as_of}
        rows = cursor.execute(listing(VISIT), values).fetchall()
    return [(r["id"], r["revision"], r["entered_at"], r["left_at"]) for r in rows]


amendments = st.lists(
    st.tuples(st.sampled_from(["new", "move", "retract"]), st.integers(0, 9), st.integers(-2, 5)), max_size=14
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(25))
@given(amendments)
def test_as_of_any_moment_gives_what_was_current_then(fleet, steps):
    """Whatever is said anew, moved and taken back, at once, later, or by a clock that was set back."""
    link = Link(fleet.dsn, "test")
    now_us, said, views = T0, {}, []
    with link.connection.transaction(force_rollback=True), link.connection.cursor() as cursor:
        for n, (what, which, later_s) in enumerate(steps):
            now_us += later_s * S
            if what == "new" or not said:
                fact = VisitFact(0, 1, 0, 1, 1, T0 + n * S, T0 + (n + 1) * S)
            else:
                told = list(said.values())[which % len(said)]
                moved = told.entered_us - which * S if what == "move" else told.entered_us
                fact = told._replace(revision=told.revision + 1, entered_us=moved, retracted=what == "retract")
            values = (1, 1, fact.entered_us, fact.left_us)
            word = Word(fact.id, fact.revision, 1, values, ("truck-1", "dc-1"), *values[2:], fact.retracted)
            (fact_id,) = facts.put(cursor, VISIT, [word], Step(now_us))
            said[fact_id] = fact._replace(id=fact_id, retracted=False)
            views.append((now_us, known(link.connection, 1)))
        revisions = cursor.execute(
            "select id, revision, decided_at, superseded_at, retracted from visit order by id, revision"
        ).fetchall()
        for before, after in pairwise(revisions):
            assert after[0] != before[0] or before[3] == after[2] >= before[2]
        clock_us = max((t for t, _ in views), default=T0)
        for moment_us in range(T0 - 30 * S, clock_us + 2 * S, S):
            found = known(link.connection, 1, from_us(moment_us))
            assert len({f[0] for f in found}) == len(found)
        if all(later_s >= 0 for _, _, later_s in steps):
            for i, (t_us, view) in enumerate(views):
                if i + 1 == len(views) or views[i + 1][0] > t_us:
                    assert known(link.connection, 1, from_us(t_us)) == view
                    until_us = views[i + 1][0] if i + 1 < len(views) else t_us + 9
                    assert known(link.connection, 1, from_us(until_us) - timedelta(microseconds=1)) == view
    link.close()


def warm(fleet: Fleet, t, temp_c):
    return fleet.batch("temp", "reefer", t, seq=np.arange(len(t)), boot=2, probe_id=fleet.probe, temp_c=temp_c)


def events(fleet: Fleet):
    return [what for (what,) in fleet.rows("select what from alert_event order by id")]


def test_a_start_that_is_amended_amends_the_alert_and_does_not_raise_another(fleet):
    t = np.arange(0, 1200, 10)
    whole = warm(fleet, t, np.where((t > 300) & (t < 900), 9.5, 5.0))
    tracker = fleet.tracker()
    early = (t > 290) & (t < 400)
    fleet.append(whole.take((t < 600) & ~early))
    fleet.settle(tracker)
    assert events(fleet) == ["raised"]
    (told,) = fleet.rows("select id, opened_at from alert")
    fleet.now_us += 60 * S
    fleet.append(whole.take(early))
    fleet.settle(tracker)
    assert events(fleet) == ["raised", "amended"]
    (again,) = fleet.rows("select id, opened_at from alert")
    assert (again[0], again[1] < told[1]) == (told[0], True)
    fleet.append(whole.take(t >= 600))
    fleet.settle(tracker)
    assert events(fleet) == ["raised", "amended", "cleared"]
    fleet.append(warm(fleet, [805], [9.7]).take([0]))  # warmer, but neither sooner nor longer
    fleet.settle(tracker)
    assert events(fleet) == ["raised", "amended", "cleared"]
    assert fleet.rows("select extreme_c from excursion where superseded_at is null") == [(9.7,)]
    fleet.close(tracker)


def test_an_excursion_that_has_not_lasted_after_all_takes_its_alert_back(fleet):
    tracker = fleet.tracker()
    t = np.array([0, 100, 200, 300, 400])
    fleet.append(warm(fleet, t, [5.0, 9.0, 9.0, 9.0, 9.0]))
    fleet.settle(tracker)
    assert events(fleet) == ["raised"]
    cool = fleet.batch("temp", "reefer", [110, 190, 210, 290, 310, 390], seq=np.arange(50, 56), boot=2,
                       probe_id=fleet.probe, temp_c=5.0)  # fmt: skip
    fleet.append(cool)
    fleet.settle(tracker)
    fleet.close(tracker)
    assert events(fleet) == ["raised", "retracted"]
    assert fleet.rows("select count(*) from alert where cleared_at is null") == [(0,)]


def test_row_level_security_hides_other_tenants_facts(fleet):
    tracker = fleet.tracker()
    fleet.append(fleet.batch("gps", "gps", [0, 10, 20], lat=60.0, lon=25.0))
    fleet.settle(tracker)
    fleet.close(tracker)
    with psycopg.connect(fleet.dsn) as c:
        c.execute(
            "insert into stop_call (tenant_id, shipment_id, stop_id, vehicle_id, arrived_at, decided_at, rule_version) "
            "values (1, 1, 1, 1, now(), now(), 1)"
        )
        c.execute(
            "insert into deviation (tenant_id, shipment_id, vehicle_id, kind, started_at, decided_at, rule_version) "
            "values (1, 1, 1, 'off_route', now(), now(), 1)"
        )
        c.execute(
            "insert into trip (tenant_id, vehicle_id, kind, started_at, start_lat, start_lon, decided_at, "
            "rule_version) values (1, 7, 'stop', now(), 60, 25, now(), 1)"
        )
        c.execute("set local role frostway_api")
        for tenant, rows in (("1", 1), ("2", 0)):
            c.execute("select set_config('app.tenant', %s, true)", (tenant,))
            for table in ("visit", "trip", "stop_call", "deviation"):
                assert c.execute(f"select count(*) from {table}").fetchone() == (rows,)  # type: ignore[arg-type]


def test_one_that_was_over_and_never_was_is_taken_back_once(fleet):
    """Somebody may have decided on the goods because of it: they hear that it was none."""
    tracker = fleet.tracker()
    whole = warm(fleet, np.arange(0, 700, 100), [5.0, 9.0, 9.0, 9.0, 9.0, 5.0, 5.0])
    for part in (np.arange(5), np.arange(5, 7)):
        fleet.append(whole.take(part))
        fleet.settle(tracker)
    assert events(fleet) == ["raised", "cleared"]
    for number, t in enumerate(([110, 190, 210, 290, 310, 390], [120, 220, 320])):
        cool = fleet.batch("temp", "reefer", t, seq=np.arange(len(t)) + 50 + 10 * number, boot=2,
                           probe_id=fleet.probe, temp_c=5.0)  # fmt: skip
        fleet.append(cool)
        fleet.settle(tracker)
        assert events(fleet) == ["raised", "cleared", "retracted"]
    fleet.close(tracker)
    assert fleet.rows("select withdrawn_at is not null from alert") == [(True,)]
