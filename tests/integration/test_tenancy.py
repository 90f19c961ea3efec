"""Every table knows whose its rows are: a tenant is exported and deleted whole, and nothing of another with it."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx
import psycopg
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as dial

from frostway.cli.work import tenant as command
from store.db import connect
from store.export import export, left_out, parts
from store.leaving import Leaving
from store.registry import RegistryError
from store.tenancy import HISTORY, NOBODYS, REGISTRY, TENANT, Owned, whole
from store.tenants import add_tenant
from tests.deadlines import deadline
from tests.integration.api.seed import client, serving
from tests.integration.frostway.commands import refused, typed
from tests.security.worlds import CANARY, Tenants

OWNED = (*HISTORY, *REGISTRY)
TABLES = """
    select c.relname from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition order by 1
"""
COLUMNS = """
    select column_name, data_type, column_default is not null or is_nullable = 'YES' or is_identity = 'YES' as spared
    from information_schema.columns where table_schema = 'public' and table_name = %s and is_generated = 'NEVER'
"""
WHOSE = {"tenant_id", "tenant", "device_id", "vehicle_id", "shipment_id", "alert_id", "scope", "entity_id"}
ONE_OF = "(select max(x.id) from {} x where x.tenant_id = {tenant})"
LABEL = (
    "(select max(l.id) from label l join device d on d.id = l.scope and l.kind = 'probe' and d.tenant_id = {tenant})"
)
BY_TYPE = {
    "integer": "1", "bigint": "1", "smallint": "1", "double precision": "1", "real": "1", "numeric": "1",
    "boolean": "false",
    "timestamp with time zone": "'{at}'", "bytea": "sha256('{mark}{table}{column}')", "jsonb": "'{{}}'",
    "text": "'{mark}{canary}'", "ARRAY": "'{{}}'",
}  # fmt: skip
BY_NAME = {
    "tenant_id": "{tenant}", "tenant": "'{name}'", "page": LABEL, "cause": "(select max(id) from alert_event)",
    "alert_id": ONE_OF.replace("{}", "alert", 1), "token_id": ONE_OF.replace("{}", "access_token", 1),
    **{f"{t}_id": ONE_OF.replace("{}", t, 1) for t in (
        "device", "vehicle", "site", "zone", "product", "shipment", "stop", "account", "outgoing", "share")},
    **{f"{each}_id": LABEL for each in ("probe", "tag", "name", "door")},
}  # fmt: skip
BY_PLACE = {
    ("case_event", "what"): "'opened'", ("deviation", "kind"): "'skipped'",
    **{(t, "kind"): "'vehicle'" for t in ("dirty", "checkpoint")},
    **{(t, "entity_id"): BY_NAME["vehicle_id"] for t in ("dirty", "checkpoint")},
    **{(t, "slot_id"): LABEL for t in ("slot_state", "reading_shelf")},
    **{(f"{whose}_display", what): f"'{said}'" for whose in ("tenant", "person") for what, said in (
        ("temperature", "celsius"), ("distance", "metric"), ("language", "de"))},
    ("device_profile", "body"): "'{{\"options\": {{\"bthome_key\": \"key{canary}\"}}}}'",
    ("reading_value_set", "v0"): "1",
    ("home", "receiver_id"): ONE_OF.replace("{}", "receiver", 1), ("home_thing", "kind"): "'vehicle'",
    ("home_thing", "receiver_id"): "(select max(h.receiver_id) from home h where h.tenant_id = {tenant})",
    ("person_display", "person"): ONE_OF.replace("{}", "account", 1).replace("max(x.id)", "max(x.name)"),
    ("value_place", "slot"): "0", ("once", "answer"): "'sealed'",
    ("audit_link", "audit_id"): "{tenant}",
    ("breach_forecast", "kind"): "'above'", ("breach_forecast", "cause"): "'unknown'",
    ("lot", "code"): "'{mark}-lot'", ("goods_movement", "kind"): "'place'", ("goods_movement", "units"): "'{{x}}'",
    **{(f"goods_{t}", "unit_id"): ONE_OF.replace("{}", "handling_unit", 1) for t in ("stay", "part", "budget")},
    ("goods_part", "lot_id"): ONE_OF.replace("{}", "lot", 1), ("goods_part", "quantity"): "1",
    ("goods_budget", "verdict"): "'pass'",
    ("ledger_place", "kind"): "'waste'", ("ledger_move", "from_place"): ONE_OF.replace("{}", "ledger_place", 1),
    ("ledger_move", "to_place"): ONE_OF.replace("{}", "ledger_place", 1), ("ledger_move", "kind"): "'count'",
    ("ledger_move", "source"): "'person'", ("bin", "code"): "'{mark}-bin'", ("product_unit", "name"): "'case'",
    **{(t, "place_id"): ONE_OF.replace("{}", "ledger_place", 1) for t in ("ledger_balance", "count_task")},
    ("zone_hearing", "sd_db"): "1", ("zone_hearing", "leak"): "0.1", ("count_task", "cause"): "'asked'",
    ("epcis_event", "capture_id"): "null",
    ("epcis_subscription", "query_id"): ONE_OF.replace("{}", "epcis_query", 1),
    ("epcis_subscription", "receiver_id"): ONE_OF.replace("{}", "receiver", 1),
    ("carrier_service", "mode"): "'road'", ("kept_view", "page"): "'/orders'",
    **{(t, "kind"): "'order'" for t in ("remark", "watch")},
    **{(t, "kind"): "'slotting'" for t in ("advice", "adviser")}, ("advice", "unit"): "'m'", ("advice", "days"): "1",
    ("compartment", "temp_class"): "'chilled'", ("packaging", "kind"): "'tote'", ("dispatch_plan", "kind"): "'plan'",
    ("load_unit", "state"): "'loaded'", ("load_mark", "kind"): "'scan'", ("load_seal", "kind"): "'sealed'",
    ("load_seal", "numbers"): "'{{x}}'",
    ("exposure", "profile_id"): ONE_OF.replace("{}", "profile", 1),
}  # fmt: skip


class Filled(Tenants):
    """Two tenants with a row in every table that is a tenant's, also in those of tomorrow."""

    def __init__(self, dsn: str) -> None:
        super().__init__(dsn)
        self.connection = connect(dsn, "test")
        if self._one("select relkind = 'p' from pg_class where relname = 'reading_value'"):
            self.connection.execute(
                "create table test_value partition of reading_value for values from ('2000-01-01') to ('2100-01-01')"
            )
        for world, mark in ((self.mine, "m"), (self.other, "o")):
            for owned in (*reversed(REGISTRY), *reversed(HISTORY)):
                if not self.count(owned, world.tenant_id, world.tenant):
                    self._fill_one(owned.table, world.tenant_id, world.tenant, mark)

    def close(self) -> None:
        self.connection.close()
        super().close()

    def _one(self, text: str, values: Any = None) -> Any:
        row = self.connection.execute(text, values).fetchone()  # type: ignore[call-overload]
        return row[0] if row else None

    def count(self, owned: Owned, tenant: int, name: str) -> int:
        query = f"select count(*) from {owned.table} where {whole(owned)}"
        return int(self._one(query, {"tenant": tenant, "name": name}))

    def _fill_one(self, table: str, tenant: int, name: str, mark: str) -> None:
        wanted = {}
        for column, kind, spared in self.connection.execute(COLUMNS, (table,)).fetchall():
            given = BY_PLACE.get((table, column)) or (
                None if spared and column != "tenant" else BY_NAME.get(column) or BY_TYPE.get(kind)
            )
            if given:
                where = {"tenant": tenant, "name": name, "mark": mark, "table": table, "column": column}
                at = self._one("select max(time) from reading_position")
                wanted[column] = given.format(**where, at=at, canary=CANARY if mark == "o" else "")
        text = f"insert into {table} ({', '.join(wanted)}) select {', '.join(wanted.values())}"
        self.connection.execute(text)  # type: ignore[call-overload]

    def others(self) -> dict[str, str]:
        """A digest of each table without the rows of `other`, and without what the operator's trail has of its end."""
        found = {}
        values = {"tenant": self.other.tenant_id, "name": "other"}
        for owned in (*OWNED, TENANT, *(Owned(table, "false") for table in NOBODYS)):
            more = "action not like 'tenant.%%'" if owned.table == "audit" else "true"
            text = (
                f"select t::text from {owned.table} t where not coalesce({whole(owned)}, false) and {more} order by 1"
            )
            text = text.replace("device.id", "t.id")
            found[owned.table] = hashlib.sha256(
                repr(self.connection.execute(text, values).fetchall()).encode()
            ).hexdigest()  # type: ignore[call-overload]
        return found

    def left(self) -> dict[str, int]:
        """Rows that are there of `other`."""
        found = {owned.table: self.count(owned, self.other.tenant_id, "other") for owned in OWNED}
        return {table: rows for table, rows in found.items() if rows}

    def canaries(self) -> list[str]:
        """Tables in which a text of `other` stands."""
        tables = [str(table) for (table,) in self.connection.execute(TABLES).fetchall()]
        return [t for t in tables if self._one(f"select count(*) from {t} x where x::text like '%{CANARY}%'")]


@pytest.fixture
def filled(database: str) -> Iterator[Filled]:
    filled = Filled(database)
    yield filled
    filled.close()


@pytest.fixture(autouse=True)
def nothing_is_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "SETTLE_S", 0.0)


def test_every_table_is_somebodys_or_nobodys(kept_database: str) -> None:
    """A new table stands in store/tenancy.py: with the rows of tenants, or with the reason why it has none."""
    with psycopg.connect(kept_database) as connection:
        tables = {str(table) for (table,) in connection.execute(TABLES).fetchall()}
        named = [owned.table for owned in (*OWNED, TENANT)]
        assert sorted(named) == sorted(set(named))
        assert sorted(tables) == sorted({*named, *NOBODYS})
        for table in NOBODYS:
            columns = {str(row[0]) for row in connection.execute(COLUMNS, (table,)).fetchall()}
            assert not columns & WHOSE, table
        for owned in OWNED:
            columns = {str(row[0]) for row in connection.execute(COLUMNS, (owned.table,)).fetchall()}
            assert "tenant_id" not in columns or "tenant_id = %(tenant)s" in owned.rule, owned
            assert set(owned.secret) <= columns, owned
            secrets = {c for c in columns if "sha256" in c or "password" in c or "secret" in c} - {"former_until"}
            assert owned.table == "audit_link" or secrets <= set(owned.secret), owned  # its hashes are no secret


def test_an_export_has_every_row_of_its_tenant_and_none_of_another(filled: Filled, tmp_path: Path) -> None:
    assert {o.table for o in OWNED} - filled.left().keys() == set()  # else the test looks at nothing
    status, out, err = typed(filled.dsn, tmp_path, "tenant", "export", "other", "--to", str(tmp_path / "all.zip"))
    assert (status, out.strip()) == (0, str(tmp_path / "all.zip")), err
    assert (tmp_path / "all.zip").stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        told = json.loads(archive.read("manifest.json"))
        files = {name: archive.read(name) for name in archive.namelist() if name != "manifest.json"}
    assert {each["table"]: each["sha256"] for each in told["tables"]} == {
        name.removesuffix(".ndjson"): hashlib.sha256(content).hexdigest() for name, content in files.items()
    }
    for owned in OWNED:
        name = owned.shown_as or owned.table
        if owned.left_out:
            assert f"{name}.ndjson" not in files
            assert told["left_out"][owned.table]
            continue
        rows = [json.loads(line) for line in files[f"{name}.ndjson"].splitlines()]
        assert len(rows) == next(each["rows"] for each in told["tables"] if each["table"] == name)
        if not owned.shown_as:
            assert len(rows) == filled.count(owned, filled.other.tenant_id, "other"), name
        assert not {*rows[0]} & {*owned.secret}
        assert all(row.get("tenant_id", filled.other.tenant_id) == filled.other.tenant_id for row in rows)
    everything = b"".join(files.values())
    assert b"tenant.export" not in everything  # that line is the operator's
    assert CANARY.encode() in everything
    for secret in (f"key{CANARY}", *filled.strangers.values()):
        assert secret.encode() not in everything
        assert hashlib.sha256(secret.encode()).hexdigest().encode() not in everything
    for foreign in ("m-truck", "m-ann", "m-ship", "m-SKU"):
        assert foreign.encode() not in everything
    assert filled._one("select count(*) from audit where action = 'tenant.export'") == 1
    assert "is there already" in refused(filled.dsn, tmp_path, "tenant", "export", "other", "--to", "all.zip")
    assert not list(tmp_path.glob(".*"))


def test_an_export_reads_rows_as_they_come(filled: Filled) -> None:
    """Texts with every character that COPY or JSON writes otherwise come through."""
    nasty = 'a\\b\tc\nd"e\\n\\\\ü€'
    filled.connection.execute("update product set label = %s where sku = 'o-SKU'", (nasty,))
    written: dict[str, list[bytes]] = {}

    class File:
        def __init__(self, name: str) -> None:
            self.lines = written.setdefault(name, [])

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def write(self, line: bytes) -> int:
            self.lines.append(line)
            return len(line)

    export(filled.connection, filled.other.tenant_id, "other", File, lambda *_: None)  # type: ignore[arg-type]
    labels = {json.loads(line)["label"] for line in written["product.ndjson"]}
    assert nasty in labels
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for lines in written.values() for line in lines)
    assert {f"{part.name}.ndjson" for part in parts()} == written.keys()
    assert "once" in left_out()


def test_a_tenant_is_deleted_whole_and_nothing_of_another(filled: Filled, tmp_path: Path) -> None:
    before = filled.others()
    assert filled.canaries()
    status, out, err = typed(filled.dsn, tmp_path, "tenant", "delete", "other", "--yes")
    assert (status, out) == (0, "tenant other is deleted\n"), err
    assert filled.left() == {}
    assert filled.canaries() == []
    after = filled.others()
    assert [table for table in before if before[table] != after[table]] == []
    trail = "select action, subject, tenant_id from audit where action like 'tenant.%%' order by id"
    assert filled.connection.execute(trail).fetchall() == [
        ("tenant.end", "other", filled.mine.tenant_id),
        ("tenant.delete", "other", filled.mine.tenant_id),
    ]
    assert "no tenant 'other'" in refused(filled.dsn, tmp_path, "tenant", "delete", "other", "--yes")


@pytest.mark.parametrize("seed", range(5))
def test_one_that_is_interrupted_anywhere_goes_on(filled: Filled, seed: int) -> None:
    before, chance, killed = filled.others(), random.Random(seed), 0
    while True:
        with connect(filled.dsn, "test") as connection:
            leaving = Leaving(connection, "other", portion=1)
            leaving.begin("test")
            steps = chance.randrange(1, 30)
            done = list(itertools.islice(leaving.remove(), steps))
            if len(done) < steps:
                leaving.finish("test")
                break
            killed += 1
    assert killed >= 3
    assert filled.left() == {}
    assert filled.canaries() == []
    assert filled.others() == before


def test_what_is_written_meanwhile_keeps_the_tenant_and_the_next_try_takes_it(filled: Filled) -> None:
    with connect(filled.dsn, "test") as connection:
        leaving = Leaving(connection, "other")
        leaving.begin("test")
        list(leaving.remove())
        filled.connection.execute(
            "insert into driver (tenant_id, name, label) values (%s, 'late', 'x')", (filled.other.tenant_id,)
        )
        with pytest.raises(RegistryError, match="run the same command again"):
            leaving.finish("test")
        assert sum(rows for _, rows in leaving.remove()) >= 1
        leaving.finish("test")


def test_who_is_signed_in_is_out_before_anything_is_removed(filled: Filled) -> None:
    with serving(filled.dsn) as url:
        token, address = filled.strangers["admin"], f"{url.replace('http', 'ws')}/ws/v1"
        with dial(address, additional_headers={"Authorization": f"Bearer {token}"}) as socket:
            socket.send(json.dumps({"type": "subscribe", "topics": ["vehicles"]}))
            assert json.loads(socket.recv(deadline(10)))["type"] == "snapshot"
            with connect(filled.dsn, "test") as connection:
                Leaving(connection, "other").begin("test")
            with pytest.raises(ConnectionClosed) as closed:
                list(socket)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1008
        with client(url, token) as api, client(url, filled.tokens["admin"]) as mine:
            assert api.get("/api/v1/vehicles").status_code == 401
            assert mine.get("/api/v1/vehicles").status_code == 200
        body = {"user": "o-ann", "password": "correct horse battery", "tenant": "other"}
        assert httpx.post(f"{url}/api/v1/login", json=body, timeout=deadline(10)).status_code == 401
    assert filled._one("select count(*) from broker_logins() where name like 'other/%'") == 0
    assert filled._one("select count(*) from broker_logins() where name like 'main/%'") is not None


def test_the_first_tenant_stays_and_nobody_is_deleted_unasked(filled: Filled, tmp_path: Path) -> None:
    assert "cannot be deleted" in refused(filled.dsn, tmp_path, "tenant", "delete", "main", "--yes")
    assert "say --yes" in refused(filled.dsn, tmp_path, "tenant", "delete", "other")
    assert filled._one("select count(*) from device where revoked_at is not null") == 0


def test_readings_that_nobody_reads_are_waited_for(
    filled: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "PATIENCE_S", 0.3)
    filled.connection.execute("insert into log_head (partition, position) values (3, 7)")
    assert "the tracker does not read the log" in refused(filled.dsn, tmp_path, "tenant", "delete", "other", "--yes")
    assert filled.left()
    filled.connection.execute("insert into tracker_position (partition, position) values (3, 7)")
    assert typed(filled.dsn, tmp_path, "tenant", "delete", "other", "--yes")[0] == 0


def test_a_tenant_that_gets_the_name_of_one_that_is_gone_begins_with_nothing(filled: Filled, tmp_path: Path) -> None:
    assert typed(filled.dsn, tmp_path, "tenant", "delete", "other", "--yes")[0] == 0
    filled.connection.execute(
        "insert into quarantine (received_at, tenant, device, topic, payload, reason) "
        "values (now(), 'other', 'o-gps', 't', 'late', 'unknown_device')"
    )
    assert typed(filled.dsn, tmp_path, "tenant", "add", "other")[0] == 0
    assert filled._one("select count(*) from quarantine where tenant = 'other'") == 0
    with pytest.raises(RegistryError):
        add_tenant(filled.connection, "other")
