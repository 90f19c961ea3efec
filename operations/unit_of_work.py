"""One transaction's statements, written once and run by either colour.

A script is a generator: it yields statements, named as in `store/queries/operations.sql`, and is sent the rows that
each gives. It is pure, so that `api` (async) and the followers (sync) run the same one, each inside a transaction of
its own, together with whatever else belongs into that transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
Row = Mapping[str, Any]


class Statement(NamedTuple):
    """A named query and its values."""

    query: str
    values: Mapping[str, Any]


Script = Generator[Statement, Sequence[Row], T]


def run(script: Script[T], execute: Callable[[Statement], Sequence[Row]]) -> T:
    """Runs a script to its end; an error of a statement ends it.

    >>> def double() -> Script[int]:
    ...     rows = yield Statement("one", {"n": 21})
    ...     return 2 * rows[0]["n"]
    >>> run(double(), lambda statement: [statement.values])
    42
    """
    try:
        statement = next(script)
        while True:
            statement = script.send(execute(statement))
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


async def run_async(script: Script[T], execute: Callable[[Statement], Awaitable[Sequence[Row]]]) -> T:
    """The same where statements are awaited."""
    try:
        statement = next(script)
        while True:
            statement = script.send(await execute(statement))
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
