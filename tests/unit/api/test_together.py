"""Work that many ask for at once is done once for all of them, and for each of them."""

from __future__ import annotations

import asyncio

import pytest

from api.together import TOGETHER_MAX, Together


def turns(places: int) -> asyncio.Semaphore:
    return asyncio.Semaphore(places)


def test_whoever_comes_while_others_wait_is_served_with_them_and_later_ones_are_not() -> None:
    done: list[tuple[str, list[int]]] = []

    async def run() -> None:
        turn, going = turns(1), asyncio.Event()

        async def work(key: str, some: list[int]) -> None:
            await going.wait()
            done.append((key, list(some)))

        together = Together(work, lambda _: turn)
        first = asyncio.ensure_future(together.ask("a", 1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        rest = [asyncio.ensure_future(together.ask(key, n)) for key, n in (("a", 2), ("b", 3), ("a", 4))]
        await asyncio.sleep(0)
        going.set()
        await asyncio.gather(first, *rest)

    asyncio.run(run())
    assert done == [("a", [1]), ("a", [2, 4]), ("b", [3])]


def test_too_many_are_several_and_a_failure_is_everybodys_and_nobody_elses() -> None:
    sizes: list[int] = []

    async def run() -> None:
        turn = turns(1)

        async def work(_: str, some: list[int]) -> None:
            sizes.append(len(some))
            if 0 in some:
                raise OSError("away")

        together = Together(work, lambda _: turn)
        found = await asyncio.gather(
            *(together.ask("", n) for n in range(2 * TOGETHER_MAX + 1)), return_exceptions=True
        )
        assert [type(each) for each in found] == [OSError] * TOGETHER_MAX + [type(None)] * (TOGETHER_MAX + 1)
        await together.ask("", 1)

    asyncio.run(run())
    assert sizes == [TOGETHER_MAX, TOGETHER_MAX, 1, 1]


def test_one_that_goes_does_not_end_the_work_for_others_and_one_that_finds_no_place_leaves_none_behind() -> None:
    done: list[int] = []

    async def run() -> None:
        turn = turns(1)

        async def work(_: str, some: list[int]) -> None:
            done.extend(some)

        together = Together(work, lambda _: turn)
        async with turn:
            asked = [asyncio.ensure_future(together.ask("", n)) for n in range(3)]
            await asyncio.sleep(0)
            asked[0].cancel()
            await asyncio.sleep(0)
        await asyncio.gather(*asked, return_exceptions=True)
        assert done == [0, 1, 2]

        class Full:
            async def __aenter__(self) -> None:
                raise TimeoutError

            async def __aexit__(self, *_: object) -> None: ...

        full = True
        other = Together(work, lambda _: Full() if full else turn)
        with pytest.raises(TimeoutError):
            await other.ask("", 7)
        full = False
        await other.ask("", 8)

    asyncio.run(run())
    assert done == [0, 1, 2, 8]
