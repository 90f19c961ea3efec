"""OwnTracks is told things in its own words, and what answers a command is known."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.commanding import TONGUES, refusal
from domain.wire.owntracks_commands import ANSWER_CHARS_MAX, ANSWERED, Answer, answers, message
from firmware_sim.owntracks import Phone

DEPOT = {"desc": "Depot", "lat": 60.17, "lon": 24.94, "rad": 100}
YARD = {"desc": "Yard", "lat": 61, "lon": 25, "rad": 50}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "set_waypoints": {"waypoints": [DEPOT, YARD]}, "monitoring": {"mode": 2}, "message": {"text": "Call the office"},
}  # fmt: skip


@pytest.mark.parametrize("name", [kind.name for kind in TONGUES["owntracks"].kinds])
def test_every_command_of_the_table_is_done_by_the_app_and_answered_as_the_table_says(name: str) -> None:
    argument = ARGUMENTS.get(name, {})
    assert refusal("owntracks", name, argument) == ""
    said = Phone().hear(message(name, argument), 1_795_000_000.0)
    assert [each.name for _, one in said for each in answers(orjson.dumps(one))] == [name] * (name in ANSWERED)


def test_places_are_set_once_however_often_they_are_sent_and_told_back() -> None:
    phone = Phone()
    for _ in range(2):
        phone.hear(message("set_waypoints", {"waypoints": [DEPOT, YARD]}), 1.0)
    ((topic, told),) = phone.hear(message("waypoints", {}), 1.0)
    assert (topic, answers(orjson.dumps(told))) == ("waypoints", [Answer("waypoints", "2 places: Depot, Yard")])
    phone.hear(message("clear_waypoints", {}), 1.0)
    ((_, none),) = phone.hear(message("waypoints", {}), 1.0)
    assert answers(orjson.dumps(none)) == [Answer("waypoints", "no places")]
    phone.hear(message("monitoring", {"mode": 2}), 1.0)
    phone.hear(message("message", {"text": "Call"}), 1.0)
    assert (phone.monitoring, phone.messages) == (2, ["Call"])


def test_only_what_was_asked_for_is_an_answer() -> None:
    here = {"_type": "location", "lat": 60.17, "lon": 24.94, "acc": 8, "tst": 1, "t": "r"}
    assert answers(orjson.dumps(here)) == [Answer("report_location", "60.17, 24.94, 8 m")]
    assert answers(orjson.dumps([here, here | {"t": "u"}])) == [Answer("report_location", "60.17, 24.94, 8 m")]
    for other in (here | {"t": "u"}, {"_type": "waypoint", "desc": "x"}, {"_type": "card", "t": "r"}, 7, ["r"]):
        assert answers(orjson.dumps(other)) == []
    assert answers(b'{"_type":"waypoints"') == []
    many = {"_type": "waypoints", "waypoints": [{"desc": f"{n}\n{'x' * 99}"} for n in range(50)] + [None]}
    ((_, text),) = answers(orjson.dumps(many))
    assert text.startswith("50 places: 0 x")
    assert text.isprintable()
    assert len(text) <= ANSWER_CHARS_MAX


@given(st.binary(max_size=60), st.sampled_from([b"waypoint", b'"status"', b'"r"']))
def test_rubbish_answers_nothing_and_harms_nobody(rubbish: bytes, mark: bytes) -> None:
    assert isinstance(answers(rubbish + mark), list)
