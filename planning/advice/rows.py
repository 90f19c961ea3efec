"""Advice and grades as rows: what is read for them, and what is kept. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from domain.times import to_us
from planning.advice.grades import Given, Standing, grade, replay, standing
from planning.advice.slots import Advised, Move, Pick, block_of, propose, spots_of

DAYS, DAYS_MAX = 14, 90
PICKS_MAX, BINS_MAX = 60_000, 5_000
Rows = Sequence[Mapping[str, Any]]


def advised(zone: Mapping[str, Any], bins: Rows, goods: Rows, picks: Rows, frozen: Rows) -> Advised:
    """Proposals for a zone, from rows."""
    block = block_of(zone)
    spots = spots_of(block, bins, goods)
    return propose(block, spots, [_pick(row) for row in picks], [row["bin"] for row in frozen])


def kept(found: Advised, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """Proposals as rows of `add_advice`."""
    basis = {**found.basis._asdict(), "since": since.isoformat(), "until": until.isoformat()}
    return [
        {
            "body": {
                "moves": [
                    {"from": m.source, "to": m.target, "skus": list(m.skus), "trips": m.trips} for m in each.moves
                ],
                "saved_m": each.saved_m,
                "basis": basis,
            },
            "predicted": each.net_m,
            "cost": each.moves_m,
        }
        for each in found.proposals
    ]


def looked_until(row: Mapping[str, Any], now: datetime) -> datetime:
    """Until when lists count for a piece of advice that was followed: as many days as were promised."""
    end: datetime = row["done_at"] + timedelta(days=row["days"])
    return min(now, end)


def graded(zone: Mapping[str, Any], bins: Rows, row: Mapping[str, Any], picks: Rows, now: datetime) -> dict[str, Any]:
    """What came of a piece of advice so far, as a row of `put_grades`."""
    block = block_of(zone)
    moves = [Move(each["from"], each["to"], tuple(each["skus"])) for each in row["body"]["moves"]]
    seen = replay(block, spots_of(block, bins, ()), [_pick(each) for each in picks], moves)
    days_seen = (looked_until(row, now) - row["done_at"]).total_seconds() / 86_400
    found = grade(seen, row["predicted"] + row["cost"], row["cost"], row["days"], days_seen)
    told = {**seen._asdict(), "days": round(days_seen, 2)}
    over = days_seen >= row["days"]
    realised = found.realised if seen.lists else -row["cost"] if over else None
    return {"id": row["id"], "realised": realised, "seen": told, "final": over}


def standing_of(row: Mapping[str, Any], now: datetime) -> Standing:
    """What an adviser is worth, from a row of `grades_given`."""
    given = [Given(int(at * 1e6), predicted, realised) for at, predicted, realised in row["given"]]
    return standing(given, None if row["woken_at"] is None else to_us(row["woken_at"]), to_us(now))


def _pick(row: Mapping[str, Any]) -> Pick:
    return Pick(row["list"], row["bin"], row["sku"])
