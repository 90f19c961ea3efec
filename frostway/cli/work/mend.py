"""`frostway quarantine mend`: one rule over many messages, looked at first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from domain.mending import Mended, MendingError, Step, checked, mend
from domain.wire.verdict import verdict
from frostway.cli.work.quarantine import ACTOR, one_line, wait_for_verdicts
from frostway.cli.work.tables import print_table
from frostway.settings import Settings
from frostway.stack import find
from store.db import connect
from store.quarantine import MANY_MAX, Quarantine

SHOWN_MAX = 10
WIDTH_MAX = 90  # characters of a payload in the preview


def steps_of(words: Sequence[str]) -> list[Step]:
    """Steps as they are typed: `multiply t 1000`, `set probe rear`, `stream temp`.

    >>> for step in steps_of(["multiply t 1000", "stream temp", "set probe rear door"]): print(*step)
    multiply t 1000
    stream  temp
    set probe rear door

    Raises:
        MendingError: one of them cannot be understood.
    """
    steps = []
    for word in words:
        do, _, rest = word.strip().partition(" ")
        key, _, to = ("", "", rest) if do == "stream" else rest.strip().partition(" ")
        steps.append(Step(do, key, to.strip() if do in ("rename", "stream") else _value(to.strip())))
    return checked(steps)


def _value(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def mend_many(
    data: Path | None,
    settings: Settings,
    tenant: str,
    steps: list[Step],
    *,
    device: str | None,
    reason: str | None,
    ask: Callable[[str], bool] | None,
) -> str:
    """Shows what the rule would do, asks unless told not to, and has the messages read again; what became of them."""
    with connect(find(data, settings).database_url, "quarantine mend") as connection:
        quarantine = Quarantine(connection, tenant)
        until = quarantine.newest()
        shown: list[list[str]] = []
        changed = readable = 0
        for row, mended in _mended(quarantine, steps, device, reason, until):
            good, said = verdict(mended.topic, mended.payload, round(row["received_at"].timestamp() * 1000))
            changed, readable = changed + 1, readable + good
            if len(shown) < SHOWN_MAX:
                shown.append([str(row["id"]), _told(row["topic"], row["payload"]), _told(*mended), said])
        head = ["id", "as it came", "mended", "would be read as"]
        print_table(
            head, [[one_line(cell) for cell in row] for row in shown], "The rule changes no message that waits."
        )
        if not changed:
            return "nothing was changed"
        if ask and not ask(f"{changed} messages would be mended, {readable} of them can be read then. Do it?"):
            return "nothing was changed"
        asked = 0
        for row, mended in _mended(quarantine, steps, device, reason, until):
            asked += quarantine.mend(ACTOR, row["id"], mended.topic, mended.payload)
        quarantine.notify()
        return wait_for_verdicts(quarantine, asked)


def _mended(
    quarantine: Quarantine, steps: list[Step], device: str | None, reason: str | None, until: int
) -> Iterator[tuple[dict[str, Any], Mended]]:
    """Messages that the rule changes, as it leaves them."""
    after = seen = 0
    while seen < MANY_MAX and (rows := quarantine.to_mend(device=device, reason=reason, until=until, after=after)):
        for row in rows:
            try:
                mended = mend(steps, row["topic"], bytes(row["payload"]))
            except MendingError:
                continue
            if mended != (row["topic"], bytes(row["payload"])):
                yield row, mended
        after, seen = rows[-1]["id"], seen + len(rows)


def _told(topic: str, payload: bytes) -> str:
    text = bytes(payload).decode("utf-8", "replace")
    return f"{topic} {text if len(text) <= WIDTH_MAX else text[: WIDTH_MAX - 1] + '…'}"
