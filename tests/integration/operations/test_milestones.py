"""Customers are told of milestones by a real mail server and a gateway, until it is over or they want no more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from operations.milestones import work
from operations.milestones.work import tell_milestones
from operations.retention import drop_surplus
from store.link import Link
from tests.integration.api.seed import World, minutes
from tests.integration.operations.told import Mailbox, deliveries
from tests.logins import of_operations
from tests.push_service import Browser
from tests.receiver import Receiver


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish()
    now = datetime.now(UTC)
    world.partitions(now - minutes(60 * 24 * 30), now + minutes(3000))
    yield world
    world.close()


@pytest.fixture
def mail(admin: httpx.Client, mailbox: Mailbox) -> Mailbox:
    body = {"id": "post", "url": mailbox.url("{to}"), "for_customers": True}
    assert admin.post("/api/v1/channels", json=body).status_code == 201
    return mailbox


def share(admin: httpx.Client, to: str = "anna@example.org", channel: str = "post", **more: Any) -> dict[str, Any]:
    milestones = more.pop("milestones", None)
    tell = {"channel": channel, "to": to, **({"milestones": milestones} if milestones else {})}
    answer = admin.post("/api/v1/shipments/S-1/share", json={"tell": tell, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def look(dsn: str, later: timedelta = timedelta(0)) -> int:
    """As the job does; then what is due is sent."""
    with closing(Link(of_operations(dsn), "test")) as link:
        told = tell_milestones(link, datetime.now(UTC) + later)
    with deliveries(dsn) as tell:
        tell()
    return told


def set_off(world: World, eta_minutes: float = 120) -> None:
    now = datetime.now(UTC)
    world.run("update shipment set status = 'in_transit', started_at = %s", now - minutes(60))
    world.eta("S-1-2", now + minutes(eta_minutes), at=now)


def arrive(world: World, ago_minutes: float = 1) -> None:
    at = datetime.now(UTC) - minutes(ago_minutes)
    world.run("update stop set arrived_at = %s where name = 'S-1-2'", at)
    world.run("update shipment set status = 'delivered', delivered_at = %s", at)


def subjects(mailbox: Mailbox) -> list[str]:
    return [str(message["subject"]) for _, message in mailbox.heard]


def test_a_customer_is_told_each_milestone_once_in_their_language(
    world: World, admin: httpx.Client, mail: Mailbox, database: str
) -> None:
    made = share(admin, language="fi", tz="Europe/Helsinki")
    set_off(world)
    assert (look(database), look(database)) == (1, 0)
    arrive(world)
    assert (look(database), look(database)) == (1, 0)
    assert subjects(mail) == ["Toimitus PO 1: matkalla", "Toimitus PO 1: perillä"]
    (to, message), text = mail.heard[0], mail.text(0)
    assert to == ["anna@example.org"]
    assert f"/t/{made['token']}" in text
    assert "Europe/Helsinki" in text
    assert message["List-Unsubscribe"].endswith(f"/t/{made['token']}/stop>")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    (shown,) = admin.get("/api/v1/shipments/S-1/shares").json()["items"]
    assert (shown["tell"]["to"], shown["tell"]["messages"]) == ("a…@example.org", 2)
    assert shown["tell"]["told_at"]


def test_late_data_are_told_as_a_correction(world: World, admin: httpx.Client, mail: Mailbox, database: str) -> None:
    share(admin, milestones=["delivered"])
    set_off(world)
    arrive(world)
    look(database)
    world.run("update stop set arrived_at = null where name = 'S-1-2'")
    world.run("update shipment set status = 'in_transit', delivered_at = null")
    look(database)
    arrive(world, 90)
    look(database)
    assert subjects(mail) == [
        "Delivery PO 1: arrived", "Correction: Delivery PO 1: not there yet", "Correction: Delivery PO 1: arrived"
    ]  # fmt: skip


def test_how_cold_it_was_kept_is_told_and_corrected(
    world: World, admin: httpx.Client, mail: Mailbox, database: str
) -> None:
    share(admin, milestones=["temperature"])
    now = datetime.now(UTC)
    set_off(world)
    world.run("update shipment set started_at = %s", now - minutes(20))
    for minute in range(0, 20, 2):
        world.temperature("reefer-01", "air", now - minutes(20 - minute), 5.0)
    assert look(database) == 0
    arrive(world)
    look(database)
    assert "It was kept at the agreed temperature all the way." in mail.text()
    world.excursion("reefer-01", "air", now - minutes(15), now - minutes(4), 9.0)
    look(database)
    assert subjects(mail)[-1] == "Correction: Delivery PO 1: temperature"
    assert "outside the agreed temperature" in mail.text()


@pytest.mark.parametrize("end", ["revoked", "expired", "muted", "late", "paused"])
def test_nothing_is_told_once_it_is_over_also_of_what_waits(
    world: World, admin: httpx.Client, mail: Mailbox, database: str, end: str
) -> None:
    made = share(admin)
    set_off(world)
    with closing(Link(of_operations(database), "test")) as link:
        assert tell_milestones(link, datetime.now(UTC)) == 1  # it waits
        if end == "revoked":
            assert admin.delete(f"/api/v1/shipments/S-1/shares/{made['id']}").status_code == 204
        elif end == "expired":
            world.run("update share set expires_at = now()")
        elif end == "muted":
            assert httpx.post(f"{admin.base_url}/t/{made['token']}/stop").status_code == 200
        elif end == "late":
            world.run("update outgoing set data = jsonb_set(data, '{until}', '\"2026-01-01T00:00:00Z\"')")
        else:
            assert admin.patch("/api/v1/channels/post", json={"disabled": True}).status_code == 200
        with deliveries(database) as tell:
            tell()
        arrive(world)
        more = tell_milestones(link, datetime.now(UTC))
    assert mail.heard == []
    assert more == (1 if end == "late" else 0)
    channel = admin.get("/api/v1/channels/post").json()
    assert (channel["failures"], channel["last_error"]) == (0, None)


def test_a_program_that_reads_the_mail_stops_nothing_and_a_person_may_change_their_mind(
    world: World, admin: httpx.Client, mail: Mailbox, database: str
) -> None:
    made = share(admin, language="de", milestones=["departed", "delivered"])
    page = f"{str(admin.base_url).rstrip('/')}/t/{made['token']}/stop"
    for method in ("GET", "HEAD"):
        assert httpx.request(method, page).status_code == 200
    assert "Keine Nachrichten mehr zu dieser Lieferung?" in httpx.get(page).text
    set_off(world)
    assert look(database) == 1
    one_click = httpx.post(page, data={"List-Unsubscribe": "One-Click"}, headers={"Origin": "https://mail.example"})
    assert one_click.status_code == 200
    arrive(world)
    assert look(database) == 0
    assert admin.get("/api/v1/shipments/S-1/shares").json()["items"][0]["tell"]["muted_at"]
    assert "Wieder Nachrichten bekommen" in one_click.text
    assert httpx.post(f"{page}?again=1").status_code == 200
    assert look(database) == 1
    assert len(mail.heard) == 2
    assert httpx.get(page.replace(made["token"], "x" * 43)).status_code == 404
    assert httpx.post(page.replace(made["token"], "x" * 43)).status_code == 404
    told = [row[0] for row in world.connection.execute("select action from audit where actor = 'customer' order by id")]
    assert told == ["share.mute", "share.unmute"]


def test_a_number_is_put_into_the_address_of_a_gateway(
    world: World, admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    url = f"json://u:p@127.0.0.1:{receiver.server.server_port}/send/{{to}}?:to={{to}}"
    assert admin.post("/api/v1/channels", json={"id": "sms", "url": url, "for_customers": True}).status_code == 201
    share(admin, "+358 40 123 4567", "sms")
    set_off(world)
    look(database)
    ((_, body),) = receiver.heard
    assert json.loads(body)["title"] == "Delivery PO 1: on its way"
    assert "+358401234567" in body.decode()


def test_the_test_of_a_customers_channel_names_whom_it_goes_to(
    admin: httpx.Client, mail: Mailbox, database: str
) -> None:
    assert admin.post("/api/v1/channels/post/test").status_code == 422
    assert admin.post("/api/v1/channels/post/test", json={"to": "+358401234567"}).status_code == 422
    assert admin.post("/api/v1/channels/post/test", json={"to": "kari@example.org"}).status_code == 202
    with deliveries(database) as tell:
        assert tell() == 1
    assert mail.heard[0][0] == ["kari@example.org"]


def test_neither_address_nor_link_stands_anywhere_in_plain_words(
    world: World, admin: httpx.Client, mail: Mailbox, database: str
) -> None:
    made = share(admin, "canary.anna@example.org")
    set_off(world)
    look(database)
    said = admin.get("/api/v1/shipments/S-1/shares").text + admin.get("/api/v1/channels/post/deliveries").text
    for table in ("share", "share_recipient", "share_told", "outgoing", "outgoing_attempt", "receiver", "audit"):
        said += str(world.connection.execute(f"select * from {table}").fetchall())  # type: ignore[arg-type]
    assert "canary" not in said
    assert made["token"] not in said
    assert "canary.anna@example.org" in mail.heard[0][0]


def test_what_is_wrong_is_said_beside_its_field(admin: httpx.Client, mail: Mailbox) -> None:
    del mail
    for tell, word in (
        ({"channel": "none", "to": "a@example.org"}, "tell.channel"),
        ({"channel": "post", "to": "nobody"}, "tell.to"),
        ({"channel": "post", "to": "a@example.org\r\nBcc: b@example.org"}, "tell.to"),
        ({"channel": "post", "to": "a@example.org", "milestones": ["tea"]}, "milestones"),
    ):
        answer = admin.post("/api/v1/shipments/S-1/share", json={"tell": tell})
        assert (answer.status_code, word in answer.text) == (422, True), answer.text
    assert admin.get("/api/v1/customer-channels").json()["items"] == [{"id": "post", "group": "mail", "language": "en"}]
    assert admin.get("/api/v1/shipments/S-1/shares").json()["items"] == []


def test_of_one_link_there_are_only_so_many_messages(
    world: World, admin: httpx.Client, mail: Mailbox, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "MESSAGES_MAX", 4)
    share(admin, milestones=["departed"])
    for n in range(4 + 6):
        world.run("update shipment set status = %s, started_at = now()", ("in_transit", "planned")[n % 2])
        look(database)
    assert len(mail.heard) == 4
    assert all(re.match("(Correction: )?Delivery PO 1", each) for each in subjects(mail))


def test_whom_a_link_told_is_forgotten_a_month_after_it_is_over(
    world: World, admin: httpx.Client, mail: Mailbox, database: str
) -> None:
    shares = [share(admin)["id"] for _ in range(3)]
    set_off(world)
    assert look(database) == 3
    world.run("update share set expires_at = now() - interval '31 days' where id = %s", int(shares[0]))
    world.run("update share set revoked_at = now() - interval '29 days' where id = %s", int(shares[1]))
    with closing(Link(of_operations(database), "test")) as link:
        drop_surplus(link, lambda _connection: None)
    left = sorted(str(row[0]) for row in world.connection.execute("select share_id from share_recipient"))
    assert left == sorted(shares[1:])
    assert world.one("select count(distinct recipient_id) from share_told") == 2
    assert len(mail.heard) == 3


@pytest.fixture
def api(admin: httpx.Client) -> Iterator[httpx.Client]:
    """Somebody who has no more than a link."""
    with httpx.Client(base_url=admin.base_url) as found:
        yield found


def link(made: dict[str, Any]) -> str:
    return f"/api/v1/public/shipments/{made['token']}/browsers"


def subscribe(client: httpx.Client, made: dict[str, Any], browser: Browser, **more: Any) -> str:
    answer = client.post(link(made), json={"address": browser.address(), **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_customers_browsers_are_told_beside_a_mail_each_in_its_language(
    world: World, admin: httpx.Client, api: httpx.Client, mail: Mailbox, receiver: Receiver, database: str
) -> None:
    made = share(admin, language="fi")
    receiver.answer = lambda _event: (201, {}, b"")
    browser = Browser(receiver)
    offered = api.get(link(made)).json()
    assert offered == {"public_key": admin.get("/api/v1/web-push").json()["public_key"], "told": False}
    known = subscribe(api, made, browser, language="de", tz="Europe/Berlin")
    assert subscribe(api, made, browser, language="de", tz="Europe/Berlin") == known
    assert api.get(link(made), params={"browser": known}).json()["told"]
    set_off(world)
    assert (look(database), look(database)) == (2, 0)
    assert subjects(mail) == ["Toimitus PO 1: matkalla"]
    told = browser.told()
    assert told["title"] == "Lieferung PO 1: unterwegs"
    assert "Europe/Berlin" in told["body"]
    assert told["url"] == f"/t/{made['token']}"
    (shown,) = admin.get("/api/v1/shipments/S-1/shares").json()["items"]
    assert (shown["tell"]["messages"], shown["browsers"]) == (1, 1)
    assert [each["id"] for each in admin.get("/api/v1/customer-channels").json()["items"]] == ["post"]

    other = dict(admin.post("/api/v1/shipments/S-1/share").json())
    assert api.delete(f"{link(other)}/{known}").status_code == 404
    assert not api.get(link(other), params={"browser": known}).json()["told"]
    assert api.delete(f"{link(made)}/{known}").status_code == 204
    assert api.delete(f"{link(made)}/{known}").status_code == 404
    arrive(world)
    assert look(database) == 1
    assert (len(receiver.heard), len(mail.heard)) == (1, 2)


def test_a_browser_that_is_over_is_forgotten_and_no_other_is_kept_waiting(
    world: World, admin: httpx.Client, api: httpx.Client, receiver: Receiver, database: str
) -> None:
    made = dict(admin.post("/api/v1/shipments/S-1/share").json())
    over, well = Browser(receiver, "over"), Browser(receiver, "well")
    receiver.answer = lambda event: (410 if event["path"].endswith("/over") else 201, {}, b"")
    gone = subscribe(api, made, over)
    subscribe(api, made, well)
    set_off(world)
    assert look(database) == 2
    assert well.told()["title"] == "Delivery PO 1: on its way"
    assert not api.get(link(made), params={"browser": gone}).json()["told"]
    (channel,) = admin.get("/api/v1/channels").json()["items"]
    assert (channel["id"], channel["url"], channel["disabled_at"]) == ("customers-browsers", "webpush://…", None)

    tried = admin.post("/api/v1/channels/customers-browsers/test", json={"to": "anna@example.org"})
    assert tried.status_code == 409  # it would fail, and keep all of them waiting
    admin.patch("/api/v1/channels/customers-browsers", json={"disabled": True})
    assert api.get(link(made)).json()["public_key"] is None
    assert api.post(link(made), json={"address": over.address()}).status_code == 409


def test_who_has_a_link_cannot_have_us_write_to_many(
    world: World, admin: httpx.Client, api: httpx.Client, receiver: Receiver
) -> None:
    made = dict(admin.post("/api/v1/shipments/S-1/share").json())
    for n in range(10):
        subscribe(api, made, Browser(receiver, str(n)))
    refused = api.post(link(made), json={"address": Browser(receiver, "more").address()})
    assert (refused.status_code, refused.json()["detail"]) == (409, "this link tells 10 browsers already")
    for wrong in ("mailto://example.org/abcdefghijklm", "webpush://other.example/" + "A" * 40):
        answer = api.post(link(made), json={"address": wrong})
        assert (answer.status_code, answer.json()["detail"].partition(":")[0]) == (422, "address")
    admin.delete(f"/api/v1/shipments/S-1/shares/{made['id']}")
    assert {api.get(link(made)).status_code, api.delete(f"{link(made)}/{'0' * 64}").status_code} == {404}
