"""Devices that speak other formats, from their topic to the tables: whose readings they are, who may speak for whom."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import orjson
import pytest

from ingest.directory import Directory
from ingest.prepare import Prepared, Preparer
from store.db import connect
from store.labels import Labels
from store.link import Link
from store.log import PostgresLog
from store.registry import DeviceSpec, Registry, RegistryError
from tests.integration.fleet import T0, Fleet
from tests.unit.wire.test_formats import BIRTH, OWNTRACKS, RAWV2, metric, payload
from tests.unit.wire.test_lorawan import EUI, TTS

TAG = "CB:B8:33:4C:88:4F"


class Door:
    """Messages through ingest's preparation into the log, and the tracker behind."""

    def __init__(self, dsn: str) -> None:
        self.fleet = Fleet(dsn)
        self.link, self.write = Link(dsn, "test"), Link(dsn, "test")
        self.preparer = Preparer(Directory(self.link, 1, count(0.0, 3.0).__next__), Labels(self.link), 10**17)

    def add(self, spec: DeviceSpec) -> None:
        with connect(self.fleet.dsn, "test") as c, c.transaction():
            Registry(c).put_device(spec)

    def send(self, topic: str, raw: bytes) -> Prepared:
        prepared = self.preparer.prepare([(topic.encode(), raw, 1, False, False)], T0)
        for frames in prepared.appends:
            PostgresLog(self.write).append(frames)
        tracker = self.fleet.tracker()
        self.fleet.settle(tracker)
        self.fleet.close(tracker)
        return prepared

    def close(self) -> None:
        self.link.close()
        self.write.close()


@pytest.fixture
def door(any_database: str) -> Iterator[Door]:
    found = Door(any_database)
    yield found
    found.close()


def ruuvi(mac: str = TAG, seconds: int = 1_749_990_000) -> tuple[str, bytes]:
    heard = {"gw_mac": "AA:BB:CC:DD:EE:FF", "rssi": -60, "ts": str(seconds), "coords": ""}
    return f"fw/v1/main/gw-1/ruuvi/gw/{mac}", orjson.dumps(heard | {"data": "0201061BFF9904" + RAWV2})


def test_a_phone_with_owntracks_is_a_vehicle_on_the_map(door: Door) -> None:
    door.add(DeviceSpec("phone-1", "phone", vehicle="van-1"))
    assert door.send("owntracks/main/phone-1", OWNTRACKS).quarantine == []
    assert door.fleet.rows("select lat, lon, speed_mps from reading_position") == [(60.17, 24.94, 10.0)]
    assert door.fleet.rows("select v.name, s.lat from vehicle_state s join vehicle v on v.id = s.vehicle_id") == [
        ("van-1", 60.17)
    ]
    assert door.fleet.rows("select round(battery_ratio::numeric, 2)::float from reading_status") == [(0.67,)]


def test_the_same_foreign_message_again_stores_nothing_more(door: Door) -> None:
    door.add(DeviceSpec("phone-1", "phone", vehicle="van-1"))
    for _ in range(3):
        door.send("owntracks/main/phone-1", OWNTRACKS)
    for table in ("position", "status"):
        assert door.fleet.rows(f"select count(*) from reading_{table}") == [(1,)]
    assert door.fleet.rows(
        "select count(*) = count(distinct (name_id, value, note_id)) from reading_attribute"
    ) == [(True,)]  # fmt: skip


def test_a_gateway_speaks_for_a_registered_tag_and_for_nobody_else(door: Door) -> None:
    door.add(DeviceSpec("gw-1", "gateway", site="dc-1"))
    stranger = door.send(*ruuvi())
    assert [(each.reason, TAG in each.detail) for each in stranger.quarantine] == [("unknown_device", True)]
    assert door.fleet.rows("select count(*) from reading_temperature") == [(0,)]
    door.add(DeviceSpec("probe-1", "thermometer", vehicle="truck-1", foreign_id=TAG.lower()))
    assert door.send(*ruuvi()).quarantine == []
    assert door.fleet.rows(
        "select d.name, round(temp_c::numeric, 2)::float from reading_temperature r join device d on d.id = r.device_id"
    ) == [("probe-1", 24.3)]
    assert door.fleet.rows("select count(*) > 3 from reading_attribute where value is not null") == [(True,)]


def test_a_tag_that_names_its_gateway_is_not_believed_through_another(door: Door) -> None:
    door.add(DeviceSpec("gw-1", "gateway", site="dc-1"))
    door.add(DeviceSpec("gw-2", "gateway", site="dc-1"))
    door.add(DeviceSpec("probe-1", "thermometer", vehicle="truck-1", foreign_id=TAG, gateway="gw-2"))
    assert [each.reason for each in door.send(*ruuvi()).quarantine] == ["unknown_device"]
    topic, raw = ruuvi()
    assert door.send(topic.replace("gw-1", "gw-2"), raw).quarantine == []


def test_a_tracker_speaks_for_itself_only(door: Door) -> None:
    door.add(DeviceSpec("probe-1", "thermometer", vehicle="truck-1", foreign_id=TAG))
    topic, raw = ruuvi()
    assert [each.reason for each in door.send(topic.replace("gw-1", "gps-1"), raw).quarantine] == ["unknown_device"]


def test_a_foreign_id_belongs_to_one_device(door: Door) -> None:
    door.add(DeviceSpec("probe-1", "thermometer", vehicle="truck-1", foreign_id=TAG))
    with pytest.raises(RegistryError, match="belongs to another device"):
        door.add(DeviceSpec("probe-2", "thermometer", vehicle="truck-1", foreign_id=TAG.replace(":", "-")))


def test_a_change_is_heard_although_the_connection_was_lost_before(any_database: str) -> None:
    link = Link(any_database, "test")
    directory = Directory(link, 1, count(0.0, 0.3).__next__)
    directory.refresh()
    link.close()  # with it, what was said on it
    with connect(any_database, "test") as c, c.transaction():
        Registry(c).put_device(DeviceSpec("phone-1", "phone"), http_token_sha256=bytes(32))
    directory.refresh_when_old()
    found = directory.holder(bytes(32))
    assert found is not None
    assert found.name == "main/phone-1"
    link.close()


def test_sparkplug_data_wait_in_quarantine_for_the_birth_that_is_asked_for(door: Door) -> None:
    door.add(DeviceSpec("edge-1", "gateway", site="dc-1"))
    early = door.send("spBv1.0/main/NDATA/edge-1", payload(4, metric(alias=7, value=5.5)))
    assert [each.reason for each in early.quarantine] == ["no_birth"]
    assert [topic for topic, _ in early.replies] == [b"spBv1.0/main/NCMD/edge-1"]
    assert door.send("spBv1.0/main/NBIRTH/edge-1", BIRTH).quarantine == []
    late = payload(1, metric(alias=7, value=5.5, t_ms=1_700_000_060_000))
    assert door.send("spBv1.0/main/NDATA/edge-1", late).quarantine == []
    assert door.fleet.rows("select temp_c from reading_temperature order by time") == [(4.0,), (5.5,)]


def test_a_bridged_network_server_brings_the_uplinks_of_registered_sensors(door: Door) -> None:
    door.add(DeviceSpec("lns", "connector"))
    door.add(DeviceSpec("cold-room", "thermometer", site="dc-1", foreign_id=EUI))
    topic = "fw/v1/main/lns/tts/v3/app@ttn/devices/em320/up"
    for _ in range(2):
        assert door.send(topic, orjson.dumps(TTS)).quarantine == []
    names = door.fleet.rows("select d.name from reading_temperature r join device d on d.id = r.device_id")
    assert names == [("cold-room",)]


def test_a_foreign_payload_that_cannot_be_read_is_kept_with_its_bytes(door: Door) -> None:
    door.add(DeviceSpec("phone-1", "phone", vehicle="van-1"))
    (kept,) = door.send("owntracks/main/phone-1", b'{"_type":"location"').quarantine
    assert (kept.device, kept.reason, kept.payload) == ("phone-1", "malformed", b'{"_type":"location"')
    (kept,) = door.send("fw/v1/main/phone-1/osmand", b"lat=95&lon=10&timestamp=1700000000").quarantine
    assert kept.reason == "invalid"


def test_what_cannot_be_read_is_told_under_the_name_of_the_device_it_is_of(door: Door) -> None:
    door.add(DeviceSpec("lns", "connector", site="dc-1"))
    door.add(DeviceSpec("fridge", "thermometer", vehicle="truck-1", foreign_id=EUI))
    up = TTS["uplink_message"] | {"decoded_payload": {"temperature": "4 or 5", "humidity": 60}}
    prepared = door.send("fw/v1/main/lns/tts", orjson.dumps(TTS | {"uplink_message": up}))
    (aside,) = prepared.quarantine
    assert (aside.device, aside.reason) == ("fridge", "invalid")
    assert aside.detail == "temperature: not a number: '4 or 5'"


def test_a_value_that_was_left_out_is_stored_as_an_attribute_of_its_device_and_time(door: Door) -> None:
    door.add(DeviceSpec("lns", "connector", site="dc-1"))
    door.add(DeviceSpec("fridge", "thermometer", vehicle="truck-1", foreign_id=EUI))
    door.add(DeviceSpec("th-1", "thermometer", vehicle="truck-1"))
    up = TTS["uplink_message"] | {"decoded_payload": {"temperature": 4.5, "humidity": 119}}
    first = door.send("fw/v1/main/lns/tts", orjson.dumps(TTS | {"uplink_message": up}))
    batch = b'{"t":[%d,%d],"c":[4.5,4.6],"rh":[61,nan]}\0' % (T0 // 1000, T0 // 1000 - 9)
    second = door.send("fw/v1/main/th-1/temp", batch)
    assert first.quarantine == second.quarantine == []
    rows = door.fleet.rows(
        "select d.name, a.time = t.time, l.text, a.value, n.text from reading_attribute a join device d"
        " on d.id = a.device_id join label l on l.id = a.name_id left join label n on n.id = a.note_id"
        " join reading_temperature t on t.device_id = a.device_id and t.humidity_pct is null"
        " where l.text in ('humidity', 'humidity_pct') and a.flags & 128 <> 0 and t.flags & 1048576 <> 0 order by 1"
    )
    assert rows == [("fridge", True, "humidity", 119.0, None), ("th-1", True, "humidity_pct", None, "nan")]


@pytest.mark.parametrize("registered", [EUI, f"urn:dev:DEVEUI:{EUI}", f"urn:dev:deveui:{EUI.lower()}"])
def test_a_urn_is_the_device_registered_with_it_or_with_what_it_names(door: Door, registered: str) -> None:
    door.add(DeviceSpec("lns", "connector", site="dc-1"))
    door.add(DeviceSpec("fridge", "thermometer", vehicle="truck-1", foreign_id=registered))
    pack = [{"bn": f"urn:dev:DEVEUI:{EUI}:", "bt": T0 // 10**6}, {"n": "temperature", "u": "Cel", "v": 4.5}]
    prepared = door.send("fw/v1/main/lns/senml", orjson.dumps(pack))
    assert (prepared.quarantine, prepared.readings) == ([], 1)
    assert prepared.strangers == {}
