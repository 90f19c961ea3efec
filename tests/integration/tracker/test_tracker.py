"""The tracker on a real database: facts do not depend on the order of arrival, and nothing is written twice."""

import numpy as np
import psycopg
import pytest

from domain.epc import gtin_of
from domain.readings import Flag
from store.registry import Registry
from store.tracking import LostPartitionError
from tests.connections import cut
from tests.integration.fleet import T0, Fleet, S


def drive(fleet, rng):
    """A truck comes to the depot, stays, leaves; its box warms up and recovers, twice."""
    t = np.arange(0, 3600, 10)
    metres_north = np.interp(t, [0, 900, 2100, 3600], [5000, 0, 0, 6000])
    noise = rng.normal(0, 3, (2, len(t)))
    gps = fleet.batch(
        "gps",
        "gps",
        t,
        seq=np.arange(len(t)),
        boot=1,
        lat=60.0 + (metres_north + noise[0]) / 111_195,
        lon=25.0 + noise[1] / 55_000,
        speed_mps=np.where((t > 900) & (t < 2100), 0.0, 6.0),
        accuracy_m=4.0,
    )
    temp_c = np.interp(t, [0, 600, 900, 1300, 2000, 2100, 2160, 3600], [5, 5, 10, 5, 5, 9, 5, 5]) + rng.normal(
        0, 0.05, len(t)
    )
    temp = fleet.batch("temp", "reefer", t, seq=np.arange(len(t)), boot=2, probe_id=fleet.probe, temp_c=temp_c)
    return gps, temp


def delivered(fleet, batches, order):
    """The readings appended in the order and portions that `order` makes of them, then everything settled."""
    t = fleet.tracker()
    portions = [order(len(b)) for b in batches]
    for k in range(max(map(len, portions))):
        fleet.append(*(b.take(p[k]) for b, p in zip(batches, portions, strict=True) if k < len(p)))
        t.step()
    fleet.settle(t)
    facts = fleet.facts()
    fleet.close(t)
    return facts


def in_order(n):
    return np.array_split(np.arange(n), 9)


def newest_first(n):
    return list(reversed(np.array_split(np.arange(n), 9)))


def shuffled(n):
    return np.array_split(np.random.default_rng(5).permutation(n), 9)


def repeated(n):
    return [*in_order(n), *newest_first(n), np.arange(n)]


def single_file(n):
    return np.array_split(np.arange(n), 90)


def test_the_simulated_hour_in_order_gives_one_visit_and_two_excursions(any_database):
    fleet = Fleet(any_database)
    facts = delivered(fleet, drive(fleet, np.random.default_rng(1)), in_order)
    assert len(facts["visits"]) == 1
    (_, _, entered, left) = facts["visits"][0]
    # 200 m before the depot at 5.56 m/s: 36 s before 900 s; leaves 240 m after it at 4 m/s: 60 s after 2100 s
    assert abs(entered.timestamp() - (T0 / S + 864)) < 15
    assert abs(left.timestamp() - (T0 / S + 2160)) < 20
    assert [(e[1], e[4] is not None) for e in facts["excursions"]] == [("above", True), ("above", False)]
    assert len(facts["alerts"]) == 1


@pytest.mark.parametrize("order", [newest_first, shuffled, repeated, single_file])
def test_any_order_of_arrival_ends_in_the_same_facts(any_database, order):
    fleet = Fleet(any_database)
    batches = drive(fleet, np.random.default_rng(1))
    found = delivered(fleet, batches, order)
    stored = fleet.rows("select (select count(*) from reading_position), (select count(*) from reading_temperature)")
    assert stored == [(len(batches[0]), len(batches[1]))]
    assert found == reference(fleet, batches)


def reference(fleet, batches):
    """The facts of the same readings delivered in order, in the same database wiped clean."""
    with psycopg.connect(fleet.dsn) as c:
        c.execute(
            "truncate log_frame, log_head, tracker_position, vehicle_state, series_state, visit, excursion, trip, "
            "alert, escalation, alert_event, case_event, change, dirty, checkpoint, eta, reading_position, "
            "reading_temperature, device_state, breach_forecast, breach_state, breach_context"
        )
    return delivered(fleet, batches, in_order)


def test_a_numbered_reading_without_a_time_is_stored_once_however_often_it_is_received(any_database):
    """Its time is that of receipt, so each delivery has another one; the first stands."""
    fleet = Fleet(any_database)
    tracker = fleet.tracker()

    def received(t_s, seq):
        fleet.append(
            fleet.batch("gps", "gps", t_s, seq=seq, boot=7, flags=Flag.SERVER_TIME, lat=60.0, lon=25.0),
            fleet.batch("status", "gps", t_s, seq=seq, boot=7, flags=Flag.SERVER_TIME, battery_ratio=0.5),
        )
        fleet.settle(tracker)

    received([10, 11, 11], [1, 2, 1])
    received([500, 500], [2, 3])
    fleet.close(tracker)
    tracker = fleet.tracker()  # what is known is in the database, not in this process
    received([600, 601, 602, 603], [4, 3, 2, 1])
    fleet.append(
        fleet.batch("gps", "gps", [600], seq=[2], boot=7, lat=60.0, lon=25.0)
    )  # another reading: it has a time
    fleet.settle(tracker)
    fleet.close(tracker)
    stored = "select seq, extract(epoch from time)::int8 - {} from {} order by time, seq"
    unclocked = [(1, 10), (2, 11), (3, 500), (4, 600)]
    assert fleet.rows(stored.format(T0 // S, "reading_status")) == unclocked
    assert fleet.rows(stored.format(T0 // S, "reading_position")) == [*unclocked[:3], (2, 600), unclocked[3]]


def test_a_late_excursion_is_raised_once_and_keeps_its_id(any_database):
    fleet = Fleet(any_database)
    t = np.arange(0, 1200, 10)
    temp_c = np.where((t > 300) & (t < 600), 9.5, 5.0)
    whole = fleet.batch("temp", "reefer", t, seq=np.arange(len(t)), boot=2, probe_id=fleet.probe, temp_c=temp_c)
    hidden = (t > 250) & (t < 700)
    tracker = fleet.tracker()
    fleet.append(whole.take(~hidden))
    fleet.settle(tracker)
    assert fleet.facts()["excursions"] == []
    fleet.append(whole.take(hidden & (t % 20 == 0)))
    fleet.settle(tracker)
    first = fleet.rows("select id, revision from excursion where superseded_at is null and not retracted")
    assert len(first) == 1
    fleet.append(whole.take(hidden))
    fleet.settle(tracker)
    again = fleet.rows("select id, revision from excursion where superseded_at is null and not retracted")
    assert [a[0] for a in again] == [f[0] for f in first]
    assert again[0][1] > first[0][1]
    assert len(fleet.rows("select 1 from alert")) == 1
    assert fleet.rows("select what from alert_event order by id")[0] == ("raised",)
    fleet.close(tracker)


def test_a_tracker_that_was_overtaken_writes_nothing(any_database):
    fleet = Fleet(any_database)
    slow = fleet.tracker()
    gps, _ = drive(fleet, np.random.default_rng(1))
    fleet.append(gps.take(np.arange(10)))
    # The slow one's connection is lost without its knowing; another takes the partition and goes on.
    assert cut(any_database, "frostway tracker") > 0
    fast = fleet.tracker()
    fleet.settle(fast)
    slow._link.close()
    with pytest.raises(LostPartitionError):
        slow.step()
    assert fleet.rows("select count(*) from reading_position") == [(10,)]
    fleet.close(fast)
    fleet.close(slow)


def test_a_second_tracker_says_once_that_it_waits_and_then_that_it_has_taken_over(database, caplog):
    caplog.set_level("INFO", "tracker.service")
    fleet = Fleet(database)
    first, second = fleet.tracker(), fleet.tracker()
    second.load()
    assert [r.message for r in caplog.records] == [
        "own partitions [0]",
        "another tracker has all 1 partitions: waiting to take over",
    ]
    fleet.close(first)
    second.load()
    assert caplog.records[-1].message == "own partitions [0]"
    fleet.close(second)


def test_after_a_restart_the_tracker_goes_on_where_it_stopped(any_database):
    fleet = Fleet(any_database)
    gps, temp = drive(fleet, np.random.default_rng(1))
    for part in np.array_split(np.arange(len(gps)), 7):
        tracker = fleet.tracker()
        fleet.append(gps.take(part), temp.take(part))
        fleet.settle(tracker)
        fleet.close(tracker)
    found = fleet.facts()
    assert found == reference(fleet, (gps, temp))


def test_a_glitch_of_one_fix_is_flagged_and_moves_nothing(any_database):
    fleet = Fleet(any_database)
    t = np.arange(0, 100, 10)
    lat = np.full(len(t), 60.05)
    lat[5] = 61.5
    tracker = fleet.tracker()
    fleet.append(fleet.batch("gps", "gps", t, lat=lat, lon=25.0, speed_mps=3.0))
    fleet.settle(tracker)
    assert fleet.rows("select flags from reading_position order by time")[5] == (16,)
    assert fleet.rows("select lat from vehicle_state") == [(60.05,)]
    fleet.close(tracker)


def test_a_shelf_falls_when_weighings_agree_and_tags_are_kept_with_their_last_reader(any_database):
    fleet = Fleet(any_database)
    tracker = fleet.tracker()
    mass = [5.02, 4.98, 4.03, 4.01, 9.0, 4.02, 3.0, 2.99, 3.0, 3.01]
    fleet.append(fleet.batch("shelf", "shelf", np.arange(10) * 5, slot_id=fleet.slot, mass_kg=mass))
    epc = "3034" + "257BF7194E4000001A85"
    tag = fleet.label("epc", 1, epc)
    fleet.append(fleet.batch("rfid", "portal", [100, 130, 160], tag_id=tag, antenna=1, rssi_dbm=-60.0))
    fleet.settle(tracker)
    levels = fleet.rows("select quantity, source from stock_level")
    assert levels == [(3.0, "weight")]
    moves = fleet.rows(
        "select quantity, delta, extract(epoch from at - min(at) over ())::int from stock_move order by id"
    )
    assert moves == [(5.0, 5.0, 0), (4.0, -1.0, 10), (3.0, -1.0, 30)]
    tag_rows = fleet.rows(
        "select z.name, octet_length(t.carry), t.antenna from tag_state t join zone z on z.id = t.zone_id"
    )
    assert tag_rows == [("dock", 114, 1)]
    assert gtin_of(epc) is not None
    fleet.close(tracker)


def test_silence_is_an_alert_that_the_next_reading_clears(any_database):
    fleet = Fleet(any_database)
    tracker = fleet.tracker()
    fleet.append(fleet.batch("gps", "gps", [0], lat=60.05, lon=25.0))
    fleet.settle(tracker)
    tracker._tick()
    fleet.now_us += 3600 * S
    tracker._tick()
    assert fleet.rows("select kind, cleared_at is null from alert") == [("silence", True)]
    tracker._tick()
    late = fleet.batch("gps", "gps", [5], lat=60.05, lon=25.0)
    fleet.append(late.take([0]))
    fleet.settle(tracker)
    tracker._tick()
    assert fleet.rows("select kind, cleared_at is null from alert") == [("silence", False)]
    fleet.close(tracker)


def test_the_silence_of_a_retired_device_is_over(any_database):
    fleet = Fleet(any_database)
    tracker = fleet.tracker()
    fleet.append(fleet.batch("gps", "gps", [0], lat=60.05, lon=25.0))
    fleet.settle(tracker)
    fleet.now_us += 3600 * S
    tracker._tick()
    assert fleet.rows("select severity, cleared_at is null from alert") == [("warning", True)]
    with psycopg.connect(fleet.dsn) as c:
        Registry(c).revoke_device("gps-1")
    tracker.engine.registry = type(tracker.engine.registry).load(tracker.store, tracker._config.partitions)
    tracker._tick()
    tracker._tick()
    assert fleet.rows("select kind, cleared_at is null from alert") == [("silence", False)]
    fleet.close(tracker)


def test_readings_on_which_a_rule_fails_are_stored_and_the_rest_goes_on(any_database, monkeypatch):
    from tracker import service  # noqa: PLC0415
    from tracker.vehicles.family import Vehicles  # noqa: PLC0415

    monkeypatch.setattr(service, "STUMBLE_WAIT_S", 0.0)
    fleet = Fleet(any_database)
    tracker = fleet.tracker()
    gps = fleet.batch("gps", "gps", [0, 10], lat=60.05, lon=25.0)
    fleet.append(gps.take([0]))

    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(Vehicles, "step", fail)
    for _ in range(service.STUMBLES_MAX + 1):
        tracker._turn()
    assert fleet.rows("select count(*) from reading_position") == [(1,)]
    monkeypatch.undo()
    fleet.append(gps.take([1]))
    tracker._turn()
    assert fleet.rows("select count(*) from reading_position") == [(2,)]
    assert len(fleet.rows("select 1 from vehicle_state")) == 1
    fleet.close(tracker)


def test_a_corridor_is_a_place_from_when_its_dwell_time_has_passed(any_database):
    """Along a shuttle's line for ten minutes: one visit; across it: none, for that is over sooner."""
    fleet = Fleet(any_database)
    line = {"type": "LineString", "coordinates": [[25.5, 60.5], [25.6, 60.5]]}
    with psycopg.connect(fleet.dsn) as c:
        place = {"lat": 60.5, "lon": 25.55, "radius_m": 100, "corridor": line, "dwell_s": 120}
        Registry(c).put_site("shuttle", label="Shuttle", kind="depot", **place)
    t = np.arange(0, 1800, 10)
    along = np.interp(t, [300, 900], [25.5, 25.6])
    lat = 60.5 + np.interp(t, [0, 300, 900, 1200], [0.02, 0, 0, 0.02])
    across = t >= 1200
    lon = np.where(across, 25.55, along)
    lat = np.where(across, np.interp(t, [1200, 1500], [60.52, 60.48]), lat)
    facts = delivered(fleet, [fleet.batch("gps", "gps", t, seq=np.arange(len(t)), boot=1, lat=lat, lon=lon)], in_order)
    ((_, _, entered, left),) = facts["visits"]
    assert 240 < entered.timestamp() - T0 / S < 310
    assert 890 < left.timestamp() - T0 / S < 1000
