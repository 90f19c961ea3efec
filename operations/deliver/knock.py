"""A program of its own that sends one message at a time by Apprise, behind a guard.

Apprise is large and knows 150 services; here it harms nobody. Whatever it connects to is looked at when it connects,
after names are looked up and redirects followed: only the world, on ports for mail and https, and networks that the
operator allows. It starts no programs, writes no files, and reads only what belongs to Python and to TLS.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import os
import re
import select
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from typing import Any

from domain.channels import secrets_of
from operations.deliver.address import NOWHERE, Network, is_allowed, is_private_allowed, networks
from operations.deliver.decide import ERROR_CHARS_MAX

PORTS = (25, 465, 587, 2525, 443, 8443)
"""Ports in the world; in a network that the operator allows any."""
IDLE_S = 300.0
_FORBIDDEN = (
    "socket.bind", "socket.sendto", "socket.sendmsg", "subprocess.Popen", "os.system", "os.exec", "os.fork",
    "os.forkpty", "os.posix_spawn", "os.spawn", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod",
    "os.chown", "os.link", "os.symlink", "os.truncate", "shutil.copyfile", "shutil.move", "shutil.rmtree",
)  # fmt: skip
_READ = (
    "/etc/ssl",
    "/etc/pki",
    "/usr/lib/ssl",
    "/usr/share/zoneinfo",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/hosts",
)


class Guard:
    """Looks at what is about to happen; `refused` says why something did not."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self.refused = ""
        self._allowed = allowed
        bundle = os.environ.get("SSL_CERT_FILE", "")
        roots = (bundle, sys.prefix, sys.base_prefix, *sysconfig.get_paths().values(), *sys.path, *_READ)
        self._roots = tuple(os.path.realpath(root) + os.sep for root in roots if root)

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        """Lets it happen, or raises."""
        if event == "socket.connect":
            self._connect(args[1])
        elif event == "open":
            self._open(args[0], args[1], args[2])
        elif event in _FORBIDDEN:
            self._refuse(f"a channel does nothing on this host ({event})")

    def _connect(self, address: Any) -> None:
        try:
            ip, port = ipaddress.ip_address(str(address[0]).partition("%")[0]), int(address[1])
        except (ValueError, TypeError, IndexError):
            self._refuse(NOWHERE.format("it"))
            return
        if not is_allowed(ip, self._allowed):
            self._refuse(NOWHERE.format("it"))
        mapped = getattr(ip, "ipv4_mapped", None) or ip
        if port not in PORTS and not is_private_allowed(mapped, self._allowed):
            https = "https, for it goes through the world" if port in (80, 8080) else f"port {port}"
            self._refuse(f"{https}: only ports {', '.join(map(str, PORTS))} in the world")

    def _open(self, path: Any, mode: Any, flags: Any) -> None:
        if isinstance(path, int):
            return
        writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        where = os.path.realpath(os.fsdecode(path))
        if writes or (isinstance(mode, str) and set(mode) & set("wax+")) or not f"{where}/".startswith(self._roots):
            self._refuse("a channel neither reads nor writes files of this host")

    def _refuse(self, why: str) -> None:
        self.refused = self.refused or why
        raise PermissionError(why)


class Heard(logging.Handler):
    """What Apprise says of a failure."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps warnings, and the reason that stands beside them."""
        text = record.getMessage()
        if record.levelno >= logging.WARNING or text.startswith("Socket Exception"):
            self.lines.append(text.removeprefix("Socket Exception: "))


def send(apprise: Any, guard: Guard, heard: Heard, asked: Mapping[str, str]) -> dict[str, Any]:
    """Sends a message; what came of it."""
    guard.refused, heard.lines = "", []
    status, only_this = None, False
    try:
        asset = apprise.AppriseAsset(app_id="Frostway", app_desc="Frostway", app_url="", http_redirects=False)
        found = apprise.Apprise.instantiate(asked["url"], asset=asset, suppress_exceptions=True)
        if found is None:
            why = " ".join(heard.lines[-1:]) or "something is missing"
            return {
                "ok": False,
                "status": None,
                "only_this": False,
                "error": _clean(f"not an address of its kind: {why}", asked),
            }
        found.socket_read_timeout, found.socket_connect_timeout = 10.0, 6.0
        is_sent = found.notify(body=asked["body"], title=asked["title"], body_format=apprise.NotifyFormat.TEXT)
    except Exception as error:  # noqa: BLE001 -- 150 services, each with faults of its own
        is_sent = False
        heard.lines.append(f"{type(error).__name__}: {error}")
    said = " ".join(heard.lines[-2:])
    if by_http := re.search(r"error=(\d{3})\b", said):
        status = int(by_http[1])
    elif by_mail := re.search(r"\((5\d\d), b?['\"]", said):
        status = int(by_mail[1])
        only_this = status in range(550, 555)
    why = "" if is_sent else guard.refused or _in_short(said) or "it was not taken"
    return {"ok": bool(is_sent), "status": status, "only_this": only_this, "error": _clean(why, asked)}


def _in_short(said: str) -> str:
    """What is the matter, without the names of Python's own parts.

    >>> _in_short("Pool(host=x): Max (Caused by NewError('[Errno 111] Connection refused'))")
    'Connection refused'
    """
    if found := re.search(r"\[Errno -?\d+\] ([^'\")\]]+)", said):
        return found[1].strip()
    if found := re.search(r"certificate verify failed: ([^(\"']+)", said):
        return f"its certificate is not to be trusted: {found[1].strip()}"
    if re.search(r"timed out|Timeout", said):
        return "no answer in time"
    return said


def _clean(error: str, asked: Mapping[str, str]) -> str:
    """An error without anything of the address."""
    for secret in secrets_of(asked["url"]):
        error = error.replace(secret, "…")
    return "".join(c if c.isprintable() else " " for c in error)[:ERROR_CHARS_MAX]


def main(allowed: str) -> None:
    """Messages come and outcomes go, a line of JSON each; without any for some minutes it ends."""
    import apprise  # noqa: PLC0415 -- half a second, and only here

    apprise.Apprise.instantiate("json://localhost")  # all services are read before nothing more may be
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    heard = Heard()
    logger = logging.getLogger("apprise")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.handlers = [heard]
    guard = Guard(networks(allowed))
    sys.addaudithook(guard)
    while select.select([sys.stdin], [], [], IDLE_S)[0]:
        line = sys.stdin.readline()
        if not line:
            break
        answers.write(json.dumps(send(apprise, guard, heard, json.loads(line))) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
