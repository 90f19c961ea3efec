"""Home Assistant finds vehicles and devices on a real Mosquitto: what there is, how it is now, and no more."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from operations.deliver.decide import Attempt
from operations.deliver.home import Homes
from operations.deliver.settings import DeliverConfig
from tests.contract.mosquitto import Mosquitto, executable, mosquitto
from tests.integration.api.seed import SEALING, T0, World, minutes
from tests.integration.fleet import Fleet
from tests.integration.operations.test_brokers import add, listening
from tests.integration.operations.told import LOOPBACK
from tests.logins import of_operations

pytestmark = pytest.mark.skipif(executable() is None, reason="needs mosquitto: apt-get install mosquitto")
STATE = "cold/now/vehicles/truck-01"


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path / "broker") as found:
        yield found


@contextmanager
def homes(dsn: str, **options: Any) -> Iterator[Callable[..., int]]:
    """A round of what is due so many seconds from now; how many messages were taken."""
    made = Homes(DeliverConfig(of_operations(dsn), LOOPBACK, sealing_secret=SEALING), threading.Event(), **options)
    with ThreadPoolExecutor(4) as pool:
        yield lambda later_s=0.0: made.turn(pool, datetime.now(UTC) + timedelta(seconds=later_s))
    made.close()


def standing(broker: Mosquitto) -> dict[str, Any]:
    """What is retained there."""
    with listening(broker) as ear:
        ear.client.publish("end", b"", qos=1)
        found = {}
        while (message := ear.next()).topic != "end":
            assert message.retain
            found[message.topic] = json.loads(message.payload)
        return found


def drive(world: World) -> None:
    """A truck that has said where it is and how cold, with a battery."""
    world.move("truck-01", 60.17, 24.94)
    world.series_state("reefer-01", "air", 4.71)
    for name, ratio in (("gps-01", 0.8), ("reefer-01", None)):
        world.run(
            "insert into device_state values (%s, %s, %s, %s, %s)", world.ids[name], world.tenant_id, T0, T0, ratio
        )


def config_of(found: dict[str, Any], name: str = "vehicle-truck-01") -> dict[str, Any]:
    (topic,) = [each for each in found if each.endswith(f"-{name}/config")]
    assert topic.startswith("homeassistant/device/frostway-")
    config: dict[str, Any] = found[topic]
    return config


def test_a_vehicle_is_found_with_position_temperature_battery_alert_and_whether_it_is_heard(
    world: World, admin: httpx.Client, theirs: Mosquitto, database: str
) -> None:
    drive(world)
    made = add(admin, theirs.url, prefix="cold", home_assistant=True)
    assert (made["home_assistant"], made["discovery_prefix"], made["announced"]) == (True, "homeassistant", 0)
    world.open_alert("reefer-01", "air")
    with homes(database) as turn:
        assert turn() == 2
    found = standing(theirs)
    assert len(found) == 2  # a device that has never spoken is none
    config = config_of(found)
    assert config["origin"]["name"] == "Frostway"
    assert config["device"]["configuration_url"].endswith("/?vehicle=truck-01")
    assert {name: part["platform"] for name, part in config["components"].items()} == {
        "alert": "binary_sensor",
        "position": "device_tracker",
        "gps-01-battery": "sensor",
        "reefer-01-air-temperature": "sensor",
    }
    identities = [part["unique_id"] for part in config["components"].values()]
    assert len(set(identities)) == len(identities)
    assert "state_topic" not in config["components"]["position"]  # it would be taken for the name of a place
    assert config["components"]["reefer-01-air-temperature"]["unit_of_measurement"] == "°C"
    state = found[STATE]
    assert (state["availability"], state["alert"]) == ("online", "ON")
    assert (state["position"]["latitude"], state["position"]["longitude"]) == (60.17, 24.94)
    assert state["devices"]["reefer-01"]["probes"]["air"]["temp_c"] == 4.71
    assert state["devices"]["gps-01"]["battery_percent"] == 80
    told = admin.get("/api/v1/brokers/plant").json()
    assert (told["announced"], told["announce_error"]) == (1, None)
    assert told["announced_at"] is not None


def test_a_state_is_told_when_it_is_another_and_not_more_often_than_it_may(
    world: World, admin: httpx.Client, theirs: Mosquitto, database: str
) -> None:
    drive(world)
    add(admin, theirs.url, prefix="cold", home_assistant=True)
    with homes(database) as turn:
        assert turn() == 2
        for n in range(3):
            world.move("truck-01", 60.2 + n / 100, 24.94, T0 + minutes(n + 1))
            assert turn(n) == 0
        assert turn(11) == 1
        assert standing(theirs)[STATE]["position"]["latitude"] == 60.22
        assert turn(22) == 0  # as it was told
        assert turn(3700) == 2  # for one that has forgotten it


def test_what_is_gone_is_taken_away_and_all_of_it_when_it_is_switched_off(
    world: World, admin: httpx.Client, theirs: Mosquitto, database: str
) -> None:
    drive(world)
    world.run("insert into device_state values (%s, %s, %s, %s)", world.ids["shelf-1"], world.tenant_id, T0, T0)
    add(admin, theirs.url, prefix="cold", home_assistant=True)
    with homes(database) as turn:
        assert turn() == 4
        assert admin.get("/api/v1/brokers/plant").json()["announced"] == 2
        world.run("update device set vehicle_id = null where name = 'reefer-01'")
        turn(11)
        found = standing(theirs)
        assert config_of(found)["components"]["reefer-01-air-temperature"] == {"platform": "sensor"}
        assert "reefer-01-air-temperature" in config_of(found, "device-reefer-01")["components"]
        world.run("update vehicle set retired_at = now()")
        turn(22)
        assert [topic for topic in standing(theirs) if "truck-01" in topic] == []
        moved = admin.patch("/api/v1/brokers/plant", json={"discovery_prefix": "ha/found", "prefix": "warm"})
        assert moved.json()["discovery_prefix"] == "ha/found"
        turn(33)
        assert {topic.partition("/")[0] for topic in standing(theirs)} == {"ha", "warm"}
        off = admin.patch("/api/v1/brokers/plant", json={"home_assistant": False}).json()
        assert (off["home_assistant"], off["announced"]) == (False, 2)
        turn(44)
        assert standing(theirs) == {}
        assert admin.get("/api/v1/brokers/plant").json()["announced"] == 0
        assert turn(60) == 0


def test_a_device_that_is_silent_is_unavailable_and_one_on_its_own_is_found_too(
    world: World, admin: httpx.Client, theirs: Mosquitto, database: str
) -> None:
    drive(world)
    add(admin, theirs.url, prefix="cold", home_assistant=True)
    world.open_alert("reefer-01")
    with homes(database) as turn:
        turn()
        state = standing(theirs)[STATE]
        assert state["availability"] == "online"  # its tracker is heard
        assert state["devices"]["reefer-01"]["availability"] == "offline"
        world.open_alert("gps-01")
        turn(11)
        assert standing(theirs)[STATE]["availability"] == "offline"


def test_a_probe_cannot_name_a_template(world: World, admin: httpx.Client, theirs: Mosquitto, database: str) -> None:
    drive(world)
    evil = "'] }}{{ states }}"
    world.series_state("reefer-01", evil, 5.0)
    add(admin, theirs.url, prefix="cold", home_assistant=True)
    with homes(database) as turn:
        turn()
    parts = config_of(standing(theirs))["components"]
    templates = [text for part in parts.values() for key, text in part.items() if key.endswith("template")]
    assert len(templates) >= 4
    assert not any("states" in text for text in templates)
    assert evil in " ".join(part["name"] for part in parts.values())


def test_a_broker_that_is_away_is_asked_later_and_told_what_is_then(
    world: World, admin: httpx.Client, theirs: Mosquitto, database: str
) -> None:
    drive(world)
    add(admin, theirs.url, prefix="cold", home_assistant=True)
    theirs.stop()
    with homes(database) as turn:
        assert turn() == 0
        assert "refused" in admin.get("/api/v1/brokers/plant").json()["announce_error"].lower()
        theirs.start()
        assert turn(1) == 0  # left alone for a while
        world.move("truck-01", 61.0, 25.0, T0 + minutes(9))
        assert turn(30) == 2
    assert standing(theirs)[STATE]["position"]["latitude"] == 61.0
    assert admin.get("/api/v1/brokers/plant").json()["announce_error"] is None


def test_what_was_taken_before_a_failure_is_not_told_again_and_two_programs_never_tell_at_a_time(
    world: World, admin: httpx.Client, theirs: Mosquitto, database: str
) -> None:
    drive(world)
    add(admin, theirs.url, prefix="cold", home_assistant=True)
    heard: list[str] = []

    def cut(_url: str, _login: Any, messages: Any, taken: Callable[[int], None]) -> Any:
        with homes(database) as other:
            assert other() == 0  # the first has claimed it
        heard.extend(each.topic for each in messages)
        taken(1)
        return Attempt(None, "cut", 1)

    with homes(database, tell=cut) as turn:
        assert turn() == 1
    with homes(database) as turn:
        assert turn(30) == 1
    assert list(standing(theirs)) == [STATE]
    assert len(heard) == 2


def test_a_paused_broker_and_another_tenants_hear_nothing(
    world: World, admin: httpx.Client, theirs: Mosquitto, database: str
) -> None:
    drive(world)
    add(admin, theirs.url, prefix="cold", home_assistant=True)
    admin.patch("/api/v1/brokers/plant", json={"disabled": True})
    other = World(database, "other", " zx")
    other.furnish()
    other.run("insert into device_state values (%s, %s, %s, %s)", other.ids["reefer-01"], other.tenant_id, T0, T0)
    other.close()
    with homes(database) as turn:
        assert turn() == 0
        admin.patch("/api/v1/brokers/plant", json={"disabled": False})
        assert turn() == 2
    assert "zx" not in json.dumps(standing(theirs))


def test_what_comes_late_turns_no_newer_value_back(admin: httpx.Client, theirs: Mosquitto, database: str) -> None:
    fleet = Fleet(database)
    tracker = fleet.tracker()

    def say(at_s: float, lat: float, temp_c: float) -> None:
        fleet.append(
            fleet.batch("gps", "gps", [at_s], lat=lat, lon=25.0, speed_mps=3.0),
            fleet.batch("temp", "reefer", [at_s], probe_id=fleet.probe, temp_c=temp_c),
        )
        fleet.settle(tracker)

    def now() -> tuple[float, float]:
        state = standing(theirs)["cold/now/vehicles/truck-1"]
        return state["position"]["latitude"], state["devices"]["reefer-1"]["probes"]["rear"]["temp_c"]

    say(100, 60.1, 5.0)
    add(admin, theirs.url, prefix="cold", home_assistant=True)
    with homes(database) as turn:
        turn()
        assert now() == (60.1, 5.0)
        say(50, 60.099, 4.0)
        turn(11)
        assert now() == (60.1, 5.0)
        say(150, 60.101, 6.0)
        turn(22)
        assert now() == (60.101, 6.0)
    fleet.close(tracker)
