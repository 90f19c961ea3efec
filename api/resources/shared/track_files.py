"""Tracks as files of others: GPX 1.1, and KML 2.2 with the track of its extension (gx:Track)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from api.resources.shared.tracks import TrackPoint

GPX = "application/gpx+xml"
KML = "application/vnd.google-earth.kml+xml"
GAP_DEG = 180.0  # between two longitudes: the way goes over the 180th meridian


def gpx(vehicle: str, points: Sequence[TrackPoint]) -> str:
    """A track; times are UTC, speeds metres a second (in the extension that GPX readers know)."""
    segments = "".join(
        "<trkseg>" + "".join(_gpx_point(point) for point in segment) + "</trkseg>" for segment in _segments(points)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<gpx version="1.1" creator="Frostway" xmlns="http://www.topografix.com/GPX/1/1"'
        ' xmlns:gpxtpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v2">'
        f"<trk><name>{escape(vehicle)}</name>{segments}</trk></gpx>\n"
    )


def kml(vehicle: str, points: Sequence[TrackPoint]) -> str:
    """A track; times are UTC."""
    times = "".join(f"<when>{point['t']}</when>" for point in points)
    coordinates = "".join(f"<gx:coord>{point['lon']} {point['lat']} 0</gx:coord>" for point in points)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="http://www.google.com/kml/ext/2.2"><Document>'
        f"<Placemark><name>{escape(vehicle)}</name><gx:Track>{times}{coordinates}</gx:Track></Placemark>"
        "</Document></kml>\n"
    )


def _gpx_point(point: TrackPoint) -> str:
    speed = point["speed_mps"]
    more = ""
    if speed is not None:
        inner = f"<gpxtpx:speed>{speed}</gpxtpx:speed>"
        more = f"<extensions><gpxtpx:TrackPointExtension>{inner}</gpxtpx:TrackPointExtension></extensions>"
    return f'<trkpt lat="{point["lat"]}" lon="{point["lon"]}"><time>{point["t"]}</time>{more}</trkpt>'


def _segments(points: Sequence[TrackPoint]) -> Iterator[Sequence[TrackPoint]]:
    """Parts that a reader may join by straight lines."""
    start = 0
    for n in range(1, len(points)):
        if abs(points[n]["lon"] - points[n - 1]["lon"]) > GAP_DEG:
            yield points[start:n]
            start = n
    if points:
        yield points[start:]
