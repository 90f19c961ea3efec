"""Who gets in, what each role may do, and that one tenant never sees another's things."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from psycopg.conninfo import make_conninfo

from api.app import ApiConfig, create_app
from tests.deadlines import deadline
from tests.integration.api.seed import PASSWORD, World, client, rows, serving
from tracker.families import KINDS


@pytest.fixture
def world(database: str) -> Iterator[World]:
    world = World(database)
    world.furnish()
    world.account("ann")
    yield world
    world.close()


@pytest.fixture
def url(world: World, database: str) -> Iterator[str]:
    with serving(database, map_style="https://tiles.test/style.json") as url:
        yield url


def login(api: httpx.Client, password: str = PASSWORD, user: str = "ann", **headers: str) -> httpx.Response:
    return api.post("/api/v1/login", json={"user": user, "password": password}, headers=headers)


def test_a_person_signs_in_and_out(url: str, database: str) -> None:
    with client(url) as api:
        assert api.get("/api/v1/me").status_code == 401
        answer = login(api)
        assert answer.status_code == 204
        cookie = answer.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
        me = api.get("/api/v1/me").json()
        assert (me["user"], me["role"], me["tenant"]) == ("ann", "admin", "main")
        token = api.cookies["fw_session"]
        assert rows(database, "select token_sha256::text from access_token")[0][0] not in token
        assert api.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
        assert api.post("/api/v1/logout").status_code == 204
        assert api.get("/api/v1/me", headers={"Cookie": f"fw_session={token}"}).status_code == 401


def test_the_cookie_is_secure_behind_https(url: str) -> None:
    with client(url) as api:
        answer = login(api, **{"X-Forwarded-Proto": "https"})
        assert "Secure" in answer.headers["set-cookie"].split("; ")
        assert answer.headers["strict-transport-security"]


def test_five_wrong_passwords_are_enough_for_a_minute(url: str) -> None:
    with client(url) as api:
        wrong = [login(api, "guess").status_code for _ in range(6)]
        assert wrong == [401, 401, 401, 401, 401, 429]
        refused = login(api)
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 61
        assert login(api, user="nobody").status_code == 401


def test_signing_in_often_with_the_right_password_is_fine(url: str) -> None:
    with client(url) as api:
        assert [login(api).status_code for _ in range(7)] == [204] * 7


def test_an_expired_or_revoked_token_opens_nothing(world: World, url: str) -> None:
    token = world.token("viewer")
    with client(url, token) as api:
        assert api.get("/api/v1/me").status_code == 200
        world.revoke(token)
        answer = api.get("/api/v1/me")
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        world.run("update access_token set revoked_at = null, expires_at = now()")
        assert api.get("/api/v1/me").status_code == 401
    for junk in ("x", "a" * 10_000, "%00", "'"):
        with client(url, junk) as api:
            assert api.get("/api/v1/me").status_code == 401


def test_a_foreign_page_cannot_change_anything_with_a_cookie(world: World, url: str) -> None:
    alert = world.open_alert("reefer-01", "rear")
    with client(url) as api:
        assert login(api).status_code == 204
        path = f"/api/v1/alerts/{alert}/acknowledge"
        for origin in ("https://evil.test", "null", "http://127.0.0.1:1", "http://127.0.0.1.evil.test"):
            assert api.post(path, headers={"Origin": origin}).status_code == 403
            assert login(api, Origin=origin).status_code == 403
        assert api.post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        assert api.post(path, headers={"Origin": url}).status_code == 200


def bodies(alert: int) -> dict[str, tuple[str, dict[str, Any] | None]]:
    return {
        "POST /sites": ("/api/v1/sites", {"id": "new", "kind": "store", "lat": 1, "lon": 1}),
        "POST /devices": ("/api/v1/devices", {"id": "new", "kind": "phone", "credentials": False}),
        "POST /products": ("/api/v1/products", {"sku": "new", "label": "New"}),
        "POST /shipments": ("/api/v1/shipments", {"id": "new", "stops": [{"lat": 1, "lon": 1}]}),
        "POST /shipments/S-1/share": ("/api/v1/shipments/S-1/share", {"recipient": "Anna"}),
        "POST /alerts/1/acknowledge": (f"/api/v1/alerts/{alert}/acknowledge", None),
        "POST /alerts/1/resolve": (f"/api/v1/alerts/{alert}/resolve", {"note": "done"}),
        "POST /devices/gps-01/revoke": ("/api/v1/devices/gps-01/revoke", None),
        "POST /quarantine/redrive": ("/api/v1/quarantine/redrive", {}),
    }


ALERTS = {"POST /alerts/1/acknowledge", "POST /alerts/1/resolve"}
MAY = {
    "admin": set(bodies(1)),
    "dispatcher": {*ALERTS, "POST /shipments", "POST /shipments/S-1/share"},
    "coldchain": ALERTS,
    "storekeeper": {*ALERTS, "POST /products"},
    "planner": {*ALERTS, "POST /products", "POST /shipments"},
    "service": {"POST /shipments/S-1/share"},
    "viewer": set(),
}


@pytest.mark.parametrize("role", MAY)
def test_a_role_changes_what_it_may_and_each_change_is_audited_once(
    world: World, url: str, database: str, role: str
) -> None:
    alert = world.open_alert("reefer-01", "rear")
    with client(url, world.token(role)) as api:
        done = {n: api.post(p, json=b).status_code for n, (p, b) in bodies(alert).items()}
        assert {name for name, status in done.items() if status < 300} == MAY[role]
        assert {status for name, status in done.items() if name not in MAY[role]} <= {403}
        assert rows(database, "select count(*), count(distinct action) from audit") == [(len(MAY[role]),) * 2]
        assert api.get("/api/v1/vehicles").status_code == 200
        assert api.get("/api/v1/quarantine").status_code == (200 if role == "admin" else 403)


def test_answers_carry_the_headers_that_guard_a_browser(url: str) -> None:
    with client(url) as api:
        page = api.get("/t/some-token")
        for answer in (page, api.get("/api/v1/me"), api.get("/nothing"), api.get("/docs")):
            policy = answer.headers["content-security-policy"]
            assert "default-src 'self'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "connect-src 'self' https://tiles.test" in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert "noindex" in page.headers["x-robots-tag"]
        assert api.get("/api/v1/me").headers["cache-control"] == "no-store"
        assert api.get("/api/v1/public/shipments/x").headers["referrer-policy"] == "no-referrer"


def test_a_body_has_its_limit(url: str, world: World) -> None:
    with client(url, world.token()) as api:
        large = b'{"sku":"' + b"x" * 2**20 + b'"}'
        assert api.post("/api/v1/products", content=large).status_code == 413
        chunks = (large[n : n + 65536] for n in range(0, len(large), 65536))
        answer = api.post("/api/v1/products", content=chunks, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=deadline(5)) as raw:
            raw.sendall(f"POST /api/v1/login HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9999999\r\n\r\n".encode())
            assert b" 413 " in raw.recv(100)  # before any of it has come
        deep = b"[" * 100_000
        assert api.post("/api/v1/products", content=deep).status_code in (400, 422)


def test_metrics_are_for_admins_wherever_a_request_comes_from(world: World, url: str) -> None:
    with client(url) as api:
        other = World(world.connection.info.dsn, "other")
        strangers = [{"Authorization": f"Bearer {each}"} for each in (world.token("viewer"), other.token())]
        other.close()
        for headers in ({}, {"X-Forwarded-For": "203.0.113.9"}, *strangers):
            assert api.get("/metrics", headers=headers).status_code == 403, headers
        answer = api.get("/metrics", headers={"Authorization": f"Bearer {world.token()}"})
        assert "frostway_api_requests_total" in answer.text


def test_readiness_says_what_is_missing(database: str) -> None:
    async def ready(dsn: str) -> httpx.Response:
        app = create_app(ApiConfig(database_url=dsn, facts=KINDS))
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as api:
                assert (await api.get("/healthz")).status_code == 200
                return await api.get("/readyz")

    answer = asyncio.run(ready("postgresql://nobody@/none?host=/nowhere"))
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == "cannot be reached"
    answer = asyncio.run(ready(make_conninfo(database, dbname="postgres")))
    assert answer.status_code == 503
    assert answer.json()["checks"]["schema"] == "is not there: run `frostway migrate`"


def test_a_failure_of_ours_tells_nothing_of_the_inside(
    world: World, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    world.run("alter table product rename to product_away")
    with client(url, world.token()) as api:
        answer = api.get("/api/v1/products")
    world.run("alter table product_away rename to product")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "product" not in answer.text
    assert "product" in caplog.text
