"""`frostway account`: persons who may sign in."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from frostway.cli.command import DataOption, TenantOption
from frostway.failure import Failure
from frostway.settings import read_settings

account_app = typer.Typer(no_args_is_help=True, help="Persons who sign in on the pages.")
ROLES = ("admin", "dispatcher", "coldchain", "storekeeper", "viewer")


@account_app.command("set")
def account_set(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    role: Annotated[str, typer.Option(help=" | ".join(ROLES))],
    stdin: Annotated[bool, typer.Option("--stdin", help="The password is the first line of standard input.")] = False,  # noqa: FBT002
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Make an account, or give it another password and role: its sessions end. Without --stdin one is made up."""
    from frostway.cli.work.account import set_account  # noqa: PLC0415

    if role not in ROLES:
        raise Failure(f"--role {role}: one of {', '.join(ROLES)}")
    given = sys.stdin.readline().rstrip("\r\n") if stdin else ""
    if stdin and not given:
        raise Failure("--stdin: there is no password")
    chosen = set_account(data, read_settings(), tenant, name, role, given)
    typer.echo(f"account {name}" + ("" if given else f"\npassword {chosen}"))


@account_app.command("list")
def account_list(tenant: TenantOption = "main", data: DataOption = None) -> None:
    """List the accounts of a tenant."""
    from frostway.cli.work.account import print_accounts  # noqa: PLC0415

    print_accounts(data, read_settings(), tenant)
