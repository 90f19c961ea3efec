"""The two things a simulated process produces: readings of devices, and happenings only the ground truth knows."""

from __future__ import annotations

from typing import Any, NamedTuple

Reading = dict[str, Any]


class Made(NamedTuple):
    """A reading as its sensor made it: true time in Unix ms, device, stream and the public JSON object."""

    t_ms: int
    device: str
    stream: str
    reading: Reading


class Event(NamedTuple):
    """Something that truly happened at `t_ms`: arrived, departed, doorstep, excursion_start, shelf_count, tag_moved."""

    t_ms: int
    kind: str
    subject: str
    detail: dict[str, Any]


Item = Made | Event
