"""Proofs of delivery by REST: told by a driver's link, late and twice; corrected; as a page; pictures by hash."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pypdfium2
import pytest
import zxingcpp
from PIL import Image

from tests.integration.api.seed import World, client, serving
from tests.integration.api.test_orders import CHILLER, STAGE

TRUCK = {"vehicle": "truck-01"}
STOP = "S-1-2"


def at(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


def picture(colour: str = "blue", kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (120, 40), colour).save(file, kind)
    return file.getvalue()


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="module")
def world(kept_database: str) -> Iterator[World]:
    found = World(kept_database)
    found.furnish()
    found.partitions(datetime.now(UTC) - timedelta(days=2), datetime.now(UTC) + timedelta(days=1))
    yield found
    found.close()


@pytest.fixture(scope="module")
def url(kept_database: str) -> Iterator[str]:
    with serving(kept_database) as found:
        yield found


@pytest.fixture(scope="module")
def api(world: World, url: str) -> Iterator[httpx.Client]:
    with client(url, world.token("admin")) as found:
        for customer in ("ward-5", "ward-6"):
            made(found.post("/api/v1/customers", json={"id": customer, "label": customer.title()}))
        place = {"id": "door", "label": "Door 2", "address": "Pier 3", "access": "Ring twice", "contact": "Anna"}
        made(found.post("/api/v1/customers/ward-5/ship-tos", json=place))
        move = {"id": "in", "kind": "receive", "sku": "MILK", "quantity": 500, "to": CHILLER, "at": at(-600)}
        made(found.post("/api/v1/stock/moves", json={"moves": [move]}))
        yield found


def made(answer: httpx.Response, status: int = 201) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def carried(api: httpx.Client, world: World, name: str, quantity: int, customer: str = "ward-5") -> None:
    """An order that shipment S-1 carries to its last stop, picked and in a unit; loaded is not told."""
    order = {"id": name, "customer": customer, "site": "store-1", "lines": [{"sku": "MILK", "quantity": quantity}]}
    made(api.post("/api/v1/orders", json={**order, **({"ship_to": "door"} if customer == "ward-5" else {})}))
    all_of_it = {"line": 1, "quantity": quantity, "to": STAGE}
    steps = [
        {**all_of_it, "id": f"{name}-p", "kind": "pick", "from": CHILLER, "at": at(-90)},
        {**all_of_it, "id": f"{name}-k", "kind": "pack", "handling_unit": f"PAL-{name}", "at": at(-80)},
    ]
    made(api.post(f"/api/v1/orders/{name}/steps", json={"steps": steps}), 200)
    world.run(
        "insert into shipment_order (tenant_id, shipment_id, order_id, stop_id, added_by) "
        "select o.tenant_id, s.id, o.id, t.id, 'ann' from customer_order o, shipment s "
        "join stop t on t.shipment_id = s.id "
        "where o.name = %s and s.name = 'S-1' and t.name = %s",
        name, STOP,
    )  # fmt: skip


def load(name: str, quantity: int) -> dict[str, Any]:
    return {"id": f"{name}-l", "line": 1, "kind": "load", "quantity": quantity, "from": STAGE, "to": TRUCK,
            "handling_unit": f"PAL-{name}", "at": at(-60)}  # fmt: skip


def told(seq: int, name: str, **more: Any) -> dict[str, Any]:
    lines = [{"order": name, "line": 1, "handling_unit": f"PAL-{name}", **more.pop("line", {"accepted": 10})}]
    return {
        "device": "phone-7", "boot": "b1", "seq": seq, "at": at(-30), "lines": lines, "receiver": "Anna Virtanen",
        "unsigned": "gloves", **more,
    }  # fmt: skip


def stages(api: httpx.Client, name: str) -> dict[str, float]:
    (line,) = api.get(f"/api/v1/orders/{name}").json()["lines"]
    return dict(line["stages"])


@pytest.fixture(scope="module")
def driver(api: httpx.Client, url: str) -> Iterator[tuple[httpx.Client, str]]:
    link = made(api.post("/api/v1/shipments/S-1/driver-links", json={"driver": "Mika"}))
    assert link["url"].endswith(f"/drive#{link['token']}")
    with httpx.Client(base_url=url) as found:
        yield found, f"/api/v1/public/runs/{link['token']}"


def test_a_driver_is_told_all_he_needs_in_one_answer(
    api: httpx.Client, world: World, driver: tuple[httpx.Client, str]
) -> None:
    carried(api, world, "RUN", 10)
    phone, base = driver
    run = made(phone.get(base), 200)
    assert (run["shipment"], run["driver"], run["vehicle"]) == ("S-1", "Mika", "truck-01")
    stop = run["stops"][1]
    assert stop["navigation"].startswith("geo:60.2,24.9?q=")
    (order,) = stop["orders"]
    assert (order["access"], order["contact"], order["address"]) == ("Ring twice", "Anna", "Pier 3")
    (goods,) = order["goods"]
    assert (goods["quantity"], goods["handling_unit"], goods["stage"]) == (10, "PAL-RUN", "packed")
    mine = made(api.get("/api/v1/shipments/S-1/run"), 200)
    assert mine["stops"][1]["orders"] == stop["orders"]
    assert phone.get("/api/v1/public/runs/" + "x" * 43).status_code == 404


def test_a_proof_told_before_its_loading_and_twice_ends_as_if_in_order(
    api: httpx.Client, world: World, driver: tuple[httpx.Client, str]
) -> None:
    carried(api, world, "LATE", 10)
    phone, base = driver
    line = {"accepted": 8, "damaged": 1, "refused": 1, "reason": "too warm"}
    body = told(1, "LATE", line=line, position={"lat": 60.3, "lon": 24.9, "accuracy_m": 5}, seal="FI-1")
    first = made(phone.post(f"{base}/stops/{STOP}/deliveries", json=body))
    assert first["outcome"] == "partly"
    assert first["new"] is True
    assert stages(api, "LATE") == {"packed": 10}
    assert api.get("/api/v1/orders/LATE").json()["lines"][0]["waiting"] == 10
    made(api.post("/api/v1/orders/LATE/steps", json={"steps": [load("LATE", 10)], "late": True}), 200)
    assert stages(api, "LATE") == {"delivered": 8, "returning": 2}
    again = made(phone.post(f"{base}/stops/{STOP}/deliveries", json=body), 200)
    assert (again["id"], again["new"]) == (first["id"], False)
    other = phone.post(f"{base}/stops/{STOP}/deliveries", json={**body, "seal": "FI-2"})
    assert other.status_code == 409
    assert "both are kept" in other.json()["detail"]
    proof = made(api.get(f"/api/v1/proofs/{first['id']}"), 200)
    assert proof["flags"] == ["away"]
    assert proof["recorded_by"] == "driver:Mika"
    assert 11_000 < proof["position"]["distance_m"] < 11_300
    event = api.get("/api/v1/audit?action=proof.tell").json()["items"][0]
    assert event["actor"] == "driver:Mika"
    on_truck = api.get("/api/v1/stock/ledger", params={"vehicle": "truck-01"}).json()["items"]
    assert sum(row["quantity"] for row in on_truck) == 2


def test_what_is_not_said_or_not_carried_is_told_so(
    api: httpx.Client, world: World, driver: tuple[httpx.Client, str]
) -> None:
    carried(api, world, "BAD", 10)
    carried(api, world, "OTHERS", 10, "ward-6")
    made(api.post("/api/v1/orders", json={"id": "ELSE", "customer": "ward-5", "site": "store-1",
                                          "lines": [{"sku": "MILK", "quantity": 1}]}))  # fmt: skip
    phone, base = driver

    def refused(body: dict[str, Any], status: int, word: str, stop: str = STOP) -> None:
        answer = phone.post(f"{base}/stops/{stop}/deliveries", json=body)
        assert (answer.status_code, word in answer.text) == (status, True), answer.text

    refused(told(20, "BAD", line={"accepted": 1, "refused": 1}), 422, "why were 1 of line 1 not accepted")
    refused(told(20, "BAD", receiver=""), 422, "who took the goods")
    refused(told(20, "BAD", unsigned=""), 422, "say why in unsigned")
    refused(told(20, "BAD", line={}), 422, "what came of the goods")
    refused(told(20, "ELSE"), 409, "is not on this shipment")
    refused(told(20, "BAD"), 404, "", "nowhere")
    both = told(20, "BAD")
    both["lines"] += told(20, "OTHERS")["lines"]
    refused(both, 422, "each customer signs")
    nobody = {**told(20, "BAD"), "lines": [], "exception": "nobody_there", "orders": ["BAD"], "receiver": ""}
    assert made(phone.post(f"{base}/stops/{STOP}/deliveries", json=nobody))["outcome"] == "nobody_there"
    assert stages(api, "BAD") == {"packed": 10}
    found = api.get("/api/v1/proofs", params={"exceptions": True, "order": "BAD"}).json()["items"]
    assert [row["outcome"] for row in found] == ["nobody_there"]
    assert made(api.request("DELETE", "/api/v1/shipments/S-1", params={"dry_run": True}), 200)["outcome"] == "cancelled"


def test_pictures_come_later_once_and_only_as_pictures(driver: tuple[httpx.Client, str], api: httpx.Client) -> None:
    phone, base = driver
    content = picture()
    for status in (201, 200):
        assert phone.put(f"{base}/pictures/{digest(content)}", content=content).status_code == status
    assert api.get(f"/api/v1/pictures/{digest(content)}").content == content
    script = b"<svg onload=alert(1)>"
    for wrong, word in ((script, "JPEG or PNG"), (content[:20], "pixels"), (b"", "1 to"), (b"x" * 950_000, "smaller")):
        answer = phone.put(f"{base}/pictures/{digest(wrong)}", content=wrong)
        assert (answer.status_code, word in answer.text) == (422, True), answer.text
    assert phone.put(f"{base}/pictures/{'0' * 64}", content=content).status_code == 422


def test_a_correction_is_a_revision_and_stages_and_ledger_follow_it(
    api: httpx.Client, world: World, driver: tuple[httpx.Client, str]
) -> None:
    carried(api, world, "WRONG", 10)
    phone, base = driver
    before = sum(r["quantity"] for r in api.get("/api/v1/stock/ledger", params={"vehicle": "truck-01"}).json()["items"])
    made(api.post("/api/v1/orders/WRONG/steps", json={"steps": [load("WRONG", 10)]}), 200)
    first = made(phone.post(f"{base}/stops/{STOP}/deliveries", json=told(30, "WRONG")))
    assert stages(api, "WRONG") == {"delivered": 10}
    right = told(
        0, "WRONG", line={"accepted": 9, "refused": 1, "reason": "not ordered"}, revision=1, reason="recounted"
    )
    body = {key: value for key, value in right.items() if key not in ("device", "boot", "seq")}
    done = made(api.post(f"/api/v1/proofs/{first['id']}/corrections", json=body))
    assert (done["revision"], done["outcome"], [each["outcome"] for each in done["revisions"]]) == (
        2, "partly", ["partly", "delivered"],
    )  # fmt: skip
    assert stages(api, "WRONG") == {"delivered": 9, "returning": 1}
    after = sum(r["quantity"] for r in api.get("/api/v1/stock/ledger", params={"vehicle": "truck-01"}).json()["items"])
    assert after - before == 1
    again = api.post(f"/api/v1/proofs/{first['id']}/corrections", json=body)
    assert again.status_code == 409
    was = api.get(f"/api/v1/proofs/{first['id']}", params={"revision": 1}).json()
    assert (was["outcome"], was["lines"][0]["accepted"]) == ("delivered", 10)


def test_a_page_tells_goods_signature_and_the_temperatures_of_its_leg(
    api: httpx.Client, world: World, driver: tuple[httpx.Client, str]
) -> None:
    carried(api, world, "PAGE", 10)
    phone, base = driver
    world.run("update shipment set started_at = now() - interval '2 hours' where name = 'S-1'")
    world.run("update assignment set valid_from = now() - interval '1 day' where tenant_id = %s", world.tenant_id)
    for minute in range(-120, 0, 5):
        world.temperature("reefer-01", "air", datetime.now(UTC) + timedelta(minutes=minute), 5.0)
    content = picture("black")
    body = told(40, "PAGE", signature=digest(content), photos=[digest(picture("red", "JPEG"))], temperature_c=4.5)
    first = made(phone.post(f"{base}/stops/{STOP}/deliveries", json=body))
    assert first["missing"] == [digest(content), digest(picture("red", "JPEG"))]
    for each in (content, picture("red", "JPEG")):
        phone.put(f"{base}/pictures/{digest(each)}", content=each)
    proof = made(api.get(f"/api/v1/proofs/{first['id']}"), 200)
    assert proof["missing"] == []
    leg = proof["leg"]
    assert (leg["verdict"], leg["min_c"], leg["max_c"], leg["mkt_c"]) == ("in_range", 5.0, 5.0, 5.0)
    answer = api.get(f"/api/v1/proofs/{first['id']}/proof.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    document = pypdfium2.PdfDocument(answer.content)
    assert len(document) == 1
    text = document[0].get_textpage().get_text_range()
    for word in ("Delivered", "Anna Virtanen", "PAL-PAGE", "in range", "mean kinetic 5.0", digest(content)[:20]):
        assert word in text.replace("\u200b", ""), word
    image = document[0].render(scale=3).to_pil()
    assert [code.text for code in zxingcpp.read_barcodes(image)] == [f"urn:frostway:proof:{first['id']}:1"]


def test_a_link_that_has_ended_opens_nothing_and_says_no_more_than_a_wrong_one(api: httpx.Client, url: str) -> None:
    link = made(api.post("/api/v1/shipments/S-1/driver-links", json={"driver": "Olli"}))
    base = f"/api/v1/public/runs/{link['token']}"
    with httpx.Client(base_url=url) as phone:
        assert phone.get(base).status_code == 200
        shown = api.get("/api/v1/shipments/S-1/driver-links").json()["items"][0]
        assert (shown["driver"], shown["state"]) == ("Olli", "active")
        assert shown["last_used_at"]
        assert "token" not in shown
        assert api.delete(f"/api/v1/shipments/S-1/driver-links/{link['id']}").status_code == 204
        wrong = phone.get("/api/v1/public/runs/" + "y" * 43)
        for answer in (phone.get(base), phone.post(f"{base}/stops/{STOP}/deliveries", json=told(50, "RUN"))):
            assert (answer.status_code, answer.content) == (404, wrong.content)
        assert phone.get(f"/api/v1/public/shipments/{link['token']}").status_code == 404


def test_a_customer_sees_proofs_of_their_own_goods_and_of_no_others(
    api: httpx.Client, world: World, url: str, driver: tuple[httpx.Client, str]
) -> None:
    phone, base = driver
    carried(api, world, "MINE", 10)
    carried(api, world, "THEIRS", 10, "ward-6")
    content, others = picture("green"), picture("pink")
    mine = made(phone.post(f"{base}/stops/{STOP}/deliveries", json=told(60, "MINE", signature=digest(content))))
    theirs = told(61, "THEIRS", receiver="Zoe Neighbour", signature=digest(others))
    theirs = made(phone.post(f"{base}/stops/{STOP}/deliveries", json=theirs))
    for each in (content, others):
        phone.put(f"{base}/pictures/{digest(each)}", content=each)
    made_links = [
        made(api.post("/api/v1/shipments/S-1/share", json=body))["token"]
        for body in ({"customer": "ward-5"}, {"customer": "ward-6"}, {})
    ]
    assert api.post("/api/v1/shipments/S-1/share", json={"customer": "nobody"}).status_code == 422
    one, two, whole = (f"/api/v1/public/shipments/{token}" for token in made_links)
    with httpx.Client(base_url=url) as anybody:
        seen = made(anybody.get(one), 200)
        assert mine["id"] in [proof["id"] for proof in seen["proofs"]]
        assert "Zoe" not in str(seen)
        assert "THEIRS" not in str(seen)
        (other,) = made(anybody.get(two), 200)["proofs"]
        assert (other["receiver"], other["lines"][0]["accepted"]) == ("Zoe Neighbour", 10)
        assert made(anybody.get(whole), 200)["proofs"] == []
        found = {
            (link, what): anybody.get(f"{link}/{what}").status_code
            for link in (one, two, whole)
            for what in (
                f"pictures/{digest(content)}", f"pictures/{digest(others)}",
                f"proofs/{mine['id']}/proof.pdf", f"proofs/{theirs['id']}/proof.pdf",
            )
        }  # fmt: skip
    assert list(found.values()) == [200, 404, 200, 404, 404, 200, 404, 200, 404, 404, 404, 404]
    shares = api.get("/api/v1/shipments/S-1/shares").json()["items"]
    assert [each["customer"] for each in shares[:3]] == [None, "ward-6", "ward-5"]
