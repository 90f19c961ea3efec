"""What `frostway coldchain import` does: a logger's file goes into the stack, ingest takes it in."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path

from psycopg.rows import dict_row
from rich.console import Console

from domain.recordings import RecordingError
from domain.recordings.brought import CONTENT_BYTES_MAX, SHOWN, Looked, look
from domain.times import rfc3339
from firmware_sim.recordings import content_of
from frostway.cli.work.coldchain import in_options
from frostway.cli.work.coldchain_print import print_detection
from frostway.failure import Failure
from frostway.settings import Settings
from frostway.stack import find
from store.db import connect, queries
from store.lifecycle import Row, perform
from store.logger_files import bring, brought, placed
from store.registry import Registry

ACTOR = "cli"
WAIT_S = 30.0
LOOK_S = 0.2


def import_file(
    data: Path | None,
    settings: Settings,
    tenant: str,
    file: Path,
    shipment: str | None,
    device: str | None,
    answers: Mapping[str, str],
    *,
    dry_run: bool,
) -> None:
    """Looks at the file, and brings it in unless it is only to be looked at. Raises `Failure`, `RegistryError`."""
    with connect(find(data, settings).database_url, "coldchain import") as connection:
        tenant_id = Registry(connection, tenant).tenant_id
        content = content_of(file, CONTENT_BYTES_MAX)
        try:
            found = look(content, answers)
        except RecordingError as error:
            raise RecordingError(f"{file.name}: {error}") from None
        name, is_named = device or found.device, device is not None
        if dry_run:
            with connection.transaction():
                place = perform(connection, tenant_id, placed(found.sha256, name, shipment, is_named=is_named))
            _show(found, name, is_new=place.device_id is None, shipment=place.shipment, is_known=bool(place.known_id))
            return
        if found.is_open:
            raise Failure(f"{file.name}: {in_options(found.detection)}")
        with connection.transaction():
            talk = bring(brought(found, file.name[:200], content, answers), name, shipment, ACTOR, is_named=is_named)
            number, is_new = perform(connection, tenant_id, talk)
        if not is_new:
            sys.stdout.write(f"this file was brought before: logger file {number}, nothing was changed\n")
            return
        deadline = time.monotonic() + WAIT_S
        with connection.cursor(row_factory=dict_row) as cursor:
            asked = {"tenant": tenant_id, "id": number, "after": None, "shipment": None, "limit": 1}
            while time.monotonic() < deadline:
                row = cursor.execute(queries("loggers")["list"], asked).fetchone()
                if row is not None and row["taken_at"] is not None:
                    why = f"; {row['problem']}" if row["problem"] else ""
                    sys.stdout.write(f"{row['taken']} readings of {name} are in{why}\n")
                    return
                time.sleep(LOOK_S)
    sys.stdout.write(f"logger file {number} waits: it is taken in when ingest runs\n")


def _show(found: Looked, device: str, *, is_new: bool, shipment: Row | None, is_known: bool) -> None:
    console = Console(file=sys.stdout)
    print_detection(console, found.detection)
    for reading in found.readings[:SHOWN]:
        console.print(f"{rfc3339(reading['t'] * 1000)}  {reading['probe']}  {reading['c']:g} °C", highlight=False)
    if found.readings:
        times = [reading["t"] * 1000 for reading in found.readings]
        console.print(f"{len(times)} readings from {rfc3339(min(times))} to {rfc3339(max(times))}", highlight=False)
    where = ""
    if shipment is not None:
        vehicle = f"on {shipment['vehicle']} for this time" if shipment["vehicle"] else "which has no vehicle"
        where = f", with shipment {shipment['name']}, {vehicle}"
    console.print(f"device {device}{' (new)' if is_new else ''}{where}", highlight=False)
    if is_known:
        console.print("this file was brought before: nothing would be changed")
    if found.is_open:
        console.print(in_options(found.detection), highlight=False, markup=False)
