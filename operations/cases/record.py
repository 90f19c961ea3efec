"""The one transaction of cases: lock, take in what was reported meanwhile, decide, write state and history.

Whoever reports on an alert writes the alert's row first (tracker) or locks it (people), and its report behind that. So
under the row's lock all reports of an alert are there, in the order of their numbers, and none can slip between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from operations.cases.decide import REPORTED, Acknowledge, Case, Event, Refusal, Report, Resolve, decide, evolve
from operations.unit_of_work import Script, Statement

STEPS: dict[str, str] = {"acknowledged": "acknowledge", "resolved": "resolve"}


class Line(NamedTuple):
    """An event as the next line of an alert's history."""

    alert_id: int
    version: int
    event: Event


def take_in(alerts: Sequence[int]) -> Script[int]:
    """Writes into the history of these alerts what was reported and is not in it yet; returns how many lines."""
    cases = yield from _lock(alerts)
    _, lines = yield from _unread(cases)
    yield from _write(lines)
    return len(lines)


def act(alert_id: int, command: Acknowledge | Resolve, now: datetime) -> Script[tuple[Event, ...] | Refusal]:
    """What a person does with an alert; the events it brought about, none when it was so already."""
    found, lines = yield from _unread((yield from _lock([alert_id])))
    case = found.get(alert_id)
    events = decide(case, command, now)
    if isinstance(events, Refusal) or case is None:
        return events
    for event in events:
        case = evolve(case, event)
        yield Statement(
            "put_case",
            {
                "id": alert_id,
                "note": case.note,
                "acknowledged_at": case.acknowledged_at,
                "acknowledged_by": case.acknowledged_by,
                "resolved_at": case.resolved_at,
                "resolved_by": case.resolved_by,
            },
        )
        step = {"what": STEPS[event.what], "at": event.at, "actor": event.actor, "note": event.note}
        reported = yield Statement("report", {"id": alert_id, **step})
        event = event._replace(cause=reported[0]["id"])  # noqa: PLW2901 - the same event, now with its number
        lines.append(Line(alert_id, case.version, event))
    yield from _write(lines)
    return events


def _lock(alerts: Sequence[int]) -> Script[dict[int, Case]]:
    """The alerts' rows, ours until the end of the transaction."""
    rows = yield Statement("lock_cases", {"ids": list(alerts)})
    return {
        row["id"]: Case(
            note=row["note"],
            acknowledged_at=row["acknowledged_at"],
            acknowledged_by=row["acknowledged_by"],
            resolved_at=row["resolved_at"],
            resolved_by=row["resolved_by"],
        )
        for row in rows
    }


def _unread(cases: Mapping[int, Case]) -> Script[tuple[dict[int, Case], list[Line]]]:
    """The cases with what was reported, and the lines that this adds.

    A statement of its own: it sees what was committed while we waited for the lock.
    """
    found, lines = dict(cases), list[Line]()
    if not cases:
        return found, lines
    for row in (yield Statement("case_heads", {"ids": list(cases)})):
        found[row["alert_id"]] = replace(found[row["alert_id"]], version=row["version"])
    for row in (yield Statement("unread_reports", {"ids": list(cases)})):
        if row["what"] not in REPORTED:
            continue  # a word of a newer program: it stays unread until this one knows it
        alert_id = row["alert_id"]
        report = Report(row["id"], REPORTED[row["what"]], row["at"], row["actor"], row["note"])
        events = decide(found[alert_id], report, row["at"])
        for event in () if isinstance(events, Refusal) else events:
            found[alert_id] = evolve(found[alert_id], event)
            lines.append(Line(alert_id, found[alert_id].version, event))
    return found, lines


def _write(lines: Sequence[Line]) -> Script[None]:
    if lines:
        yield Statement(
            "add_case_events",
            {
                "alerts": [line.alert_id for line in lines],
                "versions": [line.version for line in lines],
                "causes": [line.event.cause for line in lines],
                "whats": [line.event.what for line in lines],
                "ats": [line.event.at for line in lines],
                "actors": [line.event.actor for line in lines],
                "notes": [line.event.note for line in lines],
            },
        )
