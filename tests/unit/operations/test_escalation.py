"""Who is told of an alert when: laws over any course of things, and the cases that people ask about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.alert_routes import Route, Schedule, Step, routes_of
from operations.escalation.decide import END, SETTLE, Alert, State, after, fire, look_at, moved, plan, timeline
from operations.escalation.record import kept_of, state_of

T0 = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)  # a Monday
ALL = {"day", "night", "boss"}
NIGHT = Schedule((1, 2, 3, 4, 5, 6, 7), time(22), time(6), "Europe/Helsinki")


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


def route(*steps: tuple[float, str], **more: object) -> Route:
    found = tuple(Step(minutes(n), (channel,)) for n, channel in steps)
    return replace(Route("r", found, group=timedelta(0)), **more)  # type: ignore[arg-type]


ALERT = Alert("temperature", "critical", T0)


class Course:
    """One alert as the program sees it, look by look."""

    def __init__(self, *routes: Route, alert: Alert = ALERT) -> None:
        self.routes, self.alert, self.channels = routes, alert, set(ALL)
        self.state: State | None = None
        self.now = alert.begun_at

    def look(self, at: datetime) -> list[tuple[int, int, str]]:
        self.now = at
        self.state = moved(self.state, self.alert, at)
        (fired,) = fire([plan(self.state, self.alert, self.routes)], self.channels, at)
        self.state = state_of(kept_of(after(self.state, fired, at)))
        assert self.state is not None
        return [(item.step, item.nth, item.what) for item in fired]

    def due(self) -> datetime | None:
        assert self.state is not None
        return look_at(plan(self.state, self.alert, self.routes), self.channels, self.now)


def test_step_by_step_then_reminders_until_the_last() -> None:
    course = Course(route((0, "night"), (15, "boss"), repeat=minutes(30), repeats=2))
    assert course.look(T0) == [(0, 0, "opened")]
    assert course.due() == T0 + minutes(15)
    assert course.look(T0 + minutes(14)) == []
    assert course.look(T0 + minutes(15)) == [(1, 0, "reminder")]
    assert course.look(T0 + minutes(45)) == [(1, 1, "reminder")]
    assert course.look(T0 + minutes(75)) == [(1, 2, "reminder")]
    assert course.due() is None


def test_acknowledged_nobody_is_told_until_it_gets_worse() -> None:
    course = Course(route((0, "night"), (15, "boss")), alert=replace(ALERT, severity="warning"))
    course.look(T0)
    course.alert = replace(course.alert, acknowledged_at=T0 + minutes(5))
    assert course.look(T0 + minutes(20)) == []
    assert course.due() is None
    course.alert = replace(course.alert, severity="critical")
    assert course.look(T0 + minutes(29)) == [], "the case has not taken it in yet"
    course.alert = replace(course.alert, acknowledged_at=None)
    assert course.look(T0 + minutes(30)) == [(0, 0, "opened")]
    course.alert = replace(course.alert, severity="warning")
    assert course.look(T0 + minutes(31)) == []
    assert course.look(T0 + minutes(45)) == [(1, 0, "reminder")], "until this round is acknowledged"
    course.alert = replace(course.alert, acknowledged_at=T0 + minutes(46))
    assert (course.look(T0 + minutes(60)), course.due()) == ([], None)


def test_muted_nobody_is_told_and_what_lasts_is_told_when_the_mute_is_over() -> None:
    course = Course(route((0, "night"), (15, "boss"), repeat=minutes(10), repeats=2))
    course.look(T0)
    course.alert = replace(course.alert, muted_until=T0 + minutes(60), severity="critical")
    assert (course.look(T0 + minutes(40)), course.due()) == ([], None)
    course.alert = replace(course.alert, muted_until=None, unmuted_at=T0 + minutes(60))
    assert course.look(T0 + minutes(60)) == [(0, 0, "unmuted")]
    assert course.look(T0 + minutes(61)) == []
    assert course.look(T0 + minutes(75)) == [(1, 0, "reminder")]


def test_what_ends_while_it_is_muted_is_told_as_over_and_not_as_lasting() -> None:
    course = Course(route((0, "night"), (15, "boss")))
    course.look(T0)
    course.alert = replace(course.alert, muted_until=T0 + minutes(60), over="cleared", over_at=T0 + minutes(20))
    assert course.look(T0 + minutes(40)) == []
    course.alert = replace(course.alert, muted_until=None, unmuted_at=T0 + minutes(60))
    assert course.look(T0 + minutes(60)) == [(END, 0, "cleared")]


def test_over_before_the_first_step_nothing_is_told() -> None:
    course = Course(route((10, "night")))
    course.look(T0)
    course.alert = replace(ALERT, over="cleared", over_at=T0 + minutes(5))
    assert (course.look(T0 + minutes(10)), course.look(T0 + minutes(60)), course.due()) == ([], [], None)


def test_the_end_is_told_when_it_lasts_and_what_comes_back_then_is_told_anew() -> None:
    course = Course(route((0, "night")))
    course.look(T0)
    course.alert = replace(ALERT, over="cleared", over_at=T0 + minutes(30), acknowledged_at=T0 + minutes(1))
    assert course.look(T0 + minutes(30)) == []
    assert course.look(T0 + minutes(30) + SETTLE) == [(END, 0, "cleared")]
    course.alert = replace(course.alert, over=None, back_at=T0 + minutes(90), acknowledged_at=None)
    assert course.look(T0 + minutes(90)) == [(0, 0, "reopened")]


def test_what_went_and_came_while_nobody_looked_is_told_anew_too() -> None:
    course = Course(route((0, "night")))
    course.look(T0)
    course.alert = replace(ALERT, over_at=T0 + minutes(10), back_at=T0 + minutes(100))
    assert course.look(T0 + minutes(120)) == [(0, 0, "reopened")]


def test_what_was_withdrawn_and_comes_back_soon_is_told_anew() -> None:
    course = Course(route((0, "night")))
    course.look(T0)
    course.alert = replace(ALERT, over="retracted", over_at=T0 + minutes(5))
    assert course.look(T0 + minutes(5)) == [(END, 0, "retracted")]
    course.alert = replace(course.alert, over=None, back_at=T0 + minutes(8))
    assert course.look(T0 + minutes(8)) == [(0, 0, "reopened")]


def test_a_tenth_of_a_degree_to_and_fro_for_an_hour_is_told_once() -> None:
    course, told = Course(route((0, "night"))), []
    for n in range(60):
        at = T0 + minutes(n)
        change = {"over": "cleared", "over_at": at} if n % 2 else {"over": None, "back_at": at if n else None}
        course.alert = replace(course.alert, **change)  # type: ignore[arg-type]
        told += course.look(at)
    assert told == [(0, 0, "opened")]


def test_quiet_hours_put_off_and_critical_pierces_where_it_may() -> None:
    at_night = route((0, "night"), (15, "boss"), schedule=NIGHT)
    course = Course(at_night)
    assert course.look(T0) == []
    assert course.due() == datetime(2026, 11, 30, 20, 0, tzinfo=UTC)
    assert course.look(datetime(2026, 11, 30, 20, 0, tzinfo=UTC)) == [(0, 0, "opened")]
    assert course.due() == datetime(2026, 11, 30, 20, 15, tzinfo=UTC)
    assert Course(replace(at_night, critical_pierces=True)).look(T0) == [(0, 0, "opened")]


def test_a_paused_channel_is_told_when_it_is_on_again() -> None:
    course = Course(route((0, "night")))
    course.channels = {"boss"}
    assert (course.look(T0), course.due()) == ([], T0 + minutes(1))
    course.channels = set(ALL)
    assert course.look(T0 + minutes(1)) == [(0, 0, "opened")]


def test_hours_over_midnight_and_over_the_change_of_clocks() -> None:
    weekend = Schedule((6,), time(22), time(6), "Europe/Berlin")
    assert weekend.open_from(T0) == datetime(2026, 12, 5, 21, 0, tzinfo=UTC)
    inside = datetime(2026, 12, 6, 4, 59, tzinfo=UTC)  # Sunday morning, of Saturday's night
    assert weekend.open_from(inside) == inside
    assert weekend.open_from(inside + minutes(1)) == datetime(2026, 12, 12, 21, 0, tzinfo=UTC)
    lost = Schedule((7,), time(2, 15), time(2, 45), "Europe/Berlin")  # 2026-03-29: these minutes are not
    found = lost.open_from(datetime(2026, 3, 28, 12, tzinfo=UTC))
    assert found >= datetime(2026, 3, 28, 12, tzinfo=UTC)


def test_a_storm_is_one_message_and_what_begins_later_another() -> None:
    together = route((0, "night"), group=minutes(1))
    alerts = [replace(ALERT, begun_at=T0 + timedelta(seconds=n)) for n in (0, 20, 59, 61)]
    plans = [plan(moved(None, alert, alert.begun_at), alert, [together]) for alert in alerts]
    assert [len(items) for items in fire(plans, ALL, T0 + timedelta(seconds=59))] == [0, 0, 0, 0]
    assert [len(items) for items in fire(plans, ALL, T0 + timedelta(seconds=60))] == [1, 1, 1, 0]


@given(st.lists(st.integers(0, 299), min_size=1, max_size=60))
def test_a_storm_of_five_minutes_is_five_messages_at_most_and_all_are_in_them(begun: list[int]) -> None:
    together = route((0, "night"), group=minutes(1))
    alerts = [replace(ALERT, begun_at=T0 + timedelta(seconds=n)) for n in begun]
    states, told, messages = [moved(None, alert, alert.begun_at) for alert in alerts], 0, []
    for now in (T0 + timedelta(seconds=n) for n in range(361)):
        plans = [
            plan(state, alert, [together]) if alert.begun_at <= now else []
            for state, alert in zip(states, alerts, strict=True)
        ]
        fired = fire(plans, ALL, now)
        states = [after(state, items, now) for state, items in zip(states, fired, strict=True)]
        if n := sum(map(len, fired)):
            messages.append(now)
            told += n
    assert told == len(alerts)
    assert all(b - a >= minutes(1) for a, b in pairwise(messages))
    assert sum(now < T0 + minutes(5) for now in messages) <= 5


def test_the_preview_is_what_happens() -> None:
    table = routes_of(
        [
            {"name": "night", "steps": [{"after_s": 0, "channels": ["night"]}, {"after_s": 900, "channels": ["boss"]}],
             "repeat_s": 600, "repeats": 1, "group_s": 0, "alerts": {"severities": ["critical"]}},
            {"name": "warnings", "steps": [{"after_s": 0, "channels": ["day"]}], "alerts": {"severities": ["warning"]}},
        ]
    )  # fmt: skip
    told = timeline(ALERT, table, ALL, 50)
    assert [((each.at - T0) / minutes(1), each.channels[0]) for each in told] == [
        (0, "night"),
        (15, "boss"),
        (25, "boss"),
    ]


events = st.lists(
    st.tuples(
        st.integers(0, 45),
        st.sampled_from(["look", "look", "ack", "clear", "back", "retract", "worse", "better", "pause", "on"]),
    ),
    max_size=40,
)
tables = st.lists(
    st.builds(
        lambda n, after_s, group_s, repeats, hours: Route(
            f"r{n}",
            tuple(
                Step(timedelta(seconds=s), (c,))
                for s, c in zip(sorted(after_s), ("night", "boss", "day"), strict=False)
            ),
            group=timedelta(seconds=group_s),
            repeat=minutes(10 if repeats else 0),
            repeats=repeats,
            schedule=NIGHT if hours else None,
        ),
        st.integers(0, 99),
        st.sets(st.integers(0, 7200), min_size=1, max_size=3),
        st.integers(0, 600),
        st.integers(0, 4),
        st.booleans(),
    ),
    max_size=3,
    unique_by=lambda r: r.name,
)


def changed(course: Course, what: str, now: datetime) -> None:
    alert = course.alert
    if what == "ack" and alert.acknowledged_at is None:
        course.alert = replace(alert, acknowledged_at=now)
    elif what in ("clear", "retract") and not alert.over:
        course.alert = replace(alert, over="cleared" if what == "clear" else "retracted", over_at=now)
    elif what == "back" and alert.over:
        course.alert = replace(alert, over=None, back_at=now)
    elif what in ("worse", "better"):
        course.alert = replace(alert, severity="critical" if what == "worse" else "warning")
    elif what in ("pause", "on"):
        course.channels = set(ALL) if what == "on" else {"day"}


@given(tables, events)
def test_never_twice_and_never_more_than_bounded(routes: list[Route], course_of_things: list[tuple[int, str]]) -> None:
    course, now = Course(*routes), T0
    course.look(now)
    for wait, what in course_of_things:
        until = now + minutes(wait)
        while (due := course.due()) is not None and due <= until:  # the program looks when it said it would
            looked = max(due, now)
            course.look(looked)
            assert (again := course.due()) is None or again > looked, "it looks for ever"
            now = looked
        now = until
        changed(course, what, now)
        course.look(now)
    assert course.state is not None
    keys = [(each.round, each.route, each.step, each.nth) for each in course.state.told]
    assert len(keys) == len(set(keys))
    for found in routes:
        mine = [each for each in course.state.told if each.route == found.name]
        assert len(mine) <= course.state.round * (len(found.steps) + found.repeats + 1)
    assert all(a.at <= b.at for a, b in pairwise(course.state.told))


@given(tables, st.integers(0, 40))
def test_while_nobody_acknowledges_each_step_is_told_within_its_time(routes: list[Route], hours: int) -> None:
    alert = replace(ALERT, begun_at=T0 + timedelta(hours=hours))
    told = timeline(alert, routes, ALL, 200)
    for found in routes:
        opens = found.open_from(alert.begun_at, "critical")
        for n, step in enumerate(found.steps):
            (at,) = [t.at for t in told if (t.route, t.step, t.nth) == (found.name, n, 0)]
            ready = found.open_from(opens + step.after, "critical")
            assert ready <= at <= ready + found.group
