"""The ingest program: receive, prepare, append, acknowledge, receipt.

Two threads: one receives and prepares the next group while the other commits the last one. The queue between them
holds one group. When the database is away it fills; then groups go to the spool on disk, and without a spool, or when
it is full, the receiver stops reading and the broker keeps the rest.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import orjson
from prometheus_client import Counter, Gauge, Histogram, start_http_server

from domain.memory import give_back
from domain.names import subscriptions
from domain.times import from_us
from ingest.allowance import Allowance
from ingest.background import BackgroundPart, PartError, Toolkit
from ingest.births import TOPIC as SPARKPLUG
from ingest.broker_log import followed
from ingest.commands import Commander, take_answers
from ingest.config import IngestConfig
from ingest.deliveries import KEPT, Deliveries, delivered
from ingest.directory import Directory
from ingest.doors.feed import Feed
from ingest.doors.inbox import Inbox
from ingest.doors.lines import Lines
from ingest.doors.supervisor import Door, DoorSupervisor
from ingest.drain import Drain, spool_bytes, spool_full, spooled_total
from ingest.fairness import Fairness
from ingest.logger_files import LoggerFiles
from ingest.moments import Steady, unread_us
from ingest.mqtt.receiver import Group, ReceiverConfig, trust
from ingest.mqtt.receivers import RECEIVERS
from ingest.mqtt.session import end_session
from ingest.phones import Phones, take_phone_answers
from ingest.prepare import Prepared, Preparer
from ingest.quarantine import quarantine_rows
from ingest.receipts import ReceiptBook
from ingest.redrive import Redriver
from ingest.spool import Spool, SpoolError
from ingest.voices import Voices
from store.db import at_once, queries
from store.labels import Labels
from store.link import RETRY, Link, Stopped
from store.log import PostgresLog

__all__ = ["Ingest", "IngestConfig", "run"]

log = logging.getLogger(__name__)

RECEIPT_INTERVAL_S = 1.0
GROUP_BYTES = 1024 * 1024  # of payload in one group, so that a single reading does not wait long behind big messages
RECEIPTS_AT_ONCE = 64  # fewer than this are sent with their group, without waiting
AT_A_DOOR = "a door"  # where a stranger was heard that named no topic
LEAVE_QUIET_S = 1.0  # a broker that sends nothing for this long has nothing left for us
PATIENCE_S = 3.0  # the database may be away this long before messages are kept on disk
FULL_WAIT_S = 0.5

readings_total = Counter("frostway_ingest_readings_total", "Readings appended to the log")
messages_total = Counter("frostway_ingest_messages_total", "Messages acknowledged")
quarantined_total = Counter("frostway_ingest_quarantined_total", "Messages set aside", ["reason"])
commit_seconds = Histogram("frostway_ingest_commit_seconds", "Time of one group commit, seconds")
database_up = Gauge("frostway_ingest_database_up", "1 while the last write reached the database")
broker_up = Gauge("frostway_ingest_broker_up", "1 while the broker is connected")
dropped_by_broker = Gauge("frostway_broker_dropped_messages", "Messages the broker says it dropped")


class Item(NamedTuple):
    """What the writer commits: something prepared, of how many messages, and what to do once it is durable."""

    prepared: Prepared
    messages: int
    durable: Callable[[], object]


class Ingest:
    """The program's two threads and what they share."""

    def __init__(
        self, config: IngestConfig, stop: threading.Event, clock: Callable[[], int] = lambda: time.time_ns() // 1000
    ) -> None:
        self._config = config
        self._stop = stop
        self._clock = Steady(clock)
        self._session = ReceiverConfig.from_url(
            config.mqtt_url,
            subscriptions(config.share),
            client_id=config.client_id,
            tls_context=trust(config.mqtt_ca_file),
        )
        self.receiver = RECEIVERS[config.receiver](self._session)
        self._queue: queue.Queue[Item | None] = queue.Queue(maxsize=1)
        self._read = Link(config.database_url, "ingest registry", stop)
        self._write = Link(config.database_url, "ingest", stop)
        directory = Directory(self._read, config.partitions, time.monotonic)
        self._directory = directory
        self._preparer = self._make_preparer(directory, self._read)
        self._log = PostgresLog(self._write)
        self._book = ReceiptBook(self._write, shared=bool(config.share))
        self._deliveries = Deliveries(self._session.client_id)
        self._names: Mapping[int, tuple[str, str]] = {}
        self._group_messages = min(config.group_messages, 256)  # until we know how big this fleet's messages are
        self._receipts_due = 0.0
        self._allowance = Allowance()
        self._failure: BaseException | None = None
        self._has_worked = False  # since memory was given back
        self._halt = threading.Event()  # for the background parts: at the end, however it comes
        self._is_full = False
        self._handed = self._acknowledged = 0  # groups; each is counted by one thread
        self._finished = True  # nothing that we have received is left to somebody else
        self._has_left = False
        self._writing_since: float | None = None
        self._spool, self._drain = self._make_spool()
        self._fairness = Fairness(config.device_rate_per_s, directory.is_speaker) if config.device_rate_per_s else None
        self._background: list[BackgroundPart] = [Redriver(self._tools("ingest redrive", self._halt), self._halt)]
        self._background.append(LoggerFiles(self._tools("ingest logger files", self._halt), self._halt))
        lines, self._phones = Lines(), Phones()
        tools = self._tools("ingest commands", self._halt)
        self._background.append(Commander(tools, self._halt, self.receiver, lines, self._phones))
        self._voices = Voices()
        if self._drain is not None:
            self._background.append(self._drain)
        self._doors = self._make_doors(lines)

    def _tools(self, name: str, stop: threading.Event) -> Toolkit:
        link = Link(self._config.database_url, name, stop)
        directory = Directory(link, self._config.partitions, time.monotonic)
        return Toolkit(link, directory, self._make_preparer(directory, link))

    def _make_preparer(self, directory: Directory, link: Link) -> Preparer:
        retention_us = int(self._config.retention_days * 86_400e6)
        return Preparer(directory, Labels(link), retention_us, self._clock.reserve)

    def _hand_prepared(self, prepared: Prepared, messages: int, durable: Callable[[], object]) -> bool:
        """As `_hand_over`, for the background parts."""
        return self._hand_over(Item(prepared, messages, durable))

    def _make_doors(self, lines: Lines) -> DoorSupervisor:
        """The doors that are open; what the others stand on (an HTTP server among it) is not even loaded."""
        config, inbox, doors = self._config, Inbox(), list[Door]()
        feed = Feed(inbox, self._tools("ingest doors", self._stop), self._hand_prepared, self._clock, self._phones)
        if config.teltonika_port:
            from ingest.doors.teltonika import TeltonikaDoor  # noqa: PLC0415

            host, port = config.teltonika_host, config.teltonika_port
            doors.append(TeltonikaDoor(host, port, inbox, feed.knows, lines=lines))
        if config.device_http_port:
            from ingest.doors.http import HttpDoor  # noqa: PLC0415

            knows = feed.knows if config.device_http_open_ids else None
            host, port, proxies = config.device_http_host, config.device_http_port, config.trusted_proxies
            pair = config.device_http_certificate
            door = HttpDoor(host, port, inbox, feed.holder, knows, trusted_proxies=proxies, certificate=pair)
            doors.append(door)
        return DoorSupervisor(feed, doors)

    def _make_spool(self) -> tuple[Spool | None, Drain | None]:
        if self._config.spool_dir is None:
            return None, None
        spool = Spool(self._config.spool_dir, self._config.spool_bytes)
        tools = self._tools("ingest spool", self._halt)
        return spool, Drain(spool, tools, self._hand_prepared, lambda: not self._queue.empty(), self._halt)

    def run(self) -> None:
        """Works until stopped; everything received is committed and acknowledged first.

        Raises:
            PartError: a door cannot be opened, or a part has failed.
        """
        if self._spool is not None:
            self._spool.open()
        self._read.run(self._directory.refresh)
        self._read.run(lambda: self._deliveries.load(self._read, self._spool.newest(KEPT) if self._spool else ()))
        self.receiver.connect()
        log.info("connected to the broker")
        writer = threading.Thread(target=self._guarded_writer, name="writer", daemon=True)
        self._start_background(writer)
        try:
            self._doors.open()
            while not self._stop.is_set() and self._failure is None:
                self._receive_one()
                self._check()
            if self._config.leave:
                self._leave()
        except Stopped:
            pass
        finally:
            self._finish(writer)
        if self._failure is not None:
            raise self._failure

    def _start_background(self, writer: threading.Thread) -> None:
        """The writer and the background parts."""
        writer.start()
        for each in self._background:
            each.start()

    def _check(self) -> None:
        """Raises PartError when a background part is dead; at the end it may be."""
        if self._stop.is_set():
            return
        self._doors.check()
        for each in self._background:
            if not each.is_alive():
                raise PartError(f"{each.name} has failed") from each.failure

    def _finish(self, writer: threading.Thread) -> None:
        """Ends the background parts, those first that hand something to the writer."""
        self._doors.close()
        self._halt.set()
        for each in self._background:
            each.join()
        if self._spool is not None:
            self._spool.close()
        self._hand_over(None)
        writer.join(timeout=15)
        self.receiver.close(drain=True)
        if self._has_left and self._is_whole and not writer.is_alive():
            end_session(self._session)
        self._read.close()

    def _leave(self) -> None:
        """Our share goes to the other workers; what the broker holds for us already is finished first.

        A broker hands out no more than so much unacknowledged: it has nothing left for us when it is silent though all
        is acknowledged.
        """
        self.receiver.leave()
        settled = False
        while self._is_whole and (self._receive_one(LEAVE_QUIET_S) or not settled):
            settled = self._handed == self._acknowledged
        while self._spool is not None and self._spool.filled.is_set() and self._is_whole:
            time.sleep(LEAVE_QUIET_S / 10)  # who ends us sooner finds the rest on disk
        self._has_left = self._is_whole and self.receiver.connected
        log.info("left: the other workers have our share")

    @property
    def _is_whole(self) -> bool:
        """Whether everything that we have received is durable, or will be."""
        return self._finished and self._failure is None

    def _receive_one(self, timeout_s: float = 0.25) -> bool:
        """The next group, if one comes within the time; False when none did."""
        group = self.receiver.receive(self._group_messages, self._config.linger_s, timeout_s)
        broker_up.set(self.receiver.connected)
        dropped_by_broker.set(self.receiver.dropped_by_broker or 0)
        if group.messages:
            received_us = self._clock()
            size = sum(len(message[1]) for message in group.messages) / len(group.messages)
            self._group_messages = max(16, min(self._config.group_messages, int(GROUP_BYTES / max(size, 1.0))))
            self._leave_out_repeats(group, received_us)
            self._slow_floods(group, received_us)
            self._take(group, received_us)
        elif self._drain is None or not self._drain.away.is_set():
            with contextlib.suppress(*RETRY):
                self._read.run(self._directory.refresh_when_old, self._patience_s)
        return bool(group)

    def _leave_out_repeats(self, group: Group, received_us: int) -> None:
        """What the broker brings again, and we have, is only acknowledged."""
        if group.epoch >= self.receiver.session_epoch:
            epoch = self.receiver.session_epoch
            with contextlib.suppress(*RETRY):
                self._read.run(lambda: self._deliveries.session(epoch, received_us, self._read), self._patience_s)
        group.process = self._deliveries.fresh(group.messages, received_us)

    def _slow_floods(self, group: Group, received_us: int) -> None:
        """What is beyond a device's rate is kept on disk, from where it comes when there is room.

        What comes of Sparkplug while some of it may be on disk goes there too: its order counts.
        """
        if self._spool is None:
            return
        first, rest = self._fairness.split(group.process, time.monotonic()) if self._fairness else (group.process, ())
        if self._spool.filled.is_set() and any(m[0].startswith(SPARKPLUG) for m in first):
            rest = [*rest, *(m for m in first if m[0].startswith(SPARKPLUG))]
            first = [m for m in first if not m[0].startswith(SPARKPLUG)]
        if rest:
            later_us = received_us + unread_us(payload for _, payload, *_ in first)
            try:
                self._spool.append(rest, later_us)
            except SpoolError:
                return  # no room: they go with the others
            self._deliveries.remember(delivered(rest))
            self._clock.reserve(later_us + unread_us(payload for _, payload, *_ in rest))
            group.process = first

    @property
    def _patience_s(self) -> float | None:
        """How long the database may be away before we spool; None: however long it takes, the broker keeps the rest."""
        return None if self._drain is None else PATIENCE_S

    def _take(self, group: Group, received_us: int) -> None:
        """To the writer; to the spool while the database is away. Neither: we wait, and nothing is acknowledged."""
        while self._failure is None:
            if self._drain is None or not self._drain.away.is_set():
                try:
                    prepared = self._read.run(lambda: self._prepare(group, received_us), self._patience_s)
                except RETRY:
                    handed = False
                else:
                    durable = partial(self._acknowledge, group)
                    handed = self._hand_over(Item(prepared, len(group.messages), durable), self._patience_s)
                if handed:
                    self._deliveries.remember(prepared.delivered)
                    self._handed += 1
                    return
                if self._drain is None or self._stop.is_set():
                    self._finished = False  # asked to stop: what is not acknowledged comes again
                    return
                log.warning("the database is away: messages are kept on disk")
                self._drain.away.set()
            if self._keep(group, received_us):
                return

    def _acknowledge(self, group: Group) -> None:
        """The group is durable."""
        self.receiver.acknowledge(group)
        self._acknowledged += 1

    def _prepare(self, group: Group, received_us: int) -> Prepared:
        self._directory.refresh_when_old()
        return self._preparer.prepare(group.process, received_us)

    def _keep(self, group: Group, received_us: int) -> bool:
        """Into the spool; False when there is no room: it is tried again after a while."""
        assert self._spool is not None  # noqa: S101  it is there when the drain is
        try:
            self._spool.append(group.process, received_us)
        except SpoolError as error:
            if not self._is_full:
                log.warning("nothing more can be kept, nothing is acknowledged: %s", error)
            self._is_full = True
            spool_full.set(1)
            self._finished = not self._stop.wait(FULL_WAIT_S)
            return not self._finished
        self._deliveries.remember(delivered(group.process))
        self._clock.reserve(received_us + unread_us(payload for _, payload, *_ in group.process))
        self._is_full = False
        spool_full.set(0)
        spooled_total.inc(len(group.process))
        spool_bytes.set(self._spool.held_bytes)
        self.receiver.acknowledge(group)
        return True

    def _hand_over(self, item: Item | None, patience_s: float | None = None) -> bool:
        """Gives the writer something; False when it does not take it: at the end, or as the database is away."""
        while self._failure is None:
            try:
                self._queue.put(item, timeout=0.5)
            except queue.Full:
                if self._stop.is_set() and not self._write.healthy:
                    return False
                since = self._writing_since
                if patience_s is not None and since is not None and time.monotonic() - since > patience_s:
                    return False
            else:
                return True
        return False

    def _guarded_writer(self) -> None:
        try:
            self._writer()
        except Stopped:
            self._finished = False  # the database is away: what was handed over is not acknowledged
        except BaseException as error:
            self._failure = error
            log.exception("the writer failed")
        finally:
            self._write.close()

    def _writer(self) -> None:
        while True:
            try:
                item = self._queue.get(timeout=RECEIPT_INTERVAL_S / 2)
            except queue.Empty:
                self._send_receipts(force=True)
                self._trim()
                if self._has_worked:
                    give_back()
                    self._has_worked = False
                continue
            self._has_worked = True
            if item is None:
                self._send_receipts(force=True)
                return
            prepared = item.prepared
            started = time.monotonic()
            self._writing_since = started
            self._write.run(lambda p=prepared: self._commit(p))  # type: ignore[misc]
            self._writing_since = None
            commit_seconds.observe(time.monotonic() - started)
            database_up.set(1)
            item.durable()
            self.receiver.publish_many(prepared.replies)
            messages_total.inc(item.messages)
            readings_total.inc(prepared.readings)
            for each in prepared.quarantine:
                quarantined_total.labels(each.reason).inc()
            if prepared.seen is not None:
                self._names = prepared.names
                self._book.durable(prepared.seen)
            self._send_receipts(force=False)
            self._trim()

    def _commit(self, prepared: Prepared) -> None:
        """Frames, quarantine and strangers in one transaction. Done twice, the tracker drops the repeats."""
        if not (prepared.appends or prepared.quarantine or prepared.strangers or prepared.answers or prepared.voices):
            return
        connection = self._write.connection
        with at_once(connection):
            for frames in prepared.appends:
                self._log.put(frames)
            if prepared.delivered.packet_ids:
                self._deliveries.put(connection, prepared.received_us, prepared.delivered)
            take_answers(connection, prepared.answers, prepared.received_us)
            take_phone_answers(connection, prepared.phone_answers, prepared.received_us)
            self._voices.put(connection, prepared.voices, at_door=prepared.at_door)
            with connection.cursor() as cursor:
                if prepared.quarantine:
                    cursor.executemany(queries("quarantine")["put"], quarantine_rows(prepared))
                if prepared.strangers:
                    cursor.executemany(queries("quarantine")["put_strangers"], _stranger_rows(prepared))

    def _send_receipts(self, *, force: bool) -> None:
        now = time.monotonic()
        pending = self._book.pending
        is_time = now >= self._receipts_due
        if not (pending and (force or pending <= RECEIPTS_AT_ONCE or is_time)) and not (self._allowance and is_time):
            return
        due = self._write.run(self._book.store)
        self._receipts_due = now + RECEIPT_INTERVAL_S
        items: list[tuple[bytes, bytes]] = []
        for device_id, boot, contiguous in self._allowance.take(due, now):
            if names := self._names.get(device_id):
                topic = f"fw/v1/{names[0]}/{names[1]}/receipt".encode()
                items.append((topic, orjson.dumps({"boot": boot, "seq": contiguous})))
        self.receiver.publish_many(items)

    def _trim(self) -> None:
        if self._deliveries.due:
            self._write.run(lambda: self._deliveries.trim(self._write.connection))


def _stranger_rows(prepared: Prepared) -> list[tuple[Any, ...]]:
    """In one order for everybody, so that two workers never wait for each other."""
    at = from_us(prepared.received_us)
    topics = {(each.tenant or "", each.device): each.topic for each in prepared.quarantine}
    return [
        (*each, topics.get((each.tenant, each.speaker or each.name), AT_A_DOOR), at, at, messages)
        for each, messages in sorted(prepared.strangers.items())
    ]


def run(config: IngestConfig, stop: threading.Event) -> None:
    """Runs ingest until `stop` is set.

    Raises:
        ReceiverError: the broker refuses us or cannot be reached at the start.
        PartError: a door cannot be opened, or a part has failed.
    """
    if config.metrics_port:
        try:
            start_http_server(config.metrics_port, addr="127.0.0.1")
        except OSError as error:
            log.warning("no metrics: port %d: %s", config.metrics_port, error.strerror)
    with followed(config.broker_log, config.database_url):
        Ingest(config, stop).run()
