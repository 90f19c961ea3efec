"""From an ingredient to who has what was made of it, and back; and the records that FSMA 204 asks for."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from openpyxl import load_workbook

from tests.integration.api.seed import World, client, serving
from tests.integration.api.test_epcis import follow

V1 = "/api/v1"
CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
GTINS = {"FLOUR": "06414123456707", "DOUGH": "06414123456714", "BREAD": "06414123456721"}
PALLET = "106141411928374657"


def amount(sku: str, lot: str, quantity: float) -> dict[str, Any]:
    return {"epcClass": f"https://id.gs1.org/01/{GTINS[sku]}/10/{lot}", "quantity": quantity, "uom": "KGM"}


def captured(api: httpx.Client, *events: dict[str, Any]) -> None:
    told = [{"eventTimeZoneOffset": "+00:00", **event} for event in events]
    body = {
        "@context": [CONTEXT], "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-11-22T12:00:00Z",
        "epcisBody": {"eventList": told},
    }  # fmt: skip
    answer = api.post(f"{V1}/epcis/capture", json=body)
    assert answer.status_code == 202, answer.text


def baked(api: httpx.Client, now: datetime) -> None:
    """Two lots of flour into dough, dough into bread, bread onto a pallet: told by a baker."""

    def at(hours: float) -> str:
        return (now - timedelta(hours=hours)).isoformat(timespec="seconds")

    run = {"type": "TransformationEvent", "bizStep": "commissioning"}
    order = [{"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:6414123000002:PO-7"}]
    flour = [amount("FLOUR", "F-1", 60), amount("FLOUR", "F-2", 40)]
    dough_lot, bread_lot = [amount("DOUGH", "D-1", 98)], [amount("BREAD", "B-1", 90)]
    dough = {**run, "eventTime": at(30), "bizTransactionList": order}
    dough |= {"inputQuantityList": flour, "outputQuantityList": dough_lot}
    bread = {**run, "eventTime": at(20), "inputQuantityList": dough_lot, "outputQuantityList": bread_lot}
    pallet, baker = f"https://id.gs1.org/00/{PALLET}", "https://id.gs1.org/414/6414123000002"
    pack = {"type": "AggregationEvent", "eventTime": at(10), "action": "ADD", "bizStep": "packing"}
    pack |= {"parentID": pallet, "childQuantityList": bread_lot}
    gone = {"type": "ObjectEvent", "eventTime": at(5), "action": "OBSERVE", "bizStep": "shipping"}
    gone |= {"epcList": [pallet], "readPoint": {"id": baker}}
    gone |= {"destinationList": [{"type": "owning_party", "destination": "https://id.gs1.org/417/6414123000019"}]}
    captured(api, dough, bread, pack, gone)


def test_a_lot_is_traced_through_what_was_made_of_it_and_each_record_of_it_is_on_a_sheet(kept_database: str) -> None:
    world = World(kept_database)
    world.furnish()
    now = datetime.now(UTC)
    with serving(kept_database) as url, client(url, world.token("admin")) as api:
        for sku, gtin in GTINS.items():
            answer = api.post(f"{V1}/products", json={"sku": sku, "label": sku.title(), "gtin": gtin})
            assert answer.status_code in (200, 201), answer.text
        for lot, sku in (("F-1", "FLOUR"), ("F-2", "FLOUR"), ("B-1", "BREAD")):
            assert api.post(f"{V1}/lots", json={"id": lot, "sku": sku}).status_code in (200, 201)
        baked(api, now)
        api.post(f"{V1}/customers", json={"id": "ward", "label": "Ward 5"})
        order = {"id": "SO-9", "customer": "ward", "site": "store-1", "reference": "PO 9",
                 "lines": [{"sku": "BREAD", "quantity": 3}]}  # fmt: skip
        assert api.post(f"{V1}/orders", json=order).status_code == 201
        place = {"site": "store-1", "zone": "chiller"}
        moves = [
            {"id": "f1", "kind": "receive", "sku": "FLOUR", "lot": "F-1", "quantity": 60, "to": place,
             "at": (now - timedelta(hours=40)).isoformat()},
            {"id": "b1", "kind": "receive", "sku": "BREAD", "lot": "B-1", "quantity": 9, "to": place},
            {"id": "b2", "kind": "deliver", "sku": "BREAD", "lot": "B-1", "quantity": 3, "from": place,
             "reference": "SO-9"},
        ]  # fmt: skip
        answer = api.post(f"{V1}/stock/moves", json={"moves": moves})
        assert answer.status_code == 201, answer.text
        held = {"id": "u1", "kind": "commission", "at": (now - timedelta(hours=39)).isoformat(), "unit": "BIN-2"}
        held |= {"contents": [{"lot": "F-2", "quantity": 40}], "place": place}
        answer = api.post(f"{V1}/goods-movements", json={"movements": [held]})
        assert answer.status_code == 201, answer.text
        follow(kept_database)

        found = api.get(f"{V1}/lots/F-1/trace").json()
        assert [(t["code"], t["kind"], t["sku"], t["level"]) for t in found["things"]] == [
            ("F-1", "lot", "FLOUR", 0), ("D-1", "lot", "DOUGH", 1), ("B-1", "lot", "BREAD", 2), (PALLET, "unit", "", 2),
        ]  # fmt: skip
        steps = [event["step"] for event in found["events"]]
        assert steps[:5] == ["receiving", "commissioning", "commissioning", "packing", "shipping"]
        assert (found["whole"], found["events_count"]) == (True, len(steps))
        assert found["events"][4]["destination"] == "https://id.gs1.org/417/6414123000019"
        assert found["events"][1]["documents"] == ["urn:epcglobal:cbv:bt:6414123000002:PO-7"]
        up = api.get(f"{V1}/lots/B-1/trace?hops=1").json()
        assert {(t["code"], t["level"]) for t in up["things"]} == {("D-1", -1), ("B-1", 0), (PALLET, 0)}
        ours = api.get(f"{V1}/lots/F-2/trace?hops=1").json()
        assert {(t["code"], t["level"]) for t in ours["things"]} == {("F-2", 0), ("BIN-2", 0), ("D-1", 1)}
        assert ours["events"][0]["place"] == "Store, Chiller", "a place of ours has its name"
        assert api.get(f"{V1}/lots/none/trace").status_code == 404
        fsma(api)
    world.close()


def fsma(api: httpx.Client) -> None:
    answer = api.get(f"{V1}/traceability/fsma")
    assert answer.status_code == 200, answer.text
    assert "fsma-" in answer.headers["content-disposition"]
    book = load_workbook(io.BytesIO(answer.content), read_only=True)
    assert book.sheetnames == ["Summary", "Receiving", "Shipping", "Transformation"]
    sheets = {name: list(book[name].values) for name in book.sheetnames}
    shipped = dict(zip(*sheets["Shipping"], strict=True))
    assert (shipped["Traceability lot code"], shipped["Quantity"], shipped["Immediate subsequent recipient"]) == (
        "B-1", 3, "Ward 5"
    )  # fmt: skip
    assert (shipped["Reference document type"], shipped["Reference document number"]) == ("Sales order", "PO 9")
    made = [dict(zip(sheets["Transformation"][0], row, strict=True)) for row in sheets["Transformation"][1:]]
    assert [(m["Input traceability lot code"], m["Input quantity"], m["New traceability lot code"]) for m in made] == [
        ("F-1", 60, "D-1"), ("F-2", 40, "D-1"), ("D-1", 98, "B-1"),
    ]  # fmt: skip
    lacking = [(row[0], row[2], row[3]) for row in sheets["Summary"][1:] if row[2]]
    assert ("receiving", "Immediate previous source", 2) in lacking, lacking
    one = load_workbook(io.BytesIO(api.get(f"{V1}/traceability/fsma?lot=F-1").content), read_only=True)
    assert [len(list(one[name].values)) for name in one.sheetnames[1:]] == [2, 1, 3]
    assert api.get(f"{V1}/traceability/fsma?since=2020-01-01T00:00:00Z").status_code == 422
