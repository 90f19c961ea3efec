"""A browser is told of alerts by its push service, which can read nothing and knows who writes."""

from __future__ import annotations

import time

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

from domain.web_push import b64url, unb64url
from tests.integration.api.seed import World
from tests.integration.operations.told import deliveries, follow, report
from tests.push_service import Browser
from tests.receiver import Receiver


def test_a_browser_reads_what_its_push_service_cannot(
    world: World, admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    receiver.answer = lambda _event: (201, {}, b"")
    browser = Browser(receiver)
    answer = admin.post("/api/v1/channels", json={"id": "my-phone", "url": browser.address(), "language": "de"})
    assert answer.status_code == 201, answer.text
    assert answer.json()["url"] == f"webpush://127.0.0.1:{receiver.server.server_port}"
    alert = world.open_alert("reefer-01", "air", extreme_c=9.4, limit_c=8.0)
    report(world, alert, "raised")
    follow(database)
    with deliveries(database) as tell:
        assert tell() == 1
    told = browser.told()
    assert told["title"] == "Kritisch: Temperatur außerhalb der Grenzen, truck-01 reefer-01"
    assert told["body"].splitlines()[0] == "Bis 9,4 °C, Grenze 8 °C."
    assert told["url"] == f"/alerts?alert={alert}#acknowledge"
    headers, body = receiver.heard[-1]
    assert b"Kritisch" not in body
    assert (headers["content-encoding"], headers["ttl"], headers["urgency"]) == ("aes128gcm", "86400", "high")

    token, _, key = headers["authorization"].removeprefix("vapid t=").partition(", k=")
    assert key == admin.get("/api/v1/web-push").json()["public_key"]
    point = unb64url(key)
    x, y = (b64url(point[at : at + 32]) for at in (1, 33))
    claims = jwt.decode(token, ECKey.import_key({"kty": "EC", "crv": "P-256", "x": x, "y": y})).claims
    assert claims["aud"] == f"http://127.0.0.1:{receiver.server.server_port}"
    assert time.time() < claims["exp"] < time.time() + 24 * 3600
    assert claims["sub"].startswith("mailto:")


def test_a_subscription_that_is_over_switches_its_channel_off_and_one_that_is_away_is_asked_again(
    admin: httpx.Client, receiver: Receiver, database: str
) -> None:
    admin.post("/api/v1/channels", json={"id": "my-phone", "url": Browser(receiver).address()})
    for status, off in ((503, False), (404, True)):
        receiver.answer = lambda _event, status=status: (status, {}, b"")  # type: ignore[misc]
        admin.post("/api/v1/channels/my-phone/test")
        with deliveries(database) as tell:
            tell()
        found = admin.get("/api/v1/channels/my-phone").json()
        assert (found["disabled_at"] is not None) == off, found
        admin.patch("/api/v1/channels/my-phone", json={"disabled": False})


def test_what_is_no_subscription_is_said_beside_the_address(admin: httpx.Client) -> None:
    answer = admin.post("/api/v1/channels", json={"id": "x", "url": "webpush://push.example.org/junk"})
    assert answer.status_code == 422
    assert "no subscription of a browser" in answer.text
