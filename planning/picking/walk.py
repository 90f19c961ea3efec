"""A walk that uses given edges once each: in which order one comes by what is to be picked. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from planning.picking.block import Block, Pick

Point = tuple[float, float]
"""Metres along the front from the first aisle, and from the front."""
Edge = tuple[Point, Point]


class Walk(NamedTuple):
    """How a list is walked.

    Attributes:
        length_m: from the depot to the depot.
        order: places in the list of picks, as one comes by them.
        path: the points that one walks by, in metres.
    """

    length_m: float
    order: list[int]
    path: list[Point]


def walked(block: Block, picks: Sequence[Pick], edges: Sequence[Edge], length_m: float) -> Walk:
    """A closed walk over `edges` from the depot (Hierholzer 1873); all hang together and every degree is even."""
    depot = (block.depot * block.pitch_m, 0.0)
    return Walk(length_m, order_along(block, picks, path := _circuit(depot, edges)), path)


def order_along(block: Block, picks: Sequence[Pick], path: Sequence[Point]) -> list[int]:
    """In which order a path comes by the picks; each lies at one of its points."""
    at: dict[Point, list[int]] = {}
    for n, pick in enumerate(picks):
        at.setdefault((pick.aisle * block.pitch_m, float(pick.y_m)), []).append(n)
    order: list[int] = []
    for point in path:
        order += at.pop(point, ())
    return order


def _circuit(start: Point, edges: Sequence[Edge]) -> list[Point]:
    beside: dict[Point, list[tuple[Point, int]]] = {}
    for n, (one, other) in enumerate(edges):
        beside.setdefault(one, []).append((other, n))
        beside.setdefault(other, []).append((one, n))
    used = [False] * len(edges)
    stack, found = [start], []
    while stack:
        around = beside.get(stack[-1], [])
        while around and used[around[-1][1]]:
            around.pop()
        if around:
            point, n = around.pop()
            used[n] = True
            stack.append(point)
        else:
            found.append(stack.pop())
    return [point for n, point in enumerate(found) if n == 0 or point != found[n - 1]]
