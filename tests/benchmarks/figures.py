"""A figure, the ceiling of the same run it is held against, and how both are shown: one table, and lines of JSON."""

from __future__ import annotations

import json
import platform
import resource
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

ARTIFACT = Path(__file__).resolve().parents[1] / "artifacts" / "bench.json"
QUIET_SHARE = 0.1


@dataclass(frozen=True)
class Figure:
    """Medians of the rounds. `ceilings` by name, in the same unit; `details` and `remarks` are shown below."""

    name: str
    unit: str
    rounds: Sequence[float]
    ceilings: Mapping[str, float] = field(default_factory=dict)
    goal: float | None = None
    smaller_is_better: bool = False
    details_are: str = ""
    details: Mapping[str, float] = field(default_factory=dict)
    remarks: Sequence[str] = ()

    @property
    def value(self) -> float:
        """The median."""
        return statistics.median(self.rounds)

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without one."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.smaller_is_better else self.value >= self.goal

    def ratios(self) -> dict[str, float]:
        """Measured over ceiling, by the ceiling's name."""
        return {name: self.value / ceiling for name, ceiling in self.ceilings.items()}


def show(value: float) -> str:
    """A number with three figures that count, or all there are before the point.

    >>> show(123456.7), show(12.345), show(0.01234)
    ('123,457', '12.3', '0.0123')
    """
    if value != value:  # noqa: PLR0124  NaN
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


class Neighbours:
    """How much of the machine others use while we measure: what is busy and not ours."""

    def __init__(self) -> None:
        self._busy_s, self._ours_s, self._since = _busy_s(), _ours_s(), time.monotonic()

    def share(self) -> float:
        """Their part of all cores since the beginning, 0 to 1. Ask when our processes have ended."""
        theirs = (_busy_s() - self._busy_s) - (_ours_s() - self._ours_s)
        return max(0.0, theirs / (time.monotonic() - self._since) / (psutil.cpu_count() or 1))


def _busy_s() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))


def _ours_s() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def machine() -> dict[str, object]:
    """Where and when: figures of different machines are never compared, their ratios may be."""
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def table(figures: Iterable[Figure], title: str) -> Table:
    """One row per figure, and one for each ceiling beyond its first."""
    found = Table(title=title, title_justify="left")
    found.add_column("figure")
    for head in ("measured", "goal", "ratio", "of the ceiling"):
        found.add_column(head, justify="right")
    found.add_column("which is")
    for each in figures:
        ratios = each.ratios()
        first, *more = list(each.ceilings) or [""]
        sign = "" if each.met is None else " [green]✓[/]" if each.met else " [red]✗[/]"
        goal = "" if each.goal is None else f"{'≤' if each.smaller_is_better else '≥'} {show(each.goal)}{sign}"
        found.add_row(
            each.name,
            f"[bold]{show(each.value)}[/] {each.unit}",
            goal,
            show(ratios[first]) if first else "",
            show(each.ceilings[first]) if first else "",
            first,
        )
        for name in more:
            found.add_row("", "", "", show(ratios[name]), show(each.ceilings[name]), name)
    return found


def write(figures: Iterable[Figure], about: Mapping[str, object], path: Path = ARTIFACT) -> None:
    """One line about the machine, then one per figure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines: list[Mapping[str, object]] = [about]
    lines += [
        {
            "figure": each.name,
            "unit": each.unit,
            "value": each.value,
            "rounds": list(each.rounds),
            "goal": each.goal,
            "met": each.met,
            "ceilings": dict(each.ceilings),
            "ratios": each.ratios(),
            "details_are": each.details_are,
            "details": dict(each.details),
            "remarks": list(each.remarks),
        }
        for each in figures
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def print_table(figures: Sequence[Figure], about: Mapping[str, object], others_share: float) -> None:
    """The table, below it what the figures are made of, and whether we had the machine for ourselves."""
    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=150)
    title = f"Frostway on {about['cores']} cores, Python {about['python']}, {about['at']}"
    console.print(table(figures, title))
    for each in figures:
        parts = ", ".join(f"{name} {show(value)}" for name, value in each.details.items())
        for line in filter(None, [f"{each.details_are}: {parts}" if parts else "", *each.remarks]):
            console.print(f"[dim]{each.name}: {line}[/]", highlight=False)
    advice = "" if others_share <= QUIET_SHARE else ": take the ratios, not the figures, or run it again"
    console.print(f"others used {others_share:.0%} of the machine meanwhile{advice}", highlight=False)
