"""Cursors: positions in the change stream, one number a partition, as text that a client keeps.

Behind the position stands a mark of what was asked for, so that who asks for something else is given a snapshot of it.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping

import orjson

PARTITIONS_MAX = 300
Vector = dict[int, int]
NOWHERE: Mapping[int, int] = {-1: 2**63 - 1}  # a position that no stream ever reaches


def encode_cursor(vector: Mapping[int, int], mark: str = "") -> str:
    """The text of a position in the change stream.

    >>> decode_cursor(encode_cursor({-1: 3, 0: 812}, "all"))
    {-1: 3, 0: 812}
    """
    text = orjson.dumps({str(p): vector[p] for p in sorted(vector)})
    return urlsafe_b64encode(text).rstrip(b"=").decode() + (f".{mark}" if mark else "")


def mark_in(cursor: str) -> str:
    """The mark of what a cursor was given for; empty: of an earlier version, which gave everything.

    >>> mark_in(encode_cursor({0: 1}, "all"))
    'all'
    """
    return cursor.partition(".")[2]


def decode_cursor(cursor: str) -> Vector:
    """The position of a cursor.

    Raises:
        ValueError: it is not one of ours.
    """
    try:
        text = cursor.partition(".")[0].encode("ascii")
        found = orjson.loads(urlsafe_b64decode(text + b"=" * (-len(text) % 4)))
    except (ValueError, binascii.Error):
        raise ValueError("not a cursor") from None
    if not isinstance(found, dict) or len(found) > PARTITIONS_MAX:
        raise ValueError("not a cursor")
    vector = {}
    for partition, seq in found.items():
        number = partition.removeprefix("-")
        if not number.isdecimal() or len(number) > 9 or type(seq) is not int or not 0 <= seq < 2**63:
            raise ValueError("not a cursor")
        vector[int(partition)] = seq
    return vector


def later(one: Mapping[int, int], other: Mapping[int, int]) -> Vector:
    """The later of two positions, partition by partition.

    >>> later({0: 5, 1: 2}, {1: 3})
    {0: 5, 1: 3}
    """
    return {p: max(one.get(p, 0), other.get(p, 0)) for p in sorted(one.keys() | other.keys())}
