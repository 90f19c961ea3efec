"""Who asks too often waits, and nobody else; who waits for a place is let in in turn by whose it is."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from api.http.rates import BURST_S, Rates
from api.turns import Busy, Turns
from domain.limits import Buckets
from store.secrets import token_hash

RATE = 5.0
BURST = int(RATE * BURST_S)


def scope(address: str = "203.0.113.9", path: str = "/api/v1/vehicles", **headers: str) -> dict[str, Any]:
    found = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "client": (address, 1), "path": path, "headers": found}


def test_a_bucket_gives_its_burst_then_its_rate_and_never_more() -> None:
    buckets = Buckets(RATE, 10)
    taken = [n for n in range(1000) if buckets.take("a", n * 0.01) == 0.0]
    assert len(taken) == 10 + int(RATE * 9.99)
    assert taken[:10] == list(range(10))
    assert buckets.left("a", 1e9) == 10


def test_a_clock_that_goes_back_gives_nothing() -> None:
    buckets = Buckets(RATE, 1)
    assert [buckets.take("a", now) for now in (100.0, 99.0)] == [0.0, 1 / RATE]


def test_buckets_are_bounded_and_the_one_in_use_stays() -> None:
    buckets = Buckets(0.001, 1, keys_max=100)
    assert buckets.take("mine", 0.0) == 0.0
    for n in range(5000):
        buckets.take(n, 0.0)
        if n % 50 == 0:
            assert buckets.take("mine", 0.0) > 0
    assert len(buckets) == 100


def test_a_credential_counts_for_itself_once_it_was_good_and_a_stranger_for_the_network() -> None:
    rates = Rates(RATE, "fw_session")
    rates.knows(token_hash("good"), (1, "token:till"))
    rates.knows(token_hash("link"), ("link", 7))
    bearer = {"authorization": "Bearer good"}
    assert rates.of(scope(**bearer)) == (1, "token:till")
    assert rates.of(scope(cookie="a=b; fw_session=good")) == (1, "token:till")
    assert rates.of(scope(path="/t/link")) == ("link", 7)
    assert rates.of(scope(path="/api/v1/public/shipments/link/temperatures")) == ("link", 7)
    for stranger in (scope(), scope(authorization="Bearer bad"), scope(cookie="fw_session=bad"), scope(path="/t/bad")):
        assert rates.of(stranger) == ("address", "203.0.113.9")
    assert (
        rates.of(scope("2001:db8:1:2::7")) == rates.of(scope("2001:db8:1:2::8")) != rates.of(scope("2001:db8:1:3::7"))
    )
    rates.forgets(token_hash("good"))  # revoked: it is a stranger's, and takes no turns from who held it
    assert rates.of(scope(**bearer)) == ("address", "203.0.113.9")


def test_who_is_within_the_rate_never_waits_for_a_flood_from_the_same_network() -> None:
    rates = Rates(RATE, "fw_session")
    rates.knows(token_hash("good"), (1, "ann"))
    flood = [rates.take_of(rates.of(scope()), 0.0).wait_s for _ in range(500)]
    assert flood.count(0.0) == BURST
    assert rates.take_of(rates.of(scope(authorization="Bearer good")), 0.0).wait_s == 0.0


def test_what_is_left_is_told_and_when_to_come_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    rates = Rates(RATE, "fw_session")
    first = rates.take_of((1, "ann"), 0.0)
    assert first.headers == {
        "RateLimit-Policy": f'"requests";q={BURST};w=10',
        "RateLimit": f'"requests";r={BURST - 1};t=1',
    }
    for _ in range(BURST - 1):
        rates.take_of((1, "ann"), 0.0)
    refused = [rates.take_of((1, "ann"), 0.0) for _ in range(3)]
    assert {said.headers["Retry-After"] for said in refused} == {"1"}
    assert refused[0].headers["RateLimit"] == '"requests";r=0;t=10'
    assert rates.take_of((1, "ann"), 0.21).wait_s == 0.0
    assert caplog.text.count("asks more than") == 1


def test_health_is_told_however_often_and_zero_is_no_limit() -> None:
    rates = Rates(0.01, "c")
    assert all(rates.take(scope(path="/readyz")).wait_s == 0 for _ in range(100))
    assert [rates.take(scope()).wait_s > 0 for _ in range(2)] == [False, True]
    assert all(Rates(0, "c").take(scope()) == (0.0, {}) for _ in range(100))


class Hall:
    """Work that takes turns and lasts until it is told to end."""

    def __init__(self, **settings: Any) -> None:
        self.refused = 0
        given = {"patience_s": None, "waiting": 100, "refused": self._refuse, **settings}
        self.turns = Turns(given.pop("total", 4), given.pop("per_key", 3), **given)
        self.inside: list[str] = []
        self.order: list[str] = []
        self._end = asyncio.Event()

    def _refuse(self) -> None:
        self.refused += 1

    async def work(self, key: str) -> None:
        async with self.turns.turn(key):
            self.inside.append(key)
            self.order.append(key)
            await self._end.wait()
            self.inside.remove(key)

    def end(self) -> None:
        """Whoever is inside goes; who comes after stays only for a moment."""
        self._end.set()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_flood_leaves_a_place_and_waits_in_turn_with_others() -> None:
    async def work() -> None:
        hall = Hall()
        tasks = [asyncio.create_task(hall.work("flood")) for _ in range(50)]
        await settle()
        assert hall.inside == ["flood"] * 3
        tasks += [asyncio.create_task(hall.work(f"other-{n % 2}")) for n in range(4)]
        await settle()
        assert hall.inside == ["flood"] * 3 + ["other-0"]
        hall.end()
        await asyncio.gather(*tasks)
        assert {*hall.order[4:7]} == {"flood", "other-0", "other-1"}  # not behind the 47 who came before
        assert hall.order[4:].index("other-1") < 4
        assert hall.refused == 0

    asyncio.run(work())


def test_too_many_of_one_are_refused_before_too_many_of_all() -> None:
    async def work() -> None:
        hall = Hall(total=1, per_key=1, waiting=2)
        tasks = [asyncio.create_task(hall.work("a")) for _ in range(3)]
        await settle()
        with pytest.raises(Busy) as own:
            await hall.work("a")
        assert own.value.own
        tasks += [asyncio.create_task(hall.work(f"other-{n}")) for n in range(6)]
        await settle()
        with pytest.raises(Busy) as all_of_them:
            await hall.work("late")
        assert not all_of_them.value.own
        assert hall.refused == 2
        hall.end()
        await asyncio.gather(*tasks)

    asyncio.run(work())


def test_who_gives_up_or_is_told_to_go_leaves_no_place_taken() -> None:
    async def work() -> None:
        hall = Hall(total=1, per_key=1, patience_s=0.01)
        first = asyncio.create_task(hall.work("a"))
        await settle()
        with pytest.raises(Busy):
            await hall.work("b")
        gone = asyncio.create_task(hall.work("c"))
        await settle()
        gone.cancel()
        assert isinstance((await asyncio.gather(gone, return_exceptions=True))[0], asyncio.CancelledError)
        hall.end()
        await first
        given = asyncio.create_task(hall.work("d"))
        later = asyncio.create_task(hall.work("e"))
        await asyncio.gather(given, later)
        async with hall.turns.turn("f"):
            pass

    asyncio.run(work())


def test_a_place_that_is_given_to_one_who_is_just_cancelled_goes_on_to_the_next() -> None:
    async def work() -> None:
        turns = Turns(1, 1, patience_s=None, waiting=9, refused=lambda: None)
        async with turns.turn("a"):
            second = asyncio.create_task(turns._take("b"))
            third = asyncio.create_task(turns._take("c"))
            await settle()
        second.cancel()  # the place is its already
        await asyncio.wait_for(third, 5)

    asyncio.run(work())
