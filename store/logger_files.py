"""A logger's file is brought: kept with what it says, its device made when new and put on the shipment's vehicle.

A conversation as in `store.lifecycle`, so that the API and the command do the same. Its readings enter through the log
like any others: ingest takes in the files that wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson

from domain.recordings.brought import Looked, deflated
from domain.recordings.reported import told
from domain.times import from_us
from store.db import queries
from store.lifecycle import Ask, NothingThereError, RefusedError, Row, Talk

FILES_MAX = 1000
AFTER = timedelta(seconds=1)
"""A logger is on the vehicle until just after its last reading."""


@dataclass(frozen=True)
class Brought:
    """A file, and what was found in it."""

    sha256: bytes
    name: str
    deflated: bytes
    size_bytes: int
    answers: Mapping[str, str]
    detection: Mapping[str, Any]
    reported: Mapping[str, Any] | None
    since: datetime
    until: datetime
    readings: int
    min_c: float
    max_c: float
    notes: tuple[str, ...]


def brought(found: Looked, name: str, content: bytes, answers: Mapping[str, str]) -> Brought:
    """What is kept of a file that was looked at and leaves nothing open."""
    times, temps = [r["t"] for r in found.readings], [r["c"] for r in found.readings]
    return Brought(
        found.sha256,
        name,
        deflated(content),
        len(content),
        answers,
        found.detection.told(),
        None if found.reported is None else told(found.reported),
        from_us(min(times) * 1000),
        from_us(max(times) * 1000),
        len(times),
        min(temps),
        max(temps),
        () if found.recording is None else found.recording.notes,
    )


class Place(NamedTuple):
    """Where its readings would go."""

    device_id: int | None
    shipment: Row | None
    known_id: int | None
    """Of the same file, when it was brought before."""


def placed(sha256: bytes, device: str, shipment: str | None, *, is_named: bool) -> Talk[Place]:
    """What there is already of a file, its device and its shipment.

    Raises:
        NothingThereError: there is no such shipment.
        RefusedError: the device cannot have readings of a logger.
    """
    q = queries("loggers")
    known = yield Ask(q["known"], {"sha256": sha256})
    found = (yield Ask(q["shipment"], {"name": shipment})) if shipment else []
    if shipment and not found:
        raise NothingThereError(f"shipment: there is no {shipment}")
    there = yield Ask(q["device"], {"name": device})
    if there and there[0]["revoked"]:
        raise RefusedError(f"device: {device} is retired: name another, or restore it")
    if there and there[0]["kind"] != "logger" and not is_named:
        raise RefusedError(
            f"device: {device} is a {there[0]['kind']} and no logger: name the device that this file is of"
        )
    return Place(there[0]["id"] if there else None, found[0] if found else None, known[0]["id"] if known else None)


def bring(file: Brought, device: str, shipment: str | None, by: str, *, is_named: bool) -> Talk[tuple[int, bool]]:
    """Keeps a file; its number, and whether it is new. Sent again it changes nothing.

    Raises:
        NothingThereError, RefusedError: see `placed`.
    """
    q, registry, lifecycle = queries("loggers"), queries("registry"), queries("lifecycle")
    place = yield from placed(file.sha256, device, shipment, is_named=is_named)
    if place.known_id is not None:
        return place.known_id, False
    device_id, ship = place.device_id, place.shipment
    if device_id is None:
        made = yield Ask(q["add_device"], {"name": device, "profile": ship["profile_id"] if ship else None})
        if not made:
            raise RefusedError(f"device: somebody has just added {device}: try again")
        device_id = made[0]["id"]
        yield Ask(lifecycle["audit"], _audited(by, "device.create", device, kind="logger", login=False))
    if ship is not None and ship["vehicle_id"] is not None:
        span = {"since": file.since, "until": file.until + AFTER}
        vehicle = {"vehicle": ship["vehicle_id"], "site": None, "zone": None}
        yield Ask(registry["reassign"], {"device": device_id, "by": by, **vehicle, **span})
        detail = {"vehicle": ship["vehicle"], **{name: at.isoformat() for name, at in span.items()}}
        yield Ask(lifecycle["audit"], _audited(by, "device.assign", device, **detail))
    yield Ask(registry["notify_registry"])
    added = yield Ask(q["add"], _values(file, device_id, ship["id"] if ship else None, by))
    if not added:
        raise RefusedError("the same file is being brought by somebody else: look again")
    detail = {"name": file.name, "sha256": file.sha256.hex(), "device": device, "shipment": shipment}
    detail |= {"answers": dict(file.answers), "readings": file.readings}
    yield Ask(lifecycle["audit"], _audited(by, "logger_file.import", str(added[0]["id"]), **detail))
    yield Ask(q["notify"])
    return added[0]["id"], True


def _values(file: Brought, device_id: int, shipment_id: int | None, by: str) -> dict[str, Any]:
    return {
        "sha256": file.sha256,
        "name": file.name,
        "content": file.deflated,
        "size_bytes": file.size_bytes,
        "answers": orjson.dumps(dict(file.answers)).decode(),
        "detection": orjson.dumps(dict(file.detection)).decode(),
        "reported": None if file.reported is None else orjson.dumps(dict(file.reported)).decode(),
        "device": device_id,
        "shipment": shipment_id,
        "since": file.since,
        "until": file.until,
        "readings": file.readings,
        "min_c": file.min_c,
        "max_c": file.max_c,
        "notes": list(file.notes),
        "by": by,
    }


def _audited(by: str, action: str, subject: str, **detail: Any) -> dict[str, Any]:
    return {"actor": by, "action": action, "subject": subject, "detail": orjson.dumps(detail, default=str).decode()}
