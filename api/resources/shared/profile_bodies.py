"""What a temperature profile asks, as it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.http.inputs import Strict
from api.http.problems import Problem
from domain.cold_chain.parsing import ProfileError, profile_of
from domain.cold_chain.profile import (
    Aggregation,
    GapCharge,
    Mode,
    Op,
    Phase,
    Placement,
    Reset,
    Severity,
    TemperatureProfile,
)


class BandIn(Strict):
    """A condition, and how long it may last: in one stay, or cumulatively since the last `reset`."""

    name: str
    op: Op
    limit_c: float
    for_s: float | None = None
    mode: Mode | None = None
    reset: Reset | None = None
    reset_at: str | None = None
    window_s: float | None = None
    severity: Severity | None = None
    clear_c: float | None = None
    phases: list[Phase] | None = None


class MktIn(Strict):
    """A limit of the mean kinetic temperature over a window that contains the excursion."""

    limit_c: float
    window_s: float
    placement: Placement | None = None
    delta_h_kj_per_mol: float | None = None


class SuppressionIn(Strict):
    """When nobody is told; what is measured then counts all the same, unless `counts` is false."""

    door_open: bool | None = None
    defrost_s: float | None = None
    precondition_s: float | None = None
    counts: bool | None = None


class ScheduleIn(Strict):
    """When it holds: days (1 Monday to 7 Sunday), local times; `ends` may be on the next day."""

    days: list[int] | None = None
    begins: str | None = None
    ends: str | None = None


class BodyIn(Strict):
    """What goods may be exposed to. Without `bands` there is one above `high_c` and one below `low_c`, of `for_s`."""

    low_c: float | None = None
    high_c: float | None = None
    for_s: float | None = None
    hysteresis_c: float | None = None
    max_interval_s: float | None = None
    bands: list[BandIn] | None = None
    mkt: MktIn | None = None
    accuracy_c: float | None = None
    accuracy_class: str | None = None
    gap_charge: GapCharge | None = None
    aggregation: Aggregation | None = None
    coverage: float | None = None
    suppress: SuppressionIn | None = None
    schedule: ScheduleIn | None = None
    tz: str | None = None
    source: str | None = None
    edition: str | None = None

    def body(self) -> dict[str, Any]:
        """What was said, as `domain.cold_chain.parsing.profile_of` reads it."""
        said = self.model_dump(exclude_unset=True, include=set(BodyIn.model_fields))
        return {key: value for key, value in said.items() if value is not None}


def profile_in(body: Mapping[str, Any]) -> TemperatureProfile:
    """What is to be kept.

    Raises:
        Problem: 422, at the part that is wrong.
    """
    try:
        return profile_of(body)
    except ProfileError as error:
        field = error.part.replace("[", ".").replace("]", "")
        wrong = {"in": "body", "field": field, "message": error.wanted}
        raise Problem(422, str(error), errors=[wrong]) from None
