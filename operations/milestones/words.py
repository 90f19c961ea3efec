"""Milestones in the words of English, Finnish and German. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from operations.milestones.decide import WITHDRAWN, News, Window

STEP_S = 300
_TITLES = ("cancelled", "delivered", "arriving", "moved", "departed", "planned", "temperature")
"""Which of several is told first."""

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Delivery {reference}: {what}",
        "correction": "Correction: ",
        "planned": "planned for {window}",
        "planned_line": "It is to come to {place} {window}.",
        "departed": "on its way",
        "departed_line": "It is on its way to {place}.",
        "departed_window": "It is on its way to {place} and arrives {window}.",
        "departed_withdrawn": "not on its way yet",
        "departed_withdrawn_line": "It is not on its way yet, other than we said.",
        "arriving": "arriving soon",
        "arriving_line": "It arrives at {place} {window}.",
        "moved_later": "later than said",
        "moved_later_line": "It comes later than we said, {window}.",
        "moved_earlier": "earlier than said",
        "moved_earlier_line": "It comes earlier than we said, {window}.",
        "delivered": "arrived",
        "delivered_line": "It has arrived at {place}.",
        "delivered_moment": "It arrived at {place} at {moment}.",
        "delivered_withdrawn": "not there yet",
        "delivered_withdrawn_line": "It has not arrived yet, other than we said.",
        "temperature": "temperature",
        "in_range": "It was kept at the agreed temperature all the way.",
        "excursion": "It was outside the agreed temperature for a time. The sender knows.",
        "indeterminate": "Not all of its way was measured: nobody can tell for sure how cold it was kept.",
        "cancelled": "called off",
        "cancelled_line": "This delivery has been called off.",
        "zone": "Times are those of {tz}.",
        "see": "See where it is: {url}",
        "stop": "No more messages: {url}",
        "days": "Mon Tue Wed Thu Fri Sat Sun",
        "day": "{day} {date} {time}",
        "dotted": "",
    },
    "fi": {
        "title": "Toimitus {reference}: {what}",
        "correction": "Korjaus: ",
        "planned": "tulossa {window}",
        "planned_line": "Se tulee kohteeseen {place} {window}.",
        "departed": "matkalla",
        "departed_line": "Se on matkalla kohteeseen {place}.",
        "departed_window": "Se on matkalla kohteeseen {place} ja saapuu {window}.",
        "departed_withdrawn": "ei vielä matkalla",
        "departed_withdrawn_line": "Se ei olekaan vielä matkalla, toisin kuin kerroimme.",
        "arriving": "saapuu pian",
        "arriving_line": "Se saapuu kohteeseen {place} {window}.",
        "moved_later": "myöhemmin kuin kerroimme",
        "moved_later_line": "Se tulee myöhemmin kuin kerroimme, {window}.",
        "moved_earlier": "aikaisemmin kuin kerroimme",
        "moved_earlier_line": "Se tulee aikaisemmin kuin kerroimme, {window}.",
        "delivered": "perillä",
        "delivered_line": "Se on perillä: {place}.",
        "delivered_moment": "Se saapui kohteeseen {place} {moment}.",
        "delivered_withdrawn": "ei vielä perillä",
        "delivered_withdrawn_line": "Se ei olekaan vielä perillä, toisin kuin kerroimme.",
        "temperature": "lämpötila",
        "in_range": "Se pysyi sovitussa lämpötilassa koko matkan.",
        "excursion": "Se oli jonkin aikaa sovitun lämpötilan ulkopuolella. Lähettäjä tietää.",
        "indeterminate": "Koko matkaa ei mitattu: kukaan ei voi varmasti sanoa, pysyikö lämpötila sovittuna.",
        "cancelled": "peruttu",
        "cancelled_line": "Tämä toimitus on peruttu.",
        "zone": "Ajat ovat aikavyöhykkeen {tz}.",
        "see": "Katso missä se on: {url}",
        "stop": "Ei enää viestejä: {url}",
        "days": "ma ti ke to pe la su",
        "day": "{day} {date} klo {time}",
        "dotted": "1",
    },
    "de": {
        "title": "Lieferung {reference}: {what}",
        "correction": "Berichtigung: ",
        "planned": "geplant für {window}",
        "planned_line": "Sie soll {window} bei {place} ankommen.",
        "departed": "unterwegs",
        "departed_line": "Sie ist unterwegs zu {place}.",
        "departed_window": "Sie ist unterwegs zu {place} und kommt {window}.",
        "departed_withdrawn": "noch nicht unterwegs",
        "departed_withdrawn_line": "Sie ist doch noch nicht unterwegs, anders als gemeldet.",
        "arriving": "kommt bald",
        "arriving_line": "Sie kommt {window} bei {place} an.",
        "moved_later": "später als gemeldet",
        "moved_later_line": "Sie kommt später als gemeldet, {window}.",
        "moved_earlier": "früher als gemeldet",
        "moved_earlier_line": "Sie kommt früher als gemeldet, {window}.",
        "delivered": "angekommen",
        "delivered_line": "Sie ist angekommen: {place}.",
        "delivered_moment": "Sie ist bei {place} angekommen, {moment}.",
        "delivered_withdrawn": "noch nicht angekommen",
        "delivered_withdrawn_line": "Sie ist doch noch nicht angekommen, anders als gemeldet.",
        "temperature": "Temperatur",
        "in_range": "Die vereinbarte Temperatur wurde auf dem ganzen Weg gehalten.",
        "excursion": "Die vereinbarte Temperatur wurde zeitweise nicht gehalten. Der Absender weiß es.",
        "indeterminate": "Es wurde nicht überall gemessen: Ob die Temperatur gehalten wurde, ist nicht sicher.",
        "cancelled": "abgesagt",
        "cancelled_line": "Diese Lieferung ist abgesagt.",
        "zone": "Die Zeiten sind die von {tz}.",
        "see": "Wo sie ist: {url}",
        "stop": "Keine Nachrichten mehr: {url}",
        "days": "Mo Di Mi Do Fr Sa So",
        "day": "{day} {date} {time}",
        "dotted": "1",
    },
}


class Composed(NamedTuple):
    """A title, and lines without the links, which are put in when it is sent."""

    title: str
    lines: list[str]


def compose(news: Sequence[News], reference: str, place: str | None, language: str, tz: str, now: datetime) -> Composed:
    """One message of all that is to be told."""
    w, zone = WORDS.get(language, WORDS["en"]), ZoneInfo(tz)
    by_name = {each.milestone: each for each in news}
    first = by_name[next(name for name in _TITLES if name in by_name)]
    begin = w["correction"] if all(each.corrects for each in news) else ""
    title = begin + w["title"].format(reference=reference, what=_what(w, first, zone, now))
    lines, has_times = [], False
    for each in news:
        if each.milestone == "departed" and {"arriving", "moved"} & by_name.keys():
            each = each._replace(said=each.said._replace(window=None))  # noqa: PLW2901  the other one tells it
        line = _line(w, each, place or "?", zone, now)
        has_times |= each.said.window is not None or each.said.moment is not None
        lines.append((w["correction"] if each.corrects and not begin else "") + line)
    return Composed(title, [*lines, *([w["zone"].format(tz=tz)] if has_times else [])])


def with_links(lines: Sequence[str], url: str, language: str) -> str:
    """The text of a message: its lines, where to look, and how to have no more."""
    w = WORDS.get(language, WORDS["en"])
    return "\n".join([*lines, "", w["see"].format(url=url), "", w["stop"].format(url=f"{url}/stop")])


def _what(w: Mapping[str, str], news: News, zone: ZoneInfo, now: datetime) -> str:
    said = news.said
    word = news.milestone
    if said.word == WITHDRAWN:
        word += "_withdrawn"
    elif news.milestone == "moved":
        word += f"_{said.word}"
    return w[word].format(window=_window(w, said.window, zone, now))


def _line(w: Mapping[str, str], news: News, place: str, zone: ZoneInfo, now: datetime) -> str:
    said, word = news.said, f"{news.milestone}_line"
    if news.milestone == "temperature":
        word = said.word
    elif said.word:
        word = f"{news.milestone}_{said.word}_line"
    elif news.milestone == "departed" and said.window is not None:
        word = "departed_window"
    elif news.milestone == "delivered" and said.moment is not None:
        word = "delivered_moment"
    moment = _time(w, said.moment.astimezone(zone), now.astimezone(zone)) if said.moment else ""
    return w[word].format(place=place, window=_window(w, said.window, zone, now), moment=moment)


def _window(w: Mapping[str, str], window: Window | None, zone: ZoneInfo, now: datetime) -> str:
    """From 14:05 to 14:20, widened outwards to five minutes."""
    if window is None:
        return ""
    low = window.begin.timestamp() // STEP_S * STEP_S
    high = -(-window.end.timestamp() // STEP_S) * STEP_S
    first, last = (datetime.fromtimestamp(at, zone) for at in (low, high))
    until = f"{last:%H:%M}" if first.date() == last.date() else _time(w, last, now.astimezone(zone))
    begin = _time(w, first, now.astimezone(zone))
    return begin if high - low < timedelta(minutes=1).total_seconds() else f"{begin}–{until}"  # noqa: RUF001


def _time(w: Mapping[str, str], wall: datetime, today: datetime) -> str:
    if wall.date() == today.date():
        return f"{wall:%H:%M}"
    date = f"{wall.day}.{wall.month}." if w["dotted"] else f"{wall.day} {wall:%b}"
    return w["day"].format(day=w["days"].split(" ")[wall.weekday()], date=date, time=f"{wall:%H:%M}")
