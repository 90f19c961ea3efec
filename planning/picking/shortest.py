"""The shortest walk through one block, exactly: Ratliff & Rosenthal 1983 (Operations Research 31:507).

A walk is a set of edges in which every corner has an even degree and all hangs together. From left to right it is
enough to know the degree at the back and at the front of the aisle reached (none, odd, even) and what hangs together:
in each aisle there are six ways, to the next one five. A depot between aisles is an aisle in which nothing lies. Pure.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from domain.readings import F64
from planning.picking.block import Block, Lists, Pick, Stretch, largest_gap, stretches
from planning.picking.walk import Edge, Walk, walked

ONCE, TWICE, FRONT, BACK, GAP, SKIP = range(6)
WAYS = {ONCE: (1, 1), TWICE: (2, 2), FRONT: (0, 2), BACK: (2, 0), GAP: (2, 2), SKIP: (0, 0)}
"""Edges that a way through an aisle adds at its back and at its front."""
CROSSINGS = ((0, 0), (1, 1), (2, 0), (0, 2), (2, 2))
"""Edges to the next aisle along the back and along the front."""


class State(NamedTuple):
    """Degrees at the back and the front (0, 1 odd, 2 even) and what hangs together.

    `parts`: none, back, front, joined (both in one), apart (both in two), closed (the walk is done).
    """

    back: int = 0
    front: int = 0
    parts: str = "none"


def _more(degree: int, by: int) -> int:
    return 0 if degree + by == 0 else 2 - (degree + by) % 2


def _through(state: State, way: int) -> State | None:
    """After an aisle."""
    if way == SKIP:
        return state
    if state.parts == "closed":
        return None
    at_back, at_front = WAYS[way]
    parts = "joined" if way in (ONCE, TWICE) else _touched(state.parts, bool(at_back), bool(at_front))
    return State(_more(state.back, at_back), _more(state.front, at_front), parts)


def _touched(parts: str, back: bool, front: bool) -> str:  # noqa: FBT001
    """What hangs together when the corners are walked to, and not from one to the other."""
    if parts == "joined":
        return parts
    back, front = back or parts in ("back", "apart"), front or parts in ("front", "apart")
    return {(True, True): "apart", (True, False): "back", (False, True): "front", (False, False): "none"}[back, front]


def _across(state: State, crossing: tuple[int, int]) -> State | None:
    """At the next aisle; None: a corner would be left that one cannot leave, or a part that nothing joins any more."""
    back, front = crossing
    if (state.back + back) % 2 or (state.front + front) % 2:
        return None
    if state.parts in ("none", "closed") and not (back or front):
        return State(parts=state.parts)
    if state.parts == "closed":
        return None
    parts = _touched(state.parts, back > 0, front > 0)
    if parts == "apart":
        return State(back, front, parts) if back and front else None
    if not (back or front):
        return State(parts="closed")
    if parts == "joined":
        parts = "joined" if back and front else "back" if back else "front"
    return State(back, front, parts)


class Moves(NamedTuple):
    """All states that there are, and the moves between them by their places in the list."""

    states: tuple[State, ...]
    through: tuple[tuple[int, int, int], ...]
    """From, way, to."""
    across: tuple[tuple[int, int, int], ...]
    """From, crossing, to."""


@cache
def moves() -> Moves:
    """The table, made once."""
    known, new = {State(): 0}, [State()]
    through, across = [], []
    while new:
        state = new.pop()
        for way in WAYS:
            if (after := _through(state, way)) is not None:
                if after not in known:
                    known[after] = len(known)
                    new.append(after)
                through.append((known[state], way, known[after]))
        for n, crossing in enumerate(CROSSINGS):
            if (after := _across(state, crossing)) is not None:
                if after not in known:
                    known[after] = len(known)
                    new.append(after)
                across.append((known[state], n, known[after]))
    return Moves(tuple(known), tuple(through), tuple(across))


class Column(NamedTuple):
    """An aisle, or the place of the depot between two, as it comes along the front."""

    x_m: float
    stretch: Stretch | None
    depot: bool


def _columns(block: Block, found: Sequence[Stretch]) -> list[Column]:
    by_aisle = {each.aisle: each for each in found}
    at = {float(aisle) for aisle in by_aisle} | {block.depot}
    return [
        Column(x * block.pitch_m, by_aisle.get(int(x)) if x == int(x) else None, x == block.depot) for x in sorted(at)
    ]


def _costs(block: Block, ys: tuple[float, ...] | None) -> list[float]:
    """Of the six ways; a way that passes by a pick costs infinitely much."""
    both = [block.length_m, 2 * block.length_m]
    if not ys:
        return [*both, 0.0, 0.0, 0.0, 0.0]
    low, high, (gap, _) = ys[0], ys[-1], largest_gap(block, ys)
    return [*both, 2 * high, 2 * (block.length_m - low), 2 * (block.length_m - gap), np.inf]


def _is_end(state: State) -> bool:
    return state.parts in ("back", "front", "joined", "closed") and state.back != 1 and state.front != 1


Choice = tuple[int, int, int]
"""The state before a column, the way through it, the crossing after it."""


def shortest(block: Block, picks: Sequence[Pick]) -> Walk:
    """The shortest walk from the depot by all picks and back.

    Raises:
        BlockError: a pick is not in the block.
    """
    found = stretches(block, picks)
    if not found:
        return Walk(0.0, [], [(block.depot * block.pitch_m, 0.0)])
    columns = _columns(block, found)
    known = moves()
    cost = {0: 0.0}
    chosen: list[dict[int, Choice]] = []
    for n, column in enumerate(columns):
        ahead = columns[n + 1].x_m - column.x_m if n + 1 < len(columns) else None
        cost, back = _step(known, cost, column, _costs(block, column.stretch and column.stretch.ys), ahead)
        chosen.append(back)
    end = min((state for state in cost if _is_end(known.states[state])), key=lambda state: cost[state])
    edges: list[Edge] = []
    state = end
    for n in range(len(columns) - 1, -1, -1):
        state, way, crossing = chosen[n][state]
        edges += _edges(block, columns, n, way, crossing)
    return walked(block, picks, edges, cost[end])


def _step(
    known: Moves, cost: dict[int, float], column: Column, ways: list[float], ahead_m: float | None
) -> tuple[dict[int, float], dict[int, Choice]]:
    """Costs after a column and the crossing behind it, and how each came about; no crossing behind the last."""
    inside: dict[int, tuple[float, int, int]] = {}
    for before, way, after in known.through:
        if before in cost and (total := cost[before] + ways[way]) < inside.get(after, (np.inf,))[0]:
            inside[after] = total, before, way
    if ahead_m is None:
        kept = {s: found for s, found in inside.items() if not column.depot or known.states[s].front}
        return {s: c for s, (c, _, _) in kept.items()}, {s: (before, way, 0) for s, (_, before, way) in kept.items()}
    after_cost: dict[int, float] = {}
    choice: dict[int, Choice] = {}
    for before, n, after in known.across:
        if before not in inside or (column.depot and not (known.states[before].front or CROSSINGS[n][1])):
            continue
        total, origin, way = inside[before]
        total += sum(CROSSINGS[n]) * ahead_m
        if total < after_cost.get(after, np.inf):
            after_cost[after], choice[after] = total, (origin, way, n)
    return after_cost, choice


def _edges(block: Block, columns: Sequence[Column], n: int, way: int, crossing: int) -> list[Edge]:
    """What is walked in a column and behind it."""
    column, length = columns[n], block.length_m
    x, ys = column.x_m, column.stretch.ys if column.stretch else ()
    front, back = (x, 0.0), (x, length)
    points = [front, *((x, y) for y in ys), back]
    found: list[Edge] = []
    if way in (ONCE, TWICE):
        found += _chain(points) * (2 if way == TWICE else 1)
    elif way == FRONT:
        found += _chain(points[:-1]) * 2
    elif way == BACK:
        found += _chain(points[1:]) * 2
    elif way == GAP and ys:
        at = largest_gap(block, ys)[1]
        found += _chain(points[: at + 1]) * 2 + _chain(points[at + 1 :]) * 2
    if n + 1 < len(columns):
        ahead = columns[n + 1].x_m
        at_back, at_front = CROSSINGS[crossing]
        found += [(back, (ahead, length))] * at_back + [(front, (ahead, 0.0))] * at_front
    return found


def _chain(points: Sequence[tuple[float, float]]) -> list[Edge]:
    return list(itertools.pairwise(points))


def lengths(block: Block, lists: Lists) -> F64:
    """Lengths of the shortest walks of many lists at once, (lists,) metres; 0 where nothing is to be picked."""
    known = moves()
    count = len(lists.low)
    cost = np.full((len(known.states), count), np.inf)
    cost[0] = 0.0
    columns = sorted({float(a) for a in range(block.aisles)} | {block.depot})
    for n, place in enumerate(columns):
        ways = _many_costs(block, lists, int(place) if place == int(place) and 0 <= place < block.aisles else None)
        inside = np.full_like(cost, np.inf)
        for before, way, after in known.through:
            np.minimum(inside[after], cost[before] + ways[way], out=inside[after])
        depot = place == block.depot
        if n + 1 == len(columns):
            ends = [s for s, state in enumerate(known.states) if _is_end(state) and (state.front or not depot)]
            best: F64 = inside[ends].min(axis=0)
            return np.where(np.isnan(lists.low).all(axis=1), 0.0, best)
        ahead_m = (columns[n + 1] - place) * block.pitch_m
        cost = np.full_like(cost, np.inf)
        for before, crossing, after in known.across:
            edges = CROSSINGS[crossing]
            if not depot or known.states[before].front or edges[1]:
                np.minimum(cost[after], inside[before] + sum(edges) * ahead_m, out=cost[after])
    raise AssertionError  # there is always a column


def _many_costs(block: Block, lists: Lists, aisle: int | None) -> list[F64]:
    length, count = block.length_m, len(lists.low)
    both = [np.full(count, length), np.full(count, 2 * length)]
    if aisle is None:
        return [*both, *np.zeros((4, count))]
    low, high, gap = lists.low[:, aisle], lists.high[:, aisle], lists.gap[:, aisle]
    none = np.isnan(low)
    ways = 2 * high, 2 * (length - low), 2 * (length - gap)
    return [*both, *(np.where(none, 0.0, way) for way in ways), np.where(none, 0.0, np.inf)]
