"""Areas as strangers send them: honest GeoJSON is taken, what could never be met is refused in a line that says why."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from pydantic import ValidationError

from api.resources.shared.simplify import cut_at_180, keep_shape, metres
from api.resources.sites import SiteIn
from tracker.rules.geofence import Fence, Fences

SQUARE = [[24.90, 60.10], [24.92, 60.10], [24.92, 60.11], [24.90, 60.11], [24.90, 60.10]]
HOLE = [[24.905, 60.102], [24.915, 60.102], [24.915, 60.108], [24.905, 60.108], [24.905, 60.102]]
SEAM = [[179, -2], [179.5, -2], [-180, -1], [179, -1], [179, -2]]
YARD = {"type": "Polygon", "coordinates": [SQUARE]}


def moved(ring, east=0.0, north=0.0):
    return [[x + east, y + north] for x, y in ring]


def site(polygon=None, lat=60.105, lon=24.91, corridor=None):
    values = {"id": "yard", "kind": "depot", "lat": lat, "lon": lon, "polygon": polygon, "corridor": corridor}
    return SiteIn.model_validate(values)


def polygon(*rings):
    return {"type": "Polygon", "coordinates": list(rings)}


TAKEN = {
    "as the standard has it": (YARD, 60.105, 24.91),
    "the other way round": (polygon(SQUARE[::-1]), 60.105, 24.91),
    "not closed": (polygon(SQUARE[:-1]), 60.105, 24.91),
    "closed but for a hair": (polygon([*SQUARE[:-1], [24.90 + 1e-12, 60.10]]), 60.105, 24.91),
    "with altitudes": (polygon([[*p, 12.5] for p in SQUARE]), 60.105, 24.91),
    "a corner twice": (polygon([SQUARE[0], *SQUARE]), 60.105, 24.91),
    "a hole": (polygon(SQUARE, HOLE), 60.101, 24.901),
    "a feature": ({"type": "Feature", "properties": {"a": 1}, "geometry": YARD}, 60.105, 24.91),
    "a collection of one": (
        {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": YARD, "properties": None}]},
        60.105,
        24.91,
    ),
    "with a box and a name": ({**YARD, "bbox": [24, 60, 25, 61], "name": "x"}, 60.105, 24.91),
    "parts": ({"type": "MultiPolygon", "coordinates": [[SQUARE], [moved(SQUARE, 0.1)]]}, 60.105, 25.01),
    "over 180": (polygon(SEAM), -1.3, 179.3),
    "over 180 as a wide ring": (polygon([[170, 50], [-170, 50], [-170, 52], [170, 52], [170, 50]]), 51.0, -179.9),
    "over 180 by numbers beyond": (polygon([[179.9, 5], [180.1, 5], [180.1, 5.1], [179.9, 5.1]]), 5.05, -179.95),
    "over 180 cut in two": (
        {
            "type": "MultiPolygon",
            "coordinates": [
                [[[179.9, 5], [180, 5], [180, 5.1], [179.9, 5.1], [179.9, 5]]],
                [[[-180, 5], [-179.9, 5], [-179.9, 5.1], [-180, 5.1], [-180, 5]]],
            ],
        },
        5.05,
        180.0,
    ),
    "around the pole": (polygon([[x, 80] for x in range(-180, 181, 30)]), 89.0, 77.0),
    "around the other pole": (polygon([[x, -80] for x in range(180, -181, -30)]), -85.0, 10.0),
}


@pytest.mark.parametrize("name", list(TAKEN))
def test_an_honest_area_is_taken_and_can_be_met(name):
    given, lat, lon = TAKEN[name]
    made = site(given, lat, lon)
    assert made.polygon is not None
    fences = Fences([Fence(1, made.lat, made.lon, made.radius_m, made.polygon.model_dump()["coordinates"])])
    inside = fences.metres_inside(np.zeros(2, np.int64), np.array([lat, lat - 9 * np.sign(lat)]), np.array([lon, lon]))
    assert (inside > 0).tolist() == [True, False]
    row, *_ = fences.near(*(np.array([v]) for v in (lat, lon, lat, lon)))
    assert row.tolist() == [0]
    assert site(made.polygon.model_dump(), lat, lon) == made  # what is stored is taken again


SWAPPED = [[y, x] for x, y in SQUARE]
EXCHANGED = "latitude and longitude seem exchanged"
REFUSED = {
    "exchanged": (polygon(SWAPPED), EXCHANGED),
    "exchanged beyond 90": (polygon(moved([[y, x] for x, y in moved(SQUARE, 80)])), EXCHANGED),
    "exchanged parts": ({"type": "MultiPolygon", "coordinates": [[SWAPPED]]}, EXCHANGED),
    "another town": (polygon(moved(SQUARE, 2.0)), "nowhere near its site"),
    "another continent": (polygon(moved(SQUARE, -120.0, -20)), "nowhere near its site"),
    "no area": (polygon([[24.9, 60.1], [24.92, 60.1], [24.9, 60.1], [24.92, 60.1], [24.9, 60.1]]), "area"),
    "one point": (polygon([[24.91, 60.105]] * 4), "no area"),
    "tiny": (polygon([[24.91 + x / 1e5, 60.105 + y / 1e5] for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))]), "too small"),
    "a thread": (polygon([[24.9, 60.1], [24.92, 60.1], [24.92, 60.100002], [24.9, 60.100002]]), "too small"),
    "a bow tie": (polygon([SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]]), "crosses itself"),
    "a hole outside": (polygon(SQUARE, moved(HOLE, 0.05)), "not a simple polygon"),
    "several features": ({"type": "FeatureCollection", "features": [YARD, YARD]}, "of one shape is wanted"),
    "a point": ({"type": "Point", "coordinates": [24.9, 60.1]}, "Polygon"),
    "no numbers": (polygon([["a", "b"]] * 4), "valid number"),
    "two corners": (polygon([[24.9, 60.1], [24.92, 60.1]]), "at least 4 items"),
    "off the earth": (polygon(moved(SQUARE, 400.0)), "degrees"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_an_area_that_can_never_be_met_is_refused_in_a_line(name):
    given, why = REFUSED[name]
    with pytest.raises(ValidationError) as refused:
        site(given)
    told = [error["msg"] for error in refused.value.errors()]
    assert any(why in line for line in told)
    assert all("\n" not in line for line in told)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ([[24.9, 60.1], [25.5, 60.3]], None),
        ([[60.1, 24.9], [60.3, 25.5]], EXCHANGED),
        ([[30.0, 50.0], [31.0, 50.0]], "nowhere near its site"),
    ],
)
def test_a_corridor_is_where_its_site_is(line, why):
    given = {"type": "Feature", "geometry": {"type": "LineString", "coordinates": line}}
    if why is None:
        assert site(corridor=given).corridor is not None
    else:
        with pytest.raises(ValidationError, match=why):
            site(corridor=given)


# ------------------------------------------------------------------ ways over 180 degrees
def way(lon0, detour_m=500.0, n=60):
    """A straight way east, 400 m each half minute, with one fix a way off to the north."""
    lon = (lon0 + np.arange(n) * 400 / 106_400 + 180) % 360 - 180
    lat = np.full(n, -16.9)
    lat[n // 3] += detour_m / 111_195
    return np.arange(n) * 30.0, lat, lon


@pytest.mark.parametrize("lon0", [20.0, 179.80, 179.95, 179.999, -179.9])
@pytest.mark.parametrize("points", [5, 8, 20])
def test_a_detour_stays_wherever_on_earth_it_was(lon0, points):
    time_s, lat, lon = way(lon0)
    kept = keep_shape(time_s, metres(lat, lon), points)
    assert 20 in kept.tolist()


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("lon0", [20.0, 179.80, 179.95, 180.0])
def test_a_way_is_cut_at_180_and_has_a_time_for_each_position(lon0, back):
    time_s, lat, lon = way(lon0)
    lat, lon = (lat[::-1], lon[::-1]) if back else (lat, lon)
    lines, rows, times = cut_at_180(time_s, lat, lon)
    flat = [p for line in lines for p in line]
    assert len(flat) == len(rows) == len(times)
    assert [flat[i] for i in np.flatnonzero(rows >= 0)] == list(zip(lon.tolist(), lat.tolist(), strict=True))
    assert (np.diff(times) >= 0).all()
    for line in lines:
        assert np.abs(np.diff([x for x, _ in line])).max(initial=0) < 1
    for before, after in pairwise(lines):
        assert (abs(before[-1][0]), after[0]) == (180, (-before[-1][0], before[-1][1]))
    assert len(lines) == (2 if np.abs(np.diff(lon)).max() > 180 else 1)
