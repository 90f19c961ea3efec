"""A logger's file as it is brought in: what is kept of it, what is shown before, and the messages it becomes."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import orjson

from domain.names import NAME
from domain.recordings.exports import Detection
from domain.recordings.logger_files import open_file, readings_of
from domain.recordings.reported import Reported
from domain.recordings.shape import Reading, Recording, RecordingError

CONTENT_BYTES_MAX = 4 * 1024 * 1024
READINGS_MAX = 100_000
SHOWN = 5  # readings of a dry run
BATCH = 500  # readings in a message: well below what a message may have


class Looked(NamedTuple):
    """What a file is, and what is in it: nothing while a question is open."""

    sha256: bytes
    detection: Detection
    recording: Recording | None
    readings: tuple[Reading, ...]

    @property
    def reported(self) -> Reported | None:
        """What the device says itself."""
        return None if self.recording is None else self.recording.reported

    @property
    def device(self) -> str:
        """What its device is called when nobody says: by its serial number, else by the file."""
        serial = re.sub(r"[^a-z0-9]+", "-", (self.detection.serial or "").lower()).strip("-")
        name = f"logger-{serial or self.sha256.hex()[:12]}"[:64]
        return name if NAME.match(name) else f"logger-{self.sha256.hex()[:12]}"

    @property
    def is_open(self) -> bool:
        """Whether somebody must say how it is written."""
        return bool(self.detection.open)


def look(content: bytes, answers: Mapping[str, str]) -> Looked:
    """Looks at a file.

    Raises:
        RecordingError: it cannot be brought in, whatever is confirmed.
    """
    if len(content) > CONTENT_BYTES_MAX:
        raise RecordingError(f"{len(content)} bytes are too many (at most {CONTENT_BYTES_MAX}): cut it into parts")
    found = open_file(content, answers)
    readings = () if found.recording is None else tuple(readings_of(found.recording))
    if len(readings) > READINGS_MAX:
        raise RecordingError(f"{len(readings)} readings are too many (at most {READINGS_MAX}): cut it into parts")
    return Looked(hashlib.sha256(content).digest(), found.detection, found.recording, readings)


def deflated(content: bytes) -> bytes:
    """As it is kept."""
    return zlib.compress(content, 9)


def inflated(kept: bytes) -> bytes:
    """As it came.

    Raises:
        RecordingError: it is more than what was ever taken.
    """
    inflater = zlib.decompressobj()
    content = inflater.decompress(kept, CONTENT_BYTES_MAX + 1)
    if len(content) > CONTENT_BYTES_MAX:
        raise RecordingError("more than a file may have")
    return content


def messages(tenant: str, device: str, readings: tuple[Reading, ...]) -> Iterator[tuple[bytes, bytes]]:
    """Topics and payloads in which the device would have said its readings, probe by probe.

    Without numbers of their own: a reading that two files of one logger have is known again by what it says.
    """
    topic = f"fw/v1/{tenant}/{device}/temp".encode()
    for probe in sorted({reading["probe"] for reading in readings}):
        for has_humidity in (False, True):
            mine = [r for r in readings if r["probe"] == probe and ("rh" in r) is has_humidity]
            for at in range(0, len(mine), BATCH):
                part = mine[at : at + BATCH]
                said = {"t": [r["t"] for r in part], "probe": probe, "c": [r["c"] for r in part]}
                if has_humidity:
                    said["rh"] = [r["rh"] for r in part]
                yield topic, orjson.dumps(said)
