"""Codes on pages of a PDF, read as a scanner reads them."""

from __future__ import annotations

from typing import NamedTuple

PPI = 300


class Read(NamedTuple):
    """A code: `kind` is its symbology identifier (`]C1` GS1-128, `]C0` Code 128, `]Q1` QR), with what it says."""

    kind: str
    text: str


def codes_on(pdf: bytes, ppi: int = PPI) -> list[Read]:
    """All codes of all pages; FNC1 between elements is the separator that scanners type."""
    import pypdfium2  # noqa: PLC0415
    import zxingcpp  # noqa: PLC0415

    found: list[Read] = []
    for page in pypdfium2.PdfDocument(pdf):
        picture = page.render(scale=ppi / 72, grayscale=True).to_numpy().squeeze()
        # Not made smaller: of thousands of bars a few are read wrong then, with a check character that fits.
        read = zxingcpp.read_barcodes(picture, text_mode=zxingcpp.TextMode.Plain, try_downscale=False, try_invert=False)
        found += [Read(code.symbology_identifier, code.text) for code in read]
    return found
