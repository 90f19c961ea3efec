"""The `frostway` command. Every failure is one clear line on stderr and exit status 1."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from frostway import __version__
from frostway.cli import maintenance, programs, registry, replay
from frostway.cli.account import account_app
from frostway.cli.config import config_app
from frostway.cli.device import device_app
from frostway.cli.eta import eta_app
from frostway.cli.facts import facts_app
from frostway.cli.quarantine import quarantine_app
from frostway.cli.tenant import tenant_app
from frostway.cli.token import token_app
from frostway.failure import Failure, say, words

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Where everything is, how cold it is, how much is left, and when it arrives.",
)
for part in (programs, maintenance, replay):
    part.add_to(app)
app.add_typer(config_app, name="config")
app.add_typer(device_app, name="device")
app.add_typer(tenant_app, name="tenant")
registry.add_to(app)
app.add_typer(token_app, name="token")
app.add_typer(account_app, name="account")
app.add_typer(eta_app, name="eta")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(facts_app, name="facts")


@app.callback(invoke_without_command=True)
def top(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:  # noqa: FBT002
    """Where everything is, how cold it is, how much is left, and when it arrives."""
    if version:
        typer.echo(__version__)
        raise typer.Exit


def _errors() -> tuple[type[BaseException], ...]:
    """What a command may fail with in the ordinary course of things; imported only when something has failed."""
    import psycopg  # noqa: PLC0415

    from domain.profiles import ProfileError  # noqa: PLC0415
    from firmware_sim.link import TargetError  # noqa: PLC0415
    from firmware_sim.recordings import RecordingError  # noqa: PLC0415
    from firmware_sim.replay import ReplayError  # noqa: PLC0415
    from frostway.stack import NoStackError  # noqa: PLC0415
    from store.embedded_process import EmbeddedError  # noqa: PLC0415
    from store.migrate import SchemaError  # noqa: PLC0415
    from store.registry import RegistryError  # noqa: PLC0415

    ours = (Failure, NoStackError, EmbeddedError, SchemaError, RecordingError, ReplayError, TargetError, RegistryError)
    return (psycopg.Error, ProfileError, *ours)


def main(*arguments: Any) -> None:
    """Entry point."""
    try:
        app(*arguments)
    except Exception as error:
        if not isinstance(error, _errors()):
            raise
        say(words(error))
        sys.exit(1)
