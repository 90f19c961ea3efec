"""Rows of the change stream as the hub reads them."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson


class ChangeRow(NamedTuple):
    """One committed row of the change stream, its body decoded when somebody wants it."""

    partition: int
    seq: int
    tenant_id: int
    at: datetime
    body: Any

    def read(self) -> ChangeRow:
        """The row with its body decoded."""
        return self._replace(body=orjson.loads(self.body))


def in_order(found: Sequence[Mapping[str, Any]]) -> list[ChangeRow]:
    """Rows of all partitions by time, each partition's own order kept."""
    lanes: dict[int, list[ChangeRow]] = defaultdict(list)
    for row in found:
        lanes[row["partition"]].append(
            ChangeRow(row["partition"], row["seq"], row["tenant_id"], row["at"], row["body"])
        )
    return list(heapq.merge(*lanes.values(), key=lambda row: row.at))
