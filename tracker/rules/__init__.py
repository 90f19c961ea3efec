"""The rules of the tracker, in the order in which they run. Pure: numpy, shapely and domain only.

| rule | entity | says |
|---|---|---|
| `quality` | vehicle | which fixes are jumps no vehicle makes |
| `motion` | vehicle | moving or stopped, since when |
| `geofence` | vehicle and site | visits: entered, left |
| `eta` | stop | arrival p10, p50, p90 |
| `temperature` | probe | excursions beyond the profile's limits, and which of them alarm |
| `stock` | tag, slot | where tags are, what lies on shelves, how sure that is |
| `silence` | device | who has said nothing for too long |
"""

from tracker.rules import eta, geofence, motion, quality, silence, stock, temperature

RULES = (quality, motion, geofence, eta, temperature, stock, silence)
