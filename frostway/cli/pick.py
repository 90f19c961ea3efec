"""`frostway pick`: how a list is walked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

pick_app = typer.Typer(no_args_is_help=True, help="Picking: how a list is walked.")


@pick_app.callback()
def pick() -> None:
    """Picking: how a list is walked."""


@pick_app.command("path")
def pick_path(
    file: Annotated[
        Path,
        typer.Argument(
            help="JSON: aisles, length, pitch, depot, picks as pairs of aisle and place.", show_default=False
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,  # noqa: FBT002
) -> None:
    """The shortest walk through a block of parallel aisles, and what the usual rules would cost."""
    from frostway.cli.work.pick import print_path  # noqa: PLC0415

    print_path(file, as_json=as_json)


@pick_app.command("advise")
def pick_advise(
    file: Annotated[
        Path,
        typer.Argument(
            help="JSON: aisles, length, pitch, depot, bins and where they stand, what lies where, lists of products.",
            show_default=False,
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,  # noqa: FBT002
) -> None:
    """What should lie elsewhere by the lists that were picked: swaps with what they save, less their moves."""
    from frostway.cli.work.pick_advice import print_advice  # noqa: PLC0415

    print_advice(file, as_json=as_json)
