"""Judges routes from the text of a file alone, by none of the product's code: names each limit that is broken."""

from __future__ import annotations

import itertools
import math


class Judged:
    """A VRPTW, CVRP, MDVRPTW or PDPTW as the file has it; distances are double precision unless rounded."""

    def __init__(self, text: str, rounded: bool = False, dimacs: bool = False) -> None:
        self.whole = (
            (lambda d: float(round(d))) if rounded else (lambda d: math.floor(10 * d) / 10) if dimacs else float
        )
        self.at, self.demand, self.service, self.window = {}, {}, {}, {}
        self.pairs: dict[int, int] = {}
        self.depots, self.capacity, self.longest, self.fleet = [0], math.inf, math.inf, math.inf
        lines = [line.split() for line in text.splitlines() if line.strip()]
        if any(line[0].startswith("DIMENSION") for line in lines):
            self._vrplib(lines)
        else:
            self._rows([[float(word) for word in line] for line in lines if line[0].lstrip("-").isdigit()])

    def _rows(self, rows):
        self.fleet, self.capacity = rows[0][:2]
        for number, x, y, demand, early, late, service, *pair in rows[1:]:
            n = int(number)
            self.at[n], self.demand[n], self.service[n], self.window[n] = (x, y), demand, service, (early, late)
            if pair and pair[1]:
                self.pairs[n] = int(pair[1])

    def _vrplib(self, lines):  # noqa: PLR0912 - one branch for each section
        section, homes = "", []
        for line in lines:
            if line[0].endswith("_SECTION"):
                section = line[0]
                if section == "DEPOT_SECTION":
                    self.depots = []
            elif line[0] == "EOF":
                break
            elif section:
                n, values = int(line[0]) - 1, [float(word) for word in line[1:]]
                if section == "NODE_COORD_SECTION":
                    self.at[n] = (values[0], values[1])
                    self.service.setdefault(n, 0.0)
                    self.window.setdefault(n, (0.0, math.inf))
                elif section == "DEMAND_SECTION":
                    self.demand[n] = values[0]
                elif section == "SERVICE_TIME_SECTION":
                    self.service[n] = values[0]
                elif section == "TIME_WINDOW_SECTION":
                    self.window[n] = (values[0], values[1])
                elif section == "VEHICLES_DEPOT_SECTION":
                    homes.append(int(values[0]) - 1)
                elif section == "DEPOT_SECTION" and n >= 0:
                    self.depots.append(n)
            else:
                word, value = line[0].rstrip(":"), line[-1]
                if word == "CAPACITY":
                    self.capacity = float(value)
                elif word == "VEHICLES_MAX_DURATION":
                    self.longest = float(value)
        self.homes = homes

    def way(self, a, b):
        return self.whole(math.dist(self.at[a], self.at[b]))

    def length(self, route, depot=0):
        places = [depot, *route, depot]
        return sum(self.way(a, b) for a, b in itertools.pairwise(places))

    def wrong(self, routes, depots=None, slack=0.0):
        """Limits that are broken, in words; `slack` for distances that a solver rounded."""
        depots = depots or [0] * len(routes)
        visited = sorted(n for route in routes for n in route)
        found = [] if visited == sorted(set(self.at) - set(self.depots)) else ["not everybody is visited once"]
        if len(routes) > self.fleet:
            found.append("too many vehicles")
        homes = getattr(self, "homes", [])
        found += [f"too many of depot {d}" for d in set(depots) if homes and depots.count(d) > homes.count(d)]
        for n, (route, depot) in enumerate(zip(routes, depots, strict=True)):
            found += [f"route {n}: {what}" for what in self._route(route, depot, slack)]
        return found

    def _route(self, route, depot, slack):
        load = peak = 0.0 if self.pairs else sum(self.demand[n] for n in route)
        for n in route if self.pairs else ():
            load += self.demand[n]
            peak = max(peak, load)
        if peak > self.capacity:
            yield f"{peak} on board, {self.capacity} fit"
        for pickup, delivery in self.pairs.items():
            if (pickup in route) != (delivery in route) or (
                pickup in route and route.index(pickup) > route.index(delivery)
            ):
                yield f"{pickup} is not brought to {delivery}"
        # The latest start that ends as early as can be: one that comes to somebody as they open, or as they close.
        _end, late = self._drive(route, depot, self.window[depot][0])
        if late > slack:
            yield f"late by {late}"
        starts = [self.window[depot][0]] + [
            self._lead(route, depot, k, end) for k in range(len(route)) for end in (0, 1)
        ]
        good = [s for s in starts if self.window[depot][0] <= s and self._drive(route, depot, s)[1] <= slack + late]
        if min(self._drive(route, depot, s)[0] - s for s in good) > self.longest + slack:
            yield f"longer than {self.longest}"

    def _lead(self, route, depot, k, end):
        """The start with which one comes to the k-th just when it opens or closes, without waiting before."""
        places = [depot, *route[: k + 1]]
        return self.window[route[k]][end] - sum(
            self.way(a, b) + self.service[a] * (a != depot) for a, b in itertools.pairwise(places)
        )

    def _drive(self, route, depot, start):
        clock, late, here = start, 0.0, depot
        for n in route:
            clock = max(clock + self.way(here, n), self.window[n][0])
            late, here = max(late, clock - self.window[n][1]), n
            clock += self.service[n]
        clock += self.way(here, depot)
        return clock, max(late, clock - self.window[depot][1])
