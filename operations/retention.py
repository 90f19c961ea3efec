"""What is kept no longer: the log behind the tracker, changes, checkpoints, readings, and what was set aside.

Each portion is one transaction. When it was full there is more, and going on is a job that the same transaction
enqueues: a backlog is worked off in pieces that may be interrupted anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from store.checkpoints import Checkpoints
from store.db import queries
from store.forward import trim_log
from store.link import Link
from store.partitions import drop_older

PORTION = 50_000  # rows of one transaction
QUARANTINE_MAX, QUARANTINE_DEVICE_MAX = 100_000, 10_000  # messages kept, of all and of one device
STRANGERS_MAX = 10_000

GoOn = Callable[[psycopg.Connection], None]


@dataclass(frozen=True)
class Keep:
    """How long what is kept."""

    retention_days: float = 3650.0
    log_retention_minutes: float = 60.0
    changes_retention_minutes: float = 60.0
    refold_horizon_days: float = 30.0


def drop_old(link: Link, keep: Keep, now: datetime, go_on: GoOn, portion: int = PORTION) -> None:
    """Drops what is older than is kept: frames of the log that are processed, changes, checkpoints, readings."""
    connection = link.connection
    processed = {int(p): int(n) for p, n in connection.execute(queries("retention")["processed"]).fetchall()}
    trim_log(link, processed, now - timedelta(minutes=keep.log_retention_minutes))
    Checkpoints(link).trim(now, timedelta(days=keep.refold_horizon_days))
    oldest = now - timedelta(days=keep.retention_days)
    connection.execute(queries("summaries")["keep_from"], {"before": oldest})
    drop_older(connection, oldest)
    changes = {"before": now - timedelta(minutes=keep.changes_retention_minutes)}
    _portions(
        connection, {"trim_changes": changes, "trim_etas": {"before": oldest}, "trim_summaries": {}}, go_on, portion
    )


def drop_surplus(link: Link, go_on: GoOn, portion: int = PORTION) -> None:
    """Keeps so much in quarantine, so many strangers, what boots that may still speak said, whom links tell."""
    quarantine = {"of_device": QUARANTINE_DEVICE_MAX, "of_all": QUARANTINE_MAX}
    wanted = {
        "trim_quarantine": quarantine,
        "trim_strangers": {"most": STRANGERS_MAX},
        "trim_receipt_pages": {},
        "trim_outgoing": {},
        "trim_recipients": {},
    }
    _portions(link.connection, wanted, go_on, portion)


def _portions(connection: psycopg.Connection, wanted: dict[str, dict[str, Any]], go_on: GoOn, portion: int) -> None:
    """One portion of each; when one was full, the job to go on with."""
    more = False
    for name, values in wanted.items():
        with connection.transaction():
            full = connection.execute(queries("retention")[name], {**values, "limit": portion}).rowcount >= portion
            if full and not more:
                go_on(connection)
            more |= full
