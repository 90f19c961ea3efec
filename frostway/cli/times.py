"""Times as they are typed."""

from datetime import UTC, datetime

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


def since_of(text: str | None) -> datetime | None:
    """When something began that has happened: now when nothing was typed, None for `ever`. Raises `Failure`."""
    if text == "ever":
        return None
    now = datetime.now(UTC)
    found = instant_of(text, "--from") or now
    if found > now:
        raise Failure("--from: in the future; say it when it has happened")
    return found
