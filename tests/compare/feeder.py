"""Writes registry and readings into a database as the checkout on its path does; run by `side.py`, one line a wish.

Only what does not move is imported: the store, and the part of ingest that makes frames of messages.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from datetime import datetime
from itertools import count
from typing import Any

from ingest.directory import Directory
from ingest.moments import Steady
from ingest.prepare import Preparer
from ingest.quarantine import quarantine_rows
from store.db import connect, queries
from store.labels import Labels
from store.link import Link
from store.log import PostgresLog
from store.registry import DeviceSpec, Registry

INSTANT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)$")
FOR_EVER_US = 10**17


class Feeder:
    """One database, the ingest of this checkout without its doors, and the clock it is told."""

    def __init__(self, dsn: str, partitions: int) -> None:
        self._dsn = dsn
        self._now_us = 0
        self._read, self._write = Link(dsn, "compare"), Link(dsn, "compare")
        directory = Directory(self._read, partitions, count(0.0, 3.0).__next__)
        clock = Steady(lambda: self._now_us)
        self._clock = clock
        self._preparer = Preparer(directory, Labels(self._read), FOR_EVER_US, clock.reserve)

    def registry(self, call: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """A method of the registry; a device is told by the words of its `DeviceSpec`."""
        if call == "put_device":
            args = [DeviceSpec(**args[0])]
        with connect(self._dsn, "compare") as connection, connection.transaction():
            return getattr(Registry(connection), call)(*args, **kwargs)

    def feed(self, now_us: int, messages: list[tuple[str, str]]) -> int:
        """A group of messages, received at one moment and committed at once; how many readings they held."""
        self._now_us = now_us
        group = [(topic.encode(), base64.b64decode(body), 1, False, False) for topic, body in messages]
        prepared = self._preparer.prepare(group, self._clock())
        with self._write.connection.transaction():
            for frames in prepared.appends:
                PostgresLog(self._write).append(frames)
            with self._write.connection.cursor() as cursor:
                cursor.executemany(queries("quarantine")["put"], quarantine_rows(prepared))
        return prepared.readings


def instants(value: Any) -> Any:
    """With texts that are instants as such."""
    if isinstance(value, str) and INSTANT.match(value):
        return datetime.fromisoformat(value)
    if isinstance(value, list):
        return [instants(each) for each in value]
    if isinstance(value, dict):
        return {key: instants(each) for key, each in value.items()}
    return value


def main() -> None:
    """A wish is a line of JSON on stdin, `[method, …]`; its answer one on stdout."""
    feeder = Feeder(sys.argv[1], int(sys.argv[2]))
    for line in sys.stdin:
        method, *words = json.loads(line)
        found = getattr(feeder, method)(*(words if method == "feed" else instants(words)))
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
