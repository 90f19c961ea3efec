"""Appointments at docks by REST: booked, expected, seen, moved, and what trucks that wait cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.integration.api.seed import World, client, serving

HOUR = timedelta(hours=1)


def ok(answer: httpx.Response, *status: int) -> Any:
    assert answer.status_code in (status or (200,)), answer.text
    return answer.json() if answer.content else None


class Dock:
    """A site with two doors, the second for chilled goods only, and an api."""

    def __init__(self, world: World, api: httpx.Client, now: datetime) -> None:
        self.world, self.api, self.now = world, api, now
        for zone in ("door-1", "door-2"):
            world.ids[zone] = world.registry.put_zone("dc-1", zone, zone)
            ok(api.put(f"/api/v1/sites/dc-1/zones/{zone}/dock", json={"dock": "door"}))
        world.run("update zone set temp_class = 'chilled' where name = 'door-2'")

    def at(self, hours: float) -> str:
        return (self.now + timedelta(hours=hours)).isoformat()

    def book(self, name: str, begin: float, hours: float = 1, /, status: int = 201, **more: Any) -> Any:
        body = {"id": name, "site": "dc-1", "direction": "inbound", "goods": "dairy", **more}
        body |= {"begins_at": self.at(begin), "ends_at": self.at(begin + hours)}
        return ok(self.api.post("/api/v1/dock-appointments", json=body), status)

    def schedule(self, since: float = -24, until: float = 24) -> Any:
        span = {"from": self.at(since), "to": self.at(until)}
        return ok(self.api.get("/api/v1/sites/dc-1/dock-schedule", params=span))

    def conflicts(self) -> dict[str, list[tuple[str, str | None]]]:
        items = self.schedule()["appointments"]
        return {a["id"]: [(c["kind"], c["other"]) for c in a["conflicts"]] for a in items if a["conflicts"]}

    def visit(self, vehicle: str, entered: float, left: float | None) -> None:
        self.world.run(
            "insert into visit (tenant_id, vehicle_id, site_id, entered_at, left_at, decided_at, rule_version) "
            "values (%s, %s, %s, %s, %s, now(), 1)",
            self.world.tenant_id, self.world.ids[vehicle], self.world.ids["dc-1"],
            self.now + timedelta(hours=entered), None if left is None else self.now + timedelta(hours=left),
        )  # fmt: skip


def test_from_an_appointment_to_what_its_waiting_costs(kept_database: str) -> None:
    world = World(kept_database)
    world.furnish(vehicles=2)
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    with serving(kept_database) as url, client(url, world.token()) as api:
        dock = Dock(world, api, now)
        ok(api.post("/api/v1/carriers", json={"id": "nordic"}), 201)
        _booked_and_refused(dock)
        _seen_before_told(dock)
        _proposed_and_accepted(dock)
        _paid(dock)
        with client(url, world.token("viewer")) as other:
            assert other.post("/api/v1/dock-appointments/A-1/state", json={"state": "arrived"}).status_code == 403
            assert "A-1" in other.get("/api/v1/dock-appointments", params={"format": "csv"}).text
            turns = other.get("/api/v1/dock-turns", params={"site": "dc-1", "format": "csv"})
            assert "D-1" in turns.text
    world.close()


def _booked_and_refused(dock: Dock) -> None:
    first = dock.book("A-1", 2, door="door-1", truck="ABC-123", carrier="nordic", pallets=10)
    assert (first["state"], first["carrier"], first["version"]) == ("booked", "nordic", 1)
    again = dock.book("A-1", 2, door="door-1", truck="ABC-123", carrier="nordic", pallets=10, status=200)
    assert again["version"] == 1, "told again it is the same"
    assert "A-1 is at door-1 then" in dock.book("A-2", 2.5, door="door-1", status=409)["detail"]
    dock.book("A-2", 2.5, door="door-1", temp_class="chilled", anyway=True)
    assert dock.conflicts() == {"A-1": [("overlap", "A-2")], "A-2": [("overlap", "A-1")]}
    wrongs = (({"door": "yard"}, "no zone yard"), ({"vehicle": "none"}, "there is no none"), ({"site": "x"}, "no x"))
    for wrong, word in wrongs:
        assert word in dock.book("A-9", 2, status=422, **wrong)["detail"]
    body = {"door": "door-2", "direction": "inbound", "temp_class": "frozen", "pallets": 20}
    asked = {**body, "begins_at": dock.at(5), "ends_at": dock.at(6)}
    checked = ok(dock.api.post("/api/v1/sites/dc-1/dock-schedule/check", json=asked))
    assert [each["kind"] for each in checked["conflicts"]] == ["temp_class"]
    assert (checked["service_min"], checked["n"]) == (55, 0)
    stale = {**asked, "id": "A-1", "version": 7, "begins_at": dock.at(3), "ends_at": dock.at(4)}
    moves = {"moves": [{k: stale[k] for k in ("id", "version", "door", "begins_at", "ends_at")}]}
    assert dock.api.post("/api/v1/sites/dc-1/dock-schedule/moves", json=moves).status_code == 409


def _seen_before_told(dock: Dock) -> None:
    """A truck of ours came early, docked and left; one of somebody else's is told."""
    dock.book("S-1", -5, vehicle="truck-01", door="door-2", temp_class="chilled", pallets=10, carrier="nordic")
    told = ok(dock.api.post("/api/v1/dock-appointments/S-1/state", json={"state": "arrived", "at": dock.at(-4)}))
    assert (told["state"], told["arrived_by"]) == ("arrived", "told")
    dock.visit("truck-01", -5.5, -3)
    docking = {"id": "D-1", "site": "dc-1", "door": "door-2", "vehicle": "truck-01", "began_at": dock.at(-5)}
    ok(dock.api.post("/api/v1/dockings", json={**docking, "ended_at": dock.at(-4)}), 201)
    seen = ok(dock.api.get("/api/v1/dock-appointments/S-1"))
    assert (seen["state"], seen["arrived_by"], seen["docked_by"], seen["at_door"]) == ("left", "seen", "seen", "door-2")
    assert datetime.fromisoformat(seen["arrived_at"]) == dock.now + timedelta(hours=-5.5), "what was seen, not said"
    late = dock.api.post("/api/v1/dock-appointments/S-1/state", json={"state": "no_show"})
    assert "has left already" in ok(late, 409)["detail"]
    tell = "/api/v1/dock-appointments/A-2/state"
    assert ok(dock.api.post(tell, json={"state": "cancelled", "reason": "called off"}))["state"] == "cancelled"
    assert dock.api.post(tell, json={"state": "arrived"}).status_code == 409
    assert ok(dock.api.post(tell, json={"state": "booked"}))["state"] == "booked"
    shown = dock.schedule()
    assert [(s["docking"], s["appointment"], s["expected_end"]) for s in shown["dockings"]] == [("D-1", "S-1", None)]
    assert {s["direction"]: s["n"] for s in shown["service"]} == {"inbound": 1, "outbound": 0}


def _proposed_and_accepted(dock: Dock) -> None:
    """The one that is expected two hours later moves, and so does the colliding one that spoils no faster."""
    stops = [{"name": "Port", "lat": 60.1, "lon": 24.9}, {"site": "dc-1"}]
    ok(dock.api.post("/api/v1/shipments", json={"id": "IN-1", "vehicle": "truck-02", "stops": stops}), 201)
    dock.book("E-1", 4, door="door-2", shipment="IN-1", temp_class="chilled", goods="")
    key = dock.world.one("select max(id) from stop where site_id = %s", dock.world.ids["dc-1"])
    dock.world.run(
        "insert into eta (tenant_id, stop_id, at, p10, p50, p90, remaining_m, planned, waiting, decided_at, rule_version) "  # noqa: E501
        "values (%s, %s, now(), %s, %s, %s, 1000, false, false, now(), 1)",
        dock.world.tenant_id, key, *(dock.now + timedelta(hours=h) for h in (5.5, 6, 7)),
    )  # fmt: skip
    expected = ok(dock.api.get("/api/v1/dock-appointments/E-1"))
    assert datetime.fromisoformat(expected["arrival"]["p50"]) == dock.now + timedelta(hours=6)
    assert dock.conflicts()["E-1"] == [("late", None)]
    path = "/api/v1/sites/dc-1/dock-schedule"
    proposal = ok(dock.api.post(f"{path}/proposal", json={}))
    moves = {each["id"]: each for each in proposal["moves"]}
    assert set(moves) == {"A-1", "E-1"}, "of two that collide the one that does not spoil moves"
    assert datetime.fromisoformat(moves["E-1"]["begins_at"]) >= dock.now + timedelta(hours=6)
    assert moves["A-1"]["why"] == [{"kind": "overlap", "other": "A-2"}]
    before = dock.schedule()
    assert before["appointments"] == dock.schedule()["appointments"], "nothing moves before somebody accepts it"
    names = ("id", "version", "door", "begins_at", "ends_at")
    asked = {"moves": [{name: each[name] for name in names} for each in moves.values()]}
    assert ok(dock.api.post(f"{path}/moves", json=asked)) == {"moved": 2}
    assert dock.conflicts() == {}
    assert dock.api.post(f"{path}/moves", json=asked).status_code == 409, "the proposal is of before"
    assert ok(dock.api.post(f"{path}/proposal", json={}))["moves"] == []


def _paid(dock: Dock) -> None:
    terms = {"site": "dc-1", "free_min": 60, "rate_per_h": "40.00", "currency": "EUR"}
    mine = ok(dock.api.post("/api/v1/detention-terms", json=terms), 201)
    ok(dock.api.post("/api/v1/detention-terms", json={**terms, "carrier": "nordic", "free_min": 30}), 201)
    assert dock.api.post("/api/v1/detention-terms", json={**terms, "site": "none"}).status_code == 422
    span = {"from": dock.at(-24), "to": dock.at(0)}
    (turn,) = ok(dock.api.get("/api/v1/dock-turns", params={"site": "dc-1", **span}))["items"]
    assert (turn["waiting_min"], turn["door_min"], turn["leaving_min"], turn["total_min"]) == (30, 60, 60, 150)
    assert (turn["free_min"], turn["detention_min"], turn["cost"]) == (30, 90, "60.00"), "from -5 h to -3 h, 30 free"
    dwell = ok(dock.api.get("/api/v1/sites/dc-1/dock-dwell", params=span))
    assert (dwell["trucks"], dwell["total"], dwell["waiting"]["n"]) == (1, {"p50": 150, "p90": 150, "n": 1}, 1)
    assert dwell["detention"] == [{"currency": "EUR", "cost": "60.00", "minutes": 90, "trucks": 1}]
    ok(dock.api.delete(f"/api/v1/detention-terms/{mine['id']}"), 204)
    assert dock.api.delete(f"/api/v1/detention-terms/{mine['id']}").status_code == 404
