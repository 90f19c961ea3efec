"""How the things of the registry end: all seven kinds by command and by REST, and what the tracker makes of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
import psycopg
import pytest

from domain.times import from_us
from frostway.cli import main
from store.db import connect
from store.lifecycle import KINDS, delete, perform, restore, retire
from store.registry import Registry, RegistryError
from tests.integration.fleet import T0, Fleet, S
from tests.integration.seed_api import World, client, rows, serving
from tests.integration.test_live_feed import feed, run
from tests.integration.test_verify import differences

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


@cases
def test_a_thing_of_another_tenant_is_not_there_and_only_admins_may(
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
    for role in ("viewer", "storekeeper", "coldchain", "dispatcher"):
        with client(str(api.base_url), world.token(role)) as other:
            assert other.delete(address).status_code == 403
            assert other.patch(address, json={"retired": True}).status_code == 403
    assert api.patch(address, json={"retired": True, "more": 1}).status_code == 422
    with connect(database, "test") as c:
        assert c.execute(mine.format(case.kind), (stranger.tenant_id,)).fetchall() == kept  # type: ignore[arg-type]


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


# ---------------------------------------------------------------- the tracker
def day(fleet: Fleet) -> Any:
    """A truck that is at the site, away and back, six times in six hours."""
    t = np.arange(0, 6 * 3600, 30)
    away_m = 3000 * np.clip(np.sin(2 * np.pi * t / 3600) - 0.2, 0, None)
    return fleet.batch(
        "gps", "gps", t, seq=np.arange(len(t)), boot=1, lat=60 + away_m / 111_195, lon=25.0, accuracy_m=4
    )


def turn(fleet: Fleet, tracker: Any) -> None:
    """What the tracker does of itself: it hears of the registry, and folds again what that changes."""
    for _ in range(3):
        tracker._link.run(tracker._turn)
        fleet.settle(tracker)


def end(fleet: Fleet, what: Any, kind: str, name: str, at_s: float | None = None) -> None:
    with connect(fleet.dsn, "test") as c, c.transaction():
        tenant = Registry(c).tenant_id
        perform(c, tenant, what(KINDS[kind], name, "test"))
    if at_s is not None:
        with psycopg.connect(fleet.dsn) as c:  # at a moment of the readings, and not of today
            c.execute("alter table site disable trigger refuse_retired")
            c.execute("update site set retired_at = %s where name = %s", (from_us(T0 + round(at_s * S)), name))
            c.execute("alter table site enable trigger refuse_retired")
            c.execute("select pg_notify('frostway_registry', '')")


VISITS = "select entered_at, left_at from visit where superseded_at is null and not retracted order by 1"


@pytest.mark.parametrize("late", [False, True], ids=["live", "late"])
@pytest.mark.parametrize("at_s", [6_900, 8_200, 10_805], ids=["inside", "away", "between two fixes"])
def test_a_retired_site_is_visited_no_more_and_keeps_its_visits(database: str, at_s: int, late: bool) -> None:
    fleet = Fleet(database)
    tracker = fleet.tracker()
    whole = day(fleet)
    t_s = (whole.time_us - T0) / S
    if late:
        fleet.append(whole)
        turn(fleet, tracker)
    else:
        fleet.append(whole.take(t_s < at_s))
        turn(fleet, tracker)
    before = fleet.rows(VISITS)
    end(fleet, retire, "site", "dc-1", at_s)
    turn(fleet, tracker)
    if not late:
        for part in np.array_split(np.flatnonzero(t_s >= at_s), 5):
            fleet.append(whole.take(part))
            turn(fleet, tracker)
    visits = fleet.rows(VISITS)
    ended = from_us(T0 + at_s * S)
    assert [v for v in visits if v[1] is None or v[1] > ended] == []
    assert [v for v in before if v[1] and v[1] <= ended] == [v for v in visits if v in before]
    assert len(visits) >= 2
    assert differences(fleet, tracker) == []
    end(fleet, restore, "site", "dc-1")
    turn(fleet, tracker)
    again = fleet.rows(VISITS)
    assert len(again) > len(visits)
    assert differences(fleet, tracker) == []
    fleet.close(tracker)


def test_a_retired_slot_is_no_stock_and_comes_back(database: str) -> None:
    fleet = Fleet(database)
    tracker = fleet.tracker()

    def weighs(at_s: int, kg: float) -> list[tuple[Any, ...]]:
        fleet.append(fleet.batch("shelf", "shelf", [at_s, at_s + 60], slot_id=fleet.slot, mass_kg=kg))
        turn(fleet, tracker)
        return fleet.rows("select quantity from stock_level")

    assert weighs(0, 5.0) == [(5.0,)]
    end(fleet, retire, "slot", "shelf-1/A")
    assert weighs(600, 9.0) == [(5.0,)]
    end(fleet, restore, "slot", "shelf-1/A")
    assert weighs(1200, 7.0) == [(7.0,)]
    fleet.close(tracker)
