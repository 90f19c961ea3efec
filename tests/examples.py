"""How many examples a law is tried with: fewer or more than others, and so in each profile of hypothesis."""

from __future__ import annotations

from hypothesis import settings

USUAL = 50


def examples(usual: int) -> int:
    """`usual` where a law has 50; half of that in the tests of every day, a hundred times as many in the long ones."""
    return max(5, usual * settings.default.max_examples // USUAL)
