"""What doors and cooling units said, as a forecast takes it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np

from domain.readings import DoorBatch, StatusBatch
from tracker.breaches.context import Context, Was
from tracker.rules.breach import LONG_AGO

REGISTRY: Any = SimpleNamespace(devices={1: SimpleNamespace(home=("vehicle", 7), tenant_id=1)})
STORE: Any = SimpleNamespace(labels=lambda keys: {3: "off"} if 3 in keys else {})


def hear(context: Context, kind: Any, t_us: list[int], **columns: Any) -> list[Was]:
    n = len(t_us)
    filled = {name: kind.unknown(name, n) for name in kind.DTYPES}
    return context.hear(kind.build({**filled, "device_id": np.ones(n), "time_us": t_us, **columns}), REGISTRY, STORE)


def at(context: Context, t_us: int) -> tuple[int, int, float, int]:
    found = context.at(REGISTRY, np.array([1]), np.array([t_us]))
    return tuple(column[0].item() for column in found)  # type: ignore[return-value]


def test_a_door_that_goes_on_saying_it_is_shut_was_not_opened_meanwhile() -> None:
    context = Context()
    assert at(context, 50)[:2] == (LONG_AGO, LONG_AGO)
    hear(context, DoorBatch, [100, 160], door_id=[5, 5], open=[1, 1])
    assert at(context, 200)[0] == 200, "it is open"
    hear(context, DoorBatch, [300, 360, 420], door_id=[5, 5, 5], open=[0, 0, 0])
    assert at(context, 500)[0] == 300
    hear(context, DoorBatch, [600], door_id=[5], open=[-1])
    assert at(context, 700)[0] == 300, "nothing was said"
    hear(context, DoorBatch, [800, 810, 820], door_id=[5, 6, 5], open=[1, 1, 0])
    assert at(context, 900)[0] == 900, "the other one is"


def test_a_defrost_a_set_point_and_a_unit_that_is_off() -> None:
    context = Context()
    hear(context, StatusBatch, [10, 20], defrost=[1, 0], setpoint_c=[np.nan, 4.0], reefer_id=[0, 3])
    hear(context, StatusBatch, [30], defrost=[0])
    assert at(context, 100)[1:] == (20, 4.0, 0)


def test_a_late_word_holds_and_is_handed_back_and_no_late_one_makes_it_older() -> None:
    context = Context()
    hear(context, DoorBatch, [100, 600], door_id=[5, 5], open=[1, 0])
    assert hear(context, DoorBatch, [300], door_id=[5], open=[1]) == [Was(("vehicle", 7), "door", 300)]
    assert at(context, 900)[0] == 600
    hear(context, DoorBatch, [700], door_id=[6], open=[0])
    assert hear(context, DoorBatch, [650], door_id=[6], open=[1]) == [Was(("vehicle", 7), "door", 650)]
    assert at(context, 900)[0] == 700
    assert hear(context, DoorBatch, [10], door_id=[5], open=[0]) == []
    hear(context, StatusBatch, [500], setpoint_c=[4.0], defrost=[0])
    assert hear(context, StatusBatch, [400], setpoint_c=[9.0], defrost=[1]) == [Was(("vehicle", 7), "defrost", 400)]
    assert at(context, 900)[1:3] == (400, 4.0)


def test_what_is_kept_says_the_same_and_only_news_are_kept() -> None:
    context = Context()
    hear(context, DoorBatch, [100, 600, 620], door_id=[5, 5, 6], open=[1, 0, 1])
    hear(context, StatusBatch, [500], setpoint_c=[4.0], defrost=[1], reefer_id=[3])
    kept = json.loads(json.dumps(context.changed()))
    assert [row[:3] for row in kept] == [["vehicle", 7, 1]]
    again = Context()
    again.load((kind, home, said) for kind, home, _, said in kept)
    for t_us in (50, 610, 900):
        assert at(again, t_us) == at(context, t_us)
    for each in (context, again):
        hear(each, DoorBatch, [700], door_id=[6], open=[1])
        assert each.changed() == [], "it was open before"
        hear(each, DoorBatch, [800], door_id=[6], open=[0])
    assert again.changed() == context.changed() != []
