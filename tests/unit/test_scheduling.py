"""What the runs of tests share between them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.scheduling import LONG, SELDOM, TOGETHER, chosen

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", SELDOM)
def test_what_is_run_seldom_is_there(name: str) -> None:
    file, _, test = name.partition("::")
    text = (ROOT / file).read_text(encoding="utf-8") if test else ""
    assert (ROOT / file).exists()
    assert not test or re.search(rf"^def {re.escape(test.partition('[')[0])}", text, re.MULTILINE)


@pytest.mark.parametrize("name", LONG)
def test_what_is_begun_first_is_there(name: str) -> None:
    assert name == TOGETHER or (ROOT / name).is_file()


def test_each_test_is_in_one_of_two_runs_and_all_of_them_by_hand() -> None:
    names = [SELDOM[0] + "::test_one", "tests/unit/test_scheduling.py::test_other"]
    assert chosen(names, "all") == [True, True]
    assert chosen(names, "often") == [False, True]
    assert chosen(names, "seldom") == [True, False]
