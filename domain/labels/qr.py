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
