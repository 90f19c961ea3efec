"""`frostway goods`: what was done with handling units, from a table; and lots that are recalled."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from frostway.cli.command import DataOption, TenantOption
from frostway.settings import read_settings

goods_app = typer.Typer(no_args_is_help=True, help="Lots and handling units.")


@goods_app.callback()
def _group() -> None:
    """Lots and handling units."""


@goods_app.command("import")
def import_movements(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say whether it can be taken in.")] = False,  # noqa: FBT002
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Take in movements of a CSV file (id, kind, time, unit, others, lot, …): all of it, or nothing."""
    from frostway.cli.work.goods import imported  # noqa: PLC0415

    typer.echo(imported(data, read_settings(), tenant, file, dry_run=dry_run))


@goods_app.command("recall")
def recall_lot(
    lot: Annotated[str, typer.Argument(metavar="LOT")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept.")],
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Recall a lot: nothing of it is sent any more, orders get other goods; tells who has some of it."""
    from frostway.cli.work.recalls import recalled  # noqa: PLC0415

    typer.echo(recalled(data, read_settings(), tenant, lot, reason))
