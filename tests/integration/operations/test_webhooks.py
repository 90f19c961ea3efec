"""Webhooks: what happens is told to whoever wants it, in order, until they have it; and nothing to anybody else."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from operations.deliver.address import networks
from operations.deliver.follow import CALLS, CASES
from operations.deliver.send import post
from operations.deliver.service import WAITING_MAX
from store.db import connect, queries
from tests.integration.api.seed import World, client, rows, serving
from tests.integration.operations.told import LOOPBACK, deliveries, follow, report
from tests.logins import of_operations
from tests.receiver import Answer, Receiver


def hook(admin: httpx.Client, receiver: Receiver, *types: str, name: str = "erp") -> str:
    answer = admin.post("/api/v1/webhooks", json={"id": name, "url": receiver.url, "types": list(types) or ["*"]})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["secret"])


def test_an_alert_is_told_in_its_order_signed_and_once(
    world: World, admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    secret = hook(admin, receiver, "alert.*")
    alert = world.open_alert("reefer-01", "air")
    for what in ("raised", "amended"):
        report(world, alert, what)
    assert admin.post(f"/api/v1/alerts/{alert}/acknowledge", json={"note": "on my way"}).status_code == 200
    report(world, alert, "cleared")
    follow(database)
    follow(database)
    with deliveries(database) as tell:
        assert (tell(), tell()) == (4, 0)
    assert receiver.types() == ["alert.opened", "alert.changed", "alert.acknowledged", "alert.cleared"]
    for headers, body in receiver.heard:
        Webhook(secret).verify(body, headers)
        assert headers["content-type"].startswith("application/cloudevents+json")
    acknowledged = receiver.events()[2]
    assert (acknowledged["source"], acknowledged["subject"]) == ("/frostway/main", f"alerts/{alert}")
    assert acknowledged["data"].items() >= {"note": "on my way", "device": "reefer-01", "vehicle": "truck-01"}.items()
    assert [event["data"]["version"] for event in receiver.events()] == [1, 2, 3, 4]


def test_arrivals_departures_and_corrections_are_told(
    world: World, admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    hook(admin, receiver, "shipment.*")
    hook(admin, receiver, "alert.*", name="other")
    put = (
        "insert into stop_call (id, revision, tenant_id, shipment_id, stop_id, vehicle_id, arrived_at, departed_at, "
        "decided_at, rule_version, retracted) "
        "select 1, %s, s.tenant_id, h.id, s.id, h.vehicle_id, %s, %s, now(), 1, %s "
        "from stop s join shipment h on h.id = s.shipment_id where s.name = 'S-1-2'"
    )
    noon = datetime(2026, 11, 29, 12, tzinfo=UTC)
    for revision, (arrived, departed, retracted) in enumerate(
        [(0, None, False), (0, 20, False), (5, 20, False), (5, 20, True), (7, 9, False)], 1
    ):
        world.run("update stop_call set superseded_at = now() where superseded_at is null")
        left = None if departed is None else noon + timedelta(minutes=departed)
        world.run(put, revision, noon + timedelta(minutes=arrived), left, retracted)
    follow(database)
    with deliveries(database) as tell:
        assert tell() == 5
    assert receiver.types() == [
        f"shipment.{what}" for what in ("arrived", "departed", "call_revised", "call_retracted", "called")
    ]
    first = receiver.events()[0]
    assert first["data"].items() >= {
        "shipment": "S-1", "stop": "S-1-2", "site": "store-1", "arrived_at": "2026-11-29T12:00:00.000Z"
    }.items()  # fmt: skip


def test_what_is_done_with_orders_is_told_with_what_is_taken_back(
    world: World, admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    hook(admin, receiver, "order.*", "delivery.*")
    place = {"site": "store-1", "zone": "chiller"}
    moves = [{"id": "in", "kind": "receive", "sku": "MILK", "quantity": 9, "to": place}]
    for path, body in (
        ("stock/moves", {"moves": moves}),
        ("customers", {"id": "ward-5"}),
        ("orders", {"id": "O-1", "customer": "ward-5", "site": "store-1", "reference": "PO 7",
                    "lines": [{"sku": "MILK", "quantity": 6}]}),
    ):  # fmt: skip
        answer = admin.post(f"/api/v1/{path}", json=body)
        assert answer.is_success, answer.text
    assert admin.post("/api/v1/orders/O-1/allocation", json={}).is_success
    pick = {"id": "p-1", "line": 1, "kind": "pick", "quantity": 6, "from": place, "to": {"site": "store-1"}}
    assert admin.post("/api/v1/orders/O-1/steps", json={"steps": [pick]}).is_success
    follow(database)
    world.run("update order_step set withdrawn_at = now(), withdrawn_by = 'ann', withdrawn_why = 'not so', "
              "written_in = pg_current_xact_id() where client_id = 'p-1'")  # fmt: skip
    world.run(
        "insert into proof (tenant_id, shipment_id, stop_name, customer_id, device, boot, seq, asked, revision) "
        "select h.tenant_id, h.id, 'Dock 2', c.id, 'phone', 'b', 1, 'x', 2 from shipment h, customer c limit 1"
    )
    revised = (
        "insert into proof_revision (proof_id, revision, tenant_id, at, recorded_by, outcome, body) "
        "select id, %s, tenant_id, now(), 'driver', %s, '{\"receiver\": \"Bo\"}' from proof"
    )
    world.run(revised, 1, "partly")
    world.run(revised, 2, "delivered")
    follow(database)
    with deliveries(database) as tell:
        tell()
    told = receiver.events()
    assert receiver.types() == [
        "order.accepted", "order.allocated", "order.picked", "order.withdrawn", "delivery.exception", "delivery.amended"
    ]  # fmt: skip
    assert told[0]["data"].items() >= {"order": "O-1", "reference": "PO 7", "customer": "ward-5", "lines": 1}.items()
    assert told[2]["data"].items() >= {"line": 1, "sku": "MILK", "quantity": 6, "kind": "pick"}.items()
    assert told[3]["data"]["withdrawn_why"] == "not so"
    assert (told[4]["data"]["receiver"], told[5]["data"]["revision"]) == ("Bo", 2)


def test_what_happened_before_it_was_made_is_not_told(
    world: World, admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    alert = world.open_alert("reefer-01", "air")
    report(world, alert, "raised")
    hook(admin, receiver)
    report(world, alert, "cleared")
    follow(database)
    world.run("update follower_position set written_in = '0', row_id = 0")  # as after a restore elsewhere
    follow(database)
    with deliveries(database) as tell:
        tell()
    assert receiver.types() == ["alert.cleared"]


def test_a_receiver_that_is_away_gets_all_of_it_later_in_order(
    world: World, admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    hook(admin, receiver)
    alert = world.open_alert("reefer-01", "air")
    for what in ("raised", "amended", "cleared"):
        report(world, alert, what)
    follow(database)
    receiver.answer = lambda _event: (503, {}, b"busy")
    with deliveries(database) as tell:
        assert tell() == 1  # the others wait: whoever is away is not asked three times
        (found,) = admin.get("/api/v1/webhooks").json()["items"]
        assert (found["failures"], found["waiting"], found["last_error"]) == (1, 3, "503 Service Unavailable")
        receiver.answer = lambda _event: (204, {}, b"")
        assert tell() == 0
        assert tell(timedelta(minutes=1)) == 3
    assert receiver.types() == ["alert.opened", "alert.opened", "alert.changed", "alert.cleared"]
    ids = [headers["webhook-id"] for headers, _ in receiver.heard]
    assert ids[0] == ids[1]
    (found,) = admin.get("/api/v1/webhooks").json()["items"]
    assert (found["failures"], found["waiting"], found["last_error"]) == (0, 0, None)


def test_one_that_is_refused_holds_nothing_else_up(
    world: World, admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    hook(admin, receiver)
    alert = world.open_alert("reefer-01", "air")
    for what in ("raised", "amended", "cleared"):
        report(world, alert, what)
    follow(database)
    receiver.answer = lambda event: (422 if event["type"].endswith("changed") else 200, {}, b"")
    with deliveries(database) as tell:
        assert tell() == 3
    log = admin.get("/api/v1/webhooks/erp/deliveries").json()["items"]
    assert [(each["type"], each["state"], each["last_status"]) for each in log] == [
        ("alert.cleared", "done", 200), ("alert.changed", "waiting", 422), ("alert.opened", "done", 200),
    ]  # fmt: skip


def test_gone_switches_it_off_until_somebody_switches_it_on(
    world: World, admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    hook(admin, receiver)
    receiver.answer = lambda _event: (410, {}, b"")
    assert admin.post("/api/v1/webhooks/erp/test").status_code == 202
    with deliveries(database) as tell:
        tell()
        (found,) = admin.get("/api/v1/webhooks").json()["items"]
        assert (found["disabled_at"] is not None, found["disabled_why"]) == (True, "410 Gone")
        assert admin.post("/api/v1/webhooks/erp/test").status_code == 409
        alert = world.open_alert("reefer-01", "air")
        report(world, alert, "raised")
        follow(database)
        assert tell() == 0
        assert admin.patch("/api/v1/webhooks/erp", json={"disabled": False}).json()["disabled_at"] is None
        receiver.answer = lambda _event: (200, {}, b"")
        admin.post("/api/v1/webhooks/erp/test")
        assert tell() == 1


def test_a_test_is_sent_and_its_log_says_what_came_of_it(
    admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    hook(admin, receiver, "alert.opened")
    receiver.answer = lambda _event: (302, {"Location": "http://127.0.0.1:1/"}, b"\x00\x1b[31mmoved" + b"x" * 2000)
    made = admin.post("/api/v1/webhooks/erp/test").json()
    with deliveries(database) as tell:
        assert tell() == 1
    found = admin.get(f"/api/v1/webhooks/erp/deliveries/{made['id']}").json()
    (tried,) = found["log"]
    assert (found["state"], tried["status"], tried["error"]) == ("waiting", 302, "302 Found")
    assert (len(tried["answer"]), tried["answer"][:12]) == (500, "  [31mmoved".ljust(12, "x"))
    assert len(receiver.heard) == 1  # where it points to was not asked
    assert receiver.types() == ["test"]


def test_given_up_it_is_sent_again_by_hand(admin: httpx.Client, receiver: Receiver, database: str) -> None:
    hook(admin, receiver)
    receiver.answer = lambda _event: (400, {}, b"no")
    made = admin.post("/api/v1/webhooks/erp/test").json()
    with deliveries(database) as tell:
        for day in range(12):
            tell(timedelta(days=day))
        found = admin.get(f"/api/v1/webhooks/erp/deliveries/{made['id']}").json()
        assert (found["state"], found["attempts"], len(found["log"])) == ("gave up", 10, 10)
        receiver.answer = lambda _event: (200, {}, b"")
        again = admin.post(f"/api/v1/webhooks/erp/deliveries/{made['id']}/redeliver").json()
        assert again["state"] == "waiting"
        assert tell() == 1
    assert admin.get(f"/api/v1/webhooks/erp/deliveries/{made['id']}").json()["state"] == "done"
    assert len({headers["webhook-id"] for headers, _ in receiver.heard}) == 1


def test_all_that_was_given_up_is_sent_again_in_its_order_and_nothing_else(
    world: World, admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    hook(admin, receiver)
    receiver.answer = lambda event: (400 if event["data"].get("number") != 2 else 200, {}, b"no")
    world.run(
        "insert into outgoing (tenant_id, receiver_id, cause, type, subject, at, data) "
        "select %s, w.id, 'x/' || n, 'test', 's', now(), jsonb_build_object('number', n) "
        "from receiver w, generate_series(1, 3) n",
        world.tenant_id,
    )
    with deliveries(database) as tell:
        for day in range(12):
            tell(timedelta(days=day))
        (found,) = admin.get("/api/v1/webhooks").json()["items"]
        assert (found["given_up"], found["waiting"], found["waiting_since"]) == (2, 0, None)
        receiver.answer = lambda _event: (200, {}, b"")
        receiver.heard.clear()
        answer = admin.post("/api/v1/webhooks/erp/redeliver")
        assert (answer.status_code, answer.json()) == (202, {"asked": 2})
        (found,) = admin.get("/api/v1/webhooks").json()["items"]
        assert (found["given_up"], found["waiting"], found["waiting_since"] is not None) == (0, 2, True)
        assert tell() == 2
    assert [event["data"]["number"] for event in receiver.events()] == [1, 3]
    assert admin.post("/api/v1/webhooks/erp/redeliver").json() == {"asked": 0}
    assert admin.post("/api/v1/webhooks/gone/redeliver").status_code == 404


def test_a_receiver_that_is_left_alone_is_asked_at_once_when_somebody_tests_it_or_sends_again(
    admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    hook(admin, receiver)
    receiver.answer = lambda _event: (503, {}, b"")
    first = admin.post("/api/v1/webhooks/erp/test").json()
    with deliveries(database) as tell:
        assert (tell(), tell()) == (1, 0)  # left alone
        receiver.answer = lambda _event: (200, {}, b"")
        admin.post("/api/v1/webhooks/erp/test")
        assert tell() == 1  # the first has its own time
        receiver.answer = lambda _event: (503, {}, b"")
        admin.post("/api/v1/webhooks/erp/test")
        assert (tell(), tell()) == (1, 0)
        receiver.answer = lambda _event: (200, {}, b"")
        admin.post(f"/api/v1/webhooks/erp/deliveries/{first['id']}/redeliver")
        assert tell() == 1


def test_a_new_secret_signs_beside_the_former_one(
    admin: httpx.Client, receiver: Receiver, database: str, world: World
) -> None:
    former = hook(admin, receiver)
    latest = admin.post("/api/v1/webhooks/erp/rotate").json()["secret"]
    admin.post("/api/v1/webhooks/erp/test")
    with deliveries(database) as tell:
        tell()
        world.run("update receiver set former_until = now()")
        admin.post("/api/v1/webhooks/erp/test")
        tell()
    (both, body), (one, _) = receiver.heard
    for secret in (former, latest):
        Webhook(secret).verify(body, both)
    assert [len(each["webhook-signature"].split()) for each in (both, one)] == [2, 1]
    shown = admin.get("/api/v1/webhooks").text + admin.get("/api/v1/webhooks/erp/deliveries").text
    assert latest not in shown
    assert latest[6:] not in shown


def test_an_answer_that_is_huge_or_slow_or_none_ends(receiver: Receiver) -> None:
    receiver.answer = lambda _event: (200, {}, b"x" * 100_000)
    assert post(receiver.url, {}, b"{}", LOOPBACK).error == "an answer of more than 64 KiB"
    release = threading.Event()

    def slow(_event: dict[str, Any]) -> Answer:
        release.wait(30)
        return 200, {}, b""

    receiver.answer = slow
    assert post(receiver.url, {}, b"{}", LOOPBACK, timeout_s=0.3).error == "no answer within 0.3 s"
    release.set()
    refused = post("http://127.0.0.1:1/", {}, b"{}", LOOPBACK)
    assert (refused.status, "refused" in refused.error) == (None, True)


def test_an_answer_that_drips_ends() -> None:
    """Each octet comes in time, the whole never."""
    import socket  # noqa: PLC0415

    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                try:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                    while not stop.wait(0.05):
                        connection.sendall(b"x")
                except OSError:
                    pass

        thread = threading.Thread(target=drip)
        thread.start()
        attempt = post(f"http://127.0.0.1:{server.getsockname()[1]}/", {}, b"{}", LOOPBACK, timeout_s=0.5)
        stop.set()
        thread.join()
    assert (attempt.status, attempt.error) == (None, "no answer within 0.5 s")


def test_a_certificate_of_somebody_else_is_not_taken(receiver: Receiver, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_tls.load_cert_chain(certificate, key)
    receiver.server.socket = server_tls.wrap_socket(receiver.server.socket, server_side=True)
    named, numbered = (
        receiver.url.replace("http://127.0.0.1", f"https://{host}") for host in ("localhost", "127.0.0.1")
    )
    both = networks("127.0.0.0/8, ::1")
    assert "CERTIFICATE_VERIFY_FAILED" in post(named, {}, b"{}", both).error
    trusted = ssl.create_default_context(cafile=str(certificate))
    assert "CERTIFICATE_VERIFY_FAILED" in post(numbered, {}, b"{}", both, trusted).error  # another name
    assert post(named, {}, b"{}", both, trusted).status == 204


DOOMED = """
import os, signal, sys, threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from operations.deliver.address import networks
from operations.deliver.send import post
from operations.deliver.service import DeliverConfig, Deliveries
allowed = networks("127.0.0.0/8")
def send(url, headers, body):
    post(url, headers, body, allowed)
    os.kill(os.getpid(), signal.SIGKILL)
made = Deliveries(DeliverConfig(sys.argv[1], allowed), threading.Event(), send)
made.turn(ThreadPoolExecutor(1), datetime.now(UTC))
"""


def test_killed_behind_the_answer_it_is_told_again_under_the_same_number(
    admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    hook(admin, receiver)
    admin.post("/api/v1/webhooks/erp/test")
    done = subprocess.run(
        [sys.executable, "-c", DOOMED, of_operations(database)],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    with deliveries(database) as tell:
        assert tell() == 0  # it may still be at work
        assert tell(timedelta(minutes=10)) == 1
    assert len({headers["webhook-id"] for headers, _ in receiver.heard}) == 1
    assert len(receiver.heard) == 2


def test_of_two_programs_each_event_is_told_by_one(
    world: World, admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    hook(admin, receiver)
    alert = world.open_alert("reefer-01", "air")
    for _ in range(60):
        report(world, alert, "amended")
    follow(database)
    with deliveries(database) as one, deliveries(database) as two, ThreadPoolExecutor(2) as both:
        assert sum(both.map(lambda tell: tell(), (one, two))) == 60
    assert len({event["id"] for event in receiver.events()}) == len(receiver.heard) == 60


def test_what_waits_has_a_bound(world: World, admin: httpx.Client, receiver: Receiver, database: str) -> None:
    hook(admin, receiver)
    world.run(
        "insert into outgoing (tenant_id, receiver_id, cause, type, subject, at, data) "
        "select %s, w.id, 'x/' || n, 'test', 's', now(), '{}' from receiver w, generate_series(1, 12) n",
        world.tenant_id,
    )
    with connect(of_operations(database), "test") as connection:
        connection.execute(queries("deliver")["give_up_surplus"], {"now": datetime.now(UTC), "most": 10})
    assert rows(database, "select cause from outgoing where gave_up_at is not null order by id") == [("x/1",), ("x/2",)]
    assert WAITING_MAX == 50_000


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "http://127.0.0.1:5432"}, None),
        ({"url": "gopher://x/"}, "url"),
        ({"url": "https://user:pw@example.org/"}, "url"),
        ({"types": ["alert.exploded"]}, "types"),
        ({"types": []}, "types"),
        ({"id": "No Name"}, "id"),
        ({"secret": "whsec_mine"}, "secret"),
    ],
)
def test_what_is_no_webhook_is_refused_with_the_reason(
    admin: httpx.Client, change: dict[str, Any], field: str | None
) -> None:
    given = {"id": "erp", "url": "https://example.org/hook", "types": ["*"], **change}
    answer = admin.post("/api/v1/webhooks", json=given)
    assert answer.status_code == (422 if field else 201)
    if field:
        assert field in answer.json()["errors"][0]["field"]


def test_webhooks_of_another_tenant_are_not_there_and_hear_nothing(
    world: World, admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    other = World(database, "other", " canary")
    other.furnish()
    hook(admin, receiver)
    report(other, other.open_alert("reefer-01", "air"), "raised")
    with serving(database) as url, client(url, other.token()) as stranger:
        assert stranger.get("/api/v1/webhooks").json()["items"] == []
        for answer in (
            stranger.patch("/api/v1/webhooks/erp", json={"disabled": True}),
            stranger.delete("/api/v1/webhooks/erp"),
            stranger.post("/api/v1/webhooks/erp/test"),
            stranger.post("/api/v1/webhooks/erp/rotate"),
            stranger.post("/api/v1/webhooks/erp/redeliver"),
            stranger.get("/api/v1/webhooks/erp/deliveries"),
        ):
            assert answer.status_code == 404
    follow(database)
    with deliveries(database) as tell:
        assert tell() == 0
    assert receiver.heard == []
    assert (CASES.name, CALLS.name) == ("webhooks of cases", "webhooks of calls")
    other.close()
