"""Carriers by REST: services, rate cards by revision, what they offer from what was measured, and the choice kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.integration.api.seed import World, client, serving

CARD = {
    "valid_from": "2020-01-01", "valid_to": "2099-12-31", "zones": {"": "fi"},
    "tariffs": [{"from": "fi", "to": "fi", "basis": "kg", "breaks": [{"quantity": 0, "price": 0.5}]}],
    "extras": [{"name": "tail lift", "amount": 25}],
}  # fmt: skip


def ok(answer: httpx.Response, *status: int) -> dict[str, Any]:
    assert answer.status_code in (status or (200,)), answer.text
    return dict(answer.json())


def shipment(api: httpx.Client, name: str, end: datetime) -> None:
    stops = [{"site": "store-1"}, {"name": "Pier 3", "lat": 60.3, "lon": 25.0, "window_end": end.isoformat()}]
    ok(api.post("/api/v1/shipments", json={"id": name, "stops": stops}), 201)


def test_from_rate_cards_to_a_choice_that_says_why(kept_database: str) -> None:
    now, world = datetime.now(UTC), World(kept_database)
    world.furnish()
    with serving(kept_database) as url, client(url, world.token("planner")) as api:
        ok(api.post("/api/v1/carriers", json={"id": "nordic", "label": "Nordic"}), 201)
        fast = {"id": "fast", "temp_classes": ["chilled"], "transit_h": 4, "transit_h_p90": 6, "co2e_g_per_tkm": 90}
        slow = {"id": "slow", "transit_h": 8, "transit_h_p90": 12, "co2e_g_per_tkm": 60}
        assert ok(api.post("/api/v1/carriers/nordic/services", json=fast), 201)["rate_card"] is None
        ok(api.post("/api/v1/carriers/nordic/services", json=slow), 201)
        assert api.post("/api/v1/carriers/none/services", json=slow).status_code == 404
        cards = "/api/v1/carriers/nordic/services/{}/rate-cards"
        assert ok(api.post(cards.format("fast"), json=CARD), 201)["revision"] == 1
        dearer = CARD | {"tariffs": [CARD["tariffs"][0] | {"breaks": [{"quantity": 0, "price": 0.6}]}]}  # type: ignore[index]
        assert ok(api.post(cards.format("fast"), json=dearer), 201)["revision"] == 2
        ok(api.post(cards.format("slow"), json=CARD), 201)
        wrong = CARD | {"tariffs": [CARD["tariffs"][0] | {"breaks": [{"quantity": 5, "price": 1}]}]}  # type: ignore[index]
        assert api.post(cards.format("slow"), json=wrong).json()["detail"] == "tariffs: breaks begin at 0 and rise"
        found = ok(api.get(cards.format("fast")))["items"]
        assert [each["revision"] for each in found] == [2, 1]
        assert found[1]["card"]["tariffs"][0]["breaks"] == [{"quantity": "0", "price": "0.5"}], "old ones stay"

        shipment(api, "C-1", now + timedelta(hours=7))
        asked = {"kg": 100, "extras": ["tail lift"], "in_window_min": 0.5}
        options = ok(api.post("/api/v1/shipments/C-1/carrier-options", json=asked))["options"]
        assert [(each["service"], each["outcome"], each["cost"]) for each in options] == [
            ("fast", "stands", "85.00"),
            ("slow", "out", "75.00"),
        ]
        assert options[1]["whys"][0].startswith("is in time with 3")
        assert options[0]["price"][0] == {"name": "freight", "amount": "60.00", "why": "100 kg at 0.6"}
        frozen = ok(api.post("/api/v1/shipments/C-1/carrier-options", json=asked | {"temp_class": "frozen"}))
        assert all("does not carry frozen" in each["whys"] for each in frozen["options"])

        choose = {**asked, "carrier": "nordic", "service": "fast", "reason": "in time"}
        chosen = ok(api.post("/api/v1/shipments/C-1/carrier-choices", json=choose), 201)
        assert (chosen["carrier"], chosen["reason"], len(chosen["options"])) == ("nordic", "in time", 2)
        assert api.post("/api/v1/shipments/C-1/carrier-choices", json=choose | {"service": "x"}).status_code == 422
        assert api.post("/api/v1/shipments/none/carrier-options", json=asked).status_code == 404

        # Measured: it was two hours late, three times.
        for n in range(3):
            name = f"D-{n}"
            shipment(api, name, now)
            ok(api.post(f"/api/v1/shipments/{name}/carrier-choices", json=choose), 201)
            world.run(
                "update shipment set status = 'delivered', started_at = %s, delivered_at = %s where name = %s",
                now - timedelta(hours=8), now + timedelta(hours=2), name,
            )  # fmt: skip
        assert api.post("/api/v1/shipments/D-0/carrier-choices", json=choose).status_code == 409
        (lane,) = ok(api.get("/api/v1/carrier-lanes?carrier=nordic"))["items"]
        assert (lane["destination"], lane["shipments"], lane["on_time"], lane["transit_h_p50"]) == ("Pier 3", 3, 0, 10)
        assert (lane["on_time_low"], round(lane["on_time_high"], 3)) == (0, 0.561)
        options = ok(api.post("/api/v1/shipments/C-1/carrier-options", json=asked | {"in_window_min": 0}))["options"]
        measured = next(each for each in options if each["service"] == "fast")
        assert (measured["lane_n"], measured["lane_on_time"], measured["reliability"]) == (3, 0, 0)
        assert datetime.fromisoformat(measured["arrival_p50"]) - now > timedelta(hours=6)
        ok(api.post("/api/v1/shipments/C-1/carrier-choices", json={"kg": 1, "reason": "our own truck is free"}), 201)
        held = ok(api.get("/api/v1/shipments/C-1/carrier-choices"))["items"]
        assert [(each["carrier"], each["reason"]) for each in held] == [
            (None, "our own truck is free"),
            ("nordic", "in time"),
        ]
        assert api.delete("/api/v1/carriers/nordic/services/slow").status_code == 204
        assert [each["id"] for each in ok(api.get("/api/v1/carriers/nordic/services"))["items"]] == ["fast"]
        assert api.delete("/api/v1/carriers/nordic").status_code == 204
        assert ok(api.post("/api/v1/shipments/C-1/carrier-options", json=asked))["options"] == []
        with client(url, world.token("storekeeper")) as other:
            assert other.post("/api/v1/carriers", json={"id": "x"}).status_code == 403
    world.close()
