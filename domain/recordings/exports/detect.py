"""How a table of readings is written, with what each answer rests on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import pairwise
from types import MappingProxyType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.recordings.exports import cells
from domain.recordings.exports.columns import columns_of
from domain.recordings.exports.dialect import QUESTIONS, SEPARATORS, Answer, Column, Detection
from domain.recordings.exports.table import Table, separators_of, table_of
from domain.recordings.shape import RecordingError

MAKERS = {
    "elitech": "Elitech",
    "logtag": "LogTag",
    "temptale": "Sensitech TempTale",
    "sensitech": "Sensitech",
    "testo": "Testo",
    "tive": "Tive",
    "libero": "ELPRO LIBERO",
    "elpro": "ELPRO",
    "flashlink": "DeltaTrak FlashLink",
    "deltatrak": "DeltaTrak",
    "emerson": "Emerson",
    "cargo solutions": "Emerson",
    "hobo": "Onset HOBO",
    "lgr s/n": "Onset HOBO",
    "madgetech": "MadgeTech",
    "dickson": "Dickson",
    "rotronic": "Rotronic",
    "efento": "Efento",
    "controlant": "Controlant",
}
_SERIAL = re.compile(
    r"(?i)\b(?:serial(?: ?(?:number|no\.?|#))?|s/n|sn|logger id|device id|seriennummer|numéro de série)"
    r"\"?\s*[:;,\t|=][:;,\t|=\s]*\"?([A-Za-z0-9][A-Za-z0-9._-]{2,39})"
)
_PATTERN = re.compile(r"(?i)\b(d{1,2}|m{1,3}|y{2,4}|j{2,4}|t{2})([./-])(d{1,2}|m{1,3}|t{2})\2(d{1,2}|y{2,4}|j{2,4})\b")
_UNIT_SAID = re.compile(
    r"(?i)\b(?:units?|einheit|unité|scale)\b[^A-Za-z0-9°℃℉]*"
    r"(?:deg(?:rees?)?\.? *)?(°? ?[CF]\b|℃|℉|celsius|fahrenheit)"
)
_OFFSET = re.compile(r"(?i)\b(?:UTC|GMT) ?([+-]) ?(\d{1,2})(?::?(\d\d))?\b")
_ZONE_NAME = re.compile(r"\b(?:Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|Indian|Pacific)/[A-Za-z_/+-]+")
_PLAIN_UTC = re.compile(r"\b(?:UTC|GMT|Z)\b(?! ?[+-] ?\d)")
_PREAMBLE_CHARACTERS_MAX = 20_000


def detect(text: str, given: Mapping[str, str] = MappingProxyType({})) -> Detection:
    """How the text is written; `given` answers questions, over what the text tells where that is possible.

    Raises:
        RecordingError: there is no table in it, or an answer that is given cannot be.
    """
    for name, value in given.items():
        options = QUESTIONS[name][1] if name in QUESTIONS else None
        if options is None or (options and value not in options):
            raise RecordingError(f"{name} {value!r}: one of {', '.join(options) if options else ', '.join(QUESTIONS)}")
    separator = _separator(text, given.get("separator"))
    table = table_of(text, separator.chosen or "comma")
    columns, unused = columns_of(table)
    around = "\n".join([*table.before, SEPARATORS[separator.chosen or "comma"].join(table.header)])
    around = around[-_PREAMBLE_CHARACTERS_MAX:]
    dates, clocks = _moments(table, columns)
    answers = {
        "separator": separator,
        "decimal": _decimal(table, columns, given.get("decimal")),
        "date_order": _date_order(dates, around, given.get("date_order")),
        "clock": _clock(clocks, given.get("clock")),
        "unit": _unit(table, columns, around, given.get("unit")),
        "zone": _zone(clocks, around, given.get("zone")),
    }
    serial = _SERIAL.search(around)
    return Detection(
        answers,
        columns,
        table.header,
        table.rows[0].line,
        len(table.rows),
        _maker("\n".join([around, *table.rows[0].cells])),
        serial[1] if serial else None,
        unused,
    )


def zone_of(text: str) -> tzinfo:
    """A zone by its IANA name or as an offset.

    Raises:
        RecordingError: it is neither.
    """
    if text.upper() in ("UTC", "Z"):
        return UTC
    if match := re.fullmatch(r"([+-])(\d\d):?(\d\d)", text):
        minutes = int(match[2]) * 60 + int(match[3])
        if minutes < 24 * 60:
            return timezone(timedelta(minutes=-minutes if match[1] == "-" else minutes))
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise RecordingError(f"no time zone {text!r}: use an IANA name such as Europe/Helsinki, or +02:00") from None


def _maker(around: str) -> str:
    words = around.lower()
    return next((maker for word, maker in MAKERS.items() if re.search(rf"\b{word}\b", words)), "")


def _separator(text: str, given: str | None) -> Answer:
    possible = separators_of(text)
    if not possible:
        raise RecordingError("no line with a time and a temperature in it: export it as CSV with a line each reading")
    if given is not None:
        if given not in possible:
            raise RecordingError(f"separator {given!r}: no line has a time and a number then; {possible[0]} does")
        return Answer(given, "as confirmed", tuple(possible))
    return Answer(possible[0], "it makes columns of most lines", tuple(possible))


def _decimal(table: Table, columns: tuple[Column, ...], given: str | None) -> Answer:
    names = {".": "point", ",": "comma", "": ""}
    at = [column.index for column in columns if column.role in ("temp", "humidity")]
    found = {names[number.mark] for row in _cells(table, at) if (number := cells.number(row))} - {""}
    if len(found) > 1 and given is None:
        return Answer(None, "numbers are written with both marks", ("point", "comma"))
    if given is not None:
        if found and given not in found:
            raise RecordingError(f"decimal {given!r}: its numbers are written with a {found.pop()}")
        return Answer(given, "as confirmed", tuple(sorted(found)) or ("point", "comma"))
    if not found:
        return Answer("point", "all numbers are whole", ("point", "comma"))
    mark = found.pop()
    return Answer(mark, f"numbers are written with a {mark}", (mark,))


def _date_order(dates: list[cells.Written], around: str, given: str | None) -> Answer:
    if not dates:
        raise RecordingError("no dates in it")
    possible = set(cells.ORDERS)
    for written in set(dates):
        possible &= cells.orders_of(written) if not written.order else possible
    if all(written.order for written in dates):
        return Answer("ymd", "dates begin with the year or name the month", ("ymd",))
    if not possible:
        raise RecordingError("its dates are in no order that holds for all of them: day, month, year in one, please")
    options = tuple(sorted(possible, key=lambda order: (_jump_days(dates, order), order)))
    if given is not None:
        if given not in possible:
            raise RecordingError(f"date_order {given!r}: there are dates that are none then; possible: {options[0]}")
        return Answer(given, "as confirmed", options)
    if len(options) == 1:
        return Answer(options[0], "a date is possible in no other order", options)
    if (said := _order_said(around)) in options:
        return Answer(said, "the file names the order", options)
    if all(written.sep == "." for written in dates) and "dmy" in options:
        return Answer("dmy", "dates are written with dots", options)
    best, other = _jump_days(dates, options[0]), _jump_days(dates, options[1])
    hint = f" ({options[0]} has steps of {best:g} days at most, {options[1]} of {other:g})" if best < other else ""
    return Answer(None, f"all dates are possible as {' and as '.join(options)}{hint}", options)


def _order_said(around: str) -> str | None:
    for match in _PATTERN.finditer(around):
        order = "".join(part[0].lower() for part in (match[1], match[3], match[4]))
        order = order.replace("j", "y").replace("t", "d")
        if order in cells.ORDERS:
            return order
    return None


def _jump_days(dates: list[cells.Written], order: str) -> float:
    days = [day for written in dates if (day := cells.date_of(written, order)) is not None]
    return max((abs((b - a).days) for a, b in pairwise(days)), default=0)


def _clock(clocks: list[cells.Clock], given: str | None) -> Answer:
    halves = {bool(clock.half) for clock in clocks}
    if given is not None and (given == "12") not in halves:
        how = "with" if True in halves else "without"
        raise RecordingError(f"clock {given!r}: its times are written {how} AM and PM")
    if halves == {True, False} and given is None:
        return Answer(None, "some times have AM or PM and some have not", ("24", "12"))
    chosen = given or ("12" if halves == {True} else "24")
    hours = [clock.hour for clock in clocks]
    if chosen == "24" and given is None and halves == {False}:
        wall = [(clock.hour % 12, clock.minute) for clock in clocks]
        if len(hours) > 1 and all(1 <= hour <= 12 for hour in hours) and len(set(wall)) < len(wall):
            return Answer("24", "no AM or PM, though no hour is above 12: look at the times", ("24",))
    why = "as confirmed" if given else "times have AM and PM" if chosen == "12" else "times have no AM or PM"
    return Answer(chosen, why, (chosen,))


def _unit(table: Table, columns: tuple[Column, ...], around: str, given: str | None) -> Answer:
    temps = [column for column in columns if column.role == "temp"]
    own = {column.unit for column in temps}
    if "" not in own:
        if given is not None and own != {given}:
            raise RecordingError(f"unit {given!r}: its columns say {' and '.join(sorted(own))}")
        return Answer(min(own), "the columns name it", tuple(sorted(own)))
    behind = {n.unit for text in _cells(table, [c.index for c in temps]) if (n := cells.number(text))} - {"", "%"}
    if len(behind) == 1:
        (unit,) = behind
        if given not in (None, unit):
            raise RecordingError(f"unit {given!r}: its temperatures are written with {unit}")
        return Answer(unit, "it stands behind the numbers", (unit,))
    if given is not None:
        return Answer(given, "as confirmed", ("C", "F", "K"))
    said = {_letter(match[1]) for match in _UNIT_SAID.finditer(around)}
    if len(said) == 1:
        return Answer(said.pop(), "the lines before the table say so", ("C", "F"))
    return Answer(None, "nothing in the file says in what it measures", ("C", "F"))


def _letter(text: str) -> str:
    return "F" if "℉" in text or "f" in text.lower() else "C"


def _zone(clocks: list[cells.Clock], around: str, given: str | None) -> Answer:
    if all(clock.offset_min is not None for clock in clocks):
        if given is not None:
            zone_of(given)
        return Answer("UTC", "each time has its own offset", ())
    if given is not None:
        zone_of(given)
        return Answer(given, "as confirmed", ())
    offsets = {f"{m[1]}{int(m[2]):02d}:{m[3] or '00'}" for m in _OFFSET.finditer(around)}
    names = {m[0] for m in _ZONE_NAME.finditer(around)}
    found = {name for name in names if _exists(name)} or offsets
    if not found and _PLAIN_UTC.search(around):
        found = {"UTC"}
    if len(found) == 1:
        (name,) = found
        zone_of(name)
        return Answer(name, "the file names it", (name,))
    if found:
        return Answer(None, "the file names several zones", tuple(sorted(found)))
    return Answer(None, "its times are local and it does not say where: an IANA name such as Europe/Helsinki", ())


def _exists(name: str) -> bool:
    try:
        zone_of(name)
    except RecordingError:
        return False
    return True


def _cells(table: Table, at: Iterable[int]) -> Iterable[str]:
    at = list(at)
    return (row.cells[i] for row in table.rows for i in at if i < len(row.cells))


def _moments(table: Table, columns: tuple[Column, ...]) -> tuple[list[cells.Written], list[cells.Clock]]:
    """Dates and times of day as they are written."""
    dates: list[cells.Written] = []
    clocks: list[cells.Clock] = []
    for column in columns:
        for text in _cells(table, [column.index]):
            if column.role == "datetime" and (stamp := cells.stamp(text)):
                dates.append(stamp.date)
                clocks.append(stamp.clock)
            elif column.role == "date" and (day := cells.day(text)):
                dates.append(day)
            elif column.role == "time" and (clock := cells.clock(text)):
                clocks.append(clock)
    return dates, clocks


def wall_time(date_: cells.Written, clock: cells.Clock, order: str) -> datetime:
    """The moment of a date and a time of day, with its own offset or none.

    Raises:
        RecordingError: there is no such day or hour.
    """
    day, hour = cells.date_of(date_, order), cells.hour_of(clock)
    if day is None or hour is None:
        raise RecordingError("there is no such day or time of day")
    zone = None if clock.offset_min is None else timezone(timedelta(minutes=clock.offset_min))
    return datetime(day.year, day.month, day.day, hour, clock.minute, clock.second, tzinfo=zone)
