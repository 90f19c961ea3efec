"""Words to devices: commands go out on `fw/v1/{tenant}/{device}/cmd`, what devices say to them comes in below it.

A command is marked as sent before it is published, and published again, later and later, until the device has answered
or its time is over: a device may hear one more than once, and knows it by its id. One that has not been heard for a
while is taken for away, and what it is to be told waits. An answer counts for a command of the device on whose topic it
came, which the broker lets nobody else write on. Devices with a connection of their own are told over that
(`line_commands`), OwnTracks apps in their own words (`phones`).
"""

from __future__ import annotations

import threading
import time
from typing import Any, NamedTuple, Protocol

import orjson
import psycopg
from prometheus_client import Counter

from domain.names import answering
from domain.times import from_us
from ingest.background import BackgroundPart, Toolkit
from ingest.doors.lines import Lines
from ingest.line_commands import LineCommands
from ingest.phones import Phones
from store.db import queries

HEARD_S = 900.0  # a device that was silent for longer is taken for away
AGAIN_S, AGAIN_MAX_S = 5.0, 60.0  # between two times, doubling
SENT_AT_ONCE = 500
WAIT_S = 0.5
LOOK_S = 2.0  # what nobody announced, such as a device that is back, is seen at the latest after this long
TRIM_S = 3600.0
ANSWER_BYTES_MAX = 4096
ANSWER_CHARS_MAX = 500

sent_total = Counter("frostway_ingest_commands_sent_total", "Commands published to devices, each time counted")
answers_total = Counter("frostway_ingest_command_answers_total", "Answers of devices to commands", ["outcome"])


class Publisher(Protocol):
    """What of a receiver sends."""

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""

    def publish_many(self, items: list[tuple[bytes, bytes]]) -> None:
        """Sends messages at QoS 1, never retained."""


class Answer(NamedTuple):
    """What a device says to a command."""

    id: int
    is_done: bool
    text: str


def parse_answer(payload: bytes) -> Answer | None:
    r"""An answer as devices give it; None: it is none.

    >>> parse_answer(b'{"id":7,"ok":true,"text":"pong\\u0000"}'), parse_answer(b'{"id":"7","ok":true}')
    (Answer(id=7, is_done=True, text='pong'), None)
    """
    if len(payload) > ANSWER_BYTES_MAX:
        return None
    try:
        body = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, dict):
        return None
    number, is_done, text = body.get("id"), body.get("ok"), body.get("text", "")
    if type(number) is not int or not 0 < number < 2**63 or not isinstance(is_done, bool) or not isinstance(text, str):
        return None
    return Answer(number, is_done, "".join(c for c in text if c.isprintable())[:ANSWER_CHARS_MAX])


def take_answers(connection: psycopg.Connection, answers: list[tuple[bytes, bytes]], received_us: int) -> None:
    """Stores what devices have said, as (topic, payload); what is no answer, or not theirs to give, is counted."""
    at = from_us(received_us)
    for topic, payload in answers:
        whose, said = answering(topic), parse_answer(payload)
        if whose is None or said is None:
            answers_total.labels("malformed").inc()
            continue
        values: dict[str, Any] = {"tenant": whose[0], "device": whose[1], "id": said.id, "answer": said.text, "at": at}
        values["state"] = "answered" if said.is_done else "refused"
        row = connection.execute(queries("commands")["answer"], values).fetchone()
        answers_total.labels(row[0] if row else "unknown").inc()


class Commander(BackgroundPart):
    """A thread that publishes what is due; several workers do not disturb each other."""

    def __init__(
        self, tools: Toolkit, stop: threading.Event, publisher: Publisher, lines: Lines, phones: Phones
    ) -> None:
        super().__init__("the sending of commands", tools, stop)
        self._publisher = publisher
        self._over_lines = LineCommands(lines)
        self._phones = phones
        self._look_at = self._trim_at = 0.0

    def _turn(self) -> None:
        self._link.run(self._look)

    def _look(self) -> None:
        connection, q = self._link.connection, queries("commands")
        connection.execute(q["listen"])
        notices = list(connection.notifies(timeout=WAIT_S, stop_after=1))
        now = time.monotonic()
        if not (notices or self._over_lines.has_news()) and now < self._look_at:
            return
        self._look_at = now + LOOK_S
        self._over_lines.work(connection)  # first: an answer that is here is not late
        connection.execute(q["expire"])
        if now >= self._trim_at:
            connection.execute(q["trim"])
            self._trim_at = now + TRIM_S
        self._phones.look(connection)
        if self._publisher.connected:
            self._phones.publish(connection, self._publisher.publish_many)
        while self._publisher.connected and not self._stop.is_set() and self._send() == SENT_AT_ONCE:
            pass

    def _send(self) -> int:
        """Publishes some of what is due, in order of its making; how many."""
        values = {"heard_s": HEARD_S, "again_s": AGAIN_S, "again_max_s": AGAIN_MAX_S, "most": SENT_AT_ONCE}
        rows = self._link.connection.execute(queries("commands")["due"], values).fetchall()
        items: list[tuple[bytes, bytes]] = []
        for number, tenant, device, name, argument, expires_ms in sorted(rows, key=lambda row: int(row[0])):
            body = {"id": number, "cmd": name, "arg": argument, "exp": expires_ms}
            items.append((f"fw/v1/{tenant}/{device}/cmd".encode(), orjson.dumps(body)))
        self._publisher.publish_many(items)
        sent_total.inc(len(items))
        return len(items)
