"""The allowance of receipts: the newest of each boot arrives in the end, and never more than the rate allows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest.allowance import BOOTS_WAITING_MAX, BURST, PER_S, Allowance

STEP = st.tuples(st.floats(0, 5), st.lists(st.tuples(st.integers(1, 3), st.integers(0, 150)), max_size=200))


@given(st.lists(STEP, max_size=12))
def test_never_more_than_the_rate_and_each_boot_hears_its_newest_in_the_end(
    steps: list[tuple[float, list[tuple[int, int]]]],
) -> None:
    allowance, now, number = Allowance(), 0.0, 0
    sent: dict[int, int] = {}
    newest: dict[tuple[int, str], int] = {}
    heard: dict[tuple[int, str], int] = {}

    def hear(due: list[tuple[int, str, int]]) -> None:
        for device_id, boot, contiguous in allowance.take(due, now):
            sent[device_id] = sent.get(device_id, 0) + 1
            assert contiguous > heard.get((device_id, boot), -1), "a receipt never goes back"
            heard[device_id, boot] = contiguous
            assert sent[device_id] <= BURST + now * PER_S + 1e-6

    for wait_s, marks in steps:
        now += wait_s
        due = []
        for device_id, boot in marks:
            number += 1
            due.append((device_id, f"b{boot}", number))
            newest[device_id, f"b{boot}"] = number
        hear(due)
    assert BOOTS_WAITING_MAX >= 151
    now += 151 / PER_S
    hear([])
    assert heard == newest
    assert not allowance


def test_a_device_with_boots_without_end_holds_a_bounded_part_and_others_are_served() -> None:
    allowance = Allowance()
    first = allowance.take([(1, f"boot-{n}", n) for n in range(10_000)] + [(2, "b", 7)], 0.0)
    assert sum(each.device_id == 1 for each in first) == BURST
    assert [each for each in first if each.device_id == 2] == [(2, "b", 7)]
    rest = sum(len(allowance.take([], 1000.0 * n)) for n in range(1, 10))
    assert rest == BOOTS_WAITING_MAX - BURST
