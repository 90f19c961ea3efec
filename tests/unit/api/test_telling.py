"""What a customer reads without script is what the page says with it."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from api.http.agents import sort_of_client
from api.resources.shared.curves import drawing
from api.resources.shared.customers import LANGUAGES
from api.resources.shared.telling import Telling, caution, headline, temperature

WEB = Path(__file__).parents[3] / "api" / "web"
WORDS = WEB / "src" / "messages" / "customer"
CASES = json.loads((WEB / "tests" / "customer.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_the_server_tells_what_the_page_tells(case: dict[str, Any], language: str) -> None:
    words = json.loads((WORDS / f"{language}.json").read_text(encoding="utf-8"))
    t, s, now = Telling(words, case["zone"]), case["shipment"], datetime.fromisoformat(case["now"])
    kept = temperature(t, s, now)
    told = [headline(t, s, now), caution(t, s, now), *((kept.text, kept.last, kept.good) if kept else (None,) * 3)]
    assert told == case["told"][language]


def test_there_is_a_catalogue_for_each_language() -> None:
    assert {path.stem for path in WORDS.glob("*.json")} == set(LANGUAGES)


def test_a_curve_is_drawn_within_its_frame_and_nothing_of_nothing() -> None:
    found = {
        "times": ["2026-11-29T10:00:00Z", "2026-11-29T11:00:00Z"],
        "min_c": [2.5, -3.0],
        "max_c": [4.0, 9.0],
        "low_c": 2.0,
        "high_c": None,
    }
    root = ET.fromstring(drawing(found))
    places = root.find("{*}path[@class='band']").attrib["d"].strip("MZ").split("L")  # type: ignore[union-attr]
    numbers = [tuple(map(float, place.split())) for place in places]
    assert len(numbers) == 4
    assert all(44 <= x <= 472 and 12 <= y <= 148 for x, y in numbers)
    assert [text.text for text in root.findall("{*}text")] == ["-3.0°", "2.0°", "9.0°"]
    empty = {"times": [], "min_c": [], "max_c": [], "low_c": None, "high_c": None}
    assert ET.fromstring(drawing(empty)).find("{*}path[@class='band']") is None


@pytest.mark.parametrize(
    ("agent", "sort"),
    [
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605 Version/17 Safari/604",
            "Safari, iPhone",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/140.0 Safari/537 Edg/140.0", "Edge, Windows"),
        ("Slackbot-LinkExpanding 1.0", "preview of a message"),
        ("python-requests/2.32", "program"),
        ("", "unknown"),
    ],
)
def test_a_client_is_told_by_its_sort_only(agent: str, sort: str) -> None:
    assert sort_of_client(agent) == sort
