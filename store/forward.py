"""Forwarders: how far each is, what is next for it, and what the log no longer has of it.

Which readings are next stands in the log, what they are in the tables: what was sent twice is stored once, and has the
flags that the tracker has given it. See docs/adr/0030.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import orjson
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from domain.facts import AnyKind
from domain.forwarding import ALERT, READINGS, Family, Item, fact_item, family_of, reading_item
from domain.frames import decode
from domain.names import STREAMS
from domain.readings import I32, I64, merge
from domain.times import from_us, to_us
from store.arrays import array
from store.copy import TABLE
from store.db import queries
from store.facts import NAMED
from store.link import Link
from store.log import Frame, PostgresLog
from store.tenants import RegistryError

FRAME_BYTES = 256 * 1024  # of each partition at a time
FILL_ROWS, FACT_ROWS = 10_000, 1_000
SPAN_GAP_US = 30_000_000
US = timedelta(microseconds=1)


class Fill(NamedTuple):
    """What is read from the tables: received in a span, stream by stream, up to what was received at a moment."""

    since: datetime
    until: datetime
    stream: str
    at: datetime | None


@dataclass(frozen=True)
class Place:
    """How far a forwarder is: log by partition, facts by kind (transaction and number), and what is being filled."""

    version: int
    positions: Mapping[int, int]
    facts: Mapping[str, tuple[str, int]]
    facts_since: datetime
    fill: Fill | None
    files: tuple[str, ...]


class Found(NamedTuple):
    """Frames that are next and stored, how far the log is stored and written, and what was dropped before."""

    frames: list[Frame]
    processed: Mapping[int, int]
    heads: Mapping[int, int]
    trimmed: Mapping[int, int]
    has_lost: bool


class ForgottenError(RegistryError):
    """Somebody has given its place up."""

    def __init__(self, name: str) -> None:
        super().__init__(f"forwarder {name} was forgotten, or its tenant deleted")


class ForwardStore:
    """The side of one forwarder in the database, over one link."""

    def __init__(self, link: Link, name: str, kinds: Sequence[AnyKind] = ()) -> None:
        self._link, self.name = link, name
        self._q = queries("forward")
        self._log = PostgresLog(link)
        self._kinds = {kind.name: kind for kind in kinds}
        self.families: dict[str, Family] = {ALERT.name: ALERT} | {k.name: family_of(k) for k in kinds}
        self._known: dict[int, bool] = {}
        self._statements: dict[tuple[str, str], str] = {}

    def _rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        return self._link.connection.execute(self._q[query], {"name": self.name, **values}).fetchall()

    def _row(self, query: str) -> tuple[Any, ...]:
        """What stands of it. Raises `ForgottenError`."""
        found = self._rows(query)
        if not found:
            raise ForgottenError(self.name)
        return found[0]

    # ------------------------------------------------------------ its place
    def take(self) -> bool:
        """Whether nobody else is at work under this name; nobody is then, as long as the connection holds."""
        return bool(self._rows("take")[0][0])

    def known(self) -> dict[str, Any] | None:
        """What is known of it, if there is one of this name."""
        return next(iter(listed(self._link.connection, self.name)), None)

    def make(self, tenant_id: int, target: str, what: Sequence[str], since: datetime | None) -> None:
        """Makes a new one."""
        values = {"tenant": tenant_id, "target": target, "what": list(what), "since": since}
        with self._link.connection.transaction():
            self._execute("make", **values, kinds=list(self.families))
            self.audit(tenant_id, "forward.add", since=since, target=target, what=list(what))

    def audit(self, tenant_id: int, action: str, **detail: Any) -> None:
        """One entry of the audit trail."""
        text = orjson.dumps(detail).decode()
        self._execute("audit", tenant=tenant_id, actor="command line", action=action, subject=self.name, detail=text)

    def _execute(self, query: str, **values: Any) -> int:
        return self._link.connection.execute(self._q[query], {"name": self.name, **values}).rowcount

    def aim(self, target: str) -> None:
        """Where it forwards to now."""
        self._execute("aim", target=target)

    def forget(self) -> bool:
        """Gives up its place; whether there was one."""
        with self._link.connection.transaction():
            gone = self._rows("forget")
            for (tenant_id,) in gone:
                self.audit(tenant_id, "forward.forget")
        return bool(gone)

    def place(self) -> Place:
        """How far it is. A kind of fact that is new since it was made begins with its first word."""
        version, positions, facts, since, fill, files, _trimmed, _lost = self._row("place")
        at = {kind: (str(w), int(n)) for kind, (w, n) in facts.items()}
        at = {kind: at.get(kind, ("0", -1)) for kind in self.families}
        return Place(version, _numbers(positions), at, since, _fill(fill), tuple(files))

    def rewound(self, place: Place) -> tuple[Place, list[str]]:
        """Its place with those facts from their beginning whose transactions were counted by another server."""
        kinds = [str(kind) for (kind,) in self._rows("rewound") if kind in place.facts]
        return replace(place, facts={**place.facts, **dict.fromkeys(kinds, ("0", -1))}), kinds

    def move(self, place: Place, files: Sequence[str] = (), *, is_caught_up: bool = False) -> Place | None:
        """Makes this its place; None when somebody else has moved it."""
        values = {
            "version": place.version,
            "positions": Jsonb(place.positions, _dumps),
            "facts": Jsonb(place.facts, _dumps),
            "fill": place.fill and Jsonb(place.fill._asdict(), _dumps),
            "files": Jsonb(list(files), _dumps),
            "is_caught_up": is_caught_up,
        }
        if not self._execute("move", **values):
            return None
        return replace(place, version=place.version + 1, files=tuple(files))

    def fail(self, error: str | None) -> None:
        """Why nothing moves."""
        self._execute("fail", error=error)

    def begin_fill(self, place: Place) -> Place:
        """What was dropped from the log is read from the tables next."""
        self._execute("begin_fill", version=place.version)
        return self.place()

    # ------------------------------------------------------------ readings
    def next_frames(self, positions: Mapping[int, int]) -> Found:
        """Frames behind these positions, of what the tracker has stored."""
        rows = self._rows("processed")
        processed = {int(p): int(n) for p, n, _ in rows}
        found = self._log.read({p: positions.get(p, 0) for p in processed}, FRAME_BYTES)
        trimmed, has_lost = self._row("dropped")  # behind the frames: what was dropped by then is told there
        frames = [frame for frame in found if frame.position <= processed[frame.partition]]
        return Found(frames, processed, {int(p): int(n) for p, _, n in rows}, _numbers(trimmed), has_lost)

    def readings(self, frames: Sequence[Frame], tenant: str, tenant_id: int) -> list[Item]:
        """What is stored of these frames of a tenant: of each stream in the order of the log."""
        items: list[Item] = []
        for stream, batch in merge(decode(frame.body) for frame in frames).items():
            some = batch.take(np.isin(batch.device_id, self._mine(batch.device_id, tenant_id)))
            if not len(some):
                continue
            keys = list(zip(some.device_id.tolist(), some.time_us.tolist(), some.received_us.tolist(), strict=True))
            rank = {keys[n]: n for n in reversed(range(len(keys)))}
            ranked = []
            for device_id, *row in self._stored(stream, some.device_id.astype(np.int64), some.time_us, tenant_id):
                if (n := rank.get((device_id, to_us(row[0]), to_us(row[1])))) is not None:
                    ranked.append((n, reading_item(stream, tenant, device_id, row)))
            items += [item for _, item in sorted(ranked, key=itemgetter(0))]
        return items

    def _stored(self, stream: str, device: I64, time_us: I64, tenant_id: int) -> list[tuple[Any, ...]]:
        device, since, until = spans(device, time_us)
        statement = self._statement(stream, "spans")
        values = {
            "devices": array("int4", device),
            "since": array("timestamptz", since),
            "until": array("timestamptz", until),
            "least": from_us(int(since.min())),
            "most": from_us(int(until.max())),
            "tenant": tenant_id,
        }
        return self._link.connection.execute(statement.encode(), values, binary=True).fetchall()

    def _mine(self, device: I32, tenant_id: int) -> list[int]:
        """Which of these devices are the tenant's."""
        devices = np.unique(device).tolist()
        if new := [each for each in devices if each not in self._known]:
            mine = {int(each) for (each,) in self._rows("of_tenant", devices=new, tenant=tenant_id)}
            self._known |= {each: each in mine for each in new}
        return [each for each in devices if self._known[each]]

    def filled(self, fill: Fill, tenant: str, tenant_id: int) -> Iterator[tuple[Fill, list[Item]]]:
        """Readings of a span of receipt, portion by portion, each with how far it goes; at the end no span any more.

        A stream's are sorted once and kept by the server, outside any transaction: one may wait as long as one likes.
        """
        for stream in STREAMS[STREAMS.index(fill.stream) if fill.stream else 0 :]:
            after = fill.at if stream == fill.stream and fill.at else fill.since - US
            statement = self._statement(stream, "received") + "\n" + self._q["in_order_of_receipt"]
            with self._link.connection.cursor(name="fill", withhold=True) as cursor:
                cursor.execute(
                    statement.encode(), {"after": after, "until": fill.until, "tenant": tenant_id}, binary=True
                )
                kept: list[tuple[Any, ...]] = []
                while rows := cursor.fetchmany(FILL_ROWS):
                    kept += rows
                    end = next((n for n in range(len(kept) - 1, 0, -1) if kept[n][2] != kept[n - 1][2]), 0)
                    if end:  # a portion ends between two moments
                        done, kept = kept[:end], kept[end:]
                        yield fill._replace(stream=stream, at=done[-1][2]), _items(stream, tenant, done)
                if kept:
                    yield fill._replace(stream=stream, at=kept[-1][2]), _items(stream, tenant, kept)

    def _statement(self, stream: str, source: str) -> str:
        """The query of a stream's readings."""
        if (stream, source) not in self._statements:
            own = [field for field in READINGS[stream].fields if field.key or field.name in _OWN[stream]]
            columns = [
                f"l_{f.name}.text" if f.key else f"r.{f.name}{'::text::float8' * (f.type == 'single')}" for f in own
            ]  # by its text, for 70.9 is 70.9000015258789 as a number of double precision
            joins = [self._q["label"].format(name=f"l_{f.name}", key=f.key) for f in own if f.key]
            text = self._q[source].format(table=TABLE[stream])
            self._statements[stream, source] = self._q["readings"].format(
                columns=", ".join(columns), source=text, joins="\n".join(joins)
            )
        return self._statements[stream, source]

    # ------------------------------------------------------------ facts
    def facts(self, place: Place, tenant: str, tenant_id: int) -> tuple[Place, list[Item], bool]:
        """Words on facts that are next, the place behind them, and whether there are more."""
        at, items, more = dict(place.facts), [], False
        for name, family in self.families.items():
            statement = self._q["alerts"] if family is ALERT else fact_statement(self._kinds[name])
            values = {"tenant": tenant_id, "since": place.facts_since, "limit": FACT_ROWS}
            values |= dict(zip(("written_in", "row_id"), at[name], strict=True))
            rows = self._link.connection.execute(statement.encode(), values).fetchall()
            items += [fact_item(family, tenant, row[2:]) for row in rows]
            more |= len(rows) == FACT_ROWS
            if rows:
                at[name] = (str(rows[-1][0]), int(rows[-1][1]))
        return replace(place, facts=at), items, more


_OWN = {stream: {f.name for f in family.fields[11:]} for stream, family in READINGS.items()}


def fact_statement(kind: AnyKind) -> str:
    """The query of words on a kind of fact."""
    columns, joins = [], []
    for column in (c for c in kind.public if c.stored):
        if not column.of:
            columns.append(f"f.{column.name}")
            continue
        table, name, _ = NAMED[column.of]
        columns.append(f"{column.of}.{name}")
        joins.append(f"left join {table} {column.of} on {column.of}.id = f.{column.name}")
    return queries("forward")["facts"].format(columns=", ".join(columns), table=kind.table, joins="\n".join(joins))


def spans(device: I64, time_us: I64) -> tuple[I64, I64, I64]:
    """Spans of time that hold the readings: device, first and last time of each.

    >>> [part.tolist() for part in spans(np.array([2, 1, 1, 1]), np.array([5, 40_000_000, 7, 9]))]
    [[1, 1, 2], [7, 40000000, 5], [9, 40000000, 5]]
    """
    order = np.lexsort((time_us, device))
    device, t = device[order], time_us[order]
    first = np.flatnonzero(np.append(True, (device[1:] != device[:-1]) | (t[1:] - t[:-1] > SPAN_GAP_US)))
    last = np.append(first[1:], len(t)) - 1
    return device[first], t[first], t[last]


def listed(connection: psycopg.Connection, name: str | None = None) -> list[dict[str, Any]]:
    """What is known of all forwarders, or of one."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(queries("forward")["listed"], {"name": name}).fetchall()


def trim_log(link: Link, processed: Mapping[int, int], before: datetime) -> int:
    """Drops frames of the log that are processed and old; returns how many.

    A forwarder that has not read them is told, in the same transaction, when their readings were received.
    """
    q, connection = queries("forward"), link.connection
    with connection.transaction():
        for name, positions in connection.execute(q["behind"]).fetchall():
            trimmed, least, most = dict[int, int](), np.iinfo(np.int64).max, np.iinfo(np.int64).min
            for partition, upto in processed.items():
                after = _numbers(positions).get(partition, 0)
                if after >= upto:
                    continue
                values = {"partition": partition, "after": after, "upto": upto, "before": before}
                with connection.cursor(name="doomed") as cursor:
                    for position, body in cursor.execute(q["doomed"], values, binary=True):
                        trimmed[partition] = position
                        received = [b.received_us for b in decode(body) if len(b)]
                        least = min([least, *(int(r.min()) for r in received)])
                        most = max([most, *(int(r.max()) for r in received)])
            if trimmed:
                span = (
                    {"since": from_us(least), "until": from_us(most)}
                    if least <= most
                    else dict.fromkeys(("since", "until"))
                )
                connection.execute(q["told_lost"], {"name": name, "trimmed": Jsonb(trimmed, _dumps), **span})
        return PostgresLog(link).trim(processed, before)


def _items(stream: str, tenant: str, rows: Sequence[tuple[Any, ...]]) -> list[Item]:
    return [reading_item(stream, tenant, row[0], row[1:]) for row in rows]


def _numbers(found: Mapping[str, int]) -> dict[int, int]:
    return {int(key): int(value) for key, value in found.items()}


def _fill(found: Mapping[str, Any] | None) -> Fill | None:
    if found is None:
        return None
    since, until, at = (found[name] and datetime.fromisoformat(found[name]) for name in ("since", "until", "at"))
    return Fill(since.astimezone(UTC), until.astimezone(UTC), found["stream"], at and at.astimezone(UTC))


def _dumps(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
