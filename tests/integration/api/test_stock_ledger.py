"""The stock ledger by REST: told, refused, corrected, read as it was; bins and units; who may."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.integration.api.seed import World, client, serving
from tests.integration.frostway.commands import typed
from tests.scans import codes_on

NOW = datetime.now(UTC).replace(microsecond=0)
CHILLER = {"site": "store-1", "zone": "chiller"}
DOCK = {"site": "dc-1"}
TRUCK = {"vehicle": "truck-01"}


def at(minutes: float) -> str:
    """Of the last hours."""
    return (NOW - timedelta(minutes=600 - minutes)).isoformat()


@pytest.fixture(scope="module")
def world(kept_database: str) -> Iterator[World]:
    found = World(kept_database)
    found.furnish()
    yield found
    found.close()


@pytest.fixture(scope="module")
def served(world: World, kept_database: str) -> Iterator[httpx.Client]:
    with serving(kept_database) as url, client(url, world.token("storekeeper")) as found:
        for role in ("viewer", "admin"):
            found.headers[f"x-{role}"] = world.token(role)
        yield found


@pytest.fixture
def sku(world: World, served: httpx.Client, request: pytest.FixtureRequest) -> str:
    """A product of its own for each test, with a lot."""
    name = f"S{abs(hash(request.node.name)) % 10**9}"
    world.registry.put_product(name, label=name)
    assert served.post("/api/v1/lots", json={"id": f"L-{name}", "sku": name}).status_code == 201
    return name


def tell(api: httpx.Client, *moves: dict[str, object]) -> httpx.Response:
    return api.post("/api/v1/stock/moves", json={"moves": list(moves)})


def told(api: httpx.Client, *moves: dict[str, object]) -> dict[str, object]:
    answer = tell(api, *moves)
    assert answer.status_code == 201, answer.text
    return answer.json()


def levels(api: httpx.Client, sku: str, **params: object) -> dict[str, float]:
    items = api.get("/api/v1/stock/ledger", params={"sku": sku, **params}).json()["items"]
    place = lambda i: "/".join(i["place"][k] for k in ("site", "zone", "bin", "vehicle") if k in i["place"])  # noqa: E731
    return {"|".join(filter(None, (place(i), i["lot"], i["handling_unit"]))): i["quantity"] for i in items}


def received(sku: str, n: int = 1, quantity: float = 10, minutes: float = 0, **more: object) -> dict[str, object]:
    return {
        "id": f"{sku}-{n}",
        "kind": "receive",
        "at": at(minutes),
        "sku": sku,
        "quantity": quantity,
        "to": CHILLER,
        **more,
    }


def test_moves_go_from_place_to_place_once_and_all_of_a_batch_or_none(served: httpx.Client, sku: str) -> None:
    lot = f"L-{sku}"
    batch = (
        received(sku, 1, 10),
        received(sku, 2, 5.5, lot=lot, reference="PO 7"),
        {
            "id": f"{sku}-3",
            "kind": "pack",
            "sku": sku,
            "lot": lot,
            "quantity": 2,
            "from": CHILLER,
            "handling_unit": "ROLL-7",
        },
        {"id": f"{sku}-4", "kind": "load", "sku": sku, "quantity": 4, "from": CHILLER, "to": TRUCK},
        {"id": f"{sku}-5", "kind": "deliver", "sku": sku, "quantity": 1, "from": TRUCK},
        {
            "id": f"{sku}-6",
            "kind": "waste",
            "sku": sku,
            "quantity": 0.5,
            "from": CHILLER,
            "reason": "dropped",
            "lot": lot,
        },
    )
    bad = tell(
        served, *batch, {"id": f"{sku}-7", "kind": "pick", "sku": sku, "quantity": 99, "from": CHILLER, "to": DOCK}
    )
    assert bad.status_code == 409, bad.text
    assert f"of {sku} of no lot at store-1/chiller there are 6, not 99" in bad.text
    assert f"3 of lot {lot}" in bad.text
    assert levels(served, sku) == {}
    done = told(served, *batch)
    assert [m["id"] for m in done["moves"]] == [m["id"] for m in batch]
    wanted = {"store-1/chiller": 6, f"store-1/chiller|{lot}": 3, f"store-1/chiller|{lot}|ROLL-7": 2, "truck-01": 3}
    assert levels(served, sku) == wanted
    assert told(served, *batch)["count_tasks"] == []
    assert levels(served, sku) == wanted
    other = tell(served, {**batch[0], "quantity": 11})
    assert (other.status_code, "each needs its own" in other.text) == (409, True)
    assert levels(served, sku, vehicle="truck-01") == {"truck-01": 3}
    assert levels(served, sku, lot=lot, handling_unit="ROLL-7") == {f"store-1/chiller|{lot}|ROLL-7": 2}
    zone = served.get("/api/v1/stock/ledger", params={"by": "zone", "sku": sku}).json()["items"]
    assert [(z["id"], z["quantity"], z["evidence"]) for z in zone] == [(f"store-1/chiller/{sku}", 11, None)]


def test_a_number_has_its_history_and_pages(served: httpx.Client, sku: str) -> None:
    told(served, received(sku, 1, 10, 0), received(sku, 2, 5, 20))
    told(
        served, {"id": f"{sku}-3", "kind": "move", "at": at(10), "sku": sku, "quantity": 4, "from": CHILLER, "to": DOCK}
    )
    asked = {"sku": sku, **CHILLER}
    page = served.get("/api/v1/stock/moves", params={**asked, "limit": 2})
    rows = page.json()["items"] + served.get(page.links["next"]["url"]).json()["items"]
    assert [(r["id"], r["change"], r["balance"]) for r in rows] == [
        (f"{sku}-2", 5, 11), (f"{sku}-3", -4, 6), (f"{sku}-1", 10, 10),
    ]  # fmt: skip
    assert [r["target_place"] for r in rows[1:2]] == [{"kind": "site", "site": "dc-1"}]
    for params, names in (
        ({"kind": "move"}, [3]),
        ({"since": at(5), "until": at(15)}, [3]),
        ({"site": "dc-1"}, [3]),
        ({"bin": "nowhere"}, []),
    ):
        found = served.get("/api/v1/stock/moves", params={"sku": sku, **params}).json()["items"]
        assert [r["id"] for r in found] == [f"{sku}-{n}" for n in names], params
    assert served.get("/api/v1/stock/moves", params={"sku": "none-such"}).json()["items"] == []


def test_what_was_wrong_is_corrected_beside_it_and_what_was_known_then_stays(served: httpx.Client, sku: str) -> None:
    first = told(served, received(sku, 1, 48, 0))["moves"][0]
    told(
        served,
        {"id": f"{sku}-2", "kind": "pick", "at": at(30), "sku": sku, "quantity": 46, "from": CHILLER, "to": DOCK},
    )
    url = f"/api/v1/stock/moves/{sku}-1/correction"
    none = served.post(url, json={"reason": "it never came"})
    assert (none.status_code, "there are 2, not 48" in none.text) == (409, True), none.text
    right = {"id": f"{sku}-1b", "kind": "receive", "sku": sku, "quantity": 46, "to": CHILLER}
    done = served.post(url, json={"reason": "two were missing", "right": right})
    assert done.status_code == 201, done.text
    was, back, instead = done.json()["moves"]
    assert (was["taken_back_by"], was["corrected_by"], was["quantity"]) == (f"~{sku}-1", f"{sku}-1b", 48)
    assert (back["entry"], back["corrects"], instead["entry"]) == ("reversal", f"{sku}-1", "replacement")
    assert back["at"] == instead["at"] == was["at"] == first["at"]
    assert instead["reason"] == "two were missing"
    assert levels(served, sku) == {"dc-1": 46}
    assert levels(served, sku, as_of=at(10)) == {"store-1/chiller": 46}
    assert levels(served, sku, as_of=at(10), known_at=first["recorded_at"]) == {"store-1/chiller": 48}
    assert levels(served, sku, as_of=at(-1)) == {}
    again = served.post(url, json={"reason": "again"})
    assert (again.status_code, "corrected before" in again.text) == (409, True)
    assert served.post("/api/v1/stock/moves/none-such/correction", json={"reason": "x"}).status_code == 404
    undo = served.post(f"/api/v1/stock/moves/~{sku}-1/correction", json={"reason": "x"})
    assert (undo.status_code, "takes another move back" in undo.text) == (409, True)


def test_less_than_nothing_is_explained_or_comes_from_sensors_and_is_counted(
    served: httpx.Client, world: World, sku: str
) -> None:
    taken = {"id": f"{sku}-1", "kind": "pick", "sku": sku, "quantity": 3, "from": CHILLER, "to": DOCK}
    assert tell(served, {**taken, "allow_negative": True}).status_code == 422
    done = told(served, {**taken, "allow_negative": True, "reason": "the receipt is still on paper"})
    assert levels(served, sku) == {"store-1/chiller": -3, "dc-1": 3}
    (task,) = done["count_tasks"]
    assert world.one("select cause from count_task where id = %s", task) == "negative"
    seen = told(served, {**taken, "id": f"{sku}-2", "source": "sensor"})
    assert seen["count_tasks"] == []
    told(served, received(sku, 3, 10))
    assert levels(served, sku) == {"store-1/chiller": 4, "dc-1": 6}


def test_bins_and_units_of_a_product(served: httpx.Client, sku: str) -> None:
    admin = {"authorization": f"Bearer {served.headers['x-admin']}"}
    code = f"A-{sku}"
    bins = "/api/v1/sites/store-1/bins"
    assert served.post(bins, json={"id": code, "zone": "nowhere"}).status_code == 422
    assert [served.post(bins, json={"id": code, "zone": "chiller"}).status_code for _ in range(2)] == [201, 200]
    units = {"unit_value": 1.15, "units": [
        {"name": "pallet", "quantity": 60, "of": "case"}, {"name": "case", "quantity": 12},
        {"name": "third", "quantity": 1, "per": 3, "of": "piece"},
    ]}  # fmt: skip
    put = served.put(f"/api/v1/products/{sku}/units", json=units)
    assert [(u["name"], u["quantity"]) for u in put.json()["units"]][1:] == [("case", 12), ("pallet", 720)]
    told(served, received(sku, 1, 0.5, unit="pallet", to={"site": "store-1", "bin": code}))
    assert levels(served, sku) == {f"store-1/chiller/{code}": 360}
    inexact = tell(served, received(sku, 2, 1, unit="third"))
    assert (inexact.status_code, "no exact number of piece" in inexact.text) == (422, True)
    unknown = tell(served, received(sku, 2, 1, unit="barrel"))
    assert (unknown.status_code, "it has piece, case, pallet, third" in unknown.text) == (422, True)
    assert served.put(f"/api/v1/products/{sku}/units", json={"base_unit": "kg"}).status_code == 409
    full = served.delete(f"{bins}/{code}")
    assert (full.status_code, "not empty" in full.text) == (409, True)
    assert served.get(bins).json()["items"][0]["lines"] == 1
    limits = {"kind": "pick_face", "load_kg": 800, "face_of": sku, "face_full": 400, "mixing": "product"}
    limited = served.post(bins, json={"id": code, "zone": "chiller", **limits}).json()
    again = served.post(bins, json={"id": code, "zone": "chiller", "label": "Left"}).json()  # knows of no limits
    assert ({name: again[name] for name in limits}, again["volume_m3"], again["label"]) == (limits, None, "Left")
    assert (limited["lies_pallets"], limited["lies_m3"], limited["unknown"]) == (1, 0, 1)
    for wrong, why in (({"face_of": "nothing"}, "add it first"), ({"kind": "stage", "face_of": sku}, "pick_face"),
                       ({"load_kg": 0}, "greater than 0"), ({"kind": "shelf"}, "'pick_face'")):  # fmt: skip
        refused = served.post(bins, json={"id": code, "zone": "chiller", **wrong})
        assert (refused.status_code, why in refused.text) == (422, True), refused.text
    assert served.post(bins, json={"id": code, "zone": "chiller", "kind": "stage"}).json()["face_of"] is None
    told(served, {"id": f"{sku}-3", "kind": "move", "sku": sku, "quantity": 30, "unit": "case",
                  "from": {"site": "store-1", "bin": code}, "to": DOCK})  # fmt: skip
    assert served.delete(f"{bins}/{code}").status_code == 204
    assert served.get(bins).json()["items"] == []
    assert served.get(f"{bins}/{code}").json()["retired_at"]
    gone = served.delete("/api/v1/sites/store-1/zones/chiller", headers=admin)
    assert (gone.status_code, "stock ledger" in gone.text) == (409, True), gone.text
    kept = served.delete(f"/api/v1/products/{sku}")
    assert (kept.status_code, "2 moves of the stock ledger" in kept.text) == (409, True), kept.text


def test_what_moves_name_must_be_there_and_moves_make_sense(served: httpx.Client, sku: str) -> None:
    for move, why in (
        (received("none-such"), "there is no none-such"),
        (received(sku, to={"site": "nowhere"}), "site: there is no nowhere"),
        (received(sku, to={"site": "store-1", "zone": "attic"}), "zone: store-1 has no attic"),
        (received(sku, to={"site": "store-1", "bin": "Z9"}), "bin: store-1 has no Z9"),
        (received(sku, to={"vehicle": "tractor"}), "vehicle: there is no tractor"),
        (received(sku, lot="none-such"), "lot: there is no none-such"),
        (received(sku, minutes=700), "in the future"),
        (received(sku, quantity=0), "moves nothing"),
        ({**received(sku), "kind": "deliver", "from": DOCK}, "to: deliver goes to customer, not to site"),
        ({**received(sku), "kind": "adjust"}, "reason"),
        ({**received(sku), "kind": "move", "from": CHILLER}, "goes where it is"),
    ):
        answer = tell(served, move)
        assert (answer.status_code, why in answer.text) == (422, True), answer.text
    assert tell(served, received(sku), received(sku)).status_code == 422
    viewer = {"authorization": f"Bearer {served.headers['x-viewer']}"}
    refused = served.post("/api/v1/stock/moves", json={"moves": [received(sku)]}, headers=viewer)
    assert refused.status_code == 403


def test_commands_print_the_ledger_and_prove_it(
    served: httpx.Client, world: World, sku: str, tmp_path: Path, kept_database: str
) -> None:
    told(served, received(sku, 1, 7.5, lot=f"L-{sku}"))
    status, out, _ = typed(kept_database, tmp_path, "stock", "moves", "--sku", sku)
    assert (status, f"7.5 piece {sku} lot L-{sku}  supplier -> store-1/chiller  storekeeper-token" in out) == (
        0,
        True,
    ), out
    status, out, _ = typed(kept_database, tmp_path, "stock", "balance", "--sku", sku, "--site", "store-1")
    assert (status, out.strip()) == (0, f"store-1/chiller  {sku} lot L-{sku}  7.5 piece")
    status, out, _ = typed(kept_database, tmp_path, "stock", "verify")
    assert (status, "balances are what" in out) == (0, True), out
    world.run("update ledger_balance set quantity = 8 where product_id = (select id from product where sku = %s)", sku)
    status, out, err = typed(kept_database, tmp_path, "stock", "verify")
    assert (status, out.strip()) == (1, f"store-1/chiller  {sku} lot L-{sku}  is 8, its moves 7.5")
    assert "1 of" in err
    world.run(
        "update ledger_balance set quantity = 7.5 where product_id = (select id from product where sku = %s)", sku
    )


def test_levels_are_found_by_words_by_what_expires_and_by_what_is_low(
    world: World, served: httpx.Client, sku: str
) -> None:
    lot = f"L-{sku}"
    world.registry.put_product(sku, label="Oat drink, own", reorder_point=12)
    assert served.post("/api/v1/sites/store-1/bins", json={"id": "OAT-1", "zone": "chiller"}).status_code == 201
    told(served, received(sku, 1, 10, lot=lot), received(sku, 2, 2, to={"site": "store-1", "bin": "OAT-1"}))

    of_lot, in_bin = {f"store-1/chiller|{lot}": 10}, {"store-1/chiller/OAT-1": 2}
    for words, found in (("oat drink", of_lot | in_bin), (sku.lower(), of_lot | in_bin), ("oat-1", in_bin)):
        assert levels(served, sku, search=words) == found
    assert levels(served, sku, search="100%") == {}
    assert levels(served, sku, expires_by=at(0)) == {}
    assert sum(levels(served, sku, low=True).values()) == 12
    told(served, received(sku, 3, 1, to=DOCK), received(sku, 4, 1))
    assert set(levels(served, sku, low=True)) == {"dc-1"}  # the store has 13, the centre 1
    told(served, {"id": f"{sku}-5", "kind": "waste", "sku": sku, "quantity": 1, "from": DOCK, "reason": "burst"})
    assert levels(served, sku, low=True, empty=True) == {"dc-1": 0}
    item = served.get("/api/v1/stock/ledger", params={"sku": sku}).json()["items"][0]
    assert item["reorder_point"] == 12
    for refused in ({"search": "a", "by": "zone"}, {"low": True, "as_of": at(0)}):
        assert served.get("/api/v1/stock/ledger", params=refused).status_code == 422


def test_a_code_is_looked_up_among_products_lots_bins_and_units(world: World, served: httpx.Client, sku: str) -> None:
    gtin, lot, unit = "6414123456783", f"L-{sku}", "106141411928374657"
    world.registry.put_product(sku, label="Milk to scan", gtin=gtin)
    assert served.post("/api/v1/sites/store-1/bins", json={"id": f"B-{sku}", "zone": "chiller"}).status_code == 201
    told(served, received(sku, 1, 10, lot=lot, handling_unit=unit))

    def found(code: str) -> list[tuple[str, str | None, str]]:
        said = served.get("/api/v1/stock/found", params={"code": code}).json()
        assert bool(said["problem"]) is not bool(said["found"])
        return [(each["kind"], each["sku"] or each["bin"], each["link"]) for each in said["found"]]

    product, of_lot = ("product", sku, f"/stock?sku={sku}"), ("lot", sku, f"/stock?sku={sku}&lot={lot}")
    assert found(f"(01)0{gtin}(10){lot}") == [of_lot, product]
    assert found(f"https://id.gs1.org/01/0{gtin}/10/L-OTHER") == [product]
    assert found(gtin) == found(sku.lower()) == [product]
    assert found(lot) == [of_lot]
    assert found(f"B-{sku}") == [("bin", f"B-{sku}", f"/stock?site=store-1&zone=chiller&bin=B-{sku}")]
    assert found(f"(00){unit}") == [("handling_unit", sku, f"/goods?unit={unit}")]
    assert found("(01)06414123456784") == []
    said = served.get("/api/v1/stock/found", params={"code": "no-such-thing"}).json()
    assert (said["found"], said["problem"]) == ([], "nothing here has the code no-such-thing")


def test_labels_are_printed_and_each_code_on_them_is_found(
    world: World, served: httpx.Client, kept_database: str, tmp_path: Path
) -> None:
    gtin, sscc, lots = "04006381333931", "106141411928374657", ("L-77", "8", "0112345678901231", "4" * 18, "x" * 64)
    assert served.post("/api/v1/products", json={"sku": "LBL", "label": "Milk", "gtin": gtin[1:]}).status_code == 201
    assert served.post("/api/v1/products", json={"sku": "lbl/2", "label": "牛乳"}).status_code == 201
    for n, code in enumerate(lots):
        lot = {"id": code, "sku": "LBL" if n < 2 else "lbl/2", "best_before": "2027-05-20T00:00:00Z"}
        assert served.post("/api/v1/lots", json=lot).status_code == 201
    bin_of = {"id": "LB-1", "zone": "chiller"}
    assert served.post("/api/v1/sites/store-1/bins", json=bin_of).status_code == 201
    packed = {"handling_unit": sscc, "from": CHILLER}
    moves = [
        received("LBL", 1, 3, lot="L-77"),
        {"id": "LBL-2", "kind": "pack", "sku": "LBL", "lot": "L-77", "quantity": 3, **packed},
    ]
    told(served, *moves)
    begin = {"id": "lbl-1", "kind": "commission", "unit": sscc, "contents": [{"lot": "L-77", "quantity": 3}]}
    answer = served.post("/api/v1/goods-movements", json={"movements": [{**begin, "at": at(1), "place": CHILLER}]})
    assert answer.status_code in (200, 201), answer.text

    def scanned_of(of: str, ids: list[str], **more: object) -> dict[str, list[dict[str, str]]]:
        answer = served.get("/api/v1/stock/labels", params={"of": of, "id": ids, **more})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf"), answer.text
        read = {code.kind + code.text if code.kind == "]C1" else code.text for code in codes_on(answer.content)}
        return {text: served.get("/api/v1/stock/found", params={"code": text}).json()["found"] for text in read}

    for of, kind, name, ids in (
        ("products", "product", "sku", ["LBL", "lbl/2"]), ("lots", "lot", "lot", list(lots)),
        ("sites", "site", "site", ["store-1"]), ("zones", "zone", "zone", ["store-1/chiller"]),
        ("bins", "bin", "bin", ["store-1/LB-1"]), ("handling_units", "handling_unit", "handling_unit", [sscc]),
    ):  # fmt: skip
        found = scanned_of(of, ids)
        wanted = {id_.rpartition("/")[2] if of in ("zones", "bins") else id_ for id_ in ids}
        names = [{each[name] for each in things if each["kind"] == kind} for things in found.values()]
        assert all(each & wanted for each in names), found
        assert set().union(*names) == wanted
    answer = served.post("/api/v1/sites", headers={"authorization": f"Bearer {served.headers['x-admin']}"}, json={
        "id": "lbl-site", "label": "Depot", "kind": "depot", "lat": 60.1, "lon": 24.9, "radius_m": 50,
        "gln": "0614141123452",
        "zones": [{"id": "dock", "label": "Dock"}],
    })  # fmt: skip
    assert answer.status_code == 201, answer.text
    by_gln = scanned_of("zones", ["lbl-site/dock"], sheet="roll")
    assert by_gln.keys() == {"]C14140614141123452254dock", "https://id.gs1.org/414/0614141123452/254/dock"}
    assert [[each["zone"] for each in things] for things in by_gln.values()] == [["dock"], ["dock"]]
    asked = lambda **params: served.get("/api/v1/stock/labels", params=params)  # noqa: E731
    assert asked(of="lots", id="L-GONE").json()["detail"] == "id: there is no L-GONE"
    assert asked(of="bins", search="nothing like it").status_code == 404
    assert asked(of="products", sheet="a4-8", start=9).json()["detail"] == "start: a sheet has places 1 to 8"
    assert asked(of="products", id="lbl/2").headers["frostway-undrawn"] == "1"
    assert asked(of="products", preview=True).content.startswith(b"\x89PNG")
    out = tmp_path / "labels.pdf"
    said = typed(kept_database, tmp_path, "labels", "handling-units", "--id", sscc, "--sheet", "a6", "--out", str(out))
    assert said[:2] == (0, f"1 labels: {out}\n"), said
    assert "020400638133393115270520373\x1d10L-77" in {code.text for code in codes_on(out.read_bytes())}


def test_a_lot_that_is_new_comes_in_with_its_goods(served: httpx.Client, sku: str) -> None:
    lot = f"N-{sku}"
    first = received(sku, 1, 6, lot=lot)
    assert "there is no" in tell(served, first).text
    told(served, {**first, "new_lot": {}})
    assert served.get(f"/api/v1/lots/{lot}").json()["best_before"] is None
    day = {"best_before": "2027-05-20T00:00:00Z"}
    told(served, received(sku, 2, 6, lot=lot, new_lot=day), received(sku, 3, 1, lot=lot, new_lot=day))
    assert served.get(f"/api/v1/lots/{lot}").json()["best_before"].startswith("2027-05-20")
    other = tell(served, received(sku, 4, 6, lot=lot, new_lot={"best_before": "2027-05-21T00:00:00Z"}))
    assert (other.status_code, "known with best_before 2027-05-20" in other.text) == (409, True), other.text
    assert levels(served, sku) == {f"store-1/chiller|{lot}": 13}
    stranger = tell(served, {**received("MILK", 5, 6, lot=lot, new_lot={}), "id": f"{sku}-5"})
    assert (stranger.status_code, "is of another product" in stranger.text) == (422, True), stranger.text
    for wrong in ({"kind": "return", "new_lot": {}}, {"lot": None, "new_lot": {}}):
        assert tell(served, {**received(sku, 6, 1, lot=lot), **wrong}).status_code == 422
