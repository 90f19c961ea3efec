"""Each question put to both layouts in turn; CPU of the server's process, which others on the machine move little."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg

from domain.times import from_us
from operations.summaries import Summaries
from store import reports
from store.db import connect, queries
from store.facts import FITS
from store.reports import REPORTS
from tests.benchmarks.figures import Figure, show
from tests.benchmarks.questions.history import Plan, arriving
from tests.benchmarks.questions.layouts import World, bytes_of, cpu_s

GOAL = 1.1
TENANT = 1  # the first and only one
STOOD_H = 1 / 6  # who has just stood
_PARTS = re.compile(r"^-- name: (\w+)\n-- (.*)\n", re.MULTILINE)
_PLAN = re.compile(r"^\S.*\(cost=", re.MULTILINE)
_TOLD = {
    "auto_explain.log_min_duration": "0", "auto_explain.log_nested_statements": "on", "auto_explain.log_analyze": "on",
    "auto_explain.log_buffers": "on", "client_min_messages": "log",
}  # fmt: skip
SIZES = {
    "a position": "reading_position", "a value": "reading_value_set",
    "a wide row of motion": "wide_motion", "of the rest": "wide_condition",
}  # fmt: skip


@dataclass(frozen=True)
class Question:
    """What is asked: in words, as the report of that name, and of wide rows; so many hours before the end."""

    name: str
    words: str
    ours: str
    wide: str
    hours: float

    def values(self, plan: Plan, hours: float | None = None) -> dict[str, object]:
        """What a report is asked with when nothing is said but the span."""
        end = from_us(plan.end_us)
        since = end - timedelta(hours=min(hours or self.hours, 24 * plan.days))
        asked = reports.question(_report(self.name), dict.fromkeys(FITS), since, end, now=end)
        return {**asked.values, "tenant": TENANT}


def _report(name: str) -> str:
    return name.replace("_", "-")


def questions() -> list[Question]:
    """All of them, in order."""
    parts = _PARTS.split(Path(__file__).with_name("wide.sql").read_text())[1:]
    asked = {parts[k]: (parts[k + 1], parts[k + 2].strip()) for k in range(0, len(parts), 3)}
    if {_report(name) for name in asked} != set(REPORTS):
        raise ValueError("the layouts are asked different questions")
    ours, hours = (
        queries("reports"),
        {name: float(each.hours) for name, each in REPORTS.items()} | {"stationary": STOOD_H},
    )
    return [Question(name, words, ours[name], wide, hours[_report(name)]) for name, (words, wide) in asked.items()]


@dataclass(frozen=True)
class Asked:
    """Milliseconds of CPU of each round, and on the wall at best, by layout."""

    ours: Sequence[float]
    wide: Sequence[float]
    wall: tuple[float, float]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ours) / statistics.median(self.wide)


def build(dsn: str, plan: Plan, *, late: float = 0.0) -> psycopg.Connection:
    """A migrated database filled with both layouts, vacuumed and with statistics, as it is after a night."""
    connection = connect(dsn, "bench")
    world = World(connection, plan)
    world.load(arriving(plan, late))
    world.load_wide(arriving(plan, late))
    connection.execute("vacuum analyze")
    prepare(connection)
    return connection


def prepare(connection: psycopg.Connection) -> None:
    """A connection asks for the tenant, without workers, whose time would be told nowhere."""
    connection.execute("set max_parallel_workers_per_gather = 0")
    connection.execute("select set_config('app.tenant', %s, false)", (str(TENANT),))


def ask(connection: psycopg.Connection, question: Question, values: Mapping[str, object], rounds: int) -> Asked:
    """So many rounds of both, the first one of all not counted."""
    found: dict[str, list[float]] = {question.ours: [], question.wide: []}
    wall = dict.fromkeys(found, float("inf"))
    for _ in range(rounds + 1):
        for text, times in found.items():
            cpu, began = cpu_s(connection), time.monotonic()
            connection.execute(text.encode(), values, prepare=False).fetchall()
            wall[text] = min(wall[text], 1e3 * (time.monotonic() - began))
            times.append(1e3 * (cpu_s(connection) - cpu))
    ours, wide = found.values()
    return Asked(ours[1:], wide[1:], (wall[question.ours], wall[question.wide]))


def summarise(connection: psycopg.Connection, plan: Plan) -> float:
    """Summaries as the operations make them, all but the last twenty minutes, as it always is; seconds of CPU."""
    connection.execute("truncate reading_summary, summary_due")
    connection.execute("update summary_span set since = null, until = null, closing = null, closed_by = null")
    work, before = Summaries(connection, from_us(plan.end_us)), cpu_s(connection)
    work.close()
    while any([work.forward(), work.mend(), work.backward()]):
        pass
    took_s = cpu_s(connection) - before
    row = connection.execute("select since = '-infinity' from summary_span").fetchone()
    if row != (True,):
        raise RuntimeError("the history is not summarised: a transaction that writes is open on this server")
    connection.execute("vacuum analyze reading_summary")
    return took_s


def cost_of_summaries(connection: psycopg.Connection, plan: Plan) -> Figure:
    """Microseconds of CPU a reading, beside reading them all once; and the room that summaries take."""
    took_s = summarise(connection, plan)
    before = cpu_s(connection)
    row = connection.execute(
        "select (select count(speed_mps) from reading_position) + (select count(value) from reading_attribute), "
        "pg_total_relation_size('reading_summary'), (select count(*) from reading_summary)"
    ).fetchone()
    once_s = cpu_s(connection) - before
    readings, size, rows = (int(n) for n in row) if row else (1, 0, 0)
    return Figure(
        "summaries of ten minutes", "µs", [1e6 * took_s / readings], {"reading them once": 1e6 * once_s / readings},
        smaller_is_better=True, details_are="of all summaries",
        details={"bytes a reading": size / readings, "bytes a summary": size / max(rows, 1)},
    )  # fmt: skip


def explain(connection: psycopg.Connection, question: Question, values: Mapping[str, object]) -> str:
    """How the server answers it in our layout: the functions it uses first, whose plans `explain` does not tell."""
    told: list[str] = []

    def hear(notice: psycopg.errors.Diagnostic) -> None:
        text = notice.message_primary or ""
        told.append(text[plan.start() :] if (plan := _PLAN.search(text)) else text)

    connection.execute("load 'auto_explain'")
    connection.add_notice_handler(hear)
    try:
        with connection.transaction():
            for name, value in _TOLD.items():
                connection.execute("select set_config(%s, %s, true)", (name, value))
            told.clear()
            connection.execute(question.ours.encode(), values, prepare=False)
    finally:
        connection.remove_notice_handler(hear)
    return "\n\n".join(told)


def span_of_all(connection: psycopg.Connection, plan: Plan, rounds: int) -> Figure:
    """What all vehicles did in four hours in the middle, by vehicle: the readings themselves, by the index on time."""
    middle = from_us(plan.end_us) - timedelta(days=plan.days / 2)
    text = (
        "select device_id, time, lat, lon, speed_mps from {} where time >= %(since)s and time < %(until)s order by 1, 2"
    )
    question = Question("span", "", text.format("reading_position"), text.format("wide_motion"), 4)
    asked = ask(connection, question, {"since": middle, "until": middle + timedelta(hours=4)}, rounds)
    ceiling = statistics.median(asked.wide)
    return Figure(
        "positions of all in 4 h", "ms", asked.ours, {"wide rows with an index on time": ceiling}, GOAL * ceiling,
        smaller_is_better=True,
    )  # fmt: skip


def figures(connection: psycopg.Connection, plan: Plan, rounds: int, plans: Path | None = None) -> list[Figure]:
    """A figure for each question, its ratio to the wide rows' that of CPU; plans are written beside one another."""
    found, texts = [cost_of_summaries(connection, plan), span_of_all(connection, plan, rounds)], []
    for question in questions():
        values = question.values(plan)
        asked = ask(connection, question, values, rounds)
        wide = {"wide rows with an index on time": statistics.median(asked.wide)}
        wall = dict(zip(("ours", "wide rows"), asked.wall, strict=True))
        name = f"question: {question.name.replace('_', ' ')}"
        found.append(
            Figure(
                name, "ms", asked.ours, wide, GOAL * statistics.median(asked.wide), details_are="ms on the wall",
                details=wall, smaller_is_better=True,
            )
        )  # fmt: skip
        if plans:
            head = f"## {question.name}: {asked.ratio:.2f} of wide rows"
            texts.append(f"{head}\n\n{question.words}\n\n```\n{explain(connection, question, values)}\n```\n")
    if plans:
        plans.parent.mkdir(parents=True, exist_ok=True)
        plans.write_text("\n".join(texts))
    sizes = bytes_of(connection, SIZES)
    row = connection.execute("select count(*) from wide_motion").fetchone()
    messages = int(row[0]) if row else 0
    each = {name: size / messages / (4 if name == "a value" else 1) for name, size in sizes.items()}
    details_are = f"{show(messages)} messages, bytes"
    found.append(
        Figure(
            "a value beside a fix", "B", [each["a value"]],
            {"of a wide row": (each["a wide row of motion"] + each["of the rest"]) / 8}, 40.0, smaller_is_better=True,
            details_are=details_are, details=each,
        )
    )  # fmt: skip
    return found
