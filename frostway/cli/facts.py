"""`frostway facts`: what the tracker has decided, and whether the readings still say so."""

from __future__ import annotations

from typing import Annotated

import typer

from frostway.cli.command import DataOption, TenantOption
from frostway.failure import Failure
from frostway.settings import read_settings

facts_app = typer.Typer(no_args_is_help=True, help="What was decided: derive it again from the readings, and compare.")


@facts_app.command("verify")
def facts_verify(
    vehicle: Annotated[str | None, typer.Option(help="Only of this vehicle.", show_default=False)] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="From the checkpoint before this time (RFC 3339) on; else from the first reading.", show_default=False
        ),
    ] = None,
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Derive visits, trips, ways off the line and excursions again from the readings; status 1 when one differs."""
    from frostway.cli.work.verify import verify  # noqa: PLC0415

    verdict = verify(data, read_settings(), tenant, vehicle, since)
    for line in verdict.differences:
        typer.echo(line)
    waiting = f", {verdict.waiting} wait for late readings to be folded" if verdict.waiting else ""
    vehicles, probes = verdict.checked.get("vehicle", 0), verdict.checked.get("series", 0)
    checked = f"{vehicles} vehicles and {probes} probes derived again{waiting}"
    if verdict.differences:
        raise Failure(f"{checked}: {len(verdict.differences)} facts differ")
    typer.echo(f"{checked}: all facts agree")
