"""What people read of an evidence pack: gathered record by record as it is written, in bounded memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from typing import Any

import numpy as np

from domain.cold_chain.kinetic import Kinetic, b_kelvin, mkt_c, of_series
from domain.evidence.chart import Chart, Line, svg
from domain.readings import WRONG_TIME, Flag

STEPS = 300  # of the chart
LISTED_MAX = 200  # of a table; how many more there are is said
_BECAME = {"sent_back": "not signed", "superseded": "superseded by late data", "resumed": "taken back"}
_NO_TEMPERATURE = set(Flag.names(int(WRONG_TIME | Flag.SENTINEL)))


def seconds_of(text: str) -> float:
    """Unix seconds of an RFC 3339 text of ours."""
    return datetime.fromisoformat(text).timestamp()


def lasting(seconds: float) -> str:
    """A span in words.

    >>> lasting(59), lasting(3_720), lasting(200_000)
    ('59 s', '1 h 02 min', '2 d 7 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 86_400:
        hours, minutes = divmod(int(seconds // 60), 60)
        return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"
    days, hours = divmod(int(seconds // 3600), 24)
    return f"{days} d {hours} h"


def shown(text: str | None) -> str:
    """A time as it is printed, UTC.

    >>> shown("2026-11-22T10:00:05.000Z"), shown(None)
    ('2026-11-22 10:00:05', '-')
    """
    return text[:19].replace("T", " ") if text else "-"


@dataclass
class _Probe:
    count: int = 0
    total: float = 0.0
    low: float = float("inf")
    high: float = float("-inf")
    unknown_s: float = 0.0
    kinetic: Kinetic = field(default_factory=Kinetic)
    last: tuple[float, float] | None = None
    """Seconds and temperature of the newest reading."""
    steps: dict[int, list[float]] = field(default_factory=dict)
    gaps: list[float] = field(default_factory=list)
    """When each gap began."""


class Summary:
    """Gathers the records of a pack."""

    def __init__(self, head: Mapping[str, Any], begins: str, ends: str) -> None:
        """`begins` and `ends` are the span that is drawn."""
        self._head, self._begins, self._ends = head, begins, ends
        self._begins_s, self._span_s = seconds_of(begins), max(seconds_of(ends) - seconds_of(begins), 1.0)
        self._probes: dict[tuple[str, str], _Probe] = {}
        self._kept: dict[str, list[Mapping[str, Any]]] = {}
        self._counts: dict[str, int] = {}
        self._longest_us: dict[str, int] = {}

    def take(self, kind: str, data: Mapping[str, Any]) -> None:
        """The next record."""
        if kind == "readings":
            self._readings(data["device"], data["rows"])
            return
        if kind == "device":
            self._longest_us[data["device"]] = round(float(data["max_interval_s"]) * 1e6)
        if kind == "gap":
            probe = self._probe(data["device"], data["probe"])
            probe.unknown_s += data["seconds"]
            probe.gaps.append(seconds_of(data["from"]))
        if kind == "epcis":
            return
        self._counts[kind] = self._counts.get(kind, 0) + 1
        kept = self._kept.setdefault(kind, [])
        if len(kept) < LISTED_MAX:
            kept.append(data)

    def _probe(self, device: str, probe: str) -> _Probe:
        return self._probes.setdefault((device, probe), _Probe())

    def _readings(self, device: str, rows: Sequence[Sequence[Any]]) -> None:
        by_probe: dict[str, list[tuple[float, float]]] = {}
        for at, _, _, _, flags, probe_name, temp_c, *_ in rows:
            if temp_c is not None and not _NO_TEMPERATURE & set(flags):
                by_probe.setdefault(probe_name, []).append((seconds_of(at), temp_c))
        for probe_name, seen in by_probe.items():
            self._see(self._probe(device, probe_name), seen, self._longest_us.get(device, 900_000_000))

    def _see(self, probe: _Probe, seen: list[tuple[float, float]], longest_us: int) -> None:
        series = np.array(([probe.last] if probe.last else []) + seen)
        t_us = np.rint(series[:, 0] * 1e6).astype(np.int64)
        probe.kinetic = probe.kinetic.merge(of_series(t_us, series[:, 1], b_kelvin(), longest_us))
        probe.last = seen[-1]
        for at_s, temp_c in seen:
            probe.count, probe.total = probe.count + 1, probe.total + temp_c
            probe.low, probe.high = min(probe.low, temp_c), max(probe.high, temp_c)
            step = int((at_s - self._begins_s) / self._span_s * STEPS)
            found = probe.steps.setdefault(step, [at_s, temp_c, temp_c])
            found[1], found[2] = min(found[1], temp_c), max(found[2], temp_c)

    def _line(self, name: str, probe: _Probe) -> Line:
        parts: list[list[tuple[float, float, float]]] = []
        gaps, last_s = sorted(probe.gaps), float("-inf")
        for _, (at_s, low, high) in sorted(probe.steps.items()):
            if not parts or any(last_s <= gap < at_s for gap in gaps):
                parts.append([])
            parts[-1].append((at_s, low, high))
            last_s = at_s
        return Line(name, parts)

    def _all(self, kind: str) -> list[Mapping[str, Any]]:
        return self._kept.get(kind, [])

    def _more(self, kind: str) -> int:
        return self._counts.get(kind, 0) - len(self._all(kind))

    def page(self, digest: str, fingerprint: str) -> dict[str, Any]:
        """What the report is printed from; `digest` is the SHA-256 of the pack that goes with it, empty for none."""
        (subject,) = self._kept.get("shipment") or self._kept["subject"]
        kind = "shipment" if "shipment" in subject else "device"
        standing = [x for x in self._all("excursion") if not x["retracted"] and not x["superseded_at"]]
        beyond = [(seconds_of(x["started_at"]), seconds_of(x["ended_at"] or self._ends)) for x in standing]
        limits = [limit for limit in (subject["low_c"], subject["high_c"]) if limit is not None]
        lines = [self._line(probe, found) for (_, probe), found in sorted(self._probes.items())]
        chart = Chart(self._begins_s, self._begins_s + self._span_s, lines, limits, beyond)
        (verdict,) = self._all("verdict")
        return {
            "title": f"Temperature report of {kind} {subject[kind]}",
            "name": subject[kind],
            "about": self._about(kind, subject),
            "head": dict(self._head),
            "subject": dict(subject),
            "verdict": dict(verdict),
            "made": self._head["made_at"],
            "chart": svg(chart),
            "probes": [
                [
                    device,
                    probe,
                    str(p.count),
                    *map(_c, (p.low, p.total / p.count, p.high, _mkt(p))),
                    lasting(p.unknown_s),
                ]
                for (device, probe), p in sorted(self._probes.items())
                if p.count
            ],
            "stops": self._stops(),
            "excursions": [_excursion(x) for x in standing],
            "gaps": [
                [g["device"], g["probe"], shown(g["from"]), shown(g["to"]), lasting(g["seconds"])]
                for g in self._all("gap")
            ],
            "calibrations": list(self._calibrations()),
            "alerts": [
                [shown(a["opened_at"]), a["title"], a["severity"], shown(a["cleared_at"])] for a in self._all("alert")
            ],
            "events": [[shown(e["at"]), e["actor"], e["what"], _noted(e)] for e in self._all("case_event")],
            "dispositions": dispositions(self._all("case_event")),
            "left_out": bool(self._all("left_out")),
            "changes": [[shown(a["at"]), a["actor"], a["action"]] for a in self._all("audit")],
            "more": {kind: more for kind in self._counts if (more := self._more(kind))},
            "digest": digest,
            "fingerprint": fingerprint,
        }

    def _about(self, kind: str, subject: Mapping[str, Any]) -> list[list[str]]:
        """What stands at the top, beside verdict and limits."""
        span = f"{shown(self._begins)} to {shown(self._ends)}"
        if kind == "shipment":
            return [["Under way", span], ["Vehicle", subject["vehicle"] or "-"], ["Reference", subject["reference"]]]
        where = [w["vehicle"] or w["site"] or "-" for w in self._all("whereabouts")]
        return [["Span", span], ["Was on or at", ", ".join(dict.fromkeys(where)) or "-"]]

    def _stops(self) -> list[list[str]]:
        at = {c["stop"]: c for c in self._all("call") if not c["retracted"] and not c["superseded_at"]}
        found = []
        for stop in self._all("stop"):
            call = at.get(stop["stop"], {"arrived_at": None, "departed_at": None})
            name = stop["label"] or stop["site"] or stop["stop"]
            found.append([name, shown(stop["window_start"]), shown(call["arrived_at"]), shown(call["departed_at"])])
        return found

    def _calibrations(self) -> Any:
        for profile in self._all("device_profile"):
            for probe, each in (profile["body"].get("calibration") or {}).items():
                offset = each.get("offset_c", 0.0)
                of = [profile["device"], probe, shown(profile["since"]), f"{offset:+.2f}"]
                told = [
                    shown(each.get("calibrated")),
                    each.get("certificate") or "-",
                    each.get("accuracy_class") or "-",
                ]
                yield [*of, *told, shown(each.get("due"))]


def _noted(event: Mapping[str, Any]) -> str:
    detail = event.get("detail") or {}
    words = [detail.get("disposition"), detail.get("action"), detail.get("to"), event["note"]]
    return ": ".join(str(word).replace("_", " ") if word is not event["note"] else word for word in words if word)


def dispositions(events: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """What was decided on the goods, alert by alert in the order of the decisions, who signed, and what became of it.

    >>> at, of = "2026-11-22T10:00:00.000Z", {"disposition": "reject"}
    >>> line = {"alert": 7, "at": at, "actor": "ann", "what": "disposed", "note": "too warm", "detail": of}
    >>> dispositions([line, {**line, "actor": "bob", "what": "countersigned", "note": None}])
    [['7', 'reject', 'too warm', 'ann, 2026-11-22 10:00:00', 'bob, 2026-11-22 10:00:00', 'signed']]
    """
    found: list[list[str]] = []
    last: dict[Any, list[str]] = {}
    for event in events:
        what, who = event["what"], f"{event['actor']}, {shown(event['at'])}"
        stands = last.get(event["alert"])
        if what == "disposed":
            if stands is not None and stands[5] == "not signed yet":
                stands[5] = "replaced"
            decision = str((event.get("detail") or {}).get("disposition"))
            last[event["alert"]] = [str(event["alert"]), decision, event["note"] or "", who, "-", "not signed yet"]
            found.append(last[event["alert"]])
        elif stands is not None and what == "countersigned":
            stands[4:] = [who, "signed"]
        elif stands is not None and what in _BECAME:
            stands[5] = _BECAME[what]
            if what != "superseded":
                del last[event["alert"]]
    return found


def _c(value: float | None) -> str:
    """Degrees; of an excursion that lasts nobody has said yet how far it went."""
    return f"{value:.2f}" if value is not None and isfinite(value) else "-"


def _mkt(probe: _Probe) -> float:
    return mkt_c(probe.kinetic, b_kelvin())


def _excursion(x: Mapping[str, Any]) -> list[str]:
    ends = x["ended_at"]
    lasted = lasting(seconds_of(ends) - seconds_of(x["started_at"])) if ends else "still open"
    alarm = shown(x["alarm_at"]) if x["alarm_at"] else "not long enough"
    which = f"{x['kind']} {x['limit_c']:g}"
    return [x["device"], x["probe"] or "", which, shown(x["started_at"]), lasted, _c(x["extreme_c"]), alarm]
