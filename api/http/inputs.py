"""What a request may bring: strict models, so that what is misspelt or not one's own to set is refused, not ignored."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="a-z, 0-9, - and _, 64 at most")]
ShipmentName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Celsius = Annotated[float, Field(ge=-273.15, le=1000)]


def printable(text: str) -> str:
    """Text without control characters; else ValueError."""
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise ValueError("control characters cannot be stored")
    return text


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())  # which looks through a thousand files each time


def zone_name(name: str) -> str:
    """The name of a time zone; else ValueError."""
    if name not in _zones():
        raise ValueError("not an IANA time zone")
    return name


def printable_part(text: str, chars_max: int) -> str:
    r"""What a stranger's text leaves when it is cut and its control characters are taken out.

    >>> printable_part("Mozilla\x00/5.0", 9)
    'Mozilla/5'
    """
    return "".join(c for c in text if c.isprintable())[:chars_max]


Text = Annotated[str, AfterValidator(printable), Field(min_length=1, max_length=200)]


class Strict(BaseModel):
    """No unknown keys, no NaN, no infinity."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


TellersName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$", description="chosen by who tells it")]


def each_once(field: str, names: Sequence[str]) -> None:
    """Raises `ValueError` where a name stands twice in a batch."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{field}: {name} stands twice")
        seen.add(name)
