"""Late readings over days, folded again from a checkpoint: the facts that all readings in order would have given."""

import numpy as np
import pytest
from typer.testing import CliRunner

from domain.times import from_us
from frostway.cli import app
from tests.integration.fleet import T0, Fleet
from tests.integration.tracker.test_tracker import delivered, reference
from tracker.engine import checkpoints

HOURS = 40


def days(fleet):
    """A truck that comes to the depot every three hours, in a box that warms up every five."""
    rng = np.random.default_rng(3)
    t = np.arange(0, HOURS * 3600, 30)
    away = 4000 * np.clip(np.abs(np.sin(np.pi * t / (3 * 3600))) - 0.3, 0, None)
    noise = rng.normal(0, 3, (2, len(t)))
    gps = fleet.batch(
        "gps",
        "gps",
        t,
        seq=np.arange(len(t)),
        boot=1,
        lat=60.0 + (away + noise[0]) / 111_195,
        lon=25.0 + noise[1] / 55_000,
        speed_mps=np.where(away > 0, 3.0, 0.0),
        accuracy_m=4.0,
        ignition=np.where(t % 700 < 350, 1, -1),
        odometer_m=np.where(t % 600 == 0, 50_000.0 + t / 10, np.nan),
    )
    temp_c = 7 + 4 * np.sin(2 * np.pi * t / (5 * 3600)) + rng.normal(0, 0.05, len(t))
    temp = fleet.batch("temp", "reefer", t, seq=np.arange(len(t)), boot=2, probe_id=fleet.probe, temp_c=temp_c)
    return gps, temp


def newest_first(n):
    return list(reversed(np.array_split(np.arange(n), 40)))


def shuffled(n):
    return np.array_split(np.random.default_rng(8).permutation(n), 25)


def a_day_late_and_a_tenth_of_it_twice(n):
    """A quarter of all readings comes at the end, in pieces; a tenth of all comes once more."""
    rng = np.random.default_rng(9)
    late = rng.random(n) < 0.25
    again = rng.permutation(n)[: n // 10]
    return [
        *np.array_split(np.flatnonzero(~late), 30),
        *np.array_split(rng.permutation(np.flatnonzero(late)), 5),
        *np.array_split(again, 3),
    ]


@pytest.mark.parametrize("order", [newest_first, shuffled, a_day_late_and_a_tenth_of_it_twice])
def test_two_days_in_any_order_end_in_the_same_facts(database, order):
    fleet = Fleet(database)
    found = delivered(fleet, days(fleet), order)
    kept = fleet.rows("select kind, count(*) from checkpoint group by kind order by kind")
    assert found == reference(fleet, days(fleet))
    assert len(found["visits"]) > HOURS // 4
    kinds = [trip[1] for trip in found["trips"]]
    assert kinds.count("trip") >= HOURS // 4
    assert kinds.count("stop") >= HOURS // 4
    assert [a[3] for a in found["trips"][:-1]] == [b[2] for b in found["trips"][1:]]
    assert len(found["excursions"]) >= HOURS // 5
    assert [kind for kind, _ in kept] == ["series", "vehicle"]
    assert all(n >= 2 for _, n in kept)


def test_a_late_reading_is_folded_from_the_checkpoint_before_it_and_no_further_back(database, monkeypatch):
    fleet = Fleet(database)
    gps, _ = days(fleet)
    t = fleet.tracker()
    late = np.array([3000])
    for part in np.array_split(np.setdiff1d(np.arange(len(gps)), late), 40):
        fleet.append(gps.take(part))
        t.step()
    asked = []
    history = t.store.history
    monkeypatch.setattr(t.store, "history", lambda stream, p, most: asked.append(p) or history(stream, p, most))
    fleet.append(gps.take(late))
    fleet.settle(t)
    since = asked[0]["since"]
    back_us = gps.time_us[late[0]] - int(since.timestamp() * 1_000_000)
    assert 0 < back_us <= 2 * checkpoints.EVERY_US
    fleet.close(t)


def test_a_reading_beyond_the_horizon_is_stored_and_decides_nothing(database):
    fleet = Fleet(database)
    gps, _ = days(fleet)
    t = fleet.tracker()
    fleet.append(gps.take(np.arange(1000, len(gps))))
    fleet.settle(t)
    before = fleet.facts()
    old = fleet.batch("gps", "gps", np.array([-31 * 86_400]), seq=np.array([9_000_000]), boot=1, lat=60.0, lon=25.0)
    fleet.append(old)
    assert t.step()
    assert not t.engine.late
    assert fleet.facts() == before
    assert fleet.rows("select count(*) from reading_position")[0][0] == len(gps) - 1000 + 1
    fleet.close(t)


def test_a_carry_that_an_older_version_wrote_is_read_anew_from_the_readings(database):
    fleet = Fleet(database)
    t = fleet.tracker()
    fleet.append(*days(fleet))
    fleet.settle(t)
    counts = "select (select count(*) from visit), (select count(*) from trip)"
    before, revisions = fleet.facts(), fleet.rows(counts)
    fleet.close(t)
    fleet.rows("update vehicle_state set carry = '[]' returning 1")
    fleet.rows("update series_state set carry = '[]' returning 1")
    fleet.rows("delete from checkpoint returning 1")
    t = fleet.tracker()
    assert len(t.engine.late) == 2
    fleet.settle(t)
    assert fleet.facts() == before
    assert fleet.rows(counts) == revisions
    assert [bytes(r[0])[:2] != b"[]" for r in fleet.rows("select carry from vehicle_state")] == [True]
    fleet.close(t)


def verified(dsn, monkeypatch, *words):
    monkeypatch.setenv("FROSTWAY_DATABASE_URL", dsn)
    return CliRunner().invoke(app, ["facts", "verify", *words])


def test_what_stands_can_be_derived_again_and_what_was_changed_is_found(database, monkeypatch):
    fleet = Fleet(database)
    delivered(fleet, days(fleet), shuffled)
    found = verified(database, monkeypatch)
    assert (found.exit_code, found.stdout) == (0, "1 vehicles and 1 probes derived again: all facts agree\n")
    ((moved,),) = fleet.rows(
        "update visit set entered_at = entered_at - interval '1 min' where id = "
        "(select id from visit where superseded_at is null and not retracted order by entered_at desc limit 1) "
        "and superseded_at is null returning id"
    )
    fleet.rows("update excursion set retracted = true where id = (select max(id) from excursion) returning 1")
    ((trip,),) = fleet.rows(
        "update trip set distance_m = distance_m + 1 where superseded_at is null and id = (select id from trip where "
        "kind = 'trip' and ended_at is not null and superseded_at is null and not retracted order by ended_at desc "
        "limit 1) returning id"
    )
    found = verified(database, monkeypatch)
    assert found.exit_code == 1
    visit, trip_line, excursion = sorted(found.stdout.splitlines(), reverse=True)
    assert trip_line.startswith("trip of truck-1: the readings give ")
    assert trip_line.endswith(f", fact {trip} stands otherwise")
    assert visit.startswith("visit of truck-1 at dc-1: the readings give ")
    assert visit.endswith(f", fact {moved} stands otherwise")
    assert excursion.startswith("excursion above of reefer-1 rear: the readings give ")
    assert excursion.endswith(", nothing stands")
    since = from_us(T0 + 30 * 3_600 * 1_000_000).isoformat()
    assert verified(database, monkeypatch, "--vehicle", "truck-1", "--since", since).exit_code == 1
    assert verified(database, monkeypatch, "--since", "2020-01-01T00:00:00Z", "--vehicle", "truck-2").exit_code == 1
    assert verified(database, monkeypatch, "--tenant", "nobody").exit_code == 1


def test_an_open_excursion_that_has_grown_since_it_was_told_agrees(database, monkeypatch):
    fleet = Fleet(database)
    t = fleet.tracker()
    seconds = np.arange(0, 3600, 30)
    warming = 9 + seconds / 3600
    temp = fleet.batch("temp", "reefer", seconds, seq=np.arange(120), boot=2, probe_id=fleet.probe, temp_c=warming)
    for part in np.array_split(np.arange(120), 12):
        fleet.append(temp.take(part))
        t.step()
    fleet.settle(t)
    assert fleet.rows("select count(*) from excursion where ended_at is null and superseded_at is null") == [(1,)]
    words = fleet.rows("select count(*) from excursion")
    assert verified(database, monkeypatch).exit_code == 0
    late = fleet.batch("temp", "reefer", [1815], seq=[900], boot=2, probe_id=fleet.probe, temp_c=9.5)
    fleet.append(late)
    fleet.settle(t)
    assert fleet.rows("select count(*) from excursion") == words
    found = fleet.facts()
    fleet.close(t)
    assert found == reference(fleet, [temp, late])
