"""Recordings from files; what they are made of stands in `domain.recordings`."""

from __future__ import annotations

from pathlib import Path

from domain.recordings import Recording, RecordingError, parse

FILE_BYTES_MAX = 256 * 1024 * 1024


def content_of(path: Path, bytes_max: int = FILE_BYTES_MAX) -> bytes:
    """The bytes of a file that is not too large.

    Raises:
        RecordingError: there is none, or it is.
    """
    try:
        size = path.stat().st_size
        if size > bytes_max:
            raise RecordingError(f"{path}: {size} bytes is too large (at most {bytes_max}): cut it into parts")
        return path.read_bytes()
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from None


def read(path: Path, tz: str = "UTC") -> Recording:
    """The recording in the file; its format is told by its content.

    Args:
        path: the file.
        tz: IANA zone of times without an offset.

    Raises:
        RecordingError: says what is wrong and how to mend it.
    """
    content = content_of(path)
    try:
        return parse(content, tz)
    except RecordingError as error:
        raise RecordingError(f"{path.name}: {error}") from None
