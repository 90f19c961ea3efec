"""Places for what lasts: downloads, requests under way. Each user and tenant has a share, so that none can take all."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from api.http.problems import Problem

Who = tuple[int, str]  # tenant, user
STUCK_S = 1.0


@dataclass(eq=False)
class Place:
    """One download. `waiting_since`: when its client began to let it wait; None while it does not."""

    who: Who
    end: Callable[[], None] = field(repr=False)
    waiting_since: float | None = None


class Downloads:
    """Places for downloads. When all are taken, one whose client does not read makes room for who comes."""

    def __init__(self, per_user: int = 2, per_tenant: int = 4, total: int = 32, what: str = "downloads") -> None:
        self._what = what
        self._per_user, self._per_tenant, self._total = per_user, per_tenant, total
        self._taken: dict[Place, None] = {}

    def __len__(self) -> int:
        return len(self._taken)

    def take(self, who: Who, now_s: float, end: Callable[[], None]) -> Place:
        """A place for a download of a tenant's user; `end` cuts it off.

        Raises:
            Problem: 429, the user or tenant has its share; 503, all places are taken by clients that read.
        """
        of_user = sum(place.who == who for place in self._taken)
        of_tenant = sum(place.who[0] == who[0] for place in self._taken)
        if of_user >= self._per_user or of_tenant >= self._per_tenant:
            whose, most = ("you", self._per_user) if of_user >= self._per_user else ("your company", self._per_tenant)
            raise Problem(
                429, f"{whose} may have {most} {self._what} at once: wait for one to end", {"Retry-After": "5"}
            )
        if len(self._taken) >= self._total and not self._make_room(now_s):
            raise Problem(503, f"other {self._what} are running: try again soon", {"Retry-After": "10"})
        place = Place(who, end)
        self._taken[place] = None
        return place

    def give_back(self, place: Place) -> None:
        """The download is over."""
        self._taken.pop(place, None)

    def _make_room(self, now_s: float) -> bool:
        stuck = [p for p in self._taken if p.waiting_since is not None and now_s - p.waiting_since >= STUCK_S]
        if not stuck:
            return False
        of_tenant = Counter(place.who[0] for place in self._taken)
        victim = min(stuck, key=lambda p: (-of_tenant[p.who[0]], p.waiting_since))
        self.give_back(victim)
        victim.end()
        return True


def places_for_files() -> Downloads:
    """Places for files that are brought: each may hold 512 MiB of the disk."""
    return Downloads(2, 2, 4, "imports")


class Shares:
    """Requests under way: at most `count` of one user at once, the next ones wait their turn, `patience_s` at most."""

    def __init__(self, count: int = 16, patience_s: float = 10.0, waiting_max: int = 100) -> None:
        self._count, self._patience_s, self._waiting_max = count, patience_s, waiting_max
        self._gates: dict[Who, tuple[asyncio.Semaphore, list[int]]] = {}

    @asynccontextmanager
    async def share(self, who: Who) -> AsyncIterator[None]:
        """A turn, from its beginning to its end.

        Raises:
            Problem: 429, too many of this user's requests wait already, or one has waited for too long.
        """
        gate, users = self._gates.setdefault(who, (asyncio.Semaphore(self._count), [0]))
        users[0] += 1
        try:
            if users[0] > self._count + self._waiting_max:
                raise _too_many()
            try:
                async with asyncio.timeout(self._patience_s):
                    await gate.acquire()
            except TimeoutError:
                raise _too_many() from None
            try:
                yield
            finally:
                gate.release()
        finally:
            users[0] -= 1
            if not users[0]:
                self._gates.pop(who, None)


def _too_many() -> Problem:
    return Problem(429, "too many requests of yours are under way: wait for some to end", {"Retry-After": "2"})
