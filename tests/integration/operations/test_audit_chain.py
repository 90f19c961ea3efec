"""The chain of the audit trail: each entry once, in the order of commits, and what is changed afterwards is found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from frostway.cli import app
from operations.audit.follow import ENTRIES
from operations.follower import Follower
from store.db import connect
from tests.integration.api.seed import World, client, rows, serving
from tests.logins import of_operations


def follow(dsn: str, portion: int = 500) -> None:
    with connect(of_operations(dsn), "test") as connection:
        follower = Follower(ENTRIES, portion)
        follower.begin(connection)
        while follower.step(connection):
            pass


@pytest.fixture
def worlds(database: str) -> Iterator[tuple[World, World]]:
    both = World(database), World(database, "other")
    for world in both:
        world.run("delete from audit where tenant_id = %s", world.tenant_id)
    yield both
    for world in both:
        world.close()


def enter(world: World, n: int, of: str = "shipment.change") -> None:
    for i in range(n):
        world.run(
            "insert into audit (tenant_id, actor, action, subject, detail) values (%s, 'ann', %s, %s, '{\"n\": 1.50}')",
            world.tenant_id, of, f"S-{i}",
        )  # fmt: skip


def verified(dsn: str, monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str]:
    monkeypatch.setenv("FROSTWAY_DATABASE_URL", dsn)
    done = CliRunner().invoke(app, ["audit", "verify", *words])
    return done.exit_code, done.output + (str(done.exception) if done.exit_code else "")


def test_each_entry_is_linked_once_tenant_by_tenant(
    worlds: tuple[World, World], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    main, other = worlds
    with connect(database, "slow") as slow, slow.transaction():
        slow.execute("insert into audit (tenant_id, actor, action, subject) values (%s, 'b', 'c.d', 'slow')",
                     (main.tenant_id,))  # fmt: skip
        enter(main, 3)
        enter(other, 2)
        follow(database)
        assert rows(database, "select count(*) from audit_link") == [(0,)], "it waits for what may still come before"
    follow(database, portion=2)
    enter(main, 2)
    follow(database)
    main.run("update follower_position set written_in = '0', row_id = 0 where name = 'audit chain'")
    follow(database)
    chain = "select n from audit_link where tenant_id = %s order by n"
    assert [n for (n,) in rows(database, chain % main.tenant_id)] == [1, 2, 3, 4, 5, 6]
    assert [n for (n,) in rows(database, chain % other.tenant_id)] == [1, 2]
    code, said = verified(database, monkeypatch)
    assert (code, said[:26]) == (0, "6 entries, each as it was ")
    enter(main, 1)
    assert "1 wait to be linked" in verified(database, monkeypatch)[1]


SWAPPED = "; ".join(f"update audit_link set n = {to} where n = {n}" for n, to in ((4, 99), (5, 4), (99, 5)))
TAMPERING = {
    "update audit set actor = 'bob' where subject = 'S-2'": "entry 3 of the chain",
    "update audit set detail = '{\"n\": 1.5}' where subject = 'S-2'": "entry 3 of the chain",
    "update audit set at = at + interval '1 microsecond' where subject = 'S-0'": "entry 1 of the chain",
    "delete from audit where subject = 'S-3'": "entry 4 of the chain: the entry is gone",
    "delete from audit_link where n = 2": "entry 2 of the chain: it is missing",
    SWAPPED: "entry 4 of the chain",
}


@pytest.mark.parametrize("statement", TAMPERING)
def test_what_is_changed_afterwards_is_found(
    worlds: tuple[World, World], database: str, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    main, _ = worlds
    enter(main, 6)
    follow(database)
    code, said = verified(database, monkeypatch)
    assert code == 0
    head = said.splitlines()[1].rsplit(" ", 1)[1]
    for each in statement.split(";"):
        main.run(each)
    code, said = verified(database, monkeypatch)
    assert code == 1
    assert TAMPERING[statement] in said
    # whoever chains it anew has another end, unless the entries are as they were
    main.run("delete from audit_link")
    main.run("update follower_position set written_in = '0', row_id = 0 where name = 'audit chain'")
    follow(database)
    assert verified(database, monkeypatch)[0] == 0
    code, said = verified(database, monkeypatch, "--head", head)
    entries_changed = "audit_link" not in statement
    assert (code == 1, "not the end that was written down" in said) == (entries_changed, entries_changed)


def test_nobody_but_the_owner_of_the_database_changes_it(worlds: tuple[World, World], database: str) -> None:
    main, _ = worlds
    enter(main, 1)
    follow(database)
    with connect(of_operations(database), "test") as connection:
        for table in ("audit", "audit_link"):
            for statement in (f"delete from {table}", f"update {table} set tenant_id = 1", f"truncate {table}"):
                with pytest.raises(Exception, match="permission denied"):
                    connection.execute(statement)  # type: ignore[arg-type]


def test_it_is_listed_by_what_was_done_and_who_did_it(worlds: tuple[World, World], database: str) -> None:
    main, other = worlds
    enter(main, 2)
    enter(main, 1, "alert.resolve")
    enter(other, 1)
    follow(database)
    with serving(database) as url, client(url, main.token("coldchain")) as http:

        def listed(**asked: Any) -> list[tuple[str, str, int]]:
            answer = http.get("/api/v1/audit", params=asked)
            assert answer.status_code == 200, answer.text
            return [(e["action"], e["subject"], e["n"]) for e in answer.json()["items"]]

        whole = [("alert.resolve", "S-0", 3), ("shipment.change", "S-1", 2), ("shipment.change", "S-0", 1)]
        assert listed() == whole
        assert listed(action="shipment") == whole[1:]
        assert listed(action="ship") == []
        assert listed(subject="S-0", actor="ann") == [whole[0], whole[2]]
        assert listed(actor="bob") == []
        assert http.get("/api/v1/audit", params={"limit": 1}).links["next"]
        assert "alert.resolve" in http.get("/api/v1/audit?format=csv").text
    with serving(database) as url, client(url, main.token("dispatcher")) as http:
        assert http.get("/api/v1/audit").status_code == 403
