"""A device as its firmware behaves: it numbers each reading, keeps it until the receipt says it is safe, sends again.

A broker's PUBACK is not durability, so nothing leaves the buffer but by a receipt `{"boot", "seq"}`, which covers all
readings of that boot up to that number. What is sent and not receipted is sent again after a while, or at once on a
new connection. The buffer is a bounded ring: when it is full the oldest eighth goes, loudly, and the device starts a
new boot, so that the hole in the old one cannot hold back the receipts of what follows. This class does no I/O and
reads no clock.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count, pairwise
from typing import Any

import orjson

from firmware_sim.events import Reading
from firmware_sim.faults import FaultPlan

FIRST_SEQ = 1  # ingest takes a boot that begins at 0 or 1; with 1 a late first reading cannot be receipted unseen
BATCH_READINGS_MAX = 500
PAYLOAD_BYTES_MAX = 64 * 1024
RING_READINGS_MAX = 100_000
AT_INTERVALS = ("gps", "temp", "status")
WINDOW_READINGS_MAX = 5_000  # published and not yet receipted
RESEND_AFTER_S, RESEND_AFTER_S_MAX = 10.0, 600.0  # doubling with each try


@dataclass(slots=True, eq=False)
class Entry:
    """A reading in the buffer. `reading` is as the device reports it: with its own clock."""

    boot: str
    seq: int
    stream: str
    reading: Reading
    done: bool = False
    tries: int = 0

    def payload(self) -> Reading:
        """The JSON object of this one reading."""
        return {"boot": self.boot, "seq": self.seq, **self.reading}


@dataclass(frozen=True, slots=True)
class Message:
    """One publication: stream, payload bytes and the entries it carries (none for garbage)."""

    stream: str
    payload: bytes
    entries: tuple[Entry, ...]


class Device:
    """One device's buffer. `now_s` is monotonic seconds for timers; `event_s` Unix seconds of the simulated world."""

    def __init__(self, device_id: str, boot: str, plan: FaultPlan, ring_max: int = RING_READINGS_MAX) -> None:
        self.id = device_id
        self.plan = plan
        self.dropped = 0
        self.every_s = 0.0  # as it was told: what is measured again, comes at least so long after the last
        self._measured_ms: dict[tuple[str, object], float] = {}
        self._boots = count(1)
        self._boot_base, self.boot = boot, boot
        self._seq = count(FIRST_SEQ)
        self._ticket = count(0)  # breaks ties of the held ones
        self._ring_max = ring_max
        self._kept: dict[str, deque[Entry]] = {}  # by boot, in order of seq: everything not yet receipted
        self._size = 0
        self._pending: deque[Entry] = deque()  # to be sent, in sending order
        self._held: list[tuple[float, int, Entry]] = []  # late ones, by the event time at which they may leave
        self._sent: deque[tuple[float, tuple[Entry, ...]]] = deque()  # by deadline of the receipt
        self._in_flight = 0
        self._was_offline = False

    @property
    def buffered(self) -> int:
        """Readings not yet receipted."""
        return self._size

    def measures(self, stream: str, reading: Reading) -> bool:
        """Whether the interval that it was told lets it take this reading; events (tags, doors) it always takes."""
        if stream not in AT_INTERVALS:
            return True
        key, t_ms = (stream, reading.get("probe")), float(reading["t"])
        if t_ms < self._measured_ms.get(key, -1e18) + self.every_s * 1000:
            return False
        self._measured_ms[key] = t_ms
        return True

    def record(self, stream: str, reading: Reading, event_s: float) -> Entry:
        """Number a reading and keep it. The device's clock error is applied to `t`."""
        if self.plan.reboots_until(event_s):
            self.reboot()
        if self.plan.skew_ms:
            reading = {**reading, "t": reading["t"] + self.plan.skew_ms}
        if self._size >= self._ring_max:
            self._overflow()
        entry = Entry(self.boot, next(self._seq), stream, reading)
        self._kept.setdefault(self.boot, deque()).append(entry)
        self._size += 1
        late_s = self.plan.lateness_s()
        if late_s:
            heapq.heappush(self._held, (event_s + late_s, next(self._ticket), entry))
        else:
            self._pending.append(entry)
        return entry

    def reboot(self) -> None:
        """A new boot: the sequence begins again; what is buffered is in flash and stays."""
        self.boot = f"{self._boot_base}-{next(self._boots)}"
        self._seq = count(FIRST_SEQ)

    def receipt(self, boot: str, seq: int) -> list[Entry]:
        """Forget what the receipt covers; returns what was forgotten. Unknown boots are ignored."""
        kept = self._kept.get(boot)
        safe: list[Entry] = []
        while kept and kept[0].seq <= seq:
            entry = kept.popleft()
            entry.done = True
            safe.append(entry)
        self._size -= len(safe)
        if not kept and boot != self.boot:
            self._kept.pop(boot, None)
        return safe

    def connection_lost(self) -> None:
        """Everything without a receipt is to be sent again, oldest first."""
        again = [e for _, entries in self._sent for e in entries if not e.done]
        self._sent.clear()
        self._in_flight = 0
        self._pending.extendleft(reversed(again))

    def release_held(self) -> None:
        """Let the late ones go now (before the program ends)."""
        self._pending.extend(entry for _, _, entry in sorted(self._held))
        self._held.clear()

    def due(self, now_s: float, event_s: float) -> list[Message]:
        """Messages to publish now; they count as sent. Empty in a dead zone."""
        while self._held and self._held[0][0] <= event_s:
            self._pending.append(heapq.heappop(self._held)[2])
        if self.plan.offline(event_s):
            self._was_offline = True
            return []
        if self._was_offline:
            self._was_offline = False
            if self.plan.faults.burst_newest_first:
                self._pending.reverse()
        self._expire(now_s)
        messages = list(self._pack(self._take()))
        for message in messages:
            self._sent.append((now_s + _patience_s(message.entries), message.entries))
            self._in_flight += len(message.entries)
        return self._with_faults(messages)

    def _take(self) -> list[Entry]:
        """Entries from the head of the queue, as many as the window allows."""
        taken: list[Entry] = []
        while self._pending and len(taken) + self._in_flight < WINDOW_READINGS_MAX:
            entry = self._pending.popleft()
            if not entry.done:
                taken.append(entry)
        return taken

    def _expire(self, now_s: float) -> None:
        """Forget receipted publications; put back those whose receipt is overdue."""
        waiting: deque[tuple[float, tuple[Entry, ...]]] = deque()
        again: list[Entry] = []
        self._in_flight = 0
        for deadline_s, entries in self._sent:
            left = [e for e in entries if not e.done]
            if left and deadline_s <= now_s:
                again += left
            elif left:
                waiting.append((deadline_s, entries))
                self._in_flight += len(left)
        self._sent = waiting
        for entry in again:
            entry.tries += 1
        self._pending.extendleft(reversed(again))

    def _pack(self, entries: Iterable[Entry]) -> Iterable[Message]:
        """One message per run of the same boot, stream and keys: a single reading, or a batch."""
        groups: dict[tuple[str, str, tuple[str, ...]], list[Entry]] = {}
        for entry in entries:
            groups.setdefault((entry.boot, entry.stream, tuple(entry.reading)), []).append(entry)
        for (_, stream, _), group in groups.items():
            for i in range(0, len(group), BATCH_READINGS_MAX):
                yield from encode(stream, tuple(group[i : i + BATCH_READINGS_MAX]))

    def _with_faults(self, messages: list[Message]) -> list[Message]:
        out: list[Message] = []
        for i in self.plan.order(len(messages)):
            message = messages[i]
            out.append(message)
            if self.plan.duplicated():
                out.append(message)
            garbage = self.plan.garbage()
            if garbage is not None:
                out.append(Message(message.stream, garbage, ()))
        return out

    def _overflow(self) -> None:
        """Drop the oldest eighth of the ring and start a new boot (see the module)."""
        goal = self._ring_max - max(1, self._ring_max // 8)
        for boot in list(self._kept):
            kept = self._kept[boot]
            while kept and self._size > goal:
                kept.popleft().done = True
                self._size -= 1
                self.dropped += 1
            if not kept:
                del self._kept[boot]
        self.reboot()


def _patience_s(entries: tuple[Entry, ...]) -> float:
    tries = max(e.tries for e in entries)
    return float(min(RESEND_AFTER_S * 2.0 ** min(tries, 10), RESEND_AFTER_S_MAX))


def encode(stream: str, entries: tuple[Entry, ...]) -> Iterable[Message]:
    """Entries of one boot, stream and key set as one message, halved until each is within 64 KiB."""
    if len(entries) == 1:
        yield Message(stream, orjson.dumps(entries[0].payload()), entries)
        return
    payload = orjson.dumps(columns(entries))
    if len(payload) <= PAYLOAD_BYTES_MAX:
        yield Message(stream, payload, entries)
        return
    half = len(entries) // 2
    yield from encode(stream, entries[:half])
    yield from encode(stream, entries[half:])


def columns(entries: tuple[Entry, ...]) -> dict[str, Any]:
    """Struct of arrays: `seq` is the first number when they are consecutive; a column of one value is that value."""
    seqs = [e.seq for e in entries]
    consecutive = all(b == a + 1 for a, b in pairwise(seqs))
    batch: dict[str, Any] = {"boot": entries[0].boot, "seq": seqs[0] if consecutive else seqs}
    for key in entries[0].reading:
        column = [e.reading[key] for e in entries]
        same = key != "t" and all(value == column[0] for value in column)
        batch[key] = column[0] if same else column
    return batch
