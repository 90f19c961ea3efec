"""The ledger oracle: what devices made and were receipted for, against what the database holds.

    receipted 25570, lost 0, doubled 0, phantom 0, altered 0

lost: receipted, yet neither stored nor in quarantine. doubled: one reading stored more than once. phantom: stored, yet
never made. altered: stored with other values, or stored although it was nonsense.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping
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


def judge(truth: Truth, connection: psycopg.Connection, poison: Mapping[Key, Poison] | None = None) -> Verdict:
    """Compares a ledger with all numbered readings and the quarantine of a database at rest."""
    poison = poison or {}
    counts: Counter[Key] = Counter()
    altered: set[Key] = set()
    for key, stream, row in stored_readings(connection):
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
    """What is in quarantine, each with its reason; a row that explains nothing is a fault of its own."""
    for topic, payload, reason, detail in connection.execute("select topic, payload, reason, detail from quarantine"):
        assert detail, f"{topic}: set aside as {reason!r} without a word"
        yield Sent.of(str(topic), bytes(payload)), str(reason)


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
