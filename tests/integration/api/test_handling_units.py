"""Lots and handling units: told, judged, taken back; what is read of them; who may."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.integration.api.seed import World, client, serving
from tests.integration.frostway.commands import refused, typed

NOW = datetime.now(UTC).replace(microsecond=0)
SSCC = "106141411928374657"


def at(hours: float) -> str:
    return (NOW - timedelta(hours=10 - hours)).isoformat()


def move(name: str, kind: str, hours: float, unit: str, **more: object) -> dict[str, object]:
    return {"id": name, "kind": kind, "at": at(hours), "unit": unit, **more}


@pytest.fixture
def api(database: str) -> Iterator[httpx.Client]:
    world = World(database)
    world.furnish()
    with serving(database) as url, client(url, world.token("storekeeper")) as found:
        for role in ("viewer", "coldchain", "admin"):
            found.headers[f"x-{role}"] = world.token(role)
        assert found.post("/api/v1/lots", json={"id": "L-1", "sku": "MILK", "quantity": 100}).status_code == 201
        yield found
    world.close()


def tell(api: httpx.Client, *movements: dict[str, object], dry_run: bool = False) -> httpx.Response:
    return api.post("/api/v1/goods-movements", json={"movements": list(movements), "dry_run": dry_run})


BEGUN = (
    move(
        "1",
        "commission",
        0,
        SSCC,
        contents=[{"lot": "L-1", "quantity": 48}],
        place={"site": "store-1", "zone": "chiller"},
    ),
    move("2", "commission", 0, "PALLET"),
    move("3", "pack", 1, "PALLET", others=[f"(00){SSCC}"]),
    move("4", "place", 2, "PALLET", place={"shipment": "S-1"}),
    move("5", "unpack", 4, "PALLET"),
    move("6", "split", 5, SSCC, others=["CRATE"], contents=[{"lot": "L-1", "quantity": 12.5}]),
)


def test_a_batch_is_taken_whole_and_once_and_units_follow(api: httpx.Client) -> None:
    assert tell(api, *BEGUN, dry_run=True).json()["units"] == [SSCC, "PALLET", "CRATE"]
    assert api.get("/api/v1/handling-units").json()["items"] == []
    taken = tell(api, *BEGUN)
    assert taken.status_code == 201, taken.text
    assert [m["id"] for m in taken.json()["movements"]] == list("123456")
    assert taken.json()["movements"][0]["place"] == {"site": "store-1", "zone": "chiller"}
    again = tell(api, *BEGUN)
    assert (again.status_code, again.json()["units"]) == (201, [])
    unit = api.get(f"/api/v1/handling-units/{SSCC}").json()
    assert [(s["parent"], s["place"]) for s in unit["places"]] == [
        (None, {"site": "store-1", "zone": "chiller"}), ("PALLET", None), ("PALLET", {"shipment": "S-1"}),
        (None, {"shipment": "S-1"}),
    ]  # fmt: skip
    assert unit["sscc"] is True
    assert unit["contents"] == [{"lot": "L-1", "sku": "MILK", "quantity": 35.5}]
    crate = api.get("/api/v1/handling-units/CRATE").json()
    assert (crate["place"], crate["contents"][0]["quantity"]) == ({"shipment": "S-1"}, 12.5)
    assert api.get("/api/v1/lots/L-1").json()["units"] == 2
    units = api.get("/api/v1/handling-units", params={"lot": "L-1", "limit": 1})
    assert [u["id"] for u in units.json()["items"]] == [SSCC]
    assert [u["id"] for u in api.get(units.links["next"]["url"]).json()["items"]] == ["CRATE"]
    told = api.get("/api/v1/goods-movements", params={"unit": "PALLET", "limit": 2})
    assert [m["id"] for m in told.json()["items"]] == ["5", "4"]
    assert [m["id"] for m in api.get(told.links["next"]["url"]).json()["items"]] == ["3", "2"]


def test_what_goods_stand_on_is_not_deleted(api: httpx.Client) -> None:
    tell(api, *BEGUN)
    kept = api.delete("/api/v1/products/MILK")
    assert (kept.status_code, "1 lot" in kept.text) == (409, True), kept.text
    api.headers["authorization"] = f"Bearer {api.headers['x-admin']}"
    assert "1 handling unit" in api.delete("/api/v1/sites/store-1/zones/chiller").text
    assert api.delete("/api/v1/shipments/S-1").json()["outcome"] == "cancelled"


def test_what_comes_late_or_is_taken_back_makes_all_after_it_anew(api: httpx.Client) -> None:
    tell(api, *BEGUN)
    late = tell(api, move("0", "place", 0.5, SSCC, place={"device": "reefer-01", "probe": "rear"}))
    assert late.status_code == 201, late.text
    places = api.get(f"/api/v1/handling-units/{SSCC}").json()["places"]
    assert places[1]["place"] == {"device": "reefer-01", "probe": "rear"}
    void = "/api/v1/goods-movements/{}/void"
    rests = api.post(void.format("3"), json={"reason": "wrong pallet"})
    assert rests.status_code == 409
    assert "then movement 5 could not have happened (unpack of PALLET" in rests.json()["detail"]
    for name in ("6", "5", "3"):
        assert api.post(void.format(name), json={"reason": "wrong pallet"}).status_code == 200
    places = api.get(f"/api/v1/handling-units/{SSCC}").json()["places"]
    assert [p["parent"] for p in places] == [None, None]
    assert api.get("/api/v1/handling-units/CRATE").status_code == 404
    voided = api.get("/api/v1/goods-movements").json()["items"][0]
    assert (voided["id"], voided["void_reason"], voided["voided_by"]) == ("6", "wrong pallet", "storekeeper-token")
    assert api.post(void.format("6"), json={"reason": "again"}).status_code == 409
    assert "taken back" in tell(api, BEGUN[5]).json()["detail"]


WRONG = (
    (move("9", "place", 11, "PALLET"), 422, "in the future"),
    (move("9", "place", 1.5, SSCC, place={"vehicle": "truck-01"}), 409, f"{SSCC} is packed in PALLET"),
    (move("9", "pack", 3, SSCC, others=["PALLET"]), 409, f"{SSCC} is inside of PALLET"),
    (move("9", "commission", 3, "X", contents=[{"lot": "L-1", "quantity": 53}]), 409, "of lot L-1 there are 100, not"),
    (move("9", "commission", 3, "X", contents=[{"lot": "L-2", "quantity": 1}]), 422, "there is no lot L-2"),
    (move("9", "commission", 3, "X", place={"site": "dc-1", "zone": "chiller"}), 422, "dc-1 has no chiller"),
    (move("9", "commission", 3, "X", place={"vehicle": "truck-9"}), 422, "there is no truck-9"),
    (move("9", "commission", 3, "106141411928374658"), 422, "the check digit of SSCC 106141411928374658 is not 7"),
    (move("9", "pack", 3, "X", place={"site": "dc-1"}), 422, "place: pack happens where the unit is"),
    (move("3", "close", 3, "PALLET"), 409, "another movement is 3"),
)


def test_what_cannot_be_is_refused_in_words_and_nothing_is_kept(api: httpx.Client) -> None:
    tell(api, *BEGUN)
    for wrong, status, why in WRONG:
        answer = tell(api, move("8", "commission", 1, "Y"), wrong)
        assert (answer.status_code, why in answer.text) == (status, True), answer.text
    assert api.get("/api/v1/handling-units/Y").status_code == 404


def test_a_lot_says_what_was_used_before_with_a_reason_of_bands_that_sum_up(api: httpx.Client) -> None:
    wrong = {"id": "L-2", "sku": "MILK", "profile": "serum", "used_before": {"once": 60}, "reason": "x"}
    assert "there is no serum" in api.post("/api/v1/lots", json=wrong).text
    api.headers["authorization"] = f"Bearer {api.headers['x-coldchain']}"
    bands = [
        {"name": "out", "op": ">", "limit_c": 8, "for_s": 7200, "mode": "cumulative", "reset": "never"},
        {"name": "once", "op": ">", "limit_c": 8, "for_s": 600},
    ]
    assert api.post("/api/v1/profiles", json={"id": "serum", "low_c": 2, "high_c": 8, "bands": bands}).is_success
    assert "reason" in api.post("/api/v1/lots", json={**wrong, "reason": None}).text
    assert "no band 'once' sums up in its profile; those that do: out" in api.post("/api/v1/lots", json=wrong).text
    assert "there is no NIL" in api.post("/api/v1/lots", json={"id": "L-3", "sku": "NIL"}).text
    right = {**wrong, "used_before": {"out": 3600}}
    assert api.post("/api/v1/lots", json=right).status_code == 201
    assert api.post("/api/v1/lots", json=right).status_code == 200
    lot = api.get("/api/v1/lots/L-2").json()
    assert (lot["used_before"], lot["reason"], lot["declared_by"]) == ({"out": 3600}, "x", "coldchain-token")
    api.headers["authorization"] = f"Bearer {api.headers['x-viewer']}"
    assert api.post("/api/v1/lots", json=right).status_code == 403
    assert tell(api, *BEGUN).status_code == 403
    assert [lot["id"] for lot in api.get("/api/v1/lots", params={"search": "milk"}).json()["items"]] == ["L-1", "L-2"]


def test_a_table_is_taken_in_by_command_whole_or_not_at_all(api: httpx.Client, database: str, tmp_path: Path) -> None:
    head = "id,kind,time,unit,others,lot,quantity,site,zone"
    begun = [
        head,
        f"a,commission,{at(0)},BOX,,L-1,8,store-1,chiller",
        f"b,commission,{at(0)},PALLET,,,,,",
        f"c,pack,{at(1)},PALLET,BOX,,,,",
    ]
    file = tmp_path / "moves.csv"
    for line, why in (
        (f"d,move,{at(2)},PALLET,,,,,", "line 5: kind: one of commission"),
        ("d,place,2026-11-22T10:00:00,PALLET,,,,,", "line 5: time: has no offset"),
        (f"d,place,{at(2)},PALLET,,,,store-1,attic", "store-1 has no attic"),
        (f"d,place,{at(2)},BOX,,,,store-1,", "BOX is packed in PALLET"),
        (f"a,close,{at(2)},BOX,,,,,", "line 5: id a stands twice"),
    ):
        file.write_text("\n".join([*begun, line]))
        assert why in refused(database, tmp_path, "goods", "import", "moves.csv")
    assert api.get("/api/v1/handling-units").json()["items"] == []
    file.write_text("\n".join(begun))
    told = "3 movements can be taken in, 0 known before; 2 units changed\n"
    assert typed(database, tmp_path, "goods", "import", "moves.csv", "--dry-run")[:2] == (0, told)
    assert typed(database, tmp_path, "goods", "import", "moves.csv")[0] == 0
    assert api.get("/api/v1/handling-units/BOX").json()["parent"] == "PALLET"
    assert "0 movements taken in, 3 known before" in typed(database, tmp_path, "goods", "import", "moves.csv")[1]
