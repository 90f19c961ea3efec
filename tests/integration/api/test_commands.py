"""Commands to devices are made, listed, cancelled while they wait, audited; by those who may, in their tenant."""

from collections.abc import Iterator

import pytest

from domain.permissions import ROLES
from store.registry import DeviceSpec
from tests.integration.api.seed import World, client, rows, serving

PATH = "/api/v1/devices/gps-01/commands"
INTERVAL = {"command": "interval", "argument": {"seconds": 30}, "expires_in_s": 60}


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.registry.put_device(DeviceSpec("gps-01", "tracker", vehicle="truck-01"), "x")
    yield world
    world.close()


def test_a_command_is_made_shown_and_cancelled_while_it_waits(world: World, database: str) -> None:
    with serving(database) as url, client(url, world.token("admin", "token:boss")) as api:
        made = api.post(PATH, json=INTERVAL)
        assert made.status_code == 201
        first = made.json()
        assert (first["command"], first["argument"], first["state"], first["made_by"], first["answer"]) == (
            "interval", {"seconds": 30}, "waiting", "token:boss", None,
        )  # fmt: skip
        second = api.post(PATH, json={"command": "ping"}).json()
        assert api.get(f"{PATH}/{first['id']}").json() == first
        assert [c["id"] for c in api.get(PATH).json()["items"]] == [second["id"], first["id"]]
        page = api.get(f"{PATH}?limit=1")
        assert [c["id"] for c in api.get(page.links["next"]["url"]).json()["items"]] == [first["id"]]
        world.run("update command set state = 'sent', sent_at = now() where id = %s", int(second["id"]))
        assert api.delete(f"{PATH}/{first['id']}").status_code == 204
        again, sent = (api.delete(f"{PATH}/{each['id']}") for each in (first, second))
        assert (again.status_code, sent.status_code) == (409, 409)
        assert "it is sent" in sent.json()["detail"]
        assert [c["state"] for c in api.get(PATH).json()["items"]] == ["sent", "cancelled"]
        world.run("update command set expires_at = now()")
        assert [c["state"] for c in api.get(PATH).json()["items"]] == ["expired", "cancelled"]
    found = rows(database, "select actor, action, subject, detail->>'id' from audit where action like 'command.%%' "
                 "order by id")  # fmt: skip
    assert found == [
        ("token:boss", "command.create", "gps-01", first["id"]),
        ("token:boss", "command.create", "gps-01", second["id"]),
        ("token:boss", "command.cancel", "gps-01", first["id"]),
    ]


def test_a_repeated_request_makes_one_command(world: World, database: str) -> None:
    with serving(database) as url, client(url, world.token()) as api:
        one, two = (api.post(PATH, json=INTERVAL, headers={"Idempotency-Key": "k" * 20}) for _ in range(2))
        assert one.json() == two.json()
    assert rows(database, "select count(*) from command") == [(1,)]


@pytest.mark.parametrize(
    "body",
    [
        {"command": "Ping"},
        {"command": "p" * 33},
        {"command": "ping", "argument": [1]},
        {"command": "ping", "argument": {"a": "x" * 2048}},
        {"command": "ping", "argument": {"a": "\x00"}},
        {"command": "ping", "argument": {"a": 2**70}},
        {"command": "ping", "expires_in_s": 9},
        {"command": "ping", "expires_in_s": 7 * 86_400 + 1},
        {"command": "ping", "at": 1},
    ],
)
def test_what_is_too_much_or_not_meant_is_refused(world: World, database: str, body: dict[str, object]) -> None:
    with serving(database) as url, client(url, world.token()) as api:
        assert api.post(PATH, json=body).status_code == 422
    assert rows(database, "select count(*) from command") == [(0,)]


def test_a_device_without_a_login_or_with_twenty_unanswered_takes_no_more(world: World, database: str) -> None:
    world.device("mute-1", "tracker", vehicle="truck-01")
    with serving(database) as url, client(url, world.token()) as api:
        assert api.post("/api/v1/devices/mute-1/commands", json=INTERVAL).status_code == 409
        assert api.post("/api/v1/devices/nobody/commands", json=INTERVAL).status_code == 404
        codes = [api.post(PATH, json=INTERVAL).status_code for _ in range(21)]
        assert codes == [201] * 20 + [409]
        number = api.get(PATH).json()["items"][0]["id"]
        assert api.get(f"/api/v1/devices/mute-1/commands/{number}").status_code == 404
        assert api.delete(f"/api/v1/devices/mute-1/commands/{number}").status_code == 404
        world.run("update command set state = 'answered' where id = %s", int(number))
        assert api.post(PATH, json=INTERVAL).status_code == 201
        assert api.post("/api/v1/devices/gps-01/revoke").status_code == 200
        assert api.post(PATH, json=INTERVAL).status_code == 409


def test_others_see_and_send_nothing(world: World, database: str) -> None:
    other = World(database, "other")
    theirs = other.token()
    with serving(database) as url:
        with client(url, world.token()) as api:
            number = api.post(PATH, json=INTERVAL).json()["id"]
        with client(url, theirs) as foreign:
            assert foreign.get(PATH).status_code == 404
            assert foreign.get(f"{PATH}/{number}").status_code == 404
            assert foreign.delete(f"{PATH}/{number}").status_code == 404
            assert foreign.post(PATH, json=INTERVAL).status_code == 404
        for role in set(ROLES) - {"admin"}:
            with client(url, world.token(role)) as api:
                assert api.get(PATH).status_code == 403
                assert api.post(PATH, json=INTERVAL).status_code == 403
    other.close()
    assert rows(database, "select state from command") == [("waiting",)]


def test_it_says_what_a_device_can_be_told_and_why_not(world: World, database: str) -> None:
    world.device("mute-1", "tracker", vehicle="truck-01")
    with serving(database) as url, client(url, world.token()) as api:
        found = api.get("/api/v1/devices/gps-01/command-kinds").json()
        assert (found["via"], found["open"], found["obstacle"]) == ("native", True, None)
        kinds = {each["name"]: each for each in found["kinds"]}
        assert [a["name"] for a in kinds["interval"]["arguments"]] == ["seconds"]
        assert {name: kind["harms"] for name, kind in kinds.items()} == {
            "ping": False, "interval": False, "reboot": True,
        }  # fmt: skip
        assert api.get("/api/v1/devices/mute-1/command-kinds").json()["obstacle"] == "no_login"
        assert api.post("/api/v1/devices/gps-01/revoke").status_code == 200
        assert api.get("/api/v1/devices/gps-01/command-kinds").json()["obstacle"] == "revoked"
        assert api.get("/api/v1/devices/nobody/command-kinds").status_code == 404
        with client(url, world.token("viewer")) as looker:
            assert looker.get("/api/v1/devices/gps-01/command-kinds").status_code == 403


def test_a_device_is_told_something_as_it_speaks(world: World, database: str) -> None:
    world.registry.put_device(DeviceSpec("fmb-1", "tracker", vehicle="truck-01", foreign_id="356307042441013"))
    world.registry.put_device(DeviceSpec("fmb-2", "tracker", vehicle="truck-01", foreign_id="356307042441014"), "x")
    with serving(database) as url, client(url, world.token()) as api:
        found = api.get("/api/v1/devices/fmb-1/command-kinds").json()
        assert (found["via"], found["open"], found["obstacle"]) == ("teltonika", False, None)
        outputs = next(each for each in found["kinds"] if each["name"] == "setdigout")["arguments"][0]
        assert (outputs["name"], outputs["pattern"]) == ("outputs", "[01?]+")
        made = api.post("/api/v1/devices/fmb-1/commands", json={"command": "getver"})
        assert (made.status_code, made.json()["via"], made.json()["failure"]) == (201, "teltonika", None)
        wrong = api.post("/api/v1/devices/fmb-1/commands", json={"command": "ping"})
        assert (wrong.status_code, wrong.json()["detail"].partition(",")[0]) == (422, "command: one of getinfo")
        # one with a login at the broker is told there until it is heard at the door
        assert api.get("/api/v1/devices/fmb-2/command-kinds").json()["via"] == "native"
        assert api.get("/api/v1/devices/fmb-2/command-kinds?via=teltonika").json()["via"] == "teltonika"
        assert api.post(PATH, json={"command": "getver", "via": "teltonika"}).status_code == 409  # it has no IMEI
        world.run(
            "insert into device_voice (device_id, tenant_id, format, at_door, heard_at) "
            "select id, tenant_id, 'teltonika', true, now() from device where name = 'fmb-2'"
        )
        assert api.get("/api/v1/devices/fmb-2/command-kinds").json()["via"] == "teltonika"
        number = made.json()["id"]
        world.run("update command set state = 'failed', failure = 'lost', ended_at = now() where id = %s", int(number))
        shown = api.get(f"/api/v1/devices/fmb-1/commands/{number}").json()
        assert (shown["state"], shown["failure"]) == ("failed", "lost")


def test_a_phone_is_told_something_as_owntracks_hears_it(world: World, database: str) -> None:
    world.registry.put_device(DeviceSpec("phone-1", "phone", vehicle="truck-01"), "x")
    world.registry.put_device(DeviceSpec("phone-2", "phone", vehicle="truck-01"))
    path = "/api/v1/devices/phone-1/commands"
    place = {"desc": "Depot", "lat": 60.17, "lon": 24.94, "rad": 100}
    with serving(database) as url, client(url, world.token()) as api:
        found = api.get("/api/v1/devices/phone-1/command-kinds").json()
        assert (found["via"], found["obstacle"]) == ("owntracks", None)
        assert api.get("/api/v1/devices/phone-2/command-kinds").json()["obstacle"] == "no_login"
        world.run("update device set http_token_sha256 = sha256('x') where name = 'phone-2'")
        assert api.get("/api/v1/devices/phone-2/command-kinds").json()["obstacle"] is None
        assert api.get("/api/v1/devices/phone-2/command-kinds?via=native").json()["obstacle"] == "no_login"
        world.run(
            "insert into device_voice (device_id, tenant_id, format, at_door, heard_at) "
            "select id, tenant_id, 'osmand', true, now() from device where name = 'phone-1'"
        )
        found = api.get("/api/v1/devices/phone-1/command-kinds").json()
        assert (found["via"], found["obstacle"]) == ("native", "deaf")
        assert api.post(path, json={"command": "ping"}).status_code == 409
        assert api.post(path, json={"command": "ping", "via": "native"}).status_code == 201  # who asks knows better
        world.run("update device_voice set format = 'owntracks'")
        made = api.post(path, json={"command": "set_waypoints", "argument": {"waypoints": [place]}})
        assert (made.status_code, made.json()["via"]) == (201, "owntracks")
        for wrong in ([], [place] * 21, {"a": 1}, [place | {"rad": 0}], [place | {"lat": "60"}], [{"desc": "x"}]):
            told = api.post(path, json={"command": "set_waypoints", "argument": {"waypoints": wrong}})
            assert (told.status_code, told.json()["detail"][:20]) == (422, "argument.waypoints: "), wrong
