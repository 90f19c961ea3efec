"""What all commands share: the settings, common options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from frostway.failure import Failure
from frostway.settings import Settings

DataOption = Annotated[Path | None, typer.Option("--data", help="Folder of the embedded stack.", show_default=False)]
TenantOption = Annotated[str, typer.Option(help="Tenant.")]


def read_settings() -> Settings:
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


def database_of(settings: Settings) -> str:
    """The address of the database, set or found with the stack of this folder."""
    from frostway.stack import find  # noqa: PLC0415

    return find(None, settings).database_url
