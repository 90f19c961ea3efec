"""What shelves and tags say of a pick: how much was taken, how sure that is, and whether it agrees with what is said.

Pure; a reading that comes late is one more of them, and what it says of the pick is found anew.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Literal, NamedTuple

Cause = Literal["", "no_sensor", "silent", "unsteady", "no_unit_mass", "other_product", "shared", "too_coarse", "more"]
Verdict = Literal["agrees", "differs", "unknown"]

NOISE_KG, NOISE_MIN_KG = 0.005, 0.0005
"""Of a scale of which nothing is known yet; and at least."""
NOISE_OF, MEDIAN_OF_DIFFERENCES = 4, 1.4826 / math.sqrt(2)
UNIT_SD = 0.02
"""So much, of its mass, one piece differs from another."""
SIGMAS, STEADY_SIGMAS, STEADY_UNITS = 3.0, 5.0, 0.1
BEFORE, AFTER = 5, 2
"""So many of the last weighings before the pick and since it began are what the shelf weighed."""
SURE_MAX = 0.99

EPOCH_S = 30
READ_RATE, READ_RATE_WORTH, LEAK = 0.8, 12, 0.15
"""As in presence: of a tag of which nothing is known; and how often it is heard from next door, of that."""
GONE, THERE = 0.9, 0.1
PRIOR = 0.05, 0.5


class Weighing(NamedTuple):
    """What a slot weighed, or how many it counted."""

    t_us: int
    mass_kg: float | None = None
    item_count: float | None = None


class Slot(NamedTuple):
    """A slot from which may have been picked; `fits`: the shelf has the product in it that is picked."""

    name: str
    fits: bool
    weighings: tuple[Weighing, ...]


class Shelf(NamedTuple):
    """What a shelf says: `taken` in base units as weighed, `quantity` the whole number nearest to it.

    `bound`: so far it may be off; `sure`: the chance that it is no other number. With a `cause` it says no number.
    """

    slots: tuple[str, ...] = ()
    taken: float | None = None
    quantity: int | None = None
    bound: float | None = None
    sure: float = 0.0
    cause: Cause = ""
    variance: float = 0.0


def weighed(slots: Sequence[Slot], unit_kg: float | None, since_us: int, *, shared: bool) -> Shelf:
    """How much is less in slots than before a pick began; `shared`: other products lie there too.

    >>> before = [Weighing(t, 10.0) for t in range(5)]
    >>> after = [Weighing(7, 7.001), Weighing(8, 6.999)]
    >>> weighed([Slot("A", True, (*before, *after))], 0.5, 5, shared=False)[1:4]
    (6.0, 6, 0.14699081603964242)
    """
    names = tuple(sorted(each.name for each in slots))
    if not slots:
        return Shelf(cause="no_sensor")
    if not all(each.fits for each in slots):
        return Shelf(names, cause="other_product")
    if shared:
        return Shelf(names, cause="shared")
    taken, variance = 0.0, 0.0
    for each in slots:
        found = _slot(each.weighings, unit_kg, since_us)
        if isinstance(found, str):
            return Shelf(names, cause=found)
        taken, variance = taken + found[0], variance + found[1]
    return _counted(names, round(taken, 6), variance)


def _counted(names: tuple[str, ...], taken: float, variance: float) -> Shelf:
    quantity = round(taken)
    if quantity < 0:
        return Shelf(names, taken, cause="more")
    bound = _bound(variance, quantity)
    if bound >= 0.5:
        return Shelf(names, taken, bound=bound, cause="too_coarse", variance=variance)
    return Shelf(names, taken, quantity, bound, _sure(taken, quantity, bound / SIGMAS), "", variance)


def _bound(variance: float, quantity: float) -> float:
    return SIGMAS * math.sqrt(variance + (UNIT_SD**2 * quantity if variance else 0.0))


def _sure(taken: float, quantity: int, sd: float) -> float:
    def weight(n: int) -> float:
        return math.exp(-(((taken - n) / sd) ** 2) / 2) if sd else float(taken == n)

    others = sum(weight(n) for n in (quantity - 1, quantity + 1))
    own = weight(quantity)
    return min(SURE_MAX, own / (own + others)) if own else 0.0


def _slot(told: Sequence[Weighing], unit_kg: float | None, since_us: int) -> tuple[float, float] | Cause:
    """How many were taken of a slot, and the variance of that by its scale alone."""
    told = sorted(told)
    if (counts := [(each.t_us, each.item_count) for each in told if each.item_count is not None]) and all(
        each.mass_kg is None for each in told
    ):
        first = [count for t_us, count in counts if t_us <= since_us]
        then = [count for t_us, count in counts if t_us > since_us]
        return (first[-1] - then[-1], 0.0) if first and then else "silent"
    before = [each.mass_kg for each in told if each.t_us <= since_us and each.mass_kg is not None]
    after = [each.mass_kg for each in told if each.t_us > since_us and each.mass_kg is not None][-AFTER:]
    if not before or not after:
        return "silent"
    if not unit_kg or unit_kg <= 0:
        return "no_unit_mass"
    noise = _noise(before)
    if len(after) < AFTER or max(after) - min(after) > max(STEADY_SIGMAS * noise, STEADY_UNITS * unit_kg):
        return "unsteady"
    last = before[-BEFORE:]
    delta = median(last) - sum(after) / AFTER
    return delta / unit_kg, noise**2 * (1 / len(last) + 1 / AFTER) / unit_kg**2


def _noise(masses: Sequence[float]) -> float:
    jumps = [abs(b - a) for a, b in pairwise(masses)]
    if len(jumps) < NOISE_OF:
        return NOISE_KG
    return max(NOISE_MIN_KG, MEDIAN_OF_DIFFERENCES * median(jumps))


def agreement(shelf: Shelf, said: float) -> Verdict:
    """Whether so many may have been taken, by what the shelf is off by.

    >>> agreement(Shelf(("A",), 6.02, 6, 0.15, 0.99), 6), agreement(Shelf(("A",), 6.02, 6, 0.15, 0.99), 5)
    ('agrees', 'differs')
    """
    if shelf.cause or shelf.taken is None:
        return "unknown"
    bound = _bound(shelf.variance, said) if shelf.variance else (shelf.bound or 0.0)
    return "agrees" if abs(shelf.taken - said) <= max(bound, 1e-6) else "differs"


class Heard(NamedTuple):
    """In an epoch a tag was heard, in the zone that is picked from or, by name, elsewhere; no EPC: some other tag."""

    epoch: int
    epc: str | None
    here: bool
    zone: str = ""


class Tag(NamedTuple):
    """How likely a tag was taken from its zone, and where it was heard since."""

    epc: str
    sure: float
    heard_in: str


def taken(heard: Iterable[Heard], since_us: int, wanted: float, done_us: int | None = None) -> list[Tag]:
    """Tags that were in a zone when a pick began, with the chance that they were taken, the surest first.

    What counts of a tag is what came after it was heard in the zone last; of a pick that is done (`done_us`) also that
    it was heard there afterwards. A tag that its zone listened for and did not hear is likely gone, one that was heard
    elsewhere more so.
    """
    since = since_us // 10**6 // EPOCH_S
    done = None if done_us is None else max(since, done_us // 10**6 // EPOCH_S)
    here: dict[str, set[int]] = {}
    away: dict[str, dict[int, str]] = {}
    awake: set[int] = set()
    for each in sorted(heard, key=lambda h: (h.epoch, h.epc or "", h.zone)):
        if each.here:
            awake.add(each.epoch)
            if each.epc is not None:
                here.setdefault(each.epc, set()).add(each.epoch)
        elif each.epc is not None:
            away.setdefault(each.epc, {})[each.epoch] = each.zone
    was = {epc: epochs for epc, epochs in here.items() if min(epochs) <= since}
    prior = min(PRIOR[1], max(PRIOR[0], wanted / max(len(was), 1)))
    found = [
        Tag(epc, _gone(epochs, away.get(epc, {}), awake, since, prior, done),
            next((zone for epoch, zone in reversed(away.get(epc, {}).items()) if epoch >= since), ""))
        for epc, epochs in was.items()
    ]  # fmt: skip
    return sorted(found, key=lambda tag: (-tag.sure, tag.epc))


def _gone(
    here: Collection[int], away: Mapping[int, str], awake: Collection[int], since: int, prior: float, done: int | None
) -> float:
    before = [epoch for epoch in awake if epoch <= since]
    rate = (sum(epoch <= since for epoch in here) + READ_RATE * READ_RATE_WORTH) / (len(before) + READ_RATE_WORTH)
    rate = min(rate, 0.95)
    start = max([since, *(epoch for epoch in here if done is None or epoch <= done)])
    odds = math.log(prior / (1 - prior))
    for epoch in awake:
        if epoch > start:
            odds += math.log(LEAK) if epoch in here else -math.log(1 - rate)
    odds -= math.log(LEAK) * sum(epoch >= start and epoch not in here for epoch in away)
    return min(SURE_MAX, 1 / (1 + math.exp(-max(min(odds, 50.0), -50.0))))


def named(tags: Sequence[Tag], epcs: Collection[str]) -> Verdict:
    """Whether the tags that were named as picked are gone.

    >>> named([Tag("a", 0.97, "dock"), Tag("b", 0.04, "")], ["a"]), named([Tag("b", 0.04, "")], ["b"]), named([], ["c"])
    ('agrees', 'differs', 'unknown')
    """
    chances = {tag.epc: tag.sure for tag in tags}
    mine = [chances.get(epc) for epc in epcs]
    if any(chance is not None and chance <= THERE for chance in mine):
        return "differs"
    return "agrees" if mine and all(chance is not None and chance >= GONE for chance in mine) else "unknown"


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """Of shelf and tags: one that contradicts is enough."""
    found = set(verdicts)
    return "differs" if "differs" in found else "agrees" if "agrees" in found else "unknown"
