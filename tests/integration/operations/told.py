"""Strangers' servers that are told what happens, and the program's work done step by step."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from operations.deliver.address import networks
from operations.deliver.service import Deliveries
from operations.deliver.settings import DeliverConfig
from operations.follower import Follower
from operations.service import SOURCES
from store.db import connect
from tests.integration.api.seed import SEALING, World
from tests.logins import of_operations

LOOPBACK = networks("127.0.0.0/8")


class Mailbox:
    """A mail server: keeps what comes, answers as it is told."""

    def __init__(self, ssl_context: ssl.SSLContext | None = None) -> None:
        self.heard: list[tuple[list[str], EmailMessage]] = []
        self.answer = "250 OK"
        self.controller = Controller(self, hostname="127.0.0.1", port=_free_port(), ssl_context=ssl_context)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            message = message_from_bytes(bytes(envelope.content or b""), policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.heard.append((list(envelope.rcpt_tos), message))
        return self.answer

    def url(self, to: str = "night@example.org") -> str:
        return f"mailto://127.0.0.1:{self.controller.port}?from=frostway@example.org&to={to}"

    def text(self, n: int = -1) -> str:
        part = self.heard[n][1].get_body(("plain",))
        assert part is not None
        return str(part.get_content())


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def report(world: World, alert: int, what: str) -> None:
    world.run("update alert set revision = revision + 1 where id = %s", alert)
    world.run("insert into alert_event (alert_id, at, what, actor) values (%s, now(), %s, 'tracker')", alert, what)


def follow(dsn: str) -> None:
    """As the program does, each source to its end."""
    with connect(of_operations(dsn), "test") as connection:
        for source in SOURCES:
            follower = Follower(source)
            follower.begin(connection)
            while follower.step(connection):
                pass


@contextmanager
def deliveries(dsn: str, **options: Any) -> Iterator[Callable[..., int]]:
    """Tells what is due at a moment, all of it; returns how often it was tried."""
    made = Deliveries(DeliverConfig(of_operations(dsn), LOOPBACK, sealing_secret=SEALING), threading.Event(), **options)
    with ThreadPoolExecutor(4) as pool:

        def tell(later: timedelta = timedelta(0)) -> int:
            tried = 0
            while n := made.turn(pool, datetime.now(UTC) + later):
                tried += n
            return tried

        yield tell
    made.close()
