"""What a list may ask vehicles to be: of a fleet, a model, a driver, a fuel type, with tags."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import AfterValidator, Field

from api.http.inputs import printable
from domain.vehicles import FuelType
from store.facts import FITS

VALUES_MAX = 50
Called = Annotated[str, AfterValidator(printable), Field(min_length=1, max_length=100)]
"""What people call a fleet, a model, a tag."""
ANY_VEHICLE: dict[str, Any] = dict.fromkeys(FITS)
"""Nothing is asked of vehicles."""


def _query(about: str, **named: Any) -> Any:
    return Query(max_length=VALUES_MAX, description=about, **named)


async def fits(
    fleet: Annotated[list[Called] | None, _query("vehicles of one of these fleets")] = None,
    model: Annotated[list[Called] | None, _query("of one of these models")] = None,
    driver: Annotated[list[Called] | None, _query("with one of these drivers")] = None,
    fuel_type: Annotated[list[FuelType] | None, _query("with one of these fuels")] = None,
    tag: Annotated[list[Called] | None, _query("with all of these tags")] = None,
) -> dict[str, Any]:
    """As values of a query: `ANY_VEHICLE` when nothing is asked."""
    values = {"fleets": fleet, "models": model, "drivers": driver, "fuel_types": fuel_type, "tags": tag}
    return {"fits": True if any(values.values()) else None, **values}


Fits = Annotated[dict[str, Any], Depends(fits)]
