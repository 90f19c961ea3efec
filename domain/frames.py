"""Frames: what stands in the log. A frame is the columns of one group of messages, as they are in memory.

Layout, little-endian: `FWF2`, u4 length of the head, the head as JSON `[[stream, rows, [column, …]], …]`, then
those columns of each batch as raw numbers. A frame is decoded without copying; a column that a newer version added and
the frame's writer did not know is filled with what stands for "not given".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import orjson

from domain.readings import BY_STREAM, Batch

MAGIC = b"FWF2"


class FrameError(ValueError):
    """A log frame cannot be read: it was written by another version or is damaged."""


def encode(batches: Sequence[Batch]) -> bytes:
    """The bytes of a frame holding `batches`."""
    head = orjson.dumps([[b.STREAM, len(b), list(b.DTYPES)] for b in batches])
    parts = [MAGIC, len(head).to_bytes(4, "little"), head]
    for batch in batches:
        for name, dtype in batch.DTYPES.items():
            parts.append(np.asarray(getattr(batch, name), dtype=f"<{dtype}").tobytes())
    return b"".join(parts)


def decode(frame: bytes) -> list[Batch]:
    """The batches of a frame. The columns are read-only views into `frame`.

    Raises:
        FrameError: wrong magic, unknown stream or a length that does not fit.
    """
    if frame[:4] != MAGIC:
        raise FrameError(f"frame begins with {frame[:4]!r}, wanted {MAGIC!r}: upgrade this program")
    at = 8 + int.from_bytes(frame[4:8], "little")
    try:
        head = orjson.loads(frame[8:at])
        out: list[Batch] = []
        for stream, rows, names in head:
            kind = BY_STREAM[stream]
            columns = {name: kind.unknown(name, rows) for name in kind.DTYPES.keys() - set(names)}
            for name in names:
                column = np.frombuffer(frame, np.dtype(f"<{kind.DTYPES[name]}"), rows, at)
                columns[name] = column
                at += column.nbytes
            out.append(kind(**columns))  # type: ignore[arg-type]
    except (KeyError, TypeError, ValueError) as error:
        raise FrameError(f"damaged frame: {error}") from error
    if at != len(frame):
        raise FrameError(f"damaged frame: {len(frame) - at} bytes left over")
    return out
