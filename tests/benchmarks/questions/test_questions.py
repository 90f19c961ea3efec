"""The history and the questions are what they say; how fast anything is, no test says."""

from collections.abc import Iterator

import numpy as np
import psycopg
import pytest

from tests.benchmarks.figures import Figure
from tests.benchmarks.questions import measure
from tests.benchmarks.questions.history import Plan, arriving, windows

SMALL = Plan(vehicles=12, days=3, every_s=300)


@pytest.fixture(scope="module")
def filled(kept_database: str) -> Iterator[psycopg.Connection]:
    with measure.build(kept_database, SMALL, late=0.05) as connection:
        measure.summarise(connection, SMALL)
        yield connection


def _rows(connection: psycopg.Connection, text: str, values: dict[str, object]) -> list[tuple[object, ...]]:
    found = connection.execute(text.encode(), values).fetchall()
    return sorted(tuple(round(v, 6) if isinstance(v, float) else v for v in row) for row in found)


@pytest.mark.parametrize("question", measure.questions(), ids=lambda q: q.name)
def test_both_layouts_give_the_same_answer_and_it_is_none_of_nothing(
    filled: psycopg.Connection, question: measure.Question
) -> None:
    values = question.values(SMALL)
    ours = _rows(filled, question.ours, values)
    assert ours == _rows(filled, question.wide, values)
    assert ours or question.name in ("low_fuel", "high_load"), "a small fleet has nobody at these moments"


def test_a_plan_tells_what_the_functions_of_a_report_do(filled: psycopg.Connection) -> None:
    asked = {question.name: question for question in measure.questions()}
    for name, table in (("low_fuel", "reading_value_set"), ("activity", "reading_summary")):
        told = measure.explain(filled, asked[name], asked[name].values(SMALL))
        assert table in told
        assert "Function Scan" in told
    told = measure.explain(filled, asked["low_fuel"], asked["low_fuel"].values(SMALL))
    assert told.count("Function Scan") == 1
    assert "Index Scan Backward using reading_value_set" in told, "not all of a span is read for its newest value"


def test_a_history_is_the_same_each_time_and_its_vehicles_do_what_they_say() -> None:
    rows, again = (list(windows(SMALL)) for _ in range(2))
    assert all(np.array_equal(a.values, b.values) for a, b in zip(rows, again, strict=True))
    speed, running = (np.concatenate(each) for each in ([r.speed_mps for r in rows], [r.values[:, 2] for r in rows]))
    fuel = np.concatenate([r.values[:, 0] for r in rows])
    assert 0.2 < (speed > 1).mean() < 0.8
    assert 0 < (running == 0).mean() < 0.1
    assert not speed[running == 0].any(), "what is broken stands"
    assert fuel.min() >= 0
    assert fuel.max() <= 1


def test_what_comes_late_comes_all_the_same() -> None:
    at = np.concatenate([r.time_us for r in windows(SMALL)])
    late = np.concatenate([r.time_us for r in arriving(SMALL, 0.05)])
    assert np.array_equal(np.sort(at), np.sort(late))
    behind = np.maximum.accumulate(late) - late > 86_400_000_000
    assert 0.01 < behind.mean() < 0.05


def test_figures_tell_each_question_and_the_bytes_of_a_value(filled: psycopg.Connection) -> None:
    found: list[Figure] = measure.figures(filled, SMALL, 1)
    assert len(found) == 2 + 12 + 1  # what summaries cost, a span of all; the questions; the bytes
    assert all(figure.value > 0 for figure in found)
