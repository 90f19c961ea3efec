"""Whether a vehicle is as cold as its goods need before it is sealed: what is not known is never fine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from domain.times import rfc3339, to_us

Verdict = Literal["right", "too_warm", "too_cold", "unknown", "not_needed"]
RECENT = timedelta(minutes=15)
"""A reading that is older says nothing of now; as long as a profile lets probes be silent that says nothing else."""
COLD = frozenset({"chilled", "frozen"})


@dataclass(frozen=True, slots=True)
class ProbeNow:
    """A probe: its last reading within `RECENT`, and the limits."""

    device: str
    probe: str
    temp_c: float | None
    at: datetime | None
    low_c: float | None
    high_c: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Cooling:
    """What all probes come to: the worst of them; too warm before too cold before unknown."""

    verdict: Verdict
    words: str
    probes: tuple[ProbeNow, ...]

    def shown(self) -> list[dict[str, Any]]:
        """As it is kept and told."""
        return [
            {
                "device": p.device, "probe": p.probe, "temp_c": p.temp_c,
                "at": None if p.at is None else rfc3339(to_us(p.at)), "low_c": p.low_c, "high_c": p.high_c,
                "verdict": p.verdict,
            }
            for p in self.probes
        ]  # fmt: skip


def cooling(
    probes: Iterable[Mapping[str, Any]],
    classes: Sequence[str],
    compartments: Sequence[Mapping[str, Any]],
    *,
    held: bool,
    at: datetime,
) -> Cooling:
    """Judges rows of probes: device, probe, low_c, high_c, temp_c, time.

    Goods need it when the shipment is `held` to a profile or one of their classes is chilled or frozen. A compartment
    that has the name of a probe or its device and is for goods that need nothing is left out.
    """
    spare = {each["name"] for each in compartments if each["temp_class"] not in COLD}
    if not held and not COLD & set(classes):
        return Cooling("not_needed", "nothing on it needs cold", ())
    found = tuple(
        _judged(row, at) for row in probes if row["probe"] not in spare and row["device"] not in spare
    )  # fmt: skip
    worst: tuple[Verdict, ...] = ("too_warm", "too_cold", "unknown")
    for verdict in worst:
        its = [probe for probe in found if probe.verdict == verdict]
        if its:
            return Cooling(verdict, _words(its[0]), found)
    if not found:
        return Cooling("unknown", "unknown: no probe tells how cold it is", ())
    return Cooling("right", "it is as cold as its goods need", found)


def _judged(row: Mapping[str, Any], at: datetime) -> ProbeNow:
    temp_c, time = row["temp_c"], row["time"]
    limits = row["low_c"], row["high_c"]
    if temp_c is None or time < at - RECENT or limits == (None, None):
        verdict: Verdict = "unknown"
    elif row["high_c"] is not None and temp_c > row["high_c"]:
        verdict = "too_warm"
    else:
        verdict = "too_cold" if row["low_c"] is not None and temp_c < row["low_c"] else "right"
    return ProbeNow(row["device"], row["probe"], temp_c, time, *limits, verdict)


def _words(probe: ProbeNow) -> str:
    name = f"{probe.device}/{probe.probe}"
    if probe.verdict == "too_warm":
        return f"too warm: {name} has {probe.temp_c:g} °C, at most {probe.high_c:g} °C is right"
    if probe.verdict == "too_cold":
        return f"too cold: {name} has {probe.temp_c:g} °C, at least {probe.low_c:g} °C is right"
    if probe.temp_c is None:
        return f"unknown: {name} has said nothing for {RECENT.seconds // 60} min"
    return f"unknown: nobody has said how cold {name} is to be"
