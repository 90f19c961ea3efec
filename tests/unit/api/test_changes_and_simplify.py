"""The pure parts of the API: changes, outbox, simplification, limits, cells; and every query has a tenant."""

import asyncio
import csv
import io
import itertools
import json
import re
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.feed.changes import Box, Change, apply, coalesce, flatten
from api.feed.cursors import decode_cursor, encode_cursor
from api.feed.given import SAID_AGAIN_S, Given
from api.feed.outbox import Outbox, delta, message
from api.resources.shared import simplify
from api.resources.shared.areas import Polygon
from api.resources.shared.simplify import keep_shape, metres
from domain.limits import RateLimit
from domain.readings import F64
from domain.tables import csv_cell
from store.db import queries
from store.facts import listing
from tracker.engine.step import Step
from tracker.families import KINDS

values = st.dictionaries(st.sampled_from("abc"), st.integers(0, 3), min_size=1)
change = st.one_of(
    st.builds(
        lambda topic, key, op, data: {"topic": topic, "id": key, "op": op, "data": data},
        st.sampled_from(["vehicles", "stock", "alerts"]),
        st.sampled_from("xyz"),
        st.sampled_from(["put", "merge"]),
        values,
    ),
    st.builds(lambda key: {"topic": "vehicles", "id": key, "op": "delete"}, st.sampled_from("xyz")),
)


def after(changes: list[Change], start: dict[str, Any]) -> dict[str, Any]:
    tables = {topic: dict(start) for topic in ("vehicles", "stock", "alerts")}
    for each in changes:
        apply(tables[each["topic"]], each)
    return tables


@given(st.lists(change, max_size=12), st.dictionaries(st.sampled_from("xyz"), values))
def test_coalesced_changes_end_in_the_same_state(changes: list[Change], start: dict[str, Any]) -> None:
    before = json.dumps(changes)
    merged = coalesce(changes)
    assert after(merged, start) == after(changes, start)
    assert json.dumps(changes) == before
    keys = [(c["topic"], c["id"]) for c in merged if c["topic"] != "alerts"]
    assert len(keys) == len(set(keys))
    assert [c for c in merged if c["topic"] == "alerts"] == [c for c in changes if c["topic"] == "alerts"]


steps = st.lists(st.tuples(st.sampled_from([0.0, 1.0, SAID_AGAIN_S]), st.lists(change, max_size=4)), max_size=8)


@given(steps, st.dictionaries(st.sampled_from("xyz"), values))
def test_what_clients_have_already_is_left_out_and_they_end_in_the_same_state(
    batches: list[tuple[float, list[Change]]], start: dict[str, Any]
) -> None:
    lately, now_s, sent, said = Given(), 0.0, list[Change](), list[Change]()
    before = json.dumps(batches)
    for pause_s, changes in batches:
        now_s += pause_s
        said += changes
        sent += lately.news(changes, now_s)
        assert after(sent, start) == after(said, start)
    assert json.dumps(batches) == before
    assert [c for c in sent if c["topic"] == "alerts"] == [c for c in said if c["topic"] == "alerts"]


def test_a_delta_has_only_the_fields_that_changed_and_says_all_again_after_a_minute() -> None:
    def moved(**data: Any) -> Change:
        return {"topic": "vehicles", "id": "v", "op": "merge", "data": data}

    lately = Given()
    assert lately.news([moved(lat=1, status="moving")], 0.0) == [moved(lat=1, status="moving")]
    assert lately.news([moved(lat=2, status="moving")], 1.0) == [moved(lat=2)]
    assert lately.news([moved(lat=2, status="moving")], 2.0) == []
    assert lately.news([moved(lat=2, status="moving")], SAID_AGAIN_S) == [moved(lat=2, status="moving")]


def test_a_change_row_gives_the_topics_asked_and_a_resolved_alert_leaves() -> None:
    body = {
        "vehicles": [{"id": "v", "op": "merge", "data": {"lat": 1}}],
        "alerts": [{"id": "1", "op": "put", "data": {"resolved_at": "2026-11-22T10:00:00.000Z"}}],
    }
    assert flatten(body, ["alerts"]) == [{"topic": "alerts", "id": "1", "op": "delete"}]
    assert [c["topic"] for c in flatten(body, ["vehicles", "stock"])] == ["vehicles"]
    assert body["alerts"][0]["op"] == "put"


@given(st.dictionaries(st.integers(-1, 255), st.integers(0, 2**62)))
def test_a_cursor_comes_back_as_it_went(vector: dict[int, int]) -> None:
    assert decode_cursor(encode_cursor(vector)) == vector


@given(st.text(max_size=40))
def test_what_is_no_cursor_is_refused_without_a_crash(text: str) -> None:
    try:
        decode_cursor(text)
    except ValueError:
        return


def put(key: str, size: int = 10, topic: str = "vehicles") -> Change:
    return {"topic": topic, "id": key, "op": "put", "data": {"x": "y" * size}}


def drained(box: Outbox) -> list[dict[str, Any]]:
    async def work() -> list[dict[str, Any]]:
        return [json.loads((await box.pop()).text) for _ in range(len(box))]

    return asyncio.run(work())


def test_a_slow_clients_vehicles_are_merged_and_its_alerts_kept() -> None:
    box = Outbox()
    assert box.push(message("snapshot", now="t", vehicles=["x" * 10_000_000]))
    for n in range(1000):
        assert box.push(delta([put(f"truck-{n % 10}"), put(str(n), topic="alerts")], f"c{n}", "t"))
        assert len(box) <= 256
        if n % 10 == 0:
            assert box.push(message("ping", now="t"))
    found = drained(box)
    assert found[0]["type"] == "snapshot"
    assert found[-1]["cursor"] == "c999"
    changes = [c for m in found[1:] if m["type"] == "delta" for c in m["changes"]]
    assert [c["id"] for c in changes if c["topic"] == "alerts"] == [str(n) for n in range(1000)]
    assert len([c for c in changes if c["topic"] == "vehicles"]) < 200


def test_a_client_with_too_much_waiting_is_too_slow() -> None:
    box = Outbox(bytes_max=100_000)
    assert all(box.push(delta([put("same", 5000)], "c", "t")) for _ in range(100))
    pushed = [box.push(delta([put(str(n), 5000, "alerts")], "c", "t")) for n in range(25)]
    assert pushed[0]
    assert not pushed[-1]


@pytest.mark.parametrize(("vehicles", "taken"), [(1_000, 2_000), (10**9, None)])
def test_a_client_that_reads_nothing_costs_less_than_a_megabyte(vehicles: int, taken: int | None) -> None:
    """The fleet of a thousand is kept as its newest state; of ever new things only so many, then the client goes."""
    box, most, n = Outbox(), 0, 0
    tracemalloc.start()
    try:
        while n != taken and box.push(delta([put(f"truck-{n * 20 % vehicles + k}", 300) for k in range(20)], "c", "t")):
            n += 1
            most = max(most, tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert n == taken or (taken is None and 50 < n < 200)
    assert most < 1_000_000


def test_a_queue_that_is_taken_from_never_shrinks_by_merging() -> None:
    async def work() -> None:
        box = Outbox()
        for n in range(500):
            assert box.push(delta([put(str(n))], f"c{n}", "t"))
            assert (await box.pop()).cursor == f"c{n}"

    asyncio.run(work())


@given(st.integers(2, 40), st.integers(0, 60), st.integers(0, 2**32 - 1))
def test_a_simplified_track_has_its_ends_in_order_and_no_more_than_asked(points: int, n: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    time_s = np.sort(chance.integers(0, 50, n)).astype(float)
    kept = keep_shape(time_s, chance.normal(size=(n, 2)), points)
    assert len(kept) <= points
    assert (np.diff(kept) > 0).all()
    if n:
        assert (kept[0], kept[-1]) == (0, n - 1)


def one_by_one(time_s: F64, values: F64, points_max: int) -> list[int]:
    """What `keep_shape` keeps, found as its words say: the farthest row of all spans, again and again."""
    kept = [0, len(time_s) - 1]
    while len(kept) < points_max:
        best = (1e-8, -1)
        for first, last in itertools.pairwise(sorted(kept)):
            for row in range(first + 1, last):
                share = (time_s[row] - time_s[first]) / (time_s[last] - time_s[first])
                off = values[row] - values[first] - share * (values[last] - values[first])
                best = max(best, (float(np.square(off).sum()), row))
        if best[1] < 0:
            break
        kept.append(best[1])
    return sorted(kept)


@given(st.integers(2, 40), st.integers(2, 60), st.integers(1, 2), st.integers(0, 2**32 - 1))
def test_what_is_kept_is_what_is_farthest_each_time(points: int, n: int, width: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    time_s, values = np.cumsum(chance.uniform(0.1, 5, n)), np.cumsum(chance.normal(size=(n, width)), axis=0)
    kept = keep_shape(time_s, values, points)
    assert kept.tolist() == (one_by_one(time_s, values, points) if n > points else list(range(n)))


def test_a_thousand_equal_peaks_take_no_turn_each(monkeypatch: pytest.MonkeyPatch) -> None:
    turns, farthest = [0], simplify._farthest

    def counted(*args: Any, **how: Any) -> Any:
        turns[0] += 1
        return farthest(*args, **how)

    monkeypatch.setattr(simplify, "_farthest", counted)
    peaks = np.tile([0.0, 0.0, 1.0, 0.0], 10_000)
    kept = keep_shape(np.arange(len(peaks), dtype=float), peaks[:, None], 4_000)
    assert len(kept) == 4_000
    assert turns[0] < 2 * simplify.DEEP


def test_a_stop_keeps_its_beginning_and_its_end() -> None:
    time_s = np.arange(0, 3600.0, 10)
    lat = 60 + np.clip(time_s - 0, 0, 1000) * 1e-4 + np.clip(time_s - 2600, 0, 1000) * 1e-4
    kept = keep_shape(time_s, metres(lat, np.full_like(lat, 24.0)), 4)
    assert time_s[kept].tolist() == [0, 1000, 2600, 3590]


def test_a_straight_line_needs_two_points() -> None:
    time_s = np.arange(1000.0)
    assert keep_shape(time_s, time_s[:, None] * 2, 500).tolist() == [0, 999]


def test_a_limit_counts_each_key_and_forgets() -> None:
    limit = RateLimit(2, 60, keys_max=2)
    for now_s in (0.0, 1.0):
        assert limit.wait_s("a", now_s) == 0
        limit.add("a", now_s)
    assert limit.wait_s("a", 2.0) == 58
    assert limit.wait_s("b", 2.0) == 0
    assert limit.wait_s("a", 60.5) == 0
    limit.add("b", 2.0)
    limit.add("c", 2.0)
    assert limit.wait_s("a", 2.0) == 0


@given(st.text(max_size=20))
def test_a_cell_comes_back_through_a_csv_reader_and_is_no_formula(text: str) -> None:
    line = csv_cell(text) + ",x\r\n"
    found = next(csv.reader(io.StringIO(line, newline="")))[0]
    assert found.removeprefix("'") == text.removeprefix("'")
    assert not found.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))  # noqa: RUF001


def test_a_viewport_may_cross_the_180th_meridian() -> None:
    box = Box(170, -20, -170, 20)
    assert box.holds({"lat": 0, "lon": 175})
    assert not box.holds({"lat": 0, "lon": 0})
    assert not box.holds({"lat": 30, "lon": 175})
    assert not box.holds({"lat": None, "lon": None})


def test_a_polygon_that_crosses_itself_is_refused() -> None:
    bow = [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]
    with pytest.raises(ValueError, match="not a simple polygon"):
        Polygon(type="Polygon", coordinates=bow)


# Read before anybody is known, or by a key that only the token's holder has; or of nobody's rows.
OWNERS_ONLY = {
    "repeatable_read",
    "sort_in_memory",
    "callers",
    "account",
    "add_session",
    "end_session",
    "change_password",
    "share_by_token",
}


def test_every_query_of_the_api_names_its_tenant() -> None:
    found = queries("api") | queries("shares") | {kind.name: listing(kind) for kind in KINDS}
    without = {name for name, text in found.items() if "%(tenant)s" not in text and "%(tenant_name)s" not in text}
    assert without == OWNERS_ONLY - {"account"}
    assert [name for name, text in queries("lifecycle").items() if "%(tenant)s" not in text] == []
    for name, text in found.items():
        assert "reading_" not in text, f"{name}: readings come from own_* functions"
        if re.search(r"\bown_\w+\(", text):
            named = (
                "d.tenant_id = %(tenant)s",
                "sh.tenant_id = %(tenant)s",
                "own_tokens(%(tenant)s",
                "own_way(%(tenant)s",
                "own_revoke_token(%(tenant)s",
            )
            assert any(each in text for each in named), name


@given(
    st.lists(st.tuples(st.sampled_from("xyzuvw"), st.sampled_from([1, 2]), st.integers(0, 9)), max_size=90),
    st.booleans(),
)
def test_changes_of_many_are_columns_and_come_out_as_changes_of_each(
    rows: list[tuple[str, int, int]], known: bool
) -> None:
    """Whatever has been said of some of them before, of however many tenants, they are the same in the end."""
    rows = [(f"{name}{i % 40}", tenant, value) for i, (name, tenant, value) in enumerate(rows)]
    rows = list({(tenant, name): (name, tenant, value) for name, tenant, value in rows}.values())
    one, many = Step(0), Step(0)
    if known:
        for step in (one, many):
            step.change(1, "vehicles", "x0", "put", {"id": "x0", "a": -1, "c": 5})
    for name, tenant, value in rows:
        one.change(tenant, "vehicles", name, "merge", {"a": value, "b": [value]})
    columns = {"a": [value for _, _, value in rows], "b": [[value] for _, _, value in rows]}
    many.change_many("vehicles", [t for _, t, _ in rows], [n for n, _, _ in rows], columns)
    for step in (one, many):
        for name, tenant, value in rows[:3]:
            step.change(tenant, "vehicles", name, "merge", {"a": value + 1})
    start = {name: {} for name, _, _ in rows}
    plain, packed = ({t: flatten(json.loads(body), ("vehicles",)) for t, body in s.bodies()} for s in (one, many))
    assert plain.keys() == packed.keys()
    for tenant, changes in plain.items():
        assert after(packed[tenant], start) == after(changes, start)
        assert after(coalesce(packed[tenant]), start) == after(changes, start)
