"""One's own inventory as a table: which columns there are, ready-made choices of them, and what a line of it says."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from domain.epc.keys import completed
from domain.faults import FaultCode, cut, fault, fault_of
from domain.stock.bins import KINDS, MIXINGS
from domain.stock.quantities import text_of
from domain.stock.units import MEASURES, PIECE, UNIT
from domain.times import rfc3339, to_us
from domain.vehicles import TEMP_CLASSES

OWN = "own:"
OWN_MAX = 30
LINES_MAX = 50_000
TEXT_MAX = 200
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_GTIN = re.compile(r"\d{8}|\d{12,14}")
_OWN_NAME = re.compile(r"[a-z0-9][a-z0-9 _.-]{0,59}")
SITE_KINDS = ("dc", "store", "customer", "depot")


class Column(NamedTuple):
    """A column of the table: what is in it, an example, and how its cells are read (`text`, `number`, `time`)."""

    name: str
    about: str
    example: str
    kind: str = "text"


COLUMNS: Mapping[str, Column] = {
    c.name: c
    for c in (
        Column("sku", "number by which you know the product", "MILK-1L"),
        Column("label", "name of the product", "Milk 1 l"),
        Column("gtin", "number below its barcode: 8, 12, 13 or 14 digits", "6414123456783"),
        Column("base_unit", "what it is counted in: piece, kg, l, or a word of your own", "piece"),
        Column("case_pieces", "base units in a case", "12", "number"),
        Column("pallet_cases", "cases on a pallet", "60", "number"),
        Column("unit_value", "value of one base unit, in your currency", "1.15", "number"),
        Column("unit_mass_kg", "mass of one base unit", "1.03", "number"),
        Column("low_c", "coldest it may be, °C", "2", "number"),
        Column("high_c", "warmest it may be, °C", "6", "number"),
        Column("reorder_point", "order more when so many or fewer are left", "40", "number"),
        Column("site", "where it lies: a site", "store-1"),
        Column("site_label", "name of a site that is new", "Harbour store"),
        Column("site_kind", f"what a new site is: {', '.join(SITE_KINDS)}", "store"),
        Column("lat", "latitude of a site that is new", "60.17", "number"),
        Column("lon", "longitude of a site that is new", "24.94", "number"),
        Column("zone", "part of the site", "chiller"),
        Column("bin", "bin or shelf in the zone, as its label says", "A-01-3"),
        Column("bin_kind", f"what a bin is for: {', '.join(KINDS)}", "reserve"),
        Column("bin_aisle", "aisle in which the bin stands, from 0", "0", "number"),
        Column("bin_along_m", "metres from the front of its aisle", "4.5", "number"),
        Column("bin_level", "shelf, from the floor", "3", "number"),
        Column("bin_volume_m3", "cubic metres that go into the bin", "1.2", "number"),
        Column("bin_load_kg", "kilograms that it bears", "800", "number"),
        Column("bin_pallets", "pallets that stand in it", "1", "number"),
        Column("bin_height_mm", "how high goods in it may be", "1600", "number"),
        Column("bin_temp_class", f"how cold the bin is, where not as its zone: {', '.join(TEMP_CLASSES)}", "chilled"),
        Column("bin_mixing", f"what may lie in it at once: {', '.join(MIXINGS)}", "any"),
        Column("lot", "batch", "L-2291"),
        Column("made_at", "when the batch was made", "2026-11-20", "time"),
        Column("best_before", "best before, or expiry", "2026-12-20", "time"),
        Column("quantity", "how many there are now", "48", "number"),
        Column("unit", "what quantity is in: a base unit, case or pallet", "piece"),
    )
}
BIN_COLUMNS = tuple(name for name in COLUMNS if name.startswith("bin_"))
"""What a line says of its bin."""
ALIASES = {
    "product": "sku", "item": "sku", "article": "sku", "name": "label", "description": "label", "ean": "gtin",
    "barcode": "gtin", "uom": "unit", "location": "site", "warehouse": "site", "shelf": "bin", "batch": "lot",
    "lot number": "lot", "expiry": "best_before", "expiry date": "best_before", "best before": "best_before",
    "qty": "quantity", "count": "quantity", "on hand": "quantity", "min": "reorder_point", "cost": "unit_value",
}  # fmt: skip
"""What other people's tables call them."""


class ColumnError(ValueError):
    """A column that cannot be; says which and why."""


def chosen(names: Sequence[str], own: Sequence[str] = ()) -> list[str]:
    """The head of a table with these columns, those of one's own behind them.

    Raises:
        ColumnError: there is no such column, or it stands twice.

    >>> chosen(["sku", "quantity"], ["Shelf life"])
    ['sku', 'quantity', 'own:shelf life']
    """
    head = list(names)
    if strange := [name for name in names if name not in COLUMNS]:
        raise ColumnError(f"columns: there is no {strange[0][:60]!r}; there are {', '.join(COLUMNS)}")
    if len(own) > OWN_MAX:
        raise ColumnError(f"own: at most {OWN_MAX} columns of your own")
    for name in own:
        said = name.strip().lower().removeprefix(OWN)
        if not _OWN_NAME.fullmatch(said):
            raise ColumnError(f"own: {name[:60]!r} is not letters a-z, digits, spaces, _ . - (60 at most)")
        head.append(OWN + said)
    if twice := next((name for name in head if head.count(name) > 1), None):
        raise ColumnError(f"columns: {twice} stands twice")
    return head


@dataclass
class Line:
    """What a line says: texts as they are, numbers exact, times; None where it says nothing. `faults` by column."""

    at: int
    said: dict[str, Any]
    own: dict[str, str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.said.get(name)


def line_of(at: int, values: Mapping[str, Any], faults: Mapping[str, str] | None = None) -> Line:
    """A line by its cells: texts, numbers and times, as they were read."""
    line = Line(at, {}, faults=dict(faults or {}))
    for name, value in values.items():
        if value is None or name in line.faults:
            continue
        if name.startswith(OWN):
            line.own[name.removeprefix(OWN)] = str(value)[:TEXT_MAX]
            continue
        if name not in _CHECKS:
            line.faults[name[:60]] = fault("no_column")
            continue
        try:
            line.said[name] = _CHECKS[name](value)
        except ValueError as error:
            line.faults[name] = fault_of(error)
    _together(line)
    return line


def _together(line: Line) -> None:
    said, faults = line.said, line.faults
    if faults:
        return

    def needs(name: str, other: str) -> None:
        if name in said and other not in said:
            faults[other] = fault("needed_by", by=name)

    for name, other in (
        ("quantity", "sku"), ("quantity", "site"), ("unit", "quantity"), ("lot", "sku"), ("best_before", "lot"),
        ("made_at", "lot"), ("zone", "site"), ("bin", "zone"), ("lat", "lon"), ("lon", "lat"), ("lat", "site"),
        ("pallet_cases", "case_pieces"), ("bin_aisle", "bin_along_m"), ("bin_along_m", "bin_aisle"),
        *((name, "bin") for name in BIN_COLUMNS),
    ):  # fmt: skip
        needs(name, other)
    if not said.keys() & {"sku", "site"}:
        faults["sku"] = fault("no_subject")
    if "low_c" in said and "high_c" in said and said["low_c"] >= said["high_c"]:
        faults["low_c"] = fault("not_below", said=said["low_c"], high=said["high_c"])
    if "made_at" in said and "best_before" in said and said["made_at"] >= said["best_before"]:
        faults["best_before"] = fault("not_after_made")


# ------------------------------------------------------------------ cells
def _text(value: Any) -> str:
    said = str(value)
    if len(said) > TEXT_MAX or not said.isprintable():
        raise ValueError(fault("not_text", most=TEXT_MAX))
    return said


def _like(pattern: re.Pattern[str], code: FaultCode) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not pattern.fullmatch(str(value)):
            raise ValueError(fault(code, said=cut(value)))
        return str(value)

    return check


def _sku(value: Any) -> str:
    said = _text(value)
    if len(said) > 64:
        raise ValueError(fault("too_long", most=64))
    return said


def _gtin(value: Any) -> str:
    said = str(value)
    if not _GTIN.fullmatch(said):
        raise ValueError(fault("not_gtin", said=cut(said)))
    if completed(said[:-1]) != said:
        raise ValueError(fault("check_digit", said=said, right=completed(said[:-1])[-1], wrong=said[-1]))
    return said


def _number(low: float, high: float) -> Callable[[Any], Decimal]:
    def check(value: Any) -> Decimal:
        try:
            found = Decimal(str(value))
        except InvalidOperation:
            raise ValueError(fault("not_number", said=cut(value))) from None
        if not low <= found <= high:
            raise ValueError(fault("out_of_range", said=value, low=f"{low:g}", high=f"{high:g}"))
        return found.normalize()

    return check


def _time(value: Any) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
        if value is not None and value.tzinfo is None:
            value = value.replace(tzinfo=UTC)
    if not isinstance(value, datetime):
        raise ValueError(fault("not_date"))  # noqa: TRY004 - said to a person
    if not 1970 < value.year < 2200:
        raise ValueError(fault("year", year=value.year))
    return value.astimezone(UTC)


def _one_of(known: Sequence[str]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in known:
            raise ValueError(fault("not_one_of", said=cut(value), known=", ".join(known)))
        return str(value)

    return check


def _whole(low: int, high: int) -> Callable[[Any], int]:
    number = _number(low, high)

    def check(value: Any) -> int:
        found = number(value)
        if found != int(found):
            raise ValueError(fault("out_of_range", said=value, low=low, high=f"{high}, whole numbers"))
        return int(found)

    return check


def _above(high: float) -> Callable[[Any], Decimal]:
    number = _number(0, high)

    def check(value: Any) -> Decimal:
        found = number(value)
        if not found:
            raise ValueError(fault("not_positive"))
        return found

    return check


_name = _like(_NAME, "not_name")
_code = _like(_CODE, "not_code")
_unit = _like(UNIT, "not_unit")
_celsius = _number(-273.15, 1000)
_positive = _above(1e9)
_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "sku": _sku, "label": _text, "gtin": _gtin, "base_unit": _unit, "case_pieces": _positive,
    "pallet_cases": _positive, "unit_value": _number(0, 1e9), "unit_mass_kg": _positive, "low_c": _celsius,
    "high_c": _celsius, "reorder_point": _number(0, 1e9), "site": _name, "site_label": _text,
    "site_kind": _one_of(SITE_KINDS),
    "lat": _number(-90, 90), "lon": _number(-180, 180), "zone": _name, "bin": _code, "lot": _code, "made_at": _time,
    "best_before": _time, "quantity": _number(0, 1e9), "unit": _unit, "bin_kind": _one_of(KINDS),
    "bin_aisle": _whole(0, 999), "bin_along_m": _number(0, 10_000), "bin_level": _whole(0, 99),
    "bin_volume_m3": _above(1e4), "bin_load_kg": _above(1e6), "bin_pallets": _whole(1, 1000),
    "bin_height_mm": _whole(1, 100_000), "bin_temp_class": _one_of(TEMP_CLASSES), "bin_mixing": _one_of(MIXINGS),
}  # fmt: skip


def opening_id(*about: str) -> str:
    """By which the ledger knows opening stock: by what it is about, so that it comes in once."""
    return f"open-{hashlib.sha256('|'.join(about).encode()).hexdigest()[:24]}"


def plain(value: Any) -> str:
    """A number or a time of a line as JSON has it."""
    return text_of(value) if isinstance(value, Decimal) else rfc3339(to_us(value))


def units_known(base: str, own: Sequence[str]) -> set[str]:
    """Units in which a product may be counted."""
    same = next((set(measure) for measure in MEASURES if base in measure), set[str]())
    return {base or PIECE, *own, *same}


def example_day(now: datetime) -> Mapping[str, str]:
    """Days for the examples of a template, so that they are not over."""
    return {"2026-12-20": f"{now + timedelta(days=20):%Y-%m-%d}"}
