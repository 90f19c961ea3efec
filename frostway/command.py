"""What all commands share: their failure, their words, the settings, common options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from frostway.settings import Settings

DataOption = Annotated[Path | None, typer.Option("--data", help="Folder of the embedded stack.", show_default=False)]
TenantOption = Annotated[str, typer.Option(help="Tenant.")]


class Failure(Exception):  # noqa: N818  not an error of ours: a sentence for the person at the keyboard
    """Ends the command with status 1 and this sentence."""


def say(text: str) -> None:
    """A line on stderr."""
    typer.echo(f"frostway: {text}", err=True)


def words(error: BaseException) -> str:
    """An error in one line."""
    import psycopg  # noqa: PLC0415

    if isinstance(error, psycopg.errors.RestrictViolation) and error.diag.message_primary:  # ours: see store/migrations
        return error.diag.message_primary
    return " ".join(str(error).split()) or type(error).__name__


def settings() -> Settings:
    """The effective settings.

    Raises:
        Failure: names the setting that cannot be used.
    """
    from pydantic import ValidationError  # noqa: PLC0415

    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "FROSTWAY_" + "_".join(str(part) for part in first["loc"]).upper()
        raise Failure(f"{name}: {first['msg']}") from error
