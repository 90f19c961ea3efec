"""How a command fails: one sentence for the person at the keyboard."""

from __future__ import annotations

import sys


class Failure(Exception):  # noqa: N818  not an error of ours: a sentence for the person at the keyboard
    """Ends the command with status 1 and this sentence."""


def say(text: str) -> None:
    """A line on stderr."""
    sys.stderr.write(f"frostway: {text}\n")


def words(error: BaseException) -> str:
    """An error in one line."""
    import psycopg  # noqa: PLC0415

    if isinstance(error, psycopg.errors.RestrictViolation) and error.diag.message_primary:  # ours: see store/migrations
        return error.diag.message_primary
    return " ".join(str(error).split()) or type(error).__name__
