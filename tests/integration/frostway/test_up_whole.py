"""`frostway up --sim demo` with all its real parts: ready, alive, stopped without a trace, started again."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import psycopg
import pytest

from tests.deadlines import deadline
from tests.stack import Stack, processes_of, wait_for

Place = tuple[float, float]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("whole"), "--sim", "demo") as running:
        yield running


def places(stack: Stack) -> dict[str, Place]:
    return {v["id"]: (v["lat"], v["lon"]) for v in stack.items("/vehicles") if v["lat"] is not None}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def track_of(stack: Stack, vehicle: str) -> list[Place]:
    return [(p["lat"], p["lon"]) for p in stack.get(f"/vehicles/{vehicle}/track")["points"]]


def test_ready_is_the_only_line_on_stdout_and_the_shown_password_signs_in(stack: Stack) -> None:
    assert stack.stdout == f"ready {stack.url}\n"
    assert set(stack.facts["pids"]) == {"postgres", "broker", "ingest", "tracker", "api", "operations", "sim"}
    for path in ("/", "/healthz", "/readyz"):
        assert httpx.get(stack.url + path, trust_env=False).status_code == 200
    login = {"user": "admin", "password": stack.admin_password}
    answer = httpx.post(f"{stack.url}/api/v1/login", json=login, trust_env=False)
    assert answer.status_code == 204
    assert "fw_session" in answer.cookies


def test_the_courier_of_the_demo_is_of_its_class_and_the_trucks_are_of_none(stack: Stack) -> None:
    assert {v["id"]: v["class"] for v in stack.items("/vehicles") if v["class"]} == {"truck-08": "courier"}


def test_simulated_vehicles_move_in_what_rest_answers(stack: Stack) -> None:
    before = wait_for(lambda: found if len(found := places(stack)) == 8 else None, "all eight trucks are somewhere")
    moved = wait_for(lambda: {v for v, at in places(stack).items() if at != before[v]}, "a truck moves")
    assert moved <= set(before)
    known = {"moving", "stopped"}  # of the first fixes alone it is not known what a vehicle does
    wait_for(lambda: {v["status"] for v in stack.items("/vehicles") if v["id"] in moved} <= known, "it is known")
    newest = max(datetime.fromisoformat(v["t"]) for v in stack.items("/vehicles") if v["t"])
    assert abs((datetime.now(UTC) - newest).total_seconds()) < 60


def test_a_fresh_stacks_shelves_show_their_stock_as_soon_as_two_weighings_agree(stack: Stack) -> None:
    shelves = {"store-1/shelf/MILK-1L", "store-1/shelf/YOG-500", "store-2/shelf/MILK-1L", "store-3/shelf/MILK-1L"}
    wait_for(lambda: shelves <= {level["id"] for level in stack.items("/stock")}, "the shelves' stock")


def test_doctor_finds_a_running_stack_well(stack: Stack) -> None:
    done = stack.frostway("doctor")
    assert done.returncode == 0
    assert "bad" not in done.stdout


def test_a_new_device_publishes_with_the_login_that_was_printed_and_gets_its_receipts(stack: Stack) -> None:
    user, password = stack.add_device("gps-new", "--kind", "tracker", "--vehicle", "truck-new")
    assert user == "main/gps-new"
    t = now_ms() - 10_000
    with stack.device(user, password) as device:
        device.publish("gps", {"t": t, "lat": 60.25, "lon": 24.75, "boot": "b1", "seq": 1})
        device.receipt("b1", 1)
        later = {"t": [t + 4000, t + 6000], "lat": [60.2504, 60.2506], "lon": [24.75, 24.75], "boot": "b1", "seq": 3}
        device.publish("gps", later)
        device.publish("gps", {"t": t + 2000, "lat": 60.2502, "lon": 24.75, "boot": "b1", "seq": 2})
        device.receipt("b1", 4)
        assert ("b1", 3) not in device.receipts, "a receipt never covers a hole"
    points = wait_for(lambda: p if len(p := track_of(stack, "truck-new")) == 4 else None, "the track has four points")
    assert points == [(60.25, 24.75), (60.2502, 24.75), (60.2504, 24.75), (60.2506, 24.75)]
    vehicle = stack.get("/vehicles/truck-new")
    assert (vehicle["lat"], vehicle["lon"]) == (60.2506, 24.75)
    assert "gps-new" in stack.frostway("device", "list").stdout


def test_ctrl_c_leaves_no_process_and_the_next_start_goes_on_with_the_same_data(stack: Stack) -> None:
    user, password = stack.add_device("gps-kept", "--kind", "tracker", "--vehicle", "truck-kept")
    token = stack.token
    with stack.device(user, password) as device:
        device.publish("gps", {"t": now_ms() - 1000, "lat": 60.3, "lon": 24.9, "boot": "b1", "seq": 1})
        device.receipt("b1", 1)
    wait_for(lambda: track_of(stack, "truck-kept"), "the reading is in the database")
    passwords = (stack.data / "secrets.json").read_text()
    assert processes_of(stack.data), "the search for processes finds a running stack"
    with psycopg.connect(stack.database_url) as connection:
        before = count_readings(connection)

    assert stack.stop(signal.SIGINT) == 0
    assert [p.cmdline() for p in processes_of(stack.data)] == []
    assert stack.stdout.count("\n") == 1
    assert not (stack.data / "run.json").exists()
    gone = stack.frostway("device", "list", check=False)
    assert (gone.returncode, gone.stdout, gone.stderr.count("\n")) == (1, "", 1)

    began = time.monotonic()
    stack.start()
    print(f"second start: ready after {time.monotonic() - began:.1f} s")
    assert stack.token == token
    assert track_of(stack, "truck-kept") == [(60.3, 24.9)]
    with psycopg.connect(stack.database_url) as connection:
        assert count_readings(connection) >= before
    assert (stack.data / "secrets.json").read_text() == passwords
    with stack.device(user, password) as device:
        device.publish("gps", {"t": now_ms(), "lat": 60.3001, "lon": 24.9, "boot": "b1", "seq": 2})
        device.receipt("b1", 2)
    wait_for(lambda: len(track_of(stack, "truck-kept")) == 2, "the new reading stands behind the old one")
    old = places(stack)
    wait_for(lambda: any(at != old[v] for v, at in places(stack).items() if v in old), "the trucks go on")


def count_readings(connection: psycopg.Connection) -> int:
    row = connection.execute("select count(*) from reading_position").fetchone()
    assert row
    return int(row[0])


def test_a_second_up_on_the_same_folder_or_port_is_one_line_and_harms_nothing(stack: Stack) -> None:
    port = int(stack.url.rsplit(":", 1)[1])
    second = Stack(stack.folder / "second", "--http-port", str(port), "--no-sim")
    second.spawn()
    assert second.wait() == 1
    assert second.stdout == ""
    assert second.stderr.count("\n") == 1
    assert f"port {port} (HTTP) is in use" in second.stderr

    same = Stack(stack.folder / "same", "--data", str(stack.data), "--no-sim")
    same.spawn()
    assert same.wait() == 1
    assert same.stdout == ""
    assert same.stderr.count("\n") == 1
    assert f"is in use by process {stack.facts['pid']}" in same.stderr
    with socket.create_connection(stack.broker, timeout=deadline(5)):
        assert stack.frostway("doctor").returncode == 0
