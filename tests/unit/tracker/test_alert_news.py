"""When an alert is news: only when something else is decided than before."""

from __future__ import annotations

import pytest

from tracker.alerts.shape import news

ACTIVE, OVER = None, "2026-11-22T10:00:00Z"


@pytest.mark.parametrize(
    ("told", "now", "retracted", "what"),
    [
        ((None, None), (1, ACTIVE), False, "raised"),
        ((None, None), (1, OVER), False, "raised"),
        ((1, ACTIVE), (1, ACTIVE), False, None),
        ((1, ACTIVE), (2, ACTIVE), False, "amended"),
        ((1, ACTIVE), (2, OVER), False, "cleared"),
        ((2, OVER), (3, OVER), False, "amended"),
        ((2, OVER), (3, ACTIVE), False, "reopened"),
        ((2, ACTIVE), (3, OVER), True, "retracted"),
        ((3, OVER), (3, OVER), True, None),
    ],
)
def test_an_alert_is_told_when_its_decision_changes(told, now, retracted, what):
    kept = {"told_revision": told[0], "told_cleared_at": told[1], "revision": now[0], "cleared_at": now[1]}
    assert news(kept, retracted=retracted) == what
