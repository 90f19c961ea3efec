"""A shipment of a test's own that has left: those of the simulated fleet arrive while other tests are run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.stack import Device, Stack, wait_for


@contextmanager
def under_way(stack: Stack, name: str, customer: str = "Harbour pharmacy") -> Iterator[str]:
    """The name of a shipment in transit on a lorry of its own; called off afterwards, the lorry retired."""
    lorry, tracker = f"{name.lower()}-lorry", f"{name.lower()}-gps"
    login = furnished(
        stack,
        {
            "/vehicles": {"id": lorry},
            "/devices": {"id": tracker, "kind": "tracker", "vehicle": lorry},
            "/shipments": {"id": name, "vehicle": lorry, "customer": customer, **hauled()},
        },
    )
    with stack.device(*login) as device:
        depart(stack, device, name)
    yield name
    retire(stack, f"/shipments/{name}", f"/devices/{tracker}", f"/vehicles/{lorry}")


def furnished(stack: Stack, made: dict[str, dict[str, Any]]) -> tuple[str, str]:
    """Makes one thing of each list; the login of what has one."""
    login: dict[str, str] = {}
    for path, body in made.items():
        answer = stack.request("POST", path, body)
        assert answer.status_code == 201, answer.text
        login = answer.json().get("mqtt") or login
    return login["user"], login["password"]


def hauled() -> dict[str, Any]:
    """What a shipment says that has been with its vehicle for three hours."""
    hours_ago = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3 * 3600))
    return {"since": hours_ago, "stops": [{"site": "dc-1"}, {"site": "customer-1"}]}


def depart(stack: Stack, device: Device, shipment: str) -> None:
    """A quarter of an hour where the goods are loaded, another one away from there, by the minute; hours ago."""
    site = stack.get("/sites/dc-1")
    begun_ms = time.time_ns() // 1_000_000 - 9_900_000
    away = [max(0.0, (minute - 15) * 0.005) for minute in range(30)]
    told = {
        "t": [begun_ms + minute * 60_000 for minute in range(30)],
        "lat": [site["lat"] + degrees for degrees in away],
        "lon": [site["lon"]] * 30,
        "spd": [9.3 if degrees else 0.0 for degrees in away],
    }
    device.publish("gps", told)
    wait_for(lambda: stack.get(f"/shipments/{shipment}")["status"] == "in_transit" or None, "the departure")


def retire(stack: Stack, shipment: str, *paths: str) -> None:
    """Calls a shipment off, and what it used is in no list any more: others here do not expect it there."""
    gone = [stack.request("DELETE", shipment), *(stack.request("PATCH", path, {"retired": True}) for path in paths)]
    assert [answer.status_code for answer in gone] == [200] * len(gone), [answer.text for answer in gone]
