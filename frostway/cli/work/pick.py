"""`frostway pick path`: a list in, the shortest walk out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from firmware_sim.recordings import content_of
from frostway.cli.work.tables import print_table
from frostway.failure import Failure
from planning.picking.block import AISLES_MAX, PICKS_MAX, Block, BlockError, Pick, lists_of
from planning.picking.rules import RULES
from planning.picking.shortest import shortest
from planning.picking.walk import Walk

FILE_BYTES_MAX = 16 * 1024**2


class Asked(BaseModel):
    """The file. `depot` is a place along the front, in aisles from the first."""

    model_config = ConfigDict(extra="forbid")
    aisles: int = Field(ge=1, le=AISLES_MAX)
    length: float = Field(gt=0, allow_inf_nan=False)
    pitch: float = Field(ge=0, allow_inf_nan=False)
    depot: float = Field(0.0, allow_inf_nan=False)
    picks: list[tuple[int, float]] = Field(max_length=PICKS_MAX)


def print_path(file: Path, *, as_json: bool) -> None:
    """Reads the list and prints how to walk it."""
    told = path_of(content_of(file, FILE_BYTES_MAX), str(file))
    if as_json:
        import orjson  # noqa: PLC0415

        sys.stdout.buffer.write(orjson.dumps(told) + b"\n")
        return
    rows = [(str(n), str(aisle), f"{y:g}") for n, (aisle, y) in enumerate(told["picks"], 1)]
    print_table(("Pick", "Aisle", "From the front"), rows, "Nothing is to be picked.")
    others = ", ".join(f"{name} {length:g}" for name, length in told["rules"].items())
    sys.stdout.write(f"{told['length']:g}, {told['method']} (by rule: {others})\n")


def path_of(content: bytes, name: str) -> dict[str, Any]:
    """What is printed of a file.

    Raises:
        Failure: what of it cannot be understood.
    """
    try:
        asked = Asked.model_validate_json(content)
        block = Block(asked.aisles, asked.length, asked.pitch, asked.depot)
        picks = [Pick(*each) for each in asked.picks]
        walk = shortest(block, picks)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise Failure(f"{name}: {place}{': ' if place else ''}{first['msg']}") from None
    except BlockError as error:
        raise Failure(f"{name}: {error}") from None
    return _told(block, picks, walk)


def _told(block: Block, picks: list[Pick], walk: Walk) -> dict[str, Any]:
    aisle = np.array([each.aisle for each in picks], np.int64)
    y_m = np.array([each.y_m for each in picks], float)
    lists = lists_of(block, np.zeros(len(picks), np.int64), aisle, y_m, 1)
    return {
        "length": walk.length_m,
        "order": walk.order,
        "method": "optimal",
        "picks": [list(picks[n]) for n in walk.order],
        "path": walk.path,
        "rules": {name: float(rule(block, lists)[0]) for name, rule in RULES.items()},
    }
