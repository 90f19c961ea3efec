"""What people may do with an alert, and the history that follows: pure, so every sequence can be tried."""

from datetime import UTC, datetime, timedelta
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from operations.cases.decide import Acknowledge, Case, Command, Refusal, Report, Resolve, decide, evolve

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
notes = st.none() | st.sampled_from(["seen", "door was open"])
people = st.sampled_from(["ann", "bob"])
commands = st.lists(
    st.builds(Acknowledge, people, notes)
    | st.builds(Resolve, people, notes)
    | st.builds(
        Report,
        st.integers(1, 99),
        st.sampled_from(["opened", "changed", "cleared", "reopened", "retracted"]),
        st.just(NOON),
        st.just("tracker"),
    ),
    max_size=12,
)


def after(case: Case, command: Command, now: datetime) -> Case:
    events = decide(case, command, now)
    assert not isinstance(events, Refusal)
    return reduce(evolve, events, case)


def test_nothing_is_done_with_what_is_no_alert() -> None:
    assert decide(None, Resolve("ann"), NOON) == Refusal("unknown")


def test_the_first_who_acknowledges_counts_and_a_later_note_is_kept_out() -> None:
    seen = after(Case(), Acknowledge("ann", "door was open"), NOON)
    assert decide(seen, Acknowledge("bob", "me too"), NOON) == ()
    assert (seen.acknowledged_by, seen.acknowledged_at, seen.note) == ("ann", NOON, "door was open")


def test_what_is_resolved_is_acknowledged_too_and_keeps_a_note_that_stood() -> None:
    done = after(Case(note="door was open"), Resolve("bob"), NOON)
    assert (done.acknowledged_by, done.resolved_by, done.note) == ("bob", "bob", "door was open")
    assert decide(done, Acknowledge("ann"), NOON) == ()
    assert decide(done, Resolve("ann"), NOON) == ()


def test_what_the_tracker_reports_changes_nothing_that_people_did() -> None:
    seen = after(Case(), Acknowledge("ann"), NOON)
    told = after(seen, Report(7, "retracted", NOON, "tracker"), NOON)
    assert (told.acknowledged_by, told.resolved_at, told.version) == ("ann", None, 2)


@given(commands)
def test_repeating_a_command_changes_nothing_and_versions_have_no_holes(given_commands: list[Command]) -> None:
    case = Case()
    for n, command in enumerate(given_commands):
        now = NOON + timedelta(minutes=n)
        events = decide(case, command, now)
        assert not isinstance(events, Refusal)
        versions = [case.version]
        for event in events:
            case = evolve(case, event)
            versions.append(case.version)
        assert versions == list(range(versions[0], versions[0] + len(events) + 1))
        if not isinstance(command, Report):
            assert decide(case, command, now + timedelta(days=1)) == ()
            assert case.acknowledged_at is not None
            assert case.acknowledged_at <= now
