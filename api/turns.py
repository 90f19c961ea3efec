"""Places for work of many: none has more than its part, and who waits is let in in turn by whose it is, not by when."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager

from psycopg_pool import PoolTimeout


class Busy(PoolTimeout):
    """There was no place: `own`, because too many of the same one wait; else because too many wait, or for too long."""

    def __init__(self, *, own: bool) -> None:
        super().__init__("too much is under way")
        self.own = own


class Turns:
    """At most `total` at once, `per_key` of one key; of one key at most `waiting` wait, of all four times as many."""

    def __init__(
        self, total: int, per_key: int, *, patience_s: float | None, waiting: int, refused: Callable[[], None]
    ) -> None:
        self._free, self._per_key, self._patience_s, self._waiting_max = total, per_key, patience_s, waiting
        self._refused = refused
        self._held: Counter[Hashable] = Counter()
        self._waiting: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, key: Hashable) -> AsyncIterator[None]:
        """A place, from its beginning to its end.

        Raises:
            Busy: too many wait, or this one has waited for too long.
        """
        await self._take(key)
        try:
            yield
        finally:
            self._give_back(key)

    async def _take(self, key: Hashable) -> None:
        if self._free and self._held[key] < self._per_key and key not in self._waiting:
            self._hold(key)
            return
        own = len(self._waiting.get(key, ()))
        if own >= self._waiting_max or sum(map(len, self._waiting.values())) >= 4 * self._waiting_max:
            self._refused()
            raise Busy(own=own >= self._waiting_max)
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(place)
        try:
            async with asyncio.timeout(self._patience_s):
                await place
        except BaseException as error:
            if place.done() and not place.cancelled():
                self._give_back(key)  # it was given while we were told to go
            else:
                self._forget(key, place)
            if isinstance(error, TimeoutError):
                self._refused()
                raise Busy(own=self._held[key] >= self._per_key) from None
            raise

    def _hold(self, key: Hashable) -> None:
        self._free -= 1
        self._held[key] += 1

    def _give_back(self, key: Hashable) -> None:
        self._free += 1
        self._held[key] -= 1
        if not self._held[key]:
            del self._held[key]
        self._let_in()

    def _forget(self, key: Hashable, place: asyncio.Future[None]) -> None:
        queue = self._waiting.get(key)
        if queue is not None and place in queue:
            queue.remove(place)
            if not queue:
                del self._waiting[key]

    def _let_in(self) -> None:
        """Gives free places to those who wait: the key that was let in longest ago comes first."""
        while self._free:
            key = next((each for each in self._waiting if self._held[each] < self._per_key), None)
            if key is None:
                return
            queue = self._waiting[key]
            place = queue.popleft()
            if queue:
                self._waiting.move_to_end(key)
            else:
                del self._waiting[key]
            if not place.done():
                self._hold(key)
                place.set_result(None)
