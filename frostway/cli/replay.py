"""`frostway replay`: a recording, published as a device would."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from frostway.cli.command import DataOption
from frostway.settings import read_settings


def replay(
    file: Annotated[Path, typer.Argument(help="GPX, CSV or Berlinger logger text.")],
    as_: Annotated[
        str | None, typer.Option("--as", help="Device to publish as; made when new.", show_default=False)
    ] = None,
    speed: Annotated[float, typer.Option(help="Times recorded speed.")] = 1.0,
    fast: Annotated[bool, typer.Option("--fast", help="As fast as receipts allow.")] = False,  # noqa: FBT002
    tz: Annotated[str, typer.Option(help="Zone of times without an offset.")] = "UTC",
    rebase: Annotated[
        str | None, typer.Option(help="Shift the times: start or end of the recording is now.", show_default=False)
    ] = None,
    data: DataOption = None,
) -> None:
    """Publish a recording over MQTT as a device would."""
    from frostway.cli.work.replay import replay_file  # noqa: PLC0415

    replay_file(data, read_settings(), file, as_, speed=speed, fast=fast, tz=tz, rebase=rebase)


def add_to(app: typer.Typer) -> None:
    """Puts the command into `frostway`."""
    app.command()(replay)
