"""What all decoders are put through: a payload cut off everywhere and with each bit turned, read or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from domain.wire.said import REFUSED, Context, Said, WireError, told


def mangled(payload: bytes) -> Iterator[bytes]:
    """The payload cut off at every byte, then with every single bit flipped."""
    for end in range(len(payload)):
        yield payload[:end]
    for at in range(len(payload) * 8):
        flipped = bytearray(payload)
        flipped[at // 8] ^= 1 << at % 8
        yield bytes(flipped)


def decodes_or_is_refused(decode: Callable[[bytes, Context], list[Said]], payload: bytes, context: Context) -> bool:
    """Whether the decoder reads it; it may refuse it, and do nothing else."""
    try:
        said = decode(payload, context)
    except WireError:
        return False
    assert all(isinstance(each, Said) for each in said)
    return True


def reason_of(decode: Callable[[bytes, Context], list[Said]], payload: bytes, context: Context) -> str:
    """The reason for which the decoder refuses a payload, as a whole or a part of it in its device's name."""
    try:
        said = decode(payload, context)
    except WireError as error:
        return error.reason
    refusals = [each for each in said if each.stream == REFUSED]
    assert refusals, f"read: {said}"
    return told(refusals)[0][0]
