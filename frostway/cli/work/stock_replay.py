"""The files of `frostway stock replay`: reads in, stock by zone out, by the rules of the tracker."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson

from domain.epc import gtin_of
from domain.readings import F64, I64
from domain.times import rfc3339, to_us, written
from frostway.cli.work.tables import print_table
from frostway.failure import Failure
from tracker.rules.presence.awake import Awake
from tracker.rules.presence.beliefs import Tags, look, step
from tracker.rules.presence.knowledge import EPOCH_US, Knowledge, unlearned
from tracker.rules.presence.levels import summed

WANTED = "time,reader,antenna,epc,rssi_dbm"
NEEDED = ("time", "reader", "epc")
FILE_BYTES_MAX = 2 * 1024**3
DBM_MIN, DBM_MAX = -150.0, 30.0
EPC_MAX = 128


class Reads(NamedTuple):
    """Reads of a file; `zone` and `tag` are places in the lists of names behind them."""

    t_us: I64
    tag: I64
    zone: I64
    dbm: F64
    epcs: list[str]
    zones: list[str]
    unplaced: dict[str, int]
    """Reads by readers that the map does not know."""


def print_stock(file: Path, zones: Path | None, *, as_json: bool) -> None:
    """Reads the file, and prints what the tracker would hold after it."""
    told = stock_of(read_reads(file, read_zones(zones) if zones else None))
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(told) + b"\n")
        return
    rows = [
        (z["zone"], z["gtin"] or "other tags", f"{z['quantity']}", f"{z['confidence']:.0%}", z["last_evidence_at"])
        for z in told["levels"]
    ]
    print_table(("Zone", "GTIN", "Quantity", "Sure", "Last evidence"), rows, "No tag is anywhere.")
    for reader, count in told["unplaced"].items():
        sys.stderr.write(f"frostway: {count} reads of {reader}: it stands in no zone of the map\n")


def stock_of(reads: Reads, known: Knowledge | None = None) -> dict[str, Any]:
    """Levels by zone and product, and where each tag is most likely: what `--json` prints."""
    known, awake = known or unlearned(), Awake.empty()
    epoch, tags = reads.t_us // EPOCH_US, Tags.blank(np.arange(1, len(reads.epcs) + 1))
    if len(epoch):
        awake.add(reads.zone + 1, epoch)
        ms = reads.t_us % EPOCH_US // 1000
        tags = step(tags, reads.tag + 1, epoch, reads.zone + 1, reads.dbm, awake, known, ms)
    zone, chance = look(tags, awake, known)
    newest = np.zeros(len(reads.epcs), np.int64)
    np.maximum.at(newest, reads.tag, reads.t_us)
    gtins = [gtin_of(epc) for epc in reads.epcs]
    names = sorted({gtin for gtin in gtins if gtin})
    product = np.array([names.index(gtin) + 1 if gtin else 0 for gtin in gtins], np.int64)
    row, k = np.nonzero(zone > 0)
    key = zone[row, k] << 32 | product[row]
    levels, latest = summed(key, chance[row, k]), np.zeros(0, np.int64)
    latest = np.zeros(len(levels.key), np.int64)
    np.maximum.at(latest, np.searchsorted(levels.key, key), newest[row])
    best, rows = chance.argmax(axis=1), np.arange(len(tags))
    here = chance[rows, best] > 0.5
    return {
        "n": len(reads.t_us),
        "from": rfc3339(int(reads.t_us.min())) if len(epoch) else None,
        "to": rfc3339(int(reads.t_us.max())) if len(epoch) else None,
        "levels": [
            {
                "zone": reads.zones[(at >> 32) - 1],
                "gtin": names[(at & 0xFFFFFFFF) - 1] if at & 0xFFFFFFFF else None,
                "quantity": int(quantity),
                "confidence": round(confidence, 4),
                "expected": round(expected, 3),
                "last_evidence_at": rfc3339(seen),
            }
            for at, quantity, confidence, expected, seen in zip(
                *(c.tolist() for c in (levels.key, levels.quantity, levels.confidence, levels.expected, latest)),
                strict=True,
            )
            if quantity
        ],
        "tags": [
            {
                "epc": epc,
                "zone": reads.zones[int(zone[i, best[i]]) - 1] if here[i] else None,
                "chance": round(float(chance[i, best[i]] if here[i] else 1 - chance[i].sum()), 4),
                "last_read_at": rfc3339(int(newest[i])),
            }
            for i, epc in enumerate(reads.epcs)
        ],
        "unplaced": reads.unplaced,
    }


def read_zones(path: Path) -> dict[tuple[str, int | None], str]:
    """Zones by reader, or by reader and antenna.

    Raises:
        Failure: a line cannot be understood; says which, and what is wanted.
    """
    found: dict[tuple[str, int | None], str] = {}
    for line, row in _lines(path, ("reader", "zone"), "reader,zone or reader,antenna,zone"):
        antenna = row.get("antenna", "")
        if antenna and not antenna.isdecimal():
            raise _bad(path, line, f"antenna {antenna!r} is no whole number: leave it empty for all of the reader's")
        if not row["reader"] or not row["zone"]:
            raise _bad(path, line, "reader and zone are wanted")
        found[row["reader"], int(antenna) if antenna else None] = row["zone"]
    return found


def read_reads(path: Path, zones: Mapping[tuple[str, int | None], str] | None) -> Reads:
    """Reads in any order; without a map each reader stands in a zone of its own name.

    Raises:
        Failure: a line cannot be understood; says which, and how to mend it.
    """
    tags: dict[str, int] = {}
    places: dict[str, int] = {}
    unplaced: dict[str, int] = {}
    rows: list[tuple[int, int, int]] = []
    strengths: list[float] = []
    for line, row in _lines(path, NEEDED, WANTED):
        reader, antenna, epc = row["reader"], row.get("antenna", ""), row["epc"].upper().removeprefix("0X")
        t_us, dbm = _time(path, line, row["time"]), _strength(path, line, row.get("rssi_dbm", ""))
        if not reader:
            raise _bad(path, line, "reader is empty: say which reader it was")
        if antenna and not antenna.isdecimal():
            raise _bad(path, line, f"antenna {antenna!r} is no whole number: leave it empty when it is not known")
        if not epc or len(epc) > EPC_MAX or set(epc) - set("0123456789ABCDEF"):
            raise _bad(path, line, f"epc {row['epc']!r} is not hexadecimal: as readers tell it, such as 3034257B…")
        zone: str | None = reader
        if zones is not None:
            zone = zones.get((reader, int(antenna) if antenna else None)) or zones.get((reader, None))
        if zone is None:
            unplaced[reader] = unplaced.get(reader, 0) + 1
            continue
        tag, place = tags.setdefault(epc, len(tags)), places.setdefault(zone, len(places))
        rows.append((t_us, tag, place))
        strengths.append(dbm)
    columns = np.array(rows, np.int64).reshape(-1, 3).T
    return Reads(
        columns[0], columns[1], columns[2], np.array(strengths, np.float64), list(tags), list(places), unplaced
    )


def _lines(path: Path, needed: tuple[str, ...], wanted: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Lines by number with their fields, stripped."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise Failure(f"{path} has more than {FILE_BYTES_MAX // 1024**3} GiB: give it in parts")
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            head = [name.strip().lower() for name in next(reader, [])]
            if missing := [name for name in needed if name not in head]:
                raise Failure(f"{path}, line 1: no column {', '.join(missing)}: the header line is {wanted}")
            for row in reader:
                if len(row) > len(head) or len(row) < len(needed):
                    if not any(field.strip() for field in row):
                        continue
                    raise _bad(path, reader.line_num, f"{len(row)} fields where the header has {len(head)}: {wanted}")
                yield reader.line_num, {n: v.strip() for n, v in zip(head, [*row, *[""] * len(head)], strict=False)}
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Failure(f"{path} is not UTF-8: save it as UTF-8") from error
    except csv.Error as error:
        raise Failure(f"{path} is no CSV file: {error}") from error


def _bad(path: Path, line: int, what: str) -> Failure:
    return Failure(f"{path}, line {line}: {what}")


def _time(path: Path, line: int, text: str) -> int:
    try:
        at = written(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise _bad(path, line, f"time {text!r} is not RFC 3339 with an offset: write 2026-11-30T08:00:00Z")
    return to_us(at.astimezone(UTC))


def _strength(path: Path, line: int, text: str) -> float:
    try:
        dbm = float(text) if text else math.nan
    except ValueError:
        dbm = math.inf
    if not text or DBM_MIN <= dbm <= DBM_MAX:
        return dbm
    raise _bad(path, line, f"rssi_dbm {text!r} is no strength in dBm: -120 to 30, or empty when it is not known")
