"""`frostway tenant`: who shares this installation; none sees anything of another."""

from __future__ import annotations

from typing import Annotated

import typer

from frostway.cli.command import DataOption
from frostway.settings import read_settings

tenant_app = typer.Typer(no_args_is_help=True, help="Tenants: who shares this installation and sees nothing of others.")


@tenant_app.command("add")
def tenant_add(name: Annotated[str, typer.Argument(metavar="NAME")], data: DataOption = None) -> None:
    """Make a tenant; other commands reach it by --tenant NAME."""
    from frostway.cli.work.tenant import add_tenant  # noqa: PLC0415

    add_tenant(data, read_settings(), name)
    typer.echo(f"tenant {name}")
    typer.echo(f"who signs in there first: frostway account set NAME --role admin --tenant {name}", err=True)


@tenant_app.command("list")
def tenant_list(data: DataOption = None) -> None:
    """List tenants and how many devices each has."""
    from frostway.cli.work.tenant import print_tenants  # noqa: PLC0415

    print_tenants(data, read_settings())
