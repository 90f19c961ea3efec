"""From the writer's thread into a loop: each outcome arrives once, in order, and one that fails harms no other."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from ingest.doors.answers import Answers
from ingest.doors.inbox import Fate, Outcome


def outcome(number: int) -> Outcome:
    return Outcome(Fate.STORED, str(number))


def test_outcomes_of_many_threads_arrive_once_and_in_the_order_of_each_thread() -> None:
    each, tellers = 500, 4

    async def main() -> list[list[str]]:
        heard: list[list[str]] = [[] for _ in range(tellers)]
        answers, all_heard = Answers(asyncio.get_running_loop()), asyncio.Event()

        def note(who: int, told: Outcome) -> None:
            heard[who].append(told.why)
            if sum(map(len, heard)) == each * tellers:
                all_heard.set()

        def tell(who: int) -> None:
            for number in range(each):
                answers.to(lambda told: note(who, told))(outcome(number))

        threads = [threading.Thread(target=tell, args=(who,)) for who in range(tellers)]
        for thread in threads:
            thread.start()
        await all_heard.wait()
        for thread in threads:
            thread.join()
        return heard

    assert asyncio.run(main()) == [[str(number) for number in range(each)]] * tellers


def test_an_answer_that_fails_keeps_nobody_from_theirs(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> list[str]:
        heard: list[str] = []
        answers, last = Answers(asyncio.get_running_loop()), asyncio.Event()

        def fail(_told: Outcome) -> None:
            raise ValueError("a fault of ours")

        def note(told: Outcome) -> None:
            heard.append(told.why)
            last.set()

        answers.to(fail)(outcome(0))
        answers.to(note)(outcome(1))
        await last.wait()
        return heard

    with caplog.at_level(logging.ERROR, "ingest.doors.answers"):
        assert asyncio.run(main()) == ["1"]
    assert "an answer failed" in caplog.text


def test_after_its_loop_has_ended_nothing_happens() -> None:
    async def main() -> Answers:
        return Answers(asyncio.get_running_loop())

    heard: list[Outcome] = []
    asyncio.run(main()).to(heard.append)(outcome(0))
    assert heard == []
