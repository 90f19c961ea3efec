"""Channels: people are told of alerts, in their language, by a real mail server and a real gateway."""

from __future__ import annotations

import json
import ssl
import subprocess
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from operations.deliver.messenger import Messenger
from tests.integration.api.seed import World, client, serving
from tests.integration.operations.told import LOOPBACK, Mailbox, deliveries, follow, report
from tests.receiver import Receiver


def channel(admin: httpx.Client, url: str, name: str = "night", **more: Any) -> dict[str, Any]:
    answer = admin.post("/api/v1/channels", json={"id": name, "url": url, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def gateway(receiver: Receiver) -> str:
    return f"json://canary-user:canary-pass@127.0.0.1:{receiver.server.server_port}/sms"


def test_a_critical_alert_is_mailed_in_a_language_and_a_zone(
    world: World, admin: httpx.Client, mailbox: Mailbox, database: str
) -> None:
    channel(admin, mailbox.url(), alerts="critical", cleared=True, language="fi", tz="Europe/Helsinki")
    alert = world.open_alert("reefer-01", "air", extreme_c=9.4, limit_c=8.0)
    quiet = world.open_alert("gps-01", severity="warning")
    for what in ("raised", "amended", "cleared"):
        report(world, alert, what)
        report(world, quiet, what)
    follow(database)
    with deliveries(database) as tell:
        assert (tell(), tell()) == (2, 0)
    (to, opened), (_, cleared) = mailbox.heard
    assert to == ["night@example.org"]
    assert opened["subject"] == "Kriittinen: lämpötila rajojen ulkopuolella, truck-01 reefer-01"
    assert "Enimmillään 9,4 °C, raja 8 °C." in mailbox.text(0)
    assert "(Europe/Helsinki)" in mailbox.text(0)
    assert f"/alerts?alert={alert}" in mailbox.text(0)
    assert str(cleared["subject"]).startswith("Ohi: ")


def test_one_for_all_alerts_gets_warnings_too_and_no_ends_unless_it_wants_them(
    world: World, admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    channel(admin, gateway(receiver), alerts="all")
    alert = world.open_alert("gps-01", severity="warning")
    for what in ("raised", "cleared"):
        report(world, alert, what)
    follow(database)
    with deliveries(database) as tell:
        assert tell() == 1
    ((_, body),) = receiver.heard
    assert json.loads(body)["title"] == "Warning: no word from a device, truck-01 gps-01"


def test_the_button_tells_at_once_and_says_what_came_of_it(
    admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    channel(admin, gateway(receiver))
    asked = admin.post("/api/v1/channels/night/test")
    assert (asked.status_code, asked.json()["state"]) == (202, "waiting")
    with deliveries(database) as tell:
        assert tell() == 1
    found = admin.get(f"/api/v1/channels/night/deliveries/{asked.json()['id']}").json()
    assert (found["state"], found["type"], found["log"][0]["error"]) == ("done", "test", None)
    assert json.loads(receiver.heard[0][1])["title"] == "Test of night"
    assert admin.get("/api/v1/channels/night").json()["succeeded_at"]


def test_one_that_is_away_is_left_alone_and_told_later_in_order(
    world: World, admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    channel(admin, gateway(receiver), cleared=True)
    alert = world.open_alert("reefer-01", "air")
    for what in ("raised", "cleared"):
        report(world, alert, what)
    follow(database)
    receiver.answer = lambda _event: (503, {}, b"")
    with deliveries(database) as tell:
        assert tell() == 1
        found = admin.get("/api/v1/channels/night").json()
        assert (found["failures"], found["waiting"]) == (1, 2)
        assert "503" in found["last_error"]
        receiver.answer = lambda _event: (204, {}, b"")
        assert (tell(), tell(timedelta(minutes=1))) == (0, 2)
    assert [json.loads(body)["title"].partition(":")[0] for _, body in receiver.heard] == [
        "Critical",
        "Critical",
        "Over",
    ]


def test_a_mail_that_is_refused_for_good_holds_nothing_else_up_and_is_sent_again_with_all_given_up(
    world: World, admin: httpx.Client, mailbox: Mailbox, database: str
) -> None:
    channel(admin, mailbox.url())
    asked = [admin.post("/api/v1/channels/night/test").json()["id"] for _ in range(2)]
    mailbox.answer = "550 5.1.1 no such user"
    with deliveries(database) as tell:
        assert tell() == 2
    assert admin.get("/api/v1/channels/night").json()["paused_until"] is None
    (tried,) = admin.get(f"/api/v1/channels/night/deliveries/{asked[0]}").json()["log"]
    assert tried["status"] == 550
    mailbox.answer = "250 OK"
    assert admin.post(f"/api/v1/channels/night/deliveries/{asked[0]}/redeliver").json()["state"] == "waiting"
    with deliveries(database) as tell:
        assert tell() == 1
    assert len(mailbox.heard) == 1
    world.run("update outgoing set gave_up_at = now() where done_at is null")
    found = admin.get("/api/v1/channels/night").json()
    assert (found["given_up"], found["waiting"], found["waiting_since"]) == (1, 0, None)
    assert admin.post("/api/v1/channels/night/redeliver").json() == {"asked": 1}
    assert admin.get("/api/v1/channels/night").json()["waiting_since"] is not None
    with deliveries(database) as tell:
        assert tell() == 1
    assert len(mailbox.heard) == 2
    assert admin.get("/api/v1/channels/night").json()["given_up"] == 0


def test_an_address_is_never_given_back(world: World, admin: httpx.Client, receiver: Receiver, database: str) -> None:
    made = channel(admin, gateway(receiver))
    assert made["url"] == f"json://…@127.0.0.1:{receiver.server.server_port}"
    receiver.answer = lambda _event: (403, {}, b"canary-pass is wrong")
    admin.post("/api/v1/channels/night/test")
    with deliveries(database) as tell:
        tell()
    admin.patch("/api/v1/channels/night", json={"url": "slack://canary-a/canary-b/canary-c/"})
    said = [
        admin.get(f"/api/v1/{path}").text
        for path in ("channels", "channels/night", "channels/night/deliveries", "audit")
    ]
    said += [str(world.connection.execute(f"select * from {table}").fetchall())  # type: ignore[arg-type]
             for table in ("receiver", "audit", "outgoing", "outgoing_attempt")]  # fmt: skip
    assert "canary" not in " ".join(said)


def test_what_was_sealed_with_another_secret_is_told_nobody(
    admin: httpx.Client, receiver: Receiver, world: World, database: str
) -> None:
    channel(admin, gateway(receiver))
    with serving(database, sealing_secret="another secret") as url, client(url, world.token()) as other:
        assert other.patch("/api/v1/channels/night", json={"url": gateway(receiver)}).status_code == 200
    admin.post("/api/v1/channels/night/test")
    with deliveries(database) as tell:
        tell()
    assert receiver.heard == []
    assert "another secret" in admin.get("/api/v1/channels/night").json()["last_error"]
    with serving(database, sealing_secret="") as url, client(url, world.token()) as without:
        refused = without.post("/api/v1/channels", json={"id": "x", "url": gateway(receiver)})
    assert (refused.status_code, "FROSTWAY_SEALING_SECRET" in refused.text) == (409, True)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"url": "syslog://"}, "url"),
        ({"url": "json://example.org/{to}"}, "url"),
        ({"url": "json://example.org/", "for_customers": True}, "url"),
        ({"url": "json://example.org/{to}", "for_customers": True, "alerts": "all"}, "alerts"),
        ({"url": "json://example.org/", "tz": "Mars/Base"}, "tz"),
        ({"url": "json://example.org/", "language": "sv"}, "language"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(admin: httpx.Client, given: dict[str, Any], field: str) -> None:
    answer = admin.post("/api/v1/channels", json={"id": "x", **given})
    assert answer.status_code == 422
    assert field in answer.text


def test_changes_pauses_and_removal(world: World, admin: httpx.Client, receiver: Receiver, database: str) -> None:
    channel(admin, gateway(receiver))
    found = admin.patch("/api/v1/channels/night", json={"alerts": "all", "cleared": True, "disabled": True}).json()
    assert (found["alerts"], found["cleared"], bool(found["disabled_at"])) == ("all", True, True)
    assert admin.post("/api/v1/channels/night/test").status_code == 409
    alert = world.open_alert("reefer-01", "air")
    report(world, alert, "raised")
    follow(database)
    with deliveries(database) as tell:
        assert tell() == 0
    assert admin.delete("/api/v1/channels/night").status_code == 204
    assert admin.get("/api/v1/channels").json()["items"] == []
    told = [
        row[0] for row in world.connection.execute("select action from audit where action like 'channel.%' order by id")
    ]
    assert told == ["channel.create", "channel.change", "channel.remove"]


def test_a_webhook_and_a_channel_may_have_one_name(admin: httpx.Client, receiver: Receiver) -> None:
    channel(admin, gateway(receiver), name="erp")
    assert admin.post("/api/v1/webhooks", json={"id": "erp", "url": receiver.url}).status_code == 201
    assert admin.delete("/api/v1/webhooks/erp").status_code == 204
    assert len(admin.get("/api/v1/channels").json()["items"]) == 1


def test_many_alerts_at_once_are_one_message(
    world: World, admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    channel(admin, gateway(receiver), alerts="all")
    for _ in range(14):
        report(world, world.open_alert("reefer-01", "air"), "raised")
    follow(database)
    receiver.answer = lambda _event: (503, {}, b"")
    with deliveries(database) as tell:
        assert tell() == 14
        assert admin.get("/api/v1/channels/night").json()["failures"] == 1
        receiver.answer = lambda _event: (204, {}, b"")
        assert tell(timedelta(minutes=6)) == 14
    assert len(receiver.heard) == 2
    told = json.loads(receiver.heard[1][1])
    assert told["title"] == "14 messages on alerts"
    assert told["message"].splitlines()[10].startswith("… and 4 more")
    assert {each["state"] for each in admin.get("/api/v1/channels/night/deliveries").json()["items"]} == {"done"}


def test_what_comes_one_by_one_is_told_one_by_one(
    world: World, admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    channel(admin, gateway(receiver))
    for _ in range(3):
        report(world, world.open_alert("reefer-01", "air"), "raised")
    follow(database)
    admin.post("/api/v1/channels/night/test")
    with deliveries(database) as tell:
        assert tell() == 4
    assert [json.loads(body)["title"].partition(" ")[0] for _, body in receiver.heard] == ["Critical:"] * 3 + ["Test"]


def test_a_server_with_a_certificate_of_ones_own_authority_is_trusted_when_it_is_named(
    receiver: Receiver, tmp_path: Path
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", key, "-out", certificate, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    receiver.server.socket = tls.wrap_socket(receiver.server.socket, server_side=True)
    box = Mailbox(ssl_context=tls)
    box.controller.start()
    try:
        mail = f"mailtos://localhost:{box.controller.port}?from=a@example.org&to=b@example.org&mode=ssl"
        urls = (f"jsons://localhost:{receiver.server.server_port}/", mail)
        with closing(Messenger(LOOPBACK)) as stranger, closing(Messenger(LOOPBACK, str(certificate))) as friend:
            for url in urls:
                assert "certificate" in stranger.send(url, "t", "b").error
                assert friend.send(url, "t", "b").error == ""
    finally:
        box.controller.stop()
    assert (len(receiver.heard), len(box.heard)) == (1, 1)
