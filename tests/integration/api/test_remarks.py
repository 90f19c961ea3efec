"""What people say to one another, what they follow, shifts handed over, views kept: by REST."""

from __future__ import annotations

from typing import Any

import httpx

from tests.integration.api.seed import World, client, serving


def ok(answer: httpx.Response, *status: int) -> dict[str, Any]:
    assert answer.status_code in (status or (200,)), answer.text
    return dict(answer.json()) if answer.content else {}


def test_people_speak_to_one_another_hand_over_and_keep_views(kept_database: str) -> None:
    world = World(kept_database)
    world.furnish()
    with (
        serving(kept_database) as url,
        client(url, world.token("planner", "ann")) as ann,
        client(url, world.token("dispatcher", "bob")) as bob,
        client(url, world.token("viewer", "eve")) as eve,
    ):
        world.account("ann", "planner")
        world.account("bob", "dispatcher")
        ok(ann.post("/api/v1/customers", json={"id": "ward-5", "label": "Ward 5"}), 201)
        lines = [{"sku": "MILK", "quantity": 3}]
        ok(ann.post("/api/v1/orders", json={"id": "T-1", "customer": "ward-5", "site": "store-1", "lines": lines}), 201)
        where = "/api/v1/remarks/order/T-1"
        first = ok(ann.post(where, json={"text": "@bob is the ramp free?"}), 201)
        assert first["mentions"] == ["bob"]
        wrong = ann.post(where, json={"text": "@nobody look"})
        assert (wrong.status_code, "nobody called nobody" in wrong.text) == (422, True)
        assert ann.post("/api/v1/remarks/order/NONE", json={"text": "x"}).status_code == 404
        assert eve.post(where, json={"text": "x"}).status_code == 403
        mine = ok(bob.get("/api/v1/remarks"))["items"]
        assert [(each["text"], each["seen"]) for each in mine] == [("@bob is the ramp free?", False)]
        ok(bob.post("/api/v1/remarks/seen", json={"upto": first["id"]}), 204)
        ok(bob.post("/api/v1/remarks/seen", json={"upto": "0"}), 204)
        assert [each["seen"] for each in ok(bob.get("/api/v1/remarks"))["items"]] == [True], "never back"
        answer = ok(bob.post(where, json={"text": "from ten on"}), 201)
        found = ok(ann.get("/api/v1/remarks"))["items"]
        assert [each["text"] for each in found] == ["from ten on"], "who says something follows it"
        ok(ann.delete("/api/v1/watches/order/T-1"), 204)
        assert ok(ann.get("/api/v1/remarks"))["items"] == []
        assert ok(ann.put("/api/v1/watches/order/T-1")) == ok(ann.get("/api/v1/watches/order/T-1")) == {"watched": True}
        assert ann.delete(f"/api/v1/remarks/{answer['id']}").status_code == 404, "not her own"
        ok(bob.delete(f"/api/v1/remarks/{answer['id']}"), 204)
        said = ok(eve.get(where))["items"]
        assert [(each["text"], each["withdrawn_at"] is None) for each in said] == [
            ("", False),
            ("@bob is the ramp free?", True),
        ]

        work = ok(eve.get("/api/v1/open-work", params={"site": "store-1"}))
        assert [each["id"] for each in work["orders"]["items"]] == ["T-1"]
        done = ok(bob.post("/api/v1/hand-overs", json={"site": "store-1", "note": "two pallets at door 3"}), 201)
        assert done["open"]["orders"] == work["orders"]
        assert bob.post("/api/v1/hand-overs", json={"site": "none", "note": "x"}).status_code == 422
        assert [each["note"] for each in ok(ann.get("/api/v1/hand-overs"))["items"]] == ["two pallets at door 3"]

        kept = {"page": "/orders", "label": "To give goods", "query": "status=open", "shared": True}
        view = ok(ann.post("/api/v1/kept-views", json=kept), 201)
        ok(ann.post("/api/v1/kept-views", json=kept | {"label": "Mine", "shared": False}), 201)
        seen = ok(bob.get("/api/v1/kept-views", params={"page": "/orders"}))["items"]
        assert [(each["label"], each["own"], each["person"]) for each in seen] == [("To give goods", False, "ann")]
        assert bob.delete(f"/api/v1/kept-views/{view['id']}").status_code == 404
        again = ok(ann.post("/api/v1/kept-views", json=kept | {"query": "status=todo"}), 201)
        assert (again["id"], again["query"]) == (view["id"], "status=todo")
        ok(ann.delete(f"/api/v1/kept-views/{view['id']}"), 204)
        assert ok(bob.get("/api/v1/kept-views", params={"page": "/orders"}))["items"] == []
    world.close()
