"""Taking in events that somebody told: kept, and done to our stock in the same transaction.

Statements are those of `store/queries/epcis.sql` and `stock.sql`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from domain.epcis.check import Fault
from domain.epcis.model import Event
from domain.epcis.rows import row_of
from operations.epcis.decide import apply
from operations.unit_of_work import Script, Statement


class Captured(NamedTuple):
    """What became of a document: its number, events taken, events that were known, and what is wrong with others."""

    id: int
    taken: int
    known: int
    faults: tuple[Fault, ...]


class CaptureError(Exception):
    """None of it is taken."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(map(str, faults[:3])))
        self.faults = tuple(faults)


def capture(
    told: Sequence[tuple[str, Event]],
    context: Any,
    by: str,
    faults: Sequence[Fault] = (),
    *,
    of: int,
    now_us: int,
    all_or_none: bool = True,
) -> Script[Captured]:
    """Takes in events with their paths; one that was told before changes nothing.

    `faults` are of others beside them, among the events `of` the document.

    Raises:
        CaptureError: another event has the id of one of them, and all or none are wanted.
    """
    yield Statement("lock_captures", {})
    rows = yield Statement("events_known", {"ids": sorted({event.event_id for _, event in told})})
    there = {(row["event_id"], row["declared"]): row["event_hash"] for row in rows}
    wrong, fresh, known = list(faults), [], 0
    for path, event in told:
        key = event.event_id, event.declared_us is not None
        if key not in there:
            there[key] = event.event_hash
            fresh.append(event)
        elif there[key] == event.event_hash:
            known += 1
        else:
            wrong.append(Fault(f"{path}.eventID".lstrip("."), f"another event has the id {event.event_id[:120]}"))
    if wrong and all_or_none:
        raise CaptureError(wrong)
    values = {"events": of, "known": known}
    shown = json.dumps([each._asdict() for each in wrong])
    (made,) = yield Statement("put_capture", {**values, "by": by, "taken": len(fresh), "faults": shown})
    if fresh:
        effects = yield from apply(fresh, now_us, by)
        rows = [row_of(event, context, effect=effect) for event, effect in zip(fresh, effects, strict=True)]
        yield Statement("put_events", {"capture": made["id"], "events": json.dumps(rows)})
    return Captured(made["id"], len(fresh), known, tuple(wrong))
