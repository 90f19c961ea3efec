"""The routing client against a local server that speaks as OSRM and as Valhalla do."""

from __future__ import annotations

import http.client
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import orjson
import pytest

from tests.deadlines import deadline
from tracker.arrival_times import routing
from tracker.arrival_times.routing import (
    Question,
    Route,
    Router,
    RoutingError,
    osrm,
    pack,
    polyline,
    thin,
    unpack,
    valhalla,
)
from tracker.rules.lines import Line, Lines

PLACES = ((60.0, 25.0), (60.0, 25.2), (60.1, 25.2))
POINTS = [[25.0, 60.0], [25.1, 60.0], [25.2, 60.0], [25.2, 60.05], [25.2, 60.1]]


def encoded(points: list[list[float]]) -> str:
    """As Valhalla encodes a shape."""
    out, last = "", (0, 0)
    for lon, lat in points:
        now = (round(lat * 1e6), round(lon * 1e6))
        for step in (now[0] - last[0], now[1] - last[1]):
            value = ~(step << 1) if step < 0 else step << 1
            while value >= 0x20:
                out += chr((0x20 | (value & 0x1F)) + 63)
                value >>= 5
            out += chr(value + 63)
        last = now
    return out


def as_osrm(path: str, body: bytes) -> tuple[int, Any]:
    if not path.startswith("/route/v1/driving/"):
        return 404, {"code": "InvalidUrl"}
    assert path.endswith(
        "25.000000,60.000000;25.200000,60.000000;25.200000,60.100000?overview=full&geometries=geojson&annotations=duration"
    )
    legs = [{"annotation": {"duration": times}} for times in ([400.0, 300.0], [200.0, 100.0])]
    return 200, {"code": "Ok", "routes": [{"geometry": {"coordinates": POINTS}, "legs": legs}]}


def as_valhalla(path: str, body: bytes) -> tuple[int, Any]:
    if path != "/route":
        return 404, {"error_code": 106, "error": "Try any of: '/route'"}
    asked = orjson.loads(body)
    assert [(p["lat"], p["lon"]) for p in asked["locations"]] == list(PLACES)
    legs = [
        {
            "shape": encoded(POINTS[:3]),
            "maneuvers": [
                {"begin_shape_index": 0, "end_shape_index": 2, "time": 700.0},
                {"begin_shape_index": 2, "end_shape_index": 2, "time": 0.0},
            ],
        },
        {
            "shape": encoded(POINTS[2:]),
            "maneuvers": [
                {"begin_shape_index": 0, "end_shape_index": 1, "time": 200.0},
                {"begin_shape_index": 1, "end_shape_index": 2, "time": 100.0},
            ],
        },
    ]
    return 200, {"trip": {"legs": legs}}


@contextmanager
def engine(speak: Callable[[str, bytes], tuple[int, Any]]) -> Iterator[tuple[str, list[str]]]:
    """A server that speaks so; its address, and the paths it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, found = speak(self.path, body)
            text = found if isinstance(found, bytes) else orjson.dumps(found)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_GET  # noqa: N815  the name is the library's

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("speak", "ask", "times"),
    [(as_osrm, osrm, [0, 400, 700, 900, 1000]), (as_valhalla, valhalla, [0, 350, 700, 900, 1000])],
)
def test_a_route_has_a_line_and_a_time_for_each_vertex(speak: Any, ask: Any, times: list[float]) -> None:
    with engine(speak) as (url, _):
        found = ask(url, PLACES)
    assert np.column_stack([found.line.lon, found.line.lat]) == pytest.approx(np.array(POINTS), abs=1e-6)
    assert found.time_s == pytest.approx(np.array(times), abs=1.0)


@pytest.mark.parametrize("ask", [osrm, valhalla])
@pytest.mark.parametrize(
    "answer",
    [
        b"<html>", b"[]", b"", {"code": "NoRoute"}, {"trip": {"legs": [{"shape": "??", "maneuvers": [{}]}]}},
        {"routes": [{"geometry": {"coordinates": POINTS}, "legs": []}]}, {"trip": {"legs": []}},
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_an_error_of_its_own(ask: Any, answer: Any) -> None:
    with engine(lambda *_: (200, answer)) as (url, _), pytest.raises(RoutingError):
        ask(url, PLACES)


def test_a_road_made_thin_stays_where_it_was() -> None:
    rng = np.random.default_rng(1)
    lon = 25 + np.cumsum(rng.uniform(0, 4e-4, 3000))
    lat = 60 + np.cumsum(rng.normal(0, 5e-5, 3000))
    whole = Route(Line.of(np.column_stack([lon, lat])), np.cumsum(rng.uniform(0, 3, 3000)))
    found = thin(whole)
    assert len(found.time_s) < 1500
    assert (found.time_s[0], found.time_s[-1]) == (whole.time_s[0], whole.time_s[-1])
    lines = Lines.join([found.line], [found.time_s])
    place = lines.find(np.zeros(3000, np.int64), lat, lon, lines.begin(np.zeros(3000, np.int64)))
    assert place.off_m.max() < routing.THIN_M + 1
    assert unpack(pack(found)).time_s.tolist() == found.time_s.tolist()
    assert unpack(pack(found)).line.way_m.tolist() == found.line.way_m.tolist()


def test_shapes_are_decoded_as_they_were_encoded() -> None:
    assert np.array(polyline(encoded([[-25.5, -60.25], *POINTS]))) == pytest.approx(
        np.array([[-25.5, -60.25], *POINTS])
    )


class Clock:
    """Seconds that pass when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def gathered(router: Router, clock: Clock) -> Any:
    """The next answers."""
    with router._answers.mutex:
        while not router._answers._qsize():
            assert router._answers.not_empty.wait(deadline(10))
    clock.now += routing.GATHER_S
    return router.answers()


@pytest.mark.parametrize("speak", [as_osrm, as_valhalla])
def test_the_router_finds_out_who_it_talks_to_and_asks_once(speak: Any) -> None:
    clock = Clock()
    with engine(speak) as (url, asked):
        router = Router(url, clock)
        question = Question(7, 1, PLACES)
        router.ask(question)
        router.ask(question)
        ((shipment, mark, route),) = gathered(router, clock)
        assert (shipment, mark, len(route.time_s)) == (7, 1, 3)
        assert route.time_s == pytest.approx(np.array([0, 700, 1000]))  # what lies on a straight line is left out
        before = len(asked)
        clock.now += routing.AGAIN_S
        router.ask(question)
        assert len(gathered(router, clock)) == 1
        assert len(asked) == before + 1
        router.close()


def test_a_broken_service_is_not_asked_shipment_by_shipment() -> None:
    with engine(lambda *_: (502, b"<html>bad gateway")) as (url, _), pytest.raises(http.client.HTTPException):
        osrm(url, PLACES)


def test_a_service_that_is_away_is_one_line_in_the_log() -> None:
    said = threading.Event()
    heard: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: (heard.append(record.getMessage()), said.set())[1]  # type: ignore[method-assign,func-returns-value]
    logging.getLogger("tracker.arrival_times.routing").addHandler(handler)
    router = Router("http://127.0.0.1:9", Clock())
    for shipment in range(20):
        router.ask(Question(shipment, 1, PLACES))
    assert said.wait(deadline(10))
    router.close()
    logging.getLogger("tracker.arrival_times.routing").removeHandler(handler)
    assert len(heard) == 1
    assert "does not answer" in heard[0]
    assert router.answers() == []
