"""What the pages of devices ask: where and how to connect, what was heard, how much waits in quarantine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from api.http.ways import Ways
from store.db import connect
from store.secrets import token_hash
from tests.integration.api.seed import World, client, registry_of, serving

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
WAYS = Ways(
    mqtt=("mqtts://10.0.0.7:8883", "mqtt://127.0.0.1"), http=("https://10.0.0.7:8090",), teltonika="[::1]:5027",
    authority="PEM", authority_sha256="AB:CD",
)  # fmt: skip


def seed(dsn: str) -> None:
    with connect(dsn, "test") as c:
        for tenant in ("main", "other"):
            for role in ("admin", "viewer"):
                registry_of(c, tenant).add_token(
                    token_hash(f"{tenant}-{role}"), kind="bearer", subject=f"{role}", role=role
                )


def refuse(dsn: str, tenant: str, device: str, reason: str, times: int = 1) -> None:
    with connect(dsn, "test") as c:
        c.execute(
            "insert into quarantine (received_at, tenant, device, topic, payload, reason, detail, also_received)"
            " values (%s, %s, %s, 'fw/v1/x/y/gps', 'x', %s, 'said why', array_fill(%s::timestamptz, array[%s]))",
            (NOW, tenant, device, reason, NOW + timedelta(minutes=1), times - 1),
        )


def test_it_says_where_devices_find_us_and_how_each_format_is_sent(database: str) -> None:
    seed(database)
    with serving(database, ways=lambda: WAYS) as url:
        with client(url, "main-admin") as api:
            found = api.get("/api/v1/connect").json()
        with client(url, "main-viewer") as api:
            assert api.get("/api/v1/connect").status_code == 403
    assert found["tenant"] == "main"
    assert found["mqtt"] == [
        {"host": "10.0.0.7", "port": 8883, "tls": True},
        {"host": "127.0.0.1", "port": 1883, "tls": False},
    ]
    assert (found["http"], found["teltonika"]) == (["https://10.0.0.7:8090"], {"host": "::1", "port": 5027})
    assert found["authority"] == {"sha256": "AB:CD", "pem": "PEM"}
    by_name = {way["name"]: way for way in found["ways"]}
    assert by_name["native-gps"]["address"] == "fw/v1/$tenant/$device/gps"
    assert by_name["owntracks-http"]["app"] == "owntracks"
    assert by_name["teltonika"]["command"] == ""


def test_an_api_that_knows_no_addresses_says_so(database: str) -> None:
    seed(database)
    with serving(database) as url, client(url, "main-admin") as api:
        found = api.get("/api/v1/connect").json()
    assert (found["mqtt"], found["http"], found["teltonika"], found["authority"]) == ([], [], None, None)


def test_what_was_heard_of_a_device_is_told_newest_first_and_refusals_to_those_who_may(database: str) -> None:
    seed(database)
    body = {"id": "gps-1", "kind": "tracker", "vehicle": "truck-1", "credentials": False, "foreign_id": "AB12"}
    with serving(database) as url, client(url, "main-admin") as api, client(url, "main-viewer") as reader:
        assert api.post("/api/v1/devices", json=body).status_code == 201
        assert api.get("/api/v1/devices/gps-1").json()["foreign_id"] == "AB12"
        empty = api.get("/api/v1/devices/gps-1/heard").json()
        assert (empty["readings"], empty["refused"]) == ([], [])
        world = World(database)
        world.partitions(NOW - timedelta(days=1), NOW + timedelta(days=1))
        world.ids["gps-1"] = world.one("select id from device where name = 'gps-1'")
        for minute in range(30):
            world.position("gps-1", NOW + timedelta(minutes=minute), 60 + minute / 100, 24.9)
        world.close()
        refuse(database, "main", "gps-1", "invalid", 3)
        refuse(database, "other", "gps-1", "malformed")
        heard = api.get("/api/v1/devices/gps-1/heard").json()
        assert len(heard["readings"]) == 20
        assert heard["readings"][0] == {
            "stream": "gps", "time": "2026-11-22T10:29:00.000Z", "received_at": "2026-11-22T10:29:00.000Z", "flags": [],
            "said": {"lat": 60.29, "lon": 24.9, "speed_mps": 10.0},
        }  # fmt: skip
        assert [(each["reason"], each["count"]) for each in heard["refused"]] == [("invalid", 3)]
        late = api.get("/api/v1/devices/gps-1/heard", params={"since": "2026-11-22T10:28:00Z"}).json()
        assert (len(late["readings"]), late["refused"]) == (2, [])
        seen = reader.get("/api/v1/devices/gps-1/heard").json()
        assert (len(seen["readings"]), seen["refused"]) == (20, None)
        assert api.get("/api/v1/devices/none/heard").status_code == 404
        with client(url, "other-admin") as other:
            assert other.get("/api/v1/devices/gps-1/heard").status_code == 404


@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_what_waits_is_counted_by_reason_and_device(database: str, role: str) -> None:
    seed(database)
    refuse(database, "main", "gps-1", "invalid", 3)
    refuse(database, "main", "gps-1", "invalid")
    refuse(database, "main", "gps-2", "topic")
    refuse(database, "other", "gps-1", "invalid")
    with serving(database) as url, client(url, f"main-{role}") as api:
        answer = api.get("/api/v1/quarantine/summary")
        if role == "viewer":
            assert answer.status_code == 403
            return
        found = [(w["reason"], w["device"], w["messages"], w["count"], w["asked"]) for w in answer.json()["items"]]
        assert found == [("invalid", "gps-1", 2, 4, 0), ("topic", "gps-2", 1, 1, 0)]
        assert api.post("/api/v1/quarantine/redrive", json={"reason": "topic"}).json() == {"asked": 1}
        assert [w["asked"] for w in api.get("/api/v1/quarantine/summary").json()["items"]] == [0, 1]
