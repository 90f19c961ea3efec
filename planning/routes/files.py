"""Benchmark files of vehicle routing: VRPLIB (`.vrp`), Solomon's and Homberger's, Li and Lim's.

Customers are told by the numbers that solution files give them: in VRPLIB the number of the node less one (the first
depot is 0), in the others the number in the file. Pure.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from domain.readings import F64, I64
from planning.routes.problem import (
    DELIVERY,
    FOREVER,
    LOCATIONS_MAX,
    PICKUP,
    STOP,
    Half,
    Plan,
    Problem,
    ProblemError,
    Stop,
    Transport,
    Vehicles,
    Visit,
    Window,
)

MILLI, TENTH = 1000, 10


class Rounding(NamedTuple):
    """How distances of a plane become whole numbers, and how times of the file do."""

    words: str
    scale: int
    whole: Callable[[F64], F64]


ROUNDINGS: Mapping[str, Rounding] = {
    "nearest": Rounding("each distance to the nearest whole number (TSPLIB's EUC_2D)", 1, np.rint),
    "double": Rounding("none: distances are double precision", MILLI, np.rint),
    "dimacs": Rounding("each distance to one decimal, truncated (DIMACS)", TENTH, np.floor),
}


@dataclass(frozen=True)
class Instance:
    """A file, as a problem.

    Attributes:
        numbers: of each location, as solution files name it.
        exact: distances as the file means them, for the sum that is told.
    """

    name: str
    kind: str
    problem: Problem
    rounding: str
    numbers: list[int]
    exact: F64

    def routes(self, plan: Plan) -> list[list[int]]:
        """Numbers of customers, route by route."""
        return [[self.numbers[self._place(visit)] for visit in route.visits] for route in plan]

    def depots(self, plan: Plan) -> list[int]:
        """Where each route begins and ends."""
        return [self.numbers[self.problem.vehicles[route.vehicles].start] for route in plan]

    def distance(self, plan: Plan) -> float:
        """All routes together, as the file's convention says."""
        total = 0.0
        for route in plan:
            vehicle = self.problem.vehicles[route.vehicles]
            places = [vehicle.start, *(self._place(visit) for visit in route.visits), vehicle.end]
            total += float(sum(self.exact[a, b] for a, b in itertools.pairwise(places)))
        return total

    def _place(self, visit: Visit) -> int:
        if visit.kind == STOP:
            return self.problem.stops[visit.number].location
        transport = self.problem.transports[visit.number]
        return {PICKUP: transport.pickup, DELIVERY: transport.delivery}[visit.kind].location


def read(text: str, rounding: str | None = None) -> Instance:
    """A file, by what it looks like; `rounding` instead of its own convention.

    Raises:
        ProblemError: what of which line cannot be understood.
    """
    if rounding is not None and rounding not in ROUNDINGS:
        raise ProblemError(f"rounding: {rounding} is none of {', '.join(ROUNDINGS)}")
    lines = [line.strip() for line in text.splitlines()]
    if any(line.split(":")[0].strip().upper() == "DIMENSION" for line in lines):
        return _vrplib(lines, rounding)
    if any(line.upper() == "VEHICLE" for line in lines):
        return _solomon(lines, rounding)
    return _li_lim(lines, rounding)


def _numbers(line: str, n: int, least: int) -> list[float]:
    try:
        found = [float(word) for word in line.split()]
    except ValueError:
        raise ProblemError(f"line {n}: '{line[:60]}' are no numbers") from None
    if len(found) < least or not np.isfinite(found).all():
        raise ProblemError(f"line {n}: {least} numbers are needed, '{line[:60]}' has not got them")
    return found


def _rows(lines: Sequence[str], start: int, width: int) -> tuple[F64, list[int]]:
    """Lines of numbers from `start` on (places in the list), and their places; empty ones are passed over."""
    at = [n for n in range(start, len(lines)) if lines[n]]
    rows = [_numbers(lines[n], n + 1, width)[:width] for n in at]
    if len(rows) < 2:
        raise ProblemError("there is no depot with a customer; is this a file of a routing problem?")
    if len(rows) > LOCATIONS_MAX:
        raise ProblemError(f"{len(rows)} places are more than {LOCATIONS_MAX}")
    found = np.array(rows)
    if (found[:, 0] != np.arange(len(found))).any():
        wrong = int(np.argmax(found[:, 0] != np.arange(len(found))))
        raise ProblemError(f"line {at[wrong] + 1}: customer {found[wrong, 0]:g} where {wrong} should come")
    return found, at


def _plane(xy: F64, rounding: Rounding) -> tuple[I64, F64]:
    """Distances as whole numbers, and as they are told."""
    true = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))
    whole = rounding.whole(true * rounding.scale).astype(np.int64)
    return whole, (true if rounding.scale == MILLI else whole / rounding.scale)


def _whole(value: float, scale: int) -> int:
    return round(min(value * scale, FOREVER))


def _solomon(lines: list[str], asked: str | None) -> Instance:
    """`NUMBER CAPACITY` of vehicles, then customers `number x y demand ready due service`, the depot first."""
    name = next((line for line in lines if line), "")
    at = next((n for n, line in enumerate(lines) if line.upper().startswith("NUMBER")), None)
    if at is None:
        raise ProblemError("VEHICLE: a line NUMBER CAPACITY should follow")
    fleet = next((n for n in range(at + 1, len(lines)) if lines[n]), at)
    count, capacity = _numbers(lines[fleet], fleet + 1, 2)[:2]
    body = next((n for n in range(fleet + 1, len(lines)) if lines[n] and lines[n][0].isdigit()), len(lines))
    rows, _ = _rows(lines, body, 7)
    kind = asked or "double"
    rounding = ROUNDINGS[kind]
    whole, exact = _plane(rows[:, 1:3], rounding)
    stops = [
        Stop(n, (round(row[3]),), (), _whole(row[6], rounding.scale), (_window(row[4], row[5], rounding.scale),))
        for n, row in enumerate(rows) if n
    ]  # fmt: skip
    window = _window(rows[0, 4], rows[0, 5], rounding.scale)
    vehicles = [Vehicles(int(count), (int(capacity),), 0, 0, window)]
    return Instance(name, "VRPTW", Problem(whole, whole, vehicles, stops), kind, list(range(len(rows))), exact)


def _half(row: F64, place: int, scale: int) -> Half:
    return Half(place, _whole(row[6], scale), _window(row[4], row[5], scale))


def _window(early: float, late: float, scale: int) -> Window:
    return Window(_whole(early, scale), _whole(late, scale))


def _li_lim(lines: list[str], asked: str | None) -> Instance:
    """`vehicles capacity speed`, then `number x y demand ready due service pickup delivery`, the depot first."""
    at = next((n for n, line in enumerate(lines) if line), None)
    if at is None:
        raise ProblemError("the file is empty")
    count, capacity, speed = _numbers(lines[at], at + 1, 3)[:3]
    if speed != 1:
        raise ProblemError(f"line {at + 1}: a speed of {speed:g} is not known, only 1")
    rows, places = _rows(lines, at + 1, 9)
    kind = asked or "double"
    rounding = ROUNDINGS[kind]
    whole, exact = _plane(rows[:, 1:3], rounding)
    transports = []
    for n, row in enumerate(rows):
        to = int(row[8])
        if n == 0 or to == 0:
            continue
        if not 0 < to < len(rows) or int(rows[to, 7]) != n or rows[to, 3] != -row[3]:
            raise ProblemError(f"line {places[n] + 1}: {n} is to be delivered to {to}, which does not say so")
        halves = [_half(rows[k], k, rounding.scale) for k in (n, to)]
        transports.append(Transport(halves[0], halves[1], (round(row[3]),)))
    window = _window(rows[0, 4], rows[0, 5], rounding.scale)
    vehicles = [Vehicles(int(count), (int(capacity),), 0, 0, window)]
    problem = Problem(whole, whole, vehicles, (), transports)
    return Instance("", "PDPTW", problem, kind, list(range(len(rows))), exact)


SECTIONS = {
    "NODE_COORD_SECTION": 3,
    "DEMAND_SECTION": 2,
    "SERVICE_TIME_SECTION": 2,
    "TIME_WINDOW_SECTION": 3,
    "VEHICLES_DEPOT_SECTION": 2,
    "DEPOT_SECTION": 1,
    "EDGE_WEIGHT_SECTION": 1,
}
"""Sections that are understood, and how many numbers a line has at least."""
WORDS = {
    "NAME", "COMMENT", "TYPE", "DIMENSION", "CAPACITY", "EDGE_WEIGHT_TYPE", "EDGE_WEIGHT_FORMAT", "NODE_COORD_TYPE",
    "DISPLAY_DATA_TYPE", "VEHICLES", "VEHICLES_MAX_DURATION", "VEHICLES_MAX_DISTANCE", "DISTANCE", "SERVICE_TIME",
}  # fmt: skip
"""What a line before them may say."""


def _parts(lines: list[str]) -> tuple[dict[str, str], dict[str, list[list[float]]]]:
    said: dict[str, str] = {}
    sections: dict[str, list[list[float]]] = {}
    rows: list[list[float]] | None = None
    width = 0
    for n, line in enumerate(lines, 1):
        word, colon, value = (part.strip() for part in line.partition(":"))
        if not line:
            continue
        if word.upper() == "EOF":
            break
        if word.upper().endswith("_SECTION"):
            if word.upper() not in SECTIONS:
                raise ProblemError(f"line {n}: {word} is not understood, so that what it asks for would be left out")
            width = SECTIONS[word.upper()]
            rows = sections[word.upper()] = []
        elif colon:
            if word.upper() not in WORDS:
                raise ProblemError(f"line {n}: {word} is not understood, so that what it asks for would be left out")
            said[word.upper()] = value.strip('"')
        elif rows is None:
            raise ProblemError(f"line {n}: '{line[:60]}' stands before any section")
        else:
            rows.append(_numbers(line, n, width))
    return said, sections


class _Vrplib:
    """The parts of a VRPLIB file by name, each checked when it is asked for."""

    def __init__(self, said: dict[str, str], sections: dict[str, list[list[float]]]) -> None:
        self.said, self.sections = said, sections
        self.size = int(self.number("DIMENSION"))
        if not 2 <= self.size <= LOCATIONS_MAX:
            raise ProblemError(f"DIMENSION: {self.size} is not between 2 and {LOCATIONS_MAX}")

    def number(self, word: str, default: float | None = None) -> float:
        """What a line before the sections says."""
        if word not in self.said:
            if default is None:
                raise ProblemError(f"{word} is missing")
            return default
        try:
            return float(self.said[word])
        except ValueError:
            raise ProblemError(f"{word}: '{self.said[word]}' is no number") from None

    def columns(self, section: str, default: Sequence[float]) -> F64:
        """(nodes, columns), by the numbers of the nodes, which are 1, 2, 3 and so on."""
        rows = self.sections.get(section)
        if rows is None:
            return np.tile(np.array(default, float), (self.size, 1))
        found = np.full((self.size, len(default)), np.nan)
        for row in rows:
            if not (row[0] == int(row[0]) and 1 <= row[0] <= self.size):
                raise ProblemError(f"{section}: there is no node {row[0]:g}")
            found[int(row[0]) - 1] = row[1 : len(default) + 1]
        if np.isnan(found).any():
            raise ProblemError(f"{section}: node {int(np.isnan(found).any(axis=1).argmax()) + 1} is missing")
        return found

    def depots(self) -> list[int]:
        """Places of the depots, 1 where none is named."""
        found = [int(row[0]) - 1 for row in self.sections.get("DEPOT_SECTION", [[1.0]]) if row[0] != -1]
        if not found or not all(0 <= place < self.size for place in found):
            raise ProblemError("DEPOT_SECTION names no node of the file")
        return found


def _vrplib(lines: list[str], asked: str | None) -> Instance:
    """Customers with demands, windows and service times, one depot or several, vehicles with limits."""
    of = _Vrplib(*_parts(lines))
    timed = "TIME_WINDOW_SECTION" in of.sections or "VEHICLES_MAX_DURATION" in of.said or "DISTANCE" in of.said
    kind = asked or ("double" if timed else "nearest")
    rounding = ROUNDINGS[kind]
    scale = rounding.scale
    whole, exact = _weights(of, rounding)
    demand = of.columns("DEMAND_SECTION", (0.0,))[:, 0]
    service = of.columns("SERVICE_TIME_SECTION", (of.number("SERVICE_TIME", 0.0),))[:, 0]
    windows = of.columns("TIME_WINDOW_SECTION", (0.0, FOREVER))
    depots = of.depots()
    stops = [
        Stop(n, (round(demand[n]),), (), _whole(service[n], scale), (_window(windows[n, 0], windows[n, 1], scale),))
        for n in range(of.size) if n not in depots
    ]  # fmt: skip
    counts = _counts(of, depots, len(stops))
    capacity = (round(of.number("CAPACITY", FOREVER)),)
    vehicles = [
        Vehicles(
            count, capacity, depot, depot, _window(windows[depot, 0], windows[depot, 1], scale),
            _whole(of.number("VEHICLES_MAX_DURATION", of.number("DISTANCE", FOREVER)), scale),
            _whole(of.number("VEHICLES_MAX_DISTANCE", FOREVER), scale),
        )
        for depot, count in counts
    ]  # fmt: skip
    return Instance(
        of.said.get("NAME", ""), of.said.get("TYPE", "CVRP"), Problem(whole, whole, vehicles, stops), kind,
        list(range(of.size)), exact,
    )  # fmt: skip


def _counts(of: _Vrplib, depots: list[int], customers: int) -> Iterator[tuple[int, int]]:
    rows: Any = of.sections.get("VEHICLES_DEPOT_SECTION")
    if rows is None:
        count = int(of.number("VEHICLES", customers))
        yield from ((depot, count) for depot in depots)
        return
    homes = [int(row[1]) - 1 for row in rows]
    if wrong := [home for home in homes if home not in depots]:
        raise ProblemError(f"VEHICLES_DEPOT_SECTION: {wrong[0] + 1} is no depot")
    yield from ((depot, homes.count(depot)) for depot in depots if depot in homes)


def _weights(of: _Vrplib, rounding: Rounding) -> tuple[I64, F64]:
    kind = of.said.get("EDGE_WEIGHT_TYPE", "EUC_2D").upper()
    if kind == "EUC_2D":
        if "NODE_COORD_SECTION" not in of.sections:
            raise ProblemError("NODE_COORD_SECTION is missing")
        return _plane(of.columns("NODE_COORD_SECTION", (0.0, 0.0)), rounding)
    form = of.said.get("EDGE_WEIGHT_FORMAT", "FULL_MATRIX").upper()
    if kind != "EXPLICIT" or form not in ("FULL_MATRIX", "LOWER_ROW"):
        raise ProblemError(f"EDGE_WEIGHT_TYPE {kind} {form} is not understood, only EUC_2D and EXPLICIT matrices")
    flat = np.array([value for row in of.sections.get("EDGE_WEIGHT_SECTION", []) for value in row])
    needed = of.size**2 if form == "FULL_MATRIX" else of.size * (of.size - 1) // 2
    if flat.size != needed:
        raise ProblemError(f"EDGE_WEIGHT_SECTION has {flat.size} numbers where {needed} are needed")
    if form == "FULL_MATRIX":
        exact = flat.reshape(of.size, of.size)
    else:
        exact = np.zeros((of.size, of.size))
        exact[np.tril_indices(of.size, -1)] = flat
        exact = exact + exact.T
    return np.rint(exact * rounding.scale).astype(np.int64), exact
