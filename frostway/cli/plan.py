"""`frostway plan`: when to order."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

plan_app = typer.Typer(no_args_is_help=True, help="Planning: when to order.")


@plan_app.callback()
def plan() -> None:
    """Planning: when to order."""


@plan_app.command("reorder")
def plan_reorder(
    demand: Annotated[Path, typer.Option("--demand", help="CSV by day: time,quantity.", show_default=False)],
    lead: Annotated[Path, typer.Option("--lead", help="CSV of past lead times: days.", show_default=False)],
    service: Annotated[
        float,
        typer.Option(
            "--service", min=0.01, max=0.9999, help="Share of cycles without anybody waiting.", show_default=False
        ),
    ],
    quantity: Annotated[
        float | None,
        typer.Option("--quantity", help="What one orders at a time; else what a lead time needs.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the draws; the same gives the same.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,  # noqa: FBT002
) -> None:  # fmt: skip
    """The reorder point of one item from its demand and lead times as they were, beside the formula's."""
    from frostway.cli.work.plan import print_reorder  # noqa: PLC0415

    print_reorder(demand, lead, service, quantity, seed, as_json=as_json)
