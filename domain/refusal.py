"""What somebody told and is not taken in, of moves of stock and of movements of goods alike."""

from __future__ import annotations


class CannotError(Exception):
    """It is not taken in; `conflict`: because of what is there already; `missing`: what it is about is not there."""

    def __init__(self, why: str, *, conflict: bool = False, missing: bool = False) -> None:
        super().__init__(why)
        self.conflict, self.missing = conflict, missing
