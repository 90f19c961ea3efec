"""Follows what is told to other systems."""

from __future__ import annotations

from operations.deliver.record import tell_calls, tell_cases, tell_orders, tell_proofs, tell_steps
from operations.follower import Source

CASES = Source("webhooks of cases", "case_events_behind", tell_cases)
CALLS = Source("webhooks of calls", "calls_behind", tell_calls)
ORDERS = Source("webhooks of orders", "orders_behind", tell_orders, "order_events")
STEPS = Source("webhooks of steps", "steps_behind", tell_steps, "order_events")
PROOFS = Source("webhooks of proofs", "proofs_behind", tell_proofs, "order_events")
