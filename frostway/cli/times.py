"""Times as they are typed."""

from datetime import datetime

from domain.times import written
from frostway.failure import Failure


def instant_of(text: str | None, option: str) -> datetime | None:
    """An instant with its offset; None when nothing was typed. Raises `Failure`."""
    if text is None:
        return None
    try:
        found = written(text)
    except ValueError as error:
        raise Failure(f"{option}: {error}") from None
    if found.tzinfo is None:
        raise Failure(f"{option} {text}: it has no offset: add Z or +hh:mm")
    return found
