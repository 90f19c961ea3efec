"""The provider: what it says of itself, its keys, and the exchange of a code for a person. All of it within limits."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode

from api.oidc.claims import ALGORITHMS, Person, UnknownKeyError, check, person_of, read
from api.oidc.fetch import fetch, is_address
from api.oidc.words import OidcConfig, SignInError

KEPT_S = 3600.0
FAILED_S = 2.0  # who has just been away is not asked by everybody who waits
KEYS_AGAIN_S = 30.0  # after a key that is not known they are asked for again, so often at most
KEYS_MAX = 50
AT_ONCE = 4
NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")

Json = Mapping[str, Any]


class Provider:
    """One provider; asked in threads, a few at once. `clock` gives seconds since 1970."""

    def __init__(self, config: OidcConfig, clock: Callable[[], float] = time.time) -> None:
        self.config, self._clock = config, clock
        self._said: tuple[float, Json] | None = None
        self._failed: tuple[float, SignInError] | None = None
        self._keys: tuple[float, list[Json]] | None = None
        self._asking = asyncio.Semaphore(AT_ONCE)
        self._one = asyncio.Lock()

    async def _fetch(self, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Any:
        async with self._asking:
            return await asyncio.to_thread(fetch, url, body, headers, self.config.ca_file)

    async def said(self) -> Json:
        """What it says of itself, an hour at most.

        Raises:
            SignInError: `away`, or it is not who it should be.
        """
        async with self._one:
            if self._said is not None and time.monotonic() - self._said[0] < KEPT_S:
                return self._said[1]
            if self._failed is not None and time.monotonic() - self._failed[0] < FAILED_S:
                raise SignInError(self._failed[1].why, str(self._failed[1]))
            try:
                found = await self._ask()
            except SignInError as error:
                self._failed = (time.monotonic(), error)
                raise
            self._said = (time.monotonic(), found)
            return found

    async def _ask(self) -> Json:
        status, found = await self._fetch(f"{self.config.issuer.rstrip('/')}/.well-known/openid-configuration")
        if status != 200:
            raise SignInError("away", f"{self.config.issuer} answers {status} when it is asked what it is")
        if found.get("issuer") != self.config.issuer:
            raise SignInError("wrong", f"{self.config.issuer} calls itself {str(found.get('issuer'))[:200]!r}")
        for name in NEEDED:
            if not is_address(found.get(name)):
                raise SignInError("wrong", f"{self.config.issuer} names no good {name}")
        return found  # type: ignore[no-any-return]

    async def address(self, redirect: str, state: str, nonce: str, verifier: str) -> str:
        """Where the browser goes to sign in.

        Raises:
            SignInError: the provider is away.
        """
        found = await self.said()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.config.client_id,
            "redirect_uri": redirect,
            "scope": self.config.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = str(found["authorization_endpoint"])
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    async def leave(self, back: str) -> str | None:
        """Where the browser goes to sign out there too; None: the provider has no such address."""
        endpoint = (await self.said()).get("end_session_endpoint")
        if not is_address(endpoint):
            return None
        asked = urlencode({"client_id": self.config.client_id, "post_logout_redirect_uri": back})
        return f"{endpoint}{'&' if '?' in str(endpoint) else '?'}{asked}"

    def came_from(self, issuer: str | None, found: Json) -> None:
        """Whether an answer in the browser is this provider's (RFC 9207).

        Raises:
            SignInError: it is another's, or does not say.
        """
        must = found.get("authorization_response_iss_parameter_supported") is True
        if issuer != self.config.issuer and (must or issuer is not None):
            raise SignInError("wrong", f"an answer in the name of {str(issuer)[:200]!r}")

    async def person(self, code: str, redirect: str, nonce: str, verifier: str) -> Person:
        """Who stands behind a code.

        Raises:
            SignInError: nobody that could be believed.
        """
        found = await self.said()
        tokens = await self._exchange(found, code, redirect, verifier)
        claims = await self._claims(found, tokens.get("id_token"))
        subject = check(claims, self.config, nonce, self._clock())
        if ("email" not in claims or self._claim_is_missing(claims)) and is_address(found.get("userinfo_endpoint")):
            claims = {**await self._about(found, tokens, subject), **claims}
        return person_of(claims, subject, self.config)

    def _claim_is_missing(self, claims: Json) -> bool:
        wanted = (self.config.role_claim, self.config.tenant_claim)
        return any(name and name.partition(".")[0] not in claims and name not in claims for name in wanted)

    async def _exchange(self, found: Json, code: str, redirect: str, verifier: str) -> Json:
        body = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": verifier,
            "client_id": self.config.client_id,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if secret := self.config.client_secret:
            ways = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
            if isinstance(ways, list) and "client_secret_basic" not in ways and "client_secret_post" in ways:
                body["client_secret"] = secret
            else:
                who = f"{quote_plus(self.config.client_id)}:{quote_plus(secret)}"
                headers["Authorization"] = f"Basic {base64.b64encode(who.encode()).decode()}"
        status, tokens = await self._fetch(str(found["token_endpoint"]), urlencode(body).encode(), headers)
        if status != 200:
            error = str(tokens.get("error"))[:50]
            why = "again" if error == "invalid_grant" else "wrong" if status < 500 else "away"
            raise SignInError(why, f"the provider refuses the code: {status} {error!r}")  # type: ignore[arg-type]
        if not isinstance(tokens, dict):
            raise SignInError("away", "the provider gives no tokens")
        return tokens

    async def _about(self, found: Json, tokens: Json, subject: str) -> Json:
        access = tokens.get("access_token")
        if not isinstance(access, str) or not access.isascii() or not access.isprintable():
            return {}
        headers = {"Authorization": f"Bearer {access}"}
        status, about = await self._fetch(str(found["userinfo_endpoint"]), None, headers)
        if status != 200:
            raise SignInError("away", f"the provider answers {status} when it is asked who somebody is")
        if about.get("sub") != subject:
            raise SignInError("wrong", "the provider speaks of somebody else than the ID token")
        return dict(about)

    async def _claims(self, found: Json, token: object) -> Json:
        """The claims of an ID token; keys that have been changed are asked for anew."""
        named = found.get("id_token_signing_alg_values_supported")
        allowed = [each for each in named if isinstance(each, str)] if isinstance(named, list) else list(ALGORITHMS)
        asked_at, keys = await self._known_keys(found)
        try:
            return read(token, keys, allowed)
        except UnknownKeyError:
            if time.monotonic() - asked_at < KEYS_AGAIN_S:
                raise
        _, keys = await self._known_keys(found, newer_than=asked_at)
        return read(token, keys, allowed)

    async def _known_keys(self, found: Json, newer_than: float = -1.0) -> tuple[float, list[Json]]:
        async with self._one:
            if self._keys and self._keys[0] > newer_than and time.monotonic() - self._keys[0] < KEPT_S:
                return self._keys
            status, answer = await self._fetch(str(found["jwks_uri"]))
            keys = answer.get("keys")
            if status != 200 or not isinstance(keys, list):
                raise SignInError("away", f"the provider answers {status} when it is asked for its keys")
            self._keys = (time.monotonic(), [key for key in keys[:KEYS_MAX] if isinstance(key, dict)])
            return self._keys
