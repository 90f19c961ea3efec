"""`frostway forward`: readings and facts go on to files, HTTP or MQTT."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from frostway.cli.command import DataOption, TenantOption
from frostway.cli.times import instant_of
from frostway.failure import Failure
from frostway.programs import start_logging
from frostway.settings import read_settings

FirstOption = Annotated[
    str | None,
    typer.Option(
        metavar="TIME|ever", help="The first time: what was received since then too (RFC 3339).", show_default="now"
    ),
]
ParkOption = Annotated[
    Path | None,
    typer.Option(help="File for what is refused for good; without it, that ends the command.", show_default=False),
]


def add_to(app: typer.Typer) -> None:
    """Puts the command into `frostway`."""
    app.command("forward")(forward)


def forward(
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="DIR|URL", help="A folder, http(s)://…, or mqtt(s)://….", show_default=False),
    ] = None,
    what: Annotated[str, typer.Option(help="readings, facts, or both by comma.")] = "readings,facts",
    form: Annotated[str, typer.Option("--format", help="Of files: ndjson, csv or parquet.")] = "ndjson",
    name: Annotated[str, typer.Option(help="Under which its place is kept; each forwarder has its own.")] = "forward",
    since: FirstOption = None,
    once: Annotated[bool, typer.Option("--once", help="Forward what there is, then end: for cron.")] = False,  # noqa: FBT002
    user: Annotated[
        str, typer.Option(help="Login there; its password: FROSTWAY_FORWARD_SECRET or --secret-file.")
    ] = "",
    secret_file: Annotated[
        Path | None,
        typer.Option(help="File with the password, or without --user the bearer token.", show_default=False),
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option(help="Authority of its certificate, PEM, beside the system's.", show_default=False)
    ] = None,
    prefix: Annotated[str | None, typer.Option(help="What topics begin with.", show_default="frostway/TENANT")] = None,
    park: ParkOption = None,
    roll_mb: Annotated[float, typer.Option(min=0.001, help="Files are complete at this size, MB,")] = 64.0,
    roll_s: Annotated[float, typer.Option(min=0.1, help="and after so many seconds.")] = 300.0,
    tenant: TenantOption = "main",
    show: Annotated[bool, typer.Option("--list", help="List forwarders and how far behind they are.")] = False,  # noqa: FBT002
    forget: Annotated[
        str | None, typer.Option("--forget", metavar="NAME", help="Give its place up.", show_default=False)
    ] = None,
    data: DataOption = None,
) -> None:
    """Forward readings and facts to files, HTTP or MQTT, on and on; whatever is killed, nothing is lost.

    Each has an id by which the other side drops what comes twice; files have everything once. The same command goes on
    where it was; run it under systemd, beside `frostway up`, or with --once by cron.
    """
    from frostway.cli.work import forward as work  # noqa: PLC0415

    settings = read_settings()
    if show:
        work.print_forwarders(data, settings)
        return
    if forget is not None:
        work.forget(data, settings, forget)
        typer.echo(f"forgotten: {forget}")
        return
    if to is None:
        raise Failure("--to: a folder, http(s)://… or mqtt(s)://…; --list shows what is forwarded")
    start_logging(settings)
    asked = work.Asked(
        to=to,
        what=what,
        form=form,
        name=name,
        since=work.EVER if since == "ever" else instant_of(since, "--since"),
        is_once=once,
        user=user,
        secret_file=secret_file,
        ca_file=ca_file,
        prefix=prefix,
        park=park,
        roll_bytes=round(roll_mb * 1_000_000),
        roll_s=roll_s,
        tenant=tenant,
    )
    typer.echo(work.forward(data, settings, asked))
