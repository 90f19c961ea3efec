"""Figures of the work as they are asked for: of which days, as known when, whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, NamedTuple

from fastapi import Query
from pydantic import AfterValidator

from api.database import Row, Session
from api.http.instants import QueryInstant
from api.http.problems import Problem
from planning.kpis import board as boards
from planning.kpis.board import PERIODS_MAX, Board, By, begin_of, next_of, periods
from planning.kpis.catalogue import Kpi
from store.db import queries
from store.kpis import Split, statement

SHOWN: dict[By, int] = {"day": 60, "week": 26, "month": 24}
"""So many periods unless asked otherwise."""
PARTS_MAX = 200
YEARS = range(2000, 2100)


def _near(given: date) -> date:
    if given.year not in YEARS:
        raise ValueError(f"between the years {YEARS.start} and {YEARS.stop - 1}")
    return given


def _known(given: datetime) -> datetime:
    _near(given.date())
    return given


Day = Annotated[date, AfterValidator(_near)]
AsOf = Annotated[
    Annotated[QueryInstant, AfterValidator(_known)] | None, Query(description="as was known then; now when left out")
]


class Asked(NamedTuple):
    """Which facts are asked for: of which days, as known when, whose."""

    by: By
    since: date
    until: date
    as_of: datetime
    whose: Mapping[Split, str | None]

    def values(self, limit: int) -> dict[str, Any]:
        """As the queries take them."""
        whose = {str(name): value for name, value in self.whose.items()}
        return {"by": self.by, "since": self.since, "until": self.until, "as_of": self.as_of, "limit": limit, **whose}


def span(by: By, since: date | None, until: date | None, as_of: datetime | None) -> tuple[date, date, datetime]:
    """First day, day after the last one, and the moment as of which.

    Raises:
        Problem: 422, there are none or too many.
    """
    known = as_of or datetime.now(UTC)
    end = until or next_of(by, begin_of(by, known.date()))
    begin = since
    if begin is None:
        begin = begin_of(by, end - timedelta(days=1))
        for _ in range(SHOWN[by] - 1):
            begin = begin_of(by, begin - timedelta(days=1))
    if begin >= end:
        raise Problem(422, "until: it is not after from")
    if len(periods(by, begin, end)) > PERIODS_MAX:
        raise Problem(422, f"from, until: more than {PERIODS_MAX} periods; ask for fewer or longer ones")
    return begin, end, known


async def drawn_of(session: Session, kpi: Kpi, asked: Asked, lacks: list[str], target: Row | None) -> Board:
    """Figures by period; none where it `lacks` facts."""
    begins = periods(asked.by, asked.since, asked.until)
    rows: list[Row] = []
    if not lacks:
        whole = asked._replace(since=begins[0], until=next_of(asked.by, begins[-1]))
        rows = await session.rows(statement("figures", kpi.id), **whole.values(PERIODS_MAX + 1))
    changes = target["changes"] if target else []
    return boards.board(kpi, asked.by, rows, begins, asked.as_of.date(), changes)


async def known_of(session: Session) -> tuple[Row, dict[str, Row]]:
    """Which kinds of facts there are, and what is wanted of each figure."""
    there = await session.row(queries("kpis")["there"])
    return there or {}, {row["kpi"]: row for row in await session.rows(queries("kpis")["targets"])}


async def parts_of(session: Session, kpi: Kpi, asked: Asked, split: Split) -> Sequence[Row]:
    """Sums of all periods together, by a dimension, those of most facts first."""
    return await session.rows(statement("parts", kpi.id, split), **asked.values(PARTS_MAX))
