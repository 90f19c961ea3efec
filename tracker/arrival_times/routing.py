"""Routes from OSRM or Valhalla, asked by a thread of their own: whoever decides about readings never waits for them.

Which of the two answers is found out by asking. A failure is one line in the log, and nobody is asked for a minute:
arrival times are then learned without a route.
"""

from __future__ import annotations

import http.client
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np
import orjson
import shapely

from domain.readings import F64
from tracker.rules.lines import Line

log = logging.getLogger(__name__)

TIMEOUT_S = 5.0
PAUSE_S = 0.1  # between two questions
BACKOFF_S = 60.0  # after a failure
AGAIN_S = 600.0  # the same shipment is asked for again after this long at the earliest
WAITING_MAX = 10_000
BODY_MAX = 16 * 1024 * 1024
POINTS_MAX = 100_000
THIN_M = 15.0
GATHER_S = 5.0  # answers are handed over this often, for the plans are then made anew


class RoutingError(RuntimeError):
    """The routing service has no answer that can be read."""


class Route(NamedTuple):
    """A road line, and the driving time from its start to each vertex, seconds."""

    line: Line
    time_s: F64


def pack(route: Route) -> bytes:
    """A route as bytes."""
    return np.concatenate([route.line.lon, route.line.lat, route.time_s]).astype("<f8").tobytes()


def unpack(body: bytes) -> Route:
    """The route again."""
    lon, lat, time_s = np.frombuffer(body, dtype="<f8").reshape(3, -1)
    return Route(Line.of(np.column_stack([lon, lat])), time_s.copy())


class Question(NamedTuple):
    """For which shipment, whose plan has a mark, and by which places `(lat, lon)`."""

    shipment_id: int
    mark: int
    places: tuple[tuple[float, float], ...]


class Answer(NamedTuple):
    """The route of a shipment whose plan had this mark."""

    shipment_id: int
    mark: int
    route: Route


def osrm(url: str, places: Sequence[tuple[float, float]]) -> Route:
    """Asks OSRM.

    Raises:
        RoutingError: no route, or no OSRM.
        OSError, http.client.HTTPException: nobody there.
    """
    way = ";".join(f"{lon:.6f},{lat:.6f}" for lat, lon in places)
    found = _fetch(url, f"/route/v1/driving/{way}?overview=full&geometries=geojson&annotations=duration")
    try:
        route = found["routes"][0]
        times = [each for leg in route["legs"] for each in leg["annotation"]["duration"]]
        return _route(route["geometry"]["coordinates"], np.concatenate([[0.0], np.cumsum(times)]))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise RoutingError(f"OSRM: {found.get('message') or found.get('code') or 'not its answer'}") from error


def valhalla(url: str, places: Sequence[tuple[float, float]]) -> Route:
    """Asks Valhalla; errors as `osrm`."""
    asked = {"locations": [{"lat": lat, "lon": lon} for lat, lon in places], "costing": "truck"}
    found = _fetch(url, "/route", orjson.dumps(asked))
    try:
        points: list[tuple[float, float]] = []
        times: list[float] = []
        for leg in found["trip"]["legs"]:
            shape = polyline(leg["shape"])
            took = np.zeros(len(shape))
            way = Line.of(shape).way_m
            for part in leg["maneuvers"]:
                low, high = int(part["begin_shape_index"]), int(part["end_shape_index"])
                span = np.maximum(way[low : high + 1] - way[low], 1e-9)
                took[low + 1 : high + 1] = np.diff(span / span[-1]) * float(part["time"])
            skip = 1 if points else 0
            points += shape[skip:]
            times += took[skip:].tolist()
        return _route(points, np.cumsum(times))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise RoutingError(f"Valhalla: {found.get('error') or 'not its answer'}") from error


def _route(points: Sequence[Sequence[float]], time_s: F64) -> Route:
    if not 2 <= len(points) == len(time_s) <= POINTS_MAX or not np.isfinite(time_s).all():
        raise ValueError("as many times as points")
    return Route(Line.of(points), np.maximum.accumulate(np.asarray(time_s, dtype=np.float64)))


def thin(route: Route) -> Route:
    """The same road with fewer vertices, none of those left out further from it than `THIN_M`.

    >>> thin(Route(Line.of([[25.0, 60.0], [25.1, 60.0], [25.2, 60.0]]), np.array([0.0, 400.0, 700.0]))).time_s.tolist()
    [0.0, 700.0]
    """
    line = route.line
    flat = np.column_stack([line.lon * np.cos(np.radians(line.lat.mean())), line.lat])
    left = shapely.get_coordinates(
        shapely.simplify(shapely.linestrings(flat), THIN_M / 111_195, preserve_topology=False)
    )
    kept, at = [0], 0
    for point in left[1:]:
        at += 1 + int((flat[at + 1 :] == point).all(axis=1).argmax())
        kept.append(at)
    return Route(Line.of(np.column_stack([line.lon, line.lat])[kept]), route.time_s[kept])


def polyline(text: str) -> list[tuple[float, float]]:
    """Positions `(lon, lat)` of an encoded polyline with six decimals.

    >>> polyline("_izlhA~rlgdF")
    [(-120.2, 38.5)]
    """
    numbers, value, shift = [], 0, 0
    for letter in text.encode():
        bits = letter - 63
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits < 0x20:
            numbers.append(~(value >> 1) if value & 1 else value >> 1)
            value, shift = 0, 0
    steps = np.cumsum(np.array(numbers, dtype=np.int64).reshape(-1, 2), axis=0) / 1e6
    return [(lon, lat) for lat, lon in steps.tolist()]


def _fetch(url: str, path: str, body: bytes | None = None) -> dict[str, Any]:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "localhost", parts.port, timeout=TIMEOUT_S)
    try:
        headers = {"Content-Type": "application/json"} if body else {}
        connection.request("POST" if body else "GET", parts.path.rstrip("/") + path, body, headers)
        answer = connection.getresponse()
        text = answer.read(BODY_MAX + 1)
        if answer.status >= 500:
            raise http.client.HTTPException(f"status {answer.status}")
    finally:
        connection.close()
    try:
        found = orjson.loads(text) if len(text) <= BODY_MAX else None
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise RoutingError("it answers something else")
    return found


class Router:
    """Questions waiting, and answers; one question at a time."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._questions: queue.Queue[Question] = queue.Queue(WAITING_MAX)
        self._answers: queue.Queue[Answer] = queue.Queue()
        self._asked: dict[tuple[int, int], float] = {}
        self._gathered_at = -GATHER_S
        self._engines: list[Callable[[str, Sequence[tuple[float, float]]], Route]] = [osrm, valhalla]
        self._over = threading.Event()
        threading.Thread(target=self._work, name="routing", daemon=True).start()

    def ask(self, question: Question) -> None:
        """Asks, unless that was done lately or too many wait: then it is asked for another time."""
        now = self._clock()
        key = (question.shipment_id, question.mark)
        if now - self._asked.get(key, -AGAIN_S) < AGAIN_S or len(question.places) < 2:
            return
        if len(self._asked) >= WAITING_MAX:
            self._asked = {k: at for k, at in self._asked.items() if now - at < AGAIN_S}
        try:
            if len(self._asked) < WAITING_MAX:
                self._questions.put_nowait(question)
                self._asked[key] = now
        except queue.Full:
            pass

    def answers(self) -> list[Answer]:
        """What has been answered, now and then."""
        if self._clock() - self._gathered_at < GATHER_S or self._answers.empty():
            return []
        self._gathered_at = self._clock()
        return [self._answers.get_nowait() for _ in range(self._answers.qsize())]

    def close(self) -> None:
        """No more questions."""
        self._over.set()

    def _work(self) -> None:
        while not self._over.is_set():
            try:
                question = self._questions.get(timeout=0.5)
            except queue.Empty:
                continue
            try:
                self._answers.put(Answer(*question[:2], thin(self._find(question.places))))
                self._over.wait(PAUSE_S)
            except RoutingError as error:
                log.info("no route for shipment %d: %s", question.shipment_id, error)
                self._over.wait(PAUSE_S)
            except (OSError, http.client.HTTPException) as error:
                log.warning("the routing service does not answer, arrival times do without: %r", error)
                self._over.wait(BACKOFF_S)

    def _find(self, places: Sequence[tuple[float, float]]) -> Route:
        """By the one that answered last time, else by the other."""
        try:
            return self._engines[0](self._url, places)
        except RoutingError as error:
            try:
                found = self._engines[1](self._url, places)
            except RoutingError:
                raise error from None
            self._engines.reverse()
            return found
