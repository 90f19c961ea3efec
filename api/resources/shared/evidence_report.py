"""The evidence of a shipment as people read it: PDF/A by Typst, from a template into which only data go."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import orjson


@cache
def _template() -> bytes:
    return files("api").joinpath("resources", "shared", "evidence_report.typ").read_bytes()


def report(page: Mapping[str, Any]) -> bytes:
    """The PDF. It is PDF/A-2a, unless a text has characters that no font here knows; then it is plain PDF."""
    import typst  # noqa: PLC0415  large, and wanted for this alone

    data = {"data": orjson.dumps(page).decode()}
    try:
        made = typst.compile(_template(), sys_inputs=data, pdf_standards=["a-2a"], ignore_system_fonts=True)
    except typst.TypstError:
        made = typst.compile(_template(), sys_inputs=data)
    return bytes(made)
