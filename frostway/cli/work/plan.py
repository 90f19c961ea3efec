"""`frostway plan reorder`: demand and lead times in, the reorder point out."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from typing import Any

import numpy as np

from domain.readings import F64
from firmware_sim.recordings import content_of
from frostway.failure import Failure
from planning.forecasts.files import HistoryError, read, series_of
from planning.replenishment.draws import LeadTimes, as_histories
from planning.replenishment.formulas import textbook
from planning.replenishment.normal import StockError
from planning.replenishment.policies import Policy, simulated

FILE_BYTES_MAX = 64 * 1024**2
METHOD = "simulated lead-time demand with undershoot; (s, nQ)"


def print_reorder(
    demand: Path, lead: Path, service: float, quantity: float | None, seed: int, *, as_json: bool
) -> None:
    """Prints the reorder point.

    Raises:
        Failure: what of the files cannot be understood.
    """
    if quantity is not None and not quantity > 0:
        raise Failure(f"--quantity {quantity:g}: more than 0")
    days, leads = _demand(demand), _leads(lead)
    order = quantity or max(1.0, float(np.ceil(days.mean() * leads.mean())))
    try:
        policy = Policy("s,nQ", order)
        ((_, seen),) = simulated([policy], as_histories([days]), LeadTimes([leads], [np.array([])]), seed)
        told: dict[str, Any] = {
            "reorder_point": seen.level_of_cycle(service),
            "order_quantity": order,
            "service": service,
            "method": METHOD,
            "textbook": round(float(textbook(days.mean(), days.std(), leads.mean(), leads.std(), service).level), 3),
        }
    except StockError as error:
        raise Failure(str(error)) from None
    if as_json:
        import orjson  # noqa: PLC0415

        sys.stdout.buffer.write(orjson.dumps(told) + b"\n")
        return
    sys.stdout.write(
        f"order {order:g} when what is there and under way is {told['reorder_point']:g} or less "
        f"(the formula with both variances says {told['textbook']:g})\n"
    )


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        return list(csv.DictReader(io.StringIO(content_of(path, FILE_BYTES_MAX).decode("utf-8-sig"))))
    except UnicodeDecodeError:
        raise Failure(f"{path}: not UTF-8; save it as such") from None
    except csv.Error as error:
        raise Failure(f"{path}: {error}") from None


def _demand(path: Path) -> F64:
    try:
        rows = [{**row, "series": path.name} for row in _rows(path)]
        (series,) = series_of(read(rows), period="day") if rows else series_of(read(rows))
    except HistoryError as error:
        raise Failure(f"{path}: {str(error).replace('series,time', 'time')}") from None
    return series.values[~np.isnan(series.values)]


def _leads(path: Path) -> F64:
    rows = _rows(path)
    if not rows or "days" not in rows[0]:
        raise Failure(f"{path}: lines below the head `days` are needed")
    found = []
    for line, row in enumerate(rows, 2):
        try:
            days = float(row["days"] or "")
        except ValueError:
            days = -1.0
        if not 0 <= days < float("inf"):
            raise Failure(f"{path}: line {line}: days: {row['days']} is none; 0 or more")
        found.append(days)
    return np.array(found)
