"""HTTP: batches of JSON lines, compressed, one POST after the other.

The address is the operator's, who owns the machine: unlike a tenant's webhook it may be inside. Redirects are not
followed.
"""

from __future__ import annotations

import gzip
import ssl
from base64 import b64encode
from collections.abc import Sequence

from domain.forwarding import Item, ndjson
from domain.webhooks import AddressError, parse_url
from operations.deliver.address import networks
from operations.deliver.send import post
from operations.forward.sink import AwayError, Direct, ForwardError, RefusedError

BATCH = 2_000
TIMEOUT_S = 60.0
EVERYWHERE = networks("0.0.0.0/0,::/0")
LATER = {408, 425, 429}
OF_THE_DATA = {400, 409, 413, 422}


class Http(Direct):
    """An address that takes JSON lines."""

    def __init__(self, url: str, tenant: str, user: str, secret: str, tls: ssl.SSLContext | None) -> None:
        """Raises `ForwardError`: it is no address, or has a password in it."""
        try:
            parse_url(url)
        except AddressError as error:
            raise ForwardError(f"--to: {str(error).removeprefix('url: ')}") from None
        self._url, self._tls = url, tls
        self._headers = {
            "content-type": "application/x-ndjson",
            "content-encoding": "gzip",
            "user-agent": "Frostway",
            "frostway-tenant": tenant,
        }
        if user:
            self._headers["authorization"] = f"Basic {b64encode(f'{user}:{secret}'.encode()).decode()}"
        elif secret:
            self._headers["authorization"] = f"Bearer {secret}"
        self._size = BATCH

    @property
    def target(self) -> str:
        """See `Sink.target`; without what stands behind the question mark, which may be a key."""
        return self._url.partition("?")[0]

    def put(self, items: Sequence[Item]) -> int:
        """See `Sink.put`. What is refused is halved until it is known which one it is."""
        some = items[: self._size]
        attempt = post(
            self._url,
            {**self._headers, "frostway-first-id": some[0].values[0], "frostway-items": str(len(some))},
            gzip.compress(ndjson(some), 5),
            EVERYWHERE,
            self._tls,
            TIMEOUT_S,
        )
        status, why = attempt.status, attempt.error
        if status is None or status >= 500 or status in LATER:
            raise AwayError(why, retry_after_s=attempt.retry_after_s)
        if 200 <= status < 300:
            self._size = min(self._size * 2, BATCH)
            return len(some)
        answer = f"{why}{': ' + attempt.answer[:200] if attempt.answer else ''}"
        if status not in OF_THE_DATA:
            raise ForwardError(
                f"{self.target} answers {answer}; that is of the address or the login, not of what is sent. "
                "Nothing is lost: mend it, and the same command goes on"
            )
        if len(some) == 1:
            self._size = BATCH
            raise RefusedError(answer)
        self._size = len(some) // 2
        return self.put(items)
