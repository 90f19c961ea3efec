"""Which alerts of stock there are to be: pure, from what is known of a product at a site and what was told of it.

What is known makes spells (`domain/stock/watch.py`). An alert belongs to the first spell that reaches over it: while
that goes on it is open, when that ends it is over, and where there is none it never was. A spell is told once it has
lasted for a while, as goods that are put up in the meantime ask for nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from typing import Any, Literal, NamedTuple

from domain.stock.counting import CONFIDENCE_MIN
from domain.stock.outlook import CHANCES, Outlook
from domain.stock.titles import title
from domain.stock.watch import PIECE, Known, Spell, empty_since, expiry, low, out
from domain.times import rfc3339

Kind = Literal["low_stock", "stock_out", "expiry"]
What = Literal["raised", "amended", "cleared", "reopened", "retracted", "renewed"]
KINDS: tuple[Kind, ...] = ("low_stock", "stock_out", "expiry")
LASTS_S = 600.0
"""What has lasted for so long is told."""
OLD_S = 86_400.0
"""What sensors saw so long ago is doubted."""
SAME_S = 1.0
ENDLESS_S = 3e8


@dataclass(frozen=True, slots=True)
class Rules:
    """`out_s`: nothing left within so long is told; `expiry_s`: so long before a lot ends, unless its product says."""

    out_s: float = 86_400.0
    expiry_s: float = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a product at a site. `known.now` is the moment that all of it is of."""

    sku: str
    label: str
    base_unit: str
    reorder_point: float | None
    expiry_s: float
    outlook: Outlook
    known: Known
    held: float = 0.0
    """How much the ledger has, of which the lots are."""
    confidence: float | None = None
    seen_at: float | None = None
    count_task: int | None = None

    @property
    def doubt(self) -> str | None:
        """Why the level may be wrong; None: nothing speaks against it."""
        if self.outlook.quantity < 0:
            return "negative"
        if self.outlook.by_sensors:
            if self.confidence is None or self.confidence < CONFIDENCE_MIN:
                return "unsure"
            if self.seen_at is None or self.known.now - self.seen_at > OLD_S:
                return "old"
        return self.to_count

    @property
    def to_count(self) -> str | None:
        """Somebody is to count: the ledger may be wrong."""
        return "count" if self.count_task is not None else None


@dataclass(frozen=True, slots=True)
class Told:
    """The last alert of a kind, as it stands; times in Unix seconds."""

    id: int
    severity: str
    title: str
    stock: Mapping[str, Any]
    opened_at: float
    cleared_at: float | None = None
    withdrawn: bool = False


class Word(NamedTuple):
    """An alert as it is to be; `id` None: a new one."""

    what: What
    kind: Kind
    id: int | None
    severity: str
    title: str
    stock: Mapping[str, Any]
    opened_at: float
    cleared_at: float | None = None
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class _One:
    """What is to be said of a kind."""

    kind: Kind
    severity: str
    title: str
    rule: Mapping[str, Any]
    stock: Mapping[str, Any] = field(default_factory=dict)

    def word(self, what: What, of: Told | None, opened_at: float, cleared_at: float | None = None) -> Word:
        withdrawn = what == "retracted"
        return Word(
            what,
            self.kind,
            of.id if of else None,
            self.severity,
            self.title,
            self.stock,
            opened_at,
            cleared_at,
            withdrawn,
        )


def decide(facts: Facts, told: Mapping[str, Told], rules: Rules) -> list[Word]:
    """What is to be written of a product at a site; nothing where all stands as it is."""
    words: list[Word] = []
    for kind in KINDS:
        last = told.get(kind)
        spells = _spells(kind, facts, rules, last)
        words += _of_kind(_one(kind, facts, rules, last), spells, facts.known, last)
    return words


def over(kind: Kind, last: Told, now: float) -> Word:
    """Nothing is known of it any more: its site or product is retired."""
    return Word("cleared", kind, last.id, last.severity, last.title, last.stock, last.opened_at, now)


def _spells(kind: Kind, facts: Facts, rules: Rules, last: Told | None) -> list[Spell]:
    since = last.opened_at if last is not None and last.cleared_at is None else None
    if kind == "low_stock":
        return [] if facts.reorder_point is None else low(facts.known, facts.reorder_point, since)
    if kind == "stock_out":
        return out(facts.known, rules.out_s, facts.reorder_point, since)
    return expiry(facts.known, facts.expiry_s, since)


def _of_kind(one: _One, spells: Sequence[Spell], known: Known, last: Told | None) -> list[Word]:
    words: list[Word] = []
    now = spells[-1] if spells and spells[-1].until is None else None
    if last is not None:
        its = next((s for s in spells if _until(s) > last.opened_at and s.since < (last.cleared_at or inf)), None)
        if its is not None and its is now:
            return _goes_on(one, its, known, last)
        words = _is_over(one, its, known, last)
    if now is not None and known.now - now.since >= LASTS_S:
        words.append(one.word("raised", None, known.now if now.since <= known.before else now.since))
    return words


def _goes_on(one: _One, its: Spell, known: Known, last: Told) -> list[Word]:
    """It is open, or is so again: what was told late says that it had not ended."""
    opened_at = last.opened_at if its.since <= known.before else its.since
    if last.cleared_at is not None or last.withdrawn:
        return [one.word("reopened", last, opened_at)]
    if one.severity == "critical" and last.severity != "critical":
        return [one.word("raised", last, opened_at)]  # a step up is told to people anew
    if one.severity != last.severity or abs(opened_at - last.opened_at) > SAME_S:
        return [one.word("amended", last, opened_at)]
    return (
        [one.word("renewed", last, opened_at)] if _says(one.title, one.stock) != _says(last.title, last.stock) else []
    )


def _is_over(one: _One, its: Spell | None, known: Known, last: Told) -> list[Word]:
    """Its spell has ended, or never was; where it is judged by other rules than it was told by, it ends now."""
    judged_so = last.stock.get("rule") == one.rule and last.opened_at > known.before
    if its is not None and its.until is not None:
        opened_at = its.since if its.since > known.before else last.opened_at
        if last.cleared_at is None:
            return [one.word("cleared", last, opened_at, its.until)]
        moved = abs(its.until - last.cleared_at) > SAME_S or abs(opened_at - last.opened_at) > SAME_S
        return [one.word("amended", last, opened_at, its.until)] if moved and judged_so and not last.withdrawn else []
    if last.cleared_at is None:
        return [one.word("retracted" if judged_so else "cleared", last, last.opened_at, known.now)]
    return [one.word("retracted", last, last.opened_at, last.cleared_at)] if judged_so and not last.withdrawn else []


def _until(spell: Spell) -> float:
    return inf if spell.until is None else spell.until


def _says(words: str, stock: Mapping[str, Any]) -> tuple[Any, ...]:
    return (words, *(stock.get(name) for name in ("quantity", "doubt", "count_task", "expiring")))


def _one(kind: Kind, facts: Facts, rules: Rules, last: Told | None) -> _One:
    look, now = facts.outlook, facts.known.now
    rule: dict[str, Any] = {"by_sensors": look.by_sensors}
    if kind != "expiry":
        rule["reorder_point"] = facts.reorder_point
    rule |= {"low_stock": {}, "stock_out": {"out_s": rules.out_s}, "expiry": {"expiry_s": facts.expiry_s}}[kind]
    ends, pieces = {lot.code: lot.ends_at for lot in facts.known.lots}, 0 if facts.base_unit == PIECE else 1
    stock: dict[str, Any] = {
        "sku": facts.sku,
        "label": facts.label,
        "base_unit": facts.base_unit,
        "quantity": round(look.quantity, 3),
        "reorder_point": facts.reorder_point,
        "basis": look.basis or ("sensors" if look.by_sensors else "ledger"),
        "confidence": facts.confidence if look.by_sensors else None,
        "doubt": facts.doubt,
        "count_task": None if facts.count_task is None else str(facts.count_task),
        "out": None if look.out is None else {
            name: _text(now + s) if s < ENDLESS_S else None for name, s in zip(CHANCES, look.out, strict=True)
        },
        "expiring": [
            {"lot": each.lot, "quantity": round(each.quantity, pieces), "best_before": _text(ends.get(each.lot))}
            for each in look.expiring
        ],
        "rule": rule,
    }  # fmt: skip
    if kind == "expiry":  # lots are the ledger's
        stock |= {"quantity": round(facts.held, 3), "basis": "ledger", "confidence": None, "doubt": facts.to_count}
        if not stock["expiring"] and last is not None:
            stock["expiring"] = last.stock.get("expiring", [])
    return _One(kind, _severity(kind, facts, last), title(kind, stock, look.out), rule, stock)


def _severity(kind: Kind, facts: Facts, last: Told | None) -> str:
    """Critical where surely nothing is left, and has been for a while; what was told so stays so while that lasts."""
    since = empty_since(facts.known) if kind == "stock_out" else None
    if since is None:
        return "warning"
    was = last is not None and last.cleared_at is None and last.severity == "critical"
    return "critical" if was or (facts.doubt is None and facts.known.now - since >= LASTS_S) else "warning"


def _text(at: float | None) -> str | None:
    return None if at is None else rfc3339(round(at * 1000) * 1000)


def moment(at: float) -> datetime:
    """Of Unix seconds."""
    return datetime.fromtimestamp(at, UTC)
