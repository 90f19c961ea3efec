"""Messages of our broker session that are safe, though the broker may not have heard it and will bring them again.

A reading with neither a clock nor a number is told from another only by the message it came in. The broker marks what
it brings again within a session (DUP) and gives it the packet id it had, so the ids and digests of such messages are
kept: in memory from when they are handed over, and in the table `delivery` in the transaction that stores them. What
the spool holds is remembered from there. Ids are used again after 65 535 messages, so older ones are forgotten.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import psycopg

from ingest.mqtt.codec import RawMessage
from store.db import queries
from store.link import Link

KEPT = 16_384  # messages of any kind; more than a broker has under way unacknowledged (`max_inflight_messages` 5 000)


class Delivered(NamedTuple):
    """Packet ids and digests of messages that must be known again."""

    packet_ids: list[int]
    digests: list[int]


def digest(topic: bytes, payload: bytes) -> int:
    """64 bits of what a message says."""
    found = hashlib.blake2b(len(topic).to_bytes(4, "big") + topic + payload, digest_size=8)
    return int.from_bytes(found.digest(), "big", signed=True)


def delivered(messages: Iterable[RawMessage]) -> Delivered:
    """What is to be remembered of messages; those without a packet id never come again."""
    some = [(packet_id, digest(topic, payload)) for topic, payload, packet_id, *_ in messages if packet_id]
    return Delivered([packet_id for packet_id, _ in some], [each for _, each in some])


class Deliveries:
    """The memory of one broker session, of the thread that reads from it; `put` and `trim` belong to the writer's."""

    def __init__(self, client: str) -> None:
        self._client = client
        self._kept: dict[int, tuple[int, int]] = {}  # by packet id: digest, number of the message
        self._groups: deque[tuple[int, int]] = deque()  # number of the message, moment it was received
        self._received = 0
        self._trimmed = 0
        self._session = 0
        self._begun_us: int | None = None  # of a session whose forerunner's rows are still there

    def load(self, link: Link, spooled: Iterable[Sequence[RawMessage]]) -> None:
        """What an earlier run has stored, and kept on disk."""
        rows = link.connection.execute(queries("ingest")["deliveries"], (self._client,), binary=True).fetchall()
        for packet_ids, digests in rows:
            self.remember(Delivered(packet_ids, digests))
        for messages in spooled:
            self.remember(delivered(messages))

    def session(self, epoch: int, received_us: int, link: Link) -> None:
        """The connection of this number has begun a new session, in which nothing comes again from before."""
        if epoch > self._session:
            self._session, self._begun_us = epoch, received_us
            self._kept.clear()
        if self._begun_us is not None:
            link.connection.execute(queries("ingest")["trim_deliveries"], (self._client, self._begun_us - 1))
            self._begun_us = None

    def fresh(self, messages: Sequence[RawMessage], received_us: int) -> Sequence[RawMessage]:
        """Those that have not been brought before."""
        self._received += len(messages)
        self._groups.append((self._received, received_us))
        kept = self._kept
        if not kept:
            return messages
        again = []
        for place, (topic, payload, packet_id, _, dup) in enumerate(messages):
            if (known := kept.get(packet_id)) is None:
                continue
            if not dup or self._received - known[1] > KEPT:
                del kept[packet_id]  # the broker has heard of the earlier one
            elif known[0] == digest(topic, payload):
                again.append(place)
        if not again:
            return messages
        gone = set(again)
        return [message for place, message in enumerate(messages) if place not in gone]

    def remember(self, some: Delivered) -> None:
        """These are in safe hands."""
        for packet_id, each in zip(*some, strict=True):
            self._kept[packet_id] = (each, self._received)

    # ------------------------------------------------------------ the writer's
    def put(self, connection: psycopg.Connection, received_us: int, some: Delivered) -> None:
        """Stores what must be known again, in the transaction that stores what it said."""
        connection.execute(queries("ingest")["put_delivery"], (self._client, received_us, *some))

    @property
    def due(self) -> bool:
        """Whether it is time to forget some."""
        return self._received - self._trimmed > KEPT // 2

    def trim(self, connection: psycopg.Connection) -> None:
        """Forgets what the broker has heard of long since."""
        self._trimmed = self._received
        until_us = None
        while self._groups and self._groups[0][0] < self._trimmed - KEPT:
            until_us = self._groups.popleft()[1]
        if until_us is not None:
            connection.execute(queries("ingest")["trim_deliveries"], (self._client, until_us))
