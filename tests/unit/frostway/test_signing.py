"""What the settings say of the OpenID provider; what contradicts itself is said in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from api.oidc.provider import Provider
from frostway.doctor import Finding, findings
from frostway.failure import Failure
from frostway.settings import Settings
from frostway.signing import oidc_of

GOOD = {"oidc_issuer": "https://login.example/realms/a", "oidc_client_id": "frostway"}


def settings(**values: Any) -> Settings:
    return Settings(**values)


@pytest.fixture(autouse=True)
def without_a_folder_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_an_issuer_people_sign_in_by_password() -> None:
    assert oidc_of(settings()) is None


def test_all_of_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    found = oidc_of(
        settings(
            **GOOD,
            oidc_client_secret_file=tmp_path / "secret",
            oidc_domains=" Depot.example, ,other.example",
            oidc_roles="fleet-admins=admin, cn=a=b=warehouse",
            oidc_role_claim="groups",
            oidc_only=True,
        )
    )
    assert found is not None
    assert (found.client_secret, found.shown, found.only) == ("from a file", "login.example", True)
    assert found.domains == ("depot.example", "other.example")
    assert found.roles == {"fleet-admins": "admin", "cn=a=b": "storekeeper"}
    assert "from a file" not in repr(found)


def said(**values: Any) -> list[Finding]:
    """What the doctor says of signing in; there is no stack."""
    found = findings(Path.cwd(), settings(**values))
    return [each for each in found if "provider" in each.what or "people sign in" in each.what or "OIDC" in each.what]


def test_the_doctor_says_whether_the_provider_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said() == []
    (nobody,) = said(oidc_issuer="http://127.0.0.1:9/", oidc_client_id="a")
    assert (nobody.well, "refused" in nobody.what, "OIDC_ISSUER" in nobody.mend) == (False, True, True)
    (wrong,) = said(oidc_issuer="http://login.example", oidc_client_id="a")
    assert (wrong.well, "OIDC_ISSUER" in wrong.what) == (False, True)

    async def there(_: Provider) -> dict[str, Any]:
        return {}

    monkeypatch.setattr(Provider, "said", there)
    (good,) = said(**GOOD)
    assert (good.well, good.what) == (True, "people sign in with login.example: https://login.example/realms/a")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"oidc_issuer": "http://login.example"}, "OIDC_ISSUER"),
        ({"oidc_issuer": "login.example"}, "OIDC_ISSUER"),
        ({"oidc_issuer": "https://login.example?a=b"}, "OIDC_ISSUER"),
        ({"oidc_client_id": ""}, "OIDC_CLIENT_ID"),
        ({"oidc_client_secret": "a", "oidc_client_secret_file": "b"}, "set one of them"),
        ({"oidc_client_secret_file": "not-there"}, "No such file"),
        ({"oidc_roles": "drivers"}, "VALUE=ROLE"),
        ({"oidc_roles": "drivers=root"}, "VALUE=ROLE"),
        ({"oidc_issuer": "", "oidc_only": True}, "there is no provider"),
    ],
)
def test_what_cannot_be_is_said(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(Failure, match=words):
        oidc_of(settings(**{**GOOD, **wrong}))
