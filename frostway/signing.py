"""How people sign in beside passwords, as the settings say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.permissions import ROLES, role_of
from frostway.failure import Failure

if TYPE_CHECKING:
    from api.oidc.words import OidcConfig
    from frostway.settings import Settings


def oidc_of(settings: Settings) -> OidcConfig | None:
    """The OpenID provider; None: people sign in by password only.

    Raises:
        Failure: the settings contradict one another; says which.
    """
    from api.oidc.fetch import is_address  # noqa: PLC0415
    from api.oidc.words import OidcConfig  # noqa: PLC0415

    issuer, secret = settings.oidc_issuer, settings.oidc_client_secret.get_secret_value()
    if not issuer:
        if settings.oidc_only:
            raise Failure("FROSTWAY_OIDC_ONLY: there is no provider, set FROSTWAY_OIDC_ISSUER")
        return None
    if not is_address(issuer) or "?" in issuer or "#" in issuer:
        raise Failure(f"FROSTWAY_OIDC_ISSUER: {issuer!r} is no https address (http on this machine only)")
    if not settings.oidc_client_id:
        raise Failure("FROSTWAY_OIDC_CLIENT_ID: the name under which the provider knows this installation is missing")
    if settings.oidc_client_secret_file is not None:
        if secret:
            raise Failure("FROSTWAY_OIDC_CLIENT_SECRET and FROSTWAY_OIDC_CLIENT_SECRET_FILE: set one of them")
        try:
            secret = settings.oidc_client_secret_file.read_text("utf-8").strip()
        except (OSError, UnicodeError) as error:
            raise Failure(f"FROSTWAY_OIDC_CLIENT_SECRET_FILE: {error}") from error
    return OidcConfig(
        issuer=issuer,
        client_id=settings.oidc_client_id,
        client_secret=secret,
        name=settings.oidc_name,
        scopes=settings.oidc_scopes,
        domains=tuple(part.strip().lower() for part in settings.oidc_domains.split(",") if part.strip()),
        role_claim=settings.oidc_role_claim,
        roles=_roles(settings.oidc_roles),
        tenant_claim=settings.oidc_tenant_claim,
        ca_file=str(settings.oidc_ca_file or ""),
        only=settings.oidc_only,
    )


def _roles(text: str) -> dict[str, str]:
    """Values of the claim and the roles they mean: `fleet-admins=admin, drivers=viewer`."""
    found = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        value, _, word = part.rpartition("=")
        role = role_of(word.strip())
        if not value or role is None:
            raise Failure(f"FROSTWAY_OIDC_ROLES: {part!r} is not VALUE=ROLE with one of {', '.join(ROLES)}")
        found[value.strip()] = role
    return found
