"""What the clients of a tenant have been given lately, so that a delta carries only what has changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from api.feed.changes import Change

SAID_AGAIN_S = 60.0


class Given:
    """Fields of objects as clients that follow everything have them.

    Law: what `news` leaves of changes gives the same objects as the changes themselves, to whoever had the ones before.
    A field is said again after a minute though it has not changed, so that no error stays for long; of alerts and of
    what is told as news nothing is left out.
    """

    def __init__(self) -> None:
        self._fields: dict[tuple[str, str], dict[str, Any]] = {}
        self._until_s: dict[tuple[str, str], float] = {}

    def news(self, changes: Iterable[Change], now_s: float) -> list[Change]:
        """The changes without what clients have already; `now_s` on a monotonic clock."""
        return list(self._news(changes, now_s))

    def _news(self, changes: Iterable[Change], now_s: float) -> Iterator[Change]:
        for change in changes:
            key, op = (change["topic"], change["id"]), change["op"]
            if op == "merge" and change["topic"] != "alerts":
                had = self._lately(key, now_s)
                fresh = {name: value for name, value in change["data"].items() if name not in had or had[name] != value}
                had.update(fresh)
                if fresh:
                    yield {**change, "data": fresh}
                continue
            if op == "put":
                self._fields[key], self._until_s[key] = dict(change["data"]), now_s + SAID_AGAIN_S
            elif op == "delete":
                self._fields.pop(key, None)
                self._until_s.pop(key, None)
            yield change

    def _lately(self, key: tuple[str, str], now_s: float) -> dict[str, Any]:
        if now_s < self._until_s.get(key, now_s):
            return self._fields[key]
        self._until_s[key] = now_s + SAID_AGAIN_S
        found = self._fields[key] = {}
        return found
