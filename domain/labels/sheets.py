"""Where labels lie on sheets and rolls, and where on each label its text and its codes stand; in mm from above left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from domain.labels import code128, qr
from domain.labels.things import Bar, Label

SheetName = Literal["a4-24", "a4-8", "roll", "a6"]
Codes = Literal["both", "bars", "qr"]
MODULE_MM_MIN = 0.25
MODULE_MM_MAX = 0.51
WORDS_MM = 3.4
QR_MODULE_MM_MIN = 0.25


class Sheet(NamedTuple):
    """A page with labels in columns and rows. `dot_mm` is what its printers can draw: bars are whole dots wide."""

    page: tuple[float, float]
    columns: int
    rows: int
    label: tuple[float, float]
    top_mm: float
    dot_mm: float
    pad_mm: float
    bar_mm: float
    qr_mm: float
    title_pt: float
    line_pt: float

    @property
    def places(self) -> int:
        """Labels of a page."""
        return self.columns * self.rows


LASER, THERMAL = 25.4 / 300, 0.125
SHEETS: Mapping[SheetName, Sheet] = {
    "a4-24": Sheet((210, 297), 3, 8, (70, 37), 0.5, LASER, 3, 8, 17, 10, 7),
    "a4-8": Sheet((210, 297), 2, 4, (105, 74), 0.5, LASER, 5, 16, 28, 16, 10),
    "roll": Sheet((100, 50), 1, 1, (100, 50), 0, THERMAL, 3, 12, 24, 14, 9),
    "a6": Sheet((105, 148), 1, 1, (105, 148), 0, THERMAL, 4, 32, 32, 18, 11),
}
"""By name: A4 with 24 labels of 70 x 37 mm, with 8 of 105 x 74; a roll of 100 x 50; a logistic label, A6."""


class Placed(NamedTuple):
    """A label and where on its page it begins."""

    x_mm: float
    y_mm: float
    label: Label


def pages_of(labels: Sequence[Label], sheet: Sheet, start: int, copies: int) -> Iterator[list[Placed]]:
    """Pages; the first label lies at the place `start`, counted from 1 by rows, as those before it are used.

    Raises:
        ValueError: a page has no such place.

    >>> [len(page) for page in pages_of([Label("A", "A")] * 3, SHEETS["a4-8"], 7, 2)]
    [2, 4]
    """
    if not 1 <= start <= sheet.places:
        raise ValueError(f"start: a sheet has places 1 to {sheet.places}")
    page: list[Placed] = []
    place = start - 1
    for label in (label for label in labels for _ in range(copies)):
        row, column = divmod(place, sheet.columns)
        page.append(Placed(column * sheet.label[0], sheet.top_mm + row * sheet.label[1], label))
        place += 1
        if place == sheet.places:
            yield page
            page, place = [], 0
    if page:
        yield page


def drawn(placed: Placed, sheet: Sheet, codes: Codes) -> dict[str, Any]:
    """A label as it is drawn: its texts, and each code as SVG with its place.

    Bars that would be too thin to be read are left out; there the QR code stands alone, whatever is wanted.
    """
    label, (width, height), pad = placed.label, sheet.label, sheet.pad_mm
    bars, floor = [], height - pad
    for bar in reversed(label.bars if codes != "qr" else ()):
        found = _bar(bar, sheet)
        if found is None or floor - sheet.bar_mm - WORDS_MM < height * 0.3:
            continue
        floor -= sheet.bar_mm + WORDS_MM
        bars.append({**found, "x": (width - found["w"]) / 2, "y": floor, "h": sheet.bar_mm, "words": bar.words})
        floor -= 1.5
    square = None
    if label.qr and (codes != "bars" or not bars):
        square = _square(label.qr, sheet, min(sheet.qr_mm if bars else sheet.qr_mm * 1.4, floor - pad))
        if square:
            square |= {"x": width - pad - square["size"], "y": pad}
    room = width - 2 * pad - (square["size"] + 2 if square else 0)
    return {
        "x": placed.x_mm, "y": placed.y_mm, "w": width, "h": height, "pad": pad, "room": room, "floor": floor - pad,
        "title": label.title, "plain": label.plain, "lines": [*label.lines], "epc": [*label.epc],
        "bars": bars, "square": square, "title_pt": sheet.title_pt, "line_pt": sheet.line_pt,
    }  # fmt: skip


def _bar(bar: Bar, sheet: Sheet) -> dict[str, Any] | None:
    """Its SVG and how wide it is, as wide as fits; None: too thin to be read."""
    modules, marks = code128.bars(bar.text, gs1=bar.gs1)
    quiet = 2 * code128.QUIET_MODULES
    room = min(MODULE_MM_MAX, sheet.label[0] / (modules + quiet))
    module_mm = int(room / sheet.dot_mm + 1e-6) * sheet.dot_mm
    if module_mm < MODULE_MM_MIN - 1e-6:
        return None
    path = "".join(f"M{x} 0h{w}v1h-{w}z" for x, w in marks)
    return {"svg": _svg(modules, 1, path), "w": modules * module_mm}


def _square(text: str, sheet: Sheet, room_mm: float) -> dict[str, Any] | None:
    """Its SVG and how large it is with its quiet zone; None: it would be too fine to be read."""
    rows = qr.modules(text)
    side = len(rows) + 2 * qr.QUIET_MODULES
    dots = int(room_mm / side / sheet.dot_mm + 1e-6)
    module_mm = dots * sheet.dot_mm
    if module_mm < QR_MODULE_MM_MIN - 1e-6:
        return None
    at = qr.QUIET_MODULES
    path = "".join(f"M{x + at} {y + at}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    return {"svg": _svg(side, side, path), "size": side * module_mm}


def _svg(width: int, height: int, path: str) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" preserveAspectRatio="none"'
    return f'{head} width="{width}" height="{height}"><path d="{path}" shape-rendering="crispEdges"/></svg>'
