"""`frostway llrp`: tag reads of a reader that speaks LLRP go to the broker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from frostway.failure import Failure
from frostway.programs import start_logging, stop_event
from frostway.settings import read_settings


def add_to(app: typer.Typer) -> None:
    """Puts the command into `frostway`."""
    app.command("llrp")(llrp)


def llrp(
    reader: Annotated[
        str, typer.Option("--reader", metavar="HOST[:5084]", help="Where it listens.", show_default=False)
    ],
    broker: Annotated[
        str, typer.Option("--broker", metavar="mqtt[s]://HOST[:PORT]", help="Where reads go.", show_default=False)
    ],
    login: Annotated[
        Path, typer.Option("--login", metavar="FILE", help="What `frostway device add` printed.", show_default=False)
    ],
    spool: Annotated[
        Path, typer.Option("--spool", metavar="DIR", help="Where reads wait while the broker is away.")
    ] = Path("llrp-spool"),
    spool_mb: Annotated[int, typer.Option(min=1, help="How much may wait, MB; then the reader does.")] = 256,
    ca_file: Annotated[
        Path | None, typer.Option(help="Authority of the broker's certificate, PEM.", show_default="the system's")
    ] = None,
    keepalive_s: Annotated[float, typer.Option(min=1, max=3600, help="Signs of life of the reader.")] = 10.0,
) -> None:  # fmt: skip
    """Bring tag reads of a reader that speaks LLRP to the broker, on and on; one command for each reader."""
    from frostway.cli.work.llrp import bridge  # noqa: PLC0415
    from ingest.llrp.bridge import Reader  # noqa: PLC0415

    start_logging(read_settings())
    try:
        found = Reader.of(reader)
    except ValueError as error:
        raise Failure(f"--reader {error}") from None
    bridge(found, broker, login, spool, spool_mb << 20, str(ca_file or ""), keepalive_s, stop_event())
