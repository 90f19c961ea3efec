"""What is wrong with a line has a code and its parts."""

from __future__ import annotations

import re
from string import Formatter
from typing import get_args

from domain.faults import SAID, FaultCode, fault, fault_of
from domain.stock.inventory import line_of
from tests.stack import ROOT

GERMAN = (ROOT / "api/web/src/messages/de/stock.ts").read_text(encoding="utf-8")


def test_each_code_has_words_and_german_ones_of_the_same_parts() -> None:
    assert SAID.keys() == set(get_args(FaultCode))
    for code, text in SAID.items():
        parts = {name for _, name, _, _ in Formatter().parse(text) if name}
        german = re.search(rf"^  {code}: \((?:\{{ (.*?) \}})?\) =>", GERMAN, re.MULTILINE)
        assert code == "other" or (german and set((german[1] or "").split(", ")) - {""} == parts), code


def test_a_line_says_what_is_wrong_with_its_cells_by_code() -> None:
    said = {"sku": "x" * 65, "quantity": "a lot", "site": "Über", "best_before": "soon", "gtin": "12", "lat": 91}
    faults = {name: fault_of(text).code for name, text in line_of(3, said).faults.items()}
    assert faults == {
        "sku": "too_long", "quantity": "not_number", "site": "not_name", "best_before": "not_date", "gtin": "not_gtin",
        "lat": "out_of_range",
    }  # fmt: skip
    assert fault_of(ValueError("of its own")) == fault("other", text="of its own")
