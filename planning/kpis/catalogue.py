"""Which figures there are: what each asks, how it is counted, of which facts, and which way is better. Pure.

Names are SCOR's where it has them. A figure is the sum of `good` of its facts through the sum of `total`, or their
median; facts of which `total` is 1 are counted, those of shares are good or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Measure = Literal["share", "ratio", "median"]
Better = Literal["more", "less"]


class Kpi(NamedTuple):
    """A figure of the work.

    Attributes:
        unit: `share` (0 to 1), `h`, `min`, `d`, `per_year`, `g_per_tkm`.
        measure: good facts of all; sum of one through that of another; the middle one.
        needs: kinds of facts without any of which there is no figure; what tells each stands in `FACTS`.
        by: what it can be divided by.
    """

    id: str
    question: str
    definition: str
    unit: str
    measure: Measure
    better: Better
    needs: tuple[str, ...]
    by: tuple[str, ...]

    @property
    def bounded(self) -> bool:
        """Its facts are good or not, so that few of them have bounds."""
        return self.measure == "share"


FACTS: Mapping[str, str] = {
    "orders": "orders (POST /orders)",
    "due_orders": "orders with a window (POST /orders with window_end)",
    "deliveries": "steps load and deliver of orders (POST /orders/{order_id}/steps, or a proof of delivery)",
    "proofs": "proofs of delivery (a driver's page)",
    "receipts": "receipts into a zone of the warehouse (POST /stock/moves, kind receive, without a bin)",
    "issues": "moves load or deliver out of a site, of products with a value (PUT /products/{sku}/units)",
    "dockings": "dockings or appointments at docks (POST /dockings, POST /dock-appointments)",
    "terms": "terms of detention (POST /detention-terms)",
    "trips": "trips of vehicles: a device that tells positions",
    "shipments": "shipments that have begun (POST /shipments with a vehicle)",
    "cold_shipments": "shipments with a temperature profile that were delivered",
    "carrier_choices": "carriers chosen for shipments, of a service with co2e_g_per_tkm "
    "(POST /shipments/{shipment_id}/carrier-choices)",
    "forecasts": "forecasts of demand (made each night of what was ordered and sold)",
    "judged_alerts": "alerts that somebody acted on or decided the goods of, or that late readings took back",
    "arrivals": "arrivals of shipments that were predicted",
}  # fmt: skip
"""Kinds of facts, in words that say where they come from."""

_ORDER = ("site", "customer", "carrier", "lane")
_LINE = (*_ORDER, "product")
_GOODS = ("site", "product")

CATALOGUE: tuple[Kpi, ...] = (
    Kpi(
        "perfect_order", "How many orders were right in everything?",
        "Orders whose window is over, that were there whole when it ended, with a proof of delivery, nothing of "
        "them damaged or refused, no critical alarm of temperature on the vehicle until then; of all orders whose "
        "window is over and that were not called off (SCOR RL.1.1). Orders are counted, rates are never "
        "multiplied.",
        "share", "share", "more", ("due_orders", "deliveries", "proofs"), _ORDER,
    ),
    Kpi(
        "otif", "How many order lines were on time and in full?",
        "Lines of orders of which all that was not called off was delivered when the window ended; of all lines "
        "whose window is over. Too early is no miss.",
        "share", "share", "more", ("due_orders", "deliveries"), _LINE,
    ),
    Kpi(
        "order_cycle_time", "How long does an order take?",
        "Hours from when an order was placed to when the last of it was delivered (SCOR RS.1.1), of orders that "
        "were delivered whole, by when that was: the middle one.",
        "h", "median", "less", ("orders", "deliveries"), _ORDER,
    ),
    Kpi(
        "fill_rate", "How much of what is ordered leaves at once?",
        "Units that were loaded, or delivered, within twelve hours of the first of their order, of units ordered "
        "and not called off; of orders of which nothing left, none, once their window is over.",
        "share", "ratio", "more", ("orders", "deliveries"), _LINE,
    ),
    Kpi(
        "dock_to_stock", "How long do goods lie where they came in?",
        "Hours from a receipt into a zone without a bin to when the last of it was put away, moved or picked from "
        "there, the first in being the first out, by when that was: the middle one.",
        "h", "median", "less", ("receipts",), _GOODS,
    ),
    Kpi(
        "inventory_turns", "How often does the stock turn over in a year?",
        "Value of goods that were loaded or delivered out of a site, in 365 days at the pace of the period, "
        "through the mean value that lay there when days ended. Products without a value are not counted.",
        "per_year", "ratio", "more", ("issues",), _GOODS,
    ),
    Kpi(
        "days_of_cover", "How many days does the stock last?",
        "Mean value that lay there when days ended, through the value that left on a day of the period.",
        "d", "ratio", "less", ("issues",), _GOODS,
    ),
    Kpi(
        "dock_dwell", "How long are trucks kept?",
        "Hours from gate to gate of trucks with a docking or an appointment, as they were seen, else as somebody "
        "told; by when they left: the middle one.",
        "h", "median", "less", ("dockings",), ("site", "carrier", "vehicle"),
    ),
    Kpi(
        "detention", "How long are trucks kept beyond what is free?",
        "Minutes beyond what is free, a truck, on the terms of now; from its appointment on when it came early.",
        "min", "ratio", "less", ("dockings", "terms"), ("site", "carrier", "vehicle"),
    ),
    Kpi(
        "empty_km", "How much is driven for nothing?",
        "Kilometres of trips during which no shipment was under way with the vehicle, of all kilometres of trips.",
        "share", "ratio", "less", ("trips", "shipments"), ("vehicle",),
    ),
    Kpi(
        "co2e_per_tkm", "What does a tonne-kilometre emit?",
        "Grams of CO2e through tonne-kilometres of shipments that were given to a carrier, as reckoned when it was "
        "chosen.",
        "g_per_tkm", "ratio", "less", ("carrier_choices",), ("site", "carrier", "lane", "vehicle"),
    ),
    Kpi(
        "spoilage", "How much is thrown away?",
        "Value of goods moved to waste through value of goods loaded or delivered out of a site. Products without "
        "a value are not counted.",
        "share", "ratio", "less", ("issues",), _GOODS,
    ),
    Kpi(
        "forecast_error", "How far off are forecasts?",
        "Units by which forecasts were off on each of their first seven days, through units that were asked for on "
        "these (WAPE); by when the seven days were over.",
        "share", "ratio", "less", ("forecasts",), _GOODS,
    ),
    Kpi(
        "alarm_precision", "How many alarms were right?",
        "Alerts that somebody acted on or decided the goods of, of these and those that late readings took back; "
        "alerts nobody judged are not counted.",
        "share", "share", "more", ("judged_alerts",), ("site", "product", "vehicle"),
    ),
    Kpi(
        "arrival_error", "How far off are predicted arrivals?",
        "Minutes by which predictions of an arrival were off on average: the middle one.",
        "min", "median", "less", ("arrivals",), ("site", "lane", "vehicle"),
    ),
    Kpi(
        "cold_chain_kept", "How many shipments stayed cold?",
        "Shipments with a temperature profile that were delivered without a critical alarm of temperature on their "
        "vehicle from start to delivery, of all such shipments.",
        "share", "share", "more", ("cold_shipments",), ("vehicle",),
    ),
)  # fmt: skip
"""All of them, in the order in which they are shown."""

KPIS: Mapping[str, Kpi] = {kpi.id: kpi for kpi in CATALOGUE}


def missing(kpi: Kpi, there: Mapping[str, bool]) -> list[str]:
    """Facts without which there is no figure.

    >>> missing(KPIS["detention"], {"dockings": True, "terms": False})
    ['terms']
    """
    return [name for name in kpi.needs if not there.get(name, False)]
