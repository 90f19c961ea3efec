"""The rules of the tracker, in the order in which they run. Pure: numpy, shapely and domain only.

| rule | entity | says |
|---|---|---|
| `quality` | vehicle | which fixes are jumps no vehicle makes |
| `trips` | vehicle | moving or standing; trips and stops: from, to, distance, idling, unknown, carried |
| `geofence` | vehicle and site | visits: entered, left |
| `calls` | shipment | arrival and departure at stops, what went otherwise than planned, status |
| `off_route` | shipment | away from the planned line for too long |
| `forecast` | stop | arrival p10, p50, p90, and how likely it misses its window |
| `bands` | probe and band | stays beyond the bands of a profile with their own limits, times and ways of counting |
| `presence` | tag | in which zones it may be, with their chances; levels that say how sure they are |
| `shelves` | slot | how much lies in it, since when, how sure that is; what a unit weighs |
| `silence` | device | who has said nothing for too long |

`trips` believes speed and ignition as far as the way bears them out (`beliefs`): docs/adr/0010. Its limits are those of
the vehicle's class (`motion`): docs/adr/0020.
`lines`, `locate`, `residuals`, `ranges`, `rest`, `grades` and `forecast` together make arrival times that learn:
docs/eta.md. `bands`, and what belongs to them, stand in
`domain/cold_chain`, as a profile is tried there on what was too: docs/cold-chain.md.
"""

from domain.cold_chain import bands
from tracker.rules import (
    calls,
    forecast,
    geofence,
    off_route,
    quality,
    silence,
    trips,
)
from tracker.rules.shelves import quantity

RULES = (quality, trips, geofence, calls, off_route, forecast, bands, quantity, silence)
