"""Alerts told by routes: a storm is one message, nobody is told twice or forgotten, whoever acknowledges ends it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from operations.escalation.work import end_mutes, tell_due
from store.db import connect
from tests.integration.api.seed import World
from tests.integration.operations.told import deliveries, follow, report
from tests.logins import of_operations
from tests.receiver import Receiver

STEPS = [{"after_s": 0, "channels": ["night"]}, {"after_s": 900, "channels": ["boss"]}]


def given(admin: httpx.Client, receiver: Receiver, *routes: dict[str, Any]) -> None:
    """Two channels, and routes."""
    for name in ("night", "boss"):
        url = f"json://127.0.0.1:{receiver.server.server_port}/{name}"
        assert admin.post("/api/v1/channels", json={"id": name, "url": url}).status_code == 201
    put(admin, *routes)


def put(admin: httpx.Client, *routes: dict[str, Any]) -> None:
    answer = admin.put("/api/v1/alert-routes", json={"routes": list(routes)})
    assert answer.status_code == 200, answer.text


def due(dsn: str, later: timedelta = timedelta(0)) -> int:
    """What is told by routes at a moment."""
    with connect(of_operations(dsn), "test") as connection:
        return tell_due(connection, datetime.now(UTC) + later)


def ended(dsn: str, later: timedelta = timedelta(0)) -> int:
    """Mutes that are over at a moment."""
    with connect(of_operations(dsn), "test") as connection:
        return end_mutes(connection, datetime.now(UTC) + later)


def titles(receiver: Receiver) -> list[str]:
    return [json.loads(body)["title"].partition(":")[0] for _, body in receiver.heard]


@pytest.fixture
def routed(world: World, admin: httpx.Client, receiver: Receiver) -> World:
    given(admin, receiver, {"name": "all", "steps": STEPS, "group_s": 60})
    return world


def test_a_yard_without_power_is_one_message_that_has_all_of_it(
    routed: World, admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    ids = [routed.open_alert("gps-01") for _ in range(1000)]
    routed.run("insert into alert_event (alert_id, at, what, actor) select id, now(), 'raised', 'tracker' from alert")
    receiver.answer = lambda _event: (503, {}, b"")
    follow(database)
    assert due(database) == 0  # it waits for company
    assert due(database, timedelta(seconds=61)) == 1
    assert due(database, timedelta(seconds=62)) == 0
    with deliveries(database) as tell:
        assert tell() == 1
        receiver.answer = lambda _event: (204, {}, b"")
        assert (tell(timedelta(hours=1)), tell(timedelta(hours=2))) == (1, 0)
    message = json.loads(receiver.heard[-1][1])
    assert message["title"] == "1000 messages on alerts"
    assert message["message"].count("Critical: no word from a device") == 10
    assert "… and 990 more" in message["message"]
    (told,) = admin.get("/api/v1/channels/night/deliveries").json()["items"]
    assert sorted(map(int, told["data"]["ids"])) == sorted(ids)
    # The second step is a message too, to another; nobody else hears any more of it.
    assert due(database, timedelta(seconds=961)) == 1
    assert due(database, timedelta(days=2)) == 0
    found = admin.get(f"/api/v1/alerts/{ids[500]}/escalation").json()
    assert [(each["route"], each["channels"]) for each in found["told"]] == [("all", ["night"]), ("all", ["boss"])]


def test_told_until_somebody_acknowledges_and_its_end_to_whom_it_was_told(
    routed: World, admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    alert = routed.open_alert("reefer-01", "air", extreme_c=9.4, limit_c=8.0)
    report(routed, alert, "raised")
    follow(database)
    assert due(database, timedelta(seconds=61)) == 1
    found = admin.get(f"/api/v1/alerts/{alert}/escalation").json()
    assert (len(found["told"]), found["next"]["channels"]) == (1, ["boss"])
    assert admin.post(f"/api/v1/alerts/{alert}/acknowledge", json={}).status_code == 200
    follow(database)
    assert due(database, timedelta(hours=1)) == 0
    assert admin.get(f"/api/v1/alerts/{alert}/escalation").json()["next"] is None
    report(routed, alert, "cleared")
    follow(database)
    assert (due(database, timedelta(minutes=10)), due(database, timedelta(minutes=17))) == (0, 1)
    with deliveries(database) as tell:
        assert tell() == 2
    assert titles(receiver) == ["Critical", "Over"]
    assert f"/alerts?alert={alert}#acknowledge" in json.loads(receiver.heard[0][1])["message"]


def test_a_step_up_asks_anew_and_a_mute_holds_back_until_its_time_is_over(
    routed: World, admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    alert = routed.open_alert("reefer-01", "air", extreme_c=9.4, limit_c=8.0)
    routed.run("update alert set severity = 'warning' where id = %s", alert)
    report(routed, alert, "raised")
    follow(database)
    assert admin.post(f"/api/v1/alerts/{alert}/acknowledge", json={}).status_code == 200
    routed.run("update alert set severity = 'critical' where id = %s", alert)
    report(routed, alert, "raised")
    follow(database)
    found = admin.get(f"/api/v1/alerts/{alert}").json()
    assert (found["acknowledged_at"], found["acknowledged_by"]) == (None, None)
    told = routed.one("select convert_from(body, 'utf8') from change order by seq desc limit 1")
    assert '"acknowledged_at":null' in told
    assert (due(database, timedelta(seconds=61)), due(database, timedelta(seconds=962))) == (1, 1)
    muted = {"for_s": 3600, "reason": "the mechanic is at it"}
    assert admin.post(f"/api/v1/alerts/{alert}/mute", json={**muted, "reason": " "}).status_code == 422
    found = admin.post(f"/api/v1/alerts/{alert}/mute", json=muted).json()
    assert (found["muted_by"], found["mute_reason"]) == (found["acknowledged_by"], "the mechanic is at it")
    report(routed, alert, "amended")
    follow(database)
    assert (due(database, timedelta(hours=2)), ended(database)) == (0, 0)
    assert ended(database, timedelta(seconds=3601)) == 1
    assert ended(database, timedelta(seconds=3602)) == 0
    follow(database)
    found = admin.get(f"/api/v1/alerts/{alert}").json()
    assert (found["muted_until"], found["acknowledged_at"]) == (None, None)
    assert due(database, timedelta(seconds=3700)) == 1
    lines = admin.get(f"/api/v1/alerts/{alert}/history").json()["items"]
    assert [each["what"] for each in lines] == [
        "opened", "acknowledged", "opened", "muted", "changed", "unmuted",
    ]  # fmt: skip
    assert (lines[3]["note"], lines[3]["until"] is not None, lines[5]["actor"]) == (muted["reason"], True, "frostway")
    with deliveries(database) as tell:
        assert tell() == 3
    assert sorted(titles(receiver)) == ["Critical", "Critical, no longer muted", "Not acknowledged"]
    assert routed.one("select count(*) from audit where action = 'alert.mute'") == 1


def test_without_routes_a_mute_holds_back_too(
    world: World, admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    url = f"json://127.0.0.1:{receiver.server.server_port}/night"
    channel = {"id": "night", "url": url, "alerts": "all", "cleared": True}
    assert admin.post("/api/v1/channels", json=channel).status_code == 201
    alert = world.open_alert("gps-01")
    report(world, alert, "raised")
    follow(database)
    admin.post(f"/api/v1/alerts/{alert}/mute", json={"for_s": 60, "reason": "known"})
    for what in ("cleared", "reopened"):
        report(world, alert, what)
    follow(database)
    assert admin.post(f"/api/v1/alerts/{alert}/unmute", json={"note": "through"}).json()["muted_until"] is None
    follow(database)
    with deliveries(database) as tell:
        tell()
    assert titles(receiver) == ["Critical", "Critical, no longer muted"]


def test_over_before_it_was_told_nobody_hears_of_it(routed: World, receiver: Receiver, database: str) -> None:
    alert = routed.open_alert("gps-01")
    for what in ("raised", "cleared"):
        report(routed, alert, what)
    follow(database)
    assert due(database, timedelta(hours=1)) == 0
    assert receiver.heard == []


def test_killed_between_two_steps_it_goes_on_and_tells_nothing_twice(
    routed: World, receiver: Receiver, database: str
) -> None:
    alert = routed.open_alert("gps-01")
    report(routed, alert, "raised")
    follow(database)
    with connect(of_operations(database), "test") as killed:
        killed.execute("begin")
        assert tell_due(killed, datetime.now(UTC) + timedelta(seconds=61)) == 1
        assert due(database, timedelta(seconds=61)) == 0  # another program leaves it alone meanwhile
        killed.execute("rollback")
    assert due(database, timedelta(seconds=61)) == 1
    routed.run("update escalation set due_at = now()")  # looked at once more than it needs
    assert due(database, timedelta(seconds=62)) == 0
    with deliveries(database) as tell:
        assert (tell(), tell(timedelta(hours=1))) == (1, 0)
    assert len(receiver.heard) == 1


def test_without_routes_channels_are_told_as_ever_and_what_began_so_ends_so(
    world: World, admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    given(admin, receiver)
    admin.patch("/api/v1/channels/night", json={"cleared": True})
    admin.patch("/api/v1/channels/boss", json={"disabled": True})
    alert = world.open_alert("gps-01")
    report(world, alert, "raised")
    follow(database)
    assert due(database, timedelta(hours=1)) == 0
    put(admin, {"name": "all", "steps": STEPS[:1]})
    report(world, alert, "cleared")
    follow(database)
    with deliveries(database) as tell:
        assert tell() == 2
    assert titles(receiver) == ["Critical", "Over"]


def test_a_table_is_checked_shown_with_its_tag_and_tried(admin: httpx.Client, world: World, receiver: Receiver) -> None:
    del world
    given(admin, receiver, {"name": "all", "steps": STEPS})
    shown = admin.get("/api/v1/alert-routes")
    assert [each["name"] for each in shown.json()["routes"]] == ["all"]
    stale = {"If-Match": '"another"'}
    assert admin.put("/api/v1/alert-routes", json={"routes": []}, headers=stale).status_code == 412
    fresh = {"If-Match": shown.headers["etag"]}
    assert admin.put("/api/v1/alert-routes", json={"routes": shown.json()["routes"]}, headers=fresh).status_code == 200
    for wrong in (
        {"name": "a", "steps": [{"after_s": 0, "channels": ["nobody"]}]},
        {"name": "a", "steps": [STEPS[1], STEPS[0]]},
        {"name": "a", "steps": STEPS, "schedule": {"days": [1], "from": "22:00", "until": "06:00", "tz": "Mars/Base"}},
        {"name": "a", "steps": STEPS, "repeat_s": 600},
    ):
        assert admin.put("/api/v1/alert-routes", json={"routes": [wrong]}).status_code == 422, wrong
    assert admin.delete("/api/v1/channels/boss").status_code == 409
    body = {"alert": {"kind": "temperature", "severity": "critical"}, "at": "2026-11-30T12:00:00Z"}
    told = admin.post("/api/v1/alert-routes/preview", json=body).json()["told"]
    assert [(each["at"], each["channels"]) for each in told] == [
        ("2026-11-30T12:01:00.000Z", ["night"]),
        ("2026-11-30T12:16:00.000Z", ["boss"]),
    ]
    (entry,) = [each for each in admin.get("/api/v1/audit").json()["items"] if each["action"] == "routes.change"][:1]
    assert entry["subject"] == "alert-routes"
