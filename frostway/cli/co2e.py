"""`frostway co2e`: what moving goods emits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("co2e")(co2e)


def co2e(
    file: Annotated[Path, typer.Argument(help="Legs, hubs and rounds; docs/planning.md.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,  # noqa: FBT002
) -> None:
    """What a transport chain emits, from well to wheel, and how good that figure is (ISO 14083)."""
    from frostway.cli.work.co2e import print_co2e  # noqa: PLC0415

    print_co2e(file, as_json=as_json)
