"""Mosquitto's rules: who may publish and read what.

A device publishes on the topics of readings, one line for each stream and format, and answers to commands; it hears its
receipts and commands. It cannot write what it can read: a client that publishes to itself and does not listen fills the
broker's memory.

Patterns do for almost all devices. The topics of Sparkplug B have tenant and device in separate levels, which a pattern
cannot express, so each gateway and connector has lines of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from domain.names import ENCODINGS, STREAMS

_INGEST = """\
# Written by frostway; changes are lost.
user ingest
topic read fw/v1/#
topic write fw/v1/+/+/receipt
topic write fw/v1/+/+/cmd
topic read owntracks/#
topic write owntracks/+/+/cmd
topic read spBv1.0/#
topic write spBv1.0/+/NCMD/+
topic read $SYS/broker/#

pattern read fw/v1/%u/receipt
pattern read fw/v1/%u/cmd
pattern read owntracks/%u/cmd
"""
_EDGE_READS = """\
topic read spBv1.0/{tenant}/NCMD/{device}
topic read spBv1.0/{tenant}/DCMD/{device}/#
"""
MISNAMED = (  # what devices of other makes call these streams
    *("position", "positions", "location", "track", "temperature", "temperatures", "temps", "humidity", "sensor"),
    *("sensors", "telemetry", "data", "measurement", "measurements", "event", "events", "state", "attributes"),
    *("tag", "tags", "weight", "battery"),
)
"""Words that are no stream, and yet let through: ingest sets the message aside and says which name is right. What the
broker refuses is lost, and an MQTT 3.1.1 client takes it for stored."""
OWNTRACKS_SAYS = (
    *(
        "event",
        "waypoint",
        "waypoints",
        "step",
        "steps",
        "beacon",
        "beacons",
        "status",
        "dump",
        "info",
        "card",
        "request",
    ),
    *("raw", "start", "gpio", "voltage", "alarm", "obd2", "operators", "temperature", "lwt"),
)
"""Below its topic, apps and the trackers that OwnTracks bridges publish on these; commands they hear on `cmd`."""
_EDGE_SAYS = ("NBIRTH", "NDEATH", "NDATA")
_ITS_DEVICES_SAY = ("DBIRTH", "DDEATH", "DDATA")


def device_topics(user: str) -> list[str]:
    """Topic filters of what a device (`tenant/device`, or the broker's placeholder for it) may publish.

    >>> [t for t in device_topics("main/gps-1") if "gps-1/gps" in t or "tts" in t]  # doctest: +NORMALIZE_WHITESPACE
    ['fw/v1/main/gps-1/gps', 'fw/v1/main/gps-1/gps.mp', 'fw/v1/main/gps-1/gps.cbor',
     'fw/v1/main/gps-1/tts', 'fw/v1/main/gps-1/tts/#']
    """
    from domain.wire.formats import FORMATS  # noqa: PLC0415 - decoders that a command does not need otherwise

    own = f"fw/v1/{user}/"
    streams = [f"{own}{stream}{ending}" for stream in STREAMS for ending in ENCODINGS]
    streams += [f"{own}{word}" for word in MISNAMED]
    foreign = [f"{own}{name}{below}" for name in FORMATS for below in ("", "/#")]
    owntracks = [f"owntracks/{user}", *(f"owntracks/{user}/{word}" for word in OWNTRACKS_SAYS)]
    return [*streams, *foreign, f"{own}cmd/answer", *owntracks]


def rules(edges: Iterable[str]) -> str:
    """The rules file, with lines for the users (`tenant/device`) that may be Sparkplug edge nodes.

    Raises:
        ValueError: a name that would be more than a name in the file.
    """
    parts = [_INGEST, *(f"pattern write {topic}\n" for topic in device_topics("%u"))]
    for user in sorted(set(edges)):
        tenant, slash, device = user.partition("/")
        if not slash or any(c in user for c in "#+\r\n\0 ") or "/" in device:
            raise ValueError(f"not a user of a rules file: {user!r}")
        parts.append(f"\nuser {user}\n")
        parts += (f"topic write spBv1.0/{tenant}/{said}/{device}\n" for said in _EDGE_SAYS)
        parts += (f"topic write spBv1.0/{tenant}/{said}/{device}/#\n" for said in _ITS_DEVICES_SAY)
        parts.append(_EDGE_READS.format(tenant=tenant, device=device))
    return "".join(parts)


def edges_of(path: Path) -> set[str]:
    """The users that have lines of their own in a rules file; none when there is no file."""
    with suppress(FileNotFoundError):
        words = (
            line.removeprefix("user ") for line in path.read_text("utf-8").splitlines() if line.startswith("user ")
        )
        return {user for user in words if "/" in user}
    return set()
