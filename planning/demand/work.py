"""Makes the forecasts of all tenants and writes them."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
from psycopg.rows import dict_row

from planning.demand.history import DAYS_MAX, WEEK, Asked, histories, side_by_side
from planning.forecasts.intermittent import classes
from planning.forecasts.race import LEVELS, MODELS, NAIVE, Forecasts, run
from store.db import queries

HORIZON_DAYS = 56
ORIGINS = 10
KEPT_DAYS = 400
PORTION = 1_000
SHOWN = {"p10": LEVELS.index(0.1), "p50": LEVELS.index(0.5), "p90": LEVELS.index(0.9)}


def forecast_due(connection: psycopg.Connection, now: datetime) -> int:
    """Forecasts of each product at each site from its site's today on, of tenants whose are due; how many were made.

    Done again it writes the same ones in the place of those of the same day.
    """
    made = 0
    for tenant in due(connection, now):
        count = forecast_tenant(connection, tenant, now)
        with connection.transaction():
            connection.execute(queries("demand")["ran"], {"tenant": tenant, "now": now, "made": count})
        made += count
    return made


def due(connection: psycopg.Connection, now: datetime) -> list[int]:
    """Tenants whose forecasts are to be made: once a day, and when somebody asks."""
    return [row[0] for row in connection.execute(queries("demand")["due"], {"now": now}).fetchall()]


def forecast_tenant(connection: psycopg.Connection, tenant: int, now: datetime) -> int:
    """Those of one tenant."""
    since = (now - timedelta(days=DAYS_MAX)).date()
    asked: dict[str, Any] = {
        "tenant": tenant,
        "site": None,
        "sku": None,
        "since": since,
        "until": now.date() + timedelta(days=2),
    }
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        days = cursor.execute(queries("demand")["days"], asked).fetchall()
        empty = cursor.execute(queries("demand")["empty"], asked).fetchall()
    ends = {row["site_id"]: now.astimezone(ZoneInfo(row["tz"])).date() for row in days}
    by_end: dict[date, list[Asked]] = {}
    for each in histories(days, empty, ends):
        by_end.setdefault(ends[each.key[0]], []).append(each)
    made = 0
    for begins, series in by_end.items():
        panel, short = side_by_side(series)
        found = run(panel, HORIZON_DAYS, short, ORIGINS, WEEK)
        rows = _rows(series, found, begins)
        for first in range(0, len(rows), PORTION):
            part = json.dumps(rows[first : first + PORTION])
            with connection.transaction():
                connection.execute(queries("demand")["put_forecasts"], {"tenant": tenant, "rows": part})
        made += len(rows)
    with connection.transaction():
        old = {"tenant": tenant, "before": now.date() - timedelta(days=KEPT_DAYS)}
        connection.execute(queries("demand")["drop_forecasts"], old)
    return made


def _rows(series: list[Asked], found: Forecasts, begins: date) -> list[dict[str, Any]]:
    rows = []
    for n, each in enumerate(series):
        if np.isnan(found.mean[n]).any():
            continue
        model = int(found.model[n])
        bounds = {
            name: None if np.isnan(found.quantiles[level, n]).any() else _rounded(found.quantiles[level, n])
            for name, level in SHOWN.items()
        }
        rows.append(
            {
                "site_id": each.key[0],
                "product_id": each.key[1],
                "begins": begins.isoformat(),
                "model": MODELS[model],
                "class": classes(each.values[None])[0],
                "history_days": len(each.values),
                "short_days": int(each.short.sum()),
                "switched_off": bool(found.switched_off[n]),
                "mase": _mean(found.mase[model, :, n]),
                "naive_mase": _mean(found.mase[NAIVE, :, n]),
                "within_80": _mean(found.coverage[0.8][:, n]),
                "mean": _rounded(found.mean[n]),
                **bounds,
            }
        )
    return rows


def _rounded(values: Any) -> list[float]:
    return [round(float(value), 4) for value in values]


def _mean(values: Any) -> float | None:
    known = values[~np.isnan(values)]
    return round(float(known.mean()), 4) if known.size else None
