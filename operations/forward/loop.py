"""The loop of a forwarder: read what is next, deliver it, then move its place. Killed anywhere, it delivers again."""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
import psycopg

from domain.forwarding import Item, json_object
from operations.forward.sink import AwayError, ForwardError, RefusedError, Sink
from store.forward import Fill, ForwardStore, Found, Place
from store.link import Link, Stopped

log = logging.getLogger(__name__)

POLL_S, TELL_S, SAVE_S = 0.5, 10.0, 5.0
WAIT_S = (1.0, 300.0)
TAKE_S = 10.0


@dataclass(frozen=True)
class Options:
    """What is forwarded of whom. `patience_s`: so long a target may be away; None: for ever."""

    tenant: str
    tenant_id: int
    what: frozenset[str]
    is_once: bool = False
    park: Path | None = None
    patience_s: float | None = None


@dataclass
class Summary:
    """What was forwarded."""

    readings: int = 0
    facts: int = 0
    parked: int = 0
    files: int = 0


class Forwarder:
    """Forwards until stopped, or until there is nothing more (`is_once`)."""

    def __init__(self, link: Link, store: ForwardStore, sink: Sink, options: Options, stop: threading.Event) -> None:
        self._link, self._store, self._sink, self._options, self._stop = link, store, sink, options, stop
        self.summary = Summary()
        self._connection: psycopg.Connection | None = None
        self._place: Place = None  # type: ignore[assignment]  # read in the first turn
        self._saved: Place = None  # type: ignore[assignment]
        self._filling: Iterator[tuple[Fill, list[Item]]] | None = None
        self._until: Mapping[int, int] | None = None
        self._is_idle = False
        self._save_due = self._tell_due = 0.0
        self._begun_s = time.monotonic()

    def run(self) -> Summary:
        """Works.

        Raises:
            ForwardError: somebody has to mend something first; nothing is lost.
        """
        try:
            while not self._stop.is_set():
                if not self._link.run(self._turn):
                    if self._options.is_once:
                        break
                    self._stop.wait(POLL_S)
            self._link.run(self._settle)
        except Stopped:
            pass
        except AwayError as error:
            raise ForwardError(f"{self._sink.target}: {error}; nothing is lost, the same command goes on") from error
        finally:
            self._sink.abandon()
            self._link.close()
        return self.summary

    # ------------------------------------------------------------ a turn
    def _turn(self) -> bool:
        """One portion; False when there was nothing."""
        if self._link.connection is not self._connection:
            self._begin()
        try:
            found = self._next()
            if found is None:
                return True
            items, place, has_more = found
            self._deliver(items)
            self._place = place
            self._is_idle = not has_more and not items
            self._save_if_due(len(items))
        except AwayError as error:  # of a disk: what it holds is read again
            self._give_up(error)
        self._tell()
        return has_more or bool(items)

    def _begin(self) -> None:
        """Its place, as the store has it."""
        until_s = time.monotonic() + TAKE_S
        while not self._store.take():
            if time.monotonic() > until_s or self._stop.wait(POLL_S):
                raise ForwardError(f"{self._store.name} is at work already, in another program: give this one a --name")
        self._connection = self._link.connection
        self._read_anew()
        self._place, kinds = self._store.rewound(self._place)
        if kinds:
            log.warning("the database was brought in from another server: %s are forwarded anew", ", ".join(kinds))

    def _read_anew(self) -> None:
        self._filling = None
        self._sink.abandon()
        self._place = self._saved = self._store.place()
        self._sink.publish(self._place.files)
        self._sink.sweep()

    def _next(self) -> tuple[list[Item], Place, bool] | None:
        """What is next, the place behind it, and whether there is more; None: the place is another one now."""
        place, has_more = self._place, False
        items: list[Item] = []
        if "readings" in self._options.what:
            if place.fill is not None:
                place, items = self._fill(place.fill)
                has_more = True
            else:
                found = self._store.next_frames(place.positions)
                if found.has_lost:
                    self._begin_fill()
                    return None
                place = replace(place, positions=taken(place.positions, found))
                items = self._store.readings(found.frames, self._options.tenant, self._options.tenant_id)
                has_more = self._has_more(place, found)
        if "facts" in self._options.what:
            place, facts, more = self._store.facts(place, self._options.tenant, self._options.tenant_id)
            items, has_more = items + facts, has_more or more
        return items, place, has_more

    def _has_more(self, place: Place, found: Found) -> bool:
        """Whether more is stored; at `--once`, of what was stored when it began."""
        upto = found.processed
        if self._options.is_once:
            upto = self._until = self._until or found.processed
        self._is_behind = any(place.positions.get(p, 0) < n for p, n in found.heads.items())
        return any(place.positions.get(p, 0) < n for p, n in upto.items())

    def _begin_fill(self) -> None:
        """Frames were dropped that were not forwarded: what they held is read from the tables."""
        self._settle()
        self._place = self._saved = self._store.begin_fill(self._place)
        if self._place.fill is not None:
            log.warning(
                "away for longer than the log is kept: reading from the tables what was received from %s to %s",
                *(f"{at:%Y-%m-%d %H:%M:%SZ}" for at in self._place.fill[:2]),
            )

    def _fill(self, fill: Fill) -> tuple[Place, list[Item]]:
        if self._filling is None:
            self._filling = self._store.filled(fill, self._options.tenant, self._options.tenant_id)
        at, items = next(self._filling, (None, []))
        if at is None:
            self._filling = None
        return replace(self._place, fill=at), items

    # ------------------------------------------------------------ delivering
    def _deliver(self, items: Sequence[Item]) -> None:
        """All of them, however long it takes; what will never be taken is parked, or ends the program."""
        done, failures, since_s = 0, 0, time.monotonic()
        while done < len(items):
            try:
                n = self._sink.put(items[done:] if done else items)
                self._count(items[done : done + n])
                done, failures, since_s = done + n, 0, time.monotonic()
            except RefusedError as error:
                self._count(items[done : done + error.taken])
                done += error.taken
                self._park(items[done], error)
                done += 1
            except AwayError as error:
                self._count(items[done : done + error.taken])
                done += error.taken
                if self._sink.holds:
                    raise
                failures = 0 if error.taken else failures
                self._wait(error, failures, since_s)
                failures += 1

    def _count(self, items: Sequence[Item]) -> None:
        readings = sum(item.family.is_reading for item in items)
        self.summary.readings += readings
        self.summary.facts += len(items) - readings

    def _give_up(self, error: AwayError) -> None:
        """A disk that takes nothing: forgotten, waited for, and read again from the place."""
        self._read_anew()
        self._wait(error, 2, float("-inf"))

    def _wait(self, error: AwayError, failures: int, since_s: float) -> None:
        """Tells, and waits: longer and longer, and never all at the same time."""
        patience_s = self._options.patience_s
        if patience_s is not None and time.monotonic() - since_s > patience_s:
            raise ForwardError(f"{self._sink.target}: {error}; nothing is lost, the same command goes on from here")
        wait_s = min(WAIT_S[0] * 2.0**failures, WAIT_S[1])
        wait_s = max(wait_s * random.uniform(0.5, 1.0), error.retry_after_s or 0.0)
        log.warning("%s: %s; again in %.0f s", self._sink.target, error, wait_s)
        self._store.fail(str(error))
        if self._stop.wait(wait_s):
            raise Stopped

    def _park(self, item: Item, error: RefusedError) -> None:
        """Into the file of what is never taken; without one the program ends."""
        about = f"{item.family.name} {item.values[0]} of {item.about}"
        if self._options.park is None:
            raise ForwardError(
                f"{self._sink.target} takes this never: {about}: {error}; mend it there, or give --park FILE "
                "to put such aside and go on"
            )
        line = orjson.dumps({"why": str(error), "item": orjson.Fragment(json_object(item))}) + b"\n"
        try:
            with self._options.park.open("ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as failure:
            raise ForwardError(f"--park {self._options.park}: {failure.strerror}") from None
        self.summary.parked += 1
        log.warning("put aside: %s: %s", about, error)

    # ------------------------------------------------------------ its place
    def _save_if_due(self, given: int) -> None:
        if (
            self._sink.is_due()
            or (given and not self._sink.holds)
            or (not self._sink.holds and time.monotonic() >= self._save_due)
        ):
            self._save()

    def _settle(self) -> None:
        """What was delivered is saved."""
        if self._place is not None and self._link.connection is self._connection and self._place != self._saved:
            self._save()

    def _save(self) -> None:
        """Files are complete, their names and the place are saved together, then they get their names."""
        files = self._sink.prepare() if self._sink.holds else ()
        is_caught_up = self._is_idle and not self._is_behind
        moved = self._store.move(self._place, files, is_caught_up=is_caught_up)
        if moved is None:
            raise ForwardError(f"{self._store.name} was moved by another program: give each its own --name")
        self._place = self._saved = moved
        self._sink.publish(files)
        self.summary.files += len(files)
        self._save_due = time.monotonic() + SAVE_S

    _is_behind = False

    def _tell(self) -> None:
        """A line now and then while there is work."""
        now = time.monotonic()
        if self._is_idle or now < self._tell_due:
            return
        if self._tell_due:
            total = self.summary.readings + self.summary.facts
            log.info(
                "%d readings and %d facts forwarded so far, %.0f a second",
                self.summary.readings,
                self.summary.facts,
                total / max(now - self._begun_s, 1e-3),
            )
        self._tell_due = now + TELL_S


def taken(positions: Mapping[int, int], found: Found) -> dict[int, int]:
    """The positions behind these frames. What is not there must have been told as dropped.

    Raises:
        ForwardError: frames are gone, and nobody has said so.
    """
    at = dict(positions)
    for partition, upto in found.processed.items():
        last, told = at.get(partition, 0), found.trimmed.get(partition, 0)
        frames = [frame.position for frame in found.frames if frame.partition == partition]
        for position in frames or [upto + 1]:  # one behind the last, when there is none
            if position > last + 1 and position - 1 > told:
                raise ForwardError(
                    f"frames {last + 1} to {position - 1} of partition {partition} of the log are gone, and nobody has "
                    "said so: `frostway forward --forget` this name and begin with --since"
                )
            last = max(last, position)
        at[partition] = last if frames else max(at.get(partition, 0), upto)
    return at
