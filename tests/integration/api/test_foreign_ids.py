"""A foreign id under which a device speaks for itself belongs to one tenant: the second registration is refused."""

import threading
from collections import Counter

import pytest

from store.db import connect
from store.registry import DeviceSpec, ForeignIdTakenError, Registry, RegistryError
from store.secrets import token_hash
from tests.integration.api.seed import client, registry_of, serving

IMEI = "356307042441013"


def tenants(dsn: str) -> None:
    with connect(dsn, "test") as c:
        for name in ("main", "other", "third"):
            registry_of(c, name).add_token(token_hash(name), kind="bearer", subject="admin", role="admin")


def audited(dsn: str) -> list[tuple[str, str, str]]:
    query = """select t.name, a.action, a.subject from audit a join tenant t on t.id = a.tenant_id
               where a.action like '%%foreign%%' order by a.id"""
    with connect(dsn, "test") as c:
        return c.execute(query).fetchall()


def test_the_second_tenant_is_refused_and_both_are_told(database: str) -> None:
    tenants(database)
    body = {"id": "box-1", "kind": "tracker", "vehicle": "v-1", "foreign_id": IMEI, "credentials": False}
    with serving(database) as url, client(url, "main") as first, client(url, "other") as second:
        assert first.post("/api/v1/devices", json=body).status_code == 201
        own = first.post("/api/v1/devices/box-1/change", json={"foreign_id": IMEI})
        assert own.status_code == 200  # its own again
        for _ in range(3):
            refused = second.post("/api/v1/devices", json=body | {"foreign_id": f"{IMEI[:5]}-{IMEI[5:]}"})
            assert (refused.status_code, "another tenant has it" in refused.json()["detail"]) == (409, True)
        assert second.get("/api/v1/devices").json()["items"] == []
        assert second.post("/api/v1/devices", json=body | {"foreign_id": "1" + IMEI}).status_code == 201
        assert second.post("/api/v1/devices/box-1/change", json={"foreign_id": IMEI}).status_code == 409
        gateway = {"id": "gw", "kind": "gateway", "credentials": False}
        assert second.post("/api/v1/devices", json=gateway).status_code == 201
        assert (
            second.post("/api/v1/devices/box-1/change", json={"foreign_id": IMEI, "gateway": "gw"}).status_code == 200
        )
        assert (
            second.post("/api/v1/devices/box-1/change", json={"gateway": None}).status_code == 409
        )  # it would speak itself
    told = Counter(audited(database))
    assert told["main", "device.foreign_id_wanted", "box-1"] == 1  # once a day, however often it is tried
    assert told["other", "device.foreign_id_refused", "box-1"] == 5


def test_behind_a_named_gateway_an_id_is_the_gateways_own_affair(database: str) -> None:
    tenants(database)
    with connect(database, "test") as c:
        Registry(c, "main").put_device(DeviceSpec("tag", "thermometer", foreign_id=IMEI))
        Registry(c, "other").put_device(DeviceSpec("gw", "gateway"))
        Registry(c, "other").put_device(DeviceSpec("tag", "thermometer", foreign_id=IMEI, gateway="gw"))
        with pytest.raises(RegistryError, match="another tenant has it"):
            Registry(c, "third").put_device(DeviceSpec("tag", "thermometer", foreign_id=IMEI))


def test_a_revoked_device_gives_its_id_free(database: str) -> None:
    tenants(database)
    with connect(database, "test") as c:
        Registry(c, "main").put_device(DeviceSpec("box", "tracker", foreign_id=IMEI))
        Registry(c, "main").revoke_device("box")
        Registry(c, "other").put_device(DeviceSpec("box", "tracker", foreign_id=IMEI))


@pytest.mark.parametrize("way", ["rotate", "token", "restore"])
def test_a_revoked_device_does_not_come_back_to_an_id_that_another_has_by_now(database: str, way: str) -> None:
    test_a_revoked_device_gives_its_id_free(database)
    ways = {
        "rotate": ("post", "/api/v1/devices/box/rotate", None),
        "token": ("post", "/api/v1/devices/box/rotate", {"http": True}),
        "restore": ("patch", "/api/v1/devices/box", {"retired": False}),
    }
    with serving(database, mqtt_hash=str.upper) as url, client(url, "main") as first:
        method, path, body = ways[way]
        refused = first.request(method, path, json=body)
        assert (refused.status_code, "another tenant has it by now" in refused.json()["detail"]) == (409, True)
        with connect(database, "test") as c:
            query = "select t.name, d.revoked_at is null from device d join tenant t on t.id = d.tenant_id order by 1"
            assert c.execute(query).fetchall() == [("main", False), ("other", True)]
            Registry(c, "other").revoke_device("box")
        assert first.request(method, path, json=body).status_code == 200


def test_of_two_registrations_at_once_one_is_refused(database: str) -> None:
    tenants(database)
    came: list[str] = []
    both = threading.Barrier(2)

    def register(tenant: str) -> None:
        with connect(database, "test") as c:
            registry = Registry(c, tenant)
            both.wait()
            try:
                with c.transaction():
                    registry.put_device(DeviceSpec("box", "tracker", foreign_id=IMEI))
            except ForeignIdTakenError:
                came.append("refused")
            else:
                came.append("made")

    threads = [threading.Thread(target=register, args=(t,)) for t in ("main", "other")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(came) == ["made", "refused"]
