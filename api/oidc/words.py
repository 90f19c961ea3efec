"""What the rest of the API and an operator's settings say about the provider, and how a sign-in fails."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Why = Literal["away", "again", "refused", "not_invited", "shut_out", "taken", "clock", "wrong"]
"""Why nobody was signed in: the pages have a sentence for each.

`away` the provider cannot be reached or does not work; `again` the sign-in was not begun in this browser, or long ago;
`refused` the person or the provider said no; `not_invited`, `shut_out` and `taken` of the account; `clock` the clocks
differ; `wrong` what the provider said cannot be believed.
"""


class SignInError(Exception):
    """Nobody is signed in; `detail` is for the operator's log, never for a page.

    `who` and `tenant` (its key): who it would have been, for the trail of whoever may invite them.
    """

    def __init__(self, why: Why, detail: str, who: str = "", tenant: int | None = None) -> None:
        super().__init__(detail)
        self.why: Why = why
        self.who, self.tenant = who, tenant


@dataclass(frozen=True)
class OidcConfig:
    """The provider, and whom it may bring in.

    `roles` turns values of `role_claim` into roles; a value that is not in it counts as a role's name. Without a role
    claim only people who were invited get in. `domains`: of which e-mail addresses; none: any. `only`: people sign in
    by the provider alone, but for the account `admin` of the first tenant.
    """

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    name: str = ""
    scopes: str = "openid email profile"
    domains: tuple[str, ...] = ()
    role_claim: str = ""
    roles: Mapping[str, str] = field(default_factory=dict)
    tenant_claim: str = ""
    ca_file: str = ""
    only: bool = False

    @property
    def shown(self) -> str:
        """What the button calls it.

        >>> OidcConfig("https://login.example/realms/a", "frostway").shown
        'login.example'
        """
        return self.name or re.sub(r"^https?://", "", self.issuer).partition("/")[0]


def local_path(text: str) -> str:
    r"""Where to go after signing in: an address of our own pages, whatever was asked for.

    >>> [local_path(each) for each in ("/sites?a=b#c", "//evil.example", "/\\evil.example", "https://evil.example")]
    ['/sites?a=b#c', '/', '/', '/']
    """
    good = re.fullmatch(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,500}", text) or text == "/"
    return text if good and not text.startswith(("/api/", "/oidc/")) else "/"
