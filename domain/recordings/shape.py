"""What every parser of recordings makes, and how it counts and names what it leaves out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from domain.numbers import decimal
from domain.recordings.encodings import clean
from domain.recordings.local_times import NAMED_MAX
from domain.recordings.reported import Reported

Reading = dict[str, Any]


class RecordingError(ValueError):
    """The file is not a recording that can be replayed."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Readings in file order as (stream, reading); `t` in Unix ms. `notes` are for the user's eyes."""

    format: str  # gpx | csv | berlinger
    readings: tuple[tuple[str, Reading], ...]
    skipped: int = 0
    serial: str | None = None
    notes: tuple[str, ...] = ()
    reported: Reported | None = None
    """What the device itself says of them."""

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams it has readings of."""
        return tuple(sorted({stream for stream, _ in self.readings}))

    def span_ms(self) -> tuple[int, int]:
        """First and last event time."""
        times = [reading["t"] for _, reading in self.readings]
        return min(times), max(times)

    def shifted(self, by_ms: int) -> Recording:
        """The same recording at another time."""
        readings = tuple((stream, {**reading, "t": reading["t"] + by_ms}) for stream, reading in self.readings)
        return replace(self, readings=readings, reported=None)


@dataclass(slots=True)
class LeftOut:
    """What a parser could not use: how many, and the first few by line and reason."""

    what: str  # one of them
    how: str
    named: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, line: int, why: str) -> None:
        """Something on that line is of no use."""
        self.count += 1
        if len(self.named) < NAMED_MAX:
            self.named.append(f"line {line}: {why}")

    @property
    def first(self) -> str:
        """The first of them, with its line."""
        return self.named[0] if self.named else ""

    def notes(self) -> list[str]:
        """For the user's eyes; nothing when nothing was left out."""
        if not self.count:
            return []
        more = f"; and {self.count - len(self.named)} more" if self.count > len(self.named) else ""
        return [f"{self.count} {self.what}{'s' * (self.count > 1)} {self.how}: {'; '.join(self.named)}{more}"]


def number(text: str, what: str, low: float, high: float) -> float:
    """A number from `low` to `high`.

    Raises:
        RecordingError: it is not one.
    """
    value = decimal(text)
    if value is None or not low <= value <= high:
        if not clean(text):
            raise RecordingError(f"{what}: it is not UTF-8 text: save it as UTF-8")
        hint = ", and a decimal point" if "," in text else ""
        raise RecordingError(f"{what} {text.strip()[:40]!r} is not a number from {low:g} to {high:g}{hint}")
    return value
