"""What happened becomes what is to be told, in the transaction that reads it."""

from __future__ import annotations

from collections.abc import Sequence

from operations.unit_of_work import Row, Script, Statement


def tell_cases(rows: Sequence[Row]) -> Script[int]:
    """Lines of alerts' histories, for each webhook that wants them; what is told already is not told again."""
    yield Statement("tell_case_events", {"ids": [row["id"] for row in rows]})
    return len(rows)


def tell_calls(rows: Sequence[Row]) -> Script[int]:
    """Arrivals and departures, and what corrects them."""
    values = {"ids": [row["id"] for row in rows], "revisions": [row["revision"] for row in rows]}
    yield Statement("tell_calls", values)
    return len(rows)


def tell_orders(rows: Sequence[Row]) -> Script[int]:
    """Orders that were taken in."""
    yield Statement("tell_orders", {"ids": [row["id"] for row in rows]})
    return len(rows)


def tell_steps(rows: Sequence[Row]) -> Script[int]:
    """What was done with lines of orders."""
    yield Statement("tell_steps", {"ids": [row["id"] for row in rows]})
    return len(rows)


def tell_proofs(rows: Sequence[Row]) -> Script[int]:
    """What came of stops, and what corrects it."""
    values = {"ids": [row["id"] for row in rows], "revisions": [row["revision"] for row in rows]}
    yield Statement("tell_proofs", values)
    return len(rows)
