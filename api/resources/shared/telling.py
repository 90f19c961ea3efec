"""What a customer reads where no script runs: the words of the page's own catalogues, times in a zone.

The page says the same by itself (`api/web/src/routes/t/[token]/telling.ts` and `words.ts`); tests hold both to the same
cases.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from api.http import pages

GLUE = "\u00a0"
STEP_MIN = 5
PAST = timedelta(minutes=1)
_VALUE = re.compile(r"\{(\w+)\}")


def catalogues() -> dict[str, dict[str, str]]:
    """The words in each language, as the build of the pages wrote them down; none where they were not built."""
    path = pages.STATIC / "customer.json"
    return _read(path) if path.is_file() else {}


@lru_cache(maxsize=2)
def _read(path: Path) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(path.read_bytes())
    return found


class Kept(NamedTuple):
    """How cold it was kept: `good` is None when nobody can tell."""

    good: bool | None
    text: str
    last: str


class Telling:
    """Times, spans and temperatures in a language and a time zone."""

    def __init__(self, words: dict[str, str], zone: str) -> None:
        self._words, self.zone = words, zone
        self._zone = ZoneInfo(zone)

    def say(self, word: str, **values: str) -> str:
        """A word or sentence with its values in it."""
        return _VALUE.sub(lambda m: values.get(m[1], m[0]), self._words[word])

    def time(self, at: datetime, now: datetime) -> str:
        """'14:05', or 'Mon 23 Nov 14:05' when it is not today."""
        wall, today = at.astimezone(self._zone), now.astimezone(self._zone)
        text = f"{wall:%H:%M}"
        return text if wall.date() == today.date() else f"{self._date(wall)} {text}"

    def _date(self, wall: datetime) -> str:
        weekday = self.say("weekdays").split(" ")[wall.weekday()]
        return self.say("date", weekday=weekday, day=str(wall.day), month=self.say("months").split(" ")[wall.month - 1])

    def window(self, begin: datetime, end: datetime, now: datetime, step_min: int = 1) -> str:
        """From 14:05 to 14:20, widened outwards to whole steps; one time when both ends fall on it."""
        step = step_min * 60
        low = begin.timestamp() // step * step
        high = -(-end.timestamp() // step) * step
        first, last = (datetime.fromtimestamp(at, self._zone) for at in (low, high))
        if high <= low:
            return self.time(first, now)
        until = f"{last:%H:%M}" if first.date() == last.date() else self.time(last, now)
        return f"{self.time(first, now)}–{until}"  # noqa: RUF001

    def temp(self, celsius: float) -> str:
        """4.7 → '4.7 °C'."""
        tenths = Decimal(celsius).quantize(Decimal("0.1"), ROUND_HALF_UP)  # as browsers round
        return f"{self._number(str(tenths))}{GLUE}°C"

    def _number(self, text: str) -> str:
        return text.replace("-", "−").replace(".", self.say("decimal"))  # noqa: RUF001

    def limits(self, low_c: float | None, high_c: float | None) -> str | None:
        """2, 8 → '2 to 8 °C'; None without limits."""
        low, high = (None if v is None else self._number(f"{v:g}") for v in (low_c, high_c))
        if low is not None and high is not None:
            return self.say("range", low=low, high=f"{high}{GLUE}°C")
        if high is not None:
            return self.say("at_most", high=f"{high}{GLUE}°C")
        return None if low is None else self.say("at_least", low=f"{low}{GLUE}°C")

    def age(self, at: datetime | None, now: datetime) -> str:
        """'just now', '12 s ago', '3 min ago', '2 h ago', '3 d ago'."""
        if at is None:
            return self.say("never")
        s = int((now - at).total_seconds() // 1)
        if s < -90:
            return self.say("ahead", span=self._span(-s))
        return self.say("just_now") if s < 3 else self.say("ago", span=self._span(s))

    def _span(self, s: int) -> str:
        if s < 60:
            return f"{s} s"
        if s < 3600:
            return f"{s // 60} min"
        return f"{s // 3600} h" if s < 48 * 3600 else f"{s // 86_400} {self.say('days')}"


def instant(text: Any) -> datetime | None:
    """From the text of an instant in the page's object."""
    return datetime.fromisoformat(text) if text else None


def headline(t: Telling, s: Any, now: datetime) -> str:
    """The one sentence of the page."""
    if s["status"] == "cancelled":
        return t.say("cancelled")
    stop, eta = s["stop"] or {}, s["eta"]
    if arrived := instant(stop.get("arrived_at")):
        return t.say("delivered_at", time=t.time(arrived, now))
    if s["status"] == "delivered":
        return t.say("delivered")
    if eta:
        early, late = instant(eta["p10"]), instant(eta["p90"])
        if early is None or late is None or late < now - PAST:
            return t.say("any_moment")
        return t.say("arrives", window=t.window(early, late, now, STEP_MIN))
    begin, end = instant(stop.get("window_start")), instant(stop.get("window_end"))
    return t.say("planned_for", window=t.window(begin, end, now)) if begin and end else t.say("not_known")


def caution(t: Telling, s: Any, now: datetime) -> str | None:
    """A word of caution under it, when its time rests on too few trips to be sure of."""
    if s["status"] == "cancelled":
        return t.say("cancelled_text")
    eta, late = s["eta"], instant((s["eta"] or {}).get("p90"))
    arrived = (s["stop"] or {}).get("arrived_at")
    shown = late is not None and late >= now - PAST and not arrived and s["status"] != "delivered"
    return t.say("guess") if shown and eta["guess"] else None


def temperature(t: Telling, s: Any, now: datetime) -> Kept | None:
    """How cold it was kept. Never silent when limits were promised."""
    found = s["temperature"]
    if not found or (found["verdict"] == "no_data" and _is_no_matter(t, s)):
        return None
    over, last = s["status"] == "delivered", ""
    if found["last_c"] is not None:
        last = t.say("last_measured", temperature=t.temp(found["last_c"]), age=t.age(instant(found["last_at"]), now))
    told = _VERDICTS.get(found["verdict"], _not_judged)
    good = {"in_range": True, "excursion": False}.get(found["verdict"])
    return Kept(good, told(t, t.limits(found["low_c"], found["high_c"]), _furthest(t, found), over=over), last)


def _is_no_matter(t: Telling, s: Any) -> bool:
    """Nobody measures, and nothing was promised or has begun."""
    promised = t.limits(s["temperature"]["low_c"], s["temperature"]["high_c"]) is not None
    return not promised or s["status"] in ("planned", "cancelled")


def _no_data(t: Telling, span: str | None, _beyond: str | None, *, over: bool) -> str:
    return t.say("nobody_measured", range=span or "") if over else t.say("not_measured")


def _in_range(t: Telling, span: str | None, beyond: str | None, *, over: bool) -> str:
    kept = t.say("kept" if over else "kept_so_far")
    if beyond:
        return t.say("but_briefly", kept=kept, range=span or "", beyond=beyond)
    return t.say("kept_within", kept=kept, range=span) if span else f"{kept}."


def _excursion(t: Telling, span: str | None, beyond: str | None, *, over: bool) -> str:
    del over
    left = t.say("left_range", range=span) if span else t.say("left_some_range")
    return t.say("sender_knows", what=t.say("at", what=left, beyond=beyond) if beyond else left)


def _not_judged(t: Telling, span: str | None, beyond: str | None, *, over: bool) -> str:
    missing = t.say("missing" if over else "still_missing")
    if beyond:
        word = "missing_beyond" if span else "missing_beyond_some"
        return t.say(word, missing=missing, beyond=beyond, range=span or "")
    return t.say("not_judged" if over else "not_judged_yet", missing=missing)


_VERDICTS = {"no_data": _no_data, "in_range": _in_range, "excursion": _excursion}


def _furthest(t: Telling, found: Any) -> str | None:
    """The temperature furthest beyond the limits."""
    above = found["max_c"] - found["high_c"] if None not in (found["max_c"], found["high_c"]) else 0
    below = found["low_c"] - found["min_c"] if None not in (found["min_c"], found["low_c"]) else 0
    if above <= 0 and below <= 0:
        return None
    return t.temp(found["max_c"] if above >= below else found["min_c"])
