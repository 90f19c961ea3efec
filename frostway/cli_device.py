"""`frostway device rotate` and `device change`: of a device that is there another login, or what else is known."""

from __future__ import annotations

from typing import Annotated

import typer

from frostway.command import DataOption, Failure, TenantOption, settings

KINDS = ("tracker", "reefer", "thermometer", "rfid", "shelf", "door", "gateway", "phone", "connector")
NOTHING = "none"


def device_rotate(
    device: Annotated[str, typer.Argument(metavar="ID")],
    http: Annotated[  # noqa: FBT002
        bool, typer.Option("--http", help="A new token for the door for HTTP instead; the password stays.")
    ] = False,
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Give a device a new broker password, at once in place of the old one, and print it, once."""
    from frostway.admin import rotate_device, rotate_device_token  # noqa: PLC0415

    if http:
        typer.echo(f"user {tenant}/{device}\nhttp_token {rotate_device_token(data, settings(), tenant, device)}")
        return
    user, password = rotate_device(data, settings(), tenant, device)
    typer.echo(f"user {user}\npassword {password}")


def device_change(
    device: Annotated[str, typer.Argument(metavar="ID")],
    kind: Annotated[str | None, typer.Option(help=" | ".join(KINDS), show_default=False)] = None,
    profile: Annotated[str | None, typer.Option(help="Temperature profile, or none.", show_default=False)] = None,
    foreign_id: Annotated[
        str | None, typer.Option(help="Id under which a gateway brings its messages, or none.", show_default=False)
    ] = None,
    gateway: Annotated[
        str | None, typer.Option(help="The only gateway that may speak for it, or none.", show_default=False)
    ] = None,
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Change what is known of a device; what is not named stays. Where it is: `move`; its login: `rotate`."""
    from frostway.admin import change_device  # noqa: PLC0415

    if kind is not None and kind not in KINDS:
        raise Failure(f"--kind {kind}: one of {', '.join(KINDS)}")
    named = {"kind": kind, "profile": profile, "foreign_id": foreign_id, "gateway": gateway}
    parts = {part: None if value == NOTHING else value for part, value in named.items() if value is not None}
    if not parts:
        raise Failure("say what: --kind, --profile, --foreign-id or --gateway")
    change_device(data, settings(), tenant, device, parts)
    typer.echo(f"{device}: {', '.join(f'{part} {value or NOTHING}' for part, value in parts.items())}")


def add_to(app: typer.Typer) -> None:
    """Puts the commands into `frostway device`."""
    app.command("rotate")(device_rotate)
    app.command("change")(device_change)
