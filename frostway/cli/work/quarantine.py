"""Commands for what ingest could not take: messages set aside, and devices nobody has registered."""

from __future__ import annotations

import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from domain.names import PAYLOAD_BYTES_MAX
from frostway.cli.work.tables import print_table
from frostway.settings import Settings
from frostway.stack import find
from store.db import connect
from store.quarantine import Quarantine
from store.registry import RegistryError

ACTOR = "cli"
WAIT_S = 30.0
LOOK_S = 0.2


def print_messages(
    data: Path | None,
    settings: Settings,
    tenant: str,
    *,
    device: str | None,
    reason: str | None,
    every: bool,
    limit: int,
) -> None:
    """The newest messages that were set aside."""
    with connect(find(data, settings).database_url, "quarantine list") as connection:
        found = Quarantine(connection, tenant).messages(device=device, reason=reason, waiting=not every, limit=limit)
    rows = [
        [
            str(m["id"]),
            _when(m["last_received_at"]),
            str(m["times"]),
            m["device"] or "",
            m["topic"],
            ", ".join([m["reason"], *m["more_reasons"]]),
            m["detail"],
            _state(m),
        ]
        for m in found
    ]
    head = ["id", "received", "times", "device", "topic", "reason", "detail", "state"]
    print_table(head, [[one_line(cell) for cell in row] for row in rows], "Nothing waits in quarantine.")


def print_strangers(data: Path | None, settings: Settings, tenant: str) -> None:
    """Devices that speak and nobody has registered."""
    with connect(find(data, settings).database_url, "device unknown") as connection:
        found = Quarantine(connection, tenant).strangers()
    rows = [
        [s["name"], s["speaker"] or "", _when(s["first_seen"]), _when(s["last_seen"]), str(s["messages"]), s["topic"]]
        for s in found
    ]
    head = ["device", "gateway", "first heard", "last heard", "messages", "topic"]
    print_table(head, [[one_line(cell) for cell in row] for row in rows], "Every device that speaks is registered.")


def save_payload(data: Path | None, settings: Settings, tenant: str, number: int, file: Path) -> int:
    """Writes the original bytes of a message into a file (`-`: standard output); returns how many.

    Raises:
        RegistryError: there is no such message.
    """
    with connect(find(data, settings).database_url, "quarantine save") as connection:
        payload = bytes(_message(Quarantine(connection, tenant), number)["payload"])
    if str(file) == "-":
        sys.stdout.buffer.write(payload)
    else:
        file.write_bytes(payload)
    return len(payload)


def redrive_one(
    data: Path | None, settings: Settings, tenant: str, number: int, *, payload: Path | None, topic: str | None
) -> str:
    """Has a message read again, mended perhaps, and waits for the verdict, which is returned.

    Raises:
        RegistryError: there is no such message, or it was refused again; the text says why.
    """
    mended = None if payload is None else payload.read_bytes()
    if mended is not None and len(mended) > PAYLOAD_BYTES_MAX:
        raise RegistryError(f"{payload}: {len(mended)} bytes, at most {PAYLOAD_BYTES_MAX}")
    with connect(find(data, settings).database_url, "quarantine redrive") as connection:
        quarantine = Quarantine(connection, tenant)
        _message(quarantine, number)
        if not quarantine.ask(number, ACTOR, payload=mended, topic=topic):
            return f"message {number} was read again already"
        until = time.monotonic() + WAIT_S
        while (message := _message(quarantine, number))["asked_at"] is not None:
            if time.monotonic() > until:
                return f"message {number} will be read when ingest runs"
            time.sleep(LOOK_S)
    if message["redriven_at"] is None:
        raise RegistryError(f"message {number} was refused again: {message['reason']}: {message['detail']}")
    return f"message {number} is in"


def redrive_many(data: Path | None, settings: Settings, tenant: str, *, device: str | None, reason: str | None) -> str:
    """Has messages read again, and waits until they were; returns what became of them."""
    with connect(find(data, settings).database_url, "quarantine redrive") as connection:
        quarantine = Quarantine(connection, tenant)
        asked = quarantine.ask_many(ACTOR, device=device, reason=reason)
        return wait_for_verdicts(quarantine, asked)


def wait_for_verdicts(quarantine: Quarantine, asked: int) -> str:
    """Waits until messages that were asked for have been read; what became of them."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("read again", total=asked)
        until = time.monotonic() + WAIT_S
        while (left := quarantine.pending()) and time.monotonic() < until:
            if asked - left > progress.tasks[0].completed:
                until = time.monotonic() + WAIT_S
            progress.update(task, completed=max(asked - left, 0))
            time.sleep(LOOK_S)
    waiting = quarantine.pending()
    return (
        f"{asked} messages asked for, {waiting} not read yet: `frostway quarantine list` shows what was refused again"
    )


def _message(quarantine: Quarantine, number: int) -> dict[str, Any]:
    found = quarantine.message(number)
    if found is None:
        raise RegistryError(f"no message {number} in quarantine: `frostway quarantine list` names them")
    return found


def _state(message: dict[str, Any]) -> str:
    if message["redriven_at"]:
        return "read again"
    return "asked" if message["asked_at"] else "waits"


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%SZ}"


def one_line(text: str) -> str:
    """Whatever a device called itself, a terminal is not to obey it."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)[:300]
