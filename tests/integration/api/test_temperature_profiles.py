"""Limits are there from the first device on, the same by command and by REST; one's own are made, none is changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import orjson
import psycopg
import pytest
from typer.testing import CliRunner

from domain.cold_chain.parsing import body_of, profile_of, short_of
from domain.cold_chain.profile import TemperatureProfile, plain
from domain.cold_chain.ready_made import READY_MADE
from frostway.cli import app
from frostway.stack import WHO
from store.link import Link
from store.tracking import TrackingStore
from tests.integration.api.seed import World, client, rows, serving
from tracker.engine.registry import Registry as Tracked

BASE = "/api/v1"
ROOT = Path(__file__).resolve().parents[3]
OWN = {"id": "salad", "low_c": 1.0, "high_c": 5.0, "for_s": 900.0, "hysteresis_c": 0.3, "max_interval_s": 900.0}


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    yield world
    world.close()


@pytest.fixture
def api(world: World, database: str) -> Iterator[httpx.Client]:
    with serving(database, mqtt_hash=lambda password: f"hash of {password}") as url, client(url, world.token()) as api:
        yield api


@pytest.mark.parametrize(
    ("kind", "named", "has"),
    [
        ("thermometer", {}, "chilled"),
        ("reefer", {}, "chilled"),
        ("reefer", {"profile": "none"}, None),
        ("thermometer", {"profile": "frozen"}, "frozen"),
        ("tracker", {}, None),
        ("tracker", {"profile": "ambient"}, "ambient"),
    ],
)
def test_a_new_device_has_the_limits_of_its_kind_unless_told(
    api: httpx.Client, database: str, kind: str, named: dict[str, str], has: str | None
) -> None:
    made = api.post(f"{BASE}/devices", json={"id": "d-1", "kind": kind, "vehicle": "truck-1", **named})
    assert (made.status_code, made.json()["profile"]) == (201, has)
    assert [p["id"] for p in api.get(f"{BASE}/profiles").json()["items"]] == ([has] if has else [])
    limits = {"chilled": (2.0, 8.0, 600.0), "frozen": (-25.0, -15.0, 1800.0), "ambient": (15.0, 25.0, 3600.0)}
    assert rows(database, "select low_c, high_c, for_s from profile") == ([limits[has]] if has else [])


def test_a_profile_of_ones_own_is_made_once_and_given(api: httpx.Client, world: World, database: str) -> None:
    made = api.post(f"{BASE}/profiles", json=OWN).json()
    assert made == {**made, **OWN, "version": 1, "valid_from": None, "retired_at": None, "devices": 0, "shipments": 0}
    assert [(b["name"], b["op"], b["limit_c"], b["for_s"]) for b in made["bands"]] == [
        ("above", ">", 5.0, 900.0),
        ("below", "<", 1.0, 900.0),
    ]
    again = api.post(f"{BASE}/profiles", json={**OWN, "high_c": 9})
    assert (again.status_code, "is there already" in again.json()["detail"]) == (409, True)
    assert rows(database, "select high_c, version from profile") == [(5.0, 1)]
    assert api.post(f"{BASE}/devices", json={"id": "t-1", "kind": "thermometer", "profile": "salad"}).status_code == 201
    assert api.post(f"{BASE}/devices/t-1/change", json={"profile": "frozen"}).json()["profile"] == "frozen"
    assert api.post(f"{BASE}/devices/t-1/change", json={"profile": "none"}).json()["profile"] is None
    assert api.post(f"{BASE}/devices/t-1/change", json={"profile": "salad"}).json()["profile"] == "salad"
    unknown = api.post(f"{BASE}/devices", json={"id": "t-2", "kind": "thermometer", "profile": "sallad"})
    assert "one of chilled, frozen, ambient, or your own by POST /profiles" in unknown.json()["detail"]
    audited = "select action, subject, detail ->> 'high_c' from audit where action = 'profile.create'"
    assert rows(database, audited) == [("profile.create", "salad", "5.0")]


def test_a_profile_tells_how_many_have_it_now_and_which_devices(api: httpx.Client, world: World) -> None:
    world.furnish(2)
    other = World(world.connection.info.dsn, "other")
    other.furnish(3)
    assert api.post(f"{BASE}/profiles", json=OWN).status_code == 201

    def told() -> dict[str, tuple[int, int]]:
        items = api.get(f"{BASE}/profiles").json()["items"]
        return {each["id"]: (each["devices"], each["shipments"]) for each in items}

    assert told() == {"chilled": (2, 1), "salad": (0, 0)}
    before = api.get(f"{BASE}/profiles/salad")
    assert api.post(f"{BASE}/devices/reefer-02/change", json={"profile": "salad"}).status_code == 200
    assert api.delete(f"{BASE}/shipments/S-1").status_code == 200
    assert told() == {"chilled": (1, 0), "salad": (1, 0)}
    assert api.get(f"{BASE}/profiles/salad").headers["etag"] == before.headers["etag"]
    listed = api.get(f"{BASE}/devices", params={"profile": "salad"}).json()["items"]
    assert [each["id"] for each in listed] == ["reefer-02"]
    assert api.get(f"{BASE}/devices", params={"profile": "nosuch"}).json()["items"] == []
    assert api.post(f"{BASE}/devices/reefer-02/revoke").status_code == 200
    assert told()["salad"] == (0, 0)
    other.close()


def test_another_tenants_profiles_are_not_seen_and_a_viewer_makes_none(
    api: httpx.Client, world: World, database: str
) -> None:
    other = World(database, "other")
    assert api.post(f"{BASE}/profiles", json=OWN).status_code == 201
    with serving(database, mqtt_hash=str.upper) as url:
        with client(url, other.token()) as theirs:
            assert theirs.get(f"{BASE}/profiles").json()["items"] == []
            assert (
                theirs.post(f"{BASE}/devices", json={"id": "x", "kind": "door", "profile": "salad"}).status_code == 422
            )
            assert theirs.post(f"{BASE}/profiles", json=OWN).status_code == 201
        with client(url, world.token("viewer")) as viewer:
            assert viewer.post(f"{BASE}/profiles", json={**OWN, "id": "mine"}).status_code == 403
            assert [p["id"] for p in viewer.get(f"{BASE}/profiles").json()["items"]] == ["salad"]
    other.close()


def test_the_command_makes_the_same_and_refuses_the_same(
    world: World, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FROSTWAY_DATABASE_URL", database)
    run = CliRunner().invoke
    made = run(app, ["profile", "add", "salad", "--low-c", "1", "--high-c", "5", "--for-s", "900"])
    assert (made.exit_code, "device change ID --profile salad" in made.output) == (0, True)
    assert rows(database, "select name, low_c, high_c, for_s from profile") == [("salad", 1.0, 5.0, 900.0)]
    for words, why in (
        (["salad", "--high-c", "9"], "is there already, nothing was changed"),
        (["none", "--high-c", "9"], "a name is a-z"),
        (["Sal at", "--high-c", "9"], "a name is a-z"),
        (["cold"], "at least one of them"),
        (["cold", "--low-c", "9", "--high-c", "2"], "low_c: not below high_c"),
        (["cold", "--high-c", "nan"], "between -273.15 and 1000"),
        (["ready-made", "--high-c", "9"], "and not 'none' or 'ready-made'"),
    ):
        refused = run(app, ["profile", "add", *words])
        assert refused.exit_code != 0
        assert why in f"{refused.output}{refused.exception}"
    renamed = run(app, ["profile", "rename", "salad", "none"])
    assert (renamed.exit_code, "and not 'none'" in f"{renamed.output}{renamed.exception}") == (1, True)
    assert rows(database, "select name from profile") == [("salad",)]


SERUM = {
    "id": "serum",
    "low_c": 2,
    "high_c": 8,
    "bands": [
        {"name": "warm", "op": ">", "limit_c": 8, "for_s": 600, "severity": "warning"},
        {
            "name": "sum",
            "op": ">",
            "limit_c": 8,
            "for_s": 7200,
            "mode": "cumulative",
            "reset": "daily",
            "reset_at": "06:00",
        },
    ],
    "mkt": {"limit_c": 8, "window_s": 86400},
    "tz": "Europe/Helsinki",
}


def test_a_whole_profile_is_kept_as_it_was_said_and_refused_at_its_part(api: httpx.Client) -> None:
    made = api.post(f"{BASE}/profiles", json=SERUM)
    assert made.status_code == 201
    shown = api.get(f"{BASE}/profiles/serum").json()
    assert shown == made.json()
    assert profile_of({k: v for k, v in SERUM.items() if k != "id"}) == profile_of(
        {k: v for k, v in shown.items() if k in body_of(TemperatureProfile())}
    )
    crossed = {**SERUM, "id": "x", "bands": [*SERUM["bands"], {"name": "cold", "op": "<", "limit_c": 9}]}
    refused = api.post(f"{BASE}/profiles", json=crossed)
    assert (refused.status_code, refused.json()["detail"]) == (
        422,
        "bands[2].limit_c: below high_c, or all that is in the range is beyond it",
    )
    assert refused.json()["errors"][0]["field"] == "bands.2.limit_c"
    assert api.post(f"{BASE}/profiles", json={"id": "ready-made", "high_c": 8}).status_code == 422


def test_ready_made_ones_are_offered_with_their_source_and_taken_with_other_numbers(api: httpx.Client) -> None:
    offered = {each["id"]: each for each in api.get(f"{BASE}/profiles/ready-made").json()["items"]}
    assert list(offered) == list(READY_MADE)
    taken = api.post(
        f"{BASE}/profiles", json={"id": "vaccine", "ready_made": "who-shipping-type-2", "tz": "Asia/Tokyo"}
    ).json()
    assert {k: taken[k] for k in offered["who-shipping-type-2"]["profile"]} == offered["who-shipping-type-2"][
        "profile"
    ] | {"tz": "Asia/Tokyo"}
    unknown = api.post(f"{BASE}/profiles", json={"id": "v", "ready_made": "pharma"})
    assert (unknown.status_code, unknown.json()["detail"][:26]) == (422, "ready_made: one of chilled")


def test_a_new_version_begins_now_or_later_and_the_one_before_stays(
    api: httpx.Client, world: World, database: str
) -> None:
    assert api.post(f"{BASE}/profiles", json=OWN).status_code == 201
    path, seen = f"{BASE}/profiles/salad", api.get(f"{BASE}/profiles/salad").headers["etag"]
    later = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    planned = api.post(f"{path}/versions", json={"high_c": 4, "valid_from": later, "note": "summer"}).json()
    assert (planned["version"], planned["note"], planned["profile"]["high_c"]) == (2, "summer", 4.0)
    assert "what was decided stays" in planned["stays"]
    shown = api.get(path).json()
    assert (shown["version"], shown["high_c"], shown["next_from"]) == (1, 5.0, planned["valid_from"])
    stale = api.post(f"{path}/versions", json={"high_c": 6}, headers={"If-Match": seen})
    assert stale.status_code == 412
    now = api.post(f"{path}/versions", json={"high_c": 6}, headers={"If-Match": api.get(path).headers["etag"]})
    assert (now.status_code, now.json()["version"]) == (201, 3)
    shown = api.get(path).json()
    assert (shown["version"], shown["high_c"], shown["low_c"], shown["valid_from"]) == (
        3,
        6.0,
        None,
        now.json()["valid_from"],
    )
    assert api.post(f"{path}/versions", json={"high_c": 6}).status_code == 409
    past = api.post(f"{path}/versions", json={"high_c": 7, "valid_from": "2026-01-01T00:00:00Z"})
    assert (past.status_code, past.json()["detail"].partition(":")[0]) == (422, "valid_from")
    versions = api.get(f"{path}/versions").json()["items"]
    assert [(v["version"], v["valid_from"], v["profile"]["high_c"]) for v in versions] == [
        (3, now.json()["valid_from"], 6.0),
        (2, planned["valid_from"], 4.0),
        (1, None, 5.0),
    ]
    assert api.patch(path, json={"retired": True}).status_code == 200
    assert api.post(f"{path}/versions", json={"high_c": 7}).status_code == 409
    assert len(api.get(f"{path}/versions").json()["items"]) == 3
    link = Link(database, "test")
    (history,) = Tracked.load(TrackingStore(link), 1).histories.values()
    link.close()
    assert [v.number for v in history.versions] == [1, 3, 2]
    assert history.at(0).profile.high_c == 5.0
    assert api.delete(path).status_code == 200
    assert rows(database, "select count(*) from profile_version") == [(0,)]
    assert ("profile.version", "salad") in rows(database, "select action, subject from audit")


def test_profiles_go_to_a_file_and_come_back_by_command(
    world: World, database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FROSTWAY_DATABASE_URL", database)

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["profile", *words])
        return done.exit_code, f"{done.output}{done.exception or ''}"

    file = tmp_path / "profiles.jsonl"
    assert run("add", "vaccine", "--ready-made", "who-shipping-type-1")[0] == 0
    assert run("add", "v", "--ready-made", "who") == (1, f"--ready-made who: one of {', '.join(READY_MADE)}")
    assert run("add", "salad", "--high-c", "5")[0] == 0
    assert run("export", str(file))[1] == f"2 profiles in {file}\n"
    assert run("import", str(file))[1] == "profile salad: as it was\nprofile vaccine: as it was\n"
    salad, vaccine = (orjson.loads(line) for line in file.read_bytes().splitlines())
    salad["bands"][0]["limit_c"] = 4
    lines = [salad, {**vaccine, "id": "serum"}]
    file.write_bytes(b"\n".join(map(orjson.dumps, lines)))
    assert run("import", str(file), "--note", "audit")[1] == (
        "profile salad: version 2 from now on; what was decided stays\nprofile serum: made\n"
    )
    said = (
        "select p.name, v.version, v.note, v.made_by from profile p "
        "join profile_version v on v.profile_id = p.id order by 1, 2"
    )
    versions = [("salad", 1, "", WHO), ("salad", 2, "audit", WHO), ("serum", 1, "", WHO), ("vaccine", 1, "", WHO)]
    assert rows(database, said) == versions
    status, text = run("show", "serum")
    assert (status, profile_of(orjson.loads(text))) == (0, READY_MADE["who-shipping-type-1"].profile)
    assert [text.count('"version"') for text in (run("show", "salad", "--history")[1],)] == [2]
    file.write_bytes(orjson.dumps({**salad, "high_c": 3}) + b"\n\n" + orjson.dumps({"id": "x", "high_c": 8, "tz": "?"}))
    assert run("import", str(file)) == (1, f"{file}, line 3: tz: an IANA time zone, such as Europe/Helsinki")
    assert rows(database, said) == versions
    assert "technet-21.org" in run("ready-made")[1]


def test_profiles_from_before_versions_get_their_first_one(database: str) -> None:
    text = (ROOT / "store/migrations/0049_profile_versions.sql").read_text()
    begins = text.index("insert into profile_version")
    kept = [plain(2.0, 8.0, 600.0, 0.3, 900.0), plain(None, -18.5, 0.0, 1.25, 60.0), plain(-3.0, None, 5.0, 0.0, 1.0)]
    with psycopg.connect(database) as connection:
        for n, profile in enumerate(kept):
            connection.execute(
                "insert into profile (tenant_id, name, low_c, high_c, for_s, hysteresis_c, max_interval_s) "
                "select id, %s, %s, %s, %s, %s, %s from tenant",
                (f"p{n}", *short_of(profile)),
            )
        connection.execute(text[begins : text.index(";", begins)].encode())
    found = rows(
        database, "select v.version, v.body from profile_version v join profile p on p.id = profile_id order by p.name"
    )
    assert found == [(1, body_of(profile)) for profile in kept]
