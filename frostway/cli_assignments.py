"""`frostway device move` and `device assignments`: where a device was, and when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from domain.times import written
from frostway.command import DataOption, Failure, TenantOption, settings


def _instant(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        found = written(text)
    except ValueError as error:
        raise Failure(f"{option}: {error}") from None
    if found.tzinfo is None:
        raise Failure(f"{option} {text}: it has no offset: add Z or +hh:mm")
    return found


def device_move(
    device: Annotated[str, typer.Argument(metavar="ID")],
    vehicle: Annotated[str | None, typer.Option(help="Vehicle it is on.", show_default=False)] = None,
    site: Annotated[str | None, typer.Option(help="Site it stands at.", show_default=False)] = None,
    zone: Annotated[str | None, typer.Option(help="Zone of the site.", show_default=False)] = None,
    nowhere: Annotated[bool, typer.Option("--nowhere", help="Taken off; it is nowhere that counts.")] = False,  # noqa: FBT002
    since: Annotated[
        str | None, typer.Option("--from", help="Since when (RFC 3339), or `ever`.", show_default="now")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Until when: corrects the past.", show_default="still")
    ] = None,
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Move a device, or correct where it was: readings count for the vehicle or site of their time."""
    from frostway.stack import find  # noqa: PLC0415
    from store.db import connect  # noqa: PLC0415
    from store.registry import Registry  # noqa: PLC0415

    if nowhere == bool(vehicle or site):
        raise Failure("say where it is: --vehicle V, --site S or --nowhere")
    begin = None if since == "ever" else _instant(since, "--from") or datetime.now(UTC)
    end = _instant(until, "--to")
    if begin and begin > datetime.now(UTC):
        raise Failure("--from: in the future; say it when it has happened")
    with connect(find(data, settings()).database_url, "device move") as connection, connection.transaction():
        Registry(connection, tenant).assign(
            device, vehicle=vehicle, site=site, zone=zone, since=begin, until=end, by="cli"
        )
    typer.echo(f"{device}: {vehicle or site or 'nowhere'} from {since or 'now'}" + (f" to {until}" if until else " on"))


def device_assignments(
    device: Annotated[str, typer.Argument(metavar="ID")], tenant: TenantOption = "main", data: DataOption = None
) -> None:
    """List where a device was and when, the newest first."""
    from frostway.stack import find  # noqa: PLC0415
    from frostway.tables import print_table  # noqa: PLC0415
    from store.db import connect  # noqa: PLC0415
    from store.registry import Registry  # noqa: PLC0415

    with connect(find(data, settings()).database_url, "device assignments") as connection:
        found = Registry(connection, tenant).assignments(device)
    rows = [
        [
            a["vehicle"] or a["site"],
            a["zone"] or "",
            f"{a['since']:%Y-%m-%d %H:%M:%SZ}" if a["since"] else "ever",
            f"{a['until']:%Y-%m-%d %H:%M:%SZ}" if a["until"] else "still",
            a["recorded_by"],
        ]
        for a in found
    ]
    print_table(["where", "zone", "from", "to", "by"], rows, "It was nowhere yet: frostway device move ID --vehicle V")


def add_to(app: typer.Typer) -> None:
    """Puts the commands into `frostway device`."""
    app.command("move")(device_move)
    app.command("assignments")(device_assignments)
