"""What of an ID token is believed: signed by a key of the provider, made for us, for this sign-in, now.

Nothing of a token is read for any purpose but choosing the key before its signature is checked.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from api.oidc.words import OidcConfig, SignInError
from domain.permissions import ROLES, role_of

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""With a pair of keys. `none` and the secret ones are not among them, so a key can never be taken for a secret."""
SKEW_S = 60.0
AGE_S_MAX = 600.0
TOKEN_CHARS_MAX = 16 * 1024
SUBJECT_CHARS_MAX = 255
EMAIL_CHARS_MAX = 254

Claims = Mapping[str, Any]


class UnknownKeyError(SignInError):
    """Signed by a key that is not among those given: they may have been changed."""

    def __init__(self) -> None:
        super().__init__("wrong", "the ID token is signed by a key that the provider does not publish")


def read(token: object, keys: Sequence[Mapping[str, Any]], allowed: Sequence[str]) -> Claims:
    """The claims of a token that one of these keys has signed.

    Raises:
        UnknownKeyError: there is no such key among them.
        SignInError: it is no token, or not signed as it should be.
    """
    from joserfc import jws  # noqa: PLC0415 - of no use where nobody signs in so
    from joserfc.errors import JoseError  # noqa: PLC0415
    from joserfc.jwk import import_key  # noqa: PLC0415

    if not isinstance(token, str) or len(token) > TOKEN_CHARS_MAX:
        raise SignInError("wrong", "there is no ID token, or a very large one")
    try:
        header = jws.extract_compact(token.encode()).headers()
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS or algorithm not in allowed:
            raise SignInError("wrong", f"the ID token is signed by {str(algorithm)[:20]!r}, which is not taken")
        key = _key_of(header, keys)
        claims = orjson.loads(jws.deserialize_compact(token, import_key(dict(key)), algorithms=[algorithm]).payload)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise SignInError("wrong", f"the ID token does not hold: {type(error).__name__}") from error
    if not isinstance(claims, dict):
        raise SignInError("wrong", "the ID token holds no claims")
    return claims


def _key_of(header: Mapping[str, Any], keys: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The one key that a header names; without a name the only one of its sort."""
    algorithm = str(header["alg"])
    sort = {"R": "RSA", "P": "RSA"}.get(algorithm[0], "OKP" if algorithm.startswith("Ed") else "EC")
    fit = [
        key
        for key in keys
        if key.get("kty") == sort and key.get("use", "sig") == "sig" and key.get("alg", algorithm) == algorithm
    ]
    named = [key for key in fit if key.get("kid") == header["kid"]] if "kid" in header else fit
    if len(named) != 1:
        raise UnknownKeyError
    return named[0]


def check(claims: Claims, config: OidcConfig, nonce: str, now_s: float) -> str:
    """Whether the claims are for us and for this sign-in; returns whom they are about.

    Raises:
        SignInError: they are not; `clock`, when they are of another time.
    """
    if claims.get("iss") != config.issuer:
        raise SignInError("wrong", f"the ID token is by {str(claims.get('iss'))[:200]!r}, not by our provider")
    audience = claims.get("aud")
    among = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
    if config.client_id not in among or (len(among) > 1 and "azp" not in claims):
        raise SignInError("wrong", "the ID token is for somebody else")
    if claims.get("azp", config.client_id) != config.client_id:
        raise SignInError("wrong", "the ID token was given to somebody else")
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise SignInError("wrong", "the ID token is of another sign-in")
    made, ends = _instant(claims, "iat"), _instant(claims, "exp")
    since = _instant(claims, "nbf") if "nbf" in claims else made
    if max(made, since) > now_s + SKEW_S:
        ahead = max(made, since) - now_s
        raise SignInError("clock", f"the provider's clock is {ahead:.0f} s ahead of this server's: set both by NTP")
    if ends <= now_s - SKEW_S or made < now_s - AGE_S_MAX - SKEW_S:
        raise SignInError("clock", f"the ID token is {now_s - made:.0f} s old: set both clocks by NTP")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_CHARS_MAX or not subject.isprintable():
        raise SignInError("wrong", "the ID token says nobody's name")
    return subject


def _instant(claims: Claims, name: str) -> float:
    found = claims.get(name)
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise SignInError("wrong", f"the ID token says no time in {name}")
    return float(found)


@dataclass(frozen=True)
class Person:
    """Who signs in, as the provider says; `email` only when it says that it is theirs."""

    subject: str
    email: str | None
    name: str
    role: str | None
    tenant: str | None


def person_of(claims: Claims, subject: str, config: OidcConfig) -> Person:
    """What is taken of claims that hold.

    Raises:
        SignInError: `not_invited`, the address is not of an allowed domain, or no tenant is named where one must be.
    """
    email = claims.get("email")
    good = isinstance(email, str) and email.isascii() and email.isprintable() and len(email) <= EMAIL_CHARS_MAX
    verified = str(email) if good and "@" in str(email) and claims.get("email_verified") is True else None
    if config.domains and (verified is None or verified.rpartition("@")[2].lower() not in config.domains):
        raise SignInError("not_invited", "no verified e-mail address of an allowed domain")
    tenant = None
    if config.tenant_claim:
        tenant = _value(claims, config.tenant_claim)
        if not isinstance(tenant, str):
            raise SignInError("not_invited", f"the claim {config.tenant_claim} names no tenant")
    said = claims.get("preferred_username")
    name = verified or (said if isinstance(said, str) else "") or subject
    return Person(subject, verified, name, _role(claims, config), tenant)


def _role(claims: Claims, config: OidcConfig) -> str | None:
    """The first role, in the order in which they are shown, that the claim gives."""
    if not config.role_claim:
        return None
    said = _value(claims, config.role_claim)
    values = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    found = {config.roles.get(v) or role_of(v) for v in values[:200] if isinstance(v, str)}
    return next((role for role in ROLES if role in found), None)


def _value(claims: Claims, name: str) -> Any:
    """A claim by its name, or by the way to it: `realm_access.roles`."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
