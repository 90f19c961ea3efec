"""`frostway account`: persons who may sign in."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Annotated

import typer

from domain.permissions import ROLES
from frostway.cli.command import DataOption, TenantOption, role_option
from frostway.failure import Failure
from frostway.settings import read_settings

account_app = typer.Typer(no_args_is_help=True, help="Persons who sign in on the pages.")


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

    role = role_option(role)
    given = sys.stdin.readline().rstrip("\r\n") if stdin else ""
    if stdin and not given:
        raise Failure("--stdin: there is no password")
    chosen = set_account(data, read_settings(), tenant, name, role, given)
    typer.echo(f"account {name}" + ("" if given else f"\npassword {chosen}"))


@account_app.command("invite")
def account_invite(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    role: Annotated[str, typer.Option(help=" | ".join(ROLES))],
    email: Annotated[str | None, typer.Option(help="Where they are reached.", show_default=False)] = None,
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Make an account without a password, and print once the link by which its holder chooses one."""
    from frostway.cli.work.account import invite  # noqa: PLC0415

    _tell(*invite(data, read_settings(), tenant, name, role_option(role), email))


@account_app.command("link")
def account_link(
    name: Annotated[str, typer.Argument(metavar="NAME")], tenant: TenantOption = "main", data: DataOption = None
) -> None:
    """Print a new link to choose a password, for who has lost the first or forgotten the password."""
    from frostway.cli.work.account import new_link  # noqa: PLC0415

    _tell(*new_link(data, read_settings(), tenant, name))


@account_app.command("change")
def account_change(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    role: Annotated[str, typer.Option(help=" | ".join(ROLES))],
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Give somebody another role, at once also where they are signed in."""
    from frostway.cli.work.account import change  # noqa: PLC0415

    change(data, read_settings(), tenant, name, role=role_option(role))
    typer.echo(f"account {name}")


@account_app.command("disable")
def account_disable(
    name: Annotated[str, typer.Argument(metavar="NAME")], tenant: TenantOption = "main", data: DataOption = None
) -> None:
    """Shut somebody out: sessions end within a second, the password opens nothing. `enable` undoes it."""
    from frostway.cli.work.account import change  # noqa: PLC0415

    change(data, read_settings(), tenant, name, disabled=True)
    typer.echo(f"account {name} is shut out")


@account_app.command("enable")
def account_enable(
    name: Annotated[str, typer.Argument(metavar="NAME")], tenant: TenantOption = "main", data: DataOption = None
) -> None:
    """Let somebody in again, with the password of before."""
    from frostway.cli.work.account import change  # noqa: PLC0415

    change(data, read_settings(), tenant, name, disabled=False)
    typer.echo(f"account {name} is let in")


@account_app.command("remove")
def account_remove(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,  # noqa: FBT002
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Remove an account with its sessions and links, for good; the audit trail keeps the name."""
    from frostway.cli.work.account import remove  # noqa: PLC0415

    if not yes:
        typer.confirm(f"remove account {name} of tenant {tenant}, for good?", abort=True, err=True)
    remove(data, read_settings(), tenant, name)
    typer.echo(f"account {name} is removed")


def _tell(link: str, until: datetime) -> None:
    typer.echo(f"good once, until {until:%Y-%m-%d %H:%M:%SZ}:", err=True)
    typer.echo(link)


@account_app.command("list")
def account_list(tenant: TenantOption = "main", data: DataOption = None) -> None:
    """List the accounts of a tenant."""
    from frostway.cli.work.account import print_accounts  # noqa: PLC0415

    print_accounts(data, read_settings(), tenant)
