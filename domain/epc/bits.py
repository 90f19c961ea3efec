"""Bits from left to right, read and written as numbers and characters; EPCs are nothing else."""

from __future__ import annotations


class EpcError(ValueError):
    """A code that is none, or not of a layout known here; says why in one sentence."""


class Reader:
    """Takes bits from the left."""

    def __init__(self, value: int, length: int) -> None:
        self._value = value
        self.left = length

    def take(self, bits: int, what: str) -> int:
        """The next bits as a number; refuses when there are too few for `what`."""
        if bits > self.left:
            raise EpcError(f"it ends within its {what}: {bits} bits are wanted, {self.left} are there")
        self.left -= bits
        return (self._value >> self.left) & ((1 << bits) - 1)

    def digits(self, bits: int, digits: int, what: str) -> str:
        """A number with leading zeros; refuses one that has more digits, which the bits could hold."""
        number = self.take(bits, what)
        if number >= 10**digits:
            raise EpcError(f"its {what} is {number}, which has more than {digits} digits")
        return f"{number:0{digits}d}" if digits else ""

    def text(self, bits: int, what: str) -> str:
        """Characters of seven bits, ended by zeros."""
        rest = Reader(self.take(bits, what), bits)
        found = []
        while rest.left >= 7 and (code := rest.take(7, what)):
            found.append(checked(chr(code), what))
        if rest.take(rest.left, what):
            raise EpcError(f"its {what} goes on after its end")
        if not found:
            raise EpcError(f"its {what} is empty")
        return "".join(found)


class Writer:
    """Puts bits to the right."""

    def __init__(self) -> None:
        self.value = self.length = 0

    def put(self, number: int, bits: int) -> None:
        """A number that fits."""
        self.value = (self.value << bits) | number
        self.length += bits

    def text(self, text: str, bits: int, what: str) -> None:
        """Characters of seven bits, filled with zeros."""
        if not text or len(text) * 7 > bits:
            raise EpcError(f"its {what} {text!r} has {len(text)} characters: 1 to {bits // 7} fit")
        for character in text:
            self.put(ord(checked(character, what)), 7)
        self.put(0, bits - 7 * len(text))


CHARACTERS = frozenset("!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")
"""The 82 characters of GS1 keys and attributes (GS1 General Specifications, figure 7.11-1)."""


def checked(character: str, what: str) -> str:
    """A character, if it may stand in a GS1 key."""
    if character not in CHARACTERS:
        raise EpcError(f"its {what} holds {character!r}, which no code of GS1 may hold")
    return character


def number_of(text: str, bits: int, what: str) -> int:
    """A number without leading zeros that fits."""
    if not text.isascii() or not text.isdigit():
        raise EpcError(f"its {what} {text!r} is no number: take a longer scheme")
    if text != str(int(text)):
        raise EpcError(f"its {what} {text!r} has leading zeros, which 96 bits cannot keep: take a longer scheme")
    if int(text) >> bits:
        raise EpcError(f"its {what} {text} is too great: {(1 << bits) - 1} at most, or take a longer scheme")
    return int(text)
