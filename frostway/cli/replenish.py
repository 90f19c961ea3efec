"""`frostway replenish`: what to order, how much, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def replenish(
    file: Annotated[
        Path, typer.Argument(help="CSV, .xlsx or JSON lines: a line for a product at a site.", show_default=False)
    ],
    service: Annotated[
        float, typer.Option("--service", min=0.01, max=0.9999, help="What is promised where a line says nothing.")
    ] = 0.95,
    goal: Annotated[
        Literal["cycle", "fill", "cost"], typer.Option("--goal", help="Of what, where a line says nothing.")
    ] = "cycle",
    days: Annotated[int, typer.Option("--days", min=1, max=365, help="How far stock is looked ahead.")] = 28,
    budget: Annotated[
        float | None, typer.Option("--budget", min=0, help="Money for all of it.", show_default=False)
    ] = None,
    demand: Annotated[float, typer.Option("--demand", min=0, max=100, help="What if: so many times the demand.")] = 1.0,
    late: Annotated[int, typer.Option("--late", min=0, max=365, help="What if: all comes so many days later.")] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the draws; the same gives the same.")] = 1,
    form: Annotated[Literal["table", "csv", "json"], typer.Option("--format", help="How it is printed.")] = "table",
) -> None:  # fmt: skip
    """What to order of each product of a file today, from demand and lead times as they were, and why."""
    from frostway.cli.work.replenish import Asked, print_proposals  # noqa: PLC0415

    print_proposals(file, Asked(service, goal, days, budget, demand, late, seed), form)


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("replenish")(replenish)
