"""What is to be told of alerts now, to whom, and when to look again: pure, a function of what is known and was told.

An alert has rounds. In one round each step of each route is told once, the last of them again so many times. A round
begins with the alert, when it gets worse than it was in this round, when it comes back after its end was settled, and
when a mute is over and it is not. Acknowledging ends the telling of a round; who begins one takes it back (`cases`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from domain.alert_routes import Route
from domain.cases import RANK, SETTLE

PAUSED_AGAIN = timedelta(minutes=1)
"""How often it is looked whether a paused channel is on again."""
END = -1
"""The step of an end."""
TOLD_MAX = 200

What = Literal["opened", "reopened", "unmuted", "reminder", "cleared", "retracted"]


@dataclass(frozen=True, slots=True)
class Alert:
    """What is known of an alert. `over`: it is, or never was; `over_at`, `back_at`: when it last was over, and back."""

    kind: str
    severity: str
    begun_at: datetime
    back_at: datetime | None = None
    over: Literal["cleared", "retracted"] | None = None
    over_at: datetime | None = None
    acknowledged_at: datetime | None = None
    vehicle: str | None = None
    fleet: str | None = None
    site: str | None = None
    muted_until: datetime | None = None
    unmuted_at: datetime | None = None
    """When a mute was over last."""


class Told(NamedTuple):
    """What was told; `nth`: 0 the first time, then reminders."""

    round: int
    route: str
    step: int
    nth: int
    what: What
    at: datetime
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class State:
    """How far telling is; `severity` the worst of this round, `over_at` while it is over."""

    round: int
    since: datetime
    severity: str
    word: Literal["opened", "reopened", "unmuted"] = "opened"
    over_at: datetime | None = None
    told: tuple[Told, ...] = ()

    def of_round(self, route: str) -> list[Told]:
        """What a route told in this round."""
        return [each for each in self.told if each.round == self.round and each.route == route]


class Item(NamedTuple):
    """Something to be told, from `ready_at` on, at `due_at` at the latest; between them it waits for company."""

    route: str
    step: int
    nth: int
    what: What
    ready_at: datetime
    due_at: datetime
    channels: tuple[str, ...]


def fits(route: Route, alert: Alert) -> bool:
    """Whether a route is for an alert."""
    places = ((route.vehicles, alert.vehicle), (route.fleets, alert.fleet), (route.sites, alert.site))
    return (
        (not route.kinds or alert.kind in route.kinds)
        and (not route.severities or alert.severity in route.severities)
        and all(not wanted or place in wanted for wanted, place in places)
    )


def moved(state: State | None, alert: Alert, now: datetime) -> State:
    """The state behind what is known now: perhaps another round."""
    if state is None:
        return State(1, alert.begun_at, alert.severity, over_at=alert.over_at if alert.over else None)
    if alert.over:
        return replace(state, over_at=alert.over_at)
    if alert.back_at is not None and alert.back_at > state.since:
        ended = any(each.round == state.round and each.step == END for each in state.told)
        if ended or (alert.over_at is not None and alert.back_at - alert.over_at >= SETTLE):
            return State(state.round + 1, alert.back_at, alert.severity, "reopened", told=state.told)
    state = replace(state, over_at=None)
    if alert.unmuted_at is not None and alert.unmuted_at > state.since:
        return State(state.round + 1, alert.unmuted_at, alert.severity, "unmuted", told=state.told)
    if RANK.get(alert.severity, 0) > RANK.get(state.severity, 0):
        return State(state.round + 1, now, alert.severity, state.word, told=state.told)
    return state


def plan(state: State, alert: Alert, routes: Iterable[Route]) -> list[Item]:
    """What is still to be told in this round, as things stand."""
    if alert.muted_until is not None:
        return []  # what takes the mute back lets it be looked at again
    if state.over_at is not None:
        return [item for route in routes for item in _ends(state, alert, route, state.over_at)]
    if alert.acknowledged_at is not None:
        return []
    return [item for route in routes if fits(route, alert) for item in _steps(state, alert, route)]


def _ends(state: State, alert: Alert, route: Route, over_at: datetime) -> list[Item]:
    """The end is told to whom the beginning was told, once."""
    told = state.of_round(route.name)
    if not route.ends or not told or any(each.step == END for each in told):
        return []
    channels = tuple(dict.fromkeys(name for each in told for name in each.channels))
    what: What = alert.over or "cleared"
    ready = route.open_from(over_at if what == "retracted" else over_at + SETTLE, state.severity)
    return [Item(route.name, END, 0, what, ready, ready + route.group, channels)]


def _steps(state: State, alert: Alert, route: Route) -> list[Item]:
    told = {(each.step, each.nth): each.at for each in state.of_round(route.name)}
    base = route.open_from(state.since, alert.severity)
    items = []
    for n, step in enumerate(route.steps):
        if (n, 0) not in told:
            ready = route.open_from(base + step.after, alert.severity)
            what: What = state.word if n == 0 else "reminder"
            items.append(Item(route.name, n, 0, what, ready, ready + route.group, step.channels))
    last = len(route.steps) - 1
    nth = 1 + max((nth for step, nth in told if step == last), default=-1)
    if route.repeat and 1 <= nth <= route.repeats:
        ready = route.open_from(told[last, nth - 1] + route.repeat, alert.severity)
        items.append(Item(route.name, last, nth, "reminder", ready, ready + route.group, route.steps[last].channels))
    return items


def fire(plans: Sequence[Sequence[Item]], channels: Collection[str], now: datetime) -> list[list[Item]]:
    """Of the plans of many alerts what is told now: when one of a route is due, all of it that is ready goes along.

    `channels` are those that are not paused; what has none of them waits.
    """
    able = [[_by(item, channels) for item in items] for items in plans]
    due = {item.route for items in able for item in items if item.channels and item.due_at <= now}
    return [[item for item in items if item.channels and item.route in due and item.ready_at <= now] for items in able]


def _by(item: Item, channels: Collection[str]) -> Item:
    return item._replace(channels=tuple(name for name in item.channels if name in channels))


def after(state: State, fired: Iterable[Item], now: datetime) -> State:
    """The state when that was told."""
    new = [Told(state.round, i.route, i.step, i.nth, i.what, now, i.channels) for i in fired]
    return replace(state, told=(*state.told, *new)[-TOLD_MAX:]) if new else state


def look_at(items: Iterable[Item], channels: Collection[str], now: datetime) -> datetime | None:
    """When to look again; None: when something happens."""
    return min(
        (i.due_at if _by(i, channels).channels else max(i.due_at, now + PAUSED_AGAIN) for i in items), default=None
    )


def timeline(alert: Alert, routes: Sequence[Route], channels: Collection[str], most: int) -> list[Told]:
    """What would be told of an alert that nobody acknowledges and that does not end, at most so much of it."""
    now, state = alert.begun_at, moved(None, alert, alert.begun_at)
    while len(state.told) < most:
        items = [item for item in plan(state, alert, routes) if _by(item, channels).channels]
        at = look_at(items, channels, now)
        if at is None:
            break
        now = max(now, at)
        (fired,) = fire([items], channels, now)
        state = after(state, fired, now)
    return list(state.told[:most])
