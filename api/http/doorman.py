"""Guessing at passwords and links: the guilty are slowed down, nobody waits for what others do.

Wrong passwords are counted by account and network together (those are one's own: after five one waits), by network over
all accounts, and by account over all networks. Where one of the latter two is too many, passwords are still looked at,
but one after the other, with a pause behind each wrong one: a right one is let in. A network is an IPv4 address, or 64
bits of IPv6. From where somebody has signed in before, the account's own crowd does not slow him down.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Hashable
from contextlib import AsyncExitStack, asynccontextmanager

from api.http.problems import Problem
from domain.limits import RateLimit

WRONG_SPAN_S = 60.0
OWN_COUNT = 5
CROWD_COUNT = 30
LINK_COUNT = 60
CODE_COUNT = 20
PAUSE_S = 1.0
WAITING_MAX = 5
KNOWN_MAX = 10_000

Account = tuple[str, str]  # tenant, user


class Lanes:
    """One after the other for each key; who finds too many waiting does not wait."""

    def __init__(self) -> None:
        self._lanes: dict[Hashable, tuple[asyncio.Lock, list[int]]] = {}

    @asynccontextmanager
    async def turn(self, key: Hashable) -> AsyncIterator[None]:
        """A turn in the lane of a key.

        Raises:
            Problem: 429, `WAITING_MAX` wait already.
        """
        lock, waiting = self._lanes.setdefault(key, (asyncio.Lock(), [0]))
        if waiting[0] > WAITING_MAX:
            raise too_many(PAUSE_S * WAITING_MAX)
        waiting[0] += 1
        try:
            async with lock:
                yield
        finally:
            waiting[0] -= 1
            if not waiting[0]:
                self._lanes.pop(key, None)


class Doorman:
    """Remembers, in memory and bounded, who guesses."""

    def __init__(self) -> None:
        self._own = RateLimit(OWN_COUNT, WRONG_SPAN_S)
        self._of_network = RateLimit(CROWD_COUNT, WRONG_SPAN_S)
        self._of_account = RateLimit(CROWD_COUNT, WRONG_SPAN_S)
        self._links = RateLimit(LINK_COUNT, WRONG_SPAN_S)
        self._codes = RateLimit(CODE_COUNT, WRONG_SPAN_S)
        self._known: OrderedDict[tuple[Account, str], None] = OrderedDict()
        self._lanes = Lanes()

    @asynccontextmanager
    async def attempt(self, account: Account, network: str) -> AsyncIterator[None]:
        """A look at a password, counted as wrong until `passed` says that it was right.

        Raises:
            Problem: 429, too many wrong ones of this account from this network, or too many at once.
        """
        now = time.monotonic()
        if (wait_s := self._own.wait_s((account, network), now)) > 0:
            raise too_many(wait_s)
        self._own.add((account, network), now)
        slow: list[Hashable] = []
        if self._of_network.wait_s(network, now) > 0:
            slow.append(network)
        if (account, network) not in self._known and self._of_account.wait_s(account, now) > 0:
            slow.append(account)
        async with AsyncExitStack() as turns:
            for lane in slow:
                await turns.enter_async_context(self._lanes.turn(lane))
            try:
                yield
            except Problem:
                if slow:
                    await asyncio.sleep(PAUSE_S)
                raise

    def failed(self, account: Account, network: str) -> None:
        """It was wrong."""
        now = time.monotonic()
        self._of_network.add(network, now)
        self._of_account.add(account, now)

    def passed(self, account: Account, network: str) -> None:
        """It was right. What the network did to other accounts, and others to this one, is not forgotten."""
        self._own.forgive((account, network))
        self._known[account, network] = None
        self._known.move_to_end((account, network))
        while len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)

    def wrong_link(self, network: str) -> float:
        """Counts a wrong link; the seconds to wait when there were too many. A good one is never asked to wait."""
        now = time.monotonic()
        wait_s = self._links.wait_s(network, now)
        if wait_s <= 0:
            self._links.add(network, now)
        return wait_s

    def wrong_code(self, network: str) -> None:
        """A sign-in with the provider came to nothing."""
        self._codes.add(network, time.monotonic())

    def wrong_codes_wait_s(self, network: str) -> float:
        """Seconds until the provider is asked for this network again: what is made up costs it and us something."""
        return self._codes.wait_s(network, time.monotonic())


def too_many(wait_s: float, what: str = "wrong passwords") -> Problem:
    """429 with the time to wait."""
    return Problem(429, f"too many {what}: wait a little", {"Retry-After": str(int(wait_s) + 1)})
