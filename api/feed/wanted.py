"""What a client of the live feed may ask for, whatever carries it, and why it is refused."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.feed.changes import TOPICS, Box
from api.feed.cursors import NOWHERE, Vector, decode_cursor, mark_in
from api.feed.views import View, mark_of

NAMED_MAX = 200
CURSOR_MAX = 8192
Named = Annotated[list[Annotated[str, Field(min_length=1, max_length=128)]], Field(max_length=NAMED_MAX)]


class Refused(Exception):  # noqa: N818 - an outcome, not an error of ours
    """The client is told why, then let go."""


class Wanted(BaseModel):
    """Topics, and what of them: a viewport (west, south, east, north in degrees), vehicles, shipments."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    topics: list[str] = Field(min_length=1, max_length=len(TOPICS))
    bbox: tuple[float, float, float, float] | None = None
    vehicles: Named | None = None
    shipments: Named | None = None
    cursor: str | None = Field(default=None, max_length=CURSOR_MAX)

    def chosen(self) -> frozenset[str]:
        """The topics."""
        return frozenset(self.topics)

    def view(self) -> View | None:
        """The part of them; None: all."""
        if self.bbox is None and self.vehicles is None and self.shipments is None:
            return None
        return View(Box(*self.bbox) if self.bbox else None, self.vehicles, self.shipments)

    def position(self) -> Vector | None:
        """Where the client was; a cursor that is not ours, or was given for something else, cannot be served."""
        if self.cursor is None:
            return None
        view, mark = self.view(), mark_in(self.cursor)
        if mark != mark_of(self.topics, view) and (mark or view is not None):
            return dict(NOWHERE)
        try:
            return decode_cursor(self.cursor)
        except ValueError:
            return dict(NOWHERE)


class Subscribe(Wanted):
    """What a client wants to follow; a later one replaces the former."""

    type: str = Field(pattern="^subscribe$")


AnyWanted = TypeVar("AnyWanted", bound=Wanted)


def subscription(shape: type[AnyWanted], body: dict[str, Any]) -> AnyWanted:
    """What is asked for.

    Raises:
        Refused: it cannot be, and why.
    """
    try:
        wanted = shape.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        raise Refused(f"{'.'.join(str(p) for p in first['loc'])}: {first['msg']}") from None
    if unknown := set(wanted.topics) - set(TOPICS):
        raise Refused(f"no topic {min(unknown)[:40]!r}: there are {', '.join(TOPICS)}")
    if wanted.bbox is not None:
        west, south, east, north = wanted.bbox
        if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
            raise Refused("bbox: west, south, east, north in degrees")
    return wanted
