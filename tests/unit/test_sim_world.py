"""The simulated world: the same seed is the same day, trucks drive, boxes warm and cool, goods are read and taken."""

from collections import Counter
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.habits import habits, suggested
from firmware_sim import drive, geography, stockroom, thermal
from firmware_sim.events import Event, Reading
from firmware_sim.simulation import Simulation
from firmware_sim.world import build
from tracker.rules import motion, trips

START_S = 1_795_000_000.0
DAY_S = 86_400.0
STREAM_KEYS = {
    "gps": {"t", "lat", "lon", "spd", "hdg", "acc", "odo", "ign"},
    "temp": {"t", "probe", "c", "rh"},
    "rfid": {"t", "ant", "epc", "rssi"},
    "shelf": {"t", "slot", "kg"},
    "door": {"t", "door", "open"},
    "attr": {"t", "key", "num"},
}


def lived(name: str, seconds: float, seed: int = 7) -> tuple[list[tuple[str, str, Reading]], list[Event]]:
    sim = Simulation(build(name, seed), seed, START_S)
    return sim.advance(START_S + seconds), sim.take_events()


@cache
def demo_day() -> tuple[list[tuple[str, str, Reading]], list[Event]]:
    return lived("demo", DAY_S)


def temps(readings: list[tuple[str, str, Reading]], device: str, probe: str) -> list[tuple[float, float]]:
    return [
        (r["t"] / 1000 - START_S, r["c"])
        for d, stream, r in readings
        if d == device and stream == "temp" and r["probe"] == probe
    ]


def test_the_same_seed_gives_the_same_readings_and_another_seed_others() -> None:
    assert lived("small", 1800) == lived("small", 1800)
    assert lived("small", 1800)[0] != lived("small", 1800, seed=8)[0]


@settings(max_examples=8, deadline=None)
@given(st.lists(st.floats(0, 900), max_size=6))
def test_readings_do_not_depend_on_how_time_is_cut_up(cuts: list[float]) -> None:
    world = build("small", 3)
    whole, parts = Simulation(world, 3, START_S), Simulation(world, 3, START_S)
    together = [reading for cut in sorted(cuts) for reading in parts.advance(START_S + cut)]
    together += parts.advance(START_S + 900)
    assert together == whole.advance(START_S + 900)
    assert parts.take_events() == whole.take_events()


def test_a_day_of_the_demo_is_in_time_order_and_every_stream_has_its_keys() -> None:
    readings, events = demo_day()
    times = [r["t"] for _, _, r in readings]
    assert times == sorted(times)
    assert times[-1] < (START_S + DAY_S) * 1000
    assert set(Counter(stream for _, stream, _ in readings)) == {*STREAM_KEYS, "status"}
    silent = {d.id for d in build("demo", 7).devices if not d.tells_speed}
    assert len(silent) == 1
    untold = {True: {"spd"}, False: set()}
    assert all(set(r) == STREAM_KEYS[s] - untold[d in silent] for d, s, r in readings if s != "status")
    assert [e.t_ms for e in events] == sorted(e.t_ms for e in events)


def test_every_device_of_the_demo_speaks_at_least_every_two_minutes() -> None:
    world = build("demo", 7)
    last = {d.id: START_S * 1000 for d in world.devices}
    worst = dict.fromkeys(last, 0.0)
    for device, _, reading in demo_day()[0]:
        worst[device] = max(worst[device], reading["t"] - last[device])
        last[device] = reading["t"]
    assert max(worst.values()) <= 120_000


def test_trucks_move_from_the_start_at_plausible_speeds_and_never_jump() -> None:
    readings, _ = lived("demo", 7200)
    for n in range(1, 8):
        fixes = [r for d, s, r in readings if d == f"gps-{n:02d}" and s == "gps"]
        first = [f for f in fixes if f["t"] < (START_S + 60) * 1000]
        assert sum(f["spd"] > 1 for f in first) >= len(first) * 0.6, "stands still in the first minute"
        t = np.array([f["t"] for f in fixes]) / 1000
        x, y = geography.to_xy(np.array([f["lat"] for f in fixes]), np.array([f["lon"] for f in fixes]))
        implied = np.hypot(np.diff(x), np.diff(y)) / np.diff(t)
        assert implied.max() < 40
        speeds = np.array([f["spd"] for f in fixes])
        assert speeds.max() < 27
        assert (np.abs(np.diff(speeds)) / np.diff(t)).max() < 2.5
        moved = np.diff([f["odo"] for f in fixes])
        assert (moved >= 0).all()


def test_the_courier_of_the_demo_halts_at_doorsteps_that_its_class_finds_without_a_speed() -> None:
    readings, events = lived("demo", 6 * 3600)
    (vehicle,) = (v for v in build("demo", 7).vehicles if v.of_class)
    (device,) = (d for d in build("demo", 7).devices if not d.tells_speed)
    assert (vehicle.of_class, device.vehicle) == ("courier", vehicle.id)
    doorsteps = [(e.t_ms * 1000, e.detail["until"] * 1000) for e in events if e.kind == "doorstep"]
    assert {e.subject for e in events if e.kind == "doorstep"} == {vehicle.id}
    assert len(doorsteps) > 40
    assert all(45e6 <= on - halt <= 110e6 for halt, on in doorsteps)
    fixes = [r for d, s, r in readings if d == device.id and s == "gps"]
    t, lat, lon, acc = (np.array([f[key] for f in fixes]) for key in ("t", "lat", "lon", "acc"))
    unknown, ignition = np.full(len(t), np.nan), np.array([f["ign"] for f in fixes], np.int8)
    rows = trips.Rows(np.ones(len(t), np.int64), t * 1000, lat, lon, acc, unknown, ignition, unknown.copy())

    def found(limits: motion.Limits) -> float:
        segments = trips.evaluate(rows, limits)
        stops = segments.take(segments.kind == trips.STOP)
        spans = list(zip(stops.start_us.tolist(), stops.end_us.tolist(), strict=True))
        return np.mean([any(min(b, on) - max(a, halt) > (on - halt) / 2 for a, b in spans) for halt, on in doorsteps])

    assert suggested(habits(rows.t_us, lat, lon)) == "courier"
    assert found(motion.OF_CLASS["courier"]) > 0.95
    assert found(motion.OF_CLASS["truck"]) < 0.1


def told(key: str, readings: list[tuple[str, str, Reading]]) -> dict[str, list[tuple[int, float]]]:
    """(t, number) of a value, by device."""
    found: dict[str, list[tuple[int, float]]] = {}
    for device, stream, r in readings:
        if stream == "attr" and r["key"] == key:
            found.setdefault(device, []).append((r["t"], r["num"]))
    return found


def test_a_tank_empties_by_what_is_burnt_on_the_road_and_is_filled_at_the_depot_alone() -> None:
    readings, events = demo_day()
    fuel, burnt = told("fuel_ratio", readings), told("fuel_lph", readings)
    about = {f"gps-{n:02d}": v.about for n, v in enumerate(build("demo", 7).vehicles, start=1)}
    assert set(fuel) == set(burnt) == {d for d, each in about.items() if each and each.nominal_fuel_lph}
    left_depot = {(e.subject[-2:], e.t_ms) for e in events if e.kind == "departed" and e.detail["site"] == "dc-1"}
    filled = 0
    for device, levels in fuel.items():
        for (before, had), (at, has) in pairwise(levels):
            if has > had:
                filled += 1
                assert (had < 0.4, has > 0.9) == (True, True)
                assert any(n == device[-2:] and before <= t <= at for n, t in left_depot)
        assert min(level for _, level in levels) > 0
        on_the_road = [lph for _, lph in burnt[device] if lph > 0]
        nominal = about[device]
        assert nominal is not None
        assert nominal.nominal_fuel_lph is not None
        assert 0.5 < np.mean(on_the_road) / nominal.nominal_fuel_lph < 1.3
    assert filled > 6


def test_values_come_at_the_time_of_a_fix_so_that_it_is_known_whether_the_vehicle_drove() -> None:
    readings, _ = lived("demo", 3600)
    fixes = {(d, r["t"]) for d, stream, r in readings if stream == "gps"}
    beside = {(d, r["t"]) for d, stream, r in readings if stream == "attr"}
    assert beside <= fixes
    assert len(beside) >= 8 * 100


def test_a_load_falls_drop_by_drop_never_beyond_what_may_be_carried() -> None:
    readings, events = demo_day()
    world = build("demo", 7)
    for n, vehicle in enumerate(world.vehicles, start=1):
        assert vehicle.about is not None
        loads = told("load_kg", readings)[f"gps-{n:02d}"]
        assert 0 < min(kg for _, kg in loads) < max(kg for _, kg in loads) <= vehicle.about.load_capacity_kg
        left = [(e.t_ms, e.detail["site"]) for e in events if e.kind == "departed" and e.subject == vehicle.id]
        for t, site in left[:20]:
            before = [kg for at, kg in loads if t - 120_000 <= at < t]
            after = [kg for at, kg in loads if t <= at < t + 120_000]
            assert (np.mean(after) > np.mean(before)) == (site == "dc-1")


def test_a_fresh_demo_has_trucks_that_are_low_on_fuel_and_nearly_full() -> None:
    readings, _ = lived("demo", 180)
    capacity = {f"gps-{n:02d}": v.about for n, v in enumerate(build("demo", 7).vehicles, start=1)}
    low = [d for d, levels in told("fuel_ratio", readings).items() if levels[-1][1] < 0.1]
    full = [
        d for d, loads in told("load_kg", readings).items()
        if (about := capacity[d]) and loads[-1][1] > 0.9 * about.load_capacity_kg
    ]  # fmt: skip
    assert {"gps-02", "gps-06"} <= set(low)
    assert {"gps-03", "gps-05"} <= set(full)


def test_trucks_reach_the_sites_of_their_tour_in_order() -> None:
    world = build("demo", 7)
    _, events = demo_day()
    for vehicle in world.vehicles:
        visited = [e.detail["site"] for e in events if e.kind == "arrived" and e.subject == vehicle.id]
        tour = [vehicle.tour[(vehicle.first_leg + 1 + i) % len(vehicle.tour)] for i in range(len(visited))]
        assert visited == tour
        assert len(visited) > 20


def test_at_an_arrival_the_truck_is_within_the_radius_of_the_site() -> None:
    world = build("demo", 7)
    readings, events = lived("demo", 7200)
    fixes = {v.id: [r for d, s, r in readings if d == f"gps-{v.id[-2:]}" and s == "gps"] for v in world.vehicles}
    checked = 0
    for event in events:
        if event.kind == "arrived":
            site = world.site(event.detail["site"])
            after = next((f for f in fixes[event.subject] if f["t"] >= event.t_ms), None)
            if after:
                (x, x0), (y, y0) = geography.to_xy(
                    np.array([after["lat"], site.lat]), np.array([after["lon"], site.lon])
                )
                assert np.hypot(x - x0, y - y0) < site.radius_m
                checked += 1
    assert checked > 10


def test_roads_bend_but_do_not_zigzag() -> None:
    for origin, goal in (("dc-1", "store-1"), ("store-3", "customer-3"), ("customer-2", "store-2")):
        line = geography.route(origin, goal)
        x, y = geography.to_xy(line.lat, line.lon)
        straight = np.hypot(x[-1] - x[0], y[-1] - y[0])
        assert 1.02 < line.length_m / straight < 2.2
        turns = (np.diff(line.bearing_deg) + 180) % 360 - 180
        assert np.mean(np.abs(turns)) < 6
        assert np.median(np.abs(turns)) > 0.05


def test_a_speed_profile_respects_limits_acceleration_and_braking() -> None:
    line = geography.route("dc-1", "store-3")
    speed = drive.speed_profile(line.along_m, line.limit_mps)
    gain = np.diff(speed**2) / (2 * np.diff(line.along_m))
    assert speed[0] == speed[-1] == 0
    assert (speed <= line.limit_mps + 1e-9).all()
    assert gain.max() <= drive.ACCELERATION_MPS2 + 1e-6
    assert gain.min() >= -drive.BRAKING_MPS2 - 1e-6


@pytest.mark.parametrize("seed", [1, 7, 42])
def test_the_failing_reefer_passes_its_limit_within_about_a_minute(seed: int) -> None:
    for hour in (0, 6, 12, 18):
        start_s = START_S + hour * 3600
        readings = Simulation(build("demo", seed), seed, start_s).advance(start_s + 300)
        box = [(r["t"] / 1000 - start_s, r["c"]) for d, s, r in readings if d == "reefer-04" and s == "temp"]
        assert 15 <= next(t for t, c in box if c > 8) <= 75
        assert max(c for _, c in box) > 8.5


def test_a_failed_compressor_warms_the_box_and_a_repaired_one_cools_it_again() -> None:
    readings, events = demo_day()
    rear = temps(readings, "reefer-04", "rear")
    assert max(c for t, c in rear if t < 1300) > 14
    assert max(c for t, c in rear if 3600 < t < 3 * 3600) < 8
    kinds = Counter((e.kind, e.subject) for e in events if e.kind.startswith("excursion"))
    assert kinds["excursion_start", "reefer-04"] >= 8
    assert sum(n for (_, device), n in kinds.items() if device != "reefer-04") <= 8


def test_healthy_reefers_stay_between_two_and_eight_degrees_nearly_always() -> None:
    readings, _ = demo_day()
    for n in (1, 2, 3, 5, 6, 7, 8):
        for probe in ("front", "rear"):
            values = np.array([c for _, c in temps(readings, f"reefer-{n:02d}", probe)])
            assert np.mean((values >= 2) & (values <= 8)) > 0.995


def test_an_open_door_warms_the_box_and_it_recovers() -> None:
    box = thermal.Box(thermal.REEFER, 4.0, ("front", "rear"))
    for _ in range(24):
        box.step(5.0, 22.0, door_open=True, healthy=True, defrost=False)
    peak = box.air_c
    for _ in range(120):
        box.step(5.0, 22.0, door_open=False, healthy=True, defrost=False)
    assert 5 < peak < 9
    assert box.air_c < 5


@given(st.floats(-30, 40), st.floats(-30, 40), st.integers(1, 50))
def test_one_long_step_of_a_box_equals_many_short_ones(air_c: float, outside_c: float, parts: int) -> None:
    one, many = (thermal.Box(thermal.REEFER, air_c, ()) for _ in range(2))
    one.step(300.0, outside_c, door_open=True, healthy=False, defrost=False)
    for _ in range(parts):
        many.step(300.0 / parts, outside_c, door_open=True, healthy=False, defrost=False)
    assert abs(one.air_c - many.air_c) < 1e-6


def test_the_lively_shelf_loses_an_item_every_ten_to_twenty_seconds_and_is_refilled() -> None:
    readings, events = lived("demo", 1800)
    slot = [e for e in events if e.kind == "shelf_count" and e.detail["slot"] == "A-01-1"]
    gaps = np.diff([e.t_ms for e in slot if e.detail["what"] == "taken"])
    assert 8_000 < np.median(gaps) < 22_000
    assert any(e.detail["what"] == "refilled" and e.detail["count"] == 24 for e in slot)
    assert min(e.detail["count"] for e in slot) == stockroom.REFILL_AT
    assert slot[1].t_ms < (START_S + 30) * 1000
    kg = [r["kg"] for d, s, r in readings if s == "shelf" and r["slot"] == "A-01-1"]
    assert max(kg) < 24 * 1.03 + 0.1


def test_the_weight_on_a_shelf_tells_the_true_count() -> None:
    readings, events = lived("demo", 3600)
    unit_kg = build("demo", 7).product("MILK-1L").unit_mass_kg
    counts = [(e.t_ms, e.detail["count"]) for e in events if e.kind == "shelf_count" and e.detail["slot"] == "A-01-1"]
    for _, stream, reading in readings:
        if stream == "shelf" and reading["slot"] == "A-01-1":
            true = [count for t, count in counts if t <= reading["t"]][-1]
            assert round(reading["kg"] / unit_kg) == true


def test_sgtin_codes_agree_with_the_published_vector() -> None:
    assert stockroom.sgtin96("80614141123458", 7, 6789, filter_value=3) == "3074257BF7194E4000001A85"
    with pytest.raises(ValueError, match="not an SGTIN-96"):
        stockroom.sgtin96("123", 7, 1)


def test_the_portal_reads_most_of_what_passes_and_the_truth_knows_every_case() -> None:
    readings, events = lived("demo", 4 * 3600)
    moved = {e.subject: e for e in events if e.kind == "tag_moved" and e.detail["to"].startswith("truck")}
    assert len(moved) > 50
    reads = [r for d, s, r in readings if d == "portal-dc-1" and s == "rfid"]
    seen = {r["epc"] for r in reads}
    assert len(moved.keys() & seen) / len(moved) > 0.97
    antennas = {r["ant"] for r in reads}
    assert antennas == {1, 2}
    outwards = 0
    for epc, event in moved.items():
        passing = [r["ant"] for r in reads if r["epc"] == epc and 0 <= event.t_ms - r["t"] < stockroom.PASS_MS]
        outwards += bool(passing) and passing[0] < passing[-1]
    assert outwards / len(moved) > 0.8


def test_the_first_truck_reaches_the_portal_and_the_second_a_store_within_two_minutes() -> None:
    _, events = lived("demo", 120)
    arrived = {(e.subject, e.detail["site"]) for e in events if e.kind == "arrived"}
    assert arrived >= {("truck-01", "dc-1"), ("truck-02", "store-1")}


def test_ids_are_names_and_every_reference_points_at_something() -> None:
    for name in ("small", "demo", "fleet-30"):
        world = build(name, 7)
        ids = [d.id for d in world.devices]
        assert len(set(ids)) == len(ids)
        assert all(i == i.lower() and " " not in i for i in ids)
        for device in world.devices:
            assert bool(device.vehicle) != bool(device.site)
            if device.vehicle:
                world.vehicle(device.vehicle)
            if device.site:
                assert device.zone in {z.id for z in world.site(device.site).zones}
            if device.profile:
                world.profile(device.profile)
            for slot in device.slots:
                world.product(slot.sku)
        for shipment in world.shipments:
            world.vehicle(shipment.vehicle)
            assert shipment.stops
            assert [s.seq for s in shipment.stops] == list(range(1, len(shipment.stops) + 1))
            end = np.array(shipment.planned_line[-1])
            last = shipment.stops[-1]
            assert np.abs(end - [last.lon, last.lat]).max() < 1e-4
            assert all(s.window_start_s < s.window_end_s for s in shipment.stops)


def test_product_gtins_have_a_right_check_digit() -> None:
    for product in build("demo", 7).products:
        digits = [int(c) for c in product.gtin]
        assert (sum(d * (3 if i % 2 == 0 else 1) for i, d in enumerate(digits[:-1])) + digits[-1]) % 10 == 0


def test_an_unknown_world_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match="demo, small or fleet-N"):
        build("mars", 1)
    assert len(build("fleet-12", 1).vehicles) == 12
