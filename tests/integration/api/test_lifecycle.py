"""How things of the registry change and end: all seven kinds, by command and by REST."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psycopg
import pytest

from domain.permissions import ROLES, TABLE, Permission
from firmware_sim.world import build
from frostway.cli import main
from frostway.demo import _ship_again, register
from store.db import connect
from store.lifecycle import KINDS, delete, perform, rename, restore, retire
from store.registry import Registry, RegistryError
from tests.integration.api.seed import World, client, rows, serving
from tests.integration.api.test_live_feed import feed, run

BASE = "/api/v1"


class Case(NamedTuple):
    """A thing of each kind that nothing depends on, one with much, and what is said of that."""

    kind: str
    idle: str
    busy: str
    has: str

    def address(self, name: str) -> str:
        """Where REST has it."""
        parent, _, own = name.partition("/")
        parts = {"zone": f"sites/{parent}/zones/{own}", "slot": f"devices/{parent}/slots/{own}"}
        return f"{BASE}/{parts.get(self.kind, f'{self.kind}s/{name}')}"


CASES = (
    Case("device", "gps-idle", "reefer-01", "2 readings, 1 excursion, 1 alert"),
    Case("vehicle", "truck-idle", "truck-01", "3 readings, 2 devices, 1 shipment, 1 visit"),
    Case("site", "site-idle", "store-1", "1 device, 1 zone, 1 shipment, 1 visit, 1 stock level"),
    Case("product", "A/B", "MILK", "1 slot, 1 stock level"),
    Case("zone", "dc-1/dock", "store-1/chiller", "1 device, 1 stock level"),
    Case("slot", "shelf-1/B", "shelf-1/A", "1 reading"),
    Case("profile", "frozen", "chilled", "1 device, 1 shipment"),
)
NOW = {  # of the busy ones: what is still with them when they are retired
    "vehicle": "2 devices, 1 shipment",
    "site": "1 device, 1 zone, 1 shipment",
    "zone": "1 device",
    "product": "1 slot",
    "profile": "1 device, 1 shipment",
}


def furnished(dsn: str, tenant: str = "main") -> World:
    """A world with readings and facts, and a thing of each kind that has nothing."""
    world = World(dsn, tenant)
    world.furnish()
    world.partitions()
    put = world.registry
    put.put_vehicle("truck-idle", "Idle")
    put.put_site("site-idle", label="Idle", kind="depot", lat=1, lon=1)
    put.put_zone("dc-1", "dock")
    put.put_product("A/B", label="With a slash")
    put.put_profile("frozen", low_c=-25, high_c=-15, for_s=600)
    world.device("gps-idle", "tracker")
    put.put_slot(world.ids["shelf-1"], "A", world.ids["MILK"])
    put.put_slot(world.ids["shelf-1"], "B", put.put_product("A/C", label="In slot B"))
    return world


def happened(world: World) -> World:
    """Something depends on the busy ones."""
    at = world.one("select now()")
    world.position("gps-01", at, 60.0, 24.0)
    for n in range(2):
        world.temperature("reefer-01", "rear", at + timedelta(seconds=n), 4.0)
    world.excursion("reefer-01", "rear", at, None, 9)
    world.open_alert("reefer-01", "rear")
    world.run(
        "insert into visit (tenant_id, vehicle_id, site_id, entered_at, left_at, decided_at, rule_version) "
        "values (%s, %s, %s, now(), now(), now(), 1)",
        world.tenant_id, world.ids["truck-01"], world.ids["store-1"],
    )  # fmt: skip
    world.stock(3)
    label = world.label("slot", world.ids["shelf-1"], "A")
    world.run(
        "insert into reading_shelf (time, received_at, device_id, boot_id, seq, flags, slot_id, mass_kg) "
        "values (%s, %s, %s, 0, 1, 0, %s, 1.5)",
        at, at, world.ids["shelf-1"], label,
    )  # fmt: skip
    return world


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = happened(furnished(database))
    other = furnished(database, "other")
    yield world
    world.close()
    other.close()


@pytest.fixture
def api(world: World, database: str) -> Iterator[httpx.Client]:
    with serving(database, mqtt_hash=lambda password: f"hash of {password}") as url, client(url, world.token()) as api:
        yield api


class Shell:
    """The `frostway` command against a database, in this process: a start takes longer than what it does."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """Exit status, standard output and standard error."""
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        return int(ended.value.code or 0), *self._capsys.readouterr()

    def refused(self, *words: str) -> str:
        """The one line of a command that does nothing."""
        status, out, err = self(*words)
        assert (status, out, err.count("\n")) == (1, "", 1), (out, err)
        return err.removeprefix("frostway: ").strip()


@pytest.fixture
def shell(
    world: World,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Shell:
    for name in [name for name in os.environ if name.startswith("FROSTWAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FROSTWAY_DATABASE_URL", database)
    monkeypatch.chdir(tmp_path)
    return Shell(capsys)


cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)


# ---------------------------------------------------------------- by command
@cases
def test_what_depends_on_a_thing_is_counted_and_keeps_it(case: Case, shell: Shell) -> None:
    told = f"{case.kind} {case.busy} has {case.has}"
    assert shell(case.kind, "delete", case.busy, "--dry-run") == (
        0,
        f"{told}: it cannot be deleted\n",
        "",
    )
    line = shell.refused(case.kind, "delete", case.busy, "--yes")
    assert line == f"{told}; retire it instead: frostway {case.kind} retire {case.busy}"


@cases
def test_a_thing_is_retired_and_restored_and_deleted_by_command(case: Case, database: str, shell: Shell) -> None:
    kind, idle, busy = case.kind, case.idle, case.busy
    still = f"; still with it: {NOW[kind]}" if kind in NOW else ""
    assert shell(kind, "retire", busy) == (0, f"{kind} {busy} is retired{still}\n", "")
    status, out, _ = shell(kind, "retire", busy)
    assert (status, out.startswith(f"{kind} {busy} is retired since 20")) == (0, True)
    _, out, _ = shell(kind, "list")
    listed = {line.split("\t")[0]: line.split("\t")[-1] for line in out.splitlines()}
    assert (listed[busy] != "", listed[idle] if kind != "device" else "") == (True, "")
    line = shell.refused(kind, "delete", busy, "--yes")
    assert line.endswith("; it is retired already")
    status, out, _ = shell(kind, "restore", busy)
    if kind == "device":
        assert [word.split()[0] for word in out.splitlines()] == ["user", "password"]
    else:
        assert out == f"{kind} {busy} is restored\n"
    assert shell(kind, "restore", idle) == (0, f"{kind} {idle} was not retired\n", "")
    assert shell.refused(kind, "delete", idle).endswith("Nobody is there to ask: say --yes")
    assert shell(kind, "delete", idle, "--dry-run") == (0, f"nothing depends on {kind} {idle}\n", "")
    assert shell(kind, "delete", idle, "--yes") == (0, f"{kind} {idle} is deleted\n", "")
    for what in (["retire"], ["restore"], ["delete", "--yes"]):
        line = shell.refused(kind, what[0], idle, *what[1:])
        assert line == f"no {kind} {idle!r}: `frostway {kind} list` shows them"
    assert rows(database, "select actor, action, subject from audit where actor = 'command line' order by id") == [
        ("command line", f"{kind}.retire", busy),
        ("command line", f"{kind}.restore", busy),
        ("command line", f"{kind}.delete", idle),
    ]


def test_a_part_is_named_with_what_it_is_a_part_of(shell: Shell) -> None:
    assert shell.refused("zone", "retire", "dock") == "zone 'dock': say of which site: SITE/dock"
    assert shell.refused("slot", "retire", "A") == "slot 'A': say of which device: DEVICE/A"


# ---------------------------------------------------------------- by REST
@cases
def test_a_thing_is_retired_restored_and_deleted_by_rest(
    case: Case, world: World, database: str, api: httpx.Client
) -> None:
    busy, idle = case.address(case.busy), case.address(case.idle)
    dry = api.delete(busy, params={"dry_run": True}).json()
    assert [f"{d['count']} {d['what']}" for d in dry["dependents"]] == [
        word if word[0] != "1" else word + "s" for word in case.has.split(", ")
    ]
    refusal = api.delete(busy)
    assert (refusal.status_code, refusal.headers["content-type"]) == (409, "application/problem+json")
    assert refusal.json()["detail"].startswith(f"{case.kind} {case.busy} has {case.has}; retire it instead")
    assert refusal.json()["dependents"] == dry["dependents"]
    assert api.patch(busy, json={"retired": True}, params={"dry_run": True}).json()["retired"] is False
    for _ in range(2):
        done = api.patch(busy, json={"retired": True})
        assert (done.status_code, done.json()["retired"], "mqtt" in done.json()) == (200, True, False)
    (gone,) = api.get(f"{BASE}/retired").json()["items"]
    assert (gone["kind"], gone["id"]) == (case.kind, case.busy)
    back = api.patch(busy, json={"retired": False}).json()
    assert (back["retired"], "mqtt" in back) == (False, case.kind == "device")
    assert api.get(f"{BASE}/retired").json()["items"] == []
    assert api.delete(idle).status_code == 200
    answers = [api.delete(idle), api.patch(idle, json={"retired": True})]
    assert [a.status_code for a in answers] == [404, 404]
    assert rows(database, "select actor, action, subject from audit order by id") == [
        ("admin-token", f"{case.kind}.retire", case.busy),
        ("admin-token", f"{case.kind}.restore", case.busy),
        ("admin-token", f"{case.kind}.delete", case.idle),
    ]


PERMISSIONS = {
    "device": Permission.DEVICES,
    "vehicle": Permission.VEHICLES,
    "driver": Permission.DRIVERS,
    "site": Permission.SITES,
    "zone": Permission.SITES,
    "product": Permission.PRODUCTS,
    "slot": Permission.PRODUCTS,
    "profile": Permission.PROFILES,
}


@cases
def test_a_thing_of_another_tenant_is_not_there_and_not_all_may(
    case: Case, world: World, database: str, api: httpx.Client
) -> None:
    mine = "select row_to_json(x)::text from {} x where tenant_id = %s order by id"
    with connect(database, "test") as c, c.transaction():
        stranger = Registry(c, "other")
        perform(c, world.tenant_id, delete(KINDS[case.kind], case.idle, "test"))
        kept = c.execute(mine.format(case.kind), (stranger.tenant_id,)).fetchall()  # type: ignore[arg-type]
        with pytest.raises(RegistryError, match=f"^no {case.kind} "):
            perform(c, world.tenant_id, retire(KINDS[case.kind], case.idle, "test"))
    address = case.address(case.idle)
    assert api.delete(address).status_code == 404
    assert api.patch(address, json={"retired": True}).status_code == 404
    for role in ROLES.keys() - TABLE[PERMISSIONS[case.kind]][1]:
        with client(str(api.base_url), world.token(role)) as other:
            assert other.delete(address).status_code == 403
            assert other.patch(address, json={"retired": True}).status_code == 403
    assert api.patch(address, json={"retired": True, "more": 1}).status_code == 422
    with connect(database, "test") as c:
        assert c.execute(mine.format(case.kind), (stranger.tenant_id,)).fetchall() == kept  # type: ignore[arg-type]


# ---------------------------------------------------------------- another name
NEW = {"product": "MILK 2", "zone": "cold", "slot": "Z"}
KEPT = {
    "device": "device reefer-01 signs in and publishes as reefer-01 (for another: `frostway device add`, then "
    "`frostway device retire reefer-01`; what it has measured stays with its vehicle or site), so it keeps its name",
    "slot": "slot shelf-1/A has 1 reading, in which its shelf calls it that, so it keeps its name",
}


def renamed(case: Case, name: str) -> str:
    """What a thing is called then, in full."""
    parent, _, own = name.rpartition("/")
    new = NEW.get(case.kind, "new")
    return f"{parent}/{new}" if case.kind in ("zone", "slot") and own else new


@cases
def test_a_thing_gets_another_name_by_command_and_keeps_its_key(case: Case, database: str, shell: Shell) -> None:
    kind, new = case.kind, NEW.get(case.kind, "new")
    if kind in KEPT:
        assert shell.refused(kind, "rename", case.busy, new) == KEPT[kind]
    name = case.idle if kind in KEPT else case.busy
    if kind == "device":
        return
    key = KINDS[kind].key
    everything = f"select to_jsonb(x) - %s - 'label' - 'home_name' from {kind} x order by id"
    with psycopg.connect(database) as c:
        before = c.execute(everything, (key,)).fetchall()  # type: ignore[arg-type]
        assert shell(kind, "rename", name, new) == (0, f"{kind} {name} is now {renamed(case, name)}\n", "")
        assert c.execute(everything, (key,)).fetchall() == before  # type: ignore[arg-type]
    assert shell.refused(kind, "rename", name, "other") == f"no {kind} {name!r}: `frostway {kind} list` shows them"
    taken = case.busy if kind in KEPT else case.idle
    if kind == "zone":
        shell("zone", "rename", "dc-1/dock", "cold")  # another site's zone of that name
        taken = "store-1/dry"
        with connect(database, "test") as c:
            Registry(c).put_zone("store-1", "dry")
    own = taken.rpartition("/")[2] if kind in ("zone", "slot") else taken
    shell(kind, "retire", taken)
    line = shell.refused(kind, "rename", renamed(case, name), own)
    assert line == f"there is a {kind} {taken} already, which is retired"
    assert shell.refused(kind, "rename", taken, "free") == KEPT.get(
        kind, f"{kind} {taken} is retired: restore it first"
    )
    line = shell.refused(kind, "rename", renamed(case, name), "new\nline")
    assert line.startswith(f"'new\\nline' is no name of a {kind}: ")
    entry = f"select action, subject, detail ->> 'to' from audit where action = '{kind}.rename' order by id"
    assert rows(database, entry)[0] == (f"{kind}.rename", name, new)


@cases
def test_a_thing_gets_another_name_by_rest(case: Case, world: World, database: str, api: httpx.Client) -> None:
    new = NEW.get(case.kind, "new")
    name = case.idle if case.kind in KEPT else case.busy
    if case.kind in KEPT:
        refusal = api.patch(case.address(case.busy), json={"id": new})
        assert (refusal.status_code, refusal.json()["detail"]) == (409, KEPT[case.kind])
    if case.kind == "device":
        return
    dry = api.patch(case.address(name), json={"id": new}, params={"dry_run": True})
    assert (dry.status_code, dry.json()["id"]) == (200, name)
    done = api.patch(case.address(name), json={"id": new})
    assert (done.status_code, done.json()["id"]) == (200, renamed(case, name))
    assert api.patch(case.address(name), json={"id": "other"}).status_code == 404
    assert api.patch(case.address(renamed(case, name)), json={"id": new}).status_code == 200
    for body in ({}, {"id": "a", "retired": True}, {"id": ""}):
        assert api.patch(case.address(renamed(case, name)), json=body).status_code == 422
    assert rows(database, "select actor, action, subject from audit") == [
        ("admin-token", f"{case.kind}.rename", name),
    ]


def test_history_stays_with_what_is_renamed(world: World, database: str, api: httpx.Client) -> None:
    world.run(
        "insert into eta_grade select id, -1, 'all', tenant_id, %s, 'dc-1 > store-1', now(), 1, 1, 0, 1, 1, 1, 1, 0, "
        "now(), 1 from stop where name = 'S-1-2'",
        world.ids["truck-01"],
    )
    for path, name in (
        ("/vehicles/truck-01", "t-1"),
        ("/sites/store-1", "shop"),
        ("/sites/shop/zones/chiller", "cold"),
        ("/products/MILK", "M/1"),
        ("/profiles/chilled", "cool"),
    ):
        assert api.patch(BASE + path, json={"id": name}).status_code == 200
    (visit,) = api.get(f"{BASE}/vehicles/t-1/visits").json()["items"]
    assert visit["site"] == "shop"
    assert api.get(f"{BASE}/vehicles/truck-01/visits").status_code == 404
    assert {d["id"] for d in api.get(f"{BASE}/vehicles/t-1/devices").json()["items"]} == {"gps-01", "reefer-01"}
    shipment = api.get(f"{BASE}/shipments/S-1").json()
    assert (shipment["vehicle"], [s["site"] for s in shipment["stops"]]) == ("t-1", ["dc-1", "shop"])
    (stock,) = api.get(f"{BASE}/stock").json()["items"]
    assert stock["id"] == "shop/cold/M/1"
    (assignment,) = api.get(f"{BASE}/devices/shelf-1/assignments").json()["items"]
    assert (assignment["site"], assignment["zone"]) == ("shop", "cold")
    (grade,) = api.get(f"{BASE}/eta/grades", params={"by": "lane"}).json()["items"]
    assert grade["key"] == "dc-1 > shop"
    devices = {d["id"]: d for d in api.get(f"{BASE}/devices").json()["items"]}
    assert (devices["reefer-01"]["vehicle"], devices["reefer-01"]["profile"]) == ("t-1", "cool")


# ---------------------------------------------------------------- what retired is
RETIRED = (
    ("vehicle", "truck-idle", "/devices", {"id": "new", "kind": "phone", "vehicle": "truck-idle"}),
    ("vehicle", "truck-idle", "/devices/gps-01/assignments", {"vehicle": "truck-idle"}),
    ("vehicle", "truck-idle", "/shipments", {"id": "S-9", "vehicle": "truck-idle", "stops": [{"lat": 1, "lon": 1}]}),
    ("site", "site-idle", "/devices", {"id": "new", "kind": "phone", "site": "site-idle"}),
    ("site", "site-idle", "/sites", {"id": "site-idle", "kind": "store", "lat": 2, "lon": 2}),
    ("site", "site-idle", "/shipments", {"id": "S-9", "stops": [{"site": "site-idle"}]}),
    ("zone", "dc-1/dock", "/devices", {"id": "new", "kind": "phone", "site": "dc-1", "zone": "dock"}),
    ("profile", "frozen", "/devices", {"id": "new", "kind": "phone", "profile": "frozen"}),
    ("product", "A/B", "/products", {"sku": "A/B", "label": "Other"}),
)


@pytest.mark.parametrize(("kind", "name", "path", "body"), RETIRED, ids=lambda value: str(value)[:20])
def test_what_is_retired_is_offered_no_more_and_its_name_is_not_free(
    world: World, database: str, api: httpx.Client, kind: str, name: str, path: str, body: dict[str, Any]
) -> None:
    with connect(database, "test") as c, c.transaction():
        perform(c, world.tenant_id, retire(KINDS[kind], name, "test"))
    answer = api.post(BASE + path, json=body)
    own = name if kind == "product" else name.rsplit("/", maxsplit=1)[-1]
    said = f"{kind} {own} is retired: restore it first, or name another"
    assert (answer.status_code, answer.json()["detail"]) == (409, said)
    with connect(database, "test") as c, c.transaction():
        perform(c, world.tenant_id, restore(KINDS[kind], name, "test"))
    assert api.post(BASE + path, json=body).status_code < 300


def test_a_command_that_names_what_is_retired_says_so(shell: Shell) -> None:
    shell("vehicle", "retire", "truck-idle")
    words = ("device", "add", "new", "--kind", "tracker", "--vehicle", "truck-idle")
    assert shell.refused(*words) == "vehicle truck-idle is retired: restore it first, or name another"


def test_retired_things_leave_the_lists_and_keep_their_facts(world: World, api: httpx.Client) -> None:
    def listed() -> list[set[str]]:
        paths = ("/vehicles", "/sites", "/products")
        return [{i.get("id") or i["sku"] for i in api.get(BASE + path).json()["items"]} for path in paths]

    before = listed()
    for path in ("/vehicles/truck-01", "/sites/store-1", "/products/MILK", "/sites/dc-1/zones/dock"):
        assert api.patch(BASE + path, json={"retired": True}).status_code == 200
    assert [b - a for a, b in zip(listed(), before, strict=True)] == [{"truck-01"}, {"store-1"}, {"MILK"}]
    (centre,) = [s for s in api.get(f"{BASE}/sites").json()["items"] if s["id"] == "dc-1"]
    assert centre["zones"] == []
    assert api.get(f"{BASE}/vehicles/truck-01").json()["id"] == "truck-01"
    (visit,) = api.get(f"{BASE}/vehicles/truck-01/visits").json()["items"]
    assert visit["site"] == "store-1"


def test_open_pages_read_all_of_it_again(world: World, database: str) -> None:
    async def work(url: str) -> None:
        token = world.token("viewer")
        async with feed(url, token, topics=["vehicles", "sites"]) as live:
            await live.until(lambda state: "truck-idle" in state["vehicles"])
            with connect(database, "test") as c, c.transaction():
                perform(c, world.tenant_id, retire(KINDS["vehicle"], "truck-idle", "test"))
            with pytest.raises(Exception, match="1013"):
                await asyncio.wait_for(live.until(lambda _: False), 5)
            cursor = live.cursor
        async with feed(url, token, topics=["vehicles", "sites"], cursor=cursor) as again:
            kinds = [(await again.next())["type"] for _ in range(2)]
            assert kinds == ["resync", "snapshot"]
            assert "truck-idle" not in again.state["vehicles"]

    with serving(database) as url:
        run(work(url))


def test_what_people_change_of_a_simulated_world_stays_when_it_is_started_again(database: str) -> None:
    world = build("demo", 7)
    passwords = {f"{world.tenant}/{device.id}": "secret" for device in world.devices}
    device, vehicle, site = world.devices[0].id, world.vehicles[0].id, world.sites[0].id

    def names() -> list[list[tuple[Any, ...]]]:
        query = "select name, retired_at is not null from {} order by id"
        return [rows(database, query.format(table)) for table in ("vehicle", "site", "zone", "profile")]

    with connect(database, "test") as c:
        registry = Registry(c, world.tenant)
        register(registry, world, passwords, datetime.now(UTC))
        with c.transaction():
            for talk in (
                rename(KINDS["vehicle"], vehicle, "my-truck", "test"),
                retire(KINDS["vehicle"], "my-truck", "test"),
                retire(KINDS["site"], site, "test"),
                retire(KINDS["device"], device, "test"),
            ):
                perform(c, registry.tenant_id, talk)
        before = names()
        register(registry, world, passwords, datetime.now(UTC))
        assert names() == before
        assert ("my-truck", True) in before[0]
        assert next(d for d in registry.devices() if d["name"] == device)["revoked_at"] is not None
        c.execute("update shipment set status = 'delivered'")
        _ship_again(c, world)
