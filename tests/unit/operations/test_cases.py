"""What people may do with an alert, and the history that follows: pure, so every sequence can be tried."""

from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.cases.decide import (
    Acknowledge,
    Act,
    Assign,
    Case,
    Command,
    Comment,
    CounterSign,
    Dispose,
    Event,
    Mute,
    Refusal,
    Reopen,
    Report,
    Resolve,
    Unmute,
    What,
    decide,
    evolve,
)

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
notes = st.none() | st.sampled_from(["seen", "door was open", " "])
people = st.sampled_from(["ann", "bob"])
decisions = st.sampled_from(["release", "quarantine", "reject"])
TRACKER: tuple[What, ...] = ("opened", "changed", "cleared", "reopened", "retracted")
severities: st.SearchStrategy[dict[str, str]] = st.sampled_from([{}, {"severity": "warning"}, {"severity": "critical"}])
reports = st.builds(
    Report, st.integers(1, 99), st.sampled_from(TRACKER), st.just(NOON), st.just("tracker"), st.none(), severities
)
commands = st.lists(
    st.builds(Acknowledge, people, notes)
    | st.builds(Resolve, people, notes)
    | st.builds(Assign, people, st.none() | people)
    | st.builds(Comment, people, st.just("look"), st.just(()))
    | st.builds(Act, people, st.sampled_from(["moved_goods", "other"]), notes)
    | st.builds(Dispose, people, decisions, st.sampled_from(["too warm", " "]))
    | st.builds(CounterSign, people, st.booleans(), notes, st.none() | decisions)
    | st.builds(Reopen, people, st.sampled_from(["again", ""]), st.booleans())
    | st.builds(Mute, people, st.just(NOON + timedelta(hours=1)), st.sampled_from(["at it", " "]))
    | st.builds(Unmute, st.sampled_from(["ann", "frostway"]))
    | reports,
    max_size=16,
)


def after(case: Case, *given_commands: Command) -> Case:
    for command in given_commands:
        events = decide(case, command, NOON)
        assert not isinstance(events, Refusal), (command, events)
        case = reduce(evolve, events, case)
    return case


def refused(case: Case | None, command: Command) -> str:
    found = decide(case, command, NOON)
    assert isinstance(found, Refusal), found
    return found.reason


def report(what: What) -> Report:
    return Report(7, what, NOON, "tracker")


PROPOSED = after(Case(), Dispose("ann", "quarantine", "too warm"))
SIGNED = after(PROPOSED, CounterSign("bob"))


def test_nothing_is_done_with_what_is_no_alert() -> None:
    assert refused(None, Resolve("ann")) == refused(None, Dispose("ann", "reject", "x")) == "unknown"


def test_the_first_who_acknowledges_counts_and_a_later_note_is_kept_out() -> None:
    seen = after(Case(), Acknowledge("ann", "door was open"))
    assert decide(seen, Acknowledge("bob", "me too"), NOON) == ()
    assert (seen.acknowledged_by, seen.acknowledged_at, seen.note) == ("ann", NOON, "door was open")


def told(what: What, minute: int, severity: str = "warning") -> Report:
    return Report(7, what, NOON + timedelta(minutes=minute), "tracker", detail={"severity": severity})


def test_a_step_up_asks_anew_and_so_does_what_was_over_for_long() -> None:
    seen = after(Case(), told("opened", 0), Acknowledge("ann"), told("changed", 5))
    assert seen.acknowledged_by == "ann"
    worse = after(seen, told("opened", 10, "critical"))
    assert (worse.acknowledged_at, worse.round_severity) == (None, "critical")
    again = after(worse, Acknowledge("bob"), told("changed", 12), told("changed", 13, "critical"))
    assert again.acknowledged_by == "bob", "it is no worse than it was in this round"
    soon = after(again, told("cleared", 20), told("reopened", 34))
    assert (soon.acknowledged_by, soon.over_since) == ("bob", None)
    assert after(soon, told("cleared", 40), told("reopened", 55)).acknowledged_by is None
    assert after(soon, told("retracted", 40), told("reopened", 41)).acknowledged_by is None, "it never was, and is"
    assert after(soon, Resolve("ann"), told("cleared", 40), told("reopened", 90)).acknowledged_by == "bob"


def test_muted_for_a_time_it_asks_anew_if_it_lasts_then() -> None:
    until = NOON + timedelta(hours=1)
    muted = after(Case(), told("opened", 0), Mute("ann", until, "the mechanic is at it"))
    assert (muted.muted_until, muted.muted_by, muted.mute_reason) == (until, "ann", "the mechanic is at it")
    assert muted.acknowledged_by == "ann"
    assert decide(muted, Unmute(), until - timedelta(seconds=1)) == (), "not before its time"
    (event,) = decide(muted, Unmute(), until)  # type: ignore[misc]
    assert (event.what, event.actor) == ("unmuted", "frostway")
    assert (evolve(muted, event).muted_until, evolve(muted, event).acknowledged_at) == (None, None)
    over = after(muted, told("cleared", 30))
    assert evolve(over, event).acknowledged_by == "ann", "it is over"
    assert after(muted, Unmute("bob")).acknowledged_at is None
    assert decide(Case(), Unmute("bob"), NOON) == ()
    assert refused(Case(), Mute("ann", until, " ")) == "no reason"
    assert refused(after(Case(), Resolve("ann")), Mute("ann", until, "x")) == "resolved"
    assert after(muted, Resolve("ann")).muted_until is None


def test_what_is_resolved_is_acknowledged_too_and_keeps_a_note_that_stood() -> None:
    done = after(Case(note="door was open"), Resolve("bob"))
    assert (done.acknowledged_by, done.resolved_by, done.note) == ("bob", "bob", "door was open")
    assert decide(done, Acknowledge("ann"), NOON) == ()
    assert decide(done, Resolve("ann"), NOON) == ()


def test_what_the_tracker_reports_changes_nothing_that_people_did() -> None:
    seen = after(Case(), Acknowledge("ann"))
    told = after(seen, report("retracted"))
    assert (told.acknowledged_by, told.resolved_at, told.version) == ("ann", None, 2)


def test_it_is_given_to_somebody_written_to_and_acted_on() -> None:
    case = after(Case(), Assign("ann", "bob"), Comment("ann", "look, @bob", ["bob"]), Act("bob", "closed_doors"))
    assert (case.assignee, case.comments, case.version, case.acknowledged_at) == ("bob", 1, 3, None)
    assert decide(case, Assign("ann", "bob"), NOON) == ()
    assert after(case, Assign("bob", None)).assignee is None


def test_a_disposition_stands_when_another_person_signs() -> None:
    assert (PROPOSED.disposition, PROPOSED.disposition_state, PROPOSED.signed_by) == ("quarantine", "proposed", None)
    assert PROPOSED.acknowledged_by == "ann"
    assert refused(PROPOSED, CounterSign("ann")) == "same person"
    assert refused(PROPOSED, CounterSign("bob", decision="release")) == "another decision"
    assert refused(PROPOSED, Resolve("bob")) == "waits"
    assert (SIGNED.disposition_state, SIGNED.disposed_by, SIGNED.signed_by) == ("signed", "ann", "bob")
    assert decide(SIGNED, CounterSign("bob"), NOON) == ()
    assert refused(SIGNED, CounterSign("carl")) == "nothing to sign"
    assert refused(SIGNED, Dispose("carl", "release", "fine")) == "signed"
    assert refused(Case(), CounterSign("bob")) == "nothing to sign"
    assert refused(Case(), Dispose("ann", "reject", " ")) == "no reason"


def test_a_later_proposal_takes_the_place_of_one_and_its_own_author_cannot_sign() -> None:
    assert decide(PROPOSED, Dispose("ann", "quarantine", "too warm"), NOON) == ()
    other = after(PROPOSED, Dispose("bob", "reject", "thawed"))
    assert (other.disposition, other.disposed_by, other.version) == ("reject", "bob", 2)
    assert refused(other, CounterSign("bob")) == "same person"
    assert after(other, CounterSign("ann")).signed_by == "ann"


def test_who_does_not_sign_says_why_and_sends_it_back() -> None:
    assert refused(PROPOSED, CounterSign("bob", accept=False)) == "no reason"
    back = after(PROPOSED, CounterSign("bob", accept=False, reason="not thawed"))
    assert (back.disposition, back.disposition_state, back.disposed_by, back.version) == (None, None, None, 2)


@pytest.mark.parametrize("what", ["opened", "changed", "reopened", "retracted"])
def test_what_late_readings_correct_is_looked_at_again_and_never_overwritten(what: What) -> None:
    events = decide(SIGNED, report(what), NOON)
    assert not isinstance(events, Refusal)
    assert [event.what for event in events] == [what, "superseded"]
    fallen = reduce(evolve, events, SIGNED)
    assert (fallen.disposition, fallen.disposed_by, fallen.signed_by) == ("quarantine", "ann", "bob")
    assert fallen.disposition_state == "superseded"
    assert after(fallen, report(what)).version == fallen.version + 1  # it is said once
    assert refused(fallen, CounterSign("carl")) == "nothing to sign"
    assert refused(fallen, Resolve("carl")) == "waits"
    anew = after(fallen, Dispose("bob", "reject", "thawed after all"))
    assert (anew.disposition_state, anew.signed_by) == ("proposed", None)
    assert after(PROPOSED, report(what)).disposition_state == "proposed"


def test_the_end_of_an_excursion_supersedes_only_what_was_released_before_it() -> None:
    assert after(SIGNED, report("cleared")).disposition_state == "signed"
    released = after(Case(), Dispose("ann", "release", "short"), CounterSign("bob"), report("cleared"))
    assert released.disposition_state == "superseded"


def test_a_case_that_was_done_with_is_looked_at_again_when_late_readings_correct_it() -> None:
    closed = after(SIGNED, Resolve("ann"))
    fallen = after(closed, report("retracted"))
    assert (fallen.resolved_by, fallen.waits) == ("ann", True)
    assert after(fallen, Dispose("ann", "release", "it never was")).disposition_state == "proposed"
    assert refused(after(Case(), Resolve("ann")), Dispose("ann", "release", "x")) == "resolved"


def test_taken_up_again_it_is_open_and_undecided_and_says_why() -> None:
    closed = after(SIGNED, Resolve("ann"))
    assert refused(closed, Reopen("ann", " ")) == "no reason"
    assert refused(closed, Reopen("dan", "look", may_dispose=False)) == "may not dispose"
    opened = after(closed, Reopen("ann", "new data"))
    assert (opened.resolved_at, opened.disposition, opened.signed_by, opened.version) == (None, None, None, 4)
    assert refused(opened, Reopen("ann", "new data")) == "open"
    assert after(after(Case(), Resolve("ann")), Reopen("dan", "look", may_dispose=False)).resolved_at is None


@given(commands)
def test_any_sequence_of_commands_keeps_the_laws(given_commands: list[Command]) -> None:
    case, lines = Case(), list[Event]()
    for n, command in enumerate(given_commands):
        now, before = NOON + timedelta(minutes=n), case
        events = decide(case, command, now)
        if isinstance(events, Refusal):
            assert not isinstance(command, Report)
            continue
        for event in events:
            case = evolve(case, event)
            lines.append(event)
            assert case.version == len(lines)  # no holes
        if isinstance(command, (Acknowledge, Resolve, Assign, Dispose)):
            assert decide(case, command, now + timedelta(days=1)) == ()  # repeated, nothing changes
        if case.disposition_state in ("signed", "superseded"):
            assert None not in (case.disposed_by, case.signed_by)
            assert case.disposed_by != case.signed_by  # never by one person
        else:
            assert case.signed_by is None
        assert len({value is None for value in (case.muted_until, case.muted_by, case.mute_reason)}) == 1
        assert case.muted_until is None or case.resolved_at is None
        if case.disposition is not None:
            assert (case.disposition_reason or "").strip()
            assert case.disposed_by is not None
        if before.disposition_state == "signed" and isinstance(command, Report):
            kept = case.disposition, case.disposition_reason, case.disposed_by, case.signed_by
            assert kept == (before.disposition, before.disposition_reason, before.disposed_by, before.signed_by)
        if before.resolved_at is None and case.resolved_at is not None:
            assert case.disposition_state in (None, "signed")  # nothing is closed that waits for somebody
        assert case.comments == sum(event.what == "commented" for event in lines)
