"""How a device is connected: addresses, formats with samples and commands, and what was heard of it last."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import Path, Query, Request
from typing_extensions import TypedDict

from api.http.auth import DeviceKeeper, Reader
from api.http.context import context_of
from api.http.instants import QueryInstant
from api.http.jsons import Json, when
from api.http.problems import not_found
from api.http.routes import resource
from api.http.ways import Ways
from domain.connecting import WAYS
from domain.permissions import Permission
from domain.readings import Flag
from store.db import queries

router = resource(tags=["devices"])

HEARD_MAX = 20
PORTS = {"mqtt": 1883, "mqtts": 8883}
DeviceName = Annotated[str, Path(max_length=64)]


class BrokerAddress(TypedDict):
    """Where devices find the broker."""

    host: str
    port: int
    tls: bool


class Door(TypedDict):
    """Where trackers find a door of their own."""

    host: str
    port: int


class Authority(TypedDict):
    """The private certificate authority that devices have to know."""

    sha256: str
    pem: str


class ConnectWay(TypedDict):
    """One way to send one format. In its texts stand `$tenant`, `$device`, `$password`, `$token`, `$host`, `$port`.

    And `$base`, the address of the door for HTTP; `$ca`, what makes a command trust a private authority; in samples the
    present as `$ms`, `$s` (since 1970) and `$time` (RFC 3339). `format` is empty for ours; `app`: which app takes its
    settings from a QR code.
    """

    name: str
    label: str
    by: Literal["mqtt", "http", "tcp"]
    format: str
    kinds: list[str]
    address: str
    sample: str
    command: str
    about: str
    app: Literal["owntracks", "traccar", ""]


class Connect(TypedDict):
    """What one has to know to connect a device. `http` is empty while the door for devices with HTTP is shut."""

    tenant: str
    mqtt: list[BrokerAddress]
    http: list[str]
    teltonika: Door | None
    authority: Authority | None
    ways: list[ConnectWay]


class HeardReading(TypedDict):
    """A reading as it is stored: `said` has its values by the names of `GET /readings`."""

    stream: str
    time: str | None
    received_at: str | None
    flags: list[str]
    said: dict[str, Any]


class HeardRefusal(TypedDict):
    """A message of the device that was set aside; all of it by `GET /quarantine/{id}`."""

    id: str
    received_at: str | None
    topic: str
    reason: str
    detail: str
    count: int
    redriven_at: str | None


class Heard(TypedDict):
    """What was heard of a device last, what came last first; `refused` is null for who may not see such messages."""

    device: str
    readings: list[HeardReading]
    refused: list[HeardRefusal] | None
    now: str | None


@router.get("/connect", response_model=Connect)
async def get_connect(request: Request, caller: DeviceKeeper) -> Json:
    """How devices are connected here: addresses, formats, samples and commands. Nothing of it is secret."""
    find = context_of(request).config.ways
    ways = Ways() if find is None else await asyncio.to_thread(find)
    door = urlsplit(f"//{ways.teltonika}") if ways.teltonika else None
    found: Connect = {
        "tenant": caller.tenant,
        "mqtt": [_broker(address) for address in ways.mqtt],
        "http": list(ways.http),
        "teltonika": {"host": door.hostname or "", "port": door.port or 0} if door else None,
        "authority": {"sha256": ways.authority_sha256, "pem": ways.authority} if ways.authority else None,
        "ways": [{**way._asdict(), "kinds": list(way.kinds), "command": way.command} for way in WAYS],  # type: ignore[typeddict-item]
    }
    return Json(found)


@router.get("/devices/{device_id}/heard", response_model=Heard)
async def get_heard(
    request: Request,
    caller: Reader,
    device_id: DeviceName,
    since: Annotated[QueryInstant | None, Query(description="only what was received from then on")] = None,
) -> Json:
    """What was heard of a device last: 20 readings of all streams, and 20 messages that were refused."""
    q = queries("heard")
    span = {"since": since, "limit": HEARD_MAX}
    refused = None
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        device = await session.row(queries("registry")["device_id"], name=device_id)
        if device is None:
            raise not_found()
        readings = await session.rows(q["readings"], device=device["id"], **span)
        if Permission.MESSAGES in caller.may:
            refused = await session.rows(q["refused"], tenant_name=caller.tenant, name=device_id, **span)
    return Json(
        {
            "device": device_id,
            "readings": [_reading(row) for row in readings],
            "refused": None if refused is None else [_refusal(row) for row in refused],
            "now": when(datetime.now(UTC)),
        }
    )


def _broker(address: str) -> BrokerAddress:
    found = urlsplit(address)
    return {
        "host": found.hostname or "",
        "port": found.port or PORTS.get(found.scheme, 1883),
        "tls": found.scheme == "mqtts",
    }


def _reading(row: dict[str, Any]) -> HeardReading:
    return {
        "stream": row["stream"],
        "time": when(row["time"]),
        "received_at": when(row["received_at"]),
        "flags": Flag.names(row["flags"]) if row["flags"] else [],
        "said": row["said"],
    }


def _refusal(row: dict[str, Any]) -> HeardRefusal:
    return {
        "id": str(row["id"]),
        "received_at": when(row["received_at"]),
        "topic": row["topic"],
        "reason": row["reason"],
        "detail": row["detail"],
        "count": row["times"],
        "redriven_at": when(row["redriven_at"]),
    }
