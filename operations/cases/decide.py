"""What can be done with an alert, and what comes of it: pure, the same for a person's click and a fact's arrival."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, NamedTuple

What = Literal["opened", "changed", "cleared", "reopened", "retracted", "acknowledged", "resolved"]

# What the tracker and people's own steps are called where they are reported from (`alert_event`).
REPORTED: dict[str, What] = {
    "raised": "opened",
    "amended": "changed",
    "cleared": "cleared",
    "reopened": "reopened",
    "retracted": "retracted",
    "acknowledge": "acknowledged",
    "resolve": "resolved",
}


@dataclass(frozen=True, slots=True)
class Case:
    """What people did with an alert; `version` counts the lines of its history."""

    version: int = 0
    note: str | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None


class Acknowledge(NamedTuple):
    """Somebody has seen it."""

    actor: str
    note: str | None = None


class Resolve(NamedTuple):
    """It is done with."""

    actor: str
    note: str | None = None


class Report(NamedTuple):
    """What the tracker, or a person, has done already; `cause` is the number of this report."""

    cause: int
    what: What
    at: datetime
    actor: str
    note: str | None = None


Command = Acknowledge | Resolve | Report


class Event(NamedTuple):
    """Something that has happened in a case. A person's own step has no cause until it is reported."""

    what: What
    at: datetime
    actor: str
    note: str | None = None
    cause: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing is done."""

    reason: Literal["unknown"]


def decide(case: Case | None, command: Command, now: datetime) -> tuple[Event, ...] | Refusal:
    """What a command brings about; nothing when it is so already. There is no case of what is no alert.

    The first who acknowledges counts. What is resolved is acknowledged too.
    """
    if case is None:
        return Refusal("unknown")
    match command:
        case Report(cause, what, at, actor, note):
            return (Event(what, at, actor, note, cause),)
        case Acknowledge(actor, note):
            seen = case.acknowledged_at is not None or case.resolved_at is not None
            return () if seen else (Event("acknowledged", now, actor, note),)
        case Resolve(actor, note):
            return () if case.resolved_at is not None else (Event("resolved", now, actor, note),)


def evolve(case: Case, event: Event) -> Case:
    """The case behind an event."""
    case = replace(case, version=case.version + 1)
    if event.what not in ("acknowledged", "resolved"):
        return case
    case = replace(case, note=case.note if event.note is None else event.note)
    if case.acknowledged_at is None:
        case = replace(case, acknowledged_at=event.at, acknowledged_by=event.actor)
    if event.what == "resolved" and case.resolved_at is None:
        case = replace(case, resolved_at=event.at, resolved_by=event.actor)
    return case
