"""A group of MQTT messages becomes columns per partition, quarantine rows and receipts. No message is dropped."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from domain import identity
from domain.frames import encode
from domain.names import Address, TopicError, answering, foreign_id, is_downlink, owner_of
from domain.readings import BY_STREAM, I32, I64, Batch, Flag
from domain.wire.native import NO_TIME, Rejection, Rows
from domain.wire.owntracks_commands import Answer, answers
from domain.wire.said import REFUSED, Said, WireError, told
from ingest.births import Births, nodes_of
from ingest.calibration import corrections
from ingest.deliveries import Delivered, delivered
from ingest.directory import Device, Directory
from ingest.moments import of_messages, places, readings_max
from ingest.quality import Quality, Readings, clock_advice
from ingest.receipts import Seen
from ingest.translate import Entry, Translator, Work
from store.labels import Labels
from store.log import LATE_LANE

FUTURE_MAX_US = 24 * 3600 * 1_000_000  # beyond this the time is not believed at all
LATE_US = 600 * 1_000_000  # a reading older than this takes the late lane
LATE_ROWS = 1_000  # of one frame there: what the tracker takes between two live steps
REVOKED = "this device was revoked: `frostway device rotate` gives it a new password"
STRANGERS_MAX = 20  # of one message
DETAIL_MAX = 1000  # characters
SERVER_TIME = int(Flag.SERVER_TIME)
UNREGISTERED = "nobody has registered this device: after `frostway device add` what waits is read again"


class Quarantined(NamedTuple):
    """A message kept in quarantine with its bytes and the reason."""

    tenant: str | None
    device: str | None
    topic: str
    payload: bytes
    reason: str
    detail: str
    message: int = 0
    """Its number in the group."""
    more_reasons: tuple[str, ...] = ()
    """The others, in the order in which they were found; what each is about stands in the detail."""


class Stranger(NamedTuple):
    """A device nobody has registered. By its own name, or by its foreign id when a gateway or a door spoke of it."""

    tenant: str
    speaker: str
    name: str


@dataclass
class Prepared:
    """What one group writes."""

    received_us: int
    last_us: int = 0
    """The last moment that one of its readings was received at."""
    appends: list[dict[int, bytes]] = field(default_factory=list)
    """Frames by partition, for the log to take one after the other; the first are the live ones, if there are any."""
    quarantine: list[Quarantined] = field(default_factory=list)
    strangers: Counter[Stranger] = field(default_factory=Counter)
    seen: Seen | None = None
    readings: int = 0
    names: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    replies: list[tuple[bytes, bytes]] = field(default_factory=list)
    """What a format wants said to its devices: topic and payload."""
    answers: list[tuple[bytes, bytes]] = field(default_factory=list)
    """What devices say to commands: topic and payload."""
    phone_answers: list[tuple[int, Answer]] = field(default_factory=list)
    """What OwnTracks apps sent because they were asked, by key of the device."""
    voices: dict[int, str] = field(default_factory=dict)
    """By key of a device that speaks a foreign format, which one."""
    at_door: bool = False
    """It came by a door, not by MQTT."""
    quarantined_why: dict[int, str] = field(default_factory=dict)
    """By number of the message: in one line, why it or a part of it is in quarantine."""

    moments: I64 = field(default_factory=lambda: np.empty(0, np.int64))
    """When each message was received."""
    delivered: Delivered = field(default_factory=lambda: Delivered([], []))
    """Messages that must be known again, since nothing in them tells: readings with neither a clock nor a number."""
    unmarked: set[int] = field(default_factory=set)
    """Their numbers."""
    _placed: dict[tuple[int, str | None, str | None], _Place] = field(default_factory=dict)

    def heard(self, device: Device, format_: str, payload: bytes) -> None:
        """A device has spoken a foreign format, and may have answered a command in it."""
        self.voices[device.device_id] = format_
        if format_ == "owntracks":
            self.phone_answers += [(device.device_id, each) for each in answers(payload)]

    def put_in_quarantine(self, message: int, quarantined: Quarantined) -> None:
        """Keeps a message in quarantine, once a device, with all its reasons; each keeps room in the detail."""
        reason, detail = quarantined.reason, quarantined.detail
        whose = (message, quarantined.tenant, quarantined.device)
        if (place := self._placed.get(whose)) is None:
            self._placed[whose] = _Place(len(self.quarantine), {reason: detail})
            self.quarantine.append(quarantined._replace(message=message))
            self.quarantined_why.setdefault(message, f"{reason}: {detail}")
            return
        at, details = place
        details[reason] = f"{details[reason]}; {detail}"[:DETAIL_MAX] if reason in details else detail
        kept = self.quarantine[at]
        said = [each if name == kept.reason else f"{name}: {each}" for name, each in details.items()]
        more = tuple(name for name in details if name != kept.reason)
        self.quarantine[at] = kept._replace(detail=joined(said, DETAIL_MAX), more_reasons=more)


class _Place(NamedTuple):
    """Where a message stands in `Prepared.quarantine`, and what is said of it by reason."""

    at: int
    details: dict[str, str]


def joined(texts: Sequence[str], room: int) -> str:
    """Texts in one, of at most so many characters: what is too long is cut, a short one stays whole.

    >>> joined(["aaaaaaaaaaaaa", "bb", "cccccccc"], 18)
    'aaaaaa; bb; cccccc'
    """
    left, share = room - 2 * (len(texts) - 1), room
    for done, length in enumerate(sorted(map(len, texts))):
        share = left // (len(texts) - done)
        if length > share:
            break
        left -= length
    return "; ".join(text[:share] for text in texts)[:room]


def appends(batches: Mapping[int, Sequence[Batch]]) -> list[dict[int, bytes]]:
    """Frames of the batches of each partition: one of a live partition, small ones of a late lane."""
    live = {p: encode(parts) for p, parts in batches.items() if p < LATE_LANE}
    rounds = [live] if live else []
    late = {p: list(_pieces(parts)) for p, parts in batches.items() if p >= LATE_LANE}
    turns = range(max(map(len, late.values()), default=0))
    return rounds + [{p: frames[turn] for p, frames in late.items() if turn < len(frames)} for turn in turns]


def _pieces(batches: Sequence[Batch]) -> Iterator[bytes]:
    for batch in batches:
        for at in range(0, len(batch), LATE_ROWS):
            yield encode([batch.take(np.arange(at, min(at + LATE_ROWS, len(batch))))])


class Preparer:
    """Decodes, checks, flags, turns text into keys and sorts by partition."""

    def __init__(
        self, directory: Directory, labels: Labels, retention_us: int, reserve: Callable[[int], None] = lambda _: None
    ) -> None:
        """`reserve` is told up to which moment readings have been received."""
        self._reserve = reserve
        self._directory = directory
        self._births = Births(directory.link)
        self._translator = Translator(self._births)
        self._labels = labels
        self._retention_us = retention_us
        self._quality = Quality(lambda device, t_us: directory.history(device).at(t_us).clock_error_s)
        self._unfinished: Sequence[object] = ()
        self._said: dict[int, list[Said] | WireError] = {}  # what its messages said, when it is prepared once more

    def prepare(self, messages: Sequence[tuple[bytes, bytes, int, bool, bool]], received_us: int) -> Prepared:
        """Columns, quarantine and sequence numbers of `(topic, payload, packet id, retain, dup)` messages.

        Repeatable with the same `messages` after a failure of the database: decoders have a memory, and hear each once.
        """
        if messages is not self._unfinished:
            self._unfinished, self._said = messages, {}
        out = Prepared(received_us, names=self._directory.names)
        work = Work()
        try:
            with self._births.hold(nodes_of([topic for topic, *_ in messages])):
                self._hear(messages, work, out)
        except BaseException:
            self._said = {}  # what was heard of births is not kept either
            raise
        return self._prepared(messages, work, out)

    def _hear(self, messages: Sequence[tuple[bytes, bytes, int, bool, bool]], work: Work, out: Prepared) -> None:
        """Sorts messages by what is to be done with them; those of other formats are translated."""
        for index, (topic, payload, _, retain, _) in enumerate(messages):
            if retain or is_downlink(topic):
                continue  # an old value kept by the broker is not news, nor is what we said ourselves
            if answering(topic):
                out.answers.append((topic, payload))
                continue
            try:
                address, device = self._directory.route(topic)
            except TopicError as error:
                out.put_in_quarantine(index, _quarantined(topic, payload, *owner_of(topic), "topic", str(error)))
                continue
            if device is None:
                self._turn_away(index, topic, payload, address, out)
            elif address.format:
                self._translate(work, index, payload, address, device, out)
            else:
                entry = work.entry(index, device)
                work.native.setdefault(address.stream, []).append((entry, payload, address.encoding))

    def _prepared(
        self, messages: Sequence[tuple[bytes, bytes, int, bool, bool]], work: Work, out: Prepared
    ) -> Prepared:
        received_us = out.received_us
        batches: dict[int, list[Batch]] = {}
        seen: list[Seen] = []
        rejections = work.rejections
        for rows in self._receive(work.decoded(), work, messages, out):
            found = rows.rejections + self._check_times(rows, received_us)
            if len(rows.message):
                self._place(rows, work.entries, received_us, batches, seen, found, out)
            rejections += found
        self._quarantine(rejections, messages, work.entries, out)
        out.appends = appends(batches)
        out.delivered = delivered(messages[index] for index in sorted(out.unmarked | out.quarantined_why.keys()))
        if seen:
            out.seen = Seen(*(np.concatenate(c) for c in zip(*seen, strict=True)))
        out.replies = self._translator.replies()
        self._unfinished, self._said = (), {}
        return out

    def _receive(
        self,
        decoded: Sequence[Rows],
        work: Work,
        messages: Sequence[tuple[bytes, bytes, int, bool, bool]],
        out: Prepared,
    ) -> Sequence[Rows]:
        """Gives each message its moment, and each reading its own within its message's; a time, too, if it has none."""
        room = np.ones(len(messages), np.int64)
        refused = [*out.quarantined_why, *(work.entries[e].message for e, *_ in work.rejections)]
        refused += [work.entries[e].message for rows in decoded for e, *_ in rows.rejections]
        for index in refused:  # mended and read again they may be more
            room[index] = readings_max(messages[index][1])
        message = np.array([e.message for e in work.entries], np.int64)
        for rows in decoded:
            rows.received_us, counts = places(rows.message, len(message))
            np.maximum.at(room, message, counts)
        out.moments = of_messages(out.received_us, room)
        for rows in decoded:
            rows.received_us += out.moments[message[rows.message]]
            rows.server_time = rows.time_us == NO_TIME
            rows.time_us = np.where(rows.server_time, rows.received_us, rows.time_us)
        out.last_us = out.received_us + int(room.sum()) - 1
        self._reserve(out.last_us)
        return decoded

    def _turn_away(self, index: int, topic: bytes, payload: bytes, address: Address, out: Prepared) -> None:
        """A message of a device that nobody has registered, or that was revoked."""
        tenant, name = address.tenant, address.device
        if self._directory.was_revoked(tenant, name):
            out.put_in_quarantine(index, _quarantined(topic, payload, tenant, name, "revoked", REVOKED))
        else:
            out.put_in_quarantine(index, _quarantined(topic, payload, tenant, name, "unknown_device", UNREGISTERED))
            out.strangers[Stranger(tenant, "", name)] += 1

    def _translate(
        self, work: Work, index: int, payload: bytes, address: Address, device: Device, out: Prepared
    ) -> None:
        """A foreign payload's readings, each for the device that it is of. What cannot be read is set aside whole."""
        if (said := self._said.get(index)) is None:
            said = self._said[index] = self._heard(payload, address, device, out.received_us)
        if isinstance(said, WireError):
            speaker = work.entry(index, device)
            work.rejections += [Rejection(speaker, *each) for each in said.told]
            return
        out.heard(device, address.format, payload)
        entries: dict[str, int | None] = {}
        refused: dict[int, list[Said]] = {}
        for each in said:
            if each.source not in entries:
                found = self._directory.behind(device, each.source)
                entries[each.source] = None if found is None else work.entry(index, found)
            if each.flags & SERVER_TIME and each.values.get("t") == out.received_us // 1000:
                each.values["t"] = None  # it has none of its own: it gets its moment, not the group's
            if (entry := entries[each.source]) is None:
                continue
            if each.stream == REFUSED:
                refused.setdefault(entry, []).append(each)
            else:
                work.said[each.stream].append((entry, each))
        for entry, several in refused.items():
            work.rejections += [Rejection(entry, *each) for each in told(several)]
        if None in entries.values():
            strangers = sorted(source for source, entry in entries.items() if entry is None)
            self._name_strangers(work, index, device, strangers, out)

    def _heard(self, payload: bytes, address: Address, device: Device, received_us: int) -> list[Said] | WireError:
        profile_at = self._directory.profile_at(device, received_us)
        try:
            return self._translator.translate(address, payload, received_us, profile_at)
        except WireError as error:
            return error

    def _name_strangers(self, work: Work, index: int, device: Device, strangers: list[str], out: Prepared) -> None:
        """Devices that a message speaks of, and nobody has registered."""
        detail = f"nobody has registered {', '.join(strangers[:STRANGERS_MAX])}: `frostway device add … --foreign-id`"
        work.rejections.append(Rejection(work.entry(index, device), "unknown_device", detail))
        tenant, name = self._directory.names[device.device_id]
        out.strangers.update(Stranger(tenant, name, foreign_id(each)) for each in strangers[:STRANGERS_MAX])

    def _check_times(self, rows: Rows, received_us: int) -> list[Rejection]:
        if not len(rows.message):
            return []
        wrong = (rows.time_us > received_us + FUTURE_MAX_US) | (rows.time_us < received_us - self._retention_us)
        wrong &= ~rows.bad
        if not wrong.any():
            return []
        rows.bad |= wrong
        return [
            Rejection(
                int(index),
                "time_out_of_range",
                f"{int(wrong[rows.message == index].sum())} readings older than what is kept, or over a day ahead: "
                + clock_advice(int(rows.time_us[wrong & (rows.message == index)][0]), received_us),
            )
            for index in np.unique(rows.message[wrong])
        ]

    def _place(
        self,
        rows: Rows,
        entries: Sequence[Entry],
        received_us: int,
        batches: dict[int, list[Batch]],
        seen: list[Seen],
        rejections: list[Rejection],
        out: Prepared,
    ) -> None:
        used, inverse = np.unique(rows.message, return_inverse=True)
        table = np.array([entries[i].device for i in used.tolist()], dtype=np.int64)
        device_id = table[inverse, 0].astype(np.int32)
        partition = table[inverse, 2]
        boots = self._keys("boot", table[inverse, 0], rows.boot, rows, rejections)
        columns: dict[str, Any] = dict(rows.columns)
        for name, (kind, texts) in rows.texts.items():
            scope = table[inverse, 1 if kind == "epc" else 0]  # the tenant, or the device
            columns[name] = self._keys(kind, scope, texts, rows, rejections)
        columns |= {
            "device_id": device_id,
            "time_us": rows.time_us,
            "boot_id": boots,
            "seq": rows.seq,
            "received_us": rows.received_us,
        }
        columns["flags"] = self._quality.flags(
            Readings(rows.stream, device_id, rows.time_us, received_us, rows.server_time, rows.flags, rows.bad, columns)
        )
        if rows.stream == "temp":
            self._calibrate(columns, rows, device_id)
        batch = BY_STREAM[rows.stream].build(columns)
        numbered = identity.numbered(batch)
        if rows.server_time.any() and not numbered.all():
            out.unmarked.update(entries[int(e)].message for e in np.unique(rows.message[rows.server_time & ~numbered]))
        if numbered.any():
            some = batch if numbered.all() else batch.take(numbered)
            says, clocked = identity.digests(some), some.flags & Flag.SERVER_TIME == 0
            seen.append(Seen(some.device_id, some.boot_id, some.seq, says, clocked, some.received_us))
        good = ~rows.bad
        if not good.all():
            batch, partition = batch.take(good), partition[good]
        out.readings += len(batch)
        partition = partition + LATE_LANE * (received_us - batch.time_us > LATE_US)
        for p in np.unique(partition):
            batches.setdefault(int(p), []).append(batch if (partition == p).all() else batch.take(partition == p))

    def _calibrate(self, columns: dict[str, Any], rows: Rows, device_id: I32) -> None:
        """Adds what the probes' calibrations say; an error code stays as it was sent."""
        correction_c, due = corrections(
            device_id, rows.texts["probe_id"][1], rows.time_us, self._directory.calibrated, self._directory.history
        )
        flags = columns["flags"]
        correction_c[flags & Flag.SENTINEL != 0] = np.nan
        flags[due] |= Flag.CALIBRATION_DUE
        columns["correction_c"] = correction_c
        columns["temp_c"] = columns["temp_c"] + np.nan_to_num(correction_c)

    def _keys(self, kind: str, scope: I64, texts: Sequence[str | None], rows: Rows, rejections: list[Rejection]) -> I32:
        """Keys of texts within their scopes: each pair is looked up once, however many rows have it; 0 without text."""
        if set(texts) == {None}:
            return np.zeros(len(texts), np.int32)
        codes: defaultdict[str | None, int] = defaultdict(count().__next__)
        code = np.fromiter(map(codes.__getitem__, texts), np.int64, len(texts))
        spelling = list(codes)
        pairs, inverse = np.unique(scope * len(spelling) + code, return_inverse=True)
        scopes, of = (part.tolist() for part in np.divmod(pairs, max(len(spelling), 1)))
        wanted = [(kind, s, text) if (text := spelling[c]) else None for s, c in zip(scopes, of, strict=True)]
        known = self._labels.ids(k for k in wanted if k is not None)
        ids = np.array([known.get(k, -1) if k is not None else 0 for k in wanted], dtype=np.int32)[inverse]
        over = (ids < 0) & ~rows.bad
        if over.any():
            rows.bad |= over
            rejections += [
                Rejection(
                    int(index), "too_many_names", "this device has made up more boots, probes or slots than we keep"
                )
                for index in np.unique(rows.message[over])
            ]
        return np.maximum(ids, 0)

    def _quarantine(
        self,
        rejections: list[Rejection],
        messages: Sequence[tuple[bytes, bytes, int, bool, bool]],
        entries: Sequence[Entry],
        out: Prepared,
    ) -> None:
        for entry, reason, detail in rejections:
            index, device = entries[entry]
            topic, payload = messages[index][:2]
            tenant, name = out.names[device.device_id]
            out.put_in_quarantine(index, _quarantined(topic, payload, tenant, name, reason, detail))


def _quarantined(
    topic: bytes, payload: bytes, tenant: str | None, device: str | None, reason: str, detail: str
) -> Quarantined:
    clean = detail.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\0")
    return Quarantined(
        tenant,
        device,
        topic.decode("utf-8", "backslashreplace").replace("\x00", "\\0"),
        payload,
        reason,
        clean[:DETAIL_MAX],
    )
