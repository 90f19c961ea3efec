"""`frostway audit`: who did what, and the proof that nobody changed it afterwards."""

from __future__ import annotations

from typing import Annotated

import typer

from frostway.cli.command import DataOption, TenantOption
from frostway.failure import Failure
from frostway.settings import read_settings

audit_app = typer.Typer(no_args_is_help=True, help="Who did what, and the proof that nobody changed it afterwards.")


@audit_app.callback()
def audit() -> None:
    """Who did what, and the proof that nobody changed it afterwards."""


@audit_app.command("verify")
def audit_verify(
    head: Annotated[
        str | None,
        typer.Option(metavar="N:SHA256", help="An end of the chain that was written down.", show_default=False),
    ] = None,
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Derive the chain of the audit trail again from its entries; status 1 where it does not hold."""
    from frostway.cli.work.audit import verify  # noqa: PLC0415

    found = verify(data, read_settings(), tenant, head)
    if found.broken is not None:
        raise Failure(f"the audit trail does not hold at entry {found.broken.n} of the chain: {found.broken.why}")
    typer.echo(f"{found.end.n} entries, each as it was written; {found.waiting} wait to be linked")
    typer.echo(f"the end of the chain, to be written down elsewhere: {found.end.n}:{found.end.sha256.hex()}")
