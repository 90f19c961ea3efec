"""`frostway template` and `frostway import`: one's own inventory, orders and sales as tables, made and brought in."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from frostway.cli.command import DataOption, TenantOption
from frostway.settings import read_settings


class Kind(StrEnum):
    """What a table is of."""

    PRODUCTS = "products"
    PLACES = "places"
    OPENING_STOCK = "opening-stock"
    ORDERS = "orders"
    CUSTOMERS = "customers"
    SALES = "sales"


ORDERING = (Kind.ORDERS, Kind.CUSTOMERS, Kind.SALES)


class Format(StrEnum):
    """How a table is written."""

    CSV = "csv"
    XLSX = "xlsx"


KindArgument = Annotated[Kind, typer.Argument(help="What the table is of.")]


def template(
    kind: KindArgument,
    written: Annotated[Format, typer.Option("--format", help="CSV, or a workbook.")] = Format.CSV,
    columns: Annotated[
        str | None, typer.Option(help="Columns in the place of the usual ones, with commas.", show_default=False)
    ] = None,
    own: Annotated[
        str | None, typer.Option(help="Columns of your own besides, with commas.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write it there, not to standard output.", show_default=False)
    ] = None,
) -> None:
    """Make a table to be filled in: its head, and a line that shows how it is meant."""
    from frostway.cli.work import inventory, orders  # noqa: PLC0415

    made = orders.made if kind in ORDERING else inventory.made
    content = made(kind.value, written.value, columns, own)
    if out is not None:
        out.write_bytes(content)
    else:
        typer.get_binary_stream("stdout").write(content)


def import_file(
    kind: KindArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be, and what is wrong.")] = False,  # noqa: FBT002
    reference: Annotated[str, typer.Option(help="Of opening stock: another one counts anew.")] = "opening",
    zone: Annotated[str, typer.Option(help="Time zone of its days.")] = "UTC",
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Bring in a CSV file or workbook, all of it or nothing; every line that is wrong is named."""
    from frostway.cli.work import inventory, orders  # noqa: PLC0415

    if kind in ORDERING:
        told = orders.imported(data, read_settings(), tenant, kind.value, file, zone, dry_run=dry_run)
    else:
        told = inventory.imported(data, read_settings(), tenant, kind.value, file, zone, reference, dry_run=dry_run)
    for line in told:
        typer.echo(line)


def add_to(app: typer.Typer) -> None:
    """Adds both."""
    app.command("template")(template)
    app.command("import")(import_file)
