"""`frostway evidence`: packs that prove what happened to a shipment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from frostway.failure import Failure

evidence_app = typer.Typer(no_args_is_help=True, help="Packs that prove what happened to a shipment.")


@evidence_app.callback()
def evidence() -> None:
    """Packs that prove what happened to a shipment."""


@evidence_app.command("verify")
def verify_pack(
    pack: Annotated[Path, typer.Argument(metavar="PACK", help="The file.", show_default=False)],
    key: Annotated[
        str | None,
        typer.Option(help="The key it has to be sealed with, or its fingerprint.", show_default="any, and it is shown"),
    ] = None,
) -> None:
    """Check that a pack is as it was made, without a database; the first break is named."""
    from domain.evidence.verifier import BrokenError, verify  # noqa: PLC0415

    try:
        with pack.open("rb") as file:
            found = verify(file, key)
    except BrokenError as error:
        raise Failure(f"{pack.name} is not valid: {error}") from None
    except OSError as error:
        raise Failure(f"{pack}: {error.strerror or error}") from None
    about = f"{found['records']} records about {found.get('about')}"
    typer.echo(f"valid: {about}, as of {found.get('as_of')}, made {found.get('made_at')} by {found.get('made_by')}")
    typer.echo(f"sealed with the key {found['fingerprint']}")
    if key is None:
        typer.echo("Compare it with the one of the installation (GET /api/v1/evidence/key), or give it with --key.")
