"""The one transaction of cases: lock, take in what was reported meanwhile, decide, write state and history.

Whoever reports on an alert writes the alert's row first (tracker) or locks it (people), and its report behind that. So
under the row's lock all reports of an alert are there, in the order of their numbers, and none can slip between.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, NamedTuple

from domain.times import rfc3339, to_us
from operations.cases.decide import REPORTED, STEPS, Case, Event, Refusal, Report, Step, Unmute, decide, evolve
from operations.unit_of_work import Script, Statement

ROUND = (
    "acknowledged_at", "acknowledged_by", "round_severity", "over_since", "muted_until", "muted_by", "mute_reason",
)  # fmt: skip
"""What reports and the clock change of a case: all that a program may, which signs nothing."""
ASKS = ("opened", "changed", "reopened")
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
    found, lines = yield from _unread(cases)
    yield from _write(lines)
    yield from _tell(cases, found)
    return len(lines)


def end_mute(alert_id: int, now: datetime) -> Script[int]:
    """The time of a mute is over; returns whether it was so."""
    cases = yield from _lock([alert_id])
    done, found = yield from _act(cases, alert_id, Unmute(), now)
    yield from _tell(cases, found)
    return 0 if isinstance(done, Refusal) else len(done)


def act(alert_id: int, command: Step, now: datetime) -> Script[tuple[Event, ...] | Refusal]:
    """What a person does with an alert; the events it brought about, none when it was so already."""
    done, _ = yield from _act((yield from _lock([alert_id])), alert_id, command, now)
    return done


def _tell(cases: Mapping[int, Locked], found: Mapping[int, Case]) -> Script[None]:
    """Pages are told of what is another by now and nobody clicked for."""
    news = []
    for alert_id, locked in cases.items():
        before, after = (_shown(case) for case in (locked.case, found[alert_id]))
        if data := {name: value for name, value in after.items() if value != before[name]}:
            news.append((locked.tenant_id, alert_id, data))
    for tenant in sorted({tenant for tenant, *_ in news}):
        told = [{"id": str(i), "op": "merge", "data": data} for owner, i, data in sorted(news) if owner == tenant]
        yield Statement("speak_for", {"of_tenant": tenant})
        yield Statement("tell_pages", {"body": json.dumps({"alerts": told}, separators=(",", ":")).encode()})


def _shown(case: Case) -> dict[str, str | None]:
    times = {name: getattr(case, name) for name in ("acknowledged_at", "muted_until")}
    texts = {name: getattr(case, name) for name in ("acknowledged_by", "disposition_state", "muted_by", "mute_reason")}
    return {**{name: at and rfc3339(to_us(at)) for name, at in times.items()}, **texts}


def _act(
    cases: Mapping[int, Locked], alert_id: int, command: Step, now: datetime
) -> Script[tuple[tuple[Event, ...] | Refusal, dict[int, Case]]]:
    found, lines = yield from _unread(cases)
    case = found.get(alert_id)
    events = decide(case, command, now)
    if not isinstance(events, Refusal) and case is not None:
        for event in events:
            case = evolve(case, event)
            values = {name: value for name, value in asdict(case).items() if name not in NUMBERED}
            by_clock = command == Unmute()
            yield _put_rounds({alert_id: case}) if by_clock else Statement("put_case", {"id": alert_id, **values})
            detail = json.dumps({"note": event.note, **event.detail})
            step = {"what": STEPS[event.what], "at": event.at, "actor": event.actor, "detail": detail}
            reported = yield Statement("report", {"id": alert_id, **step})
            lines.append(Line(alert_id, case.version, event._replace(cause=reported[0]["id"])))
        found[alert_id] = case
    yield from _write(lines)
    return events, found


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
        if REPORTED[row["what"]] in ASKS:
            detail["severity"] = row["severity"]
        report = Report(row["id"], REPORTED[row["what"]], row["at"], row["actor"], detail.pop("note", None), detail)
        events = decide(found[alert_id], report, row["at"])
        for event in () if isinstance(events, Refusal) else events:
            found[alert_id] = evolve(found[alert_id], event)
            lines.append(Line(alert_id, found[alert_id].version, event))
    if fallen := _superseded(lines):
        yield Statement("supersede_cases", {"ids": fallen})
    if moved := {i: case for i, case in found.items() if _round(case) != _round(cases[i].case)}:
        yield _put_rounds(moved)
    return found, lines


def _round(case: Case) -> tuple[Any, ...]:
    return tuple(getattr(case, name) for name in ROUND)


def _put_rounds(moved: Mapping[int, Case]) -> Statement:
    columns = zip(*map(_round, moved.values()), strict=True)
    return Statement("put_rounds", {"ids": list(moved), **dict(zip(ROUND, map(list, columns), strict=True))})


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
