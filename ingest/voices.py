"""In which foreign format a device speaks: written down when it is new, has changed, or was so for a while."""

from __future__ import annotations

import time
from collections.abc import Mapping

import psycopg

from store.db import queries

AGAIN_S = 600.0


class Voices:
    """What one writer has written down."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[str, bool, float]] = {}

    def put(self, connection: psycopg.Connection, heard: Mapping[int, str], *, at_door: bool) -> None:
        """The formats of devices, by their keys; in one order for everybody, so that two workers never wait."""
        now = time.monotonic()
        fresh = {
            device: format_
            for device, format_ in heard.items()
            if (known := self._known.get(device)) is None or known[:2] != (format_, at_door) or now - known[2] > AGAIN_S
        }
        if not fresh:
            return
        keys = sorted(fresh)
        values = {"devices": keys, "formats": [fresh[key] for key in keys], "at_door": at_door}
        connection.execute(queries("commands")["put_voices"], values)
        self._known |= {device: (format_, at_door, now) for device, format_ in fresh.items()}
