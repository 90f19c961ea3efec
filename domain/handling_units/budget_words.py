"""Budgets of parts and units as they are kept and shown: of several the worst, with of how many it is."""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan
from typing import Any, NamedTuple

from domain.cold_chain.budgets import BandBudget, Budget
from domain.times import rfc3339

STAYS_MAX = 50
_URGENCY = {"fail": 0, "indeterminate": 1, "pass": 2}
SINGLE = "pass", "fail", "indeterminate"


class Told(NamedTuple):
    """A budget as it is kept."""

    verdict: str
    share: float | None
    body: dict[str, Any]


def told(found: Budget, unit: str, lot: str, profile: str | None, version: int | None) -> Told:
    """The budget of a part."""
    kinetic = found.kinetic
    stays = sorted(
        (since, band.band.name, until, seconds) for band in found.bands for since, until, seconds in band.stays
    )[-STAYS_MAX:]
    body = {
        "reasons": list(found.reasons),
        "unit": unit,
        "lot": lot,
        "of": 1,
        "failing": int(found.verdict == "fail"),
        "profile": profile,
        "profile_version": version,
        "known_s": round(found.known_s),
        "unknown_s": round(found.unknown_s),
        "min_c": _known(found.min_c),
        "max_c": _known(found.max_c),
        "bands": [_band(band) for band in found.bands],
        "kinetic": None
        if kinetic is None
        else {
            "store_c": kinetic.of.store_c,
            "budget_s": round(kinetic.of.budget_s),
            "before_s": round(kinetic.of.before_s),
            "known_used_s": round(kinetic.known_used_s),
            "worst_case_used_s": _whole(kinetic.worst_case_used_s),
            "remaining_s": _whole(kinetic.remaining_s),
            "verdict": kinetic.verdict,
        },
        "stays": [
            [name, rfc3339(since), None if until is None else rfc3339(until), round(seconds)]
            for since, name, until, seconds in stays
        ],
    }
    return Told(found.verdict, None if found.share is None else round(found.share, 4), body)


def without_profile(unit: str, lot: str) -> Told:
    """Of goods of which nobody says what they may be exposed to."""
    nothing: dict[str, Any] = dict.fromkeys(("profile", "profile_version", "min_c", "max_c", "kinetic"))
    some = {"reasons": ["no_profile"], "unit": unit, "lot": lot, "of": 1, "failing": 0, "known_s": 0, "unknown_s": 0}
    return Told("indeterminate", None, {**some, **nothing, "bands": [], "stays": []})


def worst(parts: Iterable[Told]) -> Told | None:
    """Of several budgets that which is nearest its end, with of how many parts it is and how many of them fail."""
    some = list(parts)
    if not some:
        return None
    first = min(some, key=lambda t: (_URGENCY[t.verdict], 2.0 if t.share is None else t.share))
    of, failing = (sum(t.body[name] for t in some) for name in ("of", "failing"))
    return Told(first.verdict, first.share, {**first.body, "of": of, "failing": failing})


def _band(band: BandBudget) -> dict[str, Any]:
    return {
        "name": band.band.name,
        "severity": band.band.severity,
        "op": band.band.op,
        "limit_c": band.band.limit_c,
        "mode": band.band.mode,
        "for_s": band.band.for_s,
        "before_s": round(band.before_s),
        "known_used_s": round(band.known_used_s),
        "worst_case_used_s": _whole(band.worst_case_used_s),
        "remaining_s": _whole(band.remaining_s),
        "verdict": band.verdict,
    }


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)


def _known(value: float) -> float | None:
    return None if isnan(value) else round(value, 2)
