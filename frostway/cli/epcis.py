"""`frostway epcis`: documents of events, checked, named and taken in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from domain.epcis.check import Fault, document_faults, events_of
from domain.epcis.hashing import event_hash
from frostway.cli.command import DataOption, TenantOption
from frostway.failure import Failure
from frostway.settings import read_settings

epcis_app = typer.Typer(no_args_is_help=True, help="Documents of EPCIS 2.0: checked, named, taken in.")
Documents = Annotated[list[Path], typer.Argument(metavar="FILE…", exists=True, dir_okay=False)]


@epcis_app.callback()
def epcis() -> None:
    """Documents of EPCIS 2.0: checked, named, taken in."""


@epcis_app.command("check")
def epcis_check(files: Documents) -> None:
    """Say whether documents are right, with the hash that names each event; ends with 1 when one is wrong."""
    failed = False
    for file in files:
        document, faults = read(file)
        for fault in faults:
            _line({"file": file.name, "path": fault.path, "error": fault.why})
        if document is None or faults:
            failed = True
            continue
        for path, event in events_of(document):
            named = {"event_id": event.get("eventID"), "event_hash": event_hash(event, document.get("@context"))}
            _line({"file": file.name, "path": path, "type": event["type"], "event_time": event["eventTime"], **named})
    if failed:
        raise typer.Exit(1)


@epcis_app.command("capture")
def epcis_capture(files: Documents, tenant: TenantOption = "main", data: DataOption = None) -> None:
    """Take in documents, each whole or not at all; events that were told before change nothing."""
    from frostway.cli.work.epcis import captured  # noqa: PLC0415

    documents = []
    for file in files:
        document, faults = read(file)
        if document is None or faults:
            raise Failure(f"{file.name}: {faults[0]}; nothing was taken in, `frostway epcis check` says all")
        documents.append((file.name, document))
    for line in captured(data, read_settings(), tenant, documents):
        typer.echo(line)


def read(file: Path) -> tuple[dict[str, Any] | None, list[Fault]]:
    """A document with what is wrong with it; no document where there is none."""
    try:
        found = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        return None, [Fault("", f"it is no JSON: {error}")]
    return (found if isinstance(found, dict) else None), document_faults(found)


def _line(found: dict[str, Any]) -> None:
    typer.echo(orjson.dumps(found).decode())
