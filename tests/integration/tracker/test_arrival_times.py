"""Arrival times in the running tracker, on a real database: kept, graded, learned from; windows that will be missed."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import numpy as np
import orjson
import psycopg
import pytest
from prometheus_client import REGISTRY

from store.db import connect
from store.link import Link
from store.registry import Registry
from store.tracking import TrackingStore
from tests.contract.test_routing import Clock, engine
from tests.deadlines import deadline
from tests.integration.api.seed import World, client, serving
from tests.integration.fleet import T0, Fleet, S
from tests.integration.tracker.test_calls import DC, TOUR, A, B, C, at, drive, ship
from tracker.arrival_times import learning
from tracker.arrival_times.family import ArrivalTimes
from tracker.arrival_times.learning import Learning, lesson_of, pack_knowledge
from tracker.arrival_times.routing import AGAIN_S, GATHER_S, Router
from tracker.arrival_times.rows import ArrivalRows
from tracker.engine.commit import Commit
from tracker.rules.forecast import Knowledge

GRADES = (
    "select stop_id, bucket, lane, arrived_at, predictions, error_min, covered, width_min, jitter_min from eta_grade "
    "order by 1, 2"
)
ETAS = "select stop_id, at, p10, p50, p90, remaining_m, late_probability, planned, decided_at from eta order by id"
LINE = [[25.0, lat] for lat in np.arange(DC, C + 0.001, 0.002).tolist()]


@pytest.fixture
def fleet(database: str) -> Fleet:
    found = Fleet(database)
    with connect(found.dsn, "test") as c, c.transaction():
        registry = Registry(c)
        for name, lat in (("store-a", A), ("store-c", C)):
            registry.put_site(name, label=name, kind="store", lat=lat, lon=25.0, radius_m=200)
    ship(found, "S-1")
    draw(found, "S-1", LINE)
    return found


def draw(fleet: Fleet, shipment: str, line) -> None:
    shape = orjson.dumps({"type": "LineString", "coordinates": line}).decode()
    with psycopg.connect(fleet.dsn) as c:
        c.execute("update shipment set planned_line = %s where name = %s", (shape, shipment))


def bound(fleet: Fleet, stop: int, end_s: float) -> None:
    with psycopg.connect(fleet.dsn) as c:
        c.execute("update stop set window_end = %s where id = %s", (at(end_s), stop))


def known(tracker) -> bytes:
    """What is known of the first tenant, as bytes."""
    return pack_knowledge(tracker.engine.family(ArrivalTimes).learning.of(1))


def told(fleet: Fleet, portions, *, restarts: bool = False) -> dict:
    """The portions come one after the other; everything that was said of them."""
    with psycopg.connect(fleet.dsn) as c:
        c.execute(
            "truncate log_frame, log_head, tracker_position, vehicle_state, visit, trip, stop_call, deviation, change, "
            "dirty, checkpoint, eta, eta_grade, eta_knowledge, eta_lesson, journey, alert, escalation, "
            "alert_event, case_event, reading_position, device_state restart identity"
        )
        c.execute("update stop set arrived_at = null, departed_at = null, learned_at = null")
        c.execute("update shipment set status = 'planned', started_at = null, delivered_at = null")
    tracker = fleet.tracker()
    for portion in portions:
        if restarts:
            fleet.close(tracker)
            tracker = fleet.tracker()
        fleet.append(portion)
        fleet.settle(tracker)
    found = {"calls": fleet.facts()["calls"], "grades": fleet.rows(GRADES), "etas": fleet.rows(ETAS)}
    found["known"] = known(tracker)
    fleet.close(tracker)
    return found


def parts(whole, seconds: float):
    """The readings in portions of so many seconds."""
    t = (whole.time_us - T0) // round(seconds * S)
    return [whole.take(t == each) for each in np.unique(t)]


def counted():
    """Arrivals graded, their errors, shares covered and widths, as Prometheus sees them."""
    names = ("graded", "error_minutes", "covered", "width_minutes")
    found = (REGISTRY.get_sample_value(f"frostway_tracker_eta_{n}_total", {"hours_out": "all"}) for n in names)
    return np.array([value or 0.0 for value in found])


def test_every_arrival_is_predicted_graded_and_learned_from_once(fleet):
    before = counted()
    found = told(fleet, parts(drive(fleet, *TOUR), 120))
    whole = [row for row in found["grades"] if row[1] == -1]
    assert counted() - before == pytest.approx([3, *np.sum([row[5:8] for row in whole], axis=0)])
    assert {row[0] for row in found["etas"]} == {2, 3, 4}  # it stood at the first when it got the shipment
    assert all(p10 <= p50 <= p90 and p50 >= made for _, made, p10, p50, p90, *_ in found["etas"])
    assert [(row[0], row[2], row[3]) for row in whole] == [
        (call[1], lane, call[3])
        for call, lane in zip(found["calls"][1:], ("dc-1 > store-a", "store-a > S-1-3", "S-1-3 > store-c"), strict=True)
    ]
    assert [sum(row[4] for row in found["grades"] if row[0] == stop and row[1] >= 0) for stop in (2, 3, 4)] == [
        row[4] for row in whole
    ]
    assert fleet.rows("select id from stop where learned_at is not null order by id") == [(1,), (2,), (3,), (4,)]
    assert fleet.rows("select seq, saved_seq, (select count(*) from eta_lesson) from eta_knowledge") == [(3, 0, 3)]
    assert fleet.rows("select count(*) from journey") == [(0,)]  # delivered


def test_what_was_learned_on_one_tour_makes_the_next_one_better(fleet):
    ship(fleet, "S-2", since=at(20_000))
    draw(fleet, "S-2", LINE)
    tracker = fleet.tracker()
    for day in range(2):
        tour = drive(fleet, *((t + 20_000 * day, lat) for t, lat in TOUR), (10_400 + 20_000 * day, C + 0.02))
        for portion in parts(tour, 120):
            fleet.append(portion)
            fleet.settle(tracker)
    fleet.close(tracker)
    first, second = (
        fleet.rows(f"select sum(error_min) from eta_grade where bucket = -1 and stop_id in ({stops})")[0][0]
        for stops in ("2, 3, 4", "6, 7, 8")
    )
    assert 0 < second < 0.9 * first


def test_a_tracker_that_is_restarted_again_and_again_says_the_same(fleet):
    portions = parts(drive(fleet, *TOUR), 300)
    at_a_stretch = told(fleet, portions)
    assert at_a_stretch == told(fleet, portions, restarts=True)
    assert len(at_a_stretch["grades"]) >= 6


def test_readings_that_come_late_end_in_the_same_calls_and_grades(fleet):
    whole = drive(fleet, *TOUR)
    t = (whole.time_us - T0) / S
    hidden = (t > 4160) & (t < 7700)  # it has come to B: nobody predicts that any more
    early = parts(whole.take(t <= 4160), 60)
    in_order = told(fleet, [*early, whole.take(hidden), *parts(whole.take(t >= 7700), 60)])
    late = told(fleet, [*early, *parts(whole.take(t >= 7700), 60), whole.take(hidden)])
    assert late["calls"] == in_order["calls"]

    def of(found):
        return [row[:5] for row in found["grades"] if row[0] in (2, 3)]

    assert of(late) == of(in_order) != []


def test_an_arrival_that_is_amended_is_graded_anew_and_teaches_no_second_time(fleet):
    tracker = fleet.tracker()
    whole = drive(fleet, *TOUR)
    t = (whole.time_us - T0) / S
    gap = (t > 2300) & (t < 2600)
    for portion in parts(whole.take(~gap & (t < 4000)), 60):
        fleet.append(portion)
        fleet.settle(tracker)
    before, taught = fleet.rows(GRADES), known(tracker)
    fleet.append(whole.take(gap))
    fleet.settle(tracker)
    after = fleet.rows(GRADES)
    arrivals = fleet.rows("select arrived_at from stop_call where stop_id = 2 and superseded_at is null")
    assert {row[3] for row in after} == {row[0] for row in arrivals} != {row[3] for row in before}
    assert known(tracker) == taught
    fleet.close(tracker)


def test_a_crash_loses_no_lesson_and_learns_none_twice(fleet, monkeypatch):
    portions = parts(drive(fleet, *TOUR), 300)
    wanted = told(fleet, portions)
    finish, failures = fleet_failure(monkeypatch)
    found = told_despite(fleet, portions, failures)
    monkeypatch.setattr(Commit, "_finish", finish)
    assert found["known"] == wanted["known"]
    assert found["grades"] == wanted["grades"]
    assert len(failures) == 3


class CrashError(Exception):
    pass


def fleet_failure(monkeypatch):
    """Every step that teaches fails once, at its very end."""
    finish, failures = Commit._finish, []

    def fail(self, cursor, step, taken):
        finish(self, cursor, step, taken)
        rows = step.part(ArrivalRows)
        if rows.lessons and rows.learned not in failures:
            failures.append(rows.learned)
            raise CrashError

    monkeypatch.setattr(Commit, "_finish", fail)
    return finish, failures


def told_despite(fleet, portions, failures):
    step = Fleet.settle

    def settle(self, tracker):
        while True:
            try:
                return step(self, tracker)
            except CrashError:
                tracker.load()

    with pytest.MonkeyPatch.context() as m:
        m.setattr(Fleet, "settle", settle)
        return told(fleet, portions)


def test_knowledge_survives_a_restart_byte_by_byte_also_from_a_snapshot(fleet, monkeypatch):
    monkeypatch.setattr(learning, "SAVE_EVERY", 2)
    tracker = fleet.tracker()
    for portion in parts(drive(fleet, *TOUR), 120):
        fleet.append(portion)
        fleet.settle(tracker)
    before = known(tracker)
    fleet.close(tracker)
    assert fleet.rows("select seq, saved_seq, (select count(*) from eta_lesson) from eta_knowledge") == [(3, 2, 1)]
    tracker = fleet.tracker()
    assert known(tracker) == before
    fleet.close(tracker)


def test_two_trackers_teach_one_tenant_in_one_order(fleet, monkeypatch):
    monkeypatch.setattr(learning, "SAVE_EVERY", 5)
    links = [Link(fleet.dsn, f"test {n}") for n in range(2)]
    pupils = [Learning(TrackingStore(link)) for link in links]
    rng = np.random.default_rng(1)
    for n in range(17):
        who = int(rng.integers(2))
        lesson = lesson_of(
            {
                "t_us": [T0 + n * 600 * S], "way_m": [float(rng.uniform(1e3, 5e4))], "bearing_rad": [0.3],
                "base_s": [np.nan], "number": [n % 3], "origin": [1], "goal": [2], "lon": [25.0],
                "travel_s": [float(rng.uniform(300, 5000))], "arrival": [0], "trip": [n], "predicted_s": [900.0],
                "state": [0], "lane": [n % 3], "said_s": [900.0, 950.0, np.nan, np.nan, np.nan],
                "observed_s": [float(rng.uniform(300, 1800))],
            }
        )  # fmt: skip
        with links[who].connection.transaction(), links[who].connection.cursor() as cursor:
            pupils[who].teach(cursor, 1, lesson)
    for pupil in pupils:
        pupil.look_around()
    fresh = Learning(TrackingStore(links[0]))
    assert pack_knowledge(fresh.of(1)) == pack_knowledge(pupils[0].of(1)) == pack_knowledge(pupils[1].of(1))
    assert fresh.seq(1) == pupils[0].seq(1) == 17
    slow = Learning(TrackingStore(links[0]))
    slow._known[1] = learning._Known(Knowledge.none(), 3)  # it read a snapshot, then another one was made
    slow._catch_up(1)
    assert slow.seq(1) == 17
    assert pack_knowledge(slow.of(1)) == pack_knowledge(fresh.of(1))
    assert fleet.rows("select saved_seq, (select count(*) from eta_lesson) from eta_knowledge") == [(15, 2)]
    for link in links:
        link.close()


def news(fleet: Fleet):
    return [what for (what,) in fleet.rows("select what from alert_event order by id")]


def test_a_window_that_will_be_missed_is_told_once_and_is_over_on_arrival(fleet):
    bound(fleet, 2, 2000)  # it will come at 2 380 s
    tracker = fleet.tracker()
    risks = []
    for portion in parts(drive(fleet, *TOUR[:4], (4000, B - 0.02)), 60):
        fleet.append(portion)
        fleet.settle(tracker)
        risks.append((news(fleet), fleet.rows("select cleared_at from alert where kind = 'late_risk'")))
    assert news(fleet) == ["raised", "cleared"]
    assert sum(1 for said, _ in risks if said == ["raised"]) > 5
    ((kind, title, device, opened, cleared, revision),) = fleet.rows(
        "select kind, title, device_id, opened_at, cleared_at, revision from alert"
    )
    assert (kind, title, device, revision) == ("late_risk", "S-1 may miss its window at store-a", fleet.ids["gps"], 2)
    assert opened < at(2000)
    assert cleared == fleet.rows("select arrived_at from stop where id = 2")[0][0]
    put = [c["data"] for (b,) in fleet.rows("select body from change order by seq") for c in of(b, "alerts")]
    assert [(c["kind"], c["state"], c["subject"]["id"]) for c in put] == [
        ("late_risk", "active", "truck-1"),
        ("late_risk", "cleared", "truck-1"),
    ]
    fleet.close(tracker)


def of(body, topic):
    return orjson.loads(bytes(body)).get(topic, ())


def test_a_risk_goes_and_comes_with_the_window_and_a_restart_does_not_repeat_it(fleet):
    bound(fleet, 2, 2000)
    whole = drive(fleet, *TOUR[:3])
    tracker = fleet.tracker()
    portions = parts(whole.take((whole.time_us - T0) / S < 2200), 60)
    said = []
    for n, portion in enumerate(portions):
        if n == 25:  # of 36: it is on its way
            bound(fleet, 2, 9000)
            tracker.engine.registry = tracker.engine.registry.load(tracker.store, 1)
        if n == 28:
            bound(fleet, 2, 1600)
            tracker.engine.registry = tracker.engine.registry.load(tracker.store, 1)
        if n in (23, 27, 30):
            fleet.close(tracker)
            tracker = fleet.tracker()
        fleet.append(portion)
        fleet.settle(tracker)
        said.append(news(fleet))
    assert said[24] == ["raised"]
    assert said[27] == ["raised", "cleared"]
    assert said[-1] == ["raised", "cleared", "reopened"]
    assert fleet.rows("select count(*), max(revision) from alert where kind = 'late_risk'") == [(1, 3)]
    with psycopg.connect(fleet.dsn) as c:  # nobody brings it any more
        c.execute("update shipment set vehicle_id = null")
    tracker.engine.registry = tracker.engine.registry.load(tracker.store, 1)
    fleet.append(fleet.batch("gps", "gps", [2300], seq=[900], boot=1, lat=[A - 0.01], lon=25.0))
    fleet.settle(tracker)
    fleet.close(tracker)
    assert news(fleet)[-1] == "cleared"


def test_what_is_pushed_is_what_rest_tells_and_grades_can_be_asked_for(fleet):
    bound(fleet, 4, 9100)
    tracker = fleet.tracker()
    whole = drive(fleet, *TOUR)
    t = (whole.time_us - T0) / S
    for portion in parts(whole.take(t < 5000), 60):
        fleet.append(portion)
        fleet.settle(tracker)
    pushed = {}
    for (body,) in fleet.rows("select body from change order by seq"):
        for change in of(body, "shipments"):
            pushed |= change["data"]
    world = World(fleet.dsn)
    with serving(fleet.dsn) as url, client(url, world.token("viewer")) as api:
        shown = api.get("/api/v1/shipments/S-1").json()
        assert shown["stops"] == pushed["stops"]
        assert [s["eta"] is not None for s in shown["stops"]] == [False, False, False, True]
        assert 0 <= shown["stops"][3]["eta"]["late_probability"] <= 1
        assert shown["stops"][3]["eta"].keys() == {
            "p10", "p50", "p90", "remaining_m", "late_probability", "few_trips", "decided_at"
        }  # fmt: skip
        carried = api.get("/api/v1/vehicles").json()["items"][0]["shipment"]
        assert carried["few_trips"] == shown["stops"][3]["eta"]["few_trips"] == 1, "it was on one trip, this one"
        assert {few for (few,) in fleet.rows("select few_trips from eta")} == {0, 1}
        fleet.append(whole.take(t >= 5000))
        fleet.settle(tracker)
        found = api.get("/api/v1/eta/grades").json()["items"]
        assert [found[0]["key"], found[0]["arrivals"]] == ["all", 3]
        assert [g["key"] for g in found[1:]] == sorted(
            (g["key"] for g in found[1:]), key=lambda k: float(k.strip("<> =h").split("-")[0]) * (k[0] != "<")
        )
        mean = fleet.rows("select avg(error_min), avg(covered), sum(predictions) from eta_grade where bucket = -1")[0]
        assert (found[0]["mae_min"], found[0]["coverage"]) == pytest.approx(mean[:2], abs=1e-4)
        assert found[0]["predictions"] == mean[2]
        lanes = api.get("/api/v1/eta/grades?by=lane").json()["items"]
        assert [g["key"] for g in lanes] == ["S-1-3 > store-c", "dc-1 > store-a", "store-a > S-1-3"]
        pages = api.get("/api/v1/eta/grades?by=lane&limit=2")
        assert api.get(pages.links["next"]["url"]).json()["items"] == lanes[2:]
        assert [g["key"] for g in api.get("/api/v1/eta/grades?by=vehicle").json()["items"]] == ["truck-1"]
        assert [g["arrivals"] for g in api.get("/api/v1/eta/grades?by=day").json()["items"]] == [3]
        first = (at(3000) + timedelta(0)).isoformat().replace("+00:00", "Z")
        assert api.get(f"/api/v1/eta/grades?to={first}").json()["items"][0]["arrivals"] == 1
        assert api.get(f"/api/v1/eta/grades?from={first}").json()["items"][0]["arrivals"] == 2
        assert api.get(f"/api/v1/eta/grades?from={first}&to=2020-01-01T00:00:00Z").status_code == 422
        other = World(fleet.dsn, "other")
        with client(url, other.token("viewer")) as stranger:
            assert stranger.get("/api/v1/eta/grades").json()["items"] == []
        other.close()
    world.close()
    fleet.close(tracker)


def straight(path: str, body: bytes):
    """An OSRM whose roads are straight, at 16 m/s."""
    way = path.removeprefix("/route/v1/driving/").split("?")[0]
    points = [[float(v) for v in place.split(",")] for place in way.split(";")]
    legs = []
    for (_, south), (_, north) in pairwise(points):
        legs.append({"annotation": {"duration": [abs(north - south) * 111_195 / 16]}})
    return 200, {"code": "Ok", "routes": [{"geometry": {"coordinates": points}, "legs": legs}]}


def test_roads_are_asked_for_kept_and_asked_for_again_when_the_vehicle_has_left_them(fleet):
    clock = Clock()
    whole = drive(fleet, *TOUR[:2], (3000, A + 0.01))
    t = (whole.time_us - T0) / S
    with engine(straight) as (url, asked):
        tracker = fleet.tracker()
        router = tracker.engine.family(ArrivalTimes)._router = Router(url, clock)

        def answered(portion):
            """After the portion there is an answer, which the next one finds."""
            fleet.append(portion)
            fleet.settle(tracker)
            with router._answers.mutex:
                while not router._answers._qsize():
                    assert router._answers.not_empty.wait(deadline(10))
            clock.now += GATHER_S

        answered(whole.take(t <= 600))
        assert fleet.rows("select count(*) from route") == [(0,)]
        for portion in parts(whole.take((t > 600) & (t < 1800)), 120):
            fleet.append(portion)
            fleet.settle(tracker)
        assert [path.count(";") for path in asked] == [3]
        assert fleet.rows("select count(*) from route") == [(1,)]
        assert fleet.rows("select planned from eta order by id limit 3") == [(False,)] * 3
        assert fleet.rows("select planned from eta order by id desc limit 3") == [(True,)] * 3
        fleet.close(tracker)
        tracker = fleet.tracker()
        fleet.append(whole.take((t >= 1800) & (t < 1900)))
        fleet.settle(tracker)
        assert fleet.rows("select planned from eta order by id desc limit 1") == [(True,)]
        tracker.engine.family(ArrivalTimes)._router = router
        clock.now += AGAIN_S
        answered(fleet.batch("gps", "gps", [2000, 2020], seq=[900, 901], boot=1, lat=A - 0.05, lon=25.1))
        ahead = ";".join(f"25.000000,{lat:.6f}" for lat in (A, B, C))
        assert asked[-1].split("?")[0].endswith(f"/25.100000,60.050000;{ahead}")
        fleet.append(fleet.batch("gps", "gps", [2060], seq=[902], boot=1, lat=A - 0.045, lon=25.09))
        fleet.settle(tracker)
        assert fleet.rows("select planned, remaining_m < 8000 from eta where stop_id = 2 order by id desc limit 1") == [
            (True, True)
        ]
        router.close()
        fleet.close(tracker)
