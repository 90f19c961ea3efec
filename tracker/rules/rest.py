"""The breaks a driver must take on the way: regulation (EC) 561/2006, articles 6 to 8, in its ordinary form.

45 minutes after 4.5 hours of driving, a daily rest of 11 hours after 9 hours of driving. The rarer forms (split breaks,
10-hour days, reduced rests, weekly rest, crews of two) are left out: they move an arrival, they do not lengthen it.
"""

from __future__ import annotations

import numpy as np

from domain.readings import F64

DRIVE_S, BREAK_S = 4.5 * 3600, 45 * 60.0
DAY_DRIVE_S, DAY_REST_S = 9.0 * 3600, 11 * 3600.0
DAY_REST_TAKEN_S = 9 * 3600.0  # a reduced daily rest still begins a new day


def rest_s(travel_s: F64, since_break_s: F64 | float = 0.0, today_s: F64 | float = 0.0) -> F64:
    """Seconds of rest that fall into this much driving still to come, having driven so long since break and daily rest.

    Who arrives just when the time is up rests afterwards.

    >>> (rest_s(np.array([3600.0, 4.5 * 3600, 5 * 3600, 9.5 * 3600])) / 3600).tolist()
    [0.0, 0.0, 0.75, 11.75]
    """
    travel = np.maximum(np.asarray(travel_s, dtype=np.float64), 0.0)
    since, today = np.clip(since_break_s, 0.0, DRIVE_S), np.clip(today_s, 0.0, DAY_DRIVE_S)
    first = np.minimum(travel, DAY_DRIVE_S - today)
    breaks = np.maximum(np.ceil((since + first) / DRIVE_S - 1e-9) - 1, 0)
    later = np.maximum(travel - first, 0.0)
    nights = np.ceil(later / DAY_DRIVE_S - 1e-9)
    last = later - np.maximum(nights - 1, 0) * DAY_DRIVE_S
    breaks += np.maximum(nights - 1, 0) + np.maximum(np.ceil(last / DRIVE_S - 1e-9) - 1, 0)
    return np.asarray(breaks * BREAK_S + nights * DAY_REST_S)


def driven(
    since_break_s: F64 | float, today_s: F64 | float, moving_s: F64 | float, standing_s: F64 | float
) -> tuple[F64, F64]:
    """Driving since the last break and since the daily rest, after so long moving or, since it stopped, standing.

    >>> [c.tolist() for c in driven(60.0, 90.0, 0.0, 2700.0)]
    [0.0, 90.0]
    """
    standing = np.asarray(standing_s)
    since = np.where(standing >= BREAK_S, 0.0, np.asarray(since_break_s) + moving_s)
    today = np.where(standing >= DAY_REST_TAKEN_S, 0.0, np.asarray(today_s) + moving_s)
    return since, today
