"""A provider that lies, or somebody in its name: nothing that does not hold signs anybody in."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import RSAKey

from api.oidc import fetch, provider
from api.oidc.words import OidcConfig
from tests.integration.api.seed import serving
from tests.openid import CLIENT_ID, Browser, new_key, people, why

KEY, FOREIGN = new_key("good"), new_key("good")


class Liar(ThreadingHTTPServer):
    """Says what it is told to say."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.said: dict[str, Any] = {
            "issuer": self.url, "authorization_endpoint": f"{self.url}/auth", "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys", "userinfo_endpoint": f"{self.url}/me",
            "authorization_response_iss_parameter_supported": True,
        }  # fmt: skip
        self.keys: list[Any] = [KEY.as_dict(private=False)]
        self.token: Any = ""
        self.about: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self.raw: dict[str, tuple[int, dict[str, str], bytes]] = {}


class _Handler(BaseHTTPRequestHandler):
    server: Liar

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.asked.append((self.path, parse_qs(body.decode())))
        status, headers, content = self.server.raw.get(self.path, (200, {}, b""))
        if self.path not in self.server.raw:
            shapes: dict[str, Any] = {
                "/.well-known/openid-configuration": self.server.said,
                "/keys": {"keys": self.server.keys},
                "/token": {"id_token": self.server.token, "access_token": "access", "token_type": "Bearer"},
                "/me": self.server.about,
            }
            content = json.dumps(shapes[self.path]).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def liar() -> Iterator[Liar]:
    with Liar() as liar:
        thread = threading.Thread(target=liar.serve_forever)
        thread.start()
        yield liar
        liar.shutdown()
        thread.join()


@pytest.fixture
def browser(database: str, liar: Liar) -> Iterator[Browser]:
    with people(database) as known:
        known.add("ann", "admin", "ann@depot.example")
    with serving(database, oidc=OidcConfig(liar.url, CLIENT_ID, "secret")) as url, Browser(url) as browser:
        yield browser


def claims(liar: Liar, nonce: str) -> dict[str, Any]:
    now = int(time.time())
    person = {"sub": "s-1", "email": "ann@depot.example", "email_verified": True}
    return {"iss": liar.url, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": nonce, **person}


def signed(body: Any, key: RSAKey = KEY, **header: Any) -> str:
    head = {"alg": "RS256", "kid": "good", **header}
    return jws.serialize_compact(head, json.dumps(body).encode(), key, algorithms=[head["alg"]])


def plain(part: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def by_secret(body: dict[str, Any], secret: bytes) -> str:
    """As somebody would who takes what is public for a secret."""
    text = f"{plain({'alg': 'HS256', 'kid': 'good'})}.{plain(body)}"
    digest = hmac.digest(secret, text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def changed(body: dict[str, Any]) -> str:
    head, _, signature = signed(body).split(".")
    return f"{head}.{plain({**body, 'sub': 'x'})}.{signature}"


def come_back(browser: Browser, liar: Liar, lie: Callable[[dict[str, Any]], str], **more: str) -> httpx.Response:
    """A whole sign-in in which the provider gives the token that `lie` makes of good claims."""
    asked = httpx.URL(browser.start()).params
    liar.token = lie(claims(liar, asked["nonce"]))
    said = {"code": "c", "state": asked["state"], "iss": liar.url, **more}
    return browser.http.get(f"{browser.url}/oidc/callback", params={k: v for k, v in said.items() if v})


def test_a_good_token_signs_in_and_the_code_is_proved(browser: Browser, liar: Liar) -> None:
    assert come_back(browser, liar, signed).status_code == 200
    assert browser.me()["user"] == "ann"
    asked = next(body for path, body in liar.asked if path == "/token")
    assert asked["redirect_uri"] == [f"{browser.url}/oidc/callback"]
    assert len(asked["code_verifier"][0]) >= 43
    assert "client_secret" not in asked  # it goes by Basic


LIES: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "wrong nonce": ("wrong", lambda c: signed({**c, "nonce": "x" * 43})),
    "no nonce": ("wrong", lambda c: signed({k: v for k, v in c.items() if k != "nonce"})),
    "another's audience": ("wrong", lambda c: signed({**c, "aud": "other"})),
    "among others": ("wrong", lambda c: signed({**c, "aud": [CLIENT_ID, "other"]})),
    "given to another": ("wrong", lambda c: signed({**c, "aud": [CLIENT_ID, "other"], "azp": "other"})),
    "no audience": ("wrong", lambda c: signed({**c, "aud": None})),
    "another issuer": ("wrong", lambda c: signed({**c, "iss": "https://evil.example"})),
    "issuer with a slash": ("wrong", lambda c: signed({**c, "iss": c["iss"] + "/"})),
    "expired": ("clock", lambda c: signed({**c, "exp": c["iat"] - 120, "iat": c["iat"] - 300})),
    "old": ("clock", lambda c: signed({**c, "iat": c["iat"] - 3600})),
    "of the future": ("clock", lambda c: signed({**c, "iat": c["iat"] + 900, "exp": c["exp"] + 900})),
    "not yet": ("clock", lambda c: signed({**c, "nbf": c["iat"] + 900})),
    "without an end": ("wrong", lambda c: signed({k: v for k, v in c.items() if k != "exp"})),
    "an end that is text": ("wrong", lambda c: signed({**c, "exp": "tomorrow"})),
    "nobody": ("wrong", lambda c: signed({**c, "sub": ""})),
    "a number": ("wrong", lambda c: signed({**c, "sub": 7})),
    "alg none": ("wrong", lambda c: f"{plain({'alg': 'none'})}.{plain(c)}."),
    "alg None": ("wrong", lambda c: f"{plain({'alg': 'None', 'kid': 'good'})}.{plain(c)}."),
    "alg none, signed": ("wrong", lambda c: f"{plain({'alg': 'none', 'kid': 'good'})}.{signed(c).partition('.')[2]}"),
    "the public key as a secret": ("wrong", lambda c: by_secret(c, KEY.as_pem(private=False))),
    "our secret": ("wrong", lambda c: by_secret(c, b"secret")),
    "another's key": ("wrong", lambda c: signed(c, FOREIGN)),
    "an unknown key": ("wrong", lambda c: signed(c, FOREIGN, kid="bad")),
    "a key it brings along": ("wrong", lambda c: signed(c, FOREIGN, kid="new", jwk=FOREIGN.as_dict(private=False))),
    "changed": ("wrong", changed),
    "no token": ("wrong", lambda _: ""),
    "half a token": ("wrong", lambda c: signed(c)[:200]),
    "no claims": ("wrong", lambda _: signed([1])),
    "verified, it says": ("not_invited", lambda c: signed({**c, "email_verified": "true"})),
    "not verified": ("not_invited", lambda c: signed({**c, "email_verified": False})),
    "two addresses": ("not_invited", lambda c: signed({**c, "email": ["ann@depot.example"]})),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_token_that_does_not_hold_signs_nobody_in(
    browser: Browser, liar: Liar, lie: tuple[str, Callable[[dict[str, Any]], str]]
) -> None:
    assert why(come_back(browser, liar, lie[1])) == lie[0]
    assert browser.me() == {}
    assert come_back(browser, liar, signed).status_code == 200  # all else was as it should be


@pytest.mark.parametrize("state", ["x" * 43, ""])
def test_an_answer_to_another_sign_in_shows_the_code_to_nobody(browser: Browser, liar: Liar, state: str) -> None:
    assert why(come_back(browser, liar, signed, state=state)) == "again"
    assert not any(path == "/token" for path, _ in liar.asked)


@pytest.mark.parametrize("issuer", ["https://evil.example", ""])
def test_an_answer_of_another_provider_is_not_taken(browser: Browser, liar: Liar, issuer: str) -> None:
    assert why(come_back(browser, liar, signed, iss=issuer)) == "wrong"
    assert not any(path == "/token" for path, _ in liar.asked)  # the code is shown to nobody


@pytest.mark.parametrize("named", [["ES256"], ["HS256", "none"]])
def test_only_what_the_provider_names_and_we_take_is_a_signature(
    browser: Browser, liar: Liar, named: list[str]
) -> None:
    liar.said["id_token_signing_alg_values_supported"] = named
    for lie in (signed, lambda c: by_secret(c, b"secret"), lambda c: f"{plain({'alg': 'none'})}.{plain(c)}."):
        assert why(come_back(browser, liar, lie)) == "wrong"


def test_the_provider_speaks_of_one_person(browser: Browser, liar: Liar) -> None:
    def bare(c: dict[str, Any]) -> str:
        return signed({k: v for k, v in c.items() if not k.startswith("email")})

    liar.about = {"sub": "s-2", "email": "ann@depot.example", "email_verified": True}
    assert why(come_back(browser, liar, bare)) == "wrong"
    liar.about["sub"] = "s-1"
    assert come_back(browser, liar, bare).status_code == 200


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"issuer": "https://evil.example"}, "wrong"),
        ({"token_endpoint": "http://evil.example/token"}, "wrong"),
        ({"jwks_uri": "file:///etc/passwd"}, "wrong"),
        ({"authorization_endpoint": None}, "wrong"),
    ],
)
def test_a_provider_that_is_another_or_names_other_places_is_not_asked(
    browser: Browser, liar: Liar, said: dict[str, Any], expected: str
) -> None:
    liar.said |= said
    assert why(browser.get("/oidc/start")) == expected


@pytest.mark.parametrize(
    "answer",
    [
        (302, {"location": "/keys"}, b""),
        (200, {}, b"[1]"),
        (200, {}, b"<html>"),
        (200, {}, b'{"issuer": "' + b"x" * fetch.ANSWER_OCTETS_MAX + b'"}'),
        (500, {}, b"{}"),
    ],
    ids=["leads elsewhere", "a list", "a page", "very much", "broken"],
)
def test_what_is_no_answer_is_away(browser: Browser, liar: Liar, answer: tuple[int, dict[str, str], bytes]) -> None:
    liar.raw["/.well-known/openid-configuration"] = answer
    assert why(browser.get("/oidc/start")) == "away"
    assert len(liar.asked) == 1
    assert why(browser.get("/oidc/start")) == "away"
    assert len(liar.asked) == 1  # who was just away is not asked by everybody who waits


def test_one_that_says_nothing_is_away_after_a_while(
    browser: Browser, liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "TIMEOUT_S", 0.3)
    liar.raw["/.well-known/openid-configuration"] = (200, {"transfer-encoding": "chunked"}, b"")
    assert why(browser.get("/oidc/start")) == "away"


def test_unknown_keys_do_not_make_us_ask_again_and_again(browser: Browser, liar: Liar) -> None:
    for _ in range(5):
        assert why(come_back(browser, liar, lambda c: signed(c, FOREIGN, kid="bad"))) == "wrong"
    assert sum(path == "/keys" for path, _ in liar.asked) == 1
    assert provider.KEYS_AGAIN_S > 1


def test_who_makes_codes_up_has_the_provider_asked_for_a_while_only(browser: Browser, liar: Liar) -> None:
    liar.raw["/token"] = (400, {}, b'{"error": "invalid_grant"}')
    for _ in range(25):
        assert why(come_back(browser, liar, signed)) == "again"
    assert sum(path == "/token" for path, _ in liar.asked) == 20
