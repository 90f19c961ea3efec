"""`frostway tenant`: who shares this installation; none sees anything of another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from frostway.cli.command import DataOption, ask
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


@tenant_app.command("export")
def tenant_export(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    to: Annotated[Path, typer.Option("--to", metavar="DIR|FILE", help="A folder, or a new file that ends in .zip.")],
    data: DataOption = None,
) -> None:
    """Write everything of a tenant into a zip file: a line of JSON for each row, of one moment, and a manifest.

    Passwords, tokens and secrets are left out, and so is what is another's; the manifest says what.
    """
    from frostway.cli.work.tenant import export_tenant  # noqa: PLC0415

    typer.echo(str(export_tenant(data, read_settings(), name, to)))


@tenant_app.command("report-login")
def tenant_report_login(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    drop: Annotated[bool, typer.Option("--drop", help="Take it away.")] = False,  # noqa: FBT002
    data: DataOption = None,
) -> None:
    """Make the login with which dashboards read a tenant's views (schema report); prints its password once.

    Run again it gives another password.
    """
    from frostway.cli.work.tenant import drop_report_login, put_report_login  # noqa: PLC0415

    if drop:
        typer.echo(drop_report_login(data, read_settings(), name))
        return
    user, password = put_report_login(data, read_settings(), name)
    typer.echo(f"user {user}")
    typer.echo(f"password {password}")


@tenant_app.command("delete")
def tenant_delete(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,  # noqa: FBT002
    data: DataOption = None,
) -> None:
    """Delete a tenant and everything of it, for good; export it before. Interrupted, the same command goes on."""
    from frostway.cli.work.tenant import delete_tenant  # noqa: PLC0415

    def asked(question: str) -> None:
        if not yes:
            ask(question)

    delete_tenant(data, read_settings(), name, asked)
    typer.echo(f"tenant {name} is deleted")
