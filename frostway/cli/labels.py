"""`frostway labels`: labels with codes that scanners read, as PDF."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from frostway.cli.command import DataOption, TenantOption
from frostway.settings import read_settings


class Of(StrEnum):
    """What labels are of."""

    PRODUCTS = "products"
    LOTS = "lots"
    SITES = "sites"
    ZONES = "zones"
    BINS = "bins"
    HANDLING_UNITS = "handling-units"


class Sheet(StrEnum):
    """What they are printed on."""

    A4_24 = "a4-24"
    A4_8 = "a4-8"
    ROLL = "roll"
    A6 = "a6"


class Codes(StrEnum):
    """What stands on them."""

    BOTH = "both"
    BARS = "bars"
    QR = "qr"


class Lang(StrEnum):
    """In which language."""

    EN = "en"
    DE = "de"


def add_to(app: typer.Typer) -> None:
    """Puts the command into `frostway`."""
    app.command("labels")(labels)


def labels(
    of: Annotated[Of, typer.Argument(help="What is to be labelled.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.pdf", help="Where they are written.", show_default=False)],
    ids: Annotated[
        list[str] | None,
        typer.Option("--id", metavar="CODE", help="Those; a zone is SITE/ZONE, a bin SITE/BIN.", show_default=False),
    ] = None,
    site: Annotated[str | None, typer.Option(metavar="SITE", help="Of this site.", show_default=False)] = None,
    zone: Annotated[str | None, typer.Option(metavar="ZONE", help="Of this zone of it.", show_default=False)] = None,
    search: Annotated[str | None, typer.Option(help="A part of a code or name.", show_default=False)] = None,
    sheet: Annotated[
        Sheet, typer.Option(help="24 (70 x 37 mm) or 8 (105 x 74 mm) on A4, a roll 100 x 50 mm, or A6.")
    ] = Sheet.A4_24,
    start: Annotated[int, typer.Option(min=1, max=24, help="The first place that is free on a sheet.")] = 1,
    copies: Annotated[int, typer.Option(min=1, max=100, help="Of each.")] = 1,
    codes: Annotated[Codes, typer.Option(help="Bars (GS1-128), QR (GS1 Digital Link), or both.")] = Codes.BOTH,
    lang: Annotated[Lang, typer.Option(help="Of the words on them.")] = Lang.EN,
    tz: Annotated[str, typer.Option(help="Time zone of their days.")] = "UTC",
    prefix: Annotated[
        str | None, typer.Option(help="Your GS1 company prefix: tags of its keys are told.", show_default=False)
    ] = None,
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:  # fmt: skip
    """Print labels of products, lots, places or handling units as PDF."""
    from frostway.cli.work.labels import Asked, written  # noqa: PLC0415

    asked = Asked(
        of.value.replace("-", "_"), ids, site, zone, search, sheet.value, start, copies, codes.value, lang.value, tz,
        prefix or "",
    )  # fmt: skip
    for line in written(data, read_settings(), tenant, asked, out):
        typer.echo(line)
