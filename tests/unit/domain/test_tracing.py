"""A trace through made-up events: known answers, in any order of telling, and nothing of what only rode beside."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.tracing.trace import Trace, Tracing

GTIN = "https://id.gs1.org/01/0641412345678{}/10/{}"
FLOUR, MILK, DOUGH, BREAD, SOUP = (GTIN.format(n, name) for n, name in enumerate(("F", "M", "D", "B", "S")))
PALLET, CARTON, OTHER = (f"https://id.gs1.org/00/10614141234567890{n}" for n in range(3))


def event(name: str, kind: str, at: int, **said: Any) -> dict[str, Any]:
    lists = {key: [{"epcClass": each, "quantity": 1} for each in said.pop(key, ())] for key in
             ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")}  # fmt: skip
    body = {key: value for key, value in lists.items() if value}
    empty = {"action": None, "parent": None, "transformation": None, "epcs": [], "inputs": [], "outputs": []}
    classes = [each["epcClass"] for value in lists.values() for each in value]
    return {
        "event_id": name,
        "type": kind,
        "at_us": at,
        **empty,
        "classes": classes,
        "body": body,
        "own": False,
        **said,
    }


EVENTS = [
    event("flour-in", "ObjectEvent", 10, action="OBSERVE", quantityList=[FLOUR]),
    event("milk-in", "ObjectEvent", 11, action="OBSERVE", quantityList=[MILK]),
    event("dough", "TransformationEvent", 20, inputQuantityList=[FLOUR, MILK], outputQuantityList=[DOUGH]),
    event("oven-1", "TransformationEvent", 30, transformation="oven", inputQuantityList=[DOUGH]),
    event("oven-2", "TransformationEvent", 31, transformation="oven", outputQuantityList=[BREAD]),
    event("packed", "AggregationEvent", 40, action="ADD", parent=CARTON, childQuantityList=[BREAD]),
    event("stacked", "AggregationEvent", 41, action="ADD", parent=PALLET, epcs=[CARTON, OTHER]),
    event("soup-packed", "AggregationEvent", 41, action="ADD", parent=OTHER, childQuantityList=[SOUP]),
    event("driven", "ObjectEvent", 50, action="OBSERVE", epcs=[PALLET]),
    event("other-seen", "ObjectEvent", 51, action="OBSERVE", epcs=[OTHER]),
    event("unstacked", "AggregationEvent", 60, action="DELETE", parent=PALLET),
    event("driven-back", "ObjectEvent", 70, action="OBSERVE", epcs=[PALLET]),
    event("carton-sold", "ObjectEvent", 71, action="OBSERVE", epcs=[CARTON]),
]


def traced(start: str, events: list[dict[str, Any]], hops: int = 5) -> Tracing:
    """As a store tells them: those that name what is wanted, in the order of `events`."""
    tracing = Tracing(start, hops)
    while any(wanted := tracing.wanted()):
        asked, runs = map(set, wanted)
        tracing.tell(
            e for e in events
            if asked & {*e["epcs"], *e["inputs"], *e["outputs"], *e["classes"]} or e["transformation"] in runs
            or (e["parent"] in asked and e["action"] == "DELETE" and not e["epcs"] and not e["classes"])
        )  # fmt: skip
    return tracing


def trace(start: str, events: list[dict[str, Any]], hops: int = 5) -> Trace:
    return traced(start, events, hops).found()


@given(st.permutations(EVENTS))
def test_the_known_answer_in_any_order(events: list[dict[str, Any]]) -> None:
    found = trace(FLOUR, events + events[:4])
    assert found.levels == {FLOUR: 0, DOUGH: 1, BREAD: 2, CARTON: 2, PALLET: 2}
    assert found.events == (
        "flour-in", "dough", "oven-1", "oven-2", "packed", "stacked", "driven", "unstacked", "carton-sold",
    )  # fmt: skip
    assert found.whole
    up = trace(BREAD, events)
    assert up.levels == {BREAD: 0, CARTON: 0, PALLET: 0, DOUGH: -1, FLOUR: -2, MILK: -2}
    assert {"flour-in", "milk-in", "dough", "oven-1", "oven-2", "driven", "carton-sold"} <= set(up.events)
    assert not {"driven-back", "other-seen", "soup-packed"} & set(up.events)
    assert [(k.source, k.target) for k in up.links if k.way == "made"] == [
        (FLOUR, DOUGH),
        (MILK, DOUGH),
        (DOUGH, BREAD),
    ]
    assert set(trace(FLOUR, events, hops=1).levels) == {FLOUR, DOUGH}


def test_what_came_in_a_unit_that_nobody_told_the_packing_of_was_in_it_before() -> None:
    events = [
        event("pallet-in", "ObjectEvent", 5, action="OBSERVE", epcs=[PALLET]),
        event("unpacked", "AggregationEvent", 6, action="DELETE", parent=PALLET, childQuantityList=[MILK]),
        event("pallet-out", "ObjectEvent", 7, action="OBSERVE", epcs=[PALLET]),
    ]
    assert trace(MILK, events).events == ("pallet-in", "unpacked")


def test_a_unit_that_we_make_with_goods_in_it_holds_them_and_one_of_others_need_not() -> None:
    made = event("made", "ObjectEvent", 5, action="ADD", epcs=[PALLET], quantityList=[MILK])
    gone = event("gone", "ObjectEvent", 6, action="OBSERVE", epcs=[PALLET])
    assert trace(MILK, [{**made, "own": True}, gone]).events == ("made", "gone")
    assert trace(MILK, [made, gone]).events == ("made",)


MADE = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.integers(1, 30)), max_size=25)


@given(MADE)
def test_down_is_what_can_be_reached_forward_in_time_and_up_is_its_mirror(made: list[tuple[int, int, int]]) -> None:
    lots = [GTIN.format(7, n) for n in range(8)]
    ways = sorted((at, lots[a], lots[b]) for a, b, at in made if a != b)
    events = [
        event(f"e{n}", "TransformationEvent", at, inputQuantityList=[a], outputQuantityList=[b])
        for n, (at, a, b) in enumerate(ways)
    ]
    down = {}
    for lot in lots:
        since = {lot: 0}
        for _ in lots:  # once more for those at the same time
            for at, a, b in ways:
                if at >= since.get(a, 99):
                    since[b] = min(at, since.get(b, 99))
        down[lot] = set(since)
        assert traced(lot, events, hops=30).reached(down=True) == down[lot]
    for lot in lots:
        up = {other for other in lots if lot in down[other]}
        assert traced(lot, events, hops=30).reached(down=False) == up
