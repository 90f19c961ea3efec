"""`frostway config`: the settings in force."""

from __future__ import annotations

import typer

from domain.profiles import HIDDEN
from frostway.secrets import without_passwords
from frostway.settings import read_settings

config_app = typer.Typer(no_args_is_help=True, help="Effective settings.")


@config_app.command("show")
def config_show() -> None:
    """Print the effective settings, secrets hidden."""
    settings = read_settings()
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if hasattr(value, "get_secret_value"):
            shown = HIDDEN if value.get_secret_value() else ""
        else:
            shown = without_passwords(str("" if value is None else value))
        typer.echo(f"FROSTWAY_{name.upper()}={shown}")
