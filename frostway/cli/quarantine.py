"""`frostway quarantine`: messages that were set aside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from frostway.cli.command import DataOption, TenantOption
from frostway.failure import Failure
from frostway.settings import read_settings

quarantine_app = typer.Typer(no_args_is_help=True, help="Messages that could not be taken: look, mend, read again.")

DeviceOption = Annotated[str | None, typer.Option(help="Only of this device.", show_default=False)]
ReasonOption = Annotated[str | None, typer.Option(help="Only for this reason.", show_default=False)]


@quarantine_app.command("list")
def quarantine_list(
    device: DeviceOption = None,
    reason: ReasonOption = None,
    all_: Annotated[bool, typer.Option("--all", help="Also those that were read again since.")] = False,  # noqa: FBT002
    limit: Annotated[int, typer.Option(help="The newest so many.", min=1, max=10_000)] = 50,
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """List messages with the reason, newest first."""
    from frostway.cli.work.quarantine import print_messages  # noqa: PLC0415

    print_messages(data, read_settings(), tenant, device=device, reason=reason, every=all_, limit=limit)


@quarantine_app.command("save")
def quarantine_save(
    message: Annotated[int, typer.Argument(metavar="ID")],
    file: Annotated[Path, typer.Argument(help="Where to; - is standard output.")],
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Write the bytes of a message as they came into a file."""
    from frostway.cli.work.quarantine import save_payload  # noqa: PLC0415

    try:
        size = save_payload(data, read_settings(), tenant, message, file)
    except OSError as error:
        raise Failure(f"{file}: {error.strerror}") from error
    typer.echo(f"{size} bytes", err=True)


@quarantine_app.command("redrive")
def quarantine_redrive(
    message: Annotated[int | None, typer.Argument(metavar="ID", show_default=False)] = None,
    payload: Annotated[
        Path | None, typer.Option(help="File with the mended message; the original stays.", show_default=False)
    ] = None,
    topic: Annotated[str | None, typer.Option(help="Mended topic.", show_default=False)] = None,
    device: DeviceOption = None,
    reason: ReasonOption = None,
    all_: Annotated[bool, typer.Option("--all", help="All that wait.")] = False,  # noqa: FBT002
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Have a message read again, or all of a device or for a reason. What is in already is not stored twice."""
    from frostway.cli.work.quarantine import redrive_many, redrive_one  # noqa: PLC0415

    if (message is not None) == bool(device or reason or all_):
        raise Failure("say which: an ID, or --device, --reason or --all")
    if message is None:
        if payload or topic:
            raise Failure("--payload and --topic mend one message: give its ID")
        typer.echo(redrive_many(data, read_settings(), tenant, device=device, reason=reason))
        return
    try:
        typer.echo(redrive_one(data, read_settings(), tenant, message, payload=payload, topic=topic))
    except OSError as error:
        raise Failure(f"{payload}: {error.strerror}") from error


@quarantine_app.command("mend")
def quarantine_mend(
    step: Annotated[
        list[str],
        typer.Option(
            help="What to do, in turn: 'rename KEY NAME', 'multiply KEY NUMBER', 'add KEY NUMBER', 'set KEY VALUE', "
            "'remove KEY', 'stream NAME' (in the topic).",
            show_default=False,
        ),
    ],
    device: DeviceOption = None,
    reason: ReasonOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,  # noqa: FBT002
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Mend many messages by one rule: shows what it would do, asks, and has them read again. The originals stay."""
    from domain.mending import MendingError  # noqa: PLC0415
    from frostway.cli.work.mend import mend_many, steps_of  # noqa: PLC0415

    try:
        steps = steps_of(step)
    except MendingError as error:
        raise Failure(str(error)) from error
    typer.echo(
        mend_many(
            data, read_settings(), tenant, steps, device=device, reason=reason, ask=None if yes else typer.confirm
        )
    )
