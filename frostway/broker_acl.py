"""Mosquitto's rules: who may publish and read what.

Patterns do for almost all devices. The topics of Sparkplug B have tenant and device in separate levels, which a pattern
cannot express, so each gateway and connector has lines of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

BASE = """\
# Written by frostway; changes are lost.
user ingest
topic read fw/v1/#
topic write fw/v1/+/+/receipt
topic read owntracks/#
topic read spBv1.0/#
topic write spBv1.0/+/NCMD/+
topic read $SYS/broker/#

pattern write fw/v1/%u/#
pattern write owntracks/%u
pattern write owntracks/%u/#
pattern read fw/v1/%u/receipt
"""
_EDGE = """\

user {user}
topic write spBv1.0/{tenant}/+/{device}
topic write spBv1.0/{tenant}/+/{device}/#
topic read spBv1.0/{tenant}/NCMD/{device}
topic read spBv1.0/{tenant}/DCMD/{device}/#
"""


def rules(edges: Iterable[str]) -> str:
    """The rules file, with lines for the users (`tenant/device`) that may be Sparkplug edge nodes.

    Raises:
        ValueError: a name that would be more than a name in the file.
    """
    parts = [BASE]
    for user in sorted(set(edges)):
        tenant, slash, device = user.partition("/")
        if not slash or any(c in user for c in "#+\r\n\0 ") or "/" in device:
            raise ValueError(f"not a user of a rules file: {user!r}")
        parts.append(_EDGE.format(user=user, tenant=tenant, device=device))
    return "".join(parts)


def edges_of(path: Path) -> set[str]:
    """The users that have lines of their own in a rules file; none when there is no file."""
    with suppress(FileNotFoundError):
        words = (
            line.removeprefix("user ") for line in path.read_text("utf-8").splitlines() if line.startswith("user ")
        )
        return {user for user in words if "/" in user}
    return set()
