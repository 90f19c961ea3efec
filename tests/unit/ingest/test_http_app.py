"""What the door for HTTP answers: who may come in, what is handed on, and which status an outcome becomes."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from base64 import b64encode
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from domain.names import PAYLOAD_BYTES_MAX
from ingest.directory import Device, Holder
from ingest.doors.http_app import DISCARD_BYTES_MAX, WRONG_COUNT, HttpApp
from ingest.doors.inbox import Fate, Inbox, Outcome, Parcel

TOKEN, GATEWAY = "tok-of-phone-1", "tok-of-gateway"
IMEI = "356307042441013"
STORED = Outcome(Fate.STORED)
KNOWN = {
    hashlib.sha256(TOKEN.encode()).digest(): Holder(
        "main/phone-1", Device(1, 1, 0), frozenset({"PHONE1", "868"}), speaks_for_others=False
    ),
    hashlib.sha256(GATEWAY.encode()).digest(): Holder(
        "main/gw-1", Device(2, 1, 0), frozenset({"GW1"}), speaks_for_others=True
    ),
}
FIX = "lat=60.17&lon=24.94&timestamp=1700000000"


class Writer(Inbox):
    """An inbox whose parcels meet their fate at once."""

    def __init__(self, outcome: Outcome | None = STORED) -> None:
        super().__init__()
        self.outcome = outcome
        self.parcels: list[Parcel] = []
        self.room = True

    def offer(self, parcel: Parcel) -> bool:
        if self.room:
            self.parcels.append(parcel)
            if self.outcome is not None:
                parcel.done(self.outcome)
        return self.room


class Site:
    """An app with its inbox and a clock, and requests to it."""

    def __init__(self, outcome: Outcome | None = STORED, *, open_ids: bool = False, **limits: float) -> None:
        self.writer = Writer(outcome)
        self.now_s = 0.0
        knows = (lambda text: text == IMEI) if open_ids else None
        self.app = HttpApp(self.writer, KNOWN.get, knows, monotonic=lambda: self.now_s, **limits)

    def ask(self, method: str, url: str, body: bytes = b"", address: str = "10.0.0.1", **more: Any) -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, client=(address, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
                return await client.request(method, url, content=body, **more)

        return asyncio.run(go())

    @property
    def taken(self) -> list[tuple[str, str | bytes, bytes, str]]:
        return [(p.format, p.sender, p.payload, p.source) for p in self.writer.parcels]


def basic(password: str) -> dict[str, str]:
    return {"authorization": "Basic " + b64encode(f"anybody:{password}".encode()).decode()}


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def test_thingsboard_telemetry_is_handed_on_and_answered_with_an_empty_body() -> None:
    site = Site()
    answer = site.ask("POST", f"/api/v1/{TOKEN}/telemetry", b'{"temperature":4.5}')
    assert (answer.status_code, answer.content) == (200, b"")
    assert site.taken == [("thingsboard", digest(TOKEN), b'{"temperature":4.5}', "")]


@pytest.mark.parametrize("way", ["traccar", "flespi", "telegraf"])
@pytest.mark.parametrize("end", ["", "/"])
def test_what_a_gateway_hands_on_is_taken_under_its_token(way: str, end: str) -> None:
    site = Site()
    answer = site.ask("POST", f"/{way}/{TOKEN}{end}", b'{"device":{"uniqueId":"868"}}')
    assert (answer.status_code, answer.content) == (200, b"")
    assert site.taken == [(way, digest(TOKEN), b'{"device":{"uniqueId":"868"}}', "")]
    assert site.ask("POST", f"/{way}/wrong", b"{}").status_code == 401
    assert site.ask("GET", f"/{way}/{TOKEN}").status_code == 405
    assert site.ask("POST", f"/{way}", b"{}").status_code == 404


@pytest.mark.parametrize(
    ("method", "url", "body", "payload"),
    [
        ("GET", f"/osmand/{TOKEN}?{FIX}", b"", FIX.encode()),
        ("GET", f"/osmand/{TOKEN}/?{FIX}", b"", FIX.encode()),
        ("POST", f"/osmand/{TOKEN}?{FIX}", b"", FIX.encode()),  # Traccar Client before version 9
        ("POST", f"/osmand/{TOKEN}", FIX.encode(), FIX.encode()),  # a form
        ("POST", f"/osmand/{TOKEN}?x=1", b' {"location":{}}', b' {"location":{}}'),
        ("GET", f"/osmand/{TOKEN}?{FIX}&note=a%26b+c", b"", f"{FIX}&note=a%26b+c".encode()),
    ],
)
def test_osmand_is_handed_on_as_query_or_body(method: str, url: str, body: bytes, payload: bytes) -> None:
    site = Site()
    assert site.ask(method, url, body).status_code == 200
    assert site.taken == [("osmand", digest(TOKEN), payload, "")]


@pytest.mark.parametrize("way", ["path", "basic"])
def test_owntracks_is_answered_with_an_empty_list(way: str) -> None:
    site = Site()
    url, headers = (f"/owntracks/{TOKEN}", {}) if way == "path" else ("/owntracks?u=x&d=y", basic(TOKEN))
    answer = site.ask("POST", url, b'{"_type":"location"}', headers=headers)
    assert (answer.status_code, answer.json()) == (200, [])
    assert answer.headers["content-type"] == "application/json"
    assert site.taken == [("owntracks", digest(TOKEN), b'{"_type":"location"}', "")]
    answer = site.ask("POST", url, b" \n", headers=headers)
    assert (answer.status_code, answer.json(), len(site.taken)) == (200, [], 1)


def test_owntracks_hears_in_the_answer_what_it_is_told_and_no_other_does() -> None:
    words = b'[{"_type":"cmd","action":"action","content":"' + b"x" * 2000 + b'"}]'
    site = Site(STORED._replace(words=words))
    answer = site.ask("POST", f"/owntracks/{TOKEN}", b'{"_type":"location"}')
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, words, "application/json")
    assert answer.headers["content-length"] == str(len(words))
    assert site.ask("POST", f"/api/v1/{TOKEN}/telemetry", b'{"temperature":4.5}').content == b""


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("POST", "/api/v1/wrong/telemetry", 401),
        ("POST", "/api/v1//telemetry", 401),
        ("GET", f"/osmand/wrong?{FIX}", 404),
        ("POST", "/owntracks/wrong", 401),
        ("POST", "/owntracks", 401),
        ("GET", f"/?id={IMEI}&{FIX}", 404),
        ("POST", f"/api/v1/{TOKEN}/attributes", 404),
        ("GET", f"/{TOKEN}", 404),
        ("GET", f"/api/v1/{TOKEN}/telemetry", 405),
        ("DELETE", f"/osmand/{TOKEN}?{FIX}", 405),
        ("POST", f"/api/v1/{TOKEN}/telemetry", 400),
        ("GET", f"/osmand/{TOKEN}", 400),
    ],
)
def test_who_is_not_known_or_says_nothing_is_refused_and_nothing_handed_on(method: str, url: str, status: int) -> None:
    site = Site()
    answer = site.ask(method, url, b"" if status == 400 or method == "GET" else b"{}")
    assert answer.status_code == status
    assert site.taken == []
    assert TOKEN not in answer.text


def test_owntracks_without_a_password_is_asked_for_one_as_often_as_need_be() -> None:
    site = Site()
    for _ in range(WRONG_COUNT + 2):
        answer = site.ask("POST", "/owntracks", b"{}")
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Basic realm="frostway"')
    assert site.ask("POST", "/owntracks", b"{}", headers=basic("wrong")).status_code == 401
    assert site.ask("POST", "/owntracks", b"{}", headers={"authorization": "Basic ???"}).status_code == 401


def test_the_id_in_a_message_must_be_the_devices_own() -> None:
    site = Site()
    for own in ("phone-1", "PHONE_1", "868"):
        assert site.ask("GET", f"/osmand/{TOKEN}?id={own}&{FIX}").status_code == 200
    for other in ("phone-2", IMEI, "%21"):
        assert site.ask("GET", f"/osmand/{TOKEN}?id={other}&{FIX}").status_code == 404
    body = b'{"device_id":"phone-2","location":{}}'
    assert site.ask("POST", f"/osmand/{TOKEN}", body, headers={"content-type": "application/json"}).status_code == 404
    assert len(site.taken) == 3


def test_a_gateway_may_name_the_device_behind_it() -> None:
    site = Site()
    assert site.ask("GET", f"/osmand/{GATEWAY}?id={IMEI}&{FIX}").status_code == 200
    assert site.ask("GET", f"/osmand/{GATEWAY}?id=gw-1&{FIX}").status_code == 200
    assert [(sender, source) for _, sender, _, source in site.taken] == [(digest(GATEWAY), IMEI), (digest(GATEWAY), "")]
    site.writer.outcome = Outcome(Fate.UNKNOWN, "nobody")
    assert site.ask("GET", f"/osmand/{GATEWAY}?id=stranger&{FIX}").status_code == 404


def test_a_registered_id_alone_is_enough_only_where_that_is_allowed() -> None:
    site = Site(open_ids=True)
    body = f'{{"device_id":"{IMEI}","location":{{}}}}'.encode()
    assert site.ask("GET", f"/?id={IMEI}&{FIX}").status_code == 200
    assert site.ask("POST", "/", body, headers={"content-type": "application/json"}).status_code == 200
    assert [sender for _, sender, _, _ in site.taken] == [IMEI, IMEI]
    assert site.ask("GET", f"/?id=stranger&{FIX}").status_code == 404
    assert site.ask("GET", f"/?{FIX}").status_code == 400
    assert site.ask("POST", "/", b'{"location":{}}').status_code == 400
    assert len(site.taken) == 2


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome(Fate.UNKNOWN, "lat: not\na number"), 401),
        (Outcome(Fate.UNKNOWN, "revoked"), 401),
        (Outcome(Fate.LATER, "ingest stops"), 503),
    ],
)
def test_what_is_not_stored_is_said_in_one_line(outcome: Outcome, status: int) -> None:
    answer = Site(outcome).ask("POST", f"/api/v1/{TOKEN}/telemetry", b"{}")
    assert (answer.status_code, answer.text) == (status, " ".join(outcome.why.split()))
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert ("retry-after" in answer.headers) == (status == 503)


@pytest.mark.parametrize("way", [f"/api/v1/{TOKEN}/telemetry", f"/osmand/{TOKEN}"])
def test_what_is_safe_in_quarantine_is_answered_2xx_so_that_it_blocks_no_phone(way: str) -> None:
    answer = Site(Outcome(Fate.QUARANTINED, "malformed: lat: not\na number")).ask("POST", way, b"{}")
    assert (answer.status_code, answer.text) == (200, "set aside: malformed: lat: not a number")


def test_a_full_inbox_asks_to_come_again() -> None:
    site = Site()
    site.writer.room = False
    answer = site.ask("POST", f"/api/v1/{TOKEN}/telemetry", b"{}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")


def test_what_does_not_become_durable_in_time_asks_to_come_again() -> None:
    answer = Site(None, durable_s=0.05).ask("POST", f"/api/v1/{TOKEN}/telemetry", b"{}")
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)


@pytest.mark.parametrize("size", [PAYLOAD_BYTES_MAX, PAYLOAD_BYTES_MAX + 1, DISCARD_BYTES_MAX + 1])
def test_a_body_has_at_most_64_kib(size: int) -> None:
    site = Site()
    answer = site.ask("POST", f"/api/v1/{TOKEN}/telemetry", b" " * (size - 2) + b"{}")
    assert answer.status_code == (200 if size == PAYLOAD_BYTES_MAX else 413)
    assert len(site.taken) == (size == PAYLOAD_BYTES_MAX)


def call(app: HttpApp, pieces: list[bytes], *, endless: bool = True, **changes: Any) -> tuple[int, int]:
    """Status of a request whose body comes in pieces (for ever the last one, or never an end), and how many it read."""
    sent: list[Any] = []
    read = 0

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1
        if read > len(pieces) and not endless:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": pieces[min(read, len(pieces)) - 1], "more_body": bool(pieces[-1])}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": f"/api/v1/{TOKEN}/telemetry", "query_string": b"", "headers": []}
    asyncio.run(app(scope | changes, receive, send))
    return sent[0]["status"], read


def test_a_body_without_end_is_read_no_further_than_needed_to_say_so() -> None:
    status, read = call(Site().app, [b"x" * 65_536])
    assert (status, read) == (413, DISCARD_BYTES_MAX // 65_536 + 1)
    declared = [(b"content-length", str(DISCARD_BYTES_MAX + 1).encode())]
    assert call(Site().app, [b"x"], headers=declared) == (413, 0)


def test_a_query_has_at_most_64_kib() -> None:
    for size, status in ((PAYLOAD_BYTES_MAX, 200), (PAYLOAD_BYTES_MAX + 1, 413)):
        changes = {"path": f"/osmand/{TOKEN}", "query_string": b"note=".ljust(size, b"x")}
        assert call(Site().app, [b""], **changes) == (status, 1)


def test_a_slow_body_is_given_up() -> None:
    assert call(Site(body_s=0.05).app, [b'{"tem'], endless=False) == (408, 2)


def test_guessing_is_slowed_down_by_address_and_holds_up_no_neighbour() -> None:
    site = Site()
    guess = [site.ask("POST", f"/api/v1/guess-{n}/telemetry", b"{}") for n in range(WRONG_COUNT + 1)]
    assert [each.status_code for each in guess] == [401] * WRONG_COUNT + [429]
    assert 0 < int(guess[-1].headers["retry-after"]) <= 61
    assert site.ask("POST", f"/api/v1/{TOKEN}/telemetry", b"{}").status_code == 200
    assert site.ask("POST", "/api/v1/guess/telemetry", b"{}", address="10.0.0.2").status_code == 401
    site.now_s = 61.0
    assert site.ask("POST", "/api/v1/guess/telemetry", b"{}").status_code == 401


def test_guessing_ids_makes_all_of_an_address_wait() -> None:
    site = Site(open_ids=True)
    for n in range(WRONG_COUNT):  # of one IPv6 network, as one guesser has them
        assert site.ask("GET", f"/?id=guess-{n}&{FIX}", address=f"2001:db8::{n:x}").status_code == 404
    assert site.ask("GET", f"/?id={IMEI}&{FIX}", address="2001:db8::ffff").status_code == 429
    assert site.ask("GET", f"/?id={IMEI}&{FIX}", address="2001:db8:0:1::1").status_code == 200


def test_no_log_line_holds_a_token(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Writer):
        def offer(self, parcel: Parcel) -> bool:
            raise RuntimeError("a fault")

    site = Site()
    site.writer.__class__ = Broken
    before = REGISTRY.get_sample_value("frostway_device_http_requests_total", {"format": "osmand", "outcome": "error"})
    with caplog.at_level(logging.DEBUG):
        assert site.ask("GET", f"/osmand/{TOKEN}?{FIX}").status_code == 500
        site.ask("GET", f"/osmand/{TOKEN}?id=other&{FIX}")
        site.ask("POST", "/owntracks", b"{}", headers=basic("secret-guess"))
    ours = [record.getMessage() + str(record.exc_text or "") for record in caplog.records if "httpx" not in record.name]
    assert any("main/phone-1" in line for line in ours)
    assert [line for line in ours if TOKEN in line or "secret-guess" in line] == []
    now = REGISTRY.get_sample_value("frostway_device_http_requests_total", {"format": "osmand", "outcome": "error"})
    assert now == (before or 0) + 1
