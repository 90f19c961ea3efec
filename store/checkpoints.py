"""Checkpoints of the tracker's folds: what an entity carried at some moments of its past."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg

from domain.times import to_us
from store.arrays import arrays
from store.db import queries
from store.link import Link


class Checkpoints:
    """Checkpoints over one link."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._q = queries("checkpoint")

    def put(self, cursor: psycopg.Cursor, kind: str, entity: Sequence[int], at_us: Any, carry: Sequence[bytes]) -> None:
        """Keeps carries; call inside the step's transaction."""
        if len(entity):
            columns = ([kind] * len(entity), entity, at_us, carry)
            cursor.execute(self._q["put"], arrays(self._q["put"], columns))

    def newest(self, kind: str) -> list[tuple[int, int]]:
        """Entity and the time of its newest checkpoint, microseconds."""
        found = self._link.connection.execute(self._q["newest"], (kind,), binary=True).fetchall()
        return [(int(entity), to_us(at)) for entity, at in found]

    def before(self, kind: str, entity: int, since: datetime) -> list[tuple[int, bytes]]:
        """Time and carry of the newest checkpoints before a time, newest first."""
        found = self._link.connection.execute(self._q["before"], (kind, entity, since), binary=True).fetchall()
        return [(to_us(at), bytes(carry)) for at, carry in found]

    def forget_since(self, cursor: psycopg.Cursor, kind: str, entity: int, since: datetime) -> None:
        """Drops those that a late reading has made wrong."""
        cursor.execute(self._q["forget_since"], (kind, entity, since))

    def trim(self, now: datetime, horizon: timedelta) -> None:
        """Drops what is older than the horizon, but for the last before it of each entity."""
        self._link.connection.execute(self._q["trim"], (now, horizon))
