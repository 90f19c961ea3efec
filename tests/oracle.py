"""The ledger oracle: what devices made and were receipted for, against what the database holds.

    receipted 25570, lost 0, doubled 0, phantom 0, altered 0

lost: receipted, yet neither stored nor in quarantine. doubled: one reading stored more than once. phantom: stored, yet
never made. altered: stored with other values, or stored although it was nonsense.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from domain.readings import BY_STREAM
from domain.wire.fields import EPC, FIELDS, TEXT, Field
from firmware_sim.truth import Key, Truth
from store.copy import TABLE

FLOAT4 = 1e-6  # relative: the columns in single precision
SHOWN = 20


class Sent(NamedTuple):
    """A publication, told by its topic and the SHA-256 of its bytes."""

    topic: str
    digest: bytes

    @classmethod
    def of(cls, topic: str, payload: bytes) -> Sent:
        return cls(topic, hashlib.sha256(payload).digest())


@dataclass
class Poison:
    """A reading that no parser should accept: the reason it must be set aside for, and what it was sent in."""

    reason: str
    sent: set[Sent] = field(default_factory=set)


@dataclass
class Verdict:
    """The comparison's outcome. `print` it; `assert_clean` shows the first offenders."""

    receipted: int
    lost: list[Key]
    doubled: list[tuple[Key, int]]
    phantom: list[Key]
    altered: list[Key]
    stored: int

    def __str__(self) -> str:
        counts = ((name, len(getattr(self, name))) for name in ("lost", "doubled", "phantom", "altered"))
        return ", ".join([f"receipted {self.receipted}", *(f"{name} {n}" for name, n in counts)])

    def assert_clean(self) -> None:
        assert sorted(self.lost)[:SHOWN] == []
        assert sorted(self.doubled)[:SHOWN] == []
        assert sorted(self.phantom)[:SHOWN] == []
        assert sorted(self.altered)[:SHOWN] == []


@dataclass
class Told:
    """What devices have said that the ledger has no key for."""

    said: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    """By device and stream, in order: what stands in its column (`ORDERED`), without numbers."""
    receipted: dict[str, set[float]] = field(default_factory=dict)
    """By device: numbers of its stream `attr`, each said once, under numbers that were used again."""
    resets: int = 0
    strays: int = 0
    """Receipts that came before their device had sent anything since its reset, so that it did not take them."""


ORDERED = {"door": "open", "temp": "temp_c", "attr": "value"}


@dataclass
class Order:
    """The comparison of what was told with what is stored. All but the first four are 0."""

    said: int = 0
    receipted: int = 0
    resets: int = 0
    strays: int = 0
    lost: int = 0
    doubled: int = 0
    altered: int = 0
    displaced: int = 0
    """Devices and streams whose readings are all there, but stand in another order."""

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in vars(self).items())

    def assert_clean(self) -> None:
        assert (self.lost, self.doubled, self.altered, self.displaced) == (0, 0, 0, 0), str(self)


def judge_told(told: Told, connection: psycopg.Connection) -> Order:
    """Compares what was told, and its order, with a database at rest."""
    found = Order(sum(map(len, told.said.values())), sum(map(len, told.receipted.values())), told.resets, told.strays)
    for (device, stream), said in told.said.items():
        stored = told_by(connection, device, stream)
        missing, more = Counter(said) - Counter(stored), Counter(stored) - Counter(said)
        found.lost += missing.total()
        found.doubled += sum(n for value, n in more.items() if value in said)
        found.altered += sum(n for value, n in more.items() if value not in said)
        found.displaced += not missing and not more and stored != said
    for device, receipted in told.receipted.items():
        counts = Counter(told_by(connection, device, "attr"))
        found.lost += len(receipted - counts.keys())
        found.doubled += sum(n - 1 for n in counts.values())
    return found


def told_by(connection: psycopg.Connection, device: str, stream: str) -> list[float]:
    """What a device's stream says in the store, in the order of its readings."""
    query = sql.SQL(
        "select r.{column} from {table} r join device d on d.id = r.device_id where d.name = %s"
        " order by r.time, r.seq, r.received_at"
    ).format(column=sql.Identifier(ORDERED[stream]), table=sql.Identifier(TABLE[stream]))
    return [float(value) for (value,) in connection.execute(query, (device,))]


def judge(
    truth: Truth,
    connection: psycopg.Connection,
    poison: Mapping[Key, Poison] | None = None,
    without: Collection[str] = (),
) -> Verdict:
    """Compares a ledger with all numbered readings and the quarantine of a database at rest.

    Devices in `without` are none of its business.
    """
    poison = poison or {}
    counts: Counter[Key] = Counter()
    altered: set[Key] = set()
    for key, stream, row in stored_readings(connection):
        if key[0] in without:
            continue
        counts[key] += 1
        made = truth.readings.get(key)
        if key in poison or (made is not None and is_altered(made, stream, row)):
            altered.add(key)
    aside = set(set_aside(connection)) if poison else set()
    kept = {key for key, each in poison.items() if any((sent, each.reason) in aside for sent in each.sent)}
    return Verdict(
        receipted=len(truth.receipted),
        lost=[key for key in truth.receipted - counts.keys() if key not in kept],
        doubled=[(key, n) for key, n in counts.items() if n > 1],
        phantom=list(counts.keys() - truth.readings.keys()),
        altered=list(altered),
        stored=len(counts),
    )


def stored_readings(connection: psycopg.Connection) -> Iterator[tuple[Key, str, dict[str, Any]]]:
    """Every row of the reading tables, by column; keys of texts become texts again, `t` is in milliseconds."""
    texts = dict(connection.execute("select id, text from label").fetchall()) | {0: None, None: None}
    for stream, table in TABLE.items():
        columns = [spec.column for spec in FIELDS[stream]]
        query = sql.SQL(
            "select d.name, r.boot_id, r.seq, extract(epoch from r.time) * 1000, {columns}"
            " from {table} r join device d on d.id = r.device_id"
        ).format(
            columns=sql.SQL(", ").join(sql.Identifier("r", c) for c in columns),
            table=sql.Identifier(table),
        )
        labelled = {spec.column for spec in FIELDS[stream] if spec.kind in (TEXT, EPC)}
        for device, boot, seq, t, *values in connection.execute(query):
            key = (str(device), str(texts[boot]), int(seq))
            row = {c: texts[v] if c in labelled else v for c, v in zip(columns, values, strict=True)}
            yield key, stream, row | {"t": float(t)}


def set_aside(connection: psycopg.Connection) -> Iterator[tuple[Sent, str]]:
    """What is in quarantine, each with its reasons; a row that explains nothing is a fault of its own.

    A message is one row, whatever is wrong with it.
    """
    query = "select topic, payload, reason || more_reasons, detail from quarantine"
    for topic, payload, reasons, detail in connection.execute(query):
        assert detail, f"{topic}: set aside as {reasons} without a word"
        assert all(f"; {more}: " in detail for more in reasons[1:]), f"{topic}: {detail} says nothing of {reasons[1:]}"
        sent = Sent.of(str(topic), bytes(payload))
        for reason in reasons:
            yield sent, str(reason)


def is_altered(made: Mapping[str, Any], stream: str, row: Mapping[str, Any]) -> bool:
    """Whether a stored row says anything else than the device's reading. A reading without `t` may have any time."""
    values = made["values"]
    if made["stream"] != stream or values.get("t") not in (None, row["t"]):
        return True
    dtypes = BY_STREAM[stream].DTYPES
    return any(_differs(values.get(spec.key), row[spec.column], spec, dtypes[spec.column]) for spec in FIELDS[stream])


def _differs(wanted: Any, found: Any, spec: Field, dtype: str) -> bool:
    if wanted is None:
        return found != (0 if dtype == "i2" else spec.default or None)  # an antenna not told is number 0
    if dtype == "f4":
        return found is None or not math.isclose(wanted, found, rel_tol=FLOAT4, abs_tol=FLOAT4)
    same: bool = wanted == found
    return not same
