"""What the workers of a run are told to take first is there."""

from __future__ import annotations

from pathlib import Path

from tests.scheduling import HALVES, LONG, SECOND, TOGETHER

ROOT = Path(__file__).resolve().parents[2]


def test_the_files_that_are_taken_first_are_there_and_both_halves_have_some() -> None:
    named = {*LONG} - {*HALVES} | SECOND
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []
    browser = {f"{TOGETHER}{path.name}" for path in (ROOT / TOGETHER).glob("test_*.py")}
    assert browser > SECOND
