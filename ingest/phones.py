"""Commands to OwnTracks apps: by MQTT on `owntracks/{tenant}/{device}/cmd`, at the door for HTTP in the next answer.

Most commands have no answer: they are `told` once the broker has them, or an answer of the door holds them. The others
are sent again, ever later, until the app has sent what was asked for.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import orjson
import psycopg
from prometheus_client import Counter

from domain.times import from_us
from domain.wire.owntracks_commands import ANSWERED, Answer, message
from store.db import queries

AGAIN_S, AGAIN_MAX_S = 60.0, 900.0
HEARD_S = 900.0  # what has no answer waits until the app was heard so lately
AT_ONCE = 200
TIMES = {"again_s": AGAIN_S, "again_max_s": AGAIN_MAX_S, "most": AT_ONCE}

sent_total = Counter("frostway_ingest_phone_commands_sent_total", "Commands handed to OwnTracks apps", ["by"])


class Words(NamedTuple):
    """What an answer of the door holds: an array of JSON, and the commands in it."""

    body: bytes
    ids: tuple[int, ...]


class Phones:
    """Which devices have something to hear at the door, and what they heard there; from any thread."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._heard: list[int] = []
        self.waiting: frozenset[int] = frozenset()
        """Keys of devices of which a command waits; as of the last look."""

    def claim(self, connection: psycopg.Connection, devices: Iterable[int]) -> dict[int, Words]:
        """What devices that have just called at the door are to hear, by their keys; it counts as sent."""
        wanted = sorted(self.waiting.intersection(devices))
        if not wanted:
            return {}
        found: dict[int, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
        rows = connection.execute(queries("commands")["claim_for_phones"], {"devices": wanted} | TIMES).fetchall()
        for number, device, name, argument in sorted(rows, key=lambda row: int(row[0])):
            found[device].append((number, message(name, argument)))
        sent_total.labels("http").inc(len(rows))
        return {
            device: Words(orjson.dumps([said for _, said in each]), tuple(number for number, _ in each))
            for device, each in found.items()
        }

    def heard(self, ids: Iterable[int]) -> None:
        """These stand in an answer that is being sent."""
        with self._mutex:
            self._heard += ids

    def look(self, connection: psycopg.Connection) -> None:
        """Writes down who heard what at the door, and looks who waits."""
        with self._mutex:
            heard = list(self._heard)
        self._told(connection, heard)
        with self._mutex:
            del self._heard[: len(heard)]
        rows = connection.execute(queries("commands")["waiting_for_phones"]).fetchall()
        self.waiting = frozenset(device for (device,) in rows)

    def publish(self, connection: psycopg.Connection, publish: Callable[[list[tuple[bytes, bytes]]], None]) -> None:
        """Gives the broker what is due to apps that speak by MQTT; it is marked as sent before, and as told after."""
        if not self.waiting:
            return
        values = TIMES | {"answered": list(ANSWERED), "heard_s": HEARD_S}
        rows = connection.execute(queries("commands")["due_for_phones"], values).fetchall()
        due = sorted(rows, key=lambda row: int(row[0]))
        if due:
            publish(
                [
                    (f"owntracks/{tenant}/{device}/cmd".encode(), orjson.dumps(message(name, argument)))
                    for _, tenant, device, name, argument in due
                ]
            )
            sent_total.labels("mqtt").inc(len(due))
            self._told(connection, [number for number, *_ in due])

    @staticmethod
    def _told(connection: psycopg.Connection, ids: list[int]) -> None:
        """Of these, those that have no answer are done."""
        if ids:
            connection.execute(queries("commands")["told"], {"ids": ids, "answered": list(ANSWERED)})


def take_phone_answers(connection: psycopg.Connection, answers: list[tuple[int, Answer]], received_us: int) -> None:
    """Stores what apps sent that answers a command, by key of the device."""
    for device, said in answers:
        values = {"device": device, "name": said.name, "answer": said.text, "at": from_us(received_us)}
        connection.execute(queries("commands")["answer_of_phone"], values)
