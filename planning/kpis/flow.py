"""Where time goes: how long things stay in each state, and which states make a late order late. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from planning.kpis.measures import Spread, spread


class Stay(NamedTuple):
    """A thing was in a state from `entered_s` to `left_s`; infinite: it still is."""

    thing: str
    state: str
    entered_s: float
    left_s: float
    cause: str = ""


class State(NamedTuple):
    """Of a state in a span: how long things stay, how many are in it on average, how many come a second.

    `length_by_law` is arrivals times the mean stay (Little 1961, Operations Research 9:383): far from `length`, the
    log lacks something or the span is too short.
    """

    stays: Spread
    length: float
    arrivals_per_s: float
    length_by_law: float


def states(stays: Sequence[Stay], since_s: float, until_s: float) -> dict[str, State]:
    """What each state had between two moments, by name.

    >>> stays = [Stay(str(n), "wait", 10.0 * n, 10.0 * n + 20) for n in range(-2, 12)]
    >>> told = states(stays, 0.0, 100.0)["wait"]
    >>> told.length, told.arrivals_per_s, told.length_by_law
    (2.0, 0.1, 2.0)
    """
    span = until_s - since_s
    found: dict[str, list[Stay]] = {}
    for stay in stays:
        if stay.left_s > since_s and stay.entered_s < until_s:
            found.setdefault(stay.state, []).append(stay)
    told = {}
    for name, of in sorted(found.items()):
        inside = sum(min(s.left_s, until_s) - max(s.entered_s, since_s) for s in of)
        came = [s for s in of if since_s <= s.entered_s < until_s]
        ended = np.array([s.left_s - s.entered_s for s in of if s.left_s < np.inf and s.left_s <= until_s])
        mean = float(ended.mean()) if ended.size else float("nan")
        rate = len(came) / span
        told[name] = State(spread(ended), inside / span, rate, rate * mean)
    return told


def critical_path(stays: Sequence[Stay], ended_s: float) -> list[tuple[Stay, float]]:
    """What a thing waited for, from its end back: each stay that ended last before the next began, and its seconds.

    Seconds between the ends of two stays on the path are those of the later one, so that they add up to all of it.
    """
    path: list[tuple[Stay, float]] = []
    at = ended_s
    left = sorted(stays, key=lambda s: (min(s.left_s, ended_s), s.entered_s))
    while left:
        stay = left.pop()
        if stay.entered_s >= at:
            continue
        before = max((s.left_s for s in left if s.left_s <= stay.entered_s), default=stay.entered_s)
        path.append((stay, at - before))
        at = before
    return path[::-1]


def blame(paths: Sequence[Sequence[tuple[Stay, float]]]) -> Mapping[tuple[str, str], float]:
    """Seconds on critical paths by state and cause, the most first."""
    found: dict[tuple[str, str], float] = {}
    for path in paths:
        for stay, seconds in path:
            key = (stay.state, stay.cause)
            found[key] = found.get(key, 0.0) + seconds
    return dict(sorted(found.items(), key=lambda each: -each[1]))
