"""Has forecasts made when they are due: by a process of its own, as that takes a core for a minute."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime

from planning.demand.work import due
from store.link import Link

AT = "* * * * *"
"""When it is looked whether any are due, as cron says it."""
WORKER = "planning.demand.worker"
LIMIT_S = 3600.0


class WorkerError(RuntimeError):
    """The process did not do it; the text is its last words."""


def start_due(link: Link, database_url: str, now: datetime) -> bool:
    """Has forecasts made if any are due.

    Raises:
        WorkerError: they were not.
    """
    if not due(link.connection, now):
        return False
    done = subprocess.run(  # noqa: S603  our own module
        [sys.executable, "-m", WORKER],
        env={**os.environ, "FROSTWAY_DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    if done.returncode:
        raise WorkerError(done.stderr.strip()[-2000:])
    return True
