"""`frostway replenish`: a file of products in, proposals out."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping, Sequence
from math import inf, isfinite, nan
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast, get_args
from zoneinfo import ZoneInfo

import numpy as np

from api.resources.shared.imports.cells import Cell, How, flat, number, plain, text
from api.resources.shared.imports.files import Columns, FileError, Thing, open_source
from api.resources.shared.imports.sheets import SheetError
from domain.tables import csv_line
from firmware_sim.recordings import content_of
from frostway.cli.work.tables import print_table
from frostway.failure import Failure
from planning.replenishment.draws import Demands, Each, Forecasts, LeadTimes, as_histories
from planning.replenishment.normal import StockError, check
from planning.replenishment.policies import Kind
from planning.replenishment.projection import Inbound, Lot, Projected, Surplus, projected, surplus
from planning.replenishment.proposals import Goal, Proposal, Rule, Stock, proposals
from planning.replenishment.suppliers import Candidate, JointOrder, Limits, joint_order, within

FILE_BYTES_MAX = 256 * 1024**2
LINES_MAX = 20_000
FIGURES_MAX = 4_000
WORLDS = 500


class Asked(NamedTuple):
    """What is asked of the command line."""

    service: float = 0.95
    goal: Goal = "cycle"
    days: int = 28
    budget: float | None = None
    demand: float = 1.0
    late: int = 0
    seed: int = 1


def figures(cell: Any, how: How) -> list[float] | None:
    """Numbers with spaces or semicolons between; `-` is one that nobody knows."""
    said = cell if isinstance(cell, list) else plain(cell).replace(";", " ").split()
    if len(said) > FIGURES_MAX:
        raise ValueError(f"{len(said)} numbers are more than {FIGURES_MAX}")
    return [nan if each in ("-", None) else float(number(each, how) or 0.0) for each in said] or None


def word_of(known: Sequence[str]) -> Cell:
    """One of these."""

    def read(cell: Any, _how: How) -> str | None:
        said = plain(cell)
        if said and said not in known:
            raise ValueError(f"{said!r} is not one of {'; '.join(known)}")
        return said or None

    return read


def days_of(cell: Any, how: How) -> int | None:
    """Whole days."""
    found = number(cell, how)
    if found is not None and (not found.is_integer() or not 1 <= found <= 3_650):
        raise ValueError(f"{found:g} is no number of days from 1 to 3650")
    return None if found is None else int(found)


COLUMNS = Columns(
    {
        "sku": text, "site": text, "supplier": text, "lane": text,
        "history": figures, "demand_mean": number, "demand_deviation": number,
        "lead_times": figures, "lead_mean": number, "lead_deviation": number,
        "on_hand": number, "on_order": number, "owed": number, "allocated": number,
        "policy": word_of(get_args(Kind)), "goal": word_of(get_args(Goal)), "service": number, "review_days": days_of,
        "pack": number, "minimum": number, "gap": number, "can": number,
        "order_cost": number, "holding_cost": number, "short_cost": number, "life_days": days_of, "days_left": number,
        "room": number,
        "price": number, "size": number, "supplier_minimum": number, "truck": number,
        "eta_p10": number, "eta_p50": number, "eta_p90": number, "accepted": number,
    },
    ("sku",),
)  # fmt: skip


NOT_NEGATIVE = (
    "on_hand", "on_order", "owed", "allocated", "price", "size", "demand_mean", "demand_deviation", "lead_mean",
    "lead_deviation", "supplier_minimum", "truck", "can",
)  # fmt: skip
CALLED = {"least": "minimum", "most": "room", "kind": "policy"}
"""Columns that are called otherwise than what they become."""


class Line(NamedTuple):
    """A line that is understood."""

    at: int
    said: Mapping[str, Any]
    rule: Rule
    stock: Stock
    inbound: tuple[Inbound, ...]

    @property
    def name(self) -> str:
        """Of the product, at its site."""
        return "@".join(each for each in (self.said["sku"], self.said.get("site")) if each)


class Told(NamedTuple):
    """What is told of a line."""

    line: Line
    proposal: Proposal
    order: float
    words: str
    ahead: Projected
    surplus: Surplus


def print_proposals(file: Path, asked: Asked, form: Literal["table", "csv", "json"]) -> None:
    """Reads the file and prints what to order."""
    told, notes = proposed(content_of(file, FILE_BYTES_MAX), str(file), asked)
    if form == "json":
        import orjson  # noqa: PLC0415

        whole = {"proposals": [as_json(each, asked.days) for each in told], "notes": notes}
        sys.stdout.buffer.write(orjson.dumps(whole) + b"\n")
        return
    rows = [_row(each, asked.days) for each in told]
    head = (
        "sku", "site", "order", "position", "reorder", "up_to", "cover_days", "keeps_cycle", "keeps_fill", "textbook",
        "textbook_keeps", "out_before_next", "out_day", "why",
    )  # fmt: skip
    if form == "csv":
        sys.stdout.write(csv_line(head) + "".join(map(csv_line, rows)))
    else:
        print_table(head, rows, "There is nothing.")
    sys.stderr.write("".join(f"{note}\n" for note in notes))


def proposed(content: bytes, name: str, asked: Asked) -> tuple[list[Told], list[str]]:
    """What is told of a file's lines, in their order, and of the whole.

    Raises:
        Failure: what of it cannot be understood, by line and column.
    """
    things, notes = _read(content, name)
    lines = [_line(thing, name, asked) for thing in things]
    demands, leads = _demands(lines, name, asked), _leads(lines, name, asked)
    try:
        found = proposals([each.rule for each in lines], [each.stock for each in lines], demands, leads, asked.seed)
        orders, words, more = _together(lines, found, asked)
    except StockError as error:
        raise Failure(f"{name}: {error}") from None
    told = []
    for n, (line, proposal) in enumerate(zip(lines, found, strict=True)):
        reach = max(asked.days, int(proposal.why.lead_mean) + line.rule.review_days)
        wanted = demands.draw(n, np.random.default_rng([asked.seed, n, 4]), WORLDS, min(2 * reach, 730))
        lots = [Lot(line.stock.on_hand, line.said.get("days_left", line.rule.life_days or inf))]
        ahead = projected(
            lots, line.inbound, wanted[:, : asked.days], line.stock.owed, line.stock.allocated, asked.seed
        )
        much = surplus(line.stock.position, wanted, _quiet(line), ahead.expired, line.said.get("price") or 0.0)
        told.append(Told(line, proposal, orders[n], words[n], ahead, much))
    return told, [*notes, *more]


def _read(content: bytes, name: str) -> tuple[list[Thing], list[str]]:
    try:
        source = open_source(io.BytesIO(content), len(content), COLUMNS, ZoneInfo("UTC"))
        things = list(source.things)
    except (FileError, SheetError) as error:
        raise Failure(f"{name}: {error}") from None
    if not things:
        raise Failure(f"{name}: there is no line below the head")
    if len(things) > LINES_MAX:
        raise Failure(f"{name}: {len(things)} lines are more than {LINES_MAX}: bring it in parts")
    seen: dict[tuple[Any, Any], int] = {}
    for thing in things:
        if not thing.faults:  # values of JSON lines are read as cells are; those that were stay what they are
            thing.values, thing.faults = _cells(thing)
        if thing.faults:
            column, problem = next(iter(thing.faults.items()))
            raise _wrong(name, thing.at, column, str(problem))
        if not thing.values.get("sku"):
            raise _wrong(name, thing.at, "sku", "it is missing: each line needs one")
        key = thing.values["sku"], thing.values.get("site")
        if (before := seen.setdefault(key, thing.at)) != thing.at:
            raise _wrong(name, thing.at, "sku", f"{key[0]} stands in line {before} already")
    return things, source.notes


def _cells(thing: Thing) -> tuple[dict[str, Any], dict[str, str]]:
    if strange := next((key for key in thing.values if key not in COLUMNS.cells), None):
        return {}, {strange: f"there is no such column, but {', '.join(COLUMNS.cells)}"}
    return flat(COLUMNS.cells, thing.values, How(commas=False, zone=ZoneInfo("UTC")))


def _wrong(name: str, at: int, column: str, problem: str) -> Failure:
    return Failure(f"{name}: line {at}: {column}{': ' if column else ''}{problem}")


def _line(thing: Thing, name: str, asked: Asked) -> Line:
    """Rule, stock and what is under way."""
    said = {key: value for key, value in thing.values.items() if value is not None}
    try:
        rule = Rule(
            kind=cast("Kind", said.get("policy", "s,S")), goal=cast("Goal", said.get("goal", asked.goal)),
            service=said.get("service", asked.service), review_days=said.get("review_days", 1),
            pack=said.get("pack", 1.0), least=said.get("minimum", 0.0), gap=said.get("gap"),
            order_cost=said.get("order_cost", 0.0), holding_cost=said.get("holding_cost", 0.0),
            short_cost=said.get("short_cost", 0.0), life_days=said.get("life_days"), most=said.get("room", inf),
        )  # fmt: skip
        check(**{column: said[column] for column in NOT_NEGATIVE if column in said})
        stock = Stock(*(said.get(each, 0.0) for each in ("on_hand", "on_order", "owed", "allocated")))
        return Line(thing.at, said, rule, stock, _inbound(said, stock, asked))
    except StockError as error:
        column, _, problem = str(error).partition(": ")
        raise _wrong(name, thing.at, CALLED.get(column, column), problem) from None


def _inbound(said: Mapping[str, Any], stock: Stock, asked: Asked) -> tuple[Inbound, ...]:
    etas = [said.get(each) for each in ("eta_p10", "eta_p50", "eta_p90")]
    middle = etas[1]
    if middle is None:
        if any(each is not None for each in etas) or "accepted" in said:
            raise StockError("eta_p50: it is missing; the others lean on it")
        return ()
    if not stock.on_order:
        raise StockError("eta_p50: nothing is on_order that could come")
    low, high = (middle if each is None else each for each in (etas[0], etas[2]))
    found = Inbound("on_order", stock.on_order, low, middle, high, said.get("accepted", 1.0))
    late = float(asked.late)
    low, middle, high = low + late, middle + late, high + late
    days_left = middle + said.get("life_days", inf)
    return (Inbound("on_order", found.quantity, low, middle, high, found.accepted, days_left),)


def _demands(lines: Sequence[Line], name: str, asked: Asked) -> Demands:
    parts: list[tuple[Demands, int]] = []
    for line in lines:
        if not {"history", "demand_mean"} & line.said.keys():
            wanted = "give the demand of past days, or demand_mean and demand_deviation of a day"
            raise _wrong(name, line.at, "history", wanted)
        try:
            parts.append((_demand(line.said, asked.demand), 0))
        except StockError as error:
            raise _wrong(name, line.at, "history", str(error).removeprefix("item 0: ")) from None
    return Each(parts)


def _demand(said: Mapping[str, Any], times: float) -> Demands:
    if "history" in said:
        return as_histories([np.array(said["history"]) * times])
    mean = said["demand_mean"]
    spread = said.get("demand_deviation", mean**0.5)
    return Forecasts(np.full((1, 7), mean * times), np.full((1, 7), spread * times))


def _leads(lines: Sequence[Line], name: str, asked: Asked) -> LeadTimes:
    """Lead times of each line's lane, and of all lanes of its supplier; without a lane a line has its own."""
    lanes: dict[Any, list[float]] = {}
    suppliers: dict[Any, list[float]] = {}
    keys = []
    for line in lines:
        times = line.said.get("lead_times") or _assumed(line, asked.seed)
        supplier = line.said.get("supplier")
        key = (supplier, line.said["lane"]) if "lane" in line.said else line.at
        keys.append((key, supplier))
        lanes.setdefault(key, []).extend(times)
        if supplier is not None:
            suppliers.setdefault(supplier, []).extend(times)
    own = {key: np.array(each, float) + asked.late for key, each in lanes.items()}
    general = {key: np.array(each, float) + asked.late for key, each in suppliers.items()}
    nothing = np.empty(0)
    for line, (key, supplier) in zip(lines, keys, strict=True):
        times = own[key] if own[key].size else general.get(supplier, nothing)
        if not times.size:
            raise _wrong(name, line.at, "lead_times", "give past ones in days, or lead_mean and lead_deviation")
        if not ((times >= 0) & (times <= 400)).all():
            raise _wrong(name, line.at, "lead_times", "a lead time is from 0 to 400 days")
    return LeadTimes([own[key] for key, _ in keys], [general.get(supplier, nothing) for _, supplier in keys])


def _assumed(line: Line, seed: int) -> list[float]:
    """Where only mean and deviation are said: 200 of a gamma distribution."""
    mean, spread = line.said.get("lead_mean"), line.said.get("lead_deviation", 0.0)
    if not mean:
        return []
    if not spread:
        return [mean] * 200
    shape = (mean / spread) ** 2
    drawn = np.random.default_rng([seed, line.at, 5]).gamma(shape, mean / shape, 200)
    return cast("list[float]", np.clip(np.rint(drawn), 1, 400).tolist())


def _quiet(line: Line) -> int:
    """Days since somebody wanted it, as far as its history says."""
    some = np.flatnonzero(np.nan_to_num(np.array(line.said.get("history", [1.0]))) > 0)
    return len(line.said.get("history", [1.0])) - 1 - int(some[-1]) if some.size else len(line.said["history"])


def _together(
    lines: Sequence[Line], found: Sequence[Proposal], asked: Asked
) -> tuple[list[float], list[str], list[str]]:
    """Joint orders of suppliers whose lines have a can-order point, a minimum or a truck; then the budget of all."""
    orders, words, notes = [each.quantity for each in found], [""] * len(lines), []
    by: dict[str, list[int]] = {}
    for n, line in enumerate(lines):
        if "supplier" in line.said:
            by.setdefault(line.said["supplier"], []).append(n)
    for supplier, members in by.items():
        least, truck = (_common(lines, members, column) for column in ("supplier_minimum", "truck"))
        if least is None and truck is None and not any("can" in lines[n].said for n in members):
            continue
        limits = Limits(least or 0.0, inf if truck is None else truck)
        order = joint_order([_candidate(lines[n], found[n]) for n in members], limits)
        _taken(order, members, orders, words)
        notes += [f"{supplier}: {note}" for note in order.notes]
    if asked.budget is not None:
        order = within(
            [_candidate(*each) for each in zip(lines, found, strict=True)], orders, Limits(budget=asked.budget)
        )
        _taken(order, range(len(lines)), orders, words)
        notes += order.notes
    return orders, words, notes


def _taken(order: JointOrder, members: Sequence[int], orders: list[float], words: list[str]) -> None:
    for n, quantity, word in zip(members, order.quantities, order.words, strict=True):
        orders[n] = quantity
        words[n] = "; ".join(each for each in (words[n], word) if each)


def _common(lines: Sequence[Line], members: Sequence[int], column: str) -> float | None:
    return max((lines[n].said[column] for n in members if column in lines[n].said), default=None)


def _candidate(line: Line, found: Proposal) -> Candidate:
    can = min(max(line.said.get("can", found.reorder), found.reorder), found.up_to)
    most = found.up_to if line.rule.life_days is not None else line.rule.most
    return Candidate(
        line.name, found.position, found.reorder, can, found.up_to, found.why.demand_mean, line.rule.pack,
        line.rule.least, line.said.get("price", 0.0), line.said.get("size", 0.0), max(most, found.position),
    )  # fmt: skip


def _row(told: Told, days: int) -> list[str]:
    line, found, ahead = told.line, told.proposal, told.ahead
    day = ahead.out_day[1]
    return [
        line.said["sku"], line.said.get("site", ""), f"{told.order:g}", f"{found.position:g}", f"{found.reorder:.6g}",
        f"{found.up_to:.6g}", f"{found.cover_days:.1f}" if isfinite(found.cover_days) else "",
        _share(found.why.reached_cycle),
        _share(found.why.reached_fill), f"{found.why.textbook:.1f}", _share(found.why.textbook_cycle),
        _share(ahead.out_before_next), f"{day:g}" if day < days else "", sentence(told),
    ]  # fmt: skip


def sentence(told: Told) -> str:
    """Why, in words."""
    why = told.proposal.why
    goals = {"cycle": "of cycles nobody waits", "fill": "of demand is there at once", "cost": "by cost"}
    parts = [
        f"{why.promised:.1%} {goals[why.goal]}",
        f"demand {why.demand_mean:.3g} ± {why.demand_deviation:.3g} a day",
        f"lead time {why.lead_mean:.3g} ± {why.lead_deviation:.3g} days of {why.lead_seen}",
        f"while waiting {why.wait_mean:.4g} ± {why.wait_deviation:.3g}, {why.undershoot_mean:.3g} below the point",
        *why.notes,
    ]
    if told.words:
        parts.append(told.words)
    if told.surplus.obsolete:
        parts.append("nobody wants it any more")
    if told.surplus.excess > 0:
        parts.append(f"{told.surplus.excess:.4g} too many")
    if told.ahead.expired > 0.05:
        parts.append(f"{told.ahead.expired:.3g} will expire")
    return "; ".join(parts)


def as_json(told: Told, days: int) -> dict[str, Any]:
    """All that is told of a line."""
    found, ahead = told.proposal, told.ahead
    return {
        "sku": told.line.said["sku"],
        "site": told.line.said.get("site"),
        "order": told.order,
        "position": found.position,
        "reorder": found.reorder,
        "up_to": found.up_to,
        "cover_days": found.cover_days if isfinite(found.cover_days) else None,
        "why": {**found.why._asdict(), "together": told.words, "sentence": sentence(told)},
        "ahead": {
            "available": [[round(float(each), 3) for each in row] for row in ahead.available],
            "out_by_day": [round(float(each), 4) for each in ahead.out_by_day],
            "out_before_next": round(ahead.out_before_next, 4),
            "out_day": [int(each) if each < days else None for each in ahead.out_day],
            "promise": [round(float(each), 3) for each in ahead.promise],
            "expired": round(ahead.expired, 3),
        },
        "surplus": told.surplus._asdict(),
    }


def _share(value: float) -> str:
    return f"{value:.3f}"
