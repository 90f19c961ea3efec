"""`frostway migrate`, `doctor`, `backup`, `restore`: what an operator does with a stack."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from frostway.cli.command import DataOption
from frostway.settings import read_settings
from frostway.stack import database_of


def migrate() -> None:
    """Bring the database schema up to date, and make the account admin when there is none."""
    from frostway.cli.work.account import ensure_admin  # noqa: PLC0415
    from store.indexing import index_by_time  # noqa: PLC0415
    from store.migrate import migrate as run_migrations  # noqa: PLC0415
    from store.moving import move_values  # noqa: PLC0415

    settings = read_settings()
    dsn = database_of(settings)
    before, after = run_migrations(dsn)
    typer.echo(f"schema version {after}" + ("" if before == after else f", was {before}"))
    given = settings.admin_password.get_secret_value()
    if (made := ensure_admin(dsn, given)) and not given:
        typer.echo(f"account admin made, password {made}")
    if built := index_by_time(dsn):
        typer.echo(f"{built} partitions of readings were given an index by time")
    move_values(dsn, typer.echo)


def doctor(data: DataOption = None) -> None:
    """Say what is wrong here and how to mend it."""
    from frostway.doctor import examine  # noqa: PLC0415

    raise typer.Exit(examine(data, read_settings()))


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New folder for the backup.")], data: DataOption = None
) -> None:
    """Write a backup of the running stack into a new folder: database and secrets, of one moment."""
    from frostway.cli.work.backup import backup as make  # noqa: PLC0415

    typer.echo(
        f"backup in {make(data, read_settings(), folder)}: `frostway restore {folder} --data NEW` makes a stack of it"
    )


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a backup.")],
    data: Annotated[Path, typer.Option("--data", help="New data folder, which `frostway up` then goes on with.")],
) -> None:
    """Make a new data folder of a backup."""
    from frostway.cli.work.backup import restore as make  # noqa: PLC0415

    make(folder, data.absolute())
    typer.echo(f"restored: go on with `frostway up --data {data}`")


def add_to(app: typer.Typer) -> None:
    """Puts the commands into `frostway`."""
    for command in (migrate, doctor, backup, restore):
        app.command()(command)
