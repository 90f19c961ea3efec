"""What can be done with an alert, and what comes of it: pure, the same for a person's click and a fact's arrival."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

from domain.cases import CLOCK, RANK, SETTLE, WAITS, Action, Decision, DispositionState
from domain.times import rfc3339, to_us

What = Literal[
    "opened", "changed", "cleared", "reopened", "retracted", "acknowledged", "resolved", "assigned", "commented",
    "acted", "disposed", "countersigned", "sent_back", "superseded", "resumed", "muted", "unmuted",
]  # fmt: skip

STEPS: Mapping[What, str] = {
    "acknowledged": "acknowledge",
    "resolved": "resolve",
    "assigned": "assign",
    "commented": "comment",
    "acted": "action",
    "disposed": "disposition",
    "countersigned": "countersign",
    "sent_back": "send_back",
    "resumed": "reopen",
    "muted": "mute",
    "unmuted": "unmute",
}
"""What people's own steps are called where they are reported, and in the audit trail."""
REPORTED: Mapping[str, What] = {
    "raised": "opened",
    "amended": "changed",
    "cleared": "cleared",
    "reopened": "reopened",
    "retracted": "retracted",
    **{step: what for what, step in STEPS.items()},
}
"""What the tracker and people's own steps are called where they are reported from (`alert_event`)."""
CORRECTS: frozenset[What] = frozenset({"opened", "changed", "reopened", "retracted"})
"""Reports by which what was decided was decided on something else."""
NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Case:
    """What people did with an alert; `version` counts the lines of its history."""

    version: int = 0
    note: str | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    assignee: str | None = None
    disposition: Decision | None = None
    disposition_state: DispositionState | None = None
    disposition_reason: str | None = None
    disposed_at: datetime | None = None
    disposed_by: str | None = None
    signed_at: datetime | None = None
    signed_by: str | None = None
    comments: int = 0
    round_severity: str | None = None
    """The worst since it last asked people anew."""
    over_since: datetime | None = None
    muted_until: datetime | None = None
    muted_by: str | None = None
    mute_reason: str | None = None

    @property
    def waits(self) -> bool:
        """Whether its disposition asks for somebody."""
        return self.disposition_state in WAITS


class Acknowledge(NamedTuple):
    """Somebody has seen it."""

    actor: str
    note: str | None = None


class Resolve(NamedTuple):
    """It is done with."""

    actor: str
    note: str | None = None


class Assign(NamedTuple):
    """Whose it is; None: nobody's."""

    actor: str
    to: str | None


class Comment(NamedTuple):
    """A word to the others."""

    actor: str
    text: str
    mentions: Sequence[str] = ()


class Act(NamedTuple):
    """What somebody did against it."""

    actor: str
    action: Action
    text: str | None = None


class Dispose(NamedTuple):
    """What is to become of the goods, proposed: it stands once somebody else signs."""

    actor: str
    decision: Decision
    reason: str


class CounterSign(NamedTuple):
    """The second signature, or its refusal (`accept` false); `decision`: what one believes to be signing."""

    actor: str
    accept: bool = True
    reason: str | None = None
    decision: Decision | None = None


class Reopen(NamedTuple):
    """It is taken up again, and its disposition taken back, by somebody who may decide on goods."""

    actor: str
    reason: str
    may_dispose: bool = True


class Mute(NamedTuple):
    """Nobody is told of it until then; what happens is recorded all the same."""

    actor: str
    until: datetime
    reason: str


class Unmute(NamedTuple):
    """It is told again from now on: at its time, or because somebody wants it."""

    actor: str = CLOCK
    note: str | None = None


class Report(NamedTuple):
    """What the tracker, or a person, has done already; `cause` is the number of this report."""

    cause: int
    what: What
    at: datetime
    actor: str
    note: str | None = None
    detail: Mapping[str, Any] = NOTHING


Step = Acknowledge | Resolve | Assign | Comment | Act | Dispose | CounterSign | Reopen | Mute | Unmute
Command = Step | Report


class Event(NamedTuple):
    """Something that has happened in a case. A person's own step has no cause until it is reported."""

    what: What
    at: datetime
    actor: str
    note: str | None = None
    cause: int = 0
    detail: Mapping[str, Any] = NOTHING


Reason = Literal[
    "unknown", "waits", "resolved", "signed", "nothing to sign", "same person", "another decision", "no reason",
    "open", "may not dispose",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing is done."""

    reason: Reason


def decide(case: Case | None, command: Command, now: datetime) -> tuple[Event, ...] | Refusal:
    """What a command brings about; nothing when it is so already. There is no case of what is no alert.

    The first who acknowledges counts. What is resolved or disposed of is acknowledged too. What waits for a signature,
    or to be looked at again, is not done with.
    """
    if case is None:
        return Refusal("unknown")
    match command:
        case Report():
            return _reported(case, command)
        case Dispose():
            return _disposed(case, command, now)
        case CounterSign():
            return _countersigned(case, command, now)
        case Reopen():
            return _resumed(case, command, now)
    return _done(case, command, now)


def _done(
    case: Case, command: Acknowledge | Resolve | Assign | Comment | Act | Mute | Unmute, now: datetime
) -> tuple[Event, ...] | Refusal:
    """What is done without deciding on the goods."""
    if isinstance(command, Mute | Unmute):
        return _muted(case, command, now)
    match command:
        case Acknowledge(actor, note):
            event, is_news = Event("acknowledged", now, actor, note), case.acknowledged_at is None
        case Resolve(actor, note):
            event, is_news = Event("resolved", now, actor, note), True
            if case.waits and case.resolved_at is None:
                return Refusal("waits")
        case Assign(actor, to):
            event, is_news = Event("assigned", now, actor, detail={"to": to}), to != case.assignee
        case Comment(actor, text, mentions):
            event, is_news = Event("commented", now, actor, text, detail={"mentions": list(mentions)}), True
        case Act(actor, action, text):
            event, is_news = Event("acted", now, actor, text, detail={"action": action}), True
    if case.resolved_at is not None and event.what in ("acknowledged", "resolved"):
        is_news = False
    return (event,) if is_news else ()


def _reported(case: Case, report: Report) -> tuple[Event, ...]:
    """A signature was given for what was known then. Goods released while it lasted are looked at once it is over."""
    told = Event(report.what, report.at, report.actor, report.note, report.cause, report.detail)
    was_meanwhile = report.what == "cleared" and case.disposition == "release"
    if case.disposition_state != "signed" or not (report.what in CORRECTS or was_meanwhile):
        return (told,)
    detail = {"disposition": case.disposition}
    return (told, Event("superseded", report.at, report.actor, None, report.cause, detail))


def _disposed(case: Case, command: Dispose, now: datetime) -> tuple[Event, ...] | Refusal:
    actor, decision, reason = command
    if not reason.strip():
        return Refusal("no reason")
    if case.disposition_state == "signed":
        return Refusal("signed")
    if case.resolved_at is not None and not case.waits:
        return Refusal("resolved")
    stands = case.disposition, case.disposition_reason, case.disposed_by, case.disposition_state
    if stands == (decision, reason, actor, "proposed"):
        return ()
    return (Event("disposed", now, actor, reason, detail={"disposition": decision}),)


def _countersigned(case: Case, command: CounterSign, now: datetime) -> tuple[Event, ...] | Refusal:
    actor, accept, reason, decision = command
    if decision not in (None, case.disposition):
        return Refusal("another decision")
    if case.disposition_state == "signed" and accept and case.signed_by == actor:
        return ()
    if case.disposition_state != "proposed":
        return Refusal("nothing to sign")
    if case.disposed_by == actor:
        return Refusal("same person")
    if not accept and not (reason or "").strip():
        return Refusal("no reason")
    detail = {"disposition": case.disposition}
    return (Event("countersigned" if accept else "sent_back", now, actor, reason, detail=detail),)


def _resumed(case: Case, command: Reopen, now: datetime) -> tuple[Event, ...] | Refusal:
    if not command.reason.strip():
        return Refusal("no reason")
    if case.resolved_at is None and case.disposition is None:
        return Refusal("open")
    if case.disposition is not None and not command.may_dispose:
        return Refusal("may not dispose")
    return (Event("resumed", now, command.actor, command.reason, detail={"disposition": case.disposition}),)


def _muted(case: Case, command: Mute | Unmute, now: datetime) -> tuple[Event, ...] | Refusal:
    if isinstance(command, Unmute):
        early = command.actor == CLOCK and case.muted_until is not None and case.muted_until > now
        return () if case.muted_until is None or early else (Event("unmuted", now, command.actor, command.note),)
    if not command.reason.strip():
        return Refusal("no reason")
    if case.resolved_at is not None:
        return Refusal("resolved")
    if (case.muted_until, case.muted_by, case.mute_reason) == (command.until, command.actor, command.reason):
        return ()
    return (Event("muted", now, command.actor, command.reason, detail={"until": rfc3339(to_us(command.until))}),)


def evolve(case: Case, event: Event) -> Case:
    """The case behind an event."""
    case = _moved(replace(case, version=case.version + 1), event)
    match event.what:
        case "acknowledged" | "resolved":
            case = replace(_seen(case, event), note=case.note if event.note is None else event.note)
            if event.what == "resolved" and case.resolved_at is None:
                case = replace(case, resolved_at=event.at, resolved_by=event.actor)
                case = replace(case, muted_until=None, muted_by=None, mute_reason=None)
        case "assigned":
            case = replace(case, assignee=event.detail.get("to"))
        case "commented":
            case = replace(case, comments=case.comments + 1)
        case "disposed":
            case = replace(
                _without_disposition(_seen(case, event)),
                disposition=event.detail.get("disposition"),
                disposition_state="proposed",
                disposition_reason=event.note,
                disposed_at=event.at,
                disposed_by=event.actor,
            )
        case "countersigned":
            case = replace(case, disposition_state="signed", signed_at=event.at, signed_by=event.actor)
        case "superseded":
            case = replace(case, disposition_state="superseded")
        case "sent_back":
            case = _without_disposition(case)
        case "resumed":
            case = replace(_without_disposition(case), resolved_at=None, resolved_by=None)
    return case


def _moved(case: Case, event: Event) -> Case:
    """What the tracker tells, and mutes."""
    match event.what:
        case "opened" | "changed" | "reopened":
            case = _asked(case, event)
        case "cleared":
            case = replace(case, over_since=event.at)
        case "retracted":  # settled at once: it never was
            case = replace(case, over_since=event.at - SETTLE)
        case "muted":
            until = datetime.fromisoformat(str(event.detail["until"]))
            case = replace(_seen(case, event), muted_until=until, muted_by=event.actor, mute_reason=event.note)
        case "unmuted":
            case = replace(case, muted_until=None, muted_by=None, mute_reason=None)
            case = case if case.over_since is not None or case.resolved_at is not None else _unseen(case)
    return case


def _seen(case: Case, event: Event) -> Case:
    if case.acknowledged_at is not None:
        return case
    return replace(case, acknowledged_at=event.at, acknowledged_by=event.actor)


def _unseen(case: Case) -> Case:
    return replace(case, acknowledged_at=None, acknowledged_by=None)


def _asked(case: Case, event: Event) -> Case:
    """A step up, and what comes back after it was over for long, ask people anew; who had seen it stays on record."""
    severity, before = event.detail.get("severity"), case.round_severity
    worse = before is not None and severity is not None and RANK.get(severity, 0) > RANK.get(before, 0)
    back = event.what == "reopened" and case.over_since is not None and event.at - case.over_since >= SETTLE
    over_since = case.over_since if event.what == "changed" else None
    case = replace(case, round_severity=severity if worse or back or before is None else before, over_since=over_since)
    return _unseen(case) if (worse or back) and case.resolved_at is None else case


def _without_disposition(case: Case) -> Case:
    return replace(
        case,
        disposition=None,
        disposition_state=None,
        disposition_reason=None,
        disposed_at=None,
        disposed_by=None,
        signed_at=None,
        signed_by=None,
    )
