"""`frostway forecast`: history in, forecasts out."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, cast, get_args

import numpy as np
from rich.console import Console
from rich.progress import Progress

from domain.tables import csv_line
from firmware_sim.recordings import content_of
from frostway.cli.work.tables import print_table
from frostway.failure import Failure
from planning.forecasts.files import (
    Group,
    History,
    HistoryError,
    Period,
    Series,
    instant,
    moved,
    read,
    series_of,
    together,
)
from planning.forecasts.panel import ForecastError
from planning.forecasts.race import COMBINED, LEVELS, MODELS, NAIVE, Forecasts, run

FILE_BYTES_MAX = 512 * 1024**2
HEAD = ("series", "origin", "time", "p10", "p50", "p90", "mean", "model")
SHOWN_AT = (0.1, 0.5, 0.9)


class Told(NamedTuple):
    """Forecasts of some series from one origin."""

    series: list[Series]
    group: Group
    origin: datetime
    found: Forecasts


def write_forecasts(
    history: Path, horizon: int, out: Path, origins: str | None, as_of: str | None, period: str | None
) -> None:
    """Reads the history, and writes what comes after each origin.

    Raises:
        Failure: what of it cannot be understood.
    """
    by = cast("Period | None", period)
    if period is not None and period not in get_args(Period):
        raise Failure(f"--period {period}: one of {', '.join(get_args(Period))}")
    content = content_of(history, FILE_BYTES_MAX)
    console = Console(stderr=True)
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
        rows = list(reader)
        limit = None if as_of is None else instant(as_of, "--as-of")
        ends: list[datetime | None] = [limit]
        if origins is not None:
            ends = [instant(each, "--origins") for each in origins.split(",")]
        if limit is not None and any(end is not None and end > limit for end in ends):
            raise Failure("--origins: none may lie after --as-of")
        known = read(rows)
        with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
            bar = progress.add_task("forecasting", total=len(ends))
            told = list(_all(known, ends, by, horizon, lambda n, share: progress.update(bar, completed=n + share)))
    except UnicodeDecodeError:
        raise Failure(f"{history}: not UTF-8; save it as such") from None
    except (HistoryError, ForecastError, csv.Error) as error:
        raise Failure(f"{history}: {error}") from None
    if not told:
        raise Failure(f"{history}: nothing lies before then")
    with out.open("w", encoding="utf-8", newline="") as file:
        file.write(csv_line(HEAD))
        for line in _lines(told, _written(rows[0]["time"].strip())):
            file.write(csv_line(line))
    print_table(*_summary(told), "There is nothing to forecast.")


def _all(
    known: History, ends: list[datetime | None], period: Period | None, horizon: int, done: Callable[[int, float], None]
) -> Iterator[Told]:
    for n, end in enumerate(ends):
        series = series_of(known, end, period)
        for group in together(series):
            found = run(group.panel, horizon, group.short, told=lambda share, n=n: done(n, share))  # type: ignore[misc]
            yield Told(series, group, end or moved(group.end, group.period, -1), found)


def _lines(told: list[Told], written: Callable[[datetime], str]) -> Iterator[list[Any]]:
    at = [LEVELS.index(level) for level in SHOWN_AT]
    for series, group, origin, found in told:
        horizon = found.mean.shape[1]
        times = [written(moved(group.end, group.period, h)) for h in range(horizon)]
        for row, member in enumerate(group.members):
            figures = np.vstack([found.quantiles[at, row], found.mean[row]])
            model = MODELS[found.model[row]]
            for h in range(horizon):
                cells = [None if np.isnan(value) else round(float(value), 6) for value in figures[:, h]]
                yield [series[member].name, written(origin), times[h], *cells, model]


def _written(like: str) -> Callable[[datetime], str]:
    """Times are written as the file writes them."""
    if len(like) == len("2026-01"):
        return lambda at: at.strftime("%Y-%m")
    if len(like) == len("2026-01-01"):
        return lambda at: at.date().isoformat()
    return lambda at: at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _summary(told: list[Told]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """By model: how many series have it, and how it did against the naive forecast at past origins."""
    head = ("Model", "Series", "MASE", "Of naive", "Within 80 %", "Switched off")
    rows: list[tuple[str, ...]] = []
    for n, name in enumerate(MODELS):
        parts = [(t.found, np.flatnonzero(t.found.model == n)) for t in told]
        count = sum(len(which) for _, which in parts)
        if count:
            mase = np.concatenate([f.mase[n][:, which].ravel() for f, which in parts])
            naive = np.concatenate([f.mase[NAIVE][:, which].ravel() for f, which in parts])
            both = ~np.isnan(mase) & ~np.isnan(naive)
            within = np.concatenate([f.coverage[0.8][:, which].ravel() for f, which in parts])
            lost = sum(int(f.switched_off[which].sum()) for f, which in parts)
            rows.append(
                (
                    name,
                    str(count),
                    f"{mase[both].mean():.3f}" if both.any() else "",
                    f"{mase[both].mean() / naive[both].mean():.3f}" if both.any() and naive[both].mean() else "",
                    f"{100 * np.nanmean(within):.0f}" if (~np.isnan(within)).any() else "",
                    str(lost) if n in (COMBINED, NAIVE) else "",
                )
            )
    return head, rows
