"""What the workers of a run are told to take first is there."""

from __future__ import annotations

from pathlib import Path

from tests.scheduling import LONG

ROOT = Path(__file__).resolve().parents[2]


def test_the_files_that_are_taken_first_are_there() -> None:
    assert [name for name in LONG if not (ROOT / name).exists()] == []
