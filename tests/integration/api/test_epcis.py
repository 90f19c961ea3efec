"""Events of EPCIS: GS1's examples in and out again, queries, what is refused; our own facts in the same words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest

from domain.epcis.check import event_faults
from domain.evidence.epcis import identifier
from operations.epcis.follow import SOURCES
from operations.follower import Follower
from store.db import connect
from tests.integration.api.seed import T0, World, client, serving
from tests.integration.frostway.commands import refused, typed
from tests.logins import of_operations

EPCIS = "/api/v1/epcis"
RFID = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "rfid"
EXAMPLES = sorted((RFID / "epcis").glob("*.jsonld"))
CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
ITEM = "urn:epc:id:sgtin:4012345.011122.25"
GLN = "4012345000054"


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish()
    yield world
    world.close()


@pytest.fixture
def api(world: World, database: str) -> Iterator[httpx.Client]:
    with serving(database) as url, client(url, world.token("storekeeper")) as found:
        found.headers["x-viewer"] = world.token("viewer")
        yield found


def document(*events: Any, **more: Any) -> dict[str, Any]:
    head = {"@context": [CONTEXT], "type": "EPCISDocument", "schemaVersion": "2.0"}
    return {**head, "creationDate": "2026-11-22T12:00:00Z", "epcisBody": {"eventList": list(events)}, **more}


def seen(at: str = "2026-11-22T10:30:00Z", **more: Any) -> dict[str, Any]:
    return {
        "type": "ObjectEvent",
        "eventTime": at,
        "eventTimeZoneOffset": "+01:00",
        "action": "OBSERVE",
        "bizStep": "storing",
        "epcList": [ITEM],
        "readPoint": {"id": f"https://id.gs1.org/414/{GLN}"},
        **more,
    }


def found(api: httpx.Client, **asked: Any) -> list[dict[str, Any]]:
    answer = api.get(f"{EPCIS}/events", params=asked)
    assert answer.status_code == 200, answer.text
    events: list[dict[str, Any]] = answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return events


@pytest.mark.skipif(not EXAMPLES, reason="the examples of GS1 are not beside the checkout")
def test_the_examples_of_gs1_come_in_and_out_again(api: httpx.Client) -> None:
    schema = jsonschema_rs.validator_for(
        json.loads((RFID / "EPCIS-JSON-Schema.json").read_bytes()), validate_formats=True
    )
    told: dict[tuple[str, bool], dict[str, Any]] = {}
    for path in EXAMPLES:
        body = json.loads(path.read_bytes())
        first = api.post(f"{EPCIS}/capture", json=body, headers={"GS1-Capture-Error-Behaviour": "proceed"})
        assert first.status_code == 202, (path.name, first.text)
        # examples share ids of events that say different things: those that come second are told to be so
        assert all("another event has the id" in fault["why"] for fault in first.json()["errors"]), path.name
        again = api.post(f"{EPCIS}/capture", json=body, headers={"GS1-Capture-Error-Behaviour": "proceed"}).json()
        assert (again["taken"], again["known"]) == (0, first.json()["taken"] + first.json()["known"])
        wrong = {fault["path"].removesuffix(".eventID") for fault in first.json()["errors"]}
        inner = body.get("epcisBody", {})
        inner = inner.get("queryResults", {}).get("resultsBody", inner)
        for n, event in enumerate(inner.get("eventList", [body])):
            if not any(each.endswith(f"eventList[{n}]") for each in wrong) and "eventID" in event:
                told.setdefault((event["eventID"], "errorDeclaration" in event), event)
    answer = api.get(f"{EPCIS}/events", params={"perPage": 1000}).json()
    schema.validate(answer)
    back = {
        (event["eventID"], "errorDeclaration" in event): event
        for event in answer["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    }
    assert len(told) > 30
    for key, event in told.items():
        names = ("@context", "recordTime", "frostway:effect")
        assert {k: v for k, v in back[key].items() if k not in names} == {
            k: v for k, v in event.items() if k not in names
        }


def test_events_are_found_by_what_the_standard_asks(api: httpx.Client) -> None:
    packed = {
        "type": "AggregationEvent",
        "eventTime": "2026-11-22T11:00:00Z",
        "eventTimeZoneOffset": "+00:00",
        "action": "ADD",
        "bizStep": "https://ref.gs1.org/cbv/BizStep-packing",
        "parentID": "urn:epc:id:sscc:0614141.1234567890",
        "childEPCs": [ITEM],
        "childQuantityList": [{"epcClass": "urn:epc:class:lgtin:4012345.011122.L-1", "quantity": 4}],
        "bizTransactionList": [{"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:4012345000054:7"}],
        "example:note": "kept",
    }
    told = document(seen(), packed)
    told["@context"] = [CONTEXT, {"example": "https://ns.example.com/"}]
    made = api.post(f"{EPCIS}/capture", json=told, headers={"content-type": "application/ld+json"})
    assert (made.status_code, made.json()["taken"], made.json()["success"]) == (202, 2, True)
    assert api.get(made.headers["location"]).json() == made.json()
    assert [each["captureID"] for each in api.get(f"{EPCIS}/capture").json()["items"]] == [made.json()["captureID"]]

    newest, oldest = found(api)
    assert (newest["bizStep"], newest["example:note"]) == (packed["bizStep"], "kept")
    assert newest["@context"] == told["@context"]
    assert newest["eventID"].startswith("ni:///sha-256;")
    assert newest["recordTime"] >= "2026-11-22"
    both, first, second = [newest, oldest], [oldest], [newest]
    for asked, expected in (
        ({"MATCH_epc": "https://id.gs1.org/01/04012345111224/21/25"}, both),
        ({"MATCH_epc": "urn:epc:idpat:sgtin:4012345.011122.*"}, both),
        ({"MATCH_epc": "urn:epc:id:sgtin:4012345.011122.26"}, []),
        ({"MATCH_anyEPC": "https://id.gs1.org/00/106141412345678908"}, second),
        ({"MATCH_parentID": "urn:epc:id:sscc:0614141.1234567890"}, second),
        ({"MATCH_epcClass": "https://shop.example/01/04012345111224/10/L-1"}, second),
        ({"EQ_bizStep": "packing"}, second),
        ({"EQ_bizStep": "packing,storing"}, both),
        ({"EQ_readPoint": f"urn:epc:id:sgln:{GLN[:7]}.{GLN[7:12]}.0"}, first),
        ({"EQ_bizTransaction": "urn:epcglobal:cbv:bt:4012345000054:7"}, second),
        ({"eventType": "ObjectEvent", "EQ_action": "OBSERVE"}, first),
        ({"GE_eventTime": "2026-11-22T11:00:00Z"}, second),
        ({"LT_eventTime": "2026-11-22T12:00:00+01:00"}, first),
        ({"EQ_eventID": oldest["eventID"]}, first),
        ({"EXISTS_errorDeclaration": "true"}, []),
        ({"own": "true"}, []),
        ({"orderDirection": "ASC"}, [oldest, newest]),
        ({"orderBy": "recordTime", "GE_recordTime": "2026-01-01T00:00:00Z"}, both),
    ):
        assert found(api, **asked) == expected, asked
    page = api.get(f"{EPCIS}/events", params={"perPage": 1, "orderDirection": "ASC"})
    following = api.get(page.headers["link"].partition(">")[0].lstrip("<"))
    events = [p.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"] for p in (page, following)]
    assert events == [first, second]
    assert "link" not in following.headers


def test_a_correction_stands_beside_what_it_corrects(api: httpx.Client) -> None:
    event = seen(eventID="urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
    wrong = {**event, "errorDeclaration": {"declarationTime": "2026-11-23T00:00:00Z", "reason": "incorrect_data"}}
    for each in (event, wrong, wrong):
        assert api.post(f"{EPCIS}/capture", json=document(each)).status_code == 202
    assert [("errorDeclaration" in each) for each in found(api, EQ_eventID=event["eventID"])] == [True, False]
    assert found(api, EQ_errorReason="incorrect_data")[0]["errorDeclaration"]["reason"] == "incorrect_data"
    assert len(found(api, EXISTS_errorDeclaration="false")) == 1


def test_what_is_wrong_is_named_with_its_place_and_nothing_half_is_taken(api: httpx.Client) -> None:
    bad = document(seen(), seen(action="observe"))
    refused = api.post(f"{EPCIS}/capture", json=bad)
    place = "epcisBody.eventList[1].action"
    assert refused.status_code == 422
    assert refused.json()["detail"] == f"{place}: 'observe' is not one of ADD, DELETE, OBSERVE"
    assert refused.json()["faults"][0]["path"] == place
    assert found(api) == []
    some = api.post(f"{EPCIS}/capture", json=bad, headers={"GS1-Capture-Error-Behaviour": "proceed"})
    assert (some.status_code, some.json()["events"], some.json()["taken"], some.json()["success"]) == (202, 2, 1, False)
    event_id = {"eventID": "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"}
    assert api.post(f"{EPCIS}/capture", json=document(seen(**event_id))).status_code == 202
    taken = api.post(f"{EPCIS}/capture", json=document(seen(**event_id, action="ADD"), seen("2026-11-23T00:00:00Z")))
    assert (taken.status_code, len(found(api))) == (409, 2)
    for content, status, words in (
        (b"{", 422, "no JSON"),
        (b"[]", 422, "a list where an EPCIS document or event is wanted"),
        (b"[" * 5000, 422, "no JSON"),
        (b'{"type":"EPCISDocument","epcisBody":5}', 422, 'epcisBody","why":"a number where an object is wanted'),
        (json.dumps(document(*[seen(n) for n in map(str, range(1001))])).encode(), 413, "at most 1000"),
    ):
        answer = api.post(f"{EPCIS}/capture", content=content, headers={"content-type": "application/json"})
        assert (answer.status_code, words in answer.text) == (status, True), answer.text[:300]
    xml = api.post(f"{EPCIS}/capture", content=b"<x/>", headers={"content-type": "application/xml"})
    assert (xml.status_code, "JSON" in xml.text) == (422, True)
    for asked, words in (
        ({"EQ_bizstep": "x"}, "did you mean EQ_bizStep?"),
        ({"GE_eventTime": "yesterday"}, "GE_eventTime: "),
        ({"eventType": "Object"}, "is not one of"),
        ({"perPage": "0"}, "perPage: a number from 1 to 1000"),
        ({"orderBy": "x"}, "orderBy: "),
        ({"nextPageToken": "x"}, "cursor: "),
    ):
        answer = api.get(f"{EPCIS}/events", params=asked)
        assert (answer.status_code, words in answer.json()["detail"]) == (422, True), answer.text
    viewer = {"authorization": f"Bearer {api.headers['x-viewer']}"}
    assert api.post(f"{EPCIS}/capture", json=document(seen()), headers=viewer).status_code == 403
    assert api.get(f"{EPCIS}/events", headers=viewer).status_code == 200


def follow(dsn: str) -> None:
    """Lets our own facts be told, as the operations do."""
    with connect(of_operations(dsn), "test") as connection:
        for source in SOURCES:
            follower = Follower(source)
            follower.begin(connection)
            while follower.step(connection):
                pass


MOVE = """
insert into ledger_move (tenant_id, client_id, kind, entry, corrects, moved_at, product_id, from_place, to_place,
                         quantity, entered_quantity, entered_unit, actor, source)
select %(tenant)s, %(name)s, 'receive', %(entry)s, %(corrects)s, %(at)s, p.id, %(from)s, %(to)s,
       %(n)s, %(n)s, 'piece', 'ann', 'person'
from product p where p.tenant_id = %(tenant)s and p.sku = 'MILK' returning id
"""


def test_our_own_facts_are_events_and_what_is_taken_back_is_declared_wrong(
    world: World, api: httpx.Client, database: str
) -> None:
    tenant = world.tenant_id
    world.run("update site set gln = %s where tenant_id = %s and name = 'store-1'", GLN, tenant)
    place = "insert into ledger_place (tenant_id, kind, site_id, zone_id) values (%s, %s, %s, %s) returning id"
    chiller = (
        "select z.site_id, z.id from zone z join site s on s.id = z.site_id "
        "where s.name = 'store-1' and z.name = 'chiller' and s.tenant_id = %s"
    )
    supplier = world.one(place, tenant, "supplier", None, None)
    with connect(database, "test") as connection:
        site, zone = connection.execute(chiller, (tenant,)).fetchone() or (0, 0)
    shelf = world.one(place, tenant, "site", site, zone)

    def move(name: str, n: int, entry: str = "move", corrects: int | None = None, *, back: bool = False) -> int:
        ends = {"from": shelf, "to": supplier} if back else {"from": supplier, "to": shelf}
        values = {
            "tenant": tenant,
            "name": name,
            "kind": "receive",
            "entry": entry,
            "corrects": corrects,
            "at": T0,
            "n": n,
        }
        with connect(database, "test") as connection:
            return int((connection.execute(MOVE, {**values, **ends}).fetchone() or [0])[0])

    first = move("a", 12)
    move("same", 12)
    follow(database)
    told = found(api, own="true")
    assert len(told) == 2, "equal moves are two events"
    assert told[0]["bizStep"] == "receiving"
    assert told[0]["bizLocation"] == {"id": f"https://id.gs1.org/414/{GLN}/254/chiller"}
    assert told[0]["quantityList"][0]["quantity"] == 12
    move("b", 12, "reversal", first, back=True)
    move("c", 10, "replacement", first)
    follow(database)
    follow(database)
    (wrong,) = found(api, EXISTS_errorDeclaration="true")
    right = [each for each in found(api, own="true") if "errorDeclaration" not in each]
    assert len(right) == 3
    (instead,) = [each for each in right if each["quantityList"][0]["quantity"] == 10]
    assert wrong["errorDeclaration"]["reason"] == "incorrect_data"
    assert wrong["errorDeclaration"]["correctiveEventIDs"] == [instead["eventID"]]
    assert wrong["eventID"] in {each["eventID"] for each in right}


def test_goods_and_calls_are_events_too(world: World, api: httpx.Client, database: str) -> None:
    movement = {"id": "1", "kind": "commission", "unit": "106141411928374657", "place": {"site": "store-1"}}
    assert api.post("/api/v1/goods-movements", json={"movements": [movement]}).status_code == 201
    follow(database)
    (begun,) = found(api, MATCH_epc="urn:epc:id:sscc:0614141.1192837465")
    assert (begun["bizStep"], begun["action"]) == ("commissioning", "ADD")
    api.post("/api/v1/goods-movements/1/void", json={"reason": "another pallet"})
    follow(database)
    (gone,) = found(api, EXISTS_errorDeclaration="true")
    assert (gone["eventID"], gone["errorDeclaration"]["reason"]) == (begun["eventID"], "did_not_occur")

    call = (
        "insert into stop_call (id, revision, tenant_id, shipment_id, stop_id, vehicle_id, arrived_at, departed_at,"
        " decided_at, rule_version) select 77, %s, s.tenant_id, s.shipment_id, s.id, h.vehicle_id, %s, %s, now(), 1"
        " from stop s join shipment h on h.id = s.shipment_id where s.tenant_id = %s and h.vehicle_id is not null"
        " order by s.id limit 1"
    )
    world.run(call, 1, T0, T0 + timedelta(hours=1), world.tenant_id)
    follow(database)
    world.run("update stop_call set superseded_at = now() where id = 77")
    world.run(call, 2, T0, T0 + timedelta(hours=2), world.tenant_id)
    follow(database)
    calls = found(api, EQ_bizStep="arriving,departing", orderBy="recordTime", orderDirection="ASC")
    assert [(e["bizStep"], "errorDeclaration" in e) for e in calls] == [
        ("arriving", False),
        ("departing", False),
        ("departing", False),
        ("departing", True),
    ]
    assert calls[3]["errorDeclaration"]["correctiveEventIDs"] == [calls[2]["eventID"]]


EXCURSION = """
insert into excursion (id, revision, tenant_id, probe_id, device_id, kind, limit_c, started_at, ended_at, alarm_at,
                       extreme_c, samples, decided_at, rule_version, band, severity, suppressed, retracted)
select 91, %(n)s, d.tenant_id, 0, d.id, 'above', 5, %(begin)s, %(end)s, %(alarm)s, %(extreme)s, 3, now(), 1, 'too warm',
       %(severity)s, %(suppressed)s, %(retracted)s
from device d where d.tenant_id = %(tenant)s and d.vehicle_id is not null order by d.id limit 1
"""


def test_excursions_are_sensor_events_and_what_late_readings_change_is_declared_wrong(
    world: World, api: httpx.Client, database: str
) -> None:
    hour = timedelta(hours=1)

    def excursion(n: int, **told: object) -> None:
        world.run("update excursion set superseded_at = now() where id = 91 and superseded_at is null")
        values = {"end": None, "alarm": T0 + hour, "extreme": None, "severity": "critical", "suppressed": None}
        values |= {"n": n, "begin": T0, "tenant": world.tenant_id, "retracted": False, **told}
        with connect(database, "test") as connection:
            connection.execute(EXCURSION, values)
        follow(database)

    def events() -> list[tuple[str, bool, object]]:
        told = found(api, EQ_bizStep="sensor_reporting", orderBy="recordTime", orderDirection="ASC")
        reports = [each["sensorElementList"][0]["sensorReport"][0] for each in told]
        assert all(report["exception"] == "ALARM_CONDITION" for report in reports)
        return [
            (each["eventTime"][11:16], "errorDeclaration" in each, report.get("maxValue"))
            for each, report in zip(told, reports, strict=True)
        ]

    on = "(select d.vehicle_id from device d where d.tenant_id = %s and d.vehicle_id is not null order by d.id limit 1)"
    made = f"insert into shipment (tenant_id, name, vehicle_id, started_at) values (%s, 'S-COLD', {on}, %s)"
    world.run(made, world.tenant_id, world.tenant_id, T0 - hour)
    excursion(1, alarm=None)
    excursion(2, suppressed="door")
    excursion(3, severity="info")
    assert events() == []
    excursion(4)
    assert events() == [("11:00", False, None)]
    (alarm,) = found(api, EQ_bizStep="sensor_reporting")
    assert event_faults(alarm) == []
    assert alarm["readPoint"]["id"].startswith("urn:uuid:")
    metadata = alarm["sensorElementList"][0]["sensorMetadata"]
    assert (metadata["startTime"], metadata["endTime"]) == ("2026-11-22T10:00:00.000Z", alarm["eventTime"])
    excursion(5, end=T0 + 2 * hour, extreme=9.5)
    excursion(6, end=T0 + 2 * hour, extreme=11.25)
    told = [("11:00", False, None), ("12:00", False, 9.5), ("12:00", False, 11.25), ("12:00", True, 9.5)]
    assert events() == told
    follow(database)
    excursion(7, end=T0 + 2 * hour, extreme=11.25, retracted=True)
    assert events()[:4] == told
    assert sorted(events()[4:], key=str) == [("11:00", True, None), ("12:00", True, 11.25)]
    wrong = found(api, EQ_bizStep="sensor_reporting", EXISTS_errorDeclaration="true")
    assert sorted(each["errorDeclaration"]["reason"] for each in wrong) == ["did_not_occur"] * 2 + ["incorrect_data"]
    assert all(identifier("main", "shipment", "S-COLD") in event["epcList"] for event in wrong)


def test_events_of_others_move_our_stock_and_say_what_they_did(world: World, api: httpx.Client) -> None:
    tenant = world.tenant_id
    world.run("update site set gln = %s where tenant_id = %s and name = 'store-1'", GLN, tenant)
    world.run("update product set gtin = '4012345111224' where tenant_id = %s and sku = 'MILK'", tenant)
    chiller = {"id": f"urn:epc:id:sgln:{GLN[:7]}.{GLN[7:12]}.chiller"}
    came = seen(bizStep="receiving", epcList=[ITEM, ITEM[:-1] + "6"], bizLocation=chiller)
    more = seen(
        bizStep="receiving", epcList=[], bizLocation=chiller,
        quantityList=[{"epcClass": "urn:epc:idpat:sgtin:4012345.011122.*", "quantity": 10}],
    )  # fmt: skip
    left = seen("2026-11-22T12:30:00Z", bizStep="shipping", readPoint=chiller)
    strange = seen(bizStep="receiving", epcList=["urn:epc:id:sgtin:4012345.099999.1"], bizLocation=chiller)
    elsewhere = seen(bizStep="receiving", bizLocation={"id": "https://id.gs1.org/414/0614141073467"})
    unknown = seen(
        bizStep="receiving", epcList=[], bizLocation=chiller,
        quantityList=[{"epcClass": "urn:epc:class:lgtin:4012345.011122.L-9", "quantity": 1}],
    )  # fmt: skip
    told = document(came, more, left, strange, elsewhere, unknown, seen())
    assert api.post(f"{EPCIS}/capture", json=told).json()["taken"] == 7
    assert api.post(f"{EPCIS}/capture", json=told).json()["known"] == 7
    effects = [e["frostway:effect"] for e in found(api, orderBy="recordTime", orderDirection="ASC")]
    assert effects == [
        "receive: 1 of 1",
        "receive: 1 of 1",
        "deliver: 1 of 1",
        "there is no product with GTIN 04012345999990",
        "https://id.gs1.org/414/0614141073467 is no place of ours",
        "lot: there is no L-9; add it first",
        "storing changes no level",
    ]

    def there() -> float:
        return sum(float(each["quantity"]) for each in api.get("/api/v1/stock/ledger?site=store-1").json()["items"])

    assert there() == 11
    (event,) = found(api, EQ_bizStep="shipping")
    wrong = {**left, "eventID": event["eventID"], "errorDeclaration": {"declarationTime": "2026-11-23T00:00:00Z"}}
    assert api.post(f"{EPCIS}/capture", json=document(wrong)).status_code == 202
    assert found(api, EXISTS_errorDeclaration="true")[0]["frostway:effect"] == "1 moves were taken back"
    assert there() == 12


def test_what_is_taken_back_too_late_is_told_and_asks_for_a_count(world: World, api: httpx.Client) -> None:
    tenant = world.tenant_id
    world.run("update site set gln = %s where tenant_id = %s and name = 'store-1'", GLN, tenant)
    world.run("update product set gtin = '4012345111224' where tenant_id = %s and sku = 'MILK'", tenant)
    came = seen(bizStep="receiving", bizLocation={"id": f"urn:epc:id:sgln:{GLN[:7]}.{GLN[7:12]}.chiller"})
    assert api.post(f"{EPCIS}/capture", json=document(came)).json()["taken"] == 1
    sold = {"id": "s", "kind": "deliver", "sku": "MILK", "quantity": 1, "from": {"site": "store-1", "zone": "chiller"}}
    assert api.post("/api/v1/stock/moves", json={"moves": [sold]}).status_code == 201
    wrong = {**came, "errorDeclaration": {"declarationTime": "2026-11-23T00:00:00Z"}}
    assert api.post(f"{EPCIS}/capture", json=document(wrong)).status_code == 202
    assert found(api, EXISTS_errorDeclaration="true")[0]["frostway:effect"] == "1 moves were taken back"
    (level,) = api.get("/api/v1/stock/ledger", params={"site": "store-1"}).json()["items"]
    (task,) = api.get("/api/v1/stock/count-tasks").json()["items"]
    assert (level["quantity"], task["cause"], task["ledger_quantity"]) == (-1, "negative", -1)


def test_what_several_tell_at_once_is_done_to_the_stock_once(world: World, api: httpx.Client) -> None:
    """Documents that overlap in part: each event is taken by one of them, and the ledger is what its moves come to."""
    tenant = world.tenant_id
    world.run("update site set gln = %s where tenant_id = %s and name = 'store-1'", GLN, tenant)
    world.run("update product set gtin = '4012345111224' where tenant_id = %s and sku = 'MILK'", tenant)
    place = {"id": f"urn:epc:id:sgln:{GLN[:7]}.{GLN[7:12]}.chiller"}
    came = [
        seen(bizStep="receiving", epcList=[f"urn:epc:id:sgtin:4012345.011122.{n}"], bizLocation=place)
        for n in range(60)
    ]
    documents = [document(*came[start : start + 40]) for start in (0, 10, 20, 5)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda told: api.post(f"{EPCIS}/capture", json=told, timeout=60), documents))
    assert [answer.status_code for answer in answers] == [202] * 4
    assert sum(answer.json()["taken"] for answer in answers) == 60
    assert {event["frostway:effect"] for event in found(api, perPage=100)} == {"receive: 1 of 1"}
    items = api.get("/api/v1/stock/ledger", params={"site": "store-1"}).json()["items"]
    moves = api.get("/api/v1/stock/moves", params={"sku": "MILK"}).json()["items"]
    assert (sum(item["quantity"] for item in items), len(moves)) == (60, 60)


def test_commands_check_and_take_in(world: World, api: httpx.Client, database: str, tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.jsonld", tmp_path / "wrong.jsonld"
    right.write_text(json.dumps(document(seen())))
    wrong.write_text(json.dumps(document(seen(action="observe"))))
    status, out, _ = typed(database, tmp_path, "epcis", "check", "right.jsonld")
    line = json.loads(out)
    assert (status, line["path"], line["event_hash"][:13]) == (0, "epcisBody.eventList[0]", "ni:///sha-256")
    status, out, _ = typed(database, tmp_path, "epcis", "check", "wrong.jsonld")
    assert (status, json.loads(out)["path"]) == (1, "epcisBody.eventList[0].action")
    words = ("epcis", "capture", "right.jsonld", "--tenant", world.tenant)
    assert typed(database, tmp_path, *words)[1].strip() == "right.jsonld: 1 events taken in, 0 known before"
    assert typed(database, tmp_path, *words)[1].strip() == "right.jsonld: 0 events taken in, 1 known before"
    assert refused(database, tmp_path, "epcis", "capture", "wrong.jsonld").startswith("wrong.jsonld: epcisBody.event")
    assert [each["eventID"] for each in found(api)] == [line["event_hash"]]
