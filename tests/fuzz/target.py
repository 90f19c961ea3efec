"""What must hold for any bytes: a decoder reads or refuses them, soon, and nothing invalid passes what checks it."""

from __future__ import annotations

import time

import numpy as np
import orjson

from domain.names import ENCODINGS, STREAMS
from domain.wire.fields import FIELDS, NUMBER
from domain.wire.formats import FORMATS
from domain.wire.llrp import LlrpError, RefusedError
from domain.wire.llrp_session import Session
from domain.wire.native import Rows, decode
from domain.wire.owntracks_commands import answers
from domain.wire.said import REFUSED, Context, WireError
from domain.wire.teltonika_commands import ANSWER_CHARS_MAX, answer

PARSE_S_MAX = 0.05
NOW_MS = 1_764_000_000_000
TOPIC = ("spBv1.0", "main", "NDATA", "edge-1")
NATIVE = tuple(stream + ending for stream in STREAMS for ending in ENCODINGS)
ANSWERS = ("codec12", "owntracks_answers")
"""What devices say to commands: text for people."""
LLRP = "llrp"
TARGETS = (*FORMATS, *NATIVE, *ANSWERS, LLRP)


class BrokenError(AssertionError):
    """A promise was broken."""


def examine(target: str, payload: bytes) -> None:
    """Reads a payload as one of `TARGETS`.

    Raises:
        BrokenError: it took too long, or something invalid came through; any other error is a crash of the decoder.
    """
    if (took_s := seconds(target, payload)) > PARSE_S_MAX:
        raise BrokenError(f"{target}: {took_s * 1000:.0f} ms for {len(payload)} bytes")


def seconds(target: str, payload: bytes) -> float:
    """CPU time of reading a payload. Raises as `examine`, but for the time."""
    since = time.process_time()
    found = read(target, payload)
    took_s = time.process_time() - since
    for rows in found:
        check(rows)
    return took_s


def read(target: str, payload: bytes) -> list[Rows]:
    """What comes out of a payload, by stream; nothing when it is refused."""
    if target in ANSWERS:
        _answer(target, payload)
        return []
    if target == LLRP:
        return _reader(payload)
    return _native(target, payload) if target in NATIVE else _foreign(target, payload)


def _answer(target: str, payload: bytes) -> None:
    try:
        texts = [answer(payload)] if target == "codec12" else [each.text for each in answers(payload)]
    except WireError:
        return
    if any(not text.isprintable() or len(text) > ANSWER_CHARS_MAX for text in texts):
        raise BrokenError(f"{target}: a text that cannot be shown")


def _reader(payload: bytes) -> list[Rows]:
    """What a reader says over a connection, as the ingester takes it from the bridge."""
    try:
        found = Session().feed(payload, NOW_MS)
    except (LlrpError, RefusedError) as error:
        if not all(c.isprintable() for c in str(error)):
            raise BrokenError("llrp: a reason that cannot be printed") from None
        return []
    return _foreign("reads", orjson.dumps(found)) if found else []


def _native(target: str, payload: bytes) -> list[Rows]:
    stream, dot, ending = target.partition(".")
    return [decode(stream, [(0, payload, ENCODINGS[dot + ending])])]


def _foreign(target: str, payload: bytes) -> list[Rows]:
    try:
        said = FORMATS[target]()(payload, Context(NOW_MS, TOPIC if target == "sparkplug" else ()))
    except WireError:
        return []
    return [
        decode(stream, (), [(0, each) for each in said if each.stream == stream])
        for stream in {each.stream for each in said} - {REFUSED}
    ]


def check(rows: Rows) -> None:
    """Good rows hold what their fields promise."""
    good = ~rows.bad
    for spec in FIELDS[rows.stream]:
        if spec.kind != NUMBER or spec.column not in rows.columns:
            continue
        column = rows.columns[spec.column][good].astype(np.float64)
        given = column[~np.isnan(column)]
        if spec.required and len(given) != len(column):
            raise BrokenError(f"{rows.stream}.{spec.key}: required, and not there")
        if not (np.isfinite(given) & (given >= spec.low) & (given <= spec.high)).all():
            raise BrokenError(f"{rows.stream}.{spec.key}: out of range in a row that is said to be good")
    for name, (_, texts) in rows.texts.items():
        if any(t is not None and not t.isprintable() for t, ok in zip(texts, good.tolist(), strict=True) if ok):
            raise BrokenError(f"{rows.stream}.{name}: a text that cannot be printed")
    if (rows.seq[good] < -1).any():
        raise BrokenError(f"{rows.stream}: a negative sequence number")
