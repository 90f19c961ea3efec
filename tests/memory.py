"""A folder in memory for what need not outlive a run: a database is copied and dropped there in a tenth of the time."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 -- a file system in memory is what is wanted
FREE_BYTES_MIN = 4 * 1024**3
_PREFIX = "frostway-test-"


@contextmanager
def in_memory() -> Iterator[Path | None]:
    """A folder that is gone in the end; None where there is no such file system, or it has too little room."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < FREE_BYTES_MIN:
        yield None
        return
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=MEMORY))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep() -> None:
    """What runs that were killed have left."""
    for folder in MEMORY.glob(f"{_PREFIX}*-*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        with suppress(ValueError):
            if not Path(f"/proc/{int(pid)}").exists():
                shutil.rmtree(folder, ignore_errors=True)
