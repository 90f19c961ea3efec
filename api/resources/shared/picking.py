"""How somebody knows what was picked, and what shelves and tags say of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from typing_extensions import TypedDict

from api.http.inputs import Strict, Text
from api.http.instants import Instant
from domain.orders.picked import GONE, Cause, Verdict
from domain.times import rfc3339, to_us
from operations.picking.record import Sensed

PickBy = Literal["scan", "hand", "weight", "tag"]
TAGS_MAX = 500


class PickEvidenceIn(Strict):
    """How it is known: scanned, counted by hand, told by shelf or tags. `since`: when the pick at the place began.

    `epcs`: tags that were taken. What shelf and tags say of that time is kept with the step.
    """

    by: PickBy
    since: Instant | None = None
    epcs: Annotated[list[Text], Field(default_factory=list, max_length=TAGS_MAX)]

    @model_validator(mode="after")
    def _whole(self) -> PickEvidenceIn:
        if self.by in ("weight", "tag") and self.since is None:
            raise ValueError("since: say when the pick there began")
        if self.by == "tag" and not self.epcs:
            raise ValueError("epcs: say which tags were taken")
        return self

    def kept(self) -> dict[str, Any]:
        """As it is kept with the step."""
        since = None if self.since is None else rfc3339(to_us(self.since))
        return {"by": self.by, "since": since, "epcs": sorted(set(self.epcs))}


class ShelfSays(TypedDict):
    """What a shelf says: `taken` as weighed in base units, `quantity` the whole number, off by no more than `bound`.

    `cause`, where it tells no number: no_sensor, silent, unsteady (something moves), no_unit_mass, other_product
    (it is set up for another), shared (other products lie there), too_coarse, more (more lies there than before).
    """

    slots: list[str]
    taken: float | None
    quantity: int | None
    bound: float | None
    sure: float
    cause: Cause | None


class TagSays(TypedDict):
    """A tag that was there, the chance that it was taken, and in which zone or by which reader it was heard since."""

    epc: str
    sure: float
    heard_in: str | None


class PickSays(TypedDict):
    """What sensors say of a pick; `tag_quantity`: so many tags were most likely taken, the surest are told first."""

    base_unit: str
    shelf: ShelfSays
    tags: list[TagSays]
    tag_quantity: int
    verdict: Verdict


def says(found: Sensed, verdict: Verdict) -> PickSays:
    """As it is told."""
    shelf = found.shelf
    return {
        "base_unit": found.base_unit,
        "shelf": {
            "slots": list(shelf.slots),
            "taken": None if shelf.taken is None else round(shelf.taken, 3),
            "quantity": shelf.quantity,
            "bound": None if shelf.bound is None else round(shelf.bound, 3),
            "sure": round(shelf.sure, 3),
            "cause": shelf.cause or None,
        },
        "tags": [
            {"epc": tag.epc, "sure": round(tag.sure, 3), "heard_in": tag.heard_in or None}
            for tag in found.tags[:TAGS_MAX]
        ],
        "tag_quantity": sum(tag.sure >= GONE for tag in found.tags),
        "verdict": verdict,
    }
