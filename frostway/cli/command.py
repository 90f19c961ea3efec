"""Options that several commands have."""

from __future__ import annotations

import sys
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


def ask(question: str, otherwise: str = "nothing was deleted") -> None:
    """Asks before what cannot be taken back; `otherwise`: what is said to a no.

    Raises:
        Failure: nobody is there to ask, or the answer is no.
    """
    if not sys.stdin.isatty():
        raise Failure(f"{question} Nobody is there to ask: say --yes")
    if not typer.confirm(question, err=True):
        raise Failure(otherwise)
