"""Which milestones a customer is told, and in which words: once each, and again only when it matters."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from operations.milestones.decide import MATTERS, MILESTONES, Facts, News, Said, Window, decide, worth_until
from operations.milestones.words import WORDS, compose, with_links

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
ALL = list(MILESTONES)
PAGE = (Path(__file__).parents[3] / "docs/channels.md").read_text()


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def window(begin: float, end: float) -> Window:
    return Window(at(begin), at(end))


def going(begin: float, end: float, **more: object) -> Facts:
    """Under way, expected between two minutes."""
    return Facts("in_transit", window(60, 120), window(begin, end), at((begin + end) / 2), **more)  # type: ignore[arg-type]


@dataclass
class Recipient:
    """Remembers what was told, as the store does."""

    told: dict[str, Said] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)

    def look(self, facts: Facts, minutes: float, wanted: list[str] = ALL) -> list[str]:
        news = decide(facts, self.told, wanted, at(minutes))
        for each in news:
            self.told[each.milestone] = each.said
        return [("!" if each.corrects else "") + each.milestone for each in news]


def test_an_ordinary_delivery_is_told_in_four_messages() -> None:
    one = Recipient()
    planned = Facts("planned", window(60, 120))
    assert one.look(planned, 0) == ["planned"]
    assert one.look(planned, 1) == []
    assert one.look(going(80, 100), 20) == ["departed"]
    assert one.look(going(82, 103), 30) == []
    assert one.look(going(84, 100), 65) == ["arriving"]
    assert one.look(going(84, 100), 66) == []
    over = Facts("delivered", window(60, 120), arrived_at=at(91), verdict="in_range")
    assert one.look(over, 92) == ["delivered", "temperature"]
    assert one.look(over, 93) == []


def test_only_what_is_wanted_is_told() -> None:
    one = Recipient()
    assert one.look(Facts("planned", window(60, 120)), 0, ["delivered"]) == []
    assert one.look(going(10, 20), 1, ["delivered"]) == []
    assert one.look(Facts("delivered", arrived_at=at(15)), 16, ["delivered"]) == ["delivered"]


def test_a_link_made_late_tells_how_it_is_now_and_nothing_of_before() -> None:
    assert Recipient().look(Facts("delivered", window(0, 60), arrived_at=at(30)), 40) == ["delivered"]


def test_a_window_that_moves_by_little_is_not_told_again_and_one_that_moves_by_more_is() -> None:
    one = Recipient()
    one.look(going(60, 80), 0)
    assert one.look(going(70, 90), 20) == []
    assert one.look(going(95, 115), 25) == ["moved"]
    assert one.told["moved"].word == "later"
    assert one.look(going(150, 170), 30) == []  # so soon again
    assert one.look(going(150, 170), 41) == ["moved"]
    assert one.look(going(60, 90), 57) == ["arriving", "moved"]
    assert one.told["moved"].word == "earlier"


def test_another_plan_is_told_as_a_correction() -> None:
    one = Recipient()
    one.look(Facts("planned", window(60, 120)), 0)
    assert one.look(Facts("planned", window(65, 125)), 1) == []
    assert one.look(Facts("planned", window(180, 240)), 2) == ["!planned"]


def test_late_data_correct_what_was_told_in_a_way_that_matters() -> None:
    one = Recipient()
    one.look(going(60, 80), 0)
    arrived = Facts("delivered", arrived_at=at(70), verdict="indeterminate")
    assert one.look(arrived, 71) == ["delivered", "temperature"]
    assert one.look(arrived._replace(arrived_at=at(70) + MATTERS), 72) == []
    assert one.look(arrived._replace(arrived_at=at(50)), 73) == ["!delivered"]
    assert one.look(going(100, 120), 74) == ["moved", "!delivered"]
    assert one.told["delivered"].word == "withdrawn"
    assert one.look(going(100, 120), 75) == []
    assert one.look(arrived._replace(arrived_at=at(110)), 111) == ["!delivered"]
    assert one.look(arrived._replace(arrived_at=at(110), verdict="in_range"), 112) == ["!temperature"]
    assert one.look(arrived._replace(arrived_at=at(110), verdict="indeterminate"), 113) == []
    assert one.look(arrived._replace(arrived_at=at(110), verdict="excursion"), 114) == ["!temperature"]


def test_too_warm_is_told_under_way_and_not_again_at_the_end() -> None:
    one = Recipient()
    assert one.look(going(60, 80, verdict="excursion"), 0) == ["departed", "temperature"]
    assert one.look(Facts("delivered", arrived_at=at(70), verdict="excursion"), 71) == ["delivered"]


def test_a_departure_that_was_none_is_taken_back() -> None:
    one = Recipient()
    one.look(going(60, 80), 0)
    assert one.look(Facts("planned", window(600, 700)), 1, ["departed"]) == ["!departed"]
    assert one.look(going(60, 80), 2, ["departed"]) == ["!departed"]


def test_called_off_is_told_once() -> None:
    one = Recipient()
    assert one.look(Facts("cancelled"), 0) == ["cancelled"]
    assert one.look(Facts("cancelled"), 1) == []


def test_several_at_once_are_one_message_in_the_zone_of_the_recipient() -> None:
    news = [
        News("departed", Said(NOON, window(10, 20))),
        News("moved", Said(NOON, window(10, 20), word="later")),
    ]
    message = compose(news, "PO 1", "Store", "en", "Europe/Helsinki", NOON)
    assert message.title == "Delivery PO 1: later than said"
    assert message.lines == [
        "It is on its way to Store.",
        "It comes later than we said, 14:10–14:20.",  # noqa: RUF001
        "Times are those of Europe/Helsinki.",
    ]
    text = with_links(message.lines, "https://x.example/t/abc", "en")
    assert text.endswith("No more messages: https://x.example/t/abc/stop")


@pytest.mark.parametrize("language", list(WORDS))
@pytest.mark.parametrize("milestone", list(MILESTONES))
def test_every_milestone_has_words_in_every_language(language: str, milestone: str) -> None:
    said = [Said(NOON), Said(NOON, window(0, 3000)), Said(NOON, moment=at(-3000))]
    said = {
        "moved": [Said(NOON, window(1, 9), word="later"), Said(NOON, window(1, 9), word="earlier")],
        "temperature": [Said(NOON, word=word) for word in ("in_range", "excursion", "indeterminate")],
        "departed": [*said[:2], Said(NOON, word="withdrawn")],
        "delivered": [said[0], said[2], Said(NOON, word="withdrawn")],
    }.get(milestone, said[:1] if milestone == "cancelled" else [said[1]])
    texts = set()
    for each in said:
        for corrects in (False, True):
            message = compose([News(milestone, each, corrects)], "R", "P", language, "UTC", NOON)
            text = "\n".join([message.title, *message.lines])
            assert "{" not in text
            assert "?" not in text
            texts.add(text)
    assert len(texts) == 2 * len(said)


def test_a_message_is_worth_sending_as_long_as_any_of_it() -> None:
    assert worth_until([News("arriving", Said(NOON))], NOON) == at(30)
    assert worth_until([News("arriving", Said(NOON)), News("delivered", Said(NOON))], NOON) == at(720)


def test_the_page_names_every_milestone() -> None:
    assert [name for name, words in MILESTONES.items() if f"| `{name}` | {words}" not in PAGE] == []
