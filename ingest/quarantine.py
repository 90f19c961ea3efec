"""Rows of messages that were set aside. One message is one row a device: what comes again is found by its digest."""

from __future__ import annotations

import hashlib
from datetime import datetime

from domain.times import from_us
from ingest.prepare import Prepared, Quarantined

Row = tuple[datetime, str | None, str | None, str, bytes, str, str, list[str], bytes]


def digest(message: Quarantined) -> bytes:
    """What two deliveries of one message share."""
    found = hashlib.blake2b(digest_size=16)
    for part in (message.tenant or "", message.device or "", message.topic):
        found.update(part.encode() + b"\0")
    found.update(message.payload)
    return found.digest()


def quarantine_rows(prepared: Prepared) -> list[Row]:
    """Rows in one order for everybody, so that two workers never wait for each other.

    Each message has the moment at which it was received: one that gives no time itself is read again as of it.
    """
    moments = prepared.moments.tolist()
    rows = [
        (from_us(moments[each.message]), *each[:6], list(each.more_reasons), digest(each))
        for each in prepared.quarantine
    ]
    return sorted(rows, key=lambda row: (row[-1], row[0]))
