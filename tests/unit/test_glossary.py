"""Public names stand in the glossary, each once, beside the term they carry and its source."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from domain.readings import BY_STREAM
from frostway.settings import Settings
from tracker.families import KINDS

PAGE = (Path(__file__).resolve().parents[2] / "docs/glossary.md").read_text()
ROWS = re.findall(r"^\| ([^|`]+?) \| ([^|]+?) \| ([^|]+?) \| ([^|]+?) \|$", PAGE, re.MULTILINE)
TERMS = [row for row in ROWS if row[0] not in ("term", "---")]
NAMES = Counter(name for row in TERMS for name in re.findall(r"`(\w+)`", row[2]))
COMMON = ("id", "revision", "decided_at", "superseded_at", "rule_version", "retracted")


def test_a_term_has_a_meaning_and_a_source_and_stands_once() -> None:
    assert len(TERMS) > 50
    assert [term for term, count in Counter(row[0] for row in TERMS).items() if count > 1] == []
    sources = re.findall(r"\*\*(\w+(?: \d+)?)\*\*", PAGE[: PAGE.index("## ")])
    unknown = [row[0] for row in TERMS if not re.match("|".join([*sources, "EN 12830"]), row[3])]
    assert unknown == []


def test_every_kind_of_fact_and_every_field_of_it_stands_in_the_glossary() -> None:
    wanted = {*COMMON, *(kind.name for kind in KINDS), *(c.public for kind in KINDS for c in kind.public)}
    assert sorted(wanted - NAMES.keys()) == []


def test_every_field_of_a_reading_stands_in_the_glossary() -> None:
    wanted = {name for batch in BY_STREAM.values() for name in batch.DTYPES}
    assert sorted(wanted - NAMES.keys()) == []


def test_every_setting_stands_in_the_glossary() -> None:
    assert sorted(Settings.model_fields.keys() - NAMES.keys()) == []


def test_no_name_is_carried_by_two_terms_but_the_number_of_a_stop_and_of_a_reading() -> None:
    assert [name for name, count in NAMES.items() if count > 1] == ["seq"]
