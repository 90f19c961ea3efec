"""How many files and connections this process may have open."""

from __future__ import annotations

import resource
from contextlib import suppress

FILES_WANTED = 65_536
FILES_KEPT = 256  # for the database, logs, modules; never for connections


def raise_file_limit(wanted: int = FILES_WANTED) -> int:
    """Raises the soft limit of open files to the hard one, `wanted` at most; returns what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    best = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= best:
        return wanted if soft == resource.RLIM_INFINITY else soft
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (best, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def connections_possible(wanted: int) -> int:
    """Connections a listener may hold: `wanted`, or what the limit of open files leaves of it."""
    return min(wanted, max(16, raise_file_limit() - FILES_KEPT))
