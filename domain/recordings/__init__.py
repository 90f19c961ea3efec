"""Recordings of real devices as readings: GPX, CSV and the text exports of Berlinger temperature loggers.

A parser takes the whole file and gives every reading it holds, or refuses it and says how to mend it. A line or point
that is of no use (a sensor that was not connected, a point without a time, a number that is none) is skipped, counted
and named with its line; a value beside it that cannot be is left out and named. Loggers and some CSV files write local
times without an offset: the caller gives the zone, UTC if it does not, and the recording says which was used.
"""

from __future__ import annotations

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.recordings.berlinger import parse_berlinger
from domain.recordings.csv_table import parse_csv
from domain.recordings.encodings import text_of
from domain.recordings.gpx import parse_gpx
from domain.recordings.shape import Recording, RecordingError

__all__ = ["Recording", "RecordingError", "parse", "zone"]


def zone(name: str) -> tzinfo:
    """Time zone of an IANA name.

    Raises:
        RecordingError: there is no such zone.
    """
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise RecordingError(f"no time zone {name!r}: use an IANA name such as Europe/Helsinki") from None


def parse(content: bytes, tz: str = "UTC") -> Recording:
    """The recording that the bytes of a file are; its format is told by its content.

    Args:
        content: the file.
        tz: IANA zone of times without an offset.

    Raises:
        RecordingError: says what is wrong and how to mend it.
    """
    local = zone(tz)
    text = text_of(content)
    start = text[:4096].lstrip()
    if start.startswith("<"):
        recording = parse_gpx(content, local, tz)
    else:
        if "\x00" in text:
            raise RecordingError("it holds NUL bytes, so it is not a text file: export it as GPX, CSV or logger text")
        read_text = parse_berlinger if start.startswith("Device:") else parse_csv
        recording = read_text(text, local, tz)
    if not recording.readings:
        why = next((note for note in recording.notes if "line" in note), f"{recording.skipped} without a value")
        raise RecordingError(f"no reading in it ({why})")
    return recording
