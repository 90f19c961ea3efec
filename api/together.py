"""Work that many ask for at once, done once for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

TOGETHER_MAX = 100

T = TypeVar("T")


class Together(Generic[T]):
    """Work that is done once for all who ask for it until its turn comes.

    `work` gets the key and all of them, at most `TOGETHER_MAX`; whoever goes meanwhile does not end it for the others.
    `turn` is what has to be waited for: a place among others.
    """

    def __init__(
        self, work: Callable[[Any, list[T]], Awaitable[None]], turn: Callable[[Any], AbstractAsyncContextManager[None]]
    ) -> None:
        self._work, self._turn = work, turn
        self._waiting: dict[Hashable, tuple[list[T], asyncio.Task[None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, key: Hashable, mine: T) -> None:
        """Waits until it is done with mine in it; raises what the work raises."""
        found = self._waiting.get(key)
        if found is None or len(found[0]) >= TOGETHER_MAX:
            some: list[T] = []
            task = asyncio.ensure_future(self._do(key, some))
            self._tasks.add(task)
            task.add_done_callback(self._ended)
            found = self._waiting[key] = some, task
        found[0].append(mine)
        await asyncio.shield(found[1])

    async def stop(self) -> None:
        """Ends what is at work."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever asked has it, if it still is there

    async def _do(self, key: Hashable, some: list[T]) -> None:
        try:
            async with self._turn(key):
                self._full(key, some)
                await self._work(key, some)
        finally:
            self._full(key, some)

    def _full(self, key: Hashable, some: list[T]) -> None:
        """Who asks from now on is not among these."""
        if key in self._waiting and self._waiting[key][0] is some:
            del self._waiting[key]
