"""When nobody is told of an alarm: while a door is open, a unit defrosts, or a box is still being cooled. Pure.

What is measured then is an excursion like any other; it says what held its alarm back. When that is over and the
alarm still stands, people are told. Where such time is not to count, they are told once the rest has been long enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from domain.cold_chain.profile import Suppression
from domain.folds.scan import NEVER

S_US = 1_000_000
OPEN_US_MAX = 3_600_000_000
"""A door that has said nothing else for so long is not believed to be open."""


class Said(NamedTuple):
    """What a door or a cooling unit has said: `on` is open, or defrosting."""

    at_us: int
    what: str
    of: int
    on: bool


class Held(NamedTuple):
    """What holds an alarm back, and until when: `NEVER`, while it lasts, or when the excursion is over before."""

    reason: str
    until_us: int


def spells(
    said: Iterable[Said], suppress: Suppression, loaded_us: Sequence[int], now_us: int
) -> list[tuple[int, int, str]]:
    """The times in which nobody is told: begin, end (`NEVER`: it lasts) and why, in order of begin."""
    found: list[tuple[int, int, str]] = []
    on: dict[tuple[str, int], tuple[int, int]] = {}
    rest_us = {"door": 0, "defrost": round((suppress.defrost_s or 0) * S_US)}
    wanted = {w for w, yes in (("door", suppress.door_open), ("defrost", suppress.defrost_s is not None)) if yes}
    for each in sorted(s for s in said if s.what in wanted):
        key = (each.what, each.of)
        if each.on:
            begun, _ = on.get(key, (each.at_us, 0))
            on[key] = (begun, each.at_us)
        elif key in on:
            found.append((on.pop(key)[0], each.at_us + rest_us[each.what], each.what))
    for (what, _), (begun, last) in on.items():
        lasts = now_us - last <= OPEN_US_MAX
        found.append((begun, NEVER if lasts else last + OPEN_US_MAX, what))
    if suppress.precondition_s:
        found += [(at, at + round(suppress.precondition_s * S_US), "precondition") for at in loaded_us]
    return sorted(found)


def held_back(alarm_us: int, end_us: int, among: Sequence[tuple[int, int, str]]) -> Held | None:
    """What holds an alarm back that happened at an instant, of an excursion that ended then; None: nothing does.

    >>> held_back(50, NEVER, [(10, 60, "door"), (55, 90, "defrost")])
    Held(reason='door', until_us=90)
    >>> held_back(50, 80, [(10, 90, "door")]).until_us == NEVER
    True
    """
    reason, until_us = "", alarm_us
    for begin, end, why in among:
        if begin <= until_us < end:
            reason, until_us = reason or why, end
    if not reason:
        return None
    return Held(reason, NEVER if end_us <= until_us else until_us)


def uncounted(start_us: int, alarm_us: int, end_us: int, among: Sequence[tuple[int, int, str]]) -> Held | None:
    """The same where that time does not count: until a stay has lasted as long without it. None: nothing of it was.

    >>> uncounted(0, 60, NEVER, [(10, 40, "door"), (30, 50, "defrost")])
    Held(reason='door', until_us=100)
    >>> uncounted(0, 60, 90, [(10, 40, "door")]).until_us == NEVER
    True
    """
    reason, at_us, left_us = "", start_us, alarm_us - start_us
    for begin, end, why in sorted(among):
        since = max(begin, at_us)
        if end <= at_us or (since - at_us >= left_us and (left_us or since > at_us)):
            continue
        reason, left_us, at_us = reason or why, left_us - (since - at_us), end
        if end == NEVER:
            return Held(reason, NEVER)
    until_us = at_us + left_us
    return Held(reason, NEVER if end_us <= until_us else until_us) if reason else None


def held(
    suppress: Suppression, start_us: int, alarm_us: int, end_us: int, among: Sequence[tuple[int, int, str]]
) -> Held | None:
    """What holds the alarm of an excursion back, whether such time counts or not."""
    return held_back(alarm_us, end_us, among) if suppress.counts else uncounted(start_us, alarm_us, end_us, among)
