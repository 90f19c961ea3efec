"""Which columns of a table are its times and its temperatures, by what they hold and how they are called."""

from __future__ import annotations

import re
from itertools import pairwise

from domain.recordings.exports import cells
from domain.recordings.exports.dialect import Column
from domain.recordings.exports.table import LOOK_ROWS, Table
from domain.recordings.shape import RecordingError

ENOUGH = 0.9  # of its cells must be what a column is taken for
_TEMP = re.compile(
    r"(?i)temp|°|℃|℉|celsius|fahrenheit|\bprobe|\bchannel|\bch ?\d|\bsensor|\bntc|\bgrad|\[[CF]\]|\([CF]\)|^t\d?$"
)
_HUMID = re.compile(r"(?i)humid|feucht|\brh\b|%|humedad|humidité|\bH\b\s*\[")
_OTHER = re.compile(
    r"(?i)dew|taupunkt|limit|alarm|alert|kinetic|\bmkt\b|set ?point|thresh|\bmin|\bmax|aver|\bmean|light|lux|shock|"
    r"accel|press|batter|lat|lon|altitude|tilt|elapsed|count|\bno\b|\bid\b|index|signal|speed|accuracy"
)
_ELAPSED = re.compile(r"(?i)elapsed|duration|dauer|durée")
_UNIT = re.compile(r"(?:°|\(|\[|_|deg ?| )([CFK])(?:\)|\]|\b)|(℃)|(℉)|(?i:(celsius)|(fahrenheit))")


def columns_of(table: Table) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """The columns that are read, and the names of those that are not.

    Raises:
        RecordingError: no time, or no temperature that can be told from other numbers.
    """
    width = max(len(row.cells) for row in table.rows)
    names = [table.header[i] if i < len(table.header) else "" for i in range(width)]
    held = [[row.cells[i] for row in table.rows[:LOOK_ROWS] if i < len(row.cells)] for i in range(width)]
    times = _times(names, held)
    used = {column.index for column in times}
    numeric = [i for i in range(width) if i not in used and _share(held[i], "number")]
    humid = [i for i in numeric if _HUMID.search(names[i]) and not _TEMP.search(names[i].replace("%", ""))]
    named = [i for i in numeric if _TEMP.search(names[i]) and not _OTHER.search(names[i]) and i not in humid]
    temps = named or [i for i in numeric if i not in humid and not _OTHER.search(names[i]) and not _counts(held[i])]
    if not temps:
        raise RecordingError(f"no column of temperatures in {', '.join(filter(None, names)) or 'it'}")
    if not named and len(temps) > 1:
        raise RecordingError("several columns of numbers, and no name says which is a temperature: name it Temperature")
    probes = _probes([names[i] for i in temps])
    found = list(times)
    found += [Column(i, names[i], "temp", _unit(names[i]), probe) for i, probe in zip(temps, probes, strict=True)]
    if len(temps) == 1 and len(humid) == 1:
        found.append(Column(humid[0], names[humid[0]], "humidity", "%", probes[0]))
    taken = {column.index for column in found}
    unused = tuple(names[i] or f"column {i + 1}" for i in range(width) if i not in taken and any(held[i]))
    return tuple(sorted(found, key=lambda c: c.index)), unused


def _times(names: list[str], held: list[list[str]]) -> list[Column]:
    for i, texts in enumerate(held):
        if _share(texts, "stamp"):
            return [Column(i, names[i], "datetime")]
    dates = [i for i, texts in enumerate(held) if _share(texts, "day")]
    clocks = [i for i, texts in enumerate(held) if _share(texts, "clock") and not _ELAPSED.search(names[i])]
    if not dates or not clocks:
        raise RecordingError("no column of times in it: each line needs a date and a time of day")
    date = dates[0]
    clock = min(clocks, key=lambda i: (abs(i - date), i))
    return [Column(date, names[date], "date"), Column(clock, names[clock], "time")]


def _share(texts: list[str], what: str) -> bool:
    """Whether nearly all cells that hold something hold that."""
    reader = getattr(cells, what)
    filled = [text for text in texts if not cells.is_empty(text)]
    return bool(filled) and sum(reader(text) is not None for text in filled) >= ENOUGH * len(filled)


def _counts(texts: list[str]) -> bool:
    """Whether it numbers the lines, as 1, 2, 3."""
    numbers = [int(text) for text in texts if text.isascii() and text.isdigit()]
    return len(numbers) == len(texts) > 1 and all(b - a == 1 for a, b in pairwise(numbers))


def _unit(name: str) -> str:
    """The unit a header names.

    >>> [_unit(n) for n in ("Temperature(°C)", "Temp °F", "temp_f", "Probe 1 [°C]", "Temperature")]
    ['C', 'F', '', 'C', '']
    """
    match = _UNIT.search(name)
    if match is None:
        return ""
    letter, c_sign, f_sign, c_word, f_word = match.groups()
    return letter or ("C" if c_sign or c_word else "F" if f_sign or f_word else "")


def _probes(names: list[str]) -> list[str]:
    """Short names of probes; the only one is `main`.

    >>> _probes(["Probe 1 (°C)", "Probe 2 (°C)"]), _probes(["Temperature °C"])
    (['probe-1', 'probe-2'], ['main'])
    """
    if len(names) == 1:
        return ["main"]
    short = [re.sub(r"[^a-z0-9]+", "-", _UNIT.sub(" ", name).lower()).strip("-")[:48] for name in names]
    return [name if name and short.count(name) == 1 else f"{name or 'probe'}-{i}" for i, name in enumerate(short, 1)]
