"""Hours of drivers: breaks and rests put into a timed drive, by Regulation (EC) 561/2006 or by 49 CFR 395. Pure.

What is to be done comes in its order: driving, which may be interrupted anywhere, other work, which may not, and
pauses, in which the driver is free. Driving goes on as long as every limit allows; then comes the rest that the limit
asks for. Waiting for `not_before_s` is free time and counts as a break or rest where it is long enough. Times are whole
seconds since 1970-01-01, weeks begin on Mondays at 00:00, days at 00:00 of the same clock.

Not put in, though allowed: daily rests of 3 + 9 hours and weekly ones of 24 (EU), sleeper berths of 7 + 2 (US). The
European directive on working time is not looked at. Without a tachograph what was driven before is an estimate.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

HOUR_S = 3600
DAY_S = 24 * HOUR_S
WEEK_S = 7 * DAY_S
MONDAY_S = 4 * DAY_S
"""1970-01-05 was the first Monday."""
DRIVE, WORK, PAUSE = "drive", "work", "pause"
BREAK, REST, WEEKLY_REST, RESTART = "break", "rest", "weekly_rest", "restart"


class HoursError(ValueError):
    """What no day of a driver can hold."""


class Task(NamedTuple):
    """What is to be done: `drive`, `work` or `pause`, how long, and not before when."""

    kind: str
    seconds: int
    not_before_s: int | None = None


class Period(NamedTuple):
    """What is done from when to when; of breaks and rests by which limit."""

    kind: str
    begin_s: int
    end_s: int
    why: str = ""


class Need(NamedTuple):
    """A rest: how long the driver must be free in one piece, and not less than until when."""

    kind: str
    seconds: int
    until_s: int = 0


class Rules(Protocol):
    """Limits, and what has been used of them."""

    def room(self, now_s: int) -> tuple[int, str]:
        """How long may be driven from now, and which limit ends it."""

    def work_room(self, now_s: int) -> tuple[int, str]:
        """How long other work may be done from now."""

    def need(self, why: str, now_s: int) -> Need:
        """The rest that a limit asks for."""

    def busy(self, kind: str, begin_s: int, end_s: int) -> None:
        """Driven, or worked."""

    def free(self, begin_s: int, end_s: int) -> None:
        """Free in one piece since `begin_s`; told again when it lasts longer."""


def with_rests(tasks: Iterable[Task], start_s: int, rules: Rules) -> list[Period]:
    """All tasks in their order with the breaks and rests that `rules` ask for; the last one's end is the arrival.

    Args:
        tasks: what is to be done.
        start_s: when the first may begin.
        rules: `Eu` or `Us`, with what was driven before; it is used up.

    Raises:
        HoursError: a piece of work is longer than any day allows, or a task cannot be.
    """
    line = Line(start_s, rules)
    for task in tasks:
        if task.kind not in (DRIVE, WORK, PAUSE) or task.seconds < 0:
            raise HoursError(f"{task.kind} of {task.seconds} s is no task; there are {DRIVE}, {WORK} and {PAUSE}")
        if task.not_before_s is not None:
            line.be_free(PAUSE, task.not_before_s, "waits")
        if task.kind == PAUSE:
            line.be_free(PAUSE, line.now_s + task.seconds, "")
        elif task.kind == WORK:
            line.work(task.seconds)
        else:
            line.drive(task.seconds)
    return line.periods


class Line:
    """Time as it goes on; for whoever learns only on the way how long the next piece takes."""

    def __init__(self, start_s: int, rules: Rules) -> None:
        self.now_s, self.rules = start_s, rules
        self.periods: list[Period] = []
        self.free_since_s: int | None = None

    def be_free(self, kind: str, until_s: int, why: str) -> None:
        """Free until then; nothing, when it is later already."""
        if until_s <= self.now_s:
            return
        if self.free_since_s is None:
            self.free_since_s = self.now_s
        self._add(Period(kind, self.now_s, until_s, why))
        self.rules.free(self.free_since_s, until_s)

    def rest(self, why: str) -> bool:
        """Whether there was any rest to take that was not taken already."""
        need = self.rules.need(why, self.now_s)
        since = self.now_s if self.free_since_s is None else self.free_since_s
        until = max(since + need.seconds, need.until_s)
        taken = until > self.now_s
        self.be_free(need.kind, until, why)
        return taken

    def drive(self, seconds: int) -> None:
        """Drives so long, with the rests that it takes."""
        while seconds > 0:
            room, why = self.rules.room(self.now_s)
            if room <= 0:
                if not self.rest(why):
                    raise HoursError(f"{why}: nothing is allowed, and no rest changes that")
                continue
            part = min(room, seconds)
            self._busy(DRIVE, part)
            seconds -= part

    def work(self, seconds: int) -> None:
        """Works so long in one piece.

        Raises:
            HoursError: no day holds it.
        """
        while seconds > (room := self.rules.work_room(self.now_s))[0]:
            if not self.rest(room[1]):
                raise HoursError(f"work of {seconds / HOUR_S:g} h is longer than a day allows; divide it")
        if seconds:
            self._busy(WORK, seconds)

    def _busy(self, kind: str, seconds: int) -> None:
        self.free_since_s = None
        self.rules.busy(kind, self.now_s, self.now_s + seconds)
        self._add(Period(kind, self.now_s, self.now_s + seconds))

    def _add(self, period: Period) -> None:
        last = self.periods[-1] if self.periods else None
        if last and last.kind == period.kind and last.why == period.why:
            self.periods[-1] = last._replace(end_s=period.end_s)
        else:
            self.periods.append(period)
        self.now_s = period.end_s


def week_of(time_s: int) -> int:
    """Number of the week, from Monday."""
    return (time_s - MONDAY_S) // WEEK_S


@dataclass(frozen=True)
class EuUsed:
    """What has been used: since the last break, since the last daily rest (which ended at `day_begin_s`), in weeks.

    `half`: a break of 15 minutes was had. `extended`: days of more than nine hours, by week. `reduced`: daily rests of
    less than eleven hours since the last weekly one, which ended at `weekly_end_s`.
    """

    day_begin_s: int
    weekly_end_s: int
    since_break_s: int = 0
    half: bool = False
    day_s: int = 0
    weeks_s: dict[int, int] = field(default_factory=dict)
    extended: dict[int, int] = field(default_factory=dict)
    reduced: int = 0


class Eu:
    """Regulation (EC) 561/2006, articles 6 to 8.

    4.5 h of driving, then 45 min (or 15, later 30); 9 h a day, 10 h on `extended_max` days a week; 56 h a week, 90 h in
    two; within 24 h of the last rest's end 11 h of rest, 9 h `reduced_max` times between weekly rests; 45 h after at
    most six times 24 h.
    """

    BREAK_AFTER_S, BREAK_S = 9 * HOUR_S // 2, 45 * 60
    HALVES_S = (15 * 60, 30 * 60)
    DAY_DRIVE_S, EXTENDED_S = 9 * HOUR_S, 10 * HOUR_S
    WEEK_DRIVE_S, TWO_WEEKS_S = 56 * HOUR_S, 90 * HOUR_S
    REST_S, REDUCED_S, WEEKLY_S = 11 * HOUR_S, 9 * HOUR_S, 45 * HOUR_S
    SIX_DAYS_S = 6 * DAY_S

    def __init__(self, used: EuUsed, extended_max: int = 2, reduced_max: int = 0) -> None:
        if not (0 <= extended_max <= 2 and 0 <= reduced_max <= 3):
            raise HoursError("longer days are at most two a week, shorter rests three between weekly ones")
        self.used, self.extended_max, self.reduced_max = used, extended_max, reduced_max
        self._before: tuple[int, EuUsed] | None = None

    def room(self, now_s: int) -> tuple[int, str]:
        """How long may be driven from now."""
        used, week = self.used, week_of(now_s)
        here, last = used.weeks_s.get(week, 0), used.weeks_s.get(week - 1, 0)
        limits = [
            (used.weekly_end_s + self.SIX_DAYS_S - now_s, "six days since the weekly rest"),
            (self.WEEK_DRIVE_S - here, "56 h in a week"),
            (self.TWO_WEEKS_S - here - last, "90 h in two weeks"),
            (self._day_max(now_s) - used.day_s, "driving of a day"),
            (self._rest_by_s() - now_s, "daily rest within 24 h"),
            (self.BREAK_AFTER_S - used.since_break_s, "4.5 h of driving"),
        ]
        room, why = min(limits, key=lambda each: each[0])
        if room > 0:
            return min(room, MONDAY_S + (week + 1) * WEEK_S - now_s), why
        if why == limits[-1][1]:
            pause = self._break_s()
            later = [(left - pause if n in (0, 4) else left, why) for n, (left, why) in enumerate(limits[:-1])]
            return min([*(each for each in later if each[0] <= 0), (0, why)], key=lambda each: each[0])
        return room, next(why for left, why in limits if left <= 0)

    def work_room(self, now_s: int) -> tuple[int, str]:
        """How long other work may be done from now: until a rest must begin."""
        weekly = self.used.weekly_end_s + self.SIX_DAYS_S - now_s
        return min((weekly, "six days since the weekly rest"), (self._rest_by_s() - now_s, "daily rest within 24 h"))

    def need(self, why: str, now_s: int) -> Need:
        """The rest that a limit asks for."""
        if why == "4.5 h of driving":
            return Need(BREAK, self._break_s())
        if why in ("56 h in a week", "90 h in two weeks"):
            return Need(WEEKLY_REST, self.WEEKLY_S, MONDAY_S + (week_of(now_s) + 1) * WEEK_S)
        if (
            why == "six days since the weekly rest"
            or now_s + self._rest_s() >= self.used.weekly_end_s + self.SIX_DAYS_S
        ):
            return Need(WEEKLY_REST, self.WEEKLY_S)
        return Need(REST, self._rest_s())

    def busy(self, kind: str, begin_s: int, end_s: int) -> None:
        """Driven, or worked."""
        self._before = None
        if kind != DRIVE:
            return
        used, week, long = self.used, week_of(begin_s), end_s - begin_s
        day_s = used.day_s + long
        if used.day_s <= self.DAY_DRIVE_S < day_s:
            both = {week, week_of(used.day_begin_s)}
            used = replace(used, extended=used.extended | {each: used.extended.get(each, 0) + 1 for each in both})
        weeks_s = used.weeks_s | {week: used.weeks_s.get(week, 0) + long}
        self.used = replace(used, since_break_s=used.since_break_s + long, day_s=day_s, weeks_s=weeks_s)

    def free(self, begin_s: int, end_s: int) -> None:
        """Free in one piece since `begin_s`."""
        if self._before is None or self._before[0] != begin_s:
            self._before = begin_s, self.used
        used, long = self._before[1], end_s - begin_s
        rested = replace(used, day_begin_s=end_s, day_s=0, since_break_s=0, half=False)
        if long >= self.WEEKLY_S:
            self.used = replace(rested, weekly_end_s=end_s, reduced=0)
        elif long >= self.REST_S and begin_s <= used.day_begin_s + DAY_S - self.REST_S:
            self.used = rested
        elif long >= self.REDUCED_S and used.reduced < self.reduced_max:  # also 11 h of which only 9 are in the 24
            self.used = replace(rested, reduced=used.reduced + 1)
        elif long >= self.BREAK_S or (used.half and long >= self.HALVES_S[1]):
            self.used = replace(used, since_break_s=0, half=False)
        else:
            self.used = replace(used, half=used.half or long >= self.HALVES_S[0])

    def _break_s(self) -> int:
        had = self._before[1].half if self._before else self.used.half
        return self.HALVES_S[1] if had else self.BREAK_S

    def _rest_s(self) -> int:
        reduced = self._before[1].reduced if self._before else self.used.reduced
        return self.REDUCED_S if reduced < self.reduced_max else self.REST_S

    def _rest_by_s(self) -> int:
        return self.used.day_begin_s + DAY_S - self._rest_s()

    def _day_max(self, now_s: int) -> int:
        if self.used.day_s > self.DAY_DRIVE_S:
            return self.EXTENDED_S
        weeks = {week_of(now_s), week_of(now_s + DAY_S), week_of(self.used.day_begin_s)}
        more = all(self.used.extended.get(each, 0) < self.extended_max for each in weeks)
        return self.EXTENDED_S if more else self.DAY_DRIVE_S


class UsUsed(NamedTuple):
    """What has been used: driven since 30 minutes without, and since ten hours off.

    `day_begin_s`: when that day began, None: it has not. `on_duty`: (begin, end) of all since the last restart.
    """

    since_break_s: int = 0
    day_s: int = 0
    day_begin_s: int | None = None
    on_duty: tuple[tuple[int, int], ...] = ()


class Us:
    """49 CFR 395.3, property.

    11 h of driving within 14 h after 10 h off, 30 min without driving after 8 h of it, no driving after `cycle_h` hours
    on duty in `cycle_days` days (60 in 7 or 70 in 8), which 34 h off begin anew.
    """

    BREAK_AFTER_S, BREAK_S = 8 * HOUR_S, 30 * 60
    DAY_DRIVE_S, WINDOW_S, OFF_S, RESTART_S = 11 * HOUR_S, 14 * HOUR_S, 10 * HOUR_S, 34 * HOUR_S

    def __init__(self, used: UsUsed | None = None, cycle_h: int = 70, cycle_days: int = 8) -> None:
        self.used = used or UsUsed()
        self.cycle_s, self.cycle_days = cycle_h * HOUR_S, cycle_days
        self._before: tuple[int, UsUsed] | None = None
        self._still_since_s: int | None = None

    def room(self, now_s: int) -> tuple[int, str]:
        """How long may be driven from now."""
        used = self.used
        begin = now_s if used.day_begin_s is None else used.day_begin_s
        limits = [
            (self.cycle_s - self._on_duty_s(now_s), f"{self.cycle_s // HOUR_S} h in {self.cycle_days} days"),
            (self.DAY_DRIVE_S - used.day_s, "11 h of driving"),
            (begin + self.WINDOW_S - now_s, "14 h since the day began"),
            (self.BREAK_AFTER_S - used.since_break_s, "8 h of driving"),
        ]
        if (ended := next((each for each in limits[:-1] if each[0] <= 0), None)) is not None:
            return ended
        if limits[-1][0] <= 0 and limits[2][0] <= self.BREAK_S:
            return 0, limits[2][1]
        return min(limits, key=lambda each: each[0])

    def work_room(self, now_s: int) -> tuple[int, str]:
        """Other work is not limited; only driving after it is."""
        return WEEK_S, f"nothing at {now_s}"

    def need(self, why: str, now_s: int) -> Need:
        """The rest that a limit asks for."""
        if why == "8 h of driving":
            since = now_s if self._still_since_s is None else self._still_since_s
            return Need(BREAK, 0, since + self.BREAK_S)
        if why in ("11 h of driving", "14 h since the day began"):
            return Need(REST, self.OFF_S)
        return Need(RESTART, self.RESTART_S)

    def busy(self, kind: str, begin_s: int, end_s: int) -> None:
        """Driven, or worked."""
        self._before = None
        used = self.used
        used = used._replace(
            day_begin_s=begin_s if used.day_begin_s is None else used.day_begin_s,
            on_duty=(*used.on_duty, (begin_s, end_s)),
        )
        if kind == DRIVE:
            self._still_since_s = None
            long = end_s - begin_s
            used = used._replace(since_break_s=used.since_break_s + long, day_s=used.day_s + long)
        else:
            used = self._stood(used, begin_s, end_s)
        self.used = used

    def free(self, begin_s: int, end_s: int) -> None:
        """Off duty in one piece since `begin_s`."""
        if self._before is None or self._before[0] != begin_s:
            self._before = begin_s, self.used
        used, long = self._stood(self._before[1], begin_s, end_s), end_s - begin_s
        if long >= self.OFF_S:
            used = used._replace(day_s=0, day_begin_s=None)
        if long >= self.RESTART_S:
            used = used._replace(on_duty=())
        self.used = used

    def _stood(self, used: UsUsed, begin_s: int, end_s: int) -> UsUsed:
        """Driving was interrupted, by whatever."""
        if self._still_since_s is None:
            self._still_since_s = begin_s
        return used._replace(since_break_s=0) if end_s - self._still_since_s >= self.BREAK_S else used

    def _on_duty_s(self, now_s: int) -> int:
        """In this day and those before it that count."""
        since = now_s // DAY_S * DAY_S - (self.cycle_days - 1) * DAY_S
        return sum(max(0, min(end, now_s) - max(begin, since)) for begin, end in self.used.on_duty)
