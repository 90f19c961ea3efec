"""What changed most in a week, and what changed beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import Query, Request
from typing_extensions import TypedDict

from api.database import Session
from api.http.auth import Reader
from api.http.context import context_of
from api.http.jsons import Json, Time, when
from api.http.routes import resource
from api.resources.shared.kpis import Asked, AsOf, Day, drawn_of, known_of, parts_of, span
from planning.kpis.board import begin_of, figure, next_of
from planning.kpis.catalogue import CATALOGUE, missing
from planning.kpis.digest import Beside, Change, beside, change_of, largest, telling
from store.kpis import SPLITS

router = resource(tags=["planning"])
WEEKS = 26
"""So many before it say what is usual."""


class DigestPart(TypedDict):
    """What a site, customer and so on has to do with the change; `part` null: nobody said whose."""

    by: str
    part: str | None
    change: float
    facts: int


class DigestChange(TypedDict):
    """A figure against the newest one before. `size`: how many usual changes that is; null: it never changed before.

    `signal`: it is no chance, by which rule. `beside`: parts in which the change lies most; of a figure that is the
    middle one, of its mean.
    """

    kpi: str
    unit: str
    before: float
    value: float
    size: float | None
    signal: Literal["outside", "run", "near_limit"] | None
    better: bool
    beside: list[DigestPart]


class KpiDigest(TypedDict):
    """The largest changes of a week; `counted` figures had one, `changed` of them were another than before."""

    week: str
    as_of: Time | None
    counted: int
    changed: int
    changes: list[DigestChange]


async def _beside(session: Session, change: Change, asked: Asked) -> list[Beside]:
    found = []
    week = asked._replace(since=asked.until - timedelta(days=7))
    former = asked._replace(since=week.since - timedelta(days=7), until=week.since)
    for split in (each for each in SPLITS if each in change.kpi.by):
        sums = [
            {row["part"]: figure(change.kpi, row) for row in await parts_of(session, change.kpi, of, split)}
            for of in (former, week)
        ]
        found.append(beside(split, *sums))
    return telling(found)


@router.get("/kpis/digest", response_model=KpiDigest)
async def get_kpi_digest(
    request: Request,
    caller: Reader,
    week: Annotated[Day | None, Query(description="a day of it; the last one that is over when left out")] = None,
    as_of: AsOf = None,
) -> Json:
    """The three largest changes of a week, those that are no chance first, and what changed beside each."""
    known = as_of or datetime.now(UTC)
    begins = begin_of("week", week or known.date() - timedelta(days=7))
    until = next_of("week", begins)
    since, until, known = span("week", begins - timedelta(weeks=WEEKS), until, known)
    asked = Asked("week", since, until, known, dict.fromkeys(SPLITS))
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        there, targets = await known_of(session)
        drawn = [
            (kpi, await drawn_of(session, kpi, asked, missing(kpi, there), targets.get(kpi.id))) for kpi in CATALOGUE
        ]
        changes = [change_of(*each) for each in drawn]
        told = [(each, await _beside(session, each, asked)) for each in largest(changes)]
    answer: KpiDigest = {
        "week": begins.isoformat(),
        "as_of": when(as_of),
        "counted": sum(each.points[-1].figure.value is not None for _, each in drawn),
        "changed": sum(each is not None for each in changes),
        "changes": [_shape(change, parts) for change, parts in told],
    }
    return Json(answer)


def _shape(change: Change, parts: list[Beside]) -> DigestChange:
    return {
        "kpi": change.kpi.id,
        "unit": change.kpi.unit,
        "before": change.before,
        "value": change.value,
        "size": None if change.size == float("inf") else change.size,
        "signal": change.told.rule if change.told else None,
        "better": change.better,
        "beside": [{"by": e.by, "part": e.part, "change": e.change, "facts": e.facts} for e in parts],
    }
