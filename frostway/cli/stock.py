"""`frostway stock`: the ledger, the proof that balances are what moves come to, and tag reads tried on a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from frostway.cli.command import DataOption, TenantOption
from frostway.failure import Failure
from frostway.settings import read_settings

stock_app = typer.Typer(no_args_is_help=True, help="The stock ledger: what should be where, and why.")
SkuOption = Annotated[str | None, typer.Option("--sku", metavar="SKU", show_default=False)]
SiteOption = Annotated[str | None, typer.Option("--site", metavar="SITE", show_default=False)]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=100_000)]


@stock_app.command("moves")
def stock_moves(
    sku: SkuOption = None, site: SiteOption = None, limit: LimitOption = 50, tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:  # fmt: skip
    """Print moves, the newest first."""
    from frostway.cli.work.stock import moves  # noqa: PLC0415

    for line in moves(data, read_settings(), tenant, sku, site, limit):
        typer.echo(line)


@stock_app.command("balance")
def stock_balance(
    sku: SkuOption = None, site: SiteOption = None, limit: LimitOption = 1000, tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:  # fmt: skip
    """Print what is where by the ledger."""
    from frostway.cli.work.stock import balance  # noqa: PLC0415

    for line in balance(data, read_settings(), tenant, sku, site, limit):
        typer.echo(line)


@stock_app.command("verify")
def stock_verify(tenant: TenantOption = "main", data: DataOption = None) -> None:
    """Reckon all balances anew from all moves; status 1 where one is another."""
    from frostway.cli.work.stock import verify  # noqa: PLC0415

    found = verify(data, read_settings(), tenant)
    for line in found.differences:
        typer.echo(line)
    if found.differences:
        raise Failure(f"{len(found.differences)} of {found.lines} balances are not what {found.moves} moves come to")
    typer.echo(f"{found.lines} balances are what {found.moves} moves come to")


@stock_app.command("replay")
def stock_replay(
    file: Annotated[Path, typer.Argument(help="CSV time,reader,antenna,epc,rssi_dbm.", show_default=False)],
    zones: Annotated[
        Path | None,
        typer.Option(help="CSV reader,zone or reader,antenna,zone.", show_default="a reader stands in its own zone"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,  # noqa: FBT002
) -> None:
    """Say what stock by zone the tracker would hold after these tag reads, in whatever order they are."""
    from frostway.cli.work.stock_replay import print_stock  # noqa: PLC0415

    print_stock(file, zones, as_json=as_json)
