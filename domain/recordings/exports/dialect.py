"""The questions a table of a logger leaves open, and their answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from domain.recordings.shape import RecordingError

QUESTIONS: Mapping[str, tuple[str, Mapping[str, str]]] = MappingProxyType(
    {
        "separator": (
            "what stands between columns",
            {"comma": "comma", "semicolon": "semicolon", "tab": "tab", "bar": "vertical bar"},
        ),
        "decimal": ("the decimal mark", {"point": "4.5", "comma": "4,5"}),
        "date_order": (
            "the order of a date",
            {"ymd": "year, month, day", "dmy": "day, month, year", "mdy": "month, day, year"},
        ),
        "clock": ("the clock", {"24": "24 hours", "12": "12 hours with AM and PM"}),
        "unit": ("the unit of temperature", {"C": "°C", "F": "°F", "K": "kelvin"}),
        "zone": ("the time zone", {}),
    }
)
SEPARATORS: Mapping[str, str] = MappingProxyType({"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"})


@dataclass(frozen=True, slots=True)
class Answer:
    """To one question: `chosen`, or None while `options` are all possible; `why` says what it rests on."""

    chosen: str | None
    why: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table that is read. `unit`: its own, where its header tells one."""

    index: int
    name: str
    role: str  # datetime | date | time | temp | humidity
    unit: str = ""
    probe: str = ""


@dataclass(frozen=True, slots=True)
class Detection:
    """How a table is written, as far as its text tells."""

    answers: Mapping[str, Answer]
    columns: tuple[Column, ...]
    header: tuple[str, ...]
    first_line: int
    """Of the first reading."""
    rows: int
    maker: str = ""
    serial: str | None = None
    unused: tuple[str, ...] = ()

    @property
    def open(self) -> tuple[str, ...]:
        """Questions somebody must answer."""
        return tuple(name for name, answer in self.answers.items() if answer.chosen is None)

    def chosen(self, question: str) -> str:
        """The answer.

        Raises:
            OpenQuestionsError: there is none yet.
        """
        answer = self.answers[question].chosen
        if answer is None:
            raise OpenQuestionsError(self)
        return answer

    def told(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {
            "maker": self.maker,
            "serial": self.serial,
            "rows": self.rows,
            "first_line": self.first_line,
            "header": list(self.header),
            "columns": [{"name": c.name, "role": c.role, "unit": c.unit, "probe": c.probe} for c in self.columns],
            "unused": list(self.unused),
            "questions": {
                name: {"chosen": each.chosen, "options": list(each.options), "why": each.why}
                for name, each in self.answers.items()
            },
            "open": list(self.open),
        }


class OpenQuestionsError(RecordingError):
    """The file can be read in more than one way, and nobody has said which."""

    def __init__(self, detection: Detection) -> None:
        self.detection = detection
        said = []
        for name in detection.open:
            answer = detection.answers[name]
            choices = " or ".join(answer.options) or "give it"
            said.append(f"{name} ({choices}): {answer.why}")
        super().__init__(f"it can be read in more than one way, say which: {'; '.join(said)}")
