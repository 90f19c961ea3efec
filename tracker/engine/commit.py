"""The tracker's one transaction: readings, what the families decide, changes and the log's position, all or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psycopg

from domain.readings import Batch
from store.log import LATE_LANE
from store.tracking import TrackingStore
from tracker.engine.family import Family
from tracker.engine.step import Step


class Commit:
    """Writes steps. Positions by partition, and the sequence of each partition's changes, are kept in step."""

    def __init__(self, store: TrackingStore, families: Sequence[Family], positions: dict[int, int]) -> None:
        self._store, self._families = store, families
        self.positions = positions
        self.sequences: dict[int, int] = {}

    def write(
        self,
        step: Step,
        batches: Mapping[str, Batch] | None = None,
        taken: Mapping[int, int] | None = None,
        refolded: tuple[str, int, object] | None = None,
    ) -> None:
        """Writes a step: the batches it read, up to the log's positions `taken`; or the entity it folded again.

        Raises:
            LostPartitionError: another tracker has gone on from there; nothing was written.
        """
        store = self._store
        with store.transaction(self.positions) as cursor:
            store.write_readings(cursor, batches or {})
            with cursor.connection.pipeline():  # behind the COPY: that cannot be in one
                store.mark_summaries(cursor, batches or {})
                self._decided(cursor, step, taken or {}, refolded)
        self.positions.update(taken or {})

    def _decided(
        self, cursor: psycopg.Cursor, step: Step, taken: Mapping[int, int], refolded: tuple[str, int, object] | None
    ) -> None:
        """All but the readings."""
        store = self._store
        for family in self._families:
            family.write(cursor, step)
        for lane, entity, since in step.forgotten:
            store.checkpoints.forget_since(cursor, lane, entity, since)
        for checkpoint in step.checkpoints:
            store.checkpoints.put(cursor, *checkpoint)
        store.mark_dirty(cursor, step.late)
        if refolded is not None:
            cursor.execute(store.sql("clear_dirty"), refolded)
        self._finish(cursor, step, taken)

    def _finish(self, cursor: psycopg.Cursor, step: Step, taken: Mapping[int, int]) -> None:
        """Changes and positions, last in the transaction: a tracker that was overtaken writes nothing."""
        bodies = list(step.bodies())
        if not (taken or bodies):
            return
        partition = min(taken or self.positions) % LATE_LANE
        rows = []
        for tenant_id, body in bodies:
            self.sequences[partition] += 1
            rows.append((partition, self.sequences[partition], tenant_id, body))
        moved = dict(taken)
        if rows and partition not in taken:
            moved[partition] = self.positions[partition]
        moves = [(p, self.positions[p], n, self.sequences[p]) for p, n in sorted(moved.items())]
        self._store.move(cursor, moves, rows)
