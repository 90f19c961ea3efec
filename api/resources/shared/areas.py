"""Polygons and lines as people send them: any honest GeoJSON is read; what could never be met is refused in a line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import shapely
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from domain.geo import EARTH_M, unwrapped
from domain.readings import F64

M_PER_DEG = np.pi / 180 * EARTH_M
AREA_M2_MIN, WIDTH_M_MIN = 100.0, 2.0
NEAR_M = 50_000.0  # a shape further from its site is another place's
BESIDE_M = 5_000.0  # one further off than that is exchanged when exchanging brings it there
EXCHANGED = "latitude and longitude seem exchanged: in GeoJSON longitude comes first"
Position = Annotated[list[float], Field(min_length=2, max_length=3)]
Ring = Annotated[list[Position], Field(min_length=4, max_length=2000)]
Rings = Annotated[list[Ring], Field(min_length=1, max_length=20)]


def _geometry(given: Any) -> Any:
    """The geometry of a Feature, of the one in a collection, or the one given, without foreign members."""
    while isinstance(given, dict):
        kind = given.get("type")
        if kind == "Feature":
            given = given.get("geometry")
        elif kind in ("FeatureCollection", "GeometryCollection"):
            among = given.get("features" if kind == "FeatureCollection" else "geometries")
            if not isinstance(among, list) or len(among) != 1:
                raise ValueError(f"a {kind} of one shape is wanted; several areas are a MultiPolygon")
            given = among[0]
        else:
            return {key: given[key] for key in ("type", "coordinates") if key in given}
    return given


def _closed(given: Any) -> Any:
    """The same with rings that end where they begin."""
    given = _geometry(given)
    if not isinstance(given, dict) or not isinstance(given.get("coordinates"), list):
        return given
    several = given.get("type") == "MultiPolygon"
    parts = given["coordinates"] if several else [given["coordinates"]]
    if not all(isinstance(ring, list) and ring for part in parts if isinstance(part, list) for ring in part):
        return given
    parts = [[_ring(ring) for ring in part] if isinstance(part, list) else part for part in parts]
    return {**given, "coordinates": parts if several else parts[0]}


def _ring(ring: list[Any]) -> list[Any]:
    first, last = ring[0], ring[-1]
    try:
        apart = max(abs(first[0] - last[0]) % 360, abs(first[1] - last[1]))
    except (TypeError, LookupError):
        return ring
    return ring if first == last else [*ring[:-1], first] if apart < 1e-9 else [*ring, first]


def _on_earth(positions: Sequence[list[float]]) -> None:
    """Checks degrees and brings longitudes beyond 180 back.

    Raises:
        ValueError: they are none.
    """
    for p in positions:
        if not (abs(p[0]) <= 360 and abs(p[1]) <= 90):
            swapped = all(abs(q[0]) <= 90 and abs(q[1]) <= 360 for q in positions)
            raise ValueError(EXCHANGED if swapped else "positions are longitude, latitude in degrees")
        if abs(p[0]) > 180:
            p[0] = round((p[0] + 180) % 360 - 180, 9)


def _shell(ring: Sequence[Sequence[float]], middle: float | None) -> F64:
    """A ring without jumps of longitude, near a middle if there is one, closed over the pole when it goes around."""
    lon, lat = unwrapped(np.array([p[0] for p in ring])), np.array([p[1] for p in ring])
    if middle is not None:
        lon = lon - 360 * np.rint(((lon.min() + lon.max()) / 2 - middle) / 360)
    if abs(lon[-1] - lon[0]) > 180:
        pole = np.copysign(90.0, lat.mean())
        lon, lat = np.append(lon, [lon[-1], lon[0], lon[0]]), np.append(lat, [pole, pole, lat[0]])
    return np.column_stack([lon, lat])


def _areas(parts: Iterable[Sequence[Sequence[Sequence[float]]]]) -> list[shapely.Polygon]:
    """Polygons in degrees, all on one side of 180."""
    middle: float | None = None
    found = []
    for part in parts:
        rings = []
        for ring in part:
            rings.append(_shell(ring, middle))
            middle = float(rings[0][:, 0].min() + rings[0][:, 0].max()) / 2 if middle is None else middle
        found.append(shapely.Polygon(rings[0], rings[1:]))
    return found


def _check(part: shapely.Polygon) -> None:
    """Raises a `ValueError` when a part has no area that a fix can fall into."""
    if part.is_empty or shapely.make_valid(part).area < 1e-16:
        raise ValueError("the polygon has no area")
    if not part.is_valid:
        raise ValueError(f"not a simple polygon, it crosses itself: {shapely.is_valid_reason(part)}")
    flat = _flat(part, part.centroid.y)
    width = 2 * flat.area / max(flat.length, 1e-9)
    if flat.area < AREA_M2_MIN or width < WIDTH_M_MIN:
        raise ValueError(f"the polygon is too small for a fix to fall into it: {flat.area:.0f} m², {width:.1f} m wide")


def _flat(shape: Any, lat0: float) -> Any:
    """A shape in degrees as metres."""
    return shapely.transform(shape, lambda xy: xy * [M_PER_DEG * np.cos(np.radians(lat0)), M_PER_DEG])


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    def _degrees(self) -> Any:
        raise NotImplementedError

    def away_m(self, lat: float, lon: float, *, exchanged: bool = False) -> float:
        """Metres from a place to the nearest point of the shape; `exchanged`: with its numbers the other way round."""
        shape = self._degrees()
        if exchanged:
            shape = shapely.transform(shape, lambda xy: xy[:, ::-1])
        west, _, east, _ = shape.bounds
        lon -= 360 * np.rint((lon - (west + east) / 2) / 360)
        here = shapely.Point(lon, lat)
        if shape.geom_type != "LineString" and shapely.intersects(shape, here):
            return 0.0
        return float(shapely.distance(_flat(shape, lat), _flat(here, lat)))

    def belongs_to(self, lat: float, lon: float) -> None:
        """Checks that the shape is where its site is.

        Raises:
            ValueError: it is nowhere near.
        """
        away_m, what = self.away_m(lat, lon), "corridor" if isinstance(self, LineString) else "polygon"
        if away_m <= BESIDE_M:
            return
        if self.away_m(lat, lon, exchanged=True) <= BESIDE_M:
            raise ValueError(f"the {what} is {away_m / 1000:,.0f} km from its site: {EXCHANGED}")
        if away_m > NEAR_M:
            raise ValueError(f"the {what} is nowhere near its site: {away_m / 1000:,.0f} km from {lat:g}, {lon:g}")


class Polygon(_Shape):
    """A GeoJSON polygon (RFC 7946), longitude first; it may lie over 180 degrees or around a pole."""

    type: Literal["Polygon"]
    coordinates: Rings

    @model_validator(mode="after")
    def _sound(self) -> Polygon:
        for ring in self.coordinates:
            _on_earth(ring)
        _check(self._degrees())
        return self

    def _degrees(self) -> Any:
        return _areas([self.coordinates])[0]


class MultiPolygon(_Shape):
    """Several polygons that are one place."""

    type: Literal["MultiPolygon"]
    coordinates: Annotated[list[Rings], Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def _sound(self) -> MultiPolygon:
        for part in self.coordinates:
            for ring in part:
                _on_earth(ring)
        for area in _areas(self.coordinates):
            _check(area)
        return self

    def _degrees(self) -> Any:
        return shapely.union_all(_areas(self.coordinates))


class LineString(_Shape):
    """A GeoJSON line (RFC 7946), longitude first."""

    type: Literal["LineString"]
    coordinates: Annotated[list[Position], Field(min_length=2, max_length=10_000)]

    @model_validator(mode="after")
    def _sound(self) -> LineString:
        _on_earth(self.coordinates)
        return self

    def _degrees(self) -> Any:
        lon = unwrapped(np.array([p[0] for p in self.coordinates]))
        return shapely.LineString(np.column_stack([lon, [p[1] for p in self.coordinates]]))


class Corridor(LineString):
    """The line that a corridor follows."""

    coordinates: Annotated[list[Position], Field(min_length=2, max_length=2_000)]


AreaIn = Annotated[Polygon | MultiPolygon, Field(discriminator="type"), BeforeValidator(_closed)]
CorridorIn = Annotated[Corridor, BeforeValidator(_geometry)]
LineIn = Annotated[LineString, BeforeValidator(_geometry)]
