"""The page on webhooks names every event there is."""

from pathlib import Path

from operations.deliver.decide import GROUPS, TRY, TYPES

PAGE = (Path(__file__).parents[3] / "docs/webhooks.md").read_text()


def test_every_event_has_its_line() -> None:
    for name, words in TYPES.items():
        assert f"| `frostway.{name}` | {words} |" in PAGE
    assert f"| `frostway.{TRY}` |" in PAGE
    assert all(f"`{group}`" in PAGE for group in GROUPS)
