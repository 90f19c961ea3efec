"""Whom the broker refuses, read from Mosquitto's log: devices with a wrong password, and what a device may not publish.

A wrong password stands there without the name that was tried; a denied publish is told only when the broker ends the
connection for it: an MQTT 3.1.1 client at its second of QoS 1, and at once for a retained one or one of QoS 2. All are
counted; of each device, address and minute one line goes to the log and to the audit trail, and `LINES_MAX` of them.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

import orjson
from prometheus_client import Counter

from domain.limits import network_of
from domain.times import rfc3339
from store.db import queries
from store.link import RETRY, Link, Stopped
from store.tenants import FIRST

log = logging.getLogger(__name__)
V = TypeVar("V")

LOOK_S = 1.0
WINDOW_S = 60.0
LINES_MAX = 50
PEERS_MAX = 1_000
CHUNK_BYTES = 1 << 18
PATIENCE_S = 3.0
UNKNOWN = "unknown"
PUBLISH, PASSWORD = "publish", "password"

CUT_OFF = re.compile(
    r"^\S+: (?:Bad socket read/write on client (?P<who>[^ /]+/[^ /:]+): (?:Unknown error|Requested QoS)"
    r"|Client (?P<other>\S+) disconnected due to (?:QoS too high|retain not supported|not authori[sz]ed))",
    re.MULTILINE,
)
_OPENED = re.compile(r"^\S+: New connection from (?P<peer>\S+) on port")
_LET_IN = re.compile(r"^\S+: New client connected from (?P<peer>\S+) as (?P<who>\S+) \(")
_REFUSED = re.compile(
    r"^\S+: Client (?P<who>\S+)(?: \[(?P<peer>\S+)\])? disconnected[,:] not authori[sz]ed", re.IGNORECASE
)

refused_total = Counter("frostway_broker_refused_total", "Refusals of the broker, by its log", ["reason"])


class Refusal(NamedTuple):
    """Somebody whom the broker did not let in (`password`), or cut off for what it published (`publish`)."""

    reason: str
    who: str
    address: str


class Lines:
    """Understands the log line by line; remembers, bounded, who has come from where.

    >>> lines = Lines()
    >>> lines.read("1: New connection from 203.0.113.9:4711 on port 1883.")
    >>> lines.read("1: Client <unknown> disconnected, not authorised.")
    Refusal(reason='password', who='unknown', address='203.0.113.9')
    """

    def __init__(self) -> None:
        self._opened: OrderedDict[str, None] = OrderedDict()
        self._homes: OrderedDict[str, str] = OrderedDict()

    def read(self, line: str) -> Refusal | None:
        """The refusal that a line tells of, if it does."""
        if found := _OPENED.match(line):
            _keep(self._opened, found["peer"], None)
        elif found := _LET_IN.match(line):
            self._opened.pop(found["peer"], None)
            _keep(self._homes, found["who"], _address(found["peer"]))
        elif found := _REFUSED.match(line):
            return Refusal(PASSWORD, _name(found["who"]), self._stranger(found["peer"]))
        elif found := CUT_OFF.match(line):
            who = found["who"] or found["other"]
            return Refusal(PUBLISH, _name(who), self._homes.get(who) or self._stranger(None))
        return None

    def _stranger(self, peer: str | None) -> str:
        """From where somebody came who was not let in: as the line says, else whoever connected last."""
        if peer is None:
            peer = next(reversed(self._opened), None)
        self._opened.pop(peer or "", None)
        return _address(peer) if peer else UNKNOWN


def _keep(kept: OrderedDict[str, V], key: str, value: V) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > PEERS_MAX:
        kept.popitem(last=False)


def _address(peer: str) -> str:
    head, colon, port = peer.rpartition(":")
    return network_of(head if colon and head and port.isdigit() else peer)


def _name(who: str) -> str:
    shown = "".join(c if c.isprintable() else "?" for c in who)[:100]
    return UNKNOWN if shown in ("<unknown>", "(null)") else shown


@dataclass
class Count:
    """How often, and when."""

    times: int
    first: datetime
    last: datetime


class BrokerLog:
    """Follows a log from its end on; what fails is told and ends nothing."""

    def __init__(self, path: Path, link: Link, stop: threading.Event) -> None:
        self._path, self._link, self._stop = path, link, stop
        self._lines = Lines()
        self._counts: dict[Refusal, Count] = {}
        self._position = self._size()
        self._rest = b""
        self._due = 0.0

    def run(self) -> None:
        """Looks every second until `stop` is set, and writes down what is left then."""
        try:
            while not self._stop.wait(LOOK_S):
                self.look()
            self.look(at_once=True)
        except Exception:
            log.exception("the broker's log is followed no more")
        finally:
            self._link.close()

    def look(self, *, at_once: bool = False) -> None:
        """Counts what is new; writes it down when a minute is over, or at once."""
        for line in self._new_lines():
            refusal = self._lines.read(line)
            if refusal is not None:
                self._count(refusal)
        if self._counts and (at_once or time.monotonic() >= self._due):
            self._write()

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def _new_lines(self) -> list[str]:
        """Whole lines since the last look, `CHUNK_BYTES` at most; all of the file when it has been cut."""
        try:
            with self._path.open("rb") as file:
                if file.seek(0, os.SEEK_END) < self._position:
                    self._position, self._rest = 0, b""
                file.seek(self._position)
                text = file.read(CHUNK_BYTES)
        except OSError:
            return []
        self._position += len(text)
        *whole, self._rest = (self._rest + text).split(b"\n")
        self._rest = self._rest[-CHUNK_BYTES:]
        return [line.decode("utf-8", "replace") for line in whole]

    def _count(self, refusal: Refusal) -> None:
        refused_total.labels(refusal.reason).inc()
        now = datetime.now(UTC)
        if not self._counts:
            self._due = time.monotonic() + WINDOW_S
        if refusal not in self._counts and len(self._counts) >= LINES_MAX:
            refusal = Refusal(refusal.reason, "others", "many networks")
        count = self._counts.setdefault(refusal, Count(0, now, now))
        count.times, count.last = count.times + 1, now

    def _write(self) -> None:
        counts, self._counts = self._counts, {}
        for each, count in counts.items():
            log.warning("the broker refused %s: %r from %s, %d times", each.reason, each.who, each.address, count.times)
        try:
            self._link.run(lambda: self._audit(counts), PATIENCE_S)
        except (*RETRY, Stopped) as error:
            log.warning("the broker's refusals could not be written down: %s", type(error).__name__)

    def _audit(self, counts: dict[Refusal, Count]) -> None:
        with self._link.connection.transaction(), self._link.connection.cursor() as cursor:
            cursor.executemany(
                queries("ingest")["audit_refusal"],
                [
                    {
                        "tenant": each.who.partition("/")[0],
                        "first_tenant": FIRST,
                        "actor": f"network {each.address}",
                        "action": f"broker.{each.reason}_refused",
                        "subject": each.who,
                        "detail": orjson.dumps(
                            {"times": count.times, "first": _when(count.first), "last": _when(count.last)}
                        ).decode(),
                    }
                    for each, count in counts.items()
                ],
            )


def _when(at: datetime) -> str:
    return rfc3339(round(at.timestamp() * 1_000_000))


@contextmanager
def followed(path: Path | None, dsn: str) -> Iterator[None]:
    """A log is followed meanwhile, in a thread of its own; None: there is none."""
    if path is None:
        yield
        return
    stop = threading.Event()
    follower = BrokerLog(path, Link(dsn, "broker log", stop), stop)
    thread = threading.Thread(target=follower.run, name="broker log", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(2 * PATIENCE_S)
