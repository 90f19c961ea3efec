"""`frostway eta`: arrival times, tried on recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

eta_app = typer.Typer(no_args_is_help=True, help="Arrival times, tried on recordings.")


@eta_app.callback()
def eta() -> None:
    """Arrival times, tried on recordings."""


@eta_app.command("backtest")
def eta_backtest(
    trace: Annotated[Path, typer.Option(help="CSV: vehicle,time,lat,lon[,speed_mps,heading_deg].", show_default=False)],
    stops: Annotated[
        Path, typer.Option(help="CSV: vehicle,stop_seq,stop_id,lat,lon[,planned_arrival].", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="CSV to write: vehicle,time,stop_id,p10,p50,p90.", show_default=False)],
    history: Annotated[
        Path | None,
        typer.Option(help="Folder of earlier days to learn from: NAME.trace.csv, NAME.stops.csv.", show_default=False),
    ] = None,
    driver_rest: Annotated[  # noqa: FBT002
        bool, typer.Option("--driver-rest", help="Add the breaks drivers must take (EU 561).")
    ] = False,
) -> None:
    """Replay a trace in time order: what would have been predicted, and how good it was."""
    from frostway.cli.work.backtest import backtest  # noqa: PLC0415

    backtest(trace, stops, history, out, rest=driver_rest)
