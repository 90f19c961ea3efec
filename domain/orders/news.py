"""What is told of an order whenever it changes: enough to know whether one has to look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.times import rfc3339, to_us


def news(row: Mapping[str, Any]) -> dict[str, Any]:
    """A change of the topic `orders`: the order without its lines, which REST has."""
    end = row["window_end"]
    names = ("id", "customer", "site", "reference", "priority", "status", "version")
    data = {name: row[name] for name in names} | {"window_end": None if end is None else rfc3339(to_us(end))}
    return {"id": row["id"], "op": "tell", "data": data}
