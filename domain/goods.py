"""What is said of the temperature of a shipment's goods: one shape for REST, the feed and the customer's page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NotRequired

from typing_extensions import TypedDict

from domain.digits import shown
from domain.times import rfc3339, to_us


class BandExposure(TypedDict):
    """Time in one band of the profile, of the probe with the most: observed, the longest stay, the worst case."""

    name: str
    severity: str
    for_s: float
    used_s: int
    longest_s: int
    worst_case_s: int
    verdict: str


class Exposure(TypedDict):
    """What the goods were exposed to against the bands of their profile: the worst of all probes.

    `verdict` is `pass`, `fail` or `indeterminate`; `reasons` say why it is not `pass`: `band`, `mkt`, `gaps`,
    `accuracy`, `coverage` or `no_data`; `silent`: a probe was left out for a while. `mkt_window_c` is that of the
    warmest window with an excursion in it, when the profile limits it.
    """

    verdict: str
    reasons: list[str]
    profile_version: int
    probes: int
    known_s: int
    unknown_s: int
    mkt_c: float | None
    mkt_window_c: float | None
    bands: list[BandExposure]


class Goods(TypedDict):
    """The budgets of the handling units with a shipment: the worst of `units`, of which `judged` have one.

    `share` is what is left of it from 1 to 0, in the worst case; `remaining_s` of its `band`. Used before departure
    counts. `failing` and `indeterminate` count units.
    """

    verdict: str
    units: int
    judged: int
    failing: int
    indeterminate: int
    unit: str | None
    lot: str | None
    share: float | None
    band: str | None
    remaining_s: int | None


class Verdict(TypedDict):
    """Temperature of the goods while under way: `in_range`, `excursion`, `indeterminate` or `no_data`.

    `exposure` is there when the profile has more than two limits, `goods` when handling units are with the shipment.
    """

    verdict: str
    min_c: float | None
    max_c: float | None
    last_c: float | None
    last_at: str | None
    exposure: NotRequired[Exposure]
    goods: NotRequired[Goods]


def verdict(row: Mapping[str, Any] | None, units: Sequence[Mapping[str, Any]] = ()) -> Verdict:
    """From a row of `shipment_temperatures`; without readings no verdict, without limits or with gaps no sure one.

    `units` are rows of the goods with it and their budgets.

    >>> verdict(None)["verdict"]
    'no_data'
    """
    if row is None:
        none: Verdict = {"verdict": "no_data", "min_c": None, "max_c": None, "last_c": None, "last_at": None}
        if units:
            none["goods"] = of_units(units)
        return none
    word = "in_range"
    if row["excursion"]:
        word = "excursion"
    elif row["unknown"] or (row["low_c"] is None and row["high_c"] is None):
        word = "indeterminate"
    found: Verdict = {
        "verdict": word,
        "min_c": shown("min_c", row["min_c"]),
        "max_c": shown("max_c", row["max_c"]),
        "last_c": shown("last_c", row["last_c"]),
        "last_at": rfc3339(to_us(row["last_at"])) if row["last_at"] else None,
    }
    if row.get("exposures"):
        found["exposure"] = worst(row["exposures"])
    if units:
        found["goods"] = of_units(units)
    return found


def of_units(units: Sequence[Mapping[str, Any]]) -> Goods:
    """The worst of handling units: `unit`, and `verdict`, `share` and `body` of its budget, if it has one.

    >>> of_units([{"unit": "A", "verdict": None}])["verdict"]
    'indeterminate'
    """
    judged = [u for u in units if u["verdict"] is not None]
    verdicts = [u["verdict"] for u in judged]
    order = {"fail": 0, "indeterminate": 1, "pass": 2}
    first = min(judged, key=lambda u: (order[u["verdict"]], 2 if u["share"] is None else u["share"]), default=None)
    sure = len(judged) == len(units)
    found: Goods = {
        "verdict": _of({*verdicts} if sure else {*verdicts, "indeterminate"}),
        "units": len(units),
        "judged": len(judged),
        "failing": verdicts.count("fail"),
        "indeterminate": verdicts.count("indeterminate") + len(units) - len(judged),
        "unit": None,
        "lot": None,
        "share": None,
        "band": None,
        "remaining_s": None,
    }
    if first is not None:
        found |= {"unit": first["unit"], "lot": first["body"]["lot"]}
        found["share"] = None if first["share"] is None else round(first["share"], 2)
        rests = [b for b in first["body"]["bands"] if b["remaining_s"] is not None]
        if band := min(rests, key=lambda b: b["remaining_s"] / max(b["for_s"], 1), default=None):
            found |= {"band": band["name"], "remaining_s": band["remaining_s"] // 60 * 60}
    return found


def worst(probes: Sequence[Mapping[str, Any]]) -> Exposure:
    """Of what several probes say: fails when one does, passes when all do; of each figure the worst."""
    verdicts = {p["verdict"] for p in probes}
    bands: dict[str, BandExposure] = {}
    for band in (b for p in probes for b in p["bands"]):
        before = bands.get(band["name"])
        said = {band["verdict"], before["verdict"]} if before else {band["verdict"]}
        bands[band["name"]] = {
            "name": band["name"],
            "severity": band["severity"],
            "for_s": band["for_s"],
            "used_s": max(band["used_s"], before["used_s"] if before else 0),
            "longest_s": max(band["longest_s"], before["longest_s"] if before else 0),
            "worst_case_s": max(band["worst_case_s"], before["worst_case_s"] if before else 0),
            "verdict": _of(said),
        }
    return {
        "verdict": _of(verdicts),
        "reasons": sorted({reason for p in probes for reason in p["reasons"]}),
        "profile_version": probes[0]["profile_version"],
        "probes": len(probes),
        "known_s": min(p["known_s"] for p in probes),
        "unknown_s": max(p["unknown_s"] for p in probes),
        "mkt_c": _greatest(p["mkt_c"] for p in probes),
        "mkt_window_c": _greatest(p["mkt_window_c"] for p in probes),
        "bands": list(bands.values()),
    }


def _of(verdicts: set[str]) -> str:
    return "fail" if "fail" in verdicts else "pass" if verdicts == {"pass"} else "indeterminate"


def _greatest(values: Iterable[float | None]) -> float | None:
    found = max((v for v in values if v is not None), default=None)
    return shown("temp_c", found)
