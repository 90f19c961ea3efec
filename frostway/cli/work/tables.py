"""Tables for people at a terminal, tab-separated lines for programs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> None:
    """A table on a terminal (`empty` when there are no rows); plain tab-separated lines in a file or a pipe."""
    if not sys.stdout.isatty():
        sys.stdout.write("".join("\t".join(row) + "\n" for row in [head, *rows]))
        return
    table = Table(*head)
    for row in rows:
        table.add_row(*row)
    Console().print(table if rows else empty)


def instant_text(at: datetime | None) -> str:
    """An instant to the second, in UTC; empty for none."""
    return f"{at:%Y-%m-%d %H:%M:%SZ}" if at else ""
