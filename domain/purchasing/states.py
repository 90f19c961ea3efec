"""Where a purchase order is: what people said of it, and what moves say has come. Pure.

Quantities stand in moves only. What came shows that it was ordered, whatever was said and in which order one hears it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, NamedTuple

from domain.stock.quantities import Quantity

State = Literal["draft", "sent", "partly_received", "received", "closed", "cancelled"]
Step = Literal["send", "confirm", "cancel", "close"]
STATES: tuple[State, ...] = ("draft", "sent", "partly_received", "received", "closed", "cancelled")
OPEN: frozenset[State] = frozenset({"draft", "sent", "partly_received"})
"""Something of it is still expected."""
FROM: dict[Step, frozenset[State]] = {
    "send": frozenset({"draft"}),
    "confirm": frozenset({"sent", "partly_received"}),
    "cancel": frozenset({"draft", "sent"}),
    "close": frozenset({"partly_received"}),
}
TO: dict[Step, frozenset[State]] = {
    "send": frozenset({"sent", "partly_received", "received", "closed"}),
    "confirm": frozenset(),
    "cancel": frozenset({"cancelled"}),
    "close": frozenset({"closed", "received"}),
}
"""Where a step changes nothing: it was done before."""
INSTEAD: dict[Step, str] = {
    "send": "make a new one",
    "confirm": "send it first, or make a new one",
    "cancel": "some of it has come: close it, so that the rest is expected no more",
    "close": "nothing of it has come: cancel it",
}


class Said(NamedTuple):
    """What people said of it, and when."""

    sent_at: datetime | None = None
    cancelled_at: datetime | None = None
    closed_at: datetime | None = None


class Line(NamedTuple):
    """Of a product so much was ordered, and so much has come by moves."""

    ordered: Quantity
    received: Quantity

    @property
    def open(self) -> Quantity:
        """What is still to come."""
        return max(self.ordered - self.received, Quantity(0))


def state(said: Said, lines: Iterable[Line]) -> State:
    """Where it is.

    >>> six, two = Line(Quantity(6), Quantity(6)), Line(Quantity(6), Quantity(2))
    >>> state(Said(), []), state(Said(), [two]), state(Said(), [six])
    ('draft', 'partly_received', 'received')
    """
    known = list(lines)
    if said.cancelled_at is not None:
        return "cancelled"
    if known and not any(line.open for line in known):
        return "received"
    if said.closed_at is not None:
        return "closed"
    if any(line.received > 0 for line in known):
        return "partly_received"
    return "draft" if said.sent_at is None else "sent"


def refusal(step: Step, now: State) -> str | None:
    """Why a step cannot be done, and what to do instead; None: it can, or was done before."""
    if now in FROM[step] or now in TO[step]:
        return None
    return f"it is {now.replace('_', ' ')}; {INSTEAD[step]}"
