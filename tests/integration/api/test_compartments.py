"""What vehicles and goods are for planning: compartments, pallets, mass, size, temperature class."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.integration.api.seed import World, client, rows, serving


@pytest.fixture
def api(database: str) -> Iterator[httpx.Client]:
    world = World(database)
    world.furnish()
    with serving(database) as url, client(url, world.token("admin")) as found:
        yield found
    world.close()


def test_a_vehicle_has_the_compartments_that_were_told_last(api: httpx.Client, database: str) -> None:
    path = "/api/v1/vehicles/truck-01/compartments"
    assert api.get(path).json()["items"] == []
    front = {"name": "front", "temp_class": "frozen", "load_kg": 3000.0, "volume_m3": None, "pallets": 6}
    rear = {"name": "rear", "temp_class": "chilled", "load_kg": None, "volume_m3": 30.5, "pallets": None}
    for _ in range(2):
        assert api.put(path, json={"compartments": [rear, front]}).json()["items"] == [front, rear]
    assert rows(database, "select count(*) from audit where action = 'vehicle.compartments'") == [(1,)]
    assert api.put(path, json={"compartments": [front, front]}).status_code == 422
    assert api.put(path, json={"compartments": [{**front, "temp_class": "cold"}]}).status_code == 422
    assert api.put("/api/v1/vehicles/none/compartments", json={"compartments": []}).status_code == 404
    assert api.put(path, json={"compartments": []}).json()["items"] == []


def test_how_a_product_travels_stays_when_it_is_not_named(api: httpx.Client) -> None:
    told = {"gross_mass_kg": 1.06, "length_mm": 70, "width_mm": 70, "height_mm": 240, "temp_class": "chilled"}
    api.post("/api/v1/products", json={"sku": "MILK", "label": "Milk", **told, "apart": "food"})
    api.post("/api/v1/products", json={"sku": "MILK", "label": "Milk, 1 l", "apart": None})
    found = api.get("/api/v1/products/MILK").json()
    assert {**found, **told, "apart": None, "label": "Milk, 1 l"} == found
    refused = api.post("/api/v1/products", json={"sku": "MILK", "label": "Milk", "length_mm": 70})
    assert (refused.status_code, "width_mm" in refused.text) == (422, True)

    file = "sku,temp_class,gross_mass_kg\r\nMILK,frozen,2\r\n"
    answer = api.post("/api/v1/products/import", content=file, headers={"content-type": "text/csv"})
    assert answer.status_code == 200, answer.text
    found = api.get("/api/v1/products/MILK").json()
    assert (found["temp_class"], found["gross_mass_kg"], found["height_mm"]) == ("frozen", 2.0, 240)
