"""Follows what is reported of alerts, and writes it into the history of each."""

from __future__ import annotations

from collections.abc import Sequence

from operations.cases.record import take_in
from operations.follower import Source
from operations.unit_of_work import Row, Script


def take(rows: Sequence[Row]) -> Script[int]:
    """The alerts of these reports; one whose history a person's click has written already gets nothing twice."""
    return take_in(sorted({row["alert_id"] for row in rows}))


REPORTS = Source("cases", "reports_behind", take)
