"""The one transaction of cases: lock, take in what was reported meanwhile, decide, write state and history.

Whoever reports on an alert writes the alert's row first (tracker) or locks it (people), and its report behind that. So
under the row's lock all reports of an alert are there, in the order of their numbers, and none can slip between.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import NamedTuple

from operations.cases.decide import REPORTED, STEPS, Case, Event, Refusal, Report, Step, decide, evolve
from operations.unit_of_work import Script, Statement

NUMBERED = {"version"}
"""Of a case, what no column of its own says."""


class Line(NamedTuple):
    """An event as the next line of an alert's history."""

    alert_id: int
    version: int
    event: Event


class Locked(NamedTuple):
    """A case that is ours until the end of the transaction."""

    tenant_id: int
    case: Case


def take_in(alerts: Sequence[int]) -> Script[int]:
    """Writes into the history of these alerts what was reported and is not in it yet; returns how many lines.

    Pages are told of decisions that do not stand any more: that is the last of it, for it locks the head of changes.
    """
    cases = yield from _lock(alerts)
    _, lines = yield from _unread(cases)
    yield from _write(lines)
    fallen = sorted((cases[i].tenant_id, i) for i in _superseded(lines))
    for tenant in dict.fromkeys(tenant for tenant, _ in fallen):
        state = {"disposition_state": "superseded"}
        told = [{"id": str(i), "op": "merge", "data": state} for owner, i in fallen if owner == tenant]
        yield Statement("speak_for", {"of_tenant": tenant})
        yield Statement("tell_pages", {"body": json.dumps({"alerts": told}, separators=(",", ":")).encode()})
    return len(lines)


def act(alert_id: int, command: Step, now: datetime) -> Script[tuple[Event, ...] | Refusal]:
    """What a person does with an alert; the events it brought about, none when it was so already."""
    found, lines = yield from _unread((yield from _lock([alert_id])))
    case = found.get(alert_id)
    events = decide(case, command, now)
    if not isinstance(events, Refusal) and case is not None:
        for event in events:
            case = evolve(case, event)
            values = {name: value for name, value in asdict(case).items() if name not in NUMBERED}
            yield Statement("put_case", {"id": alert_id, **values})
            detail = json.dumps({"note": event.note, **event.detail})
            step = {"what": STEPS[event.what], "at": event.at, "actor": event.actor, "detail": detail}
            reported = yield Statement("report", {"id": alert_id, **step})
            lines.append(Line(alert_id, case.version, event._replace(cause=reported[0]["id"])))
    yield from _write(lines)
    return events


def _lock(alerts: Sequence[int]) -> Script[dict[int, Locked]]:
    """The alerts' rows, ours until the end of the transaction."""
    rows = yield Statement("lock_cases", {"ids": list(alerts)})
    return {
        row["id"]: Locked(row["tenant_id"], Case(**{n: row[n] for n in row if n not in ("id", "tenant_id")}))
        for row in rows
    }


def _unread(cases: Mapping[int, Locked]) -> Script[tuple[dict[int, Case], list[Line]]]:
    """The cases with what was reported, and the lines that this adds.

    A statement of its own: it sees what was committed while we waited for the lock.
    """
    found, lines = {alert_id: locked.case for alert_id, locked in cases.items()}, list[Line]()
    if not cases:
        return found, lines
    for row in (yield Statement("case_heads", {"ids": list(cases)})):
        found[row["alert_id"]] = replace(found[row["alert_id"]], version=row["version"])
    for row in (yield Statement("unread_reports", {"ids": list(cases)})):
        if row["what"] not in REPORTED:
            continue  # a word of a newer program: it stays unread until this one knows it
        alert_id, detail = row["alert_id"], dict(row["detail"])
        report = Report(row["id"], REPORTED[row["what"]], row["at"], row["actor"], detail.pop("note", None), detail)
        events = decide(found[alert_id], report, row["at"])
        for event in () if isinstance(events, Refusal) else events:
            found[alert_id] = evolve(found[alert_id], event)
            lines.append(Line(alert_id, found[alert_id].version, event))
    if fallen := _superseded(lines):
        yield Statement("supersede_cases", {"ids": fallen})
    return found, lines


def _superseded(lines: Sequence[Line]) -> list[int]:
    return sorted({line.alert_id for line in lines if line.event.what == "superseded"})


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
                "details": [json.dumps(dict(line.event.detail)) for line in lines],
            },
        )
