"""Where vehicles have been, coarsely: cells of a grid, so that a fence that changes finds who was ever near it.

A cell is a square of `COLUMNS[LEVEL]` columns around the globe, some 2.4 km high. A vehicle is in the cells of its
fixes and, between two fixes no further apart in time than a passage may take, in all cells of the box around both. So
whoever may have a visit at a fence has been in a cell that the box around the fence and its margin covers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from domain.folds.scan import segment_starts
from domain.folds.table import previous
from domain.readings import F64, I64
from tracker.rules.fences import COLUMNS, Fences, cells_of, distinct
from tracker.rules.passages import PASS_US

LEVEL = 1
CELLS_MOST = 20_000
"""Fences that cover more are taken to cover everything."""
UNKNOWN = -1
"""The cell of vehicles whose ways were not kept: they may have been anywhere."""


class Entered(NamedTuple):
    """Cells that vehicles came into, and when first."""

    vehicle: I64
    cell: I64
    t_us: I64


class Fixes(NamedTuple):
    """Times and places; a place is NaN where there is none."""

    t_us: I64
    lat: F64
    lon: F64


def entered(vehicle: I64, here: Fixes, last: Fixes) -> Entered:
    """Cells of the ways to these fixes that the fix before each was not in; fixes sorted by vehicle and time.

    `last` has the fix before the first of each vehicle.
    """
    first = segment_starts(vehicle)
    own = _own(here.lat, here.lon)
    known, old = ~np.isnan(last.lat), np.full(len(last.lat), UNKNOWN)
    old[known] = _own(last.lat[known], last.lon[known])
    was = previous(own)
    was[first] = old
    row = np.flatnonzero(own != was)
    if not len(row):
        return Entered(row, row, row)
    before = Fixes(previous(here.t_us), previous(here.lat), previous(here.lon))
    before.t_us[first], before.lat[first], before.lon[first] = last
    way, cell = _ways(row, here, before)
    row, cell = np.concatenate([row, way]), np.concatenate([own[row], cell])
    return earliest([Entered(vehicle[row], cell, here.t_us[row])])


def earliest(parts: Sequence[Entered]) -> Entered:
    """Each vehicle and cell once, with its first time."""
    vehicle, cell = np.concatenate([p.vehicle for p in parts]), np.concatenate([p.cell for p in parts])
    t_us = np.concatenate([p.t_us for p in parts])
    order = np.lexsort((t_us, cell, vehicle))
    vehicle, cell, t_us = vehicle[order], cell[order], t_us[order]
    first = segment_starts(vehicle) | segment_starts(cell)
    return Entered(vehicle[first], cell[first], t_us[first])


def _own(lat: F64, lon: F64) -> I64:
    """The cell of each place: as `cells_of` a box without extent, in less time."""
    columns = COLUMNS[LEVEL]
    scale = columns / 360.0
    row, column = ((lat + 90) * scale).astype(np.int64), ((lon + 180) * scale).astype(np.int64)
    return row * columns + (column & (columns - 1))


def _ways(row: I64, here: Fixes, before: Fixes) -> tuple[I64, I64]:
    """Pairs (row, cell) of the boxes around these fixes and those before them, where these are not long before."""
    way = row[~np.isnan(before.lat[row]) & (here.t_us[row] - before.t_us[row] <= PASS_US)]
    east = here.lon[way] - before.lon[way]
    east -= 360.0 * np.rint(east / 360.0)
    west = np.minimum(before.lon[way], before.lon[way] + east)
    south, north = (f(here.lat[way], before.lat[way]) for f in (np.minimum, np.maximum))
    of, cell = cells_of(LEVEL, south, north, west, west + np.abs(east))
    return way[of], cell


def covered(fences: Fences) -> I64 | None:
    """All cells of the fences and their margins; None: too many to tell them."""
    south, north, west, east = fences.boxes()
    scale = COLUMNS[LEVEL] / 360.0
    if ((north - south) * scale + 2) @ ((east - west) * scale + 2) > CELLS_MOST:
        return None
    return distinct(cells_of(LEVEL, south, north, west, east)[1])
