"""What a simulated device does when it is told something: once, in time, and answered each time."""

import orjson
import pytest

from firmware_sim.commands import KNOWN_MAX, Commands
from firmware_sim.device import Device
from firmware_sim.faults import FaultPlan, Faults

NOW_S = 1_795_000_000.0


@pytest.fixture
def device() -> Device:
    return Device("d", "b", FaultPlan(Faults(), 1, "d", NOW_S))


def told(number: int, name: str, argument: object = None, exp: float = NOW_S + 60) -> bytes:
    return orjson.dumps({"id": number, "cmd": name, "arg": argument, "exp": round(exp * 1000)})


def test_it_answers_a_ping_and_says_what_it_does_not_know(device: Device) -> None:
    ear = Commands(device)
    assert orjson.loads(ear.hear(told(1, "ping"), NOW_S) or b"") == {"id": 1, "ok": True, "text": "pong"}
    assert orjson.loads(ear.hear(told(2, "fly"), NOW_S) or b"")["ok"] is False


def test_it_reboots_once_however_often_it_is_told(device: Device) -> None:
    ear = Commands(device)
    answers = {ear.hear(told(3, "reboot"), NOW_S) for _ in range(3)}
    assert (len(answers), device.boot) == (1, "b-1")
    ear.hear(told(4, "reboot"), NOW_S)
    assert device.boot == "b-2"


def test_what_has_expired_or_is_no_command_is_left_alone(device: Device) -> None:
    ear = Commands(device)
    assert ear.hear(told(5, "reboot", exp=NOW_S), NOW_S) is None
    assert [ear.hear(each, NOW_S) for each in (b"", b"[]", b"{}", b'{"id":1,"cmd":"ping"}')] == [None] * 4
    assert device.boot == "b"


def test_an_interval_thins_what_is_measured_by_probe_and_no_events(device: Device) -> None:
    ear = Commands(device)
    for wrong in (None, {}, {"seconds": "9"}, {"seconds": -1}, {"seconds": True}, {"seconds": 1e9}):
        assert orjson.loads(ear.hear(told(id(wrong) % 2**40, "interval", wrong), NOW_S) or b"")["ok"] is False, wrong
    assert orjson.loads(ear.hear(told(7, "interval", {"seconds": 30}), NOW_S) or b"")["ok"] is True
    taken = [
        (t, probe)
        for t in range(0, 70, 10)
        for probe in ("rear", "front")
        if device.measures("temp", {"t": t * 1000, "probe": probe})
    ]
    assert taken == [(t, probe) for t in (0, 30, 60) for probe in ("rear", "front")]
    assert all(device.measures("door", {"t": 0}) for _ in range(3))


def test_it_remembers_only_so_many(device: Device) -> None:
    ear = Commands(device)
    for number in range(KNOWN_MAX * 2):
        ear.hear(told(number, "ping"), NOW_S)
    assert len(ear._answered) == KNOWN_MAX
