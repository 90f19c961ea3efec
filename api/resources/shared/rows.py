"""Rows that belong to several objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

from api.database import Row

T = TypeVar("T")


def grouped(rows: Iterable[Row], key: str, build: Callable[[Row], T]) -> dict[Hashable, list[T]]:
    """What is built of rows, by a column; rows where that is null are left out."""
    found: dict[Hashable, list[T]] = defaultdict(list)
    for row in rows:
        if row[key] is not None:
            found[row[key]].append(build(row))
    return found
