"""`frostway routes`: which vehicle goes where, in what order."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

routes_app = typer.Typer(no_args_is_help=True, help="Which vehicle goes where, in what order.")


@routes_app.callback()
def routes() -> None:
    """Which vehicle goes where, in what order."""


@routes_app.command("solve")
def routes_solve(
    file: Annotated[Path, typer.Argument(help="VRPLIB .vrp, Solomon or Li-Lim text.", show_default=False)],
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, max=86_400, help="How long to look.")] = 30.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another one may find another plan.")] = 0,
    iterations: Annotated[
        int, typer.Option("--iterations", min=0, help="Instead of seconds: the same plan each time.")
    ] = 0,
    rounding: Annotated[
        str | None, typer.Option("--rounding", help="nearest, double, dimacs; else its own.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,  # noqa: FBT002
) -> None:  # fmt: skip
    """Solve a benchmark file; status 1 where no plan was found that keeps all limits, which it names."""
    from frostway.cli.work.routes import print_routes  # noqa: PLC0415

    if not print_routes(file, seconds, iterations, seed, rounding, as_json=as_json):
        raise typer.Exit(1)
