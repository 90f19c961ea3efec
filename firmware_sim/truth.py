"""The ground-truth ledger: what was truly made, published, receipted and what truly happened, as JSON lines.

A test compares it with the database: lost = receipted - stored, doubled = rows - distinct keys, phantom = stored -
made, changed = hash differs. A reading's line is written (and handed to the operating system) before the reading can
be published, so a killed simulator leaves no phantom.

Lines, by `kind`:
  reading    tenant device boot seq t stream hash values true_t?   (`t` and `values` as the device reports them)
  published  device boot seq[]
  receipted  device boot seq                                     (everything of that boot up to seq)
  dropped    device n                                            (the ring was full)
  event      t event subject detail                              (arrived, departed, excursion_start, shelf_count, …)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import orjson

from firmware_sim.device import Device, Entry
from firmware_sim.events import Event, Reading

Key = tuple[str, str, int]  # device, boot, seq


def payload_hash(reading: Reading) -> str:
    """First 16 hexadecimal digits of the SHA-256 of the reading's canonical JSON, without boot and seq."""
    return hashlib.sha256(orjson.dumps(reading, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


class Ledger:
    """Appends to one file below `directory`; with None it writes nothing."""

    def __init__(self, directory: Path | None, tenant: str, run: str) -> None:
        self.tenant = tenant
        self._file: BinaryIO | None = None
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
            self._file = (directory / f"ledger-{run}.jsonl").open("ab", buffering=256 * 1024)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file:
            self._file.close()

    def made(self, device: str, entry: Entry, true_t_ms: int) -> None:
        """A reading was made and is in the device's buffer."""
        if not self._file:
            return
        line = {
            "kind": "reading",
            "tenant": self.tenant,
            "device": device,
            "boot": entry.boot,
            "seq": entry.seq,
            "t": entry.reading["t"],
            "stream": entry.stream,
            "hash": payload_hash(entry.reading),
            "values": entry.reading,
        }
        if true_t_ms != entry.reading["t"]:
            line["true_t"] = true_t_ms
        self._write(line)

    def published(self, device: str, entries: Iterable[Entry]) -> None:
        """A message went to the broker."""
        if not self._file:
            return
        by_boot: dict[str, list[int]] = {}
        for entry in entries:
            by_boot.setdefault(entry.boot, []).append(entry.seq)
        for boot, seqs in by_boot.items():
            self._write({"kind": "published", "device": device, "boot": boot, "seq": seqs})

    def receipted(self, device: str, boot: str, seq: int) -> None:
        """A receipt arrived: everything of that boot up to `seq` is durable."""
        self._write({"kind": "receipted", "device": device, "boot": boot, "seq": seq})

    def dropped(self, device: Device, n: int) -> None:
        """The ring of the device was full."""
        self._write({"kind": "dropped", "device": device.id, "n": n})

    def event(self, event: Event) -> None:
        """Something truly happened."""
        head = {"kind": "event", "t": event.t_ms, "event": event.kind, "subject": event.subject}
        self._write({**head, "detail": event.detail})

    def flush(self) -> None:
        """Hand everything to the operating system: it then survives a kill of this process."""
        if self._file:
            self._file.flush()

    def _write(self, line: dict[str, Any]) -> None:
        if self._file:
            self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


@dataclass(slots=True)
class Truth:
    """A ledger read back."""

    readings: dict[Key, dict[str, Any]] = field(default_factory=dict)
    published: set[Key] = field(default_factory=set)
    receipted: set[Key] = field(default_factory=set)
    events: list[dict[str, Any]] = field(default_factory=list)
    dropped: int = 0


def load(directory: Path) -> Truth:
    """All ledgers below `directory`; a last line cut short by a kill is ignored.

    Raises:
        FileNotFoundError: there is no ledger.
    """
    files = sorted(directory.glob("ledger-*.jsonl"))
    if not files:
        raise FileNotFoundError(f"no ledger-*.jsonl in {directory}")
    truth = Truth()
    safe: dict[tuple[str, str], int] = {}
    for file in files:
        with file.open("rb") as lines:
            for raw in lines:
                if raw.endswith(b"\n"):
                    _add(truth, safe, orjson.loads(raw))
    truth.receipted = {key for key in truth.readings if key[2] <= safe.get(key[:2], -1)}
    return truth


def _add(truth: Truth, safe: dict[tuple[str, str], int], line: dict[str, Any]) -> None:
    match line["kind"]:
        case "reading":
            truth.readings[line["device"], line["boot"], line["seq"]] = line
        case "published":
            truth.published.update((line["device"], line["boot"], seq) for seq in line["seq"])
        case "receipted":
            stream = (line["device"], line["boot"])
            safe[stream] = max(safe.get(stream, -1), line["seq"])
        case "dropped":
            truth.dropped += line["n"]
        case "event":
            truth.events.append(line)
