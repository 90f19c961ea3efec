"""What a message would be read as, without a registry: for a look at it before it is read again."""

from __future__ import annotations

from collections.abc import Sequence

from domain.names import Address, TopicError, parse_topic
from domain.wire.formats import FORMATS
from domain.wire.native import decode
from domain.wire.said import REFUSED, Context, WireError, told


def verdict(topic: str, payload: bytes, received_ms: int) -> tuple[bool, str]:
    """Whether every reading of it can be used, and in one line what it holds or what is wrong.

    Times and devices are checked when it is really read: the registry and the limits on age are not known here.

    >>> verdict("fw/v1/main/th-1/temp", b'{"c":4.5}', 0)
    (True, '1 reading of temp')
    >>> verdict("fw/v1/main/th-1/heat", b'{"c":4.5}', 0)[0]
    False
    """
    try:
        address = parse_topic(topic.encode(), FORMATS)
    except TopicError as error:
        return False, f"topic: {error}"
    if not address.format:
        rows = decode(address.stream, [(0, payload, address.encoding)], ())
        if rows.rejections:
            return False, "; ".join(f"{each.reason}: {each.detail}" for each in rows.rejections)[:1000]
        return True, _counted({address.stream: len(rows.message)})
    return _of_format(address, payload, received_ms)


def _of_format(address: Address, payload: bytes, received_ms: int) -> tuple[bool, str]:
    try:
        said = FORMATS[address.format]()(payload, Context(received_ms, address.rest))
    except WireError as error:
        return False, _refused(error.told)
    except Exception as error:  # noqa: BLE001 -- whatever surprises a decoder is the payload's fault
        return False, f"malformed: not {address.format}: {type(error).__name__}"
    if refused := [each for each in said if each.stream == REFUSED]:
        return False, _refused(told(refused))
    counts: dict[str, int] = {}
    for each in said:
        counts[each.stream] = counts.get(each.stream, 0) + each.count
    return True, _counted(counts)


def _refused(reasons: Sequence[tuple[str, str]]) -> str:
    return "; ".join(f"{reason}: {detail}" for reason, detail in reasons)[:1000]


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} reading{'s' * (n != 1)} of {stream}" for stream, n in counts.items()) or "no reading"
