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
| `stock` | tag, slot | where tags are, what lies on shelves, how sure that is |
| `silence` | device | who has said nothing for too long |

`trips` believes speed and ignition as far as the way bears them out (`beliefs`): docs/adr/0010. Its limits are those of
the vehicle's class (`motion`): docs/adr/0020.
`lines`, `locate`, `residuals`, `ranges`, `rest`, `grades` and `forecast` together make arrival times that learn:
docs/eta.md. `counts` are what `bands` counts over several stays; `windows`, `sensors` and `compartments` belong
to them, and `recordings` asks all of them about a whole recording: docs/cold-chain.md.
"""

from tracker.rules import (
    bands,
    calls,
    forecast,
    geofence,
    off_route,
    quality,
    silence,
    stock,
    trips,
)

RULES = (quality, trips, geofence, calls, off_route, forecast, bands, stock, silence)
