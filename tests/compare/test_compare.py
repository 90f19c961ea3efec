"""The comparison of two commits compares: what is the same is, and whatever differs is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.compare import differ, script
from tests.compare.names import Names, connected
from tests.integration.fleet import Fleet

HOURS = 0.6


def groups_of(before: dict[str, list[differ.Line]], after: dict[str, list[differ.Line]]) -> dict[str, differ.Group]:
    return {g.name: g for g in differ.compare(before, after)}


def rows(*said: str) -> list[differ.Line]:
    return [(f"row {n}", each) for n, each in enumerate(said)]


def test_the_same_twice_is_the_same_and_everything_else_is_not() -> None:
    said = {"GET /a": rows('{"x":1}', '{"x":2}')}
    assert groups_of(said, said)["GET /a"].verdict == "same"
    others: list[list[differ.Line]] = [
        rows('{"x":1}', '{"x":3}'),
        rows('{"x":1}'),
        rows('{"x":1}', '{"x":2}', '{"x":2}'),
        [("row 0", '{"x":1}'), ("row 9", '{"x":2}')],
        [],
    ]
    for other in others:
        assert groups_of(said, {"GET /a": other})["GET /a"].verdict == "different"
        assert groups_of({"GET /a": other}, said)["GET /a"].verdict == "different"


def test_another_order_is_told_apart_from_another_content() -> None:
    said = {"GET /a": rows('{"items":[{"x":1},{"x":2}]}')}
    swapped = groups_of(said, {"GET /a": rows('{"items":[{"x":2},{"x":1}]}')})["GET /a"]
    assert swapped.verdict == "order"
    assert swapped.differences
    lines = groups_of({"feed": rows("1", "2")}, {"feed": list(reversed(rows("1", "2")))})["feed"]
    assert (lines.verdict, lines.differences) == ("order", ["row 1: 'row 0' stands where 'row 1' does"])
    assert groups_of(said, {"GET /a": rows('{"items":[{"x":2},{"x":3}]}')})["GET /a"].verdict == "different"


def test_a_group_that_is_gone_differs_and_what_is_new_of_tables_and_resources_does_not() -> None:
    assert groups_of({"table a": rows("{}")}, {})["table a"].verdict == "different"
    assert groups_of({}, {"feed": rows("1")})["feed"].verdict == "different"
    new = groups_of({}, {"table b": rows("{}")})["table b"]
    assert (new.verdict, len(new.differences)) == ("same", 1)


def test_a_column_of_one_of_the_two_is_named_and_the_others_are_compared() -> None:
    before, after = rows('{"a":1}', '{"a":2}'), rows('{"a":1,"b":7}', '{"a":2,"b":7}')
    found = groups_of({"table t": before}, {"table t": after})["table t"]
    assert found.verdict == "same"
    assert "b" in found.differences[0]
    worse = rows('{"a":1,"b":7}', '{"a":3,"b":7}')
    assert groups_of({"table t": before}, {"table t": worse})["table t"].verdict == "different"


def test_the_table_shows_where_they_part_and_shouts_what_is_empty() -> None:
    before = {"GET /a": rows('{"temp_c":4.25}'), "fact visit now": []}
    after = {"GET /a": rows('{"temp_c":4.75}'), "fact visit now": []}
    shown = differ.table(differ.compare(before, after))
    assert '- row 0 …{"temp_c":4.25}' in shown
    assert '+ row 0 …{"temp_c":4.75}' in shown
    assert "NOTHING OF THIS KIND" in shown
    assert shown.endswith("2 groups, 1 rows: 1 same, 1 not")


def test_an_export_is_read_as_it_was_written(tmp_path: Path) -> None:
    lines = [("a b", '{"x":"ü⏎\r"}'), ("", "")]
    differ.write(tmp_path, "GET /facts/{kind}/{fact_id}", lines)
    assert differ.load(tmp_path) == {"GET /facts/{kind}/{fact_id}": lines}


def messages(steps: list[script.Step]) -> list[tuple[int, str, bytes]]:
    return [(s.at_us, *m) for s in steps for m in s.messages]


def test_the_script_is_the_same_every_time_and_holds_late_doubled_and_unreadable_messages() -> None:
    steps = script.day(HOURS)
    assert messages(steps) == messages(script.day(HOURS))
    bodies = [body for _, _, body in messages(steps)]
    assert len(set(bodies)) < len(bodies), "nothing comes twice"
    assert any(b"north" in body for body in bodies)
    made = [
        (at_us / 1000 - float(body.split(b'"t":')[1].split(b",")[0]))
        for at_us, _, body in messages(steps)
        if b'"seq"' in body
    ]
    assert max(made) > HOURS * 3_600_000 / 4, "nothing is late"
    assert [s.at_us for s in steps] == sorted(s.at_us for s in steps)


VISIT = {"rule_version": 1, "decided_at": "2025-06-15T16:00:00Z", "revision": 1, "tenant_id": 1}


@pytest.fixture
def fleet(database: str) -> Fleet:
    return Fleet(database)


def put_visit(fleet: Fleet, number: int, entered_s: int, **more: Any) -> None:
    row = VISIT | {"id": number, "vehicle_id": 1, "site_id": 1, **more}
    with psycopg.connect(fleet.dsn) as c:
        c.execute(
            f"insert into visit (entered_at, {', '.join(row)})"
            f" values (to_timestamp({1_750_000_000 + entered_s}), {', '.join(['%s'] * len(row))})",
            list(row.values()),
        )


def names_of(fleet: Fleet) -> Names:
    with connected(fleet.dsn) as c:
        return Names(c)


def test_a_fact_has_the_name_of_its_first_word_whatever_its_number(fleet: Fleet) -> None:
    put_visit(fleet, 41, 60, left_at="2025-06-15T17:00:00Z", superseded_at="2025-06-15T18:00:00Z")
    put_visit(fleet, 41, 90, left_at="2025-06-15T17:00:00Z", revision=2)
    put_visit(fleet, 17, 120)
    names = names_of(fleet)
    first = "visit truck-1/dc-1/2025-06-15 15:07:40+00 #1"
    assert names.of("visit", 41) == names.of("visit", "41") == first
    assert names.of("visit", 17) == "visit truck-1/dc-1/2025-06-15 15:08:40+00 #1"
    told = {"facts": [{"op": "tell", "id": "visit/41", "data": {"kind": "visit", "id": "41", "revision": 2}}]}
    assert names.changes(told) == {
        "facts": [{"op": "tell", "id": f"visit/{first}", "data": {"kind": "visit", "id": first, "revision": 2}}]
    }
    listed = names.told({"items": [{"id": "41", "vehicle": "truck-1"}]}, "visit")
    assert listed == {"items": [{"id": first, "vehicle": "truck-1"}]}
    assert names.row("visit", {"id": 41, "vehicle_id": 1, "site_id": 1}) == {
        "vehicle_id": "truck-1",
        "site_id": "dc-1",
        "id": first,
    }


def test_two_facts_of_one_moment_keep_apart(fleet: Fleet) -> None:
    put_visit(fleet, 5, 60, left_at="2025-06-15T17:00:00Z")
    put_visit(fleet, 6, 60)
    assert {str(names_of(fleet).of("visit", n))[-2:] for n in (5, 6)} == {"#1", "#2"}
