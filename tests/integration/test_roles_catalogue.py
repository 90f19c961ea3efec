"""What each program may do in the database, read from the catalogue and tried out: every table, also tomorrow's."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from store.db import connect
from store.logins import set_passwords
from store.migrate import grant
from store.report import drop_login, put_login
from tests.integration.api.seed import T0, World
from tests.logins import of_api, of_ingest, of_operations, of_tracker

ROOT = Path(__file__).resolve().parents[2]
ROLES = (
    "frostway_api",
    "frostway_web",
    "frostway_ingest",
    "frostway_tracker",
    "frostway_operations",
    "frostway_broker",
)
LISTED = set(re.findall(r"^    \('(\w+)',", (ROOT / "store" / "roles.sql").read_text(), re.MULTILINE))
SECRET = {"account", "access_token", "share"}
APPEND_ONLY = {"audit", "alert_event", "case_event", "device_profile", "profile_version", "ledger_move"}
RELATIONS = """
    select c.oid, n.nspname as schema, c.relname as name, c.relkind::text as kind, c.relispartition as is_part,
           c.relrowsecurity as rls, c.relforcerowsecurity as forced, c.reloptions::text as options
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
      and n.nspname !~ '^pg_temp'
"""


def relations(connection: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(RELATIONS).fetchall()


def may(connection: psycopg.Connection[Any], role: str, relation: dict[str, Any], right: str) -> bool:
    """Whether a role has a right on a relation or on one of its columns."""
    usage = "select has_schema_privilege(%s, %s, 'usage')"
    if connection.execute(usage, (role, relation["schema"])).fetchone() != (True,):
        return False
    query = "select has_table_privilege(%(role)s, %(oid)s::oid, %(right)s)"
    if right in ("select", "insert", "update"):
        query += " or has_any_column_privilege(%(role)s, %(oid)s::oid, %(right)s)"
    row = connection.execute(query, {"role": role, "oid": relation["oid"], "right": right}).fetchone()  # type: ignore[arg-type]
    return bool(row and row[0])


READ_WRITE = ("select", "insert", "update", "delete", "truncate")


def complaints(connection: psycopg.Connection[Any]) -> list[str]:
    """All that is wider than promised in SECURITY.md."""
    found: list[str] = []
    for relation in relations(connection):
        rights = {right for right in READ_WRITE if may(connection, "frostway_api", relation, right)}
        if relation["schema"] == "public":
            found += of_tenants(relation, rights) + of_programs(connection, relation)
        elif rights - {"select"} or (rights and relation["name"].startswith("_hyper")):
            found.append(f"{relation['schema']}.{relation['name']}: the API may {sorted(rights)}")
    return found + open_policies(connection) + wide_roles(connection) + wide_functions(connection)


def of_tenants(relation: dict[str, Any], rights: set[str]) -> list[str]:
    """What the API may as a tenant."""
    name, is_table = relation["name"], relation["kind"] in "rp"
    wrong = {
        "is not in store/roles.sql": is_table and not relation["is_part"] and name not in LISTED,
        "holds readings": rights and name.startswith("reading_"),
        "is only added to": name in APPEND_ONLY and rights - {"select", "insert"},
        "is never emptied": "truncate" in rights,
        "has no forced row-level security": rights and is_table and not (relation["rls"] and relation["forced"]),
        "shows all tenants": rights
        and relation["kind"] == "v"
        and "security_invoker" not in (relation["options"] or ""),
        "cannot be secured": rights and relation["kind"] in "mf",
    }
    return [f"{name}: {what}, and the API may {sorted(rights)}" for what, is_so in wrong.items() if is_so]


def of_programs(connection: psycopg.Connection[Any], relation: dict[str, Any]) -> list[str]:
    """What the logins may by themselves."""
    found = []
    name = relation["name"]
    forbidden = {
        "frostway_web": set(READ_WRITE),
        "frostway_broker": set(READ_WRITE),
        "frostway_ingest": {"truncate"},
        "frostway_tracker": {"truncate"},
        "frostway_operations": {"truncate"},
    }
    for role, rights in forbidden.items():
        more = set(READ_WRITE) if name in SECRET else {"update", "delete"} if name in APPEND_ONLY else set()
        if any(may(connection, role, relation, right) for right in rights | more):
            found.append(f"{name}: {role} may too much")
    return found


def open_policies(connection: psycopg.Connection[Any]) -> list[str]:
    """Policies that let the API see more than a tenant; they add up, so each of them must be narrow."""
    rows = connection.execute(
        "select tablename, policyname, qual, with_check from pg_policies "
        "where 'frostway_api' = any(roles) or 'public' = any(roles) or 'frostway_web' = any(roles)"
    ).fetchall()
    narrow = re.compile(r"app\.tenant|current_tenant|alert a|device d")
    return [f"{table}: policy {name}" for table, name, qual, check in rows if not narrow.search(qual or check or "")]


def wide_roles(connection: psycopg.Connection[Any]) -> list[str]:
    rows = connection.execute(
        "select rolname from pg_roles where rolname = any(%s) and "
        "(rolsuper or rolcreaterole or rolcreatedb or rolbypassrls or rolreplication)",
        (list(ROLES),),
    ).fetchall()
    owned = connection.execute(
        "select c.relname from pg_class c where pg_get_userbyid(c.relowner) = any(%s)", (list(ROLES),)
    ).fetchall()
    members = connection.execute(
        "select r.rolname, m.rolname from pg_auth_members a join pg_roles r on r.oid = a.roleid "
        "join pg_roles m on m.oid = a.member where m.rolname = any(%s)",
        (list(ROLES),),
    ).fetchall()
    extra = set(members) - {("frostway_api", "frostway_web")}
    create = "select has_schema_privilege(%s, 'public', 'create')"
    creates = [role for role in ROLES if connection.execute(create, (role,)).fetchone() != (False,)]
    return [
        *(f"role {r}" for (r,) in rows),
        *(f"owns {r}" for (r,) in owned),
        *(f"member {m}" for m in extra),
        *(f"{r} may create" for r in creates),
    ]


def wide_functions(connection: psycopg.Connection[Any]) -> list[str]:
    """Functions that run as the owner: not for everybody, with a search path of their own, the API's by name."""
    rows = connection.execute(
        "select p.oid::regprocedure::text, p.proname, coalesce(array_to_string(p.proconfig, ','), ''), "
        "has_function_privilege('frostway_api', p.oid, 'execute'), "
        "has_function_privilege('frostway_web', p.oid, 'execute'), "
        "exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0) "
        "from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prosecdef "
        "and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')"
    ).fetchall()
    of_tenant = re.compile(
        r"own_|current_tenant|is_only_tenant|foreign_id_taken|tell_foreign_id_holder|reassign|hand_over|enlist"
    )
    found = []
    for name, word, settings, api, web, public in rows:
        if public or "search_path=" not in settings:
            found.append(f"{name}: for everybody, or with any search path")
        if api and not of_tenant.match(word):
            found.append(f"{name}: the API may call it as a tenant")
        if web and not re.match(r"door_|broker_logins", word):
            found.append(f"{name}: the API may call it before it knows who asks")
    return found


def test_no_program_may_more_than_is_promised(any_database: str) -> None:
    with connect(any_database, "test") as connection:
        assert complaints(connection) == []


@pytest.mark.parametrize(
    "mistake",
    [
        "create table forgotten (tenant_id int)",
        "create table forgotten (tenant_id int); grant select on forgotten to frostway_api",
        "alter table site disable row level security",
        "alter table trip no force row level security",
        "create policy all_of_it on visit to frostway_api using (true)",
        "grant insert on reading_position to frostway_api",
        "grant select on reading_temperature to frostway_api",
        "grant update (detail) on audit to frostway_api",
        "grant delete on alert_event to frostway_api",
        "grant select on account to frostway_web",
        "grant select on share to frostway_tracker",
        "create view everything as select * from site; grant select on everything to frostway_api",
        "create materialized view everything as select * from site; grant select on everything to frostway_api",
        "create function door_more() returns int language sql security definer as 'select 1'",
        "grant execute on function door_caller(bytea) to frostway_api",
        "grant create on schema public to public",
    ],
)
def test_the_catalogue_test_notices(kept_database: str, mistake: str) -> None:
    with connect(kept_database, "test") as connection, connection.transaction(force_rollback=True):
        connection.execute(mistake)  # type: ignore[arg-type]
        assert complaints(connection) != []


def test_rights_are_given_again_when_they_have_drifted(database: str) -> None:
    """And a second time changes nothing."""
    with connect(database, "test") as connection:
        connection.execute("grant select, insert on reading_position, account to frostway_api, frostway_web")
        connection.execute("comment on table schema_version is 'another version'")
        grant(connection)
        assert complaints(connection) == []
        grant(connection)


@pytest.fixture
def tenants(any_database: str) -> Iterator[tuple[World, World]]:
    worlds = World(any_database, "main", " of main"), World(any_database, "other", " of other")
    for world in worlds:
        world.furnish()
        world.partitions()
        world.account("ann")
        world.token()
        world.position("gps-01", T0, 60.0, 24.0)
        world.temperature("reefer-01", "air", T0, 4.0)
        world.move("truck-01", 60.0, 24.0)
        world.series_state("reefer-01", "air", 4.0)
        world.excursion("reefer-01", "air", T0, None, 9.0)
        alert = world.open_alert("reefer-01", "air")
        world.run("insert into alert_event (alert_id, at, what, actor) values (%s, now(), 'raised', 'tracker')", alert)
        world.run("insert into audit (tenant_id, actor, action, subject) values (%s, 'a', 'b', 'c')", world.tenant_id)
        world.run(
            "insert into quarantine (received_at, tenant, device, topic, payload, reason) "
            "values (now(), %s, 'd', 't', '', 'x')",
            world.tenant,
        )
        for tenant in (world.tenant, ""):
            world.run(
                "insert into stranger (tenant, name, topic, first_seen, last_seen) values (%s, %s, 't', now(), now())",
                tenant, f"s{world.tag}",
            )  # fmt: skip
        world.run("insert into label (kind, scope, text) values ('epc', %s, 'urn')", world.tenant_id)
    yield worlds
    for world in worlds:
        world.close()


def counts(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """Rows of each table that can be read."""
    found = {}
    for relation in relations(connection):
        if (
            relation["schema"] == "public"
            and relation["kind"] in "rp"
            and may(connection, "frostway_api", relation, "select")
        ):
            query = sql.SQL("select count(*) from {}").format(sql.Identifier(relation["name"]))
            found[relation["name"]] = int(connection.execute(query).fetchone()[0])  # type: ignore[index]
    return found


def as_tenant(connection: psycopg.Connection[Any], tenant: int | str) -> None:
    connection.execute(
        "select set_config('role', 'frostway_api', true), set_config('app.tenant', %s, true)", (str(tenant),)
    )


def test_a_tenant_sees_its_rows_and_half_of_all(tenants: tuple[World, World], any_database: str) -> None:
    """Both tenants have the same things; together they see every row once, but for strangers of nobody."""
    with connect(any_database, "test") as owner:
        everything = counts(owner)
    found = []
    for world in tenants:
        with connect(of_api(any_database), "test") as connection, connection.transaction():
            as_tenant(connection, world.tenant_id)
            found.append(counts(connection))
    assert found[0] == found[1]
    everything["stranger"] -= 2
    assert {name: 2 * n for name, n in found[0].items()} == everything
    assert {"label", "alert_event", "quarantine", "stranger", "audit", "device", "shipment", "vehicle_state"} <= {
        name for name, n in everything.items() if n
    }


@pytest.mark.parametrize("tenant", ["", "0", "999999"])
def test_without_a_tenant_there_is_nothing_and_no_error(
    tenants: tuple[World, World], any_database: str, tenant: str
) -> None:
    with connect(of_api(any_database), "test") as connection, connection.transaction():
        as_tenant(connection, tenant)
        assert set(counts(connection).values()) == {0}


def test_readings_of_another_tenants_device_are_not_there(tenants: tuple[World, World], any_database: str) -> None:
    main, other = tenants
    with connect(of_api(any_database), "test") as connection, connection.transaction():
        as_tenant(connection, main.tenant_id)
        for function, device in (("own_position", "gps-01"), ("own_temperature", "reefer-01")):
            for world, n in ((main, 1), (other, 0)):
                query = f"select count(*) from {function}(%s, '-infinity', 'infinity')"
                assert connection.execute(query, (world.ids[device],)).fetchone() == (n,)  # type: ignore[arg-type]


REFUSED = {
    of_api: (
        "select * from site",
        "select * from access_token",
        "select * from account",
        "select * from log_frame",
        "create table mine (n int)",
        "select * from own_position(1, '-infinity', 'infinity')",
        "set role frostway_tracker",
    ),
    of_ingest: (
        "select * from access_token",
        "select * from share",
        "update audit set actor = 'x'",
        "delete from reading_position",
        "insert into reading_position select * from reading_position",
        "update alert set title = ''",
        "drop table device",
        "select door_caller('')",
        "select make_partition('reading_position', now(), now() + interval '7 days')",
    ),
    of_tracker: (
        "select * from access_token",
        "select * from account",
        "delete from audit",
        "update alert_event set what = 'x'",
        "update reading_position set lat = 0",
        "delete from reading_position",
        "delete from change",
        "delete from log_frame",
        "truncate visit",
        "select door_caller('')",
        "create table mine (n int)",
        "select drop_partition('reading_position', 'device')",
        "select drop_reading_chunks('reading_position', now())",
    ),
    of_operations: (
        "select * from access_token",
        "select * from device",
        "update alert set title = ''",
        "update alert_event set what = 'x'",
        "update case_event set what = 'opened'",
        "delete from case_event",
        "truncate change",
        "select door_caller('')",
        "create table mine (n int)",
        "set role frostway_tracker",
    ),
}
FAULTS = (psycopg.errors.InsufficientPrivilege, psycopg.errors.RaiseException)


@pytest.mark.parametrize(("login", "statement"), [(login, s) for login, found in REFUSED.items() for s in found])
def test_a_program_may_not(kept_database: str, login: Callable[[str], str], statement: str) -> None:
    with connect(login(kept_database), "test") as connection, pytest.raises(FAULTS):
        connection.execute(statement)  # type: ignore[arg-type]


TENANT_REFUSED = (
    "insert into reading_position select * from own_position(1, '-infinity', 'infinity')",
    "select * from reading_position",
    "select * from reading_position_20261116",
    "update audit set actor = 'x'",
    "delete from audit",
    "truncate audit",
    "update alert_event set what = 'x'",
    "delete from alert_event",
    "delete from alert",
    "update alert set title = 'x'",
    "update visit set left_at = now()",
    "select * from account",
    "select * from access_token",
    "select * from change",
    "update tenant set name = 'x'",
    "select door_caller('')",
    "create table mine (n int)",
    "insert into audit (tenant_id, actor, action, subject) values (-1, 'a', 'b', 'c')",
    "insert into site (tenant_id, name, label, kind, lat, lon) values (-1, 'a', 'b', 'dc', 0, 0)",
)


def test_a_login_signs_in_with_its_password(database: str) -> None:
    with connect(database, "test") as connection:
        set_passwords(connection, {"frostway_tracker": "one of its own"})
        kept = connection.execute("select rolpassword from pg_authid where rolname = 'frostway_tracker'").fetchone()
        assert kept
        assert kept[0].startswith("SCRAM-SHA-256$")
        with pytest.raises(ValueError, match="not a login"):
            set_passwords(connection, {"postgres": "x"})


def test_a_login_for_dashboards_reads_the_views_of_its_tenant_and_nothing_else(database: str) -> None:
    worlds = World(database), World(database, "other", "-other")
    for world in worlds:
        world.furnish()
        world.open_alert("reefer-01", "rear")
    views = worlds[0].connection.execute("select viewname from pg_views where schemaname = 'report'").fetchall()
    login = put_login(worlds[1].connection, worlds[1].tenant_id, "one of its own")
    assert put_login(worlds[1].connection, worlds[1].tenant_id, "another") == login
    try:
        with connect(database, "test") as connection:
            connection.execute(sql.SQL("set session authorization {}").format(sql.Identifier(login)))
            connection.execute("set app.tenant = '1'")
            seen = {view: connection.execute(f"select * from report.{view}").fetchall() for (view,) in views}  # type: ignore[arg-type]
            assert {"orders", "order_steps", "deliveries", "stock_levels", "alerts", "kpi_facts", "kpi_weeks"} <= set(
                seen
            )
            (alert,), (shipment,) = seen["alerts"], seen["shipments"]
            assert ("Too warm-other" in alert, "PO 1-other" in shipment) == (True, True)
            for refused in (
                "select * from site", "select * from access_token", "create table mine (n int)",
                "set role frostway_report_1", "create view report.more as select 1",
            ):  # fmt: skip
                with pytest.raises(psycopg.Error):
                    connection.execute(refused)  # type: ignore[arg-type]
        assert worlds[0].one("select count(*) from report.alerts") == 0, "whoever has no such login sees nothing"
    finally:
        assert drop_login(worlds[1].connection, worlds[1].tenant_id)
        assert not drop_login(worlds[1].connection, worlds[1].tenant_id)
    for world in worlds:
        world.close()


@pytest.mark.parametrize("statement", TENANT_REFUSED)
def test_a_tenants_transaction_may_not(database: str, statement: str) -> None:
    world = World(database)
    world.furnish()
    world.close()
    with connect(database, "test") as owner:
        owner.execute("select make_partition('reading_position', '2026-11-16+00', '2026-11-23+00')")
    with connect(of_api(database), "test") as connection, connection.transaction(force_rollback=True):
        as_tenant(connection, 1)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)  # type: ignore[arg-type]


def test_a_chunk_cannot_be_read_by_name(timescale_empty: str) -> None:
    from store.migrate import migrate  # noqa: PLC0415

    migrate(timescale_empty)
    world = World(timescale_empty)
    world.furnish()
    world.position("gps-01", T0, 60.0, 24.0)
    chunk = world.one("select show_chunks('reading_position')::text")
    world.close()
    for login in (of_api, of_ingest):
        with connect(login(timescale_empty), "test") as connection, connection.transaction(force_rollback=True):
            if login is of_api:
                as_tenant(connection, 1)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"select * from {chunk}")  # type: ignore[arg-type]
