"""Forecasts of parts and of their sums that add up. Pure."""

from __future__ import annotations

import numpy as np

from domain.readings import F64
from planning.forecasts.panel import ForecastError


def reconciled(sums: F64, forecasts: F64, variances: F64, rounds: int = 50) -> F64:
    """(nodes, horizon) nearest to `forecasts`, each weighed by how sure it is, so that all sums hold; never below 0.

    Least squares weighed by the residuals' variances (Hyndman, Lee & Wang 2016, Computational Statistics & Data
    Analysis 97:16; Wickramasuriya et al. 2019, Journal of the American Statistical Association 114:804).

    Args:
        sums: (nodes, parts) 1 where a node holds a part; parts are nodes of one 1.
        forecasts: (nodes, horizon).
        variances: (nodes,) of what forecasts were off; 0 is taken as the least that is none.
        rounds: at most, until no part is below 0.

    Raises:
        ForecastError: shapes do not fit, or a part is in no node.
    """
    nodes, parts = sums.shape
    if forecasts.shape[0] != nodes or variances.shape != (nodes,):
        raise ForecastError("forecasts and variances: one for each node of the sums")
    if not sums.any(axis=0).all():
        raise ForecastError("sums: each part is in one node at least")
    least = variances[variances > 0].min(initial=np.inf)
    root = 1 / np.sqrt(np.maximum(variances, least if np.isfinite(least) else 1.0))
    left, right = sums * root[:, None], forecasts * root[:, None]
    found = np.linalg.lstsq(left, right, rcond=None)[0]
    free = np.ones((parts, forecasts.shape[1]), bool)
    for _ in range(rounds):  # parts that would be negative are nothing, and the others are looked for anew
        below = found < 0
        if not below.any():
            break
        free &= ~below
        for column in np.flatnonzero(below.any(axis=0)):
            kept = free[:, column]
            found[:, column] = 0.0
            found[kept, column] = np.linalg.lstsq(left[:, kept], right[:, column], rcond=None)[0]
    whole: F64 = sums @ np.maximum(found, 0.0)
    return whole
