"""Alerts of stock: no flapping in the band, and the same open ones whatever order the same facts are told in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.stock.outlook import Outlook
from domain.stock.watch import Change, Known, Lot, expiry, low, low_margin, out
from operations.deliver.message import alert_message
from operations.stock_alerts.decide import LASTS_S, Facts, Rules, Told, Word, decide, over
from tests.examples import examples

DAY, MINUTE = 86_400.0, 60.0
RULES = Rules(DAY, 7 * DAY)
BEGUN = 0.0
NOW = 20 * DAY
LOTS = (("A", NOW + 3 * DAY), ("B", NOW + 30 * DAY), ("", None))
FIRST = [Change(BEGUN, 40.0, 0.0, lot) for lot, _ in LOTS]
events = st.lists(
    st.tuples(
        st.integers(1, 20 * 24 * 6 - 2), st.sampled_from([-9, -5, -3, -2, -1, -1, 1, 4, 12]), st.booleans(),
        st.sampled_from([lot for lot, _ in LOTS]),
    ),
    min_size=1, max_size=24,
)  # fmt: skip


def known(changes: Sequence[Change], now: float = NOW, unit: str = "piece") -> Known:
    done = sorted((each for each in changes if each.at <= now), key=lambda each: (each.at, each.lot, each.delta))
    held = [Lot(lot, sum(each.delta for each in done if each.lot == lot), ends) for lot, ends in LOTS if lot]
    return Known(sum(each.delta for each in done), done, now, BEGUN, held, unit)


def facts(of: Known, reorder_point: float | None = 30.0, **more: Any) -> Facts:
    found = Outlook(of.level, False, "ledger", None, None, None, (), ())
    return replace(Facts("MILK", "Milk", "piece", reorder_point, 7 * DAY, found, of), **more)


def apply(told: dict[str, Told], words: Sequence[Word], number: int) -> None:
    for word in words:
        found = number if word.id is None else word.id
        told[word.kind] = Told(
            found, word.severity, word.title, word.stock, word.opened_at, word.cleared_at, word.withdrawn
        )


def is_open(told: dict[str, Told]) -> dict[str, float]:
    return {kind: round(each.opened_at, 1) for kind, each in told.items() if each.cleared_at is None}


def changes_of(drawn: Sequence[tuple[int, int, bool, str]]) -> list[Change]:
    return [
        Change(n * 600.0, float(delta), float(-delta) if delta < 0 and left else 0.0, lot)
        for n, delta, left, lot in drawn
    ]


@given(events, st.randoms(use_true_random=False), st.lists(st.integers(0, 30), max_size=6))
@settings(max_examples=examples(250), deadline=None)
def test_the_same_facts_in_any_order_end_in_the_same_open_alerts(
    drawn: list[tuple[int, int, bool, str]], random: Any, looks: list[int]
) -> None:
    changes = changes_of(drawn)
    straight: dict[str, Told] = {}
    apply(straight, decide(facts(known([*FIRST, *changes])), {}, RULES), 1)
    shuffled = list(changes)
    random.shuffle(shuffled)
    told: dict[str, Told] = {}
    for n in sorted({*looks, len(shuffled)}):
        heard = known([*FIRST, *shuffled[:n]])
        apply(told, decide(facts(heard), told, RULES), 100 + n)
        assert decide(facts(heard), told, RULES) == []  # looking again changes nothing
    assert is_open(told) == is_open(straight)


@given(st.lists(st.floats(-6, 6), min_size=1, max_size=60), st.floats(1, 100))
@settings(max_examples=examples(200), deadline=None)
def test_a_level_in_the_band_begins_and_ends_nothing(noise: list[float], point: float) -> None:
    """Each end is above the band and each beginning below it; what stays in it after a beginning is one spell."""
    margin = low_margin(point, "piece")
    levels = [point + margin / 2 + each / 7 * margin for each in noise]
    start = [Change(0.0, point + 2 * margin), Change(1.0, -2 * margin)]
    level, changes = point, list(start)
    for n, each in enumerate(levels, 2):
        changes.append(Change(float(n), each - level))
        level = each
    found = low(Known(level, changes, 1000.0, 0.0), point)
    inside = [each for each in levels if point < each < point + margin]
    if len(inside) == len(levels):
        assert [spell.until for spell in found] == [None]
    assert len(found) <= 1 + sum(each >= point + margin - 1e-6 for each in levels)


def test_what_is_sold_faster_than_it_lasts_is_soon_out_and_new_stock_ends_it() -> None:
    sold = [Change(DAY * n / 4, -10.0, 10.0) for n in range(1, 77)]
    of = known([Change(0.0, 800.0), *sold])
    (spell,) = out(of, DAY, None)
    assert spell.until is None
    assert spell.since == pytest.approx(19 * DAY, abs=DAY / 2)
    late = known([Change(0.0, 800.0), *sold, Change(19.5 * DAY, 500.0)])
    assert [each.until for each in out(late, DAY, None)] == [19.5 * DAY]


def test_what_is_filled_up_again_and_again_is_not_about_to_be_out() -> None:
    """A shelf that sells a piece a minute and is filled every half hour."""
    changes = [Change(0.0, 34.0)]
    for n in range(1, 300):
        changes.append(Change(n * MINUTE, -1.0, 1.0))
        if n % 30 == 0:
            changes.append(Change(n * MINUTE + 20, 30.0))
    level = sum(each.delta for each in changes)
    spells = out(Known(level, changes, 300 * MINUTE, 0.0), DAY, None)
    usual = [spell for spell in spells if spell.since > 100 * MINUTE]
    assert usual
    assert all((spell.until or 300 * MINUTE) - spell.since < LASTS_S for spell in usual)


def test_a_lot_is_told_when_it_ends_within_days_with_some_left_and_over_when_that_is_gone() -> None:
    lots = [Lot("A", 30.0, 10 * DAY)]
    arrived = [Change(0.0, 30.0, 0.0, "A")]
    (spell,) = expiry(Known(30.0, arrived, 9 * DAY, 0.0, lots), 7 * DAY)
    assert spell.since == pytest.approx(3 * DAY, abs=1)
    gone = [*arrived, Change(5 * DAY, -30.0, 0.0, "A")]
    spells = expiry(Known(0.0, gone, 9 * DAY, 0.0, [Lot("A", 0.0, 10 * DAY)]), 7 * DAY)
    assert [each.until for each in spells] == [5 * DAY]
    fast = [*arrived, *(Change(n * DAY / 4, -1.0, 1.0, "A") for n in range(1, 21))]
    assert expiry(Known(10.0, fast, 5.0 * DAY + 1, 0.0, [Lot("A", 10.0, 10 * DAY)]), 7 * DAY) == []


def test_a_moment_of_low_stock_is_nobodys_concern_and_nothing_left_is_critical_after_a_while() -> None:
    low_now = known([Change(0.0, 90.0), Change(NOW - 5 * MINUTE, -70.0)])
    assert decide(facts(low_now), {}, RULES) == []
    later = replace(low_now, now=NOW + LASTS_S)
    (word,) = decide(facts(later), {}, RULES)
    assert (word.what, word.kind, word.severity, word.opened_at) == ("raised", "low_stock", "warning", NOW - 5 * MINUTE)
    gone = known([Change(0.0, 20.0), Change(NOW - 3_600, -20.0, 20.0)])
    words = {word.kind: word.severity for word in decide(facts(gone), {}, RULES)}
    assert words == {"low_stock": "warning", "stock_out": "critical"}
    doubtful = {word.kind: word.severity for word in decide(facts(gone, count_task=7), {}, RULES)}
    assert doubtful == {"low_stock": "warning", "stock_out": "warning"}


def test_late_moves_take_back_what_never_was_and_move_what_was() -> None:
    told: dict[str, Told] = {}
    left = [Change(0.0, 90.0), Change(NOW - DAY, -70.0)]
    apply(told, decide(facts(known(left)), told, RULES), 1)
    assert is_open(told) == {"low_stock": NOW - DAY}
    moved = known([Change(0.0, 90.0), Change(NOW - 2 * DAY, -70.0)])
    (word,) = decide(facts(moved), told, RULES)
    assert (word.what, word.id, word.opened_at) == ("amended", 1, NOW - 2 * DAY)
    filled = known([*left, Change(NOW - DAY - 1, 50.0)])
    (word,) = decide(facts(filled), told, RULES)
    assert (word.what, word.withdrawn) == ("retracted", True)
    apply(told, [word], 1)
    assert decide(facts(filled), told, RULES) == []
    (word,) = decide(facts(known(left)), told, RULES)  # and that was wrong, too
    assert (word.what, word.id) == ("reopened", 1)
    apply(told, [word], 1)
    (word,) = decide(facts(known([*left, Change(NOW - 3600, 50.0)])), told, RULES)
    assert (word.what, word.cleared_at) == ("cleared", NOW - 3600)


def test_another_reorder_point_ends_what_was_told_by_the_former_and_does_not_take_it_back() -> None:
    told: dict[str, Told] = {}
    left = known([Change(0.0, 90.0), Change(NOW - DAY, -70.0)])
    apply(told, decide(facts(left), told, RULES), 1)
    (word,) = decide(facts(left, reorder_point=5.0), told, RULES)
    assert (word.what, word.withdrawn) == ("cleared", False)
    assert over("low_stock", told["low_stock"], NOW).what == "cleared"


@pytest.mark.parametrize(("language", "title", "line"), [
    ("en", "Warning: stock is low, Milk, store-1", "3 left, reorder at 8, by sensors."),
    ("fi", "Varoitus: varasto vähissä, Milk, store-1", "Jäljellä 3, tilausraja 8, anturien mukaan."),
    ("de", "Warnung: Bestand niedrig, Milk, store-1", "Noch 3, Meldebestand 8, nach Sensoren."),
])  # fmt: skip
def test_people_are_told_in_their_words(language: str, title: str, line: str) -> None:
    stock = {"label": "Milk", "base_unit": "piece", "quantity": 3.0, "reorder_point": 8.0, "basis": "sensors",
             "doubt": "unsure", "out": None, "expiring": []}  # fmt: skip
    data = {"alert": "1", "kind": "low_stock", "severity": "warning", "title": "Low", "site": "store-1", "device": None,
            "vehicle": None, "stock": stock, "opened_at": "2026-11-29T12:00:00.000Z"}  # fmt: skip
    told = alert_message("alert.opened", data, language, "UTC", "https://x", "c")
    assert told.title == title
    assert told.body.splitlines()[0] == line
    assert len(told.body.splitlines()) == 4
    lots = [{"lot": "L-7", "quantity": 4, "best_before": "2026-12-02T00:00:00.000Z"}]
    expiring = {**data, "kind": "expiry", "stock": {**stock, "doubt": None, "expiring": lots}}
    (first, *_) = alert_message("alert.opened", expiring, language, "UTC", None, "c").body.splitlines()
    assert "L-7" in first
    assert "2026-12-02" in first
    out = {"p10": "2026-12-01T10:00:00.000Z", "p50": "2026-12-02T10:00:00.000Z", "p90": None}
    soon = {**data, "kind": "stock_out", "stock": {**stock, "out": out}}
    assert "2026-12-02 10:00" in alert_message("alert.opened", soon, language, "UTC", None, "c").body
    gone = {**soon, "cleared_at": "2026-11-30T12:00:00.000Z"}
    assert alert_message("alert.retracted", gone, language, "UTC", None, "c").body.splitlines()[-1].endswith(".")
