"""The `frostway` command: one file a group of commands, named as it is typed; `work` holds what they do.

`work` is loaded when a command runs, so that `frostway --help` is quick; the programs that run for months load nothing
of the command line at all.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from frostway.ending import in_one_line
from frostway.programs import PROGRAMS, run_program


def main(words: Sequence[str] | None = None) -> None:
    """Entry point; every failure is one clear line on stderr and exit status 1."""
    typed = sys.argv[1:] if words is None else list(words)
    with in_one_line():
        if len(typed) == 1 and typed[0] in PROGRAMS:
            run_program(typed[0])
        else:
            from frostway.cli.root import app  # noqa: PLC0415

            app(typed)


def __getattr__(name: str) -> Any:
    """`app`, the typer application, when it is asked for."""
    if name == "app":
        from frostway.cli.root import app  # noqa: PLC0415

        return app
    raise AttributeError(name)
