"""What can be made and changed: registry, alerts, customers' links; and what it leaves behind."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from tests.integration.api.seed import T0, World, client, minutes, rows, serving

SITE = {"id": "store-9", "kind": "store", "lat": 60.5, "lon": 25.0, "zones": [{"id": "dock", "label": "Dock"}]}
SQUARE = {"type": "Polygon", "coordinates": [[[25, 60], [25.1, 60], [25.1, 60.1], [25, 60.1], [25, 60]]]}


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish()
    world.partitions()
    yield world
    world.close()


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def api(world: World, database: str, told: list[str]) -> Iterator[httpx.Client]:
    settings: dict[str, Any] = {
        "mqtt_hash": lambda password: f"$7$hash-of-{len(password)}",
        "on_devices_changed": lambda: told.append("devices"),
    }
    with serving(database, **settings) as url, client(url, world.token(user="ann")) as found:
        yield found


def changes(database: str) -> list[dict[str, Any]]:
    return [orjson.loads(row[0]) for row in rows(database, "select body from change order by seq")]


def test_partners_name_a_site_by_its_gln(api: httpx.Client) -> None:
    wrong = api.post("/api/v1/sites", json={**SITE, "gln": "4012345000055"})
    assert (wrong.status_code, wrong.json()["detail"]) == (422, "gln: its check digit is 4, not 5")
    assert api.post("/api/v1/sites", json={**SITE, "gln": "4012345000054"}).json()["gln"] == "4012345000054"
    assert api.post("/api/v1/sites", json=SITE).json()["gln"] == "4012345000054", "what is not said stays"
    twice = api.post("/api/v1/sites", json={**SITE, "id": "other", "gln": "4012345000054"})
    assert twice.status_code == 409


def test_a_site_is_made_then_changed(api: httpx.Client, database: str) -> None:
    made = api.post("/api/v1/sites", json={**SITE, "polygon": SQUARE})
    assert made.status_code == 201
    assert made.json() == {
        "id": "store-9",
        "label": "store-9",
        "kind": "store",
        "lat": 60.5,
        "lon": 25.0,
        "radius_m": 150,
        "polygon": SQUARE,
        "corridor": None,
        "dwell_s": 0,
        "tz": "UTC",
        "gln": None,
        "zones": [{"id": "dock", "label": "Dock"}],
        "temps": [],
    }
    changed = api.post("/api/v1/sites", json={**SITE, "lat": 61, "tz": "Europe/Helsinki", "zones": []})
    assert (changed.status_code, changed.json()["lat"], changed.json()["polygon"]) == (200, 61, None)
    assert changed.json()["zones"] == [{"id": "dock", "label": "Dock"}]
    assert [c["sites"][0]["data"]["lat"] for c in changes(database)] == [60.5, 61]
    assert rows(database, "select actor, action, subject from audit order by id") == [
        ("ann", "site.create", "store-9"),
        ("ann", "site.change", "store-9"),
    ]


def test_a_site_may_be_a_corridor_with_a_dwell_time(api: httpx.Client) -> None:
    shuttle = {"type": "LineString", "coordinates": [[25.0, 60.5], [25.1, 60.5]]}
    corridor = api.post("/api/v1/sites", json={**SITE, "id": "shuttle", "corridor": shuttle, "dwell_s": 60}).json()
    assert (corridor["corridor"], corridor["dwell_s"], corridor["polygon"]) == (shuttle, 60, None)
    both = api.post("/api/v1/sites", json={**SITE, "id": "both", "corridor": shuttle, "polygon": SQUARE})
    assert (both.status_code, "not both" in both.text) == (422, True)


REFUSED = [
    ("/sites", {**SITE, "tenant_id": 2}),
    ("/sites", {**SITE, "id": "No Such Name"}),
    ("/sites", {**SITE, "lat": 91}),
    ("/sites", {**SITE, "label": "a\x00b"}),
    ("/sites", {**SITE, "tz": "Mars/Olympus"}),
    ("/sites", {**SITE, "polygon": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 1], [1, 0], [0, 0]]]}}),
    ("/sites", {**SITE, "polygon": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 1]]]}}),
    ("/devices", {"id": "d", "kind": "spaceship"}),
    ("/devices", {"id": "d", "kind": "phone", "vehicle": "truck-01", "site": "dc-1"}),
    ("/devices", {"id": "d", "kind": "phone", "site": "nowhere"}),
    ("/devices", {"id": "d", "kind": "phone", "profile": "lukewarm"}),
    ("/profiles", {"id": "lukewarm"}),
    ("/profiles", {"id": "lukewarm", "low_c": 8, "high_c": 2}),
    ("/profiles", {"id": "none", "high_c": 2}),
    ("/devices", {"id": "d", "kind": "phone", "mqtt_password_hash": "x"}),
    ("/products", {"sku": "X", "label": "X", "low_c": 8, "high_c": 2}),
    ("/products", {"sku": "X", "label": "X", "gtin": "12"}),
    ("/products", {"sku": "X", "label": "X", "unit_mass_kg": -1}),
    ("/shipments", {"id": "S-9", "stops": []}),
    ("/shipments", {"id": "S-9", "stops": [{"name": "nowhere"}]}),
    ("/shipments", {"id": "S-9", "stops": [{"site": "nowhere"}]}),
    ("/shipments", {"id": "S-9", "stops": [{"site": "dc-1"}], "status": "delivered"}),
    ("/shipments/S-1/share", {"expires_at": "2001-01-01T00:00:00Z"}),
    ("/alerts/1/acknowledge", {"note": "x", "acknowledged_by": "somebody"}),
]


def test_what_is_not_sound_is_refused_and_leaves_nothing(api: httpx.Client, world: World, database: str) -> None:
    world.open_alert("reefer-01", "rear")
    answers = [(path, body, api.post(f"/api/v1{path}", json=body)) for path, body in REFUSED]
    assert [(path, body) for path, body, answer in answers if answer.status_code != 422] == []
    assert all(answer.json()["detail"] for _, _, answer in answers)
    nan = api.post("/api/v1/sites", content=b'{"id":"n","kind":"store","lat":NaN,"lon":1}')
    assert nan.status_code == 422
    assert rows(database, "select count(*) from audit") == [(0,)]
    assert changes(database) == []


def test_two_products_cannot_share_a_number(api: httpx.Client) -> None:
    first = {"sku": "A", "label": "A", "gtin": "4006381333931"}
    assert api.post("/api/v1/products", json=first).status_code == 201
    assert api.post("/api/v1/products", json={**first, "sku": "B"}).status_code == 409
    assert api.post("/api/v1/products", json={**first, "label": "Apples"}).json()["label"] == "Apples"
    assert api.post("/api/v1/products", json={"sku": "C", "label": "Cherries"}).status_code == 201
    for text, found in ("PPLE", ["A"]), ("40063", ["A"]), ("cherr", ["C"]), ("none", []):
        listed = api.get("/api/v1/products", params={"search": text}).json()["items"]
        assert [each["sku"] for each in listed] == found


def test_a_products_new_label_reaches_its_stock(world: World, api: httpx.Client, database: str) -> None:
    world.stock(17)
    api.post("/api/v1/products", json={"sku": "MILK", "label": "Whole milk", "reorder_point": 5})
    (change,) = changes(database)[-1]["stock"]
    assert (change["op"], change["data"]["label"], change["data"]["reorder_point"]) == ("put", "Whole milk", 5)


def test_a_new_device_gets_its_password_once(api: httpx.Client, database: str, told: list[str]) -> None:
    made = api.post("/api/v1/devices", json={"id": "gps-77", "kind": "tracker", "vehicle": "truck-77"})
    assert made.status_code == 201
    mqtt = made.json()["mqtt"]
    assert mqtt["user"] == "main/gps-77"
    assert len(mqtt["password"]) >= 40
    assert told == ["devices"]
    kept = rows(database, "select mqtt_password_hash from device where name = 'gps-77'")[0][0]
    assert kept.startswith("$7$")
    assert mqtt["password"] not in str(rows(database, "select * from audit"))
    changed = api.post("/api/v1/devices/gps-77/change", json={"kind": "phone"})
    assert (changed.status_code, changed.json()["kind"], "mqtt" in changed.json()) == (200, "phone", False)
    assert rows(database, "select mqtt_password_hash from device where name = 'gps-77'") == [(kept,)]
    listed = {d["id"]: d for d in api.get("/api/v1/devices").json()["items"]}
    assert "mqtt" not in listed["gps-77"]


def test_a_device_gets_a_token_for_http_when_asked_and_it_is_shown_once(api: httpx.Client, database: str) -> None:
    hashes = "select mqtt_password_hash, http_token_sha256 from device where name = %s"
    body = {"id": "phone-77", "kind": "phone", "credentials": False}
    assert "http" not in api.post("/api/v1/devices", json=body).json()
    assert rows(database, hashes, "phone-77") == [(None, None)]
    made = api.post("/api/v1/devices", json={**body, "id": "phone-78", "credentials": True, "http": True}).json()
    password, digest = rows(database, hashes, "phone-78")[0]
    assert (len(made["http"]["token"]) >= 40, "mqtt" in made) == (True, True)
    assert digest == hashlib.sha256(made["http"]["token"].encode()).digest()
    given = api.post("/api/v1/devices/phone-78/rotate", json={"http": True})
    token = given.json()["http"]["token"]
    assert (given.status_code, token != made["http"]["token"], "mqtt" in given.json()) == (200, True, False)
    assert rows(database, hashes, "phone-78") == [(password, hashlib.sha256(token.encode()).digest())]
    renewed = api.post("/api/v1/devices/phone-78/rotate").json()
    assert (set(renewed) >= {"mqtt"}, "http" in renewed) == (True, False)
    assert rows(database, hashes, "phone-78")[0][1] == hashlib.sha256(token.encode()).digest()
    assert token not in str(rows(database, "select * from audit"))


def test_without_a_broker_to_tell_no_password_is_given_out(world: World, database: str) -> None:
    with serving(database) as url, client(url, world.token()) as api:
        body = {"id": "gps-77", "kind": "tracker"}
        assert api.post("/api/v1/devices", json=body).status_code == 503
        assert rows(database, "select count(*) from device where name = 'gps-77'") == [(0,)]
        assert api.post("/api/v1/devices", json={**body, "credentials": False}).status_code == 201


def test_a_shipment_is_planned_and_replanned(world: World, api: httpx.Client, database: str) -> None:
    line = {"type": "LineString", "coordinates": [[24, 60], [25, 61]]}
    body = {
        "id": "S-9",
        "reference": "PO 9",
        "vehicle": "truck-01",
        "profile": "chilled",
        "planned_line": line,
        "stops": [
            {"site": "dc-1", "window_end": "2026-11-22T12:00:00+02:00"},
            {"name": "Harbour", "lat": 61, "lon": 25},
            {"site": "store-1"},
        ],
    }
    made = api.post("/api/v1/shipments", json=body)
    assert made.status_code == 201, made.text
    found = made.json()
    assert (found["status"], found["vehicle"], found["planned_line"]) == ("planned", "truck-01", line)
    assert [(s["seq"], s["stop_id"], s["site"], s["name"], s["lat"]) for s in found["stops"]] == [
        (1, "S-9-1", "dc-1", "Centre", 60.0),
        (2, "S-9-2", None, "Harbour", 61.0),
        (3, "S-9-3", "store-1", "Store", 60.2),
    ]
    assert found["stops"][0]["window_end"] == "2026-11-22T10:00:00.000Z"
    world.run("update stop set arrived_at = %s where name = 'S-9-1'", T0)
    again = api.post("/api/v1/shipments", json={**body, "stops": body["stops"][:1]})
    assert (again.status_code, len(again.json()["stops"])) == (200, 1)
    assert again.json()["stops"][0]["arrived_at"] == "2026-11-22T10:00:00.000Z"
    assert [c["shipments"][0]["data"] for c in changes(database)][-1] == again.json()


def test_a_vehicle_has_a_shipment_from_when_it_got_it_or_since_what_is_said(api: httpx.Client, world: World) -> None:
    def since(**more: Any) -> datetime:
        body = {"id": "S-9", "vehicle": "truck-01", "stops": [{"site": "dc-1"}], **more}
        assert api.post("/api/v1/shipments", json=body).status_code in (200, 201)
        found = world.one("select on_vehicle_since from shipment where name = 'S-9'")
        assert isinstance(found, datetime)
        return found

    first = since()
    assert since(reference="PO 9") == first
    assert since(vehicle="truck-02") > first
    assert since(vehicle="truck-02", since="2026-11-22T10:00:00Z") == T0


def test_an_alert_is_acknowledged_once_then_resolved(world: World, api: httpx.Client, database: str) -> None:
    alert = world.open_alert("reefer-01", "rear")
    first = api.post(f"/api/v1/alerts/{alert}/acknowledge", json={"note": "door was open"})
    assert first.status_code == 200
    assert first.json()["acknowledged_by"] == "ann"
    assert first.json()["note"] == "door was open"
    again = api.post(f"/api/v1/alerts/{alert}/acknowledge", json={"note": "me too"})
    assert (again.status_code, again.json()) == (200, first.json())
    resolved = api.post(f"/api/v1/alerts/{alert}/resolve").json()
    assert (resolved["resolved_by"], resolved["note"]) == ("ann", "door was open")
    assert api.get("/api/v1/alerts").json()["items"] == []
    assert rows(database, "select what, actor, detail->>'note' from alert_event order by id") == [
        ("acknowledge", "ann", "door was open"),
        ("resolve", "ann", None),
    ]
    assert rows(database, "select action from audit order by id") == [("alert.acknowledge",), ("alert.resolve",)]
    history = api.get(f"/api/v1/alerts/{alert}/history").json()["items"]
    assert [(e["version"], e["what"], e["actor"], e["note"]) for e in history] == [
        (1, "acknowledged", "ann", "door was open"),
        (2, "resolved", "ann", None),
    ]
    assert changes(database) == [
        {"alerts": [{"id": str(alert), "op": "put", "data": first.json()}]},
        {
            "alerts": [{"id": str(alert), "op": "delete"}],
            "vehicles": [{"id": "truck-01", "op": "merge", "data": {"alerts": 1}}],  # it is still too warm
        },
    ]
    for name in ("999", "0", "-1", "x", "9" * 30, "%F0%9F%8D%8C"):
        assert api.post(f"/api/v1/alerts/{name}/acknowledge").status_code == 404
        assert api.get(f"/api/v1/alerts/{name}/history").status_code == 404


def share(api: httpx.Client, **body: Any) -> tuple[str, str]:
    answer = api.post("/api/v1/shipments/S-1/share", json=body or None)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], answer.json()["token"]


def test_a_customer_sees_one_shipment_and_nothing_else(world: World, api: httpx.Client) -> None:
    share_id, token = share(api)
    assert len(token) >= 43
    world.move("truck-01", 60.1, 24.5)
    with httpx.Client(base_url=api.base_url) as customer:
        page = customer.get(f"/api/v1/public/shipments/{token}")
        planned = page.json()
        assert (planned["status"], planned["position"], planned["eta"]) == ("planned", None, None)
        assert [s["state"] for s in planned["steps"]] == ["current", "todo", "todo", "todo", "todo"]
        now = datetime.now(UTC)
        world.run("update shipment set status = 'in_transit', started_at = %s", now - minutes(30))
        world.eta("S-1-2", now + minutes(40), now, few_trips=0)
        for n in range(0, 31, 5):
            world.temperature("reefer-01", "rear", now - minutes(30 - n), 4.5)
        moving = customer.get(f"/api/v1/public/shipments/{token}").json()
        assert set(moving) == {
            "reference", "status", "steps", "updated_at", "now", "eta", "stop", "position", "planned_line",
            "temperature", "proofs",
        }  # fmt: skip
        assert [s["state"] for s in moving["steps"]] == ["done", "done", "current", "todo", "todo"]
        assert moving["eta"].keys() == {"p10", "p50", "p90", "guess"}
        assert moving["eta"]["guess"] is True
        assert (moving["reference"], moving["position"]["lat"], moving["stop"]["name"]) == ("PO 1", 60.1, "Store")
        assert (moving["temperature"]["verdict"], moving["temperature"]["high_c"]) == ("in_range", 8)
        assert moving["planned_line"] is not None
        assert "truck" not in page.text
        world.eta("S-1-2", now + minutes(10), now + minutes(1))
        near = customer.get(f"/api/v1/public/shipments/{token}").json()
        assert [s["state"] for s in near["steps"]] == ["done", "done", "done", "current", "todo"]
        assert near["eta"]["guess"] is False
        world.run("update shipment set status = 'delivered', delivered_at = %s", now)
        world.run("update stop set arrived_at = %s", now)
        there = customer.get(f"/api/v1/public/shipments/{token}").json()
        assert {s["state"] for s in there["steps"]} == {"done"}
        assert (there["position"], there["eta"]) == (None, None)
        assert customer.get("/api/v1/vehicles", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    listed = api.get("/api/v1/shipments/S-1/shares").json()["items"]
    assert [(s["id"], s["created_by"], s["last_used_at"] is not None) for s in listed] == [(share_id, "ann", True)]
    assert token not in str(listed)


def test_the_line_past_other_customers_is_not_shown(world: World, api: httpx.Client) -> None:
    _, token = share(api)
    world.run("update stop set site_id = %s where seq = 1", world.ids["store-1"])
    assert api.get(f"/api/v1/public/shipments/{token}").json()["planned_line"] is None


def test_unknown_expired_and_revoked_links_look_the_same(world: World, api: httpx.Client, database: str) -> None:
    (one, revoked), (two, expired), (_, good) = share(api), share(api), share(api)
    assert api.delete(f"/api/v1/shipments/S-1/shares/{one}").status_code == 204
    assert api.delete(f"/api/v1/shipments/S-1/shares/{one}").status_code == 204
    assert api.delete("/api/v1/shipments/S-1/shares/999").status_code == 404
    world.run("update share set expires_at = now() where id = %s", int(two))
    answers = [api.get(f"/api/v1/public/shipments/{t}") for t in (revoked, expired, "unknown", "x" * 5000)]
    assert {(a.status_code, a.text) for a in answers} == {(404, answers[0].text)}
    assert (
        len({frozenset((k, v) for k, v in a.headers.items() if k not in ("date", "ratelimit")) for a in answers}) == 1
    )
    assert api.get(f"/api/v1/public/shipments/{good}").status_code == 200
    assert rows(database, "select action, count(*) from audit group by 1 order by 1") == [
        ("share.create", 3),
        ("share.revoke", 1),
    ]


def test_guessing_links_is_slowed_down(api: httpx.Client) -> None:
    _, token = share(api)
    statuses = [api.get(f"/api/v1/public/shipments/guess-{n}").status_code for n in range(61)]
    assert statuses == [404] * 60 + [429]
    assert api.get("/api/v1/public/shipments/guess").headers["retry-after"]
    assert api.get(f"/api/v1/public/shipments/{token}").status_code == 200  # who has one does not wait


def test_a_links_life_can_be_chosen(api: httpx.Client) -> None:
    until = datetime.now(UTC) + timedelta(days=3)
    answer = api.post("/api/v1/shipments/S-1/share", json={"expires_at": until.isoformat()}).json()
    assert answer["expires_at"][:19] == until.isoformat()[:19]
    assert answer["url"] == f"/t/{answer['token']}"
    assert api.post("/api/v1/shipments/none/share").status_code == 404
