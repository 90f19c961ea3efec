"""Which milestones of a shipment are to be told: from what is known now and what was told. Pure.

Nothing is remembered but what was told: what comes late, or in another order, gives the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

MILESTONES: Mapping[str, str] = {
    "planned": "when it is to come",
    "departed": "it is on its way",
    "arriving": "it arrives within half an hour",
    "moved": "it comes later or earlier than was said",
    "delivered": "it has arrived",
    "temperature": "how cold it was kept",
    "cancelled": "it is called off",
}
"""Milestones, and what is told of each."""
MATTERS = timedelta(minutes=15)
"""What differs by less is not told again."""
NEAR = timedelta(minutes=30)
PAUSE = timedelta(minutes=15)
"""A window is not told to be another one so soon behind another."""
MESSAGES_MAX = 20
"""Of one link, however often things change."""
WORTH_S: Mapping[str, int] = {"arriving": 1800, "moved": 3600}
"""How long it is worth telling, seconds; of the others half a day."""
WORTH_S_MAX = 12 * 3600


class Window(NamedTuple):
    """From when to when."""

    begin: datetime
    end: datetime


class Facts(NamedTuple):
    """What is known of a shipment and its last stop. `planned`: its agreed window; `expected`: p10 to p90."""

    status: str
    planned: Window | None = None
    expected: Window | None = None
    likely: datetime | None = None
    arrived_at: datetime | None = None
    verdict: str | None = None


class Said(NamedTuple):
    """What was, or is to be, told of a milestone."""

    at: datetime
    window: Window | None = None
    moment: datetime | None = None
    word: str = ""


class News(NamedTuple):
    """What is to be told; `corrects`: what was told is not so."""

    milestone: str
    said: Said
    corrects: bool = False


Told = Mapping[str, Said]
WITHDRAWN = "withdrawn"


def decide(facts: Facts, told: Told, wanted: Sequence[str], now: datetime) -> list[News]:
    """What is to be told now, in the order of `MILESTONES`."""
    found = (rule(facts, told, now) for milestone, rule in _RULES.items() if milestone in wanted)
    return [news for news in found if news is not None]


def _planned(facts: Facts, told: Told, now: datetime) -> News | None:
    window, old = facts.planned, told.get("planned")
    if facts.status != "planned" or window is None or window.end <= now:
        return None
    if old is not None and old.window is not None and not _differ(old.window, window):
        return None
    return News("planned", Said(now, window), corrects=old is not None)


def _departed(facts: Facts, told: Told, now: datetime) -> News | None:
    old = told.get("departed")
    stands = old is not None and old.word != WITHDRAWN
    if facts.status == "in_transit" and not stands:
        return News("departed", Said(now, _open(facts.expected, now)), corrects=old is not None)
    if facts.status == "planned" and stands:
        return News("departed", Said(now, word=WITHDRAWN), corrects=True)
    return None


def _arriving(facts: Facts, told: Told, now: datetime) -> News | None:
    window = _open(facts.expected, now)
    is_near = facts.likely is not None and facts.likely - now <= NEAR
    if facts.status != "in_transit" or "arriving" in told or window is None or not is_near:
        return None
    return News("arriving", Said(now, window))


def _moved(facts: Facts, told: Told, now: datetime) -> News | None:
    window, likely = _open(facts.expected, now), facts.likely
    windows = [said for said in told.values() if said.window is not None]
    promise = max(windows, key=lambda said: said.at).window if windows else facts.planned
    if facts.status != "in_transit" or window is None or likely is None or promise is None:
        return None
    if any(now - said.at < PAUSE for said in windows):
        return None
    word = "later" if likely > promise.end + MATTERS else "earlier" if likely < promise.begin - MATTERS else ""
    return News("moved", Said(now, window, word=word)) if word else None


def _delivered(facts: Facts, told: Told, now: datetime) -> News | None:
    old = told.get("delivered")
    stands = old is not None and old.word != WITHDRAWN
    has_arrived = facts.status == "delivered"
    if stands and not has_arrived and facts.status != "cancelled":
        return News("delivered", Said(now, word=WITHDRAWN), corrects=True)
    if not has_arrived:
        return None
    if old is not None and stands and not _apart(old.moment, facts.arrived_at):
        return None
    return News("delivered", Said(now, moment=facts.arrived_at), corrects=old is not None)


def _temperature(facts: Facts, told: Told, now: datetime) -> News | None:
    old = told.get("temperature")
    is_over = facts.status == "delivered"
    if old is None:
        is_worth = facts.verdict == "excursion" or (is_over and facts.verdict in ("in_range", "indeterminate"))
        is_under_way = facts.status in ("in_transit", "delivered")
        return News("temperature", Said(now, word=str(facts.verdict))) if is_worth and is_under_way else None
    after_all = (old.word, facts.verdict)
    if after_all in (("in_range", "excursion"), ("indeterminate", "excursion"), ("indeterminate", "in_range")):
        return News("temperature", Said(now, word=str(facts.verdict)), corrects=True)
    if old.word == "excursion" and facts.verdict in ("in_range", "indeterminate"):
        return News("temperature", Said(now, word=str(facts.verdict)), corrects=True)
    return None


def _cancelled(facts: Facts, told: Told, now: datetime) -> News | None:
    return News("cancelled", Said(now)) if facts.status == "cancelled" and "cancelled" not in told else None


_RULES: Mapping[str, Callable[[Facts, Told, datetime], News | None]] = {
    "planned": _planned,
    "departed": _departed,
    "arriving": _arriving,
    "moved": _moved,
    "delivered": _delivered,
    "temperature": _temperature,
    "cancelled": _cancelled,
}


def _open(window: Window | None, now: datetime) -> Window | None:
    """A window that is not over."""
    return window if window is not None and window.end > now else None


def _differ(old: Window, new: Window) -> bool:
    return abs(old.begin - new.begin) > MATTERS or abs(old.end - new.end) > MATTERS


def _apart(old: datetime | None, new: datetime | None) -> bool:
    return old is not None and new is not None and abs(old - new) > MATTERS


def worth_until(news: Sequence[News], now: datetime) -> datetime:
    """Until when a message is worth sending: as long as any of it is."""
    return now + timedelta(seconds=max(WORTH_S.get(each.milestone, WORTH_S_MAX) for each in news))
