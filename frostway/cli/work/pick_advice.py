"""`frostway pick advise`: a floor and its lists in, what should lie elsewhere out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.stock.bins import Goods, Limits
from firmware_sim.recordings import content_of
from frostway.cli.work.tables import print_table
from frostway.failure import Failure
from planning.advice.slots import Pick, Spot, propose
from planning.picking.block import AISLES_MAX, Block, BlockError

FILE_BYTES_MAX = 64 * 1024**2
BINS_MAX, LISTS_MAX = 5_000, 60_000


class Asked(BaseModel):
    """The file. `bins`: aisle and place of each; `lies`: the bin of each product; `lists`: products of each list."""

    model_config = ConfigDict(extra="forbid")
    aisles: int = Field(ge=1, le=AISLES_MAX)
    length: float = Field(gt=0, allow_inf_nan=False)
    pitch: float = Field(ge=0, allow_inf_nan=False)
    depot: float = Field(0.0, allow_inf_nan=False)
    bins: dict[str, tuple[int, float]] = Field(max_length=BINS_MAX)
    lies: dict[str, str]
    lists: list[list[str]] = Field(max_length=LISTS_MAX)


def print_advice(file: Path, *, as_json: bool) -> None:
    """Reads the file and prints what should lie elsewhere."""
    told = advice_of(content_of(file, FILE_BYTES_MAX), str(file))
    if as_json:
        import orjson  # noqa: PLC0415

        sys.stdout.buffer.write(orjson.dumps(told) + b"\n")
        return
    rows = [
        ("; ".join(f"{', '.join(m['products'])} {m['from']} to {m['to']}" for m in each["moves"]),
         f"{each['saved']:.0f}", f"{each['cost']:.0f}", f"{each['net']:.0f}")
        for each in told["proposals"]
    ]  # fmt: skip
    print_table(("Move", "Saves", "Costs", "Net"), rows, f"Nothing: {told['why']}.")
    sys.stdout.write(f"{told['lists']} lists, {told['walked']:.0f} walked\n")


def advice_of(content: bytes, name: str) -> dict[str, Any]:
    """What is printed of a file.

    Raises:
        Failure: what of it cannot be understood.
    """
    try:
        asked = Asked.model_validate_json(content)
        block = Block(asked.aisles, asked.length, asked.pitch, asked.depot)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise Failure(f"{name}: {place}{': ' if place else ''}{first['msg']}") from None
    except BlockError as error:
        raise Failure(f"{name}: {error}") from None
    for sku, code in asked.lies.items():
        if code not in asked.bins:
            raise Failure(f"{name}: lies.{sku}: there is no bin {code}; add it to bins")
    for code, (aisle, y) in asked.bins.items():
        if not (0 <= aisle < asked.aisles and 0 <= y <= asked.length):
            raise Failure(f"{name}: bins.{code}: {aisle}, {y} is not in the block")
    if strange := next((sku for each in asked.lists for sku in each if sku not in asked.lies), None):
        raise Failure(f"{name}: lists: {strange} lies nowhere; say so in lies")
    goods: dict[str, list[Goods]] = {}
    for sku, code in asked.lies.items():
        goods.setdefault(code, []).append(Goods(sku, 1.0))
    spots = [Spot(Limits(code), aisle, y, tuple(goods.get(code, ()))) for code, (aisle, y) in asked.bins.items()]
    picks = [Pick(str(n), asked.lies[sku], sku) for n, each in enumerate(asked.lists) for sku in each]
    found = propose(block, spots, picks)
    return {
        "proposals": [
            {
                "moves": [{"from": m.source, "to": m.target, "products": list(m.skus)} for m in each.moves],
                "saved": each.saved_m,
                "cost": each.moves_m,
                "net": each.net_m,
            }
            for each in found.proposals
        ],
        "lists": found.basis.lists,
        "walked": found.basis.walked_m,
        "why": found.why,
    }
