"""What levels keep and cost in planted worlds, and what fresh goods are thrown away: `--only replenishment`.

Policies see 200 past lead times and two years of demand, never the truth. No constant is fitted to these worlds: it was
built on seeds below 100.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from domain.readings import F64, I64
from planning.replenishment.draws import LeadTimes, as_histories
from planning.replenishment.formulas import textbook
from planning.replenishment.fresh import aged, fresh_order, issued
from planning.replenishment.policies import Policy, simulated
from planning.replenishment.proposals import GAPS
from tests.benchmarks.figures import Figure
from tests.unit.planning import replenishment_judge as judge

SEED, SHOPS, HISTORY, LEADS = 1_000, 112, 730, 200
"""112 products in each of nine kinds for a year are 1 008 years."""
COVER_DAYS, HOLD, SHORT = 15, 1.0, 19.0
FRESH_SHOPS, FRESH_DAYS, WORLDS, PACK = 24, 200, 40, 6.0
LIVES = (4, 6, 8, 11)
OLDEST, THERE = (0.9, 0.4), 0.99
PROMISES = {"base stock": (0.9, 0.95, 0.98), "EWA": (0.9, 0.95, 0.98), "by worlds": (0.5, 0.75, 0.9, 0.97)}


class World(NamedTuple):
    """A kind: what was seen, the year that follows, what an order costs, and S - s of all policies."""

    past: list[F64]
    leads: list[F64]
    wanted: F64
    takes: I64
    order_cost: float
    gap: float
    mean: float


class Truth:
    """Demand and lead times of a kind themselves, for who knows them."""

    count = 8

    def __init__(self, kind: tuple[str, str]) -> None:
        self.kind = kind
        self.lanes = [np.empty(0)] * self.count

    def draw(self, item: int, rng: np.random.Generator, paths: int, days: int) -> F64:
        return judge.demand(self.kind[0], rng, (paths, days))

    def moments(self, item: int) -> tuple[float, float]:
        return judge.MEAN[self.kind[0]], float("nan")


class TrueLeads(Truth):
    """Its lead times."""

    def draw(self, item: int, rng: np.random.Generator, paths: int, days: int) -> I64:
        return judge.lead(self.kind[1], rng, (paths, days)).astype(np.int64)


def world(kind: int, seed: int = SEED, shops: int = SHOPS) -> World:
    """S - s is the economic quantity of 15 days' demand, so an order costs K = Q² h / 2 d."""
    demand, lead = judge.KINDS[kind]
    rng = np.random.default_rng([seed, kind])
    mean = judge.MEAN[demand]
    gap = float(round(COVER_DAYS * mean))
    return World(
        [judge.demand(demand, rng, (HISTORY,)) for _ in range(shops)],
        [judge.lead(lead, rng, (LEADS,)).astype(float) for _ in range(shops)],
        judge.demand(demand, rng, (485, shops)), judge.lead(lead, rng, (485, shops)),
        gap**2 * HOLD / (2 * mean), gap, mean,
    )  # fmt: skip


def cost(of: World, year: judge.Year, short: float = 0.0) -> float:
    """Of a day, in days of the product's demand."""
    return float((of.order_cost * year.orders + HOLD * year.held + short * year.owed).mean()) / of.mean


def service(year: judge.Year) -> float:
    return float(year.good.sum() / year.cycles.sum())


def formula(of: World, share: float) -> F64:
    """The textbook's reorder points."""
    days, waits = (np.array([(each.mean(), each.std()) for each in part]).T for part in (of.past, of.leads))
    return textbook(*days, *waits, share).level


def promised(worlds: list[World]) -> list[Figure]:
    """95 % of cycles: what is kept, and what it costs beside the formula that keeps as much."""
    kept, ours, levels, began = [], [], [], time.process_time()
    for kind, of in enumerate(worlds):
        leads = LeadTimes(of.leads, [np.empty(0)] * len(of.leads))
        seen = simulated([Policy("s,S", of.gap)] * len(of.past), as_histories(of.past), leads, SEED + kind)
        found = {n: each.level_of_cycle(0.95) for n, each in seen}
        levels.append(np.array([found[n] for n in range(len(of.past))]))
    took = time.process_time() - began
    for of, level in zip(worlds, levels, strict=True):
        year = judge.lived(level, level + of.gap, of.wanted, of.takes)
        kept.append(service(year))
        ours.append(cost(of, year))
    plain = [service(lived_by(of, 0.95)) for of in worlds]
    each_kind = [lived_by(of, share_for([of], keeps)) for of, keeps in zip(worlds, kept, strict=True)]
    share = share_for(worlds, float(np.mean(kept)))
    on_average = [lived_by(of, share) for of in worlds]
    names = [f"{demand}, {lead}" for demand, lead in judge.KINDS]
    equal = [cost(of, year) for of, year in zip(worlds, each_kind, strict=True)]
    return [
        Figure(
            "95 % of cycles promised, kept", "%", [100 * float(np.mean(kept))],
            {"formula with both variances": 100 * float(np.mean(plain))}, details_are="kinds",
            details=dict(zip(names, [100 * each for each in kept], strict=True)),
            remarks=[f"the formula, by kind: {', '.join(f'{100 * each:.1f}' for each in plain)}"],
        ),
        Figure(
            "cost of it", "days of demand a day", [float(np.mean(ours))],
            {
                "formula told in hindsight what to ask for in each kind": float(np.mean(equal)),
                f"formula that keeps as much on average (asked for {100 * share:.1f} %)": float(
                    np.mean([cost(of, year) for of, year in zip(worlds, on_average, strict=True)])
                ),
            },
            smaller_is_better=True, details_are="÷ the first, by kind",
            details=dict(zip(names, [a / b for a, b in zip(ours, equal, strict=True)], strict=True)),
            remarks=[f"on average the formula keeps {', '.join(f'{100 * service(y):.1f}' for y in on_average)}"],
        ),
        Figure("levels of products by simulation", "products/s/core", [len(worlds) * SHOPS / took]),
    ]  # fmt: skip


def lived_by(of: World, share: float) -> judge.Year:
    """The year under the textbook's levels."""
    level = formula(of, share)
    return judge.lived(level, level + of.gap, of.wanted, of.takes)


def share_for(worlds: list[World], keeps: float) -> float:
    """What one must ask the formula for so that it keeps this, on average of the kinds; known in hindsight only."""
    low, high = 0.8, 0.99999
    for _ in range(12):
        middle = (low + high) / 2
        kept = np.mean([service(lived_by(of, middle)) for of in worlds])
        low, high = (middle, high) if kept < keeps else (low, middle)
    return high


def cheapest(of: World, demands, leads, seed: int) -> tuple[F64, F64]:
    """(items,) s and S of least cost, of some gaps."""
    best: dict[int, tuple[float, float, float]] = {}
    for share in GAPS:
        gap = max(round(of.gap * share), 1.0)
        for n, seen in simulated([Policy("s,S", gap)] * demands.count, demands, leads, seed):
            level = seen.level_of_cost(HOLD, SHORT)
            now = seen.cost(level, of.order_cost, HOLD, SHORT), level, level + gap
            best[n] = min(best.get(n, now), now)
    found = np.array([best[n] for n in range(demands.count)])
    return found[:, 1], found[:, 2]


def by_cost(worlds: list[World]) -> list[Figure]:
    """Least cost, beside who knows the truth, in the same years."""
    ratios = []
    for kind, of in enumerate(worlds):
        leads = LeadTimes(of.leads, [np.empty(0)] * len(of.leads))
        ours = judge.lived(*cheapest(of, as_histories(of.past), leads, SEED), of.wanted, of.takes)
        true = cheapest(of, Truth(judge.KINDS[kind]), TrueLeads(judge.KINDS[kind]), SEED)
        knows = judge.lived(float(np.median(true[0])), float(np.median(true[1])), of.wanted, of.takes)
        ratios.append(cost(of, ours, SHORT) / cost(of, knows, SHORT))
    names = [f"{demand}, {lead}" for demand, lead in judge.KINDS]
    return [
        Figure(
            "cost by least cost ÷ by the truth", "", [float(np.mean(ratios))], goal=1.05, smaller_is_better=True,
            details_are="kinds", details=dict(zip(names, ratios, strict=True)),
        )
    ]  # fmt: skip


class Fresh(NamedTuple):
    """What is thrown away of what came, and what was there of what was wanted."""

    waste: float
    there: float


Order = Callable[[F64, F64], F64]


def fresh_lived(order: Order, life: int, oldest_share: float, seed: int) -> Fresh:
    """Shops that sell some units a day and order each night for the next one; who finds none is lost."""
    rng = np.random.default_rng([seed, life])
    mean = np.linspace(2, 12, FRESH_SHOPS)
    wanted = rng.negative_binomial(mean[:, None] * 1.0, 0.5, (FRESH_SHOPS, FRESH_DAYS)).astype(float)
    left, coming = np.zeros((FRESH_SHOPS, life)), np.full((FRESH_SHOPS, 1), PACK * 2)
    came = gone = sold = asked = 0.0
    for day in range(FRESH_DAYS):
        lacking = issued(left, wanted[:, day], oldest_share)
        thrown = aged(left)
        left[:, -1] += coming[:, 0]
        if day >= 30:
            came, gone = came + coming.sum(), gone + thrown.sum()
            sold, asked = sold + (wanted[:, day] - lacking).sum(), asked + wanted[:, day].sum()
        coming = order(left, wanted)[:, None]
    return Fresh(gone / came, sold / asked)


def fresh_policies(life: int, oldest_share: float, service_: float, seed: int) -> dict[str, Order]:
    """Base stock, EWA, and ours, from a year of demand of each shop."""
    rng = np.random.default_rng([seed, life, 1])
    mean = np.linspace(2, 12, FRESH_SHOPS)
    past = rng.negative_binomial(mean[:, None] * 1.0, 0.5, (FRESH_SHOPS, 365)).astype(float)
    pairs = past[:, :-1] + past[:, 1:]
    level = np.quantile(pairs, service_, axis=1, method="higher")
    average = past.mean(axis=1)
    worlds = np.stack([each[rng.integers(0, 365, (WORLDS, life + 2))] for each in past])

    def packs(need: F64) -> F64:
        return np.maximum(np.ceil(need / PACK - 1e-9), 0) * PACK

    def base(left: F64, _wanted: F64) -> F64:
        return packs(level - left.sum(axis=1))

    def ewa(left: F64, _wanted: F64) -> F64:
        ahead, outdated = left.copy(), 0.0
        for _ in range(2):
            issued(ahead, average)
            outdated = outdated + aged(ahead)
        return packs(level - left.sum(axis=1) + outdated)

    def ours(left: F64, _wanted: F64) -> F64:
        nothing = np.zeros((len(left), 1))
        return fresh_order(left, nothing, worlds, PACK, service_, 1 - service_, oldest_share=oldest_share)

    return {"base stock": base, "EWA": ewa, "by worlds": ours}


def fresh() -> list[Figure]:
    """At several promises, and at the same share of demand that is there."""
    figures = []
    for share in OLDEST:
        of = {
            (name, promise): [
                fresh_lived(fresh_policies(life, share, promise, SEED)[name], life, share, SEED) for life in LIVES
            ]
            for name, promises in PROMISES.items()
            for promise in promises
        }
        wastes = {
            name: 100
            * float(np.mean([_waste_at(THERE, [of[name, p][n] for p in promises]) for n in range(len(LIVES))]))
            for name, promises in PROMISES.items()
        }
        remarks = [
            f"{name}, {100 * promise:.0f} %, there/thrown away: "
            + ", ".join(
                f"{life} d {100 * y.there:.1f}/{100 * y.waste:.1f}" for life, y in zip(LIVES, years, strict=True)
            )
            for (name, promise), years in of.items()
        ]
        ours = wastes.pop("by worlds")
        name = f"fresh, thrown away at {100 * THERE:.0f} % there, {100 * share:.0f} % take the oldest"
        figures.append(Figure(name, "%", [ours], wastes, smaller_is_better=True, remarks=remarks))
    return figures


def _waste_at(there: float, promises: list[Fresh]) -> float:
    """Between the promises, on straight lines."""
    points = sorted((each.there, each.waste) for each in promises)
    return float(np.interp(there, *zip(*points, strict=True)))


def measure(_folder: Path) -> list[Figure]:
    """All of it."""
    worlds = [world(kind) for kind in range(len(judge.KINDS))]
    return [*promised(worlds), *by_cost(worlds), *fresh()]
