"""What every place that is forwarded to has in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from domain.forwarding import Item


class ForwardError(RuntimeError):
    """Nothing more is forwarded before somebody has mended something; the message says what."""


class AwayError(RuntimeError):
    """It was not taken, and may be later; so many of them were."""

    def __init__(self, why: str, taken: int = 0, retry_after_s: float | None = None) -> None:
        super().__init__(why)
        self.taken, self.retry_after_s = taken, retry_after_s


class RefusedError(RuntimeError):
    """The first of what was given will never be taken, or, after `taken` others, the next."""

    def __init__(self, why: str, taken: int = 0) -> None:
        super().__init__(why)
        self.taken = taken


class Sink(Protocol):
    """Where to. What `holds` nothing has what it was given for good; else it is there once it is rolled."""

    @property
    def target(self) -> str:
        """Where to, without a secret."""

    @property
    def holds(self) -> bool:
        """Whether something was given to it that is not there for good."""

    def put(self, items: Sequence[Item]) -> int:
        """Takes the first so many. Raises `AwayError`, `RefusedError`, `ForwardError`."""

    def is_due(self) -> bool:
        """Whether it is time for what it holds to be there for good."""

    def prepare(self) -> tuple[str, ...]:
        """What it holds is on the disk, under names that nobody reads yet; returns those it will have."""

    def publish(self, files: Sequence[str]) -> None:
        """They have their names from now on; those that have them already are left alone."""

    def abandon(self) -> None:
        """What it holds is forgotten: it comes again."""

    def sweep(self) -> None:
        """What a program that was killed has left is removed."""


class Direct:
    """A sink that holds nothing: what it takes is there for good."""

    holds = False

    def is_due(self) -> bool:
        """See `Sink.is_due`."""
        return False

    def prepare(self) -> tuple[str, ...]:
        """See `Sink.prepare`."""
        return ()

    def publish(self, files: Sequence[str]) -> None:
        """See `Sink.publish`."""

    def abandon(self) -> None:
        """See `Sink.abandon`."""

    def sweep(self) -> None:
        """See `Sink.sweep`."""
