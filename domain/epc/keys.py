"""Digits of GS1 keys: the check digit."""

from __future__ import annotations


def check_digit(digits: str) -> int:
    """GS1 mod-10 check digit, weights 3 and 1 from the right.

    >>> check_digit("8061414112345")
    8
    """
    total = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(digits)))
    return -total % 10


def completed(digits: str) -> str:
    """With its check digit.

    >>> completed("8061414112345")
    '80614141123458'
    """
    return f"{digits}{check_digit(digits)}"
