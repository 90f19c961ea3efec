"""Whether an order can be with its customer in its window: goods, the time to make them ready, the way, hours. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np

from domain.readings import F64
from planning.dispatch.opening import Spans
from planning.dispatch.travel import Ways
from planning.promises.supply import WORLDS, Z90, Supply, drawn, earliest, middle, missing, pooled

Code = Literal["short", "receipt", "shipment", "hours", "prepare", "transport", "no_place"]
SEED = 7
ROUNDS = 6
HOURS_S = 60.0
"""What the hours of a place delay at least to be named."""
BUCKETS = (0.2, 0.5, 0.8, 0.95)
"""Ends of the groups in which chances are graded."""


class Line(NamedTuple):
    """So much of a product that is still to be given."""

    line: int
    product: int
    quantity: float


@dataclass(frozen=True)
class Asked:
    """What is asked, with all that is known.

    Attributes:
        supplies: by product.
        prepare_s: to pick, pack and load.
        ways: from the site (0) to the place (1); None: where one of them lies nobody has told.
        spans: when the place is open.
        departs_s: when its shipment is to leave; goods that are ready later leave later.
        eta_s: p10, p50 and p90 of its stop, where goods are on the way already.
    """

    now_s: float
    lines: tuple[Line, ...]
    supplies: Mapping[int, Supply]
    prepare_s: float
    ways: Ways | None
    spans: Spans
    min_life_s: float = 0.0
    window_s: tuple[float | None, float | None] = (None, None)
    departs_s: float | None = None
    eta_s: tuple[float, float, float] | None = None


class Given(NamedTuple):
    """When a line can be given: half of the times, nine times in ten (infinity: never); what it waits for, misses."""

    line: Line
    p50_s: float
    p90_s: float
    receipt: str | None
    missing: float


class Limit(NamedTuple):
    """What makes it no earlier: a code with its figures."""

    code: Code
    line: int | None = None
    quantity: float | None = None
    receipt: str | None = None
    at_s: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Verdict:
    """When it is with the customer. `earliest_s`: as things are expected; None: nobody can say, infinity: never.

    `chance`: of the window to be kept, None: there is none, or nobody can say. `travel_s`: p50 of the way.
    """

    lines: tuple[Given, ...]
    ready_s: float
    earliest_s: float | None
    p90_s: float | None
    chance: float | None
    limit: Limit
    travel_s: float | None = None
    source: str | None = None
    km: float | None = None


def verdict(asked: Asked) -> Verdict:
    """Judges what is on hand at the time at which it arrives; those that arrive later find fewer."""
    end = asked.window_s[1]
    at_s = max(asked.now_s, end if end is not None else asked.now_s)
    for _ in range(ROUNDS):
        found = _found(asked, at_s)
        then = found.earliest_s if found.earliest_s is not None else found.ready_s
        if not np.isfinite(then) or then <= at_s + 1:
            break
        at_s = then
    return found


def _found(asked: Asked, judged_s: float) -> Verdict:
    lines, plain, worlds = _lines(asked, judged_s)
    now = np.full(1, asked.now_s)
    ready = np.max(plain, axis=0, initial=asked.now_s) if plain.size else now
    ready_s = float(ready[0]) + asked.prepare_s
    chances = (np.max(worlds, axis=0) if worlds.size else np.full(WORLDS, asked.now_s)) + asked.prepare_s
    limit = _goods(lines, asked)
    start, end = asked.window_s
    z = np.random.default_rng(SEED).standard_normal(WORLDS)
    if asked.ways is None and asked.eta_s is None:
        never = end is not None and bool((chances > end).all())
        said = limit if limit and limit.code == "short" else Limit("no_place")
        return Verdict(lines, ready_s, None, None, 0.0 if never else None, said)
    travel_s, sigma, source, km = _way(asked, ready_s)
    leave = np.maximum(np.array([ready_s]), asked.departs_s or 0.0)
    come = leave + travel_s
    all_come = np.maximum(chances, asked.departs_s or 0.0) + travel_s * np.exp(sigma * z)
    if asked.eta_s is not None:
        low, mid, high = asked.eta_s
        spread = mid + np.where(z < 0, z * (mid - low), z * (high - mid)) / Z90
        come, all_come = (np.array([mid]), spread) if not asked.lines else (
            np.maximum(come, mid), np.maximum(all_come, spread))  # fmt: skip
    there, all_there = (_opened(each, asked.spans, start) for each in (come, all_come))
    chance = None if end is None else float((all_there <= end).mean())
    if limit is None:
        waits: dict[Code, float] = {
            "shipment": float(leave[0]) - ready_s, "prepare": asked.prepare_s, "transport": travel_s,
            "hours": float(there[0]) - float(come[0]),
        }  # fmt: skip
        code = max(waits, key=lambda each: (waits[each], each))
        limit = Limit("hours", seconds=waits["hours"]) if waits["hours"] > HOURS_S else Limit(code, seconds=waits[code])
    p90 = float(np.quantile(all_there, 0.9, method="higher"))
    return Verdict(lines, ready_s, float(there[0]), p90, chance, limit, travel_s, source, km)


def _lines(asked: Asked, judged_s: float) -> tuple[tuple[Given, ...], F64, F64]:
    """Each line in turn, those of one product one after the other: (lines, 1) and (lines, worlds)."""
    before: dict[int, float] = {}
    lines, plain, worlds = [], [], []
    for line in asked.lines:
        supply = asked.supplies.get(line.product, Supply())
        on_hand, claims = pooled(supply, judged_s, asked.min_life_s)
        wanted = before[line.product] = before.get(line.product, 0.0) + line.quantity
        quantities = np.array([each.quantity for each in supply.receipts], dtype=np.float64)
        comes = middle(supply.receipts, asked.now_s)
        all_come = drawn(supply.receipts, asked.now_s)
        given = earliest(on_hand, quantities, comes, claims, wanted, asked.now_s)
        given_all = earliest(on_hand, quantities, all_come, claims, wanted, asked.now_s)
        short = min(missing(on_hand, quantities, claims, wanted), line.quantity)
        waits = [r.name for r, at in zip(supply.receipts, comes[0], strict=True) if at == given[0]]
        receipt = waits[-1] if waits and given[0] > asked.now_s else None
        p90 = float(np.quantile(given_all, 0.9, method="higher"))
        lines.append(Given(line, float(given[0]), p90, receipt, short if np.isinf(given[0]) else 0.0))
        plain.append(given)
        worlds.append(given_all)
    return tuple(lines), np.array(plain), np.array(worlds)


def _goods(lines: Sequence[Given], asked: Asked) -> Limit | None:
    """The line that is given last, where goods have to come first."""
    if not lines:
        return None
    last = max(lines, key=lambda each: (each.p50_s, each.missing))
    if np.isinf(last.p50_s):
        return Limit("short", last.line.line, last.missing)
    if last.p50_s > asked.now_s:
        return Limit("receipt", last.line.line, last.line.quantity, last.receipt, last.p50_s)
    return None


def _way(asked: Asked, ready_s: float) -> tuple[float, float, str | None, float | None]:
    """p50 of the way, its spread, what it rests on, and how far it is."""
    ways = asked.ways
    if ways is None:
        return 0.0, 0.0, None, None
    leave = ready_s if np.isfinite(ready_s) else asked.now_s
    sigma = float(ways.sigma[ways.bands[0, 1]])
    return float(ways.seconds(0, 1, leave)), sigma, ways.source(0, 1), float(ways.road_m[0, 1]) / 1000


def _opened(at_s: F64, spans: Spans, start_s: float | None) -> F64:
    """When it may be unloaded: not before the window begins, while the place is open; infinity: never."""
    at = at_s if start_s is None else np.maximum(at_s, start_s)
    begins, ends = np.array([*(b for b, _ in spans), np.inf]), np.array([*(e for _, e in spans), np.inf])
    found: F64 = np.maximum(at, begins[np.searchsorted(ends, at, side="left")])
    return found


class Grade(NamedTuple):
    """Of orders that were said to be kept with a chance from `low` to `high`: how many, what was said, what came."""

    low: float
    high: float
    orders: int
    said: float
    kept: float


def grades(told: Sequence[tuple[float, bool]]) -> list[Grade]:
    """What came of chances, by groups of them.

    >>> grades([(0.9, True), (0.85, False), (0.1, False)])
    [Grade(low=0.0, high=0.2, orders=1, said=0.1, kept=0.0), Grade(low=0.8, high=0.95, orders=2, said=0.875, kept=0.5)]
    """
    edges = (0.0, *BUCKETS, 1.0)
    found = []
    for low, high in pairwise(edges):
        here = [each for each in told if low <= each[0] < high or (high == 1.0 and each[0] == 1.0)]
        if here:
            n = len(here)
            said, kept = sum(chance for chance, _ in here) / n, sum(ok for _, ok in here) / n
            found.append(Grade(low, high, n, round(said, 6), round(kept, 6)))
    return found
