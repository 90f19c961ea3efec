"""`frostway ingest` that kills itself with SIGKILL at an exact point: `python -m tests.chaos.fatal_ingest POINT N`.

The production program knows nothing of this: its methods are wrapped here, and at the N-th time that one of them
carries readings the process dies, after a look at the database connection that proves where it stands.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import psycopg
from psycopg.pq import PipelineStatus, TransactionStatus

from frostway.cli import main
from ingest.mqtt.paho import PahoReceiver
from ingest.mqtt.receiver import Group
from ingest.mqtt.stream import StreamReceiver
from ingest.prepare import Prepared
from ingest.receipts import ReceiptBook
from ingest.service import Ingest
from store.link import Link
from store.log import PostgresLog


class Point(NamedTuple):
    """Where to die: before or after a method of these classes, with the writer's connection in this state."""

    owners: tuple[type, ...]
    method: str
    after: bool
    status: TransactionStatus


POINTS = {
    "before append": Point((Ingest,), "_commit", after=False, status=TransactionStatus.IDLE),
    "inside the transaction": Point((PostgresLog,), "put", after=True, status=TransactionStatus.INTRANS),
    "between commit and acknowledgement": Point(
        (StreamReceiver, PahoReceiver), "acknowledge", after=False, status=TransactionStatus.IDLE
    ),
    "between acknowledgement and receipt": Point((ReceiptBook,), "store", after=False, status=TransactionStatus.IDLE),
}
writers: list[Link] = []


def arm(name: str, calls: int) -> None:
    """Wraps the point's method so that its `calls`-th call with readings is the last thing this process does."""
    point = POINTS[name]
    left = [calls]
    for owner in point.owners:
        setattr(owner, point.method, _fatal(getattr(owner, point.method), name, point, left))


def _fatal(original: Callable[..., Any], name: str, point: Point, left: list[int]) -> Callable[..., Any]:
    def wrapped(self: Any, *words: Any) -> Any:
        left[0] -= _carries_readings(self, words)
        if left[0] > 0:
            return original(self, *words)
        if point.after and isinstance(stored := original(self, *words), psycopg.Cursor):
            stored.fetchall()  # it has done so when it answers
        status = _status(writers[0])
        print(f"killed {name}: {status.name}", file=sys.stderr, flush=True)
        if status == point.status:
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(1)

    return wrapped


def _status(link: Link) -> TransactionStatus:
    """Where the writer's connection stands; within a pipeline only the server knows whether it has written."""
    connection = link.connection
    if connection.pgconn.pipeline_status == PipelineStatus.OFF:
        return connection.info.transaction_status
    query = "select backend_xid is not null from pg_stat_activity where pid = %s"
    with psycopg.connect(os.environ["FROSTWAY_DATABASE_URL"]) as other:
        row = other.execute(query, (connection.info.backend_pid,)).fetchone()
    return TransactionStatus.INTRANS if row and row[0] else TransactionStatus.IDLE


def _carries_readings(owner: object, words: tuple[Any, ...]) -> bool:
    match words:
        case (Prepared() as prepared,):
            return bool(prepared.appends)
        case (Group() as group,):
            return bool(group.messages)
        case () if isinstance(owner, ReceiptBook):
            return owner.pending > 0
    return True


def _remember_writer(original: Callable[..., None]) -> Callable[..., None]:
    def init(self: Link, dsn: str, name: str, *words: Any) -> None:
        original(self, dsn, name, *words)
        if name == "ingest":
            writers.append(self)

    return init


if __name__ == "__main__":
    setattr(Link, "__init__", _remember_writer(Link.__init__))  # noqa: B010
    arm(sys.argv[1], int(sys.argv[2]))
    sys.argv[1:] = ["ingest"]
    main()
