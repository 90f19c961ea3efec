"""Labels as PDF by Typst, and as a picture of the first page; also of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from domain.labels.sheets import SHEETS, Codes, SheetName, drawn, pages_of
from domain.labels.things import Label

if TYPE_CHECKING:
    import typst

LABELS_MAX = 1000
PREVIEW_PPI = 110
MADE_AT = 946_684_800  # the same labels are the same file; PDF/A wants some time
_PROBE = b'#set page(width: 200mm, height: auto)\n#text(font: ("DejaVu Sans",), sys.inputs.data)'


class Way(NamedTuple):
    """How labels are printed: on what, from which place, how many of each, with which codes, in which language."""

    sheet: SheetName = "a4-24"
    start: int = 1
    copies: int = 1
    codes: Codes = "both"
    lang: str = "en"


class Printed(NamedTuple):
    """A file, and names that no font of this machine can draw: something plainer stands in their place."""

    content: bytes
    undrawn: list[str]


def printed(labels: Sequence[Label], way: Way, *, preview: bool = False) -> Printed:
    """PDF/A of all pages, or a picture (PNG) of the first.

    Raises:
        ValueError: too many labels, or a place that the sheet has not; in words.
    """
    sheet = SHEETS[way.sheet]
    if (count := len(labels) * way.copies) > LABELS_MAX:
        raise ValueError(f"copies: that would be {count} labels; {LABELS_MAX} are printed at once")
    pages = []
    for page in pages_of(labels, sheet, way.start, way.copies):
        pages.append([drawn(placed, sheet, way.codes) for placed in page])
        if preview:
            break
    data = {"title": "Labels", "lang": way.lang, "page": sheet.page, "pages": pages}
    try:
        return Printed(_compiled(data, preview=preview, strict=True), [])
    except _typst().TypstError:
        undrawn = _made_plain([one for page in pages for one in page])
        return Printed(_compiled(data, preview=preview, strict=not undrawn), undrawn)


@cache
def _typst() -> Any:
    import typst as found  # noqa: PLC0415  large, and wanted for this alone

    return found


@cache
def _fonts() -> typst.Fonts:
    return _typst().Fonts()  # type: ignore[no-any-return]


def _compiled(data: Any, *, preview: bool, strict: bool) -> bytes:
    """`strict`: a text that no font can draw is an error, as PDF/A has it."""
    template = files("api").joinpath("resources", "shared", "label_sheets.typ").read_bytes()
    told = {"data": orjson.dumps(data).decode()}
    made = (
        _typst()
        .Compiler(template, font_paths=_fonts(), sys_inputs=told)
        .compile(format="pdf", pdf_standards=["a-2b"] if strict else [], timestamp=MADE_AT)
    )
    if preview:
        made = _typst().Compiler(template, font_paths=_fonts(), sys_inputs=told).compile(format="png", ppi=PREVIEW_PPI)
    return bytes(made[0] if isinstance(made, list) else made)


def _made_plain(labels: list[dict[str, Any]]) -> list[str]:
    """Puts what can be drawn in the place of what cannot: a code for a title, nothing for a line."""
    undrawn: dict[str, None] = {}
    for one in labels:
        for text in (one["title"], *one["lines"], *(bar["words"] for bar in one["bars"])):
            if not text.isascii() and not _can_draw(text):
                undrawn[text] = None
        if one["title"] in undrawn:
            one["title"] = one["plain"] if one["plain"].isascii() or _can_draw(one["plain"]) else ""
        one["lines"] = [line for line in one["lines"] if line not in undrawn]
    return list(undrawn)


@lru_cache(4096)
def _can_draw(text: str) -> bool:
    compiler = _typst().Compiler(_PROBE, font_paths=_fonts(), sys_inputs={"data": text})
    try:
        compiler.compile(format="pdf", pdf_standards=["a-2b"])
    except _typst().TypstError:
        return False
    return True
