"""Carries as text for the database, and back; and the small algebra of keeping them sorted by entity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields

import numpy as np
import orjson

from domain.readings import I64
from tracker.rules.geofence import join
from tracker.rules.quality import Fixes
from tracker.rules.scan import Carry

_DTYPES = (np.int64, np.int64, np.float64, np.bool_, np.int64, np.int64, np.float64, np.int64, np.int64)


def updated(carry: Carry, fresh: Carry, replaced: I64) -> Carry:
    """`carry` without the entities in `replaced`, with `fresh`."""
    return join(carry.take(~np.isin(carry.entity, replaced)), fresh)


def rows_of(carry: Carry | Fixes) -> list[list[float]]:
    """One list of plain numbers per entity; orjson writes NaN and infinities as null."""
    return [list(row) for row in zip(*(getattr(carry, f.name).tolist() for f in fields(carry)), strict=True)]


def carry_from(rows: Iterable[Sequence[float | None]]) -> Carry:
    """A carry from lists as `rows_of` gives them, in any order."""
    columns = list(zip(*sorted(rows, key=lambda r: r[0] or 0), strict=True))
    if not columns:
        return Carry.empty()
    columns[2] = tuple(np.nan if v is None else v for v in columns[2])
    columns[6] = tuple(-np.inf if v is None else v for v in columns[6])
    return Carry(*(np.array(c, dtype=d) for c, d in zip(columns, _DTYPES, strict=True)))


def fixes_from(rows: Iterable[Sequence[float | None]]) -> Fixes:
    """Fixes from lists `[entity, t, lat, lon, doubt t, doubt lat, doubt lon]`, in any order."""
    columns = list(zip(*sorted(rows, key=lambda r: r[0] or 0), strict=True))
    whole, real = [columns[i] for i in (0, 1, 4)], [columns[i] for i in (2, 3, 5, 6)]
    entity, t_us, doubt_t_us = (np.array(c, dtype=np.int64) for c in whole)
    lat, lon, doubt_lat, doubt_lon = (np.array([np.nan if v is None else v for v in c], dtype=np.float64) for c in real)
    return Fixes(entity, t_us, lat, lon, doubt_t_us, doubt_lat, doubt_lon)


def no_fixes() -> Fixes:
    """No vehicles."""
    i, f = np.empty(0, np.int64), np.empty(0)
    return Fixes(i, i, f, f, i, f, f)


def fixes_of(fixes: Fixes, entity: I64) -> Fixes:
    """Fixes of these entities (sorted, unique); unknown ones where there is none."""
    at = np.searchsorted(fixes.entity, entity).clip(0, max(len(fixes.entity) - 1, 0))
    have = fixes.entity[at] == entity if len(fixes.entity) else np.zeros(len(entity), np.bool_)

    def column(
        values: np.ndarray[tuple[int], np.dtype[np.generic]], otherwise: float
    ) -> np.ndarray[tuple[int], np.dtype[np.generic]]:
        if not len(values):
            return np.full(len(entity), otherwise)
        return np.where(have, values[at], otherwise)

    low = np.iinfo(np.int64).min // 2
    return Fixes(
        entity,
        column(fixes.t_us, low).astype(np.int64),
        column(fixes.lat, np.nan).astype(np.float64),
        column(fixes.lon, np.nan).astype(np.float64),
        column(fixes.doubt_t_us, low).astype(np.int64),
        column(fixes.doubt_lat, np.nan).astype(np.float64),
        column(fixes.doubt_lon, np.nan).astype(np.float64),
    )


def updated_fixes(fixes: Fixes, fresh: Fixes) -> Fixes:
    """`fixes` with the rows of `fresh` in place of the old ones."""
    keep = ~np.isin(fixes.entity, fresh.entity)
    entity = np.concatenate([fixes.entity[keep], fresh.entity])
    order = np.argsort(entity, kind="stable")
    return Fixes(
        *(np.concatenate([getattr(fixes, f.name)[keep], getattr(fresh, f.name)])[order] for f in fields(Fixes))
    )


def dump(value: object) -> bytes:
    """Text of a carry."""
    return orjson.dumps(value)
