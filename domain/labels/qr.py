"""QR codes: text to modules, by segno."""

from __future__ import annotations

QUIET_MODULES = 4


def modules(text: str) -> list[list[bool]]:
    """Rows of modules without the quiet zone; a dark one is True. Medium error correction: 15 % may be unreadable.

    >>> len(modules("A"))
    21
    """
    import segno  # noqa: PLC0415  wanted for this alone

    plain = text.isascii()
    made = segno.make(
        text, error="m", boost_error=False, micro=False, encoding=None if plain else "utf-8", eci=not plain
    )
    return [[bool(dark) for dark in row] for row in made.matrix]


def qr_svg(text: str) -> str:
    """A drawing of it with its quiet zone, one unit to a module."""
    rows = modules(text)
    size = len(rows) + 2 * QUIET_MODULES
    path = "".join(
        f"M{x + QUIET_MODULES} {y + QUIET_MODULES}h1v1h-1z"
        for y, row in enumerate(rows)
        for x, dark in enumerate(row)
        if dark
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}">'
        f'<path fill="#fff" d="M0 0h{size}v{size}H0z"/><path d="{path}"/></svg>'
    )
