"""The job that has forecasts made when they are due: by a process of its own, as that takes a core for a minute."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime

from store.db import queries
from store.link import Link

WORKER = "planning.demand.worker"
LIMIT_S = 3600.0


class ForecastError(RuntimeError):
    """The process did not do it; the text is its last words."""


def forecast_due(link: Link, database_url: str, now: datetime) -> bool:
    """Has forecasts made if any are due.

    Raises:
        ForecastError: they were not.
    """
    since = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if link.connection.execute(queries("demand")["due"], {"since": since}).fetchone() is None:
        return False
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", WORKER],
        env={**os.environ, "FROSTWAY_DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    if done.returncode:
        raise ForecastError(done.stderr.strip()[-2000:])
    return True
