"""The families in their order: the table of contents of what the tracker knows.

| family | from | decides |
|---|---|---|
| `devices` | all streams | who reported when, who is silent, batteries |
| `vehicles` | positions | where vehicles are; visits, trips, stops, gaps |
| `temperatures` | temperatures | what probes measure; excursions |
| `breaches` | temperatures, doors, cooling units | excursions that are to come, told before they are, and graded |
| `stock` | tag reads, shelves | where tags are, stock levels and moves |
| `shipments` | vehicles, temperatures | calls, deviations, status, what the goods have seen |
| `arrival_times` | vehicles, shipments | when stops are reached, how sure that is, how good it was |
| `alerts` | all of them | what people must act on |

A new family is a folder with a subclass of `Family`, and a line here: docs/add-a-family.md.
"""

from __future__ import annotations

from tracker.alerts.family import Alerts
from tracker.arrival_times.family import ArrivalTimes
from tracker.breaches.family import Breaches
from tracker.devices.family import Devices
from tracker.engine.family import Family, fact_kinds
from tracker.shipments.family import Shipments
from tracker.stock.family import Stock
from tracker.temperatures.family import Temperatures
from tracker.vehicles.family import Vehicles

FAMILIES: tuple[type[Family], ...] = (
    Devices, Vehicles, Temperatures, Breaches, Stock, Shipments, ArrivalTimes, Alerts,
)  # fmt: skip

KINDS = fact_kinds(FAMILIES)
"""What they decide, for whoever shows it."""
