"""Routes as a tenant keeps them: which alerts, at which hours, by which channels after how long. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

ROUTES_MAX, STEPS_MAX, CHANNELS_MAX, REPEATS_MAX = 20, 5, 10, 20
GROUP_MAX_S = 600
DAYS_LOOKED = 9  # a week and a day to either side: every schedule opens within it


class Schedule(NamedTuple):
    """Days of the week (Monday is 1) and hours of a zone; hours that end before they begin go on into the next day."""

    days: tuple[int, ...]
    since: time
    until: time
    tz: str

    def open_from(self, at: datetime) -> datetime:
        """The first moment, not before `at`, at which it is open."""
        zone = ZoneInfo(self.tz)
        day = at.astimezone(zone).date() - timedelta(days=1)
        for date in (day + timedelta(days=n) for n in range(DAYS_LOOKED)):
            if date.isoweekday() not in self.days:
                continue
            last = date + timedelta(days=self.until <= self.since)
            opens = datetime.combine(date, self.since, zone).astimezone(UTC)
            closes = datetime.combine(last, self.until, zone).astimezone(UTC)
            if at < closes and opens < closes:
                return max(at, opens)
        return at  # no day at all: better told than never


class Step(NamedTuple):
    """By what is told, so long behind the beginning."""

    after: timedelta
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """Alerts that fit are told step by step. What names nothing fits all."""

    name: str
    steps: tuple[Step, ...]
    kinds: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()
    vehicles: frozenset[str] = frozenset()
    fleets: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()
    schedule: Schedule | None = None
    critical_pierces: bool = False
    repeat: timedelta = timedelta(0)
    repeats: int = 0
    group: timedelta = timedelta(seconds=60)
    ends: bool = True

    def open_from(self, at: datetime, severity: str) -> datetime:
        """When an alert is told that is to be told at `at`: quiet hours put it off, unless it pierces them."""
        if self.schedule is None or (self.critical_pierces and severity == "critical"):
            return at
        return self.schedule.open_from(at)


def route_of(kept: Mapping[str, Any]) -> Route:
    """A route from its JSON, as the API checks it."""
    fits = kept.get("alerts") or {}
    hours = kept.get("schedule")
    return Route(
        name=kept["name"],
        steps=tuple(Step(timedelta(seconds=each["after_s"]), tuple(each["channels"])) for each in kept["steps"]),
        kinds=frozenset(fits.get("kinds", ())),
        severities=frozenset(fits.get("severities", ())),
        vehicles=frozenset(fits.get("vehicles", ())),
        fleets=frozenset(fits.get("fleets", ())),
        sites=frozenset(fits.get("sites", ())),
        schedule=hours
        and Schedule(
            tuple(hours["days"]), time.fromisoformat(hours["from"]), time.fromisoformat(hours["until"]), hours["tz"]
        ),
        critical_pierces=kept.get("critical_pierces", False),
        repeat=timedelta(seconds=kept.get("repeat_s", 0)),
        repeats=kept.get("repeats", 0),
        group=timedelta(seconds=kept.get("group_s", 60)),
        ends=kept.get("cleared", True),
    )


def routes_of(kept: Sequence[Mapping[str, Any]]) -> tuple[Route, ...]:
    """A table of routes from its JSON."""
    return tuple(map(route_of, kept))
