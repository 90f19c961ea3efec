"""Follows what is told to other systems."""

from __future__ import annotations

from operations.deliver.record import tell_calls, tell_cases
from operations.follower import Source

CASES = Source("webhooks of cases", "case_events_behind", tell_cases)
CALLS = Source("webhooks of calls", "calls_behind", tell_calls)
