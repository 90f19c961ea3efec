"""ETag, If-Match and If-None-Match, and the fields one asks for."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.integration.api.seed import World, client, serving

SITE = {"id": "store-9", "label": "Nine", "kind": "store", "lat": 60.2, "lon": 24.9}


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish(3)
    yield world
    world.close()


@pytest.fixture
def api(world: World, database: str) -> Iterator[httpx.Client]:
    with serving(database) as url, client(url, world.token()) as api:
        yield api


def test_a_change_is_made_only_to_what_one_has_seen(api: httpx.Client) -> None:
    made = api.post("/api/v1/sites", json=SITE)
    assert made.status_code == 201, made.text
    seen = api.get("/api/v1/sites/store-9")
    assert made.headers["etag"] == seen.headers["etag"]
    first = api.post("/api/v1/sites", json={**SITE, "label": "Ten"}, headers={"If-Match": seen.headers["etag"]})
    assert first.status_code == 200
    assert first.headers["etag"] == api.get("/api/v1/sites/store-9").headers["etag"] != seen.headers["etag"]
    second = api.post("/api/v1/sites", json={**SITE, "label": "Eleven"}, headers={"If-Match": seen.headers["etag"]})
    assert (second.status_code, second.json()["etag"]) == (412, first.headers["etag"])
    assert "look again" in second.json()["detail"]
    assert api.get("/api/v1/sites/store-9").json()["label"] == "Ten"
    for method, path in (("PATCH", "/api/v1/sites/store-9"), ("DELETE", "/api/v1/sites/store-9")):
        body = {"retired": True} if method == "PATCH" else None
        refused = api.request(method, path, json=body, headers={"If-Match": '"other"'})
        assert refused.status_code == 412
    good = {"If-Match": f'"other", {first.headers["etag"]}'}
    assert api.patch("/api/v1/sites/store-9", json={"retired": True}, headers=good).status_code == 200


def test_of_many_who_saw_the_same_one_changes_it(api: httpx.Client) -> None:
    tag = api.post("/api/v1/sites", json=SITE).headers["etag"]

    def change(n: int) -> int:
        return api.post("/api/v1/sites", json={**SITE, "label": f"No {n}"}, headers={"If-Match": tag}).status_code

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(change, range(16))) == [200, *[412] * 15]


def test_what_is_to_be_new_is_made_only_when_it_is(api: httpx.Client) -> None:
    new = {"If-None-Match": "*"}
    assert api.post("/api/v1/sites", json=SITE, headers=new).status_code == 201
    assert api.post("/api/v1/sites", json={**SITE, "label": "x"}, headers=new).status_code == 412
    assert api.get("/api/v1/sites/store-9").json()["label"] == "Nine"
    assert api.post("/api/v1/sites", json={**SITE, "id": "store-10"}, headers={"If-Match": "*"}).status_code == 412


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/vehicles/truck-01", {"id": "truck-01", "label": "One"}),
        ("/api/v1/products/MILK-1L", {"sku": "MILK-1L", "label": "Milk"}),
        ("/api/v1/shipments/S-1", {"id": "S-1", "customer": "Anna", "stops": [{"site": "store-1"}]}),
        ("/api/v1/drivers/ann", {"id": "ann", "label": "Ann"}),
    ],
)
def test_all_that_people_keep_has_a_tag_that_changes_with_it(
    api: httpx.Client, path: str, body: dict[str, str]
) -> None:
    collection = path.rpartition("/")[0]
    api.post(collection, json=body)
    before = api.get(path).headers["etag"]
    assert api.get(path).headers["etag"] == before
    word = "customer" if "customer" in body else "label"
    changed = api.post(collection, json={**body, word: "Other"}, headers={"If-Match": before})
    assert changed.status_code == 200, changed.text
    assert api.post(collection, json=body, headers={"If-Match": before}).status_code == 412
    assert api.get(path).headers["etag"] != before


def test_what_lives_by_itself_changes_no_tag_and_is_always_told(api: httpx.Client, world: World) -> None:
    before = api.get("/api/v1/vehicles/truck-01")
    world.move("truck-01", 60.5, 24.5)
    after = api.get("/api/v1/vehicles/truck-01", headers={"If-None-Match": before.headers["etag"]})
    assert (after.status_code, after.json()["lat"]) == (200, 60.5)
    assert after.headers["etag"] == before.headers["etag"]


def test_what_one_has_already_is_not_sent_again(api: httpx.Client) -> None:
    api.post("/api/v1/products", json={"sku": "MILK-1L", "label": "Milk"})
    seen = api.get("/api/v1/products/MILK-1L")
    same = api.get("/api/v1/products/MILK-1L", headers={"If-None-Match": f"W/{seen.headers['etag']}"})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", seen.headers["etag"])


def test_a_condition_that_cannot_be_checked_is_refused_not_passed_over(api: httpx.Client) -> None:
    answer = api.post("/api/v1/quarantine/redrive", json={"device": "x"}, headers={"If-Match": '"x"'})
    assert (answer.status_code, answer.json()["detail"][:8]) == (422, "If-Match")


def test_only_the_fields_asked_for_are_told(api: httpx.Client) -> None:
    found = api.get("/api/v1/vehicles", params={"fields": "id,lat"}).json()["items"]
    assert [set(each) for each in found] == [{"id", "lat"}] * 3
    whole = api.get("/api/v1/vehicles/truck-01")
    part = api.get("/api/v1/vehicles/truck-01", params={"fields": "label"})
    assert (part.json(), part.headers["etag"]) == ({"label": whole.json()["label"]}, whole.headers["etag"])
    answer = api.get("/api/v1/vehicles", params={"fields": "id,tenant_id"})
    assert (answer.status_code, "tenant_id" in answer.json()["detail"]) == (422, True)
