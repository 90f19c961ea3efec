"""How telling is kept: what is known of an alert and what was told of it, from the store and into it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from domain.times import rfc3339, to_us
from operations.escalation.decide import Alert, State, Told

Row = Mapping[str, Any]


def alert_of(row: Row) -> Alert:
    """What is known of an alert, from a row of `escalating`."""
    over = row["last"] if row["last"] in ("cleared", "retracted") else None
    return Alert(
        row["kind"], row["severity"], row["begun_at"], row["back_at"], over, row["over_at"],
        row["acknowledged_at"], row["vehicle"], row["fleet"], row["site"], row["muted_until"], row["unmuted_at"],
    )  # fmt: skip


def kept_of(state: State) -> dict[str, Any]:
    """A state as it is kept."""
    return {
        "round": state.round,
        "since": _text(state.since),
        "severity": state.severity,
        "word": state.word,
        "over_at": state.over_at and _text(state.over_at),
        "told": [{**each._asdict(), "at": _text(each.at)} for each in state.told],
    }


def state_of(kept: Mapping[str, Any] | None) -> State | None:
    """A state from what is kept of it."""
    if kept is None:
        return None
    at = datetime.fromisoformat
    told = tuple(Told(**{**each, "at": at(each["at"]), "channels": tuple(each["channels"])}) for each in kept["told"])
    over_at = kept["over_at"] and at(kept["over_at"])
    return State(kept["round"], at(kept["since"]), kept["severity"], kept["word"], over_at, told)


def _text(at: datetime) -> str:
    return rfc3339(to_us(at))
