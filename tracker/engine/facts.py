"""Facts into the store: a first word, or the next one, which supersedes the word before; and the news of it.

One writer for all kinds: what is written and told follows from the kind's declaration (`domain/facts.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from domain.facts import AnyKind, Word
from store.facts import write
from tracker.engine.step import Step, each_once, text


def put(cursor: psycopg.Cursor, kind: AnyKind, words: Sequence[Word], step: Step) -> list[int]:
    """Writes words on facts of a kind, tells them, and returns the facts' ids. Call inside the transaction."""
    ids: list[int] = []
    for some in each_once(words, lambda word: word.id):
        told = write(cursor, kind, some, step.now_us)
        for word, (fact_id, decided_us) in zip(some, told, strict=True):
            ids.append(fact_id)
            news = {
                "kind": kind.name,
                "id": str(fact_id),
                "revision": word.revision,
                "retracted": word.retracted,
                "decided_at": text(decided_us),
                "rule_version": word.rule_version or kind.rule_version,
                "about": dict(zip(kind.told, word.about, strict=True)),
                "start": text(word.start_us),
                "end": text(word.end_us),
            }
            step.change(word.tenant_id, "facts", f"{kind.name}/{fact_id}", "tell", news)
    return ids
