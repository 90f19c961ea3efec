"""Hands messages to programs that send them (`knock`): a few, begun when there is something to send."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from operations.deliver.address import Network
from operations.deliver.decide import Attempt
from operations.deliver.send import TIMEOUT_S

AT_ONCE = 3
BEGIN_S = 20.0  # the first message of a program waits for it to begin
_KEPT = ("PATH", "PYTHONPATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
"""What such a program knows of our surroundings: neither our passwords nor proxies."""


class Messenger:
    """Sends messages; may be asked by several threads."""

    def __init__(self, allowed: Sequence[Network] = (), ca_file: str = "", timeout_s: float = TIMEOUT_S) -> None:
        self._networks, self._timeout_s = ",".join(map(str, allowed)), timeout_s
        self._ca_file, self._trusted = ca_file, ""
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()
        self._idle: list[subprocess.Popen[bytes]] = []

    def send(self, url: str, title: str, body: str) -> Attempt:
        """What came of a message. Never raises for what the other side does."""
        begin = time.monotonic()
        with self._turns, self._program() as (program, is_new):
            asked = json.dumps({"url": url, "title": title, "body": body}).encode() + b"\n"
            limit_s = self._timeout_s + (BEGIN_S if is_new else 0)
            answer = _ask(program, asked, time.monotonic() + limit_s)
            took_ms = round((time.monotonic() - begin) * 1000)
            if answer is None:
                program.kill()
                return Attempt(None, f"no answer within {limit_s:g} s", took_ms)
            found = json.loads(answer or b"{}")
        if found.get("ok"):
            return Attempt(200, "", took_ms)
        error = str(found.get("error") or "the program that sends has ended")
        return Attempt(found.get("status"), error, took_ms, only_this=bool(found.get("only_this")))

    def close(self) -> None:
        """Ends the programs."""
        with self._lock:
            ended, self._idle = self._idle, []
        for program in ended:
            _end(program)
        if self._trusted:
            Path(self._trusted).unlink(missing_ok=True)
            self._trusted = ""

    @contextlib.contextmanager
    def _program(self) -> Iterator[tuple[subprocess.Popen[bytes], bool]]:
        """One that nobody else is asking, and whether it has just begun."""
        found = None
        with self._lock:
            while self._idle and found is None:
                found = self._idle.pop()
                if found.poll() is not None:
                    _end(found)
                    found = None
        is_new = found is None
        program = found or self._begin()
        try:
            yield program, is_new
        except BaseException:
            program.kill()
            raise
        finally:
            if program.poll() is None:
                with self._lock:
                    self._idle.append(program)
            else:
                _end(program)

    def _begin(self) -> subprocess.Popen[bytes]:
        safe = ["-P"] if sys.flags.safe_path else []
        command = [sys.executable, *safe, "-m", "operations.deliver.knock", self._networks]
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        if bundle := self._bundle():
            environment |= {"REQUESTS_CA_BUNDLE": bundle, "SSL_CERT_FILE": bundle}
        return subprocess.Popen(  # noqa: S603  our own module
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            bufsize=0,
        )

    def _bundle(self) -> str:
        """A file with further authorities beside those that Python's clients know; empty without."""
        with self._lock:
            if self._ca_file and not self._trusted:
                import certifi  # noqa: PLC0415 -- few ask for it

                with tempfile.NamedTemporaryFile("w", suffix=".pem", encoding="utf-8", delete=False) as file:
                    file.write(f"{certifi.contents()}\n{Path(self._ca_file).read_text('utf-8')}")
                self._trusted = file.name
            return self._trusted


def _ask(program: subprocess.Popen[bytes], asked: bytes, until: float) -> bytes | None:
    """A line for a line; empty when it has ended, None when it takes too long."""
    if program.stdin is None or program.stdout is None:
        return b""
    try:
        program.stdin.write(asked)
        answer = b""
        while not answer.endswith(b"\n"):
            if not select.select([program.stdout], [], [], max(0.0, until - time.monotonic()))[0]:
                return None
            part = os.read(program.stdout.fileno(), 65536)
            if not part:
                return b""
            answer += part
    except OSError:
        return b""
    return answer


def _end(program: subprocess.Popen[bytes]) -> None:
    for pipe in (program.stdin, program.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    if program.poll() is None:
        program.terminate()
    program.wait()
