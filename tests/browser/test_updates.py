"""What an open page does when what it shows is told anew: it draws, and asks, forgets and takes away nothing."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Request, WebSocketRoute, expect

from tests.browser.test_frame import vehicle

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

NOW = "2026-11-28T12:00:00Z"
UPDATES = 12


class Feed:
    """A websocket that says what a test wants it to say."""

    def __init__(self, page: Page, **tables: list[dict[str, Any]]) -> None:
        empty: dict[str, list[dict[str, Any]]] = {
            "vehicles": [],
            "shipments": [],
            "alerts": [],
            "stock": [],
            "sites": [],
        }
        self._snapshot = json.dumps({"type": "snapshot", "cursor": "1", "now": NOW, **empty, **tables})
        self._cursor = 1
        self._socket: WebSocketRoute | None = None
        page.route_web_socket(re.compile(r"/ws/v1$"), self._serve)

    def _serve(self, socket: WebSocketRoute) -> None:
        self._socket = socket
        socket.on_message(lambda _: socket.send(self._snapshot))

    def put(self, topic: str, data: dict[str, Any]) -> None:
        """Another object in place of the one that is known by this id."""
        assert self._socket is not None
        self._cursor += 1
        change = {"topic": topic, "id": data["id"], "op": "put", "data": data}
        self._socket.send(json.dumps({"type": "delta", "cursor": str(self._cursor), "now": NOW, "changes": [change]}))


def answering(page: Page, **answers: Any) -> list[str]:
    """Answers what a page asks about things that no server knows; the addresses that were asked."""
    asked: list[str] = []

    def seen(request: Request) -> None:
        path = request.url.split("?")[0].rpartition("/api/v1/")[2]
        if path in answers:
            asked.append(path)

    page.on("request", seen)
    for path, answer in answers.items():
        page.route(re.compile(rf"/api/v1/{re.escape(path)}(\?|$)"), lambda route, _, a=answer: route.fulfill(json=a))
    return asked


def test_a_chosen_vehicle_that_moves_is_not_asked_about_again(desktop: BrowserContext) -> None:
    page = desktop.new_page()
    page.clock.set_fixed_time(NOW)  # what is asked again by the minute is not asked
    probe = {"device": "tag-0", "probe": None, "temp_c": 4.0, "t": NOW, "state": "ok"}
    van = vehicle(0) | {"temps": [probe]}
    nothing = dict.fromkeys(("first_at", "last_at", "min_c", "max_c", "mkt_c"))
    summary = {**nothing, "readings": 0, "known_s": 0, "unknown_s": 0, "bands": [], "gaps": [], "gap_count": 0}
    series = {"device": "tag-0", "probe": None, "points": [], "excursions": [], "low_c": None, "high_c": None}
    series |= {"max_interval_s": 900, "summary": summary, "calibration": None}
    asked = answering(
        page,
        **{
            "vehicles/van-0/class": {"class": None, "suggested": None},
            "vehicles/van-0/trips": {"items": []},
            "vehicles/van-0/devices": {"items": []},
            "vehicles/van-0/track": {"points": []},
            "series": series,
        },
    )
    feed = Feed(page, vehicles=[van])
    page.goto("/?vehicle=van-0")
    detail = page.get_by_test_id("detail")
    expect(detail).to_contain_text("No reading")
    expect(detail).to_contain_text("km/h")
    page.wait_for_load_state("networkidle")
    before = sorted(asked)
    assert before
    assert {*before} == {f"vehicles/van-0/{each}" for each in ("class", "trips", "devices", "track")} | {"series"}
    for number in range(1, UPDATES + 1):
        temps = [probe | {"temp_c": 4.0 + number / 10}]
        feed.put("vehicles", van | {"speed_mps": number * 5 / 3.6, "status": "moving", "temps": temps})
        expect(detail).to_contain_text(f"{number * 5} km/h")
    page.wait_for_load_state("networkidle")
    assert sorted(asked) == before
    page.close()


def test_a_note_that_is_being_typed_stays_when_its_alert_changes(desktop: BrowserContext) -> None:
    page = desktop.new_page()
    page.clock.set_fixed_time(NOW)
    alert = dict.fromkeys(("device", "probe", "site", "alarm_at", "cleared_at", "acknowledged_at", "acknowledged_by"))
    alert |= dict.fromkeys(("resolved_at", "resolved_by", "note", "limit_c", "extreme_c", "last_c"))
    alert |= {"id": "9001", "kind": "geofence", "severity": "warning", "title": "Left its lane", "state": "active"}
    alert |= {"subject": {"kind": "vehicle", "id": "van-0"}, "opened_at": NOW, "decided_at": NOW, "revision": 1}
    told = {"at": NOW, "route": "night", "step": 0, "nth": 0, "what": "opened", "channels": ["night-shift"]}
    escalation = {"told": [told], "next": None}
    asked = answering(page, **{"alerts/9001/history": {"items": []}, "alerts/9001/escalation": escalation})
    feed = Feed(page, vehicles=[vehicle(0)], alerts=[alert])
    page.goto("/alerts?alert=9001#acknowledge")  # as a message's link
    expect(page.get_by_test_id("alert-ack")).to_be_focused()
    expect(page.get_by_test_id("alert-told")).to_contain_text("night-shift")
    note = page.get_by_test_id("alert-note")
    note.fill("the driver has been called")
    for revision in range(2, 5):
        feed.put("alerts", alert | {"title": f"Left its lane {revision}", "revision": revision})
        expect(page.get_by_test_id("alert-detail")).to_contain_text(f"Left its lane {revision}")
        expect(note).to_have_value("the driver has been called")
    expect(note).to_be_focused()
    assert asked  # the history follows each revision
    page.close()
