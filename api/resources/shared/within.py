"""What a list may ask of where its things are: inside a box on the map."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query

from api.http.problems import Problem

EVERYWHERE: dict[str, Any] = dict.fromkeys(("west", "south", "east", "north"))
"""Nothing is asked."""
_WORDS = "bbox: west,south,east,north in degrees; west is greater than east across the 180th meridian"


async def within(bbox: Annotated[str | None, Query(max_length=100, description=_WORDS)] = None) -> dict[str, Any]:
    """As values of a query: `EVERYWHERE` when nothing is asked.

    Raises:
        Problem: 422, it is no box.
    """
    if bbox is None:
        return EVERYWHERE
    try:
        west, south, east, north = (float(part) for part in bbox.split(","))
    except ValueError:
        raise Problem(422, _WORDS) from None
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise Problem(422, _WORDS)
    return {"west": west, "south": south, "east": east, "north": north}


Within = Annotated[dict[str, Any], Depends(within)]
