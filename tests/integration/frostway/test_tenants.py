"""A tenant is added; a name that is mistyped makes none, whatever the command."""

import os
from pathlib import Path

import psycopg
import pytest

from store.db import connect
from store.migrate import migrate
from store.registry import Registry, RegistryError
from store.tenants import UnknownTenantError, add_tenant
from tests.integration.api.seed import PASSWORD, World, client, rows, serving
from tests.integration.frostway.commands import refused, typed

EVENT = (
    '{"@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", "type": "ObjectEvent", '
    '"action": "OBSERVE", "eventTime": "2026-11-22T10:30:00Z", "eventTimeZoneOffset": "+00:00", "epcList": []}'
)
COMMANDS = (
    ("device", "add", "gps-1", "--kind", "tracker"),
    ("device", "list"),
    ("device", "rotate", "gps-1"),
    ("device", "revoke", "gps-1"),
    ("device", "unknown"),
    ("device", "move", "gps-1", "--vehicle", "truck-1"),
    ("vehicle", "change", "truck-1", "--class", "van"),
    ("vehicle", "drive", "truck-1", "ann"),
    ("vehicle", "drivers", "truck-1"),
    ("driver", "add", "ann"),
    ("device", "assignments", "gps-1"),
    ("device", "profile", "show", "gps-1"),
    ("device", "profile", "set", "gps-1", os.devnull),
    ("account", "set", "ann", "--role", "admin"),
    ("account", "list"),
    ("account", "invite", "ann", "--role", "viewer"),
    ("account", "link", "ann"),
    ("account", "change", "ann", "--role", "viewer"),
    ("account", "disable", "ann"),
    ("account", "enable", "ann"),
    ("account", "remove", "ann", "--yes"),
    ("token", "create", "--role", "admin"),
    ("token", "list"),
    ("token", "revoke", "till-7"),
    ("quarantine", "list"),
    ("quarantine", "save", "1", "file"),
    ("quarantine", "redrive", "--all"),
    ("quarantine", "redrive", "1"),
    ("quarantine", "mend", "--step", "multiply t 1000", "--yes"),
    ("facts", "verify"),
    ("audit", "verify"),
    ("coldchain", "import", os.devnull, "--shipment", "S-1"),
    ("goods", "import", "profiles.jsonl"),
    ("goods", "recall", "L-1", "--reason", "glass"),
    ("epcis", "capture", "profiles.jsonl"),
    *(("stock", what) for what in ("moves", "balance", "verify")),
    ("import", "products", "profiles.jsonl"),
    ("labels", "products", "--out", "file"),
    ("reports", "stationary"),
    ("dispatch", "list"),
    ("dispatch", "plan", "dc-1", "--day", "2026-12-02"),
    ("dispatch", "show", "1"),
    ("dispatch", "accept", "1", "--yes"),
    ("dispatch", "compare", "1", "2"),
    ("forward", "--to", "out", "--once"),
    ("device", "change", "gps-1", "--kind", "phone"),
    *((kind, "list") for kind in ("vehicle", "driver", "site", "product", "zone", "slot", "profile")),
    ("profile", "add", "salad", "--high-c", "5"),
    ("profile", "show", "salad"),
    ("profile", "export"),
    ("profile", "backtest", "salad"),
    ("profile", "import", os.devnull),
    *(
        (kind, what, "a/b" if kind in ("zone", "slot") else "a", *more)
        for kind in ("device", "vehicle", "driver", "site", "product", "zone", "slot", "profile")
        for what, *more in (("retire",), ("restore",), ("delete", "--yes"), ("rename", "b"))
    ),
)
TABLES = ("tenant", "device", "vehicle", "site", "zone", "profile", "account", "access_token", "audit", "quarantine")


def counted(database: str) -> dict[str, int]:
    return {table: rows(database, f"select count(*) from {table}")[0][0] for table in TABLES}


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words[:3]))
def test_no_command_makes_a_tenant(kept_database: str, tmp_path: Path, words: tuple[str, ...]) -> None:
    if words[:3] == ("device", "profile", "set"):
        (tmp_path / "profile.json").write_text("{}")
        words = (*words[:4], "profile.json")
    if words[:2] in (("profile", "import"), ("goods", "import")):
        (tmp_path / "profiles.jsonl").touch()
        words = (*words[:2], "profiles.jsonl")
    if words[:2] == ("import", "products"):
        (tmp_path / "profiles.jsonl").write_text("sku\nTEA\n")
    if words[:2] == ("epcis", "capture"):
        (tmp_path / "profiles.jsonl").write_text(EVENT)
    before = counted(kept_database)
    assert refused(kept_database, tmp_path, *words, "--tenant", "otehr") == (
        "no tenant 'otehr': `frostway tenant list` shows them, `frostway tenant add otehr` makes it"
    )
    assert counted(kept_database) == before
    assert not (tmp_path / "file").exists()


def test_every_command_that_takes_a_tenant_is_tried(database: str) -> None:
    from typer.main import get_command  # noqa: PLC0415

    from frostway.cli import app  # noqa: PLC0415

    def taking(command: object, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
        below = getattr(command, "commands", None)
        if below is not None:
            return {found for name, each in below.items() for found in taking(each, (*path, name))}
        options = {option for parameter in command.params for option in parameter.opts}  # type: ignore[attr-defined]
        return {path} if "--tenant" in options else set()

    tried = {words[:n] for words in COMMANDS for n in (1, 2, 3)}
    assert taking(get_command(app)) - tried == set()


@pytest.mark.parametrize("name", ["", "Other", "-x", "a b", "é", "x" * 65, "'; drop table tenant; --", "a/b", "a\nb"])
def test_what_is_no_name_makes_no_tenant(kept_database: str, tmp_path: Path, name: str) -> None:
    with connect(kept_database, "test") as c:
        with pytest.raises(RegistryError, match="a name is a-z"):
            add_tenant(c, name)
        with pytest.raises(UnknownTenantError) as unknown:
            Registry(c, name)
    assert "tenant add" not in str(unknown.value)
    assert len(refused(kept_database, tmp_path, "account", "list", "--tenant", name)) > 0
    assert rows(kept_database, "select name from tenant") == [("main",)]


def test_a_tenant_is_added_listed_and_used_by_command(database: str, tmp_path: Path) -> None:
    status, out, _ = typed(database, tmp_path, "tenant", "add", "other")
    assert (status, out) == (0, "tenant other\n")
    assert typed(database, tmp_path, "device", "add", "gps-1", "--kind", "tracker", "--tenant", "other")[0] == 0
    status, out, err = typed(database, tmp_path, "tenant", "list")
    assert (status, out, err) == (0, "tenant\tdevices\nmain\t0\nother\t1\n", "")
    assert refused(database, tmp_path, "tenant", "add", "other") == (
        "there is a tenant 'other' already: `frostway tenant list` shows them"
    )
    audited = "select t.name, a.actor, a.action, a.subject from audit a join tenant t on t.id = a.tenant_id"
    assert ("other", "command line", "tenant.create", "other") in rows(database, audited)


def test_a_new_database_has_its_first_tenant_and_a_second_migration_makes_no_other(database: str) -> None:
    assert rows(database, "select name from tenant") == [("main",)]
    before = rows(database, "select last_value, is_called from tenant_id_seq")
    migrate(database)
    assert rows(database, "select name from tenant") == [("main",)]
    assert rows(database, "select last_value, is_called from tenant_id_seq") == before


def test_of_two_that_add_the_same_tenant_one_is_refused(database: str) -> None:
    with psycopg.connect(database) as first, psycopg.connect(database) as second:
        add_tenant(first, "other")
        first.commit()
        with pytest.raises(RegistryError, match="already"):
            add_tenant(second, "other")


def test_signing_in_to_no_such_tenant_makes_none_and_tells_of_none(database: str) -> None:
    world = World(database)
    world.account("ann")
    world.close()
    with serving(database) as url, client(url) as api:
        answers = [
            api.post("/api/v1/login", json={"user": "ann", "password": password, "tenant": tenant})
            for tenant, password in (("otehr", PASSWORD), ("main", "wrong"))
        ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()  # what tenants there are is nobody's business
    assert rows(database, "select name from tenant") == [("main",)]
