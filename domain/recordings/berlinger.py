"""Text exports of Berlinger Fridge-tag and Q-tag temperature loggers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import tzinfo
from typing import NamedTuple

from domain.recordings.berlinger_reported import reported
from domain.recordings.local_times import LocalTimes
from domain.recordings.shape import LeftOut, Reading, Recording, number
from domain.times import written

NO_VALUE = "--.-"
_HEADER = re.compile(r"[a-zA-Z/.-]+ [a-zA-Z:]+\s+T\b")  # yyyy-MM-dd hh:mm	T	Out of limits
_LOG_LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?)\s*\t\s*([^\t]*)", re.ASCII)
_EXTREME = re.compile(
    r"(?:Min|Max) T: *([^,]*), *TS (?:Min|Max) T: *(?:(\d{4}-\d\d-\d\d) )?(\d\d:\d\d(?::\d\d)?)\s*\Z", re.ASCII
)
_IS_EXTREME = re.compile(r"(?:Min|Max) T:")


class _Sample(NamedTuple):
    line: int
    when: str
    value: str


class _Strange(NamedTuple):
    line: int
    text: str


def parse_berlinger(text: str, local: tzinfo, tz: str) -> Recording:
    """The detailed log when the file has one; else the coldest and warmest moment of each day: real readings too."""
    lines = text.splitlines()
    head = _head(lines)
    fahrenheit = head.get("Temp unit") == "F"
    probe = "external" if head.get("Use ext devices") == "1" else "internal"
    detailed = any(line.rstrip() == "Data:" for line in lines)
    times, skipped = LocalTimes(local), LeftOut("line", "not understood and skipped")
    readings: list[Reading] = []
    empty = 0
    for sample in _log(lines) if detailed else _days(lines):
        if isinstance(sample, _Strange):
            skipped.add(sample.line, repr(sample.text[:60]))
            continue
        if sample.value in (NO_VALUE, ""):
            empty += 1
            continue
        try:
            temp = number(sample.value, f"temperature at {sample.when}", -300, 2000)
            times.add(written(sample.when), sample.line)
        except ValueError as error:
            skipped.add(sample.line, str(error))
            continue
        readings.append({"t": 0, "probe": probe, "c": round((temp - 32) / 1.8 if fahrenheit else temp, 3)})
    t_ms, notes = times.resolve(tz, ordered=detailed)
    for reading, ms in zip(readings, t_ms, strict=True):
        reading["t"] = ms
    if not detailed:
        readings.sort(key=lambda reading: reading["t"])
        notes.append("no detailed log in this export: each day's lowest and highest temperature were taken")
    if empty:
        notes.append(f"{empty} entries without a value ({NO_VALUE}) were skipped")
    notes += skipped.notes()
    told = tuple(("temp", reading) for reading in readings)
    return Recording("berlinger", told, empty + skipped.count, head.get("Serial"), tuple(notes), reported(lines, local))


def _head(lines: list[str]) -> dict[str, str]:
    """The settings before the history: `Serial`, `Temp unit`, `Use ext devices` and others."""
    head: dict[str, str] = {}
    for line in lines:
        if line.rstrip() in ("Hist:", "Res:", "Data:"):
            break
        key, colon, value = line.strip().partition(":")
        if colon:
            head.setdefault(key, value.strip())
    return head


def _log(lines: list[str]) -> Iterator[_Sample | _Strange]:
    """Each line of the `Data:` section but its header."""
    inside = False
    for number_, line in enumerate(lines, 1):
        text = line.strip("\t\r\n ")
        if not line.startswith(("\t", " ")) and text:
            inside = text == "Data:"
        elif inside and text:
            if match := _LOG_LINE.match(text):
                yield _Sample(number_, match[1], match[2].strip())
            elif not _HEADER.match(text):
                yield _Strange(number_, text)


def _days(lines: list[str]) -> Iterator[_Sample | _Strange]:
    """The extremes of each day of the `Hist:` section."""
    day = ""
    for number_, line in enumerate(lines, 1):
        text = line.strip()
        if text.startswith("Date:"):
            day = text.removeprefix("Date:").strip()
        elif (match := _EXTREME.match(text)) and (day or match[2]):
            yield _Sample(number_, f"{match[2] or day} {match[3]}", match[1].strip())
        elif day and _IS_EXTREME.match(text) and not text.partition(":")[2].strip().startswith(NO_VALUE):
            yield _Strange(number_, text)
