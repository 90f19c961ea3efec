"""Ports that nobody has and nobody is given by chance."""

from __future__ import annotations

import random
import socket
from pathlib import Path

FIRST = 20_000
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
TRIES = 50


def bind(host: str, port: int) -> int:
    """The port, proven free; for 0 a free one, outside of those the system hands to outgoing connections.

    What the system hands out may be another's a moment later, when the program that it was chosen for begins to listen.

    Raises:
        OSError: it is taken, or not ours to take.
        OverflowError: there is no such port.
    """
    if port:
        return _try(host, port)
    below = _first_ephemeral()
    for _ in range(TRIES if below > FIRST else 0):
        try:
            return _try(host, random.randrange(FIRST, below))
        except OSError:
            continue
    return _try(host, 0)


def _try(host: str, port: int) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of an earlier run may linger
        listener.bind((host, port))
        return int(listener.getsockname()[1])


def _first_ephemeral() -> int:
    try:
        return int(RANGE.read_text("ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return 0
