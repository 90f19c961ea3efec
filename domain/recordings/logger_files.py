"""A temperature logger's file, whoever made the logger: its readings, what it says itself, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from domain.recordings import RecordingError, parse
from domain.recordings.encodings import clean, text_of
from domain.recordings.exports import Detection, detect, parse_export
from domain.recordings.exports.dialect import Answer
from domain.recordings.shape import Reading, Recording

FILE_BYTES_MAX = 16 * 1024 * 1024
READINGS_MAX = 500_000
LOCAL = "its times are local and it does not say where"


class LoggerFile(NamedTuple):
    """How a file is written, and what it holds: None while a question is open."""

    detection: Detection
    recording: Recording | None


def open_file(content: bytes, answers: Mapping[str, str] = MappingProxyType({})) -> LoggerFile:
    """Looks at a file; `answers` are those somebody has confirmed (`separator`, `zone` and others).

    Raises:
        RecordingError: it is no logger's file, an answer cannot be, or nothing in it can be used.
    """
    text = text_of(content)
    start = text[:4096].lstrip("\ufeff \t\r\n")
    if start.startswith("<"):
        raise RecordingError("it is XML and no temperature logger's file: export it as CSV or text")
    if "\x00" in text:
        raise RecordingError("it holds NUL bytes, so it is not a text file: export it as CSV or text")
    if start.startswith("Device:") or _is_native(start):
        return _of_known_form(content, answers)
    if not clean(text):
        text = content.decode("cp1252", "replace")
    detection = detect(text, answers)
    return LoggerFile(detection, None if detection.open else _bounded(parse_export(text, detection)))


def readings_of(recording: Recording) -> list[Reading]:
    """What was measured, in order of time: the log, and the coldest and warmest moments between what it keeps."""
    found = [reading for stream, reading in recording.readings if stream == "temp"]
    if recording.reported is not None and found:
        have = {(reading["t"], reading["c"]) for reading in found}
        probe = found[0]["probe"]
        found += [
            {"t": each.t_ms, "probe": probe, "c": each.temp_c}
            for each in recording.reported.extremes()
            if tuple(each) not in have
        ]
    return sorted(found, key=lambda reading: reading["t"])


def _is_native(start: str) -> bool:
    names = [name.strip().lower() for name in start.partition("\n")[0].split(",")]
    return "time" in names and "temp_c" in names


def _of_known_form(content: bytes, answers: Mapping[str, str]) -> LoggerFile:
    """A file whose form leaves nothing open but, perhaps, the zone of its times."""
    zone = answers.get("zone", "UTC")
    recording = _bounded(parse(content, zone))
    if "temp" not in recording.streams:
        raise RecordingError("no temperatures in it")
    is_local = any("times without an offset" in note for note in recording.notes)
    if not is_local:
        answer = Answer("UTC", "each time has its own offset")
    elif "zone" in answers:
        answer = Answer(zone, "as confirmed")
    else:
        answer = Answer(None, f"{LOCAL}: an IANA name such as Europe/Helsinki")
    maker = "Berlinger" if recording.format == "berlinger" else ""
    detection = Detection({"zone": answer}, (), (), 1, len(recording.readings), maker=maker, serial=recording.serial)
    return LoggerFile(detection, recording)


def _bounded(recording: Recording) -> Recording:
    if len(recording.readings) > READINGS_MAX:
        n = len(recording.readings)
        raise RecordingError(f"{n} readings are too many (at most {READINGS_MAX}): cut it into parts")
    return recording
