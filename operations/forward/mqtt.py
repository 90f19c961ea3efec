"""MQTT: a message for each reading and fact, QoS 1; taken is what the broker has acknowledged."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from functools import partial

from domain.brokers import check_prefix, parse_broker
from domain.forwarding import Item, json_object
from domain.webhooks import AddressError
from operations.deliver.publish import Login, Publication, publish
from operations.forward.http import EVERYWHERE
from operations.forward.sink import AwayError, Direct, ForwardError, RefusedError

BATCH = 5_000
WINDOW = 100
TIMEOUT_S = 60.0


class Mqtt(Direct):
    """A broker: PREFIX/readings/FAMILY/DEVICE and PREFIX/facts/FAMILY."""

    def __init__(self, url: str, prefix: str, user: str, secret: str, tls: ssl.SSLContext | None) -> None:
        """Raises `ForwardError`: it is no address, has a password in it, or no topic begins so."""
        try:
            parse_broker(url)
        except AddressError as error:
            raise ForwardError(f"--to: {str(error).removeprefix('url: ')}") from None
        try:
            self._prefix = check_prefix(prefix)
        except ValueError as error:
            raise ForwardError(f"--prefix {prefix}: {error}") from None
        self._url, self._login, self._tls = url, Login(user, secret if user else ""), tls

    @property
    def target(self) -> str:
        """See `Sink.target`."""
        return f"{self._url.rstrip('/')} {self._prefix}/"

    def put(self, items: Sequence[Item]) -> int:
        """See `Sink.put`."""
        some = [self._publication(item) for item in items[:BATCH]]
        taken = [0]
        told = partial(publish, self._url, self._login, some, EVERYWHERE, self._tls, TIMEOUT_S)
        attempt = told(window=WINDOW, taken=taken.append)
        if attempt.status == 200:
            return len(some)
        if attempt.status == 403:
            raise RefusedError(attempt.error, taken[-1])
        raise AwayError(attempt.error, taken[-1])

    def _publication(self, item: Item) -> Publication:
        family = item.family
        levels = ("readings", family.name, item.about) if family.is_reading else ("facts", family.name)
        return Publication("/".join((self._prefix, *levels)), json_object(item), content_type="application/json")
