"""What a list holds is had alone, the same words, retired or not; what is not there is 404."""

from collections.abc import Iterator

import httpx
import pytest

from tests.integration.api.seed import World, client, serving

LISTS = {
    "vehicles": "id", "sites": "id", "devices": "id", "products": "sku", "profiles": "id", "shipments": "id",
    "alerts": "id", "drivers": "id", "accounts": "name", "webhooks": "id",
}  # fmt: skip


@pytest.fixture
def api(database: str) -> Iterator[httpx.Client]:
    world = World(database)
    world.furnish()
    world.account("ann")
    world.open_alert("reefer-01", "air")
    with serving(database) as url, client(url, world.token()) as api:
        assert api.post("/api/v1/drivers", json={"id": "bo", "label": "Bo"}).status_code == 201
        hook = {"id": "erp", "url": "https://example.org/"}
        assert api.post("/api/v1/webhooks", json=hook).status_code == 201
        yield api
    world.close()


@pytest.mark.parametrize("what", LISTS)
def test_one_of_a_list_is_had_alone(api: httpx.Client, what: str) -> None:
    items = api.get(f"/api/v1/{what}").json()["items"]
    assert items
    for item in items:
        alone = api.get(f"/api/v1/{what}/{item[LISTS[what]]}")
        assert (alone.status_code, alone.json()) == (200, item)
    assert api.get(f"/api/v1/{what}/987654").status_code == 404


@pytest.mark.parametrize(("what", "name"), [("sites", "store-1"), ("products", "MILK"), ("drivers", "bo")])
def test_one_that_is_retired_is_had_alone_still(api: httpx.Client, what: str, name: str) -> None:
    assert api.patch(f"/api/v1/{what}/{name}", json={"retired": True}).status_code in (200, 409)
    assert api.get(f"/api/v1/{what}/{name}").status_code == 200
