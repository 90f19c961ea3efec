"""Words of cases: what may become of goods, what is done against an excursion, and who is spoken of. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

Decision = Literal["release", "quarantine", "reject"]
DispositionState = Literal["proposed", "signed", "superseded"]
Action = Literal[
    "moved_goods", "closed_doors", "restarted_unit", "changed_setpoint", "called_driver", "inspected_goods",
    "replaced_sensor", "other",
]  # fmt: skip

SETTLE = timedelta(minutes=15)
"""What is over for so long is over: what comes back earlier goes on as the same trouble, and asks nobody anew."""
RANK: Mapping[str, int] = {"info": 0, "warning": 1, "critical": 2}
MUTE_S_MAX = 7 * 86_400
CLOCK = "frostway"
"""Who takes a mute back whose time is over."""
WAITS: frozenset[str] = frozenset(get_args(DispositionState)) - {"signed"}
"""Dispositions that ask for somebody: for a second signature, or to be looked at again."""
_MENTION = re.compile(r"(?<![A-Za-z0-9._@+-])@([A-Za-z0-9][A-Za-z0-9._@+-]{0,127})")


def mentioned(text: str, people: Container[str]) -> tuple[list[str], list[str]]:
    """Whom a text speaks of, once each, and the names that are nobody's. What ends a sentence is no part of a name.

    >>> mentioned("@ann and @bob@example.org, ask @carl. Mail: x@example.org", {"ann", "bob@example.org"})
    (['ann', 'bob@example.org'], ['carl'])
    """
    known, unknown = dict[str, None](), dict[str, None]()
    for word in _MENTION.findall(text):
        name = word if word in people else word.rstrip("._@+-")
        (known if name in people else unknown)[name] = None
    return list(known), list(unknown)


def signature(what: Literal["proposed", "countersigned"], by: str, at: str | None) -> dict[str, Any]:
    """Who stands for a disposition."""
    return {"what": what, "by": by, "at": at}


def case_parts(row: Mapping[str, Any], when: Callable[[datetime | None], str | None]) -> dict[str, Any]:
    """What people decided on an alert, as it is told of it; from the columns of `alert`."""
    signatures = []
    if row["disposed_by"] is not None:
        signatures.append(signature("proposed", row["disposed_by"], when(row["disposed_at"])))
    if row["signed_by"] is not None:
        signatures.append(signature("countersigned", row["signed_by"], when(row["signed_at"])))
    return {
        "assignee": row["assignee"],
        "disposition": row["disposition"],
        "disposition_state": row["disposition_state"],
        "disposition_reason": row["disposition_reason"],
        "signatures": signatures,
        "comments": row["comments"],
        "muted_until": when(row["muted_until"]),
        "muted_by": row["muted_by"],
        "mute_reason": row["mute_reason"],
    }
