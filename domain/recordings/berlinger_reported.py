"""What a Berlinger logger says itself, from the settings and statistics of its text export.

A Fridge-tag has a history of days (`Hist:`): coldest, warmest and mean of each, the minutes beyond each limit, and when
an alarm was raised; a day on which an alarm of the day before goes on says `TS A: 00:00`. It measures each minute and
keeps only some of that. Alarm 0 is the lower limit, alarm 1 the upper one, both in one stay. A Q-tag CLm has one result
(`Res:`) with a mean kinetic temperature, and alarms of a type: 1 below, 2 above, in one stay; 3 below, 4 above, in all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from domain.numbers import decimal
from domain.recordings.reported import Alarm, Cumulative, Day, Extreme, Reported
from domain.times import EPOCH, written

_TYPES: dict[str, tuple[str, Cumulative]] = {
    "1": ("<", "consecutive"),
    "2": (">", "consecutive"),
    "3": ("<", "cumulative"),
    "4": (">", "cumulative"),
}
_DAY_MIN = 24 * 60
_YEARS = range(1990, 2200)
_CLOCK = re.compile(r"\d\d:\d\d(:\d\d)?", re.ASCII)


@dataclass(slots=True)
class _Node:
    """A line `key: value, key: value`, and the lines below it that stand further in."""

    depth: int
    values: dict[str, str] = field(default_factory=dict)
    below: dict[str, _Node] = field(default_factory=dict)

    def at(self, *keys: str) -> _Node:
        """What stands below these; an empty one when nothing does."""
        node = self
        for key in keys:
            node = node.below.get(key) or _Node(0)
        return node

    def number(self, key: str) -> float | None:
        """The value of a key as a number."""
        return decimal(self.values.get(key, ""))


def reported(lines: list[str], local: tzinfo) -> Reported:
    """What the device says; what cannot be read of it is left out."""
    root = _tree(lines)
    conf, history, result = root.at("Conf"), root.at("Hist"), root.at("Res")
    said = _Said(local, fahrenheit=conf.values.get("Temp unit") == "F")
    interval_min = conf.number("Logging Interval")
    days = tuple(said.days(history))
    return Reported(
        model=root.values.get("Device", ""),
        firmware=root.values.get("Fw Vers", ""),
        interval_s=interval_min * 60 if interval_min else None,
        delta_h_kj_per_mol=conf.number("MKT Energy"),
        activated_ms=said.moment(history.values.get("TS Actv") or result.values.get("TS Actv")),
        started_ms=said.moment(result.values.get("TS Start")),
        stopped_ms=said.moment(result.values.get("TS Stop") or history.values.get("TS Report Creation")),
        lowest=said.extreme(result, "Min T"),
        highest=said.extreme(result, "Max T"),
        mean_c=said.temp(result.values.get("Avrg T")),
        mkt_c=said.temp(result.values.get("MKT")),
        alarms=tuple(said.alarms(conf, history, result)),
        days=days,
    )


def _tree(lines: list[str]) -> _Node:
    root = _Node(-1)
    way = [root]
    for line in lines:
        text = line.strip()
        if text in ("Data:", "Cert:", "Marker:"):
            break
        depth = len(line) - len(line.lstrip(" "))
        while way[-1].depth >= depth:
            way.pop()
        key, colon, rest = text.partition(":")
        if not colon:
            continue
        pairs = _pairs(f"{key}:{rest}")
        if len(pairs) == 1 and not rest.strip():
            node = _Node(depth)
            way[-1].below[key] = node
            way.append(node)
        else:
            for name, value in pairs.items():
                way[-1].values.setdefault(name, value)
    return root


def _pairs(text: str) -> dict[str, str]:
    """The pairs of a line.

    >>> _pairs("t Acc: 312, TS A: 14:55, TS E:, C A: 0")
    {'t Acc': '312', 'TS A': '14:55', 'TS E': '', 'C A': '0'}
    """
    found: dict[str, str] = {}
    for part in text.split(","):
        key, _, value = part.partition(":")
        found.setdefault(key.strip(), value.strip())
    return found


class _Said:
    """Times and temperatures as this device writes them."""

    def __init__(self, local: tzinfo, *, fahrenheit: bool) -> None:
        self._local = local
        self._fahrenheit = fahrenheit

    def temp(self, text: str | None) -> float | None:
        value = decimal(text or "")
        if value is None or not -300 <= value <= 2000:
            return None
        return round((value - 32) / 1.8, 3) if self._fahrenheit else value

    def moment(self, text: str | None, day: date | None = None) -> int | None:
        """Unix ms of a local time; one without a date is of that day."""
        if not text:
            return None
        if day is not None and _CLOCK.fullmatch(text):
            text = f"{day} {text}"
        try:
            return self._ms(written(text))
        except (ValueError, OverflowError):
            return None

    def extreme(self, node: _Node, what: str, day: date | None = None) -> Extreme | None:
        temp_c, t_ms = self.temp(node.values.get(what)), self.moment(node.values.get(f"TS {what}"), day)
        return None if temp_c is None or t_ms is None else Extreme(t_ms, temp_c)

    def days(self, history: _Node) -> Iterator[Day]:
        """The days of the history, the oldest first."""
        for day, node in sorted(self._dated(history), key=lambda found: found[0]):
            beyond = [(number, each.number("t Acc")) for number, each in node.at("Alarm").below.items()]
            lost = [each.number("t AccST") or 0 for name, each in node.below.items() if name.endswith("Sensor timeout")]
            yield Day(
                day,
                self._ms(datetime.combine(day, time())),
                self._ms(datetime.combine(day + timedelta(days=1), time())),
                self.extreme(node, "Min T", day),
                self.extreme(node, "Max T", day),
                self.temp(node.values.get("Avrg T")),
                tuple((number, int(minutes)) for number, minutes in beyond if minutes is not None),
                int(min(max(lost, default=0), _DAY_MIN)),
            )

    def alarms(self, conf: _Node, history: _Node, result: _Node) -> Iterator[Alarm]:
        """The limits it is set to, with what came of each."""
        for number, each in conf.at("Alarm").below.items():
            limit_c, for_min = self.temp(each.values.get("T AL")), each.number("t AL")
            if limit_c is None or for_min is None:
                continue  # switched off
            if kind := each.values.get("Type"):
                if kind not in _TYPES:
                    continue
                op, mode = _TYPES[kind]
                came = result.at("Alarm", number)
                raised, minutes = self.moment(came.values.get("TS A")), came.number("t A")
                raised_ms: tuple[int, ...] = () if raised is None else (raised,)
            else:  # the WHO's refrigerator loggers: at or below the lower limit, above the upper one
                op, mode = ("<=" if number == "0" else ">"), "consecutive"
                raised_ms = tuple(self._raised(history, number))
                minutes = sum(node.at("Alarm", number).number("t Acc") or 0 for _, node in self._dated(history))
            beyond_s = None if minutes is None else minutes * 60
            yield Alarm(number, op, limit_c, for_min * 60, mode, raised_ms, beyond_s)  # type: ignore[arg-type]

    def _raised(self, history: _Node, number: str) -> Iterator[int]:
        """When an alarm was raised; a midnight after a day of alarm is the same one going on."""
        alarmed: set[date] = set()
        for day, node in sorted(self._dated(history), key=lambda found: found[0]):
            clock = node.at("Alarm", number).values.get("TS A")
            at = self.moment(clock, day)
            if at is None:
                continue
            goes_on = clock in ("00:00", "00:00:00") and day - timedelta(days=1) in alarmed
            alarmed.add(day)
            if not goes_on:
                yield at

    def _dated(self, history: _Node) -> Iterator[tuple[date, _Node]]:
        for node in history.below.values():
            try:
                day = date.fromisoformat(node.values.get("Date", ""))
            except ValueError:
                continue
            if day.year in _YEARS:
                yield day, node

    def _ms(self, moment: datetime) -> int:
        local = moment if moment.tzinfo else moment.replace(tzinfo=self._local)
        return round((local.astimezone(UTC) - EPOCH).total_seconds() * 1000)
