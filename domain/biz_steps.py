"""What is done with goods in the words of EPCIS and its vocabulary: kind of event, action, business step, disposition.

Moves of stock and movements of handling units have some kinds by one name; what they are called is said here once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Step(NamedTuple):
    """How an event of a kind begins."""

    type: str
    action: str
    biz_step: str
    disposition: str | None = None

    def begun(self, at: str) -> dict[str, Any]:
        """The event so far; `at` is RFC 3339 in UTC."""
        return {
            "type": self.type,
            "eventTime": at,
            "eventTimeZoneOffset": "+00:00",
            "action": self.action,
            "bizStep": self.biz_step,
            **({"disposition": self.disposition} if self.disposition else {}),
        }


OBJECT, AGGREGATION = "ObjectEvent", "AggregationEvent"
PACK = Step(AGGREGATION, "ADD", "packing", "in_progress")
UNPACK = Step(AGGREGATION, "DELETE", "unpacking", "in_progress")
LOAD = Step(AGGREGATION, "ADD", "loading", "in_transit")
ARRIVE = Step(OBJECT, "OBSERVE", "arriving", "in_transit")
DEPART = Step(OBJECT, "OBSERVE", "departing", "in_transit")
SENSE = Step(OBJECT, "OBSERVE", "sensor_reporting")
MOVES: Mapping[str, Step] = {
    "receive": Step(OBJECT, "OBSERVE", "receiving", "in_progress"),
    "put_away": Step(OBJECT, "OBSERVE", "storing", "sellable_accessible"),
    "move": Step(OBJECT, "OBSERVE", "stocking", "sellable_accessible"),
    "pick": Step(OBJECT, "OBSERVE", "picking", "in_progress"),
    "pack": PACK,
    "unpack": UNPACK,
    "load": LOAD,
    "unload": Step(AGGREGATION, "DELETE", "unloading", "in_progress"),
    "deliver": Step(OBJECT, "OBSERVE", "shipping", "in_transit"),
    "return": Step(OBJECT, "OBSERVE", "receiving", "returned"),
    "adjust": Step(OBJECT, "OBSERVE", "stock_taking", "mismatch_quantity"),
    "count": Step(OBJECT, "OBSERVE", "cycle_counting"),
    "waste": Step(OBJECT, "DELETE", "destroying", "destroyed"),
}
"""Of moves of stock."""
MOVEMENTS: Mapping[str, Step] = {
    "commission": Step(OBJECT, "ADD", "commissioning", "active"),
    "place": Step(OBJECT, "OBSERVE", "storing", "in_progress"),
    "pack": PACK,
    "unpack": UNPACK,
    "split": PACK,
    "merge": PACK,
    "close": Step(OBJECT, "DELETE", "decommissioning"),
}
"""Of movements of handling units."""
