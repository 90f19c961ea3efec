"""Cases by REST: given to somebody, written to, acted on, disposed of by two persons, corrected, taken up again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import httpx
import psycopg
import pytest

from tests.integration.api.seed import PASSWORD, T0, World, client, minutes, rows, serving
from tests.integration.operations.told import follow

BASE = "/api/v1"


class Staff(NamedTuple):
    ann: httpx.Client
    bob: httpx.Client
    dan: httpx.Client  # a dispatcher
    robot: httpx.Client  # a token in Ann's name


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish()
    for name, role in (("ann", "coldchain"), ("bob", "coldchain"), ("dan", "dispatcher")):
        world.account(name, role)
    yield world
    world.close()


@pytest.fixture
def staff(world: World, database: str) -> Iterator[Staff]:
    token = world.token("coldchain", "ann")
    with serving(database) as url, ExitStack() as opened:
        people = [opened.enter_context(client(url)) for _ in range(3)]
        for name, person in zip(("ann", "bob", "dan"), people, strict=True):
            assert person.post(f"{BASE}/login", json={"user": name, "password": PASSWORD}).status_code == 204
        yield Staff(*people, opened.enter_context(client(url, token)))


def do(api: httpx.Client, alert: int, step: str, status: int = 200, **body: Any) -> dict[str, Any]:
    answer = api.post(f"{BASE}/alerts/{alert}/{step}", json=body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def report(world: World, alert: int, what: str, at: Any = T0) -> None:
    world.run("update alert set revision = revision + 1 where id = %s", alert)
    world.run("insert into alert_event (alert_id, at, what, actor) values (%s, %s, %s, 'tracker')", alert, at, what)


def listed(api: httpx.Client, **query: str) -> list[str]:
    return [each["id"] for each in api.get(f"{BASE}/alerts", params=query).json()["items"]]


def history(api: httpx.Client, alert: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"{BASE}/alerts/{alert}/history").json()["items"]
    assert [each["version"] for each in found] == list(range(1, len(found) + 1))
    return found


def test_a_case_from_assignment_to_two_signatures(world: World, staff: Staff, database: str) -> None:
    alert = world.open_alert("reefer-01", "rear")
    other = world.open_alert("reefer-01", "front")
    assert [each["name"] for each in staff.dan.get(f"{BASE}/colleagues").json()["items"]] == ["ann", "bob", "dan"]
    assert do(staff.dan, alert, "assign", to="bob")["assignee"] == "bob"
    assert "nobody called eve" in do(staff.dan, alert, "assign", 422, to="eve")["detail"]
    assert "nobody called eve" in do(staff.dan, alert, "comment", 422, text="@ann or @eve, look")["detail"]
    assert do(staff.dan, alert, "comment", text="@ann. The driver is at the dock.")["comments"] == 1
    do(staff.bob, alert, "action", 422, action="other")
    do(staff.bob, alert, "action", action="moved_goods", text="into reefer 12")
    assert listed(staff.ann, assignee="bob") == [str(alert)]
    do(staff.dan, alert, "disposition", 403, disposition="release", reason="fine")
    do(staff.ann, alert, "disposition", 422, disposition="quarantine", reason=" ")
    for step, body in (("disposition", {"disposition": "release", "reason": "fine"}), ("countersign", {})):
        assert "a signature is a person's" in do(staff.robot, alert, step, 403, **body)["detail"]
    assert do(staff.robot, alert, "comment", text="said by a program")["comments"] == 2
    proposed = do(staff.ann, alert, "disposition", disposition="quarantine", reason="40 min above 8 °C")
    assert (proposed["disposition"], proposed["disposition_state"]) == ("quarantine", "proposed")
    assert proposed["acknowledged_by"] == "ann"
    assert "another person" in do(staff.ann, alert, "countersign", 409)["detail"]
    do(staff.bob, alert, "countersign", 409, disposition="release")
    do(staff.bob, alert, "resolve", 409)
    world.run("update alert set cleared_at = %s where id = %s", T0 + minutes(40), alert)
    assert str(alert) in listed(staff.ann)  # over and seen, and waiting for a signature
    assert listed(staff.ann, disposition="proposed") == listed(staff.ann, disposition="quarantine") == [str(alert)]
    assert listed(staff.ann, disposition="none") == [str(other)]
    signed = do(staff.bob, alert, "countersign", disposition="quarantine", reason="agreed")
    assert [(s["what"], s["by"]) for s in signed["signatures"]] == [("proposed", "ann"), ("countersigned", "bob")]
    assert signed == staff.ann.get(f"{BASE}/alerts/{alert}").json()
    assert listed(staff.ann) == [str(other)]
    told = history(staff.dan, alert)
    assert [(e["what"], e["actor"], e["to"] or e["action"] or e["disposition"]) for e in told] == [
        ("assigned", "dan", "bob"),
        ("commented", "dan", None),
        ("acted", "bob", "moved_goods"),
        ("commented", "ann", None),
        ("disposed", "ann", "quarantine"),
        ("countersigned", "bob", "quarantine"),
    ]
    assert told[1]["mentions"] == ["ann"]
    assert rows(database, "select action, actor from audit order by id")[-2:] == [
        ("alert.disposition", "ann"),
        ("alert.countersign", "bob"),
    ]
    follow(database)  # what people did is reported once
    assert len(history(staff.dan, alert)) == 6


def test_late_readings_take_the_ground_from_a_decision_and_it_is_said(
    world: World, staff: Staff, database: str
) -> None:
    alert = world.open_alert("reefer-01", "rear")
    report(world, alert, "raised")
    do(staff.ann, alert, "disposition", disposition="reject", reason="thawed")
    do(staff.bob, alert, "countersign")
    do(staff.bob, alert, "resolve")
    report(world, alert, "amended")
    follow(database)
    found = staff.ann.get(f"{BASE}/alerts/{alert}").json()
    assert (found["disposition"], found["disposition_state"], len(found["signatures"])) == ("reject", "superseded", 2)
    assert [each["what"] for each in history(staff.ann, alert)] == [
        "opened", "disposed", "countersigned", "resolved", "changed", "superseded",
    ]  # fmt: skip
    assert listed(staff.ann) == [str(alert)]
    told = rows(database, "select convert_from(body, 'utf8') from change order by seq desc limit 1")[0][0]
    assert f'{{"id":"{alert}","op":"merge","data":{{"disposition_state":"superseded"}}}}' in told
    do(staff.bob, alert, "disposition", disposition="quarantine", reason="only 20 min")
    back = do(staff.ann, alert, "countersign", accept=False, reason="it was 40 min")
    assert (back["disposition"], back["signatures"]) == (None, [])
    report(world, alert, "cleared")
    do(staff.ann, alert, "reopen", reason="to be decided anew")
    follow(database)
    assert [each["what"] for each in history(staff.ann, alert)][-4:] == ["disposed", "sent_back", "cleared", "resumed"]


def test_taken_up_again_by_who_may_and_only_while_no_other_is_open(world: World, staff: Staff) -> None:
    alert = world.open_alert("reefer-01", "rear", rule_key="above")
    do(staff.dan, alert, "reopen", 409, reason="look")
    do(staff.dan, alert, "resolve")
    assert do(staff.dan, alert, "reopen", reason="too early")["resolved_at"] is None
    do(staff.ann, alert, "disposition", disposition="reject", reason="thawed")
    do(staff.dan, alert, "reopen", 403, reason="look")
    do(staff.bob, alert, "countersign")
    do(staff.bob, alert, "resolve")
    second = world.open_alert("reefer-01", "rear", rule_key="above")
    assert "another open alert" in do(staff.ann, alert, "reopen", 409, reason="new data")["detail"]
    world.run("update alert set cleared_at = opened_at where id = %s", second)
    assert do(staff.ann, alert, "reopen", reason="new data")["disposition"] is None


def test_the_database_lets_nobody_sign_alone(world: World) -> None:
    alert = world.open_alert("reefer-01", "rear")
    alone = (
        "update alert set disposition = 'release', disposition_state = 'signed', disposition_reason = 'x', "
        "disposed_at = now(), disposed_by = 'ann', signed_at = now(), signed_by = 'ann' where id = %s"
    )
    with pytest.raises(psycopg.errors.CheckViolation, match="alert_two_signatures"):
        world.run(alone, alert)
