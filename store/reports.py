"""Named reports: what fleets are asked about, what each takes, and its answer as a table, whoever asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, LiteralString
from zoneinfo import available_timezones

from domain.tables import csv_line
from domain.times import rfc3339, span, to_us
from store.db import queries

ROWS_MAX = 10_000


@dataclass(frozen=True)
class Named:
    """A report as it is declared; `hours` before the end when no begin is given."""

    summary: str
    hours: int = 24
    attribute: str | None = None
    threshold: float | None = None
    means: str | None = None


REPORTS = {
    "last-position": Named("Where every vehicle was last."),
    "low-fuel": Named(
        "Whose tank is nearly empty, by its last value in the span.",
        24,
        "fuel_ratio",
        0.1,
        "lowest value that is enough",
    ),
    "high-load": Named(
        "Who carries nearly all it may, by its last value in the span.",
        24,
        "load_kg",
        0.9,
        "share of the capacity that is enough",
    ),
    "stationary": Named("Who stood in the span."),
    "long-driving": Named("Who drove the whole span.", 4, None, 20.0, "minutes of rest that do not count"),
    "long-day": Named("Days on which a vehicle drove long.", 24, None, 10.0, "hours that are enough"),
    "driving-a-day": Named("Hours a vehicle drives a day.", 168),
    "driving-without-rest": Named("How long a vehicle drives without a rest of ten minutes, by day.", 168),
    "load": Named("How full the vehicles of a fleet and model are.", 168, "load_kg"),
    "activity": Named("How many vehicles of a fleet and model were in order, by day.", 168, "running"),
    "breakdowns": Named("How often the vehicles of a model broke down.", 168, "running"),
    "fuel-against-plan": Named("What a fleet burns in an hour on the road, and what makers say.", 168, "fuel_lph"),
}


class ReportError(Exception):
    """What is asked of a report cannot be answered."""


@dataclass(frozen=True)
class Question:
    """A report as the database is asked it, for one tenant; all values but the tenant's are in it."""

    sql: LiteralString
    values: Mapping[str, Any]
    since: datetime
    until: datetime


def question(
    name: str,
    fits: Mapping[str, Any],
    since: datetime | None,
    until: datetime | None,
    *,
    now: datetime,
    attribute: str | None = None,
    threshold: float | None = None,
    zone: str = "UTC",
) -> Question:
    """One of `REPORTS` for vehicles that are as `store.facts.FITS` says.

    Raises:
        ReportError: no such zone, or a span that is none.
        KeyError: no such report.
    """
    named = REPORTS[name]
    if zone not in _zones():
        raise ReportError(f"zone: {zone!r} is no IANA time zone")
    try:
        begins, ends = span(since, until, now=now, length=timedelta(hours=named.hours))
    except ValueError as error:
        raise ReportError(str(error)) from None
    values = {
        **fits, "since": begins, "until": ends, "zone": zone,
        "attribute": attribute or named.attribute, "limit": ROWS_MAX + 1,
        "threshold": named.threshold if threshold is None else threshold,
    }  # fmt: skip
    return Question(queries("reports")[name.replace("-", "_")], values, begins, ends)


def told(rows: Sequence[Iterable[Any]]) -> list[list[Any]]:
    """Rows of an answer with their times as text.

    Raises:
        ReportError: there are more than anybody reads.
    """
    if len(rows) > ROWS_MAX:
        raise ReportError(f"more than {ROWS_MAX} rows: ask for a shorter span or for one fleet")
    return [[_told(value) for value in row] for row in rows]


def csv(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """The lines of an answer; an empty one has its header."""
    yield csv_line(columns)
    yield from map(csv_line, rows)


@cache
def _zones() -> set[str]:
    return available_timezones()


def _told(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(to_us(value))
    return value.isoformat() if isinstance(value, date) else value
