"""`frostway token`: bearer tokens for programs."""

from __future__ import annotations

from typing import Annotated

import typer

from domain.permissions import ROLES
from frostway.cli.command import DataOption, TenantOption, role_option
from frostway.settings import read_settings

token_app = typer.Typer(no_args_is_help=True, help="Bearer tokens for programs.")


@token_app.command("create")
def token_create(
    role: Annotated[str, typer.Option(help=" | ".join(ROLES))],
    tenant: TenantOption = "main",
    days: Annotated[int, typer.Option(min=0, max=36_500, help="Days until it expires; 0: never.")] = 0,
    name: Annotated[
        str | None, typer.Option(help="Under which it stands in the audit trail.", show_default="made up")
    ] = None,
    data: DataOption = None,
) -> None:
    """Print a bearer token, once, on the last line."""
    from frostway.cli.work.token import create_token  # noqa: PLC0415

    typer.echo(create_token(data, read_settings(), tenant, role_option(role), days, name))


@token_app.command("list")
def token_list(tenant: TenantOption = "main", data: DataOption = None) -> None:
    """List tokens: name, role, whether good, when made, until when, when revoked. What they are is not kept."""
    from frostway.cli.work.token import print_tokens  # noqa: PLC0415

    print_tokens(data, read_settings(), tenant)


@token_app.command("revoke")
def token_revoke(
    name: Annotated[str, typer.Argument(metavar="NAME")], tenant: TenantOption = "main", data: DataOption = None
) -> None:
    """Let a token open nothing more, from the next request on; its websockets close within seconds."""
    from frostway.cli.work.token import revoke_token  # noqa: PLC0415

    changed = revoke_token(data, read_settings(), tenant, name)
    typer.echo(f"token {name} is revoked" if changed else f"token {name} was revoked before: nothing changed")
