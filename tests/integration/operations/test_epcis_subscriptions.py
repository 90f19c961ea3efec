"""Named queries and who is told what they find: as events come or by the clock, once, in order."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from operations.epcis.subscribe import tell_by_clock
from store.link import Link
from tests.integration.api.seed import World
from tests.integration.operations.told import deliveries, follow
from tests.logins import of_operations
from tests.receiver import Receiver

EPCIS = "/api/v1/epcis"
NOW = datetime(2026, 11, 30, 12, 0, 30, tzinfo=UTC)


def event(n: int, step: str = "shipping") -> dict[str, Any]:
    return {
        "type": "ObjectEvent", "eventID": f"urn:test:{step}:{n}", "eventTime": "2026-11-22T10:30:00Z",
        "eventTimeZoneOffset": "+00:00", "action": "OBSERVE", "bizStep": step, "epcList": [f"urn:test:epc:{n}"],
    }  # fmt: skip


def told(api: httpx.Client, *events: dict[str, Any]) -> None:
    document = {
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"], "type": "EPCISDocument",
        "schemaVersion": "2.0", "creationDate": "2026-11-22T12:00:00Z", "epcisBody": {"eventList": list(events)},
    }  # fmt: skip
    answer = api.post(f"{EPCIS}/capture", json=document)
    assert answer.status_code == 202, answer.text


def names(document: dict[str, Any]) -> list[str]:
    found = document["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return [each["eventID"].removeprefix("urn:test:") for each in found]


@pytest.fixture
def named(admin: httpx.Client) -> str:
    query = {"name": "shipped", "query": {"EQ_bizStep": ["shipping"], "own": False}}
    answer = admin.post(f"{EPCIS}/queries", json=query)
    assert (answer.status_code, answer.headers["location"]) == (201, f"{EPCIS}/queries/shipped"), answer.text
    return f"{EPCIS}/queries/shipped"


def subscribe(admin: httpx.Client, named: str, receiver: Receiver, **more: Any) -> dict[str, Any]:
    answer = admin.post(f"{named}/subscriptions", json={"dest": receiver.url, **more})
    assert answer.status_code == 201, answer.text
    assert admin.get(answer.headers["location"]).json() == {k: v for k, v in answer.json().items() if k != "secret"}
    return dict(answer.json())


def test_a_question_has_a_name_is_asked_by_it_and_forgotten(world: World, admin: httpx.Client, named: str) -> None:
    told(admin, event(1), event(2, "receiving"), event(3))
    page = admin.get(f"{named}/events", params={"perPage": "1", "orderBy": "recordTime", "orderDirection": "ASC"})
    assert (names(page.json()), page.json()["epcisBody"]["queryResults"]["queryName"]) == (["shipping:1"], "shipped")
    assert names(admin.get(page.headers["link"].partition(">")[0].lstrip("<")).json()) == ["shipping:3"]
    assert [each["name"] for each in admin.get(f"{EPCIS}/queries").json()["items"]] == ["shipped"]
    for body, status, why in (
        ({"name": "shipped", "query": {}}, 409, "there is a shipped already"),
        ({"name": "x", "query": {"EQ_bizstep": "a"}}, 422, "did you mean EQ_bizStep?"),
        ({"name": "x", "query": {"perPage": "3"}}, 422, "perPage: is of a page"),
        ({"name": "a b", "query": {}}, 422, "name"),
    ):
        answer = admin.post(f"{EPCIS}/queries", json=body)
        assert (answer.status_code, why in answer.text) == (status, True), answer.text
    assert admin.delete(named).status_code == 204
    assert admin.get(named).status_code == admin.get(f"{named}/events").status_code == 404


def test_events_are_told_as_they_come_once_and_signed(
    world: World, admin: httpx.Client, receiver: Receiver, database: str, named: str
) -> None:
    told(admin, event(1))
    follow(database)
    stream = subscribe(admin, named, receiver, stream=True)
    from_first = subscribe(admin, named, receiver, stream=True, initialRecordTime="2020-01-01T00:00:00Z")
    follow(database)
    told(admin, event(2), event(3, "receiving"), *(event(n) for n in range(4, 130)))
    follow(database)
    follow(database)
    with deliveries(database) as tell:
        while tell():
            pass
    heard = [
        (document["epcisBody"]["queryResults"]["subscriptionID"], names(document)) for document in receiver.events()
    ]
    of = lambda name: [each for who, found in heard if who == name for each in found]  # noqa: E731
    later = ["shipping:2", *(f"shipping:{n}" for n in range(4, 130))]
    assert of(stream["subscriptionID"]) == later
    assert of(from_first["subscriptionID"]) == ["shipping:1", *later]
    headers, body = next(
        each for each, (who, _) in zip(receiver.heard, heard, strict=True) if who == stream["subscriptionID"]
    )
    Webhook(stream["secret"]).verify(body, headers)
    assert (headers["content-type"], headers["gs1-epcis-version"]) == ("application/json", "2.0.0")
    assert admin.delete(named).status_code == 409
    assert [s["stream"] for s in admin.get(f"{named}/subscriptions").json()["items"]] == [True, True]
    assert admin.get(stream["webhook"]).json()["types"] == ["epcis"]
    for each in (stream, from_first):
        assert admin.delete(f"{named}/subscriptions/{each['subscriptionID']}").status_code == 204
    assert admin.get(stream["webhook"]).status_code == 404
    assert admin.delete(named).status_code == 204


def test_events_are_told_by_the_clock_and_an_empty_word_where_it_is_wanted(
    world: World, admin: httpx.Client, receiver: Receiver, database: str, named: str
) -> None:
    hourly = subscribe(admin, named, receiver, schedule={"minute": "0"}, reportIfEmpty=True)
    world.run("update epcis_subscription set looked_at = %s", NOW - timedelta(minutes=30))
    with closing(Link(of_operations(database), "test")) as link:
        told(admin, event(1), event(2))
        counts = [tell_by_clock(link, NOW + timedelta(minutes=m)) for m in (-20, 0, 1, 59, 60, 120)]
        assert counts == [0, 1, 0, 0, 1, 1]
        with deliveries(database) as tell:
            while tell():
                pass
        assert [names(document) for document in receiver.events()] == [["shipping:1", "shipping:2"], [], []]
        assert hourly["schedule"] == {"minute": "0"}
        told(admin, *(event(n) for n in range(10, 260)))
        assert tell_by_clock(link, NOW + timedelta(hours=3)) == 1
        with deliveries(database) as tell:
            while tell():
                pass
        assert [len(names(document)) for document in receiver.events()[3:]] == [100, 100, 50]


def test_what_is_no_subscription_is_refused_and_who_may_is_asked(world: World, admin: httpx.Client, named: str) -> None:
    dest = "https://partner.example.org/epcis"
    for body, why in (
        ({"dest": dest}, "stream: true, or a schedule"),
        ({"dest": dest, "stream": True, "schedule": {"minute": "0"}}, "stream: true, or a schedule"),
        ({"dest": dest, "schedule": {"minute": "61"}}, "is not within 0 to 59"),
        ({"dest": dest, "stream": True, "reportIfEmpty": True}, "reportIfEmpty: of a schedule"),
        ({"dest": "ftp://x.example", "stream": True}, "dest"),
    ):
        answer = admin.post(f"{named}/subscriptions", json=body)
        assert (answer.status_code, why in answer.text) == (422, True), answer.text
    keeper = {"authorization": f"Bearer {world.token('storekeeper')}"}
    assert admin.get(f"{named}/subscriptions", headers=keeper).status_code == 403
    assert admin.get(named, headers=keeper).status_code == 200
