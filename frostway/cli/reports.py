"""`frostway reports`: what fleets are asked about, answered from the readings."""

from __future__ import annotations

import math
from typing import Annotated, Any

import typer

from frostway.cli.command import DataOption, TenantOption
from frostway.cli.times import instant_of
from frostway.failure import Failure
from frostway.settings import read_settings


def add_to(app: typer.Typer) -> None:
    """Puts the command into `frostway`."""
    app.command("reports")(reports)


def _of(about: str, *names: str) -> Any:
    return typer.Option(*names, help=about + "; repeatable.", show_default=False)


def reports(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A report; without it, all are listed.", show_default=False)
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="From when (RFC 3339).", show_default="as the list says")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="Until when (RFC 3339).", show_default="now")] = None,
    fleet: Annotated[list[str] | None, _of("Vehicles of one of these fleets")] = None,
    model: Annotated[list[str] | None, _of("Of one of these models")] = None,
    driver: Annotated[list[str] | None, _of("With one of these drivers")] = None,
    fuel_type: Annotated[list[str] | None, _of("With one of these fuels")] = None,
    tag: Annotated[list[str] | None, _of("With all of these tags")] = None,
    attribute: Annotated[
        str | None, typer.Option(help="Name under which devices tell the value.", show_default="as the list says")
    ] = None,
    threshold: Annotated[float | None, typer.Option(help="The limit.", show_default="as the list says")] = None,
    zone: Annotated[str, typer.Option(help="IANA time zone of days.")] = "UTC",
    csv: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write CSV there; - is standard output.", show_default=False)
    ] = None,
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """List the reports there are, or ask for one: who drove, stood, was loaded, burnt and broke down."""
    from frostway.cli.work.reports import print_report, print_reports, save_report  # noqa: PLC0415

    fits = {"fleets": fleet, "models": model, "drivers": driver, "fuel_types": fuel_type, "tags": tag}
    if name is None:
        if csv is not None or since or until or any(fits.values()):
            raise Failure("say which report: `frostway reports` lists them")
        print_reports()
        return
    if threshold is not None and not math.isfinite(threshold):
        raise Failure("--threshold: a number")
    asked: dict[str, Any] = {
        "fits": {key: value or None for key, value in fits.items()},
        "since": instant_of(since, "--since"),
        "until": instant_of(until, "--until"),
        "attribute": attribute,
        "threshold": threshold,
        "zone": zone,
    }
    if csv is None:
        print_report(data, read_settings(), tenant, name, asked)
    else:
        save_report(data, read_settings(), tenant, name, asked, csv)
