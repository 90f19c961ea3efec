"""What is told to webhooks and channels, and what follows from an attempt: pure. Retries: Standard Webhooks 1.0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

TYPES: Mapping[str, str] = {
    "alert.opened": "an alert is raised",
    "alert.changed": "readings that came later make it another one: its times, its extreme",
    "alert.cleared": "what it was about is over",
    "alert.reopened": "it is not over after all",
    "alert.retracted": "readings that came later say that it never was",
    "alert.acknowledged": "somebody has seen it",
    "alert.resolved": "somebody is done with it",
    "alert.assigned": "it is somebody's, or nobody's again",
    "alert.commented": "somebody wrote a word to it",
    "alert.acted": "somebody did something against it",
    "alert.disposed": "somebody proposes what becomes of the goods",
    "alert.countersigned": "another person signed that: it stands",
    "alert.sent_back": "another person did not sign that",
    "alert.superseded": "what was signed was decided on something else: it is to be looked at again",
    "alert.resumed": "somebody takes it up again, and its disposition back",
    "alert.muted": "nobody is told of it for a time",
    "alert.unmuted": "that is over",
    "shipment.arrived": "a vehicle arrived at a stop",
    "shipment.departed": "it departed from there",
    "shipment.called": "it arrived and departed, learnt at once",
    "shipment.call_revised": "readings that came later give other times",
    "shipment.call_retracted": "readings that came later say that it was not there",
    "order.accepted": "an order is taken in",
    "order.allocated": "goods are promised to a line of it, by lot and place",
    "order.deallocated": "they are promised to it no more",
    "order.picked": "they are taken from where they lie",
    "order.put_back": "what was picked lies at its place again",
    "order.packed": "they are in a handling unit",
    "order.unpacked": "they are out of it again",
    "order.loaded": "they are on the vehicle",
    "order.unloaded": "they are off it again, and not delivered",
    "order.delivered": "the customer has them",
    "order.refused": "the customer does not take them",
    "order.brought_back": "what was refused is with us again",
    "order.returned": "the customer has sent them back",
    "order.short": "nobody will send the rest of a line",
    "order.reopened": "the rest is to be sent after all",
    "order.cancelled": "the customer does not want them",
    "order.withdrawn": "a step that was told is taken back: it was not so",
    "delivery.completed": "all was handed over at a stop, with its proof",
    "delivery.exception": "something was short, damaged or refused there, or nobody was there",
    "delivery.amended": "what was told of it is corrected",
}
"""Events, and when they come about."""
GROUPS = ("*", "alert.*", "shipment.*", "order.*", "delivery.*")
TRY = "test"
MILESTONE = "milestone"
ESCALATION = "escalation"
"""By a route: one or many alerts."""
ALERTS: Mapping[str, Sequence[str]] = {"none": (), "critical": ("alert.critical",), "all": ("alert.opened",)}
"""Alerts that a channel tells of when they are raised, as it is kept."""
CLEARED = "alert.cleared"

AFTER = (
    timedelta(0), timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2),
    timedelta(hours=5), timedelta(hours=10), timedelta(hours=14), timedelta(hours=20), timedelta(hours=24),
)  # fmt: skip
"""How long behind the attempt before each attempt is made."""
JITTER = 0.1
PAUSE_MAX = timedelta(hours=1)
RETRY_AFTER_MAX = timedelta(hours=6)
KEPT_SECRET = timedelta(hours=24)
"""How long a former secret signs beside a new one."""
ERROR_CHARS_MAX = 300


Outcome = Literal["done", "again", "gave up"]


class Attempt(NamedTuple):
    """What came of telling: a status, or why there is none; `only_this`: others may be taken all the same.

    `is_moot`: nobody wants it any more, so that nobody was asked.
    """

    status: int | None
    error: str
    took_ms: int
    answer: str = ""
    retry_after_s: float | None = None
    only_this: bool = False
    is_moot: bool = False


class Verdict(NamedTuple):
    """What follows. `paused_until`: the whole webhook is left alone until then; `disable`: for good."""

    outcome: Outcome
    next_at: datetime | None = None
    paused_until: datetime | None = None
    disable: bool = False


def judge(attempt: Attempt, before: int, failures: int, now: datetime, chance: float) -> Verdict:
    """What follows from an attempt, behind `before` others; `failures` of the receiver in a row, `chance` 0 to 1.

    Only 2xx is success. A receiver that is away, busy or broken is left alone for a while, with all that waits for it;
    one that refuses this event is asked again about this one only. 410 says that it wants nothing more.
    """
    if attempt.status is not None and 200 <= attempt.status < 300:
        return Verdict("done")
    if attempt.is_moot:
        return Verdict("gave up")
    if attempt.status == 410:
        return Verdict("gave up", disable=True)
    paused = None
    is_away = attempt.status is None or attempt.status in (408, 425, 429) or attempt.status >= 500
    if is_away and not attempt.only_this:
        wait = min(AFTER[1] * 4 ** min(failures, 8), PAUSE_MAX)
        if attempt.retry_after_s is not None:
            wait = min(max(wait, timedelta(seconds=attempt.retry_after_s)), RETRY_AFTER_MAX)
        paused = now + wait * (1 + JITTER * chance)
    if before + 1 >= len(AFTER):
        return Verdict("gave up", paused_until=paused)
    again = now + AFTER[before + 1] * (1 + JITTER * chance)
    return Verdict("again", again if paused is None else max(again, paused), paused)
