"""One rule that mends many messages: steps on the JSON of a payload, and on the stream its topic names.

A step says what to do with a key; a key may be a path with points (`values.temp`), a list on the way means each of its
elements, and a list of numbers is mended number by number (a batch). A step that finds nothing to do changes nothing.

    rename KEY to KEY    multiply KEY by NUMBER    add KEY NUMBER    set KEY to VALUE    remove KEY    stream NAME
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from domain.numbers import decimal

STEPS_MAX = 20
DOINGS = ("rename", "multiply", "add", "set", "remove", "stream")


class MendingError(ValueError):
    """A rule, or a message that it cannot mend; the text says why."""


class Step(NamedTuple):
    """One step: what to do, with which key, and the new name, number or value. `stream` has no key."""

    do: str
    key: str
    to: Any = None


class Mended(NamedTuple):
    """Topic and payload in place of the original ones."""

    topic: str
    payload: bytes


def checked(steps: Sequence[Step]) -> list[Step]:
    """The steps, if they can be taken.

    Raises:
        MendingError: names the step and what is wrong with it.
    """
    if not 1 <= len(steps) <= STEPS_MAX:
        raise MendingError(f"a rule has 1 to {STEPS_MAX} steps")
    for n, (do, key, to) in enumerate(steps, 1):
        if do not in DOINGS:
            raise MendingError(f"step {n}: {do!r} is none of {', '.join(DOINGS)}")
        if (do == "stream") == bool(key):
            raise MendingError(f"step {n}: {do} {'has no key' if key else 'wants a key'}")
        if do in ("multiply", "add") and (isinstance(to, bool) or not isinstance(to, int | float) or to != to):  # noqa: PLR0124
            raise MendingError(f"step {n}: {do} wants a number")
        if do in ("rename", "stream") and (not isinstance(to, str) or not to):
            raise MendingError(f"step {n}: {do} wants a name")
    return list(steps)


def mend(steps: Sequence[Step], topic: str, payload: bytes) -> Mended:
    """Topic and payload as the steps leave them, in turn; what they do not touch is byte for byte as it came.

    >>> rule = [Step("rename", "temp", "c"), Step("multiply", "t", 1000), Step("stream", "", "temp")]
    >>> mend(rule, "fw/v1/main/th-1/temperature", b'{"t":[1795830378,1795830379],"temp":4.5}').payload
    b'{"t":[1795830378000,1795830379000],"c":4.5}'

    Raises:
        MendingError: the payload is not JSON, though a step is about one of its keys.
    """
    content: Any = None
    touched = False
    for step in steps:
        if step.do == "stream":
            levels = topic.split("/")
            topic = "/".join([*levels[:4], step.to]) if len(levels) > 4 else topic
            continue
        if content is None:
            try:
                content = orjson.loads(payload)
            except orjson.JSONDecodeError as error:
                raise MendingError(f"not JSON: {error}") from None
        touched |= _each(content, step.key.split("."), _DO[step.do], step.to)
    return Mended(topic, orjson.dumps(content) if touched else payload)


def _each(content: Any, path: list[str], do: Callable[[dict[str, Any], str, Any], bool], to: Any) -> bool:
    """Does it wherever the path leads; whether anything was changed."""
    if isinstance(content, list):
        return any([_each(element, path, do, to) for element in content])  # noqa: C419 -- each of them, not up to the first
    if not isinstance(content, Mapping):
        return False
    if len(path) == 1:
        return do(content, path[0], to)  # type: ignore[arg-type]
    return path[0] in content and _each(content[path[0]], path[1:], do, to)


def _rename(content: dict[str, Any], key: str, to: str) -> bool:
    if key not in content or to in content:
        return False
    kept = list(content.items())
    content.clear()
    content.update((to if k == key else k, v) for k, v in kept)
    return True


def _calculated(value: Any, work: Callable[[float | int], float | int]) -> Any:
    """A number, a text that is one, or a list of them, worked on; anything else as it is."""
    if isinstance(value, list):
        return [_calculated(each, work) for each in value]
    if isinstance(value, str) and (number := decimal(value)) is not None:
        value = number
    return work(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _calculate(work: Callable[[Any, Any], Any]) -> Callable[[dict[str, Any], str, Any], bool]:
    def do(content: dict[str, Any], key: str, to: Any) -> bool:
        if key not in content:
            return False
        before = content[key]
        content[key] = _calculated(before, lambda value: work(value, to))
        return bool(content[key] != before)

    return do


def _set(content: dict[str, Any], key: str, to: Any) -> bool:
    changed = key not in content or content[key] != to
    content[key] = to
    return changed


def _remove(content: dict[str, Any], key: str, _to: Any) -> bool:
    return content.pop(key, _remove) is not _remove


_DO: Mapping[str, Callable[[dict[str, Any], str, Any], bool]] = {
    "rename": _rename,
    "multiply": _calculate(lambda value, by: value * by),
    "add": _calculate(lambda value, by: value + by),
    "set": _set,
    "remove": _remove,
}
