"""`frostway forecast`: what will be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def forecast(
    history: Annotated[
        Path, typer.Option("--history", help="CSV: series,time,quantity[,in_stock].", show_default=False)
    ],
    horizon: Annotated[int, typer.Option("--horizon", min=1, max=1000, help="Periods ahead.", show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", help="CSV: series,origin,time,p10,p50,p90,mean,model.", show_default=False)
    ],
    origins: Annotated[
        str | None,
        typer.Option("--origins", help="From these times on, with commas; else from the end.", show_default=False),
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="Nothing later is looked at.", show_default=False)
    ] = None,
    period: Annotated[
        str | None,
        typer.Option(
            "--period", help="hour, day, week, month, quarter or year; else as times lie.", show_default=False
        ),
    ] = None,
) -> None:
    """Forecast each series of a file, with how sure it is; prints which model was taken, and how good it was before."""
    from frostway.cli.work.forecast import write_forecasts  # noqa: PLC0415

    write_forecasts(history, horizon, out, origins, as_of, period)


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("forecast")(forecast)
