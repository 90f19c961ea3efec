"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from domain.permissions import ROLES, role_of
from frostway.failure import Failure

DataOption = Annotated[Path | None, typer.Option("--data", help="Folder of the embedded stack.", show_default=False)]
TenantOption = Annotated[str, typer.Option(help="Tenant.")]
SinceOption = Annotated[
    str | None, typer.Option("--from", help="Since when (RFC 3339), or `ever`.", show_default="now")
]
UntilOption = Annotated[str | None, typer.Option("--to", help="Until when: corrects the past.", show_default="still")]


def role_option(word: str) -> str:
    """The role that `--role` names.

    Raises:
        Failure: there is none.
    """
    found = role_of(word)
    if found is None:
        raise Failure(f"--role {word}: one of {', '.join(ROLES)}")
    return found
